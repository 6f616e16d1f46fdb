//! A connection taken over from a source that knows less than this engine does, as a T5 TCB: what it
//! says of its own accord, and what it makes of what it does not know.

use mafo_mem::Nanos;

use crate::script::{Endpoint, EngineEndpoint, Setup};
use crate::{
    AckCheckpoint, Checkpoint, Connection, Fate, Flags, Follows, LastWord, Opened, Output,
    PAWS_IDLE, PeerFin, Private, Recovery, RttCheckpoint, SackBlock, Segment, SentCheckpoint,
    SeqNum, State, Switches, TimersCheckpoint, Timestamps, TimestampsCheckpoint, Transmissions,
    WindowScale,
};

const UNA: SeqNum = SeqNum(u32::MAX - 1_000);
const RCV_NXT: SeqNum = SeqNum(5_000);
const TS_OFFSET: u32 = 0x1000_0000;
const RTT: RttCheckpoint =
    RttCheckpoint { srtt: Nanos::from_millis(100), rttvar: Nanos::from_millis(10) };

/// An established connection that owes nothing, with `Private` and scoreboard unknown.
fn drained() -> Checkpoint {
    Checkpoint {
        local_port: 7,
        remote_port: 40_000,
        state: State::Established,
        opened: Opened::Actively,
        iss: UNA - 1,
        snd_una: UNA,
        snd_nxt: UNA,
        snd_max: UNA,
        tx_max: UNA,
        fin_posted: false,
        snd_wnd: 60_000,
        snd_wnd_max: 60_000,
        snd_wl1: RCV_NXT,
        snd_wl2: UNA,
        irs: RCV_NXT - 1,
        rcv_nxt: RCV_NXT,
        undelivered: 0,
        rcv_wnd: 20_000,
        rcv_wnd_max: 20_000,
        rcv_adv: RCV_NXT + 20_000,
        last_ack_sent: RCV_NXT,
        peer_fin: PeerFin::Absent,
        held: Vec::new(),
        ack: AckCheckpoint::default(),
        mss: 1012,
        mss_announced: 1012,
        window_scale: Some(WindowScale { snd: 2, rcv: 3 }),
        timestamps: Some(TimestampsCheckpoint {
            offset: TS_OFFSET,
            recent: Some(700),
            recent_age: Nanos::from_millis(5),
        }),
        sack: true,
        ecn: crate::EcnState::default(),
        switches: Switches { nagle: false, ..Switches::default() },
        cwnd: 10_000,
        ssthresh: 50_000,
        cwnd_credit: 0,
        cwnd_limited: false,
        recovery: Recovery::Open,
        recover: UNA,
        dup_acks: 0,
        in_flight: Vec::new(),
        last_sent_age: Nanos::ZERO,
        rtt: Some(RTT),
        backoff: 0,
        retransmits: 0,
        timers: TimersCheckpoint::default(),
        private: Private::default(),
    }
}

/// The connection on a fresh engine, whose owner holds `posted` bytes not acknowledged.
fn take_over(checkpoint: &Checkpoint) -> EngineEndpoint {
    let setup = Setup { rcv_buf: 1 << 20, ..Setup::modern() };
    EngineEndpoint::restored(&setup, Nanos::from_secs(50), checkpoint)
}

fn conn(end: &mut EngineEndpoint) -> &mut Connection {
    end.conn.as_mut().expect("taken over")
}

/// A segment of the peer's that acknowledges up to `ack`.
fn from_peer(end: &EngineEndpoint, ack: SeqNum) -> Segment {
    let ecr = TS_OFFSET.wrapping_add(end.engine.config.ts_clock.ticks(end.now));
    let mut segment = Segment {
        src_port: 40_000,
        dst_port: 7,
        seq: RCV_NXT,
        ack,
        flags: Flags::ACK,
        window: 15_000,
        ..Segment::default()
    };
    segment.options.timestamps = Some(Timestamps { val: 800, ecr });
    segment
}

/// Everything that leaves until `until_ms` after the takeover: when, from where to where.
fn trace(end: &mut EngineEndpoint, until_ms: u64) -> Vec<(u64, SeqNum, u32)> {
    let zero = Nanos::from_secs(50);
    let until = zero + Nanos::from_millis(until_ms);
    let mut trace = Vec::new();
    while end.now < until {
        end.advance(until);
        while let Some((segment, _)) = end.take() {
            trace.push(((end.now - zero).as_millis(), segment.seq, segment.payload_len));
        }
    }
    trace
}

