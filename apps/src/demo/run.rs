//! The demo's course: come up, connect, transfer, cut, wait for the handovers, close, count.

#[cfg(debug_assertions)]
mod flood;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::time::SystemTime;

use mafo::eal::clock::Clock;
use mafo::{BondEvent, Nanos, Options, PathChoice, SocketId};

use super::options::{DemoOptions, Fault};
use super::report::{Report, TimelineEvent, Times};
use super::world::{self, World};
use crate::ours::Application;
use crate::peer::{self, Command, End, Event, PeerError, Sending};

/// Why there is no report.
#[derive(Debug)]
pub(super) enum DemoError {
    /// The system, or the command line, does not allow it.
    CannotRun(String),
    /// Something broke on the way.
    Failed(String),
}

impl From<PeerError> for DemoError {
    fn from(error: PeerError) -> Self {
        Self::Failed(format!("the peer: {error}"))
    }
}

/// What the peer said of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Far {
    established: bool,
    in_flight: bool,
    sent: u64,
    received: u64,
    corrupt: u64,
    closed: bool,
    failed: bool,
}

/// A demo under way.
struct Demo<'a> {
    options: &'a DemoOptions,
    clock: Clock,
    world: World,
    ours: Application,
    far: Vec<Far>,
    report: Report,
    /// Reports asked of the peer, and the last answered.
    asked: u32,
    answered: u32,
    stalls_wanted: bool,
    /// The present round's cut.
    cut: Option<Nanos>,
    link_seen: Option<Nanos>,
    suspended: BTreeMap<SocketId, Nanos>,
    /// A cut's handovers have not been counted yet.
    round_open: bool,
    /// Connections that moved in this round.
    moved: BTreeSet<usize>,
    /// Connections that moved in every round so far.
    moved_always: BTreeSet<usize>,
    last_progress: Nanos,
}

const OFFLOAD: Options = Options::on(PathChoice::Offload);
/// How long nothing may move before the demo gives up.
const PATIENCE: Nanos = Nanos::from_secs(15);
/// How long a moment is waited for in which every connection has bytes under way.
const IN_FLIGHT_PATIENCE: Nanos = Nanos::from_secs(3);
/// How long handovers may take, beside a share for each connection.
const HANDOVER_PATIENCE: Nanos = Nanos::from_secs(10);
const HANDOVER_SHARE: Nanos = Nanos::from_millis(100);
/// How often the peer is asked how far it is.
const ASK_EVERY: Nanos = Nanos::from_millis(20);

/// Runs the demo to its report.
pub(super) fn run(options: &DemoOptions) -> Result<Report, DemoError> {
    let clock = Clock::start();
    let world = world::build(options, SystemTime::now())?;
    let mut demo = Demo::new(options, clock, world)?;
    let course = demo.course();
    if let Err(DemoError::Failed(why)) = course {
        demo.report.gave_up = Some(why);
    } else {
        course?;
    }
    demo.finish()
}

impl<'a> Demo<'a> {
    fn new(options: &'a DemoOptions, clock: Clock, mut world: World) -> Result<Self, DemoError> {
        let count = options.connections;
        say(options, format_args!("peer: {} ({})", world.peer.name, world.peer.why));
        let mut now = clock.now();
        while !world.host.is_up() {
            world.host.poll(now).map_err(|e| DemoError::CannotRun(e.to_string()))?;
            now = clock.now();
            if now > Nanos::from_secs(10) {
                return Err(DemoError::CannotRun("the adapters do not come up".to_owned()));
            }
        }
        let sends = options.direction.we_send();
        let ours = Application::new(
            world.host.sockets_mut(),
            &world.plan,
            OFFLOAD,
            (options.seed, count, sends),
        )
        .map_err(|e| DemoError::CannotRun(e.to_string()))?;
        let report = Report {
            peer: world.peer.name,
            peer_why: world.peer.why.clone(),
            fault: options.fault,
            seed: options.seed,
            connections: count as usize,
            offloaded: usize::MAX,
            in_flight_at_cut: usize::MAX,
            handed_over: 0,
            survived: 0,
            resets: 0,
            bytes_verified: 0,
            bytes_corrupt: 0,
            tunnelled_out: 0,
            tunnelled_in: 0,
            left_over: 0,
            detect: Times::default(),
            tunnel_up: Times::default(),
            handover: Times::default(),
            stall: Times::default(),
            events: Vec::new(),
            gave_up: None,
        };
        Ok(Self {
            options,
            clock,
            world,
            ours,
            far: vec![Far::default(); count as usize],
            report,
            asked: 0,
            answered: 0,
            stalls_wanted: false,
            cut: None,
            link_seen: None,
            suspended: BTreeMap::new(),
            round_open: false,
            moved: BTreeSet::new(),
            moved_always: (0..count as usize).collect(),
            last_progress: Nanos::ZERO,
        })
    }

