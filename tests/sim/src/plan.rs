//! What happens in a seed: who opens what, what applications do, which cables are bad, what breaks.

mod asked;
mod own;
mod room;

use mafo::wire::impair::{Impairments, Probability};
use mafo::{
    ArpValidate, CongestionControl, ControlKind, Defect, FailOverMac, Handover, Mishaps, Mode,
    PrimaryReselect, XmitHashPolicy,
};
use mafo_failover::Stage;
use mafo_mem::Nanos;

use crate::draw::Draw;
use crate::stream::STREAM_MAX;

pub use own::Own;
use own::draw_own;
pub use room::Room;
use room::draw_room;

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
    /// How it is handed over, if not as all of the bond; of use where the host with the bond opens it.
    pub handover: Option<Handover>,
    /// What the host with the bond reacts to congestion by, where it opens it; `None`: as all.
    pub congestion: Option<CongestionControl>,
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
    /// An application does something at an end of the connection that is in the stage waited for, or of any.
    Does(Side, Act),
    /// Nothing that the peer sends arrives, for so long.
    Silence(Nanos),
    /// Nobody listens on this side, for so long.
    Deaf(Side, Nanos),
    /// The next connection is opened before its time.
    Open,
    /// Somebody else on the network sends the host with the bond a frame about such a connection.
    Stranger(Stray),
    /// An adapter dies, and is reset and probed anew after so long.
    Dies(Which, Death, Nanos),
    /// Another link that can is made the active one, though nothing has failed: the so manieth.
    Move(u8),
    /// A single connection is to live elsewhere: the one in the stage waited for, or any.
    MoveOne(Aim),
    /// What goes by a link is lost for so long, though its carrier stays: frames out of the host, and into it.
    Hole(Which, [bool; 2], Nanos),
}

/// One of what there are several of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The active link, or its adapter.
    Active,
    /// Another link, or the other adapter.
    Other,
}

/// Where a single connection is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// On the host path.
    Host,
    /// By the so manieth link.
    Link(u8),
}

/// How an adapter dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Now: it does nothing any more.
    Now,
    /// The same after so many things that somebody else sees of it.
    After(u64),
    /// Its registers cannot be reached any more, and it goes on until it is silenced.
    OffTheBus,
    /// It stands still.
    Hangs,
}

/// What an application does all of a sudden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It has no more to say: a FIN.
    Finish,
    /// It closes, whatever it had to say.
    Close,
    /// It resets the connection.
    Abort,
    /// It does not read for so long: the window closes.
    Rest(Nanos),
}

/// A frame that is nothing of a connection's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    /// An old SYN with its addresses and ports.
    Syn,
    /// A router says that the peer cannot be reached.
    Unreachable,
    /// A fragment of a segment, whose rest never comes.
    Fragment,
}

impl Breakage {
    /// Its name where faults are counted.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active(_) => "active link lost",
            Self::Backup(_) => "backup link lost or back",
            Self::All(_) => "all links lost",
            Self::Mend => "link back",
            Self::RefuseOpens(_) => "opens refused",
            Self::RefuseUploads(_) => "uploads refused",
            Self::Does(Side::Near, Act::Finish) => "we finish",
            Self::Does(Side::Near, Act::Close) => "we close",
            Self::Does(Side::Near, Act::Abort) => "we abort",
            Self::Does(Side::Near, Act::Rest(_)) => "we stop reading",
            Self::Does(Side::Peer, Act::Finish) => "peer finishes",
            Self::Does(Side::Peer, Act::Close) => "peer closes",
            Self::Does(Side::Peer, Act::Abort) => "peer resets",
            Self::Does(Side::Peer, Act::Rest(_)) => "peer stops reading",
            Self::Silence(_) => "peer silent",
            Self::Deaf(Side::Near, _) => "we do not listen",
            Self::Deaf(Side::Peer, _) => "peer does not listen",
            Self::Open => "open",
            Self::Stranger(Stray::Syn) => "old SYN",
            Self::Stranger(Stray::Unreachable) => "ICMP error",
            Self::Stranger(Stray::Fragment) => "fragment",
            Self::Dies(Which::Active, ..) => "active adapter dies",
            Self::Dies(Which::Other, ..) => "backup adapter dies",
            Self::Move(_) => "move",
            Self::MoveOne(Aim::Host) => "one home",
            Self::MoveOne(Aim::Link(_)) => "one to a link",
            Self::Hole(Which::Active, ..) => "active link dead",
            Self::Hole(Which::Other, ..) => "backup link dead",
        }
    }
}

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// When.
    pub when: Trigger,
    /// What.
    pub what: Breakage,
}

