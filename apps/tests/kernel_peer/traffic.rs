//! Two kernel peers whose cables are joined: Linux at both ends, so what goes wrong is ours.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::Range;
use std::time::{Duration, Instant};

use mafo_apps::peer::{
    Command, ConnectionReport, End, Endpoints, Event, KernelPeer, Monotonic, PeerConfig, Phase,
    Plan, Report, Sending, Stalls,
};

use mafo_apps::stream::{Direction, Stream};

use crate::capture::{capture_path, streams, take_capture};
use crate::cases::Outcome;
use crate::frames::Cable;
use crate::hosts::{OURS, PEER};
use crate::start_or_skip;

/// How long something is waited for that must come. Nothing is concluded from how long it took.
const PATIENCE: Duration = Duration::from_secs(60);

const SEED: u64 = 42;

/// Least length of a stream.
const LEN: u64 = 200_000;

/// A host and what it has said.
struct Host {
    kernel: KernelPeer,
    cable: Cable,
    established: BTreeSet<u32>,
    /// Bytes sent, received, corrupt.
    closed: BTreeMap<u32, (u64, u64, u64)>,
    failed: BTreeMap<u32, (Phase, Option<i32>)>,
    strangers: Vec<SocketAddrV4>,
    refused: Vec<(String, Option<i32>)>,
    report: Option<Report>,
    stalls: Option<Stalls>,
    timeouts: Option<u64>,
}

impl Host {
    fn start(plan: Plan, end: End, connections: u32) -> Result<Self, Outcome> {
        Self::start_as(PeerConfig { plan, end, connections, ..PeerConfig::default() })
    }

    fn start_as(config: PeerConfig) -> Result<Self, Outcome> {
        let config = PeerConfig { taps: 1, seed: SEED, ..config };
        let (kernel, mut cables) = crate::hosts::start(config)?;
        Ok(Self {
            kernel,
            cable: cables.remove(0),
            established: BTreeSet::new(),
            closed: BTreeMap::new(),
            failed: BTreeMap::new(),
            strangers: Vec::new(),
            refused: Vec::new(),
            report: None,
            stalls: None,
            timeouts: None,
        })
    }

    fn command(&mut self, command: Command) {
        self.kernel.command(command).unwrap();
    }

    fn listen(&mut self) {
        while let Some(event) = self.kernel.poll().unwrap() {
            match event {
                Event::Established { id } => assert!(self.established.insert(id), "twice {id}"),
                Event::Closed { id, sent, received, corrupt } => {
                    assert_eq!(
                        self.closed.insert(id, (sent, received, corrupt)),
                        None,
                        "twice {id}"
                    );
                }
                Event::Failed { id, phase, error } => {
                    let failed = self.failed.insert(id, (phase, error.raw_os_error()));
                    assert_eq!(failed, None, "twice {id}");
                }
                Event::Stranger { from } => self.strangers.push(from),
                Event::CommandFailed { what, error } => {
                    self.refused.push((what, error.raw_os_error()));
                }
                Event::Report(report) => self.report = Some(report),
                Event::Stalls(stalls) => self.stalls = Some(stalls),
                Event::Timeouts(count) => self.timeouts = Some(count),
                Event::Pong { .. } | Event::Pinged { .. } => {}
            }
        }
    }
}

/// The peer, us, and the cable between them.
struct Pair {
    peer: Host,
    ours: Host,
    cut: bool,
    /// Changes a frame from the peer.
    meddle: fn(&mut Vec<u8>, &mut u64),
    /// What `meddle` counts.
    meddled: u64,
}

impl Pair {
    fn start(plan: Plan, connections: u32) -> Result<Self, Outcome> {
        Ok(Self {
            peer: Host::start(plan.clone(), End::Peer, connections)?,
            ours: Host::start(plan, End::Ours, connections)?,
            cut: false,
            meddle: |_, _| {},
            meddled: 0,
        })
    }

