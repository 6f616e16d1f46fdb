//! Ethernet frames, out and in.

use super::Opcode;

codes! {
    /// What the checksum of a sent frame covers (`t4_msg.h TX_CSUM_*`).
    pub TxCsum: u8 {
        TCP = 0,
        UDP = 1,
        CRC16 = 4,
        CRC32 = 5,
        CRC32C = 6,
        FCOE = 7,
        TCPIP = 8,
        UDPIP = 9,
        TCPIP6 = 10,
        UDPIP6 = 11,
        IP = 12,
    }
}

bits! {
    /// Where a frame goes, T5 form (`t4_msg.h TXPKT_*`).
    pub TxPktCtrl0: u32 {
        31:24 op,
        23 tstamp,
        22 stat_dis,
        21 fcs_dis,
        20 special_stat,
        /// 0 to 3 a wire, 4 to 7 the loopback of channel `intf - 4`.
        19:16 intf,
        15 ins_ovlan,
        14:12 ovlan_idx,
        11 vf_vld,
        10:8 pf,
        7:0 vf,
    }
}

bits! {
    /// What is computed and inserted: lengths of headers and a type of checksum.
    pub TxPktCtrl1: u64 {
        63 l4csum_dis,
        62 ipcsum_dis,
        61 ipsec,
        60 vlan_vld,
        59:44 vlan,
        /// A [`TxCsum`].
        43:40 csum_type,
        /// Bytes of the Ethernet header beyond 14.
        39:34 ethhdr_len,
        /// Bytes of the IP header.
        33:20 iphdr_len,
    }
}

impl TxPktCtrl1 {
    /// The frame is sent as it is.
    pub const NO_CHECKSUM: Self = Self(Self::L4CSUM_DIS_MASK | Self::IPCSUM_DIS_MASK);
}

bits! {
    /// The other reading of ctrl1: a range of bytes to sum and the place of the result.
    pub TxPktCsumRange: u64 {
        63 l4csum_dis,
        62 ipcsum_dis,
        39:30 csum_loc,
        29:20 csum_start,
        19:12 csum_end,
    }
}

layout! {
    /// A frame to send, which follows (`cpl_tx_pkt_core`). Opcode TX_PKT_XT, or TX_PKT.
    pub TxPkt [16] {
        0 ctrl0: TxPktCtrl0,
        4 pack: u16,
        /// Bytes of the frame.
        6 len: u16,
        8 ctrl1: TxPktCtrl1,
    }
}

bits! {
    /// Headers of a frame to be segmented (`LSO_*`); lengths in units of four bytes.
    pub LsoCtrl: u32 {
        31:24 op,
        23 first_slice,
        22 last_slice,
        20 ipv6,
        /// Beyond 14 bytes.
        19:16 ethhdr_len,
        15:4 iphdr_len,
        3:0 tcphdr_len,
    }
}

bits! {
    /// Largest payload of a segment (`LSO_MSS, LSO_IPID_SPLIT`).
    pub LsoMss: u16 {
        15 ipid_split,
        13:0 mss,
    }
}

layout! {
    /// A frame to segment; a [`TxPkt`] follows (`cpl_tx_pkt_lso_core`).
    pub TxPktLso [16] {
        0 lso_ctrl: LsoCtrl,
        4 ipid_ofst: u16,
        6 mss: LsoMss,
        8 seqno_offset: u32,
        /// Bytes of the frame, headers and payload.
        12 len: u32,
    }
}

bits! {
    /// Where a frame came from (`cpl_rx_pkt`).
    pub RxPktFlags: u8 {
        7 ip_frag,
        6 vlan_ex,
        5 ipmi_pkt,
        4 csum_calc,
        /// Ingress port: 0 to 3 a wire, 4 to 7 a loopback.
        3:0 iff,
    }
}

codes! {
    /// How the MAC of a frame matched (`t4_msg.h PKTYPE_*`).
    pub PkType: u8 {
        XACT_UCAST = 0,
        HASH_UCAST = 1,
        XACT_MCAST = 2,
        HASH_MCAST = 3,
        PROMISC = 4,
        HPROMISC = 5,
        BCAST = 6,
    }
}

bits! {
    /// What the parser saw in a frame, T5 form (`t4_msg.h RXF_*, RX_T5_*`).
    pub RxL2Info: u32 {
        31:28 chan,
        27 lro,
        /// Or: the ACK of a SYN cookie.
        26 fcoe,
        25 ip6,
        24 ip,
        23 tcp,
        22 udp,
        21 syn,
        20 psh,
        /// A [`PkType`].
        19:17 pktype,
        /// Entry of the MPS TCAM that matched.
        16:8 macidx,
        7:6 datype,
        5:0 ethhdr_len,
    }
}

bits! {
    /// Header lengths in bytes (`RX_TCPHDR_LEN, RX_IPHDR_LEN`).
    pub RxHdrLen: u16 {
        15:6 ip,
        5:0 tcp,
    }
}

bits! {
    /// What is wrong with a frame (`t4_msg.h RXERR_*`).
    pub RxErrVec: u16 {
        14 ping,
        13 csum,
        12 ipcsum,
        9 tcp_opt,
        8 pkt_len,
        7 tcphdr_len,
        6 iphdr_len,
        5 ethhdr_len,
        4 attack,
        3 frag,
        2 ipvers,
        1 mac,
        0 any,
    }
}

layout! {
    /// A frame for the host, which lies in the freelist (`cpl_rx_pkt`).
    pub RxPkt [16] {
        0 op: Opcode,
        1 flags: RxPktFlags,
        2 csum: u16,
        4 vlan: u16,
        /// Bytes of the frame.
        6 len: u16,
        8 l2info: RxL2Info,
        12 hdr_len: RxHdrLen,
        14 err_vec: RxErrVec,
    }
}

bits! {
    /// Which trace filter took a frame, and how (`cpl_trace_pkt`).
    pub TraceFlags: u16 {
        15:12 filter_hit,
        11:8 runt,
        7 trunc,
        6 err,
    }
}

layout! {
    /// A traced frame, which follows, T5 (`cpl_t5_trace_pkt`).
    pub T5TracePkt [24] {
        0 op: Opcode,
        1 intf: u8,
        2 flags: TraceFlags,
        4 _: u16,
        6 len: u16,
        8 tstamp: u64,
        16 _: u64,
    }
}

layout! {
    /// A traced frame, which follows, T4 (`cpl_trace_pkt`).
    pub TracePkt [16] {
        0 op: Opcode,
        1 intf: u8,
        2 flags: TraceFlags,
        4 _: u16,
        6 len: u16,
        8 tstamp: u64,
    }
}

cpls! {
    TxPkt = TX_PKT_XT by none;
    TxPktLso = TX_PKT_LSO by none;
    RxPkt = RX_PKT by none;
    T5TracePkt = T5_TRACE_PKT by none;
    TracePkt = TRACE_PKT by none;
}
