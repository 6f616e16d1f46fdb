//! The two hosts and the switch between them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use mafo::eal::clock::Clock;
use mafo::eal::dma::Arena;
use mafo::wire::mem::{LinkConfig, MemEnd, link};
use mafo::wire::{Cable, Switch, SwitchConfig, UnknownUnicast, Wire};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Host, HostConfig, L2tIdx, LinkId, MemberId, Meter,
    Nanos, PortId, SoftConfig, Stack, StackConfig, WirePort,
};

use super::options::FailoverOptions;
use crate::bench::BenchError;
use crate::rig::{Fins, Seen, Sniffer};
use crate::sys;

/// Connections of one of the peer's ports; each has a port of ours.
const PER_PORT: usize = 32_768;
/// The peer's first port, and ours.
const FAR_PORT: u16 = 7000;
const NEAR_PORT: u16 = 20_000;
/// Bytes of a socket's buffer: a request and a response are small.
const BUFFER: usize = 4 << 10;
/// Frames that a cable holds.
const LINK_FRAMES: usize = 4096;

const NEAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const FAR: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// Everything that runs.
pub(super) struct Net {
    /// The host with the bond.
    pub(super) near: Host,
    /// Its peer.
    pub(super) far: Stack,
    switch: Switch<MemEnd>,
    cables: [Cable; 2],
    /// What leaves by each.
    seen: Vec<Arc<Seen>>,
}

/// Where connection `n` goes, and from which port.
pub(super) fn place(n: usize) -> (SocketAddr, u16) {
    let to = (FAR, FAR_PORT + (n / PER_PORT) as u16).into();
    (to, NEAR_PORT + (n % PER_PORT) as u16)
}

/// The number of the connection between these ports of the peer's and ours.
pub(super) fn number(far_port: u16, near_port: u16) -> Option<usize> {
    let group = usize::from(far_port.checked_sub(FAR_PORT)?);
    Some(group * PER_PORT + usize::from(near_port.checked_sub(NEAR_PORT)?))
}

/// Where the peer listens for `connections`.
pub(super) fn listeners(connections: usize) -> impl Iterator<Item = SocketAddr> {
    (0..connections.div_ceil(PER_PORT)).map(|group| (FAR, FAR_PORT + group as u16).into())
}

/// A card with room for `connections`, unlike the other one.
fn asic(n: usize, connections: u32) -> AsicConfig {
    let usual = AsicConfig::t540_cr();
    let ntids = usual.ntids.max(connections + connections / 8);
    AsicConfig {
        ntids,
        server_start: ntids,
        filter_start: ntids + usual.nservers,
        cclk_khz: [250_000, 200_000][n],
        clock_epoch: [0x77_0000_0000_1111, 0x5_1234_5678_9abc][n],
        mac_base: [2, 0x4d, 0x46, 0x0a + n as u8, 0, 0x10],
        l2t_start: L2tIdx([0, 7][n]),
        seed: n as u64 + 1,
        meter: Meter::by(sys::cycles),
        ..usual
    }
}

impl Net {
    /// Both hosts; the adapters are not up yet.
    pub(super) fn new(options: &FailoverOptions, clock: Clock) -> Result<Self, BenchError> {
        let config = LinkConfig { queue_frames: LINK_FRAMES, ..LinkConfig::default() };
        let [(a, switch_a), (b, switch_b), (far, switch_far)] = [(); 3].map(|()| link(&config));
        let cables = [a.cable(), b.cable()];
        let quiet =
            SwitchConfig { unknown_unicast: UnknownUnicast::Drop, ..SwitchConfig::default() };
        let switch = Switch::new(&quiet, [switch_a, switch_b, switch_far]);
        let (wires, seen): (Vec<_>, Vec<_>) =
            [a, b].into_iter().map(|wire| Sniffer::new(wire, clock, Fins::default())).unzip();
        let adapters = wires.into_iter().enumerate().map(|(n, wire)| SoftConfig {
            asic: asic(n, options.connections),
            driver: AdapterConfig::default(),
            wires: vec![(PortId(0), Box::new(wire) as Box<dyn Wire>)],
        });
        let stack = |address, mac| {
            let mut stack = StackConfig::new(address, 24, mac);
            stack.sockets_max = options.connections + 16;
            (stack.send_buffer, stack.recv_buffer) = (BUFFER, BUFFER);
            stack.recv_buffer_max = BUFFER;
            stack.secret = *b"nothing to hide.";
            stack
        };
        let links = [0, 1].map(|adapter| (adapter, PortId(0)));
        let meter = Meter::by(sys::cycles);
        let handover = options.handover.into();
        let bond = BondConfig { handover, meter, ..BondConfig::new(links) };
        let near_stack = stack(NEAR, [2, 0x4d, 0x46, 0, 0, 2]);
        let near = Host::new(HostConfig::new(near_stack, adapters, bond))?;
        let stack = stack(FAR, [2, 0x4d, 0x46, 0, 0, 1]);
        let arena =
            Arena::new(stack.send_memory()).map_err(|e| BenchError::CannotRun(e.to_string()))?;
        let port = WirePort::new(far, stack.mac, stack.mtu);
        let mut far = Stack::new(stack, arena);
        far.add_port(Box::new(port));
        Ok(Self { near, far, switch, cables, seen })
    }

    /// One turn of the host with the bond, or more when it is in a hurry; when the last one was.
    pub(super) fn poll_near(&mut self, clock: Clock) -> Result<Nanos, BenchError> {
        let mut now = clock.now();
        self.near.poll(now)?;
        while self.near.is_in_a_hurry() {
            now = clock.now();
            self.near.poll(now)?;
        }
        Ok(now)
    }

    /// One turn of its peer, and of the switch on the way there and back.
    pub(super) fn poll_far(&mut self, now: Nanos) {
        self.switch.poll(now);
        self.far.poll(now);
        self.switch.poll(now);
    }

    /// The link that is in use.
    pub(super) fn active(&self) -> Option<LinkId> {
        self.near.bond()?.active()
    }

    /// Notes anew when the first segment leaves by each cable.
    pub(super) fn watch(&self) {
        self.seen.iter().for_each(|seen| seen.watch());
    }

    /// When the first one left by the link that is in use.
    pub(super) fn first_out(&self) -> Option<Nanos> {
        self.seen[self.active()?.member.index()].first_out()
    }

    /// The cable of an adapter.
    pub(super) fn cable(&self, member: MemberId) -> &Cable {
        &self.cables[member.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_has_ports_of_its_own() {
        for n in [0, 1, PER_PORT - 1, PER_PORT, 131_071] {
            let (to, port) = place(n);
            assert_eq!(number(to.port(), port), Some(n));
            assert!(listeners(n + 1).any(|at| at == to), "nobody listens at {to}");
        }
        assert_eq!(
            (number(FAR_PORT - 1, NEAR_PORT), number(FAR_PORT, NEAR_PORT - 1)),
            (None, None)
        );
    }
}