    fn course(&mut self) -> Result<(), DemoError> {
        self.connect()?;
        let mut active = 0;
        let quarter = self.options.bytes / 4;
        for round in 1..=self.options.rounds {
            self.deliver(quarter, "before the cut")?;
            #[cfg(debug_assertions)]
            self.be_flooded("before the cut")?;
            #[cfg(debug_assertions)]
            self.spoil()?;
            self.cut(active, round)?;
            #[cfg(debug_assertions)]
            self.unspoil()?;
            let other = 1 - active;
            self.deliver(quarter, "after the cut")?;
            self.await_handovers()?;
            self.gather_stalls()?;
            #[cfg(debug_assertions)]
            self.be_flooded("after the handovers")?;
            if round < self.options.rounds {
                self.world.lines[active].cable.set_carrier(true);
                self.event(format!("{} is back", self.world.lines[active].name));
                self.settle(Nanos::from_millis(50))?;
            }
            active = other;
        }
        self.deliver_all()?;
        self.close()
    }

    /// One turn of everything.
    fn turn(&mut self) -> Result<Nanos, DemoError> {
        let now = self.clock.now();
        self.world.host.poll(now).map_err(|e| DemoError::Failed(e.to_string()))?;
        self.ours.poll(now, self.world.host.sockets_mut());
        self.world.host.sockets_mut().kick(now);
        self.follow_bond();
        while let Some(event) = self.world.peer.host.poll(now)? {
            self.on_peer(event)?;
        }
        Ok(now)
    }

    /// Turns until `done`, or gives up when nothing moves any more.
    fn until(
        &mut self,
        what: &str,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<(), DemoError> {
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
            let moved = self.total();
            if moved != before {
                before = moved;
                self.last_progress = now;
            } else if now - self.last_progress > PATIENCE {
                return Err(DemoError::Failed(format!("nothing moves any more {what}")));
            }
        }
    }

    fn total(&self) -> u64 {
        let ours: u64 = self.ours.connections.iter().map(|c| c.received).sum();
        let far: u64 = self.far.iter().map(|far| far.received).sum();
        let closed = self.far.iter().filter(|far| far.closed || far.established).count();
        ours + far + closed as u64 + self.moved.len() as u64
    }

    fn ask(&mut self, queues: bool) -> Result<(), DemoError> {
        self.asked += 1;
        self.world.peer.host.command(Command::Report { token: self.asked, queues })?;
        Ok(())
    }

    fn connect(&mut self) -> Result<(), DemoError> {
        let count = self.options.connections;
        let half = count.div_ceil(2);
        let sending = if self.options.direction.peer_sends() {
            Sending::AtLeast(self.options.bytes)
        } else {
            Sending::Nothing
        };
        self.until("while the link comes up", |demo| {
            demo.world.host.bond().is_some_and(|bond| bond.active().is_some())
        })?;
        self.world.peer.host.command(Command::Run { ids: 0..half, opener: End::Ours, sending })?;
        if half < count {
            let ids = half..count;
            self.world.peer.host.command(Command::Run { ids, opener: End::Peer, sending })?;
        }
        // The peer takes commands in order: an answer says that it expects us.
        self.ask(false)?;
        self.until("while the peer gets ready", |demo| demo.asked == demo.answered)?;
        for id in 0..half {
            let now = self.clock.now();
            self.ours
                .open(now, self.world.host.sockets_mut(), id)
                .map_err(|e| DemoError::Failed(format!("connection {id}: {e}")))?;
            self.turn()?;
        }
        self.until("while connecting", |demo| {
            let open = demo.ours.open_count(demo.world.host.sockets());
            open == demo.far.len() && demo.far.iter().all(|far| far.established)
        })?;
        self.event(format!("{count} connections established, {half} of them opened by us"));
        Ok(())
    }

