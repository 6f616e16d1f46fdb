//! The stack under test: sockets over the bare cable, or a whole host with a software adapter.

use std::collections::BTreeSet;
use std::fmt;

use mafo::eal::dma::Arena;
use mafo::wire::mem::{self, LinkConfig};
use mafo::wire::{Switch, SwitchConfig, Wire};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Core, Handover, Host, HostConfig, LinkId, Nanos,
    PathChoice, PortId, SoftConfig, Stack, StackConfig,
};

use crate::cable::Cable;
use crate::settings::Failover;

/// Turns without news after which a host with an adapter has nothing under way any more: host, driver,
/// card and cable hand on what they have once a turn, in either direction.
const QUIET_TURNS: usize = 6;
/// The same with a switch between adapters and cable.
const SWITCHED_TURNS: usize = QUIET_TURNS + 2;
/// Turns that a handover takes in which nothing is seen of it, and more.
const MOVING_TURNS: usize = 200;
/// Turns in which a switch hears by which link we are to be reached now: what it had sent to the old one would be lost.
const LEARNING_TURNS: usize = 3;
/// The MTU table that an adapter begins with: sizes of the segments that scripts use, each and 40 bytes of headers, among
/// the usual ones. Others are entered when they are first seen.
const MTUS: [u16; 16] =
    [88, 256, 440, 512, 576, 808, 1040, 1064, 1140, 1240, 1280, 1440, 1500, 4096, 9000, 9600];
/// More turns than anything takes at one instant; whoever still moves then moves for ever.
const TURNS_MAX: usize = 100_000;

/// IPv4 and TCP headers without options.
const HEADERS: u16 = 40;

/// What the packets go to.
#[derive(Debug)]
pub enum Backend {
    /// TCP runs in the stack.
    Host(Box<Stack>),
    /// TCP runs in a software adapter.
    Offload(Box<Offload>),
}

/// A host with an adapter, and the sizes of segments that it has to have.
pub struct Offload {
    host: Host,
    failover: Option<Failover>,
    /// Between the links and the cable, where there are several.
    switch: Option<Switch<Box<dyn Wire>>>,
    mtus: [u16; 16],
    /// Entries of the table that somebody asked for.
    wanted: BTreeSet<u16>,
}

impl fmt::Debug for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offload").field("host", &self.host).field("mtus", &self.mtus).finish()
    }
}

impl Backend {
    /// A stack on `cable`, ready at `now`.
    #[must_use]
    pub fn new(
        (path, failover): (PathChoice, Option<Failover>),
        config: StackConfig,
        cable: &Cable,
        now: Nanos,
    ) -> Self {
        match path {
            PathChoice::Host => {
                let send = config.sockets_max as usize * config.send_buffer + (64 << 10);
                let arena = Arena::ordinary(send).expect("memory for send buffers");
                let mut stack = Stack::new(config, arena);
                stack.add_port(Box::new(cable.clone()));
                Self::Host(Box::new(stack))
            }
            PathChoice::Offload => Self::offload(failover, config, cable, now),
        }
    }

    fn offload(failover: Option<Failover>, config: StackConfig, cable: &Cable, now: Nanos) -> Self {
        let links = links(failover);
        let mut wires: Vec<Box<dyn Wire>> = vec![Box::new(cable.clone())];
        let mut switch = None;
        if failover.is_some() {
            let mtu = usize::from(config.mtu);
            let link = LinkConfig { mtu, queue_frames: 1024, ..LinkConfig::default() };
            let (ours, theirs): (Vec<_>, Vec<_>) = links.iter().map(|_| mem::link(&link)).unzip();
            let theirs = theirs.into_iter().map(|end| Box::new(end) as Box<dyn Wire>);
            let config = SwitchConfig { mtu, ..SwitchConfig::default() };
            switch = Some(Switch::new(&config, wires.drain(..).chain(theirs)));
            wires = ours.into_iter().map(|end| Box::new(end) as Box<dyn Wire>).collect();
        }
        let mut adapters: Vec<SoftConfig> = Vec::new();
        for (&(adapter, port), wire) in links.iter().zip(wires) {
            if adapter == adapters.len() {
                adapters.push(soft(adapter, &config));
            }
            adapters[adapter].wires.push((port, wire));
        }
        let wanted = BTreeSet::from([config.mtu]);
        // What is under way is given to the next owner again: nobody waits for the peer.
        let bond =
            BondConfig { handover: Handover::Instant, ..BondConfig::new(links.iter().copied()) };
        let host = HostConfig::new(config, adapters, bond);
        let host = Host::new(host).expect("memory for an adapter");
        let mut offload = Offload { host, failover, switch, mtus: MTUS, wanted };
        let mut turns = 0;
        while !offload.host.is_up() || failover.is_some() && turns < MOVING_TURNS {
            offload.poll(now);
            turns += 1;
            assert!(turns < TURNS_MAX, "the adapter does not come up");
        }
        Self::Offload(Box::new(offload))
    }

    /// All connections are to leave the link that is active, if there is another and they have come to this one.
    pub fn fail_over(&mut self, now: Nanos) {
        if let Self::Offload(offload) = self {
            offload.fail_over(now);
        }
    }

    /// Connections with segments of `mss` bytes and their headers may come: an adapter is to have that size.
    pub fn expect_mss(&mut self, mss: u16) {
        if let Self::Offload(offload) = self {
            offload.expect(mss.saturating_add(HEADERS));
        }
    }

    /// The sockets.
    pub fn core_mut(&mut self) -> &mut Core {
        match self {
            Self::Host(stack) => stack.core_mut(),
            Self::Offload(offload) => offload.host.sockets_mut(),
        }
    }