#[test]
fn who_owes_nothing_says_nothing() {
    let mut end = take_over(&drained());
    assert_eq!(end.take(), None);
    assert_eq!(end.poll_timeout(), None);
    for (state, fin_posted) in [(State::FinWait2, true), (State::CloseWait, false)] {
        let mut checkpoint = Checkpoint { state, fin_posted, ..drained() };
        if fin_posted {
            checkpoint.tx_max = UNA - 1;
        } else {
            checkpoint.peer_fin = PeerFin::Delivered;
        }
        let mut end = take_over(&checkpoint);
        assert_eq!((end.take(), end.poll_timeout()), (None, None), "{state:?}");
    }
}

#[test]
fn an_ack_that_was_owed_goes_out_when_the_delayed_ack_timer_says() {
    let checkpoint = Checkpoint { last_ack_sent: RCV_NXT - 100, ..drained() };
    let mut end = take_over(&checkpoint);
    assert_eq!(trace(&mut end, 1_000), [(40, UNA, 0)]);
    // What is not delivered does not count as owed.
    let undelivered = Checkpoint { undelivered: 100, ..checkpoint };
    let mut end = take_over(&undelivered);
    assert_eq!((end.take(), end.poll_timeout()), (None, None));
    // Then it does.
    let _ = end.stall(false);
    assert_eq!(end.take().map(|(segment, _)| segment.ack), Some(RCV_NXT));
}

#[test]
fn an_unknown_told_edge_owes_no_window_update_but_credit_does() {
    let closed = Checkpoint { rcv_wnd: 0, rcv_adv: RCV_NXT, ..drained() };
    let mut end = take_over(&closed);
    assert_eq!(end.take(), None);
    conn(&mut end).credit(20_000);
    let (update, _) = end.take().expect("a window update");
    assert_eq!((update.ack, update.window), (RCV_NXT, 20_000 >> 3));
    assert_eq!(end.take(), None);
}

#[test]
fn payload_that_was_posted_goes_out_unless_quiesced() {
    let posted = Checkpoint { tx_max: UNA + 1500, ..drained() };
    assert_eq!(trace(&mut take_over(&posted), 1), [(0, UNA, 1000), (0, UNA + 1000, 500)]);
    let mut switches = posted.switches;
    switches.tx_quiesce = true;
    let mut end = take_over(&Checkpoint { switches, ..posted });
    assert_eq!((end.take(), end.poll_timeout()), (None, None));
    switches.tx_quiesce = false;
    end.set_switches(switches);
    assert_eq!(trace(&mut end, 1), [(0, UNA, 1000), (0, UNA + 1000, 500)]);
}

/// Nothing follows alike once the clock, or what has come in, would have it otherwise; and then the next call says what does.
#[test]
fn what_is_old_has_nothing_alike_behind_it() {
    let posted = Checkpoint { tx_max: UNA + 9_000, ..drained() };
    let first = || {
        let mut end = take_over(&posted);
        let EngineEndpoint { conn, engine, now, .. } = &mut end;
        let output = conn.as_mut().expect("taken over").poll_output(engine, *now);
        let output = output.expect("a segment");
        assert!(matches!(output.follows, Follows::Alike(_)), "{output:?}");
        (end, output)
    };
    let alike = |end: &mut EngineEndpoint, output: &mut Output| {
        let EngineEndpoint { conn, engine, now, .. } = end;
        conn.as_mut().expect("taken over").poll_alike(engine, *now, output)
    };
    let (mut end, mut output) = first();
    assert!(alike(&mut end, &mut output));
    assert_eq!((output.segment.seq, output.offset), (UNA + 1000, 1000));
    let (mut later, mut output) = first();
    later.now += Nanos::from_millis(3);
    let (mut acked, mut old) = first();
    acked.inject(&from_peer(&acked, UNA + 1000), &[]);
    let (mut told, mut earlier) = first();
    let payload = Segment { payload_len: 3, ..from_peer(&told, UNA) };
    told.inject(&payload, b"new");
    for (end, output) in
        [(&mut later, &mut output), (&mut acked, &mut old), (&mut told, &mut earlier)]
    {
        assert!(!alike(end, output));
        let (next, _) = end.take().expect("the next segment");
        assert_eq!(next.seq, UNA + 1000, "nothing was done");
    }
}

/// `snd_nxt` pulled back to `snd_una`: all goes out again, as much as `cwnd` allows.
#[test]
fn what_is_to_be_sent_again_is() {
    let (tx_max, cwnd) = (UNA + 5_000, 3_000);
    let checkpoint = Checkpoint { tx_max, snd_max: UNA + 4_000, cwnd, ..drained() };
    let mut end = take_over(&checkpoint);
    conn(&mut end).force_ack();
    let (ack, _) = end.take().expect("a forced ACK");
    assert_eq!((ack.seq, ack.payload_len), (UNA + 4_000, 0), "not the pulled-back snd_nxt");
    let sent = [(0, UNA, 1000), (0, UNA + 1_000, 1000), (0, UNA + 2_000, 1000)];
    assert_eq!(trace(&mut end, 1), sent);
    // The peer had more than was sent again.
    end.inject(&from_peer(&end, UNA + 4_000), &[]);
    assert_eq!(trace(&mut end, 2), [(1, UNA + 4_000, 1000)]);
}

