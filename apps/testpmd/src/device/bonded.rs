//! A bond of ports, with a stack on it: what ends TCP, and moves connections between adapters.

use std::fmt;

use mafo::eal::clock::Clock;
use mafo::eal::random::random;
use mafo::{
    BondConfig, BondOptions, Core, Host, HostConfig, HostError, LinkId, MemberConfig, MemberId,
    Mode, Nanos, PortId, SocketId, SoftConfig, StackConfig, WirePort,
};

use super::card::{PATIENCE, adapter_info, adapter_stats, asic, driver_config};
use super::history::{Failover, History};
use super::{CardSettings, Loan, PortInfo, PortStats, card_number};
use crate::options::CardSpec;

/// Ports of an adapter, at most: a port of a bond's member has number `1 + member * PORTS + port`, the bond itself 0.
const PORTS: usize = 4;
/// Bytes that a socket holds for sending.
const SEND_BUFFER: usize = 128 << 10;

/// Which port of a [`Bonded`] is that of a member.
pub(crate) fn member_port(member: usize, port: usize) -> usize {
    1 + member * PORTS + port
}

/// An adapter that is to be a member, or a bare wire.
pub(crate) enum MemberSpec {
    Card { spec: CardSpec, number: usize, wires: Vec<Loan> },
    Bare { wire: Loan, mac: [u8; 6] },
}

/// How a bond is set up.
#[derive(Clone, Debug)]
pub(crate) struct BondSettings {
    pub(crate) mode: Mode,
    pub(crate) address: std::net::Ipv4Addr,
    pub(crate) prefix_len: u8,
    pub(crate) mac: [u8; 6],
    pub(crate) options: BondOptions,
    pub(crate) protect: bool,
    pub(crate) primary: Option<LinkId>,
    /// Connections at most.
    pub(crate) connections: u32,
}

/// A host on members.
pub(crate) struct Bonded {
    host: Host,
    /// The members that are adapters.
    links: Vec<LinkId>,
    mac: [u8; 6],
    card: CardSettings,
    history: History,
    now: Nanos,
    /// What ended the host.
    fault: Option<String>,
}

impl fmt::Debug for Bonded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bonded").field("links", &self.links).finish_non_exhaustive()
    }
}

/// A connection, as `show conn` has it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) local: String,
    pub(crate) remote: String,
    pub(crate) state: &'static str,
    /// The link of the adapter that has it; `None`: the host path.
    pub(crate) home: Option<LinkId>,
    pub(crate) tid: Option<u32>,
    /// Where its handover stands.
    pub(crate) stage: Option<String>,
    pub(crate) unacknowledged: usize,
    pub(crate) readable: usize,
}

/// What an adapter of a bond holds, as `show offload` has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tables {
    pub(crate) member: usize,
    pub(crate) is_dead: bool,
    /// Connections, by the card's own count, and tids in use of how many.
    pub(crate) connections: usize,
    pub(crate) tids: (usize, usize),
    pub(crate) opens: usize,
    pub(crate) flows: usize,
}

/// How a bond stands.
#[derive(Clone, Debug)]
pub(crate) struct BondState {
    pub(crate) active: Option<LinkId>,
    pub(crate) is_moving: bool,
    /// Links that are up.
    pub(crate) up: Vec<LinkId>,
    /// The one that was active before.
    pub(crate) before: Option<LinkId>,
    pub(crate) refugees: usize,
}

impl Bonded {
    /// Puts a host together and brings it up. What fails is a sentence; wires that were lent go back then, too.
    pub(crate) fn new(
        members: Vec<MemberSpec>,
        links: Vec<LinkId>,
        settings: &BondSettings,
        card: CardSettings,
        clock: Clock,
    ) -> Result<Self, String> {
        let mut stack = StackConfig::new(settings.address, settings.prefix_len, settings.mac);
        stack.mtu = card.mtu;
        stack.sockets_max = settings.connections;
        stack.send_buffer = SEND_BUFFER;
        stack.secret = random().map_err(|e| e.to_string())?;
        let members = members.into_iter().map(|member| member_config(member, card));
        let mut bond = BondConfig::new(links.clone());
        settings.options.apply(&mut bond);
        (bond.mode, bond.primary, bond.protect) =
            (settings.mode, settings.primary, settings.protect);
        let config = HostConfig::new(stack, members, bond);
        let host = if card.no_huge { Host::simulated(config) } else { Host::new(config) };
        // Whoever is told knows that it is a bond.
        let mut host = host.map_err(|e| match e {
            HostError::Bond(bad) => bad.to_string(),
            other => other.to_string(),
        })?;
        let end = clock.now() + PATIENCE;
        while !host.is_up() {
            let now = clock.now();
            host.poll(now).map_err(|e| e.to_string())?;
            if now > end {
                return Err("its adapters do not come up".to_owned());
            }
        }
        let (mac, now, history) = (settings.mac, clock.now(), History::default());
        let mut bonded = Self { host, links, mac, card, history, now, fault: None };
        bonded.settle(clock);
        Ok(bonded)
    }

