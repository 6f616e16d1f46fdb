//! What happens in a seed: who opens what, what applications do, which cables are bad, what breaks.

use mafo::wire::impair::{Impairments, Probability};
use mafo::{Defect, Handover};
use mafo_failover::Stage;
use mafo_mem::Nanos;

use crate::draw::Draw;
use crate::stream::STREAM_MAX;

/// One of the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The host with the bond, whose behaviour is in question.
    Near,
    /// The host that it talks to.
    Peer,
}

impl Side {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Near, Self::Peer];

    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The one at the other end.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Near => Self::Peer,
            Self::Peer => Self::Near,
        }
    }
}

/// How an application ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// FIN behind all that it has to say, and reads to the end of the other's stream.
    Orderly,
    /// Closes when it has read so many bytes, whatever it had to say.
    CloseEarly(u64),
    /// Aborts when it has read so many bytes.
    Abort(u64),
}

/// What an application does at its end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// Bytes that it has to say.
    pub bytes: u64,
    /// Bytes that it writes at a time.
    pub chunk: u64,
    /// Each time that it has written so many bytes it does nothing for a while.
    pub write_pause: Option<(u64, Nanos)>,
    /// It stops reading there for so long.
    pub read_pause: Option<(u64, Nanos)>,
    /// How long it waits, when all is written, before it says that it writes no more.
    pub linger: Nanos,
    /// How it ends.
    pub ending: Ending,
    /// Whether it waits to be told that all is closed before it lets go of the socket.
    pub waits_for_close: bool,
}

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Who opens it.
    pub opener: Side,
    /// When, after the start.
    pub at: Nanos,
    /// Nagle's algorithm.
    pub nagle: bool,
    /// The two applications, by [`Side::index`].
    pub ends: [End; 2],
}

/// When something breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// At a time after the start.
    At(Nanos),
    /// When a connection is in this stage of its handover, and not before the fault ahead of it; at the
    /// time if that never happens.
    In(Stage, Nanos),
}

/// What breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// The cable of the active link, for so long.
    Active(Nanos),
    /// A cable that is not active, for so long; one that is cut already is mended instead.
    Backup(Nanos),
    /// All cables of the host with the bond, for so long.
    All(Nanos),
    /// A cable that was cut is back before its time.
    Mend,
    /// Both adapters refuse so many entries for connections that are to be moved to them.
    RefuseOpens(u32),
    /// Both adapters refuse so many TCBs that were written into such entries.
    RefuseUploads(u32),
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub when: Trigger,
    /// What.
    pub what: Breakage,
}

/// All that a seed decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Ports of the first adapter in the bond: 1 or 2. The second adapter has one.
    pub ports_of_a: u8,
    /// The connections.
    pub connections: Vec<Connection>,
    /// The faults, in their order.
    pub faults: Vec<Fault>,
    /// What cables do to frames; the same for all and both ways.
    pub impairments: Impairments,
    /// How long the switch remembers an address.
    pub ageing: Nanos,
    /// Whether the switch floods unicast that it does not know.
    pub floods: bool,
    /// Polls by which what an adapter is asked or answers may be late, by adapter.
    pub late_polls: [u32; 2],
    /// Connections that nobody has accepted yet, at each listener.
    pub backlog: usize,
    /// Time between two polls of a busy host.
    pub tick: Nanos,
    /// Receive buffers of the sockets, by [`Side::index`]. They decide the window scales.
    pub recv_buffer: [usize; 2],
    /// Send buffers.
    pub send_buffer: [usize; 2],
    /// How connections are handed over.
    pub handover: Handover,
    /// A mistake that the host with the bond makes on purpose. Never drawn.
    pub defect: Option<Defect>,
}

/// Stages in which a connection can be when something breaks.
const STAGES: [Stage; 6] = [
    Stage::Tunnelled,
    Stage::Suspended,
    Stage::Held,
    Stage::Gated,
    Stage::Fenced,
    Stage::Uploading,
];

impl Plan {
    /// What `seed` decides.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut draw = Draw::new(seed, 0);
        let draw = &mut draw;
        let count = if draw.chance(0.5) { draw.within(1, 3) } else { draw.within(4, 32) };
        // In some seeds all open at once, in others over some time.
        let opening = draw.log_time(Nanos::from_micros(10), Nanos::from_millis(500));
        let connections = (0..count).map(|_| connection(draw, opening)).collect();
        let faults = faults(draw);
        // A switch that does not flood and forgets before the bond says again where it is cuts it off.
        let floods = draw.chance(0.5);
        let remembers = Nanos::from_secs(300);
        let ageing = draw.log_time(Nanos::from_millis(1), remembers);
        let mut plan = Self {
            seed,
            ports_of_a: if draw.chance(0.25) { 2 } else { 1 },
            connections,
            faults,
            impairments: impairments(draw),
            ageing: if floods { ageing } else { remembers },
            floods,
            late_polls: [late(draw), late(draw)],
            backlog: if draw.chance(0.2) { draw.within(4, 8) as usize } else { 64 },
            tick: Nanos::from_micros(draw.pick(&[2, 5, 10, 20])),
            recv_buffer: [buffer(draw), buffer(draw)],
            send_buffer: [buffer(draw), buffer(draw)],
            handover: Draw::new(seed, 1).pick(&[
                Handover::Auto,
                Handover::Drained,
                Handover::Instant,
            ]),
            defect: None,
        };
        if plan.floods && draw.chance(0.1) {
            // A hub.
            plan.ageing = Nanos(1);
        }
        plan
    }
}

