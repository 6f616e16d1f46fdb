//! One connection: its calls, and what it is made of.

use mafo_mem::Nanos;

use crate::cc::Congestion;
use crate::ecn::EcnFlags;
use crate::flight::Lease;
use crate::rack::Rack;
use crate::rare::Rare;
use crate::rtt::Rtt;
use crate::tail_probe::Tail;
use crate::tcb::{AckDue, Due, Fin, ReceiveSpace, Recent, SendSpace, TimestampState};
use crate::timers::{Awaited, RetransmitTimer, Timers};
use crate::writes::Writes;
use crate::{
    CeEcho, Config, CongestionControl, Ended, Engine, Events, Flags, GaveUp, IcmpError, LastWord,
    Open, Opened, Options, PeerFin, Probe, Recovery, Segment, SeqNum, State, Switches,
    TIMESTAMPS_LEN, Then, TimeWait, WindowScale,
};

/// What a peer that announces no segment size takes (RFC 9293 MUST-15, for IPv4).
pub(crate) const MSS_DEFAULT: u16 = 536;

/// Segments are not made smaller, whatever a peer announces or a path is said to carry: the least
/// IPv4 MTU less headers, as T5's smallest table entry.
pub(crate) const MSS_MIN: u16 = 48;

/// Largest shift (RFC 7323 2.3).
pub(crate) const SHIFT_MAX: u8 = 14;

/// Payload outstanding or posted never exceeds this, so that sequence numbers stay comparable.
const POSTED_MAX: u32 = 1 << 30;

/// Windows never exceed this (RFC 7323 2.3).
const RCV_WND_MAX: u32 = 1 << 30;

/// One TCP connection. It holds sequence numbers and times, never a payload byte.
///
/// See the crate documentation for how an owner drives it.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(crate) state: State,
    pub(crate) opened: Opened,
    pub(crate) ended: Option<Ended>,
    pub(crate) soft_error: Option<IcmpError>,
    pub(crate) local_port: u16,
    pub(crate) remote_port: u16,
    pub(crate) switches: Switches,
    pub(crate) snd: SendSpace,
    pub(crate) rcv: ReceiveSpace,
    /// In SYN-SENT what we offer, later what both sides agreed on; so with the next two.
    pub(crate) window_scale: Option<WindowScale>,
    pub(crate) timestamps: Option<TimestampState>,
    pub(crate) sack: bool,
    pub(crate) ecn: EcnFlags,
    pub(crate) pending: Due,
    pub(crate) timers: Timers,
    pub(crate) keepalive_probes: u8,
    /// What is under way.
    pub(crate) flight: Lease,
    pub(crate) rare: Option<Box<Rare>>,
}

/// Opening and ending.
impl Connection {
    /// Opens actively; the SYN is the first output.
    ///
    //= rfc9293#3.10.1
    pub fn connect(engine: &mut Engine, now: Nanos, open: &Open) -> Self {
        engine.counters.active_opens += 1;
        Self::new(&engine.config, now, open, State::SynSent, Opened::Actively)
    }

    /// Opens passively on `syn`; the SYN,ACK is the first output. `None` when `syn` is no segment that
    /// a listener takes (SYN without ACK and RST).
    ///
    //= rfc9293#3.10.7.2
    pub fn accept(engine: &mut Engine, now: Nanos, open: &Open, syn: &Segment) -> Option<Self> {
        if !syn.flags.contains(Flags::SYN) || syn.flags.intersects(Flags::ACK | Flags::RST) {
            return None;
        }
        engine.counters.passive_opens += 1;
        let mut connection =
            Self::new(&engine.config, now, open, State::SynRcvd, Opened::Passively);
        connection.take_syn(now, syn);
        Some(connection)
    }

