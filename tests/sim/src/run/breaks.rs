//! What breaks, and what is mended again.

use mafo::{Goal, Refusals};
use mafo_failover::Stage;
use mafo_mem::Nanos;

use super::Run;
use crate::app::{Application, Phase};
use crate::plan::{Aim, Breakage, Death, Fault, Trigger, Which};
use crate::world::links;

impl Run<'_> {
    /// Adapters that are dead get their power back, and holes close, when it is time. Whether any did.
    pub(super) fn heal(&mut self) -> bool {
        let now = self.world.now;
        let mut any = false;
        for n in 0..2 {
            if self.world.near.is_dead(n) && self.revived_at[n].is_some_and(|at| at <= now) {
                match &self.world.slots[n] {
                    Some(slot) => slot.plug(),
                    None => self.world.near.revive(n).expect("memory"),
                }
                if self.plan.mishaps.count == u32::MAX {
                    self.world.suffer(n);
                }
                self.event(format!("adapter {n} has its power back"));
                any = true;
            }
        }
        for link in 0..self.holes_until.len() {
            if self.holes_until[link].take_if(|until| *until <= now).is_some() {
                self.world.holes[link].set([false; 2]);
                self.event(format!("link {link} swallows nothing any more"));
                any = true;
            }
        }
        any
    }

    pub(super) fn breaks(&mut self, fault: Fault) {
        let what = fault.what;
        let active = self.active().unwrap_or(0);
        let all = 0..self.down_until.len();
        let down = |run: &Self, link: usize| run.down_until[link].is_some();
        match what {
            Breakage::Active(time) => self.cut(active, time),
            Breakage::Backup(time) => {
                let backup = all.clone().find(|&link| link != active);
                match backup {
                    Some(link) if down(self, link) => {
                        self.mend(link);
                    }
                    Some(link) => self.cut(link, time),
                    None => {}
                }
            }
            Breakage::All(time) => all.for_each(|link| self.cut(link, time)),
            Breakage::Does(side, act) => {
                if let Some(n) = self.concerned(fault.when) {
                    self.world.acts(n, side, act);
                    self.event(format!("connection {n}, {side:?}: {act:?}"));
                }
            }
            Breakage::Stranger(stray) => {
                if let Some(n) = self.concerned(fault.when) {
                    self.world.stray(n, stray);
                    self.event(format!("connection {n}, a stranger: {stray:?}"));
                }
            }
            Breakage::Silence(time) => {
                self.world.silence(true);
                self.silent_until = Some(self.world.now + time);
                // Nor are answers about next hops.
                self.world.dark_until = self.silent_until;
                self.event(format!("the peer is not heard for {:.6} s", time.as_secs_f64()));
            }
            Breakage::Deaf(side, time) if self.deaf_until.is_none() => {
                self.world.deafen(side);
                self.deaf_until = Some((side, self.world.now + time));
                self.event(format!("{side:?} does not listen for {:.6} s", time.as_secs_f64()));
            }
            Breakage::Deaf(..) => {}
            Breakage::Open => {
                if let Some(n) = self.unopened.pop() {
                    self.world.open(n);
                }
            }
            Breakage::RefuseOpens(opens) => self.refuse(Refusals { opens, uploads: 0 }),
            Breakage::RefuseUploads(uploads) => self.refuse(Refusals { opens: 0, uploads }),
            Breakage::Mend => {
                if let Some(link) = all.clone().find(|&link| down(self, link)) {
                    self.mend(link);
                }
            }
            Breakage::Dies(which, how, time) => self.die(which, how, time),
            Breakage::Move(nth) => {
                let others: Vec<usize> = all.filter(|&link| link != active).collect();
                self.make_active(others[usize::from(nth) % others.len()]);
            }
            Breakage::MoveOne(aim) => self.move_one(fault.when, aim),
            Breakage::Hole(which, ways, time) => {
                let others = all.clone().find(|&link| link != active);
                let link = if which == Which::Active { Some(active) } else { others };
                if let Some(link) = link.filter(|&link| self.holes_until[link].is_none()) {
                    self.world.holes[link].set(ways);
                    self.holes_until[link] = Some(self.world.now + time);
                    let time = time.as_secs_f64();
                    self.event(format!("link {link} swallows {ways:?} for {time:.6} s"));
                }
            }
        }
    }

    /// An adapter dies, or is about to.
    fn die(&mut self, which: Which, how: Death, time: Nanos) {
        let active = self.active().unwrap_or(0);
        let (adapter, _) = links(self.plan)[active];
        let n = if which == Which::Active { adapter } else { 1 - adapter };
        if self.is_broken[n] {
            return;
        }
        match (self.world.near.adapter(n), &self.world.slots[n], how) {
            (Some(card), _, Death::Now) => card.faults().die(),
            (Some(card), _, Death::After(effects)) => card.faults().die_after(effects),
            (Some(card), _, Death::OffTheBus) => card.faults().fall_off_the_bus(),
            (Some(card), _, Death::Hangs) => card.faults().hang(),
            // The device of a port has one way to go.
            (None, Some(slot), _) => slot.pull(),
            (None, None, _) => return,
        }
        self.revived_at[n] = Some(self.world.now + time);
        self.is_broken[n] = true;
        self.event(format!("adapter {n} dies: {how:?}, for {:.6} s", time.as_secs_f64()));
    }

    /// Another link is made the active one, if it can be.
    fn make_active(&mut self, link: usize) {
        let now = self.world.now;
        let to = links(self.plan)[link].into();
        let Some((bond, core)) = self.world.near.bond_and_sockets_mut() else { return };
        let made = bond.make_active(now, core, to);
        self.event(format!("link {link} is to be active: {made:?}"));
    }

    /// A single connection is to live elsewhere, if it can.
    fn move_one(&mut self, when: Trigger, aim: Aim) {
        let links = links(self.plan);
        let to = match aim {
            Aim::Host => Goal::Host,
            Aim::Link(nth) => Goal::Link(links[usize::from(nth) % links.len()].into()),
        };
        self.world.move_own(to);
        // One that the host path has is called back first.
        let at_home = self.at_home().filter(|_| aim != Aim::Host);
        let Some(n) = at_home.or_else(|| self.concerned(when)) else { return };
        let now = self.world.now;
        let Some(id) = self.world.applications[n][0].id else { return };
        let Some((bond, core)) = self.world.near.bond_and_sockets_mut() else { return };
        let moved = bond.move_connection(now, core, id, to);
        self.event(format!("connection {n} is to live on {to:?}: {moved:?}"));
    }

    /// A connection that the host path has in place of an adapter.
    fn at_home(&self) -> Option<usize> {
        let bond = self.world.near.bond()?;
        let is_there = |apps: &[Application; 2]| {
            apps[0].id.is_some_and(|id| {
                bond.stage(id) == Some(Stage::Sheltered)
                    || self.has_ports() && self.world.near.sockets().is_refugee(id)
            })
        };
        self.world.applications.iter().position(is_there)
    }

    /// Whether a member of the bond is an Ethernet port alone.
    fn has_ports(&self) -> bool {
        self.plan.plain.contains(&true)
    }

    /// The connection that a fault is about: one in the stage that it waited for, or else any that lives on an
    /// adapter; where members are no adapters, one that the host path has.
    fn concerned(&self, when: Trigger) -> Option<usize> {
        let core = self.world.near.sockets();
        let bond = self.world.near.bond()?;
        let live = |n: &usize| {
            let ids = &self.world.applications[*n];
            ids.iter().all(|app| app.phase == Phase::Talking)
                && ids[0].id.and_then(|id| core.offloaded(id)).is_some_and(|c| c.state.is_live())
        };
        let waited_for = |n: &usize| match when {
            Trigger::In(stage, _) => {
                self.world.applications[*n][0].id.and_then(|id| bond.stage(id)) == Some(stage)
            }
            Trigger::At(_) => true,
        };
        let all = 0..self.world.applications.len();
        let on_adapter =
            all.clone().filter(live).find(waited_for).or_else(|| all.clone().find(live));
        let here = |n: &usize| {
            let ids = &self.world.applications[*n];
            ids.iter().all(|app| app.phase == Phase::Talking)
                && ids[0].id.is_some_and(|id| core.is_refugee(id))
        };
        on_adapter.or_else(|| all.clone().filter(|_| self.has_ports()).find(here))
    }

    fn refuse(&mut self, refusals: Refusals) {
        for n in 0..2 {
            if let Some(adapter) = self.world.near.adapter_mut(n) {
                adapter.refuse(refusals);
            }
        }
        self.event(format!("{refusals:?}"));
    }

    fn cut(&mut self, link: usize, time: Nanos) {
        self.world.cables[link].set_carrier(false);
        self.cut_at[link] = self.world.steps;
        self.down_until[link] = Some(self.world.now + time);
        self.event(format!("link {link} is cut for {:.6} s", time.as_secs_f64()));
    }

    /// Mends a cable, or says when it can be. Whether it was mended.
    pub(super) fn mend(&mut self, link: usize) -> bool {
        // Lateness counts polls, and the clock jumps where nothing moves. Where no card is late with anything any
        // more, everybody has heard.
        let earliest = self.cut_at[link] + self.link_training;
        if self.world.steps < earliest && !self.world.is_settled() {
            self.down_until[link] = Some(self.world.now + self.plan.tick);
            return false;
        }
        self.hit(Breakage::Mend);
        self.world.cables[link].set_carrier(true);
        self.down_until[link] = None;
        self.event(format!("link {link} is mended"));
        true
    }
}
