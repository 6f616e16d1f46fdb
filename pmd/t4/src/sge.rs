//! SGE: what lies in the rings. Queue entries, status pages, freelist pointers. Doorbells are
//! in [`regs::bar2`](crate::regs::bar2) and [`regs::pf`](crate::regs::pf).
//!
//! An entry of an ingress queue of E bytes:
//!
//! ```text
//! 0        RSS header            8 bytes
//! 8        CPL                   up to byte E − 16
//! E − 16   response control      16 bytes, whose last flit carries the generation bit
//! ```

use zerocopy::FromBytes;

use crate::cpl::Opcode;
use crate::{EqId, Iova, IqId, Tid};

codes! {
    /// What the hash of an RSS header covers (`t4_msg.h RSS_HASH_*`).
    pub HashType: u8 {
        NONE = 0,
        /// The addresses.
        IP = 1,
        /// Addresses and TCP ports.
        TCP = 2,
        /// Addresses and UDP ports.
        UDP = 3,
    }
}

bits! {
    /// How a message was classified (`t4_msg.h rss_header`).
    pub RssFlags: u8 {
        7 send2fw,
        6 ipv6,
        /// A [`HashType`].
        5:4 hash_type,
        /// `hash_val` is the tid of the filter or NON_OFFLOAD connection that was hit.
        3 filter_tid,
        2 filter_hit,
        1:0 channel,
    }
}

layout! {
    /// Before every message to the host (`rss_header`).
    pub RssHeader [8] {
        0 op: Opcode,
        1 flags: RssFlags,
        /// The ingress queue, absolute.
        2 qid: u16,
        4 hash_val: u32,
    }
}

impl RssHeader {
    /// Header of a message to `queue`.
    #[must_use]
    pub fn new(opcode: Opcode, queue: IqId) -> Self {
        Self::default().with_op(opcode).with_qid(queue.0)
    }

    /// The message was steered by the filter or the NON_OFFLOAD connection `tid`.
    #[must_use]
    pub fn with_hit(self, tid: Tid) -> Self {
        self.with_flags(self.flags().with_filter_hit(true).with_filter_tid(true))
            .with_hash_val(tid.0)
    }

    /// The filter or NON_OFFLOAD connection that was hit, if the header tells it.
    #[must_use]
    pub fn hit(&self) -> Option<Tid> {
        self.flags().filter_tid().then(|| Tid(self.hash_val()))
    }
}

codes! {
    /// What an entry is (`t4_regs_values.h X_RSPD_TYPE_*`).
    pub RspType: u8 {
        /// The message lies in the freelist.
        FLBUF = 0,
        /// The message is complete in the entry.
        CPL = 1,
        /// A forwarded interrupt: another queue has entries.
        INTR = 2,
    }
}

bits! {
    /// Of an entry with a buffer: does the message begin a new one, and its bytes (`RSPD_NEWBUF, RSPD_LEN`). Of a
    /// forwarded interrupt: the queue.
    pub PldBuf: u32 {
        31 newbuf,
        30:0 bytes,
    }
}

bits! {
    /// The last flit of an entry, which the chip writes last (`RSPD_GEN, RSPD_TYPE`).
    pub LastFlit: u64 {
        /// The lap: flips each time the ring wraps, and begins with 1.
        63 gen_bit,
        /// An [`RspType`].
        61:60 kind,
        /// Of the SGE clock.
        59:0 timestamp,
    }
}

impl LastFlit {
    /// From the word as it lies in memory, as loads with acquire order give it.
    #[inline]
    #[must_use]
    pub const fn from_memory(word: u64) -> Self {
        Self(u64::from_be(word))
    }

    /// The word as it shall lie in memory, for a store with release order.
    #[inline]
    #[must_use]
    pub const fn to_memory(self) -> u64 {
        self.0.to_be()
    }

    /// What the entry is.
    #[inline]
    #[must_use]
    pub const fn rsp_type(self) -> RspType {
        RspType(self.kind() as u8)
    }

    /// With what the entry is replaced.
    #[inline]
    #[must_use]
    pub const fn with_rsp_type(self, kind: RspType) -> Self {
        self.with_kind(kind.0 as u64)
    }
}

layout! {
    /// Last 16 bytes of an ingress queue entry (`rsp_ctrl`).
    pub RspCtrl [16] {
        0 hdrbuflen_pidx: u32,
        4 pldbuflen_qid: PldBuf,
        8 last_flit: LastFlit,
    }
}

/// Bytes of an ingress queue entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the name is the size")]
pub enum EntrySize {
    B16 = 0,
    B32 = 1,
    B64 = 2,
    B128 = 3,
}