    /// Bytes delivered so far each way: to us, to the peer.
    fn delivered(&self) -> Vec<[u64; 2]> {
        let pairs = self.ours.connections.iter().zip(&self.far);
        pairs.map(|(ours, far)| [ours.received, far.received]).collect()
    }

    /// Until every direction asked for has delivered `more` than now.
    fn deliver(&mut self, more: u64, when: &str) -> Result<(), DemoError> {
        let start = self.delivered();
        let goal = self.wanted(more);
        self.until(when, move |demo| {
            demo.delivered()
                .iter()
                .zip(&start)
                .all(|(now, start)| now[0] >= start[0] + goal[0] && now[1] >= start[1] + goal[1])
        })
    }

    fn deliver_all(&mut self) -> Result<(), DemoError> {
        let goal = self.wanted(self.options.bytes);
        self.until("before the end", move |demo| {
            demo.delivered().iter().all(|now| now[0] >= goal[0] && now[1] >= goal[1])
        })
    }

    fn wanted(&self, bytes: u64) -> [u64; 2] {
        let direction = self.options.direction;
        [
            if direction.peer_sends() { bytes } else { 0 },
            if direction.we_send() { bytes } else { 0 },
        ]
    }

    /// Cuts the active cable while every connection has bytes under way.
    fn cut(&mut self, active: usize, round: u32) -> Result<(), DemoError> {
        let in_flight = self.await_in_flight()?;
        let adapter = match self.options.fault {
            Fault::Link => active,
            Fault::Port => 0,
        };
        let offloaded = self.world.host.offloaded(adapter);
        self.report.offloaded = self.report.offloaded.min(offloaded);
        self.report.in_flight_at_cut = self.report.in_flight_at_cut.min(in_flight);
        self.moved.clear();
        self.round_open = true;
        self.link_seen = None;
        let line = &self.world.lines[active];
        self.world.lines[1 - active].seen.watch();
        line.cable.set_carrier(false);
        let now = self.clock.now();
        self.cut = Some(now);
        self.ours.mark(now);
        self.world.peer.host.command(Command::Mark { at: self.world.peer.host.instant(now) })?;
        let name = line.name.clone();
        self.event(format!("round {round}: the cable of {name} is cut"));
        Ok(())
    }

    /// Asks both ends until every connection has bytes under way in each direction asked for, for a few
    /// seconds at most; how many have when it ends. Where the receiver is faster than the sender, a
    /// queue is empty now and then.
    fn await_in_flight(&mut self) -> Result<usize, DemoError> {
        let (we, they) = (self.options.direction.we_send(), self.options.direction.peer_sends());
        let end = self.clock.now() + IN_FLIGHT_PATIENCE;
        loop {
            self.ask(true)?;
            self.until("at the cut", |demo| demo.asked == demo.answered)?;
            let core = self.world.host.sockets();
            let in_flight = (0..self.far.len())
                .filter(|&n| !we || self.ours.in_flight(core, n))
                .filter(|&n| !they || self.far[n].in_flight)
                .count();
            if in_flight == self.far.len() || self.clock.now() >= end {
                return Ok(in_flight);
            }
        }
    }

