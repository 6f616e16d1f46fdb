//! Engines on bare wires.

use mafo::wire::Wire;
use mafo::wire::mem::{LinkConfig, MemEnd, link};

use super::*;
use crate::device::{Bare, Lender, Plug};
use crate::engine::{Checksums, Noisy, Tcp};
use crate::packet::{Flow, Headers, udp_frame};

const PEER: [u8; 6] = [2, 0, 0, 0, 0, 1];
const OWN: [u8; 6] = [2, 0, 0, 0, 0, 2];
const A: [u8; 6] = [2, 0, 0, 0, 0, 0xa];
const B: [u8; 6] = [2, 0, 0, 0, 0, 0xb];
const BURST: usize = 8;

/// A stream from the first of two bare wires to the second, and their other ends.
struct World {
    stream: Stream,
    devices: Vec<Device>,
    far: [MemEnd; 2],
    clock: Clock,
}

impl World {
    fn new(mode: Mode, change: impl FnOnce(&mut Plan)) -> Self {
        let mut devices = Vec::new();
        let far = [(); 2].map(|()| {
            let (near, far) = link(&LinkConfig::default());
            let plugs = Lender::new().lend(vec![Plug::new(Box::new(near), None)]);
            let bare = |plug| Device::Bare(Box::new(Bare { plug, mac: OWN, mtu: 1500 }));
            devices.extend(plugs.into_iter().map(bare));
            far
        });
        let setup = Setup {
            own: OWN,
            peer: PEER,
            burst: BURST,
            frame_len: 60,
            mtu: 1500,
            checksums: Checksums::default(),
            noisy: Noisy::default(),
            tcp: Tcp::default(),
            connections_max: 0,
        };
        let mut plan = Plan {
            rx_port: 0,
            tx_port: 1,
            rx: Place { device: 0, port: 0 },
            tx: Place { device: 1, port: 0 },
            mode,
            setup,
            burst: BURST,
            mtu: 1500,
            verbose: 0,
            records: Records { cycles: true, bursts: true, latency: true },
        };
        change(&mut plan);
        Self { stream: Stream::new(plan), devices, far, clock: Clock::start() }
    }

    fn end(mut self) -> StreamReport {
        self.stream.end(&mut self.devices, Nanos(2), self.clock)
    }

    /// Sends frames in, has a turn, and takes what comes out of the wire of device `out`.
    fn turn(&mut self, frames: &[Vec<u8>], out: usize) -> Vec<Vec<u8>> {
        let mut burst = FrameBurst::new(300, 2048);
        for frame in frames {
            burst.push(frame).expect("fits");
        }
        let now = Nanos(1);
        assert_eq!(self.far[0].tx_burst(now, burst.frames()), frames.len());
        self.stream.turn(&mut self.devices, now, self.clock);
        burst.clear();
        self.far[out].rx_burst(now, &mut burst);
        burst.frames().iter().map(|frame| frame.as_slice().to_vec()).collect()
    }
}

fn frame(len: usize) -> Vec<u8> {
    udp_frame(A, B, &Flow::default(), len)
}

#[test]
fn io_lets_frames_go_as_they_came() {
    let mut world = World::new(Mode::Io, |_| {});
    let sent = [frame(60), frame(1514), vec![1; 14]];
    assert_eq!(world.turn(&sent, 1), sent);
    assert!(world.turn(&[], 1).is_empty());
    let report = world.end();
    assert_eq!(
        (report.counters.rx_packets, report.counters.tx_packets, report.counters.tx_dropped),
        (3, 3, 0)
    );
    assert!(report.counters.cycles > 0);
    assert_eq!((report.rx_bursts[0], report.rx_bursts[3], report.tx_bursts[3]), (1, 1, 1));
    assert_eq!(report.latency.count, 1);
    assert!(report.latency.min <= report.latency.max);
}

#[test]
fn mac_and_macswap_write_addresses() {
    let mut world = World::new(Mode::Mac, |_| {});
    let came = world.turn(&[frame(60)], 1);
    assert_eq!(came, [[&PEER[..], &OWN, &frame(60)[12..]].concat()]);
    let mut world = World::new(Mode::Macswap, |_| {});
    let came = world.turn(&[frame(60), vec![9; 3]], 1);
    // Of what has no addresses nothing is changed; a wire carries it all the same.
    assert_eq!(came, [[&A[..], &B, &frame(60)[12..]].concat(), vec![9; 3]]);
}

