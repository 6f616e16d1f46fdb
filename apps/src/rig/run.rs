//! Two hosts at work: one turn of everything, and what the turns are repeated for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use mafo::eal::clock::Clock;
use mafo::failover::Report;
use mafo::{Handover, LinkId, MemberId, Nanos};

use super::ebb::Ebb;
use super::fault::Fault;
use super::idle::Idle;
use super::lcore::{Answer, BondView, Near, Node, View};
use super::options::{Protect, RigOptions};
use super::samples::Samples;
use super::sniff::Data;
use super::stop::Stop;
use super::swallowed::Swallowed;
use super::verdict::TimelineEvent;
use super::world::{self, World};
use crate::peer::{self, Command, End, Event, PeerError, Sending};

mod finish;

/// Why there is no report.
#[derive(Debug)]
pub(crate) enum RigError {
    /// The system, or the command line, does not allow it.
    CannotRun(String),
    /// Something broke on the way.
    Failed(String),
    /// Somebody asked it to end.
    Stopped,
}

impl From<PeerError> for RigError {
    fn from(error: PeerError) -> Self {
        Self::Failed(format!("the peer: {error}"))
    }
}

/// What the peer said of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Far {
    established: bool,
    in_flight: bool,
    sent: u64,
    received: u64,
    corrupt: u64,
    closed: bool,
    failed: bool,
}

/// What is under way.
pub(crate) struct Run {
    pub(crate) options: RigOptions,
    pub(crate) clock: Clock,
    pub(crate) world: World,
    /// Our ends, as their lcores told of them last.
    pub(crate) near: Vec<Near>,
    /// The bond of each lcore, likewise.
    bonds: Vec<BondView>,
    /// What lcores have been asked and have not all answered yet; when they are asked again.
    asked_views: Vec<(Answer<View>, Option<View>)>,
    next_look: Nanos,
    pub(crate) far: Vec<Far>,
    pub(crate) events: Vec<TimelineEvent>,
    /// Of the present failover.
    pub(crate) times: Report,
    /// Connections that moved in the present failover.
    pub(crate) moved: BTreeSet<usize>,
    /// Those that had to: in balance-xor only some live where the fault is.
    pub(crate) concerned: BTreeSet<usize>,
    /// The peer sends, we send.
    sends: [bool; 2],
    /// Reports asked of the peer, and the last answered.
    asked: u32,
    answered: u32,
    /// The longest pause of each connection at the peer around the last mark, once it has said.
    stalls: Option<Vec<(u32, Nanos)>>,
    /// What the peer has counted of its timeouts, once it has said.
    timeouts: Option<u64>,
    stop: Option<Stop>,
    pub(super) is_handing_over: bool,
    /// Whether the peer has said anything by the way of any failover before that began.
    pub(super) was_answered: bool,
    /// When the last fault was brought about.
    pub(super) marked: Nanos,
    /// What goes over the cables, if somebody wants to know.
    samples: Option<Samples>,
    last_progress: Nanos,
}

/// How long nothing may move before it is given up.
const PATIENCE: Nanos = Nanos::from_secs(15);
/// How long handovers may take, beside a share for each connection.
const HANDOVER_PATIENCE: Nanos = Nanos::from_secs(10);
const HANDOVER_SHARE: Nanos = Nanos::from_millis(100);
/// How often the peer is asked how far it is.
const ASK_EVERY: Nanos = Nanos::from_millis(20);
/// How often lcores are asked how they stand: a share for each connection, since that is what it costs.
const LOOK_EVERY: Nanos = Nanos::from_micros(100);
const LOOK_SHARE: Nanos = Nanos::from_micros(1);
/// How often at most where they may sleep: a look wakes them. Adapters have a heartbeat as often.
const LOOK_ASLEEP: Nanos = Nanos::from_millis(1);

