//! How long a socket waits: for its handshake, for its peer, and for a peer that has nothing to say.
//!
//! On the host path the engine waits. A card's connections wait as its registers say, all alike, so what is said of
//! one of them is watched here, where it can be; [`Timeouts`] says which.

use mafo_mem::Nanos;
use mafo_t4::tcb::TFlags;
use mafo_tcp::{Ended, GaveUp, Keepalive, Patience, State};

use crate::core::Core;
use crate::error::{ConnectionError, SocketError};
use crate::slab::SocketId;
use crate::socket::{Path, Socket};
use crate::tom::state::State as OffloadState;

/// What a socket waits differently from others. `None`: as the stack, or the adapter, is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// For bytes to be acknowledged, or a closed window to open (TCP_USER_TIMEOUT); then the connection is given
    /// up. On both paths; on an adapter by the host's clock, and not for an idle connection's keepalive.
    pub user: Option<Nanos>,
    /// For the handshake of an active open, from when this is set. On both paths.
    pub connect: Option<Nanos>,
    /// Keepalive timing (TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT). On the host path; an adapter has TP_KEEP_IDLE,
    /// TP_KEEP_INTVL and TP_SHIFT_CNT for all its connections.
    pub keepalive: Option<Keepalive>,
    /// SYNs sent again before an open is given up (TCP_SYNCNT). On the host path; an adapter has TP_SHIFT_CNT.
    pub syn_retransmits_max: Option<u8>,
    /// For the peer's FIN after it has acknowledged ours (TCP_LINGER2). On both paths.
    pub fin_wait2: Option<Nanos>,
}

/// What the host's clock watches for a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch {
    pub(crate) timeouts: Timeouts,
    /// Offloaded: since when bytes wait to be acknowledged, or when some last were.
    pub(crate) progress_at: Nanos,
    /// When an open is given up.
    connect_by: Option<Nanos>,
    /// The wake-up that is set.
    armed: Option<Nanos>,
}

impl Core {
    /// Sets how long `id` waits, from now on.
    pub fn set_timeouts(
        &mut self,
        now: Nanos,
        id: SocketId,
        timeouts: Timeouts,
    ) -> Result<(), SocketError> {
        let socket = self.sockets.get_mut(id).ok_or(SocketError::NoSuchSocket)?;
        socket.watch.timeouts = timeouts;
        socket.watch.progress_at = now;
        socket.watch.connect_by =
            timeouts.connect.filter(|_| is_opening(socket)).map(|wait| now + wait);
        self.apply_timeouts(now, id);
        self.arm_watch(id);
        Ok(())
    }

    /// How long `id` waits.
    #[must_use]
    pub fn timeouts(&self, id: SocketId) -> Timeouts {
        self.sockets.get(id).map_or_else(Timeouts::default, |socket| socket.watch.timeouts)
    }

    /// Switches probes of an idle peer on or off (SO_KEEPALIVE).
    pub fn set_keepalive(&mut self, now: Nanos, id: SocketId, on: bool) -> Result<(), SocketError> {
        let socket = self.sockets.get_mut(id).ok_or(SocketError::NoSuchSocket)?;
        match &mut socket.path {
            Path::Host(host) => {
                let switches = mafo_tcp::Switches { keepalive: on, ..host.conn.switches() };
                host.conn.set_switches(&self.engine, now, switches);
                self.list(id);
            }
            Path::Offload(conn) if conn.state.is_live() => {
                let (mask, val) = (TFlags(0).with_keepalive(true), TFlags(0).with_keepalive(on));
                if !self.write_flags(id, mask, val) {
                    return Err(SocketError::WouldBlock);
                }
            }
            Path::Offload(_) | Path::Resolving => return Err(SocketError::NotConnected),
            Path::Ended => {}
        }
        Ok(())
    }

