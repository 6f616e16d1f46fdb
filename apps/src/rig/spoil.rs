//! Mistakes made on purpose, to see that the verdict notices.

use std::sync::atomic::Ordering::Relaxed;

use mafo::Nanos;

use super::options::Break;
use super::run::{RigError, Run};
use crate::peer::Command;

impl Run {
    /// Spoils what `--break` names, just before a fault.
    pub(crate) fn spoil(&mut self) -> Result<(), RigError> {
        let Some(what) = self.options.r#break else { return Ok(()) };
        let Some(bond) = self.world.host.bond_mut() else { return Ok(()) };
        match what {
            Break::Tunnel => bond.spoil_tunnel(),
            Break::Upload => bond.spoil_upload(),
            Break::Payload => self.world.lines[0].seen.spoil_payload.store(1, Relaxed),
            Break::Rst => self.world.lines[0].seen.send_reset.store(1, Relaxed),
            Break::Tid => self.world.host.leak_tid(),
            // From the beginning.
            Break::Told => {}
            Break::Stuck => {
                self.world.peer.host.command(Command::Pause { ids: 0..1 })?;
                self.ours.pause(0..1);
                return Ok(());
            }
            Break::Late => {
                let ids = 0..self.options.connections;
                self.world.peer.host.command(Command::Pause { ids })?;
                self.ours.pause(0..self.far.len());
                self.settle(Nanos::from_millis(500))?;
                return Ok(());
            }
        }
        // It has to have happened before the fault.
        self.settle(Nanos::from_millis(50))
    }

    /// Lets those go on whom [`Run::spoil`] made wait.
    pub(crate) fn unspoil(&mut self) -> Result<(), RigError> {
        if self.options.r#break == Some(Break::Late) {
            self.ours.pause(0..0);
            self.world.peer.host.command(Command::Resume { ids: 0..self.options.connections })?;
        }
        Ok(())
    }
}
