//! The host path: connections whose TCP runs here, over an Ethernet port.

use mafo_mem::{Nanos, Wheel};
use mafo_pmd::TxState;
use mafo_tcp::{
    Connection, Ended, Events, Flags, Follows, GaveUp, Input, Open, Output, Payload, Segment,
};
use mafo_tcp::{SeqNum, State, Switches, isn};

use crate::account::Account;
use crate::activity::Activity;
use crate::core::Core;
use crate::error::ConnectionError;
use crate::moved::Rest;
use crate::neigh::Resolution;
use crate::packet;
use crate::pmtu::HEADERS;
use crate::slab::SocketId;
use crate::socket::{Holder, Path, Readiness, SendSide, Socket};
use crate::template::Template;
use crate::time_wait::Remains;
use crate::timeouts::Watch;
use crate::tuple::FourTuple;
use crate::urgent::Marks;
use crate::{Options, PathChoice, StackConfig};

/// What the host path keeps of a connection beside its two buffers.
#[derive(Debug)]
pub(crate) struct HostPath {
    pub(crate) conn: Connection,
    listed: Listed,
    pub(crate) activity: Activity,
    pub(crate) account: Account,
    pub(crate) last_ack: LastAck,
}

/// The list that a connection is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    /// None.
    No,
    /// Of those that have heard something, and have nothing to say unless their application has: that mostly answers
    /// before it is their turn.
    Resting,
    /// Of those that may have something to send.
    Sending,
}

/// The last segment of a handshake, of a connection that a listener wants only when something has come on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastAck {
    /// It has not come, or counts.
    Awaited,
    /// It came, brought nothing, and was dropped.
    Dropped,
}

impl HostPath {
    pub(crate) fn path(conn: Connection) -> Path {
        Path::Host(Box::new(Self {
            conn,
            listed: Listed::No,
            activity: Activity::default(),
            account: Account::default(),
            last_ack: LastAck::Awaited,
        }))
    }
}

impl HostPath {
    /// It leaves this lcore's lists.
    pub(crate) fn uproot(&mut self) {
        self.listed = Listed::No;
    }

    /// Nothing can be said until `timers`, or a segment, brings the connection up again.
    fn rest(&mut self, now: Nanos, id: SocketId, timers: &mut Wheel) {
        self.watch_activity(now);
        if let Some(wanted) = self.conn.poll_timeout() {
            timers.arm(id.place(), wanted);
        }
    }
}

/// What a SYN or SYN,ACK of ours offers.
pub(crate) struct Offer {
    pub(crate) mss: u16,
    pub(crate) window_scale: Option<u8>,
    pub(crate) timestamps: bool,
    pub(crate) sack: bool,
}

impl Core {
    /// What a socket with `options` and a buffer of `rcv_wnd` bytes offers.
    //= rfc9293#3.7.1 MUST-67
    pub(crate) fn offer_of(&self, options: &Options, rcv_wnd: u32) -> Offer {
        //= rfc9293#3.7.1 MUST-67
        let mss = self.config.mtu - HEADERS;
        let rcv_wnd_max = window_max(&self.config, options, rcv_wnd);
        Offer {
            mss: options.mss.map_or(mss, |limit| limit.min(mss)),
            window_scale: self.config.window_scaling.then(|| window_scale(rcv_wnd_max)),
            timestamps: self.config.timestamps,
            sack: self.config.sack,
        }
    }

    /// What the engine is asked for.
    pub(crate) fn open_of(&self, socket: &Socket, iss: SeqNum) -> Open {
        let FourTuple { local, remote } = socket.ends.tuple();
        let options = &socket.options;
        let rcv_wnd = socket.rx.capacity() as u32;
        let offer = self.offer_of(options, rcv_wnd);
        Open {
            local_port: local.port(),
            remote_port: remote.port(),
            iss,
            mss: offer.mss,
            rcv_wnd,
            window_scale: offer.window_scale,
            timestamps: offer.timestamps,
            ts_offset: isn::ts_offset(&self.secret, local, remote),
            sack: offer.sack,
            congestion: options.congestion.unwrap_or(self.config.congestion),
            ecn: self.config.ecn,
            switches: options.switches(Switches::default()),
        }
    }

