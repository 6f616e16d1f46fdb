//! Sockets of one lcore, over offloaded connections and over the host path.
//!
//! A [`Stack`] is sans-IO: whoever owns it calls [`Stack::poll`] with the time, again and again, and
//! the stack moves frames between its ports and its sockets. Nothing blocks, nothing is read from the
//! environment.
//!
//! ```text
//!  application:  listen accept connect send recv shutdown close abort · next_event
//!                        │                                    ▲
//!                  ┌─────▼────────── sockets ─────────────────┴─────┐
//!                  │  TIME_WAIT      host path          neighbours  │
//!                  └─────┬──────────────┬───────────────────┬───────┘
//!                        └────────── Ethernet ports ────────┘
//! ```
#![forbid(unsafe_code)]

mod account;
mod activity;
pub mod buffer;
mod closed;
mod core;
pub mod defect;
mod error;
mod footprint;
mod host;
pub mod icmp;
mod join;
mod lend;
mod listen;
mod listener;
mod local;
mod members;
mod moved;
pub mod neigh;
mod observe;
pub mod packet;
pub mod pmtu;
pub mod policy;
mod portrait;
mod shard;
mod slab;
mod socket;
mod sockets;
mod straight;
mod supplies;
mod template;
pub mod time_wait;
mod timeouts;
pub mod tom;
mod tuple;
mod urgent;

pub use crate::core::{Core, Spread};
pub use account::Account;
pub use activity::Activity;
pub use closed::{Closed, Ran};
pub use defect::{Defect, Defects};
pub use error::{ConnectError, ConnectionError, IcmpReason, ListenError, MoveError, SocketError};
pub use footprint::Footprint;
pub use lend::{LENT_BYTES_MAX, LENT_PIECES_MAX, LendBuffer, LendError, Lent, NotSent};
pub use listener::ListenerId;
pub use mafo_tcp::{Ended, GaveUp, IcmpError, Info, Keepalive, Recovery, State, Then};
pub use neigh::Mac;
pub use observe::{Life, Status};
pub use packet::Dscp;
pub use policy::Policy;
pub use portrait::{Portrait, Runs};
pub use shard::Shard;
pub use slab::SocketId;
pub use socket::Readiness;
pub use timeouts::Timeouts;
pub use tom::{Hook, MemberId, NoHook, Verdict};
pub use tuple::FourTuple;

use ::core::net::Ipv4Addr;
use std::sync::Arc;

use mafo_mem::frame::capacity_for_mtu;
use mafo_mem::{FrameBurst, Nanos};
use mafo_pmd::eal::dma::Arena;
use mafo_pmd::{EthPort, Lcore};
pub use mafo_tcp::{CongestionControl, EcnMode, MtuProbing};

