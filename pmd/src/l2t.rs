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
        let waiting = self.entry_mut(index).filter(|entry| entry.pending > 0);
        let Some(entry) = waiting.filter(|_| reply.id() & SYNC != 0) else {
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
