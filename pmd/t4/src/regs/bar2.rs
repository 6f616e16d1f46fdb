//! User doorbells of T5: where in BAR2 a queue's doorbell, credit return and write-combining unit lie.
//!
//! BAR2 is a run of pages of host page size. Each serves 2^qpp queues: queue `qid` has page
//! `qid >> qpp`, and there the 128 bytes at 128 × (qid mod 2^qpp), as long as that is still inside the
//! page; the card then infers the queue and the QID field of the write is 0. A queue for which the page
//! has no room writes at the start of its page and names itself in the QID field, relative to the page.
//! Egress queues (and freelists) and ingress queues share the pages, each with its own qpp.

use super::pf::{SGE_PF_GTS, SGE_PF_KDOORBELL};

/// Bytes of one queue's area (t4_regs_values.h SGE_UDB_SIZE).
pub const AREA_SIZE: u32 = 128;
/// Inside the area: a doorbell word, [`SGE_PF_KDOORBELL`] (SGE_UDB_KDOORBELL).
pub const KDOORBELL: u32 = 8;
/// Inside the area: a credit return word, [`SGE_PF_GTS`] (SGE_UDB_GTS).
pub const GTS: u32 = 20;
/// Inside the area: the 64-byte unit that is descriptor and doorbell in one (SGE_UDB_WCDOORBELL).
pub const WRITE_COMBINE: u32 = 64;

/// How BAR2 is laid out for one kind of queue of one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// log2 of the page in bytes: SGE_HOST_PAGE_SIZE of the function, plus 10.
    pub page_shift: u32,
    /// log2 of the queues a page: SGE_{EGRESS,INGRESS}_QUEUES_PER_PAGE_PF of the function.
    pub queues_per_page_shift: u32,
}

/// A queue's area in BAR2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// Byte offset of the area in BAR2.
    pub offset: u32,
    /// What goes into the QID field; 0 when the card infers the queue.
    pub qid: u32,
    /// Whether the card infers the queue; only then may the write-combining unit be used.
    pub inferred: bool,
}

impl Layout {
    /// Where queue `qid` (relative to the function) rings.
    #[must_use]
    pub const fn area(self, qid: u32) -> Area {
        let page = (qid >> self.queues_per_page_shift) << self.page_shift;
        let in_page = qid & ((1 << self.queues_per_page_shift) - 1);
        let slot = in_page * AREA_SIZE;
        if slot < 1 << self.page_shift {
            Area { offset: page + slot, qid: 0, inferred: true }
        } else {
            Area { offset: page, qid: in_page, inferred: false }
        }
    }

    /// The queue that a write into the area at `offset` means, given the QID field of the word written.
    /// The reverse of [`Layout::area`]. Any offset and field have an answer; whether there is such a queue
    /// is the card's to check.
    #[must_use]
    pub const fn queue(self, offset: u32, qid_field: u32) -> u32 {
        let page = offset >> self.page_shift;
        let slot = (offset & ((1 << self.page_shift) - 1)) / AREA_SIZE;
        (page << self.queues_per_page_shift).wrapping_add(slot).wrapping_add(qid_field)
    }
}

impl Area {
    /// Offset and word of a doorbell for `units` of 64 bytes.
    #[must_use]
    pub const fn doorbell(self, units: u32, kind: DoorbellKind) -> (u32, SGE_PF_KDOORBELL) {
        let freelist = matches!(kind, DoorbellKind::Freelist);
        let word = SGE_PF_KDOORBELL(0)
            .with_qid(self.qid)
            .with_dbprio(freelist)
            .with_dbtype(freelist)
            .with_pidx_t5(units);
        (self.offset + KDOORBELL, word)
    }
    /// Offset and word that return `entries` of an ingress queue.
    #[must_use]
    pub const fn gts(self, entries: u32) -> (u32, SGE_PF_GTS) {
        (self.offset + GTS, SGE_PF_GTS::credits(self.qid, entries))
    }
    /// Offset of the write-combining unit; `None` when the card cannot infer the queue.
    #[must_use]
    pub const fn write_combine(self) -> Option<u32> {
        if self.inferred { Some(self.offset + WRITE_COMBINE) } else { None }
    }
}

/// What a doorbell announces: T5 sends freelist doorbells another way than those of work requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorbellKind {
    /// Work requests of an egress queue.
    Egress,
    /// Buffer pointers of a freelist: DBPRIO and DBTYPE are set.
    Freelist,
}

/// What an offset inside BAR2 reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// A doorbell word.
    Doorbell,
    /// A credit return word.
    Gts,
    /// The write-combining unit.
    WriteCombine,
    /// Nothing.
    Hole,
}

/// What the area has at `offset` of BAR2.
#[must_use]
pub const fn port(offset: u32) -> Port {
    match offset % AREA_SIZE {
        KDOORBELL => Port::Doorbell,
        GTS => Port::Gts,
        WRITE_COMBINE..AREA_SIZE => Port::WriteCombine,
        _ => Port::Hole,
    }
}
