//! The TCB image says what the engine knows, and the engine knows what the image says.

use crate::tp::image::{
    ENGINE_FLAGS, FRAGMENTS, Ticks, Unfit, check, concerns_engine, edit, read, show,
};
use mafo_mem::Nanos;
use mafo_t4::tcb::{Field, State as TState, TFlags, Tcb as Image, field};
use mafo_tcp::{
    AckCheckpoint, Checkpoint, EcnState, HeldRange, Opened, PeerFin, Private, Recovery,
    RttCheckpoint, SeqNum, State, Switches, TimersCheckpoint, TimestampsCheckpoint, TsClock,
    WindowScale,
};
use proptest::prelude::*;

/// 1 µs timer ticks, 1 ms timestamp ticks, and a timestamp clock that is about to wrap.
const TICKS: Ticks = Ticks {
    timer: Nanos(1_000),
    timestamp: TsClock { epoch: Nanos(0xffff_fff0 * 1_000_000), tick: Nanos(1_000_000) },
};
const NOW: Nanos = Nanos::from_secs(10);
const MSS: u16 = 1460;

/// An established connection in the middle of everything.
fn busy() -> Checkpoint {
    let (tx_max, rcv_nxt) = (SeqNum(0x0000_1000), SeqNum(0xffff_f000));
    Checkpoint {
        local_port: 0,
        remote_port: 0,
        state: State::Established,
        opened: Opened::Actively,
        iss: tx_max - 9_001,
        snd_una: tx_max - 9_000,
        snd_nxt: tx_max - 7_000,
        snd_max: tx_max - 3_000,
        tx_max,
        fin_posted: false,
        snd_wnd: 1000 << 7,
        snd_wnd_max: 1000 << 7,
        snd_wl1: rcv_nxt,
        snd_wl2: tx_max - 9_000,
        irs: rcv_nxt - 1,
        rcv_nxt,
        undelivered: 500,
        rcv_wnd: 60_000,
        rcv_wnd_max: 60_000,
        rcv_adv: rcv_nxt + 60_000,
        last_ack_sent: rcv_nxt - 600,
        peer_fin: PeerFin::Absent,
        held: vec![
            HeldRange { start: rcv_nxt + 1_000, end: rcv_nxt + 2_000, arrival: 0 },
            HeldRange { start: rcv_nxt + 3_000, end: rcv_nxt + 3_500, arrival: 1 },
            HeldRange { start: rcv_nxt + 5_000, end: rcv_nxt + 6_000, arrival: 2 },
            HeldRange { start: rcv_nxt + 8_000, end: rcv_nxt + 8_001, arrival: 3 },
        ],
        ack: AckCheckpoint::default(),
        mss: MSS,
        mss_announced: MSS,
        window_scale: Some(WindowScale { snd: 7, rcv: 2 }),
        timestamps: Some(TimestampsCheckpoint {
            offset: 0x3000_0000,
            recent: Some(0xdead_beef),
            recent_age: Nanos::from_millis(25),
        }),
        sack: true,
        ecn: EcnState {
            sends: true,
            echoes: true,
            echo_owed: true,
            cwr_owed: true,
            reducing_until: None,
        },
        switches: Switches {
            nagle: true,
            cork: false,
            delayed_ack: false,
            keepalive: true,
            tx_quiesce: false,
        },
        cwnd: 14_600,
        ssthresh: 65_535,
        cwnd_credit: 0,
        cwnd_limited: false,
        recovery: Recovery::Fast,
        recover: tx_max - 4_000,
        dup_acks: 3,
        in_flight: Vec::new(),
        last_sent_age: Nanos::ZERO,
        rtt: Some(RttCheckpoint { srtt: Nanos::from_micros(730), rttvar: Nanos::from_micros(91) }),
        backoff: 2,
        retransmits: 2,
        timers: TimersCheckpoint::default(),
        private: Private::default(),
    }
}

fn shown(checkpoint: &Checkpoint) -> Image {
    let mut image = Image::default();
    show(&mut image, checkpoint, NOW, TICKS);
    image
}

