//! A seed from its beginning to its end, and what is told of it when something is wrong.

mod breaks;

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use mafo::eal::clock::thread_cpu_time;
use mafo::wire::PcapWriter;
use mafo::{BondCounters, BondEvent, FailOverMac, LinkId, PortId, SocketId};
use mafo_failover::Stage;
use mafo_mem::Nanos;
use mafo_stack::MemberId;

use crate::app::{Application, Phase};
use crate::check::{Passed, Rule, Speaker, Violation, Wrapped};
use crate::coverage::{BondState, ConnState, Coverage};
use crate::header::Tcp;
use crate::plan::{Breakage, Fault, Plan, Side, Trigger};
use crate::story::{PlanOf, describe};
use crate::world::{Own, World, links};

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
    /// Questions to adapters that were asked again.
    pub asked_again: u64,
    /// The link that was active in the end.
    pub active: Option<usize>,
    /// What went past 2^32.
    pub wrapped: Wrapped,
    /// The most payload in a segment that each adapter made.
    pub longest: [usize; 2],
    /// The MTU table of each adapter, as its driver has it.
    pub mtus: [Option<[u16; 16]>; 2],
    /// What the connection of the host with the bond with itself came to, if there was one.
    pub own: Option<OfOwn>,
    /// Opens that nobody accepted.
    pub not_accepted: usize,
}

