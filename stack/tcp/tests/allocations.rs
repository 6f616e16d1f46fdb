//! What the engine costs the allocator: bytes of a connection that is idle, and nothing a segment.
//!
//! The crate `allocation-counter` takes the place of the global allocator and counts for each thread.

use std::collections::VecDeque;

use allocation_counter::{measure, opt_out};
use mafo_mem::Nanos;
use mafo_tcp::script::Chance;
use mafo_tcp::{
    Config, CongestionControl, Connection, Counters, EcnMode, Engine, Open, Output, Segment,
    SeqNum, State, Switches,
};

/// Time from one end to the other.
const DELAY: Nanos = Nanos::from_millis(5);
/// By so much a segment is late that others overtake.
const LATE: Nanos = Nanos::from_millis(3);
const RCV_BUF: u32 = 64 << 10;

/// As a host that speaks to Linux sets itself up: timestamps, SACK, window scaling, quick ACKs.
fn engine() -> Engine {
    Engine::new(Config { quick_acks: 16, ..Config::default() })
}

fn open(number: usize, side: usize, congestion: CongestionControl) -> Open {
    let ports = [1 + number as u16, 50_000];
    Open {
        local_port: ports[side],
        remote_port: ports[1 - side],
        iss: SeqNum(u32::MAX - 1000 * (1 + number as u32)),
        mss: 1460,
        rcv_wnd: RCV_BUF,
        window_scale: Some(7),
        timestamps: true,
        ts_offset: number as u32,
        sack: true,
        congestion,
        ecn: EcnMode::On,
        switches: Switches::default(),
    }
}

/// What is under way towards one side, in order of arrival: a fixed piece of memory.
struct Pipe(VecDeque<(Nanos, Segment)>);

impl Pipe {
    fn new() -> Self {
        Self(VecDeque::with_capacity(1024))
    }

    fn send(&mut self, at: Nanos, segment: Segment) {
        assert!(self.0.len() < self.0.capacity(), "the pipe is as long as all windows");
        let place = self.0.partition_point(|(before, _)| *before <= at);
        self.0.insert(place, (at, segment));
    }

    fn receive(&mut self, now: Nanos) -> Option<Segment> {
        let due = self.0.front().is_some_and(|(at, _)| *at <= now);
        if due { self.0.pop_front().map(|(_, segment)| segment) } else { None }
    }
}

/// Takes in a segment as an owner does whose reader is quick.
fn take_in(conn: &mut Connection, engine: &mut Engine, now: Nanos, segment: &Segment) {
    let input = conn.handle_segment(engine, now, segment);
    conn.deliver(input.advanced);
    conn.credit(input.advanced);
}

/// Two connections, one the other's peer, and the two directions between them.
struct Pair {
    conns: [Connection; 2],
    pipes: [Pipe; 2],
    armed: [Option<Nanos>; 2],
}

/// Both ends of some pairs, and the time.
struct World {
    now: Nanos,
    rng: Chance<'static>,
    engines: [Engine; 2],
    pairs: Vec<Pair>,
    /// Nothing comes through until then.
    dark_until: Nanos,
}

impl World {
    fn new(congestion: &[CongestionControl]) -> Self {
        let now = Nanos::from_secs(1);
        let mut engines = [engine(), engine()];
        let mut pairs = Vec::new();
        for (number, &algorithm) in congestion.iter().enumerate() {
            let opens = [0, 1].map(|side| open(number, side, algorithm));
            let mut client = Connection::connect(&mut engines[0], now, &opens[0]);
            let syn = client.poll_output(&mut engines[0], now).expect("a SYN").segment;
            let server = Connection::accept(&mut engines[1], now, &opens[1], &syn);
            let conns = [client, server.expect("it is a SYN")];
            pairs.push(Pair { conns, pipes: [Pipe::new(), Pipe::new()], armed: [None; 2] });
        }
        Self { now, rng: Chance::Seed(7), engines, pairs, dark_until: Nanos::ZERO }
    }

    fn segments(&self) -> u64 {
        self.engines.iter().map(|engine| engine.counters.rx_segments).sum()
    }

    fn counted(&self, what: impl Fn(&Counters) -> u64) -> u64 {
        self.engines.iter().map(|engine| what(&engine.counters)).sum()
    }

    /// Lets one side of a pair take in what has arrived, run its timers, write and send.
    fn turn(&mut self, number: usize, side: usize) {
        let (now, rng) = (self.now, &mut self.rng);
        let Pair { conns, pipes, armed } = &mut self.pairs[number];
        let (conn, engine) = (&mut conns[side], &mut self.engines[side]);
        while let Some(segment) = pipes[side].receive(now) {
            take_in(conn, engine, now, &segment);
        }
        if conn.poll_timeout().is_some_and(|at| at <= now) {
            let _ = conn.handle_timeout(engine, now);
        }
        // Now and then much, mostly little or nothing: flights begin and end.
        if conn.state() == State::Established && conn.is_drained() && rng.chance(20) {
            let most = if rng.chance(100) { 2_000_000 } else { 30_000 };
            conn.post(1 + rng.below(most) as u32);
        }
        while let Some(Output { segment, .. }) = conn.poll_output(engine, now) {
            if now < self.dark_until || rng.chance(10) {
                continue;
            }
            let late = if rng.chance(20) { LATE } else { Nanos::ZERO };
            for _ in 0..1 + u64::from(rng.chance(5)) {
                pipes[1 - side].send(now + DELAY + late, segment);
            }
        }
        armed[side] = conn.poll_timeout();
    }

