//! What the prompt knows: cores, devices, ports, and how frames are to be forwarded.

mod bonds;
mod devices;
mod flows;
mod forward;
mod ports;

use std::collections::BTreeMap;

use mafo::Nanos;
use mafo::eal::clock::Clock;
use mafo::eal::lcore::offered;

use crate::device::{
    CardSettings, Device, Lender, PortInfo, PortStats, Puller, Wiring, member_port,
};
use crate::engine::{Checksums, Mode, Noisy, Tcp};
use crate::lcore::{Lcore, Worker};
use crate::options::{CardSpec, Options};
use crate::stream::Records;

pub(crate) use bonds::BondRecord;
pub(crate) use forward::{PortReport, Report};
pub(crate) use ports::Which;

/// A device as the prompt knows it: what it is made of is with a core.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) name: String,
    pub(crate) driver: &'static str,
    /// As the user wrote it.
    pub(crate) arguments: String,
    pub(crate) is_open: bool,
    /// It is to be set up anew before its ports start.
    pub(crate) is_stale: bool,
    pub(crate) kind: Kind,
    /// Where its plugs come back to.
    lender: Lender,
    /// The bond that it is a member of while that is up: its device, and the place among its members.
    lent_to: Option<(usize, usize)>,
}

/// What a device is made from.
#[derive(Debug)]
pub(crate) enum Kind {
    Card(CardSpec),
    /// A bare wire with a station address.
    Wire([u8; 6]),
    Bond(Box<BondRecord>),
}

/// Whether a port may forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortState {
    Started,
    Stopped,
    Closed,
}

/// A port as the prompt knows it.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) device: usize,
    /// Number of the port on its device.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) state: PortState,
    pub(crate) promiscuous: bool,
    pub(crate) checksums: Checksums,
    /// Whom frames out of it are for (`set eth-peer`).
    pub(crate) peer: [u8; 6],
    /// `None` of a bond.
    puller: Option<Puller>,
    /// Counters when they were cleared.
    base: PortStats,
    xbase: Vec<(String, u64)>,
    /// When they were shown last, and what they were.
    shown: Option<(Nanos, PortStats)>,
}

/// How frames are to be forwarded; in force with the next `start`.
#[derive(Clone, Debug)]
pub(crate) struct Forward {
    pub(crate) mode: Mode,
    /// Of ports that have one of their own.
    pub(crate) modes: BTreeMap<usize, Mode>,
    pub(crate) burst: u16,
    pub(crate) nb_cores: usize,
    /// Cores in the order in which they are taken: indices of the session's.
    pub(crate) cores: Vec<usize>,
    /// Ports in the order in which they are paired; `None`: all that are there.
    pub(crate) ports: Option<Vec<usize>>,
    pub(crate) verbose: u32,
    pub(crate) records: Records,
    pub(crate) noisy: Noisy,
    pub(crate) tcp: Tcp,
    /// Connections that a bond has room for.
    pub(crate) connections_max: u32,
}

/// Everything.
pub(crate) struct Session {
    pub(crate) clock: Clock,
    pub(crate) main_core: usize,
    pub(crate) lcores: Vec<Lcore>,
    pub(crate) devices: Vec<Record>,
    /// By number; `None` where one was detached.
    pub(crate) ports: Vec<Option<Port>>,
    pub(crate) forward: Forward,
    pub(crate) settings: CardSettings,
    /// Largest MTU that the cables have been made for.
    mtu_max: u16,
    /// By core: its devices, in the order in which it has them.
    homes: Vec<Vec<usize>>,
    wiring: Wiring,
    running: Option<forward::Running>,
    /// By port and number.
    flows: Vec<flows::Flow>,
    /// Commands may break what is simulated.
    pub(crate) allows_faults: bool,
    /// What is worth a sentence at the start.
    pub(crate) remarks: Vec<String>,
}

