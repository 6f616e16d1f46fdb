//! Ethernet frames to send.

use zerocopy::FromBytes;

use super::{Cursor, Dsgl, Malformed, Op, Payload, Sge, WrMid, len16};
use crate::Tid;
use crate::cpl::{self, Opcode, TxPkt, TxPktLso};

bits! {
    /// First word of an Ethernet work request, whose length field has nine bits (`FW_ETH_TX_PKT_WR_IMMDLEN`).
    pub EthWrHi: u32 {
        31:24 op,
        8:0 immdlen,
    }
}

layout! {
    /// One frame; the CPLs follow, then the frame or a scatter list (`fw_eth_tx_pkt_wr`).
    pub FwEthTxPktWr [16] {
        /// Its `immdlen` counts CPLs and, when it is inline, the frame.
        0 hi: EthWrHi,
        4 mid: WrMid,
        8 _: u64,
    }
}
zero_default!(FwEthTxPktWr);

layout! {
    /// Several frames (`fw_eth_tx_pkts_wr`).
    pub FwEthTxPktsWr [16] {
        0 hi: EthWrHi,
        4 mid: WrMid,
        8 _: u32,
        /// Bytes of all frames.
        12 plen: u16,
        14 npkt: u8,
        15 kind: u8,
    }
}
zero_default!(FwEthTxPktsWr);

/// One frame to send, read.
#[derive(Clone, Copy, Debug)]
pub struct EthTxPkt<'a> {
    /// The header.
    pub header: &'a FwEthTxPktWr,
    /// How to segment it, if so.
    pub lso: Option<&'a TxPktLso>,
    /// Where to, and what to insert.
    pub pkt: &'a TxPkt,
    /// The frame.
    pub frame: Payload<'a>,
}

impl FwEthTxPktWr {
    /// Bytes before frame or scatter list, without LSO.
    pub const OVERHEAD: usize = Self::SIZE + TxPkt::SIZE;
    /// Largest inline frame without LSO.
    pub const MAX_INLINE: usize = super::MAX_LEN - Self::OVERHEAD;

    /// Units of 16 bytes with an inline frame of `bytes`.
    #[must_use]
    pub const fn len16_inline(bytes: usize) -> usize {
        len16(Self::OVERHEAD + bytes)
    }

    /// Units of 16 bytes with a scatter list of `entries`, at least one.
    #[must_use]
    pub const fn len16_sgl(entries: usize) -> usize {
        len16(Self::OVERHEAD + Dsgl::bytes(entries))
    }

    /// Writes a work request with the frame in it; `pkt.len` is set to its length. The bytes used, or `None` when
    /// they do not fit.
    #[must_use]
    pub fn write_inline(buf: &mut [u8], mid: WrMid, pkt: TxPkt, frame: &[u8]) -> Option<usize> {
        if frame.len() > Self::MAX_INLINE {
            return None;
        }
        let mut out = Cursor::new(buf);
        out.put(&Self::head_inline(mid, &pkt, frame.len()))?;
        out.put(frame)?;
        out.finish()
    }

    /// What lies before an inline frame of `len` bytes, at most [`Self::MAX_INLINE`]: header and CPL, whose length is set.
    #[inline]
    #[must_use]
    pub fn head_inline(mid: WrMid, pkt: &TxPkt, len: usize) -> [u8; Self::OVERHEAD] {
        let immdlen = TxPkt::SIZE + len;
        let header = Self::of(mid, immdlen, Self::SIZE + immdlen);
        let mut head = [0; Self::OVERHEAD];
        head[..Self::SIZE].copy_from_slice(header.as_bytes());
        head[Self::SIZE..].copy_from_slice(pkt.with_len(len as u16).as_bytes());
        head
    }

    /// Writes a work request with a scatter list of the frame; `pkt.len` is set to the sum of the entries. The bytes
    /// used, or `None` when they do not fit or the frame is too long.
    #[must_use]
    pub fn write_sgl(buf: &mut [u8], mid: WrMid, pkt: TxPkt, frame: &[Sge]) -> Option<usize> {
        if frame.is_empty() || Self::OVERHEAD + Dsgl::bytes(frame.len()) > super::MAX_LEN {
            return None;
        }
        let len: u64 = frame.iter().map(|sge| u64::from(sge.len)).sum();
        let mut out = Cursor::new(buf);
        out.put_ref(&Self::of(mid, TxPkt::SIZE, Self::OVERHEAD + Dsgl::bytes(frame.len())))?;
        out.put_ref(&pkt.with_len(u16::try_from(len).ok()?))?;
        out.at += Dsgl::write(out.buf.get_mut(out.at..)?, frame)?;
        out.finish()
    }

    /// The header over `immdlen` bytes of CPLs and frame, of a work request of `bytes` bytes.
    #[inline]
    fn of(mid: WrMid, immdlen: usize, bytes: usize) -> Self {
        Self::default()
            .with_hi(EthWrHi(0).with_op(u32::from(Op::ETH_TX_PKT.0)).with_immdlen(immdlen as u32))
            .with_mid(mid.with_len16(WrMid::of(Tid(0), bytes).len16()))
    }

    /// Takes the work request `wr` apart. The frame has as many bytes as the CPL says, or the work request is
    /// malformed.
    #[inline]
    pub fn parse(wr: &[u8]) -> Result<EthTxPkt<'_>, Malformed> {
        let (header, rest) = Self::ref_from_prefix(wr).map_err(|_| Malformed)?;
        let (lso, rest) = match cpl::split::<TxPktLso>(rest) {
            Some((lso, rest)) => (Some(lso), rest),
            None => (None, rest),
        };
        if !matches!(cpl::opcode(rest), Some(Opcode::TX_PKT_XT | Opcode::TX_PKT)) {
            return Err(Malformed);
        }
        let (pkt, rest) = TxPkt::ref_from_prefix(rest).map_err(|_| Malformed)?;
        let cpls = TxPkt::SIZE + lso.map_or(0, |_| TxPktLso::SIZE);
        let inline = (header.hi().immdlen() as usize).checked_sub(cpls).ok_or(Malformed)?;
        let frame = match inline {
            0 => Payload::Sgl(Dsgl::parse(rest)?),
            len => Payload::Inline(rest.get(..len).ok_or(Malformed)?),
        };
        // A frame to be segmented may exceed what the CPL's 16 bits tell: its length is the LSO's.
        let len = lso.map_or(u64::from(pkt.len()), |lso| u64::from(lso.len()));
        if frame.len() == len { Ok(EthTxPkt { header, lso, pkt, frame }) } else { Err(Malformed) }
    }
}
