//! FW_TP_WR: one CPL for TP.

use zerocopy::FromBytes;

use super::{Cursor, Malformed, Op, WrHi, WrMid, len16};
use crate::Tid;
use crate::cpl::Cpl;

layout! {
    /// Wraps one CPL, which follows (`fw_tp_wr`).
    pub FwTpWr [16] {
        /// Its `immdlen` is the length of the CPL.
        0 hi: WrHi,
        4 mid: WrMid,
        8 cookie: u64,
    }
}
zero_default!(FwTpWr);

impl FwTpWr {
    /// The header before a CPL of `cpl_len` bytes about `flow` (on a control queue: any tid, or 0).
    #[must_use]
    pub fn of(flow: Tid, cpl_len: usize) -> Self {
        Self::default()
            .with_hi(WrHi::of(Op::TP).with_immdlen(cpl_len as u32))
            .with_mid(WrMid::of(flow, Self::SIZE + cpl_len))
    }

    /// Units of 16 bytes that a CPL of type `T` takes, wrapped.
    #[must_use]
    pub const fn len16_of<T: Cpl>() -> usize {
        len16(Self::SIZE + size_of::<T>())
    }

    /// Wraps `cpl` into `buf`; the bytes used, or `None` when they do not fit. With `compl` a FW4_ACK is wanted.
    #[must_use]
    pub fn write<T: Cpl>(buf: &mut [u8], flow: Tid, compl: bool, cpl: &T) -> Option<usize> {
        let mut out = Cursor::new(buf);
        let header = Self::of(flow, size_of::<T>());
        out.put_ref(&header.with_hi(header.hi().with_compl(compl)))?;
        out.put(cpl.as_bytes())?;
        out.finish()
    }

    /// The CPL inside the work request `wr`.
    pub fn cpl(wr: &[u8]) -> Result<&[u8], Malformed> {
        let (header, rest) = Self::ref_from_prefix(wr).map_err(|_| Malformed)?;
        rest.get(..header.hi().immdlen() as usize).ok_or(Malformed)
    }
}