impl Session {
    /// Starts cores and brings devices up. What fails is a sentence.
    pub(crate) fn new(options: &Options) -> Result<Self, String> {
        let (environment, application) = (&options.environment, &options.application);
        if let Some(address) = environment.allow.first() {
            return Err(no_vfio(address));
        }
        let clock = Clock::start();
        let cores = environment.cores.clone().map_or_else(offered, |list| list.0);
        let mut remarks = Vec::new();
        let (main_core, forwarding) = match cores.as_slice() {
            [] => return Err("the system tells of no core to run on".to_owned()),
            [only] => {
                remarks
                    .push(format!("core {only} is the only one: prompt and forwarding share it"));
                (*only, vec![*only])
            }
            [first, rest @ ..] => (*first, rest.to_vec()),
        };
        let wanted = usize::from(application.nb_cores);
        if wanted > forwarding.len() {
            remarks.push(format!(
                "--nb-cores {wanted}: {} there to forward, more by -l",
                if forwarding.len() == 1 {
                    "1 core is".to_owned()
                } else {
                    format!("{} cores are", forwarding.len())
                }
            ));
        }
        for (flag, queues) in [("--rxq", application.rxq), ("--txq", application.txq)] {
            if queues > 1 {
                return Err(format!(
                    "{flag} {queues}: the driver gives a port one queue on a core, so {flag} is 1"
                ));
            }
        }
        let lcores: Result<Vec<Lcore>, String> =
            forwarding.iter().map(|&core| Lcore::start(core, clock)).collect();
        let lcores = lcores?;
        let mut session = Self {
            clock,
            main_core,
            homes: vec![Vec::new(); lcores.len()],
            forward: Forward {
                mode: application.forward_mode,
                modes: BTreeMap::new(),
                burst: application.burst,
                nb_cores: wanted.min(lcores.len()),
                cores: (0..lcores.len()).collect(),
                ports: application.portmask.clone().map(|list| list.0),
                verbose: 0,
                records: Records {
                    cycles: application.record_core_cycles,
                    bursts: application.record_burst_stats,
                    latency: application.latencystats.is_some(),
                },
                noisy: Noisy {
                    buffer: application.noisy_tx_sw_buffer_size.into(),
                    lookups: application.noisy_lkup_num_reads.into(),
                },
                tcp: Tcp::default(),
                connections_max: application.max_conns,
            },
            lcores,
            devices: Vec::new(),
            ports: Vec::new(),
            settings: CardSettings {
                mtu: application.mtu(),
                rxd: application.rxd,
                txd: application.txd,
                no_huge: environment.no_huge,
            },
            mtu_max: application.mtu(),
            wiring: Wiring::new(application.mtu()),
            running: None,
            flows: Vec::new(),
            allows_faults: application.allow_faults,
            remarks,
        };
        for vdev in &environment.vdevs {
            let numbers = session.attach(vdev)?;
            for number in numbers {
                if let Some(remark) = session.waits_for_members(number) {
                    session.remarks.push(remark);
                } else {
                    session.start_port(number)?;
                }
            }
        }
        if session.ports.is_empty() {
            session.remarks.push(
                "there is no port: --vdev asic0,ports=2 in front of the -- makes two, or `port attach asic0,ports=2`".to_owned(),
            );
        }
        session.check_ports_to_forward()?;
        Ok(session)
    }

    fn check_ports_to_forward(&self) -> Result<(), String> {
        let missing = self.forward.ports.iter().flatten().find(|&&port| self.port(port).is_err());
        match missing {
            Some(port) => Err(format!("--portmask: there is no port {port}")),
            None => Ok(()),
        }
    }