/// How the bond is set up; links by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// The link that is to be active whenever it can.
    pub primary: Option<usize>,
    /// When it takes over again.
    pub reselect: PrimaryReselect,
    /// How long a link has to be up before it counts as up.
    pub updelay: Nanos,
    /// How long it has to be down.
    pub downdelay: Nanos,
    /// How often the way to the peer is probed; zero: never.
    pub arp_interval: Nanos,
    /// What proves that it is there.
    pub arp_validate: ArpValidate,
    /// How often an adapter is looked at.
    pub heartbeat: Nanos,
    /// Whether adapters acknowledge only what they have told.
    pub protect: bool,
}

impl Default for Setup {
    /// Nothing of all that. The heart of adapters that do not die is looked at seldom.
    fn default() -> Self {
        Self {
            primary: None,
            reselect: PrimaryReselect::Always,
            updelay: Nanos::ZERO,
            downdelay: Nanos::ZERO,
            arp_interval: Nanos::ZERO,
            arp_validate: ArpValidate::None,
            heartbeat: Nanos::from_secs(5),
            protect: true,
        }
    }
}

/// All that a seed decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The seed.
    pub seed: u64,
    /// Ports of the first adapter in the bond: 1 or 2. The second adapter has one.
    pub ports_of_a: u8,
    /// Which of the two is an Ethernet port alone, instead of an adapter.
    pub plain: [bool; 2],
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
    /// What else the bond was told.
    pub setup: Setup,
    /// Whether both hosts ask for explicit congestion notification.
    pub ecn: bool,
    /// Up to where receive buffers may grow, which decides the window scales.
    pub recv_buffer_max: [usize; 2],
    /// The adapter whose timestamps go past 2^32, if one's do, soon after the start.
    pub stamps_wrap: Option<u8>,
    /// The sequence numbers of the first connection go past a place of interest soon, by [`Side::index`] of the sender.
    pub numbers_wrap: [bool; 2],
    /// In steps of 2^28, where they do: 0 is 2^32. Distances in a TCB have so many bits.
    pub numbers_at: u8,
    /// Which links carry.
    pub mode: Mode,
    /// By what the link of a connection is chosen, where all carry.
    pub policy: XmitHashPolicy,
    /// Whose station address the bond has.
    pub fail_over_mac: FailOverMac,
    /// A mistake that the host with the bond makes on purpose. Never drawn.
    pub defect: Option<Defect>,
    /// Polls by which what the host gives to the Ethernet queues of an adapter may be later than all else, by adapter.
    pub late_ethernet: [u32; 2],
    /// What goes wrong with control messages of the host with the bond.
    pub mishaps: Mishaps,
    /// One that its cards make: they acknowledge what they have not told yet. Never drawn.
    pub spoils_commits: bool,
    /// What the host with the bond has room for, and its adapters' tables.
    pub room: Room,
    /// A connection of the host with the bond with itself, if there is one.
    pub own: Option<Own>,
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
    /// What `seed` decided before control messages went wrong: seeds that failed then are known by it.
    #[must_use]
    pub fn sixth_edition(seed: u64) -> Self {
        let mut plan = Self::fifth_edition(seed);
        let draw = &mut Draw::new(seed, 6);
        if draw.chance(0.2) {
            plan.plain = draw.pick(&[[true, false], [false, true], [true, true]]);
            if plan.plain[0] {
                plan.ports_of_a = 1;
            }
        }
        plan
    }

    /// What `seed` decides.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut plan = Self::eighth_edition(seed);
        draw_own(&mut Draw::new(seed, 9), &mut plan);
        plan
    }

    /// What `seed` decided before a host talked to itself: seeds that failed then are known by it.
    #[must_use]
    pub fn eighth_edition(seed: u64) -> Self {
        let mut plan = Self::seventh_edition(seed);
        draw_room(&mut Draw::new(seed, 8), &mut plan);
        plan
    }

    /// What `seed` decided before tables differed and room was little: seeds that failed then are known by it.
    #[must_use]
    pub fn seventh_edition(seed: u64) -> Self {
        let mut plan = Self::sixth_edition(seed);
        let draw = &mut Draw::new(seed, 7);
        if draw.chance(0.3) {
            plan.mishaps = mishaps(draw);
        }
        plan.setup.protect = draw.chance(0.85);
        if draw.chance(0.1) {
            plan.late_ethernet = [(); 2].map(|()| draw.below(100) as u32);
        }
        plan
    }

    /// What `seed` decided before members of a bond could be Ethernet ports alone: seeds that failed then are known by it.
    #[must_use]
    pub fn fifth_edition(seed: u64) -> Self {
        let mut plan = Self::fourth_edition(seed);
        let draw = &mut Draw::new(seed, 5);
        if draw.chance(0.2) {
            plan.mode = Mode::BalanceXor;
            plan.policy = draw.pick(&[
                XmitHashPolicy::Layer2,
                XmitHashPolicy::Layer23,
                XmitHashPolicy::Layer34,
                XmitHashPolicy::Layer34,
            ]);
            // Neither is there a first among many, nor an address that goes with it.
            plan.setup.primary = None;
        } else if draw.chance(0.2) {
            plan.fail_over_mac = draw.pick(&[FailOverMac::Active, FailOverMac::Follow]);
        }
        if draw.chance(0.3) {
            for _ in 0..draw.within(1, 4) {
                let aim = draw.pick(&[Aim::Host, Aim::Link(0), Aim::Link(1), Aim::Link(2)]);
                let place = draw.below(plan.faults.len() as u64 + 1) as usize;
                let when = moment(draw, &plan.faults[..place]);
                plan.faults.insert(place, Fault { when, what: Breakage::MoveOne(aim) });
            }
        }
        if draw.chance(0.4) {
            plan.numbers_at = draw.below(16) as u8;
        }
        plan
    }

    /// What `seed` decided before all links could carry: seeds that failed then are known by it.
    #[must_use]
    pub fn fourth_edition(seed: u64) -> Self {
        let mut plan = Self::third_edition(seed);
        let draw = &mut Draw::new(seed, 4);
        plan.ecn = draw.chance(0.15);
        if draw.chance(0.2) {
            for connection in &mut plan.connections {
                // Those that an adapter has.
                let congestion = draw.pick(&[
                    CongestionControl::Reno,
                    CongestionControl::Tahoe,
                    CongestionControl::NewReno,
                    CongestionControl::HighSpeed,
                ]);
                connection.congestion = draw.chance(0.5).then_some(congestion);
            }
        }
        if draw.chance(0.04) {
            orphans(draw, &mut plan);
        }
        plan
    }

    /// What `seed` decided before connections were unlike: seeds that failed then are known by it.
    #[must_use]
    pub fn third_edition(seed: u64) -> Self {
        let mut plan = Self::second_edition(seed);
        let draw = &mut Draw::new(seed, 3);
        if draw.chance(0.3) {
            for connection in &mut plan.connections {
                let kind = draw.pick(&[Handover::Auto, Handover::Drained, Handover::Instant]);
                connection.handover = draw.chance(0.5).then_some(kind);
            }
        }
        set_up(draw, &mut plan);
        let mut more = Vec::new();
        if draw.chance(0.3) {
            for _ in 0..draw.within(1, 2) {
                more.push(death(draw));
            }
            plan.setup.heartbeat = draw.log_time(Nanos::from_micros(100), Nanos::from_millis(50));
        }
        if draw.chance(0.25) {
            for _ in 0..draw.within(1, 3) {
                more.push(Breakage::Move(draw.below(2) as u8));
            }
        }
        if draw.chance(0.15) {
            more.push(Breakage::RefuseUploads(draw.within(1, 40) as u32));
        }
        if plan.setup.arp_interval > Nanos::ZERO || draw.chance(0.05) {
            let which = draw.pick(&[Which::Active, Which::Active, Which::Other]);
            let ways = draw.pick(&[[true, false], [false, true], [true, true]]);
            let time = draw.log_time(Nanos::from_millis(1), Nanos::from_secs(2));
            more.push(Breakage::Hole(which, ways, time));
        }
        for what in more {
            let place = draw.below(plan.faults.len() as u64 + 1) as usize;
            let when = moment(draw, &plan.faults[..place]);
            plan.faults.insert(place, Fault { when, what });
        }
        plan
    }

    /// What `seed` decided before adapters died: seeds that failed then are known by it.
    #[must_use]
    pub fn second_edition(seed: u64) -> Self {
        let mut plan = Self::first_edition(seed);
        let draw = &mut Draw::new(seed, 2);
        if draw.chance(0.6) {
            for _ in 0..draw.within(1, 3) {
                let fault = further(draw, &plan.faults);
                plan.faults.push(fault);
            }
        }
        if draw.chance(0.05) {
            // While connections are being opened.
            let when = Trigger::At(draw.log_time(Nanos::from_micros(10), Nanos::from_millis(10)));
            let (side, time) = (draw.pick(&Side::BOTH), Nanos(draw.below(20_000_000)));
            plan.faults.insert(0, Fault { when, what: Breakage::Deaf(side, time) });
        }
        if draw.chance(0.1) {
            // Scales of 0 to 9.
            for (max, least) in plan.recv_buffer_max.iter_mut().zip(plan.recv_buffer) {
                *max = ((64 << draw.below(10)) * 1023).max(least);
            }
        }
        plan.stamps_wrap = draw.chance(0.1).then(|| draw.below(2) as u8);
        for wraps in &mut plan.numbers_wrap {
            *wraps = draw.chance(0.1);
        }
        plan
    }

    /// What `seed` decided before there was more to draw: seeds that failed then are known by it.
    #[must_use]
    pub fn first_edition(seed: u64) -> Self {
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
            plain: [false; 2],
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
            setup: Setup::default(),
            ecn: false,
            recv_buffer_max: [0; 2],
            stamps_wrap: None,
            numbers_wrap: [false; 2],
            numbers_at: 0,
            mode: Mode::default(),
            policy: XmitHashPolicy::default(),
            fail_over_mac: FailOverMac::default(),
            defect: None,
            late_ethernet: [0; 2],
            mishaps: Mishaps::NONE,
            spoils_commits: false,
            room: Room::default(),
            own: None,
        };
        plan.recv_buffer_max = plan.recv_buffer;
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
    let nagle = draw.chance(0.5);
    Connection { opener, at, nagle, handover: None, congestion: None, ends: [end(draw), end(draw)] }
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

