//! What connections take of a stack's memory, by the counts of its pools.

use crate::core::Core;
use crate::socket::Path;
use crate::tom::MemberId;

/// Bytes of memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Tables, and what is kept of each connection.
    pub state: usize,
    /// Buffers of payload, whether there is any in them or not.
    pub payload: usize,
}

/// What a piece of `len` bytes takes of the heap, with its header.
const fn allocated(len: usize) -> usize {
    (len + 8).next_multiple_of(16)
}

impl Core {
    /// What the sockets that there are take, and the tables for as many as there may be. A walk over all sockets.
    #[must_use]
    pub fn footprint(&self) -> Footprint {
        let mut all = Footprint { state: self.sockets.footprint(), payload: 0 };
        for (_, socket) in self.sockets.iter() {
            all.payload += socket.tx.capacity() + socket.rx.capacity();
            all.state += allocated(socket.rx.capacity()) - socket.rx.capacity();
            all.state += match &socket.path {
                Path::Host(host) => allocated(size_of_val(&**host)),
                Path::Offload(conn) => allocated(size_of_val(&**conn)),
                Path::Resolving | Path::Ended => 0,
            };
        }
        all.state += self.by_tuple.footprint();
        all.state += self.timers.footprint() + self.watches.footprint();
        let members = (0..self.members.len()).filter_map(|n| self.member(MemberId(n as u8)));
        all.state += members.map(|member| member.tids.footprint()).sum::<usize>();
        all
    }
}
