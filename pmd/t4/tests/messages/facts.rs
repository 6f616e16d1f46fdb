//! Shifts, masks, sizes and codes as facts taken from the headers, so that a typo cannot live in driver and model alike.
//!
//! `S / M NAME => field`: the header's `S_NAME` and `M_NAME` (1 where it has a flag only). Files: `t4_msg.h`, `t4_tcb.h`,
//! `t4_hw.h` and `t4fw_interface.h` of DPDK's cxgbe and FreeBSD's.

use mafo_t4::cpl::{self, *};
use mafo_t4::opt::{self, *};
use mafo_t4::sge::*;
use mafo_t4::tcb::{FilterFlags, TFlags, field};
use mafo_t4::wr::{self, *};

macro_rules! fields {
    ($test:ident: $Type:ident { $( $S:literal / $M:literal $NAME:ident => $field:ident ),* $(,)? }) => {
        #[test]
        fn $test() { pastey::paste! { $(
            assert_eq!(u64::from($Type::[<$field:upper _MASK>]), $M << $S, "{}", stringify!($NAME));
        )* } }
    };
}

fields!(option_0: Opt0 {
    0 / 0x3 ACCEPT_MODE => accept_mode, 2 / 0x3 TX_CHAN => tx_chan, 4 / 1 NO_CONG => no_cong,
    5 / 1 DELACK => delack, 6 / 1 INJECT_TIMER => inject_timer, 7 / 1 NON_OFFLOAD => non_offload,
    8 / 0xf ULP_MODE => ulp_mode, 12 / 0x3ff RCV_BUFSIZ => rcv_bufsiz, 22 / 0x3f DSCP => dscp,
    28 / 0xff SMAC_SEL => smac_sel, 36 / 0xfff L2T_IDX => l2t_idx, 48 / 1 TCAM_BYPASS => tcam_bypass,
    49 / 1 NAGLE => nagle, 50 / 0xf WND_SCALE => wnd_scale, 54 / 1 KEEP_ALIVE => keep_alive,
    55 / 0xf MAX_RT => max_rt, 59 / 1 MAX_RT_OVERRIDE => max_rt_override, 60 / 0xf MSS_IDX => mss_idx,
});

fields!(option_1: Opt1 {
    0 / 1 SYN_RSS_ENABLE => syn_rss_enable, 1 / 1 SYN_RSS_USE_HASH => syn_rss_use_hash,
    2 / 0x3ff SYN_RSS_QUEUE => syn_rss_queue, 12 / 0xff LISTEN_INTF => listen_intf,
    20 / 1 LISTEN_FILTER => listen_filter, 21 / 1 SYN_DEFENSE => syn_defense,
    22 / 0x3 CONN_POLICY => conn_policy, 24 / 0xff_ffff_ffff T5_FILT_INFO => filt_info,
});

fields!(option_2: Opt2 {
    0 / 0x3ff RSS_QUEUE => rss_queue, 10 / 1 RSS_QUEUE_VALID => rss_queue_valid,
    11 / 1 RX_COALESCE_VALID => rx_coalesce_valid, 12 / 0x3 RX_COALESCE => rx_coalesce,
    14 / 0x3 CONG_CNTRL => cong_cntrl, 16 / 0x3 PACE => pace, 18 / 1 T5_ISS => iss_valid,
    19 / 1 PACE_VALID => pace_valid, 20 / 1 RX_FC_DISABLE => rx_fc_disable, 21 / 1 RX_FC_DDP => rx_fc_ddp,
    22 / 1 RX_FC_VALID => rx_fc_valid, 23 / 0x7 TX_QUEUE => tx_queue, 26 / 1 RX_CHANNEL => rx_channel,
    27 / 1 CCTRL_ECN => cctrl_ecn, 28 / 1 WND_SCALE_EN => wnd_scale_en, 29 / 1 TSTAMPS_EN => tstamps_en,
    30 / 1 SACK_EN => sack_en, 31 / 1 T5_OPT_2_VALID => t5_opt_2_valid,
});

fields!(active_open_params: Params64 {
    0 / 1 AOPEN_FCOEMASK => fcoe_mask, 24 / 0xff_ffff_ffff FILTER_TUPLE => filter_tuple,
});

fields!(tcp_opt: TcpOpt {
    5 / 0x1 TCPOPT_WSCALE_OK => wscale_ok, 6 / 0x1 TCPOPT_SACK => sack, 7 / 0x1 TCPOPT_TSTAMP => tstamp,
    8 / 0xf TCPOPT_SND_WSCALE => snd_wscale, 12 / 0xf TCPOPT_MSS => mss,
});

// struct tcp_options: be16 mss, u8 wsf, u8 with bit fields unknown 4, ecn 5, sack 6, tstamp 7.
fields!(tcp_options: TcpOptions {
    16 / 0xffff mss => mss, 8 / 0xff wsf => wsf, 4 / 1 unknown => unknown, 5 / 1 ecn => ecn, 6 / 1 sack => sack,
    7 / 1 tstamp => tstamp,
});

