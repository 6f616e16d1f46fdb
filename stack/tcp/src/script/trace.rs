//! A running script.

use mafo_mem::Nanos;

use super::peer::pattern_bytes;
use super::{ACK, Bench, Endpoint, Peer, SYN, Seg, Setup};
use crate::{
    Counters, Ended, Flags, IcmpError, Options, Patience, SackBlock, SackBlocks, Segment, SeqNum,
    State, Switches, Timestamps,
};

const LOCAL_PORT: u16 = 7;
const REMOTE_PORT: u16 = 40_000;

/// One connection under test, and what the script knows as its peer.
pub struct Trace {
    endpoint: Box<dyn Endpoint>,
    tolerance: Nanos,
    setup: Setup,
    peer: Peer,
    zero: Nanos,
    /// The endpoint's initial sequence number, once seen.
    isn: Option<SeqNum>,
    /// Whether both sides offered timestamps.
    timestamps: bool,
    /// The first and the last TSval that the endpoint sent.
    ts_first: Option<u32>,
    ts_last: u32,
    /// Bytes that the application sent and read.
    sent: u32,
    read: u32,
    counters: Counters,
}

/// Opening.
impl Trace {
    /// A fresh endpoint; its time is the trace's zero.
    pub fn new(bench: &mut dyn Bench, setup: Setup, peer: Peer) -> Self {
        let endpoint = bench.start(&setup);
        Self {
            tolerance: bench.tolerance(),
            zero: endpoint.now(),
            timestamps: setup.timestamps && peer.timestamps.is_some(),
            counters: endpoint.counters(),
            endpoint,
            setup,
            peer,
            isn: None,
            ts_first: None,
            ts_last: 0,
            sent: 0,
            read: 0,
        }
    }

    /// An endpoint that opened actively, in no time.
    pub fn established(bench: &mut dyn Bench, setup: Setup, peer: Peer) -> Self {
        let mut trace = Self::new(bench, setup, peer);
        trace.connect();
        trace.expect(None, trace.syn());
        trace.inject(trace.peer_syn(SYN | ACK).ack(1));
        trace.expect(None, Seg::new(ACK).seq(1).ack(1));
        trace.counters = trace.endpoint.counters();
        trace
    }

    /// An endpoint that opened actively to a peer `rtt_ms` away.
    pub fn established_after(bench: &mut dyn Bench, setup: Setup, peer: Peer, rtt_ms: u64) -> Self {
        let mut trace = Self::new(bench, setup, peer);
        trace.connect();
        trace.expect(None, trace.syn());
        trace.silence(Some(rtt_ms));
        trace.inject(trace.peer_syn(SYN | ACK).ack(1));
        trace.expect(None, Seg::new(ACK).seq(1).ack(1));
        trace.counters = trace.endpoint.counters();
        trace
    }

    /// An endpoint that opened passively, in no time.
    pub fn accepted(bench: &mut dyn Bench, setup: Setup, peer: Peer) -> Self {
        let mut trace = Self::new(bench, setup, peer);
        trace.listen();
        trace.inject(trace.peer_syn(SYN));
        trace.expect(None, trace.syn_ack());
        trace.inject(Seg::new(ACK).seq(1).ack(1));
        trace.silence(None);
        trace.counters = trace.endpoint.counters();
        trace
    }

    /// The SYN that the setup asks for.
    #[must_use]
    pub fn syn(&self) -> Seg {
        let mut syn = Seg::new(SYN).mss(self.setup.mss).sack_ok(self.setup.sack);
        syn.wscale = self.setup.window_scale;
        syn
    }

    /// The SYN,ACK that the setup and the peer's offer ask for.
    #[must_use]
    pub fn syn_ack(&self) -> Seg {
        let mut syn_ack = Seg::new(SYN | ACK).mss(self.setup.mss).ack(1);
        syn_ack.sack_ok = self.setup.sack && self.peer.sack;
        syn_ack.wscale = self.setup.window_scale.filter(|_| self.peer.window_scale.is_some());
        syn_ack
    }

