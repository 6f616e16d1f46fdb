//! What is told of a run that went well.

use super::{Checker, Half, Wrapped};
use crate::plan::Side;

impl Checker {
    /// Whether sequence numbers, and timestamps, of the host with the bond or of its peer went past 2^32.
    pub(crate) fn wrapped(&self) -> Wrapped {
        let of = |side: Side| {
            let halves = || self.flows.iter().map(move |flow| &flow.halves[side.index()]);
            let beyond = |half: &Half| {
                half.iss.is_some_and(|iss| u64::from(iss) + half.sent_end as u64 >= 1 << 32)
            };
            (halves().any(beyond), halves().any(|half| half.stamps.went_around()))
        };
        let (near, peer) = (of(Side::Near), of(Side::Peer));
        Wrapped { numbers: [near.0, peer.0], stamps: near.1 }
    }

    /// A segment with so many bytes was made by this adapter, if by one.
    pub(super) fn note_length(&mut self, origin: Option<u8>, bytes: usize) {
        if let Some(longest) = origin.and_then(|n| self.longest.get_mut(usize::from(n))) {
            *longest = bytes.max(*longest);
        }
    }
}
