//! Mistakes made on purpose, to see that the verdict notices.

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use mafo::Nanos;

use super::lcore::Node;
use super::options::Break;
use super::run::{RigError, Run};
use crate::peer::Command;

impl Run {
    /// Spoils what `--break` names, just before a fault.
    pub(crate) fn spoil(&mut self) -> Result<(), RigError> {
        let Some(what) = self.options.r#break else { return Ok(()) };
        match what {
            Break::Tunnel | Break::Upload | Break::Tid => {
                let last = self.bonds().len() - 1;
                self.each(move |lcore, node| {
                    // One thing that leaks is enough.
                    if what != Break::Tid || lcore == last {
                        node.spoil(what);
                    }
                })?;
            }
            Break::Payload => self.world.lines[0].seen.spoil_payload.store(1, Relaxed),
            Break::Rst => self.world.lines[0].seen.send_reset.store(1, Relaxed),
            // From the beginning.
            Break::Told => {}
            Break::Stuck => {
                self.world.peer.host.command(Command::Pause { ids: 0..1 })?;
                self.pause(0..1)?;
                return Ok(());
            }
            Break::Late => {
                let ids = 0..self.options.connections;
                self.world.peer.host.command(Command::Pause { ids: ids.clone() })?;
                self.pause(ids)?;
                self.settle(Nanos::from_millis(500))?;
                return Ok(());
            }
        }
        // It has to have happened before the fault.
        self.settle(Nanos::from_millis(50))
    }

    /// These of our ends, and only these, send nothing from now on.
    pub(crate) fn pause(&mut self, ids: Range<u32>) -> Result<(), RigError> {
        let pause = move |_, node: &mut Node| {
            node.with_application(|ours, _| ours.pause(ids.clone()));
        };
        self.each(pause).map(drop)
    }

    /// Lets those go on whom [`Run::spoil`] made wait.
    pub(crate) fn unspoil(&mut self) -> Result<(), RigError> {
        if self.options.r#break == Some(Break::Late) {
            self.pause(0..0)?;
            self.world.peer.host.command(Command::Resume { ids: 0..self.options.connections })?;
        }
        Ok(())
    }
}

impl Node {
    /// Spoils what belongs to an lcore.
    fn spoil(&mut self, what: Break) {
        match (what, self.host.bond_mut()) {
            (Break::Tunnel, Some(bond)) => bond.spoil_tunnel(),
            (Break::Upload, Some(bond)) => bond.spoil_upload(),
            (Break::Tid, _) => self.host.leak_tid(),
            _ => {}
        }
    }
}
