//! The connection of the host with the bond with itself. Nobody else hears of it, so nothing that breaks excuses it: neither
//! a link that is down nor an adapter that is dead.

use std::net::IpAddr;

use mafo::{Goal, SocketId};
use mafo_mem::Nanos;
use mafo_stack::FourTuple;

use super::{ADDRESSES, PORT, World, options};
use crate::app::{Application, Phase};
use crate::check::Rule;
use crate::plan::{self, Side};

/// It, from its opening on.
pub(crate) struct Own {
    plan: plan::Own,
    /// The application that opens it and the one that listens, which speak as one of this host and one of the peer do.
    pub(crate) ends: [Application; 2],
    /// One of them has something to do.
    is_due: bool,
    /// When both had read to the end.
    pub(crate) over_at: Option<Nanos>,
}

impl Own {
    /// Its streams are those of a connection `conn`.
    pub(super) fn new(plan: plan::Own, conn: usize) -> Self {
        let end = |side: Side| Application::new(side, conn, plan.ends[side.index()]);
        Self { plan, ends: Side::BOTH.map(end), is_due: false, over_at: None }
    }

    fn start(&mut self, end: usize, id: SocketId) {
        self.ends[end].start(id);
        self.is_due = true;
    }

    /// Whether the socket is one of its two, which is looked after in this step then.
    pub(super) fn wakes(&mut self, id: SocketId) -> bool {
        let is_one = self.ends.iter().any(|end| end.id == Some(id));
        self.is_due |= is_one;
        is_one
    }

    /// Unless it has been accepted it is given up.
    pub(super) fn nobody_listens(&mut self) {
        let accepts = &mut self.ends[1];
        accepts.gave_up |= accepts.phase == Phase::Waiting;
    }

    /// Whether both ends talk.
    pub(crate) fn talks(&self) -> bool {
        self.ends.iter().all(|end| end.phase == Phase::Talking)
    }

    pub(crate) fn is_over(&self) -> bool {
        let [opens, accepts] = &self.ends;
        let was_not_accepted = accepts.phase == Phase::Waiting && opens.gave_up;
        opens.phase == Phase::Over && (accepts.phase == Phase::Over || was_not_accepted)
    }

    fn sockets(&self) -> impl Iterator<Item = SocketId> + '_ {
        self.ends.iter().filter(|end| end.phase != Phase::Over).filter_map(|end| end.id)
    }
}

/// Whether both ends are on the host with the bond.
pub(super) fn is_own(tuple: &FourTuple) -> bool {
    tuple.remote.ip() == IpAddr::V4(ADDRESSES[0])
}

impl World {
    /// When it is to be opened, if it has not been.
    pub(crate) fn own_opens_at(&self) -> Option<Nanos> {
        let unopened = self.own.as_ref().filter(|own| own.ends[0].id.is_none());
        unopened.map(|own| own.plan.at)
    }

    /// Opens it, on an adapter, as its application would have it.
    pub(crate) fn open_own(&mut self) {
        let Some(own) = &mut self.own else { return };
        let at = (ADDRESSES[0], PORT).into();
        let options = options(Side::Near, own.plan.nagle);
        let id = self.near.sockets_mut().connect(self.now, at, None, options).expect("a port");
        own.start(0, id);
    }

    /// The listener's end of it.
    pub(super) fn accept_own(&mut self, id: SocketId) {
        self.own.as_mut().expect("somebody opened it").start(1, id);
    }

    /// Lets its applications do what they can. Whether they did anything.
    pub(super) fn run_own(&mut self) -> bool {
        let now = self.now;
        let Some(own) = &mut self.own else { return false };
        let is_due = std::mem::take(&mut own.is_due);
        let rested = |end: &Application| end.phase == Phase::Talking && end.rested(now);
        if !is_due && !own.ends.iter().any(rested) {
            return false;
        }
        let [opens, accepts] = &mut own.ends;
        let core = self.near.sockets_mut();
        let turns = [
            opens.turn(now, core, accepts, false, &mut self.scratch),
            accepts.turn(now, core, opens, false, &mut self.scratch),
        ];
        let was_lost = own.ends.iter().any(|end| end.was_lost);
        let lost = was_lost.then(|| Err((Rule::Error, "lost with an adapter".to_string())));
        let acted = turns.iter().any(Option::is_some);
        if own.ends.iter().all(|end| end.eof) {
            own.over_at.get_or_insert(now);
        }
        for wrong in turns.into_iter().flatten().chain(lost).filter_map(Result::err) {
            self.violate_own(wrong);
        }
        acted
    }

    fn violate_own(&self, (rule, how): (Rule, String)) {
        self.checker().violate(self.now, rule, None, format!("with itself: {how}"));
    }

    /// No adapter has it, and no handover.
    pub(crate) fn look_at_own(&self) {
        let (Some(own), Some(bond)) = (&self.own, self.near.bond()) else { return };
        let core = self.near.sockets();
        for id in own.sockets() {
            let (place, stage) = (core.offloaded(id), bond.stage(id));
            if place.is_some() || stage.is_some() {
                self.violate_own((Rule::Itself, format!("{place:?} {stage:?}")));
            }
        }
    }

    /// It is to live elsewhere, which is refused.
    pub(crate) fn move_own(&mut self, to: Goal) {
        let Some(own) = &self.own else { return };
        let Some((bond, core)) = self.near.bond_and_sockets_mut() else { return };
        for id in own.sockets() {
            let moved = bond.move_connection(self.now, core, id, to);
            if moved.is_ok() {
                return self.violate_own((Rule::Itself, format!("goes to {to:?}")));
            }
        }
    }
}
