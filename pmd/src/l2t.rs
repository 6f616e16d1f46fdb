//! The L2 table: where connections send to. A connection names an entry, and rewriting one entry moves
//! all that name it.
//!
//! The table is the card's; here is who uses which entry and what was last written. Every write asks for
//! an answer, and an entry is *settled* when all answers have come: from then on TP uses what was written.

use mafo_mem::Full;
use mafo_t4::cpl::{L2tParams, L2tWriteReq, L2tWriteRpl, Status};
use mafo_t4::{IqId, L2tIdx, PortId, Tid};

use crate::ofld;
use crate::sge::Eq;

/// In the id of a request: an answer is wanted by the driver itself [t4_l2t.h F_SYNC_WR].
const SYNC: u32 = 1 << 12;
/// The table has twelve bits of index.
const INDEX_MASK: u32 = SYNC - 1;

mafo_mem::counters! {
    /// What the L2 table counted.
    pub struct L2tCounters {
        /// Writes posted.
        writes,
        /// Writes that the card refused.
        refused,
        /// Answers to nothing.
        unexpected_replies,
    }
}

/// Where an entry's frames go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum L2tTarget {
    /// To the port's wire.
    Wire,
    /// To the port's loopback: back into the card as iport 4 + port.
    Loopback,
    /// Nowhere: the next hop is not resolved. Opens fail with ARP_MISS, segments are dropped.
    Unresolved,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextHop {
    /// Destination address of the frames.
    pub mac: [u8; 6],
    /// Tag of the frames.
    pub vlan: Option<u16>,
    /// Egress port.
    pub port: PortId,
    /// What is done there.
    pub target: L2tTarget,
}

impl NextHop {
    fn request(&self, reply_to: IqId, index: L2tIdx) -> L2tWriteReq {
        let params = L2tParams(0)
            .with_port(self.port.0.into())
            .with_lpbk(self.target == L2tTarget::Loopback)
            .with_arpmiss(self.target == L2tTarget::Unresolved);
        L2tWriteReq::new(reply_to, u32::from(index.0) | SYNC)
            .with_params(params)
            .with_l2t_idx(index)
            .with_vlan(self.vlan.unwrap_or(L2tWriteReq::VLAN_NONE))
            .with_dst_mac(self.mac)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    users: u32,
    hop: Option<NextHop>,
    /// Answers to come.
    pending: u32,
}

/// An lcore's share of the L2 table.
#[derive(Debug)]
pub struct L2t {
    first: u16,
    entries: Box<[Entry]>,
    /// Offsets of unused entries; the next one is the last.
    free: Vec<u16>,
    counters: L2tCounters,
}

/// An answer to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L2tWritten {
    /// The entry.
    pub index: L2tIdx,
    /// Whether the card took it.
    pub status: Status,
    /// Whether it was the last answer to come: TP uses what was last written.
    pub settled: bool,
}

impl L2t {
    /// The entries `range`, as the card told; beyond 4096 there are none.
    #[must_use]
    pub fn new(range: std::ops::Range<u32>) -> Self {
        let end = range.end.min(INDEX_MASK + 1);
        let first = range.start.min(end);
        let count = end - first;
        Self {
            first: first as u16,
            entries: vec![Entry::default(); count as usize].into_boxed_slice(),
            free: (0..count as u16).rev().collect(),
            counters: L2tCounters::new(),
        }
    }

    /// An unused entry, with one user.
    #[must_use]
    pub fn alloc(&mut self) -> Option<L2tIdx> {
        let offset = self.free.pop()?;
        self.entries[usize::from(offset)].users = 1;
        Some(L2tIdx(self.first + offset))
    }

    /// One user more of an entry in use; of another it is a bug.
    pub fn hold(&mut self, index: L2tIdx) {
        self.used(index).users += 1;
    }

    /// One user fewer; without users the entry is unused, once its answers have come.
    pub fn release(&mut self, index: L2tIdx) {
        let entry = self.used(index);
        entry.users -= 1;
        self.retire(index);
    }

