//! The ports that a stack's Ethernet frames go out by: one of them is active.

use core::fmt;

use mafo_mem::{Frame, Nanos};
use mafo_pmd::{EthPort, TxState};

/// Ports of one broadcast domain.
#[derive(Default)]
pub(crate) struct Links {
    ports: Vec<Box<dyn EthPort + Send>>,
    active: usize,
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ports, {} active", self.ports.len(), self.active)
    }
}

impl Links {
    pub(crate) fn add(&mut self, port: Box<dyn EthPort + Send>) {
        self.ports.push(port);
    }

    pub(crate) fn len(&self) -> usize {
        self.ports.len()
    }

    pub(crate) fn port_mut(&mut self, n: usize) -> &mut dyn EthPort {
        &mut *self.ports[n]
    }

    /// Sends by the active port; how many frames it took, from the front.
    pub(crate) fn transmit(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        if frames.is_empty() {
            return 0;
        }
        self.ports.get_mut(self.active).map_or(0, |port| port.tx_burst(now, frames))
    }

    /// Whether the active port takes frames. What is given to none is lost, and not to be waited with.
    pub(crate) fn tx_state(&mut self) -> TxState {
        self.ports.get_mut(self.active).map_or(TxState::Ready, |port| port.tx_state())
    }
}
