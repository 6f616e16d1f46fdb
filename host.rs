//! A whole host: adapters with their drivers and Ethernet ports without, a bond over them, sockets on top.

use std::fmt;
use std::sync::Arc;

use mafo_asic::AsicConfig;
use mafo_failover::{BadBond, Bond, BondConfig, BondWarning, FailOverMac, LinkId};
use mafo_mem::Nanos;
use mafo_pmd::adapter::{AdapterEvent, Request, RequestId, State};
use mafo_pmd::eal::dma::{Arena, Domain};
use mafo_pmd::eal::hugepage::NoMemory;
use mafo_pmd::{Adapter, AdapterConfig, AdapterError, EthPort};
use mafo_stack::{Core, MemberId, Shard, Stack, StackConfig};
use mafo_t4::PortId;
use mafo_t4::regs::tp::MTU_COUNT;
use mafo_wire::Wire;
use thiserror::Error;

use crate::away::{CardRunner, Seat};
use crate::sharing::Part;
use crate::soft::SoftAdapter;

/// A software adapter and what is plugged into it.
pub struct SoftConfig {
    /// The card.
    pub asic: AsicConfig,
    /// Its driver.
    pub driver: AdapterConfig,
    /// The cables.
    pub wires: Vec<(PortId, Box<dyn Wire>)>,
}

/// A member of a host's bond.
pub enum MemberConfig {
    /// A software adapter.
    Adapter(Box<SoftConfig>),
    /// An Ethernet port that is no adapter's: a link of its own, with port 0. The TCP of connections that use it runs on the
    /// host.
    Port(Box<dyn EthPort + Send>),
}

impl From<SoftConfig> for MemberConfig {
    fn from(soft: SoftConfig) -> Self {
        Self::Adapter(Box::new(soft))
    }
}

/// What a host is made of.
pub struct HostConfig {
    /// Addresses, sizes and the host path's TCP. Its MAC is the bond's.
    pub stack: StackConfig,
    /// The adapters, and ports beside them.
    pub members: Vec<MemberConfig>,
    /// The bond over their ports.
    pub bond: BondConfig,
}

impl HostConfig {
    /// A host of these.
    pub fn new(
        stack: StackConfig,
        members: impl IntoIterator<Item = impl Into<MemberConfig>>,
        bond: BondConfig,
    ) -> Self {
        Self { stack, members: members.into_iter().map(Into::into).collect(), bond }
    }

    /// The adapters, to be changed.
    pub fn adapters_mut(&mut self) -> impl Iterator<Item = &mut SoftConfig> {
        self.members.iter_mut().filter_map(|member| match member {
            MemberConfig::Adapter(soft) => Some(&mut **soft),
            MemberConfig::Port(_) => None,
        })
    }
}

/// Why a host could not be made, or stopped.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostError {
    /// No memory for queues or buffers.
    #[error("no memory for {what}: {source}")]
    Memory {
        /// What it was for.
        what: &'static str,
        /// What the system said.
        source: NoMemory,
    },
    /// The bond's settings contradict themselves.
    #[error("bond: {0}")]
    Bond(#[from] BadBond),
    /// Too many lcores are to share the adapters, or none is.
    #[error("{lcores} lcores of one host: 1 to {most}")]
    Lcores {
        /// How many.
        lcores: usize,
        /// How many there may be.
        most: usize,
    },
    /// A member that several lcores cannot share.
    #[error("member {member} is an Ethernet port, which one lcore has alone")]
    NotShared {
        /// Which.
        member: usize,
    },
    /// An adapter spreads what it receives in another way than sockets do.
    #[error("adapter {adapter} has too few entries of its RSS table for several lcores")]
    Spread {
        /// Which.
        adapter: usize,
    },
    /// An adapter failed.
    #[error("adapter {adapter}: {source}")]
    Adapter {
        /// Which.
        adapter: usize,
        /// How.
        source: AdapterError,
    },
}