    /// A connection whose SYN,ACK, numbered `open.iss`, was a cookie ([`crate::syncookie`]), and has been
    /// acknowledged. `syn` is what is left of the peer's SYN. It is established; the segment that acknowledged is
    /// given to [`Connection::handle_segment`] next, for its window and payload.
    pub fn accept_cookie(engine: &mut Engine, now: Nanos, open: &Open, syn: &Segment) -> Self {
        engine.counters.passive_opens += 1;
        let mut connection =
            Self::new(&engine.config, now, open, State::SynRcvd, Opened::Passively);
        connection.take_syn(now, syn);
        // The SYN,ACK has said so; its window was not scaled.
        connection.rcv.last_ack_sent = connection.rcv.nxt;
        connection.rcv.adv = connection.rcv.offer(0).1;
        connection.establish(engine, now, engine.config.initial_window_segments);
        connection
    }

    fn new(config: &Config, now: Nanos, open: &Open, state: State, opened: Opened) -> Self {
        let Open { local_port, remote_port, iss, mss, rcv_wnd, .. } = *open;
        let wnd = rcv_wnd.min(RCV_WND_MAX);
        let shift = open.window_scale.map(|rcv| WindowScale { snd: 0, rcv: rcv.min(SHIFT_MAX) });
        let snd = SendSpace {
            iss,
            una: iss,
            max: iss + 1,
            tx_max: iss + 1,
            fin_posted: false,
            wnd: 0,
            wnd_max: 0,
            edge_max: iss,
            wl1: SeqNum(0),
            wl2: iss,
            mss,
            mss_peer: mss,
            cc: Congestion::new(open.congestion, u32::from(mss), config.initial_window_segments),
            rtt: Rtt::new(config),
            rack: Rack::NEW,
            recovery: Recovery::Open,
            recover: iss,
            tail: Tail::Clear,
            tail_end: iss,
            last_sent: now,
            retransmits: 0,
            writes: Writes::new(iss + 1),
        };
        let rcv = ReceiveSpace {
            irs: SeqNum(0),
            nxt: SeqNum(0),
            undelivered: 0,
            wnd,
            wnd_max: wnd,
            adv: SeqNum(0),
            last_ack_sent: SeqNum(0),
            mss,
            fin: Fin::Absent,
            ack: AckDue::default(),
        };
        let ce_echo = open.congestion.needs_ecn().then(CeEcho::default);
        let timestamps = TimestampState { offset: open.ts_offset, recent: None };
        Self {
            state,
            opened,
            ended: None,
            soft_error: None,
            local_port,
            remote_port,
            switches: open.switches,
            snd,
            rcv,
            window_scale: shift,
            timestamps: open.timestamps.then_some(timestamps),
            sack: open.sack,
            ecn: EcnFlags::new(open.ecn, open.congestion, opened),
            pending: Due { syn: true, ..Due::default() },
            timers: Timers::OFF,
            keepalive_probes: 0,
            flight: Lease::default(),
            rare: Rare { ce_echo, ..Rare::default() }.boxed(),
        }
    }

    /// Takes the peer's SYN, or SYN,ACK: its sequence number, and of what we offer what it offers too.
    //= rfc7323#2.2 RFC7323-2.2-3
    pub(crate) fn take_syn(&mut self, now: Nanos, syn: &Segment) {
        let Options { mss, window_scale, sack_permitted, timestamps, sack: _ } = syn.options;
        self.rcv.irs = syn.seq;
        self.rcv.nxt = syn.seq + 1;
        self.rcv.adv = self.rcv.nxt;
        self.rcv.last_ack_sent = syn.seq;
        //= rfc9293#3.7.1 MUST-14 MUST-15
        self.snd.mss_peer = mss.unwrap_or(MSS_DEFAULT);
        self.set_mss(self.snd.mss);
        //= rfc7323#2.2 RFC7323-2.2-1
        //= rfc7323#2.3 RFC7323-2.3-3
        self.window_scale = match (self.window_scale, window_scale) {
            (Some(ours), Some(snd)) => Some(WindowScale { snd: snd.min(SHIFT_MAX), ..ours }),
            _ => None,
        };
        self.sack &= sack_permitted;
        self.ecn.on_syn(syn, self.snd.cc.algorithm());
        //= rfc7323#3.2 RFC7323-3.2-1 RFC7323-3.2-6
        self.timestamps = match (self.timestamps, timestamps) {
            (Some(ours), Some(ts)) => {
                Some(TimestampState { recent: Some(Recent::new(ts.val, now)), ..ours })
            }
            _ => None,
        };
        // The window of a SYN is never scaled.
        self.snd.set_window(u32::from(syn.window));
        self.snd.wnd_max = self.snd.wnd;
        self.snd.wl1 = syn.seq;
    }

