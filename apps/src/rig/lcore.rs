//! What an lcore has: its part of the host and the application's ends of the connections that are its.
//!
//! ```text
//!   lcore 0 (the thread that gives orders)      lcore 1, 2, … (a thread each)
//!   spreaders, trunk, the peer, its own node      a node
//!            └───────── orders ──────────▶  ◀── answers ──┘
//! ```
//!
//! A node is its lcore's alone. Who wants to know something of it, or to have something done, sends it an [`Order`], which it
//! carries out between two turns, and gets an answer. No frame and no byte of a connection goes that way.

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use mafo::eal::clock::Clock;
use mafo::eal::lcore;
use mafo::failover::Report;
use mafo::wire::bell::Bell;
use mafo::{
    BondEvent, Core, Host, HostError, LinkId, ListenError, MemberId, Nanos, NoSwitch, Options,
    PathChoice, Slot, SocketError,
};

use super::cost::Costs;
use super::idle::{LONGEST, Naps, Sleeper};
use super::run::{RigError, say};
use super::sniff::Seen;
use crate::ours::{Application, Ours};
use crate::peer::Plan;
use crate::sys;
use crate::tell::Teller;

/// What all lcores know of the present failover.
#[derive(Debug, Default)]
pub(crate) struct Present {
    /// When it began; 0 before the first.
    fault: AtomicU64,
    /// Some lcore has begun to hand over.
    is_handing_over: AtomicBool,
}

impl Present {
    /// Something breaks at `now`.
    pub(super) fn strike(&self, now: Nanos) {
        self.fault.store(now.0.max(1), Ordering::Release);
    }

    fn fault(&self) -> Option<Nanos> {
        Some(self.fault.load(Ordering::Acquire)).filter(|&at| at > 0).map(Nanos)
    }

    /// Another failover is about to begin.
    pub(super) fn clear(&self) {
        self.fault.store(0, Ordering::Release);
        self.is_handing_over.store(false, Ordering::Release);
    }
}

/// What the bond of an lcore said of an instant.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) at: Nanos,
    pub(crate) event: BondEvent,
    /// The connection that is meant.
    pub(crate) connection: Option<u32>,
    /// Why an adapter is dead.
    pub(crate) why: Option<String>,
    /// Of the first handover of a failover: whether the peer had said anything by the new way.
    pub(crate) was_answered: Option<bool>,
}

/// An end of ours, as its lcore saw it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Near {
    pub(crate) is_established: bool,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) corrupt: u64,
    pub(crate) closed: bool,
    pub(crate) error: Option<SocketError>,
    pub(crate) is_lost: bool,
    /// Some of its bytes are not acknowledged.
    pub(crate) is_in_flight: bool,
    pub(crate) stall: Nanos,
    /// The adapter's port that has it, if one has.
    pub(crate) home: Option<LinkId>,
    /// The host has it.
    pub(crate) is_refugee: bool,
}

/// A bond, as its lcore saw it.
#[derive(Clone, Debug, Default)]
pub(crate) struct BondView {
    pub(crate) is_up: bool,
    pub(crate) active: Option<LinkId>,
    pub(crate) is_moving: bool,
    pub(crate) is_ready: bool,
    pub(crate) refugees: usize,
    /// When the word of the present failure had been handled.
    pub(crate) failed_at: Option<Nanos>,
    /// Connections of each adapter, by its own count.
    pub(crate) offloaded: [usize; 2],
    /// What connections still hold on the adapters.
    pub(crate) left_over: usize,
}

/// All that an lcore tells of itself.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) bond: BondView,
    /// Its connections, by their numbers.
    pub(crate) near: Vec<(u32, Near)>,
    /// What has happened since the last time.
    pub(crate) told: Vec<Told>,
}

