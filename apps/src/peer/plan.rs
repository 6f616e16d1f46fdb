//! Which connection is which: addresses and ports that both ends derive alone.
//!
//! Nothing is said on a connection about its identity. The end that opens connection `id` binds its
//! local port to [`Plan::base_port`] plus `id` and connects to the other end's
//! [`Plan::listen_port`]; the accepting end reads the number back from the port it was called from.
//! It does not matter who opens: the same number means the same ports. Where the peer has several
//! addresses, the first [`Plan::ports_per_address`] connections use the first of them, and so on.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::stream::Direction;

/// One of the two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The host that mafo talks to.
    Peer,
    /// The host whose connections mafo offloads.
    Ours,
}

impl End {
    /// The end at the other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Peer => Self::Ours,
            Self::Ours => Self::Peer,
        }
    }

    /// The direction in which this end sends.
    #[must_use]
    pub const fn sends(self) -> Direction {
        match self {
            Self::Peer => Direction::FromPeer,
            Self::Ours => Direction::ToPeer,
        }
    }
}

/// Addresses and ports of all connections of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Our only address.
    pub ours: Ipv4Addr,
    /// The peer's addresses; at least one.
    pub peers: Vec<Ipv4Addr>,
    /// Length of the network prefix that all of them share.
    pub prefix_len: u8,
    /// The port on which both ends listen.
    pub listen_port: u16,
    /// The opener's port of connection 0.
    pub base_port: u16,
    /// How many connections share one of the peer's addresses.
    pub ports_per_address: u16,
}

impl Default for Plan {
    /// Ours is 10.77.0.2, the peer's 10.77.0.1; all ports lie below the range from which Linux takes
    /// ephemeral ones.
    fn default() -> Self {
        Self {
            ours: Ipv4Addr::new(10, 77, 0, 2),
            peers: vec![Ipv4Addr::new(10, 77, 0, 1)],
            prefix_len: 24,
            listen_port: 7700,
            base_port: 12_000,
            ports_per_address: 20_000,
        }
    }
}

/// The two sockets of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The peer's socket.
    pub peer: SocketAddrV4,
    /// Our socket.
    pub ours: SocketAddrV4,
}

impl Endpoints {
    /// The socket at `end`.
    #[must_use]
    pub const fn at(&self, end: End) -> SocketAddrV4 {
        match end {
            End::Peer => self.peer,
            End::Ours => self.ours,
        }
    }
}

