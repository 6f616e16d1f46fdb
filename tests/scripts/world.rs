//! The product under test: sockets over the engine, or over driver and software adapter, and their cable.

use mafo::eal::dma::Arena;
use mafo::wire::mem::{self, LinkConfig, MemEnd};
use mafo::wire::{Switch, SwitchConfig, Wire};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, CardConnection, Core, Handover, Host, HostConfig,
    LinkId, Nanos, PathChoice, PortId, SoftAdapter, SoftConfig, Stack, StackConfig, WirePort,
};

use crate::far::Far;

/// Turns without news after which a host with an adapter has nothing under way any more: host, driver,
/// card and cable hand on what they have once a turn, in either direction.
const QUIET_TURNS: usize = 6;
/// More turns than anything takes at one instant; whoever still moves then moves for ever.
const TURNS_MAX: usize = 100_000;
/// More messages than an ingress queue has room for.
const QUEUED_MAX: usize = 640;
/// Frames put on the cable at a time.
const FAR_BURST: usize = 32;
/// Largest IP packet of the cable.
const CABLE_MTU: usize = 9000;

/// Turns in which a switch hears by which link we are to be reached now.
const LEARNING_TURNS: usize = 3;
/// Turns that a handover takes in which nothing is seen of it, and more.
const MOVING_TURNS: usize = 200;

enum Sockets {
    Host(Box<Stack>),
    Offload(Box<Host>),
}

/// What happens before everything that happens in a script: connections move, as by a wish. What has not come to its end
/// goes on, and the next begins when it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failover {
    /// To another adapter.
    Handover,
    /// To another port of the adapter.
    Port,
}

impl Failover {
    /// Adapter and port of each link.
    fn links(failover: Option<Self>) -> &'static [(usize, PortId)] {
        match failover {
            None => &[(0, PortId(0))],
            Some(Self::Handover) => &[(0, PortId(0)), (1, PortId(0))],
            Some(Self::Port) => &[(0, PortId(0)), (0, PortId(1))],
        }
    }
}

/// Sockets, what is below them, and the far end of their cable.
pub(crate) struct World {
    sockets: Sockets,
    failover: Option<Failover>,
    /// Between the links and the cable, where there are several.
    switch: Option<Switch<MemEnd>>,
    stalled: bool,
    pub(crate) far: Far,
    pub(crate) now: Nanos,
}

impl World {
    pub(crate) fn new(
        path: PathChoice,
        failover: Option<Failover>,
        stack: StackConfig,
        (asic, driver): (AsicConfig, AdapterConfig),
        now: Nanos,
    ) -> Self {
        let link = LinkConfig { mtu: CABLE_MTU, queue_frames: 1024, ..LinkConfig::default() };
        let (near, far) = mem::link(&link);
        let mut switch = None;
        let sockets = match path {
            PathChoice::Host => {
                let arena = Arena::ordinary(stack.send_memory()).expect("memory for send buffers");
                let port = WirePort::new(near, stack.mac, stack.mtu);
                let mut stack = Stack::new(stack, arena);
                stack.add_port(Box::new(port));
                Sockets::Host(Box::new(stack))
            }
            PathChoice::Offload => {
                // Hours pass between two segments: nothing but heartbeats would be left of them.
                let driver = AdapterConfig { heartbeat: None, ..driver };
                let links = Failover::links(failover);
                let mut near = vec![near];
                if failover.is_some() {
                    let ends = links.iter().map(|_| mem::link(&link));
                    let (ours, theirs): (Vec<_>, Vec<_>) = ends.unzip();
                    let config = SwitchConfig { mtu: CABLE_MTU, ..SwitchConfig::default() };
                    switch = Some(Switch::new(&config, near.drain(..).chain(theirs)));
                    near = ours;
                }
                let mut adapters: Vec<SoftConfig> = Vec::new();
                for (&(adapter, port), wire) in links.iter().zip(near) {
                    if adapter == adapters.len() {
                        // Their clocks agree: a timestamp would tell who speaks.
                        let mut asic = asic.clone();
                        asic.mac_base[3] += adapter as u8;
                        adapters.push(SoftConfig { asic, driver, wires: Vec::new() });
                    }
                    let wire: Box<dyn Wire> = Box::new(wire);
                    adapters[adapter].wires.push((port, wire));
                }
                let links = links.iter().copied();
                // What is under way is given to the next owner again: nobody waits for the peer.
                let bond = BondConfig { handover: Handover::Instant, ..BondConfig::new(links) };
                let host = Host::new(HostConfig::new(stack, adapters, bond));
                Sockets::Offload(Box::new(host.expect("memory for an adapter")))
            }
        };
        let mut world =
            Self { sockets, failover, switch, stalled: false, far: Far::new(far, CABLE_MTU), now };
        world.come_up();
        world
    }