    /// Writes an entry in use: an answer comes to queue `reply_to`, for [`L2t::on_reply`].
    pub fn write(
        &mut self,
        ctrl: &mut Eq,
        reply_to: IqId,
        index: L2tIdx,
        hop: NextHop,
    ) -> Result<(), Full> {
        let entry = self.used(index);
        ofld::control(ctrl, Tid(0), &hop.request(reply_to, index))?;
        entry.hop = Some(hop);
        entry.pending += 1;
        self.counters.writes += 1;
        Ok(())
    }

    /// Takes an answer. `None`, counted, when no write waits for it.
    pub fn on_reply(&mut self, reply: &L2tWriteRpl) -> Option<L2tWritten> {
        let index = L2tIdx((reply.id() & INDEX_MASK) as u16);
        let ours = reply.id() & !INDEX_MASK == SYNC;
        let waiting = self.entry_mut(index).filter(|entry| ours && entry.pending > 0);
        let Some(entry) = waiting else {
            self.counters.unexpected_replies += 1;
            return None;
        };
        entry.pending -= 1;
        let settled = entry.pending == 0;
        let status = reply.status();
        if status != Status::NONE {
            self.counters.refused += 1;
        }
        self.retire(index);
        Some(L2tWritten { index, status, settled })
    }

    /// What was last written to an entry.
    #[must_use]
    pub fn get(&self, index: L2tIdx) -> Option<&NextHop> {
        self.entry(index)?.hop.as_ref()
    }

    /// Whether an entry was written and all its answers have come.
    #[must_use]
    pub fn is_settled(&self, index: L2tIdx) -> bool {
        self.entry(index).is_some_and(|entry| entry.hop.is_some() && entry.pending == 0)
    }