    /// Our SYN is acknowledged and the peer's taken.
    pub(crate) fn on_established(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        segment: &Segment,
    ) -> Events {
        let lost_syn = self.snd.retransmits > 0;
        // Also where both open at once: SYN and SYN,ACK have one number.
        let ambiguous = lost_syn || self.state == State::SynRcvd && self.opened == Opened::Actively;
        let rtt = match ambiguous {
            false => Some(now - self.snd.last_sent),
            true => self.echoed_rtt(engine, now, segment, self.snd.last_sent),
        };
        //= rfc5681#3.1 RFC5681-3.1-2
        //= rfc6928#2 RFC6928-2-2
        let segments = if lost_syn { 1 } else { engine.config.initial_window_segments };
        self.establish(engine, now, segments);
        match rtt {
            Some(rtt) => {
                self.take_rtt(now, rtt);
                self.snd.cc.on_rtt_known(rtt);
            }
            None if self.snd.rtt.backoff() > 0 => self.snd.rtt.on_established_after_lost_syn(),
            None => {}
        }
        Events::ESTABLISHED
    }

    /// The handshake is through; what the window starts with is `segments`.
    fn establish(&mut self, engine: &mut Engine, now: Nanos, segments: u8) {
        engine.counters.established += 1;
        self.snd.una = self.snd.iss + 1;
        // The window of the SYN begins behind ours.
        self.snd.edge_max = self.snd.rightmost_edge();
        self.snd.recover = self.snd.iss;
        self.snd.retransmits = 0;
        self.timers.stop_retransmit();
        self.pending.syn = false;
        // Unless a SYN,ACK of ours has said so, the peer does not know that its SYN arrived.
        self.rcv.ack.now = self.rcv.last_ack_sent != self.rcv.nxt;
        self.begin_mtu_search(engine, now);
        let mut algorithm = self.snd.cc.algorithm();
        if algorithm.needs_ecn() && !(self.ecn.sends && self.ecn.echoes) {
            //= rfc8257#3.4
            algorithm = CongestionControl::NewReno;
            self.rare = self.rare.take().and_then(|rare| Rare { ce_echo: None, ..*rare }.boxed());
        }
        self.snd.cc = Congestion::new(algorithm, self.payload_max(), segments);
        self.state = if self.snd.fin_posted { State::FinWait1 } else { State::Established };
        self.heard(&engine.config, now);
    }

    /// No payload follows what is posted: a FIN goes out behind it. A connection that is not open yet
    /// on the peer's side is closed at once.
    ///
    //= rfc9293#3.10.4
    pub fn close(&mut self) {
        match self.state {
            State::SynSent => self.end(Ended::NotOpened),
            State::SynRcvd => self.snd.fin_posted = true,
            State::Established => {
                self.snd.fin_posted = true;
                self.state = State::FinWait1;
            }
            State::CloseWait => {
                self.snd.fin_posted = true;
                self.state = State::LastAck;
            }
            State::Closed
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait => {}
        }
    }

    /// Ends the connection at once; a peer that would otherwise not learn of it is sent a reset.
    ///
    //= rfc9293#3.10.5
    pub fn abort(&mut self) {
        match self.state {
            State::Closed => {}
            State::SynSent | State::Closing | State::LastAck | State::TimeWait => {
                self.end(Ended::Aborted);
            }
            State::SynRcvd
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait => self.end_with_reset(Ended::Aborted),
        }
    }

