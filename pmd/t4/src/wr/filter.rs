//! Filters: which frames, and what becomes of them.

use super::{Op, WrHi, WrMid};
use crate::{Ftid, IqId, Tid};

codes! {
    /// How a filter work request ended: the cookie of the SET_TCB_RPL (`FW_FILTER_WR_*`).
    pub FilterCookie: u8 {
        SUCCESS = 0,
        FLT_ADDED = 1,
        FLT_DELETED = 2,
        SMT_TBL_FULL = 3,
        EINVAL = 4,
    }
}

bits! {
    /// Which filter, and the queue it steers to (`FW_FILTER_WR_TID, _RQTYPE, _NOREPLY, _IQ`).
    pub FilterTid: u32 {
        31:12 tid,
        /// IPv6.
        11 rqtype,
        10 noreply,
        9:0 iq,
    }
}

bits! {
    /// What becomes of a frame (`FW_FILTER_WR_DEL_FILTER to _L2TIX`).
    pub FilterAction: u32 {
        /// Delete the filter; nothing else counts.
        31 del_filter,
        /// Report the ftid in the RSS header.
        25 rpttid,
        24 drop,
        /// To the queue of [`FilterTid`]; else by RSS.
        23 dirsteer,
        22 maskhash,
        21 dirsteerhash,
        /// Switch to a wire.
        20 lpbk,
        /// Rewrite the destination MAC, by the L2T entry.
        19 dmac,
        /// Rewrite the source MAC, by the SMT entry.
        18 smac,
        17 insvlan,
        16 rmvlan,
        15 hitcnts,
        14:13 txchan,
        /// Ahead of the active region.
        12 prio,
        11:0 l2tix,
    }
}

bits! {
    /// Fragments and tags, values and masks (`FW_FILTER_WR_FRAG to _OVLAN_VLDM`).
    pub FilterFrag: u8 {
        7 frag,
        6 fragm,
        5 ivlan_vld,
        4 ovlan_vld,
        3 ivlan_vldm,
        2 ovlan_vldm,
    }
}

bits! {
    /// Where the answer goes (`FW_FILTER_WR_RX_CHAN, _RX_RPL_IQ`).
    pub FilterRpl: u16 {
        15 rx_chan,
        9:0 rx_rpl_iq,
    }
}

bits! {
    /// What MPS knows of a frame, values and masks (`FW_FILTER_WR_MACI to _MATCHTYPEM`).
    pub FilterMatch: u32 {
        31:23 maci,
        22:14 macim,
        13 fcoe,
        12 fcoem,
        /// Ingress port: 4 to 7 are loopbacks.
        11:9 port,
        8:6 portm,
        5:3 matchtype,
        2:0 matchtypem,
    }
}

layout! {
    /// Adds or deletes a filter (`fw_filter_wr`). "Local" is the destination side of a received frame, "foreign" the
    /// source side; `…m` are masks.
    pub FwFilterWr [128] {
        0 hi: WrHi,
        4 mid: WrMid,
        8 _: u64,
        16 tid_to_iq: FilterTid,
        20 action: FilterAction,
        24 ethtype: u16,
        26 ethtypem: u16,
        28 frag: FilterFrag,
        29 smac_sel: u8,
        30 rpl: FilterRpl,
        32 matches: FilterMatch,
        /// IP protocol.
        36 ptcl: u8,
        37 ptclm: u8,
        /// Type of service.
        38 ttyp: u8,
        39 ttypm: u8,
        40 ivlan: u16,
        42 ivlanm: u16,
        /// The outer tag, or `PF << 13 | VF`.
        44 ovlan: u16,
        46 ovlanm: u16,
        /// Local address; an IPv4 address has the first four bytes.
        48 lip: [u8; 16],
        64 lipm: [u8; 16],
        80 fip: [u8; 16],
        96 fipm: [u8; 16],
        112 lp: u16,
        114 lpm: u16,
        116 fp: u16,
        118 fpm: u16,
        120 _: u16,
        122 sma: [u8; 6],
    }
}

