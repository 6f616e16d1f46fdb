//! What names a connection, and the one table from it to its socket.

use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};
use core::net::{IpAddr, SocketAddr};
use std::collections::HashMap;
use std::hash::DefaultHasher;

use mafo_tcp::isn;

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
                IpAddr::V4(ip) => {
                    state.write_u64(u64::from(ip.to_bits()) << 16 | u64::from(end.port()));
                }
                IpAddr::V6(ip) => {
                    state.write_u128(ip.to_bits());
                    state.write_u16(end.port());
                }
            }
        }
    }
}

impl fmt::Debug for FourTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<>{}", self.local, self.remote)
    }
}

/// A map by 4-tuple. Who does not know the secret cannot choose tuples that share a bucket.
pub(crate) type TupleMap<T> = HashMap<FourTuple, T, TupleHasher>;

/// A hasher that has taken in a secret, to be copied for each tuple: the key costs nothing then. Equal secrets make
/// equal hashes, in every run.
#[derive(Clone, Debug)]
pub struct TupleHasher(DefaultHasher);

impl TupleHasher {
    /// Keyed by the stack's secret ([`crate::StackConfig::secret`]), and by `table`, or collisions seen by their time
    /// in one table would be some in all others.
    #[must_use]
    pub fn new(secret: &isn::Secret, table: u8) -> Self {
        let mut keyed = DefaultHasher::new();
        keyed.write(&secret.0);
        keyed.write_u64(table.into());
        Self(keyed)
    }
}

impl BuildHasher for TupleHasher {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(secret: u8, table: u8) -> Vec<u64> {
        let hasher = TupleHasher::new(&isn::Secret([secret; 16]), table);
        let end = |port| SocketAddr::from(([10, 0, 0, 1], port));
        (0..512_u16).map(|n| hasher.hash_one(FourTuple { local: end(7), remote: end(n) })).collect()
    }

    /// Tuples that would fill one of 64 buckets.
    fn in_first_bucket(hashes: &[u64]) -> Vec<usize> {
        (0..hashes.len()).filter(|&n| hashes[n].is_multiple_of(64)).collect()
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
