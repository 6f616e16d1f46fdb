//! What a port of an adapter, or of the host itself, plugs into.
//!
//! ```text
//!   Asic port ──┐                       ┌── mem::link ──── another host, or a Switch
//!   EthPort  ───┴─ Pcap< Impaired< … > ─┤
//!                                       ├── Tap ────────── the kernel: bridge, address, capture
//!                                       ├── Packet ─────── an interface of the kernel
//!                                       └── Replay, Null ─ captures; nothing
//! ```
//!
//! A [`Wire`] carries whole Ethernet frames in bursts. [`mem::link`] is a cable inside the process,
//! [`Tap`] one into the kernel, [`Packet`] an interface that is there already; [`Replay`] takes frames out of a capture, and [`Null`]
//! leads nowhere. [`Impaired`] makes any of them a bad one, [`BlackHole`] one that can die unseen, and
//! [`Pcap`] records it. A [`Cable`] is the hand that pulls the plug. Time comes from the
//! caller, chance from a seed. A [`Switch`] joins wires. [`multiqueue::link`] is a memory link with a queue for each lcore,
//! and [`spread::spread`] gives each lcore its part of any wire.

pub mod bell;
mod black_hole;
mod cable;
pub mod impair;
mod impaired;
mod lost;
pub mod mem;
pub mod multiqueue;
mod null;
pub mod packet;
pub mod pcap;
mod replay;
pub mod spread;
pub mod switch;
pub mod tap;

use mafo_mem::{Frame, FrameBurst, Nanos};

pub use black_hole::BlackHole;
pub use cable::Cable;
pub use impaired::{Impaired, ImpairedConfig};
pub use lost::LostFrame;
pub use null::Null;
pub use packet::{Packet, PacketError};
pub use pcap::{Pcap, PcapWriter};
pub use replay::{Replay, ReplayError};
pub use switch::{Switch, SwitchConfig, UnknownUnicast};
pub use tap::{Tap, TapError};

/// One end of a cable.
pub trait Wire: Send {
    /// Appends received frames to `burst` until it is full or nothing more is due; returns how many.
    ///
    /// Delayed frames of *both* directions move here, so a loop calls it each turn, whether or not it
    /// has anything to send.
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize;

    /// Sends frames from the front of `frames` and returns how many it took. What it did not take,
    /// for want of room, is the caller's to keep or drop. What it took may still be lost: a cable
    /// without carrier takes everything.
    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize;

    /// Whether there is a carrier.
    fn link_up(&mut self, now: Nanos) -> bool;

    /// When [`Wire::rx_burst`] will next find something that is already on the wire: the due time of
    /// the first delayed frame; a time in the past if one waits; `None` if nothing is known to come.
    fn poll_timeout(&self) -> Option<Nanos>;

    /// What this end has seen.
    fn counters(&self) -> WireCounters;
}

mafo_mem::counters! {
    /// What one end of a wire has seen.
    pub struct WireCounters {
        /// Frames received and given to the caller.
        rx_frames,
        /// Bytes of these frames.
        rx_bytes,
        /// Frames that were under way to this end when the carrier went.
        rx_carrier_lost,
        /// Frames dropped because they were longer than the caller's buffers.
        rx_oversize,
        /// Frames that could not be received for another reason.
        rx_errors,
        /// Frames put on the wire.
        tx_frames,
        /// Bytes of these frames.
        tx_bytes,
        /// Frames taken and lost because there was no carrier.
        tx_carrier_errors,
        /// Frames taken and dropped because they were longer than the wire carries.
        tx_oversize,
        /// Frames taken and lost for another reason.
        tx_errors,
        /// How often the carrier came or went.
        carrier_changes,
    }
}

impl<W: Wire + ?Sized> Wire for Box<W> {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        (**self).rx_burst(now, burst)
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        (**self).tx_burst(now, frames)
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        (**self).link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        (**self).poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        (**self).counters()
    }
}