/// Values by hand from the field table of the datasheet.
#[test]
fn every_field_of_a_busy_connection_is_where_the_header_says() {
    let image = shown(&busy());
    let expected = [
        (field::T_STATE, 4),
        (field::SND_SCALE, 2),
        (field::RCV_SCALE, 7),
        (field::T_RXTSHIFT, 2),
        (field::T_DUPACKS, 3),
        (field::TIMESTAMP_OFFSET, 3),
        (field::RCV_ADV, 1000),
        (field::TIMESTAMP, 0),
        // The clock shows 0xfffffff0 + 10,000 ms, less 25 ms.
        (field::T_RTT_TS_RECENT_AGE, 10_000 - 16 - 25),
        (field::T_RTSEQ_RECENT, 0xdead_beef),
        (field::T_SRTT, 730),
        (field::T_RTTVAR, 91),
        (field::TX_MAX, 0x1000),
        (field::SND_UNA_RAW, 9_000),
        (field::SND_NXT_RAW, 7_000),
        (field::SND_MAX_RAW, 3_000),
        (field::SND_REC_RAW, 4_000),
        (field::SND_CWND, 14_600),
        (field::SND_SSTHRESH, 65_535),
        (field::RCV_NXT, 0xffff_f000),
        (field::RCV_WND, 60_500),
        (field::RX_HDR_OFFSET, 500),
        (field::TS_LAST_ACK_SENT_RAW, 600),
        (field::RX_FRAG0_START_IDX_RAW, 1_000),
        (field::RX_FRAG0_LEN, 1_000),
        (field::RX_FRAG1_START_IDX_OFFSET, 2_000),
        (field::RX_FRAG1_LEN, 500),
        (field::RX_FRAG2_START, 5_000),
        (field::RX_FRAG2_LEN, 1_000),
        (field::RX_FRAG3_START, 8_000),
        (field::RX_FRAG3_LEN, 1),
    ];
    for (field, value) in expected {
        assert_eq!(image.get(field), value, "{}", field.name);
    }
    // KEEPALIVE 3, NAGLE 7, ACTIVE_OPEN 34, FAST_RECOVERY 51, RECV_SCALE 52, RECV_TSTMP 53, RECV_SACK 54,
    // CCTRL_ECN 59, CCTRL_ECE 60, CCTRL_CWR 61.
    let flags = 1 << 3 | 1 << 7 | 1 << 34 | 1 << 51 | 7 << 52 | 7 << 59;
    assert_eq!(image.get(field::T_FLAGS), flags);
    let others = field::PLAIN_TCP
        .iter()
        .filter(|f| **f != field::T_FLAGS && !expected.iter().any(|(e, _)| e == *f));
    for field in others {
        assert_eq!(image.get(*field), 0, "{} is not the engine's", field.name);
    }
}

#[test]
fn a_recovery_long_over_is_none() {
    let mut checkpoint = busy();
    checkpoint.recover = checkpoint.snd_una - 5_000;
    let image = shown(&checkpoint);
    assert_eq!(image.get(field::SND_REC_RAW), image.get(field::SND_UNA_RAW));
}

#[test]
fn timers_that_run_are_seen() {
    let mut checkpoint = busy();
    checkpoint.timers.retransmit = Some(Nanos(200_000_001));
    checkpoint.timers.delayed_ack = Some(Nanos(1));
    let image = shown(&checkpoint);
    assert!(image.flags().timer() && image.flags().dack_timer());
    assert_eq!(image.get(field::TIMESTAMP), 200_001 << 11, "rounded up, in bits 29:11");
    checkpoint.timers.retransmit = Some(Nanos::MAX);
    assert_eq!(shown(&checkpoint).get(field::TIMESTAMP), 0x3fff_f800);
}