#[test]
fn what_a_port_does_not_take_is_dropped_and_counted() {
    let mut world = World::new(Mode::Txonly, |_| {});
    let now = Nanos(1);
    // The link holds 256 frames.
    for _ in 0..40 {
        world.stream.turn(&mut world.devices, now, world.clock);
    }
    let counters = world.stream.report().counters;
    assert_eq!((counters.tx_packets, counters.tx_dropped), (256, 40 * BURST as u64 - 256));
    world.stream.clear();
    assert_eq!(world.stream.report().counters, StreamCounters::default());
}

#[test]
fn rxonly_and_txonly_do_one_thing() {
    let mut world = World::new(Mode::Rxonly, |_| {});
    assert!(world.turn(&[frame(60)], 1).is_empty());
    assert_eq!(world.end().counters.rx_packets, 1);
    let mut world = World::new(Mode::Txonly, |_| {});
    let came = world.turn(&[frame(60)], 1);
    assert_eq!(came, vec![udp_frame(OWN, PEER, &Flow::default(), 60); BURST]);
    assert_eq!(world.end().counters.rx_packets, 0);
}

#[test]
fn flowgen_sends_many_flows() {
    let mut world = World::new(Mode::Flowgen, |_| {});
    let mut destinations: Vec<[u8; 4]> = Vec::new();
    for _ in 0..1024 / BURST {
        for frame in world.turn(&[frame(60)], 1) {
            let headers = Headers::parse(&frame).expect("a packet");
            assert!(headers.ip_checksum_is_right(&frame) && headers.l4_checksum_is_right(&frame));
            destinations.extend(frame[30..].first_chunk::<4>());
        }
    }
    destinations.sort_unstable();
    destinations.dedup();
    assert_eq!(destinations.len(), 1024);
    assert_eq!(world.end().counters.rx_packets, 1024 / BURST as u64, "what came in is dropped");
}

#[test]
fn csum_counts_bad_sums_and_makes_them_right() {
    let mut world = World::new(Mode::Csum, |_| {});
    let mut bad = frame(100);
    bad[24] ^= 0x40;
    bad[50] ^= 0x40;
    let came = world.turn(&[bad, frame(60)], 1);
    for frame in &came {
        let headers = Headers::parse(frame).expect("a packet");
        assert!(headers.ip_checksum_is_right(frame) && headers.l4_checksum_is_right(frame));
        assert_eq!((&frame[..6], &frame[6..12]), (&PEER[..], &OWN[..]));
    }
    let counters = world.end().counters;
    assert_eq!((counters.bad_ip_checksum, counters.bad_l4_checksum), (1, 1));
}

#[test]
fn icmpecho_answers_and_drops_the_rest() {
    let mut world = World::new(Mode::Icmpecho, |plan| plan.tx = plan.rx);
    let mut ping = frame(60);
    ping[23] = 1;
    ping[34..42].copy_from_slice(&[8, 0, 0, 0, 0, 1, 0, 1]);
    Headers::parse(&ping).expect("a packet").set_ip_checksum(&mut ping);
    let came = world.turn(&[frame(60), ping.clone(), frame(80), ping], 0);
    assert_eq!(came.len(), 2);
    for answer in came {
        assert_eq!((&answer[..6], &answer[6..12], answer[34]), (&A[..], &OWN[..], 0));
    }
}

#[test]
fn noisy_holds_frames_back_in_order() {
    let mut world =
        World::new(Mode::Noisy, |plan| plan.setup.noisy = Noisy { buffer: 10, lookups: 2 });
    let sent: Vec<Vec<u8>> = (0..24).map(|n| vec![n; 60]).collect();
    let mut came = Vec::new();
    for burst in sent.chunks(BURST) {
        came.extend(world.turn(burst, 1));
    }
    assert_eq!(came, sent[..14]);
    assert_eq!(world.stream.report().counters.tx_dropped, 0);
    let counters = world.end().counters;
    assert_eq!((counters.rx_packets, counters.tx_packets, counters.tx_dropped), (24, 14, 10));
}