    /// Carries frames for a while.
    fn carry(&mut self) {
        if self.cut {
            std::thread::sleep(Duration::from_millis(1));
            return;
        }
        let mut idle = true;
        for _ in 0..64 {
            if let Some(mut frame) = self.peer.cable.receive() {
                (self.meddle)(&mut frame, &mut self.meddled);
                self.ours.cable.send(&frame);
                idle = false;
            }
            if let Some(frame) = self.ours.cable.receive() {
                self.peer.cable.send(&frame);
                idle = false;
            }
        }
        if idle {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    /// Carries frames and hears what is said until `reached`.
    fn until(&mut self, what: &str, reached: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !reached(self) {
            assert!(Instant::now() < deadline, "{what} did not come");
            self.carry();
            self.peer.listen();
            self.ours.listen();
        }
    }

    fn both(&mut self, command: Command) {
        self.peer.command(command.clone());
        self.ours.command(command);
    }

    fn run(&mut self, ids: Range<u32>, opener: End, from_peer: Sending, to_peer: Sending) {
        self.peer.command(Command::Run { ids: ids.clone(), opener, sending: from_peer });
        self.ours.command(Command::Run { ids, opener, sending: to_peer });
    }

    /// Half of `count` connections opened by each end, each end sending.
    fn run_both_opens(&mut self, count: u32, sending: Sending) {
        self.run(0..count / 2, End::Peer, sending, sending);
        self.run(count / 2..count, End::Ours, sending, sending);
        self.until("all connections", |pair| {
            [&pair.peer, &pair.ours].iter().all(|host| host.established.len() == count as usize)
        });
    }

    /// Fresh reports of both ends.
    fn reports(&mut self, queues: bool) -> [Vec<ConnectionReport>; 2] {
        (self.peer.report, self.ours.report) = (None, None);
        self.both(Command::Report { token: 1, queues });
        self.until("reports", |pair| pair.peer.report.is_some() && pair.ours.report.is_some());
        [&mut self.peer, &mut self.ours].map(|host| host.report.take().unwrap().connections)
    }

    /// Carries frames until each connection of both ends says so.
    fn until_reported(&mut self, what: &str, reached: impl Fn(&ConnectionReport) -> bool) {
        self.until_all_reported(what, |now| now.iter().all(&reached));
    }

    /// Carries frames until the reports of both ends, the peer's first, say so.
    fn until_all_reported(&mut self, what: &str, reached: impl Fn(&[ConnectionReport]) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !reached(&self.reports(true).concat()) {
            assert!(Instant::now() < deadline, "{what} did not come");
        }
    }

    /// Closes all of `count` connections by FIN, and checks that each end got what the other sent.
    fn close(&mut self, count: u32) {
        self.both(Command::Close { ids: 0..count });
        self.until("the end of all connections", |pair| {
            let ended = |host: &Host| host.closed.len() + host.failed.len();
            ended(&pair.peer) == count as usize && ended(&pair.ours) == count as usize
        });
        for host in [&self.peer, &self.ours] {
            assert_eq!(host.failed, BTreeMap::new());
            assert_eq!(host.strangers, []);
            assert_eq!(host.refused, []);
        }
        for (id, (sent, received, _)) in &self.peer.closed {
            let (ours_sent, ours_received, _) = self.ours.closed[id];
            assert_eq!((*sent, *received), (ours_received, ours_sent), "connection {id}");
        }
    }

    fn corrupt(&self) -> (u64, u64) {
        let corrupt = |host: &Host| host.closed.values().map(|(_, _, corrupt)| corrupt).sum();
        (corrupt(&self.peer), corrupt(&self.ours))
    }
}

macro_rules! pair_or_skip {
    ($plan:expr, $connections:expr) => {
        match Pair::start($plan, $connections) {
            Ok(pair) => pair,
            Err(skipped) => return skipped,
        }
    };
}

pub(crate) fn streams_both_ways() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 16);
    pair.run_both_opens(16, Sending::AtLeast(LEN));
    // Nobody stops at the least length while nobody is told to close.
    pair.until_reported("more than the least length", |connection| {
        connection.sent > LEN && connection.received > LEN && connection.phase == Phase::Established
    });
    // With the cable cut every socket keeps bytes that it cannot get rid of.
    pair.cut = true;
    pair.until_reported("bytes in flight", |connection| {
        connection.queues.is_some_and(|queues| queues.unacknowledged > 0 && queues.state == 1)
    });
    pair.cut = false;
    pair.close(16);
    assert_eq!(pair.corrupt(), (0, 0));
    assert!(pair.peer.closed.values().all(|(sent, received, _)| sent.min(received) > &LEN));
    for connection in pair.reports(true).iter().flatten() {
        assert_eq!((connection.phase, connection.queues), (Phase::Closed, None));
    }
    Outcome::Done
}