/// A member in its place.
pub(crate) enum Fitted {
    Adapter(Box<Card>),
    /// An adapter whose control plane the first lcore has.
    Elsewhere,
    /// A port is the stack's, as soon as the adapters are up.
    Port(Option<Box<dyn EthPort + Send>>),
}

impl fmt::Debug for Fitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adapter(card) => card.fmt(f),
            Self::Elsewhere => f.write_str("queues of an adapter"),
            Self::Port(_) => f.write_str("port"),
        }
    }
}

impl Fitted {
    fn card(&self) -> Option<&Card> {
        match self {
            Self::Adapter(card) => Some(card),
            Self::Elsewhere | Self::Port(_) => None,
        }
    }

    pub(crate) fn card_mut(&mut self) -> Option<&mut Card> {
        match self {
            Self::Adapter(card) => Some(card),
            Self::Elsewhere | Self::Port(_) => None,
        }
    }
}

/// An adapter and its driver.
#[derive(Debug)]
pub(crate) struct Card {
    pub(crate) soft: Seat,
    pub(crate) driver: Adapter,
    settings: AdapterConfig,
    ports: u8,
    /// Requests for the bond's address on the ports, not answered yet.
    asked: Vec<RequestId>,
    /// Requests that the firmware refused.
    refused: u32,
    pub(crate) stage: Stage,
    /// Other lcores that have not given up its queues since it died.
    pub(crate) holders: usize,
    /// How often it has come back.
    pub(crate) life: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The driver brings the adapter up.
    Starting,
    /// The bond's address is being added to its ports.
    Addressing,
    /// Its queues are the stack's.
    Running,
    /// It has failed, and is held in reset.
    Dead,
    /// So it is, until no lcore uses its queues any more; then it is brought up again.
    Recalled,
}

impl Stage {
    /// Whether it is held in reset.
    pub(crate) fn is_dead(self) -> bool {
        matches!(self, Self::Dead | Self::Recalled)
    }
}

/// A host on software adapters: bring-up, then a stack and a bond, by [`Host::poll`].
#[derive(Debug)]
pub struct Host {
    pub(crate) members: Vec<Fitted>,
    /// Where memory comes from.
    pub(crate) memory: Memory,
    /// Memory that every adapter reaches: an arena for each lcore that shares them, this one's first.
    pub(crate) shared: Vec<Arc<Arena>>,
    pub(crate) stack: Stack,
    /// What the bond is made of, when the adapters are up.
    pub(crate) config: BondConfig,
    pub(crate) bond: Option<Bond>,
    pub(crate) mac: [u8; 6],
    pub(crate) warnings: Vec<BondWarning>,
    /// Links that receive frames for the bond's address, where only one is to (`fail_over_mac` follow).
    pub(crate) macs_at: Vec<LinkId>,
    /// When ports are asked for the state of their links next (`miimon`).
    pub(crate) next_look: Nanos,
    pub(crate) part: Part,
}

/// Gives an arena of so many bytes.
pub(crate) type Memory = fn(usize) -> Result<Arc<Arena>, NoMemory>;

/// What an adapter with `ports` ports may reach: queues of its own, and what all share.
fn reach(
    n: usize,
    settings: &AdapterConfig,
    ports: u8,
    (memory, shared): (Memory, &[Arc<Arena>]),
) -> Result<(Arc<Domain>, Arc<Arena>), HostError> {
    let arena = memory(settings.memory_len(ports.into()))
        .map_err(|source| HostError::Memory { what: "queues", source })?;
    let domain = Domain::new(n as u8 + 1);
    for arena in shared {
        domain.map(arena);
    }
    Ok((domain, arena))
}

