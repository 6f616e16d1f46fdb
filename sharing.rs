//! A host whose lcores share its adapters: one card, one control plane, queues for each lcore.
//!
//! ```text
//!   first lcore                                    each of the others
//!   Adapter (mailbox, firmware, links, reset)
//!   the cards' turns, unless they are away
//!   Lcore 0 ─ Stack ─ Bond ── decisions ──ring──►  Bond ─ Stack ─ Lcore k
//!                             queues    ──ring──►
//!                     ◄──ring── "mute", "given up" ──
//! ```
//!
//! The first lcore has the adapters' control planes, and its bond decides ([`Bond::lead`]); the others hear of it first thing in
//! each poll. Beside that they share nothing but the cards: each has its queues there, its share of the tables, its
//! memory, its connections, which RSS brings to it. When an adapter dies, whoever finds out, the first lcore silences it and takes
//! its memory away; then each hears its own queue out and gives it up, and only when all have, the adapter is reset.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use mafo_failover::{Bond, Decision};
use mafo_mem::Nanos;
use mafo_mem::ring::{Consumer, Producer, spsc};
use mafo_mem::rss;
use mafo_pmd::Lcore;
use mafo_pmd::eal::dma::{Arena, WINDOWS_MAX};
use mafo_stack::{MemberId, Shard, Stack};

use crate::host::{Fitted, Host, HostConfig, HostError, MemberConfig, Memory, Stage};

/// Messages under way between the first lcore and another. More wait at their sender.
const RING: usize = 64;

/// Lcores that an adapter can serve: their memory, each, and the queues' are all that it reaches.
const LCORES_MAX: usize = WINDOWS_MAX - 1;

/// What the first lcore tells another.
enum Told {
    /// All adapters are up: its queues on each.
    Up(Vec<Lcore>),
    /// The bond has decided.
    Decided(Decision),
    /// An adapter that was dead is up again: its queues there.
    Back(MemberId, Box<Lcore>),
}

/// What another lcore tells the first.
#[derive(Clone, Copy)]
enum Said {
    /// In this life of its an adapter has not answered what it has to.
    Mute(MemberId, u32),
    /// The queues of a dead adapter are nobody's any more.
    GivenUp(MemberId),
}

/// A ring, and what waits for room in it.
struct Outbox<T> {
    ring: Producer<Option<T>>,
    waiting: VecDeque<T>,
}

impl<T> Outbox<T> {
    fn send(&mut self, message: T) {
        self.waiting.push_back(message);
        self.flush();
    }

    fn flush(&mut self) {
        while !self.waiting.is_empty()
            && let Some(slot) = self.ring.claim()
        {
            *slot = self.waiting.pop_front();
            self.ring.publish();
        }
    }
}

fn mailbox<T>() -> (Outbox<T>, Inbox<T>) {
    let (ring, filled) = spsc(RING, || None);
    (Outbox { ring, waiting: VecDeque::new() }, Inbox(filled))
}

struct Inbox<T>(Consumer<Option<T>>);

impl<T> Inbox<T> {
    fn next(&mut self) -> Option<T> {
        let message = self.0.peek()?.take();
        self.0.release();
        message
    }

    fn has_some(&self) -> bool {
        self.0.first().is_some()
    }
}

/// A host's part among those of its lcores.
#[derive(Default)]
pub(crate) enum Part {
    /// There is no other, or none that shares its adapters.
    #[default]
    Alone,
    /// It has the adapters.
    First(Vec<Follower>),
    /// It has queues of another's adapters.
    Other(Leader),
}

/// Another lcore, seen from the first.
pub(crate) struct Follower {
    tell: Outbox<Told>,
    said: Inbox<Said>,
}

/// The first lcore, seen from another.
pub(crate) struct Leader {
    told: Inbox<Told>,
    say: Outbox<Said>,
    /// How often each adapter has come back.
    lives: Vec<u32>,
}

/// Each lcore's host goes to its thread.
const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<Host>();
};

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alone => f.write_str("alone"),
            Self::First(others) => write!(f, "first of {}", 1 + others.len()),
            Self::Other(_) => f.write_str("follows the first"),
        }
    }
}

