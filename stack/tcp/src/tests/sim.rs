//! Two engines over a bad link: both streams arrive whole and in order, and what leaves each side keeps
//! the promises that it made.

use std::collections::VecDeque;

use mafo_mem::Nanos;

use super::link::{Link, Quality};
use super::run_seeds;
use super::twin::Twin;
use crate::script::hostile::compare_paths;
use crate::script::{Chance, Endpoint, EngineEndpoint, Setup, pattern};
use crate::{
    Config, CongestionControl, Connection, EcnMode, Ended, Flags, Segment, SeqNum, State, Switches,
    TimeWait, TsClock,
};

/// How long a connection may take: where a third of all is lost, timeouts of a minute are usual.
const PATIENCE: Nanos = Nanos::from_secs(100_000);

/// One host: an endpoint, the application on it, and what the world has seen of it.
struct Host {
    end: EngineEndpoint,
    /// Its clock is ahead of the world's by this.
    skew: Nanos,
    to_send: u32,
    sent: u32,
    read: u32,
    /// Bytes that its application reads and writes at once, at most, and whether it sleeps at times.
    chunk: u64,
    naps: bool,
    wakes_at: Nanos,
    stalls: bool,
    closed: bool,
    seen: Seen,
    twin: Option<Twin>,
}

/// The last segments that left, printed when a check fails.
#[derive(Default)]
struct Recorder(VecDeque<(Nanos, usize, Segment)>);

impl Recorder {
    fn note(&mut self, now: Nanos, side: usize, segment: Segment) {
        if self.0.len() == 64 {
            self.0.pop_front();
        }
        self.0.push_back((now, side, segment));
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (at, side, segment) in &self.0 {
                println!("{at:?} from {side}: {segment:?}");
            }
        }
    }
}

/// What a host has told the world.
#[derive(Default)]
struct Seen {
    isn: Option<SeqNum>,
    ack: Option<SeqNum>,
    edge: Option<SeqNum>,
    tsval: Option<u32>,
}

fn draw_setup(rng: &mut Chance<'_>) -> Setup {
    let config = Config {
        ts_clock: TsClock {
            epoch: Nanos(rng.below(1 << 50)),
            tick: Nanos(rng.pick(&[1_000_000, 1_048_576, 10_000_000])),
        },
        delayed_ack: Nanos::from_millis(rng.pick(&[1, 40, 200])),
        held_ranges_max: rng.pick(&[1, 4, 64]),
        sent_records_max: rng.pick(&[4, 32, 4096]),
        // Long enough for a FIN that is lost again and again.
        time_wait: TimeWait::Keep(Nanos::from_secs(1_000)),
        retransmits_max: 60,
        syn_retransmits_max: 60,
        syn_ack_retransmits_max: 60,
        ..Config::default()
    };
    let rcv_buf = rng.pick(&[500, 4_000, 20_000, 65_535, 200_000, 1 << 20]);
    let window_scale =
        rng.pick(&[None, Some(0), Some(2), Some(if rcv_buf < 1024 { 8 } else { 9 })]);
    Setup {
        config,
        iss: SeqNum(rng.number() as u32),
        mss: rng.pick(&[100, 536, 1000, 1460, 9000]),
        rcv_buf,
        window_scale,
        timestamps: rng.chance(700),
        sack: rng.chance(700),
        congestion: rng.pick(&CongestionControl::ALL),
        ecn: rng.pick(&[EcnMode::Off, EcnMode::OnRequest, EcnMode::On]),
        switches: Switches {
            nagle: rng.chance(500),
            cork: false,
            delayed_ack: rng.chance(700),
            keepalive: rng.chance(200),
            tx_quiesce: false,
        },
    }
}

impl Host {
    fn draw(rng: &mut Chance<'_>, most: u64) -> Self {
        let skew = Nanos::from_secs(rng.below(100_000));
        let end = EngineEndpoint::new(&draw_setup(rng), skew);
        Self {
            end,
            skew,
            to_send: rng.magnitude(most) as u32,
            sent: 0,
            read: 0,
            chunk: rng.pick(&[100, 3_000, 100_000]),
            naps: rng.chance(300),
            wakes_at: Nanos::ZERO,
            stalls: rng.chance(200),
            closed: false,
            seen: Seen::default(),
            twin: None,
        }
    }

    fn conn(&self) -> Option<&Connection> {
        self.end.conn.as_ref()
    }

    fn set_clock(&mut self, now: Nanos) {
        self.end.now = now + self.skew;
    }

