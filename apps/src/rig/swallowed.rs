//! Connections whose peer is left waiting: its last frames went into the dead wire, and nothing behind
//! them tells anybody that they are missing. Only a timer of the peer's repairs that, whatever we do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;

use super::sniff::Data;
use crate::peer::{Endpoints, Plan};

/// Sequence numbers of one drill, by connection.
#[derive(Debug, Default)]
pub(super) struct Swallowed {
    /// Behind the last byte that the dead wire swallowed.
    lost: BTreeMap<u32, u32>,
    /// The first byte that came by another wire.
    next: BTreeMap<u32, u32>,
}

impl Swallowed {
    /// Payload that went into the dead wire.
    pub(super) fn lost(&mut self, plan: &Plan, data: &Data) {
        let Some(id) = id(plan, data.from, data.to) else { return };
        let end = data.seq.wrapping_add(data.len);
        self.lost.entry(id).and_modify(|last| *last = later(*last, end)).or_insert(end);
    }

    /// The first payload since the fault that came by a wire that lives.
    pub(super) fn next(&mut self, plan: &Plan, from: SocketAddrV4, to: SocketAddrV4, seq: u32) {
        let Some(id) = id(plan, from, to) else { return };
        self.next.entry(id).and_modify(|first| *first = earlier(*first, seq)).or_insert(seq);
    }

    /// The connections of which nothing came behind what was lost: what came next, if anything, was a
    /// repetition.
    pub(super) fn connections(&self) -> BTreeSet<u32> {
        let alone = self.lost.iter().filter(|(id, end)| {
            self.next.get(id).is_none_or(|&first| first.wrapping_sub(**end).cast_signed() < 0)
        });
        alone.map(|(&id, _)| id).collect()
    }
}

/// The connection of a frame of the peer's.
fn id(plan: &Plan, from: SocketAddrV4, to: SocketAddrV4) -> Option<u32> {
    plan.identify(Endpoints { peer: from, ours: to }).map(|(id, _)| id)
}

fn later(a: u32, b: u32) -> u32 {
    if b.wrapping_sub(a).cast_signed() > 0 { b } else { a }
}

fn earlier(a: u32, b: u32) -> u32 {
    if b.wrapping_sub(a).cast_signed() < 0 { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::End;

    #[test]
    fn alone_is_who_repeats_what_was_lost_or_says_nothing() {
        let plan = Plan::default();
        let ends = |id| plan.endpoints(id, End::Ours).expect("it is in the plan");
        let mut swallowed = Swallowed::default();
        for (id, lost, next) in [
            (0, &[(u32::MAX - 9, 10), (0, 10)][..], Some(10)), // something new came behind it
            (1, &[(u32::MAX - 9, 10), (0, 10)], Some(0)),      // the last segment again
            (2, &[(0, 10), (u32::MAX - 9, 10)], Some(u32::MAX - 9)), // the first again
            (3, &[(5, 1)], None),
            (4, &[], Some(7)),
        ] {
            let (from, to) = (ends(id).peer, ends(id).ours);
            for &(seq, len) in lost {
                swallowed.lost(&plan, &Data { from, to, seq, len });
            }
            if let Some(seq) = next {
                swallowed.next(&plan, from, to, seq);
            }
        }
        assert_eq!(swallowed.connections(), BTreeSet::from([1, 2, 3]));
        // Our own frames are nobody's last word.
        let (from, to) = (ends(9).ours, ends(9).peer);
        swallowed.lost(&plan, &Data { from, to, seq: 0, len: 1 });
        assert_eq!(swallowed.connections().len(), 3);
    }
}