/// What a connection of a host with itself came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfOwn {
    /// Bytes that each application read.
    pub read: [u64; 2],
    /// When both had read to the end, after the start.
    pub over_at: Option<Nanos>,
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
/// How long an adapter is without power that its host has given up.
const GIVEN_UP_FOR: Nanos = Nanos::from_millis(5);
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
    /// When what a cable swallows arrives again.
    holes_until: Vec<Option<Nanos>>,
    /// When each adapter that is to die is to be given its power back, and whether it is not in the bond, or may not
    /// be in it for long.
    revived_at: [Option<Nanos>; 2],
    is_broken: [bool; 2],
    /// When there is nothing more to open and to break.
    quiet_since: Nanos,
    coverage: Coverage,
    events: VecDeque<(Nanos, String)>,
    given_up: bool,
    /// SYNs of connections that live elsewhere which listeners were asked about; and those of them that came between two
    /// active links.
    syns_between: (u64, u64),
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
        let late = 2 * plan.latest();
        // And a next hop that an adapter refuses to write is written again.
        world.checker().grace = if plan.refuses_hops() { 4 * (3 + late) } else { 3 + late };
        world.checker().stands_still = plan.answers_late();
        world.checker().be_patient(plan.gaps_last());
        world.checker().refuses_hops = plan.refuses_hops();
        world.checker().samples_come = plan.mishaps == mafo::Mishaps::NONE;
        world.checker().all_carry = plan.is_xor();
        world.checker().mac_moves = plan.fail_over_mac != FailOverMac::None;
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
            holes_until: vec![None; world.cables.len()],
            revived_at: [None; 2],
            is_broken: [false; 2],
            quiet_since: world.now,
            coverage: Coverage::default(),
            events: VecDeque::new(),
            given_up: false,
            syns_between: (0, 0),
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
            let moved = moved || broke;
            let next = if self.world.will_wait(moved) { self.next_event() } else { None };
            self.world.pass(moved, next);
        }
        if let Some(violation) = self.impossible() {
            return Err((violation.clone(), self.story(&violation)));
        }
        self.coverage.read(self.world.near.sockets(), self.world.near.bond());
        let bond = self.world.near.bond().map_or(BondCounters::new(), |bond| bond.counters());
        let wrapped = self.world.checker().wrapped();
        let frames = self.world.checker().frames;
        let longest = self.world.checker().longest;
        let active = self.active();
        let core = self.world.near.sockets();
        let mtus =
            [0, 1].map(|n| core.member(MemberId(n)).map(|member| member.lcore.resources().mtus));
        let lcores = (0..2).filter_map(|n| core.member(MemberId(n))).map(|member| &member.lcore);
        let tables: u64 =
            lcores.map(|l| l.l2t.counters().asked_again + l.filters.counters().asked_again).sum();
        let start = self.start;
        let own = self.world.own.as_ref().map(|own| OfOwn {
            read: own.ends.each_ref().map(|end| end.read),
            over_at: own.over_at.map(|at| at - start),
        });
        let waits = |end: &Application| end.phase == Phase::Waiting;
        let not_accepted =
            self.world.applications.iter().flatten().filter(|end| waits(end)).count();
        Ok(Outcome {
            mtus,
            own,
            not_accepted,
            active,
            asked_again: bond.asked_again + core.counters().tom_asked_again + tables,
            coverage: self.coverage,
            lasted: self.world.now - self.start,
            steps: self.world.steps,
            frames,
            bond,
            wrapped,
            longest,
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
        let own = self.world.own_opens_at().map(|at| self.start + at);
        let mend = self.down_until.iter().flatten().copied().min();
        let deaf = self.deaf_until.map(|(_, until)| until);
        let holes = self.holes_until.iter().flatten().copied().min();
        let revival = (0..2).filter(|&n| self.world.near.is_dead(n));
        let revival = revival.filter_map(|n| self.revived_at[n]).min();
        [open, own, fault, mend, deaf, self.silent_until, holes, revival]
            .into_iter()
            .flatten()
            .min()
    }

    /// Opens and breaks what is due. Whether there was anything.
    fn open_and_break(&mut self) -> bool {
        let now = self.world.now;
        let mut any = false;
        while let Some(&n) = self.unopened.last()
            && self.start + self.plan.connections[n].at <= now
        {
            self.unopened.pop();
            self.world.open(n);
            any = true;
        }
        if self.world.own_opens_at().is_some_and(|at| self.start + at <= now) {
            self.world.open_own();
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
        any |= self.heal();
        let works = |(link, &(adapter, _)): (usize, &(usize, PortId))| {
            self.down_until[link].is_none()
                && self.holes_until[link].is_none()
                && !self.is_broken[adapter]
        };
        let links = links(self.plan);
        // Nobody finds out that a link's way is dead unless it is probed.
        let in_the_dark = self.active().is_some_and(|link| self.holes_until[link].is_some())
            || self.plan.is_xor()
                && (self.holes_until.iter().any(Option::is_some)
                    // Whose carrier stays, for a switch that shares among all that have one.
                    || self.is_broken.contains(&true));
        if in_the_dark || !links.iter().enumerate().any(works) {
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
        if self.world.own.as_ref().is_some_and(Own::talks) {
            self.coverage.conn(ConnState::Itself);
            self.coverage.fault(what.name(), ConnState::Itself);
        }
        let core = self.world.near.sockets();
        for id in (0..2).flat_map(|n| core.connections_on(MemberId(n))) {
            let Some(conn) = core.offloaded(id) else { continue };
            let stage = bond.stage(id);
            let state = stage.map_or(ConnState::On(conn.member.0), ConnState::In);
            self.coverage.conn(state);
            self.coverage.fault(what.name(), state);
            self.coverage.fault_in_tcp(what.name(), conn.state);
        }
        for _ in stages.iter().filter(|stage| **stage == Stage::Sheltered) {
            self.coverage.conn(ConnState::In(Stage::Sheltered));
            self.coverage.fault(what.name(), ConnState::In(Stage::Sheltered));
        }
    }

    fn active(&self) -> Option<usize> {
        let active = self.world.near.bond()?.active()?;
        let is_active = |link: &(usize, PortId)| LinkId::from(*link) == active;
        links(self.plan).iter().position(is_active)
    }

    /// Takes down who may speak, and what the bond says.
    fn look(&mut self) {
        let mut somebody_died = false;
        let mut moved = Vec::new();
        // Links that became active in this step, each for a moment, perhaps.
        let mut between = Vec::new();
        while let Some((at, event)) = self.world.near.bond_mut().and_then(mafo::Bond::poll_event) {
            match event {
                BondEvent::AdapterLost(member) => {
                    somebody_died = true;
                    // Or it was given up, since it left messages unanswered.
                    self.is_broken[member.index()] = true;
                    self.revived_at[member.index()].get_or_insert(at + GIVEN_UP_FOR);
                    self.bereaved(member, &moved);
                }
                BondEvent::Moved(id) => moved.push(id),
                BondEvent::Active(link) => between.push(link),
                BondEvent::AdapterBack(member) => {
                    self.revived_at[member.index()] = None;
                    self.is_broken[member.index()] = false;
                }
                _ => {}
            }
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
        self.world.look_at_own();
        let protect = self.world.is_protected();
        self.world.checker().judge_resets(protect);
        let world = &self.world;
        let (core, Some(bond)) = (world.near.sockets(), world.near.bond()) else { return };
        let mut checker = world.checker();
        // A filter is in force some time after another link became active, and what a listener was asked until then
        // comes as late again.
        let asked = core.counters().syns_of_others;
        if asked > self.syns_between.0 && checker.has_just_changed() {
            self.syns_between.1 += asked - self.syns_between.0;
        }
        self.syns_between.0 = asked;
        let links = links(self.plan);
        // Where all carry none is more active than others.
        let active = self.active().filter(|_| !self.plan.is_xor());
        let now_active = active.map(|link| LinkId::from(links[link]));
        let was_another = between.iter().any(|&link| now_active.is_some_and(|now| now != link));
        checker.active(active, was_another, |link| {
            self.is_broken[links[link].0] || between.contains(&LinkId::from(links[link]))
        });
        checker.clocks.clear();
        for n in 0..2 {
            let alive = core.member(MemberId(n)).filter(|_| !core.is_dead(MemberId(n)));
            checker.clocks.push(alive.and_then(|m| m.lcore.timestamp_now()));
        }
        checker.lost_held = bond.counters().hold_overflows > 0 || bond.counters().tx_full > 0;
        for (n, [near, _]) in world.applications.iter().enumerate() {
            let Some(id) = near.id else { continue };
            let before = checker.speaker_of(n);
            // What the host path says leaves by the active link, wherever the connection is to go, and may wait there
            // while another becomes that.
            let by_host = bond.active().filter(|_| core.offloaded(id).is_none());
            for to in bond.bound_for(id).into_iter().chain(by_host) {
                if let Some(link) = links.iter().position(|&link| LinkId::from(link) == to) {
                    checker.bound_for(n, link);
                }
            }
            // What is found is another one's, if a listener has answered a stranger since.
            let is_over = || world.tuples[n].is_some_and(|tuple| core.lookup(&tuple) != Some(id));
            if checker.is_short(n) {
                match core.progress(id) {
                    Some(progress) => checker.delivered(world.now, n, progress.rcv_nxt.0),
                    None if is_over() => checker.delivered_all(world.now, n),
                    None => {}
                }
            }
            if checker.may_be_gone(n) && is_over() {
                checker.gone(n);
            }
            let conn = core.offloaded(id);
            let sheltered = core.is_refugee(id);
            if conn.is_none() && before.owner.is_none() {
                if sheltered != before.sheltered {
                    checker.speaker(n, Speaker { sheltered, ..before });
                }
                continue;
            }
            let stage = conn.and_then(|_| bond.stage(id));
            let gated = matches!(stage, Some(Stage::Gated | Stage::Fenced | Stage::Uploading));
            // What leaves the host path has been nobody's until it lives on an adapter.
            let unowned = gated && before.owner.is_none();
            let owner = conn.filter(|_| !unowned).map(|c| c.member.0);
            let speaker = Speaker {
                owner,
                gated_at: match (gated, before.gated_at, owner) {
                    // Not later: the card may be another by then, that counts anew.
                    (true, None, Some(owner))
                        if before.gated_for == 0 && !self.is_broken[usize::from(owner)] =>
                    {
                        world.near.adapter(owner.into()).map(|a| packets_made(&a.counters().tp))
                    }
                    (true, at, _) => at.filter(|_| owner == before.owner),
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
                sheltered,
            };
            checker.speaker(n, speaker);
            if let (Some(heir), Some(rcv_nxt)) = (
                before.heir.filter(|_| owner != before.owner),
                core.progress(id).map(|p| p.rcv_nxt.0),
            ) {
                // Into the card and to the host, each as late as can be; behind an answer that is late.
                let polls = 2 * checker.grace + self.plan.answers_late();
                self.replay = Some(Replay { heir, rcv_nxt, held: None, polls });
            }
        }
        checker.judge_speakers(somebody_died, protect);
    }

    /// An adapter is dead, and silenced. These connections have moved since the last step: to it, perhaps.
    fn bereaved(&mut self, member: MemberId, moved: &[SocketId]) {
        let protect = self.world.is_protected();
        let mut checker = self.world.checker();
        for n in 0..self.world.applications.len() {
            let Speaker { owner, heir, sheltered, .. } = checker.speaker_of(n);
            // Before it is accepted nobody knows whose a connection is.
            let unknown = owner.is_none() && !sheltered;
            if owner == Some(member.0) || heir == Some(member.0) || unknown {
                checker.bereaved(self.world.now, n, protect);
            }
            let id = self.world.applications[n][0].id;
            if heir == Some(member.0) && id.is_some_and(|id| moved.contains(&id)) {
                checker.held_died(n);
            } else if owner == Some(member.0) {
                checker.given_died(n, |link| links(self.plan)[link].0 == member.index());
            } else {
                // What came by a cable of its was not held before its host had heard of it.
                checker.held_died(n);
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
        let alive = !self.is_broken[usize::from(replay.heir)];
        let judged = alive && checker.held_in_order(0, replay.rcv_nxt);
        // Segments that were kept beyond a gap are given to it as well, in the order in which they came.
        let gapped = self.world.near.bond().is_some_and(|bond| bond.counters().moved_gapped > 0);
        if judged && !gapped && replay.held.is_some_and(|before| before != held) {
            let how = "held frames came to the new owner in another order".to_string();
            checker.violate(self.world.now, Rule::Order, Some(0), how);
        }
        // Whoever has given up is not told what came.
        let reader = self.world.applications[0][0].id.filter(|_| !checker.may_be_gone(0));
        let progress = reader.and_then(|id| self.world.near.sockets().progress(id));
        let received = progress.map(|progress| progress.rcv_nxt.0);
        if judged
            && replay.polls == 1
            && received == Some(replay.rcv_nxt)
            && checker.is_held_beyond(0, replay.rcv_nxt)
        {
            let how = "held frames did not come to the new owner".to_string();
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
            && self.holes_until.iter().all(Option::is_none)
            && (0..2).all(|n| !self.world.near.is_dead(n))
            && world.near.is_up()
            && world.unfinished().is_none()
            && world.own.as_ref().is_none_or(Own::is_over)
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
        let stuck = world.unfinished();
        let (near, peer) = (world.near.sockets().sockets(), world.peer.core().sockets());
        let moving = world.near.bond().is_some_and(mafo::Bond::is_moving);
        let own = world.own.as_ref().filter(|own| !own.is_over());
        let (rule, how) = if own.is_some() {
            (Rule::Liveness, "the connection with itself does not end".to_string())
        } else if stuck.is_some() {
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
        let asked = stack.syns_of_others - self.syns_between.1;
        if asked > 0 {
            let how = format!("{asked} SYNs of connections that live elsewhere");
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
        if let Some(Own { ends: [opens, accepts], .. }) = &self.world.own {
            story += &format!("with itself: {opens:?}\n{accepts:?}\n");
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
        for member in (0..2).filter_map(|n| core.member(MemberId(n))) {
            let (tids, atids): (Vec<_>, Vec<_>) =
                (member.tids.iter().collect(), member.atids.iter().collect());
            let hops: Vec<_> = member.hops().collect();
            story += &format!("in use: {tids:?} {atids:?} {hops:?}\n");
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
    let late = plan.latest();
    u64::from(LINK_TRAINING[0] + LINK_TRAINING[1] * late)
}
