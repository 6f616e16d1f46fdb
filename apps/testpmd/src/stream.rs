//! A stream: frames from the queue of one port to the queue of another, through an engine, on one core.

use mafo::eal::clock::{Clock, cycles};
use mafo::{Core, Frame, FrameBurst, Nanos, capacity_for_mtu};

use crate::device::Device;
use crate::engine::{Engine, Mode, Setup, TcpCounters};

/// Where a port is among the devices of its core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the device.
    pub(crate) device: usize,
    /// Its port.
    pub(crate) port: usize,
}

/// What a stream counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamCounters {
    pub(crate) rx_packets: u64,
    pub(crate) tx_packets: u64,
    /// Frames that an engine wanted to send and its port did not take, or that wait in the engine at the end.
    pub(crate) tx_dropped: u64,
    pub(crate) bad_ip_checksum: u64,
    pub(crate) bad_l4_checksum: u64,
    /// Cycles of the turns in which frames moved, or bytes of connections.
    pub(crate) cycles: u64,
    pub(crate) tcp: TcpCounters,
}

/// How long frames were with the program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) min: Nanos,
    pub(crate) max: Nanos,
    pub(crate) sum: u64,
    /// Mean difference between one and the next, smoothed as RFC 3550 section 6.4.1 has it.
    pub(crate) jitter: f64,
    pub(crate) last: Nanos,
}

impl Latency {
    fn note(&mut self, took: Nanos) {
        if self.count == 0 {
            (self.min, self.max) = (took, took);
        } else {
            let difference = took.0.abs_diff(self.last.0) as f64;
            self.jitter += (difference - self.jitter) / 16.0;
        }
        self.min = self.min.min(took);
        self.max = self.max.max(took);
        self.sum += took.0;
        self.count += 1;
        self.last = took;
    }
}

/// What is recorded beside the counters.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Records {
    pub(crate) cycles: bool,
    pub(crate) bursts: bool,
    pub(crate) latency: bool,
}

/// How a stream is made.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Numbers of the ports, as the user has them.
    pub(crate) rx_port: usize,
    pub(crate) tx_port: usize,
    pub(crate) rx: Place,
    pub(crate) tx: Place,
    pub(crate) mode: Mode,
    pub(crate) setup: Setup,
    pub(crate) burst: usize,
    pub(crate) mtu: u16,
    pub(crate) verbose: u32,
    pub(crate) records: Records,
}

/// A stream that runs.
pub(crate) struct Stream {
    pub(crate) plan: Plan,
    engine: Box<dyn Engine>,
    io: Io,
}

/// What a stream has to do with its ports.
struct Io {
    burst: FrameBurst,
    counters: StreamCounters,
    /// By length: bursts received and sent.
    rx_bursts: Vec<u64>,
    tx_bursts: Vec<u64>,
    latency: Latency,
    received_at: Nanos,
}

/// What is left of a stream when it has ended.
#[derive(Clone, Debug)]
pub(crate) struct StreamReport {
    pub(crate) rx_port: usize,
    pub(crate) tx_port: usize,
    pub(crate) counters: StreamCounters,
    pub(crate) rx_bursts: Vec<u64>,
    pub(crate) tx_bursts: Vec<u64>,
    pub(crate) latency: Latency,
}

/// The ports of a stream in a turn of it: what an engine works with.
pub(crate) struct Ports<'a> {
    devices: &'a mut [Device],
    plan: &'a Plan,
    io: &'a mut Io,
    now: Nanos,
    clock: Clock,
}

impl Stream {
    /// A stream as planned; all its memory is taken here.
    pub(crate) fn new(plan: Plan) -> Self {
        let mut engine = plan.mode.engine();
        engine.begin(&plan.setup);
        let spread = || if plan.records.bursts { vec![0; plan.burst + 1] } else { Vec::new() };
        let io = Io {
            burst: FrameBurst::new(plan.burst, capacity_for_mtu(plan.mtu.into())),
            counters: StreamCounters::default(),
            rx_bursts: spread(),
            tx_bursts: spread(),
            latency: Latency::default(),
            received_at: Nanos::ZERO,
        };
        Self { plan, engine, io }
    }

    /// A turn at `now`.
    pub(crate) fn turn(&mut self, devices: &mut [Device], now: Nanos, clock: Clock) {
        let Self { plan, engine, io } = self;
        let moved =
            |c: &StreamCounters| (c.rx_packets, c.tx_packets, c.tcp.rx_bytes, c.tcp.tx_bytes);
        let before = moved(&io.counters);
        let start = if plan.records.cycles { cycles() } else { 0 };
        engine.forward(&mut Ports { devices, plan, io, now, clock });
        if plan.records.cycles && before != moved(&io.counters) {
            io.counters.cycles += cycles().wrapping_sub(start);
        }
    }