    /// Entries with users, and what was last written to them, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (L2tIdx, Option<&NextHop>)> {
        let used = (self.first..).zip(&self.entries).filter(|(_, entry)| entry.users > 0);
        used.map(|(index, entry)| (L2tIdx(index), entry.hop.as_ref()))
    }

    /// Entries with users. Not 0 at the end: a reference was not given back.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.entries.iter().filter(|entry| entry.users > 0).count()
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> L2tCounters {
        self.counters
    }

    /// An entry that nobody uses and nothing is outstanding of is free again.
    fn retire(&mut self, index: L2tIdx) {
        let first = self.first;
        if let Some(entry) = self.entry_mut(index)
            && entry.users == 0
            && entry.pending == 0
        {
            entry.hop = None;
            self.free.push(index.0 - first);
        }
    }

    fn used(&mut self, index: L2tIdx) -> &mut Entry {
        match self.entry_mut(index) {
            Some(entry) if entry.users > 0 => entry,
            _ => panic!("{index:?} is not in use"),
        }
    }

    fn entry(&self, index: L2tIdx) -> Option<&Entry> {
        self.entries.get(usize::from(index.0.checked_sub(self.first)?))
    }

    fn entry_mut(&mut self, index: L2tIdx) -> Option<&mut Entry> {
        self.entries.get_mut(usize::from(index.0.checked_sub(self.first)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::queue::{egress, words};

    const IQ: IqId = IqId(0x109);

    fn hop(port: u8, target: L2tTarget, vlan: Option<u16>) -> NextHop {
        NextHop { mac: [2, 0, 0, 0, 0, 9], vlan, port: PortId(port), target }
    }

    fn reply(id: u32) -> L2tWriteRpl {
        L2tWriteRpl::new(IqId(0), id)
    }

    #[test]
    fn an_entry_is_written_as_the_card_wants_it() {
        let (mut ctrl, mut card) = egress();
        let mut table = L2t::new(15..17);
        let index = table.alloc().expect("room");
        // L2T_WRITE_REQ (0x12): queue 23:14, SYNC b12 and index; PORT 9:8, LPBK b10, ARPMISS b11; index;
        // VLAN, 0xfff for none; address.
        let cases = [
            (hop(2, L2tTarget::Wire, None), 0x0200_000f, 0x0fff_0200),
            (hop(1, L2tTarget::Loopback, Some(5)), 0x0500_000f, 0x0005_0200),
            (hop(0, L2tTarget::Unresolved, None), 0x0800_000f, 0x0fff_0200),
        ];
        for (hop, params, vlan) in cases {
            table.write(&mut ctrl, IQ, index, hop).expect("room");
            let expected = words(&[0x0500_0010, 2, 0, 0, 0x1242_500f, params, vlan, 0x0000_0009]);
            assert_eq!(card.take(), expected, "{hop:?}");
            assert_eq!(table.get(index), Some(&hop));
        }
        assert_eq!(table.counters().writes, 3);
    }

    #[test]
    fn an_entry_is_settled_when_the_last_answer_has_come() {
        let (mut ctrl, _) = egress();
        let mut table = L2t::new(0..4);
        let index = table.alloc().expect("room");
        assert!(!table.is_settled(index), "nothing was written");
        for port in [0, 1] {
            table.write(&mut ctrl, IQ, index, hop(port, L2tTarget::Wire, None)).expect("room");
        }
        let first = L2tWritten { index, status: Status::NONE, settled: false };
        assert_eq!(table.on_reply(&reply(SYNC)), Some(first));
        assert!(!table.is_settled(index));
        let refused = reply(SYNC).with_status(Status::BAD_LENGTH);
        let second = L2tWritten { index, status: Status::BAD_LENGTH, settled: true };
        assert_eq!(table.on_reply(&refused), Some(second));
        assert!(table.is_settled(index));
        assert_eq!(table.counters().refused, 1);
    }

    #[test]
    fn an_entry_is_free_when_its_last_user_and_its_last_answer_are_gone() {
        let (mut ctrl, _) = egress();
        let mut table = L2t::new(0..1);
        let index = table.alloc().expect("room");
        table.hold(index);
        table.write(&mut ctrl, IQ, index, hop(0, L2tTarget::Wire, None)).expect("room");
        table.release(index);
        assert_eq!((table.in_use(), table.iter().count()), (1, 1));
        table.release(index);
        assert_eq!(table.in_use(), 0);
        assert_eq!(table.alloc(), None, "the card may still write it");
        table.on_reply(&reply(SYNC)).expect("the answer");
        assert_eq!(table.get(index), None);
        assert_eq!(table.alloc(), Some(index));
    }

    #[test]
    fn a_full_ring_leaves_the_entry_as_it_was() {
        let (mut ctrl, _) = egress();
        let mut table = L2t::new(0..1);
        let index = table.alloc().expect("room");
        let wire = hop(0, L2tTarget::Wire, None);
        while table.write(&mut ctrl, IQ, index, wire).is_ok() {}
        let before = table.counters().writes;
        let other = hop(1, L2tTarget::Loopback, None);
        assert_eq!(table.write(&mut ctrl, IQ, index, other), Err(Full));
        assert_eq!((table.get(index), table.counters().writes), (Some(&wire), before));
    }

    #[test]
    #[should_panic(expected = "L2tIdx(3) is not in use")]
    fn holding_an_unused_entry_is_a_bug() {
        L2t::new(0..4).hold(L2tIdx(3));
    }

    #[test]
    fn indices_beyond_the_table_s_twelve_bits_do_not_exist() {
        let mut table = L2t::new(4095..u32::MAX);
        assert_eq!((table.alloc(), table.alloc()), (Some(L2tIdx(4095)), None));
        assert_eq!(L2t::new(5000..6000).alloc(), None);
        let (start, end) = (10, 3);
        assert_eq!(L2t::new(start..end).alloc(), None, "a card that lies");
    }

    proptest! {
        #[test]
        fn answers_that_a_card_makes_up_change_nothing(ids in prop::collection::vec(any::<u32>(), 0..50)) {
            let (mut ctrl, _) = egress();
            let mut table = L2t::new(8..16);
            let index = table.alloc().expect("room");
            table.write(&mut ctrl, IQ, index, hop(0, L2tTarget::Wire, None)).expect("room");
            let wanted = u32::from(index.0) | SYNC;
            let made_up = ids.iter().map(|id| id & 0x3fff).filter(|&id| id != wanted);
            for (count, id) in (1..).zip(made_up) {
                prop_assert_eq!(table.on_reply(&reply(id)), None);
                prop_assert_eq!(table.counters().unexpected_replies, count);
            }
            prop_assert!(table.on_reply(&reply(wanted)).expect("the answer").settled);
            prop_assert_eq!(table.on_reply(&reply(wanted)), None, "once");
        }
    }
}
