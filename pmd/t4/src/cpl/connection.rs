//! Data, credits and the end of a connection.

use super::{OpcodeTid, Status};

bits! {
    /// How data came (`cpl_rx_data`).
    pub RxDataFlags: u8 {
        4 ddp_off,
        3 heartbeat,
        2 psh,
        1:0 dack_mode,
    }
}

layout! {
    /// In-order bytes of a connection, which follow (`cpl_rx_data`).
    pub RxData [16] {
        0 ot: OpcodeTid,
        4 _: u16,
        /// Bytes that follow.
        6 len: u16,
        /// Sequence number of the first.
        8 seq: u32,
        12 urg: u16,
        14 flags: RxDataFlags,
        15 status: Status,
    }
}

bits! {
    /// Receive credits given back (`cpl_rx_data_ack`).
    pub CreditDack: u32 {
        31 dack_change,
        30:29 dack_mode,
        28 force_ack,
        27 modulate_rx,
        26 modulate_tx,
        /// Bytes by which the receive window grows.
        25:0 credits,
    }
}

layout! {
    /// The host has taken bytes: the receive window may grow (`cpl_rx_data_ack`).
    pub RxDataAck [8] {
        0 ot: OpcodeTid,
        4 credit_dack: CreditDack,
    }
}

bits! {
    /// How payload is to be sent (`t4_msg.h TX_*`). The low bits of FW_OFLD_TX_DATA_WR's flags too.
    pub TxDataFlags: u32 {
        31 lso_disable,
        30 align_pld,
        29 align_pld_shove,
        19 tunnel,
        18 save,
        17 flush,
        16 urgent,
        15 more,
        14 shove,
        13 force,
        12:10 ulp_mode,
        9:6 ulp_submode,
        5 proxy,
    }
}

layout! {
    /// Payload to send, as the firmware passes it to TP (`cpl_tx_data`).
    pub TxData [16] {
        0 ot: OpcodeTid,
        4 len: u32,
        8 _: u32,
        12 flags: TxDataFlags,
    }
}

bits! {
    /// What a FW4_ACK says beside credits (`CPL_FW4_ACK_FLAGS_*`).
    pub Fw4AckFlags: u8 {
        /// It completes a FLOWC.
        2 flowc,
        /// A change of channel is complete.
        1 ch,
        /// `snd_nxt` and `snd_una` hold.
        0 seqval,
    }
}

layout! {
    /// Work requests of a connection are done with: their buffers and credits return (`cpl_fw4_ack`).
    pub Fw4Ack [24] {
        0 ot: OpcodeTid,
        /// Units of 16 bytes.
        4 credits: u8,
        5 _: [u8; 2],
        7 flags: Fw4AckFlags,
        8 snd_nxt: u32,
        12 snd_una: u32,
        16 _: u64,
    }
}

layout! {
    /// The peer's FIN is in order (`cpl_peer_close`).
    pub PeerClose [8] {
        0 ot: OpcodeTid,
        /// Past the FIN.
        4 rcv_nxt: u32,
    }
}

layout! {
    /// Send FIN behind what is posted (`cpl_close_con_req`).
    pub CloseConReq [8] {
        0 ot: OpcodeTid,
        4 _: u32,
    }
}

layout! {
    /// Our FIN is acknowledged (`cpl_close_con_rpl`).
    pub CloseConRpl [16] {
        0 ot: OpcodeTid,
        4 _: [u8; 3],
        7 status: Status,
        /// Counts the FIN.
        8 snd_nxt: u32,
        12 rcv_nxt: u32,
    }
}

codes! {
    /// What the peer is told of an abort (`CPL_ABORT_SEND_RST, CPL_ABORT_NO_RST`).
    pub AbortCmd: u8 {
        SEND_RST = 0,
        /// Frees the TCB silently.
        NO_RST = 1,
    }
}

layout! {
    /// Abort a connection (`cpl_abort_req`).
    pub AbortReq [16] {
        0 ot: OpcodeTid,
        4 snd_nxt: u32,
        /// Non-zero when no data was ever posted.
        8 no_tx_data: u8,
        9 cmd: AbortCmd,
        10 _: [u8; 6],
    }
}

layout! {
    /// Answer to an ABORT_REQ_RSS (`cpl_abort_rpl`).
    pub AbortRpl [16] {
        0 ot: OpcodeTid,
        4 snd_nxt: u32,
        8 no_tx_data: u8,
        9 cmd: AbortCmd,
        10 _: [u8; 6],
    }
}

layout! {
    /// The chip aborts a connection, or gives negative advice (`cpl_abort_req_rss`).
    pub AbortReqRss [8] {
        0 ot: OpcodeTid,
        4 _: [u8; 3],
        7 status: Status,
    }
}

layout! {
    /// The host's abort is done (`cpl_abort_rpl_rss`).
    pub AbortRplRss [8] {
        0 ot: OpcodeTid,
        4 _: [u8; 3],
        7 status: Status,
    }
}

layout! {
    /// The urgent pointer has moved (`cpl_rx_urg_notify`).
    pub RxUrgNotify [8] {
        0 ot: OpcodeTid,
        4 seq: u32,
    }
}

layout! {
    /// Urgent data, which follows (`cpl_rx_urg_pkt`).
    pub RxUrgPkt [8] {
        0 ot: OpcodeTid,
        4 _: u16,
        6 len: u16,
    }
}

cpls! {
    RxData = RX_DATA by tid;
    RxDataAck = RX_DATA_ACK by tid;
    TxData = TX_DATA by tid;
    Fw4Ack = FW4_ACK by tid;
    PeerClose = PEER_CLOSE by tid;
    CloseConReq = CLOSE_CON_REQ by tid;
    CloseConRpl = CLOSE_CON_RPL by tid;
    AbortReq = ABORT_REQ by tid;
    AbortRpl = ABORT_RPL by tid;
    AbortReqRss = ABORT_REQ_RSS by tid;
    AbortRplRss = ABORT_RPL_RSS by tid;
    RxUrgNotify = RX_URG_NOTIFY by tid;
    RxUrgPkt = RX_URG_PKT by tid;
}