/// In flight, and sent by another: the timer runs, SACK repairs, but no RTT is taken of it.
#[test]
fn what_another_sent_is_watched_but_not_measured() {
    let max = UNA + 5_000;
    let checkpoint = Checkpoint { snd_nxt: max, snd_max: max, tx_max: max, ..drained() };
    let mut end = take_over(&checkpoint);
    assert_eq!(end.take(), None);
    assert_eq!(
        end.poll_timeout(),
        Some(end.now + Nanos::from_millis(300)),
        "100 + 4 * 10, but at least 200 more"
    );
    let mut sacked = from_peer(&end, UNA);
    sacked.options.sack.push(SackBlock { start: UNA + 1_000, end: max });
    end.inject(&sacked, &[]);
    assert_eq!(trace(&mut end, 1), [(0, UNA, 1000)]);
    end.now += Nanos::from_millis(3);
    let mut old_echo = from_peer(&end, max);
    old_echo.options.timestamps = Some(Timestamps { val: 800, ecr: TS_OFFSET + 49_000 });
    end.inject(&old_echo, &[]);
    assert_eq!(conn(&mut end).checkpoint(Nanos::from_secs(51)).rtt, Some(RTT));
}

/// A segment that the former owner had sent again: its clock's echoes are not ours to read.
#[test]
fn echoes_of_the_former_owner_give_no_sample() {
    let max = UNA + 1_000;
    let again = SentCheckpoint {
        start: UNA,
        end: max,
        age: Nanos::from_millis(30),
        fate: Fate::InFlight,
        transmissions: Transmissions::Again,
        goes_on: false,
    };
    let mut checkpoint = Checkpoint { snd_nxt: max, snd_max: max, tx_max: max, ..drained() };
    checkpoint.in_flight.push(again);
    for (ago_ms, sampled) in [(10, false), (0, true)] {
        let mut end = take_over(&checkpoint);
        let ecr = TS_OFFSET + 50_000 - ago_ms;
        end.now += Nanos::from_millis(7);
        let mut ack = from_peer(&end, max);
        ack.options.timestamps = Some(Timestamps { val: 800, ecr });
        end.inject(&ack, &[]);
        let rtt = conn(&mut end).checkpoint(Nanos::from_secs(51)).rtt;
        assert_eq!(rtt != Some(RTT), sampled, "an echo of {ago_ms} ms before the takeover");
    }
}

#[test]
fn an_unknown_age_lets_the_first_timestamp_teach() {
    let mut checkpoint = drained();
    let timestamps = checkpoint.timestamps.as_mut().expect("in force");
    (timestamps.recent, timestamps.recent_age) = (Some(0x7000_0000), PAWS_IDLE);
    let mut end = take_over(&checkpoint);
    let segment = Segment { payload_len: 10, ..from_peer(&end, UNA) };
    end.inject(&segment, &[1; 10]);
    assert_eq!(end.recv(100), [1; 10]);
    end.advance(Nanos::from_secs(51));
    let (ack, _) = end.take().expect("an ACK");
    assert_eq!(ack.options.timestamps.map(|ts| ts.ecr), Some(800));
    // A known age of 5 ms proves the same segment to be old.
    checkpoint.timestamps.as_mut().expect("in force").recent_age = Nanos::from_millis(5);
    let mut end = take_over(&checkpoint);
    end.inject(&segment, &[1; 10]);
    assert_eq!(end.counters().rx_drop_paws, 1);
}

#[test]
fn a_fin_in_flight_is_sent_again_and_its_ack_counts() {
    let (tx_max, snd_max) = (UNA + 10, UNA + 11);
    let (state, fin_posted) = (State::LastAck, true);
    let peer_fin = PeerFin::Delivered;
    let checkpoint = Checkpoint { state, fin_posted, tx_max, snd_max, peer_fin, ..drained() };
    let mut end = take_over(&checkpoint);
    let (fin, _) = end.take().expect("payload and FIN");
    assert!(fin.flags.contains(Flags::FIN));
    assert_eq!((fin.seq, fin.payload_len), (UNA, 10));
    end.inject(&from_peer(&end, snd_max), &[]);
    assert_eq!(end.state(), State::Closed);
}