fields!(opcode_tid: OpcodeTid { 24 / 0xff CPL_OPCODE => op, 0 / 0xff_ffff TID => tid });
fields!(split_tid: QueueAndId { 0 / 0x3fff TID_TID => id, 14 / 0x3ff TID_QID => queue });
fields!(reply_ctrl: ReplyCtrl {
    0 / 0x3ff QUEUENO => queue, 14 / 1 REPLY_CHAN => reply_chan, 15 / 1 NO_REPLY => no_reply,
});
fields!(listsrv_ctrl: ListsrvCtrl {
    0 / 0x3ff QUEUENO => queue, 14 / 1 LISTSVR_IPV6 => ipv6, 15 / 1 NO_REPLY => no_reply,
});
fields!(word_cookie: WordCookie { 0 / 0x1f WORD => word, 5 / 0x7 COOKIE => cookie });
fields!(tcb_cookie: TcbCookie { 0 / 0x1f WORD => word, 5 / 0x7 COOKIE => cookie });
fields!(syn_hdr_len: SynHdrLen {
    0 / 0xf SYN_RX_CHAN => rx_chan, 10 / 0x3f TCP_HDR_LEN => tcp, 16 / 0x3ff IP_HDR_LEN => ip,
    26 / 0x3f ETH_HDR_LEN => eth,
});
fields!(syn_l2info: SynL2Info {
    0 / 0x1ff SYN_MAC_IDX => mac_idx, 9 / 1 SYN_XACT_MATCH => xact_match, 12 / 0xf SYN_INTF => intf,
});
fields!(tos_stid: TosStid { 0 / 0xff_ffff PASS_OPEN_TID => id, 24 / 0xff PASS_OPEN_TOS => tos });
fields!(rx_data_ack: CreditDack {
    0 / 0x3ff_ffff RX_CREDITS => credits, 26 / 1 RX_MODULATE_TX => modulate_tx, 27 / 1 RX_MODULATE_RX => modulate_rx,
    28 / 1 RX_FORCE_ACK => force_ack, 29 / 0x3 RX_DACK_MODE => dack_mode, 31 / 1 RX_DACK_CHANGE => dack_change,
});
fields!(tx_data: TxDataFlags {
    5 / 1 TX_PROXY => proxy, 6 / 0xf TX_ULP_SUBMODE => ulp_submode, 10 / 0x7 TX_ULP_MODE => ulp_mode,
    13 / 1 TX_FORCE => force, 14 / 1 TX_SHOVE => shove, 15 / 1 TX_MORE => more, 16 / 1 TX_URG => urgent,
    17 / 1 TX_FLUSH => flush, 18 / 1 TX_SAVE => save, 19 / 1 TX_TNL => tunnel,
    29 / 0x1 FW_OFLD_TX_DATA_WR_ALIGNPLDSHOVE => align_pld_shove, 30 / 0x1 FW_OFLD_TX_DATA_WR_ALIGNPLD => align_pld,
    31 / 0x1 FW_OFLD_TX_DATA_WR_LSODISABLE => lso_disable,
});
fields!(fw4_ack: Fw4AckFlags {
    0 / 1 CPL_FW4_ACK_FLAGS_SEQVAL => seqval, 1 / 1 CPL_FW4_ACK_FLAGS_CH => ch, 2 / 1 CPL_FW4_ACK_FLAGS_FLOWC => flowc,
});
// struct cpl_rx_data: bit fields dack_mode 2, psh, heartbeat, ddp_off.
fields!(rx_data: RxDataFlags {
    0 / 0x3 dack_mode => dack_mode, 2 / 1 psh => psh, 3 / 1 heartbeat => heartbeat, 4 / 1 ddp_off => ddp_off,
});

fields!(tx_pkt_ctrl0: TxPktCtrl0 {
    0 / 0xff TXPKT_VF => vf, 8 / 0x7 TXPKT_PF => pf, 11 / 1 TXPKT_VF_VLD => vf_vld,
    12 / 0x7 TXPKT_T5_OVLAN_IDX => ovlan_idx, 15 / 1 TXPKT_T5_INS_OVLAN => ins_ovlan, 16 / 0xf TXPKT_INTF => intf,
    20 / 1 TXPKT_SPECIAL_STAT => special_stat, 21 / 1 TXPKT_T5_FCS_DIS => fcs_dis,
    22 / 1 TXPKT_STAT_DIS => stat_dis, 23 / 1 TXPKT_TSTAMP => tstamp, 24 / 0xff TXPKT_OPCODE => op,
});
fields!(tx_pkt_ctrl1: TxPktCtrl1 {
    20 / 0x3fff TXPKT_IPHDR_LEN => iphdr_len, 34 / 0x3f TXPKT_ETHHDR_LEN => ethhdr_len,
    40 / 0xf TXPKT_CSUM_TYPE => csum_type, 44 / 0xffff TXPKT_VLAN => vlan, 60 / 1 TXPKT_VLAN_VLD => vlan_vld,
    61 / 1 TXPKT_IPSEC => ipsec, 62 / 1 TXPKT_IPCSUM_DIS => ipcsum_dis, 63 / 1 TXPKT_L4CSUM_DIS => l4csum_dis,
});
fields!(tx_pkt_csum_range: TxPktCsumRange {
    12 / 0xff TXPKT_CSUM_END => csum_end, 20 / 0x3ff TXPKT_CSUM_START => csum_start,
    30 / 0x3ff TXPKT_CSUM_LOC => csum_loc, 62 / 1 TXPKT_IPCSUM_DIS => ipcsum_dis,
    63 / 1 TXPKT_L4CSUM_DIS => l4csum_dis,
});
fields!(lso_ctrl: LsoCtrl {
    0 / 0xf LSO_TCPHDR_LEN => tcphdr_len, 4 / 0xfff LSO_IPHDR_LEN => iphdr_len, 16 / 0xf LSO_ETHHDR_LEN => ethhdr_len,
    20 / 1 LSO_IPV6 => ipv6, 22 / 1 LSO_LAST_SLICE => last_slice, 23 / 1 LSO_FIRST_SLICE => first_slice,
    24 / 0xff LSO_OPCODE => op,
});
fields!(lso_mss: LsoMss { 0 / 0x3fff LSO_MSS => mss, 15 / 1 LSO_IPID_SPLIT => ipid_split });
// struct cpl_rx_pkt: bit fields iff 4, csum_calc, ipmi_pkt, vlan_ex, ip_frag.
fields!(rx_pkt: RxPktFlags {
    0 / 0xf iff => iff, 4 / 1 csum_calc => csum_calc, 5 / 1 ipmi_pkt => ipmi_pkt, 6 / 1 vlan_ex => vlan_ex,
    7 / 1 ip_frag => ip_frag,
});
fields!(rx_l2info: RxL2Info {
    0 / 0x3f RX_T5_ETHHDR_LEN => ethhdr_len, 6 / 0x3 RX_T5_DATYPE => datype, 8 / 0x1ff RX_MACIDX => macidx,
    17 / 0x7 RX_T5_PKTYPE => pktype, 20 / 1 RXF_PSH => psh, 21 / 1 RXF_SYN => syn, 22 / 1 RXF_UDP => udp,
    23 / 1 RXF_TCP => tcp, 24 / 1 RXF_IP => ip, 25 / 1 RXF_IP6 => ip6, 26 / 1 RXF_FCOE => fcoe, 27 / 1 RXF_LRO => lro,
    28 / 0xf RX_CHAN => chan,
});
fields!(rx_hdr_len: RxHdrLen { 0 / 0x3f RX_TCPHDR_LEN => tcp, 6 / 0x3ff RX_IPHDR_LEN => ip });
fields!(rx_err_vec: RxErrVec {
    0 / 1 RXERR_OR => any, 1 / 1 RXERR_MAC => mac, 2 / 1 RXERR_IPVERS => ipvers, 3 / 1 RXERR_FRAG => frag,
    4 / 1 RXERR_ATTACK => attack, 5 / 1 RXERR_ETHHDR_LEN => ethhdr_len, 6 / 1 RXERR_IPHDR_LEN => iphdr_len,
    7 / 1 RXERR_TCPHDR_LEN => tcphdr_len, 8 / 1 RXERR_PKT_LEN => pkt_len, 9 / 1 RXERR_TCP_OPT => tcp_opt,
    12 / 1 RXERR_IPCSUM => ipcsum, 13 / 1 RXERR_CSUM => csum, 14 / 1 RXERR_PING => ping,
});
// struct cpl_trace_pkt: bit fields runt 4, filter_hit 4; then 6 unused, err, trunc.
fields!(trace_pkt: TraceFlags {
    8 / 0xf runt => runt, 12 / 0xf filter_hit => filter_hit, 6 / 1 err => err, 7 / 1 trunc => trunc,
});
fields!(l2t_write: L2tParams {
    2 / 0x3f L2T_W_INFO => info, 8 / 0x3 L2T_W_PORT => port, 10 / 1 L2T_W_LPBK => lpbk, 11 / 1 L2T_W_ARPMISS => arpmiss,
    15 / 1 L2T_W_NOREPLY => noreply,
});
fields!(smt_write: SmtParams {
    16 / 0xf SMTW_OVLAN_IDX => ovlan_idx, 20 / 0x7f SMTW_IDX => row, 31 / 1 SMTW_NORPL => norpl,
});
fields!(smt_pfvf: PfVf { 0 / 0xff SMTW_VF => vf, 8 / 0x7 SMTW_PF => pf, 11 / 1 SMTW_VF_VLD => vf_vld });
fields!(egr_update: OpcodeEgrQid { 0 / 0x1_ffff EGR_QID => egr_qid, 22 / 0x1 AUTOEQU => autoequ });
fields!(barrier: ChanMap { 4 / 0xf CHAN_MAP => channels });

