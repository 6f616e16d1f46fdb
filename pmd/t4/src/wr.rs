//! Work requests: what the host puts into egress queues (`t4fw_interface.h`).
//!
//! A work request is a multiple of 16 bytes, at most 512, begins on a 64-byte unit and may wrap around the
//! end of the ring. Its first two words are the same for all of them: opcode and flags, then whom it is about
//! and how long it is. Writers here fill a caller's buffer and answer how many bytes they used, padding to 16
//! included; readers take apart what a host wrote and answer `None` or [`Malformed`] of anything else.
#![expect(clippy::len_without_is_empty, reason = "a field of a message, not a container")]

use zerocopy::{FromBytes, IntoBytes};

mod eth;
mod filter;
mod flowc;
mod ofld;
mod sgl;
mod tp;
mod ulptx;

pub use eth::*;
pub use filter::*;
pub use flowc::*;
pub use ofld::*;
pub use sgl::*;
pub use tp::*;
pub use ulptx::*;

use crate::Tid;

/// Bytes of the largest work request (`SGE_MAX_WR_LEN`).
pub const MAX_LEN: usize = 512;

codes! {
    /// First byte of a work request (`t4fw_interface.h FW_*_WR`).
    pub Op: u8 {
        FILTER = 0x02,
        ULPTX = 0x04,
        TP = 0x05,
        ETH_TX_PKT = 0x08,
        ETH_TX_PKTS = 0x09,
        FLOWC = 0x0a,
        OFLD_TX_DATA = 0x0b,
        CMD = 0x10,
        ETH_TX_PKT_VM = 0x11,
        OFLD_CONNECTION = 0x2f,
        ISCSI_TX_DATA = 0x45,
        FILTER2 = 0x77,
        ETH_TX_PKTS2 = 0x78,
    }
}

bits! {
    /// First word (`FW_WR_OP, FW_WR_ATOMIC, FW_WR_FLUSH, FW_WR_COMPL, FW_WR_IMMDLEN`).
    pub WrHi: u32 {
        31:24 op,
        /// The CPLs inside are applied without interleaving.
        23 atomic,
        22 flush,
        /// Wants a FW4_ACK.
        21 compl,
        /// Bytes of immediate data; of a FLOWC the number of parameters.
        7:0 immdlen,
    }
}

impl WrHi {
    /// The word of opcode `op`.
    #[must_use]
    pub const fn of(op: Op) -> Self {
        Self(0).with_op(op.0 as u32)
    }
}

bits! {
    /// Second word (`FW_WR_EQUIQ, FW_WR_EQUEQ, FW_WR_FLOWID, FW_WR_LEN16`).
    pub WrMid: u32 {
        /// Wants an SGE_EGR_UPDATE.
        31 equiq,
        /// Wants the status page written.
        30 equeq,
        /// The tid of an offload work request, else 0.
        27:8 flowid,
        /// Length of the work request in units of 16 bytes.
        7:0 len16,
    }
}

impl WrMid {
    /// The word of a work request about `flow` that has `bytes` bytes before padding.
    #[must_use]
    pub const fn of(flow: Tid, bytes: usize) -> Self {
        // At most MAX_LEN / 16.
        Self(0).with_flowid(flow.0).with_len16(len16(bytes) as u32)
    }
}

layout! {
    /// What all work requests begin with (`fw_wr_hdr`).
    pub WrHeader [8] {
        0 hi: WrHi,
        4 mid: WrMid,
    }
}
zero_default!(WrHeader);

impl WrHeader {
    /// The opcode.
    #[must_use]
    pub fn op(&self) -> Op {
        // The field is eight bits wide.
        Op(self.hi().op() as u8)
    }

    /// Whom it is about.
    #[must_use]
    pub fn flow(&self) -> Tid {
        Tid(self.mid().flowid())
    }

    /// Bytes of the work request.
    #[must_use]
    pub fn bytes(&self) -> usize {
        16 * self.mid().len16() as usize
    }
}

/// Units of 16 bytes that `bytes` bytes take: the length field, and the cost in transmit credits.
#[must_use]
pub const fn len16(bytes: usize) -> usize {
    bytes.div_ceil(16)
}

/// Egress queue units (64 bytes) that `bytes` bytes take.
#[must_use]
pub const fn units(bytes: usize) -> usize {
    bytes.div_ceil(crate::sge::EQ_UNIT)
}

/// The header of the work request at the front of `bytes`; `None` of fewer than eight bytes.
#[inline]
#[must_use]
pub fn header(bytes: &[u8]) -> Option<&WrHeader> {
    WrHeader::ref_from_prefix(bytes).ok().map(|(header, _)| header)
}

/// The work request at the front of `bytes`, cut to its own length; `None` when the length is less than a header,
/// more than [`MAX_LEN`] or more than there is.
#[must_use]
pub fn cut(bytes: &[u8]) -> Option<(&WrHeader, &[u8])> {
    let header = header(bytes)?;
    let len = header.bytes();
    if !(16..=MAX_LEN).contains(&len) {
        return None;
    }
    Some((header, bytes.get(..len)?))
}

/// A work request, or a part of one, is not what it claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Fills a buffer from the front.
struct Cursor<'a> {
    buf: &'a mut [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, at: 0 }
    }

    /// Appends bytes; `None` when they do not fit.
    fn put(&mut self, bytes: &[u8]) -> Option<()> {
        let end = self.at.checked_add(bytes.len())?;
        self.buf.get_mut(self.at..end)?.copy_from_slice(bytes);
        self.at = end;
        Some(())
    }

    /// Appends a structure.
    fn put_ref(&mut self, message: &(impl IntoBytes + zerocopy::Immutable)) -> Option<()> {
        self.put(message.as_bytes())
    }

    /// Pads to 16 with zeros and answers the length.
    fn finish(mut self) -> Option<usize> {
        let end = 16 * len16(self.at);
        self.buf.get_mut(self.at..end)?.fill(0);
        self.at = end;
        Some(end)
    }
}