mafo_mem::counters! {
    /// What happened in a stack outside of its connections.
    pub struct Counters {
        /// Frames handed to a port.
        tx_frames,
        /// Frames that the port's queue did not take.
        tx_dropped,
        /// Frames from this host to itself.
        loopback_frames,
        /// Those for which there was no room.
        loopback_dropped,
        /// Frames given to other lcores that they concern.
        passed_on,
        /// Those for which there was no room.
        passed_on_dropped,
        /// Connections given to other lcores.
        moved_out,
        /// Connections that came from other lcores and have a place.
        moved_in,
        /// Polls in which a connection from another lcore waited for a place.
        moves_waiting,
        /// Segments that were not sent because their next hop was not known.
        tx_unresolved,
        /// Resets sent in answer to segments of nobody.
        tx_resets,
        /// Frames that no header fits.
        rx_malformed,
        /// TCP segments with a wrong checksum.
        rx_csum_bad,
        /// TCP segments that were taken together with the one before them.
        rx_joined,
        /// Frames for another station, or of a protocol that nobody here speaks.
        rx_not_for_us,
        /// Frames that carry our own source address.
        rx_own,
        /// ARP packets.
        rx_arp,
        /// ARP packets of somebody who claims our address.
        address_conflicts,
        /// ARP questions asked.
        arp_requests,
        /// ICMP echo requests answered.
        icmp_echoes,
        /// Other ICMP messages, but for errors.
        rx_icmp_other,
        /// ICMP errors dropped: damaged, or about no TCP segment.
        icmp_drop_malformed,
        /// ICMP errors dropped: source quenches (RFC 9293 MUST-55).
        icmp_drop_quench,
        /// ICMP errors dropped: about no connection of ours.
        icmp_drop_no_connection,
        /// ICMP errors dropped: about nothing that is outstanding. Those of the host path's connections that are
        /// not about the path's MTU are with its engine's counters; so with the next.
        icmp_drop_sequence,
        /// ICMP errors about offloaded connections taken.
        icmp_errors,
        /// Reports of a path's MTU that say nothing new, or cannot be.
        icmp_mtu_ignored,
        /// Times that a path's MTU was lowered.
        path_mtu_lowered,
        /// Times that a path's lower MTU was given up as old.
        path_mtu_raised,
        /// ACKs that would have ended a handshake, dropped because they bring nothing (TCP_DEFER_ACCEPT).
        listen_deferred,
        /// SYNs, and ACKs that would have ended a handshake, dropped because a listener's accept queue, or the
        /// table of sockets, was full.
        listen_overflows,
        /// Segments to a listener dropped: neither a SYN, nor an answer to one.
        listen_drop_flags,
        /// SYNs dropped that came before the adapter knew of their listener: they come again.
        listen_early,
        /// SYNs dropped because a listener's SYN queue was full, and cookies are off.
        syn_queue_drops,
        /// SYNs answered by a cookie, because a listener's SYN queue was full.
        syn_cookies_sent,
        /// Connections opened by the ACK of a cookie.
        syn_cookies_received,
        /// ACKs that might have been of a cookie and were not.
        syn_cookies_failed,
        /// TCP segments dropped: from an address that is nobody's, or many's (RFC 9293 MUST-63).
        rx_bad_source,
        /// SYNs for which an adapter asked a listener though their connection lives on another adapter.
        syns_of_others,
        /// Segments of connections in TIME_WAIT that were answered.
        time_wait_acks,
        /// Segments of connections in TIME_WAIT dropped: ACKs that say nothing new,
        time_wait_drops,
        /// and resets (RFC 1337).
        time_wait_resets,
        /// Resets dropped: of no connection.
        rx_drop_reset,
        /// Connections of nobody that were reset because the peer's FIN did not come.
        fin_timeouts,
        /// Listeners that an adapter refused.
        tom_listen_failed,
        /// Connections that an adapter was asked for with NewReno, since it has no code point for what was chosen.
        tom_congestion_unmet,
        /// Requests of an adapter that found no room and were dropped.
        tom_ring_full,
        /// Questions that were asked again, since an adapter had not answered in time.
        tom_asked_again,
        /// Messages of an adapter that are shorter than their layout.
        tom_short_cpl,
        /// Messages of an adapter that cannot be.
        tom_unexpected,
        /// FW4_ACKs whose credits are no sum of work requests.
        tom_bad_credits,
        /// FW4_ACKs of bytes that were never posted.
        tom_bad_ack,
        /// RX_DATA or PEER_CLOSE with a gap or an overlap.
        tom_bad_seq,
        /// Received bytes beyond the window that was granted.
        tom_overrun,
        /// Warnings of an adapter that a peer does not answer.
        negative_advice,
    }
}

/// Where a connection's TCP shall run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathChoice {
    /// In an adapter, if there is one and no policy ([`policy`]) has it otherwise.
    #[default]
    Offload,
    /// In this stack.
    Host,
}