    /// Runs `call` on the endpoint, and on its twin.
    fn both(&mut self, call: impl Fn(&mut EngineEndpoint)) {
        call(&mut self.end);
        if let Some(twin) = &mut self.twin {
            twin.follow(self.end.now, call);
        }
    }

    /// The application is awake: it reads a little, writes a little, and closes when it has no more.
    fn run_application(&mut self, rng: &mut Chance<'_>, now: Nanos) {
        if now < self.wakes_at {
            return;
        }
        let pause_ms = if self.naps && rng.chance(5) { rng.below(5_000) } else { 1 + rng.below(5) };
        self.wakes_at = now + Nanos::from_millis(pause_ms);
        if self.conn().is_none() {
            return;
        }
        if self.stalls {
            let stalled = rng.chance(500);
            self.stalls = stalled || !self.end.is_at_end();
            self.both(|end| {
                let _ = end.stall(stalled);
            });
        }
        let max = self.chunk as usize;
        let bytes = self.end.recv(max);
        if let Some(twin) = &mut self.twin {
            twin.follow(self.end.now, |end| assert_eq!(end.recv(max), bytes));
        }
        for byte in bytes {
            assert_eq!(byte, pattern(self.read), "byte {}", self.read);
            self.read += 1;
        }
        let may_close = |state| !matches!(state, State::Closed | State::SynSent);
        let open = self.conn().is_some_and(|conn| may_close(conn.state())) && !self.closed;
        let room = 100_000_usize.saturating_sub(self.end.unacked()) as u64;
        let len = (self.to_send - self.sent).min(rng.below(self.chunk + 1).min(room) as u32);
        if open && len > 0 {
            let bytes: Vec<u8> = (self.sent..self.sent + len).map(pattern).collect();
            self.both(|end| end.send(&bytes));
            self.sent += len;
        }
        if open && self.sent == self.to_send && rng.chance(300) {
            self.both(Endpoint::close);
            self.closed = true;
        }
    }

    fn run_timers(&mut self) {
        let now = self.end.now;
        if self.end.poll_timeout().is_some_and(|at| at <= now) {
            self.both(EngineEndpoint::handle_timeout);
        }
    }

    fn receive(&mut self, segment: &Segment, payload: &[u8]) {
        compare_paths(&self.end, segment);
        self.both(|end| end.inject(segment, payload));
    }

    /// Next wake-up in world time.
    fn next_event(&self) -> Option<Nanos> {
        let timer = self.end.poll_timeout().map(|at| at - self.skew);
        let idle = self.closed && self.end.is_at_end() && !self.stalls;
        let wakes = (!idle).then_some(self.wakes_at);
        timer.into_iter().chain(wakes).min()
    }

    fn is_over(&self) -> bool {
        self.end.state() == State::Closed && self.conn().is_some() && self.end.is_at_end()
    }

    fn check(&self) {
        let Some(conn) = self.conn() else { return };
        let limits = &self.end.engine.config;
        assert!(conn.flight.held.ranges().len() <= limits.held_ranges_max);
        // Beyond the limit a record is added only when the last one cannot grow.
        assert!(conn.flight.board.records().len() <= 2 * limits.sent_records_max + 8);
    }
}

/// Checks what `from` sends against what it and `to` have told before.
fn check_output(from: &mut Host, to: &Host, segment: &Segment, payload: &[u8]) {
    if segment.flags.contains(Flags::SYN) {
        from.seen.isn = Some(segment.seq);
    }
    if segment.flags.contains(Flags::RST) {
        return;
    }
    let isn = from.seen.isn.expect("a SYN comes first");
    let first = segment.seq.since(isn).wrapping_sub(1);
    for (at, byte) in payload.iter().enumerate() {
        assert_eq!(*byte, pattern(first.wrapping_add(at as u32)), "payload of {segment:?}");
    }
    if segment.payload_len > 0 || segment.flags.contains(Flags::FIN) {
        let end = segment.seq + segment.seq_len();
        let edge = to.seen.edge.expect("a window was told");
        assert!(end.at_or_before(edge), "{segment:?} beyond the right edge {edge:?}");
    }
    if let Some(ts) = segment.options.timestamps {
        let last = from.seen.tsval.replace(ts.val).unwrap_or(ts.val);
        assert!(SeqNum(ts.val).at_or_after(SeqNum(last)), "TSval goes back");
    }
    if !segment.flags.contains(Flags::ACK) {
        return;
    }
    let last = from.seen.ack.replace(segment.ack).unwrap_or(segment.ack);
    assert!(segment.ack.at_or_after(last), "ACK goes back");
    let syn = segment.flags.contains(Flags::SYN);
    let scale = from.conn().and_then(Connection::window_scale).map_or(0, |scale| scale.rcv);
    let shift = if syn { 0 } else { scale };
    let edge = segment.ack + (u32::from(segment.window) << shift);
    let told = from.seen.edge.unwrap_or(edge);
    let left = if told.after(edge) { told.since(edge) } else { 0 };
    assert!(left < 1 << scale, "right edge moves left by {left}");
    from.seen.edge = Some(told.later(edge));
    let delivered = from.end.delivered() + u64::from(from.end.end_seen());
    let acked = segment.ack.since(to.seen.isn.expect("a SYN was received"));
    assert!(u64::from(acked) <= delivered + 1, "{acked} acknowledged, {delivered} delivered");
}

