//! T_FLAGS: what a connection has on, and what the same bits mean on a filter.

bits! {
    /// T_FLAGS of a connection (`t4_tcb.h S_TF_*`).
    pub TFlags: u64 {
        62 cctrl_rfr,
        61 cctrl_cwr,
        60 cctrl_ece,
        59 cctrl_ecn,
        /// IPv6.
        58 ip_version,
        57:55 pend_ctl,
        /// SACK negotiated.
        54 recv_sack,
        /// Timestamps negotiated.
        53 recv_tstmp,
        /// Window scaling negotiated.
        52 recv_scale,
        51 fast_recovery,
        50 dupack_count_odd,
        49 rx_pdu_out,
        48 tx_pdu_out,
        47 rdma_flm_error,
        46 rdma_error,
        45 rx_compact,
        44 tx_compact,
        /// The peer's FIN is in order.
        43 peer_fin,
        42 dack_timer,
        41 timer,
        40 mod_schd_rx,
        39 mod_schd_tx,
        38:36 mod_schd_reason,
        35 ask_mode,
        34 active_open,
        33 init,
        32 rcv_coalesce_heartbeat,
        31 rcv_coalesce_last_psh,
        30 rcv_coalesce_push,
        29 rcv_coalesce_enable,
        28 core_flush,
        27 core_push,
        26 core_more,
        25 core_urg,
        /// Our FIN is queued.
        24 core_fin,
        /// A [`CongAlg`](crate::opt::CongAlg).
        23:22 cctrl_sel,
        21 turbo,
        20:18 tx_queue,
        17 tx_pace_fixed,
        16 tx_pace_auto,
        15 rx_quiesce,
        /// Freezes sending.
        14 tx_quiesce,
        13:12 tx_channel,
        11 rx_channel,
        10 rx_flow_control_disable,
        9 rx_flow_control_ddp,
        8 ssws_disabled,
        7 nagle,
        6 dack_not_acked,
        5 dack_mss,
        4 dack,
        3 keepalive,
        2 lock_tid,
        /// TP leaves the connection's segments alone: the TCB is a filter.
        1 non_offload,
        0 migrating,
    }
}

bits! {
    /// T_FLAGS of a filter and of a NON_OFFLOAD TCB, where the meaning differs.
    pub FilterFlags: u64 {
        /// Insert or replace the VLAN tag.
        62 vlan_rewrite,
        61 rewrite_smac,
        60 rewrite_dmac,
        /// Switch to a wire.
        59 lpbk,
        /// To the queue in RSS_INFO.
        23 direct_steer,
        22 drop,
        21 report_tid,
        17 direct_steer_hash,
        16 mask_hash,
        1 non_offload,
    }
}

impl TFlags {
    /// Flags that travel with a connection, NON_OFFLOAD among them: the mask of the one SET_TCB_FIELD that
    /// makes an uploaded connection live.
    pub const TRAVELLING: u64 = Self::NON_OFFLOAD_MASK
        | Self::KEEPALIVE_MASK
        | Self::DACK_MASK
        | Self::DACK_MSS_MASK
        | Self::NAGLE_MASK
        | Self::RX_FLOW_CONTROL_DDP_MASK
        | Self::RX_FLOW_CONTROL_DISABLE_MASK
        | Self::RX_CHANNEL_MASK
        | Self::TX_CHANNEL_MASK
        | Self::TX_QUIESCE_MASK
        | Self::TX_PACE_AUTO_MASK
        | Self::TX_PACE_FIXED_MASK
        | Self::TX_QUEUE_MASK
        | Self::TURBO_MASK
        | Self::CCTRL_SEL_MASK
        | Self::RCV_COALESCE_ENABLE_MASK
        | Self::RCV_COALESCE_PUSH_MASK
        | Self::RCV_COALESCE_LAST_PSH_MASK
        | Self::RCV_COALESCE_HEARTBEAT_MASK
        | Self::PEER_FIN_MASK
        | Self::RECV_SCALE_MASK
        | Self::RECV_TSTMP_MASK
        | Self::RECV_SACK_MASK
        | Self::CCTRL_ECN_MASK
        | Self::CCTRL_ECE_MASK
        | Self::CCTRL_CWR_MASK
        | Self::CCTRL_RFR_MASK;
}

macro_rules! flags {
    ($( $bit:literal $NAME:ident ),* $(,)?) => { $(
        #[doc = concat!("Bit number ", stringify!($bit), ".")]
        pub const $NAME: u32 = $bit;
    )* };
}

// Bit numbers in T_FLAGS; of fields of several bits, the first.
flags! {
    0 MIGRATING, 1 NON_OFFLOAD, 2 LOCK_TID, 3 KEEPALIVE, 4 DACK, 5 DACK_MSS, 6 DACK_NOT_ACKED, 7 NAGLE,
    8 SSWS_DISABLED, 9 RX_FLOW_CONTROL_DDP, 10 RX_FLOW_CONTROL_DISABLE, 11 RX_CHANNEL, 12 TX_CHANNEL,
    14 TX_QUIESCE, 15 RX_QUIESCE, 16 TX_PACE_AUTO, 17 TX_PACE_FIXED, 18 TX_QUEUE, 21 TURBO, 22 CCTRL_SEL,
    24 CORE_FIN, 25 CORE_URG, 26 CORE_MORE, 27 CORE_PUSH, 28 CORE_FLUSH, 29 RCV_COALESCE_ENABLE,
    30 RCV_COALESCE_PUSH, 31 RCV_COALESCE_LAST_PSH, 32 RCV_COALESCE_HEARTBEAT, 33 INIT, 34 ACTIVE_OPEN,
    35 ASK_MODE, 36 MOD_SCHD_REASON, 39 MOD_SCHD_TX, 40 MOD_SCHD_RX, 41 TIMER, 42 DACK_TIMER, 43 PEER_FIN,
    44 TX_COMPACT, 45 RX_COMPACT, 46 RDMA_ERROR, 47 RDMA_FLM_ERROR, 48 TX_PDU_OUT, 49 RX_PDU_OUT,
    50 DUPACK_COUNT_ODD, 51 FAST_RECOVERY, 52 RECV_SCALE, 53 RECV_TSTMP, 54 RECV_SACK, 55 PEND_CTL,
    58 IP_VERSION, 59 CCTRL_ECN, 60 CCTRL_ECE, 61 CCTRL_CWR, 62 CCTRL_RFR,
}

/// Bit numbers in the T_FLAGS of a filter.
pub mod filter {
    flags! {
        16 MASK_HASH, 17 DIRECT_STEER_HASH, 21 REPORT_TID, 22 DROP, 23 DIRECT_STEER, 59 LPBK,
        60 REWRITE_DMAC, 61 REWRITE_SMAC, 62 VLAN_REWRITE,
    }
}
