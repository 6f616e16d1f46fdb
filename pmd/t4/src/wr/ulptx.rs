//! FW_ULPTX_WR: several CPLs for TP in one work request, on demand applied without interleaving.
//!
//! ```text
//! FW_ULPTX_WR                             16 bytes
//! ┌ ULP_TXPKT  command, destination, LEN16 8 bytes
//! │ ULPTX IMM  length of the CPL           8 bytes
//! │ CPL
//! └ ULPTX NOOP if need be, to 16
//! ┌ ULP_TXPKT  …
//! ```

use zerocopy::FromBytes;

use super::{Malformed, Op, WrHi, WrMid, len16};
use crate::Tid;
use crate::cpl::{Cpl, SetTcbField};

layout! {
    /// The header of a ULPTX work request (`fw_ulptx_wr`).
    pub FwUlptxWr [16] {
        0 hi: WrHi,
        4 mid: WrMid,
        8 cookie: u64,
    }
}
zero_default!(FwUlptxWr);

codes! {
    /// Commands of ULP_TX (`t4_msg.h ULP_TX_*`).
    pub UlpTxCmd: u8 {
        MEM_READ = 2,
        MEM_WRITE = 3,
        PKT = 4,
    }
}

codes! {
    /// Sub-commands of ULP_TX (`t4_msg.h ULP_TX_SC_*`).
    pub UlpTxSc: u8 {
        NOOP = 0x80,
        /// Immediate data follows.
        IMM = 0x81,
        /// A scatter list follows.
        DSGL = 0x82,
        ISGL = 0x83,
        MEMRD = 0x86,
    }
}

codes! {
    /// Whom a ULP_TXPKT is for (`t4_msg.h ULP_TXPKT_DEST_*`).
    pub TxPktDest: u8 {
        TP = 0,
        SGE = 1,
        UP = 2,
        DEVNULL = 3,
    }
}

bits! {
    /// First word of a ULP_TXPKT (`ULPTX_CMD, ULP_TXPKT_DEST, ULP_TXPKT_FID, ULP_TXPKT_RO`).
    pub CmdDest: u32 {
        31:24 cmd,
        /// A [`TxPktDest`].
        17:16 dest,
        14:4 fid,
        3 ro,
    }
}

layout! {
    /// Begins a packet of sub-commands (`ulp_txpkt`).
    pub UlpTxPkt [8] {
        0 cmd_dest: CmdDest,
        /// Units of 16 bytes, this structure included.
        4 len16: u32,
    }
}
zero_default!(UlpTxPkt);

bits! {
    /// First word of a sub-command (`ULPTX_CMD, ULP_TX_SC_MORE`).
    pub CmdMore: u32 {
        31:24 cmd,
        23 more,
    }
}

layout! {
    /// A sub-command, whose data follows (`ulptx_idata`).
    pub UlpTxIdata [8] {
        0 cmd_more: CmdMore,
        /// Bytes of data.
        4 len: u32,
    }
}
zero_default!(UlpTxIdata);

impl UlpTxIdata {
    /// `len` bytes of immediate data follow.
    #[must_use]
    pub fn imm(len: usize) -> Self {
        Self::of(UlpTxSc::IMM).with_len(len as u32)
    }

    /// Eight bytes of nothing.
    #[must_use]
    pub fn noop() -> Self {
        Self::of(UlpTxSc::NOOP)
    }

    /// The sub-command.
    #[must_use]
    pub fn sc(&self) -> UlpTxSc {
        // The field is eight bits wide.
        UlpTxSc(self.cmd_more().cmd() as u8)
    }

    fn of(sc: UlpTxSc) -> Self {
        Self::default().with_cmd_more(CmdMore(0).with_cmd(u32::from(sc.0)))
    }
}

/// The work request has no room for one more CPL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrFull;

/// Writes a ULPTX work request into a caller's buffer, CPL by CPL.
///
/// ```
/// use mafo_t4::cpl::{ReplyCtrl, SetTcbField};
/// use mafo_t4::tcb::field;
/// use mafo_t4::wr::UlptxWriter;
/// use mafo_t4::{IqId, Tid};
///
/// let mut buf = [0; 512];
/// let mut wr = UlptxWriter::new(&mut buf, Tid(7)).unwrap().atomic();
/// let cwnd = field::SND_CWND;
/// wr.push(&SetTcbField::of(Tid(7), cwnd, 14_600).with_reply_ctrl(ReplyCtrl::SILENT)).unwrap();
/// wr.push(&SetTcbField::of(Tid(7), field::T_FLAGS, 0).with_reply_ctrl(ReplyCtrl::to(IqId(3)))).unwrap();
/// assert_eq!(wr.finish(), 16 + 2 * 48);
/// ```
#[derive(Debug)]
pub struct UlptxWriter<'a> {
    buf: &'a mut [u8],
    at: usize,
    header: FwUlptxWr,
}

