//! Frames through driver and card: what a core forwards, as testpmd's io mode does, from either port of a software card to
//! the other.
//!
//! ```text
//!   tester ── memory link ── port 0 ┐        ┌ rx_burst ┐
//!      │                            ├─ card ─┤          ├ driver's ports
//!   tester ── memory link ── port 1 ┘        └ tx_burst ┘
//! ```
//!
//! All of it is on one thread, the tester included: it takes what has left the card, looks at each frame, stamps it and sends
//! it to the port that it came out of. So the same frames go round, every one copied by each part that it passes; two bursts
//! of them a direction, one on its way in and one on its way out. A frame counts once, when it has left.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use mafo::eal::clock::{Clock, thread_cpu_time};
use mafo::eal::dma::{Arena, Domain};
use mafo::wire::Wire;
use mafo::wire::mem::{LinkConfig, MemEnd, link};
use mafo::{
    Adapter, AdapterConfig, AsicConfig, EthPort, EthPorts, FrameBurst, Nanos, PortId, SoftAdapter,
    capacity_for_mtu,
};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Address,
    Ipv4Packet, Ipv4Repr, UdpPacket, UdpRepr,
};

use super::BenchError;
use super::contest::take_a_core;
use super::figures::{CoreShare, Counts, Figures, PerOp, Slice, median, own_cycles, spread};
use super::options::parse_seconds;
use super::tally::Times;
use super::turns::{self, Hooks, Pace, SLICE, Watch};
use crate::sys::cycles;

/// What `mafo bench fwd` can be asked for.
#[derive(Args, Clone, Debug)]
pub struct FwdOptions {
    /// Bytes of a frame, without FCS
    #[arg(long, value_name = "B", default_value_t = 64,
          value_parser = clap::value_parser!(u16).range(60..=1514))]
    pub size: u16,
    /// Frames that are received together and sent together; twice as many are under way each way
    #[arg(long, value_name = "N", default_value_t = 32,
          value_parser = clap::value_parser!(u16).range(1..=128))]
    pub burst: u16,
    /// How long it is measured, in at least five slices of at least half a second
    #[arg(long, value_name = "S", default_value = "5", value_parser = parse_seconds)]
    pub seconds: f64,
    /// Instead of slices of time: so many frames, in a time that is counted in turns, so that every run does the same
    #[arg(long, value_name = "N", conflicts_with = "seconds",
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub ops: Option<u64>,
    /// Print one JSON object on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
    /// For tests
    #[command(flatten)]
    pub hooks: Hooks,
}

/// Turns between two looks at whether a slice is over.
const TURNS: u32 = 64;
/// About what a turn takes, where turns are counted.
const TURN: Nanos = Nanos::from_micros(5);
/// Coming up takes no longer.
const PATIENCE: Nanos = Nanos::from_secs(20);
/// Turns that the last frames' way takes at most: far more than they need.
const LAST_TURNS: u32 = 10_000;
/// Largest IP packet of the links.
const MTU: u16 = 1500;
const PORTS: usize = 2;
/// Where a frame's stamp is: behind the headers of Ethernet, IPv4 and UDP. Its complement follows, so that the checksum stays
/// what it is.
const STAMP: usize = 14 + 20 + 8;
/// How often a byte of a frame is copied, but by the card into the driver's memory, which it counts: by either link, by the
/// driver out of that memory and into its ring, and by the card out of that.
const COPIES: u64 = 5;

/// The card, its driver, and the program that forwards.
struct Forwarder {
    soft: SoftAdapter,
    driver: Adapter,
    ports: EthPorts,
    /// By the port that they came in by: frames to be sent by the other.
    bursts: [FrameBurst; PORTS],
    /// Bursts received that were not empty, and their frames.
    received: (u64, u64),
}