    fn await_handovers(&mut self) -> Result<(), DemoError> {
        // The others go on sending: that something moves does not say that this will end.
        let patience =
            HANDOVER_PATIENCE + Nanos(HANDOVER_SHARE.0 * u64::from(self.options.connections));
        let deadline = self.clock.now() + patience;
        let mut late = false;
        self.until("during the handovers", |demo| {
            let moving = demo.world.host.bond().is_some_and(|bond| bond.is_moving());
            late = demo.clock.now() > deadline;
            late || !moving && demo.link_seen.is_some()
        })?;
        if late {
            return Err(DemoError::Failed("the handovers do not end".to_owned()));
        }
        let moved = core::mem::take(&mut self.moved);
        self.event(format!("{} connections handed over", moved.len()));
        self.moved_always.retain(|n| moved.contains(n));
        self.round_open = false;
        if self.options.fault == Fault::Port
            && let (Some(seen), Some(first)) =
                (self.link_seen, self.world.lines.iter().filter_map(|l| l.seen.first_out()).max())
        {
            self.report.tunnel_up.push(first - seen);
        }
        Ok(())
    }

    fn gather_stalls(&mut self) -> Result<(), DemoError> {
        if !self.options.direction.we_send() {
            for ours in &self.ours.connections {
                self.report.stall.push(ours.stall);
            }
            return Ok(());
        }
        self.stalls_wanted = true;
        self.world.peer.host.command(Command::Stalls)?;
        self.until("while the peer counts", |demo| !demo.stalls_wanted)
    }

    fn settle(&mut self, time: Nanos) -> Result<(), DemoError> {
        let end = self.clock.now() + time;
        self.until("between rounds", move |demo| demo.clock.now() >= end)
    }

    fn close(&mut self) -> Result<(), DemoError> {
        self.world.peer.host.command(Command::Close { ids: 0..self.options.connections })?;
        self.ours.shutdown(self.world.host.sockets_mut());
        self.until("while closing", |demo| {
            let far = demo.far.iter().all(|far| far.closed || far.failed);
            far && demo.ours.connections.iter().all(|ours| ours.closed || ours.error.is_some())
        })?;
        self.event("all connections closed".to_owned());
        // Answers to the last releases are still under way.
        let end = self.clock.now() + Nanos::from_millis(500);
        self.until("at the end", move |demo| {
            demo.clock.now() >= end || demo.world.host.left_over() == 0
        })
    }

    fn finish(mut self) -> Result<Report, DemoError> {
        if self.round_open {
            // It ended in the middle of a round: only who moved in it counts.
            self.moved_always.retain(|n| self.moved.contains(n));
        }
        let report = &mut self.report;
        for (ours, far) in self.ours.connections.iter().zip(&self.far) {
            report.bytes_corrupt += ours.corrupt + far.corrupt;
            report.bytes_verified += ours.received + far.received - ours.corrupt - far.corrupt;
            let whole = ours.received == far.sent && far.received == ours.sent;
            let right =
                ours.corrupt == 0 && far.corrupt == 0 && ours.error.is_none() && !far.failed;
            if whole && right && ours.closed && far.closed {
                report.survived += 1;
            }
            report.resets += u64::from(ours.error.is_some() || far.failed);
        }
        report.resets += self.world.lines.iter().map(|line| line.seen.resets()).sum::<u64>();
        report.handed_over = self.moved_always.len();
        if report.offloaded == usize::MAX {
            (report.offloaded, report.in_flight_at_cut, report.handed_over) = (0, 0, 0);
        }
        if let Some(bond) = self.world.host.bond() {
            let counters = bond.counters();
            report.tunnelled_out = counters.tunnelled_out;
            report.tunnelled_in = counters.tunnelled_in;
            if report.gave_up.is_some() && !self.options.json {
                eprintln!("{counters:?}\n{:?}", self.world.host.sockets().counters());
            }
        }
        report.left_over = self.world.host.left_over();
        let lacking = self.world.peer.host.stop()?;
        if lacking > 0 {
            say(self.options, format_args!("peer.pcap lacks {lacking} frames"));
        }
        Ok(self.report)
    }

    fn event(&mut self, what: String) {
        let at = self.clock.now();
        say(self.options, format_args!("{:>10.3} ms  {what}", at.0 as f64 / 1e6));
        self.report.events.push(TimelineEvent { at, what });
    }

