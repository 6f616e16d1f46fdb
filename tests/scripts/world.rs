//! The product under test: sockets over the engine, or over driver and software adapter, and their cable.

use mafo::eal::dma::Arena;
use mafo::wire::mem::{self, LinkConfig};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, CardConnection, Core, Host, HostConfig, Nanos,
    PathChoice, PortId, SoftConfig, Stack, StackConfig, WirePort,
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

enum Sockets {
    Host(Box<Stack>),
    Offload(Box<Host>),
}

/// Sockets, what is below them, and the far end of their cable.
pub(crate) struct World {
    sockets: Sockets,
    stalled: bool,
    pub(crate) far: Far,
    pub(crate) now: Nanos,
}

impl World {
    pub(crate) fn new(
        path: PathChoice,
        stack: StackConfig,
        (asic, driver): (AsicConfig, AdapterConfig),
        now: Nanos,
    ) -> Self {
        let link = LinkConfig { mtu: CABLE_MTU, queue_frames: 1024, ..LinkConfig::default() };
        let (near, far) = mem::link(&link);
        let sockets = match path {
            PathChoice::Host => {
                let send = stack.sockets_max as usize * stack.send_buffer + (64 << 10);
                let arena = Arena::ordinary(send).expect("memory for send buffers");
                let port = WirePort::new(near, stack.mac, stack.mtu);
                let mut stack = Stack::new(stack, arena);
                stack.add_port(Box::new(port));
                Sockets::Host(Box::new(stack))
            }
            PathChoice::Offload => {
                let wires: Vec<(PortId, Box<dyn mafo::wire::Wire>)> =
                    vec![(PortId(0), Box::new(near))];
                // Hours pass between two segments: nothing but heartbeats would be left of them.
                let driver = AdapterConfig { heartbeat: None, ..driver };
                let adapters = vec![SoftConfig { asic, driver, wires }];
                let links = vec![(0, PortId(0))];
                let host = Host::new(HostConfig { stack, adapters, bond: BondConfig::new(links) });
                Sockets::Offload(Box::new(host.expect("memory for an adapter")))
            }
        };
        let mut world = Self { sockets, stalled: false, far: Far::new(far, CABLE_MTU), now };
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
                host.adapter_mut(0).expect("an adapter").poll(self.now);
            }
            Sockets::Offload(host) => host.poll(self.now).expect("an adapter that runs"),
        }
    }

    /// Runs all that happens now, to its end.
    pub(crate) fn settle(&mut self) {
        let quiet_turns = match &self.sockets {
            Sockets::Host(_) => 1,
            Sockets::Offload(_) => QUIET_TURNS,
        };
        let mut quiet = 0;
        for _ in 0..TURNS_MAX {
            self.poll();
            let moved = self.far.collect(self.now);
            let due = self.poll_timeout().is_some_and(|at| at <= self.now);
            quiet = if moved || due { 0 } else { quiet + 1 };
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
            Sockets::Offload(host) if self.stalled => host.adapter(0)?.poll_timeout(),
            Sockets::Offload(host) => host.poll_timeout(),
        }
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
        let Sockets::Offload(host) = &self.sockets else { return None };
        host.adapter(0)?.connections().next()
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
            Sockets::Offload(host) => host.adapter(0).expect("an adapter").counters().tcp,
        }
    }
}