impl Forwarder {
    /// A card with a cable in each port, brought up by its driver at `now`.
    fn new(wires: [MemEnd; PORTS], burst: usize, watch: &mut Watch) -> Result<Self, BenchError> {
        let settings = AdapterConfig { mtu: MTU, ..AdapterConfig::default() };
        let arena = Arena::new(settings.memory_len(PORTS))
            .map_err(|e| BenchError::CannotRun(e.to_string()))?;
        let config =
            AsicConfig { max_frame_len: capacity_for_mtu(MTU.into()), ..AsicConfig::t520_cr() };
        let domain = Domain::new(1);
        let wires = (0..).map(PortId).zip(wires.map(|wire| Box::new(wire) as Box<dyn Wire>));
        let mut soft = SoftAdapter::new(config, Arc::clone(&domain), wires.collect());
        let mut driver = Adapter::new(soft.bar(), domain, arena, settings);
        let failed = |e: &dyn std::fmt::Display| BenchError::Failed(e.to_string());
        let lcore = loop {
            let now = watch.now();
            soft.poll(now);
            driver.poll(now).map_err(|e| failed(&e))?;
            if let Some(lcore) = driver.take_lcore(0).filter(|_| driver.is_up()) {
                break lcore;
            }
            if now > PATIENCE {
                return Err(BenchError::Failed("the adapter did not come up".to_owned()));
            }
        };
        let bursts = [(); PORTS].map(|()| FrameBurst::new(burst, capacity_for_mtu(MTU.into())));
        let ports = EthPorts::new(lcore, MTU);
        let mut all = Self { soft, driver, ports, bursts, received: (0, 0) };
        while !all.is_up() {
            let now = watch.now();
            all.turn(now)?;
            if now > PATIENCE {
                return Err(BenchError::Failed("the links did not come up".to_owned()));
            }
        }
        Ok(all)
    }

    fn is_up(&mut self) -> bool {
        (0..PORTS).all(|n| self.ports.port(n).is_some_and(|port| port.link_up()))
    }

    fn mac(&mut self, port: usize) -> [u8; 6] {
        self.ports.port(port).map_or([0; 6], |port| port.mac())
    }

    /// The card's turn, the driver's, then a burst from each port to the other.
    fn turn(&mut self, now: Nanos) -> Result<(), BenchError> {
        self.soft.poll(now);
        self.driver.poll(now).map_err(|e| BenchError::Failed(e.to_string()))?;
        while self.ports.lcore_mut().poll_control().is_some() {}
        for (from, burst) in self.bursts.iter_mut().enumerate() {
            // What the other had no room for comes first.
            if burst.is_empty()
                && let Some(mut port) = self.ports.port(from)
            {
                let frames = port.rx_burst(now, burst) as u64;
                self.received.0 += u64::from(frames > 0);
                self.received.1 += frames;
            }
            if !burst.is_empty()
                && let Some(mut port) = self.ports.port(1 - from)
            {
                let sent = port.tx_burst(now, burst.frames());
                burst.remove_front(sent);
            }
        }
        self.ports.lcore_mut().flush();
        Ok(())
    }
}

/// What is at the other ends of the cables.
struct Tester {
    ends: [MemEnd; PORTS],
    /// Whom frames into each end are for.
    macs: [[u8; 6]; PORTS],
    burst: FrameBurst,
    /// Frames that go round, their bytes each, and those of them that are held back.
    frames: usize,
    size: usize,
    held: usize,
    is_ending: bool,
    left: u64,
    times: Times,
    /// What is wrong with frames that have arrived.
    wrong: u64,
    #[cfg(debug_assertions)]
    spoils: bool,
}

/// Frame number `n` of `size` bytes: UDP from a port of its own.
fn frame(n: u16, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let (src, dst) = (Ipv4Address::new(10, 77, 0, 1), Ipv4Address::new(10, 77, 0, 2));
    let mut ethernet = EthernetFrame::new_unchecked(&mut bytes[..]);
    let address = |byte| EthernetAddress([2, 0x4d, 0x46, 0, 0, byte]);
    EthernetRepr { src_addr: address(1), dst_addr: address(2), ethertype: EthernetProtocol::Ipv4 }
        .emit(&mut ethernet);
    let payload_len = size - 14 - 20;
    let ip = Ipv4Repr {
        src_addr: src,
        dst_addr: dst,
        next_header: IpProtocol::Udp,
        payload_len,
        hop_limit: 64,
    };
    let checksums = ChecksumCapabilities::default();
    let mut packet = Ipv4Packet::new_unchecked(ethernet.payload_mut());
    ip.emit(&mut packet, &checksums);
    let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
    let body = |payload: &mut [u8]| {
        for (at, byte) in payload.iter_mut().enumerate() {
            *byte = (at as u16).wrapping_add(n) as u8;
        }
        stamp(payload, Nanos::ZERO);
    };
    UdpRepr { src_port: 10_000 + n, dst_port: 9 }.emit(
        &mut datagram,
        &src.into(),
        &dst.into(),
        payload_len - 8,
        body,
        &checksums,
    );
    bytes
}

/// Writes a time to the front of `payload`, and what keeps the sum of its words the same.
fn stamp(payload: &mut [u8], now: Nanos) {
    payload[..8].copy_from_slice(&now.0.to_be_bytes());
    payload[8..16].copy_from_slice(&(!now.0).to_be_bytes());
}