    /// Sends the SYN of an active open.
    pub(crate) fn host_connect(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let open = self.open_of(socket, self.iss(now, &socket.ends.tuple(), None));
        let conn = Connection::connect(&mut self.engine, now, &open);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        socket.path = HostPath::path(conn);
        self.apply_known_path_mtu(id);
        self.apply_timeouts(now, id);
        // What was written while the next hop was asked for.
        self.post(id);
        self.list(id);
    }

    /// Closes the sending side behind what is posted. Not yet while our SYN is on its way: to close
    /// then is to give up (RFC 9293, 3.10.4), and what was written would be lost.
    pub(crate) fn host_shutdown(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get_mut(id)
            && let Path::Host(host) = &mut socket.path
            && host.conn.state() != State::SynSent
        {
            host.conn.close();
            self.list(id);
        }
    }

    /// Whether payload and FIN that were never sent are kept back.
    pub(crate) fn host_quiesce(&mut self, id: SocketId, quiesce: bool) {
        let now = self.now;
        if let Some(socket) = self.sockets.get_mut(id)
            && let Path::Host(host) = &mut socket.path
        {
            let switches = Switches { tx_quiesce: quiesce, ..host.conn.switches() };
            host.conn.set_switches(&self.engine, now, switches);
            self.list(id);
        }
    }

    /// Takes a segment of a connection of the host path, whose payload is in pieces. `false` when it is not here (any more): the
    /// segment is nobody's.
    pub(crate) fn host_input(
        &mut self,
        now: Nanos,
        id: SocketId,
        segment: &Segment,
        payload: &[&[u8]],
    ) -> bool {
        if self.is_held_back(id, segment) {
            return true;
        }
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        let Path::Host(host) = &mut socket.path else { return false };
        if segment.payload_len > 0 {
            host.activity.heard_at = now;
        }
        host.account.came(payload.len(), segment.payload_len > 0);
        let input = host.conn.handle_segment(&mut self.engine, now, segment);
        if let Some(ahead) = input.urgent {
            socket.urgent.received = Some(socket.rx.received() + u64::from(ahead));
        }
        let stored = match input.payload {
            Payload::Deliver { skip, len } => {
                socket.rx.store_pieces(0, payload, skip as usize, len as usize)
            }
            Payload::Hold { skip, len, offset } => {
                socket.rx.store_pieces(offset as usize, payload, skip as usize, len as usize)
            }
            Payload::Drop => true,
        };
        assert!(stored, "{id:?}: the engine took bytes beyond the window that it was given");
        if input.advanced > 0 {
            socket.rx.advance(input.advanced as usize);
            host.conn.deliver(input.advanced);
        }
        if input.acked > 0 {
            let acked = socket.tx.acked() + u64::from(input.acked);
            socket.tx.ack(acked);
        }
        //= rfc9293#3.6.1 SHLD-3
        //= rfc1122#4.2.2.13 RFC1122-4.2.2.13-1
        let abandoned = socket.holder == Holder::Nobody && input.advanced > 0;
        if abandoned {
            // Nobody is left to read this (RFC 9293, 3.6.1: a reset says that data was lost).
            host.conn.refuse(segment);
        }
        if input.events.is_empty() && input.urgent.is_none() {
            let news = news_of(&input);
            if !news.is_empty() {
                socket.tell(id, news, &mut self.news);
            }
        } else {
            self.after_input(id, &input);
        }
        self.list_unless_quiet(id);
        true
    }

    fn after_input(&mut self, id: SocketId, input: &Input) {
        let mut news = news_of(input);
        if input.urgent.is_some() {
            news |= Readiness::URGENT;
        }
        if input.events.contains(Events::ESTABLISHED) {
            news |= Readiness::CONNECTED | Readiness::WRITABLE;
            self.on_established(id);
            if self.sockets.get(id).is_some_and(|s| s.send_side == SendSide::Shutdown) {
                self.host_shutdown(id);
            }
        }
        if input.events.contains(Events::PEER_FIN)
            && let Some(socket) = self.sockets.get_mut(id)
        {
            socket.peer_closed = true;
            if let Path::Host(host) = &mut socket.path {
                host.conn.deliver_fin();
            }
            news |= Readiness::READABLE;
        }
        if !news.is_empty() {
            self.tell(id, news);
        }
    }

