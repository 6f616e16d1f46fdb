//! Segments that are almost right, on a connection in any state: nothing panics, nothing grows without
//! limit, and the short path for ordinary segments decides as the long one does.

use std::ops::Range;

use mafo_mem::Nanos;

use super::rng::Rng;
use crate::script::{Endpoint, EngineEndpoint, Setup};
use crate::{
    Config, CongestionControl, Connection, Ecn, EcnMode, Flags, IcmpError, Input, MtuProbing,
    Options, Patience, SackBlock, SackBlocks, Segment, SeqNum, Timestamps,
};

/// `snd_una`, `snd_max`, `rcv_nxt` and `rcv_wnd`.
fn places(end: &EngineEndpoint) -> (SeqNum, SeqNum, SeqNum, u32) {
    end.conn.as_ref().map_or((SeqNum(0), SeqNum(0), SeqNum(0), 0), |conn| {
        (conn.snd_una(), conn.snd_max(), conn.rcv_nxt(), conn.rcv_wnd())
    })
}

/// A segment whose every field is near one that would be right.
fn almost_right(rng: &mut Rng, end: &EngineEndpoint) -> Segment {
    let (una, max, nxt, wnd) =
        end.conn.as_ref().map_or((SeqNum(0), SeqNum(0), SeqNum(0), 0), |c| {
            (c.snd_una(), c.snd_max(), c.rcv_nxt(), c.rcv_wnd())
        });
    let near = |rng: &mut Rng, right: SeqNum| match rng.below(4) {
        0 | 1 => right,
        2 => right + rng.magnitude(31) as u32,
        _ => right - rng.magnitude(31) as u32,
    };
    let (seq, ack) = (rng.pick(&[nxt, nxt, nxt + wnd]), rng.pick(&[una, max]));
    let mut sack = SackBlocks::EMPTY;
    for _ in 0..rng.below(5) {
        let start = near(rng, una);
        sack.push(SackBlock { start, end: start + rng.magnitude(16) as u32 });
    }
    let ecr = end.engine.config.ts_clock.ticks(end.now).wrapping_add(end.open.ts_offset);
    let ts = Timestamps { val: rng.below(100) as u32, ecr: near(rng, SeqNum(ecr)).0 };
    let usual = [Flags::ACK, Flags::ACK | Flags::PSH, Flags::ACK | Flags::FIN, Flags::SYN];
    Segment {
        src_port: end.open.remote_port,
        dst_port: end.open.local_port,
        seq: near(rng, seq),
        ack: near(rng, ack),
        flags: if rng.chance(900) { rng.pick(&usual) } else { Flags(rng.below(512) as u16) },
        window: rng.magnitude(16) as u16,
        urgent: rng.next() as u16,
        options: Options {
            mss: rng.chance(300).then(|| rng.magnitude(16) as u16),
            window_scale: rng.chance(300).then(|| rng.below(256) as u8),
            sack_permitted: rng.chance(300),
            timestamps: rng.chance(800).then_some(ts),
            sack,
        },
        ecn: rng.pick(&[Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce]),
        payload_len: if rng.chance(500) { 0 } else { rng.magnitude(16) as u32 },
    }
}

/// The segment that an honest peer would send next.
fn right(rng: &mut Rng, end: &EngineEndpoint, step: u32) -> Segment {
    let (una, max, nxt, wnd) = places(end);
    let ecr = end.engine.config.ts_clock.ticks(end.now).wrapping_add(end.open.ts_offset);
    let timestamps = end.open.timestamps.then_some(Timestamps { val: step, ecr });
    Segment {
        src_port: end.open.remote_port,
        dst_port: end.open.local_port,
        seq: nxt,
        ack: rng.pick(&[una, max]),
        flags: Flags::ACK,
        window: 30_000,
        options: Options { timestamps, ..Options::default() },
        payload_len: rng.below(2) as u32 * rng.below(u64::from(wnd).min(1_000) + 1) as u32,
        ..Segment::default()
    }
}

/// The short path may only do what the long one would.
pub(super) fn compare_paths(end: &EngineEndpoint, segment: &Segment) {
    let Some(conn) = &end.conn else { return };
    let (mut short, mut long) = (conn.clone(), conn.clone());
    let (mut short_engine, mut long_engine) = (end.engine.clone(), end.engine.clone());
    let predicted = short.handle_segment(&mut short_engine, end.now, segment);
    let mut checked = Input::default();
    long.snd.writes.release();
    long.handle_any(&mut long_engine, end.now, segment, &mut checked);
    long.watch_progress(end.now);
    assert_eq!(predicted, checked, "{segment:?}");
    assert_eq!(short.checkpoint(end.now), long.checkpoint(end.now), "{segment:?}");
    let counted = short_engine.counters;
    long_engine.counters.rx_segments = counted.rx_segments;
    long_engine.counters.rx_predicted = counted.rx_predicted;
    assert_eq!(counted, long_engine.counters, "{segment:?}");
}

