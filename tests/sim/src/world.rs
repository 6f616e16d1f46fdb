//! Two hosts, a switch, and the clock that they live by.
//!
//! The host with the bond has two unlike adapters, or an Ethernet port in place of one or of both. Its peer is the same stack on the *host path*, over a
//! bare cable: no driver and no adapter of ours is at its end, so a mistake in those has no counterpart
//! that could hide it, and it costs next to nothing.

mod own;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mafo::eal::dma::Arena;
use mafo::wire::impair::Probability;
use mafo::wire::mem::{self, LinkConfig, MemEnd};
use mafo::wire::{Cable, Switch, SwitchConfig, UnknownUnicast, Wire};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Core, EcnMode, Event, FrameBurst, Host, HostConfig,
    L2tIdx, ListenerId, MemberConfig, Options, PathChoice, PortId, Slot, SocketId, SoftConfig,
    Stack, StackConfig, WirePort,
};
use mafo_mem::Nanos;
use mafo_stack::FourTuple;

use crate::app::{Application, Phase};
use crate::check::{Checker, Place, Rule};
use crate::plan::{Act, Connection, Plan, Side, Stray};
use crate::secret;
use crate::stray::{self, About};
use crate::wire::{Hole, Mac, Witnessed};

pub(crate) use own::Own;

pub(crate) const ADDRESSES: [Ipv4Addr; 2] =
    [Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 1)];
/// What applications can lend at a time: less than some want.
const LEND_MEMORY: usize = 64 << 10;
const MACS: [Mac; 2] = [[2, 0, 0, 0xff, 0, 0], [2, 0, 0, 0xff, 0, 1]];
pub(crate) const PORT: u16 = 7;
/// Of the first connection, where its sequence numbers are of interest.
pub(crate) const FIRST_PORT: u16 = 40_000;
const STRANGER: Mac = [2, 0, 0, 0xff, 0, 9];
/// Where clocks stand when a seed begins.
pub(crate) const BEGINNING: Nanos = Nanos::from_secs(1);

/// Everything that is simulated.
pub(crate) struct World {
    pub(crate) near: Host,
    pub(crate) peer: Stack,
    pub(crate) switch: Switch<MemEnd>,
    /// The cables of the host with the bond, in the order of its links.
    pub(crate) cables: Vec<Cable>,
    /// What these swallow.
    pub(crate) holes: Vec<Hole>,
    /// What the devices of members that are no adapters are plugged into.
    pub(crate) slots: [Option<Slot>; 2],
    pub(crate) checker: Arc<Mutex<Checker>>,
    /// Somebody else on the network.
    stranger: MemEnd,
    /// By side.
    listeners: [Option<ListenerId>; 2],
    plan: Plan,
    pub(crate) now: Nanos,
    /// The connections' two applications each.
    pub(crate) applications: Vec<[Application; 2]>,
    /// The connections as the host with the bond has them, when they have been opened.
    pub(crate) tuples: Vec<Option<FourTuple>>,
    /// The one of the host with the bond with itself.
    pub(crate) own: Option<Own>,
    /// By side and place of the socket in its table: the connection.
    by_socket: [Vec<usize>; 2],
    /// Applications that have something to do.
    due: Vec<(usize, Side)>,
    /// Where applications read into.
    scratch: Vec<u8>,
    /// Since when not all cables have been down, and whether they are.
    pub(crate) dark_until: Option<Nanos>,
    /// Adapters may refuse to write next hops.
    refuses_hops: bool,
    tick: Nanos,
    /// Polls in a row in which nothing moved.
    idle: u32,
    pub(crate) steps: u64,
}

