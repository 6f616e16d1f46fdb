//! What names a connection, and the one table from it to its socket.

use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::collections::HashMap;

use hashbrown::HashTable;
use mafo_mem::KeyedHasher;

use crate::slab::{Slab, SocketId};
use crate::socket::Socket;

/// A connection's two ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FourTuple {
    /// Our end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
}

/// Each end in one word, or three: a hasher is asked for every segment, and each call of it costs.
impl Hash for FourTuple {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for end in [self.local, self.remote] {
            match end.ip() {
                IpAddr::V4(ip) => hash_v4(ip, end.port(), state),
                IpAddr::V6(ip) => {
                    state.write_u128(ip.to_bits());
                    state.write_u16(end.port());
                }
            }
        }
    }
}

fn hash_v4(ip: Ipv4Addr, port: u16, state: &mut impl Hasher) {
    state.write_u64(u64::from(ip.to_bits()) << 16 | u64::from(port));
}

impl fmt::Debug for FourTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<>{}", self.local, self.remote)
    }
}

/// A 4-tuple as a socket keeps it: most are of IPv4, and there may be a million of them.
#[derive(Clone, Debug)]
pub(crate) enum Ends {
    V4 { local: (Ipv4Addr, u16), remote: (Ipv4Addr, u16) },
    Other(Box<FourTuple>),
}

const _: () = assert!(size_of::<Ends>() == 16);

impl From<FourTuple> for Ends {
    fn from(tuple: FourTuple) -> Self {
        match (tuple.local, tuple.remote) {
            (SocketAddr::V4(local), SocketAddr::V4(remote)) => Self::V4 {
                local: (*local.ip(), local.port()),
                remote: (*remote.ip(), remote.port()),
            },
            _ => Self::Other(Box::new(tuple)),
        }
    }
}

impl Ends {
    #[inline]
    pub(crate) fn tuple(&self) -> FourTuple {
        match *self {
            Self::V4 { local, remote } => FourTuple { local: local.into(), remote: remote.into() },
            Self::Other(ref tuple) => **tuple,
        }
    }

    /// Local and remote address, if they are of IPv4.
    #[inline]
    pub(crate) fn v4(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        match *self {
            Self::V4 { local, remote } => Some((local.0, remote.0)),
            Self::Other(_) => None,
        }
    }

    #[inline]
    fn are(&self, tuple: &FourTuple) -> bool {
        match (self, tuple.local, tuple.remote) {
            (Self::V4 { local, remote }, SocketAddr::V4(here), SocketAddr::V4(there)) => {
                *local == (*here.ip(), here.port()) && *remote == (*there.ip(), there.port())
            }
            (Self::V4 { .. }, ..) => false,
            (Self::Other(ends), ..) => **ends == *tuple,
        }
    }

    #[inline]
    pub(crate) fn remote_ip(&self) -> IpAddr {
        match self {
            Self::V4 { remote: (ip, _), .. } => (*ip).into(),
            Self::Other(tuple) => tuple.remote.ip(),
        }
    }
}

/// Sockets by their 4-tuples, which stand in the sockets: an entry is an id, and whoever is found is needed next.
#[derive(Debug)]
pub(crate) struct ByTuple {
    ids: HashTable<SocketId>,
    hasher: KeyedHasher,
}

impl ByTuple {
    pub(crate) fn new(hasher: KeyedHasher) -> Self {
        Self { ids: HashTable::new(), hasher }
    }

    #[inline]
    pub(crate) fn get(&self, sockets: &Slab<Socket>, tuple: &FourTuple) -> Option<SocketId> {
        self.ids.find(self.hasher.hash_one(tuple), is(sockets, tuple)).copied()
    }

    /// As [`ByTuple::get`], of two ends of IPv4.
    #[inline]
    pub(crate) fn get_v4(
        &self,
        sockets: &Slab<Socket>,
        local: (Ipv4Addr, u16),
        remote: (Ipv4Addr, u16),
    ) -> Option<SocketId> {
        let mut hasher = self.hasher.build_hasher();
        for (ip, port) in [local, remote] {
            hash_v4(ip, port, &mut hasher);
        }
        let is = |&id: &SocketId| {
            let ends = sockets.get(id).map(|socket| &socket.ends);
            matches!(ends, Some(Ends::V4 { local: l, remote: r }) if (*l, *r) == (local, remote))
        };
        self.ids.find(hasher.finish(), is).copied()
    }

    /// Bytes of the table.
    pub(crate) fn footprint(&self) -> usize {
        self.ids.allocation_size()
    }

    pub(crate) fn contains(&self, sockets: &Slab<Socket>, tuple: &FourTuple) -> bool {
        self.get(sockets, tuple).is_some()
    }