    /// The peer's SYN, or SYN,ACK, with what it offers.
    #[must_use]
    pub fn peer_syn(&self, flags: Flags) -> Seg {
        let mut syn = Seg::new(flags).sack_ok(self.peer.sack);
        (syn.mss, syn.wscale) = (self.peer.mss, self.peer.window_scale);
        syn
    }
}

/// The wire.
impl Trace {
    /// The next segment that leaves is `expected`, `at` milliseconds after zero or else now.
    #[track_caller]
    pub fn expect(&mut self, at: Option<u64>, expected: Seg) {
        let due = at.map_or(self.endpoint.now(), |ms| self.zero + Nanos::from_millis(ms));
        let mut taken = self.endpoint.take();
        if taken.is_none() {
            self.endpoint.advance(due + self.tolerance);
            taken = self.endpoint.take();
        }
        let at = self.ms(self.endpoint.now());
        let Some((segment, payload)) = taken else {
            panic!("at {at} ms: nothing left, expected {expected}");
        };
        let got = self.relative(&segment);
        let on_time = self.endpoint.now() >= due && self.endpoint.now() - due <= self.tolerance;
        let alike = self.is_as_expected(&expected, &got) && self.has_options(&segment);
        assert!(
            on_time && alike,
            "at {at} ms: {got}, window {}\nexpected at {} ms: {expected}",
            segment.window,
            self.ms(due),
        );
        assert_eq!(segment.payload_len as usize, payload.len(), "length of {got}");
        if !payload.is_empty() {
            let right = pattern_bytes(got.seq.wrapping_sub(1), got.len);
            assert!(payload == right, "payload of {got}");
        }
    }

    fn is_as_expected(&self, expected: &Seg, got: &Seg) -> bool {
        fn said<T: PartialEq>(expected: Option<T>, got: Option<T>) -> bool {
            expected.is_none() || expected == got
        }
        let ignored = if expected.flags.contains(Flags::PSH) { Flags::NONE } else { Flags::PSH };
        expected.flags == got.flags.without(ignored)
            && (expected.seq, expected.ack, expected.len) == (got.seq, got.ack, got.len)
            && (expected.mss, expected.wscale, expected.sack_ok)
                == (got.mss, got.wscale, got.sack_ok)
            && expected.sack == got.sack
            && expected.urg == got.urg
            && expected.ecn == got.ecn
            && said(expected.win, got.win)
            && said(expected.tsval, got.tsval)
            && said(expected.tsecr, got.tsecr)
    }

    /// Timestamps are there when agreed, and never otherwise; in a SYN, when offered.
    fn has_options(&self, segment: &Segment) -> bool {
        let there = segment.options.timestamps.is_some();
        if segment.flags.contains(Flags::RST) {
            return true;
        }
        let opening = segment.flags.without(Flags::PSH) == SYN;
        there == if opening { self.setup.timestamps } else { self.timestamps }
    }

    fn relative(&mut self, segment: &Segment) -> Seg {
        if segment.flags.contains(SYN) && self.isn.is_none() {
            self.isn = Some(segment.seq);
        }
        let isn = self.isn.unwrap_or(SeqNum(0));
        let peer = SeqNum(self.peer.isn);
        let clock = self.peer.timestamps.unwrap_or(0);
        let mut seg = Seg::new(segment.flags).seq(segment.seq.since(isn)).len(segment.payload_len);
        if segment.flags.contains(ACK) {
            seg.ack = segment.ack.since(peer);
        }
        seg.urg = segment.urgent;
        seg.ecn = segment.ecn;
        let options = &segment.options;
        (seg.win, seg.mss, seg.wscale) = (Some(segment.window), options.mss, options.window_scale);
        seg.sack_ok = options.sack_permitted;
        let blocks = options.sack.as_slice().iter();
        seg.sack = blocks.map(|block| (block.start.since(peer), block.end.since(peer))).collect();
        if let Some(Timestamps { val, ecr }) = options.timestamps {
            let first = *self.ts_first.get_or_insert(val);
            self.ts_last = val;
            seg.tsval = Some(val.wrapping_sub(first));
            seg.tsecr = Some(if ecr == 0 { 0 } else { ecr.wrapping_sub(clock) });
        }
        seg
    }

