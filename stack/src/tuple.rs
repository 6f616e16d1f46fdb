//! What names a connection, and the one table from it to its socket.

use core::fmt;
use core::hash::BuildHasherDefault;
use core::net::SocketAddr;
use std::collections::HashMap;
use std::hash::DefaultHasher;

/// A connection's two ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FourTuple {
    /// Our end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
}

impl fmt::Debug for FourTuple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}<>{}", self.local, self.remote)
    }
}

/// A map by 4-tuple whose behaviour is the same in every run.
pub(crate) type TupleMap<T> = HashMap<FourTuple, T, BuildHasherDefault<DefaultHasher>>;