/// Whether every link of the bond is a port that there is, and carries the packets of the stack: connections send as
/// much by any of them.
fn check_links(config: &HostConfig) -> Result<(), BadBond> {
    let need = config.stack.mtu;
    for &link in &config.bond.links {
        let has = match config.members.get(link.member.index()) {
            Some(MemberConfig::Adapter(adapter)) if link.port.0 < adapter.asic.ports => {
                adapter.driver.mtu
            }
            Some(MemberConfig::Port(port)) if link.port == PortId(0) => port.mtu(),
            _ => return Err(BadBond::NoSuchPort(link)),
        };
        if has < need {
            return Err(BadBond::Mtu { member: link.member, has, need });
        }
    }
    Ok(())
}

impl Card {
    /// Adds the bond's address to `ports` when the driver has brought the adapter up.
    fn address(&mut self, mac: [u8; 6], ports: impl Iterator<Item = PortId>) {
        if self.stage == Stage::Starting && self.driver.is_up() {
            let driver = &mut self.driver;
            let others: Vec<PortId> = ports.filter(|&port| driver.mac(port) != Some(mac)).collect();
            for port in others {
                if let Ok(id) = driver.request(Request::AddMac { port, mac, source: true }) {
                    self.asked.push(id);
                }
            }
            self.stage = Stage::Addressing;
        }
        // Of what else happens the lcore has been told.
        while let Some(event) = self.driver.poll_event() {
            if let AdapterEvent::Done { id, result } = event {
                self.asked.retain(|&asked| asked != id);
                if result.is_err() {
                    self.refused += 1;
                }
            }
        }
    }
}