    /// `seg` arrives, now.
    pub fn inject(&mut self, seg: Seg) {
        let isn = self.isn.unwrap_or(SeqNum(0));
        let peer = SeqNum(self.peer.isn);
        let has_ack = seg.flags.contains(ACK);
        let mut sack = SackBlocks::EMPTY;
        for (start, end) in &seg.sack {
            sack.push(SackBlock { start: isn + *start, end: isn + *end });
        }
        let segment = Segment {
            src_port: REMOTE_PORT,
            dst_port: LOCAL_PORT,
            seq: peer + seg.seq,
            ack: if has_ack { isn + seg.ack } else { SeqNum(0) },
            flags: seg.flags,
            window: seg.win.unwrap_or(self.peer.window),
            urgent: seg.urg,
            options: Options {
                mss: seg.mss,
                window_scale: seg.wscale,
                sack_permitted: seg.sack_ok,
                timestamps: self.peer_timestamps(&seg),
                sack,
            },
            ecn: seg.ecn,
            payload_len: seg.len,
        };
        self.endpoint.inject(&segment, &pattern_bytes(seg.seq.wrapping_sub(1), seg.len));
    }

    fn peer_timestamps(&self, seg: &Seg) -> Option<Timestamps> {
        let offers = self.timestamps || seg.flags.contains(SYN) || seg.tsval.is_some();
        let clock = self.peer.timestamps.filter(|_| offers && !seg.no_ts)?;
        let now = self.ms(self.endpoint.now()) as u32;
        let val = clock.wrapping_add(seg.tsval.unwrap_or(now));
        let first = self.ts_first.unwrap_or(0);
        let echoed = if seg.flags.contains(ACK) { self.ts_last } else { 0 };
        let ecr = seg.tsecr.map_or(echoed, |ecr| first.wrapping_add(ecr));
        Some(Timestamps { val, ecr })
    }

    /// What follows is of another connection of the same addresses: the endpoint's next SYN is its number 0.
    pub fn begin_anew(&mut self) {
        self.isn = None;
    }

    /// Nothing leaves now, nor until `until` milliseconds after zero.
    #[track_caller]
    pub fn silence(&mut self, until: Option<u64>) {
        let until = until.map_or(self.endpoint.now(), |ms| self.zero + Nanos::from_millis(ms));
        let mut taken = self.endpoint.take();
        if taken.is_none() && until > self.endpoint.now() {
            self.endpoint.advance(until);
            taken = self.endpoint.take();
        }
        if let Some((segment, _)) = taken {
            let at = self.ms(self.endpoint.now());
            panic!("at {at} ms: {}, expected silence", self.relative(&segment));
        }
        assert_eq!(self.endpoint.now(), until, "the clock goes where it is told to");
    }

    /// Time passes until `until` milliseconds after zero, whatever leaves.
    pub fn skip_until(&mut self, until: u64) {
        let until = self.zero + Nanos::from_millis(until);
        while self.endpoint.now() < until {
            self.endpoint.advance(until);
            while let Some((segment, _)) = self.endpoint.take() {
                self.relative(&segment);
            }
        }
    }

    /// Takes whatever waits to leave, and answers how many segments that was.
    pub fn drain(&mut self) -> u32 {
        let mut count = 0;
        while let Some((segment, _)) = self.endpoint.take() {
            self.relative(&segment);
            count += 1;
        }
        count
    }

    fn ms(&self, at: Nanos) -> u64 {
        (at - self.zero).as_millis()
    }

    /// Counts from now on in `at` and `until`.
    pub fn restart_clock(&mut self) {
        if let Some(clock) = &mut self.peer.timestamps {
            *clock = clock.wrapping_add((self.endpoint.now() - self.zero).as_millis() as u32);
        }
        self.zero = self.endpoint.now();
    }
}

/// The application.
impl Trace {
    /// Opens actively.
    pub fn connect(&mut self) {
        self.endpoint.connect();
    }