#[test]
fn states_with_a_fin() {
    let fin = |state: State, una_back: u32| {
        let mut checkpoint = Checkpoint { state, fin_posted: true, ..busy() };
        let end = checkpoint.tx_max + 1;
        (checkpoint.snd_una, checkpoint.snd_nxt, checkpoint.snd_max) = (end - una_back, end, end);
        (checkpoint.recover, checkpoint.snd_wl2, checkpoint.iss) =
            (end, end - una_back, end - una_back - 1);
        if matches!(state, State::Closing | State::LastAck) {
            checkpoint.peer_fin = PeerFin::Delivered;
            checkpoint.held.clear();
        }
        checkpoint
    };
    for (state, t_state, una_back) in [
        (State::FinWait1, TState::FinWait1, 1),
        (State::Closing, TState::Closing, 1),
        (State::LastAck, TState::LastAck, 1),
        (State::FinWait2, TState::FinWait2, 0),
    ] {
        let checkpoint = fin(state, una_back);
        let image = shown(&checkpoint);
        assert_eq!((image.state(), image.flags().core_fin()), (t_state, true));
        assert_eq!(image.get(field::TX_MAX), 0x1001, "TX_MAX counts the FIN");
        assert_eq!(image.get(field::SND_UNA_RAW), u64::from(una_back));
        assert_eq!(read(&image, MSS, NOW, TICKS).as_ref(), Ok(&checkpoint), "{state:?}");
        assert_eq!(check(&checkpoint, 0, 500, &checkpoint.held), Ok(()));
    }
}

/// What T_STATE, CORE_FIN and PEER_FIN say together.
#[test]
fn redundant_state_is_read_as_one() {
    let cases = [
        (TState::Established, false, false, Some((State::Established, false))),
        (TState::Established, true, false, Some((State::FinWait1, true))),
        (TState::Established, false, true, Some((State::CloseWait, false))),
        (TState::Established, true, true, Some((State::LastAck, true))),
        (TState::CloseWait, false, false, Some((State::CloseWait, false))),
        (TState::CloseWait, true, false, Some((State::LastAck, true))),
        // Uploaded in the state that its host knows, CLOSE_CON_REQ yet to come.
        (TState::FinWait1, false, false, Some((State::Established, false))),
        (TState::Closing, false, false, Some((State::CloseWait, false))),
        (TState::LastAck, false, false, Some((State::CloseWait, false))),
        (TState::Closing, true, false, Some((State::Closing, true))),
        (TState::FinWait2, false, false, Some((State::FinWait2, true))),
        (TState::FinWait2, false, true, None),
        (TState::Closed, false, false, None),
        (TState::Listen, false, false, None),
        (TState::SynSent, false, false, None),
        (TState::SynRcvd, false, false, None),
        (TState::TimeWait, false, false, None),
    ];
    for (state, core_fin, peer_fin, expected) in cases {
        let mut image = shown(&Checkpoint { peer_fin: PeerFin::Absent, ..busy() });
        image.set_state(state);
        image.set_flags(image.flags().with_core_fin(core_fin).with_peer_fin(peer_fin));
        let got = read(&image, MSS, NOW, TICKS)
            .ok()
            .map(|checkpoint| (checkpoint.state, checkpoint.fin_posted));
        assert_eq!(got, expected, "{state:?}, CORE_FIN {core_fin}, PEER_FIN {peer_fin}");
    }
}

#[test]
fn zero_age_means_now() {
    let mut image = shown(&busy());
    image.set(field::T_RTT_TS_RECENT_AGE, 0);
    let age = read(&image, MSS, NOW, TICKS).ok().and_then(|s| s.timestamps).map(|ts| ts.recent_age);
    assert_eq!(age, Some(Nanos::ZERO));
    // A stamp from another card's clock, ahead of ours.
    image.set(field::T_RTT_TS_RECENT_AGE, u64::from(TICKS.timestamp.ticks(NOW) + 77));
    let age = read(&image, MSS, NOW, TICKS).ok().and_then(|s| s.timestamps).map(|ts| ts.recent_age);
    assert_eq!(age, Some(Nanos::ZERO));
}

/// A time of less than a tick is not none, and does not grow to one by moving.
#[test]
fn a_round_trip_of_less_than_a_tick() {
    for (ns, ticks, kept) in [(0, 1, 0), (1, 1, 0), (TICKS.timer.0 + 1, 2, 2 * TICKS.timer.0)] {
        let rtt = RttCheckpoint { srtt: Nanos(ns), rttvar: Nanos(ns) };
        let image = shown(&Checkpoint { rtt: Some(rtt), ..busy() });
        assert_eq!(image.get(field::T_SRTT), ticks, "{ns}");
        let rtt = read(&image, MSS, NOW, TICKS).ok().and_then(|s| s.rtt);
        assert_eq!(rtt, Some(RttCheckpoint { srtt: Nanos(kept), rttvar: Nanos(kept) }), "{ns}");
    }
}