/// What a socket or a listener's sockets are made with. What is left open here a policy may say ([`Core::set_policy`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where TCP runs.
    pub path: PathChoice,
    /// Whether small segments wait for an ACK (Nagle's algorithm); off is what TCP_NODELAY says.
    pub nagle: bool,
    /// Congestion control, as TCP_CONGESTION chooses it; `None` is the path's: [`StackConfig::congestion`] here,
    /// and the code point `CONG_ALG_NEWRENO` in an adapter. An adapter that has no code point for what is chosen
    /// ([`StackConfig::adapter_congestion`]) uses that one as well (counter `tom_congestion_unmet`).
    pub congestion: Option<CongestionControl>,
    /// Whether segments that are not full wait for more bytes (TCP_CORK). What an adapter's connection holds back is
    /// not given to the adapter.
    pub cork: bool,
    /// Whether every segment is acknowledged at once (TCP_QUICKACK; in an adapter T_FLAGS.DACK).
    pub quick_ack: bool,
    /// Whether an idle peer is probed (SO_KEEPALIVE; in an adapter T_FLAGS.KEEPALIVE).
    pub keepalive: bool,
    /// Largest segment to announce and to send, if less than the link's (TCP_MAXSEG); counts before the handshake. In
    /// an adapter the next smaller entry of its MTU table.
    pub mss: Option<u16>,
    /// What routers are asked to do with the connection's packets (IP_TOS without its ECN bits); in an adapter
    /// opt0.DSCP, and TOS of the TCB when it changes later.
    pub dscp: Dscp,
    /// Bytes that the socket holds for sending, if less than [`StackConfig::send_buffer`] (SO_SNDBUF).
    pub send_limit: Option<u32>,
    /// Bytes that the socket holds for reading, if not [`StackConfig::recv_buffer`] (SO_RCVBUF); counts
    /// before the handshake.
    pub recv_buffer: Option<u32>,
    /// Connections of a listener can be accepted when their peers have sent something, or, without that, about so long
    /// after their SYNs (TCP_DEFER_ACCEPT). Not in an adapter, which has no field for it.
    pub defer_accept: Option<Nanos>,
    /// How the connection is handed over to another adapter; `None`: as its bond says.
    pub handover: Option<Handover>,
    /// Whether its adapter acknowledges only what this host has been told of (the commit rule), so that nothing is lost with
    /// an adapter that dies; `None`: as its bond says. Of a bond that is not protected no connection is. Counts before the
    /// handshake.
    pub protect: Option<bool>,
}

/// How a connection gets another owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handover {
    /// Drained, and instantly where the peer does not acknowledge what is under way.
    #[default]
    Auto,
    /// The application's new bytes wait until the peer has acknowledged all earlier ones: nothing is sent twice, and the
    /// new owner takes over a connection at rest. It takes a round trip, and as long as the peer's application reads
    /// nothing it cannot be done.
    Drained,
    /// At once: what the peer has not acknowledged is given to the new owner again. What the old one knew of segments
    /// under way is lost.
    Instant,
}

impl Options {
    /// What a socket is without further wishes, with TCP running on `path`.
    #[must_use]
    pub const fn on(path: PathChoice) -> Self {
        Self {
            path,
            nagle: true,
            congestion: None,
            cork: false,
            quick_ack: false,
            keepalive: false,
            mss: None,
            dscp: Dscp::DEFAULT,
            send_limit: None,
            recv_buffer: None,
            defer_accept: None,
            handover: None,
            protect: None,
        }
    }