/// A router lies, or the owner wishes something.
fn lie_or_wish(rng: &mut Rng, end: &mut EngineEndpoint) {
    let (una, max, ..) = places(end);
    let seq = rng.pick(&[una, max, una - 1, max - 1]);
    match rng.below(4) {
        0 => {
            let errors = [IcmpError::HostUnreachable, IcmpError::PortUnreachable];
            // An open may end by it.
            if end.conn.as_ref().is_some_and(|conn| conn.state().is_synchronized()) {
                let error = rng.pick(&errors);
                end.icmp(seq, error);
            }
        }
        1 => end.too_big(seq, rng.magnitude(16) as u16),
        2 => {
            if let Some(conn) = &mut end.conn {
                conn.mark_urgent();
            }
        }
        _ => {
            let wait =
                |rng: &mut Rng| rng.chance(500).then(|| Nanos::from_millis(rng.magnitude(20)));
            let patience = Patience {
                user_timeout: wait(rng),
                fin_wait2: wait(rng),
                syn_retransmits_max: Some(rng.below(9) as u8),
                keepalive: None,
            };
            if rng.chance(50) {
                end.set_patience(patience);
            }
        }
    }
}

pub(super) fn draw_setup(rng: &mut Rng) -> Setup {
    Setup {
        config: Config {
            held_ranges_max: 4,
            sent_records_max: 16,
            mtu_probing: rng.pick(&[MtuProbing::Off, MtuProbing::BlackHole, MtuProbing::Always]),
            ..Config::default()
        },
        iss: SeqNum(rng.next() as u32),
        window_scale: rng.pick(&[None, Some(0), Some(7)]),
        timestamps: rng.chance(500),
        sack: rng.chance(500),
        congestion: rng.pick(&CongestionControl::ALL),
        ecn: rng.pick(&[EcnMode::Off, EcnMode::OnRequest, EcnMode::On]),
        ..Setup::default()
    }
}

/// One thing after the other happens to a connection.
pub(super) fn assault(rng: &mut Rng, end: &mut EngineEndpoint, steps: Range<u32>) {
    for step in steps {
        let segment = if rng.chance(500) { right(rng, end, step) } else { almost_right(rng, end) };
        compare_paths(end, &segment);
        end.inject(&segment, &vec![0; segment.payload_len as usize]);
        match rng.below(12) {
            0 if end.conn.as_ref().is_some_and(|conn| !conn.is_closing()) => {
                end.send(&vec![0; rng.magnitude(12) as usize]);
            }
            1 if rng.chance(100) => end.close(),
            2 => end.now += Nanos::from_millis(rng.magnitude(12)),
            3 => drop(end.recv(rng.magnitude(14) as usize)),
            4..=7 => lie_or_wish(rng, end),
            _ => {}
        }
        end.handle_timeout();
        let mut outputs = 0;
        while end.take().is_some() {
            outputs += 1;
            assert!(outputs < 100_000, "output without end: {:?}", end.conn);
        }
        if let Some(conn) = &end.conn {
            let checkpoint = conn.checkpoint(end.now);
            assert_eq!(checkpoint.check(), Ok(()), "{checkpoint:?}");
            let again = Connection::restore(&mut end.engine.clone(), end.now, &checkpoint);
            assert_eq!(again.checkpoint(end.now), checkpoint);
        }
    }
}

fn attack(seed: u64) -> u64 {
    let mut rng = Rng(seed);
    let setup = draw_setup(&mut rng);
    let mut end = EngineEndpoint::new(&setup, Nanos::from_secs(rng.below(1 << 20)));
    if rng.chance(500) {
        end.connect()
    } else {
        end.listen()
    }
    for step in 0..200 {
        assault(&mut rng, &mut end, step..step + 1);
        if let Some(conn) = &end.conn {
            let checkpoint = conn.checkpoint(end.now);
            assert!(checkpoint.held.len() <= 4 && checkpoint.in_flight.len() <= 2 * 16 + 8);
        }
    }
    end.counters().rx_predicted
}

#[test]
fn segments_that_are_almost_right_do_no_harm() {
    let predicted: u64 = (0..2_000).map(attack).sum();
    assert!(predicted > 2_000, "the short path was hardly taken: {predicted}");
}