pub(crate) fn one_direction_only() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 4);
    pair.run(0..2, End::Peer, Sending::AtLeast(LEN), Sending::Nothing);
    pair.run(2..4, End::Ours, Sending::AtLeast(LEN), Sending::Nothing);
    // Told at once: the least length is sent nevertheless, and not a byte more.
    pair.close(4);
    assert_eq!(pair.corrupt(), (0, 0));
    let closed = pair.ours.closed.values().map(|(sent, received, _)| (*sent, *received));
    assert_eq!(closed.collect::<Vec<_>>(), [(0, LEN); 4]);
    Outcome::Done
}

pub(crate) fn the_capture_has_every_byte() -> Outcome {
    let path = capture_path("bytes");
    let mut pair = pair_or_skip!(Plan::default(), 4);
    pair.peer =
        match Host::start_as(PeerConfig { pcap: Some(path.clone()), ..PeerConfig::default() }) {
            Ok(host) => host,
            Err(skipped) => return skipped,
        };
    pair.run_both_opens(4, Sending::AtLeast(LEN));
    pair.close(4);
    let summary = pair.peer.kernel.stop().unwrap().unwrap();
    assert_eq!((summary.lost, summary.error), (0, None));
    let frames: Vec<_> = take_capture(&path).into_iter().map(|(_, frame)| frame).collect();
    assert_eq!(summary.frames, frames.len() as u64);
    assert!(frames.iter().all(|frame| frame.len() <= 1514), "a segment larger than the MTU");
    let streams = streams(&frames);
    assert_eq!(streams.len(), 8);
    for ((from, to), bytes) in streams {
        let direction = if *from.ip() == PEER { Direction::FromPeer } else { Direction::ToPeer };
        let (peer, ours) = if *from.ip() == PEER { (from, to) } else { (to, from) };
        let (id, _) = Plan::default().identify(Endpoints { peer, ours }).unwrap();
        let sender =
            if direction == Direction::FromPeer { &pair.peer.closed } else { &pair.ours.closed };
        assert_eq!(bytes.len() as u64, sender[&id].0, "connection {id} {direction:?}");
        assert_eq!(Stream::new(SEED, id, direction).mismatches(0, &bytes), 0);
    }
    Outcome::Done
}

/// Swaps two words of the payload of one frame, which the TCP checksum does not see; counts the bytes
/// that are different then.
fn swap_words(frame: &mut Vec<u8>, changed: &mut u64) {
    let is_tcp = frame[12..14] == [8, 0] && frame[23] == 6;
    if !is_tcp || *changed > 0 || frame.len() < 1000 {
        return;
    }
    let before = frame.clone();
    let (a, b) = frame[800..].split_at_mut(100);
    a[..2].swap_with_slice(&mut b[..2]);
    *changed = before.iter().zip(&*frame).filter(|(a, b)| a != b).count() as u64;
}

pub(crate) fn a_changed_byte_is_counted() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 2);
    pair.meddle = swap_words;
    pair.run_both_opens(2, Sending::AtLeast(LEN));
    pair.close(2);
    assert!((1..=4).contains(&pair.meddled), "{} bytes changed", pair.meddled);
    assert_eq!(pair.corrupt(), (0, pair.meddled));
    Outcome::Done
}

pub(crate) fn a_reset_is_an_error() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 3);
    pair.run(0..3, End::Peer, Sending::AtLeast(LEN), Sending::AtLeast(LEN));
    pair.until("all connections", |pair| {
        pair.peer.established.len() == 3 && pair.ours.established.len() == 3
    });
    pair.peer.command(Command::Abort { ids: 1..2 });
    pair.until("the error", |pair| !pair.ours.failed.is_empty());
    let failed = |errno| BTreeMap::from([(1, (Phase::Established, Some(errno)))]);
    assert_eq!(pair.ours.failed, failed(libc::ECONNRESET));
    assert_eq!(pair.peer.failed, failed(libc::ECONNABORTED));
    // The others live on.
    pair.both(Command::Close { ids: 0..3 });
    pair.until("the end of the others", |pair| {
        pair.peer.closed.len() == 2 && pair.ours.closed.len() == 2
    });
    assert_eq!(pair.corrupt(), (0, 0));
    Outcome::Done
}

