//! Begins and ends forwarding: which port goes with which, and which core has them.

use std::collections::BTreeSet;

use mafo::Nanos;
use mafo::eal::clock::cycles;

use super::{PortState, Session};
use crate::device::PortStats;
use crate::engine::{Mode, Setup, Tcp, TcpCounters};
use crate::stream::{Latency, Place, Plan, Stream, StreamReport};

/// Bytes of frames that are made here, without their FCS: as many as of those that DPDK makes.
const FRAME_LEN: usize = 64;

/// What is known of a run while it lasts.
#[derive(Debug)]
pub(super) struct Running {
    ports: Vec<usize>,
    base: Vec<(usize, PortStats)>,
    mode: Mode,
    /// When it began, and the cycles then: how fast the processor's counter runs.
    started: (Nanos, u64),
}

/// A port in a run.
#[derive(Clone, Debug)]
pub(crate) struct PortReport {
    pub(crate) port: usize,
    pub(crate) stats: PortStats,
    /// Frames that were to be sent by it and were dropped.
    pub(crate) tx_dropped: u64,
    pub(crate) bad_ip_checksum: u64,
    pub(crate) bad_l4_checksum: u64,
    /// Bursts by length, empty where nobody counts them.
    pub(crate) rx_bursts: Vec<u64>,
    pub(crate) tx_bursts: Vec<u64>,
    /// Of a bond: what became of its connections.
    pub(crate) tcp: Option<TcpCounters>,
}

/// What came of a run, or has come of it so far.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub(crate) mode: Mode,
    pub(crate) ports: Vec<PortReport>,
    /// Cycles of turns with frames, where they are counted; of how many frames; how many there are in a microsecond.
    pub(crate) cycles: Option<(u64, u64, u64)>,
    pub(crate) latency: Option<Latency>,
}

/// Ports of streams: from, to.
type Streams = Vec<(usize, usize)>;

/// A core and the streams that it is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// Index of the core.
    pub(crate) lcore: usize,
    /// Devices, in the order in which the core has them.
    pub(crate) devices: Vec<usize>,
    pub(crate) streams: Streams,
}

impl Session {
    /// Whether frames are being forwarded.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Ports that forward, or would.
    pub(crate) fn forwarding_ports(&self) -> Vec<usize> {
        match (&self.running, &self.forward.ports) {
            (Some(running), _) => running.ports.clone(),
            (None, Some(list)) => list.clone(),
            (None, None) => {
                let fits = |&number: &usize| self.must_fit(number).is_ok();
                self.open_ports().into_iter().filter(fits).collect()
            }
        }
    }

    /// What is done with the frames, or connections, that come in by a port.
    pub(crate) fn mode_of(&self, number: usize) -> Mode {
        self.forward.modes.get(&number).copied().unwrap_or(self.forward.mode)
    }

    /// Whether its engine is one for a port: some end TCP, and work on bonds, and the others on ports that are no bond's.
    fn must_fit(&self, number: usize) -> Result<(), String> {
        let (mode, is_bond) = (self.mode_of(number), self.is_bond(number));
        if is_bond && !mode.ends_tcp() {
            return Err(format!(
                "Port {number} is a bond, which ends TCP: tcpecho, tcpsink and tcpgen work on it, {} does not",
                mode.name()
            ));
        }
        if !is_bond && mode.ends_tcp() {
            return Err(format!(
                "Port {number} is not a bond, and {} works on bonds: `create bonding device 1`, then `add bonding member {number} BOND`",
                mode.name()
            ));
        }
        if is_bond { Ok(()) } else { self.must_be_free(number) }
    }

    /// Cores that forward, or would, in the order in which they get streams.
    pub(crate) fn forwarding_cores(&self) -> Vec<usize> {
        self.forward.cores.iter().copied().take(self.forward.nb_cores).collect()
    }