/// What an lcore has.
pub(crate) struct Node {
    pub(crate) host: Host,
    /// Once the adapters are up.
    ours: Option<Application>,
    /// What the devices of members that are no adapters are plugged into.
    slots: [Option<Slot>; 2],
    plan: Plan,
    clock: Clock,
    present: Arc<Present>,
    lines: Vec<(LinkId, Arc<Seen>)>,
    /// Of the present failover, and whether the report has been told of its fault.
    times: Report,
    knows_fault: bool,
    costs: Costs,
    told: Vec<Told>,
    /// Unless it polls all the time.
    pub(super) sleeper: Option<Sleeper>,
    /// If somebody may want to know.
    teller: Option<Teller>,
}

const OFFLOAD: Options = Options::on(PathChoice::Offload);

impl Node {
    pub(super) fn new(
        (host, slots): (Host, [Option<Slot>; 2]),
        plan: Plan,
        lines: Vec<(LinkId, Arc<Seen>)>,
        (clock, present): (Clock, Arc<Present>),
        (sleeper, teller): (Option<Sleeper>, Option<Teller>),
    ) -> Self {
        Self {
            host,
            ours: None,
            slots,
            plan,
            clock,
            present,
            lines,
            times: Report::default(),
            knows_fault: false,
            costs: Costs::new(clock),
            told: Vec::new(),
            sleeper,
            teller,
        }
    }

    /// Expects the connections `ids`.
    pub(super) fn listen(
        &mut self,
        seed: u64,
        ids: Vec<u32>,
        sends: bool,
    ) -> Result<(), ListenError> {
        if let Some(teller) = &mut self.teller {
            teller.learn_names(&self.host);
        }
        let core = self.host.sockets_mut();
        self.ours = Some(Application::new(core, &self.plan, OFFLOAD, (seed, ids, sends))?);
        Ok(())
    }

    /// One turn of the host and its applications; whether applications had anything to do, or the bond to tell.
    pub(super) fn turn(&mut self, mut now: Nanos) -> Result<bool, HostError> {
        self.host.poll(now)?;
        while self.host.is_in_a_hurry() {
            now = self.clock.now();
            self.host.poll(now)?;
        }
        let before = self.told.len();
        self.follow_bond();
        let mut has_moved = self.told.len() > before;
        if let Some(ours) = &mut self.ours {
            has_moved |= ours.poll(now, self.host.sockets_mut());
        }
        self.host.sockets_mut().kick(now);
        if let Some(teller) = &mut self.teller {
            teller.turn(now, &mut self.host, has_moved);
            has_moved |= teller.is_telling();
        }
        Ok(has_moved)
    }

    /// Turns in which the application looks at each of its connections.
    pub(super) fn rounds(&self) -> usize {
        self.ours.as_ref().map_or(0, Application::rounds)
    }

    /// Sleeps after a turn if it may and there is nothing to do: until a frame or an order comes, or the host has to be
    /// polled.
    fn rest(&mut self, is_busy: bool) -> io::Result<()> {
        let rounds = self.rounds();
        let Self { sleeper: Some(sleeper), host, .. } = self else { return Ok(()) };
        let due = || host.poll_timeout();
        sleeper.rest((is_busy, rounds), LONGEST, std::iter::empty(), due).map(drop)
    }

    /// How it has slept.
    pub(super) fn naps(&self) -> Naps {
        self.sleeper.as_ref().map_or_else(Naps::default, Sleeper::naps)
    }

    fn follow_bond(&mut self) {
        while let Some((at, event)) = self.host.bond_mut().and_then(|bond| bond.poll_event()) {
            let fault = self.present.fault();
            if let Some(fault) = fault.filter(|_| !core::mem::replace(&mut self.knows_fault, true))
            {
                self.times.fault_at(fault);
            }
            let mut at = at.max(fault.unwrap_or(Nanos::ZERO));
            let (mut connection, mut why, mut was_answered) = (None, None, None);
            match event {
                // The host's time stands still while it is polled, that of the cable does not.
                BondEvent::FirstTunnelled => at = at.max(self.first_out()),
                BondEvent::Suspended(_)
                    if !self.present.is_handing_over.swap(true, Ordering::AcqRel) =>
                {
                    was_answered = Some(self.seen().is_some_and(|seen| seen.has_answer()));
                }
                BondEvent::Moved(id) | BondEvent::Sheltered(id) => {
                    let cost = self.host.bond_mut().map_or(0, |bond| bond.take_cost(id));
                    connection = self.ours.as_ref().and_then(|ours| ours.of(id));
                    if let Some(n) = connection {
                        // What the cards did until now belongs to it.
                        self.take_charges();
                        self.costs.arrive(n as usize, cost);
                    }
                }
                BondEvent::AdapterLost(member) => {
                    why = self.host.failure(member.index()).map(ToString::to_string);
                }
                _ => {}
            }
            self.times.note(at, &event);
            self.told.push(Told { at, event, connection, why, was_answered });
        }
    }