// struct rss_header: bit fields channel 2, filter_hit, filter_tid, hash_type 2, ipv6, send2fw.
fields!(rss_header: RssFlags {
    0 / 0x3 channel => channel, 2 / 1 filter_hit => filter_hit, 3 / 1 filter_tid => filter_tid,
    4 / 0x3 hash_type => hash_type, 6 / 1 ipv6 => ipv6, 7 / 1 send2fw => send2fw,
});
fields!(rsp_pldbuf: PldBuf { 0 / 0x7fff_ffff RSPD_LEN => bytes, 31 / 1 RSPD_NEWBUF => newbuf });
// In the byte type_gen, the first of the last flit: RSPD_TYPE 4 / 0x3, RSPD_GEN 7; so 56 bits further up in the flit.
fields!(rsp_last_flit: LastFlit { 60 / 0x3 RSPD_TYPE => kind, 63 / 1 RSPD_GEN => gen_bit });

fields!(wr_hi: WrHi {
    24 / 0xff FW_WR_OP => op, 23 / 0x1 FW_WR_ATOMIC => atomic, 22 / 0x1 FW_WR_FLUSH => flush, 21 / 0x1 FW_WR_COMPL => compl,
    0 / 0xff FW_WR_IMMDLEN => immdlen,
});
fields!(wr_mid: WrMid {
    31 / 0x1 FW_WR_EQUIQ => equiq, 30 / 0x1 FW_WR_EQUEQ => equeq, 8 / 0xf_ffff FW_WR_FLOWID => flowid,
    0 / 0xff FW_WR_LEN16 => len16,
});
fields!(eth_wr_hi: EthWrHi { 24 / 0xff FW_WR_OP => op, 0 / 0x1ff FW_ETH_TX_PKT_WR_IMMDLEN => immdlen });
fields!(filter_tid: FilterTid {
    12 / 0xf_ffff FW_FILTER_WR_TID => tid, 11 / 0x1 FW_FILTER_WR_RQTYPE => rqtype,
    10 / 0x1 FW_FILTER_WR_NOREPLY => noreply, 0 / 0x3ff FW_FILTER_WR_IQ => iq,
});
fields!(filter_action: FilterAction {
    31 / 0x1 FW_FILTER_WR_DEL_FILTER => del_filter, 25 / 0x1 FW_FILTER_WR_RPTTID => rpttid,
    24 / 0x1 FW_FILTER_WR_DROP => drop, 23 / 0x1 FW_FILTER_WR_DIRSTEER => dirsteer,
    22 / 0x1 FW_FILTER_WR_MASKHASH => maskhash, 21 / 0x1 FW_FILTER_WR_DIRSTEERHASH => dirsteerhash,
    20 / 0x1 FW_FILTER_WR_LPBK => lpbk, 19 / 0x1 FW_FILTER_WR_DMAC => dmac, 18 / 0x1 FW_FILTER_WR_SMAC => smac,
    17 / 0x1 FW_FILTER_WR_INSVLAN => insvlan, 16 / 0x1 FW_FILTER_WR_RMVLAN => rmvlan,
    15 / 0x1 FW_FILTER_WR_HITCNTS => hitcnts, 13 / 0x3 FW_FILTER_WR_TXCHAN => txchan, 12 / 0x1 FW_FILTER_WR_PRIO => prio,
    0 / 0xfff FW_FILTER_WR_L2TIX => l2tix,
});
fields!(filter_frag: FilterFrag {
    7 / 0x1 FW_FILTER_WR_FRAG => frag, 6 / 0x1 FW_FILTER_WR_FRAGM => fragm,
    5 / 0x1 FW_FILTER_WR_IVLAN_VLD => ivlan_vld, 4 / 0x1 FW_FILTER_WR_OVLAN_VLD => ovlan_vld,
    3 / 0x1 FW_FILTER_WR_IVLAN_VLDM => ivlan_vldm, 2 / 0x1 FW_FILTER_WR_OVLAN_VLDM => ovlan_vldm,
});
fields!(filter_rpl: FilterRpl {
    15 / 0x1 FW_FILTER_WR_RX_CHAN => rx_chan, 0 / 0x3ff FW_FILTER_WR_RX_RPL_IQ => rx_rpl_iq,
});
fields!(filter_match: FilterMatch {
    23 / 0x1ff FW_FILTER_WR_MACI => maci, 14 / 0x1ff FW_FILTER_WR_MACIM => macim, 13 / 0x1 FW_FILTER_WR_FCOE => fcoe,
    12 / 0x1 FW_FILTER_WR_FCOEM => fcoem, 9 / 0x7 FW_FILTER_WR_PORT => port, 6 / 0x7 FW_FILTER_WR_PORTM => portm,
    3 / 0x7 FW_FILTER_WR_MATCHTYPE => matchtype, 0 / 0x7 FW_FILTER_WR_MATCHTYPEM => matchtypem,
});
fields!(filter2_swapmac: FilterTypeSwapMac { 0 / 1 FW_FILTER2_WR_SWAPMAC => swapmac });
fields!(filter2_natmode: NatModeUlp { 5 / 0x7 FW_FILTER2_WR_NATMODE => natmode, 0 / 0xf FW_FILTER2_WR_ULP_TYPE => ulp_type });
fields!(ofld_version: VersionCpl {
    31 / 0x1 FW_OFLD_CONNECTION_WR_VERSION => version, 30 / 0x1 FW_OFLD_CONNECTION_WR_CPL => cpl,
});
fields!(ofld_state: TStateAstid {
    28 / 0xf FW_OFLD_CONNECTION_WR_T_STATE => t_state, 24 / 0xf FW_OFLD_CONNECTION_WR_RCV_SCALE => rcv_scale,
    0 / 0xff_ffff FW_OFLD_CONNECTION_WR_ASTID => astid,
});
fields!(ofld_cpls: OfldConnectionCpls {
    15 / 0x1 FW_OFLD_CONNECTION_WR_CPLRXDATAACK => rx_data_ack,
    14 / 0x1 FW_OFLD_CONNECTION_WR_CPLPASSACCEPTRPL => pass_accept_rpl,
});
fields!(ulp_txpkt: CmdDest {
    24 / 0xff ULPTX_CMD => cmd, 16 / 0x3 ULP_TXPKT_DEST => dest, 4 / 0x7ff ULP_TXPKT_FID => fid, 3 / 1 ULP_TXPKT_RO => ro,
});
fields!(ulptx_idata: CmdMore { 24 / 0xff ULPTX_CMD => cmd, 23 / 1 ULP_TX_SC_MORE => more });
fields!(ulptx_sgl: CmdNsge { 24 / 0xff ULPTX_CMD => cmd, 0 / 0xffff ULPTX_NSGE => nsge });