    /// The sockets.
    #[must_use]
    pub fn core(&self) -> &Core {
        match self {
            Self::Host(stack) => stack.core(),
            Self::Offload(offload) => offload.host.sockets(),
        }
    }

    /// Runs all that happens at `now`, to its end; what leaves goes to `packets`.
    pub fn settle(&mut self, now: Nanos, cable: &Cable, mut packets: impl FnMut(Vec<u8>)) {
        let quiet_turns = match self {
            Self::Host(_) => 1,
            Self::Offload(offload) if offload.switch.is_some() => SWITCHED_TURNS,
            Self::Offload(_) => QUIET_TURNS,
        };
        let mut quiet = 0;
        for turn in 0..TURNS_MAX {
            self.poll(now);
            let mut left = false;
            let waiting = cable.collect(|packet| {
                left = true;
                packets(packet);
            });
            let due = self.poll_timeout().is_some_and(|at| at <= now);
            let moves = turn < MOVING_TURNS && self.is_moving();
            quiet = if waiting || left || due || moves { 0 } else { quiet + 1 };
            if quiet == quiet_turns {
                return;
            }
        }
        panic!("the stack does not come to rest at {now:?}");
    }

    fn poll(&mut self, now: Nanos) {
        match self {
            Self::Host(stack) => stack.poll(now),
            Self::Offload(offload) => offload.poll(now),
        }
    }

    /// Whether a connection is on its way to another link.
    fn is_moving(&self) -> bool {
        match self {
            Self::Host(_) => false,
            Self::Offload(offload) => offload.host.bond().is_some_and(mafo::Bond::is_moving),
        }
    }

    /// When something happens next without a packet coming in.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        match self {
            Self::Host(stack) => stack.poll_timeout(),
            Self::Offload(offload) => offload.host.poll_timeout(),
        }
    }
}

/// Adapter and port of each link.
fn links(failover: Option<Failover>) -> &'static [(usize, PortId)] {
    match failover {
        None => &[(0, PortId(0))],
        Some(Failover::Handover) => &[(0, PortId(0)), (1, PortId(0))],
        Some(Failover::Port) => &[(0, PortId(0)), (0, PortId(1))],
    }
}

/// An adapter without cables. The clocks of all of them agree: a timestamp would tell who speaks.
fn soft(adapter: usize, config: &StackConfig) -> SoftConfig {
    SoftConfig {
        asic: AsicConfig {
            mac_base: [2, 0, 0, adapter as u8, 1, 0],
            congestion: config.adapter_congestion,
            engine: config.tcp.clone(),
            ..AsicConfig::t540_cr()
        },
        // The clock jumps to the next thing to do: of a pause nothing but heartbeats would be left.
        driver: AdapterConfig { mtus: Some(MTUS), heartbeat: None, ..AdapterConfig::default() },
        wires: Vec::new(),
    }
}

impl Offload {
    fn poll(&mut self, now: Nanos) {
        self.host.poll(now).expect("an adapter that runs");
        if let Some(switch) = &mut self.switch {
            switch.poll(now);
        }
    }

    fn fail_over(&mut self, now: Nanos) {
        let Some((bond, core)) = self.host.bond_and_sockets_mut() else { return };
        let active = bond.active();
        let all = links(self.failover).iter().map(|&link| LinkId::from(link));
        let other = all.into_iter().find(|&link| Some(link) != active);
        let Some(other) = other.filter(|_| !bond.is_moving()) else { return };
        bond.make_active(now, core, other).expect("its link is up");
        for _ in 0..LEARNING_TURNS {
            self.poll(now);
        }
    }

    /// Enters `mtu` into the adapter's table, in place of a neighbour that nobody has asked for. Connections know their
    /// size by its number, so all other entries stay where they are; without such a neighbour nothing is done, and the
    /// next smaller size is used.
    fn expect(&mut self, mtu: u16) {
        let known = self.mtus.contains(&mtu);
        if known || entry_for(&self.mtus, &self.wanted, mtu).is_some() {
            self.wanted.insert(mtu);
        }
        if let Some(at) = entry_for(&self.mtus, &self.wanted, mtu).filter(|_| !known) {
            self.mtus[at] = mtu;
            assert!(self.host.load_mtus(self.mtus), "an adapter takes {:?}", self.mtus);
        }
    }
}

/// Where `mtu` goes in an ascending table: in place of a neighbour that is not `wanted`.
fn entry_for(mtus: &[u16; 16], wanted: &BTreeSet<u16>, mtu: u16) -> Option<usize> {
    let above = mtus.partition_point(|&entry| entry < mtu);
    let neighbours = [Some(above), above.checked_sub(1)];
    let is_free = |at: &usize| mtus.get(*at).is_some_and(|entry| !wanted.contains(entry));
    neighbours.into_iter().flatten().find(is_free).filter(|_| (68..=9600).contains(&mtu))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_takes_the_place_of_a_neighbour_that_nobody_asked_for() {
        let wanted = BTreeSet::from([1040, 1500]);
        assert_eq!(MTUS[6..8], [1040, 1064]);
        assert_eq!(entry_for(&MTUS, &wanted, 1052), Some(7), "the next above");
        assert_eq!(entry_for(&MTUS, &wanted, 1030), Some(5), "1040 is in use: the next below");
        assert_eq!(entry_for(&MTUS, &BTreeSet::from(MTUS), 1052), None);
        assert_eq!(entry_for(&MTUS, &wanted, 67), None, "no packet is so small");
        assert_eq!(entry_for(&MTUS, &wanted, 9601), None);
        assert_eq!(entry_for(&MTUS, &wanted, 70), Some(0));
    }
}