    /// What is known of the active line.
    fn seen(&self) -> Option<&Seen> {
        let active = self.host.bond()?.active()?;
        self.lines.iter().find(|(link, _)| *link == active).map(|(_, seen)| &**seen)
    }

    /// When the first segment left by the active link.
    fn first_out(&self) -> Nanos {
        self.seen().and_then(Seen::first_out).unwrap_or(self.clock.now())
    }

    /// Takes over what the cards have noted.
    fn take_charges(&mut self) {
        for n in 0..2 {
            let Some(card) = self.host.adapter_mut(n) else { continue };
            for charge in card.take_charges() {
                self.costs.charge(&self.plan, &charge);
            }
        }
    }

    /// How everything stands, and what has happened since the last time.
    pub(super) fn look(&mut self) -> View {
        let core = self.host.sockets();
        let near = |ours: &Ours| {
            let socket = ours.socket;
            let conn = socket.and_then(|id| core.offloaded(id));
            let near = Near {
                is_established: socket.is_some_and(|id| core.is_established(id)),
                sent: ours.sent,
                received: ours.received,
                corrupt: ours.corrupt,
                closed: ours.closed,
                error: ours.error,
                is_lost: ours.is_lost(),
                is_in_flight: socket.is_some_and(|id| core.unacknowledged(id) > 0),
                stall: ours.stall,
                home: conn.map(|conn| LinkId { member: conn.member, port: conn.port }),
                is_refugee: socket.is_some_and(|id| core.is_refugee(id)),
            };
            (ours.id, near)
        };
        let near =
            self.ours.iter().flat_map(|ours| &ours.connections).map(near).collect::<Vec<_>>();
        let bond = match self.host.bond() {
            None => BondView::default(),
            Some(bond) => BondView {
                is_up: self.host.is_up(),
                active: bond.active(),
                is_moving: bond.is_moving(),
                is_ready: bond.is_ready(core),
                refugees: bond.refugees(),
                failed_at: self.times.failed_at(),
                offloaded: [0, 1].map(|n| self.host.offloaded(n)),
                left_over: self.host.left_over(),
            },
        };
        View { bond, near, told: core::mem::take(&mut self.told) }
    }

    /// What connections still hold on each adapter, in words.
    pub(super) fn left_behind(&self) -> Vec<String> {
        let core = self.host.sockets();
        let of = |n: u8| {
            let member = core.member(MemberId(n))?;
            // Of adapters that lcores share the first tells.
            let card = self.host.adapter(n.into()).map(|card| card.in_use());
            let card = card.unwrap_or_default();
            let (tids, opens) = (member.tids.in_use(), member.atids.in_use());
            let hops = member.left_over() - tids - opens;
            let kinds = [
                (tids, "tids of the driver"),
                (opens, "opens"),
                (hops, "next hops"),
                (card.tids, "tids of the card"),
                (card.flows, "flows"),
            ];
            let name = char::from(b'A' + n);
            let left = kinds.into_iter().filter(|&(count, _)| count > 0);
            Some(left.map(move |(count, what)| format!("{name}: {count} {what}")))
        };
        (0..2).filter_map(of).flatten().collect()
    }

    /// What follows is measured as a new failover.
    pub(super) fn begin_failover(&mut self) {
        let active = self.host.bond().and_then(|bond| bond.active());
        (self.times, self.knows_fault) = (Report::new(active), false);
        self.take_charges();
        self.costs.clear();
    }