    /// Ends the connection by a reset that answers `segment`, whose payload nobody is left to read.
    ///
    //= rfc9293#3.6.1
    pub fn refuse(&mut self, segment: &Segment) {
        self.end(Ended::Aborted);
        self.flight.reset = Some(segment.ack);
    }

    /// The connection is over: no timer, nothing in flight, nothing to be said.
    pub(crate) fn end(&mut self, why: Ended) {
        self.state = State::Closed;
        self.ended = Some(why);
        self.timers = Timers::OFF;
        self.snd.cc.set_waiting(false);
        self.pending = Due::default();
        self.rcv.ack = AckDue::default();
        if let Some(flight) = self.flight.present() {
            flight.board.clear();
            flight.held.clear();
            flight.reset = None;
        }
    }

    pub(crate) fn end_with_reset(&mut self, why: Ended) {
        self.end(why);
        self.pending.last_word = Some(LastWord::Reset);
    }

    /// Both FINs are exchanged and ours was first.
    ///
    //= rfc9293#3.10.7.4
    //= rfc9293#3.6.1 MUST-13
    pub(crate) fn enter_time_wait(&mut self, config: &Config, now: Nanos) -> Events {
        match config.time_wait {
            TimeWait::Keep(duration) => {
                self.state = State::TimeWait;
                self.timers = Timers::OFF;
                self.timers.lingers_until(now + duration);
                Events::TIME_WAIT
            }
            TimeWait::Owner => {
                let acked = self.rcv.last_ack_sent == self.rcv.nxt;
                self.end(Ended::TimeWait);
                self.pending.last_word = (!acked).then_some(LastWord::Ack);
                Events::CLOSED
            }
        }
    }
}

/// The owner's calls on an open connection.
impl Connection {
    /// The owner has `bytes` more to send, behind all posted before. Panics after
    /// [`Connection::close`] and above 2^30 bytes not acknowledged; on a connection that is over nothing
    /// happens.
    pub fn post(&mut self, bytes: u32) {
        self.post_with(bytes, Then::Nothing);
    }

    /// As [`Connection::post`], but no segment is pushed for the sake of these bytes, and none waits for more.
    pub fn post_unpushed(&mut self, bytes: u32) {
        self.post_with(bytes, Then::More);
        self.snd.writes.release();
    }

    /// As [`Connection::post`], and `then` follows.
    pub fn post_with(&mut self, bytes: u32, then: Then) {
        if self.state == State::Closed {
            return;
        }
        assert!(!self.snd.fin_posted, "payload posted behind a FIN, port {}", self.local_port);
        let posted = u64::from(self.snd.tx_max.since(self.snd.una)) + u64::from(bytes);
        assert!(posted <= u64::from(POSTED_MAX), "{posted} bytes posted, port {}", self.local_port);
        self.snd.tx_max += bytes;
        self.note_post(self.snd.tx_max, then);
        if then == Then::Record {
            self.flight.record_ends.add(self.snd.tx_max);
        }
    }

    /// All that is posted is urgent: until it is acknowledged, segments say where it ends.
    ///
    /// New applications should not use it (RFC 6093 section 5); those that speak Telnet or rlogin must.
    ///
    //= rfc9293#3.8.5 MUST-30 MUST-31
    pub fn mark_urgent(&mut self) {
        if self.state != State::Closed && self.snd.tx_max.after(self.snd.una) {
            self.flight.snd_up = Some(self.snd.tx_max);
        }
    }

    /// The owner's reader can now see the `bytes` oldest undelivered bytes: they may be acknowledged.
    /// Panics when fewer are undelivered.
    pub fn deliver(&mut self, bytes: u32) {
        let left = self.rcv.undelivered.checked_sub(bytes);
        let Some(left) = left else {
            panic!("{bytes} delivered of {}, port {}", self.rcv.undelivered, self.local_port)
        };
        self.rcv.undelivered = left;
    }

