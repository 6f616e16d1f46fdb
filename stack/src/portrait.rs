//! All that there is to tell of one connection, for whoever shows it as `ss -ti` does.

use core::net::IpAddr;

use mafo_mem::Nanos;
use mafo_t4::{PortId, Tid};
use mafo_tcp::CongestionControl;

use crate::Info;
use crate::account::Account;
use crate::core::Core;
use crate::slab::SocketId;
use crate::socket::Path;
use crate::tom::MemberId;
use crate::tuple::FourTuple;

/// Where a connection's TCP runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// Nowhere: its next hop is being asked for, or it is over and its socket is held.
    Nowhere,
    /// In this stack's own engine.
    OnHost,
    /// In an adapter.
    OnAdapter {
        /// Which.
        member: MemberId,
        /// By which of its ports.
        port: PortId,
        /// What it is called there.
        tid: Tid,
    },
}

/// A connection, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portrait {
    /// Its socket.
    pub id: SocketId,
    /// Its two ends.
    pub tuple: FourTuple,
    /// Where it runs.
    pub runs: Runs,
    /// How its TCP stands: as the engine says, or as its adapter did when it was asked ([`Core::look_at_card`]).
    pub info: Option<Info>,
    /// Its congestion control.
    pub congestion: Option<CongestionControl>,
    /// Bytes per second at which payload leaves, if it is paced.
    pub pacing_rate: Option<u64>,
    /// Segments, which an adapter does not count for each connection.
    pub account: Option<Account>,
    /// Payload bytes that were sent for the first time; what an adapter was given counts, but for what it says of it.
    pub bytes_sent: u64,
    /// Bytes that the peer has acknowledged.
    pub bytes_acked: u64,
    /// Bytes that came in order.
    pub bytes_received: u64,
    /// Bytes written that the peer has not acknowledged.
    pub send_queue: u64,
    /// Bytes that the application has not read.
    pub recv_queue: u64,
    /// Units of work requests that its adapter would take now.
    pub credits: Option<u16>,
    /// Bytes that the receive buffer has room for.
    pub recv_space: u64,
    /// Largest packet that the path is known to carry.
    pub path_mtu: u16,
    /// When payload was sent last, where that is known, and when some came.
    pub last_sent: Option<Nanos>,
    /// When payload came last.
    pub last_received: Option<Nanos>,
}

impl Core {
    /// Sockets in places from `place` on, those that are over among them: a table of which a part can be walked at a time.
    pub fn sockets_from(&self, place: usize) -> impl Iterator<Item = SocketId> {
        (place..self.sockets.high()).filter_map(|place| self.sockets.at(place).map(|(id, _)| id))
    }

    /// How the connection of `id` stands at all; what an adapter says of it is `card`.
    #[must_use]
    pub fn portrait(&self, id: SocketId, card: Option<Info>) -> Option<Portrait> {
        let socket = self.sockets.get(id)?;
        let (tx, rx) = (&socket.tx, &socket.rx);
        let mut portrait = Portrait {
            id,
            tuple: socket.ends.tuple(),
            runs: Runs::Nowhere,
            info: None,
            congestion: self.congestion(id).ok().flatten(),
            pacing_rate: None,
            account: None,
            bytes_sent: tx.posted(),
            bytes_acked: tx.acked(),
            bytes_received: rx.received(),
            send_queue: tx.written() - tx.acked(),
            recv_queue: rx.available() as u64,
            recv_space: rx.capacity() as u64,
            credits: None,
            path_mtu: self.path_mtu(socket.ends.remote_ip()),
            last_sent: None,
            last_received: None,
        };
        match &socket.path {
            Path::Resolving | Path::Ended => {}
            Path::Host(host) => {
                let conn = &host.conn;
                portrait.runs = Runs::OnHost;
                portrait.info = Some(conn.info(&self.engine.config));
                portrait.pacing_rate = conn.pacing_rate();
                portrait.account = Some(host.account);
                portrait.bytes_sent = tx.posted() - u64::from(conn.unsent());
                portrait.last_sent = Some(conn.last_sent());
                portrait.last_received = Some(host.activity.heard_at);
            }
            Path::Offload(conn) => {
                portrait.runs =
                    Runs::OnAdapter { member: conn.member, port: conn.port, tid: conn.tid };
                portrait.info = card;
                portrait.credits = Some(conn.credits.available());
                portrait.last_received = Some(conn.last_rx);
            }
        }
        Some(portrait)
    }

    fn path_mtu(&self, remote: IpAddr) -> u16 {
        let known = match remote {
            IpAddr::V4(remote) => self.path_mtus.get(remote),
            IpAddr::V6(_) => None,
        };
        known.unwrap_or(self.config.mtu)
    }
}
