//! The listening side of the host path: a queue of handshakes, a queue of connections to be accepted, and
//! cookies when the first is full.
//!
//! ```text
//!              room in the SYN queue?                             room in the accept queue?
//!  SYN ──► yes: a socket in SYN-RCVD ── its ACK ──────────────► yes: accept() finds it
//!      └──► no: a SYN,ACK that is a cookie, nothing kept ── its ACK ──► no: the ACK is dropped; the peer, or our
//!           SYN,ACK's timer, tries again (as Linux does; a reset would tell a client that nobody listens)
//! ```
//!
//! SYNs to a listener of an adapter come from the card with a TID each. With its SYN queue full they are answered by
//! cookies just so, their TIDs given back, and the connections that come of it live on the host path.

use mafo_mem::Nanos;
use mafo_tcp::{
    Config, Connection, Flags, Options, Segment, SeqNum, State, Timestamps, isn, syncookie,
};

use crate::core::Core;
use crate::host::{HostPath, LastAck};
use crate::listener::ListenerId;
use crate::neigh::Mac;
use crate::slab::SocketId;
use crate::socket::{Holder, Path};
use crate::tuple::FourTuple;

/// A new incarnation of a connection begins so far behind the old one's last byte (RFC 9293 3.6.1), so that what is
/// left of that in the network lies outside its window.
const BEHIND_OLD: u32 = 65_537;

impl Core {
    /// The initial sequence number of a connection; behind `after`, if an old one of the same addresses ended there.
    pub(crate) fn iss(&self, now: Nanos, tuple: &FourTuple, after: Option<SeqNum>) -> SeqNum {
        let iss = isn::generate(&self.secret, tuple.local, tuple.remote, now);
        match after.map(|after| after + BEHIND_OLD) {
            Some(least) if iss.before(least) => least,
            _ => iss,
        }
    }

    /// A segment to a listener of the host path that is no connection's. `false` when it is not the listener's
    /// either: it is nobody's.
    ///
    //= rfc9293#3.10.7.2
    pub(crate) fn host_listen(
        &mut self,
        now: Nanos,
        (id, after): (ListenerId, Option<SeqNum>),
        src_mac: Mac,
        tuple: FourTuple,
        segment: &Segment,
        payload: &[u8],
    ) -> bool {
        if segment.flags.contains(Flags::RST) {
            return false;
        }
        if segment.flags.contains(Flags::ACK) {
            return self.host_cookie_ack(now, id, tuple, segment, payload);
        }
        // A SYN that closes at once is nobody's idea of a connection; Linux drops it, too.
        if segment.flags.intersects(Flags::FIN) || !segment.flags.contains(Flags::SYN) {
            self.counters.listen_drop_flags += 1;
            return true;
        }
        self.host_accept(now, (id, after), src_mac, tuple, segment);
        true
    }

    /// Answers a SYN to a listener of the host path.
    fn host_accept(
        &mut self,
        now: Nanos,
        (listener_id, after): (ListenerId, Option<SeqNum>),
        src_mac: Mac,
        tuple: FourTuple,
        syn: &Segment,
    ) {
        let syns_max = self.config.syn_backlog_max;
        let Some(listener) = self.listeners.get(&listener_id) else { return };
        if listener.accept_queue_is_full() {
            // Silence, so that the peer tries again when the queue may have moved.
            self.counters.listen_overflows += 1;
            return;
        }
        // A number behind an old connection's is no cookie.
        if listener.syn_queue_is_full(syns_max) && after.is_none() {
            return self.answer_by_cookie(now, listener_id, src_mac, tuple, syn);
        }
        let options = self.options_of_passive(&tuple, listener);
        let Some(id) = self.make_socket(tuple, options, Holder::Listener(listener_id)) else {
            return self.answer_by_cookie(now, listener_id, src_mac, tuple, syn);
        };
        if let Some(hop) = self.next_hop(tuple.remote.ip()).filter(|&hop| !self.is_own(hop)) {
            self.neighbours.learn(now, hop, src_mac, true);
        }
        let Some(socket) = self.sockets.get(id) else { return };
        let open = self.open_of(socket, self.iss(now, &tuple, after));
        let Some(conn) = Connection::accept(&mut self.engine, now, &open, syn) else {
            self.forget(id);
            return;
        };
        self.enter_opening(id, listener_id, conn);
    }

