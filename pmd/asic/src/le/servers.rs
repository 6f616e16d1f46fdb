//! Listeners: positions in the server region, chosen by the host.

use core::net::IpAddr;
use mafo_t4::Stid;

/// What a listener waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Destination address; `None` takes any of the family.
    pub address: Option<IpAddr>,
    /// Family, which `address` alone would not say.
    pub v6: bool,
    /// Destination port.
    pub port: u16,
}

impl Endpoint {
    fn takes(&self, address: IpAddr, port: u16) -> bool {
        self.port == port
            && self.v6 == address.is_ipv6()
            && self.address.is_none_or(|ours| ours == address)
    }
}

/// Why a listener was not entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerError {
    /// The position is not in the server region, or is odd for an IPv6 listener, which takes two.
    OutOfRange,
    /// The position is taken.
    Exists,
}

/// The server region. As in the TCAM that it stands for, the lowest position wins where two match.
#[derive(Debug)]
pub struct Servers<S> {
    base: u32,
    count: u32,
    /// Ascending by position.
    entries: Vec<(Stid, Endpoint, S)>,
}

impl<S> Servers<S> {
    /// A region of `count` positions from `base` on.
    #[must_use]
    pub const fn new(base: u32, count: u32) -> Self {
        Self { base, count, entries: Vec::new() }
    }

    /// Listeners in the region.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody listens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Enters a listener with what its owner wants to find again.
    pub fn insert(&mut self, stid: Stid, endpoint: Endpoint, server: S) -> Result<(), ServerError> {
        let width = if endpoint.v6 { 2 } else { 1 };
        let position = stid.0.checked_sub(self.base).ok_or(ServerError::OutOfRange)?;
        if position % width != 0 || position + width > self.count {
            return Err(ServerError::OutOfRange);
        }
        let at = self.entries.partition_point(|(other, ..)| *other < stid);
        let taken_by_next = self.entries.get(at).is_some_and(|(next, ..)| next.0 < stid.0 + width);
        let taken_by_previous = at > 0 && {
            let (previous, endpoint, _) = &self.entries[at - 1];
            endpoint.v6 && previous.0 + 1 == stid.0
        };
        if taken_by_next || taken_by_previous {
            return Err(ServerError::Exists);
        }
        self.entries.insert(at, (stid, endpoint, server));
        Ok(())
    }

    /// Removes a listener.
    pub fn remove(&mut self, stid: Stid) -> Option<S> {
        let at = self.entries.binary_search_by_key(&stid, |(stid, ..)| *stid).ok()?;
        Some(self.entries.remove(at).2)
    }

    /// The listener at a position.
    #[must_use]
    pub fn get(&self, stid: Stid) -> Option<&S> {
        let at = self.entries.binary_search_by_key(&stid, |(stid, ..)| *stid).ok()?;
        Some(&self.entries[at].2)
    }

    /// The listener that takes a SYN to this destination.
    #[must_use]
    pub fn find(&self, address: IpAddr, port: u16) -> Option<Stid> {
        self.entries
            .iter()
            .find(|(_, endpoint, _)| endpoint.takes(address, port))
            .map(|(stid, ..)| *stid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 3));
    const V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));

    fn on(address: Option<IpAddr>, port: u16) -> Endpoint {
        Endpoint { address, v6: address.is_some_and(|address| address.is_ipv6()), port }
    }

    #[test]
    fn address_port_and_family_decide() {
        let mut servers = Servers::new(100, 8);
        servers.insert(Stid(105), on(Some(ADDRESS), 7), ()).expect("free");
        servers.insert(Stid(106), on(None, 80), ()).expect("free");
        servers.insert(Stid(102), Endpoint { v6: true, ..on(None, 80) }, ()).expect("free");
        assert_eq!(servers.find(ADDRESS, 7), Some(Stid(105)));
        assert_eq!(servers.find(OTHER, 7), None);
        assert_eq!(servers.find(ADDRESS, 8), None);
        assert_eq!(servers.find(OTHER, 80), Some(Stid(106)));
        assert_eq!(servers.find(V6, 80), Some(Stid(102)));
        assert_eq!(servers.remove(Stid(105)), Some(()));
        assert_eq!(servers.remove(Stid(105)), None);
        assert_eq!(servers.find(ADDRESS, 7), None);
    }

    #[test]
    fn the_lowest_position_wins() {
        let mut servers = Servers::new(0, 8);
        servers.insert(Stid(5), on(None, 7), "any").expect("free");
        servers.insert(Stid(3), on(Some(ADDRESS), 7), "one").expect("free");
        assert_eq!(servers.find(ADDRESS, 7), Some(Stid(3)));
        assert_eq!(servers.find(OTHER, 7), Some(Stid(5)));
        assert_eq!(servers.get(Stid(5)), Some(&"any"));
        assert_eq!(servers.get(Stid(4)), None);
    }

    #[test]
    fn positions_are_checked() {
        let mut servers = Servers::new(100, 4);
        assert_eq!(servers.insert(Stid(99), on(None, 7), ()), Err(ServerError::OutOfRange));
        assert_eq!(servers.insert(Stid(104), on(None, 7), ()), Err(ServerError::OutOfRange));
        assert_eq!(
            servers.insert(Stid(101), on(Some(V6), 7), ()),
            Err(ServerError::OutOfRange),
            "odd"
        );
        servers.insert(Stid(102), on(Some(V6), 7), ()).expect("free");
        assert_eq!(
            servers.insert(Stid(103), on(None, 7), ()),
            Err(ServerError::Exists),
            "second half"
        );
        assert_eq!(servers.insert(Stid(102), on(None, 7), ()), Err(ServerError::Exists));
        servers.insert(Stid(101), on(None, 7), ()).expect("free");
        assert_eq!(
            servers.insert(Stid(100), on(Some(V6), 8), ()),
            Err(ServerError::Exists),
            "would cover 101"
        );
        assert_eq!(servers.len(), 2);
    }
}