    /// Waits for a connection.
    pub fn listen(&mut self) {
        self.endpoint.listen();
    }

    /// Sends the next `bytes` bytes of the pattern.
    pub fn send(&mut self, bytes: u32) {
        self.endpoint.send(&pattern_bytes(self.sent, bytes));
        self.sent += bytes;
    }

    /// Sends the next `bytes` bytes of the pattern, and says that all so far is urgent.
    pub fn send_urgent(&mut self, bytes: u32) {
        self.endpoint.send_urgent(&pattern_bytes(self.sent, bytes));
        self.sent += bytes;
    }

    /// Bytes of the peer's stream up to the end of what it last called urgent.
    #[must_use]
    pub fn urgent_end(&self) -> Option<u64> {
        self.endpoint.urgent_end()
    }

    /// Reads exactly `bytes` bytes.
    #[track_caller]
    pub fn recv(&mut self, bytes: u32) {
        let got = self.endpoint.recv(bytes as usize);
        assert_eq!(got.len(), bytes as usize, "bytes read");
        assert!(got == pattern_bytes(self.read, bytes), "bytes {} and following read", self.read);
        self.read += bytes;
    }

    /// Bytes that the application has read.
    #[must_use]
    pub fn received(&self) -> u32 {
        self.read
    }

    /// Nothing is there to be read.
    #[track_caller]
    pub fn recv_nothing(&mut self) {
        assert_eq!(self.endpoint.recv(usize::MAX), [0_u8; 0], "bytes read");
    }

    /// Whether the application has seen the end of the stream.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.endpoint.is_at_end()
    }

    /// Closes our side.
    pub fn close(&mut self) {
        self.endpoint.close();
    }

    /// Aborts.
    pub fn abort(&mut self) {
        self.endpoint.abort();
    }

    /// Changes switches.
    pub fn set_switches(&mut self, switches: Switches) {
        self.endpoint.set_switches(switches);
    }

    /// Changes the limit on segment size.
    pub fn set_mss(&mut self, mss: u16) {
        self.endpoint.set_mss(mss);
    }

    /// Says how long the application waits.
    pub fn set_patience(&mut self, patience: Patience) {
        self.endpoint.set_patience(patience);
    }

    /// A router says what became of our segment at `seq`.
    pub fn icmp(&mut self, seq: u32, error: IcmpError) {
        self.endpoint.icmp(self.isn.unwrap_or(SeqNum(0)) + seq, error);
    }

    /// A router says that our segment at `seq` does not fit where one of `mss` bytes would.
    pub fn too_big(&mut self, seq: u32, mss: u16) {
        self.endpoint.too_big(self.isn.unwrap_or(SeqNum(0)) + seq, mss);
    }

    /// See [`Endpoint::soft_error`].
    #[must_use]
    pub fn soft_error(&self) -> Option<IcmpError> {
        self.endpoint.soft_error()
    }

    /// See [`Endpoint::stall`].
    #[must_use]
    pub fn stall(&mut self, stalled: bool) -> bool {
        self.endpoint.stall(stalled)
    }

    /// See [`Endpoint::block`].
    #[must_use]
    pub fn block(&mut self, blocked: bool) -> bool {
        self.endpoint.block(blocked)
    }

    /// State of the connection.
    #[must_use]
    pub fn state(&self) -> State {
        self.endpoint.state()
    }

    /// Why it is over.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.endpoint.ended()
    }

    /// Looks at what was counted since the last `counted!`, or since the handshake.
    pub fn counters_of(&self, look: impl FnOnce(&Counters)) {
        look(&self.endpoint.counters().since(&self.counters));
    }

    /// What was counted since the last call, or since the handshake, is `expected` and nothing else.
    #[track_caller]
    pub fn counted(&mut self, expected: &Counters) {
        let counters = self.endpoint.counters();
        let counted = counters.since(&self.counters);
        assert!(counted == *expected, "counted {counted:?}\nexpected {expected:?}");
        self.counters = counters;
    }

    /// Counts from here on.
    pub fn restart_counters(&mut self) {
        self.counters = self.endpoint.counters();
    }
}