/// The time at the front of `payload`, if it is whole.
fn stamped(payload: &[u8]) -> Option<Nanos> {
    let (time, rest) = payload.split_first_chunk()?;
    let (time, not) = (u64::from_be_bytes(*time), u64::from_be_bytes(*rest.first_chunk()?));
    (time == !not).then_some(Nanos(time))
}

impl Tester {
    /// Sends all frames, `each` into each end.
    fn new(
        ends: [MemEnd; PORTS],
        macs: [[u8; 6]; PORTS],
        (each, size): (usize, usize),
        now: Nanos,
    ) -> Result<Self, BenchError> {
        let mut tester = Self {
            ends,
            macs,
            burst: FrameBurst::new(each * PORTS, capacity_for_mtu(MTU.into())),
            frames: each * PORTS,
            size,
            held: 0,
            is_ending: false,
            left: 0,
            times: Times::default(),
            wrong: 0,
            #[cfg(debug_assertions)]
            spoils: false,
        };
        for end in 0..PORTS {
            tester.burst.clear();
            for n in 0..each {
                let bytes = frame((end * each + n) as u16, size);
                tester.burst.push(&bytes).expect("room for all");
            }
            tester.send(end, now)?;
        }
        Ok(tester)
    }

    /// Addresses and stamps the frames of the burst and sends them into `end`.
    fn send(&mut self, end: usize, now: Nanos) -> Result<(), BenchError> {
        for frame in self.burst.frames_mut() {
            let bytes = frame.as_mut_slice();
            bytes[..6].copy_from_slice(&self.macs[end]);
            stamp(&mut bytes[STAMP..], now);
        }
        #[cfg(debug_assertions)]
        if let Some(frame) = self.burst.frames_mut().first_mut().filter(|_| self.spoils) {
            frame.as_mut_slice()[STAMP] ^= 1;
        }
        let sent = self.ends[end].tx_burst(now, self.burst.frames());
        if sent < self.burst.len() {
            return Err(BenchError::Failed(
                "a cable had no room for what came out of it".to_owned(),
            ));
        }
        Ok(())
    }

    /// Takes what has left the card, and sends it again to the port that it came from.
    fn turn(&mut self, now: Nanos) -> Result<(), BenchError> {
        for end in 0..PORTS {
            self.burst.clear();
            let left = self.ends[end].rx_burst(now, &mut self.burst);
            if left == 0 {
                continue;
            }
            self.left += left as u64;
            self.look(now);
            if self.is_ending {
                self.held += left;
            } else {
                self.send(end, now)?;
            }
        }
        Ok(())
    }

    /// Whether the frames of the burst are whole, and how long they were on their way.
    fn look(&mut self, now: Nanos) {
        for frame in self.burst.frames() {
            match frame.as_slice().get(STAMP..).and_then(stamped) {
                Some(sent) => self.times.note(now - sent),
                None => self.wrong += 1,
            }
        }
        if self.is_ending {
            self.compare();
        }
    }

    /// Whether the frames of the burst are, to their last byte, what they were in the beginning.
    fn compare(&mut self) {
        for frame in self.burst.frames_mut() {
            let bytes = frame.as_mut_slice();
            stamp(&mut bytes[STAMP..], Nanos::ZERO);
            let n = u16::from_be_bytes([bytes[34], bytes[35]]).wrapping_sub(10_000);
            let whole =
                usize::from(n) < self.frames && bytes[6..] == self::frame(n, bytes.len())[6..];
            self.wrong += u64::from(!whole);
        }
    }
}

/// Card and tester.
struct World {
    forwarder: Forwarder,
    tester: Tester,
    watch: Watch,
}

impl World {
    fn new(options: &FwdOptions) -> Result<Self, BenchError> {
        let mut watch = Pace::of(options.ops, TURN).start();
        let links = [(); PORTS].map(|()| {
            link(&LinkConfig { mtu: MTU.into(), queue_frames: 512, ..LinkConfig::default() })
        });
        let [(near_0, far_0), (near_1, far_1)] = links;
        let burst = usize::from(options.burst);
        let mut forwarder = Forwarder::new([near_0, near_1], burst, &mut watch)?;
        let macs = [forwarder.mac(0), forwarder.mac(1)];
        let shape = (2 * burst, usize::from(options.size));
        let tester = Tester::new([far_0, far_1], macs, shape, watch.now())?;
        #[cfg(debug_assertions)]
        let tester = Tester { spoils: options.hooks.spoils(), ..tester };
        Ok(Self { forwarder, tester, watch })
    }

    fn turn(&mut self) -> Result<(), BenchError> {
        let now = self.watch.now();
        self.forwarder.turn(now)?;
        let now = self.watch.now();
        self.tester.turn(now)
    }