    /// Streams: ports are joined in pairs, the last of an odd number with itself.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let ports = self.forwarding_ports();
        ports
            .iter()
            .enumerate()
            .map(|(n, &port)| match self.mode_of(port) {
                // Answers go back where they came from.
                Mode::Icmpecho => (port, port),
                mode if mode.ends_tcp() => (port, port),
                _ => (port, *ports.get(n ^ 1).unwrap_or(&port)),
            })
            .collect()
    }

    /// Which core is to have what. A device is one core's, so streams that have one in common are too.
    pub(crate) fn assign(&self) -> Vec<Assignment> {
        let mut groups: Vec<(BTreeSet<usize>, Streams)> = Vec::new();
        for (rx, tx) in self.pairs() {
            let of = |port: usize| self.port(port).map(|port| port.device).ok();
            let wanted: BTreeSet<usize> = [of(rx), of(tx)].into_iter().flatten().collect();
            let (mut joined, mut streams) = (wanted, vec![(rx, tx)]);
            let (others, touching): (Vec<_>, Vec<_>) =
                groups.into_iter().partition(|(devices, _)| devices.is_disjoint(&joined));
            groups = others;
            for (devices, earlier) in touching {
                joined.extend(devices);
                streams.splice(0..0, earlier);
            }
            groups.push((joined, streams));
        }
        groups.sort_by_key(|(_, streams)| streams.iter().map(|stream| stream.0).min());
        let cores = self.forwarding_cores();
        let mut assignments: Vec<Assignment> = cores
            .iter()
            .map(|&lcore| Assignment { lcore, devices: Vec::new(), streams: Vec::new() })
            .collect();
        for (n, (devices, streams)) in groups.into_iter().enumerate() {
            let at = n % assignments.len();
            assignments[at].devices.extend(devices);
            assignments[at].streams.extend(streams);
        }
        assignments
    }

    /// Begins to forward, after `first` bursts of each port.
    pub(crate) fn start(&mut self, first: u32) -> Result<(), String> {
        if self.is_running() {
            return Err("Packet forwarding already started".to_owned());
        }
        let ports = self.forwarding_ports();
        if ports.is_empty() {
            return Err(if self.forward.mode.ends_tcp() {
                format!(
                    "there is no bond for {}: `create bonding device 1` makes one",
                    self.forward.mode.name()
                )
            } else {
                "there is no port to forward: `port attach asic0,ports=2` adds two".to_owned()
            });
        }
        for &port in &ports {
            if self.port(port)?.state != PortState::Started {
                return Err(format!(
                    "Port {port} is not started: `port start {port}`, or leave it out by `set portlist`"
                ));
            }
            self.must_fit(port)?;
        }
        let assignments = self.assign();
        self.move_devices(self.homes_for(&assignments))?;
        let mut base = Vec::new();
        for &port in &ports {
            base.push((port, self.raw_stats(port)?));
        }
        for assignment in assignments {
            let mut streams = Vec::new();
            for &(rx, tx) in &assignment.streams {
                streams.push(Stream::new(self.plan(rx, tx, &assignment.devices)?));
            }
            self.on_core(assignment.lcore, move |worker| worker.begin(streams, first))?;
        }
        self.set_flowing(&ports, true)?;
        let started = (self.clock.now(), cycles());
        self.running = Some(Running { ports, base, mode: self.forward.mode, started });
        Ok(())
    }

    /// Sources of frames in ports, or in the members of bonds, give theirs, or do not.
    fn set_flowing(&self, ports: &[usize], flowing: bool) -> Result<(), String> {
        for &number in ports {
            let members =
                self.bond(number).map_or_else(|_| vec![number], |bond| bond.spec.members.clone());
            for member in members {
                self.port(member)?.puller.iter().for_each(|puller| puller.set_flowing(flowing));
            }
        }
        Ok(())
    }

    /// How TCP is to be ended by a bond: tcpgen has to know whom to talk to.
    pub(crate) fn tcp_of(&self, number: usize, mode: Mode) -> Result<Tcp, String> {
        let mut tcp = self.forward.tcp;
        if mode == Mode::Tcpgen && tcp.target.is_none() {
            let others: Vec<usize> =
                self.bonds().into_iter().filter(|&other| other != number).collect();
            let [other] = others.as_slice() else {
                return Err("whom is tcpgen to talk to: `set tcp target ADDRESS`".to_owned());
            };
            tcp.target = Some(self.bond(*other)?.address.0);
        }
        Ok(tcp)
    }

    /// Devices that nobody forwards by stay where they are, or go to the last core.
    fn homes_for(&self, assignments: &[Assignment]) -> Vec<Vec<usize>> {
        let mut homes: Vec<Vec<usize>> = vec![Vec::new(); self.lcores.len()];
        for assignment in assignments {
            homes[assignment.lcore].clone_from(&assignment.devices);
        }
        for (lcore, devices) in self.homes.iter().enumerate() {
            for &device in devices {
                if !homes.iter().any(|home| home.contains(&device)) {
                    homes[lcore].push(device);
                }
            }
        }
        homes
    }

    fn plan(&self, rx_port: usize, tx_port: usize, devices: &[usize]) -> Result<Plan, String> {
        let place = |port: usize| -> Result<Place, String> {
            let port = self.port(port)?;
            let device = devices.iter().position(|&id| id == port.device).unwrap_or(0);
            Ok(Place { device, port: port.index })
        };
        let (port, mode) = (self.port(tx_port)?, self.mode_of(rx_port));
        let setup = Setup {
            own: self.info(tx_port)?.mac,
            peer: port.peer,
            burst: self.forward.burst.into(),
            frame_len: FRAME_LEN,
            mtu: self.settings.mtu,
            checksums: port.checksums,
            noisy: self.forward.noisy,
            tcp: self.tcp_of(rx_port, mode)?,
            connections_max: self.forward.connections_max,
        };
        Ok(Plan {
            rx_port,
            tx_port,
            rx: place(rx_port)?,
            tx: place(tx_port)?,
            mode,
            setup,
            burst: self.forward.burst.into(),
            mtu: self.settings.mtu,
            verbose: self.forward.verbose,
            records: self.forward.records,
        })
    }

    /// Forwards no more.
    pub(crate) fn stop(&mut self) -> Result<Report, String> {
        if !self.is_running() {
            return Err("Packet forwarding not started".to_owned());
        }
        self.set_flowing(&self.forwarding_ports(), false)?;
        let mut streams = Vec::new();
        for lcore in 0..self.lcores.len() {
            streams.extend(self.on_core(lcore, |worker| worker.stop())?);
        }
        let report = self.report(&streams);
        self.running = None;
        report
    }

    /// What has come of the run so far.
    pub(crate) fn report_so_far(&self) -> Result<Report, String> {
        let streams = self.stream_reports()?;
        self.report(&streams)
    }

    fn stream_reports(&self) -> Result<Vec<StreamReport>, String> {
        let mut streams = Vec::new();
        for lcore in 0..self.lcores.len() {
            streams.extend(self.on_core(lcore, |worker| worker.reports())?);
        }
        Ok(streams)
    }

    /// Streams count from nothing again.
    pub(crate) fn clear_forward_stats(&mut self) -> Result<(), String> {
        for lcore in 0..self.lcores.len() {
            self.on_core(lcore, |worker| worker.clear())?;
        }
        let ports = self.running.as_ref().map_or_else(Vec::new, |running| running.ports.clone());
        let mut base = Vec::new();
        for port in ports {
            base.push((port, self.raw_stats(port)?));
        }
        let now = (self.clock.now(), cycles());
        if let Some(running) = &mut self.running {
            (running.base, running.started) = (base, now);
        }
        Ok(())
    }

    /// How long frames were with the program, of streams that begin at a port.
    pub(super) fn latency(&self, port: usize) -> Result<Vec<(String, u64)>, String> {
        let streams = self.stream_reports()?;
        let of_port = streams.iter().filter(|stream| stream.rx_port == port);
        let Some(latency) = of_port.map(|stream| stream.latency).next() else {
            return Ok(Vec::new());
        };
        let mean = latency.sum.checked_div(latency.count).unwrap_or(0);
        let list = [
            ("min_latency_ns", latency.min.0),
            ("avg_latency_ns", mean),
            ("max_latency_ns", latency.max.0),
            ("jitter_ns", latency.jitter as u64),
        ];
        Ok(list.map(|(name, value)| (name.to_owned(), value)).to_vec())
    }

    fn report(&self, streams: &[StreamReport]) -> Result<Report, String> {
        let Some(running) = &self.running else {
            return Ok(Report {
                mode: self.forward.mode,
                ports: Vec::new(),
                cycles: None,
                latency: None,
            });
        };
        let mut ports = Vec::new();
        for (port, base) in &running.base {
            let from = || streams.iter().filter(|stream| stream.rx_port == *port);
            let to = || streams.iter().filter(|stream| stream.tx_port == *port);
            ports.push(PortReport {
                port: *port,
                stats: self.raw_stats(*port)?.since(base),
                tx_dropped: to().map(|stream| stream.counters.tx_dropped).sum(),
                bad_ip_checksum: from().map(|stream| stream.counters.bad_ip_checksum).sum(),
                bad_l4_checksum: from().map(|stream| stream.counters.bad_l4_checksum).sum(),
                rx_bursts: from().next().map_or_else(Vec::new, |stream| stream.rx_bursts.clone()),
                tx_bursts: to().next().map_or_else(Vec::new, |stream| stream.tx_bursts.clone()),
                tcp: self.is_bond(*port).then(|| tcp_of_all(from())),
            });
        }
        let (then, ticks) = running.started;
        let micros = ((self.clock.now() - then).0 / 1000).max(1);
        let mhz = cycles().wrapping_sub(ticks) / micros;
        let sum = |each: fn(&StreamReport) -> u64| streams.iter().map(each).sum::<u64>();
        let frames = match running.mode {
            Mode::Txonly | Mode::Flowgen => sum(|stream| stream.counters.tx_packets),
            _ => sum(|stream| stream.counters.rx_packets),
        };
        let records = self.forward.records;
        Ok(Report {
            mode: running.mode,
            ports,
            cycles: (records.cycles && !running.mode.ends_tcp())
                .then(|| (sum(|stream| stream.counters.cycles), frames, mhz)),
            latency: records.latency.then(|| together(streams)),
        })
    }
}

/// What became of the connections of all of them.
fn tcp_of_all<'a>(streams: impl Iterator<Item = &'a StreamReport>) -> TcpCounters {
    let mut sum = TcpCounters::new();
    streams.for_each(|stream| sum += stream.counters.tcp);
    sum
}

/// Of all streams.
fn together(streams: &[StreamReport]) -> Latency {
    let busy = || streams.iter().map(|stream| stream.latency).filter(|latency| latency.count > 0);
    let mut all = Latency {
        min: busy().map(|latency| latency.min).min().unwrap_or_default(),
        max: busy().map(|latency| latency.max).max().unwrap_or_default(),
        ..Latency::default()
    };
    for latency in busy() {
        all.count += latency.count;
        all.sum += latency.sum;
        all.jitter += latency.jitter * latency.count as f64;
    }
    if all.count > 0 {
        all.jitter /= all.count as f64;
    }
    all
}