    fn enter_opening(&mut self, id: SocketId, listener_id: ListenerId, conn: Connection) {
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.path = HostPath::path(conn);
        }
        self.by_tuple.insert(&self.sockets, id);
        if let Some(listener) = self.listeners.get_mut(&listener_id) {
            listener.opening += 1;
        }
        self.apply_known_path_mtu(id);
        self.list(id);
    }

    /// Answers a SYN and forgets it.
    ///
    //= rfc4987#3.6 RFC4987-3.6-1
    pub(crate) fn answer_by_cookie(
        &mut self,
        now: Nanos,
        listener_id: ListenerId,
        src_mac: Mac,
        tuple: FourTuple,
        syn: &Segment,
    ) {
        let Some(listener) = self.listeners.get_mut(&listener_id) else { return };
        if !self.config.syn_cookies {
            self.counters.syn_queue_drops += 1;
            return;
        }
        listener.last_cookie = Some(now);
        let Some(listener) = self.listeners.get(&listener_id) else { return };
        let options = self.options_of_passive(&tuple, listener);
        let dscp = options.dscp;
        let room = self.room_of(&options) as u32;
        let ours = self.offer_of(&options, room);
        let congestion = options.congestion.unwrap_or(self.config.congestion);
        let FourTuple { local, remote } = tuple;
        let clock = self.engine.config.ts_clock.ticks(now);
        let options = Options {
            mss: Some(ours.mss),
            window_scale: ours.window_scale,
            sack_permitted: ours.sack,
            timestamps: ours.timestamps.then_some(Timestamps { val: clock, ecr: 0 }),
            ..Options::default()
        };
        let cookie = syncookie::make(&self.secret, local, remote, now, syn);
        let offer = syncookie::Offer {
            window: room.min(u32::from(u16::MAX)) as u16,
            options,
            ecn: self.config.ecn,
            congestion,
        };
        let mut reply = syncookie::syn_ack(syn, cookie, &offer);
        if let Some(ts) = &mut reply.options.timestamps {
            ts.val = ts.val.wrapping_add(isn::ts_offset(&self.secret, local, remote));
        }
        self.counters.syn_cookies_sent += 1;
        self.send_segment(now, src_mac, &tuple, dscp, &reply);
    }

    /// An ACK of nobody to a listener: of a cookie? `false` when not.
    fn host_cookie_ack(
        &mut self,
        now: Nanos,
        listener_id: ListenerId,
        tuple: FourTuple,
        segment: &Segment,
        payload: &[u8],
    ) -> bool {
        let Some(listener) = self.listeners.get(&listener_id) else { return false };
        if segment.flags.contains(Flags::SYN) || !listener.gave_cookies(now) {
            return false;
        }
        let FourTuple { local, remote } = tuple;
        let Some(mss) = syncookie::check(&self.secret, local, remote, now, segment) else {
            self.counters.syn_cookies_failed += 1;
            return false;
        };
        if listener.accept_queue_is_full() {
            self.counters.listen_overflows += 1;
            return true;
        }
        let options = self.options_of_passive(&tuple, listener);
        let Some(id) = self.make_socket(tuple, options, Holder::Listener(listener_id)) else {
            self.counters.listen_overflows += 1;
            return true;
        };
        self.counters.syn_cookies_received += 1;
        let mut ack = *segment;
        if let Some(ts) = &mut ack.options.timestamps {
            ts.ecr = ts.ecr.wrapping_sub(isn::ts_offset(&self.secret, local, remote));
        }
        let syn = syncookie::syn_of(&ack, mss, &self.engine.config.ts_clock, now);
        let Some(socket) = self.sockets.get(id) else { return true };
        let open = self.open_of(socket, segment.ack - 1);
        let conn = Connection::accept_cookie(&mut self.engine, now, &open, &syn);
        self.enter_opening(id, listener_id, conn);
        self.on_established(id);
        self.host_input(now, id, segment, &[payload])
    }

    /// Whether a connection's SYN is answered by the host path, and its handshake goes on.
    pub(crate) fn is_answered_here(&self, id: SocketId) -> bool {
        let path = self.sockets.get(id).map(|socket| &socket.path);
        matches!(path, Some(Path::Host(host)) if host.conn.state() == State::SynRcvd)
    }

    /// Whether connection `id` is to have brought something before it can be accepted. That is counted in timeouts of
    /// its SYN,ACK, as in Linux.
    fn is_deferred(&self, id: SocketId) -> bool {
        let Some(socket) = self.sockets.get(id) else { return false };
        let (Holder::Listener(listener), Path::Host(host)) = (socket.holder, &socket.path) else {
            return false;
        };
        let wait = self.listeners.get(&listener).and_then(|listener| listener.options.defer_accept);
        let config = &self.engine.config;
        host.conn.state() == State::SynRcvd
            && wait.is_some_and(|wait| host.conn.info(config).timeouts < timeouts(config, wait))
    }

    /// Whether a segment is the last of a handshake, brings nothing, and so is dropped (as Linux's tcp_check_req).
    fn defer(&mut self, id: SocketId, segment: &Segment) -> bool {
        if !self.is_deferred(id) {
            return false;
        }
        let Some(Path::Host(host)) = self.sockets.get_mut(id).map(|socket| &mut socket.path) else {
            return false;
        };
        let bare = segment.flags.contains(Flags::ACK)
            && !segment.flags.intersects(Flags::RST | Flags::SYN | Flags::FIN)
            && segment.payload_len == 0
            && segment.seq == host.conn.rcv_nxt()
            && segment.ack == host.conn.snd_max();
        if bare {
            host.last_ack = LastAck::Dropped;
            self.counters.listen_deferred += 1;
        }
        bare
    }

    /// Whether `segment` is a SYN,ACK that the peer has acknowledged. It is not sent again but to ask for another ACK,
    /// when that will do.
    pub(crate) fn is_known(&self, id: SocketId, segment: &Segment) -> bool {
        let path = self.sockets.get(id).map(|socket| &socket.path);
        segment.flags.contains(Flags::SYN)
            && matches!(path, Some(Path::Host(host)) if host.last_ack == LastAck::Dropped)
            && self.is_deferred(id)
    }

    /// Whether a segment would finish the handshake of a connection that there is no room to accept, or that is not
    /// to be accepted yet. It is dropped; the handshake stays as it is.
    pub(crate) fn is_held_back(&mut self, id: SocketId, segment: &Segment) -> bool {
        let holder = self.sockets.get(id).map(|socket| socket.holder);
        let Some(Holder::Listener(listener)) = holder else { return false };
        if self.defer(id, segment) {
            return true;
        }
        let Some(Path::Host(host)) = self.sockets.get(id).map(|socket| &socket.path) else {
            return false;
        };
        let full = self.listeners.get(&listener).is_some_and(|l| l.accept_queue_is_full());
        let held_back = full
            && host.conn.state() == State::SynRcvd
            && segment.flags.contains(Flags::ACK)
            && !segment.flags.intersects(Flags::RST | Flags::SYN);
        self.counters.listen_overflows += u64::from(held_back);
        held_back
    }
}

/// Timeouts of a SYN,ACK in the course of which `wait` goes by (as Linux's secs_to_retrans).
fn timeouts(config: &Config, wait: Nanos) -> u8 {
    let (mut count, mut timeout, mut passed) = (1, config.rto_initial, config.rto_initial);
    while passed < wait && count < u8::MAX {
        timeout = (timeout + timeout).min(config.rto_max);
        passed += timeout;
        count += 1;
    }
    count
}
