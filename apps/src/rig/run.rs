//! Two hosts at work: one turn of everything, and what the turns are repeated for.

use std::collections::BTreeSet;
use std::io;
use std::time::SystemTime;

use mafo::eal::clock::Clock;
use mafo::failover::Report;
use mafo::{
    BondEvent, Handover, HostError, LinkId, MemberId, Nanos, Options, PathChoice, SocketId,
};

use super::cost::Costs;
use super::fault::Fault;
use super::options::{Protect, RigOptions};
use super::samples::Samples;
use super::sniff::{Data, Ends};
use super::stop::Stop;
use super::swallowed::Swallowed;
use super::verdict::{EventKind, TimelineEvent, Verdict};
use super::world::{self, World};
use crate::ours::{Application, Ours};
use crate::peer::{self, Command, End, Endpoints, Event, PeerError, Sending};

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
    pub(crate) ours: Application,
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
    is_handing_over: bool,
    /// Whether the peer has said anything by the way of any failover before that began.
    was_answered: bool,
    /// What the present failover's handovers cost.
    costs: Costs,
    /// When the last fault was brought about.
    marked: Nanos,
    /// What goes over the cables, if somebody wants to know.
    samples: Option<Samples>,
    last_progress: Nanos,
}

const OFFLOAD: Options = Options::on(PathChoice::Offload);
/// How long nothing may move before it is given up.
const PATIENCE: Nanos = Nanos::from_secs(15);
/// How long handovers may take, beside a share for each connection.
const HANDOVER_PATIENCE: Nanos = Nanos::from_secs(10);
const HANDOVER_SHARE: Nanos = Nanos::from_millis(100);
/// How often the peer is asked how far it is.
const ASK_EVERY: Nanos = Nanos::from_millis(20);

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
        let mut world = world::build(options, fault, handover, (SystemTime::now(), clock))?;
        say(format_args!("peer: {} ({})", world.peer.name, world.peer.why));
        let mut now = clock.now();
        while !world.host.is_up() {
            if let Some(trunk) = &mut world.trunk {
                trunk.poll(now);
            }
            world.host.poll(now).map_err(|e| RigError::CannotRun(e.to_string()))?;
            now = clock.now();
            if now > Nanos::from_secs(10) {
                return Err(RigError::CannotRun("the adapters do not come up".to_owned()));
            }
        }
        let count = options.connections;
        let ours = Application::new(
            world.host.sockets_mut(),
            &world.plan,
            OFFLOAD,
            (options.seed, count, sends[1]),
        )
        .map_err(|e| RigError::CannotRun(e.to_string()))?;
        Ok(Self {
            options: options.clone(),
            clock,
            world,
            ours,
            far: vec![Far::default(); count as usize],
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
            costs: Costs::new(clock),
            marked: Nanos::ZERO,
            samples: options.report.is_some().then(Samples::default),
            last_progress: Nanos::ZERO,
        })
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
        if let Some(trunk) = &mut self.world.trunk {
            trunk.poll(now);
        }
        let failed = |e: HostError| RigError::Failed(e.to_string());
        self.world.host.poll(now).map_err(failed)?;
        while self.world.host.is_in_a_hurry() {
            self.world.host.poll(self.clock.now()).map_err(failed)?;
        }
        self.follow_bond();
        self.ours.poll(now, self.world.host.sockets_mut());
        self.world.host.sockets_mut().kick(now);
        if let Some(samples) = &mut self.samples {
            samples.look(now, &self.world.lines);
        }
        while let Some(event) = self.world.peer.host.poll(now)? {
            self.on_peer(event)?;
        }
        Ok(now)
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
        self.last_progress = self.clock.now();
        loop {
            let now = self.turn()?;
            if done(self) {
                return Ok(());
            }
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
        let ours: u64 = self.ours.connections.iter().map(|c| c.received).sum();
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
        self.until("while the link comes up", |run| run.active().is_some())?;
        self.world.peer.host.command(Command::Run { ids: 0..half, opener: End::Ours, sending })?;
        if half < count {
            let ids = half..count;
            self.world.peer.host.command(Command::Run { ids, opener: End::Peer, sending })?;
        }
        // The peer takes commands in order: an answer says that it expects us.
        self.hear(false, "while the peer gets ready")?;
        for id in 0..half {
            let now = self.clock.now();
            self.ours
                .open(now, self.world.host.sockets_mut(), id)
                .map_err(|e| RigError::Failed(format!("connection {id}: {e}")))?;
            self.turn()?;
        }
        self.until("while connecting", |run| {
            let open = run.ours.open_count(run.world.host.sockets());
            open == run.far.len() && run.far.iter().all(|far| far.established)
        })?;
        self.event(format!("{count} connections established, {half} of them opened by us"));
        Ok(())
    }

    /// Bytes delivered so far each way: to us, to the peer.
    fn delivered(&self) -> Vec<[u64; 2]> {
        let pairs = self.ours.connections.iter().zip(&self.far);
        pairs.map(|(ours, far)| [ours.received, far.received]).collect()
    }

    fn wanted(&self, bytes: u64) -> [u64; 2] {
        self.sends.map(|sends| if sends { bytes } else { 0 })
    }

    /// Until every direction that is used has delivered `more` than now, but of connections that failed.
    pub(crate) fn deliver(&mut self, more: u64, when: &str) -> Result<(), RigError> {
        let goal = self.wanted(more);
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
        self.ours.connections[n].error.is_some() || self.far[n].failed
    }

    /// Whether the adapters acknowledge only what their host has been told of.
    pub(crate) fn is_protected(&self) -> bool {
        self.options.protect == Protect::On
    }

    /// Connections of which our end has failed: no adapter has them any more.
    pub(crate) fn failed(&self) -> usize {
        self.ours.connections.iter().filter(|ours| ours.error.is_some()).count()
    }

    /// Until every direction that is used has delivered something that it had not at this instant.
    pub(crate) fn deliver_anew(&mut self, when: &str) -> Result<(), RigError> {
        self.hear(false, when)?;
        self.deliver(1, when)
    }

    /// Whether every connection lives on the link that the bond uses.
    pub(crate) fn is_settled(&mut self) -> bool {
        self.world.host.bond().is_some_and(|bond| !bond.is_moving())
    }

    /// When the first segment left by the active link. The host's time stands still while it is polled, this does not.
    fn first_out(&self) -> Nanos {
        let line = self.active_line().map(|line| &self.world.lines[line]);
        line.and_then(|line| line.seen.first_out()).unwrap_or(self.clock.now())
    }

    /// Whether a member of the bond is an Ethernet port without an adapter.
    fn is_port(&self, member: MemberId) -> bool {
        self.world.slots.get(member.index()).is_some_and(Option::is_some)
    }

    /// The link that the bond uses.
    pub(crate) fn active(&self) -> Option<LinkId> {
        self.world.host.bond()?.active()
    }

    /// Its line.
    pub(crate) fn active_line(&self) -> Option<usize> {
        let active = self.active()?;
        self.world.lines.iter().position(|line| line.link == active)
    }

    /// Whether the peer has said anything by the present way since the last fault.
    fn has_answer(&self) -> bool {
        self.active_line().is_some_and(|line| self.world.lines[line].seen.has_answer())
    }

    /// Connections that the active adapter owns, by its own count; or all of them do, where all carry: their own counts
    /// have entries of connections on the move as well. By an Ethernet port go those that the host has.
    pub(crate) fn offloaded(&self) -> usize {
        let core = self.world.host.sockets();
        let all = || self.ours.connections.iter().filter_map(|ours| ours.socket);
        let by_port = self.world.slots.iter().any(Option::is_some);
        if self.options.is_xor() {
            let is_there =
                |&id: &SocketId| core.offloaded(id).is_some() || by_port && core.is_refugee(id);
            return all().filter(is_there).count();
        }
        match self.active() {
            Some(link) if core.is_adapter(link.member) => {
                self.world.host.offloaded(link.member.index())
            }
            Some(_) => all().filter(|&id| core.is_refugee(id)).count(),
            None => 0,
        }
    }

    /// When the driver had handled the word of the present failure.
    pub(crate) fn failed_at(&self) -> Option<Nanos> {
        self.times.failed_at()
    }

    /// Asks both ends until every connection has bytes under way in each direction that is used, for
    /// `patience` at most; how many have when it ends. Where the receiver is faster than the sender, a
    /// queue is empty now and then.
    pub(crate) fn await_in_flight(&mut self, patience: Nanos) -> Result<usize, RigError> {
        let [they, we] = self.sends;
        let end = self.clock.now() + patience;
        loop {
            self.hear(true, "at the cut")?;
            let core = self.world.host.sockets();
            let in_flight = (0..self.far.len())
                .filter(|&n| !we || self.has_failed(n) || self.ours.in_flight(core, n))
                .filter(|&n| !they || self.has_failed(n) || self.far[n].in_flight)
                .count();
            if in_flight == self.far.len() || self.clock.now() >= end {
                return Ok(in_flight);
            }
        }
    }

    /// What follows is measured as a new failover.
    pub(super) fn begin_failover(&mut self) {
        self.times = Report::new(self.active());
        self.moved.clear();
        self.concerned = self.at_the_fault();
        self.take_charges();
        self.costs.clear();
        self.is_handing_over = false;
        for line in &self.world.lines {
            line.seen.watch();
            line.cable.watch_lost();
        }
    }

    /// The connections that live on the active link, or its adapter if nothing else of that carries.
    fn at_the_fault(&self) -> BTreeSet<usize> {
        let (core, active) = (self.world.host.sockets(), self.active());
        let is_there = |id: &usize| {
            let conn = self.ours.connections[*id].socket.and_then(|id| core.offloaded(id));
            let home = conn.map(|conn| LinkId { member: conn.member, port: conn.port });
            !self.options.is_xor() || home == active
        };
        (0..self.far.len()).filter(is_there).collect()
    }

    /// Connections of which something is missing: they had to move and have not, nor did they fail.
    pub(crate) fn unmoved(&self) -> usize {
        let unmoved = self.concerned.difference(&self.moved);
        unmoved.filter(|&&n| !self.has_failed(n)).count()
    }

    /// The fault happened just now.
    pub(super) fn mark(&mut self) -> Result<(), RigError> {
        let now = self.clock.now();
        self.marked = now;
        self.times.fault_at(now);
        self.ours.mark(now);
        self.world.peer.host.command(Command::Mark { at: self.world.peer.host.instant(now) })?;
        Ok(())
    }

    /// What the handover of each connection that has moved has cost the thread.
    pub(crate) fn costs(&mut self) -> Vec<Nanos> {
        self.take_charges();
        self.costs.times(self.clock, &self.moved)
    }

    /// Takes over what the cards have noted.
    fn take_charges(&mut self) {
        for n in 0..2 {
            let Some(card) = self.world.host.adapter_mut(n) else { continue };
            for charge in card.take_charges() {
                self.costs.charge(&self.world.plan, &charge);
            }
        }
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
            let stalls = self.ours.connections.iter().map(|ours| ours.stall);
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
        self.ours.shutdown(self.world.host.sockets_mut());
        self.until("while closing", |run| {
            let far = run.far.iter().all(|far| far.closed || far.failed);
            far && run.ours.connections.iter().all(|ours| ours.closed || ours.error.is_some())
        })?;
        self.event("all connections closed".to_owned());
        // Answers to the last releases are still under way.
        let end = self.clock.now() + Nanos::from_millis(500);
        self.until("at the end", move |run| {
            run.clock.now() >= end || run.world.host.left_over() == 0
        })
    }

    /// Ends everything and counts. What went over which cable, if that was to be looked at.
    pub(crate) fn finish(
        self,
        verdict: &mut Verdict,
    ) -> Result<Option<(Samples, Vec<String>)>, RigError> {
        for (ours, far) in self.ours.connections.iter().zip(&self.far) {
            verdict.bytes_corrupt += ours.corrupt + far.corrupt;
            verdict.bytes_verified += ours.received + far.received - ours.corrupt - far.corrupt;
            let whole = ours.received == far.sent && far.received == ours.sent;
            let right =
                ours.corrupt == 0 && far.corrupt == 0 && ours.error.is_none() && !far.failed;
            if whole && right && ours.closed && far.closed {
                verdict.survived += 1;
            }
            if ours.is_lost() {
                verdict.lost += 1;
            } else {
                verdict.resets += u64::from(ours.error.is_some() || far.failed);
            }
        }
        // Who loses a connection tells its peer.
        let plan = &self.world.plan;
        let lost = |(from, to): Ends| {
            let ends = [Endpoints { peer: from, ours: to }, Endpoints { peer: to, ours: from }];
            let mut ids = ends.into_iter().filter_map(|ends| plan.identify(ends));
            ids.any(|(id, _)| self.ours.connections.get(id as usize).is_some_and(Ours::is_lost))
        };
        verdict.resets += self.world.lines.iter().map(|line| line.seen.resets(lost)).sum::<u64>();
        if let Some(bond) = self.world.host.bond() {
            let counters = bond.counters();
            verdict.undrained = counters.moved_undrained;
            verdict.tunnelled_out = counters.tunnelled_out;
            verdict.tunnelled_in = counters.tunnelled_in;
            verdict.was_answered = self.was_answered;
            if verdict.gave_up.is_some() && !self.options.json {
                eprintln!("{counters:?}\n{:?}", self.world.host.sockets().counters());
            }
        }
        verdict.left_over = self.world.host.left_over();
        verdict.events = self.events;
        if let Some(capture) = self.world.peer.host.stop()? {
            if capture.lost > 0 {
                say(format_args!("peer.pcap lacks {} frames", capture.lost));
            }
            let error = capture.error.map(io::Error::from_raw_os_error);
            verdict.reasons.extend(error.map(|error| format!("peer.pcap: {error}")));
        }
        // With the adapters their captures are written to the end.
        drop(self.world.host);
        let failures = self.world.captures.iter().filter_map(|failure| failure.get().cloned());
        verdict.reasons.extend(failures);
        let names = self.world.lines.into_iter().map(|line| line.name).collect();
        Ok(self.samples.map(|samples| (samples, names)))
    }

    /// Something happened just now.
    pub(crate) fn event(&mut self, what: String) {
        let at = self.clock.now();
        self.note(at, EventKind::Other, what);
    }

    /// The fault that was marked is this.
    pub(crate) fn fault_event(&mut self, what: String) {
        self.note(self.marked, EventKind::Fault, what);
    }

    fn note(&mut self, at: Nanos, kind: EventKind, what: String) {
        say(format_args!("{:>10.3} ms  {what}", at.0 as f64 / 1e6));
        self.events.push(TimelineEvent { at, kind, what });
    }

    fn follow_bond(&mut self) {
        while let Some((at, event)) = self.world.host.bond_mut().and_then(|bond| bond.poll_event())
        {
            let at = if event == BondEvent::FirstTunnelled { self.first_out() } else { at };
            self.times.note(at, &event);
            match event {
                BondEvent::Link(link, up) => {
                    let is_port = self.is_port(link.member);
                    let mut told = if is_port { "port: link of" } else { "firmware: link of" };
                    if let Some(line) = self.world.lines.iter_mut().find(|line| line.link == link) {
                        line.up = up;
                        // A path that is whole again has its carrier, too.
                        line.is_dead = !up && line.cable.carrier() || up && line.is_dead;
                        if line.is_dead {
                            told = "probes: path of";
                        }
                        line.is_dead &= !up;
                    }
                    let state = if up { "up" } else { "down" };
                    let kind = if up { EventKind::Other } else { EventKind::Step };
                    self.note(at, kind, format!("{told} {} {state}", name(link)));
                }
                BondEvent::Active(link) => {
                    self.note(at, EventKind::Step, format!("{} is active", name(link)));
                }
                BondEvent::FirstTunnelled => {
                    self.note(at, EventKind::Step, "first frame through the tunnel".to_owned());
                }
                BondEvent::Suspended(_) => {
                    if !std::mem::replace(&mut self.is_handing_over, true) {
                        self.was_answered |= self.has_answer();
                        self.note(at, EventKind::Step, "handovers begin".to_owned());
                    }
                }
                BondEvent::Moved(id) | BondEvent::Sheltered(id) => {
                    let cost = self.world.host.bond_mut().map_or(0, |bond| bond.take_cost(id));
                    if let Some(n) = self.ours.of(id) {
                        self.moved.insert(n);
                        // What the cards did until now belongs to it.
                        self.take_charges();
                        self.costs.arrive(n, cost);
                    }
                }
                BondEvent::AdapterLost(member) => {
                    for line in self.world.lines.iter_mut().filter(|l| l.link.member == member) {
                        line.up = false;
                    }
                    let why = self.world.host.failure(member.index());
                    let why = why.map_or(String::new(), |why| format!(": {why}"));
                    let letter = letter(member);
                    let dead = match self.is_port(member) {
                        true => format!("the device of port {letter} is gone"),
                        false => format!("adapter {letter} is dead{why}"),
                    };
                    self.note(at, EventKind::Step, dead);
                }
                BondEvent::AdapterBack(member) => {
                    let what = if self.is_port(member) { "port" } else { "adapter" };
                    let back = format!("{what} {} is back", letter(member));
                    self.note(at, EventKind::Other, back);
                }
                BondEvent::AllMoved => {
                    self.note(at, EventKind::Step, "no connection lives elsewhere".to_owned());
                }
            }
        }
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

/// A link as reports call it: `A0`.
fn name(link: LinkId) -> String {
    format!("{}{}", letter(link.member), link.port.0)
}

/// An adapter as reports call it: `A`.
fn letter(member: MemberId) -> char {
    char::from(b'A' + member.0)
}

/// Progress goes to standard error, so that standard output has the result alone.
pub(crate) fn say(what: std::fmt::Arguments<'_>) {
    eprintln!("{what}");
}
