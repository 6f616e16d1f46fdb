//! An Ethernet port as the stack sees it: a port of a T5, or a bare wire.

use mafo_mem::{Frame, FrameBurst, Nanos};

/// Whole Ethernet frames in and out, in bursts, without blocking.
pub trait EthPort {
    /// The port's own station address.
    fn mac(&self) -> [u8; 6];

    /// Largest IP packet, in bytes.
    fn mtu(&self) -> u16;

    /// Whether the link is up, as far as the port has been told.
    fn link_up(&self) -> bool;

    /// Whether its device has been taken away: until there is another in its place it carries nothing.
    fn is_gone(&self) -> bool {
        false
    }

    /// When [`EthPort::rx_burst`] will next find something, if that is known.
    fn poll_timeout(&self) -> Option<Nanos> {
        None
    }

    /// Appends received frames to `burst`, at most as many as it has room for; how many.
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize;

    /// Takes frames from the front of `frames`; how many. The caller keeps or drops the rest.
    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize;

    /// Whether it takes frames now. One that says so may yet take fewer than it is given.
    fn tx_state(&mut self) -> TxState {
        TxState::Ready
    }
}

/// Whether a port takes frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxState {
    /// One at least.
    Ready,
    /// None, until the card has read some of what it was given.
    Full,
}
