//! Who decides where a host has several lcores and its adapters are all of theirs.
//!
//! ```text
//!   first lcore                             the others
//!   carriers, probes, wishes ─► decisions ──ring──► applied, first thing in a poll
//!   filters, next hops, moves               the same of their own
//! ```
//!
//! Each lcore has a bond over its own queues, and moves the connections that are its own. Which links are up and who is
//! active is one question, though, and has one answer: the first lcore's, in whose ingress queue ARP arrives, and which has
//! the adapters' control planes. What it decides is done there at once, and by each of the others in the same order; so all
//! of them come to the same end, some polls apart. What comes of that is what late news are to a bond anyway: a connection
//! lives elsewhere than on the active link.

use std::collections::VecDeque;

use mafo_mem::Nanos;
use mafo_stack::{Core, MemberId};

use crate::bond::{Bond, LinkId};
use crate::handover::Cause;

/// What the first lcore has decided, for the bonds of the others.
#[derive(Clone, Copy, Debug)]
pub struct Decision(Decided);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Decided {
    /// A link counts as up, or down.
    Link(LinkId, bool),
    /// A link is active from now on.
    Active(LinkId, Cause),
    /// An adapter is dead and silenced; the link that takes over, where it had the active one and there is another.
    Dead(MemberId, Option<LinkId>),
}

impl Decision {
    /// The adapter that is dead by it: the lcore hears its queue out and buries it ([`Core::bury`]) before the bond is told.
    #[must_use]
    pub fn dead(&self) -> Option<MemberId> {
        match self.0 {
            Decided::Dead(member, _) => Some(member),
            Decided::Link(..) | Decided::Active(..) => None,
        }
    }
}

/// A bond's part among those of its host's lcores.
#[derive(Debug, Default)]
pub(crate) enum Part {
    /// There is no other.
    #[default]
    Alone,
    /// It decides. What it has not told yet.
    First(VecDeque<Decision>),
    /// It does what another has decided.
    Other,
}

impl Bond {
    /// This bond decides for those of other lcores, which [`Bond::next_decision`] tells what.
    pub fn lead(&mut self) {
        self.part = Part::First(VecDeque::new());
    }

    /// This bond decides nothing about links by itself: [`Bond::apply`] tells it what another one has.
    pub fn follow_another(&mut self) {
        self.part = Part::Other;
    }

    /// The oldest decision that others have not been told of.
    pub fn next_decision(&mut self) -> Option<Decision> {
        match &mut self.part {
            Part::First(untold) => untold.pop_front(),
            Part::Alone | Part::Other => None,
        }
    }

    /// Does what the first lcore's bond has decided.
    pub fn apply(&mut self, now: Nanos, core: &mut Core, decision: Decision) {
        match decision.0 {
            Decided::Link(id, up) => self.take_link(now, core, id, up),
            Decided::Active(to, cause) => self.switch_to(now, core, to, cause),
            Decided::Dead(member, heir) => self.lose_adapter(now, core, member, heir),
        }
    }

    /// Whether another bond decides.
    pub(crate) fn is_told(&self) -> bool {
        matches!(self.part, Part::Other)
    }

    pub(crate) fn decide(&mut self, decided: Decided) {
        if let Part::First(untold) = &mut self.part {
            untold.push_back(Decision(decided));
        }
    }
}