pub(crate) fn a_refused_connection_is_an_error() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 1);
    let elsewhere = Plan { listen_port: 7, ..Plan::default() };
    pair.ours = match Host::start(elsewhere, End::Ours, 1) {
        Ok(host) => host,
        Err(skipped) => return skipped,
    };
    pair.ours.command(Command::Run { ids: 0..1, opener: End::Ours, sending: Sending::Nothing });
    pair.until("the error", |pair| !pair.ours.failed.is_empty());
    let refused = (Phase::Connecting, Some(libc::ECONNREFUSED));
    assert_eq!(pair.ours.failed, BTreeMap::from([(0, refused)]));
    assert_eq!(pair.ours.established, BTreeSet::new());
    Outcome::Done
}

pub(crate) fn strangers_are_reset() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 4);
    // Number 2 is expected, 3 is not.
    pair.peer.command(Command::Run { ids: 2..3, opener: End::Ours, sending: Sending::Nothing });
    pair.ours.command(Command::Run { ids: 2..4, opener: End::Ours, sending: Sending::Nothing });
    pair.until("the error", |pair| {
        !pair.ours.failed.is_empty() && pair.ours.established.contains(&2)
    });
    pair.until("the stranger", |pair| !pair.peer.strangers.is_empty());
    assert_eq!(pair.peer.strangers, [SocketAddrV4::new(OURS, 12_003)]);
    // The reset may come before our application has seen that it is connected.
    let failed: Vec<_> = pair.ours.failed.iter().map(|(id, (_, errno))| (*id, *errno)).collect();
    assert_eq!(failed, [(3, Some(libc::ECONNRESET))]);
    assert_eq!(pair.peer.established, BTreeSet::from([2]));
    Outcome::Done
}

pub(crate) fn a_paused_sender_sends_nothing() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 2);
    pair.run_both_opens(2, Sending::AtLeast(LEN));
    pair.peer.command(Command::Pause { ids: 0..1 });
    let [before, _] = pair.reports(false);
    // The other connection and the other direction go on meanwhile.
    let later = before.iter().map(|c| c.sent + c.received).sum::<u64>() + 4 * LEN;
    let mut now = before.clone();
    while now[1].sent + now[1].received + now[0].received < later {
        [now, _] = pair.reports(false);
    }
    assert_eq!(now[0].sent, before[0].sent);
    pair.peer.command(Command::Resume { ids: 0..1 });
    while now[0].sent == before[0].sent {
        [now, _] = pair.reports(false);
    }
    pair.close(2);
    assert_eq!(pair.corrupt(), (0, 0));
    Outcome::Done
}

pub(crate) fn the_stall_spans_the_mark() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 8);
    pair.run_both_opens(8, Sending::AtLeast(LEN));
    pair.until_reported("payload", |connection| connection.received > LEN / 4);
    pair.cut = true;
    // What the kernels have received reaches the applications.
    let received = |reports: &[Vec<ConnectionReport>; 2]| {
        reports.iter().flatten().map(|connection| connection.received).sum::<u64>()
    };
    let mut before = pair.reports(false);
    loop {
        std::thread::sleep(Duration::from_millis(20));
        let now = pair.reports(false);
        if received(&now) == received(&before) {
            break;
        }
        before = now;
    }
    let cut = Monotonic::now();
    pair.both(Command::Mark { at: cut });
    std::thread::sleep(Duration::from_millis(30));
    let back = Monotonic::now();
    pair.cut = false;
    let before: Vec<_> = before.into_iter().flatten().map(|c| (c.id, c.received)).collect();
    pair.until_all_reported("payload after the cut", |now| {
        before
            .iter()
            .zip(now)
            .all(|((id, received), now)| now.id == *id && now.received > *received)
    });
    pair.both(Command::Stalls);
    pair.until("the stalls", |pair| pair.peer.stalls.is_some() && pair.ours.stalls.is_some());
    for host in [&pair.peer, &pair.ours] {
        let stalls = host.stalls.as_ref().unwrap();
        assert_eq!((stalls.at, stalls.stalls.len()), (Some(cut), 8));
        for stall in &stalls.stalls {
            let gap = stall.spanning.unwrap();
            assert!(gap.from <= cut && gap.to.unwrap() >= back, "{gap:?} from {cut:?} to {back:?}");
            let longest = stall.longest.unwrap();
            let now = Monotonic::now();
            assert!(longest.len_at(now) >= gap.len_at(now), "{longest:?} {gap:?}");
        }
    }
    pair.close(8);
    Outcome::Done
}

