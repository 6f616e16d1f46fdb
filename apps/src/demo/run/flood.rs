//! Silence on a bridge that floods and forgets: the peer's next frames reach both links of the bond.

use mafo::Nanos;

use crate::peer::Command;
use crate::rig::{RigError, Run};

/// How long half of the connections are idle.
const IDLE: Nanos = Nanos::from_secs(3);
/// How long the other half goes on meanwhile. All of our frames have the same address: the bridge
/// forgets it when the last connection has been silent for longer than its ageing time.
const OTHERS_GO_ON: Nanos = Nanos::from_millis(500);
/// How long the peer speaks before we do; until it is answered its frames are flooded.
const PEER_FIRST: Nanos = Nanos::from_millis(100);
/// How long flooded frames are waited for.
const PATIENCE: Nanos = Nanos::from_secs(5);

impl Run {
    /// With the option `--flood`, lets the bridge forget us, and sees that the peer's frames then reach
    /// every link that is up.
    pub(super) fn be_flooded(&mut self, when: &str) -> Result<(), RigError> {
        if !self.options.flood {
            return Ok(());
        }
        let all = self.options.connections;
        self.world.peer.host.command(Command::Pause { ids: 0..all / 2 })?;
        self.pause(0..all / 2)?;
        self.settle(OTHERS_GO_ON)?;
        self.world.peer.host.command(Command::Pause { ids: all / 2..all })?;
        self.pause(0..all)?;
        self.settle(IDLE - OTHERS_GO_ON)?;

        let before = self.tcp_arrived();
        self.world.peer.host.command(Command::Resume { ids: 0..all })?;
        self.settle(PEER_FIRST)?;
        self.pause(0..0)?;
        let end = self.clock.now() + PATIENCE;
        loop {
            let arrived: Vec<u64> =
                self.tcp_arrived().iter().zip(&before).map(|(now, before)| now - before).collect();
            // A cable without carrier delivers nothing.
            let lines = self.world.lines.iter().zip(&arrived);
            let mut flooded = lines.map(|(line, &frames)| line.cable.carrier() == (frames > 0));
            if flooded.all(|right| right) {
                self.event(format!("flooded {when}: frames at our links {arrived:?}"));
                return Ok(());
            }
            if self.clock.now() >= end {
                let why = format!("no flood {when}: frames at our links {arrived:?}");
                return Err(RigError::Failed(why));
            }
            self.settle(Nanos::from_millis(10))?;
        }
    }

    /// TCP segments that each of our links has received.
    fn tcp_arrived(&self) -> Vec<u64> {
        self.world.lines.iter().map(|line| line.seen.tcp_in()).collect()
    }
}
