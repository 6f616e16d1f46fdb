//! Payload of offloaded connections, and connections that the firmware makes.

use core::net::{Ipv4Addr, Ipv6Addr};

use zerocopy::FromBytes;

use super::{Cursor, Dsgl, Malformed, Op, Sge, WrHi, WrMid, len16};
use crate::Tid;
use crate::cpl::TxDataFlags;
use crate::opt::{Opt0, Opt2};

layout! {
    /// Payload to send: inline, or a scatter list (`fw_ofld_tx_data_wr`).
    pub FwOfldTxDataWr [16] {
        /// Its `immdlen` is the length of inline payload, zero with a scatter list.
        0 hi: WrHi,
        4 mid: WrMid,
        /// Bytes of payload.
        8 plen: u32,
        12 flags: TxDataFlags,
    }
}
zero_default!(FwOfldTxDataWr);

/// Where the payload of a work request is.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// In the work request.
    Inline(&'a [u8]),
    /// In host memory.
    Sgl(Dsgl<'a>),
}

impl Payload<'_> {
    /// Bytes of payload.
    #[must_use]
    pub fn len(&self) -> u64 {
        match self {
            Self::Inline(bytes) => bytes.len() as u64,
            Self::Sgl(list) => list.total(),
        }
    }

    /// Whether there is no byte of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FwOfldTxDataWr {
    /// Largest inline payload: what the length field holds.
    pub const MAX_INLINE: usize = 255;
    /// Entries that a scatter list has room for.
    pub const MAX_SGES: usize = Dsgl::max_entries(super::MAX_LEN - Self::SIZE);

    /// Units of 16 bytes with `bytes` of inline payload: the cost in credits.
    #[must_use]
    pub const fn len16_inline(bytes: usize) -> usize {
        len16(Self::SIZE + bytes)
    }

    /// Units of 16 bytes with a scatter list of `entries`, at least one: the cost in credits.
    #[must_use]
    pub const fn len16_sgl(entries: usize) -> usize {
        len16(Self::SIZE + Dsgl::bytes(entries))
    }

    /// Writes a work request with inline payload, 1 to [`Self::MAX_INLINE`] bytes; the bytes used, or `None` when
    /// they do not fit. With `compl` a FW4_ACK is wanted.
    #[must_use]
    pub fn write_inline(
        buf: &mut [u8],
        tid: Tid,
        compl: bool,
        flags: TxDataFlags,
        payload: &[u8],
    ) -> Option<usize> {
        if payload.is_empty() || payload.len() > Self::MAX_INLINE {
            return None;
        }
        let len = payload.len() as u32;
        let mut out = Cursor::new(buf);
        out.put_ref(
            &Self::default()
                .with_hi(WrHi::of(Op::OFLD_TX_DATA).with_compl(compl).with_immdlen(len))
                .with_mid(WrMid::of(tid, Self::SIZE + payload.len()))
                .with_plen(len)
                .with_flags(flags),
        )?;
        out.put(payload)?;
        out.finish()
    }

    /// Writes a work request with a scatter list; the bytes used, or `None` when there are no entries, they do
    /// not fit, or their sum does not fit the length field. With `compl` a FW4_ACK is wanted.
    #[must_use]
    pub fn write_sgl(
        buf: &mut [u8],
        tid: Tid,
        compl: bool,
        flags: TxDataFlags,
        entries: &[Sge],
    ) -> Option<usize> {
        if entries.is_empty() || entries.len() > Self::MAX_SGES {
            return None;
        }
        let total: u64 = entries.iter().map(|sge| u64::from(sge.len)).sum();
        let mut out = Cursor::new(buf);
        out.put_ref(
            &Self::default()
                .with_hi(WrHi::of(Op::OFLD_TX_DATA).with_compl(compl))
                .with_mid(WrMid::of(tid, Self::SIZE + Dsgl::bytes(entries.len())))
                .with_plen(u32::try_from(total).ok()?)
                .with_flags(flags),
        )?;
        out.at += Dsgl::write(out.buf.get_mut(out.at..)?, entries)?;
        out.finish()
    }

    /// The header of the work request `wr`, and where its payload is. The payload has as many bytes as the header
    /// says, or the work request is malformed.
    pub fn parse(wr: &[u8]) -> Result<(&Self, Payload<'_>), Malformed> {
        let (header, rest) = Self::ref_from_prefix(wr).map_err(|_| Malformed)?;
        let payload = match header.hi().immdlen() as usize {
            0 => Payload::Sgl(Dsgl::parse(rest)?),
            len => Payload::Inline(rest.get(..len).ok_or(Malformed)?),
        };
        if payload.len() == u64::from(header.plen()) {
            Ok((header, payload))
        } else {
            Err(Malformed)
        }
    }
}

