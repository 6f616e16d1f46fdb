//! What breaks, and how it is made whole again.

use std::collections::BTreeSet;

use clap::ValueEnum;

use super::run::{RigError, Run};
use super::world::Layout;

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// The active adapter's only cable.
    Link,
    /// The cable of one port of an adapter that has another.
    Port,
}

impl Fault {
    /// Which ports have cables, so that it can happen.
    pub(crate) fn layout(self) -> Layout {
        match self {
            Self::Link => Layout::OnePortEach,
            Self::Port => Layout::TwoPortsEach,
        }
    }

    /// Whether frames of the failed link's connections have to cross the host.
    pub(crate) fn needs_tunnel(self) -> bool {
        match self {
            Self::Link => true,
            Self::Port => false,
        }
    }
}

/// A fault that has been brought about.
#[derive(Debug)]
pub(crate) struct Injected {
    fault: Fault,
    /// The line that was active.
    line: usize,
}

impl Injected {
    /// Breaks what is active. From now on the times of one failover are measured.
    pub(crate) fn begin(fault: Fault, run: &mut Run) -> Result<Self, RigError> {
        let Some(line) = run.active_line() else {
            return Err(RigError::Failed("no link is active: nothing to break".to_owned()));
        };
        run.begin_failover();
        match fault {
            Fault::Link | Fault::Port => run.world.lines[line].cable.set_carrier(false),
        }
        run.mark()?;
        Ok(Self { fault, line })
    }

    /// What happened, for the timeline.
    pub(crate) fn what(&self, run: &Run) -> String {
        let name = &run.world.lines[self.line].name;
        match self.fault {
            Fault::Link | Fault::Port => format!("the cable of {name} is cut"),
        }
    }

    /// Whether the bond has noticed, and no connection lives elsewhere any more.
    pub(crate) fn is_over(&self, run: &Run) -> bool {
        run.failed_at().is_some() && run.world.host.bond().is_some_and(|bond| !bond.is_moving())
    }

    /// When traffic went on where the bond does not tell of it, since it needs no tunnel.
    pub(crate) fn measure(&self, run: &mut Run) {
        if !self.fault.needs_tunnel()
            && let Some(failed) = run.failed_at()
            && let Some(line) = run.active_line()
            && let Some(first) = run.world.lines[line].seen.first_out()
        {
            run.times.tunnel_up.record(first - failed);
        }
    }

    /// The connections whose peer waits for one of its timers, since its last frames were lost and nobody
    /// can know; to be asked once.
    pub(crate) fn swallowed(&self, run: &Run) -> BTreeSet<u32> {
        match self.fault {
            Fault::Link | Fault::Port => run.swallowed(self.line),
        }
    }

    /// Makes it whole.
    pub(crate) fn heal(&self, run: &mut Run) {
        match self.fault {
            Fault::Link | Fault::Port => run.world.lines[self.line].cable.set_carrier(true),
        }
        let name = run.world.lines[self.line].name.clone();
        run.event(format!("{name} is back"));
    }

    /// Whether the bond is as before, but for who is active.
    pub(crate) fn is_healed(&self, run: &Run) -> bool {
        let ready = run
            .world
            .host
            .bond()
            .is_some_and(|bond| !bond.is_moving() && bond.is_ready(run.world.host.sockets()));
        ready && run.world.lines[self.line].up
    }
}