impl Run {
    /// Two hosts that are up, in a world in which `fault` can happen. `sends`: the peer, we.
    pub(crate) fn start(
        options: &RigOptions,
        fault: Fault,
        handover: Handover,
        sends: [bool; 2],
    ) -> Result<Self, RigError> {
        if let Some(why) = fault.impossible_in_xor().filter(|_| options.is_xor()) {
            return Err(RigError::CannotRun(format!("in balance-xor {why}")));
        }
        let clock = Clock::start();
        let world = world::build(options, fault, handover, (SystemTime::now(), clock))?;
        say(format_args!("peer: {} ({})", world.peer.name, world.peer.why));
        let count = options.connections as usize;
        let mut run = Self {
            options: options.clone(),
            clock,
            near: vec![Near::default(); count],
            bonds: vec![BondView::default(); world.crew.len() + 1],
            world,
            asked_views: Vec::new(),
            next_look: Nanos::ZERO,
            far: vec![Far::default(); count],
            events: Vec::new(),
            times: Report::default(),
            moved: BTreeSet::new(),
            concerned: BTreeSet::new(),
            sends,
            asked: 0,
            answered: 0,
            stalls: None,
            timeouts: None,
            stop: None,
            is_handing_over: false,
            was_answered: false,
            marked: Nanos::ZERO,
            samples: options.report.is_some().then(Samples::default),
            last_progress: Nanos::ZERO,
        };
        run.come_up(sends[1]).map_err(|why| match why {
            RigError::Failed(why) => RigError::CannotRun(why),
            other => other,
        })?;
        Ok(run)
    }

    /// Until the adapters of all lcores are up and the applications listen.
    fn come_up(&mut self, we_send: bool) -> Result<(), RigError> {
        while !self.bonds.iter().all(|bond| bond.is_up) {
            if self.clock.now() > Nanos::from_secs(10) {
                return Err(RigError::Failed("the adapters do not come up".to_owned()));
            }
            self.refresh()?;
        }
        let (seed, owners) = (self.options.seed, self.world.owners.clone());
        let listening = self.each(move |lcore, node| {
            let ids = (0..).zip(&owners).filter(|&(_, &owner)| owner == lcore).map(|(id, _)| id);
            node.listen(seed, ids.collect(), we_send)
        })?;
        let listening: Result<Vec<()>, _> = listening.into_iter().collect();
        listening.map(drop).map_err(|e| RigError::Failed(e.to_string()))
    }

    /// From now on Ctrl-C and SIGTERM are [`RigError::Stopped`], once; the next ends the process.
    pub(crate) fn stop_in_order(&mut self) -> Result<(), RigError> {
        self.stop = Some(Stop::new()?);
        Ok(())
    }

    /// One turn of everything.
    fn turn(&mut self) -> Result<Nanos, RigError> {
        let now = self.clock.now();
        if let Some(stop) = self.stop.take_if(|stop| stop.is_asked(now)) {
            stop.end_next_time()?;
            return Err(RigError::Stopped);
        }
        let mut is_busy = self.world.poll(now).map_err(|e| RigError::Failed(e.to_string()))?;
        if let Some(samples) = &mut self.samples {
            samples.look(now, &self.world.lines);
        }
        while let Some(event) = self.world.peer.host.poll(now)? {
            self.on_peer(event)?;
            is_busy = true;
        }
        // Whoever has been asked rings when it answers.
        let next = self.asked_views.is_empty().then_some(self.next_look);
        let has_slept = self.world.rest(is_busy, next, self.stop.as_ref().map(Stop::waker));
        let has_slept =
            has_slept.map_err(|e| RigError::Failed(format!("lcore 0 cannot sleep: {e}")))?;
        Ok(if has_slept { self.clock.now() } else { now })
    }

    /// Has something done by every lcore, the first of which is this thread, between two of its turns; what comes of
    /// it, by lcore.
    pub(crate) fn each<T: Send + 'static>(
        &mut self,
        order: impl Fn(usize, &mut Node) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, RigError> {
        let mut answers = Vec::new();
        for lcore in 1..=self.world.crew.len() {
            let order = order.clone();
            answers.push(self.world.crew.order(lcore, move |node| order(lcore, node))?);
        }
        let mut all = vec![order(0, &mut self.world.node)];
        for answer in answers {
            all.push(self.wait_for(&answer)?);
        }
        Ok(all)
    }

    /// An answer; until it is there this lcore goes on.
    fn wait_for<T>(&mut self, answer: &Answer<T>) -> Result<T, RigError> {
        loop {
            if let Some(value) = self.world.crew.take(answer)? {
                return Ok(value);
            }
            self.turn()?;
        }
    }