impl EntrySize {
    /// The entry size of a queue context's code (two bits).
    #[must_use]
    pub const fn from_code(code: u8) -> Self {
        match code & 3 {
            0 => Self::B16,
            1 => Self::B32,
            2 => Self::B64,
            _ => Self::B128,
        }
    }

    /// The code: log2 of the bytes, minus 4.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Bytes of an entry.
    #[must_use]
    pub const fn bytes(self) -> usize {
        16 << self.code()
    }

    /// Largest CPL that fits.
    #[must_use]
    pub const fn max_cpl(self) -> usize {
        self.bytes().saturating_sub(RssHeader::SIZE + RspCtrl::SIZE)
    }
}

/// An ingress queue entry, read.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// How it was classified. `None` of a 16-byte entry, which has room for the control part only.
    pub rss: Option<&'a RssHeader>,
    /// The CPL, and what lies behind it up to the control part.
    pub cpl: &'a [u8],
    /// Buffer, type, generation.
    pub ctrl: &'a RspCtrl,
}

impl<'a> Entry<'a> {
    /// Takes an entry apart; `None` unless it has 16, 32, 64 or 128 bytes.
    #[must_use]
    pub fn parse(entry: &'a [u8]) -> Option<Self> {
        if !matches!(entry.len(), 16 | 32 | 64 | 128) {
            return None;
        }
        let (body, ctrl) = RspCtrl::ref_from_suffix(entry).ok()?;
        match RssHeader::ref_from_prefix(body) {
            Ok((rss, cpl)) => Some(Self { rss: Some(rss), cpl, ctrl }),
            Err(_) => Some(Self { rss: None, cpl: body, ctrl }),
        }
    }

    /// Writes an entry; false, and nothing is written, when the CPL does not fit. The rest of the entry
    /// becomes zero.
    #[inline]
    #[must_use]
    pub fn write(entry: &mut [u8], rss: &RssHeader, cpl: &[u8], ctrl: &RspCtrl) -> bool {
        let Some(room) = entry.len().checked_sub(RssHeader::SIZE + RspCtrl::SIZE) else {
            return false;
        };
        if cpl.len() > room {
            return false;
        }
        let (head, rest) = entry.split_at_mut(RssHeader::SIZE);
        let (body, tail) = rest.split_at_mut(room);
        head.copy_from_slice(rss.as_bytes());
        let (used, unused) = body.split_at_mut(cpl.len());
        used.copy_from_slice(cpl);
        unused.fill(0);
        tail.copy_from_slice(ctrl.as_bytes());
        true
    }
}

layout! {
    /// The status page of a queue, and the last entry of an ingress queue that uses one (`sge_qstat`).
    pub Qstat [8] {
        0 qid: u32,
        4 cidx: u16,
        6 pidx: u16,
    }
}

impl Qstat {
    /// From the word as it lies in memory, as loads with acquire order give it.
    #[inline]
    #[must_use]
    pub fn from_memory(word: u64) -> Self {
        zerocopy::transmute!(word)
    }

    /// The word as it shall lie in memory, for a store with release order.
    #[inline]
    #[must_use]
    pub fn to_memory(self) -> u64 {
        zerocopy::transmute!(self)
    }
}

zero_default!(RssHeader, RspCtrl, Qstat);

bits! {
    /// An entry of a freelist: bus address of a buffer, multiple of 16, and which SGE_FL_BUFFER_SIZE it has.
    pub FlPointer: u64 {
        63:4 address16,
        3:0 size_index,
    }
}

impl FlPointer {
    /// Bytes of a pointer.
    pub const SIZE: usize = 8;
    /// Pointers in one egress queue unit.
    pub const PER_UNIT: usize = 8;

    /// The buffer at `iova`, a multiple of 16, with length `SGE_FL_BUFFER_SIZE(`size_index`)`.
    #[must_use]
    pub const fn new(iova: Iova, size_index: u8) -> Self {
        debug_assert!(iova.0.is_multiple_of(16));
        Self(iova.0 & Self::ADDRESS16_MASK).with_size_index(size_index as u64)
    }

    /// The buffer.
    #[must_use]
    pub const fn iova(self) -> Iova {
        Iova(self.0 & Self::ADDRESS16_MASK)
    }

    /// The entry's bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// From the entry's bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }
}

/// Bytes of an egress queue unit, the granule of indices and doorbells (`SGE_EQ_IDXSIZE`).
pub const EQ_UNIT: usize = 64;
impl PldBuf {
    /// The queue of a forwarded interrupt.
    #[must_use]
    pub const fn forwarded(self) -> u32 {
        self.0
    }
}

impl Qstat {
    /// Status of egress queue `eq`.
    #[must_use]
    pub fn of(eq: EqId, cidx: u16, pidx: u16) -> Self {
        Self::default().with_qid(eq.0).with_cidx(cidx).with_pidx(pidx)
    }
}