    /// The owner's reader can now see the end of the stream: the peer's FIN may be acknowledged.
    /// Panics unless a FIN is undelivered and all payload before it is delivered.
    pub fn deliver_fin(&mut self) {
        let port = self.local_port;
        assert!(self.rcv.fin == Fin::Undelivered, "no FIN to deliver, port {port}");
        assert!(self.rcv.undelivered == 0, "FIN delivered before its payload, port {port}");
        self.rcv.fin = Fin::Delivered;
    }

    /// The owner has room for `bytes` more: the receive window's right edge moves.
    ///
    /// The peer is told with the next segment, and with one of its own when it knows of less than half
    /// the buffer; small steps are not told (RFC 9293 3.8.6.2.2).
    pub fn credit(&mut self, bytes: u32) {
        self.rcv.wnd = self.rcv.wnd.saturating_add(bytes).min(RCV_WND_MAX);
        self.rcv.wnd_max = self.rcv.wnd_max.max(self.rcv.wnd);
        if self.state.takes_payload() && self.rcv.owes_window_update(self.rcv_shift()) {
            self.pending.window_update = true;
        }
    }

    /// An ACK is due at the next output, whether or not one is owed.
    pub fn force_ack(&mut self) {
        if self.state.is_synchronized() {
            self.rcv.ack.immediate = self.rcv.ack.immediate.max(1);
        }
    }

    /// Lets the retransmission timer run out at once, if it runs: for a path that lost what was sent.
    /// [`Connection::handle_timeout`] does the rest.
    pub fn expire_retransmit_timer(&mut self, now: Nanos) {
        if self.timers.retransmits_for().is_some() {
            self.timers.retransmit_is(RetransmitTimer::Timeout, now);
        }
    }

    /// The path has failed, and there is another: what is under way is sent again at once. That the timer runs out says
    /// nothing of the path then, nor does it that it has run out before.
    pub fn begin_anew(&mut self, now: Nanos) {
        if self.timers.retransmits_for().is_some() {
            self.snd.rtt.end_backoff();
            self.snd.retransmits = 0;
            self.expire_retransmit_timer(now);
        }
    }

    /// Limits segments to `mss` bytes, without headers and without options; see [`Open::mss`]. What the
    /// peer announced stays a limit.
    //= rfc9293#3.7.1 MUST-16
    pub fn set_mss(&mut self, mss: u16) {
        self.snd.mss = mss.min(self.snd.mss_peer).max(MSS_MIN);
    }

    /// Changes the switches.
    pub fn set_switches(&mut self, engine: &Engine, now: Nanos, switches: Switches) {
        if !switches.nagle {
            // To ask for no delay is to flush, corked or not, as in Linux.
            self.snd.writes.flush(self.snd.tx_max);
        }
        let before = core::mem::replace(&mut self.switches, switches);
        if before.keepalive != switches.keepalive {
            self.timers.keepalive.stop();
            self.heard(&engine.config, now);
        }
        if !switches.delayed_ack && self.rcv.ack.segments > 0 {
            self.rcv.ack.now = true;
        }
    }
}