    /// A millisecond for everybody.
    fn step(&mut self) {
        self.now += Nanos::from_millis(1);
        if self.rng.below(8_000) == 0 {
            // Long enough for timeouts that are repeated.
            self.dark_until = self.now + Nanos::from_millis(300 + self.rng.below(2_000));
        }
        for number in 0..self.pairs.len() {
            for side in 0..2 {
                self.turn(number, side);
            }
        }
    }

    fn run(&mut self, segments: u64) {
        let end = self.segments() + segments;
        while self.segments() < end {
            self.step();
        }
    }
}

#[test]
fn no_allocation_per_segment() {
    let mut world = World::new(&CongestionControl::ALL);
    world.run(300_000);
    let before = [
        world.counted(|c| c.timeouts),
        world.counted(|c| c.fast_recoveries),
        world.counted(|c| c.tail_probes),
        world.counted(|c| c.rx_held),
    ];
    let counted = measure(|| world.run(1_000_000));
    let after = [
        world.counted(|c| c.timeouts),
        world.counted(|c| c.fast_recoveries),
        world.counted(|c| c.tail_probes),
        world.counted(|c| c.rx_held),
    ];
    for (before, after) in before.iter().zip(after) {
        assert!(after > before + 100, "not all that can happen has: {before} {after}");
    }
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

/// Connections of the owner that is measured.
const IDLE: usize = 10_000;

/// Most bytes that each of them may take.
const IDLE_BYTES_MAX: u64 = 320;

/// Most bytes that an engine may keep, however many connections it has: its spare flights above all.
const ENGINE_BYTES_MAX: u64 = 1 << 19;

/// So many of them are busy at the same time, so that the engine keeps what that takes.
const BUSY: usize = 100;

/// The other ends of the connections that are measured, and what is between. None of it is counted.
struct Peers {
    engine: Engine,
    conns: Vec<Connection>,
    pipes: Vec<[Pipe; 2]>,
    /// Whether each direction has lost a segment.
    lost: Vec<[bool; 2]>,
}

/// Opens [`BUSY`] connections, lets 100 kB go each way of each, with a segment lost in either direction, and
/// leaves them when nothing is under way any more.
fn become_idle(engine: &mut Engine, conns: &mut Vec<Connection>, peers: &mut Peers) {
    let first = conns.len();
    let mut now = Nanos::from_secs(1 + first as u64);
    for number in first..first + BUSY {
        let opens = [0, 1].map(|side| open(number, side, CongestionControl::Cubic));
        let mut ours = Connection::connect(engine, now, &opens[0]);
        let syn = ours.poll_output(engine, now).expect("a SYN").segment;
        conns.push(ours);
        opt_out(|| {
            let theirs = Connection::accept(&mut peers.engine, now, &opens[1], &syn);
            peers.conns.push(theirs.expect("it is a SYN"));
            peers.lost.push([false; 2]);
        });
    }
    for ms in 0..400 {
        now += Nanos::from_millis(1);
        for (index, ours) in conns[first..].iter_mut().enumerate() {
            if ms == 20 {
                ours.post(100_000);
                peers.conns[index].post(100_000);
            }
            let (pipes, lost) = (&mut peers.pipes[index], &mut peers.lost[index]);
            exchange(ours, engine, pipes, 0, now, lost);
            opt_out(|| {
                exchange(&mut peers.conns[index], &mut peers.engine, pipes, 1, now, lost);
            });
        }
    }
    assert!(peers.lost.iter().all(|lost| *lost == [true; 2]));
    assert!(conns.iter().all(|conn| conn.is_drained() && conn.poll_timeout().is_none()));
    opt_out(|| {
        peers.conns.clear();
        peers.lost.clear();
    });
}

/// One side takes in what has arrived and sends what is due. The first segment behind 30 kB is lost.
fn exchange(
    conn: &mut Connection,
    engine: &mut Engine,
    pipes: &mut [Pipe; 2],
    side: usize,
    now: Nanos,
    lost: &mut [bool; 2],
) {
    while let Some(segment) = pipes[side].receive(now) {
        take_in(conn, engine, now, &segment);
    }
    if conn.poll_timeout().is_some_and(|at| at <= now) {
        let _ = conn.handle_timeout(engine, now);
    }
    while let Some(Output { segment, .. }) = conn.poll_output(engine, now) {
        let is_behind = segment.payload_len > 0 && segment.seq.since(conn.iss()) > 30_000;
        let loses = is_behind && !lost[side];
        lost[side] |= loses;
        if !loses {
            pipes[1 - side].send(now + DELAY, segment);
        }
    }
}

#[test]
fn idle_connection_size() {
    let (fewer, more) = (bytes_of_idle(IDLE), bytes_of_idle(2 * IDLE));
    let each = (more - fewer).div_ceil(IDLE as u64);
    let engine = fewer.saturating_sub(each * IDLE as u64);
    println!("idle connection: {each} bytes; engine: {engine} bytes");
    assert!(each <= IDLE_BYTES_MAX, "{each} bytes");
    assert!(engine <= ENGINE_BYTES_MAX, "{engine} bytes");
}

/// What an engine and that many idle connections take, in bytes.
fn bytes_of_idle(count: usize) -> u64 {
    let mut peers = Peers {
        engine: engine(),
        conns: Vec::new(),
        pipes: (0..BUSY).map(|_| [Pipe::new(), Pipe::new()]).collect(),
        lost: Vec::new(),
    };
    let mut kept = None;
    let counted = measure(|| {
        let mut engine = engine();
        let mut conns = Vec::with_capacity(count);
        while conns.len() < count {
            become_idle(&mut engine, &mut conns, &mut peers);
        }
        kept = Some((engine, conns));
    });
    let (engine, conns) = kept.expect("made");
    assert_eq!(conns.len(), count);
    assert!(engine.counters.fast_recoveries >= count as u64, "each has had an episode");
    u64::try_from(counted.bytes_current).expect("more was taken than given")
}