#[test]
fn what_no_engine_can_go_on_with_is_unfit() {
    type Change = fn(&mut Checkpoint);
    let good = busy();
    let verdict = |change: Change| {
        let mut checkpoint = busy();
        change(&mut checkpoint);
        check(&checkpoint, 9_000, 500, &good.held)
    };
    assert_eq!(verdict(|_| {}), Ok(()));
    let unfit: [(&str, Change); 10] = [
        ("snd_una after snd_nxt", |s| s.snd_una = s.snd_nxt + 1),
        ("snd_nxt after snd_max", |s| s.snd_nxt = s.snd_max + 1),
        ("payload that is not there", |s| s.tx_max += 1),
        ("undelivered bytes that are not there", |s| s.undelivered += 1),
        ("no held ranges", |s| s.held.clear()),
        ("another held range", |s| s.held[0].end += 1),
        ("a scale of 15", |s| s.window_scale = Some(WindowScale { snd: 15, rcv: 0 })),
        ("FIN acknowledged in ESTABLISHED", |s| {
            (s.fin_posted, s.snd_una) = (true, s.tx_max + 1);
            (s.snd_nxt, s.snd_max) = (s.snd_una, s.snd_una);
        }),
        ("FIN_WAIT2 with data outstanding", |s| s.state = State::FinWait2),
        ("no segment size", |s| s.mss = 0),
    ];
    for (what, change) in unfit {
        assert_eq!(verdict(change), Err(Unfit), "{what}");
    }
    let mut image = shown(&good);
    image.set(field::RX_HDR_OFFSET, 60_501);
    assert_eq!(read(&image, MSS, NOW, TICKS), Err(Unfit), "more undelivered than the window");
}

/// A field, and what writing it means for the connection.
type Assignment = (Field, fn(&mut Checkpoint, u32));

/// So many ticks of a timer, of which one stands for all that is shorter.
const fn rtt_of(ticks: u32) -> Nanos {
    if ticks == 1 { Nanos::ZERO } else { Nanos(ticks as u64 * 1_000) }
}