/// Time.
impl Connection {
    /// When [`Connection::handle_timeout`] is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        let mut next = self.timers.next();
        if let Some(deadline) = self.user_deadline() {
            next = next.min(deadline);
        }
        if let Some(departure) = self.snd.cc.departure() {
            next = next.min(departure);
        }
        (next != Nanos::MAX).then_some(next)
    }

    /// Runs the timers that are due; a call that comes early does nothing. Output may follow.
    pub fn handle_timeout(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        if self.snd.cc.departure().is_some_and(|at| at <= now) {
            self.snd.cc.set_waiting(false);
        }
        if self.timers.delayed_ack.take_due(now) {
            engine.counters.delayed_acks += 1;
            self.rcv.ack.now = true;
            if core::mem::take(&mut self.rcv.ack.owed) {
                self.force_ack();
            }
        }
        let mut events = self.check_user_timeout(engine, now);
        let unanswered = self.snd.retransmits;
        let awaited = self.timers.take_due(now);
        events |= match awaited {
            Some(Awaited::Ack(RetransmitTimer::Timeout)) => self.on_retransmit_timeout(engine, now),
            Some(Awaited::Ack(RetransmitTimer::TailProbe)) => {
                self.on_tail_probe_timeout(engine, now)
            }
            Some(Awaited::Ack(RetransmitTimer::Reorder)) => self.on_reorder_timeout(engine, now),
            Some(Awaited::Window) => self.on_persist_timeout(engine, now),
            Some(Awaited::End) | None => Events::NONE,
        };
        //= rfc9293#3.8.3 MUST-20-R1
        // R1: still patient, but it is time to ask whether the way is still the right one.
        let r1 = engine.config.retransmits_advice;
        if unanswered < r1 && self.snd.retransmits >= r1 && self.state != State::Closed {
            engine.counters.negative_advice += 1;
            events |= Events::NEGATIVE_ADVICE;
        }
        if self.timers.keepalive.take_due(now) {
            events |= self.on_keepalive_timeout(engine, now);
        }
        if awaited == Some(Awaited::End) && self.state != State::Closed {
            events |= match self.state {
                State::FinWait2 => self.give_up(engine, GaveUp::FinWait2),
                _ => {
                    self.end(Ended::TimeWait);
                    Events::CLOSED
                }
            };
        }
        events
    }

    pub(crate) fn give_up(&mut self, engine: &mut Engine, timer: GaveUp) -> Events {
        engine.counters.timed_out += 1;
        match timer {
            GaveUp::Open
            | GaveUp::Retransmit
            | GaveUp::Persist
            | GaveUp::FinWait2
            | GaveUp::User => {
                self.end(Ended::TimedOut(timer));
            }
            // An idle peer that was away, and not dead, should not find out by its next request.
            GaveUp::Keepalive => self.end_with_reset(Ended::TimedOut(timer)),
        }
        Events::CLOSED
    }

    //= rfc9293#3.8.6.1 SHLD-30
    fn on_persist_timeout(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        self.pending.probe = Some(Probe::Window);
        if let Some(events) = self.retry_held_probe(engine, now) {
            return events;
        }
        // The window is open by a little, and that is what is sent now: no probe, and no sign of trouble.
        if self.snd.wnd > 0 {
            return Events::NONE;
        }
        if self.snd.retransmits >= engine.config.retransmits_max {
            return self.give_up(engine, GaveUp::Persist);
        }
        self.snd.retransmits += 1;
        self.snd.rtt.back_off();
        Events::NONE
    }
}

/// What can be read.
impl Connection {
    /// State.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// Why the connection is over, in [`State::Closed`].
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Who opened.
    #[must_use]
    pub fn opened(&self) -> Opened {
        self.opened
    }

    /// The switches as they are.
    #[must_use]
    pub fn switches(&self) -> Switches {
        self.switches
    }

    /// The timestamp of a segment sent at `now`; `None` without that option.
    #[must_use]
    pub fn timestamp_at(&self, config: &Config, now: Nanos) -> Option<u32> {
        self.timestamps.map(|state| state.at(config, now))
    }

    /// Oldest sequence number not acknowledged.
    #[must_use]
    pub fn snd_una(&self) -> SeqNum {
        self.snd.una
    }

    /// Next sequence number to send: `snd_max`, or the first one that is to be sent again.
    #[must_use]
    pub fn snd_nxt(&self) -> SeqNum {
        self.flight.board.first_lost().unwrap_or(self.snd.max)
    }

    /// One past the highest sequence number sent.
    #[must_use]
    pub fn snd_max(&self) -> SeqNum {
        self.snd.max
    }

    /// One past the last payload byte posted.
    #[must_use]
    pub fn tx_max(&self) -> SeqNum {
        self.snd.tx_max
    }