    /// The handshake of a connection is through: if it is a listener's, it may be accepted.
    pub(crate) fn on_established(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let Holder::Listener(listener_id) = socket.holder else { return };
        if let Some(listener) = self.listeners.get_mut(&listener_id) {
            listener.opening = listener.opening.saturating_sub(1);
            listener.ready.push_back(id);
            self.incoming.push_back(listener_id);
        }
    }

    /// Notes that `id` may have something to send.
    pub(crate) fn list(&mut self, id: SocketId) {
        if let Some(socket) = self.sockets.get_mut(id)
            && let Path::Host(host) = &mut socket.path
            && host.listed != Listed::Sending
        {
            host.listed = Listed::Sending;
            self.unsent.push(id);
        }
    }

    /// As [`Core::list`], unless there is nothing to be sent.
    fn list_unless_quiet(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Host(host) = &mut socket.path else { return };
        match (host.listed, host.conn.seems_quiet()) {
            (Listed::Sending, _) | (Listed::Resting, true) => {}
            (Listed::No, true) => {
                host.listed = Listed::Resting;
                self.resting.push(id);
            }
            (Listed::No | Listed::Resting, false) => {
                host.listed = Listed::Sending;
                self.unsent.push(id);
            }
        }
    }

    /// Lets those rest that have heard something and said nothing since.
    pub(crate) fn host_rest(&mut self, now: Nanos) {
        for id in self.resting.drain(..) {
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            let Path::Host(host) = &mut socket.path else { continue };
            if host.listed != Listed::Resting {
                continue;
            }
            if host.conn.is_quiet(&mut self.engine, now) {
                host.listed = Listed::No;
                host.rest(now, id, &mut self.timers);
            } else {
                host.listed = Listed::Sending;
                self.unsent.push(id);
            }
        }
    }

    /// Sends what the connections on the list have to send.
    pub(crate) fn host_output(&mut self, now: Nanos) {
        let mut unsent = core::mem::take(&mut self.unsent);
        unsent.retain(|&id| {
            let held = self.tx_state() == TxState::Full && !self.is_local(id);
            if held {
                self.hold_output_of(now, id)
            } else {
                self.host_output_of(now, id)
            }
            held
        });
        // Nothing is listed while the list is worked off; keep its memory.
        self.unsent = unsent;
    }

    /// The link takes nothing now: what `id` has to say waits, and is tried again with the next poll.
    fn hold_output_of(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Host(host) = &mut socket.path else { return };
        host.conn.hold_output(&self.engine, now);
        self.after_output(now, id);
    }