const ASSIGNMENTS: [Assignment; 18] = [
    (field::SND_SCALE, |s, v| {
        if let Some(scale) = &mut s.window_scale {
            scale.rcv = v as u8;
        }
    }),
    (field::RCV_ADV, |s, v| {
        s.snd_wnd = v << s.window_scale.map_or(0, |scale| scale.snd);
        s.snd_wnd_max = s.snd_wnd;
    }),
    (field::T_RXTSHIFT, |s, v| (s.backoff, s.retransmits) = (v as u8, v as u8)),
    (field::T_DUPACKS, |s, v| s.dup_acks = v),
    (field::TIMESTAMP_OFFSET, |s, v| {
        if let Some(ts) = &mut s.timestamps {
            ts.offset = v << 28;
        }
    }),
    (field::T_RTSEQ_RECENT, |s, v| {
        if let Some(ts) = &mut s.timestamps {
            ts.recent = Some(v);
        }
    }),
    (field::T_SRTT, |s, v| {
        s.rtt = (v != 0).then(|| RttCheckpoint {
            srtt: rtt_of(v),
            rttvar: s.rtt.map_or(Nanos::ZERO, |rtt| rtt.rttvar),
        });
    }),
    (field::T_RTTVAR, |s, v| {
        if let Some(rtt) = &mut s.rtt {
            rtt.rttvar = rtt_of(v);
        }
    }),
    // Writing TX_MAX alone shifts everything that is a distance from it.
    (field::TX_MAX, |s, v| {
        let by = SeqNum(v).since(s.tx_max + u32::from(s.fin_posted));
        for seq in [
            &mut s.tx_max,
            &mut s.snd_una,
            &mut s.snd_nxt,
            &mut s.snd_max,
            &mut s.recover,
            &mut s.iss,
            &mut s.snd_wl2,
        ] {
            *seq += by;
        }
    }),
    (field::SND_UNA_RAW, |s, v| {
        s.snd_una = s.tx_max + u32::from(s.fin_posted) - v;
        (s.iss, s.snd_wl2) = (s.snd_una - 1, s.snd_una);
    }),
    (field::SND_NXT_RAW, |s, v| s.snd_nxt = s.tx_max + u32::from(s.fin_posted) - v),
    (field::SND_MAX_RAW, |s, v| s.snd_max = s.tx_max + u32::from(s.fin_posted) - v),
    (field::SND_REC_RAW, |s, v| s.recover = s.tx_max + u32::from(s.fin_posted) - v),
    (field::SND_CWND, |s, v| s.cwnd = v),
    (field::SND_SSTHRESH, |s, v| s.ssthresh = v),
    // Writing RCV_NXT alone shifts the right edge, the last ACK and the fragments.
    (field::RCV_NXT, |s, v| {
        let by = SeqNum(v).since(s.rcv_nxt);
        for seq in
            [&mut s.rcv_nxt, &mut s.rcv_adv, &mut s.last_ack_sent, &mut s.irs, &mut s.snd_wl1]
        {
            *seq += by;
        }
        for range in &mut s.held {
            (range.start, range.end) = (range.start + by, range.end + by);
        }
    }),
    (field::TS_LAST_ACK_SENT_RAW, |s, v| s.last_ack_sent = s.rcv_nxt - v),
    (field::RX_FRAG3_LEN, |s, v| {
        if let Some(range) = s.held.get_mut(3).filter(|_| v != 0) {
            range.end = range.start + v;
        }
    }),
];

prop_compose! {
    /// Any connection that an image can tell of.
    fn connections()(
        seqs in any::<(u32, u32)>(),
        state in 0..6_usize,
        back in prop::array::uniform3(0..1_u32 << 28),
        recover_back in 0..1_u32 << 28,
        windows in (0..1_u32 << 27, 0..1_u32 << 27, any::<u16>(), 0..1_u32 << 28),
        scale in prop::option::of((0..=14_u8, 0..=14_u8)),
        timestamps in prop::option::of((0..16_u32, any::<u32>(), 0..1_u64 << 31)),
        flags in any::<[bool; 7]>(),
        ecn in prop::option::of(any::<[bool; 2]>()),
        cc in (1..1_u32 << 28, 0..1_u32 << 28, 0..16_u32, 0..16_u8),
        rtt in prop::option::of((1..0x1_0000_u32, 1..0x1_0000_u32)),
        gaps in prop::collection::vec((1..1_u32 << 25, 1..1_u32 << 25), 0..=4),
    ) -> Checkpoint {
        let state = [
            State::Established, State::CloseWait, State::FinWait1, State::Closing, State::LastAck, State::FinWait2,
        ][state];
        let fin_posted = !matches!(state, State::Established | State::CloseWait);
        let peer_closed = matches!(state, State::CloseWait | State::Closing | State::LastAck);
        let (tx_max, rcv_nxt) = (SeqNum(seqs.0), SeqNum(seqs.1));
        let end = tx_max + u32::from(fin_posted);
        let mut back = back;
        back.sort_unstable();
        if state == State::FinWait2 {
            back = [0; 3];
        } else if fin_posted && back[2] == 0 {
            back[2] = 1;
        }
        let snd_una = end - back[2];
        let [nagle, delayed_ack, keepalive, tx_quiesce, sack, fast, active] = flags;
        let (rcv_wnd, undelivered, adv, last_ack_back) = windows;
        let window_scale = scale.map(|(snd, rcv)| WindowScale { snd, rcv });
        let snd_wnd = u32::from(adv) << window_scale.map_or(0, |scale| scale.snd);
        let mut held: Vec<HeldRange> = Vec::new();
        for (arrival, (gap, len)) in (0..).zip(gaps) {
            let start = held.last().map_or(rcv_nxt, |range| range.end) + gap;
            held.push(HeldRange { start, end: start + len, arrival });
        }
        Checkpoint {
            local_port: 0,
            remote_port: 0,
            state,
            opened: if active { Opened::Actively } else { Opened::Passively },
            iss: snd_una - 1,
            snd_una,
            snd_nxt: end - back[1],
            snd_max: end - back[0],
            tx_max,
            fin_posted,
            snd_wnd,
            snd_wnd_max: snd_wnd,
            snd_wl1: rcv_nxt,
            snd_wl2: snd_una,
            irs: rcv_nxt - 1,
            rcv_nxt,
            undelivered,
            rcv_wnd,
            rcv_wnd_max: rcv_wnd,
            rcv_adv: rcv_nxt + rcv_wnd,
            last_ack_sent: rcv_nxt - last_ack_back,
            peer_fin: if peer_closed { PeerFin::Delivered } else { PeerFin::Absent },
            held,
            ack: AckCheckpoint::default(),
            mss: MSS,
            mss_announced: MSS,
            window_scale,
            timestamps: timestamps.map(|(offset, recent, age)| TimestampsCheckpoint {
                offset: offset << 28,
                recent: Some(recent),
                recent_age: Nanos(age * 1_000_000),
            }),
            sack,
            ecn: ecn.map_or(EcnState::default(), |[echo_owed, cwr_owed]| EcnState {
                sends: true, echoes: true, echo_owed, cwr_owed, reducing_until: None,
            }),
            switches: Switches { nagle, cork: false, delayed_ack, keepalive, tx_quiesce },
            cwnd: cc.0,
            ssthresh: cc.1,
            cwnd_credit: 0,
            cwnd_limited: false,
            recovery: if fast { Recovery::Fast } else { Recovery::Open },
            recover: end - recover_back.min(back[2]),
            dup_acks: cc.2,
            in_flight: Vec::new(),
            last_sent_age: Nanos::ZERO,
            rtt: rtt.map(|(srtt, rttvar)| RttCheckpoint { srtt: rtt_of(srtt), rttvar: rtt_of(rttvar) }),
            backoff: cc.3,
            retransmits: cc.3,
            timers: TimersCheckpoint::default(),
 private: Private::default(),
        }
    }
}

