//! A seed from its beginning to its end, and what is told of it when something is wrong.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use mafo::eal::clock::thread_cpu_time;
use mafo::wire::PcapWriter;
use mafo::{BondCounters, BondEvent, LinkId, Refusals, SocketId};
use mafo_failover::Stage;
use mafo_mem::Nanos;
use mafo_stack::MemberId;

use crate::app::Phase;
use crate::check::{Passed, Rule, Speaker, Violation, Wrapped};
use crate::coverage::{BondState, ConnState, Coverage};
use crate::header::Tcp;
use crate::plan::{Breakage, Connection, Fault, Plan, Side, Trigger};
use crate::story::{PlanOf, describe};
use crate::world::World;

/// Polls that a card may need, by its lateness, to tell of a link that has gone, and to drop what was queued
/// for it until the host had heard. A link does not come back sooner: the two ends have to find each
/// other again, which takes milliseconds.
const LINK_TRAINING: [u32; 2] = [4, 16];

/// What a seed that went well says of itself.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What its faults hit.
    pub coverage: Coverage,
    /// How long it lasted, by the hosts' clocks.
    pub lasted: Nanos,
    /// Polls.
    pub steps: u64,
    /// Frames on the hosts' cables.
    pub frames: u64,
    /// What the bond counted.
    pub bond: BondCounters,
    /// What went past 2^32.
    pub wrapped: Wrapped,
}

/// A seed that went wrong.
#[derive(Debug)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// The first rule that was violated.
    pub violation: Violation,
    /// What happened last.
    pub story: String,
    /// All that the peer sent and received.
    pub capture: Option<PathBuf>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation { rule, conn, at, how } = &self.violation;
        writeln!(f, "seed {}: {rule:?} at {:.6} s", self.seed, at.as_secs_f64())?;
        if let Some(conn) = conn {
            writeln!(f, "connection {conn}")?;
        }
        writeln!(f, "{how}\n{}", self.story)?;
        if let Some(capture) = &self.capture {
            writeln!(f, "the peer's side: {}", capture.display())?;
        }
        write!(f, "again: cargo run --release -- soak --seeds 1 --first-seed {}", self.seed)
    }
}

/// After all is opened and every fault is over, so long until all connections have ended. An open that
/// its application let go of is given up by the card after its last SYN, in ten minutes.
const PATIENCE: Nanos = Nanos::from_secs(700);
/// So long until one that was left alone by the other end gives up.
const HALF_OPEN: Nanos = Nanos::from_secs(40);
const EVENTS_MAX: usize = 64;

/// Runs `seed`; when it fails, once more with a capture.
pub fn run(seed: u64) -> Result<Outcome, Box<Failure>> {
    let plan = Plan::draw(seed);
    run_plan(&plan)
}

/// Runs a plan; when it fails, once more with a capture.
pub fn run_plan(plan: &Plan) -> Result<Outcome, Box<Failure>> {
    let (violation, _) = match attempt(plan, None) {
        Ok(outcome) => return Ok(outcome),
        Err(failed) => failed,
    };
    let path = std::env::temp_dir().join(format!("mafo-sim-{}.pcap", plan.seed));
    let again = attempt(plan, Some(path.clone())).err();
    let (violation, story) = again.unwrap_or((violation, "a second run went well".into()));
    Err(Box::new(Failure { seed: plan.seed, violation, story, capture: Some(path) }))
}

/// The first violation, without a second run: for tests of the checker.
#[must_use]
pub fn first_violation(plan: &Plan) -> Option<Violation> {
    attempt(plan, None).err().map(|(violation, _)| violation)
}

type Failed = (Violation, String);

fn attempt(plan: &Plan, capture: Option<PathBuf>) -> Result<Outcome, Failed> {
    let run = || Run::new(plan, capture).finish();
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result,
        Err(panic) => {
            let how = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_string()))
                .unwrap_or_default();
            let violation = Violation { rule: Rule::Panic, conn: None, at: Nanos::ZERO, how };
            Err((violation, format!("{plan:#?}")))
        }
    }
}

