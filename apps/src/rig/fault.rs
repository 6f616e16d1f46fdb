//! What breaks, and how it is made whole again.

use std::collections::BTreeSet;

use clap::ValueEnum;
use mafo::{LinkId, MemberId};

use super::run::{RigError, Run};
use super::world::Layout;

/// What happens to the active link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// The cable of an adapter that has no other is cut: another adapter takes over
    Link,
    /// The path dies behind a carrier that stays: frames get lost both ways, which only probes find out
    Blackhole,
    /// The cable of a port is cut whose adapter has another, which takes over
    Port,
    /// The adapter dies: it does and says nothing any more, its registers read as all ones. It is reset
    /// and joins again. The device of an Ethernet port is taken away and plugged in again
    Adapter,
    /// None: the bond is told to use another adapter
    Move,
    /// The cable of an adapter is cut and comes back, and the bond returns to it; the return counts
    Failback,
}

impl Fault {
    /// Which ports have cables, so that it can happen.
    pub(crate) fn layout(self) -> Layout {
        match self {
            Self::Link | Self::Blackhole | Self::Adapter | Self::Move | Self::Failback => {
                Layout::OnePortEach
            }
            Self::Port => Layout::TwoPortsEach,
        }
    }

    /// Whether only probes of the paths find it out.
    pub(super) fn needs_probes(self) -> bool {
        self == Self::Blackhole
    }

    /// Why it cannot be where all links carry, if it cannot.
    pub(super) fn impossible_in_xor(self) -> Option<&'static str> {
        match self {
            Self::Move | Self::Failback => {
                Some("no link is more active than others: there is none to move to")
            }
            Self::Blackhole => Some(
                "a switch without LACP goes on sending into a path that is dead behind its carrier",
            ),
            Self::Link | Self::Port | Self::Adapter => None,
        }
    }

    /// Whether frames of both directions have to cross the host: nothing moves before the peer has been heard
    /// by the new way.
    pub(crate) fn needs_tunnel(self) -> bool {
        match self {
            Self::Link | Self::Blackhole => true,
            // By wish a connection may move before its peer says anything; a dead adapter has nothing to say.
            Self::Move | Self::Failback | Self::Port | Self::Adapter => false,
        }
    }
}

/// A fault that has been brought about, or a change that was asked for.
#[derive(Debug)]
pub(crate) struct Injected {
    fault: Fault,
    /// The line that was active.
    line: usize,
    /// It was an Ethernet port's: its connections lived on the host.
    was_port: bool,
    /// The one that the bond was told to use.
    wanted: Option<LinkId>,
    /// Connections that a wire swallowed on the way here.
    swallowed: BTreeSet<u32>,
}

impl Injected {
    /// Breaks what is active. From now on the times of one failover are measured.
    pub(crate) fn begin(fault: Fault, run: &mut Run) -> Result<Self, RigError> {
        run.agree()?;
        let line = active(run)?;
        let was_port = run.is_port(member(run, line));
        let broken = Self { fault, line, was_port, wanted: None, swallowed: BTreeSet::new() };
        match fault {
            Fault::Link | Fault::Port => {
                run.begin_failover()?;
                run.strike();
                run.world.lines[line].cable.set_carrier(false);
                run.mark()?;
                Ok(broken)
            }
            Fault::Blackhole => {
                run.begin_failover()?;
                run.strike();
                run.world.lines[line].cable.set_dark(true);
                run.mark()?;
                Ok(broken)
            }
            Fault::Adapter => {
                run.begin_failover()?;
                run.strike();
                let member = member(run, line);
                run.each(move |_, node| node.die(member))?;
                if run.options.is_xor() {
                    // Its port has no light any more, or the switch would go on to send by it.
                    run.world.lines[line].cable.set_carrier(false);
                }
                run.mark()?;
                Ok(broken)
            }
            Fault::Move => {
                let standby = run.world.lines.iter().find(|other| {
                    other.is_up() && other.link.member != run.world.lines[line].link.member
                });
                let Some(to) = standby.map(|other| other.link) else {
                    return Err(RigError::Failed("no other adapter is up".to_owned()));
                };
                Self::switch(fault, run, line, to)
            }
            Fault::Failback => {
                let before = Self::begin(Fault::Link, run)?;
                run.await_handovers(|run| before.is_over(run))?;
                before.heal(run)?;
                run.until("while the bond recovers", |run| before.is_healed(run))?;
                let swallowed = before.swallowed(run);
                let (line, home) = (active(run)?, run.world.lines[line].link);
                Ok(Self { swallowed, ..Self::switch(fault, run, line, home)? })
            }
        }
    }