    /// What has been measured of the present failover, once.
    pub(super) fn take_times(&mut self) -> Report {
        core::mem::take(&mut self.times)
    }

    /// What the handover of each of `connections` has cost the thread; of those of lcores that share its cards, the cards.
    pub(super) fn costs(&mut self, connections: &BTreeSet<usize>) -> Vec<(usize, Nanos)> {
        self.take_charges();
        self.costs.times(self.clock, connections)
    }

    /// The bond is to use another link.
    pub(super) fn make_active(&mut self, to: LinkId) -> Result<(), String> {
        let now = self.clock.now();
        let Some((bond, core)) = self.host.bond_and_sockets_mut() else { return Ok(()) };
        match bond.make_active(now, core, to) {
            // It does what the first lcore's does, which is told as well.
            Ok(()) | Err(NoSwitch::NotFirst) => Ok(()),
            Err(why) => Err(why.to_string()),
        }
    }

    /// The adapter dies, or the device of a port is taken away.
    pub(super) fn die(&self, member: MemberId) {
        if let Some(card) = self.host.adapter(member.index()) {
            card.faults().die();
        }
        if let Some(slot) = self.slots.get(member.index()).and_then(Option::as_ref) {
            slot.pull();
        }
    }

    /// It is reset, or plugged in again.
    pub(super) fn revive(&mut self, member: MemberId) -> Result<(), String> {
        self.host.revive(member.index()).map_err(|why| why.to_string())?;
        if let Some(slot) = self.slots.get(member.index()).and_then(Option::as_ref) {
            slot.plug();
        }
        Ok(())
    }

    /// The applications, and what they talk to.
    pub(super) fn with_application(&mut self, act: impl FnOnce(&mut Application, &mut Core)) {
        if let Some(ours) = &mut self.ours {
            act(ours, self.host.sockets_mut());
        }
    }

    /// Opens one of its connections.
    pub(super) fn open(&mut self, id: u32) -> Result<(), String> {
        let Some(ours) = &mut self.ours else { return Ok(()) };
        let opened = ours.open(self.clock.now(), self.host.sockets_mut(), id);
        opened.map_err(|why| format!("connection {id}: {why}"))
    }
}

/// Something that is to be done with a node.
type Order = Box<dyn FnOnce(&mut Node) + Send>;

/// An lcore with a thread of its own.
struct Remote {
    orders: Sender<Order>,
    /// By which it is woken for them, if it may sleep.
    bell: Option<Arc<Bell>>,
    thread: JoinHandle<()>,
    /// Why it has ended before its time.
    failure: Arc<OnceLock<String>>,
}

/// All lcores but the first.
#[derive(Default)]
pub(crate) struct Crew {
    remotes: Vec<Remote>,
    /// There are fewer cores than lcores: who has nothing to do lets others.
    pub(super) shares_cores: bool,
    /// Of whoever gives orders: rung for answers.
    own: Option<Arc<Bell>>,
}

impl Crew {
    /// The cores of so many lcores, if there are enough; where there are not, that is said.
    pub(super) fn cores(lcores: usize) -> Option<Vec<usize>> {
        let offered = lcore::offered();
        if offered.len() < lcores {
            let has = offered.len();
            say(format_args!(
                "{lcores} lcores share {has} core{}: nobody has one alone, and what is measured shows it",
                if has == 1 { "" } else { "s" }
            ));
            return None;
        }
        Some(offered[..lcores].to_vec())
    }

    /// A thread for each of `nodes`, on `cores` if there are some. Who gives them orders sleeps by the bell `own`, if at all.
    pub(super) fn start(
        nodes: Vec<Node>,
        cores: Option<&[usize]>,
        (clock, own): (Clock, Option<Arc<Bell>>),
    ) -> Result<Self, RigError> {
        let mut crew = Self { remotes: Vec::new(), shares_cores: cores.is_none(), own };
        for (n, node) in nodes.into_iter().enumerate() {
            let (orders, receiver) = mpsc::channel();
            let bell = node.sleeper.as_ref().map(Sleeper::bell);
            let failure = Arc::new(OnceLock::new());
            let worker = Worker {
                node,
                core: cores.map(|cores| cores[n + 1]),
                clock,
                failure: Arc::clone(&failure),
                caller: crew.own.clone(),
            };
            let thread = thread::Builder::new()
                .name(format!("lcore {}", n + 1))
                .spawn(move || worker.run(&receiver))
                .map_err(|e| RigError::CannotRun(format!("no thread for lcore {}: {e}", n + 1)))?;
            crew.remotes.push(Remote { orders, bell, thread, failure });
        }
        Ok(crew)
    }

