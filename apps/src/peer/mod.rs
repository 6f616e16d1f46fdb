//! The Linux kernel as the other host: real sockets, behind cables that end in this process.
//!
//! ```text
//!        this process                │  peer process, in an unnamed network namespace
//!                                    │
//!  TapFd 0 ── frames ── /dev/net/tun ┼─ mafo0 ─┐
//!  TapFd 1 ── frames ── /dev/net/tun ┼─ mafo1 ─┴─ br0 10.77.0.1 ── TCP ── sockets, streams
//!                                    │                 └── packet ring ── peer.pcap
//!  KernelPeer ── commands, events ───┼──────────────────────────────────── event loop
//! ```
//!
//! Everything is made by system calls of the peer process, nothing has a name outside it, and both
//! sides end with each other, so nothing is left over whoever is killed. The bridge does not flood
//! unicast to addresses that it has not learnt: a frame for us takes the cable on which the bridge
//! last heard our address, and no other.
//!
//! Connections find their number by their ports ([`Plan`]); what they carry is
//! [`Stream`](crate::stream::Stream).

mod capture;
mod channel;
mod child;
mod clock;
mod connection;
mod echo;
mod error;
pub(crate) mod gaps;
mod netstat;
mod network;
mod parent;
mod ping;
mod plan;
pub(crate) mod progress;
mod protocol;
mod traffic;

use std::os::fd::AsFd;
use std::process::exit;

use crate::sys;

pub use clock::Monotonic;
pub use error::{PeerError, Refusal};
pub use gaps::SHORTEST_GAP;
pub use parent::{Event, KernelPeer, PeerConfig, Report, Stalls, TapFd};
pub use plan::{End, Endpoints, Plan};
pub use protocol::{
    CaptureSummary, Command, ConnectionReport, Gap, Isolation, Malformed, Phase, Queues, Sending,
    Stall, Step,
};

/// First argument of a program that is to play the peer.
const SUBCOMMAND: &str = "__peer";

/// Plays the peer and does not return if the program was started for that. Has to be the first thing
/// in the `main` of every program that starts a [`KernelPeer`], before any thread.
pub fn run_if_asked() {
    if std::env::args_os().nth(1).is_none_or(|argument| argument != SUBCOMMAND) {
        return;
    }
    let outcome = match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(socket) if sys::is_packet_socket(&socket) => child::run(socket),
        _ => {
            eprintln!("mafo: {SUBCOMMAND} is how mafo starts itself; it is of no use by hand");
            exit(2);
        }
    };
    if let Err(error) = outcome {
        eprintln!("mafo: the peer process: {error}");
        exit(1);
    }
    exit(0);
}