/// Cards that are unlike in everything that silicon does not fix, and small.
fn asic(n: usize, plan: &Plan) -> AsicConfig {
    let mut config = AsicConfig::t540_cr();
    config.ports = [2, 1][n];
    config.seed = plan.seed ^ (n as u64) << 60;
    config.clock_epoch = 1_000_000_007_000 * (n as u64 + 1);
    if plan.stamps_wrap == Some(n as u8) {
        // 2^32 ticks of 2^18 ns, but for what is left until a while after the start.
        config.clock_epoch = (1 << 50) - 1_060_000_000;
    }
    config.cclk_khz = [250_000, 200_000][n];
    config.mac_base = [2, 0, 0, n as u8, 0, 0x10];
    config.max_delay_polls = plan.late_polls[n];
    config.ethernet_delay_polls = plan.late_ethernet[n];
    config.tid_order_seed = [0, plan.seed | 1][n];
    config.ntids = plan.room.tids[n];
    config.server_start = [96, 128][n];
    config.nservers = 8;
    config.filter_start = [104, 160][n];
    config.nfilters = 16;
    config.l2t_start = L2tIdx([0, 8][n]);
    config.nl2t = [16, 24][n];
    config.niq = 16;
    config.iq_start = [0, 3][n];
    config.iq_absolute_offset = [0, 5][n];
    config.neq = 64;
    config.eq_start = [0, 7][n];
    config.eq_absolute_offset = [0, 11][n];
    config.vin_start = [0, 4][n];
    config.max_frame_len = 1518;
    config.tx_queue_frames = 96;
    config.loopback_frames = [128, 96][n];
    config
}

fn driver(n: usize, plan: &Plan) -> AdapterConfig {
    let mut config = AdapterConfig::default();
    config.queues.ingress = [256, 512][n];
    config.queues.freelist = [128, 160][n];
    config.queues.ofld = [256, 320][n];
    config.queues.ctrl = [192, 256][n];
    config.queues.eth = [192, 256][n];
    config.queues.eth_buffers = plan.room.eth_buffers[n];
    config.mtus = plan.room.mtus[n];
    config.heartbeat = Some(plan.setup.heartbeat);
    config.hang_timeout = Nanos(3 * plan.setup.heartbeat.0);
    config
}

/// The links of the host with the bond: adapter and port.
pub(crate) fn links(plan: &Plan) -> &'static [(usize, PortId)] {
    const OF_ONE: &[(usize, PortId)] = &[(0, PortId(0)), (1, PortId(0))];
    const OF_TWO: &[(usize, PortId)] = &[(0, PortId(0)), (0, PortId(1)), (1, PortId(0))];
    if plan.ports_of_a == 2 { OF_TWO } else { OF_ONE }
}

fn bond(plan: &Plan, links: &[(usize, PortId)]) -> BondConfig {
    let setup = &plan.setup;
    let probes = setup.arp_interval > Nanos::ZERO;
    BondConfig {
        handover: plan.handover,
        mode: plan.mode,
        xmit_hash_policy: plan.policy,
        fail_over_mac: plan.fail_over_mac,
        primary: setup.primary.map(|link| links[link % links.len()].into()),
        primary_reselect: setup.reselect,
        updelay: setup.updelay,
        downdelay: setup.downdelay,
        arp_interval: setup.arp_interval,
        arp_ip_target: if probes { vec![ADDRESSES[1]] } else { Vec::new() },
        arp_validate: setup.arp_validate,
        protect: setup.protect,
        hold_frames: plan.room.hold_frames,
        ..BondConfig::new(links.iter().copied())
    }
}