/// A sender whose cable is cut repeats by its timer; the end that only acknowledges has nothing to repeat.
pub(crate) fn timeouts_are_counted() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 1);
    let counted = |pair: &mut Pair| {
        (pair.peer.timeouts, pair.ours.timeouts) = (None, None);
        pair.both(Command::Timeouts);
        pair.until("counts", |pair| pair.peer.timeouts.is_some() && pair.ours.timeouts.is_some());
        [&pair.peer, &pair.ours].map(|host| host.timeouts.unwrap())
    };
    pair.run(0..1, End::Peer, Sending::AtLeast(LEN), Sending::Nothing);
    pair.until_reported("payload", |connection| connection.sent + connection.received > 0);
    let before = counted(&mut pair);
    pair.cut = true;
    let deadline = Instant::now() + PATIENCE;
    let after = loop {
        assert!(Instant::now() < deadline, "no timeout");
        let now = counted(&mut pair);
        if now[0] > before[0] {
            break now;
        }
    };
    assert_eq!(after[1], before[1]);
    pair.cut = false;
    pair.close(1);
    Outcome::Done
}

pub(crate) fn hundreds_of_connections() -> Outcome {
    let peers = vec![PEER, Ipv4Addr::new(10, 77, 0, 3)];
    let plan = Plan { peers, ports_per_address: 200, ..Plan::default() };
    let mut pair = pair_or_skip!(plan, 300);
    pair.run_both_opens(300, Sending::AtLeast(20_000));
    let reports = pair.reports(true);
    assert_eq!(reports.map(|connections| connections.len()), [300, 300]);
    pair.close(300);
    assert_eq!(pair.corrupt(), (0, 0));
    Outcome::Done
}

pub(crate) fn echo() -> Outcome {
    let (mut peer, mut cables) = start_or_skip!(PeerConfig { taps: 1, ..PeerConfig::default() });
    peer.command(Command::Echo { port: 7 }).unwrap();
    // Commands are carried out in order: after an answer the service is there.
    crate::lifetime::answers(&mut peer);
    crate::smol::echo(&mut cables[0], SocketAddrV4::new(PEER, 7), OURS);
    Outcome::Done
}

pub(crate) fn wrong_commands_are_refused() -> Outcome {
    let mut pair = pair_or_skip!(Plan::default(), 4);
    let run = |ids| Command::Run { ids, opener: End::Ours, sending: Sending::Nothing };
    // Nobody has that address, so a ping is under way for a while.
    let nobody = Ipv4Addr::new(10, 77, 0, 99);
    let ping = |len| Command::Ping { to: nobody, count: 1, interval_ms: 0, len };
    let wrong = [
        (run(0..Plan::default().capacity() + 1), libc::EINVAL),
        (run(3..3), libc::EINVAL),
        (
            Command::Run {
                ids: Range { start: 3, end: 2 },
                opener: End::Ours,
                sending: Sending::Nothing,
            },
            libc::EINVAL,
        ),
        (run(1..3), libc::EEXIST),
        (ping(1401), libc::EINVAL),
        (ping(1), libc::EBUSY),
        (Command::Echo { port: 7700 }, libc::EADDRINUSE),
        (Command::Echo { port: 8 }, libc::EBUSY),
    ];
    pair.peer.command(run(0..2));
    let expected = wrong.clone().map(|(command, errno)| {
        let what = match command {
            Command::Run { .. } => "run",
            Command::Ping { .. } => "ping",
            _ => "echo",
        };
        (what.to_owned(), Some(errno))
    });
    for (command, _) in wrong {
        if command == ping(1) {
            pair.peer.command(command.clone());
        }
        if command == (Command::Echo { port: 8 }) {
            pair.peer.command(Command::Echo { port: 7 });
        }
        pair.peer.command(command);
    }
    // Ranges that are empty or backwards change nothing, and are no trouble.
    pair.peer.command(Command::Pause { ids: Range { start: 3, end: 2 } });
    pair.peer.command(Command::Close { ids: 7..9 });
    pair.until("the refusals", |pair| pair.peer.refused.len() == expected.len());
    assert_eq!(pair.peer.refused, expected);
    assert_eq!(pair.reports(false)[0].len(), 2);
    Outcome::Done
}