    /// Knows how all lcores stand now.
    pub(crate) fn refresh(&mut self) -> Result<(), RigError> {
        // In the order in which they were asked: none of what they have told may be lost.
        for (n, (answer, view)) in core::mem::take(&mut self.asked_views).into_iter().enumerate() {
            let view = match view {
                Some(view) => view,
                None => self.wait_for(&answer)?,
            };
            self.apply(n + 1, view);
        }
        for (lcore, view) in self.each(|_, node| node.look())?.into_iter().enumerate() {
            self.apply(lcore, view);
        }
        self.turn().map(drop)
    }

    /// Asks the lcores now and then, and waits for nobody; whether they have all just told.
    fn look(&mut self, now: Nanos) -> Result<bool, RigError> {
        if self.asked_views.is_empty() {
            if now < self.next_look {
                return Ok(false);
            }
            let often = LOOK_EVERY + Nanos(LOOK_SHARE.0 * self.near.len() as u64);
            self.next_look = now
                + match self.options.idle {
                    Idle::Poll => often,
                    Idle::Sleep => often.max(LOOK_ASLEEP),
                };
            for lcore in 1..=self.world.crew.len() {
                let answer = self.world.crew.order(lcore, |node: &mut Node| node.look())?;
                self.asked_views.push((answer, None));
            }
        }
        for (answer, view) in self.asked_views.iter_mut().filter(|(_, view)| view.is_none()) {
            *view = self.world.crew.take(answer)?;
        }
        if self.asked_views.iter().any(|(_, view)| view.is_none()) {
            return Ok(false);
        }
        let views = core::mem::take(&mut self.asked_views).into_iter().filter_map(|(_, view)| view);
        let own = self.world.node.look();
        for (lcore, view) in core::iter::once(own).chain(views).enumerate() {
            self.apply(lcore, view);
        }
        Ok(true)
    }

    /// Takes over what an lcore tells.
    fn apply(&mut self, lcore: usize, view: View) {
        self.bonds[lcore] = view.bond;
        for (id, near) in view.near {
            self.near[id as usize] = near;
        }
        for told in view.told {
            self.on_bond(lcore, told);
        }
    }

    /// Turns until `done`, or gives up when nothing moves any more.
    pub(crate) fn until(
        &mut self,
        what: &str,
        done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), RigError> {
        self.until_by(what, Self::total, done)
    }

    /// The same; `progress` changes as long as there is hope.
    fn until_by(
        &mut self,
        what: &str,
        progress: impl Fn(&Self) -> u64,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), RigError> {
        let mut before = 0;
        let mut next_ask = Nanos::ZERO;
        self.refresh()?;
        self.last_progress = self.clock.now();
        loop {
            if done(self) {
                return Ok(());
            }
            let now = loop {
                let now = self.turn()?;
                if self.look(now)? {
                    break now;
                }
            };
            if now >= next_ask && self.asked == self.answered {
                next_ask = now + ASK_EVERY;
                self.ask(false)?;
            }
            let moved = progress(self);
            if moved != before {
                before = moved;
                self.last_progress = now;
            } else if now - self.last_progress > PATIENCE {
                return Err(RigError::Failed(format!("nothing moves any more {what}")));
            }
        }
    }

    fn total(&self) -> u64 {
        let ours: u64 = self.near.iter().map(|c| c.received).sum();
        let far: u64 = self.far.iter().map(|far| far.received).sum();
        let closed = self.far.iter().filter(|far| far.closed || far.established).count();
        ours + far + closed as u64 + self.moved.len() as u64
    }

    fn ask(&mut self, queues: bool) -> Result<(), RigError> {
        self.asked += 1;
        self.world.peer.host.command(Command::Report { token: self.asked, queues })?;
        Ok(())
    }

    /// Asks the peer how far it is, and waits for the answer.
    fn hear(&mut self, queues: bool, when: &str) -> Result<(), RigError> {
        self.ask(queues)?;
        self.until(when, |run| run.asked == run.answered)
    }