impl World {
    /// The world of `plan`, with both hosts up and listening.
    pub(crate) fn new(plan: &Plan) -> Self {
        let count = plan.connections.len();
        let checker = Checker::new(ADDRESSES[0].octets(), plan.recv_buffer_max, count);
        let checker = Arc::new(Mutex::new(checker));
        let links = links(plan);
        let link = |n: usize| LinkConfig {
            // Memory that is there for every seed: as little as is enough.
            queue_frames: 128,
            under_way_frames: 2048,
            seed: plan.seed ^ (n as u64 + 1) << 56,
            ..LinkConfig::default()
        };
        let (mut near, far): (Vec<_>, Vec<_>) =
            (0..=links.len() + 1).map(|n| mem::link(&link(n))).unzip();
        let stranger = near.remove(links.len() + 1);
        let cables: Vec<Cable> = near[..links.len()].iter().map(MemEnd::cable).collect();
        let unknown = if plan.floods { UnknownUnicast::Flood } else { UnknownUnicast::Drop };
        let config = SwitchConfig {
            unknown_unicast: unknown,
            ageing: plan.ageing,
            // Which takes links that all carry for one.
            trunk: if plan.is_xor() { (0..links.len()).collect() } else { Vec::new() },
            ..SwitchConfig::default()
        };
        let switch = Switch::new(&config, far);
        let stack = |n: usize| {
            let mut stack = StackConfig::new(ADDRESSES[n], 24, MACS[n]);
            stack.sockets_max = count as u32 + 4 + if plan.own.is_some() { 2 } else { 0 };
            // A SYN that comes twice may be answered by a cookie and then by a kept handshake, with two numbers.
            stack.syn_cookies = false;
            stack.secret = secret::of(plan, n);
            stack.recv_buffer = plan.recv_buffer[n];
            // What scales the windows: unlike at both ends, or nobody sees them swapped.
            stack.recv_buffer_max = plan.recv_buffer_max[n];
            stack.send_buffer = plan.send_buffer[n];
            stack.lend_memory = LEND_MEMORY;
            stack.time_wait_max = 256;
            if plan.ecn {
                stack.ecn = EcnMode::On;
            }
            stack.neighbours_max = 8;
            stack
        };
        let peer_wire = Witnessed::new(near.remove(links.len()), Place::Peer, &checker);
        let peer = stack(1);
        let arena = Arena::ordinary(peer.send_memory()).expect("memory");
        let mut peer = Stack::new(peer, arena);
        peer.add_port(Box::new(WirePort::new(peer_wire, MACS[1], 1500)));
        let mut holes = Vec::new();
        let mut wires: [Vec<(PortId, Box<dyn Wire>)>; 2] = [Vec::new(), Vec::new()];
        for (n, (&(adapter, port), wire)) in links.iter().zip(near).enumerate() {
            let wire = Witnessed::new(wire, Place::Link(n), &checker);
            holes.push(wire.hole());
            wires[adapter].push((port, Box::new(wire)));
        }
        let mut slots = [None, None];
        let mut members: Vec<MemberConfig> = Vec::new();
        for (n, mut wires) in wires.into_iter().enumerate() {
            if plan.plain[n] {
                let (_, wire) = wires.pop().expect("a cable");
                let port = WirePort::new(wire, [2, 0, 0, n as u8, 0, 0x10], 1500);
                slots[n] = Some(port.slot());
                members.push(MemberConfig::Port(Box::new(port)));
            } else {
                let (asic, driver) = (asic(n, plan), driver(n, plan));
                members.push(SoftConfig { asic, driver, wires }.into());
            }
        }
        let bond = bond(plan, links);
        let near = Host::simulated(HostConfig::new(stack(0), members, bond)).expect("memory");
        let applications = plan
            .connections
            .iter()
            .enumerate()
            .map(|(n, c)| Side::BOTH.map(|side| Application::new(side, n, c.ends[side.index()])))
            .collect();
        let mut world = Self {
            near,
            peer,
            switch,
            cables,
            holes,
            slots,
            checker,
            stranger,
            listeners: [None; 2],
            plan: plan.clone(),
            now: BEGINNING,
            applications,
            tuples: vec![None; count],
            own: plan.own.map(|own| Own::new(own, count)),
            by_socket: [vec![usize::MAX; count + 8], vec![usize::MAX; count + 8]],
            due: Vec::new(),
            scratch: vec![0; 16 << 10],
            dark_until: None,
            refuses_hops: plan.refuses_hops(),
            tick: Nanos::from_micros(2),
            idle: 0,
            steps: 0,
        };
        #[cfg(debug_assertions)]
        if let Some(defect) = plan.defect {
            world.near.sockets_mut().set_defects(mafo::Defects::one(defect));
        }
        #[cfg(debug_assertions)]
        for n in (0..2).filter(|_| plan.spoils_commits) {
            world.near.adapter_mut(n).into_iter().for_each(mafo::SoftAdapter::spoil_commits);
        }
        world.bring_up();
        world.tick = plan.tick;
        world.impair(plan);
        (0..2).for_each(|n| world.suffer(n));
        world
    }