    pub(crate) fn host_output_of(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let Some((src, dst)) = socket.ends.v4() else { return };
        //= rfc9293#3.9.1.9 MUST-48 SHLD-21
        let handling = self.handling(socket.options.dscp);
        let mac = self.resolve(now, dst.into());
        if mac == Some(Resolution::Pending) {
            // What is to be said waits for the answer, as in Linux; `on_neighbour` brings it up again.
            if let Some(Path::Host(host)) = self.sockets.get_mut(id).map(|socket| &mut socket.path)
            {
                host.listed = Listed::No;
            }
            return;
        }
        loop {
            if self.out.is_full() {
                self.flush(now);
            }
            let Some(socket) = self.sockets.get_mut(id) else { return };
            let Path::Host(host) = &mut socket.path else { return };
            host.listed = Listed::No;
            let sent_again = self.engine.counters.retransmits;
            let Some(mut output) = host.conn.poll_output(&mut self.engine, now) else { break };
            host.account.leaves(&output.segment, self.engine.counters.retransmits != sent_again);
            let Some(Resolution::Known(mac)) = mac else {
                // Nobody answers for the next hop: as if it were lost on the way.
                self.counters.tx_unresolved += 1;
                continue;
            };
            let Output { segment, offset, .. } = &output;
            if segment.flags.contains(Flags::SYN) && self.is_known(id, segment) {
                continue;
            }
            let (Some(socket), Some(frame)) = (self.sockets.get(id), self.out.spare()) else {
                break;
            };
            let buf = frame.buffer_mut();
            let from = socket.tx.acked() + u64::from(*offset);
            let (macs, ends) = ((self.config.mac, mac), (src, dst));
            let fill = |payload: &mut [u8]| socket.tx.read_summed(from, payload);
            let len = packet::emit_tcp_summed(buf, macs, ends, handling, segment, fill);
            let mut template = None;
            if self.path_mtus.cuts(dst) {
                // A number that is not used again for as long as pieces live (RFC 6864).
                self.packets_cut = self.packets_cut.wrapping_add(1);
                packet::allow_fragments(&mut buf[..len], self.packets_cut);
            } else if let Follows::Alike(_) = output.follows {
                template = Some(Template::of(&buf[..len], segment));
            }
            frame.set_len(len);
            self.out.commit();
            if let Some(template) = template {
                self.host_output_alike(now, id, &template, &mut output);
            }
            if output.follows == Follows::Nothing {
                break;
            }
        }
        self.after_output(now, id);
    }

    /// Sends what follows `output` and is like it, as far as there is room in the burst.
    fn host_output_alike(
        &mut self,
        now: Nanos,
        id: SocketId,
        template: &Template,
        output: &mut Output,
    ) {
        let Some(Socket { path: Path::Host(host), tx, .. }) = self.sockets.get_mut(id) else {
            return;
        };
        let acked = tx.acked();
        while let Some(frame) = self.out.spare()
            && host.conn.poll_alike(&mut self.engine, now, output)
        {
            host.account.leaves(&output.segment, false);
            let from = acked + u64::from(output.offset);
            let fill = |payload: &mut [u8]| tx.read_summed(from, payload);
            let len = template.emit(frame.buffer_mut(), &output.segment, fill);
            frame.set_len(len);
            self.out.commit();
        }
    }

    /// All has been said that could be: what is waited for now?
    fn after_output(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Host(host) = &mut socket.path else { return };
        host.rest(now, id, &mut self.timers);
        if host.conn.state() == State::Closed {
            self.end_closed(now, id);
        }
    }

    /// Wakes the connections whose time has come.
    pub(crate) fn host_timers(&mut self, now: Nanos) {
        while let Some(place) = self.timers.pop_due(now) {
            let Some((id, socket)) = self.sockets.at_mut(place) else { continue };
            let Path::Host(host) = &mut socket.path else { continue };
            // What ended is seen by `after_output`.
            let events = host.conn.handle_timeout(&mut self.engine, now);
            if events.contains(Events::NEGATIVE_ADVICE) {
                self.on_negative_advice(now, id);
            }
            self.list(id);
        }
    }

    /// Retransmissions of `id` have reached R1, wherever its TCP runs: the next hop is in doubt, and the application
    /// may want to say so to whoever waits.
    pub(crate) fn on_negative_advice(&mut self, now: Nanos, id: SocketId) {
        let Some(remote) = self.sockets.get(id).map(|socket| socket.ends.remote_ip()) else {
            return;
        };
        //= rfc9293#3.8.3 MUST-20-R1
        if let Some(hop) = self.next_hop(remote).filter(|&hop| !self.is_own(hop)) {
            self.neighbours.doubt(now, hop);
        }
        //= rfc9293#3.8.3 SHLD-9
        self.tell(id, Readiness::UNRESPONSIVE);
    }