    /// The same with small segments sent at once (TCP_NODELAY) or not.
    #[must_use]
    pub const fn with_nagle(self, nagle: bool) -> Self {
        Self { nagle, ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::on(PathChoice::default())
    }
}

/// What a stack is set up with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackConfig {
    /// Our address.
    pub address: Ipv4Addr,
    /// Leading bits of the address that name the link.
    pub prefix_len: u8,
    /// The router for everything else.
    pub gateway: Option<Ipv4Addr>,
    /// Our station address.
    pub mac: Mac,
    /// Largest IP packet of the link, in bytes.
    pub mtu: u16,
    /// Time to live of what the stack sends (Linux's ip_default_ttl); an adapter's is
    /// [`mafo_pmd::TcpSettings::ttl`].
    pub ttl: u8,
    /// Largest IP packet that a port hands in, if that is more: one that joins segments does (large receive
    /// offload).
    pub rx_packet_max: u16,
    /// Whether segments of one connection that come one behind the other in a burst are taken, and answered, as one (as by
    /// Linux' GRO).
    pub rx_join: bool,
    /// For how long late segments of a connection that the peer closed first are met by silence or an ACK, not
    /// by a reset. Linux: not at all.
    pub linger: Nanos,
    /// Sockets at most.
    pub sockets_max: u32,
    /// Handshakes under way at one listener, at most; its backlog is a limit, too. Well below the number of
    /// sockets, or a flood of SYNs leaves none for those who answer.
    pub syn_backlog_max: usize,
    /// Whether SYNs beyond that are answered by cookies, or dropped.
    pub syn_cookies: bool,
    /// Bytes a socket holds that the peer has not acknowledged.
    pub send_buffer: usize,
    /// Bytes that applications can have at a time to fill and lend to sockets ([`Core::lend_buffer`]).
    pub lend_memory: usize,
    /// Bytes a socket holds that the application has not read: the receive window.
    pub recv_buffer: usize,
    /// What the receive window may grow to: it decides the window scale that is offered, where that is
    /// more than the buffer itself needs.
    pub recv_buffer_max: usize,
    /// Whether timestamps are offered and taken (RFC 7323).
    pub timestamps: bool,
    /// Whether window scaling is offered and taken.
    pub window_scaling: bool,
    /// Whether selective acknowledgments are offered and taken.
    pub sack: bool,
    /// Next hops at most.
    pub neighbours_max: usize,
    /// Connections in TIME_WAIT at most.
    pub time_wait_max: usize,
    /// How long TIME_WAIT lasts (2 MSL).
    pub time_wait: Nanos,
    /// How long the peer's FIN is waited for when our FIN is acknowledged and the application has let go
    /// (Linux's tcp_fin_timeout); then the connection is reset.
    pub fin_timeout: Nanos,
    /// Destinations at most whose path is known to be narrower than the link.
    pub path_mtus_max: usize,
    /// A path is never taken to carry less than this, whatever is reported (Linux's min_pmtu).
    pub path_mtu_least: u16,
    /// How long a narrower path is believed in (RFC 1191 6.3).
    pub path_mtu_lifetime: Nanos,
    /// Connections that are over and that are remembered, with why, for whoever asks ([`Core::closed`]).
    pub closed_max: usize,
    /// First and last port of active opens that name none (by default the range that RFC 6335 sets aside for them).
    pub ephemeral_ports: (u16, u16),
    /// What initial sequence numbers are made from; random in production.
    pub secret: [u8; 16],
    /// The host path's engine.
    pub tcp: mafo_tcp::Config,
    /// The host path's congestion control.
    pub congestion: CongestionControl,
    /// Explicit congestion notification, in adapters too (Linux's tcp_ecn).
    pub ecn: EcnMode,
    /// Segments that an adapter's connection begins with, if more than its INITCWND, which has bits for seven
    /// (RFC 6928: 10). The window is written into the TCB of each when its handshake is through.
    pub adapter_initial_window: Option<u8>,
    /// What the adapters' congestion code points (`CONG_ALG_RENO`, `TAHOE`, `NEWRENO`, `HIGHSPEED`) stand for.
    /// [`StackConfig::T5_CONGESTION`] is the default; an adapter of software may have been given others.
    pub adapter_congestion: [CongestionControl; 4],
}

impl StackConfig {
    /// What congestion code points stand for in a T5.
    pub const T5_CONGESTION: [CongestionControl; 4] = [
        CongestionControl::Reno,
        CongestionControl::Tahoe,
        CongestionControl::NewReno,
        CongestionControl::HighSpeed,
    ];

    /// Bytes of the arena that all sockets' buffers, and what applications fill, are taken from, with something for
    /// whoever holds a buffer longer than its socket.
    #[must_use]
    pub fn send_memory(&self) -> usize {
        let sockets = self.sockets_max as usize * self.send_buffer.next_multiple_of(64);
        sockets + self.lend_memory.next_multiple_of(64) + (64 << 10)
    }

