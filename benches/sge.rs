//! A software card behind its driver: a message to it and the answer, and a frame out of one port and in by the other.
//!
//! ```text
//!   work request ── control queue ── doorbell ─┐              frame ── port 0 ── cable ─┐
//!                                            card                             card ── driver
//!   answer ──────── ingress queue ─────────────┘              frame ── port 1 ── cable ─┘
//! ```

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mafo::eal::dma::{Arena, Domain};
use mafo::wire::mem::{LinkConfig, link};
use mafo::{
    Adapter, AdapterConfig, AsicConfig, EthPort, EthPorts, FrameBurst, L2tIdx, Nanos, PortId,
    SoftAdapter, capacity_for_mtu,
};
use mafo_pmd::Ingress;
use mafo_pmd::l2t::{L2tTarget, NextHop};
use mafo_t4::cpl::{self, Cpl, L2tWriteRpl};

/// What is done or sent together, at most.
const BURST_MAX: usize = 32;
const MTU: u16 = 1500;
/// By so much the time moves on from turn to turn: only while it comes up does the card look at it.
const STEP: Nanos = Nanos::from_micros(10);
/// Turns that it takes to come up, and that a frame is on its way: far more than needed.
const TURNS_MAX: u32 = 1_000_000;

/// A card whose two ports are joined by one cable.
struct Card {
    soft: SoftAdapter,
    driver: Adapter,
    ports: EthPorts,
    now: Nanos,
}

impl Card {
    fn new() -> Self {
        let settings = AdapterConfig { mtu: MTU, ..AdapterConfig::default() };
        let config =
            AsicConfig { max_frame_len: capacity_for_mtu(MTU.into()), ..AsicConfig::t520_cr() };
        let arena = Arena::new(settings.memory_len(2)).expect("memory");
        let domain = Domain::new(1);
        let (left, right) = link(&LinkConfig { mtu: MTU.into(), ..LinkConfig::default() });
        let wires = vec![
            (PortId(0), Box::new(left) as Box<dyn mafo::wire::Wire>),
            (PortId(1), Box::new(right) as Box<dyn mafo::wire::Wire>),
        ];
        let mut soft = SoftAdapter::new(config, Arc::clone(&domain), wires);
        let mut driver = Adapter::new(soft.bar(), domain, arena, settings);
        let mut now = Nanos::ZERO;
        let lcore = (0..TURNS_MAX).find_map(|_| {
            now += STEP;
            soft.poll(now);
            driver.poll(now).expect("a driver that works");
            driver.take_lcore(0).filter(|_| driver.is_up())
        });
        let ports = EthPorts::new(lcore.expect("an adapter that comes up"), MTU);
        let mut card = Self { soft, driver, ports, now };
        for _ in 0..TURNS_MAX {
            card.turn();
            card.driver.poll(card.now).expect("a driver that works");
            while card.ports.lcore_mut().poll_control().is_some() {}
            if [0, 1].iter().all(|&n| card.ports.port(n).is_some_and(|port| port.link_up())) {
                return card;
            }
        }
        panic!("links that do not come up");
    }

    /// The card is told of what was posted, and works.
    fn turn(&mut self) {
        self.now += STEP;
        self.ports.lcore_mut().flush();
        self.soft.poll(self.now);
    }

    /// Entries of the L2 table, each used once at a time.
    fn entries(&mut self) -> Vec<L2tIdx> {
        let l2t = &mut self.ports.lcore_mut().l2t;
        (0..BURST_MAX).map(|_| l2t.alloc().expect("an entry")).collect()
    }

    /// An L2T_WRITE_REQ to each of the entries; how many were answered as they should.
    fn ask(&mut self, entries: &[L2tIdx]) -> usize {
        let hop = NextHop {
            mac: [2, 0x4d, 0x46, 0, 0, 9],
            vlan: None,
            port: PortId(0),
            target: L2tTarget::Wire,
        };
        let lcore = self.ports.lcore_mut();
        let reply_to = lcore.ingress.as_ref().expect("a queue").id();
        for &index in black_box(entries) {
            lcore.l2t.write(&mut lcore.ctrl, reply_to, index, hop).expect("room");
        }
        let mut answered = 0;
        // Mostly once: what the card says of its queues comes between the answers.
        for _ in 0..TURNS_MAX {
            self.turn();
            let lcore = self.ports.lcore_mut();
            let l2t = &mut lcore.l2t;
            let ingress = lcore.ingress.as_mut().expect("a queue");
            ingress.burst(self.now, BURST_MAX, |message| {
                if let Ingress::Cpl { opcode: L2tWriteRpl::OPCODE, bytes, .. } = message
                    && let Some(reply) = cpl::parse::<L2tWriteRpl>(bytes)
                    && l2t.on_reply(reply).is_some_and(|written| written.settled)
                {
                    answered += 1;
                }
            });
            if answered >= entries.len() {
                break;
            }
        }
        answered
    }

    /// The burst leaves by port 0; how many frames have come in by port 1, in `back`, when the last of them has.
    fn send(&mut self, frames: &mut FrameBurst, back: &mut FrameBurst) -> usize {
        back.clear();
        let sent = self.ports.port(0).expect("a port").tx_burst(self.now, frames.frames());
        assert_eq!(sent, frames.len(), "room for all");
        for _ in 0..TURNS_MAX {
            self.turn();
            self.ports.port(1).expect("a port").rx_burst(self.now, back);
            if back.len() >= sent {
                break;
            }
        }
        back.len()
    }
}

/// `count` frames of `size` bytes to `mac`, of a protocol that nobody looks into.
fn frames(count: usize, size: usize, mac: [u8; 6]) -> FrameBurst {
    let mut burst = FrameBurst::new(count, capacity_for_mtu(MTU.into()));
    for n in 0..count {
        let mut frame = vec![n as u8; size];
        frame[..6].copy_from_slice(&mac);
        frame[6..12].copy_from_slice(&[2, 0x4d, 0x46, 0, 0, 1]);
        frame[12..14].copy_from_slice(&0x88b5_u16.to_be_bytes());
        burst.push(&frame).expect("room");
    }
    burst
}

fn sge(criterion: &mut Criterion) {
    let mut card = Card::new();
    let entries = card.entries();
    let mut group = criterion.benchmark_group("sge/post, fetch, answer, poll");
    for burst in [1, BURST_MAX] {
        let entries = &entries[..burst];
        assert_eq!(card.ask(entries), burst);
        group.throughput(Throughput::Elements(burst as u64));
        group.bench_function(BenchmarkId::from_parameter(burst), |b| {
            b.iter(|| assert_eq!(card.ask(entries), burst));
        });
    }
    group.finish();

    let mac = card.ports.port(1).expect("a port").mac();
    let mut back = FrameBurst::new(BURST_MAX, capacity_for_mtu(MTU.into()));
    for size in [64, 1514] {
        let mut group = criterion.benchmark_group(format!("sge/frames of {size} B, port to port"));
        for burst in [1, BURST_MAX] {
            let mut sent = frames(burst, size, mac);
            assert_eq!(card.send(&mut sent, &mut back), burst);
            let pairs = sent.frames().iter().zip(back.frames());
            assert!(pairs.clone().all(|(sent, back)| sent.as_slice() == back.as_slice()));
            group.throughput(Throughput::Elements(burst as u64));
            group.bench_function(BenchmarkId::from_parameter(burst), |b| {
                b.iter(|| assert_eq!(card.send(&mut sent, &mut back), burst));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, sge);
criterion_main!(benches);