    /// Opens all connections; the peer sends at least `bytes` on each, if it sends.
    pub(crate) fn connect(&mut self, bytes: u64) -> Result<(), RigError> {
        let count = self.options.connections;
        let half = count.div_ceil(2);
        let sending = if self.sends[0] { Sending::AtLeast(bytes) } else { Sending::Nothing };
        // One lcore that begins by another link than the rest would have the peer look for the host now here, now there.
        self.until("while the links come up", |run| {
            run.world.is_whole() && run.bonds.iter().all(|bond| bond.active.is_some())
        })?;
        self.agree()?;
        let halves = [(0..half, End::Ours), (half..count, End::Peer)];
        for (ids, opener) in halves.into_iter().filter(|(ids, _)| !ids.is_empty()) {
            self.world.peer.host.command(Command::Run { ids, opener, sending })?;
        }
        // The peer takes commands in order: an answer says that it expects us.
        self.hear(false, "while the peer gets ready")?;
        for id in 0..half {
            let opened = match self.world.owners[id as usize] {
                0 => self.world.node.open(id),
                lcore => {
                    let answer = self.world.crew.order(lcore, move |node: &mut Node| node.open(id));
                    self.wait_for(&answer?)?
                }
            };
            opened.map_err(RigError::Failed)?;
            self.turn()?;
        }
        self.until("while connecting", |run| {
            run.near.iter().all(|near| near.is_established)
                && run.far.iter().all(|far| far.established)
        })?;
        let shares =
            self.world.shares().map_or(String::new(), |shares| format!("; on the lcores {shares}"));
        let shared = if self.options.one_card { "; which share both adapters" } else { "" };
        self.event(format!(
            "{count} connections established, {half} of them opened by us{shares}{shared}"
        ));
        Ok(())
    }

    /// Bytes delivered so far each way: to us, to the peer.
    fn delivered(&self) -> Vec<[u64; 2]> {
        let pairs = self.near.iter().zip(&self.far);
        pairs.map(|(near, far)| [near.received, far.received]).collect()
    }

    fn wanted(&self, bytes: u64) -> [u64; 2] {
        self.sends.map(|sends| if sends { bytes } else { 0 })
    }

    /// Until every direction that is used has delivered `more` than now, but of connections that failed.
    pub(crate) fn deliver(&mut self, more: u64, when: &str) -> Result<(), RigError> {
        let goal = self.wanted(more);
        self.refresh()?;
        let goals = self.delivered().into_iter().map(|[ours, far]| [ours + goal[0], far + goal[1]]);
        self.reach(goals.collect(), when)
    }

    /// Until every direction that is used has delivered `bytes` in all.
    pub(crate) fn deliver_all(&mut self, bytes: u64) -> Result<(), RigError> {
        self.reach(vec![self.wanted(bytes); self.far.len()], "before the end")
    }

    /// Until every direction has delivered as much as its goal says, but of connections that failed. One that stands
    /// still is not waited for because others go on.
    fn reach(&mut self, goals: Vec<[u64; 2]>, when: &str) -> Result<(), RigError> {
        let missing = |run: &Self| -> Vec<u64> {
            let all = run.delivered().into_iter().zip(&goals).enumerate();
            all.map(|(n, (now, goal))| match run.has_failed(n) {
                true => 0,
                false => (0..2).map(|way| goal[way].saturating_sub(now[way])).sum(),
            })
            .collect()
        };
        let in_all = |run: &Self| missing(run).iter().sum();
        let reached = self.until_by(when, in_all, |run| in_all(run) == 0);
        let behind = missing(self).iter().filter(|&&bytes| bytes > 0).count();
        reached.map_err(|why| match why {
            RigError::Failed(why) if behind > 0 => {
                RigError::Failed(format!("{why} on {behind} of {} connections", goals.len()))
            }
            other => other,
        })
    }

    /// Whether a connection came to its end at either side though nobody closed it.
    fn has_failed(&self, n: usize) -> bool {
        self.near[n].error.is_some() || self.far[n].failed
    }

    /// Whether the adapters acknowledge only what their host has been told of.
    pub(crate) fn is_protected(&self) -> bool {
        self.options.protect == Protect::On
    }

    /// Connections of which our end has failed: no adapter has them any more.
    pub(crate) fn failed(&self) -> usize {
        self.near.iter().filter(|near| near.error.is_some()).count()
    }