/// Some of what can go wrong with control messages, or all, with few of them or many.
fn mishaps(draw: &mut Draw) -> Mishaps {
    let mut chance = || {
        let most = draw.log_time(Nanos(2), Nanos(250)).0;
        if draw.chance(0.6) { most as u16 } else { 0 }
    };
    let chances = [(); 4].map(|()| chance());
    let late_max = draw.log_time(Nanos::from_micros(20), Nanos::from_millis(60));
    let only = draw.chance(0.3).then(|| draw.pick(&ControlKind::ALL));
    Mishaps { chances, only, count: u32::MAX, late_max, seed: draw.any() }
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

/// In the middle of the first handover, between two owners, a connection's application has had enough, and then the
/// card of its old owner dies. With slow cards that is found out while there is no new owner yet.
fn orphans(draw: &mut Draw, plan: &mut Plan) {
    plan.late_polls = [draw.within(8, 64) as u32, draw.within(30, 64) as u32];
    plan.setup.heartbeat = draw.log_time(Nanos::from_micros(50), Nanos::from_micros(300));
    let at = plan.faults.first().map_or(Nanos::ZERO, |fault| match fault.when {
        Trigger::At(at) | Trigger::In(_, at) => at,
    });
    let when = Trigger::In(Stage::Uploading, at + Nanos::from_millis(600));
    let place = plan.faults.len().min(1);
    let faults = [
        Breakage::Does(Side::Near, Act::Abort),
        Breakage::Dies(Which::Other, Death::Now, Nanos::from_millis(5)),
    ];
    plan.faults.splice(place..place, faults.map(|what| Fault { when, what }));
}

/// A bond that was told something.
fn set_up(draw: &mut Draw, plan: &mut Plan) {
    let links = usize::from(plan.ports_of_a) + 1;
    let setup = &mut plan.setup;
    if draw.chance(0.2) {
        setup.primary = Some(draw.below(links as u64) as usize);
        setup.reselect = draw.pick(&[
            PrimaryReselect::Always,
            PrimaryReselect::Better,
            PrimaryReselect::Failure,
        ]);
    }
    let delay = |draw: &mut Draw| {
        let time = draw.log_time(Nanos::from_micros(20), Nanos::from_millis(100));
        if draw.chance(0.5) { time } else { Nanos::ZERO }
    };
    if draw.chance(0.15) {
        (setup.updelay, setup.downdelay) = (delay(draw), delay(draw));
    }
    if draw.chance(0.05) {
        setup.arp_interval = draw.log_time(Nanos::from_millis(20), Nanos::from_millis(300));
        setup.arp_validate = draw.pick(&[
            ArpValidate::None,
            ArpValidate::Active,
            ArpValidate::Backup,
            ArpValidate::All,
        ]);
    }
}

fn death(draw: &mut Draw) -> Breakage {
    let which = draw.pick(&[Which::Active, Which::Active, Which::Other]);
    let how = match draw.below(6) {
        0 => Death::Now,
        1 => Death::OffTheBus,
        2 => Death::Hangs,
        _ => Death::After(draw.log_time(Nanos(1), Nanos(2_000)).0),
    };
    Breakage::Dies(which, how, draw.log_time(Nanos::from_micros(100), Nanos::from_secs(1)))
}

/// A moment behind those of faults.
fn moment(draw: &mut Draw, before: &[Fault]) -> Trigger {
    let last = before.iter().map(|fault| match fault.when {
        Trigger::At(at) | Trigger::In(_, at) => at,
    });
    let at = last.max().unwrap_or(Nanos::ZERO);
    if draw.chance(0.7) {
        let at = at + draw.log_time(Nanos::from_micros(100), Nanos::from_millis(500));
        Trigger::In(draw.pick(&Stage::ALL), at)
    } else {
        Trigger::At(at + draw.log_time(Nanos::from_micros(20), Nanos::from_millis(100)))
    }
}

/// A fault of the kinds that concern one connection, or that come from outside.
fn further(draw: &mut Draw, before: &[Fault]) -> Fault {
    let last = before.iter().map(|fault| match fault.when {
        Trigger::At(at) | Trigger::In(_, at) => at,
    });
    let at = last.max().unwrap_or(Nanos::ZERO);
    let when = if draw.chance(0.7) {
        let at = at + draw.log_time(Nanos::from_micros(100), Nanos::from_millis(500));
        Trigger::In(draw.pick(&STAGES), at)
    } else {
        Trigger::At(at + draw.log_time(Nanos::from_micros(20), Nanos::from_millis(100)))
    };
    let time = draw.log_time(Nanos::from_micros(50), Nanos::from_secs(1));
    let side = draw.pick(&Side::BOTH);
    let what = match draw.below(13) {
        0..=1 => Breakage::Does(side, Act::Finish),
        2 => Breakage::Does(side, Act::Close),
        3 => Breakage::Does(side, Act::Abort),
        4..=5 => Breakage::Does(side, Act::Rest(time)),
        6 => Breakage::Silence(time),
        7 => Breakage::Open,
        8 => Breakage::Stranger(Stray::Syn),
        9 => Breakage::Stranger(Stray::Unreachable),
        10..=11 => Breakage::Deaf(side, time),
        _ => Breakage::Stranger(Stray::Fragment),
    };
    Fault { when, what }
}