    /// Has the core do something that a device is with.
    pub(crate) fn with_device<R: Send + 'static>(
        &self,
        device: usize,
        what: impl FnOnce(&mut Device, Clock) -> R + Send + 'static,
    ) -> Result<R, String> {
        let home = self.homes.iter().enumerate().find_map(|(lcore, devices)| {
            devices.iter().position(|&id| id == device).map(|slot| (lcore, slot))
        });
        let (lcore, slot) =
            home.ok_or_else(|| format!("{} is closed", self.devices[device].name))?;
        self.on_core(lcore, move |worker| {
            let clock = worker.clock;
            what(&mut worker.devices[slot], clock)
        })
    }

    /// Whether a core has a device.
    pub(crate) fn is_housed(&self, device: usize) -> bool {
        self.homes.iter().any(|devices| devices.contains(&device))
    }

    fn on_core<R: Send + 'static>(
        &self,
        lcore: usize,
        what: impl FnOnce(&mut Worker) -> R + Send + 'static,
    ) -> Result<R, String> {
        let lcore = &self.lcores[lcore];
        lcore
            .ask(what)
            .ok_or_else(|| format!("core {} does not answer: its thread has ended", lcore.core))
    }

    /// A port that is there.
    pub(crate) fn port(&self, number: usize) -> Result<&Port, String> {
        self.ports
            .get(number)
            .and_then(Option::as_ref)
            .ok_or_else(|| format!("Invalid port {number}"))
    }

    fn port_mut(&mut self, number: usize) -> Result<&mut Port, String> {
        self.ports
            .get_mut(number)
            .and_then(Option::as_mut)
            .ok_or_else(|| format!("Invalid port {number}"))
    }

    /// Numbers of all ports that are not closed.
    pub(crate) fn open_ports(&self) -> Vec<usize> {
        let open =
            |port: &Option<Port>| port.as_ref().is_some_and(|p| p.state != PortState::Closed);
        (0..self.ports.len()).filter(|&number| open(&self.ports[number])).collect()
    }

    /// Where a port is at present: the device that has it, and its number there; with a bond that is up are its members.
    /// `None` of a bond that is down.
    fn place(&self, number: usize) -> Result<Option<(usize, usize)>, String> {
        let port = self.port(number)?;
        let record = &self.devices[port.device];
        Ok(match (record.lent_to, &record.kind) {
            (Some((bond, member)), _) => Some((bond, member_port(member, port.index))),
            (None, Kind::Bond(bond)) if !bond.is_up() => None,
            (None, _) => Some((port.device, port.index)),
        })
    }

    /// What there is to say of a port.
    pub(crate) fn info(&self, number: usize) -> Result<PortInfo, String> {
        let Some((device, index)) = self.place(number)? else {
            return self.info_of_down_bond(number);
        };
        let state = self.port(number)?.state;
        let mut info =
            self.with_device(device, move |device, clock| device.info(index, clock.now()))?;
        info.up &= state == PortState::Started;
        Ok(info)
    }

    /// What a port counted since it was cleared.
    pub(crate) fn stats(&self, number: usize) -> Result<PortStats, String> {
        Ok(self.raw_stats(number)?.since(&self.port(number)?.base))
    }

    fn raw_stats(&self, number: usize) -> Result<PortStats, String> {
        let Some((device, index)) = self.place(number)? else { return Ok(PortStats::default()) };
        self.with_device(device, move |device, _| device.stats(index))
    }

    fn raw_xstats(&self, number: usize) -> Result<Vec<(String, u64)>, String> {
        let Some((device, index)) = self.place(number)? else { return Ok(Vec::new()) };
        self.with_device(device, move |device, _| device.xstats(index))
    }

    /// The same by name, and what is measured of the streams that begin there.
    pub(crate) fn xstats(&self, number: usize) -> Result<Vec<(String, u64)>, String> {
        let mut list = self.raw_xstats(number)?;
        let base = &self.port(number)?.xbase;
        for (name, value) in &mut list {
            let before =
                base.iter().find(|(known, _)| known == name).map_or(0, |(_, value)| *value);
            *value = value.saturating_sub(before);
        }
        if self.forward.records.latency {
            list.extend(self.latency(number)?);
        }
        Ok(list)
    }

    /// Rates since the last time they were asked for: frames and bits a second, in and out.
    pub(crate) fn rates(&mut self, number: usize) -> Result<[u64; 4], String> {
        let (now, stats) = (self.clock.now(), self.raw_stats(number)?);
        let port = self.port_mut(number)?;
        let Some((then, before)) = port.shown.replace((now, stats)) else { return Ok([0; 4]) };
        let delta = stats.since(&before);
        let nanos = (now - then).0.max(1);
        let rate = |count: u64| (u128::from(count) * 1_000_000_000 / u128::from(nanos)) as u64;
        Ok([
            rate(delta.rx_packets),
            rate(delta.rx_bytes.saturating_mul(8)),
            rate(delta.tx_packets),
            rate(delta.tx_bytes.saturating_mul(8)),
        ])
    }

    /// A port counts from nothing again.
    pub(crate) fn clear_stats(&mut self, number: usize) -> Result<(), String> {
        let stats = self.raw_stats(number)?;
        let port = self.port_mut(number)?;
        (port.base, port.shown) = (stats, None);
        Ok(())
    }

    /// The same for the counters that have names.
    pub(crate) fn clear_xstats(&mut self, number: usize) -> Result<(), String> {
        let xstats = self.raw_xstats(number)?;
        self.port_mut(number)?.xbase = xstats;
        Ok(())
    }
}

/// Why a card behind PCI cannot be used.
fn no_vfio(address: &str) -> String {
    if std::path::Path::new("/dev/vfio/vfio").exists() {
        format!(
            "-a {address}: this program reaches no card by VFIO yet; --vdev asic0 is one without hardware"
        )
    } else {
        format!(
            "-a {address}: there is no VFIO on this system (/dev/vfio/vfio); --vdev asic0 is an adapter without hardware"
        )
    }
}