fields!(t_flags: TFlags {
    0 / 1 TF_MIGRATING => migrating, 1 / 1 TF_NON_OFFLOAD => non_offload, 2 / 1 TF_LOCK_TID => lock_tid,
    3 / 1 TF_KEEPALIVE => keepalive, 4 / 1 TF_DACK => dack, 5 / 1 TF_DACK_MSS => dack_mss,
    6 / 1 TF_DACK_NOT_ACKED => dack_not_acked, 7 / 1 TF_NAGLE => nagle, 8 / 1 TF_SSWS_DISABLED => ssws_disabled,
    9 / 1 TF_RX_FLOW_CONTROL_DDP => rx_flow_control_ddp, 10 / 1 TF_RX_FLOW_CONTROL_DISABLE => rx_flow_control_disable,
    11 / 1 TF_RX_CHANNEL => rx_channel,
    // TF_TX_CHANNEL0 12, TF_TX_CHANNEL1 13.
    12 / 0x3 TF_TX_CHANNEL0 => tx_channel,
    14 / 1 TF_TX_QUIESCE => tx_quiesce, 15 / 1 TF_RX_QUIESCE => rx_quiesce, 16 / 1 TF_TX_PACE_AUTO => tx_pace_auto,
    17 / 1 TF_TX_PACE_FIXED => tx_pace_fixed, 18 / 0x7 TF_TX_QUEUE => tx_queue, 21 / 1 TF_TURBO => turbo,
    // TF_CCTRL_SEL0 22, TF_CCTRL_SEL1 23.
    22 / 0x3 TF_CCTRL_SEL0 => cctrl_sel,
    24 / 1 TF_CORE_FIN => core_fin, 25 / 1 TF_CORE_URG => core_urg, 26 / 1 TF_CORE_MORE => core_more,
    27 / 1 TF_CORE_PUSH => core_push, 28 / 1 TF_CORE_FLUSH => core_flush,
    29 / 1 TF_RCV_COALESCE_ENABLE => rcv_coalesce_enable, 30 / 1 TF_RCV_COALESCE_PUSH => rcv_coalesce_push,
    31 / 1 TF_RCV_COALESCE_LAST_PSH => rcv_coalesce_last_psh, 32 / 1 TF_RCV_COALESCE_HEARTBEAT => rcv_coalesce_heartbeat,
    33 / 1 TF_INIT => init, 34 / 1 TF_ACTIVE_OPEN => active_open, 35 / 1 TF_ASK_MODE => ask_mode,
    // TF_MOD_SCHD_REASON0 to 2: 36 to 38.
    36 / 0x7 TF_MOD_SCHD_REASON0 => mod_schd_reason,
    39 / 1 TF_MOD_SCHD_TX => mod_schd_tx, 40 / 1 TF_MOD_SCHD_RX => mod_schd_rx, 41 / 1 TF_TIMER => timer,
    42 / 1 TF_DACK_TIMER => dack_timer, 43 / 1 TF_PEER_FIN => peer_fin, 44 / 1 TF_TX_COMPACT => tx_compact,
    45 / 1 TF_RX_COMPACT => rx_compact, 46 / 1 TF_RDMA_ERROR => rdma_error, 47 / 1 TF_RDMA_FLM_ERROR => rdma_flm_error,
    48 / 1 TF_TX_PDU_OUT => tx_pdu_out, 49 / 1 TF_RX_PDU_OUT => rx_pdu_out,
    50 / 1 TF_DUPACK_COUNT_ODD => dupack_count_odd, 51 / 1 TF_FAST_RECOVERY => fast_recovery,
    52 / 1 TF_RECV_SCALE => recv_scale, 53 / 1 TF_RECV_TSTMP => recv_tstmp, 54 / 1 TF_RECV_SACK => recv_sack,
    // TF_PEND_CTL0 to 2: 55 to 57.
    55 / 0x7 TF_PEND_CTL0 => pend_ctl,
    58 / 1 TF_IP_VERSION => ip_version, 59 / 1 TF_CCTRL_ECN => cctrl_ecn, 60 / 1 TF_CCTRL_ECE => cctrl_ece,
    61 / 1 TF_CCTRL_CWR => cctrl_cwr, 62 / 1 TF_CCTRL_RFR => cctrl_rfr,
});
fields!(filter_t_flags: FilterFlags {
    1 / 1 TF_NON_OFFLOAD => non_offload, 16 / 1 TF_MASK_HASH => mask_hash, 17 / 1 TF_DIRECT_STEER_HASH => direct_steer_hash,
    21 / 1 TF_REPORT_TID => report_tid, 22 / 1 TF_DROP => drop, 23 / 1 TF_DIRECT_STEER => direct_steer,
    59 / 1 TF_LPBK => lpbk, 60 / 1 TF_REWRITE_DMAC => rewrite_dmac, 61 / 1 TF_REWRITE_SMAC => rewrite_smac,
    // t4_filter.c sets CCTRL_RFR for a filter that rewrites the tag.
    62 / 1 TF_CCTRL_RFR => vlan_rewrite,
});