    /// Until every direction that is used has delivered something that it had not at this instant.
    pub(crate) fn deliver_anew(&mut self, when: &str) -> Result<(), RigError> {
        self.hear(false, when)?;
        self.deliver(1, when)
    }

    /// Whether every connection lives on the link that the bond uses.
    pub(crate) fn is_settled(&mut self) -> bool {
        self.bonds.iter().all(|bond| !bond.is_moving)
    }

    /// Whether a member of the bond is an Ethernet port without an adapter.
    pub(super) fn is_port(&self, member: MemberId) -> bool {
        self.world.ports.get(member.index()).is_some_and(|&is_port| is_port)
    }

    /// The link that the bond uses, if all lcores use the same.
    pub(crate) fn active(&self) -> Option<LinkId> {
        let active = self.bonds[0].active;
        active.filter(|_| self.bonds.iter().all(|bond| bond.active == active))
    }

    /// Lets all lcores use the link that the first one uses: on a loaded machine their probes may have told them
    /// different things.
    pub(super) fn agree(&mut self) -> Result<(), RigError> {
        self.refresh()?;
        let Some(to) = self.bonds[0].active.filter(|_| self.active().is_none()) else {
            return Ok(());
        };
        self.each(move |_, node| node.make_active(to))?
            .into_iter()
            .collect::<Result<Vec<()>, _>>()
            .map_err(RigError::Failed)?;
        self.await_handovers(|run| run.active().is_some() && run.bonds.iter().all(|b| !b.is_moving))
    }

    /// How the bonds stand.
    pub(super) fn bonds(&self) -> &[BondView] {
        &self.bonds
    }

    /// Its line.
    pub(crate) fn active_line(&self) -> Option<usize> {
        let active = self.active()?;
        self.world.lines.iter().position(|line| line.link == active)
    }

    /// Connections that the active adapter owns, by its own count; or all of them do, where all carry: their own counts
    /// have entries of connections on the move as well. By an Ethernet port go those that the host has.
    pub(crate) fn offloaded(&self) -> usize {
        let by_port = self.world.ports.contains(&true);
        if self.options.is_xor() {
            let is_there = |near: &&Near| near.home.is_some() || by_port && near.is_refugee;
            return self.near.iter().filter(is_there).count();
        }
        match self.active() {
            Some(link) if !self.is_port(link.member) => {
                self.bonds.iter().map(|bond| bond.offloaded[link.member.index()]).sum()
            }
            Some(_) => self.near.iter().filter(|near| near.is_refugee).count(),
            None => 0,
        }
    }

    /// When the first driver had handled the word of the present failure, if all have.
    pub(crate) fn failed_at(&self) -> Option<Nanos> {
        let all: Option<Vec<Nanos>> = self.bonds.iter().map(|bond| bond.failed_at).collect();
        all.and_then(|all| all.into_iter().min())
    }

    /// Asks both ends until every connection has bytes under way in each direction that is used, for
    /// `patience` at most; how many have when it ends. Where the receiver is faster than the sender, a
    /// queue is empty now and then.
    pub(crate) fn await_in_flight(&mut self, patience: Nanos) -> Result<usize, RigError> {
        let [they, we] = self.sends;
        let end = self.clock.now() + patience;
        loop {
            self.hear(true, "at the cut")?;
            self.refresh()?;
            let in_flight = (0..self.far.len())
                .filter(|&n| !we || self.has_failed(n) || self.near[n].is_in_flight)
                .filter(|&n| !they || self.has_failed(n) || self.far[n].in_flight)
                .count();
            if in_flight == self.far.len() || self.clock.now() >= end {
                return Ok(in_flight);
            }
        }
    }

    /// What follows is measured as a new failover.
    pub(super) fn begin_failover(&mut self) -> Result<(), RigError> {
        self.refresh()?;
        self.world.present.clear();
        let views = self.each(|_, node| {
            let view = node.look();
            node.begin_failover();
            view
        })?;
        for (lcore, view) in views.into_iter().enumerate() {
            self.apply(lcore, view);
            self.bonds[lcore].failed_at = None;
        }
        self.times = Report::default();
        self.moved.clear();
        self.refuse_host_path()?;
        self.concerned = self.at_the_fault();
        self.is_handing_over = false;
        for line in &self.world.lines {
            line.seen.watch();
            line.cable.watch_lost();
        }
        Ok(())
    }

