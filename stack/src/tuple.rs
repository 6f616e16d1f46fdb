//! What names a connection, and the one table from it to its socket.

use core::fmt;
use core::hash::{BuildHasherDefault, Hash, Hasher};
use core::net::{IpAddr, SocketAddr};
use std::collections::HashMap;
use std::hash::DefaultHasher;

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

/// A map by 4-tuple whose behaviour is the same in every run.
pub(crate) type TupleMap<T> = HashMap<FourTuple, T, BuildHasherDefault<DefaultHasher>>;
