//! Listening, opening and accepting.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::{OpcodeTid, Status};
use crate::opt::{Opt0, Opt1, Opt2, Params64, TcpOpt, TcpOptions};
use crate::{Atid, IqId, Stid};

layout! {
    /// Listen on an IPv4 address or on any (`cpl_pass_open_req`).
    pub PassOpenReq [32] {
        0 ot: OpcodeTid,
        4 local_port: u16,
        /// Zero: listeners match any peer.
        6 peer_port: u16,
        /// Unspecified for any address.
        8 local_ip: Ipv4Addr,
        12 peer_ip: Ipv4Addr,
        16 opt0: Opt0,
        24 opt1: Opt1,
    }
}

layout! {
    /// Listen on an IPv6 address or on any (`cpl_pass_open_req6`).
    pub PassOpenReq6 [56] {
        0 ot: OpcodeTid,
        4 local_port: u16,
        6 peer_port: u16,
        8 local_ip: Ipv6Addr,
        24 peer_ip: Ipv6Addr,
        40 opt0: Opt0,
        48 opt1: Opt1,
    }
}

layout! {
    /// How a listen ended (`cpl_pass_open_rpl`).
    pub PassOpenRpl [8] {
        0 ot: OpcodeTid,
        4 _: [u8; 3],
        7 status: Status,
    }
}

bits! {
    /// Where the answer to a CLOSE_LISTSRV_REQ goes, and which table holds the listener (`LISTSVR_IPV6`).
    pub ListsrvCtrl: u16 {
        15 no_reply,
        14 ipv6,
        9:0 queue,
    }
}

layout! {
    /// Stop listening (`cpl_close_listsvr_req`).
    pub CloseListsrvReq [8] {
        0 ot: OpcodeTid,
        4 reply_ctrl: ListsrvCtrl,
        6 _: u16,
    }
}

layout! {
    /// The listener is gone (`cpl_close_listsvr_rpl`).
    pub CloseListsrvRpl [8] {
        0 ot: OpcodeTid,
        4 _: [u8; 3],
        7 status: Status,
    }
}

bits! {
    /// Header lengths of a SYN in bytes, and its channel (`SYN_RX_CHAN, TCP_HDR_LEN, IP_HDR_LEN, ETH_HDR_LEN`).
    pub SynHdrLen: u32 {
        31:26 eth,
        25:16 ip,
        15:10 tcp,
        3:0 rx_chan,
    }
}

bits! {
    /// How MPS classified a SYN (`SYN_MAC_IDX, SYN_XACT_MATCH, SYN_INTF`).
    pub SynL2Info: u16 {
        /// Ingress port: 0 to 3 a wire, 4 to 7 a loopback.
        15:12 intf,
        9 xact_match,
        8:0 mac_idx,
    }
}

bits! {
    /// Type of service of the SYN, and the listener (`PASS_OPEN_TOS, PASS_OPEN_TID`).
    pub TosStid: u32 {
        31:24 tos,
        23:0 id,
    }
}

impl TosStid {
    /// The listener.
    #[must_use]
    pub const fn stid(self) -> Stid {
        Stid(self.id())
    }

    /// With the listener replaced.
    #[must_use]
    pub const fn with_stid(self, stid: Stid) -> Self {
        self.with_id(stid.0)
    }
}

layout! {
    /// A SYN has come for a listener that asks; the frame follows, from its Ethernet header
    /// (`cpl_pass_accept_req`). The tid is new.
    pub PassAcceptReq [24] {
        0 ot: OpcodeTid,
        4 _: u16,
        /// Bytes of the frame.
        6 len: u16,
        8 hdr_len: SynHdrLen,
        12 vlan: u16,
        14 l2info: SynL2Info,
        16 tos_stid: TosStid,
        20 tcpopt: TcpOptions,
    }
}

codes! {
    /// What to do with a SYN: `opt0.accept_mode` of PASS_ACCEPT_RPL (`CPL_PASS_OPEN_*`).
    pub AcceptMode: u8 {
        ACCEPT = 0,
        REJECT = 1,
        /// Accept, not offloaded.
        ACCEPT_TNL = 2,
    }
}

layout! {
    /// Answer to a SYN, T5 (`cpl_t5_pass_accept_rpl`).
    pub PassAcceptRpl [24] {
        0 ot: OpcodeTid,
        4 opt2: Opt2,
        8 opt0: Opt0,
        /// Our initial sequence number, when `opt2.iss_valid`.
        16 iss: u32,
        20 _: u32,
    }
}

layout! {
    /// Answer to a SYN, T4 (`cpl_pass_accept_rpl`).
    pub T4PassAcceptRpl [16] {
        0 ot: OpcodeTid,
        4 opt2: Opt2,
        8 opt0: Opt0,
    }
}

layout! {
    /// Open an IPv4 connection, T5 (`cpl_t5_act_open_req`).
    pub ActOpenReq [40] {
        0 ot: OpcodeTid,
        4 local_port: u16,
        6 peer_port: u16,
        8 local_ip: Ipv4Addr,
        12 peer_ip: Ipv4Addr,
        16 opt0: Opt0,
        /// Our initial sequence number, when `opt2.iss_valid`.
        24 iss: u32,
        28 opt2: Opt2,
        32 params: Params64,
    }
}

