//! How long a socket waits: for its handshake, for its peer, and for a peer that has nothing to say.
//!
//! On the host path the engine waits. A card's connections wait as its registers say, all alike, so what is said of
//! one of them is watched here, where it can be; [`Timeouts`] says which.

use mafo_mem::Nanos;
use mafo_tcp::{Ended, GaveUp, Keepalive, Patience, SeqNum, State};

use crate::core::Core;
use crate::error::{ConnectionError, SocketError};
use crate::slab::SocketId;
use crate::socket::{Path, Socket};
use crate::tom::state::State as OffloadState;

/// What a socket waits differently from others. `None`: as the stack, or the adapter, is set up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// For bytes to be acknowledged, or a closed window to open (TCP_USER_TIMEOUT); then the connection is given
    /// up. On both paths; on an adapter by the host's clock, and not for an idle connection's keepalive. What is
    /// acknowledged in the middle of a work request is noticed late by a quarter of the time at most.
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Offloaded: since when bytes wait to be acknowledged, or when some last were.
    pub(crate) progress_at: Nanos,
    /// Stream offset up to which the peer had acknowledged when the card last answered.
    told_una: u64,
    /// What few sockets have: most wait as all do.
    own: Option<Box<Own>>,
}

/// How a socket waits that waits differently from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Own {
    timeouts: Timeouts,
    /// Offloaded: since when the card is being asked whether anything was acknowledged that no message told of.
    asked_at: Option<Nanos>,
    /// When it last answered.
    told_at: Nanos,
    /// When an open is given up.
    connect_by: Option<Nanos>,
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
        let connect_by = timeouts.connect.filter(|_| is_opening(socket)).map(|wait| now + wait);
        socket.watch.progress_at = now;
        let own = socket.watch.own_mut();
        (own.timeouts, own.connect_by) = (timeouts, connect_by);
        self.apply_timeouts(now, id);
        self.arm_watch(id);
        Ok(())
    }

    /// How long `id` waits.
    #[must_use]
    pub fn timeouts(&self, id: SocketId) -> Timeouts {
        self.sockets.get(id).map_or_else(Timeouts::default, |socket| socket.watch.timeouts())
    }

    /// Hands what was set to the engine, once there is one.
    pub(crate) fn apply_timeouts(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Timeouts { user, connect: _, keepalive, syn_retransmits_max, fin_wait2 } =
            socket.watch.timeouts();
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
        if let Some(wanted) = self.watched_until(id) {
            self.watches.arm(id.place(), wanted);
        }
    }

    fn watched_until(&self, id: SocketId) -> Option<Nanos> {
        let socket = self.sockets.get(id)?;
        let watch = &socket.watch;
        let connect = watch.connect_by().filter(|_| is_opening(socket));
        let Path::Offload(conn) = &socket.path else { return connect };
        // Its acknowledgment was the last progress.
        let half_closed = conn.state == OffloadState::FinWait2;
        let fin_wait2 = watch.timeouts().fin_wait2.filter(|_| half_closed);
        let fin_wait2 = fin_wait2.map(|wait| watch.progress_at + wait);
        let user = watch.timeouts().user.filter(|_| is_opening(socket) || self.waits_on_card(id));
        let user = user.map(|wait| match watch.asked_at() {
            Some(asked_at) => asked_at + ANSWER,
            None if is_opening(socket) => watch.progress_at + wait,
            None => watch.next_look(wait).min(watch.progress_at + wait),
        });
        [connect, user, fin_wait2, conn.hold.until()].into_iter().flatten().min()
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
        if socket.watch.timeouts().user.is_none() {
            return;
        }
        if socket.tx.acked() == socket.tx.posted() {
            socket.watch.progress_at = now;
        }
        self.arm_watch(id);
    }

    /// Looks at the sockets whose time has come.
    pub(crate) fn poll_watches(&mut self, now: Nanos) {
        while let Some(place) = self.watches.pop_due(now) {
            let Some((id, _)) = self.sockets.at_mut(place) else { continue };
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
            Path::Offload(_) if !half_closed && socket.watch.asked_at().is_none() => {
                self.ask_for_progress(id);
            }
            Path::Offload(_) if !half_closed && !socket.watch.is_user_gone(self.now) => {
                socket.watch.on_answer(self.now);
                self.arm_watch(id);
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

/// What a card says before a connection is given up: FW4_ACK tells of whole work requests only.
impl Core {
    fn ask_for_progress(&mut self, id: SocketId) {
        let now = self.now;
        self.ask_card(id);
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.watch.own_mut().asked_at = Some(now);
        }
        self.arm_watch(id);
    }

    /// The card has said up to where its peer has acknowledged.
    pub(crate) fn on_card_progress(&mut self, id: SocketId, snd_una: SeqNum) {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &mut socket.path else { return };
        let acked = socket.tx.acked();
        let told = conn.snd_offset(acked, snd_una).unwrap_or(acked);
        let moved = told > acked.max(socket.watch.told_una);
        socket.watch.told_una = told.max(socket.watch.told_una);
        if moved {
            // An ACK came: what waits for more of it waits no longer.
            conn.hold.release();
            self.tom_post(id);
        }
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if socket.watch.asked_at().is_none() {
            return;
        }
        if moved {
            socket.watch.progress_at = now;
        } else if socket.watch.is_user_gone(now) {
            return self.run_out_of_patience(id);
        }
        socket.watch.on_answer(now);
        self.arm_watch(id);
    }
}

impl Watch {
    #[inline]
    pub(crate) fn timeouts(&self) -> Timeouts {
        self.own.as_ref().map_or_else(Timeouts::default, |own| own.timeouts)
    }

    fn connect_by(&self) -> Option<Nanos> {
        self.own.as_ref()?.connect_by
    }

    fn asked_at(&self) -> Option<Nanos> {
        self.own.as_ref()?.asked_at
    }

    fn own_mut(&mut self) -> &mut Own {
        self.own.get_or_insert_default()
    }

    /// The card that was asked has answered.
    fn on_answer(&mut self, now: Nanos) {
        let own = self.own_mut();
        (own.asked_at, own.told_at) = (None, now);
    }

    /// When the card is asked next, with a user who waits for `wait`.
    fn next_look(&self, wait: Nanos) -> Nanos {
        let told_at = self.own.as_ref().map_or(Nanos::ZERO, |own| own.told_at);
        told_at.max(self.progress_at) + Nanos((wait.0 / LOOKS).max(1))
    }

    /// Whether a user has waited long enough.
    fn is_user_gone(&self, now: Nanos) -> bool {
        self.timeouts().user.is_some_and(|wait| self.progress_at + wait <= now)
    }
}

/// How often in a user's time a card is asked for progress.
const LOOKS: u64 = 4;

/// How long a card may take to answer before its connection is given up without it.
const ANSWER: Nanos = Nanos::from_secs(1);

/// Whether an active open of the socket is under way.
fn is_opening(socket: &Socket) -> bool {
    match &socket.path {
        Path::Resolving => true,
        Path::Host(host) => host.conn.state() == State::SynSent,
        Path::Offload(conn) => conn.state == OffloadState::Opening,
        Path::Ended => false,
    }
}
