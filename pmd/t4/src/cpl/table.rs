//! The L2 table and the source MAC table.

use super::{OpcodeTid, Status};
use crate::L2tIdx;

bits! {
    /// Where frames of an L2T entry go (`t4_msg.h L2T_W_*`).
    pub L2tParams: u16 {
        15 noreply,
        /// The next hop is not resolved.
        11 arpmiss,
        /// To the loopback of `port`, not to its wire.
        10 lpbk,
        9:8 port,
        7:2 info,
    }
}

layout! {
    /// Writes an entry of the L2 table: a next hop (`cpl_l2t_write_req`).
    pub L2tWriteReq [16] {
        0 ot: OpcodeTid,
        4 params: L2tParams,
        6 l2t_idx: L2tIdx,
        /// [`L2tWriteReq::VLAN_NONE`] for untagged.
        8 vlan: u16,
        10 dst_mac: [u8; 6],
    }
}

impl L2tWriteReq {
    /// No tag (`CPL_L2T_VLAN_NONE`).
    pub const VLAN_NONE: u16 = 0xfff;
}

layout! {
    /// An L2T entry is written (`cpl_l2t_write_rpl`); the id is the request's.
    pub L2tWriteRpl [8] {
        0 ot: OpcodeTid,
        4 status: Status,
        5 _: [u8; 3],
    }
}

bits! {
    /// Which row of the SMT, and whether to answer (`SMTW_IDX, SMTW_OVLAN_IDX, SMTW_NORPL`).
    pub SmtParams: u32 {
        31 norpl,
        /// A row of two MACs.
        26:20 row,
        19:16 ovlan_idx,
    }
}

bits! {
    /// The function a MAC belongs to (`SMTW_PF, SMTW_VF, SMTW_VF_VLD`).
    pub PfVf: u16 {
        11 vf_vld,
        10:8 pf,
        7:0 vf,
    }
}

layout! {
    /// Writes a row of the source MAC table, T4 and T5 (`cpl_smt_write_req`): SMT index `2 × row` is MAC 0,
    /// the next is MAC 1.
    pub SmtWriteReq [24] {
        0 ot: OpcodeTid,
        4 params: SmtParams,
        8 pfvf1: PfVf,
        10 src_mac1: [u8; 6],
        16 pfvf0: PfVf,
        18 src_mac0: [u8; 6],
    }
}

layout! {
    /// An SMT row is written (`cpl_smt_write_rpl`); the id is the request's.
    pub SmtWriteRpl [8] {
        0 ot: OpcodeTid,
        4 status: Status,
        5 _: [u8; 3],
    }
}

cpls! {
    L2tWriteReq = L2T_WRITE_REQ by queue_id;
    L2tWriteRpl = L2T_WRITE_RPL by queue_id;
    SmtWriteReq = SMT_WRITE_REQ by queue_id;
    SmtWriteRpl = SMT_WRITE_RPL by queue_id;
}