    /// What was counted since the beginning.
    fn counts(&self) -> Counts {
        let Forwarder { soft, ports, received: (bursts, frames), .. } = &self.forwarder;
        let bytes = self.tester.left * self.tester.size as u64;
        Counts {
            copied: COPIES * bytes + soft.counters().sge.freelist_bytes,
            doorbells: ports.lcore().doorbells(),
            frames: *frames,
            bursts: *bursts,
        }
    }

    fn slice(&mut self, length: Duration) -> Result<Slice, BenchError> {
        let (left, counts) = (self.tester.left, self.counts());
        self.tester.times.take();
        let (clock, cpu, ticks) = (Clock::start(), thread_cpu_time(), cycles());
        while u128::from(clock.now().0) < length.as_nanos() {
            for _ in 0..TURNS {
                self.turn()?;
            }
        }
        let (time, cpu, ticks) = (clock.now(), thread_cpu_time() - cpu, cycles() - ticks);
        Ok(Slice {
            done: self.tester.left - left,
            cpu,
            cycles: own_cycles(ticks, cpu, time) as u64,
            counts: self.counts() - counts,
            times: self.tester.times.take(),
        })
    }

    /// Sends no more, and looks whether all frames come back as they were.
    fn finish(&mut self) -> Result<(), BenchError> {
        self.tester.is_ending = true;
        for _ in 0..LAST_TURNS {
            if self.tester.held == self.tester.frames {
                break;
            }
            self.turn()?;
        }
        let Tester { held, frames, wrong, .. } = self.tester;
        if held < frames {
            let what = format!("of {frames} frames only {held} have left again");
            return Err(BenchError::Failed(what));
        }
        match wrong {
            0 => Ok(()),
            wrong => Err(BenchError::Failed(format!("{wrong} frames have left changed"))),
        }
    }
}

/// Forwards `ops` frames and a few more; what was done.
fn count(options: &FwdOptions, ops: u64) -> Result<String, BenchError> {
    let mut world = World::new(options)?;
    while world.tester.left < ops {
        world.turn()?;
    }
    world.finish()?;
    let done = world.tester.left;
    Ok(if options.json { format!("{{\"ops\":{done}}}\n") } else { format!("{done} frames\n") })
}

/// Measures; what is printed.
pub(super) fn run(options: &FwdOptions) -> Result<String, BenchError> {
    if let Some(ops) = options.ops {
        return count(options, ops);
    }
    let core = take_a_core(None)?;
    let (count, length) =
        turns::slices(Duration::from_secs_f64(options.seconds), SLICE, options.hooks);
    let say = |text: String| if options.json { eprintln!("{text}") } else { println!("{text}") };
    say(format!(
        "frames of {} B forwarded from either port to the other, bursts of {}; {count} slices of {:.2} s on core {core}",
        options.size,
        options.burst,
        length.as_secs_f64()
    ));
    if cfg!(debug_assertions) {
        say("built with assertions: these figures say nothing about speed".to_owned());
    }
    let mut world = World::new(options)?;
    // Once in vain, for the caches.
    world.slice(length / 2)?;
    let mut report = Report { core, figures: Figures::default() };
    for n in 1..=count {
        let slice = world.slice(length)?;
        say(format!("{n:>5}  {:>10.0} frames per core-second", report.add(slice)));
    }
    world.finish()?;
    Ok(if options.json { report.json(options) } else { report.text() })
}

/// The figures.
#[derive(Debug)]
struct Report {
    core: usize,
    figures: Figures,
}

impl Report {
    /// Takes a slice in; its rate, in frames per core-second.
    fn add(&mut self, slice: Slice) -> f64 {
        let rate = slice.done as f64 / slice.cpu.as_secs_f64();
        self.figures.add(rate, &[slice]);
        rate
    }

    fn text(&self) -> String {
        let rates = &self.figures.rates;
        let PerOp { latency_us, cycles, copied, doorbells, burst_mean } = self.figures.per_op(1.0);
        let [p50, p99, p999] = latency_us.unwrap_or([f64::NAN; 3]);
        let [cycles, copied, doorbells, burst] =
            [cycles, copied, doorbells, burst_mean].map(|each| each.unwrap_or(f64::NAN));
        let mut out = String::new();
        let _ = writeln!(
            out,
            "median {:.0} frames per core-second, spread {:.3}; {cycles:.0} cycles and {copied:.0} B copied a frame; all \
             came back whole",
            median(rates),
            spread(rates),
        );
        let _ = writeln!(
            out,
            "{doorbells:.3} doorbells a frame, {burst:.1} frames a burst; latency p50 {p50:.1} us, p99 {p99:.1} us, p99.9 {p999:.1} us",
        );
        out
    }