    /// Things go wrong with control messages of an adapter from now on.
    pub(crate) fn suffer(&mut self, n: usize) {
        let mut mishaps = self.plan.mishaps;
        mishaps.seed ^= n as u64;
        if let Some(card) = self.near.adapter_mut(n) {
            card.suffer(mishaps);
        }
    }

    /// Cables are good until the hosts are up.
    fn impair(&mut self, plan: &Plan) {
        for port in 0..=self.cables.len() {
            self.switch.port_mut(port).set_impairments(plan.impairments);
        }
    }

    fn bring_up(&mut self) {
        for _ in 0..100_000 {
            self.poll();
            self.now += self.tick;
            let ready =
                |host: &Host| host.is_up() && host.bond().is_some_and(|b| b.active().is_some());
            if ready(&self.near) {
                Side::BOTH.iter().for_each(|&side| self.listen(side));
                for _ in 0..300 {
                    self.poll();
                    self.now += self.tick;
                }
                return;
            }
        }
        panic!("not up: {:?}", self.near)
    }

    /// Somebody listens on this side from now on.
    pub(crate) fn listen(&mut self, side: Side) {
        let (at, backlog) = ((ADDRESSES[side.index()], PORT).into(), self.plan.backlog);
        let listener = self.core(side).listen(at, backlog, options(side, true));
        self.listeners[side.index()] = Some(listener.expect("listens"));
    }

    /// Nobody does any more: opens by the other side may fail.
    pub(crate) fn deafen(&mut self, side: Side) {
        let now = self.now;
        if let Some(listener) = self.listeners[side.index()].take() {
            self.core(side).close_listener(now, listener);
        }
        self.nobody_listens(side);
    }

    /// While nobody listens on this side, what has not been accepted there is given up.
    pub(crate) fn nobody_listens(&mut self, side: Side) {
        for n in 0..self.applications.len() {
            if self.plan.connections[n].opener == side.other()
                && self.applications[n][side.index()].phase == Phase::Waiting
            {
                self.applications[n][side.index()].gave_up = true;
                self.checker().application_gave_up(n);
            }
        }
        if side == Side::Near {
            self.own.iter_mut().for_each(Own::nobody_listens);
        }
    }

    /// Whether adapters acknowledge only what they have told.
    pub(crate) fn is_protected(&self) -> bool {
        self.plan.setup.protect
    }

    pub(crate) fn checker(&self) -> MutexGuard<'_, Checker> {
        self.checker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn core(&mut self, side: Side) -> &mut Core {
        match side {
            Side::Near => self.near.sockets_mut(),
            Side::Peer => self.peer.core_mut(),
        }
    }

    /// Polls everybody once. Whether the switch had anything to do.
    fn poll(&mut self) -> bool {
        self.near.poll(self.now).expect("adapters live");
        self.peer.poll(self.now);
        self.steps += 1;
        self.switch.poll(self.now) > 0
    }

    /// Whether nothing has moved for some polls, and nothing is late in a card.
    pub(crate) fn is_settled(&self) -> bool {
        let cards = || (0..2).filter_map(|n| self.near.adapter(n));
        self.idle > 2 && cards().all(|card| card.poll_timeout() != Some(Nanos::ZERO))
    }

    /// Moves everything on at this time. Whether anything moved.
    pub(crate) fn step(&mut self) -> bool {
        let before = self.checker().frames;
        let switched = self.poll();
        let acted = self.run_applications();
        switched || acted || self.checker().frames != before
    }

    /// Lets time pass: a tick where something is under way, else to the next thing that happens, at
    /// `next` at the latest.
    pub(crate) fn pass(&mut self, moved: bool, next: Option<Nanos>) {
        let waits = self.will_wait(moved);
        self.idle = if moved { 0 } else { (self.idle + 1).min(12) };
        self.now = if waits {
            // What is due all the time without anything happening is waited for in longer and longer steps.
            let least = Nanos(self.tick.0 << self.idle.saturating_sub(8));
            self.next_due(next).max(self.now + least)
        } else {
            self.now + self.tick
        };
    }