    /// Tells the bond to use `to`.
    fn switch(fault: Fault, run: &mut Run, line: usize, to: LinkId) -> Result<Self, RigError> {
        let was_port = run.is_port(member(run, line));
        run.begin_failover()?;
        run.mark()?;
        let switched = run.each(move |_, node| node.make_active(to))?;
        switched.into_iter().collect::<Result<Vec<()>, _>>().map_err(RigError::Failed)?;
        Ok(Self { fault, line, was_port, wanted: Some(to), swallowed: BTreeSet::new() })
    }

    /// What happened, for the timeline.
    pub(crate) fn what(&self, run: &Run) -> String {
        let name = &run.world.lines[self.line].name;
        match self.fault {
            Fault::Link | Fault::Port => format!("the cable of {name} is cut"),
            Fault::Blackhole => format!("the path of {name} dies"),
            Fault::Adapter if self.was_port => format!("the device of {name} is taken away"),
            Fault::Adapter => format!("the adapter of {name} dies"),
            Fault::Move => format!("the bond is to leave {name}"),
            Fault::Failback => format!("the bond is to return from {name}"),
        }
    }

    /// Whether the bond has noticed, and no connection lives elsewhere any more.
    pub(crate) fn is_over(&self, run: &Run) -> bool {
        let noticed = match self.wanted {
            None => run.failed_at().is_some() && run.active().is_some(),
            wanted => run.active() == wanted,
        };
        // Where nothing is protected, the host path finds out first who can go on; and those that it has had by its own
        // port go to an adapter, if that is who takes over.
        let may_stay = run.is_protected() && !self.was_port;
        noticed
            && run.bonds().iter().all(|bond| !bond.is_moving && (may_stay || bond.refugees == 0))
    }

    /// Whether frames of both directions have to cross the host.
    pub(crate) fn needs_tunnel(&self) -> bool {
        self.fault.needs_tunnel() && !self.was_port
    }

    /// What the lcores have measured, and when traffic went on where the bond does not tell of it, since it needs no tunnel.
    pub(crate) fn measure(&self, run: &mut Run) -> Result<(), RigError> {
        let needs_tunnel =
            self.needs_tunnel() || matches!(self.fault, Fault::Move | Fault::Failback);
        if !needs_tunnel
            && let Some(failed) = run.failed_at()
            && let Some(line) = run.active_line()
            && let Some(first) = run.world.lines[line].seen.first_out()
        {
            run.times.tunnel_up.record(first.max(failed) - failed);
        }
        run.gather_times()
    }

    /// The connections whose peer waits for one of its timers, since its last frames were lost and nobody
    /// can know; to be asked once, when all is whole: only then a cable knows all that it lost.
    pub(crate) fn swallowed(&self, run: &Run) -> BTreeSet<u32> {
        match self.fault {
            Fault::Link | Fault::Blackhole | Fault::Port | Fault::Adapter => {
                run.swallowed(self.line, self.fault == Fault::Adapter && !self.was_port)
            }
            // This wire lives.
            Fault::Move | Fault::Failback => self.swallowed.clone(),
        }
    }

    /// Makes it whole.
    pub(crate) fn heal(&self, run: &mut Run) -> Result<(), RigError> {
        match self.fault {
            Fault::Link | Fault::Port => {
                run.world.lines[self.line].cable.set_carrier(true);
                let name = run.world.lines[self.line].name.clone();
                run.event(format!("{name} is back"));
            }
            Fault::Blackhole => {
                run.world.lines[self.line].cable.set_dark(false);
                run.event(format!("the path of {} is whole", run.world.lines[self.line].name));
            }
            Fault::Adapter => {
                // Its port has no light while it is reset: what came meanwhile is lost.
                run.world.lines[self.line].cable.set_carrier(false);
                let member = member(run, self.line);
                let revived = run.each(move |_, node| node.revive(member))?;
                revived.into_iter().collect::<Result<Vec<()>, _>>().map_err(RigError::Failed)?;
                let name = &run.world.lines[self.line].name;
                let what = match run.is_port(member) {
                    true => format!("a device is plugged in as {name}"),
                    false => format!("the adapter of {name} is reset"),
                };
                run.world.lines[self.line].cable.set_carrier(true);
                run.event(what);
            }
            Fault::Move | Fault::Failback => {}
        }
        Ok(())
    }

    /// Whether the bond is as before, but for who is active.
    pub(crate) fn is_healed(&self, run: &Run) -> bool {
        let whole = run.bonds().iter().all(|bond| !bond.is_moving && bond.is_ready);
        whole && run.active().is_some() && run.world.lines[self.line].is_up()
    }
}

/// The member of a line.
fn member(run: &Run, line: usize) -> MemberId {
    run.world.lines[line].link.member
}

fn active(run: &Run) -> Result<usize, RigError> {
    let nothing = || RigError::Failed("no link is active: nothing to break".to_owned());
    run.active_line().ok_or_else(nothing)
}