struct Run<'a> {
    plan: &'a Plan,
    world: World,
    start: Nanos,
    /// Connections not opened yet, earliest last.
    unopened: Vec<usize>,
    /// Faults to come.
    faults: VecDeque<Fault>,
    /// When the last fault came.
    last_fault: Nanos,
    /// When each cable is mended.
    down_until: Vec<Option<Nanos>>,
    /// How many polls a link is down at least.
    link_training: u64,
    /// On which side nobody listens, and until when.
    deaf_until: Option<(Side, Nanos)>,
    /// Until when the peer is not heard.
    silent_until: Option<Nanos>,
    /// At which poll each cable was cut last.
    cut_at: Vec<u64>,
    /// When there is nothing more to open and to break.
    quiet_since: Nanos,
    coverage: Coverage,
    events: VecDeque<(Nanos, String)>,
    given_up: bool,
    replay: Option<Replay>,
}

/// Held frames on their way into a connection's new owner.
struct Replay {
    heir: u8,
    /// What the connection had received before.
    rcv_nxt: u32,
    /// Segments that the owner had held back beyond a gap before.
    held: Option<u64>,
    /// Polls that are looked at.
    polls: u32,
}

/// Packets that TP has made, as it numbers them.
fn packets_made(tp: &mafo::TpCounters) -> u16 {
    let lost = tp.tx_drop_arp_miss + tp.tx_drop_dma_fault + tp.tx_drop_full;
    (tp.tx_segments + lost) as u16
}

impl<'a> Run<'a> {
    fn new(plan: &'a Plan, capture: Option<PathBuf>) -> Self {
        let world = World::new(plan);
        if let Some(path) = capture {
            world.checker().capture = PcapWriter::create(&path, UNIX_EPOCH).ok();
        }
        // A doorbell may be late, and the frame behind it waits for messages to the host that are late.
        world.checker().grace = 3 + 2 * plan.late_polls.iter().max().copied().unwrap_or(0);
        let mut unopened: Vec<usize> = (0..plan.connections.len()).collect();
        unopened.sort_by_key(|&n| std::cmp::Reverse(plan.connections[n].at));
        Self {
            plan,
            start: world.now,
            unopened,
            faults: plan.faults.iter().copied().collect(),
            last_fault: Nanos::ZERO,
            down_until: vec![None; world.cables.len()],
            link_training: link_training(plan),
            deaf_until: None,
            silent_until: None,
            cut_at: vec![0; world.cables.len()],
            quiet_since: world.now,
            coverage: Coverage::default(),
            events: VecDeque::new(),
            given_up: false,
            replay: None,
            world,
        }
    }

    fn finish(mut self) -> Result<Outcome, Failed> {
        loop {
            let moved = self.world.step();
            let broke = self.open_and_break();
            self.look();
            self.judge_replay();
            let violated = self.world.checker().violation.take();
            if let Some(violation) = violated {
                return Err((violation.clone(), self.story(&violation)));
            }
            if self.is_done() {
                break;
            }
            if let Some(violation) = self.overdue() {
                return Err((violation.clone(), self.story(&violation)));
            }
            let next = self.next_event();
            self.world.pass(moved || broke, next);
        }
        if let Some(violation) = self.impossible() {
            return Err((violation.clone(), self.story(&violation)));
        }
        self.coverage.read(self.world.near.sockets(), self.world.near.bond());
        let bond = self.world.near.bond().map_or(BondCounters::new(), |bond| bond.counters());
        let wrapped = self.world.checker().wrapped();
        let frames = self.world.checker().frames;
        Ok(Outcome {
            coverage: self.coverage,
            lasted: self.world.now - self.start,
            steps: self.world.steps,
            frames,
            bond,
            wrapped,
        })
    }

    fn event(&mut self, event: String) {
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back((self.world.now, event));
    }

    fn next_event(&self) -> Option<Nanos> {
        let open = self.unopened.last().map(|&n| self.start + self.plan.connections[n].at);
        let fault = self.faults.front().map(|fault| match fault.when {
            Trigger::At(at) | Trigger::In(_, at) => self.start + at,
        });
        let mend = self.down_until.iter().flatten().copied().min();
        let deaf = self.deaf_until.map(|(_, until)| until);
        [open, fault, mend, deaf, self.silent_until].into_iter().flatten().min()
    }