#[test]
fn a_last_word_survives() {
    let private = Private {
        pending: crate::Pending { last_word: Some(LastWord::Reset), ..Default::default() },
        ..Private::default()
    };
    let mut end = take_over(&Checkpoint { state: State::Closed, private, ..drained() });
    let (reset, _) = end.take().expect("a reset");
    assert_eq!((reset.seq, reset.flags), (UNA, Flags::RST | Flags::ACK));
    assert_eq!((end.take(), end.poll_timeout()), (None, None));
}

/// The kick after a path has swallowed what was under way.
#[test]
fn a_kick_sends_again_at_once() {
    let max = UNA + 2_000;
    let mut end = take_over(&Checkpoint { snd_nxt: max, snd_max: max, tx_max: max, ..drained() });
    let now = end.now;
    conn(&mut end).expire_retransmit_timer(now);
    end.handle_timeout();
    assert_eq!(trace(&mut end, 1), [(0, UNA, 1000)]);
    let mut idle = take_over(&drained());
    conn(&mut idle).expire_retransmit_timer(now);
    assert_eq!(idle.poll_timeout(), None, "nothing under way, nothing to kick");
}

/// The former owner died, and nobody knows how much it had sent of what it was given: what the peer is not known to have
/// had room for is not sent before it has.
#[test]
fn nothing_goes_out_beyond_an_edge_that_was_never_given() {
    let max = UNA + 4_000;
    let (snd_wnd, snd_wnd_max) = (1_500, 1_500);
    let posted = Checkpoint { snd_wnd, snd_wnd_max, snd_max: max, tx_max: max, ..drained() };
    let mut end = take_over(&posted);
    assert_eq!(trace(&mut end, 1), [(0, UNA, 1000)]);
    let window = |end: &EngineEndpoint, ack, window: u16| Segment {
        window: window >> 2,
        ..from_peer(end, ack)
    };
    // The oldest byte's segment ends at the edge, too.
    end.inject(&window(&end, UNA + 1_000, 500), &[]);
    assert_eq!(trace(&mut end, 2), [(1, UNA + 1_000, 500)]);
    // Then the peer is asked, by a segment that it has had.
    end.inject(&window(&end, UNA + 1_500, 0), &[]);
    let asked: Vec<_> =
        trace(&mut end, 1_500).into_iter().map(|(_, seq, len)| (seq, len)).collect();
    assert!(asked.len() > 1 && asked.iter().all(|&asked| asked == (UNA + 1_499, 0)), "{asked:?}");
    end.inject(&window(&end, UNA + 1_500, 2_500), &[]);
    let rest = [(1500, UNA + 1_500, 1000), (1500, UNA + 2_500, 1000), (1500, UNA + 3_500, 500)];
    assert_eq!(trace(&mut end, 1_501), rest);
}

#[test]
fn an_unknown_window_is_asked_for_at_once() {
    let max = UNA + 1_800;
    let (snd_wnd, snd_wnd_max) = (0, 0);
    let posted = Checkpoint { snd_wnd, snd_wnd_max, snd_max: max, tx_max: max, ..drained() };
    let mut end = take_over(&posted);
    // Behind an ACK in its place: for a peer that has heard none yet the handshake ends with it.
    assert_eq!(trace(&mut end, 1), [(0, UNA, 0), (0, UNA - 1, 0)]);
    end.inject(&from_peer(&end, UNA), &[]);
    assert_eq!(trace(&mut end, 2), [(1, UNA, 1000), (1, UNA + 1_000, 800)]);
    // A closed window that the peer has opened before, and what is in flight was in it: the oldest byte asks.
    let private = Private { edge_max: Some(max), ..Private::default() };
    let mut end = take_over(&Checkpoint { private, ..posted });
    assert_eq!(trace(&mut end, 1), [(0, UNA, 1000)]);
}

/// A tail loss probe is of what the peer had room for.
#[test]
fn no_tail_probe_goes_out_beyond_the_edge() {
    let max = UNA + 3_000;
    let flight = Checkpoint { snd_nxt: max, snd_max: max, tx_max: max, ..drained() };
    for (wnd, probes) in [(2_000, false), (3_000, true)] {
        let mut end = take_over(&Checkpoint { snd_wnd: wnd, snd_wnd_max: wnd, ..flight.clone() });
        end.inject(
            &Segment { window: (wnd - 1_000) as u16 >> 2, ..from_peer(&end, UNA + 1_000) },
            &[],
        );
        let sent = trace(&mut end, 1_000);
        let tail = sent.iter().any(|&(_, seq, _)| seq == UNA + 2_000);
        assert_eq!(tail, probes, "{sent:?}");
        assert!(sent.iter().any(|&(_, seq, len)| (seq, len) == (UNA + 1_000, 1000)), "{sent:?}");
        assert_eq!(end.counters().tail_probes, u64::from(probes));
    }
}