layout! {
    /// Open an IPv6 connection, T5 (`cpl_t5_act_open_req6`).
    pub ActOpenReq6 [64] {
        0 ot: OpcodeTid,
        4 local_port: u16,
        6 peer_port: u16,
        8 local_ip: Ipv6Addr,
        24 peer_ip: Ipv6Addr,
        40 opt0: Opt0,
        48 iss: u32,
        52 opt2: Opt2,
        56 params: Params64,
    }
}

layout! {
    /// Open an IPv4 connection, T4 (`cpl_act_open_req`).
    pub T4ActOpenReq [32] {
        0 ot: OpcodeTid,
        4 local_port: u16,
        6 peer_port: u16,
        8 local_ip: Ipv4Addr,
        12 peer_ip: Ipv4Addr,
        16 opt0: Opt0,
        /// The compressed filter tuple, low 32 bits.
        24 params: u32,
        28 opt2: Opt2,
    }
}

layout! {
    /// Open an IPv6 connection, T4 (`cpl_act_open_req6`).
    pub T4ActOpenReq6 [56] {
        0 ot: OpcodeTid,
        4 local_port: u16,
        6 peer_port: u16,
        8 local_ip: Ipv6Addr,
        24 peer_ip: Ipv6Addr,
        40 opt0: Opt0,
        48 params: u32,
        52 opt2: Opt2,
    }
}

bits! {
    /// The handle of an active open as the host wrote it, and its end (`AOPEN_ATID, AOPEN_STATUS`).
    pub AtidStatus: u32 {
        31:22 queue,
        21:8 id,
        7:0 code,
    }
}

impl AtidStatus {
    /// The echo of the request's id field, with `status`.
    #[must_use]
    pub const fn of(request: OpcodeTid, status: Status) -> Self {
        Self(request.tid() << 8).with_code(status.0 as u32)
    }
}

layout! {
    /// An active open failed, or made a NON_OFFLOAD TCB (status 0) (`cpl_act_open_rpl`).
    pub ActOpenRpl [8] {
        0 ot: OpcodeTid,
        4 atid_status: AtidStatus,
    }
}

impl ActOpenRpl {
    /// The host's handle of the open.
    #[must_use]
    pub fn atid(&self) -> Atid {
        Atid(self.atid_status().id())
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> Status {
        // The field is eight bits wide.
        Status(self.atid_status().code() as u8)
    }
}

bits! {
    /// Type of service, and the handle of the open as the host wrote it.
    pub TosAtid: u32 {
        31:24 tos,
        23:14 queue,
        13:0 id,
    }
}

impl TosAtid {
    /// The echo of the request's id field, with `tos`.
    #[must_use]
    pub const fn of(request: OpcodeTid, tos: u8) -> Self {
        Self(request.tid()).with_tos(tos as u32)
    }

    /// The host's handle of the open.
    #[must_use]
    pub const fn atid(self) -> Atid {
        Atid(self.id())
    }

    /// The ingress queue that the request named.
    #[must_use]
    pub const fn reply_to(self) -> IqId {
        IqId(self.queue() as u16)
    }
}

layout! {
    /// An accepted connection is established (`cpl_pass_establish`).
    pub PassEstablish [24] {
        0 ot: OpcodeTid,
        4 _: u32,
        8 tos_stid: TosStid,
        12 mac_idx: u16,
        14 tcp_opt: TcpOpt,
        /// Our initial sequence number, **plus one**.
        16 snd_isn: u32,
        /// The peer's initial sequence number, **plus one**.
        20 rcv_isn: u32,
    }
}

layout! {
    /// An active open is established (`cpl_act_establish`).
    pub ActEstablish [24] {
        0 ot: OpcodeTid,
        4 _: u32,
        8 tos_atid: TosAtid,
        12 mac_idx: u16,
        14 tcp_opt: TcpOpt,
        /// Our initial sequence number, **plus one**.
        16 snd_isn: u32,
        /// The peer's initial sequence number, **plus one**.
        20 rcv_isn: u32,
    }
}

layout! {
    /// Frees the TCB of a connection that is over (`cpl_tid_release`).
    pub TidRelease [8] {
        0 ot: OpcodeTid,
        4 _: u32,
    }
}

cpls! {
    PassOpenReq = PASS_OPEN_REQ by stid;
    PassOpenReq6 = PASS_OPEN_REQ6 by stid;
    PassOpenRpl = PASS_OPEN_RPL by stid;
    CloseListsrvReq = CLOSE_LISTSRV_REQ by stid;
    CloseListsrvRpl = CLOSE_LISTSRV_RPL by stid;
    PassAcceptReq = PASS_ACCEPT_REQ by tid;
    PassAcceptRpl = PASS_ACCEPT_RPL by tid;
    T4PassAcceptRpl = PASS_ACCEPT_RPL by tid;
    ActOpenReq = ACT_OPEN_REQ by atid;
    ActOpenReq6 = ACT_OPEN_REQ6 by atid;
    T4ActOpenReq = ACT_OPEN_REQ by atid;
    T4ActOpenReq6 = ACT_OPEN_REQ6 by atid;
    ActOpenRpl = ACT_OPEN_RPL by tid;
    PassEstablish = PASS_ESTABLISH by tid;
    ActEstablish = ACT_ESTABLISH by tid;
    TidRelease = TID_RELEASE by tid;
}