    /// Waits until the links that are there are known.
    fn settle(&mut self, clock: Clock) {
        let end = clock.now() + Nanos::from_millis(100);
        while clock.now() < end && self.state().up.len() < self.links.len() {
            self.turn(clock.now());
        }
    }

    /// What of its settings was put right, or has no effect.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.host.warnings().iter().map(ToString::to_string).collect()
    }

    /// Polls everything.
    pub(crate) fn turn(&mut self, now: Nanos) {
        if self.fault.is_some() {
            return;
        }
        self.now = now;
        if let Err(error) = self.host.poll(now) {
            self.fault = Some(error.to_string());
            return;
        }
        while let Some((at, event)) = self.host.bond_mut().and_then(|bond| bond.poll_event()) {
            self.history.note(at, &event);
        }
    }

    /// Sends what applications have written.
    pub(crate) fn flush(&mut self) {
        self.host.sockets_mut().kick(self.now);
    }

    /// The sockets, and the time of this turn.
    pub(crate) fn sockets(&mut self) -> (&mut Core, Nanos) {
        (self.host.sockets_mut(), self.now)
    }

    fn member_of(port: usize) -> Option<(usize, PortId)> {
        let n = port.checked_sub(1)?;
        Some((n / PORTS, PortId((n % PORTS) as u8)))
    }

    /// What a member's port counted; of port 0, which is the bond's, what all of its links did.
    pub(crate) fn stats(&self, port: usize) -> PortStats {
        match Self::member_of(port) {
            Some((member, port)) => self.member_stats(member, port),
            None => {
                let mut sum = PortStats::new();
                for link in &self.links {
                    sum += self.member_stats(link.member.index(), link.port);
                }
                sum
            }
        }
    }

    fn member_stats(&self, member: usize, port: PortId) -> PortStats {
        if let Some(driver) = self.host.driver(member) {
            return adapter_stats(driver, port);
        }
        let counters = self.host.sockets().port_counters(MemberId(member as u8));
        let counters = counters.unwrap_or_default();
        PortStats {
            rx_packets: counters.rx_frames,
            tx_packets: counters.tx_frames,
            tx_errors: counters.tx_dropped,
            ..PortStats::default()
        }
    }

    /// All that is counted of the host; of a member's port, all of its adapter's.
    pub(crate) fn xstats(&self, port: usize) -> Vec<(String, u64)> {
        let all = self.host.xstats();
        let Some((member, port)) = Self::member_of(port) else {
            return all.into_iter().map(|stat| (stat.name, stat.value)).collect();
        };
        let mut list: Vec<(String, u64)> = Vec::new();
        if let Some(driver) = self.host.driver(member) {
            list.extend(driver.port_xstats(port).into_iter().map(|stat| (stat.name, stat.value)));
        }
        let own = [format!("driver{member}_"), format!("card{member}_"), format!("port{member}_")];
        let named = all.into_iter().filter_map(|stat| {
            let name = own.iter().find_map(|prefix| stat.name.strip_prefix(prefix.as_str()))?;
            Some((name.to_owned(), stat.value))
        });
        list.extend(named);
        list
    }

    /// What there is to say of a member's port, or of the bond's.
    pub(crate) fn info(&self, port: usize) -> PortInfo {
        if let Some((member, port)) = Self::member_of(port) {
            let mut info = match self.host.driver(member) {
                Some(driver) => adapter_info(driver, port, self.card),
                None => PortInfo {
                    mac: self
                        .host
                        .sockets()
                        .plain_port(MemberId(member as u8))
                        .map_or([0; 6], |(mac, _)| mac),
                    mtu: self.card.mtu,
                    mac_entries: 1,
                    ..PortInfo::default()
                },
            };
            info.up = self.state().up.contains(&LinkId { member: MemberId(member as u8), port });
            if self.host.is_dead(member) {
                info.fault = self
                    .host
                    .failure(member)
                    .map(ToString::to_string)
                    .or(Some("it is dead".to_owned()));
            }
            return info;
        }
        let active = self.state().active;
        let of_active = active.and_then(|link| {
            Some(adapter_info(self.host.driver(link.member.index())?, link.port, self.card))
        });
        PortInfo {
            mac: self.mac,
            mtu: self.card.mtu,
            up: active.is_some(),
            mac_entries: 1,
            speed: of_active.map_or(0, |info| info.speed),
            rxd: (self.card.rxd, 4096),
            txd: (self.card.txd, 8191),
            fault: self.fault.clone(),
            ..PortInfo::default()
        }
    }

    /// How it stands.
    pub(crate) fn state(&self) -> BondState {
        let bond = self.host.bond();
        BondState {
            active: bond.and_then(mafo::Bond::active),
            is_moving: bond.is_some_and(mafo::Bond::is_moving),
            up: self
                .links
                .iter()
                .copied()
                .filter(|&link| bond.is_some_and(|bond| bond.is_up(link)))
                .collect(),
            before: self.history.before(),
            refugees: bond.map_or(0, mafo::Bond::refugees),
        }
    }

    /// Its failovers.
    pub(crate) fn failovers(&self) -> Vec<Failover> {
        self.history.failovers()
    }

    /// Makes another link the active one.
    pub(crate) fn make_active(&mut self, to: LinkId) -> Result<(), String> {
        let now = self.now;
        let Some((bond, core)) = self.host.bond_and_sockets_mut() else {
            return Err("it is not up".to_owned());
        };
        bond.make_active(now, core, to).map_err(|why| why.to_string())
    }

    /// Connections of an adapter, by the host's record.
    pub(crate) fn living_on(&self, member: MemberId) -> usize {
        let core = self.host.sockets();
        core.sockets_from(0)
            .filter(|&id| core.offloaded(id).is_some_and(|conn| conn.member == member))
            .count()
    }

    /// An adapter dies. Whether there is one.
    pub(crate) fn kill(&self, member: usize) -> bool {
        self.host.adapter(member).map(|card| card.faults().die()).is_some()
    }

    /// One that has died is reset and joins again.
    pub(crate) fn revive(&mut self, member: usize) -> Result<(), String> {
        self.host.revive(member).map_err(|e| e.to_string())
    }

    /// Connections, from the first up to `most`, and how many there are in all.
    pub(crate) fn connections(&self, most: usize) -> (Vec<Connection>, usize) {
        let core = self.host.sockets();
        let list =
            core.sockets_from(0).take(most).filter_map(|id| self.connection(core, id)).collect();
        (list, core.sockets())
    }

    fn connection(&self, core: &Core, id: SocketId) -> Option<Connection> {
        let (tuple, status) = (core.tuple(id)?, core.status(id)?);
        let offloaded = core.offloaded(id);
        let stage = self.host.bond().and_then(|bond| bond.stage(id));
        let state = match status.life {
            mafo::Life::Opening => "opening",
            mafo::Life::Over => "over",
            mafo::Life::Open if status.peer_closed && status.shut_down => "closing",
            mafo::Life::Open if status.peer_closed => "close-wait",
            mafo::Life::Open if status.shut_down => "fin-wait",
            mafo::Life::Open => "established",
        };
        Some(Connection {
            local: tuple.local.to_string(),
            remote: tuple.remote.to_string(),
            state,
            home: offloaded.map(|conn| LinkId { member: conn.member, port: conn.port }),
            tid: offloaded.map(|conn| conn.tid.0),
            stage: stage.map(|stage| format!("{stage:?}")),
            unacknowledged: status.unacknowledged,
            readable: status.readable,
        })
    }

    /// What each adapter holds.
    pub(crate) fn tables(&self) -> Vec<Tables> {
        let core = self.host.sockets();
        let of = |member: usize| {
            let tables = core.member(MemberId(member as u8))?;
            // What a dead card would say of itself means nothing.
            let card = self.host.adapter(member).filter(|_| !self.host.is_dead(member));
            Some(Tables {
                member,
                is_dead: self.host.is_dead(member),
                connections: card.map_or(0, |_| self.host.offloaded(member)),
                tids: (tables.tids.in_use(), tables.lcore.resources().ntids as usize),
                opens: tables.atids.in_use(),
                flows: card.map_or(0, |card| card.in_use().flows),
            })
        };
        let members = self.links.iter().map(|link| link.member.index());
        let members: std::collections::BTreeSet<usize> = members.collect();
        members.into_iter().filter_map(of).collect()
    }
}

fn member_config(member: MemberSpec, settings: CardSettings) -> MemberConfig {
    match member {
        MemberSpec::Card { spec, number, wires } => {
            let wires = (0..).map(PortId).zip(wires.into_iter().map(|wire| Box::new(wire) as _));
            SoftConfig {
                asic: asic(&spec, card_number(number), settings.mtu),
                driver: driver_config(settings),
                wires: wires.collect(),
            }
            .into()
        }
        MemberSpec::Bare { wire, mac } => {
            MemberConfig::Port(Box::new(WirePort::new(wire, mac, settings.mtu)))
        }
    }
}