/// Any image, as a host could have written it.
fn images() -> impl Strategy<Value = Image> {
    prop::collection::vec(any::<u8>(), 128).prop_map(|bytes| {
        let mut image = Image::default();
        image.0.copy_from_slice(&bytes);
        image
    })
}

/// `image` with what a connection that is taken over has said consistently, in `state`: each thing once, nothing of
/// what is not agreed on, and no timer, as those start anew.
fn made_sound(mut image: Image, state: usize) -> Image {
    let (state, fin_posted, peer_closed) = [
        (TState::Established, false, false),
        (TState::CloseWait, false, true),
        (TState::FinWait1, true, false),
        (TState::FinWait2, true, false),
        (TState::Closing, true, true),
        (TState::LastAck, true, true),
    ][state];
    image.set_state(state);
    let flags = image.flags();
    let ecn = flags.cctrl_ecn();
    image.set_flags(
        flags
            .with_core_fin(fin_posted)
            .with_peer_fin(peer_closed)
            .with_cctrl_ece(ecn && flags.cctrl_ece())
            .with_cctrl_cwr(ecn && flags.cctrl_cwr())
            .with_non_offload(false)
            .with_timer(false)
            .with_dack_timer(false),
    );
    let mut change = |field: Field, to: &dyn Fn(u64) -> u64| {
        let value = to(image.get(field));
        image.set(field, value);
        value
    };
    change(field::TIMESTAMP, &|_| 0);
    for scale in [field::SND_SCALE, field::RCV_SCALE] {
        change(scale, &|shift| if flags.recv_scale() { shift.min(14) } else { 0 });
    }
    let stamped = flags.recv_tstmp();
    change(field::TIMESTAMP_OFFSET, &|offset| if stamped { offset } else { 0 });
    change(field::T_RTSEQ_RECENT, &|recent| if stamped { recent } else { 0 });
    let clock = TICKS.timestamp.ticks(NOW);
    change(field::T_RTT_TS_RECENT_AGE, &|age| {
        let stamp = clock.wrapping_sub(age as u32 & i32::MAX as u32);
        if stamped { u64::from(stamp.max(1)) } else { 0 }
    });
    let srtt = change(field::T_SRTT, &|srtt| srtt);
    change(field::T_RTTVAR, &|rttvar| if srtt == 0 { 0 } else { rttvar.max(1) });
    let una = change(field::SND_UNA_RAW, &|una| una);
    let nxt = change(field::SND_NXT_RAW, &|nxt| nxt.min(una));
    change(field::SND_MAX_RAW, &|max| max.min(nxt));
    change(field::SND_REC_RAW, &|recover| recover.min(una));
    change(field::SND_CWND, &|cwnd| cwnd.max(1));
    let window = change(field::RCV_WND, &|window| window);
    change(field::RX_HDR_OFFSET, &|undelivered| undelivered.min(window));
    let mut whole = true;
    for (start, len) in FRAGMENTS {
        whole &= change(len, &|bytes| if whole { bytes } else { 0 }) != 0;
        change(start, &|start| if whole { start } else { 0 });
    }
    image
}