    /// Sends `count` bursts that nobody has received, for the others to go round.
    pub(crate) fn send_first(
        &mut self,
        devices: &mut [Device],
        now: Nanos,
        count: u32,
        clock: Clock,
    ) {
        let mut first = Mode::Txonly.engine();
        first.begin(&self.plan.setup);
        for _ in 0..count {
            let Self { plan, io, .. } = self;
            first.forward(&mut Ports { devices, plan, io, now, clock });
            // A port has room again when its adapter has had a turn.
            let device = &mut devices[self.plan.tx.device];
            device.flush();
            device.turn(clock.now());
        }
        let Self { plan, io, .. } = self;
        first.end(&mut Ports { devices, plan, io, now, clock });
    }

    /// What there is to tell so far.
    pub(crate) fn report(&self) -> StreamReport {
        StreamReport {
            rx_port: self.plan.rx_port,
            tx_port: self.plan.tx_port,
            counters: self.io.counters,
            rx_bursts: self.io.rx_bursts.clone(),
            tx_bursts: self.io.tx_bursts.clone(),
            latency: self.io.latency,
        }
    }

    /// Counts from nothing again.
    pub(crate) fn clear(&mut self) {
        self.io.counters = StreamCounters::default();
        self.io.latency = Latency::default();
        self.io.rx_bursts.fill(0);
        self.io.tx_bursts.fill(0);
    }

    /// The last turn is over.
    pub(crate) fn end(mut self, devices: &mut [Device], now: Nanos, clock: Clock) -> StreamReport {
        let Self { plan, engine, io } = &mut self;
        engine.end(&mut Ports { devices, plan, io, now, clock });
        self.report()
    }
}

impl Ports<'_> {
    /// Receives a burst in place of the last one; whether there is a frame.
    pub(crate) fn receive(&mut self) -> bool {
        self.io.burst.clear();
        let Place { device, port } = self.plan.rx;
        let received = self.devices[device].rx_burst(port, self.now, &mut self.io.burst);
        self.io.counters.rx_packets += received as u64;
        if let Some(count) = self.io.rx_bursts.get_mut(received) {
            *count += 1;
        }
        if received == 0 {
            return false;
        }
        if self.plan.records.latency {
            self.io.received_at = self.clock.now();
        }
        if self.plan.verbose > 0 {
            crate::verbose::tell(self.plan.rx_port, "received", self.io.burst.frames());
        }
        true
    }

    /// The frames of the burst, to be rewritten.
    pub(crate) fn frames_mut(&mut self) -> &mut [Frame] {
        self.io.burst.frames_mut()
    }

    /// The burst itself, to be filled or thinned out.
    pub(crate) fn burst_mut(&mut self) -> &mut FrameBurst {
        &mut self.io.burst
    }

    /// The sockets of the bond that it is, the time of this turn, and what is counted of them.
    pub(crate) fn sockets(&mut self) -> Option<(&mut Core, Nanos, &mut TcpCounters)> {
        let (core, now) = self.devices[self.plan.rx.device].sockets()?;
        Some((core, now, &mut self.io.counters.tcp))
    }

    /// The stream's counters.
    pub(crate) fn counters_mut(&mut self) -> &mut StreamCounters {
        &mut self.io.counters
    }

    /// Sends the burst by the other port. What that does not take is dropped.
    pub(crate) fn send(&mut self) {
        self.send_by(false);
    }

    /// The same, and checksums of IP, TCP and UDP are left to the adapter.
    pub(crate) fn send_with_checksums(&mut self) {
        self.send_by(true);
    }

    /// Sends frames that are not in the burst.
    pub(crate) fn send_others(&mut self, frames: &[Frame]) {
        let Place { device, port } = self.plan.tx;
        let sent = self.devices[device].tx_burst(port, self.now, frames, false);
        self.count_sent(frames.len(), sent);
    }

    fn send_by(&mut self, checksums: bool) {
        let frames = self.io.burst.frames();
        if frames.is_empty() {
            return;
        }
        if self.plan.verbose > 1 {
            crate::verbose::tell(self.plan.tx_port, "sent", frames);
        }
        let Place { device, port } = self.plan.tx;
        let sent = self.devices[device].tx_burst(port, self.now, frames, checksums);
        let wanted = frames.len();
        self.count_sent(wanted, sent);
        if self.plan.records.latency && sent > 0 && self.io.received_at > Nanos::ZERO {
            let took = self.clock.now() - self.io.received_at;
            self.io.latency.note(took);
        }
        self.io.burst.clear();
    }

    fn count_sent(&mut self, wanted: usize, sent: usize) {
        self.io.counters.tx_packets += sent as u64;
        self.io.counters.tx_dropped += (wanted - sent) as u64;
        if let Some(count) = self.io.tx_bursts.get_mut(sent) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests;