    /// How many lcores there are beside the first.
    pub(super) fn len(&self) -> usize {
        self.remotes.len()
    }

    /// Sends an order to an lcore, the first of which is 1; its answer comes later.
    pub(super) fn order<T: Send + 'static>(
        &self,
        lcore: usize,
        order: impl FnOnce(&mut Node) -> T + Send + 'static,
    ) -> Result<Answer<T>, RigError> {
        let (sender, answer) = mpsc::channel();
        let own = self.own.clone();
        let order: Order = Box::new(move |node| {
            // Whoever has asked may have gone.
            drop(sender.send(order(node)));
            call(own.as_ref());
        });
        let remote = &self.remotes[lcore - 1];
        remote.orders.send(order).map_err(|_| self.why(lcore))?;
        call(remote.bell.as_ref());
        Ok(Answer { lcore, answer })
    }

    /// The answer, if it is there.
    pub(super) fn take<T>(&self, answer: &Answer<T>) -> Result<Option<T>, RigError> {
        match answer.answer.try_recv() {
            Ok(value) => Ok(Some(value)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(self.why(answer.lcore)),
        }
    }

    fn why(&self, lcore: usize) -> RigError {
        let why = self.remotes[lcore - 1].failure.get().cloned();
        let why = why.unwrap_or_else(|| "its thread has ended before its time".to_owned());
        RigError::Failed(format!("lcore {lcore}: {why}"))
    }

    /// Ends all threads, and with each what it has.
    pub(super) fn end(self) {
        for Remote { orders, bell, thread, failure: _ } in self.remotes {
            drop(orders);
            call(bell.as_ref());
            // One that has panicked has said so, and its orders had no answer.
            let _ = thread.join();
        }
    }
}

/// Wakes whoever sleeps by `bell` for what he has to look for.
fn call(bell: Option<&Arc<Bell>>) {
    bell.into_iter().for_each(|bell| bell.call());
}

/// An answer that is to come.
pub(crate) struct Answer<T> {
    lcore: usize,
    answer: Receiver<T>,
}

/// What a thread begins with.
struct Worker {
    node: Node,
    core: Option<usize>,
    clock: Clock,
    failure: Arc<OnceLock<String>>,
    /// Of whoever gives orders.
    caller: Option<Arc<Bell>>,
}

impl Worker {
    /// Polls, and carries out what it is told, until nobody gives orders any more.
    fn run(mut self, orders: &Receiver<Order>) {
        sys::leave_signals_to_others();
        if let Err(why) = self.turns(orders) {
            let _ = self.failure.set(why);
        }
        // Whose orders are not answered any more is not to sleep.
        call(self.caller.as_ref());
    }

    fn turns(&mut self, orders: &Receiver<Order>) -> Result<(), String> {
        if let Some(core) = self.core {
            lcore::pin(core).map_err(|why| why.to_string())?;
        }
        loop {
            let was_told = match orders.try_recv() {
                Ok(order) => {
                    order(&mut self.node);
                    true
                }
                Err(TryRecvError::Empty) => false,
                Err(TryRecvError::Disconnected) => return Ok(()),
            };
            let has_moved = self.node.turn(self.clock.now()).map_err(|why| why.to_string())?;
            self.node.rest(was_told || has_moved).map_err(|why| format!("cannot sleep: {why}"))?;
            if self.core.is_none() && self.node.sleeper.is_none() {
                thread::yield_now();
            }
        }
    }
}

/// A node moves to its thread.
const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<Node>();
};