    /// Where a policy has connections on the host path nothing can be handed over.
    fn refuse_host_path(&self) -> Result<(), RigError> {
        let is_here = |near: &&Near| {
            near.home.is_none() && !near.is_refugee && near.is_established && near.error.is_none()
        };
        match self.near.iter().filter(is_here).count() {
            0 => Ok(()),
            _ if self.options.policy.is_none() && self.options.config.is_none() => Ok(()),
            count => Err(RigError::CannotRun(format!(
                "the policy has {count} of {} connections on the host path, where no failure moves them",
                self.near.len()
            ))),
        }
    }

    /// The connections that live on the active link, or its adapter if nothing else of that carries.
    fn at_the_fault(&self) -> BTreeSet<usize> {
        let active = self.active();
        let is_there = |n: &usize| !self.options.is_xor() || self.near[*n].home == active;
        (0..self.far.len()).filter(is_there).collect()
    }

    /// Connections of which something is missing: they had to move and have not, nor did they fail.
    pub(crate) fn unmoved(&self) -> usize {
        let unmoved = self.concerned.difference(&self.moved);
        unmoved.filter(|&&n| !self.has_failed(n)).count()
    }

    /// The fault happens just now: an lcore may notice before it is through.
    pub(super) fn strike(&mut self) {
        self.marked = self.clock.now();
        self.world.present.strike(self.marked);
    }

    /// The fault happened just now: both ends look at the pauses around it.
    pub(super) fn mark(&mut self) -> Result<(), RigError> {
        self.strike();
        let at = self.marked;
        self.world.peer.host.command(Command::Mark { at: self.world.peer.host.instant(at) })?;
        self.each(move |_, node| node.with_application(|ours, _| ours.mark(at))).map(drop)
    }

    /// What the handover of each connection that has moved has cost its lcore, and the one that polls its cards.
    pub(crate) fn costs(&mut self) -> Result<Vec<Nanos>, RigError> {
        let moved = self.moved.clone();
        let mut costs = BTreeMap::<usize, Nanos>::new();
        for (n, cost) in self.each(move |_, node| node.costs(&moved))?.concat() {
            *costs.entry(n).or_default() += cost;
        }
        Ok(costs.into_values().collect())
    }

    /// Takes over what the lcores have measured of the present failover.
    pub(crate) fn gather_times(&mut self) -> Result<(), RigError> {
        for times in self.each(|_, node| node.take_times())? {
            self.times.add(&times);
        }
        Ok(())
    }

    /// Until `is_over`. The others go on sending: that something moves does not say that this will end.
    pub(crate) fn await_handovers(
        &mut self,
        mut is_over: impl FnMut(&Self) -> bool,
    ) -> Result<(), RigError> {
        let patience =
            HANDOVER_PATIENCE + Nanos(HANDOVER_SHARE.0 * u64::from(self.options.connections));
        let deadline = self.clock.now() + patience;
        let mut late = false;
        self.until("during the handovers", |run| {
            late = run.clock.now() > deadline;
            late || is_over(run)
        })?;
        if late {
            return Err(RigError::Failed("the handovers do not end".to_owned()));
        }
        self.event(format!("{} connections handed over", self.moved.len()));
        Ok(())
    }

    /// The longest pause around the fault of each connection that had one worth mentioning: at the
    /// peer's application, or at ours if only the peer sends.
    pub(crate) fn gather_stalls(&mut self) -> Result<Vec<(u32, Nanos)>, RigError> {
        if !self.sends[1] {
            self.refresh()?;
            let stalls = self.near.iter().map(|near| near.stall);
            return Ok((0..).zip(stalls).collect());
        }
        self.stalls = None;
        self.world.peer.host.command(Command::Stalls)?;
        self.until("while the peer counts", |run| run.stalls.is_some())?;
        Ok(self.stalls.take().unwrap_or_default())
    }

