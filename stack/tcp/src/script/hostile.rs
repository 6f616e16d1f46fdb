//! Segments that are almost right, on a connection in any state: nothing panics, nothing grows without
//! limit, and the short path for ordinary segments decides as the long one does. Tests choose by a seed, fuzzers
//! by their bytes.

use std::ops::Range;

use mafo_mem::Nanos;

use super::{Chance, Endpoint, EngineEndpoint, Setup};
use crate::{
    Checkpoint, Config, CongestionControl, Connection, Counters, Ecn, EcnMode, Flags,
    HEADER_LEN_MAX, IcmpError, Input, MtuProbing, Options, Patience, SackBlock, SackBlocks,
    Segment, SeqNum, Then, Timestamps,
};

/// `snd_una`, `snd_max`, `rcv_nxt` and `rcv_wnd`.
fn places(end: &EngineEndpoint) -> (SeqNum, SeqNum, SeqNum, u32) {
    end.conn.as_ref().map_or((SeqNum(0), SeqNum(0), SeqNum(0), 0), |conn| {
        (conn.snd_una(), conn.snd_max(), conn.rcv_nxt(), conn.rcv_wnd())
    })
}

/// TS.Recent: an honest peer's next timestamp is no older.
fn recent(end: &EngineEndpoint) -> SeqNum {
    let state = end.conn.as_ref().and_then(|conn| conn.timestamps);
    SeqNum(state.and_then(|state| state.recent).map_or(0, |recent| recent.val))
}

/// A timestamp near TS.Recent, or so far ahead or behind that what is newer is no longer certain.
fn some_timestamp(rng: &mut Chance<'_>, end: &EngineEndpoint) -> u32 {
    let recent = recent(end);
    let val = match rng.below(100) as u32 {
        n @ 0..80 => recent + n / 8 - 4,
        n @ 80..90 => recent + (1 << (22 + n - 80)),
        n => recent - (1 << (22 + n - 90)),
    };
    val.0
}