/// `W_TCB_`, `S_TCB_`, `M_TCB_`, the header's name, ours.
#[test]
fn tcb_fields() {
    macro_rules! tcb {
        ($( $W:literal $S:literal $M:literal $NAME:ident $FIELD:ident ),* $(,)?) => { [$(
            (($W, $S, $M), stringify!($NAME), field::$FIELD)
        ),*] };
    }
    let facts = tcb! {
        0 0 0xf ULP_TYPE ULP_TYPE, 0 4 0xff ULP_RAW ULP_RAW, 0 12 0xfff L2T_IX L2T_IX, 0 24 0xff SMAC_SEL SMAC_SEL,
        1 0 0xffff_ffff_ffff_ffff T_FLAGS T_FLAGS, 3 0 0x3ff RSS_INFO RSS_INFO, 3 10 0x3f TOS TOS,
        3 16 0xf T_STATE T_STATE, 3 20 0xf MAX_RT MAX_RT, 3 24 0xf T_MAXSEG T_MAXSEG, 3 28 0xf SND_SCALE SND_SCALE,
        4 0 0xf RCV_SCALE RCV_SCALE, 4 4 0xf T_RXTSHIFT T_RXTSHIFT, 4 8 0xf T_DUPACKS T_DUPACKS,
        4 12 0xf TIMESTAMP_OFFSET TIMESTAMP_OFFSET, 4 16 0xffff RCV_ADV RCV_ADV, 5 0 0xffff_ffff TIMESTAMP TIMESTAMP,
        6 0 0xffff_ffff T_RTT_TS_RECENT_AGE T_RTT_TS_RECENT_AGE, 7 0 0xffff_ffff T_RTSEQ_RECENT T_RTSEQ_RECENT,
        8 0 0xffff T_SRTT T_SRTT, 8 16 0xffff T_RTTVAR T_RTTVAR, 9 0 0xffff_ffff TX_MAX TX_MAX,
        10 0 0xfff_ffff SND_UNA_RAW SND_UNA_RAW, 10 28 0xfff_ffff SND_NXT_RAW SND_NXT_RAW,
        11 24 0xfff_ffff SND_MAX_RAW SND_MAX_RAW, 12 20 0xfff_ffff SND_REC_RAW SND_REC_RAW,
        13 16 0xfff_ffff SND_CWND SND_CWND, 14 12 0xfff_ffff SND_SSTHRESH SND_SSTHRESH,
        15 8 0x1_ffff TX_HDR_PTR_RAW TX_HDR_PTR, 15 25 0x1_ffff TX_LAST_PTR_RAW TX_LAST_PTR,
        16 10 0xffff_ffff RCV_NXT RCV_NXT, 17 10 0xfff_ffff RCV_WND RCV_WND, 18 6 0xfff_ffff RX_HDR_OFFSET RX_HDR_OFFSET,
        19 2 0xfff_ffff TS_LAST_ACK_SENT_RAW TS_LAST_ACK_SENT_RAW,
        19 30 0xfff_ffff RX_FRAG0_START_IDX_RAW RX_FRAG0_START_IDX_RAW,
        20 26 0xfff_ffff RX_FRAG1_START_IDX_OFFSET RX_FRAG1_START_IDX_OFFSET,
        21 22 0xfff_ffff RX_FRAG0_LEN RX_FRAG0_LEN, 22 18 0xfff_ffff RX_FRAG1_LEN RX_FRAG1_LEN,
        23 14 0xffff PDU_LEN PDU_LEN, 23 30 0x1_ffff RX_PTR_RAW RX_PTR, 24 15 0x1_ffff RX_FRAG1_PTR_RAW RX_FRAG1_PTR,
        25 0 0xffff_ffff MAIN_SLUSH MAIN_SLUSH, 26 0 0x7fff AUX1_SLUSH0 AUX1_SLUSH0,
        26 15 0xfff_ffff RX_FRAG2_START_IDX_OFFSET_RAW RX_FRAG2_START, 27 11 0x1_ffff RX_FRAG2_PTR_RAW RX_FRAG2_PTR,
        27 28 0xfff_ffff RX_FRAG2_LEN_RAW RX_FRAG2_LEN, 28 24 0x1_ffff RX_FRAG3_PTR_RAW RX_FRAG3_PTR,
        29 9 0xfff_ffff RX_FRAG3_LEN_RAW RX_FRAG3_LEN, 30 5 0xfff_ffff RX_FRAG3_START_IDX_OFFSET_RAW RX_FRAG3_START,
        31 1 0xff PDU_HDR_LEN PDU_HDR_LEN, 31 9 0x7f_ffff AUX1_SLUSH1 AUX1_SLUSH1,
        26 0 0xff_ffff RX_DDP_BUF0_OFFSET RX_DDP_BUF0_OFFSET, 26 24 0xff_ffff RX_DDP_BUF0_LEN RX_DDP_BUF0_LEN,
        27 16 0xff_ffff RX_DDP_FLAGS RX_DDP_FLAGS, 28 8 0xff_ffff RX_DDP_BUF1_OFFSET RX_DDP_BUF1_OFFSET,
        29 0 0xff_ffff RX_DDP_BUF1_LEN RX_DDP_BUF1_LEN, 30 0 0xffff_ffff RX_DDP_BUF0_TAG RX_DDP_BUF0_TAG,
        31 0 0xffff_ffff RX_DDP_BUF1_TAG RX_DDP_BUF1_TAG,
    };
    assert_eq!(
        facts.len(),
        field::PLAIN_TCP.len() + field::TCP_DDP.len(),
        "a field without a fact"
    );
    for ((word, shift, mask), name, field) in facts {
        assert_eq!((field.word, field.shift, field.max()), (word, shift, mask), "{name}");
    }
    // The plain fields follow each other without gap or overlap.
    let mut next = 0;
    for field in field::PLAIN_TCP {
        assert_eq!(field.bit(), next, "{}", field.name);
        next = field.bit() + u32::from(field.width);
    }
    assert_eq!(next, 1024);
}

macro_rules! codes {
    ($test:ident: $Type:path { $( $value:literal $NAME:ident => $CODE:ident ),* $(,)? }) => {
        #[test]
        fn $test() {
            use $Type as Code;
            $( assert_eq!(Code::$CODE.0, $value, "{}", stringify!($NAME)); )*
        }
    };
}