    /// The socket of `id` is its tuple's.
    pub(crate) fn insert(&mut self, sockets: &Slab<Socket>, id: SocketId) {
        let Some(tuple) = sockets.get(id).map(|socket| socket.ends.tuple()) else { return };
        let Self { ids, hasher } = self;
        // Whoever is in the table is in the slab: a socket leaves it when its connection ends.
        let hash_of =
            |&id: &SocketId| sockets.get(id).map_or(0, |s| hasher.hash_one(s.ends.tuple()));
        ids.entry(hasher.hash_one(tuple), is(sockets, &tuple), hash_of).insert(id);
    }

    /// The tuple of `id` is free.
    pub(crate) fn remove(&mut self, tuple: &FourTuple, id: SocketId) {
        if let Ok(entry) = self.ids.find_entry(self.hasher.hash_one(tuple), |&found| found == id) {
            entry.remove();
        }
    }
}

/// Whether an id is that of the connection of `tuple`.
fn is(sockets: &Slab<Socket>, tuple: &FourTuple) -> impl Fn(&SocketId) -> bool {
    |&id| sockets.get(id).is_some_and(|socket| socket.ends.are(tuple))
}

/// A map by 4-tuple, keyed by the stack's secret ([`crate::StackConfig::secret`]).
pub(crate) type TupleMap<T> = HashMap<FourTuple, T, KeyedHasher>;

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(secret: u8, table: u8) -> Vec<u64> {
        let hasher = KeyedHasher::new(&[secret; 16], table);
        let end = |port| SocketAddr::from(([10, 0, 0, 1], port));
        (0..512_u16).map(|n| hasher.hash_one(FourTuple { local: end(7), remote: end(n) })).collect()
    }

    /// Tuples that would fill one of 64 buckets.
    fn in_first_bucket(hashes: &[u64]) -> Vec<usize> {
        (0..hashes.len()).filter(|&n| hashes[n].is_multiple_of(64)).collect()
    }

    #[test]
    fn tuples_are_spread() {
        // Ports and addresses that follow each other, as they do: a table takes its bucket from the lowest bits, and
        // tells the tuples of a bucket apart by the highest seven.
        let hasher = KeyedHasher::new(&[7; 16], 0);
        let end = |ip: u32, port: u16| SocketAddr::from((Ipv4Addr::from_bits(ip), port));
        let tuples = (0..256).flat_map(|ip| (0..256).map(move |port| (ip, port)));
        let (mut low, mut high) = (vec![0_u32; 1 << 16], [0_u32; 128]);
        for (ip, port) in tuples {
            let tuple =
                FourTuple { local: end(0x0a00_0001, 80), remote: end(0x0a00_0100 + ip, port) };
            let hash = hasher.hash_one(tuple);
            low[hash as usize & 0xffff] += 1;
            high[(hash >> 57) as usize] += 1;
        }
        // 65,536 balls in as many bins: eight or nine in the fullest, a third of them empty (1/e).
        assert!(low.iter().all(|&count| count <= 12), "{:?}", low.iter().max());
        let empty = low.iter().filter(|&&count| count == 0).count();
        assert!((22_000..26_500).contains(&empty), "{empty}");
        assert!(high.iter().all(|count| (400..640).contains(count)), "{high:?}");
    }

    #[test]
    fn ends_are_the_tuple_that_they_were_made_of() {
        for remote in ["10.0.0.1:9", "[fe80::1]:9"] {
            let local = if remote.starts_with('[') { "[fe80::2%3]:7" } else { "10.0.0.2:7" };
            let end = |text: &str| text.parse::<SocketAddr>().expect("an address");
            let tuple = FourTuple { local: end(local), remote: end(remote) };
            let ends = Ends::from(tuple);
            assert_eq!((ends.tuple(), ends.remote_ip()), (tuple, tuple.remote.ip()));
            let others = [
                FourTuple { local: end("[fe80::2]:7"), ..tuple },
                FourTuple { local: end("10.0.0.2:8"), ..tuple },
                FourTuple { remote: end("10.0.0.3:9"), ..tuple },
            ];
            assert!(ends.are(&tuple) && !others.iter().any(|other| ends.are(other)));
        }
    }

    #[test]
    fn which_tuples_collide_depends_on_the_secret() {
        let chosen = in_first_bucket(&hashes(1, 0));
        assert!(chosen.len() > 2, "{chosen:?}");
        for (secret, table) in [(2, 0), (1, 1)] {
            let other = in_first_bucket(&hashes(secret, table));
            assert!(!chosen.iter().all(|n| other.contains(n)), "{chosen:?} {other:?}");
        }
        assert_eq!(hashes(1, 0), hashes(1, 0), "and on nothing else");
    }
}