impl Plan {
    /// Why the plan cannot work, if so.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let ports =
            u32::from(self.base_port)..u32::from(self.base_port) + self.ports_per_address_u32();
        if self.peers.is_empty() {
            return Err("the peer has no address");
        }
        if self.peers.contains(&self.ours) {
            return Err("the peer has our address");
        }
        if (1..self.peers.len()).any(|i| self.peers[..i].contains(&self.peers[i])) {
            return Err("an address of the peer is named twice");
        }
        if !(1..=30).contains(&self.prefix_len) {
            return Err("the prefix length is not between 1 and 30");
        }
        if self.peers.iter().any(|peer| self.network(*peer) != self.network(self.ours)) {
            return Err("the two ends are not in one network");
        }
        if ports.is_empty() || ports.start == 0 || ports.end > 1 << 16 {
            return Err("the openers' ports are not between 1 and 65535");
        }
        if self.listen_port == 0 || ports.contains(&u32::from(self.listen_port)) {
            return Err("the listening port is 0 or one of the openers' ports");
        }
        Ok(())
    }

    /// The addresses of the host at `end`.
    pub(crate) fn addresses(&self, end: End) -> &[Ipv4Addr] {
        match end {
            End::Peer => &self.peers,
            End::Ours => std::slice::from_ref(&self.ours),
        }
    }

    /// How many connections the plan has ports for.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.ports_per_address_u32() * self.peers.len() as u32
    }

    /// The sockets of connection `id` when `opener` opens it; `None` beyond [`Plan::capacity`].
    #[must_use]
    pub fn endpoints(&self, id: u32, opener: End) -> Option<Endpoints> {
        let per_address = self.ports_per_address_u32();
        let peer = *self.peers.get((id / per_address) as usize)?;
        let opener_port = self.base_port + (id % per_address) as u16;
        let (peer_port, our_port) = match opener {
            End::Peer => (opener_port, self.listen_port),
            End::Ours => (self.listen_port, opener_port),
        };
        Some(Endpoints {
            peer: SocketAddrV4::new(peer, peer_port),
            ours: SocketAddrV4::new(self.ours, our_port),
        })
    }

    /// Which connection has these sockets, and who opens it; `None` if it is none of the plan's.
    #[must_use]
    pub fn identify(&self, sockets: Endpoints) -> Option<(u32, End)> {
        let (opener, port) = if sockets.ours.port() == self.listen_port {
            (End::Peer, sockets.peer.port())
        } else {
            (End::Ours, sockets.ours.port())
        };
        let address = self.peers.iter().position(|peer| peer == sockets.peer.ip())? as u32;
        let in_address = u32::from(port.checked_sub(self.base_port)?);
        let id = address * self.ports_per_address_u32() + in_address;
        (self.endpoints(id, opener) == Some(sockets)).then_some((id, opener))
    }

    fn ports_per_address_u32(&self) -> u32 {
        u32::from(self.ports_per_address)
    }

    fn network(&self, address: Ipv4Addr) -> u32 {
        u32::from(address) >> (32 - self.prefix_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_addresses() -> Plan {
        Plan {
            peers: vec![Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 3)],
            ports_per_address: 10,
            ..Plan::default()
        }
    }

    #[test]
    fn the_accepting_end_reads_the_number_back() {
        let plan = two_addresses();
        for opener in [End::Peer, End::Ours] {
            for id in 0..plan.capacity() {
                let sockets = plan.endpoints(id, opener).unwrap();
                assert_eq!(sockets.at(opener.other()).port(), plan.listen_port);
                assert_eq!(plan.identify(sockets), Some((id, opener)));
            }
            assert_eq!(plan.endpoints(plan.capacity(), opener), None);
        }
    }

    #[test]
    fn connection_thirteen_in_numbers() {
        let sockets = two_addresses().endpoints(13, End::Ours).unwrap();
        assert_eq!(sockets.peer, "10.77.0.3:7700".parse().unwrap());
        assert_eq!(sockets.ours, "10.77.0.2:12003".parse().unwrap());
    }

    #[test]
    fn strangers_have_no_number() {
        let plan = two_addresses();
        let known = plan.endpoints(0, End::Peer).unwrap();
        let port = |port| SocketAddrV4::new(*known.peer.ip(), port);
        let address = |last| SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, last), 12_000);
        for peer in [port(11_999), port(12_010), port(40_000), address(2), address(9)] {
            assert_eq!(plan.identify(Endpoints { peer, ..known }), None, "{peer}");
        }
    }

    #[test]
    fn plans_that_cannot_work_are_refused() {
        let refused = |change: fn(&mut Plan)| {
            let mut plan = two_addresses();
            assert_eq!(plan.check(), Ok(()));
            change(&mut plan);
            plan.check().unwrap_err()
        };
        refused(|plan| plan.peers.clear());
        refused(|plan| plan.peers[1] = plan.ours);
        refused(|plan| plan.peers[1] = plan.peers[0]);
        refused(|plan| plan.peers[1] = Ipv4Addr::new(10, 78, 0, 3));
        refused(|plan| plan.prefix_len = 31);
        refused(|plan| plan.prefix_len = 0);
        refused(|plan| plan.ports_per_address = 0);
        refused(|plan| plan.base_port = 0);
        refused(|plan| plan.base_port = 65_530);
        refused(|plan| plan.listen_port = 12_009);
        refused(|plan| plan.listen_port = 0);
    }
}