    fn follow_bond(&mut self) {
        while let Some((at, event)) = self.world.host.bond_mut().and_then(|bond| bond.poll_event())
        {
            match event {
                BondEvent::Link(link, up) => {
                    let name = format!("{}{}", ["A", "B"][usize::from(link.member.0)], link.port.0);
                    let state = if up { "up" } else { "down" };
                    if !up && let Some(cut) = self.cut.filter(|_| self.link_seen.is_none()) {
                        self.link_seen = Some(at);
                        self.report.detect.push(at - cut);
                    }
                    self.timeline(at, format!("firmware: link of {name} {state}"));
                }
                BondEvent::Active(link) => {
                    let name = format!("{}{}", ["A", "B"][usize::from(link.member.0)], link.port.0);
                    self.timeline(at, format!("{name} is active"));
                }
                BondEvent::FirstTunnelled => {
                    if let Some(seen) = self.link_seen.filter(|_| self.options.fault == Fault::Link)
                    {
                        self.report.tunnel_up.push(at - seen);
                        self.timeline(at, "first frame through the tunnel".to_owned());
                    }
                }
                BondEvent::Suspended(id) => {
                    if self.suspended.is_empty() && self.moved.is_empty() {
                        self.timeline(at, "handovers begin".to_owned());
                    }
                    self.suspended.insert(id, at);
                }
                BondEvent::Moved(id) => {
                    if let Some(start) = self.suspended.remove(&id) {
                        self.report.handover.push(at - start);
                    }
                    if let Some(n) = self.ours.of(id) {
                        self.moved.insert(n);
                    }
                }
                BondEvent::AllMoved => {
                    self.timeline(at, "no connection lives elsewhere".to_owned())
                }
            }
        }
    }

    fn timeline(&mut self, at: Nanos, what: String) {
        say(self.options, format_args!("{:>10.3} ms  {what}", at.0 as f64 / 1e6));
        self.report.events.push(TimelineEvent { at, what });
    }

    fn on_peer(&mut self, event: Event) -> Result<(), DemoError> {
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
                self.stalls_wanted = false;
                let instant = self.world.peer.host.instant(self.clock.now());
                for stall in stalls.stalls {
                    let gap = stall.longest.or(stall.spanning);
                    if let Some(gap) = gap {
                        let end = gap.to.unwrap_or(instant);
                        self.report.stall.push(Nanos(end.since(gap.from)));
                    }
                }
            }
            Event::Stranger { from } => {
                self.event(format!("a connection from {from} that nobody announced"));
            }
            Event::CommandFailed { what, error } => {
                return Err(DemoError::Failed(format!("the peer cannot {what}: {error}")));
            }
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

    /// Spoils what `--break` names, just before the cut.
    #[cfg(debug_assertions)]
    fn spoil(&mut self) -> Result<(), DemoError> {
        use super::options::Break;
        use std::sync::atomic::Ordering::Relaxed;
        let Some(what) = self.options.r#break else { return Ok(()) };
        let Some(bond) = self.world.host.bond_mut() else { return Ok(()) };
        match what {
            Break::Tunnel => bond.spoil_tunnel(),
            Break::Upload => bond.spoil_upload(),
            Break::Payload => self.world.lines[0].seen.spoil_payload.store(1, Relaxed),
            Break::Rst => self.world.lines[0].seen.send_reset.store(1, Relaxed),
            Break::Tid => self.world.host.leak_tid(),
            Break::Late => {
                let ids = 0..self.options.connections;
                self.world.peer.host.command(Command::Pause { ids: ids.clone() })?;
                self.ours.pause(0..self.far.len());
                self.settle(Nanos::from_millis(500))?;
                return Ok(());
            }
        }
        // It has to have happened before the cut.
        self.settle(Nanos::from_millis(50))
    }

    /// Lets those go on whom [`Demo::spoil`] made wait.
    #[cfg(debug_assertions)]
    fn unspoil(&mut self) -> Result<(), DemoError> {
        if self.options.r#break == Some(super::options::Break::Late) {
            self.ours.pause(0..0);
            self.world.peer.host.command(Command::Resume { ids: 0..self.options.connections })?;
        }
        Ok(())
    }
}

/// Progress goes to standard error, so that standard output has the result alone.
fn say(_options: &DemoOptions, what: std::fmt::Arguments<'_>) {
    eprintln!("{what}");
}
