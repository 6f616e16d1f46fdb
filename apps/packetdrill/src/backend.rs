//! The stack under test: sockets over the bare cable, or a whole host with a software adapter.

use mafo::eal::dma::Arena;
use mafo::{AdapterConfig, AsicConfig, Core, Host, HostConfig, Nanos, PathChoice, PortId};
use mafo::{SoftConfig, Stack, StackConfig};

use crate::cable::Cable;

/// Turns without news after which a host with an adapter has nothing under way any more: host, driver,
/// card and cable hand on what they have once a turn, in either direction.
const QUIET_TURNS: usize = 6;
/// More turns than anything takes at one instant; whoever still moves then moves for ever.
const TURNS_MAX: usize = 100_000;

/// What the packets go to.
#[derive(Debug)]
pub enum Backend {
    /// TCP runs in the stack.
    Host(Box<Stack>),
    /// TCP runs in a software adapter.
    Offload(Box<Host>),
}

impl Backend {
    /// A stack on `cable`, ready at `now`.
    #[must_use]
    pub fn new(path: PathChoice, config: StackConfig, cable: &Cable, now: Nanos) -> Self {
        match path {
            PathChoice::Host => {
                let send = config.sockets_max as usize * config.send_buffer + (64 << 10);
                let arena = Arena::ordinary(send).expect("memory for send buffers");
                let mut stack = Stack::new(config, arena);
                stack.add_port(Box::new(cable.clone()));
                Self::Host(Box::new(stack))
            }
            PathChoice::Offload => Self::offload(config, cable, now),
        }
    }

    fn offload(config: StackConfig, cable: &Cable, now: Nanos) -> Self {
        let adapter = SoftConfig {
            asic: AsicConfig { mac_base: [2, 0, 0, 0, 1, 0], ..AsicConfig::t540_cr() },
            driver: AdapterConfig::default(),
            wires: vec![(PortId(0), Box::new(cable.clone()))],
        };
        let links = vec![(0, PortId(0))];
        let host = HostConfig { stack: config, adapters: vec![adapter], links };
        let mut host = Host::new(host).expect("memory for an adapter");
        let mut turns = 0;
        while !host.is_up() {
            host.poll(now).expect("the adapter comes up");
            turns += 1;
            assert!(turns < TURNS_MAX, "the adapter does not come up");
        }
        Self::Offload(Box::new(host))
    }

    /// The sockets.
    pub fn core_mut(&mut self) -> &mut Core {
        match self {
            Self::Host(stack) => stack.core_mut(),
            Self::Offload(host) => host.sockets_mut(),
        }
    }

    /// The sockets.
    #[must_use]
    pub fn core(&self) -> &Core {
        match self {
            Self::Host(stack) => stack.core(),
            Self::Offload(host) => host.sockets(),
        }
    }

    /// Runs all that happens at `now`, to its end; what leaves goes to `packets`.
    pub fn settle(&mut self, now: Nanos, cable: &Cable, mut packets: impl FnMut(Vec<u8>)) {
        let quiet_turns = match self {
            Self::Host(_) => 1,
            Self::Offload(_) => QUIET_TURNS,
        };
        let mut quiet = 0;
        for _ in 0..TURNS_MAX {
            self.poll(now);
            let mut left = false;
            let waiting = cable.collect(|packet| {
                left = true;
                packets(packet);
            });
            let due = self.poll_timeout().is_some_and(|at| at <= now);
            quiet = if waiting || left || due { 0 } else { quiet + 1 };
            if quiet == quiet_turns {
                return;
            }
        }
        panic!("the stack does not come to rest at {now:?}");
    }

    fn poll(&mut self, now: Nanos) {
        match self {
            Self::Host(stack) => stack.poll(now),
            Self::Offload(host) => host.poll(now).expect("an adapter that runs"),
        }
    }

    /// When something happens next without a packet coming in.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        match self {
            Self::Host(stack) => stack.poll_timeout(),
            Self::Offload(host) => host.poll_timeout(),
        }
    }
}