    fn come_up(&mut self) {
        for _ in 0..TURNS_MAX {
            self.poll();
            self.far.collect(self.now);
            let up = match &self.sockets {
                Sockets::Host(_) => true,
                Sockets::Offload(host) => {
                    host.is_up() && host.bond().is_some_and(|bond| bond.active().is_some())
                }
            };
            if up {
                return self.settle();
            }
        }
        panic!("the adapter does not come up");
    }

    fn poll(&mut self) {
        match &mut self.sockets {
            Sockets::Host(stack) => stack.poll(self.now),
            Sockets::Offload(host) if self.stalled => {
                host.sockets_mut().ring();
                for n in 0..2 {
                    host.adapter_mut(n).into_iter().for_each(|card| card.poll(self.now));
                }
            }
            Sockets::Offload(host) => host.poll(self.now).expect("an adapter that runs"),
        }
        if let Some(switch) = &mut self.switch {
            switch.poll(self.now);
        }
    }

    /// All connections are to leave the link that is active, if there is another and they have come to this one. What
    /// happens next finds them on their way, but not the switch: what it had sent to the old link would be lost.
    pub(crate) fn fail_over(&mut self) {
        let Sockets::Offload(host) = &mut self.sockets else { return };
        if self.failover.is_none() || self.stalled {
            return;
        }
        let Some((bond, core)) = host.bond_and_sockets_mut() else { return };
        let active = bond.active();
        let links = Failover::links(self.failover).iter().map(|&link| LinkId::from(link));
        let other = links.into_iter().find(|&link| Some(link) != active);
        if let Some(other) = other.filter(|_| !bond.is_moving()) {
            bond.make_active(self.now, core, other).expect("its link is up");
            for _ in 0..LEARNING_TURNS {
                self.poll();
            }
        }
    }

    /// Whether a connection is on its way.
    fn is_moving(&self) -> bool {
        let Sockets::Offload(host) = &self.sockets else { return false };
        host.bond().is_some_and(|bond| bond.is_moving())
    }

    /// Runs all that happens now, to its end.
    pub(crate) fn settle(&mut self) {
        let quiet_turns = match &self.sockets {
            Sockets::Host(_) => 1,
            Sockets::Offload(_) => QUIET_TURNS,
        };
        let mut quiet = 0;
        for turn in 0..TURNS_MAX {
            self.poll();
            let moved = self.far.collect(self.now);
            let due = self.poll_timeout().is_some_and(|at| at <= self.now);
            let moves = turn < MOVING_TURNS && self.is_moving();
            quiet = if moved || due || moves { 0 } else { quiet + 1 };
            if quiet == quiet_turns {
                return;
            }
        }
        panic!("it does not come to rest at {:?}", self.now);
    }

    /// When something happens next of itself.
    pub(crate) fn poll_timeout(&self) -> Option<Nanos> {
        match &self.sockets {
            Sockets::Host(stack) => stack.poll_timeout(),
            Sockets::Offload(_) if self.stalled => {
                self.cards().filter_map(SoftAdapter::poll_timeout).min()
            }
            Sockets::Offload(host) => host.poll_timeout(),
        }
    }

    /// The adapters.
    fn cards(&self) -> impl Iterator<Item = &SoftAdapter> {
        let host = match &self.sockets {
            Sockets::Host(_) => None,
            Sockets::Offload(host) => Some(host),
        };
        host.into_iter().flat_map(|host| (0..2).filter_map(|n| host.adapter(n)))
    }

    pub(crate) fn core(&self) -> &Core {
        match &self.sockets {
            Sockets::Host(stack) => stack.core(),
            Sockets::Offload(host) => host.sockets(),
        }
    }

    pub(crate) fn core_mut(&mut self) -> &mut Core {
        match &mut self.sockets {
            Sockets::Host(stack) => stack.core_mut(),
            Sockets::Offload(host) => host.sockets_mut(),
        }
    }

    /// The connection that the card has, as the card knows it.
    pub(crate) fn on_card(&self) -> Option<CardConnection> {
        self.cards().find_map(|card| card.connections().next())
    }

    /// Lets the host stand still, with its queue full, or go on. `false` where there is no card that could go on
    /// without it.
    pub(crate) fn stall(&mut self, stalled: bool) -> bool {
        if matches!(self.sockets, Sockets::Host(_)) {
            return false;
        }
        self.settle();
        self.stalled = stalled;
        if stalled {
            // Resets of nobody, which nobody answers, until the card finds no room for one more.
            for _ in 0..QUEUED_MAX / FAR_BURST {
                for _ in 0..FAR_BURST {
                    self.far.reset_of_nobody(self.now);
                }
                self.poll();
            }
        }
        self.settle();
        true
    }

    /// What the engine that runs the connection has counted.
    pub(crate) fn tcp_counters(&self) -> mafo_tcp::Counters {
        match &self.sockets {
            Sockets::Host(stack) => *stack.core().tcp_counters(),
            Sockets::Offload(_) => {
                let mut sum = mafo_tcp::Counters::new();
                self.cards().for_each(|card| sum += card.counters().tcp);
                sum
            }
        }
    }
}
