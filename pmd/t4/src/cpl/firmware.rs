//! What the firmware and the SGE say on ingress queues.

use zerocopy::FromBytes;

use super::{Opcode, OpcodeTid};
use crate::EqId;
use crate::sge::RssHeader;

codes! {
    /// What a FW4_MSG or FW6_MSG carries (`t4_msg.h FW_TYPE_*`).
    pub FwMsgType: u8 {
        /// A command image: the reply to a command, or an event such as a link change.
        CMD_RPL = 0,
        WR_RPL = 1,
        CQE = 2,
        OFLD_CONNECTION_WR_RPL = 3,
        /// An RSS header and a CPL.
        RSSCPL = 4,
        WRERR_RPL = 5,
        PI_ERR = 6,
    }
}

layout! {
    /// A message of two flits from the firmware (`cpl_fw4_msg`).
    pub Fw4Msg [24] {
        0 op: Opcode,
        1 kind: FwMsgType,
        2 _: u16,
        4 _: u32,
        8 data: [u8; 16],
    }
}

layout! {
    /// A message of four flits from the firmware (`cpl_fw6_msg`).
    pub Fw6Msg [40] {
        0 op: Opcode,
        1 kind: FwMsgType,
        2 _: u16,
        4 _: u32,
        8 data: [u8; 32],
    }
}

impl Fw4Msg {
    /// The data in place.
    #[must_use]
    pub fn data_ref(&self) -> &[u8; 16] {
        &self.data
    }

    /// The RSS header and the CPL inside, of a message that carries one.
    #[must_use]
    pub fn encapsulated(&self) -> Option<(&RssHeader, &[u8])> {
        encapsulated(self.kind(), &self.data)
    }
}

impl Fw6Msg {
    /// The data in place.
    #[must_use]
    pub fn data_ref(&self) -> &[u8; 32] {
        &self.data
    }

    /// The RSS header and the CPL inside, of a message that carries one.
    #[must_use]
    pub fn encapsulated(&self) -> Option<(&RssHeader, &[u8])> {
        encapsulated(self.kind(), &self.data)
    }

    /// The answer to FW_OFLD_CONNECTION_WR, of a message that carries one.
    #[must_use]
    pub fn ofld_connection_wr_rpl(&self) -> Option<&OfldConnectionWrRpl> {
        if self.kind() != FwMsgType::OFLD_CONNECTION_WR_RPL {
            return None;
        }
        OfldConnectionWrRpl::ref_from_prefix(&self.data).ok().map(|(reply, _)| reply)
    }
}

fn encapsulated(kind: FwMsgType, data: &[u8]) -> Option<(&RssHeader, &[u8])> {
    if kind != FwMsgType::RSSCPL {
        return None;
    }
    RssHeader::ref_from_prefix(data).ok()
}

layout! {
    /// Answer to FW_OFLD_CONNECTION_WR, data of a FW6_MSG (`cpl_fw6_msg_ofld_connection_wr_rpl`).
    pub OfldConnectionWrRpl [16] {
        /// As the work request had it.
        0 cookie: [u8; 8],
        /// The new tid, or the atid when an active open failed.
        8 tid: u32,
        12 t_state: u8,
        13 retval: u8,
        14 _: [u8; 2],
    }
}
zero_default!(OfldConnectionWrRpl);

bits! {
    /// The egress queue whose consumption is told (`AUTOEQU, EGR_QID`).
    pub OpcodeEgrQid: u32 {
        31:24 op,
        22 autoequ,
        16:0 egr_qid,
    }
}

layout! {
    /// The SGE tells how far it has consumed an egress queue (`cpl_sge_egr_update`).
    pub SgeEgrUpdate [8] {
        0 opcode_qid: OpcodeEgrQid,
        4 cidx: u16,
        6 pidx: u16,
    }
}

impl SgeEgrUpdate {
    /// The update about queue `eq`.
    #[must_use]
    pub fn of(eq: EqId, cidx: u16, pidx: u16) -> Self {
        let blank = Self::new();
        blank.with_opcode_qid(blank.opcode_qid().with_egr_qid(eq.0)).with_cidx(cidx).with_pidx(pidx)
    }

    /// The egress queue.
    #[must_use]
    pub fn eq_id(&self) -> EqId {
        EqId(self.opcode_qid().egr_qid())
    }
}

bits! {
    /// Channels that a barrier holds.
    pub ChanMap: u8 {
        7:4 channels,
    }
}

layout! {
    /// Brackets messages that TP must apply together (`cpl_barrier`).
    pub Barrier [8] {
        0 op: Opcode,
        1 chan_map: ChanMap,
        2 _: u16,
        4 _: u32,
    }
}

layout! {
    /// TP could not make sense of a message (`cpl_error`).
    pub Error [8] {
        0 ot: OpcodeTid,
        4 error: u32,
    }
}

cpls! {
    Fw4Msg = FW4_MSG by none;
    Fw6Msg = FW6_MSG by none;
    SgeEgrUpdate = SGE_EGR_UPDATE by none;
    Barrier = BARRIER by none;
    Error = ERROR by tid;
}