    fn end_closed(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Host(host) = &socket.path else { return };
        let (tuple, conn) = (socket.ends.tuple(), &host.conn);
        let scale = conn.window_scale().map_or(0, |scale| scale.rcv);
        let left = u64::from(conn.rcv_wnd());
        let mut remains = Remains::new(conn.snd_max(), conn.rcv_nxt(), left, scale);
        (remains.ts_recent, remains.dscp) = (conn.ts_recent(), socket.options.dscp);
        let ended = conn.ended().unwrap_or(Ended::Finished);
        let soft_error = conn.soft_error();
        socket.ended = Some(ended);
        socket.soft_error = soft_error.map(|error| (error, socket.tx.acked()));
        match ended {
            Ended::Finished => {
                self.leave(now, tuple, remains, Rest::Lingering);
                self.end(id, Readiness::CLOSED);
            }
            Ended::NotOpened => self.end(id, Readiness::CLOSED),
            Ended::TimeWait => {
                self.leave(now, tuple, remains, Rest::TimeWait);
                self.end(id, Readiness::CLOSED);
            }
            Ended::Aborted => self.fail(id, ConnectionError::Aborted),
            Ended::Refused => self.fail(id, ConnectionError::Refused),
            Ended::Reset => self.fail(id, ConnectionError::Reset),
            Ended::TimedOut(
                GaveUp::Open
                | GaveUp::Retransmit
                | GaveUp::Persist
                | GaveUp::Keepalive
                | GaveUp::FinWait2
                | GaveUp::User,
            ) => {
                let error = soft_error.map_or(ConnectionError::TimedOut, Into::into);
                self.fail(id, error);
            }
            Ended::Unreachable(error) => self.fail(id, error.into()),
        }
    }

    /// Bytes that a socket with `options` holds for reading.
    pub(crate) fn room_of(&self, options: &Options) -> usize {
        options.recv_buffer.map_or(self.config.recv_buffer, |bytes| bytes as usize)
    }

    /// A socket for `tuple`, with buffers; `None` when there is no room.
    pub(crate) fn make_socket(
        &mut self,
        tuple: FourTuple,
        mut options: Options,
        holder: Holder,
    ) -> Option<SocketId> {
        self.sockets.next_id()?;
        if self.is_own(tuple.remote.ip()) {
            options.path = PathChoice::Host;
        }
        let room = self.room_of(&options);
        let tx = crate::buffer::SendBuffer::new(self.send_buffer()?);
        let rx = self.recv_buffer(room);
        let options = self.share(options);
        self.sockets.insert(Socket {
            ends: tuple.into(),
            tx,
            rx,
            send_side: SendSide::Open,
            holder,
            path: Path::Resolving,
            peer_closed: false,
            options,
            urgent: Marks::default(),
            watch: Watch::default(),
            error: None,
            ended: None,
            soft_error: None,
            news: Readiness::NONE,
        })
    }
}

/// What a segment's payload and ACK are to the application.
fn news_of(input: &Input) -> Readiness {
    let mut news = Readiness::NONE;
    if input.advanced > 0 {
        news |= Readiness::READABLE;
    }
    if input.acked > 0 {
        news |= Readiness::WRITABLE;
    }
    news
}

/// The most that a receive window of `window` bytes is to grow to. A size that was asked for stays.
pub(crate) fn window_max(config: &StackConfig, options: &Options, window: u32) -> u32 {
    let grows = options.recv_buffer.is_none();
    if grows { window.max(config.recv_buffer_max as u32) } else { window }
}

/// The smallest shift by which a window of `bytes` fits the 16-bit field (RFC 7323, 2.2).
pub(crate) fn window_scale(bytes: u32) -> u8 {
    let bits = u32::BITS - bytes.leading_zeros();
    bits.saturating_sub(16).min(14) as u8
}

#[cfg(test)]
mod tests {
    use super::window_scale;

    #[test]
    fn a_window_is_scaled_no_more_than_it_needs() {
        for (bytes, shift) in
            [(0, 0), (65_535, 0), (65_536, 1), (131_071, 1), (131_072, 2), (1 << 30, 14)]
        {
            assert_eq!(window_scale(bytes), shift, "{bytes}");
            assert!(bytes >> shift <= 65_536, "{bytes}");
        }
        // Beyond RFC 7323's largest window the shift stays at its largest.
        assert_eq!(window_scale(u32::MAX), 14);
    }
}