    /// Defaults for `address` with `mac` on a link of `prefix_len` bits.
    #[must_use]
    pub fn new(address: Ipv4Addr, prefix_len: u8, mac: Mac) -> Self {
        Self {
            address,
            prefix_len,
            gateway: None,
            mac,
            mtu: 1500,
            ttl: packet::TTL,
            rx_packet_max: 0,
            rx_join: true,
            linger: Nanos::from_secs(2),
            sockets_max: 4096,
            syn_backlog_max: 1024,
            syn_cookies: true,
            send_buffer: 256 * 1024,
            lend_memory: 0,
            recv_buffer: 256 * 1024,
            recv_buffer_max: 256 * 1024,
            timestamps: true,
            window_scaling: true,
            sack: true,
            neighbours_max: 1024,
            time_wait_max: 65_536,
            time_wait: Nanos::from_secs(60),
            fin_timeout: Nanos::from_secs(60),
            path_mtus_max: 1024,
            path_mtu_least: 552,
            path_mtu_lifetime: Nanos::from_secs(600),
            closed_max: 256,
            ephemeral_ports: (49_152, 65_535),
            secret: [0; 16],
            tcp: mafo_tcp::Config {
                time_wait: mafo_tcp::TimeWait::Owner,
                ..mafo_tcp::Config::default()
            },
            congestion: CongestionControl::Cubic,
            ecn: EcnMode::OnRequest,
            adapter_initial_window: Some(10),
            adapter_congestion: Self::T5_CONGESTION,
        }
    }
}

/// Something that the application should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection waits to be accepted.
    Incoming(ListenerId),
    /// A socket became ready.
    Socket(SocketId, Readiness),
    /// A connection has come from another lcore ([`Core::move_to_lcore`]): its socket here, and the token that was given with it.
    Arrived(SocketId, u64),
}

/// Frames taken from a port at a time.
const RX_BURST: usize = 32;
/// Frames collected before they are handed to a port.
const TX_BURST: usize = 32;
/// Room in a frame beyond the MTU: Ethernet header and one VLAN tag.
const FRAME_OVERHEAD: usize = packet::ETHERNET_HEADER + 4;

/// One lcore's stack: its ports, its sockets.
#[derive(Debug)]
pub struct Stack {
    core: Core,
    rx: FrameBurst,
}

impl Stack {
    /// A stack without ports. Send buffers are taken from `arena`.
    #[must_use]
    pub fn new(config: StackConfig, arena: Arc<Arena>) -> Self {
        // As large as a memory link's, so that receiving is an exchange of buffers and not a copy.
        let rx = FrameBurst::new(
            RX_BURST,
            capacity_for_mtu(config.mtu.max(config.rx_packet_max).into()),
        );
        Self { core: Core::new(config, arena), rx }
    }

    /// Makes this the stack of one of its host's lcores. All of them have the same settings, and nothing has come to them.
    pub fn set_shard(&mut self, shard: Shard) {
        self.core.shard = Some(shard);
    }

    /// Adds an Ethernet port that is no adapter's. The first member is active until somebody decides otherwise.
    pub fn add_port(&mut self, port: Box<dyn EthPort + Send>) -> MemberId {
        self.core.add_port(port)
    }

    /// Adds an adapter. The first port of the first one is active until somebody decides otherwise.
    pub fn add_adapter(&mut self, lcore: Lcore) -> MemberId {
        self.core.add_member(lcore)
    }

    /// Moves frames and messages, runs timers.
    pub fn poll(&mut self, now: Nanos) {
        self.poll_with(now, &mut NoHook);
    }

    /// Like [`Stack::poll`], with a bond that sees what the adapters say first.
    pub fn poll_with(&mut self, now: Nanos, hook: &mut dyn Hook) {
        let now = self.advance(now);
        self.core.host_rest(now);
        self.core.poll_adapters(now, hook);
        let now = self.core.poll_shard(now);
        self.core.poll_ports(now, hook, &mut self.rx);
        self.core.poll(now);
    }

    /// The time to go on with when a clock shows `now`: no less than it ever was.
    pub fn advance(&mut self, now: Nanos) -> Nanos {
        self.core.advance(now)
    }

    /// Takes all that a dead adapter has left in its queue, with a bond that sees it first.
    pub fn hear_out(&mut self, now: Nanos, hook: &mut dyn Hook, member: MemberId) {
        self.core.hear_out(now, hook, member);
    }

    /// When [`Stack::poll`] has something to do without a frame coming in.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.core.poll_timeout()
    }

    /// What the queues share.
    #[must_use]
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// What the queues share, to be driven.
    pub fn core_mut(&mut self) -> &mut Core {
        &mut self.core
    }
}