    fn json(&self, options: &FwdOptions) -> String {
        let (rates, each) = (&self.figures.rates, self.figures.per_op(1.0));
        let (mafo, core_seconds) = (median(rates), self.figures.core_seconds);
        let core = CoreShare {
            lcore: 0,
            core: Some(self.core),
            connections: None,
            mafo: Some(mafo),
            core_seconds,
        };
        format!(
            "{{\"name\":\"fwd\",\"size\":{},\"burst\":{},\"unit\":\"frames per core-second\",\"mafo\":{mafo:?},\
             \"spread\":{:?},\"core_seconds\":{{\"mafo\":{core_seconds:?}}},{},{},\"cores\":[{}]}}\n",
            options.size,
            options.burst,
            spread(rates),
            each.latency_json(),
            each.counts_json(),
            core.json(),
        )
    }
}

#[cfg(test)]
mod tests {
    use mafo::failover::Distribution;

    use super::*;

    #[test]
    fn a_stamp_leaves_the_checksums_right() {
        for size in [60, 64, 65, 1514] {
            for time in [0, 1, 0xffff, 0x0123_4567_89ab_cdef] {
                let mut bytes = frame(7, size);
                stamp(&mut bytes[STAMP..], Nanos(time));
                assert_eq!(stamped(&bytes[STAMP..]), Some(Nanos(time)));
                let ethernet = EthernetFrame::new_checked(&bytes[..]).expect("a frame");
                let ip = Ipv4Packet::new_checked(ethernet.payload()).expect("a packet");
                assert!(ip.verify_checksum());
                let udp = UdpPacket::new_checked(ip.payload()).expect("a datagram");
                assert!(
                    udp.verify_checksum(&ip.src_addr().into(), &ip.dst_addr().into()),
                    "{size} B at {time}"
                );
                bytes[STAMP + 3] ^= 1;
                assert_eq!(stamped(&bytes[STAMP..]), None);
            }
        }
    }

    #[test]
    fn figures_are_medians_per_core_second() {
        let mut report = Report { core: 3, figures: Figures::default() };
        for done in [1000, 3000, 2000] {
            let mut times = Distribution::default();
            times.record_many(Nanos(1000), 98);
            times.record(Nanos(2000));
            times.record(Nanos(4000));
            let (doorbells, bursts) = (done / 10, done / 20);
            let counts = Counts { copied: 768 * done, doorbells, frames: done, bursts };
            let cpu = Nanos::from_millis(500);
            report.add(Slice { done, cpu, cycles: 6_000_000, counts, times });
        }
        let json = report.json(&options(&["--size", "128", "--burst", "16"]));
        assert_eq!(
            json,
            "{\"name\":\"fwd\",\"size\":128,\"burst\":16,\"unit\":\"frames per core-second\",\"mafo\":4000.0,\"spread\":1.0,\
             \"core_seconds\":{\"mafo\":1.5},\"latency_us\":{\"p50\":1.0,\"p99\":2.0,\"p999\":4.0},\
             \"cycles_per_op\":3000.0,\"copied_per_op\":768.0,\"doorbells_per_op\":0.1,\"burst_mean\":20.0,\
             \"cores\":[{\"lcore\":0,\"core\":3,\"connections\":null,\"mafo\":4000.0,\"core_seconds\":1.5}]}\n"
        );
        assert!(
            report.text().contains("median 4000 frames per core-second, spread 1.000"),
            "{}",
            report.text()
        );
    }

    fn options(line: &[&str]) -> FwdOptions {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            options: FwdOptions,
        }
        Line::parse_from([&["fwd"], line].concat()).options
    }

    /// Frames that are lost or changed are noticed, and a run of counted turns does the same each time.
    #[test]
    fn what_goes_round_is_looked_at() {
        for size in ["60", "64", "97", "1514"] {
            let options = options(&["--ops", "2000", "--size", size, "--burst", "8"]);
            let mut world = World::new(&options).expect("comes up");
            while world.tester.left < 2000 {
                world.turn().expect("forwards");
            }
            let left = world.tester.left;
            // A frame is lost on its way.
            world.tester.frames += 1;
            let error = world.finish().expect_err("one is missing").to_string();
            assert_eq!(error, "of 33 frames only 32 have left again");
            assert_eq!(world.tester.left, left + 32, "sent no more");
            assert_eq!((world.tester.wrong, world.tester.times.take().count()), (0, left + 32));
        }
    }
}