    /// Whether time goes to the next thing that happens, and not by a tick.
    pub(crate) fn will_wait(&self, moved: bool) -> bool {
        !moved && self.idle > 0
    }

    /// When anybody has something to do without a frame coming in, or `next` if that is earlier.
    fn next_due(&self, next: Option<Nanos>) -> Nanos {
        let timeouts =
            [self.near.poll_timeout(), self.peer.poll_timeout(), self.switch.poll_timeout(), next];
        let own = self.own.iter().flat_map(|own| &own.ends);
        let all = self.applications.iter().flatten().chain(own);
        let pauses = all.filter_map(|a| a.wake_up(self.now)).min();
        let due = timeouts.into_iter().flatten().chain(pauses).min();
        due.unwrap_or(self.now + Nanos::from_millis(1))
    }

    /// Opens connection `n`.
    pub(crate) fn open(&mut self, n: usize) {
        let Connection { opener, nagle, handover, congestion, .. } = self.plan.connections[n];
        let remote = (ADDRESSES[opener.other().index()], PORT).into();
        let now = self.now;
        let local = self.plan.numbers_wrap.contains(&true).then_some(FIRST_PORT + n as u16);
        let options = Options { handover, congestion, ..options(opener, nagle) };
        let id = self.core(opener).connect(now, remote, local, options).expect("a port");
        let tuple = self.core(opener).tuple(id).expect("made");
        let tuple = match opener {
            Side::Near => tuple,
            Side::Peer => FourTuple { local: tuple.remote, remote: tuple.local },
        };
        self.tuples[n] = Some(tuple);
        self.checker().name((tuple.local.port(), tuple.remote.port()), n);
        for app in &mut self.applications[n] {
            app.opened = now;
        }
        self.start(n, opener, id);
    }

    fn start(&mut self, n: usize, side: Side, id: SocketId) {
        self.by_socket[side.index()][id.index()] = n;
        self.applications[n][side.index()].start(id);
        self.due.push((n, side));
    }

    fn run_applications(&mut self) -> bool {
        let mut acted = false;
        for side in Side::BOTH {
            while let Some(event) = self.core(side).poll_event() {
                acted = true;
                match event {
                    Event::Incoming(listener) => self.accept(side, listener),
                    Event::Socket(id, _)
                        if side == Side::Near
                            && self.own.as_mut().is_some_and(|own| own.wakes(id)) => {}
                    Event::Socket(id, _) => {
                        let n = self.by_socket[side.index()][id.index()];
                        self.due.push((n, side));
                    }
                    // Each host has one lcore.
                    Event::Arrived(..) => {}
                }
            }
        }
        let now = self.now;
        let rested = |app: &&Application| app.phase == Phase::Talking && app.rested(now);
        let rested = self.applications.iter().flatten().filter(rested).map(|a| (a.conn, a.side));
        self.due.extend(rested);
        // Nothing becomes due while they run; keep the list's memory.
        let mut due = std::mem::take(&mut self.due);
        for (n, side) in due.drain(..) {
            acted |= self.run_application(n, side);
        }
        self.due = due;
        acted | self.run_own()
    }

    fn accept(&mut self, side: Side, listener: ListenerId) {
        while let Some(id) = self.core(side).accept(listener) {
            let Some(tuple) = self.core(side).tuple(id) else { continue };
            if side == Side::Near && own::is_own(&tuple) {
                self.accept_own(id);
                continue;
            }
            let (local, remote) = (tuple.local.port(), tuple.remote.port());
            let ports = if side == Side::Near { (local, remote) } else { (remote, local) };
            let conn = self.checker().conn(ports);
            self.start(conn.expect("a connection that somebody opened"), side, id);
        }
    }