codes!(opcodes: cpl::Opcode {
    0x1 CPL_PASS_OPEN_REQ => PASS_OPEN_REQ, 0x2 CPL_PASS_ACCEPT_RPL => PASS_ACCEPT_RPL, 0x3 CPL_ACT_OPEN_REQ => ACT_OPEN_REQ,
    0x4 CPL_SET_TCB => SET_TCB, 0x5 CPL_SET_TCB_FIELD => SET_TCB_FIELD, 0x6 CPL_GET_TCB => GET_TCB,
    0x8 CPL_CLOSE_CON_REQ => CLOSE_CON_REQ, 0x9 CPL_CLOSE_LISTSRV_REQ => CLOSE_LISTSRV_REQ, 0xa CPL_ABORT_REQ => ABORT_REQ,
    0xb CPL_ABORT_RPL => ABORT_RPL, 0xc CPL_TX_DATA => TX_DATA, 0xd CPL_RX_DATA_ACK => RX_DATA_ACK, 0xe CPL_TX_PKT => TX_PKT,
    0x12 CPL_L2T_WRITE_REQ => L2T_WRITE_REQ, 0x13 CPL_L2T_READ_REQ => L2T_READ_REQ,
    0x14 CPL_SMT_WRITE_REQ => SMT_WRITE_REQ, 0x15 CPL_SMT_READ_REQ => SMT_READ_REQ, 0x18 CPL_BARRIER => BARRIER,
    0x1a CPL_TID_RELEASE => TID_RELEASE, 0x20 CPL_CLOSE_LISTSRV_RPL => CLOSE_LISTSRV_RPL, 0x21 CPL_ERROR => ERROR,
    0x22 CPL_GET_TCB_RPL => GET_TCB_RPL, 0x23 CPL_L2T_WRITE_RPL => L2T_WRITE_RPL, 0x24 CPL_PASS_OPEN_RPL => PASS_OPEN_RPL,
    0x25 CPL_ACT_OPEN_RPL => ACT_OPEN_RPL, 0x26 CPL_PEER_CLOSE => PEER_CLOSE, 0x29 CPL_RX_URG_PKT => RX_URG_PKT,
    0x2b CPL_ABORT_REQ_RSS => ABORT_REQ_RSS, 0x2c CPL_RX_URG_NOTIFY => RX_URG_NOTIFY,
    0x2d CPL_ABORT_RPL_RSS => ABORT_RPL_RSS, 0x2e CPL_SMT_WRITE_RPL => SMT_WRITE_RPL, 0x32 CPL_CLOSE_CON_RPL => CLOSE_CON_RPL,
    0x34 CPL_L2T_READ_RPL => L2T_READ_RPL, 0x39 CPL_RX_DATA => RX_DATA, 0x3a CPL_SET_TCB_RPL => SET_TCB_RPL,
    0x3b CPL_RX_PKT => RX_PKT, 0x40 CPL_ACT_ESTABLISH => ACT_ESTABLISH, 0x41 CPL_PASS_ESTABLISH => PASS_ESTABLISH,
    0x42 CPL_RX_DATA_DDP => RX_DATA_DDP, 0x43 CPL_SMT_READ_RPL => SMT_READ_RPL, 0x44 CPL_PASS_ACCEPT_REQ => PASS_ACCEPT_REQ,
    0x48 CPL_T5_TRACE_PKT => T5_TRACE_PKT, 0x81 CPL_PASS_OPEN_REQ6 => PASS_OPEN_REQ6, 0x83 CPL_ACT_OPEN_REQ6 => ACT_OPEN_REQ6,
    0xa5 CPL_SGE_EGR_UPDATE => SGE_EGR_UPDATE, 0xb0 CPL_TRACE_PKT => TRACE_PKT, 0xc0 CPL_FW4_MSG => FW4_MSG,
    0xc1 CPL_FW4_PLD => FW4_PLD, 0xc3 CPL_FW4_ACK => FW4_ACK, 0xe0 CPL_FW6_MSG => FW6_MSG, 0xe1 CPL_FW6_PLD => FW6_PLD,
    0xed CPL_TX_PKT_LSO => TX_PKT_LSO, 0xee CPL_TX_PKT_XT => TX_PKT_XT,
});

codes!(errors: cpl::Status {
    0 CPL_ERR_NONE => NONE, 1 CPL_ERR_TCAM_PARITY => TCAM_PARITY, 2 CPL_ERR_TCAM_MISS => TCAM_MISS,
    3 CPL_ERR_TCAM_FULL => TCAM_FULL, 15 CPL_ERR_BAD_LENGTH => BAD_LENGTH, 18 CPL_ERR_BAD_ROUTE => BAD_ROUTE,
    20 CPL_ERR_CONN_RESET => CONN_RESET, 21 CPL_ERR_CONN_EXIST_SYNRECV => CONN_EXIST_SYNRECV,
    22 CPL_ERR_CONN_EXIST => CONN_EXIST, 23 CPL_ERR_ARP_MISS => ARP_MISS, 24 CPL_ERR_BAD_SYN => BAD_SYN,
    30 CPL_ERR_CONN_TIMEDOUT => CONN_TIMEDOUT, 31 CPL_ERR_XMIT_TIMEDOUT => XMIT_TIMEDOUT,
    32 CPL_ERR_PERSIST_TIMEDOUT => PERSIST_TIMEDOUT, 33 CPL_ERR_FINWAIT2_TIMEDOUT => FINWAIT2_TIMEDOUT,
    34 CPL_ERR_KEEPALIVE_TIMEDOUT => KEEPALIVE_TIMEDOUT, 35 CPL_ERR_RTX_NEG_ADVICE => RTX_NEG_ADVICE,
    36 CPL_ERR_PERSIST_NEG_ADVICE => PERSIST_NEG_ADVICE, 37 CPL_ERR_KEEPALV_NEG_ADVICE => KEEPALV_NEG_ADVICE,
    41 CPL_ERR_WAIT_ARP_RPL => WAIT_ARP_RPL, 42 CPL_ERR_ABORT_FAILED => ABORT_FAILED, 50 CPL_ERR_IWARP_FLM => IWARP_FLM,
});