    /// Opens and breaks what is due. Whether there was anything.
    fn open_and_break(&mut self) -> bool {
        let now = self.world.now;
        let mut any = false;
        while let Some(&n) = self.unopened.last()
            && self.start + self.plan.connections[n].at <= now
        {
            self.unopened.pop();
            let connection = self.plan.connections[n];
            self.world.open(n, connection.opener, connection.nagle);
            any = true;
        }
        for link in 0..self.down_until.len() {
            if self.down_until[link].is_some_and(|until| until <= now) {
                any |= self.mend(link);
            }
        }
        while let Some(fault) = self.faults.front().copied()
            && self.is_due(fault.when)
        {
            self.faults.pop_front();
            self.hit(fault.what);
            self.breaks(fault);
            any = true;
        }
        if let Some((side, until)) = self.deaf_until {
            self.world.nobody_listens(side);
            if until <= now {
                self.deaf_until = None;
                self.world.listen(side);
                any = true;
            }
        }
        if self.silent_until.take_if(|until| *until <= now).is_some() {
            self.world.silence(false);
            any = true;
        }
        let all_down = self.down_until.iter().all(Option::is_some);
        if all_down {
            self.world.dark_until = self.world.dark_until.max(Some(now));
        }
        if any {
            self.quiet_since = now;
        }
        any
    }

    fn is_due(&self, when: Trigger) -> bool {
        match when {
            Trigger::At(at) => self.start + at <= self.world.now,
            Trigger::In(stage, at) => {
                self.start + at <= self.world.now
                    || self.last_fault < self.world.now && self.stages().any(|s| s == Some(stage))
            }
        }
    }