impl Part {
    /// Other lcores that have queues of this one's adapters.
    pub(crate) fn followers(&self) -> usize {
        match self {
            Self::First(others) => others.len(),
            Self::Alone | Self::Other(_) => 0,
        }
    }

    /// Whether somebody has said something that was not heard so far.
    pub(crate) fn has_news(&self) -> bool {
        match self {
            Self::Alone => false,
            Self::First(others) => {
                others.iter().any(|other| other.said.has_some() || !other.tell.waiting.is_empty())
            }
            Self::Other(first) => first.told.has_some() || !first.say.waiting.is_empty(),
        }
    }
}

impl Host {
    /// A host of `lcores` lcores that share its adapters, by lcore: each is a `Host` of its own to its thread, with sockets
    /// and a bond, and each has memory and tables as `config` says. The first has the adapters' control planes and, unless it
    /// parts with them, the cards, so it has to be polled all the time; what is asked of adapters is asked of it, and
    /// its bond decides which links are up and who is active. Nothing runs before [`Host::poll`] of each.
    ///
    /// Ethernet ports that are no adapter's cannot be shared.
    pub fn on_lcores(config: HostConfig, lcores: usize) -> Result<Vec<Self>, HostError> {
        Self::share(config, lcores, Arena::new)
    }

    /// The same by [`Arena::ordinary`]: for simulations, in which hosts come and go.
    pub fn simulated_on_lcores(config: HostConfig, lcores: usize) -> Result<Vec<Self>, HostError> {
        Self::share(config, lcores, Arena::ordinary)
    }

    fn share(
        mut config: HostConfig,
        lcores: usize,
        memory: Memory,
    ) -> Result<Vec<Self>, HostError> {
        if !(1..=LCORES_MAX).contains(&lcores) {
            return Err(HostError::Lcores { lcores, most: LCORES_MAX });
        }
        let is_port = |member: &MemberConfig| matches!(member, MemberConfig::Port(_));
        if let Some(member) = config.members.iter().position(is_port).filter(|_| lcores > 1) {
            return Err(HostError::NotShared { member });
        }
        for adapter in config.adapters_mut() {
            adapter.driver.lcores = lcores as u8;
        }
        let (stack, members) = (config.stack.clone(), config.members.len());
        let mut hosts = vec![Self::in_memory(config, lcores, memory)?];
        if lcores == 1 {
            return Ok(hosts);
        }
        let mut followers = Vec::new();
        let memories: Vec<_> = hosts[0].shared.iter().skip(1).map(Arc::clone).collect();
        for arena in memories {
            let ((tell, told), (say, said)) = (mailbox(), mailbox());
            followers.push(Follower { tell, said });
            let leader = Leader { told, say, lives: vec![0; members] };
            let first = &hosts[0];
            hosts.push(Self {
                members: (0..members).map(|_| Fitted::Elsewhere).collect(),
                memory,
                stack: Stack::new(stack.clone(), Arc::clone(&arena)),
                shared: vec![arena],
                config: first.config.clone(),
                bond: None,
                mac: first.mac,
                warnings: Vec::new(),
                macs_at: Vec::new(),
                next_look: Nanos::ZERO,
                part: Part::Other(leader),
            });
        }
        hosts[0].part = Part::First(followers);
        for (host, shard) in hosts.iter_mut().zip(Shard::set(lcores)) {
            host.set_shard(shard);
        }
        Ok(hosts)
    }

    /// Tells the other lcores what the bond has decided, in order.
    pub(crate) fn tell_others(&mut self) {
        let Part::First(others) = &mut self.part else { return };
        while let Some(decision) = self.bond.as_mut().and_then(Bond::next_decision) {
            for other in &mut *others {
                other.tell.send(Told::Decided(decision));
            }
        }
        for other in others {
            other.tell.flush();
        }
    }

