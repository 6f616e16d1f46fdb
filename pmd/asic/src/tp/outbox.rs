//! Messages that wait because their ingress queue has no credit or its freelist no buffer.

use mafo_t4::{IqId, Tid};
use std::collections::VecDeque;

/// What may happen once the host can see a message (the commit rule).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Nothing depends on it.
    Nothing,
    /// The connection may speak: an ESTABLISH message.
    Ungate,
    /// The peer's FIN may be acknowledged: PEER_CLOSE.
    DeliverFin,
}

/// Something that an ingress queue is owed.
#[derive(Debug)]
pub(crate) struct Owed {
    pub(crate) tid: Tid,
    /// Owner of the TID when it was said.
    pub(crate) epoch: u32,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// This message.
    Message {
        /// CPL and payload.
        bytes: Vec<u8>,
        /// Bytes of the CPL.
        cpl_len: usize,
        /// What may happen then.
        then: Then,
    },
    /// The in-order bytes that wait in the connection's receive store.
    Bytes,
}

/// Owed messages in order, by ingress queue. What is said to a queue that is owed something waits behind
/// it: the order in which a connection's messages are made is the order in which the host sees them.
#[derive(Debug)]
pub(crate) struct Outbox {
    queues: Vec<(IqId, VecDeque<Owed>)>,
    len: usize,
    limit: usize,
}

/// The outbox is full; the message is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutboxFull;

impl Outbox {
    pub(crate) const fn new(limit: usize) -> Self {
        Self { queues: Vec::new(), len: 0, limit }
    }

    /// Messages that wait.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether what is said to this queue now has to wait.
    #[inline]
    pub(crate) fn is_blocked(&self, iq: IqId) -> bool {
        self.len != 0 && self.queues.iter().any(|(id, owed)| *id == iq && !owed.is_empty())
    }

    /// Puts something behind all that the queue is owed.
    pub(crate) fn push(&mut self, iq: IqId, owed: Owed) -> Result<(), OutboxFull> {
        if self.len == self.limit {
            return Err(OutboxFull);
        }
        self.len += 1;
        match self.queues.iter_mut().find(|(id, _)| *id == iq) {
            Some((_, queue)) => queue.push_back(owed),
            None => self.queues.push((iq, VecDeque::from([owed]))),
        }
        Ok(())
    }

    /// Ingress queues that were ever owed something.
    pub(crate) fn queues(&self) -> usize {
        self.queues.len()
    }

    /// The ingress queue at an index below [`Outbox::queues`], and the oldest that it is owed, taken out. It is
    /// gone, or put back by [`Outbox::put_back`].
    pub(crate) fn take(&mut self, index: usize) -> Option<(IqId, Owed)> {
        let (iq, queue) = self.queues.get_mut(index)?;
        let owed = queue.pop_front()?;
        self.len -= 1;
        Some((*iq, owed))
    }

    /// The queue is still stalled.
    pub(crate) fn put_back(&mut self, index: usize, owed: Owed) {
        if let Some((_, queue)) = self.queues.get_mut(index) {
            queue.push_front(owed);
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(tid: u32) -> Owed {
        Owed { tid: Tid(tid), epoch: 1, what: What::Bytes }
    }

    #[test]
    fn order_is_kept_per_queue_and_a_stalled_one_stops_only_itself() {
        let mut outbox = Outbox::new(8);
        for (iq, tid) in [(5, 1), (9, 2), (5, 3)] {
            outbox.push(IqId(iq), bytes(tid)).expect("room");
        }
        assert!(
            outbox.is_blocked(IqId(5)) && outbox.is_blocked(IqId(9)) && !outbox.is_blocked(IqId(1))
        );
        let (iq, owed) = outbox.take(0).expect("owed");
        assert_eq!((iq, owed.tid), (IqId(5), Tid(1)));
        outbox.put_back(0, owed);
        assert_eq!(outbox.take(1).map(|(iq, owed)| (iq, owed.tid)), Some((IqId(9), Tid(2))));
        assert!(outbox.take(1).is_none() && !outbox.is_blocked(IqId(9)));
        let order: Vec<Tid> =
            core::iter::from_fn(|| outbox.take(0)).map(|(_, owed)| owed.tid).collect();
        assert_eq!(order, [Tid(1), Tid(3)]);
        assert_eq!((outbox.len(), outbox.queues()), (0, 2));
    }

    #[test]
    fn it_is_bounded() {
        let mut outbox = Outbox::new(1);
        outbox.push(IqId(1), bytes(1)).expect("room");
        assert_eq!(outbox.push(IqId(2), bytes(2)), Err(OutboxFull));
        assert_eq!(outbox.len(), 1);
    }
}