    fn stages(&self) -> impl Iterator<Item = Option<Stage>> + '_ {
        let bond = self.world.near.bond();
        let ids = self.world.applications.iter().filter_map(|[near, _]| near.id);
        ids.map(move |id| bond.and_then(|bond| bond.stage(id)))
    }

    /// Counts what is hit now.
    fn hit(&mut self, what: Breakage) {
        self.last_fault = self.world.now;
        let Some(bond) = self.world.near.bond() else { return };
        let stages: Vec<_> = self.stages().flatten().collect();
        let state = if !bond.is_moving() {
            BondState::Normal
        } else if stages.iter().any(|s| *s != Stage::Tunnelled) {
            BondState::Draining
        } else {
            BondState::Tunnel
        };
        self.coverage.bond(state);
        let core = self.world.near.sockets();
        for id in (0..2).flat_map(|n| core.connections_on(MemberId(n))) {
            let Some(conn) = core.offloaded(id) else { continue };
            let stage = bond.stage(id);
            let state = stage.map_or(ConnState::On(conn.member.0), ConnState::In);
            self.coverage.conn(state);
            self.coverage.fault(what.name(), state);
            self.coverage.fault_in_tcp(what.name(), conn.state);
        }
    }

    fn active(&self) -> Option<usize> {
        let active = self.world.near.bond()?.active()?;
        let links = if self.plan.ports_of_a == 2 {
            vec![(0, 0), (0, 1), (1, 0)]
        } else {
            vec![(0, 0), (1, 0)]
        };
        links
            .iter()
            .position(|&(adapter, port)| (active.member.0, active.port.0) == (adapter, port))
    }

    fn breaks(&mut self, fault: Fault) {
        let what = fault.what;
        let active = self.active().unwrap_or(0);
        let all = 0..self.down_until.len();
        let down = |run: &Self, link: usize| run.down_until[link].is_some();
        match what {
            Breakage::Active(time) => self.cut(active, time),
            Breakage::Backup(time) => {
                let backup = all.clone().find(|&link| link != active);
                match backup {
                    Some(link) if down(self, link) => {
                        self.mend(link);
                    }
                    Some(link) => self.cut(link, time),
                    None => {}
                }
            }
            Breakage::All(time) => all.for_each(|link| self.cut(link, time)),
            Breakage::Does(side, act) => {
                if let Some(n) = self.concerned(fault.when) {
                    self.world.acts(n, side, act);
                    self.event(format!("connection {n}, {side:?}: {act:?}"));
                }
            }
            Breakage::Stranger(stray) => {
                if let Some(n) = self.concerned(fault.when) {
                    self.world.stray(n, stray);
                    self.event(format!("connection {n}, a stranger: {stray:?}"));
                }
            }
            Breakage::Silence(time) => {
                self.world.silence(true);
                self.silent_until = Some(self.world.now + time);
                // Nor are answers about next hops.
                self.world.dark_until = self.silent_until;
                self.event(format!("the peer is not heard for {:.6} s", time.as_secs_f64()));
            }
            Breakage::Deaf(side, time) if self.deaf_until.is_none() => {
                self.world.deafen(side);
                self.deaf_until = Some((side, self.world.now + time));
                self.event(format!("{side:?} does not listen for {:.6} s", time.as_secs_f64()));
            }
            Breakage::Deaf(..) => {}
            Breakage::Open => {
                if let Some(n) = self.unopened.pop() {
                    let Connection { opener, nagle, .. } = self.plan.connections[n];
                    self.world.open(n, opener, nagle);
                }
            }
            Breakage::RefuseOpens(opens) => self.refuse(Refusals { opens, uploads: 0 }),
            Breakage::RefuseUploads(uploads) => self.refuse(Refusals { opens: 0, uploads }),
            Breakage::Mend => {
                if let Some(link) = all.clone().find(|&link| down(self, link)) {
                    self.mend(link);
                }
            }
        }
    }

    /// The connection that a fault is about: one in the stage that it waited for, or else any that lives on an
    /// adapter.
    fn concerned(&self, when: Trigger) -> Option<usize> {
        let core = self.world.near.sockets();
        let bond = self.world.near.bond()?;
        let live = |n: &usize| {
            let ids = &self.world.applications[*n];
            ids.iter().all(|app| app.phase == Phase::Talking)
                && ids[0].id.and_then(|id| core.offloaded(id)).is_some_and(|c| c.state.is_live())
        };
        let waited_for = |n: &usize| match when {
            Trigger::In(stage, _) => {
                self.world.applications[*n][0].id.and_then(|id| bond.stage(id)) == Some(stage)
            }
            Trigger::At(_) => true,
        };
        let all = 0..self.world.applications.len();
        all.clone().filter(live).find(waited_for).or_else(|| all.clone().find(live))
    }

    #[cfg(debug_assertions)]
    fn refuse(&mut self, refusals: Refusals) {
        for n in 0..2 {
            if let Some(adapter) = self.world.near.adapter_mut(n) {
                adapter.refuse(refusals);
            }
        }
        self.event(format!("{refusals:?}"));
    }

    /// Adapters refuse nothing in a program that has no debug assertions.
    #[cfg(not(debug_assertions))]
    fn refuse(&mut self, _: Refusals) {}

    fn cut(&mut self, link: usize, time: Nanos) {
        self.world.cables[link].set_carrier(false);
        self.cut_at[link] = self.world.steps;
        self.down_until[link] = Some(self.world.now + time);
        self.event(format!("link {link} is cut for {:.6} s", time.as_secs_f64()));
    }

    /// Mends a cable, or says when it can be. Whether it was mended.
    fn mend(&mut self, link: usize) -> bool {
        // Lateness counts polls, and the clock jumps where nothing moves. Where no card is late with anything any
        // more, everybody has heard.
        let earliest = self.cut_at[link] + self.link_training;
        if self.world.steps < earliest && !self.world.is_settled() {
            self.down_until[link] = Some(self.world.now + self.plan.tick);
            return false;
        }
        self.hit(Breakage::Mend);
        self.world.cables[link].set_carrier(true);
        self.down_until[link] = None;
        self.event(format!("link {link} is mended"));
        true
    }

    /// Takes down who may speak, and what the bond says.
    fn look(&mut self) {
        while let Some((at, event)) = self.world.near.bond_mut().and_then(mafo::Bond::poll_event) {
            let text = match event {
                BondEvent::Link(LinkId { member, port }, up) => {
                    format!("link {}:{} is {}", member.0, port.0, if up { "up" } else { "down" })
                }
                BondEvent::Active(LinkId { member, port }) => {
                    format!("{}:{} is active", member.0, port.0)
                }
                other => format!("{other:?}"),
            };
            self.event(text);
            if let Some(last) = self.events.back_mut() {
                last.0 = at;
            }
        }
        self.world.checker().judge_resets();
        let world = &self.world;
        let (core, Some(bond)) = (world.near.sockets(), world.near.bond()) else { return };
        let mut checker = world.checker();
        let active = self.active();
        let lasted =
            if active == checker.active.0 { checker.active.1.saturating_add(1) } else { 0 };
        checker.active = (active, lasted);
        checker.clocks.clear();
        for n in 0..2 {
            let clock = core.member(MemberId(n)).map(|m| m.lcore.timestamp_now());
            checker.clocks.push(clock.unwrap_or(0));
        }
        checker.lost_held = bond.counters().hold_overflows > 0 || bond.counters().tx_full > 0;
        for (n, [near, _]) in world.applications.iter().enumerate() {
            let Some(id) = near.id else { continue };
            let before = checker.speaker_of(n);
            let conn = core.offloaded(id);
            if conn.is_none() && before.owner.is_none() {
                continue;
            }
            let stage = conn.and_then(|_| bond.stage(id));
            let owner = conn.map(|c| c.member.0);
            let gated = matches!(stage, Some(Stage::Gated | Stage::Fenced | Stage::Uploading));
            let speaker = Speaker {
                owner,
                gated_at: match (gated, before.gated_at, owner) {
                    (true, None, Some(owner)) => {
                        world.near.adapter(owner.into()).map(|a| packets_made(&a.counters().tp))
                    }
                    (true, at, _) => at,
                    (false, ..) => None,
                },
                gated_for: if gated { before.gated_for + 1 } else { 0 },
                heir: bond.heir(id).map(|member| member.0),
                holds: matches!(stage, Some(Stage::Held | Stage::Gated | Stage::Fenced)),
                owner_for: if owner == before.owner {
                    before.owner_for.saturating_add(1)
                } else {
                    0
                },
            };
            checker.speaker(n, speaker);
            if let (Some(heir), Some(rcv_nxt)) = (
                before.heir.filter(|_| owner != before.owner),
                core.progress(id).map(|p| p.rcv_nxt.0),
            ) {
                self.replay = Some(Replay { heir, rcv_nxt, held: None, polls: checker.grace });
            }
        }
    }

    /// With one connection alone, and frames that were held without a gap, its new owner has nothing to
    /// hold back: if it does, they came to it in another order.
    fn judge_replay(&mut self) {
        let Some(mut replay) = self.replay.take().filter(|_| self.plan.connections.len() == 1)
        else {
            return;
        };
        let adapter = self.world.near.adapter(replay.heir.into());
        let held = adapter.map_or(0, |a| a.counters().tcp.rx_held);
        let mut checker = self.world.checker();
        let judged = checker.held_in_order(0, replay.rcv_nxt);
        if judged && replay.held.is_some_and(|before| before != held) {
            let how = "held frames came to the new owner in another order".to_string();
            checker.violate(self.world.now, Rule::Order, Some(0), how);
        }
        drop(checker);
        replay.held.get_or_insert(held);
        replay.polls = replay.polls.saturating_sub(1);
        self.replay = Some(replay).filter(|replay| judged && replay.polls > 0);
    }

    fn is_done(&self) -> bool {
        let world = &self.world;
        self.unopened.is_empty()
            && self.faults.is_empty()
            && self.down_until.iter().all(Option::is_none)
            && self.silent_until.is_none()
            && self.deaf_until.is_none()
            && world.all_over()
            && world.near.sockets().sockets() == 0
            && world.peer.core().sockets() == 0
            && world.near.left_over() == 0
            && world.near.bond().is_some_and(|bond| !bond.is_moving())
    }

    /// What should have ended by now.
    fn overdue(&mut self) -> Option<Violation> {
        let waited = self.world.now - self.quiet_since;
        let nothing_more = self.unopened.is_empty() && self.faults.is_empty();
        if nothing_more && waited > HALF_OPEN && !self.given_up {
            self.given_up = true;
            self.world.give_up_half_open();
            let gave_up: Vec<_> =
                self.world.applications.iter().map(|a| a[0].gave_up || a[1].gave_up).collect();
            let mut checker = self.world.checker();
            for (n, _) in gave_up.iter().enumerate().filter(|(_, gave_up)| **gave_up) {
                checker.application_gave_up(n);
            }
        }
        if !nothing_more || waited <= PATIENCE {
            return None;
        }
        let world = &self.world;
        let at = world.now;
        let stuck = world
            .applications
            .iter()
            .position(|ends| ends.iter().any(|app| !matches!(app.phase, Phase::Over)));
        let (near, peer) = (world.near.sockets().sockets(), world.peer.core().sockets());
        let moving = world.near.bond().is_some_and(mafo::Bond::is_moving);
        let (rule, how) = if !world.all_over() {
            (Rule::Liveness, "a connection does not end".to_string())
        } else if near + peer > 0 || moving {
            let how = format!(
                "sockets: {near} of the host with the bond, {peer} of the peer; moving: {moving}"
            );
            (Rule::Liveness, how)
        } else {
            (Rule::LeftOver, format!("{} left over", world.near.left_over()))
        };
        Some(Violation { rule, conn: stuck, at, how })
    }

    /// What no adapter may ever have said.
    fn impossible(&self) -> Option<Violation> {
        let stack = self.world.near.sockets().counters();
        if stack.syns_of_others > 0 {
            let how = format!("{} SYNs of connections that live elsewhere", stack.syns_of_others);
            return Some(Violation { rule: Rule::Owner, conn: None, at: self.world.now, how });
        }
        let counts = [
            ("bad credits", stack.tom_bad_credits),
            ("bad acknowledgments", stack.tom_bad_ack),
            ("bad sequence numbers", stack.tom_bad_seq),
            ("overruns", stack.tom_overrun),
        ];
        let (what, count) = counts.into_iter().find(|(_, count)| *count > 0)?;
        let how = format!("{what}: {count}");
        Some(Violation { rule: Rule::Impossible, conn: None, at: self.world.now, how })
    }

    fn story(&self, violation: &Violation) -> String {
        let mut story = format!("{:#?}\n", PlanOf(self.plan));
        for [near, peer] in &self.world.applications {
            let unfinished = near.phase != Phase::Over || peer.phase != Phase::Over;
            if violation.conn.map_or(unfinished, |conn| conn == near.conn) {
                story += &format!("{near:?}\n{peer:?}\n");
            }
        }
        if let Some(bond) = self.world.near.bond() {
            story += &format!("{:?}\n", bond.counters());
        }
        story += &format!("{:?}\n", self.world.near.sockets().counters());
        for adapter in (0..2).filter_map(|n| self.world.near.adapter(n)) {
            let counters = adapter.counters();
            story += &format!("{:?}\n{:?}\n{:?}\n", counters.wr, counters.tp, counters.hw);
        }
        let core = self.world.near.sockets();
        let of_conn = violation.conn.and_then(|conn| self.world.applications[conn][0].id);
        let ids: Vec<SocketId> = match violation.conn {
            Some(_) => of_conn.into_iter().collect(),
            None => (0..2).flat_map(|n| core.connections_on(MemberId(n))).collect(),
        };
        for id in ids {
            story += &format!("{id:?} {:?} {:?}\n", core.tuple(id), core.offloaded(id));
        }
        story += "events:\n";
        for (at, event) in &self.events {
            story += &format!("  {:.6} {event}\n", at.as_secs_f64());
        }
        story += "frames:\n";
        let checker = self.world.checker();
        let of_conn = |passed: &&Passed| {
            violation.conn.is_none()
                || Tcp::parse_head(&passed.head)
                    .is_some_and(|tcp| checker.conn_of(&tcp) == violation.conn)
        };
        let passed: Vec<_> = checker.passed.iter().filter(of_conn).collect();
        for passed in &passed[passed.len().saturating_sub(40)..] {
            story += &format!("  {}\n", describe(passed));
        }
        story
    }
}

/// Runs seeds `0..count`: what their faults hit, and what each one cost, in order.
pub fn run_many(count: u64) -> Result<(Coverage, Vec<Cost>), Box<Failure>> {
    let mut coverage = Coverage::default();
    let mut costs = Vec::new();
    for seed in 0..count {
        let start = thread_cpu_time();
        let outcome = run(seed)?;
        costs.push(Cost {
            seed,
            nanos: (thread_cpu_time() - start).0,
            steps: outcome.steps,
            frames: outcome.frames,
        });
        coverage.add(&outcome.coverage);
    }
    Ok((coverage, costs))
}

/// What a seed cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// The seed.
    pub seed: u64,
    /// Processor time.
    pub nanos: u64,
    /// Polls.
    pub steps: u64,
    /// Frames on cables.
    pub frames: u64,
}

fn link_training(plan: &Plan) -> u64 {
    let late = plan.late_polls.iter().max().copied().unwrap_or(0);
    u64::from(LINK_TRAINING[0] + LINK_TRAINING[1] * late)
}