impl FwFilterWr {
    /// Filter `ftid`, which matches all and does nothing; the answer goes to `reply_to`.
    #[must_use]
    pub fn new(ftid: Ftid, reply_to: IqId) -> Self {
        let zero: Self = zerocopy::FromZeros::new_zeroed();
        zero.with_hi(WrHi::of(Op::FILTER))
            .with_mid(WrMid::of(Tid(0), Self::SIZE))
            .with_tid_to_iq(FilterTid(0).with_tid(ftid.0))
            .with_rpl(FilterRpl(0).with_rx_rpl_iq(reply_to.0))
    }

    /// The end of filter `ftid`; the answer goes to `reply_to`.
    #[must_use]
    pub fn delete(ftid: Ftid, reply_to: IqId) -> Self {
        Self::new(ftid, reply_to).with_action(FilterAction(0).with_del_filter(true))
    }

    /// Frames that match go to `queue`.
    #[must_use]
    pub fn steer_to(self, queue: IqId) -> Self {
        self.with_tid_to_iq(self.tid_to_iq().with_iq(u32::from(queue.0)))
            .with_action(self.action().with_dirsteer(true))
    }

    /// The filter.
    #[must_use]
    pub fn ftid(&self) -> Ftid {
        Ftid(self.tid_to_iq().tid())
    }

    /// The ingress queue of the answer, if one is wanted.
    #[must_use]
    pub fn reply_to(&self) -> Option<IqId> {
        if self.tid_to_iq().noreply() { None } else { Some(IqId(self.rpl().rx_rpl_iq())) }
    }

    /// The queue that frames go to, when they are steered.
    #[must_use]
    pub fn steers_to(&self) -> Option<IqId> {
        // Ten bits.
        self.action().dirsteer().then(|| IqId(self.tid_to_iq().iq() as u16))
    }
}

bits! {
    /// (`FW_FILTER2_WR_SWAPMAC and the filter type above it`).
    pub FilterTypeSwapMac: u8 {
        7:1 filter_type,
        0 swapmac,
    }
}

bits! {
    /// (`FW_FILTER2_WR_NATMODE, _ULP_TYPE`).
    pub NatModeUlp: u8 {
        7:5 natmode,
        3:0 ulp_type,
    }
}

layout! {
    /// A filter with address translation (`fw_filter2_wr`): [`FwFilterWr`] with opcode FILTER2 and its own length, then
    /// this from byte 128.
    pub Filter2Nat [80] {
        0 _: u16,
        2 type_swapmac: FilterTypeSwapMac,
        3 natmode_ulp: NatModeUlp,
        4 newlport: u16,
        6 newfport: u16,
        8 newlip: [u8; 16],
        24 newfip: [u8; 16],
        40 natseqcheck: u32,
        44 _: [u8; 36],
    }
}
zero_default!(Filter2Nat);

/// A filter with address translation (`fw_filter2_wr`).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::KnownLayout,
    zerocopy::Immutable,
    zerocopy::Unaligned,
)]
#[repr(C)]
pub struct FwFilter2Wr {
    /// What both forms have; the header's opcode is FILTER2.
    pub filter: FwFilterWr,
    /// Address translation.
    pub nat: Filter2Nat,
}

impl FwFilter2Wr {
    /// Bytes of the structure.
    pub const SIZE: usize = 208;

    /// The longer form of `filter`.
    #[must_use]
    pub fn of(filter: FwFilterWr, nat: Filter2Nat) -> Self {
        let filter = filter.with_hi(WrHi::of(Op::FILTER2)).with_mid(WrMid::of(Tid(0), Self::SIZE));
        Self { filter, nat }
    }
}

const _: () = assert!(size_of::<FwFilter2Wr>() == FwFilter2Wr::SIZE);