    /// The connections whose peer's last frames went into the wire of `dead`, with nothing behind them; or into the
    /// adapter, if that is what died.
    pub(super) fn swallowed(&self, dead: usize, is_adapter: bool) -> BTreeSet<u32> {
        let plan = &self.world.plan;
        let mut swallowed = Swallowed::default();
        for frame in self.world.lines[dead].cable.take_lost() {
            if let Some(data) = Data::of(frame.head()) {
                swallowed.lost(plan, &data);
            }
        }
        for (n, line) in self.world.lines.iter().enumerate() {
            for ((from, to), came) in line.seen.take_came_in() {
                if n != dead {
                    swallowed.next(plan, from, to, came.first);
                } else if is_adapter {
                    // It took them from its cable before anybody knew that it was dead.
                    swallowed.lost(plan, &came.last);
                }
            }
        }
        swallowed.connections()
    }

    /// How often a retransmission timer of the peer's host has run out since it exists; `None` if it does
    /// not count.
    pub(crate) fn peer_timeouts(&mut self) -> Result<Option<u64>, RigError> {
        if !self.world.peer.host.counts_timeouts() {
            return Ok(None);
        }
        self.timeouts = None;
        self.world.peer.host.command(Command::Timeouts)?;
        self.until("while the peer counts", |run| run.timeouts.is_some())?;
        Ok(self.timeouts)
    }

    /// Goes on for a while.
    pub(crate) fn settle(&mut self, time: Nanos) -> Result<(), RigError> {
        let end = self.clock.now() + time;
        self.until("between failures", move |run| run.clock.now() >= end)
    }

    /// Ends all connections in order.
    pub(crate) fn close(&mut self) -> Result<(), RigError> {
        self.world.peer.host.command(Command::Close { ids: 0..self.options.connections })?;
        self.each(|_, node| node.with_application(|ours, core| ours.shutdown(core)))?;
        self.until("while closing", |run| {
            let far = run.far.iter().all(|far| far.closed || far.failed);
            far && run.near.iter().all(|near| near.closed || near.error.is_some())
        })?;
        self.event("all connections closed".to_owned());
        // Answers to the last releases are still under way.
        let mut ebb = Ebb::new(self.left_over(), self.clock.now());
        self.until("at the end", move |run| ebb.is_over(run.left_over(), run.clock.now()))
    }

    /// What connections still hold on the adapters of all lcores.
    fn left_over(&self) -> usize {
        self.bonds.iter().map(|bond| bond.left_over).sum()
    }

    fn on_peer(&mut self, event: Event) -> Result<(), RigError> {
        match event {
            Event::Established { id } => self.far(id).established = true,
            Event::Closed { id, sent, received, corrupt } => {
                let far = self.far(id);
                *far = Far { sent, received, corrupt, closed: true, ..*far };
            }
            Event::Failed { id, phase, error } => {
                self.far(id).failed = true;
                self.event(format!("connection {id} failed at the peer in {phase:?}: {error}"));
            }
            Event::Report(report) => self.on_report(&report),
            Event::Stalls(stalls) => {
                let instant = self.world.peer.host.instant(self.clock.now());
                let longest = stalls.stalls.iter().filter_map(|stall| {
                    let gap = stall.longest.or(stall.spanning)?;
                    Some((stall.id, Nanos(gap.len_at(instant))))
                });
                self.stalls = Some(longest.collect());
            }
            Event::Stranger { from } => {
                self.event(format!("a connection from {from} that nobody announced"));
            }
            Event::CommandFailed { what, error } => {
                return Err(RigError::Failed(format!("the peer cannot {what}: {error}")));
            }
            Event::Timeouts(count) => self.timeouts = Some(count),
            Event::Pong { .. } | Event::Pinged { .. } => {}
        }
        Ok(())
    }

    fn far(&mut self, id: u32) -> &mut Far {
        &mut self.far[id as usize]
    }

    fn on_report(&mut self, report: &peer::Report) {
        self.answered = report.token;
        for connection in &report.connections {
            let Some(far) = self.far.get_mut(connection.id as usize) else { continue };
            if far.closed {
                continue;
            }
            far.sent = connection.sent;
            far.received = connection.received;
            far.corrupt = connection.corrupt;
            if let Some(queues) = connection.queues {
                far.in_flight = queues.unacknowledged > 0;
            }
        }
    }
}

/// Progress goes to standard error, so that standard output has the result alone.
pub(crate) fn say(what: std::fmt::Arguments<'_>) {
    eprintln!("{what}");
}