    /// Hands what was set to the engine, once there is one.
    pub(crate) fn apply_timeouts(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Timeouts { user, connect: _, keepalive, syn_retransmits_max, fin_wait2 } =
            socket.watch.timeouts;
        let patience = Patience { user_timeout: user, keepalive, syn_retransmits_max, fin_wait2 };
        if let Path::Host(host) = &mut socket.path
            && patience != host.conn.patience()
        {
            host.conn.set_patience(&self.engine, now, patience);
            self.list(id);
        }
    }

    /// Sets the wake-up that the socket's watch asks for.
    pub(crate) fn arm_watch(&mut self, id: SocketId) {
        let Some(wanted) = self.watched_until(id) else { return };
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.watch.armed.is_none_or(|armed| wanted < armed) {
            if let Some(armed) = socket.watch.armed.replace(wanted) {
                self.watches.remove(&(armed, id));
            }
            self.watches.insert((wanted, id));
        }
    }

    fn watched_until(&self, id: SocketId) -> Option<Nanos> {
        let socket = self.sockets.get(id)?;
        let connect = socket.watch.connect_by.filter(|_| is_opening(socket));
        let Path::Offload(conn) = &socket.path else { return connect };
        let timeouts = &socket.watch.timeouts;
        let user = timeouts.user.filter(|_| is_opening(socket) || self.waits_on_card(id));
        // Its acknowledgment was the last progress.
        let half_closed = conn.state == OffloadState::FinWait2;
        let fin_wait2 = timeouts.fin_wait2.filter(|_| half_closed);
        let by_progress = user.into_iter().chain(fin_wait2).min();
        let by_progress = by_progress.map(|wait| socket.watch.progress_at + wait);
        [connect, by_progress, conn.hold.until()].into_iter().flatten().min()
    }

    /// Whether bytes, or a FIN, of an offloaded connection wait to be acknowledged, or to be sent.
    fn waits_on_card(&self, id: SocketId) -> bool {
        let Some(socket) = self.sockets.get(id) else { return false };
        let live = matches!(&socket.path, Path::Offload(conn) if conn.state.is_live());
        let unsent = socket.tx.written() > socket.tx.posted();
        live && (unsent || self.progress(id).is_some_and(|at| at.snd_una != at.snd_end))
    }

    /// Bytes are about to be given to the card.
    pub(crate) fn watch_posting(&mut self, id: SocketId) {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.watch.timeouts.user.is_none() {
            return;
        }
        if socket.tx.acked() == socket.tx.posted() {
            socket.watch.progress_at = now;
        }
        self.arm_watch(id);
    }

    /// Looks at the sockets whose time has come.
    pub(crate) fn poll_watches(&mut self, now: Nanos) {
        while let Some(&(at, id)) = self.watches.first().filter(|(at, _)| *at <= now) {
            self.watches.remove(&(at, id));
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            socket.watch.armed = None;
            self.release_due(now, id);
            match self.watched_until(id) {
                Some(until) if until <= now => self.run_out_of_patience(id),
                _ => self.arm_watch(id),
            }
        }
    }

    fn run_out_of_patience(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let opening = is_opening(socket);
        let half_closed =
            matches!(&socket.path, Path::Offload(conn) if conn.state == OffloadState::FinWait2);
        let ended = Ended::TimedOut(if half_closed { GaveUp::FinWait2 } else { GaveUp::User });
        match &mut socket.path {
            Path::Offload(_) if opening => {
                socket.ended = Some(ended);
                self.fail_opening(id, ConnectionError::TimedOut);
            }
            Path::Offload(_) => {
                let reason = self.soft_error_of(id);
                let error = reason.map_or(ConnectionError::TimedOut, Into::into);
                self.tom_give_up(id, ended, error);
            }
            Path::Host(_) | Path::Resolving => {
                socket.ended = Some(ended);
                self.fail(id, ConnectionError::TimedOut);
            }
            Path::Ended => {}
        }
    }
}

/// Whether an active open of the socket is under way.
fn is_opening(socket: &Socket) -> bool {
    match &socket.path {
        Path::Resolving => true,
        Path::Host(host) => host.conn.state() == State::SynSent,
        Path::Offload(conn) => conn.state == OffloadState::Opening,
        Path::Ended => false,
    }
}