bits! {
    /// Address family, and whether the firmware answers with CPLs (`FW_OFLD_CONNECTION_WR_VERSION, _CPL`).
    pub VersionCpl: u32 {
        /// IPv6.
        31 version,
        30 cpl,
    }
}

bits! {
    /// (`FW_OFLD_CONNECTION_WR_T_STATE, _RCV_SCALE, _ASTID`).
    pub TStateAstid: u32 {
        /// A [`State`](crate::tcb::State): SYN_SENT or SYN_RCVD.
        31:28 t_state,
        /// Shift of the peer's window.
        27:24 rcv_scale,
        /// The atid of an active open, the stid of a passive one.
        23:0 astid,
    }
}

bits! {
    /// Which CPLs the firmware sends for the host (`FW_OFLD_CONNECTION_WR_CPLRXDATAACK, _CPLPASSACCEPTRPL`).
    pub OfldConnectionCpls: u16 {
        15 rx_data_ack,
        14 pass_accept_rpl,
    }
}

layout! {
    /// Makes a TCB in the active filter region (`fw_ofld_connection_wr`).
    pub FwOfldConnectionWr [128] {
        0 hi: WrHi,
        4 mid: WrMid,
        /// Repeated in the answer.
        8 cookie: [u8; 8],
        16 _: [u8; 16],
        32 version_cpl: VersionCpl,
        /// The compressed filter tuple.
        36 filter: u32,
        40 _: u32,
        44 local_port: u16,
        46 peer_port: u16,
        /// See [`FwOfldConnectionWr::ipv4`] and [`FwOfldConnectionWr::ipv6`].
        48 addresses: [u8; 32],
        80 t_state_astid: TStateAstid,
        84 cpls: OfldConnectionCpls,
        86 rcv_adv: u16,
        88 rcv_nxt: u32,
        92 tx_max: u32,
        96 opt0: Opt0,
        104 opt2: Opt2,
        108 _: [u8; 20],
    }
}

impl FwOfldConnectionWr {
    /// All zero but opcode and length.
    #[must_use]
    pub fn new() -> Self {
        let zero: Self = zerocopy::FromZeros::new_zeroed();
        zero.with_hi(WrHi::of(Op::OFLD_CONNECTION)).with_mid(WrMid::of(Tid(0), Self::SIZE))
    }

    /// Peer and local address of an IPv4 connection (`version` clear).
    #[must_use]
    pub fn ipv4(&self) -> (Ipv4Addr, Ipv4Addr) {
        let [p0, p1, p2, p3, l0, l1, l2, l3, ..] = self.addresses;
        (Ipv4Addr::new(p0, p1, p2, p3), Ipv4Addr::new(l0, l1, l2, l3))
    }

    /// Peer and local address of an IPv6 connection (`version` set).
    #[must_use]
    pub fn ipv6(&self) -> (Ipv6Addr, Ipv6Addr) {
        let bits = u128::from_be_bytes;
        let (peer, local) = self.addresses.split_at(16);
        let half = |bytes: &[u8]| bytes.first_chunk().map_or(0, |bytes| bits(*bytes)).into();
        (half(peer), half(local))
    }

    /// With the addresses of an IPv4 connection.
    #[must_use]
    pub fn with_ipv4(mut self, peer: Ipv4Addr, local: Ipv4Addr) -> Self {
        self.addresses = [0; 32];
        self.addresses[..4].copy_from_slice(&peer.octets());
        self.addresses[4..8].copy_from_slice(&local.octets());
        self.with_version_cpl(self.version_cpl().with_version(false))
    }

    /// With the addresses of an IPv6 connection.
    #[must_use]
    pub fn with_ipv6(mut self, peer: Ipv6Addr, local: Ipv6Addr) -> Self {
        self.addresses[..16].copy_from_slice(&peer.octets());
        self.addresses[16..].copy_from_slice(&local.octets());
        self.with_version_cpl(self.version_cpl().with_version(true))
    }
}

impl Default for FwOfldConnectionWr {
    fn default() -> Self {
        Self::new()
    }
}