impl<'a> UlptxWriter<'a> {
    /// Bytes of a wrapped CPL of type `T`.
    #[must_use]
    pub const fn bytes_of<T: Cpl>() -> usize {
        16 * len16(UlpTxPkt::SIZE + UlpTxIdata::SIZE + size_of::<T>())
    }

    /// SET_TCB_FIELDs that one work request holds.
    pub const MAX_SET_TCB_FIELDS: usize =
        (super::MAX_LEN - FwUlptxWr::SIZE) / Self::bytes_of::<SetTcbField>();

    /// Begins a work request about `flow`; `None` when `buf` has no room for the header. What lies beyond
    /// [`MAX_LEN`](super::MAX_LEN) bytes is not used.
    #[must_use]
    pub fn new(buf: &'a mut [u8], flow: Tid) -> Option<Self> {
        let room = buf.len().min(super::MAX_LEN);
        let buf = buf.get_mut(..room)?;
        if room < FwUlptxWr::SIZE {
            return None;
        }
        let header = FwUlptxWr::default().with_hi(WrHi::of(Op::ULPTX)).with_mid(WrMid::of(flow, 0));
        Some(Self { buf, at: FwUlptxWr::SIZE, header })
    }

    /// The CPLs are applied without interleaving.
    #[must_use]
    pub fn atomic(mut self) -> Self {
        self.header.set_hi(self.header.hi().with_atomic(true));
        self
    }

    /// Wants a FW4_ACK.
    #[must_use]
    pub fn compl(mut self) -> Self {
        self.header.set_hi(self.header.hi().with_compl(true));
        self
    }

    /// Appends a CPL for TP.
    pub fn push<T: Cpl>(&mut self, cpl: &T) -> Result<(), WrFull> {
        let bytes = Self::bytes_of::<T>();
        let end = self.at + bytes;
        let slot = self.buf.get_mut(self.at..end).ok_or(WrFull)?;
        let packet = UlpTxPkt::default()
            .with_cmd_dest(CmdDest(0).with_cmd(u32::from(UlpTxCmd::PKT.0)))
            .with_len16((bytes / 16) as u32);
        let mut out = super::Cursor::new(slot);
        out.put_ref(&packet).ok_or(WrFull)?;
        out.put_ref(&UlpTxIdata::imm(size_of::<T>())).ok_or(WrFull)?;
        out.put(cpl.as_bytes()).ok_or(WrFull)?;
        while out.at < bytes {
            out.put_ref(&UlpTxIdata::noop()).ok_or(WrFull)?;
        }
        self.at = end;
        Ok(())
    }

    /// Whether no CPL was appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at == FwUlptxWr::SIZE
    }

    /// Writes the header; the bytes of the work request.
    #[must_use]
    pub fn finish(self) -> usize {
        let header = self.header.with_mid(self.header.mid().with_len16(len16(self.at) as u32));
        self.buf[..FwUlptxWr::SIZE].copy_from_slice(header.as_bytes());
        self.at
    }
}

/// One packet of a ULPTX work request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UlptxCpl<'a> {
    /// Whom it is for.
    pub dest: TxPktDest,
    /// The CPL.
    pub cpl: &'a [u8],
}

/// The packets of a ULPTX work request: what [`UlptxWriter`] wrote, and whatever else a host may have written.
/// After the first [`Malformed`] there is nothing more.
#[derive(Clone, Debug)]
pub struct UlptxCpls<'a> {
    rest: &'a [u8],
}

impl<'a> UlptxCpls<'a> {
    /// Of the work request `wr`, cut to its length; `None` when it is shorter than a header.
    #[must_use]
    pub fn of(wr: &'a [u8]) -> Option<Self> {
        Some(Self { rest: wr.get(FwUlptxWr::SIZE..)? })
    }

    fn take(&mut self) -> Result<UlptxCpl<'a>, Malformed> {
        let (packet, _) = UlpTxPkt::ref_from_prefix(self.rest).map_err(|_| Malformed)?;
        let len = 16usize.checked_mul(packet.len16() as usize).ok_or(Malformed)?;
        // A length of zero would be met again and again.
        if len == 0 || packet.cmd_dest().cmd() != u32::from(UlpTxCmd::PKT.0) {
            return Err(Malformed);
        }
        let (packet_bytes, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        let sub = packet_bytes.get(UlpTxPkt::SIZE..).ok_or(Malformed)?;
        let (imm, data) = UlpTxIdata::ref_from_prefix(sub).map_err(|_| Malformed)?;
        if imm.sc() != UlpTxSc::IMM {
            return Err(Malformed);
        }
        let cpl = data.get(..imm.len() as usize).ok_or(Malformed)?;
        self.rest = rest;
        // The field is two bits wide.
        Ok(UlptxCpl { dest: TxPktDest(packet.cmd_dest().dest() as u8), cpl })
    }
}

impl<'a> Iterator for UlptxCpls<'a> {
    type Item = Result<UlptxCpl<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let item = self.take();
        if item.is_err() {
            self.rest = &[];
        }
        Some(item)
    }
}