    /// Lets an application do what it can. Whether it did anything.
    fn run_application(&mut self, n: usize, side: Side) -> bool {
        let dark = self.dark_until.is_some_and(|until| until >= self.applications[n][0].opened);
        // While no cable works nobody answers for a next hop: an open may fail for that.
        // Nor is there a way by an adapter that refuses to write next hops.
        let may_fail = dark || self.refuses_hops;
        let [near, peer] = &mut self.applications[n];
        let (app, other) = if side == Side::Near { (near, peer) } else { (peer, near) };
        let core = match side {
            Side::Near => self.near.sockets_mut(),
            Side::Peer => self.peer.core_mut(),
        };
        let now = self.now;
        let Some(turn) = app.turn(now, core, other, may_fail, &mut self.scratch) else {
            return false;
        };
        let (done, gave_up) = ((app.written, app.shut, app.read), app.gave_up);
        let mut checker = self.checker();
        checker.application(now, (n, side), done, gave_up);
        if let Some(how) = self.lost_without_count() {
            checker.violate(now, Rule::Error, Some(n), how);
        }
        if let Err((rule, how)) = turn {
            checker.violate(now, rule, Some(n), how);
        }
        true
    }

    /// Whether applications were told that connections are lost for which the bond has no account.
    fn lost_without_count(&self) -> Option<String> {
        let lost = self.applications.iter().flatten().filter(|app| app.was_lost).count() as u64;
        let counted = self.near.bond().map_or(0, |bond| bond.counters().connections_lost);
        (lost > counted).then(|| format!("{lost} connections lost, {counted} counted"))
    }

    /// An application of a connection does something.
    pub(crate) fn acts(&mut self, n: usize, side: Side, act: Act) {
        let now = self.now;
        self.applications[n][side.index()].change_mind(now, act);
        self.due.push((n, side));
    }

    /// Nothing that the peer sends arrives any more, or again what should.
    pub(crate) fn silence(&mut self, silent: bool) {
        let port = self.cables.len();
        let mut impairments = self.plan.impairments;
        if silent {
            impairments.loss = Probability::new(1.0).unwrap_or(impairments.loss);
        }
        self.switch.port_mut(port).set_impairments(impairments);
    }

    /// A stranger sends a frame about a connection.
    pub(crate) fn stray(&mut self, n: usize, stray: Stray) {
        let Some(id) = self.applications[n][0].id else { return };
        let core = self.near.sockets();
        let (Some(tuple), Some(progress)) = (core.tuple(id), core.progress(id)) else { return };
        let (SocketAddr::V4(local), SocketAddr::V4(remote)) = (tuple.local, tuple.remote) else {
            return;
        };
        let about =
            About { ends: [local, remote], snd: progress.snd_una.0, rcv: progress.rcv_nxt.0 };
        let bytes = stray::frame(stray, &about, STRANGER, MACS[0]);
        let mut burst = FrameBurst::new(1, 128);
        if let Some(frame) = burst.spare() {
            frame.buffer_mut()[..bytes.len()].copy_from_slice(&bytes);
            frame.set_len(bytes.len());
            burst.commit();
            self.stranger.tx_burst(self.now, burst.frames());
        }
    }

    /// An application that hears nothing from one that gave up, whose reset may be lost, gives up too.
    pub(crate) fn give_up_half_open(&mut self) {
        let now = self.now;
        for n in 0..self.applications.len() {
            for side in Side::BOTH {
                let other = &self.applications[n][side.other().index()];
                let app = &self.applications[n][side.index()];
                if !other.gave_up || matches!(app.phase, Phase::Over | Phase::Waiting) {
                    continue;
                }
                let id = app.id;
                if let Some(id) = id {
                    self.core(side).abort(now, id);
                }
                let app = &mut self.applications[n][side.index()];
                (app.phase, app.gave_up) = (Phase::Over, true);
            }
        }
    }

    /// A connection one of whose applications is not through, if there is one.
    pub(crate) fn unfinished(&self) -> Option<usize> {
        let through = |app: &Application, other: &Application| {
            app.phase == Phase::Over || (app.phase == Phase::Waiting && other.gave_up)
        };
        let both = |[near, peer]: &[Application; 2]| through(near, peer) && through(peer, near);
        self.applications.iter().position(|ends| !both(ends))
    }
}

/// Sockets of the host with the bond live on adapters, those of its peer do not.
fn options(side: Side, nagle: bool) -> Options {
    let path = if side == Side::Near { PathChoice::Offload } else { PathChoice::Host };
    Options::on(path).with_nagle(nagle)
}