    /// Gives the other lcores their queues: all adapters are up for the first time.
    pub(crate) fn give_queues(&mut self) -> Result<(), HostError> {
        let Part::First(others) = &mut self.part else { return Ok(()) };
        for (n, other) in (1..).zip(others) {
            let mut lcores = Vec::new();
            for (adapter, fitted) in self.members.iter_mut().enumerate() {
                let Some(card) = fitted.card_mut() else { continue };
                let Some(lcore) = card.driver.take_lcore(n) else { continue };
                let spread = |entries: u16| usize::from(entries).is_multiple_of(rss::ENTRIES);
                if !lcore.resources().ports.iter().all(|port| spread(port.rss_entries)) {
                    return Err(HostError::Spread { adapter });
                }
                lcores.push(lcore);
            }
            other.tell.send(Told::Up(lcores));
        }
        Ok(())
    }

    /// Gives them their queues of adapter `n`, which is up again.
    pub(crate) fn give_queues_back(&mut self, n: usize) {
        // What was decided before is about the one that died.
        self.tell_others();
        let Part::First(others) = &mut self.part else { return };
        let Some(card) = self.members.get_mut(n).and_then(Fitted::card_mut) else { return };
        card.life += 1;
        for (lcore, other) in (1..).zip(others) {
            if let Some(lcore) = card.driver.take_lcore(lcore) {
                other.tell.send(Told::Back(MemberId(n as u8), Box::new(lcore)));
            }
        }
    }

    /// Hears what the other lcores have to say.
    pub(crate) fn hear_others(&mut self, now: Nanos) -> Result<(), HostError> {
        let count = self.part.followers();
        for at in 0..count {
            while let Part::First(others) = &mut self.part
                && let Some(said) = others[at].said.next()
            {
                let (member, accused) = match said {
                    Said::Mute(member, life) => (member, Some(life)),
                    Said::GivenUp(member) => (member, None),
                };
                let n = member.index();
                let Some(card) = self.members.get_mut(n).and_then(Fitted::card_mut) else {
                    continue;
                };
                match accused {
                    Some(life) if life == card.life && card.stage == Stage::Running => {
                        card.driver.give_up(now);
                        self.bury(now, n);
                    }
                    // Of a life that is over.
                    Some(_) => {}
                    None => card.holders = card.holders.saturating_sub(1),
                }
            }
        }
        for n in 0..if count > 0 { self.members.len() } else { 0 } {
            let card = self.members[n].card_mut();
            if card.is_some_and(|card| card.stage == Stage::Recalled && card.holders == 0) {
                self.power_up(n)?;
            }
        }
        Ok(())
    }

    /// [`Host::poll`] of an lcore that has queues of another's adapters; nothing of a host that has its own.
    pub(crate) fn poll_shared(&mut self, now: Nanos) -> Result<(), HostError> {
        while let Part::Other(first) = &mut self.part
            && let Some(told) = first.told.next()
        {
            self.hear_first(now, told)?;
        }
        let (Some(bond), Part::Other(first)) = (&mut self.bond, &mut self.part) else {
            return Ok(());
        };
        self.stack.poll_with(now, bond);
        bond.poll(now, self.stack.core_mut());
        self.stack.core_mut().ring();
        while let Some(member) = self.stack.core_mut().take_mute() {
            first.say.send(Said::Mute(member, first.lives[member.index()]));
        }
        first.say.flush();
        Ok(())
    }

    fn hear_first(&mut self, now: Nanos, told: Told) -> Result<(), HostError> {
        let Part::Other(first) = &mut self.part else { return Ok(()) };
        if let Told::Up(lcores) = told {
            for lcore in lcores {
                self.stack.add_adapter(lcore);
            }
            self.config.check_members(self.stack.core())?;
            let mut bond = Bond::new(self.config.clone(), self.stack.core_mut());
            bond.follow_another();
            self.bond = Some(bond);
            return Ok(());
        }
        let Some(bond) = &mut self.bond else { return Ok(()) };
        match told {
            Told::Up(_) => {}
            Told::Decided(decision) => {
                if let Some(member) = decision.dead() {
                    self.stack.hear_out(now, bond, member);
                    self.stack.core_mut().bury(member);
                    first.say.send(Said::GivenUp(member));
                }
                bond.apply(now, self.stack.core_mut(), decision);
                self.stack.core_mut().ring();
            }
            Told::Back(member, lcore) => {
                first.lives[member.index()] += 1;
                let core = self.stack.core_mut();
                core.replace_adapter(member, *lcore);
                bond.on_adapter_back(now, core, member);
            }
        }
        Ok(())
    }
}