    /// Posted bytes that were never sent.
    #[must_use]
    pub fn unsent(&self) -> u32 {
        self.snd.tx_max.later(self.snd.max).since(self.snd.max)
    }

    /// The peer's window in bytes, beyond `snd_una`.
    #[must_use]
    pub fn snd_wnd(&self) -> u32 {
        self.snd.wnd
    }

    /// Congestion control.
    #[must_use]
    pub fn congestion(&self) -> CongestionControl {
        self.snd.cc.algorithm()
    }

    /// When payload, or a SYN, was last sent.
    #[must_use]
    pub fn last_sent(&self) -> Nanos {
        self.snd.last_sent
    }

    /// Bytes per second at which payload leaves, if it is paced.
    #[must_use]
    pub fn pacing_rate(&self) -> Option<u64> {
        self.snd.cc.pacing_rate()
    }

    /// Slow-start threshold in bytes; 2^28 − 1 until something sets it.
    #[must_use]
    pub fn ssthresh(&self) -> u32 {
        self.snd.cc.ssthresh()
    }

    /// Congestion window in bytes.
    #[must_use]
    pub fn cwnd(&self) -> u32 {
        self.snd.cc.cwnd()
    }

    /// Next sequence number expected.
    #[must_use]
    pub fn rcv_nxt(&self) -> SeqNum {
        self.rcv.nxt
    }

    /// Receive window beyond `rcv_nxt`, in bytes.
    #[must_use]
    pub fn rcv_wnd(&self) -> u32 {
        self.rcv.wnd
    }

    /// In-order payload bytes not yet confirmed as delivered.
    #[must_use]
    pub fn undelivered(&self) -> u32 {
        self.rcv.undelivered
    }

    /// The peer's FIN.
    #[must_use]
    pub fn peer_fin(&self) -> PeerFin {
        match (self.rcv.fin, self.flight.fin) {
            (Fin::Absent, None) => PeerFin::Absent,
            (Fin::Absent, Some(fin)) => PeerFin::Held(fin),
            (Fin::Undelivered, _) => PeerFin::Undelivered,
            (Fin::Delivered, _) => PeerFin::Delivered,
        }
    }

    /// Whether the owner has closed its side, so that no more payload may be posted.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.snd.fin_posted
    }

    /// Whether all that was posted, a FIN included, is acknowledged.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.snd.una == self.snd.end()
    }

    /// Payload bytes of a full-sized segment, timestamps taken off.
    #[must_use]
    pub fn payload_max(&self) -> u32 {
        let options = if self.timestamps.is_some() { TIMESTAMPS_LEN } else { 0 };
        u32::from(self.snd.mss) - options
    }

    /// Largest segment to send, without headers and options: the least of what the peer announced and
    /// our limits.
    #[must_use]
    pub fn mss(&self) -> u16 {
        self.snd.mss
    }

    /// Window scaling, if both sides offered it.
    #[must_use]
    pub fn window_scale(&self) -> Option<WindowScale> {
        self.window_scale
    }

    /// The peer's last timestamp, if both sides offered them.
    #[must_use]
    pub fn ts_recent(&self) -> Option<u32> {
        self.timestamps?.recent.map(|recent| recent.val)
    }

    /// Whether both sides offered timestamps.
    #[must_use]
    pub fn timestamps_in_force(&self) -> bool {
        self.timestamps.is_some()
    }

    /// Whether both sides offered SACK.
    #[must_use]
    pub fn sack_in_force(&self) -> bool {
        self.sack
    }

    /// Our initial sequence number.
    #[must_use]
    pub fn iss(&self) -> SeqNum {
        self.snd.iss
    }

    /// The peer's initial sequence number.
    #[must_use]
    pub fn irs(&self) -> SeqNum {
        self.rcv.irs
    }

    pub(crate) fn rcv_shift(&self) -> u8 {
        self.window_scale.map_or(0, |scale| scale.rcv)
    }

    pub(crate) fn snd_shift(&self) -> u8 {
        self.window_scale.map_or(0, |scale| scale.snd)
    }
}