fn buffer(draw: &mut Draw) -> usize {
    draw.pick(&[16, 32, 64, 128, 256]) * 1024
}

fn late(draw: &mut Draw) -> u32 {
    if draw.chance(0.8) { draw.below(4) as u32 } else { draw.within(4, 64) as u32 }
}

fn connection(draw: &mut Draw, opening: Nanos) -> Connection {
    let opener = draw.pick(&Side::BOTH);
    let at = Nanos(draw.below(opening.0));
    Connection { opener, at, nagle: draw.chance(0.5), ends: [end(draw), end(draw)] }
}

fn end(draw: &mut Draw) -> End {
    let bytes = draw.stream_len().min(STREAM_MAX as u64);
    let pause = |draw: &mut Draw| {
        let (place, time) =
            (draw.stream_len(), draw.log_time(Nanos::from_micros(50), Nanos::from_millis(300)));
        draw.chance(0.2).then_some((place, time))
    };
    // Up to 16 times.
    let drip = |draw: &mut Draw| {
        let times = draw.within(1, 16);
        let time = draw.log_time(Nanos::from_micros(50), Nanos::from_millis(100));
        draw.chance(0.3).then_some((bytes / times + 1, time))
    };
    let linger = draw.log_time(Nanos::from_micros(50), Nanos::from_millis(300));
    let linger = if draw.chance(0.3) { linger } else { Nanos::ZERO };
    let ending = match draw.below(20) {
        0 => Ending::CloseEarly(draw.stream_len()),
        1 => Ending::Abort(draw.stream_len()),
        _ => Ending::Orderly,
    };
    End {
        bytes,
        chunk: draw.log_time(Nanos(1), Nanos(STREAM_MAX as u64)).0.max(bytes / 64 + 1),
        write_pause: drip(draw),
        read_pause: pause(draw),
        linger,
        ending,
        waits_for_close: draw.chance(0.5),
    }
}

fn impairments(draw: &mut Draw) -> Impairments {
    let delay = draw.log_time(Nanos::from_micros(1), Nanos::from_millis(1));
    let mut impairments = Impairments { delay, ..Impairments::NONE };
    if draw.chance(0.5) {
        return impairments;
    }
    let p = |p: f64| Probability::new(p).unwrap_or(Probability::NEVER);
    if draw.chance(0.6) {
        impairments.loss = p(0.02 * draw.unit());
    }
    if draw.chance(0.4) {
        impairments.duplicate = p(0.03 * draw.unit());
    }
    if draw.chance(0.4) {
        impairments.reorder = p(0.03 * draw.unit());
        impairments.reorder_hold = Nanos(draw.within(1, 2 * delay.0 + 20_000));
    }
    impairments
}

/// One to three. The first breaks the active link at some time; later ones may wait for a connection
/// to be in the middle of its handover.
fn faults(draw: &mut Draw) -> Vec<Fault> {
    let down = |draw: &mut Draw| draw.log_time(Nanos::from_micros(20), Nanos::from_secs(2));
    let mut at = draw.log_time(Nanos::from_micros(100), Nanos::from_millis(400));
    let first =
        if draw.chance(0.9) { Breakage::Active(down(draw)) } else { Breakage::All(down(draw)) };
    let mut faults = vec![Fault { when: Trigger::At(at), what: first }];
    for _ in 0..draw.below(3) {
        // Handovers begin 20 ms after a failure, and last for microseconds.
        let when = if draw.chance(0.6) {
            at += draw.log_time(Nanos::from_millis(25), Nanos::from_secs(2));
            Trigger::In(draw.pick(&STAGES), at)
        } else {
            at += draw.log_time(Nanos::from_micros(20), Nanos::from_millis(400));
            Trigger::At(at)
        };
        let what = match draw.below(12) {
            0..=3 => Breakage::Active(down(draw)),
            4..=5 => Breakage::Backup(down(draw)),
            6..=7 => Breakage::All(down(draw)),
            8..=9 => Breakage::Mend,
            10 => Breakage::RefuseOpens(draw.within(1, 40) as u32),
            _ => Breakage::RefuseUploads(draw.within(1, 40) as u32),
        };
        faults.push(Fault { when, what });
    }
    faults
}