codes!(policies: opt::ConnPolicy {
    0 CPL_CONN_POLICY_AUTO => AUTO, 1 CPL_CONN_POLICY_ASK => ASK, 2 CPL_CONN_POLICY_FILTER => FILTER,
    3 CPL_CONN_POLICY_DENY => DENY,
});
codes!(ulp_modes: opt::UlpMode {
    0 ULP_MODE_NONE => NONE, 2 ULP_MODE_ISCSI => ISCSI, 4 ULP_MODE_RDMA => RDMA, 5 ULP_MODE_TCPDDP => TCPDDP,
    6 ULP_MODE_FCOE => FCOE, 8 ULP_MODE_TLS => TLS,
});
codes!(congestion: opt::CongAlg {
    0 CONG_ALG_RENO => RENO, 1 CONG_ALG_TAHOE => TAHOE, 2 CONG_ALG_NEWRENO => NEWRENO, 3 CONG_ALG_HIGHSPEED => HIGHSPEED,
});
codes!(accept_modes: cpl::AcceptMode {
    0 CPL_PASS_OPEN_ACCEPT => ACCEPT, 1 CPL_PASS_OPEN_REJECT => REJECT, 2 CPL_PASS_OPEN_ACCEPT_TNL => ACCEPT_TNL,
});
codes!(abort_cmds: cpl::AbortCmd { 0 CPL_ABORT_SEND_RST => SEND_RST, 1 CPL_ABORT_NO_RST => NO_RST });
codes!(checksums: cpl::TxCsum {
    0 TX_CSUM_TCP => TCP, 1 TX_CSUM_UDP => UDP, 4 TX_CSUM_CRC16 => CRC16, 5 TX_CSUM_CRC32 => CRC32,
    6 TX_CSUM_CRC32C => CRC32C, 7 TX_CSUM_FCOE => FCOE, 8 TX_CSUM_TCPIP => TCPIP, 9 TX_CSUM_UDPIP => UDPIP,
    10 TX_CSUM_TCPIP6 => TCPIP6, 11 TX_CSUM_UDPIP6 => UDPIP6, 12 TX_CSUM_IP => IP,
});
codes!(packet_types: cpl::PkType {
    0 PKTYPE_XACT_UCAST => XACT_UCAST, 1 PKTYPE_HASH_UCAST => HASH_UCAST, 2 PKTYPE_XACT_MCAST => XACT_MCAST,
    3 PKTYPE_HASH_MCAST => HASH_MCAST, 4 PKTYPE_PROMISC => PROMISC, 5 PKTYPE_HPROMISC => HPROMISC, 6 PKTYPE_BCAST => BCAST,
});
codes!(hash_types: HashType { 0 RSS_HASH_NONE => NONE, 1 RSS_HASH_IP => IP, 2 RSS_HASH_TCP => TCP, 3 RSS_HASH_UDP => UDP });
codes!(fw_msg_types: cpl::FwMsgType {
    0 FW_TYPE_CMD_RPL => CMD_RPL, 1 FW_TYPE_WR_RPL => WR_RPL, 2 FW_TYPE_CQE => CQE,
    3 FW_TYPE_OFLD_CONNECTION_WR_RPL => OFLD_CONNECTION_WR_RPL, 4 FW_TYPE_RSSCPL => RSSCPL, 5 FW_TYPE_WRERR_RPL => WRERR_RPL,
    6 FW_TYPE_PI_ERR => PI_ERR,
});
codes!(rsp_types: RspType { 0 X_RSPD_TYPE_FLBUF => FLBUF, 1 X_RSPD_TYPE_CPL => CPL, 2 X_RSPD_TYPE_INTR => INTR });
codes!(wr_opcodes: wr::Op {
    0x02 FW_FILTER_WR => FILTER, 0x04 FW_ULPTX_WR => ULPTX, 0x05 FW_TP_WR => TP, 0x08 FW_ETH_TX_PKT_WR => ETH_TX_PKT,
    0x09 FW_ETH_TX_PKTS_WR => ETH_TX_PKTS, 0x0a FW_FLOWC_WR => FLOWC, 0x0b FW_OFLD_TX_DATA_WR => OFLD_TX_DATA,
    0x10 FW_CMD_WR => CMD, 0x11 FW_ETH_TX_PKT_VM_WR => ETH_TX_PKT_VM, 0x2f FW_OFLD_CONNECTION_WR => OFLD_CONNECTION,
    0x45 FW_ISCSI_TX_DATA_WR => ISCSI_TX_DATA, 0x77 FW_FILTER2_WR => FILTER2, 0x78 FW_ETH_TX_PKTS2_WR => ETH_TX_PKTS2,
});
codes!(filter_cookies: FilterCookie {
    0 FW_FILTER_WR_SUCCESS => SUCCESS, 1 FW_FILTER_WR_FLT_ADDED => FLT_ADDED, 2 FW_FILTER_WR_FLT_DELETED => FLT_DELETED,
    3 FW_FILTER_WR_SMT_TBL_FULL => SMT_TBL_FULL, 4 FW_FILTER_WR_EINVAL => EINVAL,
});
codes!(flowc_mnemonics: Mnem {
    0 FW_FLOWC_MNEM_PFNVFN => PFNVFN, 1 FW_FLOWC_MNEM_CH => CH, 2 FW_FLOWC_MNEM_PORT => PORT, 3 FW_FLOWC_MNEM_IQID => IQID,
    4 FW_FLOWC_MNEM_SNDNXT => SNDNXT, 5 FW_FLOWC_MNEM_RCVNXT => RCVNXT, 6 FW_FLOWC_MNEM_SNDBUF => SNDBUF,
    7 FW_FLOWC_MNEM_MSS => MSS, 8 FW_FLOWC_MNEM_TXDATAPLEN_MAX => TXDATAPLEN_MAX, 9 FW_FLOWC_MNEM_TCPSTATE => TCPSTATE,
    10 FW_FLOWC_MNEM_EOSTATE => EOSTATE, 11 FW_FLOWC_MNEM_SCHEDCLASS => SCHEDCLASS, 12 FW_FLOWC_MNEM_DCBPRIO => DCBPRIO,
    13 FW_FLOWC_MNEM_SND_SCALE => SND_SCALE, 14 FW_FLOWC_MNEM_RCV_SCALE => RCV_SCALE, 15 FW_FLOWC_MNEM_ULD_MODE => ULD_MODE,
});
codes!(ulp_tx_commands: UlpTxCmd { 2 ULP_TX_MEM_READ => MEM_READ, 3 ULP_TX_MEM_WRITE => MEM_WRITE, 4 ULP_TX_PKT => PKT });
codes!(ulp_tx_sub_commands: UlpTxSc {
    0x80 ULP_TX_SC_NOOP => NOOP, 0x81 ULP_TX_SC_IMM => IMM, 0x82 ULP_TX_SC_DSGL => DSGL, 0x83 ULP_TX_SC_ISGL => ISGL,
    0x86 ULP_TX_SC_MEMRD => MEMRD,
});
codes!(ulp_txpkt_dests: TxPktDest {
    0 ULP_TXPKT_DEST_TP => TP, 1 ULP_TXPKT_DEST_SGE => SGE, 2 ULP_TXPKT_DEST_UP => UP, 3 ULP_TXPKT_DEST_DEVNULL => DEVNULL,
});