/// What is left of an image without the engine's part, but for T_MAXSEG, which only the owner of the MTU table reads.
fn without_the_engines(image: &Image) -> Image {
    let mut rest = *image;
    for field in field::PLAIN_TCP {
        if *field != field::T_FLAGS
            && *field != field::T_MAXSEG
            && concerns_engine(field.word, field.mask())
        {
            rest.set(*field, 0);
        }
    }
    let switches =
        TFlags::NAGLE_MASK | TFlags::DACK_MASK | TFlags::KEEPALIVE_MASK | TFlags::TX_QUIESCE_MASK;
    rest.set_flags(TFlags(image.flags().0 & !(ENGINE_FLAGS | switches)));
    rest
}

proptest! {
    /// All 1024 bits come back, from what was read and what is the host's.
    #[test]
    fn a_connection_tells_all_of_an_image(image in images(), state in 0..6_usize) {
        let image = made_sound(image, state);
        let checkpoint = match read(&image, MSS, NOW, TICKS) {
            Ok(checkpoint) => checkpoint,
            Err(Unfit) => return Err(TestCaseError::fail("an image that is no connection")),
        };
        let mut again = without_the_engines(&image);
        show(&mut again, &checkpoint, NOW, TICKS);
        for field in field::PLAIN_TCP {
            prop_assert_eq!(again.get(*field), image.get(*field), "{}", field.name);
        }
        prop_assert_eq!(again, image);
    }

    #[test]
    fn an_image_tells_all_of_a_connection(checkpoint in connections(), mut image in images()) {
        show(&mut image, &checkpoint, NOW, TICKS);
        let mut expected = checkpoint.clone();
        // The clock's value 0 is the sign for "now", so an age that falls on it is a tick off.
        if let Some(ts) = &mut expected.timestamps
            && image.get(field::T_RTT_TS_RECENT_AGE) == 1
            && TICKS.timestamp.ticks(NOW).wrapping_sub((ts.recent_age.0 / 1_000_000) as u32) == 0
        {
            ts.recent_age = ts.recent_age - Nanos(1_000_000);
        }
        prop_assert_eq!(read(&image, MSS, NOW, TICKS), Ok(expected));
    }

    #[test]
    fn what_is_not_the_engines_stays(checkpoint in connections(), before in images()) {
        let mut image = before;
        show(&mut image, &checkpoint, NOW, TICKS);
        for field in [
            field::ULP_TYPE, field::ULP_RAW, field::L2T_IX, field::SMAC_SEL, field::RSS_INFO, field::TOS,
            field::MAX_RT, field::T_MAXSEG, field::TX_HDR_PTR, field::TX_LAST_PTR, field::PDU_LEN, field::RX_PTR,
            field::RX_FRAG1_PTR, field::MAIN_SLUSH, field::RX_FRAG2_PTR, field::RX_FRAG3_PTR, field::PDU_HDR_LEN,
            field::AUX1_SLUSH0, field::AUX1_SLUSH1,
        ] {
            prop_assert_eq!(image.get(field), before.get(field), "{}", field.name);
        }
        let switches = TFlags::NAGLE_MASK | TFlags::DACK_MASK | TFlags::KEEPALIVE_MASK | TFlags::TX_QUIESCE_MASK;
        let kept = !(ENGINE_FLAGS | switches);
        prop_assert_eq!(image.flags().0 & kept, before.flags().0 & kept);
    }

    /// SET_TCB_FIELD on the image is assignment on the struct.
    #[test]
    fn a_field_written_is_a_member_assigned(
        checkpoint in connections(), which in 0..ASSIGNMENTS.len(), value in any::<u32>(), own in any::<bool>(),
    ) {
        let (field, assign) = ASSIGNMENTS[which];
        let mut image = Image::default();
        show(&mut image, &checkpoint, NOW, TICKS);
        prop_assume!(!own || image.get(field) != 0);
        let value = u64::from(value) & field.max();
        prop_assume!(field != field::RX_FRAG3_LEN || value != 0 && checkpoint.held.len() == 4);
        let mut expected = match read(&image, MSS, NOW, TICKS) {
            Ok(checkpoint) => checkpoint,
            Err(Unfit) => return Err(TestCaseError::fail("a connection that an image cannot tell of")),
        };
        image.set_field(field.word, field.mask(), field.place(value));
        assign(&mut expected, value as u32);
        prop_assert_eq!(read(&image, MSS, NOW, TICKS), Ok(expected), "{}", field.name);
    }

    /// An edit changes what was written and nothing else, least of all what no image can tell.
    #[test]
    fn an_edit_carries_over_what_changed(
        mut checkpoint in connections(), which in 0..ASSIGNMENTS.len(), value in any::<u32>(),
    ) {
        let (field, assign) = ASSIGNMENTS[which];
        (checkpoint.cwnd_limited, checkpoint.last_sent_age) = (true, Nanos(5));
        checkpoint.snd_wnd_max = u32::MAX;
        checkpoint.rcv_wnd_max = u32::MAX;
        let mut old = Image::default();
        show(&mut old, &checkpoint, NOW, TICKS);
        let mut new = old;
        let value = u64::from(value) & field.max();
        new.set_field(field.word, field.mask(), field.place(value));
        prop_assume!(new != old && field != field::RX_FRAG3_LEN);
        prop_assert!(concerns_engine(field.word, field.mask()));
        let mut edited = checkpoint.clone();
        prop_assert_eq!(edit(&mut edited, &old, &new, MSS, NOW, TICKS), Ok(()));
        let mut expected = checkpoint.clone();
        assign(&mut expected, value as u32);
        // These are not the image's to tell: initial sequence numbers, greatest windows.
        (expected.iss, expected.irs) = (checkpoint.iss, checkpoint.irs);
        expected.snd_wnd_max = u32::MAX;
        prop_assert_eq!(edited, expected, "{}", field.name);
    }

    #[test]
    fn any_image_is_read_or_refused(image in images(), mss in any::<u16>()) {
        if let Ok(checkpoint) = read(&image, mss, NOW, TICKS) {
            let _ = check(&checkpoint, 0, 0, &[]);
        }
    }
}

#[test]
fn only_the_engines_fields_concern_it() {
    assert!(!concerns_engine(0, 0xffff_ffff), "ULP, L2T_IX, SMAC_SEL");
    assert!(!concerns_engine(3, 0xffff), "RSS_INFO, TOS");
    assert!(!concerns_engine(
        1,
        TFlags::NAGLE_MASK | TFlags::TX_QUIESCE_MASK | TFlags::TX_QUEUE_MASK
    ));
    assert!(!concerns_engine(5, 0xffff_ffff), "timers");
    assert!(!concerns_engine(9, 0));
    assert!(concerns_engine(1, TFlags::PEER_FIN_MASK));
    assert!(concerns_engine(2, 1 << 32 << 16), "T_STATE in the upper half");
    assert!(concerns_engine(9, 1));
    assert!(concerns_engine(16, 1 << 41));
}