fn transmit(
    rng: &mut Chance<'_>,
    now: Nanos,
    from: &mut Host,
    to: &Host,
    link: &mut Link,
    log: &mut dyn FnMut(Segment),
) {
    while let Some((segment, payload)) = from.end.take() {
        log(segment);
        if let Some(twin) = &mut from.twin {
            let other = twin.take(from.end.now);
            assert_eq!(other, Some((segment, payload.clone())), "the restored copy speaks alike");
        }
        check_output(from, to, &segment, &payload);
        // To the other side its ports are the other way round.
        link.send(rng, now, (segment, payload));
    }
    if let Some(twin) = &mut from.twin {
        assert_eq!(twin.take(from.end.now), None, "the restored copy says no more");
        twin.compare(&from.end);
    }
}

/// One connection from its opening to its end, of less than 2^`most` bytes each way.
fn run(seed: u64, most: u64, twins: bool) {
    let mut rng = Chance::Seed(seed);
    let mut hosts = [Host::draw(&mut rng, most), Host::draw(&mut rng, most)];
    let mut links = [Link::new(Quality::draw(&mut rng)), Link::new(Quality::draw(&mut rng))];
    hosts[0].end.connect();
    if rng.chance(150) {
        hosts[1].end.connect();
    } else {
        hosts[1].end.listen();
    }
    let mut now = Nanos::ZERO;
    let mut is_over = false;
    let mut recorder = Recorder::default();
    while now < PATIENCE && !is_over {
        for side in 0..2 {
            let [a, b] = &mut hosts;
            let (host, peer) = if side == 0 { (a, b) } else { (b, a) };
            host.set_clock(now);
            host.run_timers();
            // A burst of segments, then what they call for.
            while let Some((segment, payload)) = links[1 - side].receive(now) {
                host.receive(&segment, &payload);
                if rng.chance(700) {
                    break;
                }
            }
            host.run_application(&mut rng, now);
            let mut log = |segment| recorder.note(now, side, segment);
            transmit(&mut rng, now, host, peer, &mut links[side], &mut log);
            host.check();
            if twins && host.twin.is_none() && host.conn().is_some() {
                host.twin = Some(Twin::of(&host.end, &mut rng));
            }
        }
        is_over = hosts.iter().all(Host::is_over);
        let events = hosts.iter().filter_map(Host::next_event);
        let arrivals = links.iter().filter_map(Link::next_arrival);
        let Some(next) = events.chain(arrivals).min() else { break };
        now = now.max(next);
    }
    let finished = |host: &Host, peer: &Host| {
        let ended = matches!(host.end.ended(), Some(Ended::Finished | Ended::TimeWait));
        is_over && ended && host.read == peer.to_send
    };
    if !finished(&hosts[0], &hosts[1]) || !finished(&hosts[1], &hosts[0]) {
        for host in &hosts {
            let Host { sent, to_send, read, end, .. } = host;
            println!("sent {sent} of {to_send}, read {read}: {:?}", end.conn);
            println!("{:?}", end.engine);
        }
        panic!("not finished at {now:?}");
    }
}

#[test]
fn streams_arrive_whole_over_a_bad_link() {
    run_seeds(0, 1_000, |seed| run(seed, 17, false));
}

#[test]
fn a_restored_connection_goes_on_alike() {
    run_seeds(1_000_000, 9_700, |seed| run(seed, 12, true));
}

#[test]
fn a_restored_connection_goes_on_alike_with_much_in_flight() {
    run_seeds(2_000_000, 300, |seed| run(seed, 17, true));
}