/// Bytes of the header's structures, counted from their members without RSS_HDR and WR_HDR.
#[test]
fn sizes() {
    let facts = [
        ("cpl_pass_open_req", 32, PassOpenReq::SIZE),
        ("cpl_pass_open_req6", 56, PassOpenReq6::SIZE),
        ("cpl_pass_open_rpl", 8, PassOpenRpl::SIZE),
        ("cpl_pass_establish", 24, PassEstablish::SIZE),
        ("cpl_pass_accept_req", 24, PassAcceptReq::SIZE),
        ("cpl_pass_accept_rpl", 16, T4PassAcceptRpl::SIZE),
        ("cpl_t5_pass_accept_rpl", 24, PassAcceptRpl::SIZE),
        ("cpl_act_open_req", 32, T4ActOpenReq::SIZE),
        ("cpl_t5_act_open_req", 40, ActOpenReq::SIZE),
        ("cpl_act_open_req6", 56, T4ActOpenReq6::SIZE),
        ("cpl_t5_act_open_req6", 64, ActOpenReq6::SIZE),
        ("cpl_act_open_rpl", 8, ActOpenRpl::SIZE),
        ("cpl_act_establish", 24, ActEstablish::SIZE),
        ("cpl_get_tcb", 8, GetTcb::SIZE),
        ("cpl_get_tcb_rpl and TCB_SIZE", 8 + 128, GetTcbRpl::SIZE),
        ("cpl_set_tcb", 8, SetTcb::SIZE),
        ("cpl_set_tcb_field", 24, SetTcbField::SIZE),
        ("cpl_set_tcb_rpl", 16, SetTcbRpl::SIZE),
        ("cpl_close_con_req", 8, CloseConReq::SIZE),
        ("cpl_close_con_rpl", 16, CloseConRpl::SIZE),
        ("cpl_close_listsvr_req", 8, CloseListsrvReq::SIZE),
        ("cpl_close_listsvr_rpl", 8, CloseListsrvRpl::SIZE),
        ("cpl_abort_req_rss", 8, AbortReqRss::SIZE),
        ("cpl_abort_req", 16, AbortReq::SIZE),
        ("cpl_abort_rpl_rss", 8, AbortRplRss::SIZE),
        ("cpl_abort_rpl", 16, AbortRpl::SIZE),
        ("cpl_peer_close", 8, PeerClose::SIZE),
        ("cpl_tid_release", 8, TidRelease::SIZE),
        ("cpl_tx_data", 16, TxData::SIZE),
        ("cpl_tx_pkt_core", 16, TxPkt::SIZE),
        ("cpl_tx_pkt_lso_core", 16, TxPktLso::SIZE),
        ("cpl_rx_data", 16, RxData::SIZE),
        ("cpl_rx_urg_notify", 8, RxUrgNotify::SIZE),
        ("cpl_rx_urg_pkt", 8, RxUrgPkt::SIZE),
        ("cpl_rx_data_ack", 8, RxDataAck::SIZE),
        ("cpl_rx_pkt", 16, RxPkt::SIZE),
        ("cpl_trace_pkt", 16, TracePkt::SIZE),
        ("cpl_t5_trace_pkt", 24, T5TracePkt::SIZE),
        ("cpl_l2t_write_req", 16, L2tWriteReq::SIZE),
        ("cpl_l2t_write_rpl", 8, L2tWriteRpl::SIZE),
        ("cpl_smt_write_req", 24, SmtWriteReq::SIZE),
        ("cpl_smt_write_rpl", 8, SmtWriteRpl::SIZE),
        ("cpl_barrier", 8, Barrier::SIZE),
        ("cpl_error", 8, Error::SIZE),
        ("cpl_sge_egr_update", 8, SgeEgrUpdate::SIZE),
        ("cpl_fw4_msg", 24, Fw4Msg::SIZE),
        ("cpl_fw4_ack", 24, Fw4Ack::SIZE),
        ("cpl_fw6_msg", 40, Fw6Msg::SIZE),
        ("cpl_fw6_msg_ofld_connection_wr_rpl", 16, OfldConnectionWrRpl::SIZE),
        ("rss_header", 8, RssHeader::SIZE),
        ("rsp_ctrl", 16, RspCtrl::SIZE),
        ("sge_qstat", 8, Qstat::SIZE),
        ("fw_wr_hdr", 8, WrHeader::SIZE),
        ("fw_tp_wr", 16, FwTpWr::SIZE),
        ("fw_ulptx_wr", 16, FwUlptxWr::SIZE),
        ("ulp_txpkt", 8, UlpTxPkt::SIZE),
        ("ulptx_idata", 8, UlpTxIdata::SIZE),
        ("ulptx_sgl", 16, UlptxSgl::SIZE),
        ("ulptx_sge_pair", 24, UlptxSgePair::SIZE),
        ("fw_eth_tx_pkt_wr", 16, FwEthTxPktWr::SIZE),
        ("fw_eth_tx_pkts_wr", 16, FwEthTxPktsWr::SIZE),
        ("fw_flowc_wr", 8, FwFlowcWr::SIZE),
        ("fw_flowc_mnemval", 8, FlowcMnemVal::SIZE),
        ("fw_ofld_tx_data_wr", 16, FwOfldTxDataWr::SIZE),
        ("fw_ofld_connection_wr", 128, FwOfldConnectionWr::SIZE),
        ("fw_filter_wr", 128, FwFilterWr::SIZE),
        ("fw_filter2_wr", 208, FwFilter2Wr::SIZE),
        ("SGE_MAX_WR_LEN", 512, MAX_LEN),
        ("SGE_EQ_IDXSIZE", 64, EQ_UNIT),
        ("TCB_SIZE", 128, mafo_t4::tcb::SIZE),
    ];
    for (name, header, ours) in facts {
        assert_eq!(ours, header, "{name}");
    }
    assert_eq!(L2tWriteReq::VLAN_NONE, 0xfff, "CPL_L2T_VLAN_NONE");
    assert_eq!(Opt0::RCV_BUFSIZ_MAX, 0x3ff, "M_RCV_BUFSIZ");
}