/// A segment whose every field is near one that would be right.
fn almost_right(rng: &mut Chance<'_>, end: &EngineEndpoint) -> Segment {
    let (una, max, nxt, wnd) = places(end);
    let near = |rng: &mut Chance<'_>, right: SeqNum| match rng.below(4) {
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
    let ts = Timestamps { val: some_timestamp(rng, end), ecr: near(rng, SeqNum(ecr)).0 };
    let usual = [Flags::ACK, Flags::ACK | Flags::PSH, Flags::ACK | Flags::FIN, Flags::SYN];
    Segment {
        src_port: end.open.remote_port,
        dst_port: end.open.local_port,
        seq: near(rng, seq),
        ack: near(rng, ack),
        flags: if rng.chance(900) { rng.pick(&usual) } else { Flags(rng.below(512) as u16) },
        window: rng.magnitude(16) as u16,
        urgent: rng.number() as u16,
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
fn right(rng: &mut Chance<'_>, end: &EngineEndpoint) -> Segment {
    let (una, max, nxt, wnd) = places(end);
    let ecr = end.engine.config.ts_clock.ticks(end.now).wrapping_add(end.open.ts_offset);
    let timestamps = end.open.timestamps.then_some(Timestamps { val: (recent(end) + 1).0, ecr });
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
pub(crate) fn compare_paths(end: &EngineEndpoint, segment: &Segment) {
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

/// All that a router, or the peer's host, can say.
const ERRORS: [IcmpError; 10] = [
    IcmpError::HostUnreachable,
    IcmpError::PortUnreachable,
    IcmpError::NetUnreachable,
    IcmpError::ProtocolUnreachable,
    IcmpError::SourceRouteFailed,
    IcmpError::HostUnknown,
    IcmpError::SourceIsolated,
    IcmpError::Prohibited,
    IcmpError::TimeExceeded,
    IcmpError::ParameterProblem,
];

/// A router lies, or the owner wishes something.
fn lie_or_wish(rng: &mut Chance<'_>, end: &mut EngineEndpoint) {
    let (una, max, ..) = places(end);
    let seq = rng.pick(&[una, max, una - 1, max - 1]);
    match rng.below(4) {
        0 => {
            let error = rng.pick(&ERRORS);
            // An open ends by it, and nothing would come of most.
            let opening = end.conn.as_ref().is_some_and(|conn| !conn.state().is_synchronized());
            if !opening || rng.chance(60) {
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
            let wait = |rng: &mut Chance<'_>| {
                rng.chance(500).then(|| Nanos::from_millis(rng.magnitude(20)))
            };
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

/// Settings of all kinds.
pub(crate) fn draw_setup(rng: &mut Chance<'_>) -> Setup {
    Setup {
        config: Config {
            held_ranges_max: 4,
            sent_records_max: 16,
            mtu_probing: rng.pick(&[MtuProbing::Off, MtuProbing::BlackHole, MtuProbing::Always]),
            ..Config::default()
        },
        iss: SeqNum(rng.number() as u32),
        window_scale: rng.pick(&[None, Some(0), Some(7)]),
        timestamps: rng.chance(500),
        sack: rng.chance(500),
        congestion: rng.pick(&CongestionControl::ALL),
        ecn: rng.pick(&[EcnMode::Off, EcnMode::OnRequest, EcnMode::On]),
        ..Setup::default()
    }
}

/// One thing after the other happens to a connection, for as long as there is chance. Whatever it is, the
/// connection stays one that could travel.
pub(crate) fn assault(rng: &mut Chance<'_>, end: &mut EngineEndpoint, steps: Range<u32>) {
    for _ in steps {
        if rng.is_exhausted() {
            return;
        }
        let segment = if rng.chance(500) { right(rng, end) } else { almost_right(rng, end) };
        compare_paths(end, &segment);
        end.inject(&segment, &vec![0; segment.payload_len as usize]);
        match rng.below(12) {
            0 if end.conn.as_ref().is_some_and(|conn| !conn.is_closing()) => {
                let then = rng.pick(&[Then::Nothing, Then::Nothing, Then::More, Then::Record]);
                end.send_with(&vec![0; rng.magnitude(15) as usize], then);
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

/// A connection that is opened and then assaulted. Answers what was counted.
fn attack(rng: &mut Chance<'_>) -> Counters {
    let setup = draw_setup(rng);
    let mut end = EngineEndpoint::new(&setup, Nanos::from_secs(rng.below(1 << 20)));
    open(rng, &mut end);
    for step in 0..200 {
        assault(rng, &mut end, step..step + 1);
        if let Some(conn) = &end.conn {
            let checkpoint = conn.checkpoint(end.now);
            assert!(checkpoint.held.len() <= 4 && checkpoint.in_flight.len() <= 2 * 16 + 8);
        }
    }
    end.counters()
}

fn open(rng: &mut Chance<'_>, end: &mut EngineEndpoint) {
    if rng.chance(500) {
        end.connect();
    } else {
        end.listen();
    }
}

/// Bytes that a fuzzer found: what happens to a connection.
pub fn fuzz_segments(bytes: &[u8]) {
    attack(&mut Chance::Bytes(bytes));
}

/// More than this would be posted, held or undelivered only by damage; there are no buffers for it.
const BUFFER_MAX: u32 = 1 << 20;

/// Bytes that are a checkpoint, or are not: refused, or else a connection like any other. Answers whether they
/// were taken.
pub fn fuzz_checkpoint(bytes: &[u8]) -> bool {
    let Ok(checkpoint) = Checkpoint::from_bytes(bytes) else { return false };
    let posted = checkpoint.tx_max.since(checkpoint.snd_una);
    if posted.max(checkpoint.undelivered) > BUFFER_MAX {
        return false;
    }
    let seed = bytes.iter().fold(0, |seed: u64, &byte| seed.rotate_left(8) ^ u64::from(byte));
    let mut rng = Chance::Seed(seed);
    let setup = draw_setup(&mut rng);
    let now = Nanos::from_secs(rng.below(1 << 20));
    let mut end = EngineEndpoint::restored(&setup, now, &checkpoint);
    assault(&mut rng, &mut end, 0..20);
    true
}

/// A header that a fuzzer wrote: what is read of it is what comes out when it is written and read again.
pub fn fuzz_options(bytes: &[u8]) {
    let Ok((segment, payload)) = Segment::parse(bytes) else { return };
    assert_eq!(segment.payload_len as usize, bytes.len() - payload, "{segment:?}");
    if segment.header_len() > HEADER_LEN_MAX {
        // Options of every kind, packed closer than they are written here.
        return;
    }
    let mut header = [0; HEADER_LEN_MAX];
    let len = segment.emit(&mut header);
    let again = Segment::parse(&header[..len]);
    assert_eq!(again, Ok((Segment { payload_len: 0, ..segment }, len)), "{segment:?}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::run_seeds;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn segments_that_are_almost_right_do_no_harm() {
        let [predicted, from_the_past, errors] = [0, 0, 0].map(AtomicU64::new);
        let seeds = run_seeds(0, 2_000, |seed| {
            let counted = attack(&mut Chance::Seed(seed));
            predicted.fetch_add(counted.rx_predicted, Ordering::Relaxed);
            from_the_past.fetch_add(counted.rx_drop_paws, Ordering::Relaxed);
            errors.fetch_add(counted.icmp_errors, Ordering::Relaxed);
        });
        let [predicted, from_the_past, errors] =
            [predicted, from_the_past, errors].map(AtomicU64::into_inner);
        assert!(seeds < 100 || predicted > seeds, "the short path was hardly taken: {predicted}");
        assert!(
            seeds < 100 || from_the_past > seeds,
            "hardly one was of the past: {from_the_past}"
        );
        assert!(seeds < 100 || errors > seeds / 4, "routers hardly said anything: {errors}");
    }

    /// A connection that has seen something, as bytes.
    fn draw(rng: &mut Chance<'_>) -> Option<Vec<u8>> {
        let setup = draw_setup(rng);
        let mut end = EngineEndpoint::new(&setup, Nanos::from_secs(rng.below(1 << 20)));
        open(rng, &mut end);
        let steps = rng.below(60) as u32;
        assault(rng, &mut end, 0..steps);
        Some(end.conn?.checkpoint(end.now).to_bytes())
    }

    fn damage(rng: &mut Chance<'_>, bytes: &mut Vec<u8>) {
        for _ in 0..1 + rng.below(3) {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(8) {
                0 if bytes.len() > 1 => drop(bytes.remove(at)),
                1 => bytes.insert(at, rng.number() as u8),
                2 => bytes.truncate(at + 1),
                3..=5 => bytes[at] ^= 1 << rng.below(8),
                _ => bytes[at] = rng.number() as u8,
            }
        }
    }

    #[test]
    fn a_damaged_checkpoint_is_refused_or_a_connection() {
        let taken = AtomicU64::new(0);
        let seeds = run_seeds(0, 5_000, |seed| {
            let mut rng = Chance::Seed(seed);
            let Some(mut bytes) = draw(&mut rng) else { return };
            damage(&mut rng, &mut bytes);
            taken.fetch_add(fuzz_checkpoint(&bytes).into(), Ordering::Relaxed);
        });
        let taken = taken.into_inner();
        assert!(seeds < 100 || taken > seeds / 20, "hardly any was taken: {taken}");
    }
}
