//! The connections that were over last, and why: of each lcore so many as there are places for.

use mafo_mem::Nanos;
use mafo_tcp::Ended;

use crate::core::Core;
use crate::error::ConnectionError;
use crate::slab::SocketId;
use crate::socket::Path;
use crate::tuple::FourTuple;

/// Where a connection's TCP ran at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Nowhere: its next hop was not known.
    Nowhere,
    /// In an adapter.
    OnAdapter,
    /// In this stack's own engine.
    OnHost,
}

/// A connection that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Its socket, which may be gone.
    pub id: SocketId,
    /// Its two ends.
    pub tuple: FourTuple,
    /// When it ended.
    pub at: Nanos,
    /// How its TCP ended, if it had one.
    pub ended: Option<Ended>,
    /// Why it ended before its time, if it did.
    pub error: Option<ConnectionError>,
    /// Where it ran.
    pub ran: Ran,
    /// Bytes that the peer has acknowledged.
    pub bytes_acked: u64,
    /// Bytes that came in order.
    pub bytes_received: u64,
}

/// As many as there is room for, the oldest overwritten.
#[derive(Debug)]
pub(crate) struct Archive {
    all: Vec<Closed>,
    room: usize,
    /// Where the next one goes.
    next: usize,
    total: u64,
}

impl Archive {
    /// With room for so many, which is all that it ever takes.
    pub(crate) fn new(room: usize) -> Self {
        Self { all: Vec::with_capacity(room), room, next: 0, total: 0 }
    }

    fn push(&mut self, closed: Closed) {
        self.total += 1;
        if self.all.len() < self.room {
            self.all.push(closed);
        } else if let Some(oldest) = self.all.get_mut(self.next) {
            *oldest = closed;
            self.next = (self.next + 1) % self.room;
        }
    }

    fn newest_first(&self) -> impl Iterator<Item = &Closed> {
        let (newer, older) = self.all.split_at(self.next.min(self.all.len()));
        newer.iter().rev().chain(older.iter().rev())
    }
}

impl Core {
    /// The connections that were over last ([`crate::StackConfig::closed_max`]), the last one first.
    pub fn closed(&self) -> impl Iterator<Item = &Closed> {
        self.archive.newest_first()
    }

    /// How many there were in all.
    #[must_use]
    pub fn closed_total(&self) -> u64 {
        self.archive.total
    }

    /// A connection is over, and is still where it was.
    pub(crate) fn file(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let ran = match &socket.path {
            Path::Resolving => Ran::Nowhere,
            Path::Offload(_) => Ran::OnAdapter,
            Path::Host(_) => Ran::OnHost,
            // It is filed.
            Path::Ended => return,
        };
        self.archive.push(Closed {
            id,
            tuple: socket.ends.tuple(),
            at: self.now,
            ended: socket.ended,
            error: socket.error,
            ran,
            bytes_acked: socket.tx.acked(),
            bytes_received: socket.rx.received(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slab::Slab;

    #[test]
    fn the_last_ones_are_kept() {
        let mut slab = Slab::new(1);
        let id = slab.insert(()).expect("room");
        let closed = |n: u64| Closed {
            id,
            tuple: FourTuple {
                local: ([10, 77, 0, 2], 7).into(),
                remote: ([10, 77, 0, 1], n as u16).into(),
            },
            at: Nanos(n),
            ended: Some(Ended::Finished),
            error: None,
            ran: Ran::OnHost,
            bytes_acked: 0,
            bytes_received: 0,
        };
        let mut archive = Archive::new(3);
        let capacity = archive.all.capacity();
        for (n, expected) in
            [&[1][..], &[2, 1], &[3, 2, 1], &[4, 3, 2], &[5, 4, 3], &[6, 5, 4], &[7, 6, 5]]
                .into_iter()
                .enumerate()
        {
            archive.push(closed(n as u64 + 1));
            let kept: Vec<u64> = archive.newest_first().map(|closed| closed.at.0).collect();
            assert_eq!(kept, expected);
        }
        assert_eq!((archive.total, archive.all.capacity()), (7, capacity));
        let mut none = Archive::new(0);
        none.push(closed(1));
        assert_eq!((none.newest_first().count(), none.total), (0, 1));
    }
}