impl Host {
    /// Plugs everything together. Nothing runs before [`Host::poll`].
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        Self::in_memory(config, 1, Arena::new)
    }

    /// The same by [`Arena::ordinary`]: for simulations, in which hosts come and go.
    pub fn simulated(config: HostConfig) -> Result<Self, HostError> {
        Self::in_memory(config, 1, Arena::ordinary)
    }

    /// The first of `lcores` lcores that share the adapters; with memory for all of them.
    pub(crate) fn in_memory(
        mut config: HostConfig,
        lcores: usize,
        memory: Memory,
    ) -> Result<Self, HostError> {
        config.bond.check()?;
        check_links(&config)?;
        let warnings = config.bond.round();
        let protect = config.bond.protect;
        for soft in config.adapters_mut() {
            // One decision for both: what a card acknowledges is what its host can vouch for.
            soft.asic.commits = protect;
        }
        // Send buffers are reached by every adapter: a connection's bytes stay where they are when it
        // changes its owner.
        let shared = (0..lcores)
            .map(|_| memory(config.stack.send_memory()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| HostError::Memory { what: "send buffers", source })?;
        let mut members = Vec::new();
        for (n, member) in config.members.into_iter().enumerate() {
            let soft = match member {
                MemberConfig::Adapter(soft) => *soft,
                MemberConfig::Port(port) => {
                    members.push(Fitted::Port(Some(port)));
                    continue;
                }
            };
            let (ports, settings) = (soft.asic.ports, soft.driver);
            let (domain, arena) = reach(n, &settings, ports, (memory, &shared))?;
            let card = SoftAdapter::new(soft.asic, Arc::clone(&domain), soft.wires);
            let driver = Adapter::new(card.bar(), domain, arena, settings);
            members.push(Fitted::Adapter(Box::new(Card {
                soft: Seat::Here(Box::new(card)),
                driver,
                settings,
                ports,
                asked: Vec::new(),
                refused: 0,
                stage: Stage::Starting,
                holders: 0,
                life: 0,
            })));
        }
        let mac = config.stack.mac;
        let stack = Stack::new(config.stack, Arc::clone(&shared[0]));
        Ok(Self {
            members,
            memory,
            shared,
            stack,
            config: config.bond,
            bond: None,
            mac,
            warnings,
            macs_at: Vec::new(),
            next_look: Nanos::ZERO,
            part: Part::Alone,
        })
    }

    /// Makes this the part of a host that one of its lcores has. Its adapters serve that lcore alone, and their cables
    /// bring it what belongs to it, as those of [`mafo_wire::multiqueue`] do.
    pub fn set_shard(&mut self, shard: Shard) {
        self.stack.set_shard(shard);
    }

    /// What of the bond's settings was put right, or has no effect.
    #[must_use]
    pub fn warnings(&self) -> &[BondWarning] {
        &self.warnings
    }

    /// Moves everything on that can be moved without waiting. An adapter that fails once the host is up is no error:
    /// its connections go on elsewhere, as [`Bond::poll_event`] tells.
    pub fn poll(&mut self, now: Nanos) -> Result<(), HostError> {
        let now = self.stack.advance(now);
        if matches!(self.part, Part::Other(_)) {
            return self.poll_shared(now);
        }
        self.hear_others(now)?;
        self.tell_others();
        // What is to leave by the active link goes first.
        let active =
            self.bond.as_ref().and_then(Bond::active).map_or(0, |link| link.member.index());
        let others = (0..self.members.len()).filter(|&n| n != active);
        let briefly = self.bond.as_ref().is_some_and(|bond| bond.is_opening(now));
        for n in core::iter::once(active).chain(others) {
            let Some(fitted) = self.members.get_mut(n).and_then(Fitted::card_mut) else {
                self.look_at_port(now, n);
                continue;
            };
            if fitted.stage.is_dead() {
                continue;
            }
            fitted.soft.run(now, briefly);
            if let Err(source) = fitted.driver.poll(now).map(|_| ()) {
                if self.bond.is_none() {
                    return Err(HostError::Adapter { adapter: n, source });
                }
                self.bury(now, n);
            }
        }
        self.bring_up(now)?;
        self.look_at_links(now);
        if let Some(bond) = &mut self.bond {
            self.stack.poll_with(now, bond);
            bond.poll(now, self.stack.core_mut());
            self.stack.core_mut().ring();
        }
        self.tell_others();
        self.bury_mute(now);
        self.move_mac();
        Ok(())
    }

    /// Whether [`Host::poll`] is worth more than anything else for once: the active link has just failed, and frames that
    /// were on their way to it wait for the next poll to leave by another. A few times after each failure.
    pub fn is_in_a_hurry(&mut self) -> bool {
        self.bond.as_mut().is_some_and(Bond::is_in_a_hurry)
    }

    /// A port whose device is gone is as dead as an adapter; when one is in its place again it is a member again.
    fn look_at_port(&mut self, now: Nanos, n: usize) {
        let (Some(bond), member) = (&mut self.bond, MemberId(n as u8)) else { return };
        let core = self.stack.core_mut();
        match (core.is_gone(member), core.is_dead(member)) {
            (true, false) => {
                core.bury(member);
                bond.on_adapter_dead(now, core, member);
                core.ring();
            }
            (false, true) => {
                core.revive_port(member);
                bond.on_adapter_back(now, core, member);
            }
            _ => {}
        }
    }

    /// Adapters that do not answer what they have to have failed as well: nobody can go on with a connection as long as
    /// its owner may speak.
    fn bury_mute(&mut self, now: Nanos) {
        while let Some(member) = self.stack.core_mut().take_mute() {
            let n = member.index();
            let card = self.members.get_mut(n).and_then(Fitted::card_mut);
            if let Some(card) = card.filter(|card| card.stage == Stage::Running) {
                card.driver.give_up(now);
                self.bury(now, n);
            }
        }
    }

    /// An adapter has failed: it is silenced, its memory is taken away from it, what it had still told is heard, and its
    /// connections get other owners. In this order: nothing of it may change any more what is decided then.
    pub(crate) fn bury(&mut self, now: Nanos, n: usize) {
        let Some(bond) = &mut self.bond else { return };
        let Some(fitted) = self.members.get_mut(n).and_then(Fitted::card_mut) else { return };
        fitted.soft.silence(now);
        fitted.driver.domain().revoke();
        let was_running = fitted.stage == Stage::Running;
        fitted.stage = Stage::Dead;
        // It is reset, and forgets what it received.
        self.macs_at.retain(|at| at.member.index() != n);
        if was_running {
            fitted.holders = self.part.followers();
            let member = MemberId(n as u8);
            self.stack.hear_out(now, bond, member);
            let core = self.stack.core_mut();
            core.bury(member);
            bond.on_adapter_dead(now, core, member);
            core.ring();
            self.tell_others();
        }
    }

    /// Gives an adapter that has failed its power back, resets it and probes it anew; it joins the bond when it is up,
    /// and takes over again only when it has to. Nothing happens to one that lives, nor to a port, which joins again by
    /// itself when there is a device in its place. Where lcores share it, it is to be said to the first, and is done when all
    /// of them have given up its queues.
    pub fn revive(&mut self, n: usize) -> Result<(), HostError> {
        let card = self.members.get_mut(n).and_then(Fitted::card_mut);
        let Some(fitted) = card.filter(|card| card.stage == Stage::Dead) else {
            return Ok(());
        };
        if fitted.holders > 0 {
            fitted.stage = Stage::Recalled;
            return Ok(());
        }
        self.power_up(n)
    }

    pub(crate) fn power_up(&mut self, n: usize) -> Result<(), HostError> {
        let Some(fitted) = self.members.get_mut(n).and_then(Fitted::card_mut) else {
            return Ok(());
        };
        let (domain, arena) =
            reach(n, &fitted.settings, fitted.ports, (self.memory, &self.shared))?;
        fitted.soft.power_cycle(&domain);
        fitted.driver = Adapter::new(fitted.soft.bar(), domain, arena, fitted.settings);
        (fitted.asked, fitted.refused, fitted.stage) = (Vec::new(), 0, Stage::Starting);
        Ok(())
    }

    /// Why an adapter has failed, if it has and was not revived.
    #[must_use]
    pub fn failure(&self, n: usize) -> Option<&AdapterError> {
        match self.card(n)?.driver.state() {
            State::Failed(error) => Some(error),
            _ => None,
        }
    }

    /// The driver of an adapter, to be asked; `None` of a port, and of an adapter whose control plane another lcore has.
    #[must_use]
    pub fn driver(&self, n: usize) -> Option<&Adapter> {
        self.card(n).map(|card| &card.driver)
    }

    pub(crate) fn card(&self, n: usize) -> Option<&Card> {
        self.members.get(n).and_then(Fitted::card)
    }

    fn cards(&self) -> impl Iterator<Item = (usize, &Card)> {
        self.members.iter().enumerate().filter_map(|(n, member)| Some((n, member.card()?)))
    }

    /// Whether an adapter has failed and was not revived, or a port has no device.
    #[must_use]
    pub fn is_dead(&self, n: usize) -> bool {
        match self.members.get(n) {
            Some(Fitted::Adapter(card)) => card.stage.is_dead(),
            Some(Fitted::Elsewhere | Fitted::Port(_)) => {
                self.bond.is_some() && self.sockets().is_dead(MemberId(n as u8))
            }
            None => false,
        }
    }

    /// The active link receives frames for the bond's address, and no other does (`fail_over_mac` follow).
    fn move_mac(&mut self) {
        let active = self.bond.as_ref().and_then(Bond::active);
        let Some(active) = active.filter(|_| self.config.fail_over_mac == FailOverMac::Follow)
        else {
            return;
        };
        let (members, mac) = (&mut self.members, self.mac);
        // Where too much is asked of an adapter already it is asked again at the next poll.
        let mut ask = |link: LinkId, request: Request| {
            let fitted = members.get_mut(link.member.index()).and_then(Fitted::card_mut);
            let running = fitted.filter(|fitted| fitted.stage == Stage::Running);
            running.is_some_and(|fitted| fitted.driver.request(request).is_ok())
        };
        if !self.macs_at.contains(&active)
            && ask(active, Request::AddMac { port: active.port, mac, source: false })
        {
            self.macs_at.push(active);
        }
        self.macs_at
            .retain(|&at| at == active || !ask(at, Request::RemoveMac { port: at.port, mac }));
    }

    /// Asks for the state of every link of the bond, in case that the firmware has not told of a change.
    fn look_at_links(&mut self, now: Nanos) {
        if self.config.miimon == Nanos::ZERO || now < self.next_look {
            return;
        }
        self.next_look = now + self.config.miimon;
        for link in &self.config.links {
            let fitted = self.members.get_mut(link.member.index()).and_then(Fitted::card_mut);
            if let Some(fitted) = fitted.filter(|fitted| fitted.stage == Stage::Running) {
                // One that has not answered the last questions yet is not asked.
                let _ = fitted.driver.request(Request::PollLink { port: link.port });
            }
        }
    }

    fn bring_up(&mut self, now: Nanos) -> Result<(), HostError> {
        let everywhere = self.config.fail_over_mac == FailOverMac::None;
        let links = if everywhere { &self.config.links[..] } else { &[] };
        let cards = self.members.iter_mut().enumerate();
        for (n, fitted) in cards.filter_map(|(n, member)| Some((n, member.card_mut()?))) {
            let ports = links.iter().filter(|link| link.member.index() == n).map(|link| link.port);
            fitted.address(self.mac, ports);
        }
        let ready = |card: &Card| card.stage == Stage::Addressing && card.asked.is_empty();
        if self.bond.is_some() {
            for n in 0..self.members.len() {
                if self.card(n).is_some_and(ready) {
                    self.come_back(now, n);
                }
            }
            return Ok(());
        }
        if !self.cards().all(|(_, card)| ready(card)) {
            return Ok(());
        }
        self.give_queues()?;
        for fitted in &mut self.members {
            match fitted {
                Fitted::Adapter(card) => {
                    if let Some(lcore) = card.driver.take_lcore(0) {
                        self.stack.add_adapter(lcore);
                    }
                    card.stage = Stage::Running;
                }
                Fitted::Elsewhere => {}
                Fitted::Port(port) => {
                    if let Some(port) = port.take() {
                        self.stack.add_port(port);
                    }
                }
            }
        }
        self.config.check_members(self.stack.core())?;
        let bond = self.bond.insert(Bond::new(self.config.clone(), self.stack.core_mut()));
        if self.part.followers() > 0 {
            bond.lead();
        }
        Ok(())
    }

    /// An adapter that was dead is up: its queues are the lcores' again.
    fn come_back(&mut self, now: Nanos, n: usize) {
        self.give_queues_back(n);
        let (Some(card), Some(bond)) =
            (self.members.get_mut(n).and_then(Fitted::card_mut), &mut self.bond)
        else {
            return;
        };
        card.stage = Stage::Running;
        if let Some(lcore) = card.driver.take_lcore(0) {
            let (core, member) = (self.stack.core_mut(), MemberId(n as u8));
            core.replace_adapter(member, lcore);
            bond.on_adapter_back(now, core, member);
        }
    }

    /// Whether all adapters are up and the bond stands, though perhaps without a link.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.bond.as_ref().is_some_and(|bond| bond.is_ready(self.stack.core()))
    }

    /// The bond, once the adapters are up.
    #[must_use]
    pub fn bond(&self) -> Option<&Bond> {
        self.bond.as_ref()
    }

    /// The bond, to fetch its events.
    pub fn bond_mut(&mut self) -> Option<&mut Bond> {
        self.bond.as_mut()
    }

    /// The bond, to be told what to do, and the sockets that it moves.
    pub fn bond_and_sockets_mut(&mut self) -> Option<(&mut Bond, &mut Core)> {
        Some((self.bond.as_mut()?, self.stack.core_mut()))
    }

    /// The sockets.
    #[must_use]
    pub fn sockets(&self) -> &Core {
        self.stack.core()
    }

    /// The sockets.
    pub fn sockets_mut(&mut self) -> &mut Core {
        self.stack.core_mut()
    }

    /// What connections still hold on the adapters, as the driver's tables and the cards themselves
    /// say: tids, opens, next hops, flows. Not 0 when all connections are closed: something was not
    /// given back.
    #[must_use]
    pub fn left_over(&self) -> usize {
        let core = self.stack.core();
        let cards =
            self.cards().map(|(_, card)| card.soft.in_use()).map(|used| used.tids + used.flows);
        let tables = (0..self.members.len())
            .filter_map(|n| core.member(MemberId(n as u8)))
            .map(mafo_stack::tom::Member::left_over);
        cards.sum::<usize>() + tables.sum::<usize>()
    }

    /// Connections that an adapter owns, by its own count (LE_DB_ACT_CNT_IPV4).
    #[must_use]
    pub fn offloaded(&self, adapter: usize) -> usize {
        self.card(adapter).map_or(0, |card| card.soft.active_connections())
    }

    /// Enters a tid that nobody will give back: a check that counts them has to notice.
    #[cfg(debug_assertions)]
    pub fn leak_tid(&mut self) {
        if let Some(member) = self.stack.core_mut().member_mut(MemberId(0)) {
            let last = mafo_t4::Tid(member.lcore.resources().ntids - 1);
            let nobody = mafo_stack::tom::TidUse::Dying(mafo_t4::L2tIdx(0));
            // Taken already, it would be the first of 16,384 connections: nothing to leak then.
            let _ = member.tids.insert(last, nobody);
        }
    }

    /// Gives all adapters another MTU table ([`Adapter::load_mtus`]). Whether all took it. Of lcores that share them the
    /// first is to be told.
    pub fn load_mtus(&mut self, mtus: [u16; MTU_COUNT]) -> bool {
        if matches!(self.part, Part::Other(_)) {
            return false;
        }
        let cards = self.members.iter_mut().filter_map(Fitted::card_mut);
        cards.map(|card| card.driver.load_mtus(mtus)).filter(|&taken| !taken).count() == 0
    }

    /// A software adapter, unless another thread polls it.
    #[must_use]
    pub fn adapter(&self, n: usize) -> Option<&SoftAdapter> {
        self.card(n)?.soft.here()
    }

    /// A software adapter, to make things go wrong, unless another thread polls it.
    pub fn adapter_mut(&mut self, n: usize) -> Option<&mut SoftAdapter> {
        self.members.get_mut(n)?.card_mut()?.soft.here_mut()
    }

    /// Gives the software adapters away, to be polled on a core of their own, for good: from now on [`Host::poll`] runs what a
    /// host runs that has real cards, and another thread has to call [`CardRunner::poll`], all the time: to ask a card
    /// for its counters, to silence or to revive it waits for that. What a card has to tell its host wakes nobody
    /// ([`Host::poll_timeout`] knows nothing of it).
    pub fn part_with_cards(&mut self) -> CardRunner {
        let cards = self.members.iter_mut().filter_map(Fitted::card_mut);
        CardRunner::of(cards.map(|card| &mut card.soft))
    }

    /// When [`Host::poll`] has something to do without a frame coming in.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        let alive = || self.cards().filter(|(_, card)| !card.stage.is_dead());
        let cards = alive().filter_map(|(_, card)| card.soft.poll_timeout()).min();
        let drivers = alive().filter_map(|(_, card)| card.driver.poll_timeout()).min();
        let bond = self.bond.as_ref().and_then(Bond::poll_timeout);
        let looks = self.config.miimon > Nanos::ZERO && !matches!(self.part, Part::Other(_));
        let look = looks.then_some(self.next_look);
        let told = self.part.has_news().then_some(Nanos::ZERO);
        [cards, drivers, bond, look, told, self.stack.poll_timeout()].into_iter().flatten().min()
    }
}
