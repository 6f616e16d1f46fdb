//! Words with bit fields: each field has a value that no other has, and the whole is added up by hand.

use mafo_t4::cpl::*;
use mafo_t4::opt::*;

/// A word both ways: built from fields it is this number, and this number has these fields.
macro_rules! word {
    ($test:ident: $Type:ident = $number:literal { $($field:ident: $value:expr),* $(,)? }) => {
        #[test]
        fn $test() {
            pastey::paste! {
                let built = $Type(0) $( .[<with_ $field>]($value) )*;
            }
            assert_eq!(built.0, $number, "{:#x}", built.0);
            $( assert_eq!($Type($number).$field(), $value, stringify!($field)); )*
            // Writing a field leaves its neighbours alone.
            pastey::paste! {
                let again = $Type($number) $( .[<with_ $field>]($value) )*;
                assert_eq!(again.0, $number);
            }
        }
    };
}

// opcode 0x83 in 31:24; tid 0xabcdef in 23:0.
word!(opcode_tid: OpcodeTid = 0x83ab_cdef { op: 0x83, tid: 0x00ab_cdef });
// queue 0x2f5 << 14 = 0xbd4000; id 0x2a17.
word!(queue_and_id: QueueAndId = 0x00bd_6a17 { queue: 0x2f5, id: 0x2a17 });
// no_reply 0x8000, reply_chan 0x4000, queue 0x2a5.
word!(reply_ctrl: ReplyCtrl = 0xc2a5 { no_reply: true, reply_chan: true, queue: 0x2a5 });
word!(reply_ctrl_silent: ReplyCtrl = 0x8001 { no_reply: true, reply_chan: false, queue: 1 });
// no_reply 0, ipv6 0x4000, queue 0x3c1.
word!(listsrv_ctrl: ListsrvCtrl = 0x43c1 { no_reply: false, ipv6: true, queue: 0x3c1 });

// mss_idx 0xb at 60:                 b000_....
// max_rt_override at 59:             0800_....
// max_rt 9 << 55:                    0480_....
// keep_alive at 54:                  0040_....
// wnd_scale 0xd << 50:               0034_....
// nagle (49) clear, tcam_bypass 48:  0001_....
// l2t_idx 0x9c3 << 36:               0000_9c30_....
// smac_sel 0xa5 << 28:               0000_000a_5000_0000
// dscp 0x2e << 22:                             0b80_0000
// rcv_bufsiz 0x155 << 12:                      0015_5000
// ulp_mode 5 << 8:                                  0500
// non_offload 7:                                    0080
// inject_timer (6), delack (5) clear, no_cong 4:    0010
// tx_chan 1 << 2, accept_mode 2:                    0006
word!(opt0: Opt0 = 0xbcf5_9c3a_5b95_5596 {
    mss_idx: 0xb, max_rt_override: true, max_rt: 9, keep_alive: true, wnd_scale: 0xd, nagle: false,
    tcam_bypass: true, l2t_idx: 0x9c3, smac_sel: 0xa5, dscp: 0x2e, rcv_bufsiz: 0x155, ulp_mode: 5,
    non_offload: true, inject_timer: false, delack: false, no_cong: true, tx_chan: 1, accept_mode: 2,
});
// The flags that are clear above, alone: nagle 49, inject_timer 6, delack 5.
word!(opt0_other_flags: Opt0 = 0x0002_0000_0000_0060 {
    nagle: true, inject_timer: true, delack: true, tcam_bypass: false, non_offload: false, no_cong: false,
    keep_alive: false, max_rt_override: false,
});

// filt_info 0xa1b2c3d4e5 << 24:  a1b2_c3d4_e500_0000
// conn_policy 2 << 22:                       80_0000
// syn_defense (21) clear, listen_filter 20:  10_0000
// listen_intf 0x5a << 12:                     5_a000
// syn_rss_queue 0x2d3 << 2:                      b4c
// syn_rss_use_hash (1) clear, syn_rss_enable 0:    1
word!(opt1: Opt1 = 0xa1b2_c3d4_e595_ab4d {
    filt_info: 0xa1_b2c3_d4e5, conn_policy: 2, syn_defense: false, listen_filter: true, listen_intf: 0x5a,
    syn_rss_queue: 0x2d3, syn_rss_use_hash: false, syn_rss_enable: true,
});
word!(opt1_other_flags: Opt1 = 0x0020_0002 {
    syn_defense: true, listen_filter: false, syn_rss_use_hash: true, syn_rss_enable: false,
});

// t5_opt_2_valid 31:       8000_0000
// sack_en (30) clear, tstamps_en 29: 2000_0000
// wnd_scale_en 28 clear, cctrl_ecn 27: 0800_0000
// rx_channel (26) clear, tx_queue 5 << 23: 0280_0000
// rx_fc_valid 22:          0040_0000
// rx_fc_ddp (21) clear, rx_fc_disable 20: 0010_0000
// pace_valid (19) clear, iss_valid 18: 0004_0000
// pace 1 << 16:            0001_0000
// cong_cntrl 2 << 14:           8000
// rx_coalesce 3 << 12:          3000
// rx_coalesce_valid (11) clear, rss_queue_valid 10: 0400
// rss_queue 0x1b6:               1b6
word!(opt2: Opt2 = 0xaad5_b5b6 {
    t5_opt_2_valid: true, sack_en: false, tstamps_en: true, wnd_scale_en: false, cctrl_ecn: true,
    rx_channel: false, tx_queue: 5, rx_fc_valid: true, rx_fc_ddp: false, rx_fc_disable: true,
    pace_valid: false, iss_valid: true, pace: 1, cong_cntrl: 2, rx_coalesce: 3, rx_coalesce_valid: false,
    rss_queue_valid: true, rss_queue: 0x1b6,
});
// 30, 28, 26, 21, 19, 11: 4000_0000 + 1000_0000 + 0400_0000 + 0020_0000 + 0008_0000 + 0800.
word!(opt2_other_flags: Opt2 = 0x5428_0800 {
    sack_en: true, wnd_scale_en: true, rx_channel: true, rx_fc_ddp: true, pace_valid: true,
    rx_coalesce_valid: true, t5_opt_2_valid: false, tstamps_en: false, cctrl_ecn: false,
    rx_fc_valid: false, rx_fc_disable: false, iss_valid: false, rss_queue_valid: false,
});

// filter_tuple 0x12_3456_789a << 24, fcoe_mask 0.
word!(params64: Params64 = 0x1234_5678_9a00_0001 { filter_tuple: 0x12_3456_789a, fcoe_mask: true });

// mss 1460 = 0x05b4, wsf 7, flags: tstamp 7, sack 6 clear, ecn 5, unknown 4 clear = 0xa0.
word!(tcp_options: TcpOptions = 0x05b4_07a0 {
    mss: 1460, wsf: 7, tstamp: true, sack: false, ecn: true, unknown: false,
});
word!(tcp_options_other_flags: TcpOptions = 0x0218_ff50 {
    mss: 536, wsf: 0xff, tstamp: false, sack: true, ecn: false, unknown: true,
});
// mss 8 << 12, snd_wscale 0xb << 8, tstamp 0x80, sack (6) clear, wscale_ok 0x20.
word!(tcp_opt: TcpOpt = 0x8ba0 { mss: 8, snd_wscale: 0xb, tstamp: true, sack: false, wscale_ok: true });
word!(tcp_opt_sack: TcpOpt = 0x0040 { mss: 0, snd_wscale: 0, tstamp: false, sack: true, wscale_ok: false });
// valid 16, tci 0x6123.
word!(ft_vlan: FtVlan = 0x1_6123 { valid: true, tci: 0x6123 });
// valid 16, pf 4 << 7 = 0x200, vf 0x55.
word!(ft_vnic: FtVnic = 0x1_0255 { valid: true, pf: 4, vf: 0x55 });

// eth 14 << 26 = 3800_0000, ip 20 << 16 = 0014_0000, tcp 40 << 10 = a000, rx_chan 3.
word!(syn_hdr_len: SynHdrLen = 0x3814_a003 { eth: 14, ip: 20, tcp: 40, rx_chan: 3 });
// intf 5 << 12, xact_match 0x200, mac_idx 0x1a7.
word!(syn_l2info: SynL2Info = 0x53a7 { intf: 5, xact_match: true, mac_idx: 0x1a7 });
word!(tos_stid: TosStid = 0xb812_3456 { tos: 0xb8, id: 0x12_3456 });
// tos 0xb8 << 24, queue 0x2f5 << 14 = bd_4000, id 0x2a17.
word!(tos_atid: TosAtid = 0xb8bd_6a17 { tos: 0xb8, queue: 0x2f5, id: 0x2a17 });
// The 24 bits 0xbd6a17 << 8, code 0x16.
word!(atid_status: AtidStatus = 0xbd6a_1716 { queue: 0x2f5, id: 0x2a17, code: 0x16 });

// ddp_off 0x10, heartbeat (3) clear, psh 4, dack_mode 2.
word!(rx_data_flags: RxDataFlags = 0x16 { ddp_off: true, heartbeat: false, psh: true, dack_mode: 2 });
word!(rx_data_heartbeat: RxDataFlags = 0x08 { ddp_off: false, heartbeat: true, psh: false, dack_mode: 0 });
// dack_change 8000_0000, dack_mode 2 << 29 = 4000_0000, force_ack (28) clear, modulate_rx 0800_0000,
// modulate_tx (26) clear, credits 0x2ab_cdef.
word!(credit_dack: CreditDack = 0xcaab_cdef {
    dack_change: true, dack_mode: 2, force_ack: false, modulate_rx: true, modulate_tx: false,
    credits: 0x02ab_cdef,
});
word!(credit_dack_force: CreditDack = 0x1400_4000 {
    dack_change: false, dack_mode: 0, force_ack: true, modulate_rx: false, modulate_tx: true, credits: 0x4000,
});
// align_pld 4000_0000; tunnel 8_0000; flush 2_0000; more 8000; force 2000; ulp_mode 5 << 10 = 1400;
// ulp_submode 9 << 6 = 240; proxy 20.
word!(tx_data_flags: TxDataFlags = 0x400a_b660 {
    lso_disable: false, align_pld: true, align_pld_shove: false, tunnel: true, save: false, flush: true,
    urgent: false, more: true, shove: false, force: true, ulp_mode: 5, ulp_submode: 9, proxy: true,
});
// lso_disable 8000_0000; align_pld_shove 2000_0000; save 4_0000; urgent 1_0000; shove 4000.
word!(tx_data_other_flags: TxDataFlags = 0xa005_4000 {
    lso_disable: true, align_pld: false, align_pld_shove: true, tunnel: false, save: true, flush: false,
    urgent: true, more: false, shove: true, force: false, proxy: false,
});
word!(fw4_ack_flags: Fw4AckFlags = 0x05 { flowc: true, ch: false, seqval: true });
word!(fw4_ack_channel: Fw4AckFlags = 0x02 { flowc: false, ch: true, seqval: false });

// cookie 5 << 5 = a0, word 0x13.
word!(word_cookie: WordCookie = 0x00b3 { cookie: 5, word: 0x13 });
word!(tcb_cookie: TcbCookie = 0xb3 { cookie: 5, word: 0x13 });

// noreply 8000, arpmiss (11) clear, lpbk 400, port 2 << 8 = 200, info 0x2a << 2 = a8.
word!(l2t_params: L2tParams = 0x86a8 { noreply: true, arpmiss: false, lpbk: true, port: 2, info: 0x2a });
word!(l2t_arpmiss: L2tParams = 0x0900 { noreply: false, arpmiss: true, lpbk: false, port: 1, info: 0 });
// norpl 8000_0000, row 0x55 << 20 = 0550_0000, ovlan_idx 0xa << 16.
word!(smt_params: SmtParams = 0x855a_0000 { norpl: true, row: 0x55, ovlan_idx: 0xa });
// vf_vld 800, pf 5 << 8, vf 0x3c.
word!(pfvf: PfVf = 0x0d3c { vf_vld: true, pf: 5, vf: 0x3c });

// opcode 0xee; tstamp 80_0000; stat_dis (22) clear; fcs_dis 20_0000; special_stat (20) clear; intf 6 << 16;
// ins_ovlan 8000; ovlan_idx 5 << 12; vf_vld (11) clear; pf 4 << 8; vf 0x9a.
word!(tx_pkt_ctrl0: TxPktCtrl0 = 0xeea6_d49a {
    op: 0xee, tstamp: true, stat_dis: false, fcs_dis: true, special_stat: false, intf: 6, ins_ovlan: true,
    ovlan_idx: 5, vf_vld: false, pf: 4, vf: 0x9a,
});
word!(tx_pkt_ctrl0_other_flags: TxPktCtrl0 = 0x0050_0800 {
    tstamp: false, stat_dis: true, fcs_dis: false, special_stat: true, ins_ovlan: false, vf_vld: true,
});
// l4csum_dis 8000; ipcsum_dis (62) clear; ipsec 2000; vlan_vld 1000: high nibble b.
// vlan 0x7123 << 44: 0712_3000_....; csum_type 0xa << 40: ...._0a00; ethhdr_len 4 << 34 = 0x10 << 32;
// iphdr_len 0x2015 << 20: 0x2_0150_0000.
word!(tx_pkt_ctrl1: TxPktCtrl1 = 0xb712_3a12_0150_0000 {
    l4csum_dis: true, ipcsum_dis: false, ipsec: true, vlan_vld: true, vlan: 0x7123, csum_type: 0xa,
    ethhdr_len: 4, iphdr_len: 0x2015,
});
word!(tx_pkt_ctrl1_none: TxPktCtrl1 = 0xc000_0000_0000_0000 {
    l4csum_dis: true, ipcsum_dis: true, ipsec: false, vlan_vld: false,
});
// csum_loc 0x2a5 << 30 = a9_4000_0000; csum_start 0x122 << 20 = 1220_0000; csum_end 0xd1 << 12.
word!(tx_pkt_csum_range: TxPktCsumRange = 0x0000_00a9_522d_1000 {
    l4csum_dis: false, ipcsum_dis: false, csum_loc: 0x2a5, csum_start: 0x122, csum_end: 0xd1,
});
// opcode 0xed; first_slice 80_0000; last_slice (22) clear; ipv6 10_0000; ethhdr_len 1 << 16; iphdr_len 5 << 4;
// tcphdr_len 8.
word!(lso_ctrl: LsoCtrl = 0xed91_0058 {
    op: 0xed, first_slice: true, last_slice: false, ipv6: true, ethhdr_len: 1, iphdr_len: 5, tcphdr_len: 8,
});
word!(lso_ctrl_last: LsoCtrl = 0x0040_0000 { first_slice: false, last_slice: true, ipv6: false });
word!(lso_mss: LsoMss = 0x85b4 { ipid_split: true, mss: 1460 });
// ip_frag 80; vlan_ex (6) clear; ipmi_pkt 20; csum_calc (4) clear; iff 5.
word!(rx_pkt_flags: RxPktFlags = 0xa5 { ip_frag: true, vlan_ex: false, ipmi_pkt: true, csum_calc: false, iff: 5 });
word!(rx_pkt_other_flags: RxPktFlags = 0x50 { ip_frag: false, vlan_ex: true, ipmi_pkt: false, csum_calc: true, iff: 0 });
// chan 2 << 28; lro 0800_0000; fcoe (26) clear; ip6 0200_0000; ip (24) clear; tcp 80_0000; udp (22) clear;
// syn 20_0000; psh (20) clear; pktype 5 << 17 = a_0000; macidx 0x135 << 8 = 1_3500; datype 2 << 6; ethhdr_len 18.
word!(rx_l2info: RxL2Info = 0x2aab_3592 {
    chan: 2, lro: true, fcoe: false, ip6: true, ip: false, tcp: true, udp: false, syn: true, psh: false,
    pktype: 5, macidx: 0x135, datype: 2, ethhdr_len: 18,
});
word!(rx_l2info_other_flags: RxL2Info = 0x0550_0000 {
    lro: false, fcoe: true, ip6: false, ip: true, tcp: false, udp: true, syn: false, psh: true,
});
// ip 20 << 6 = 500, tcp 32.
word!(rx_hdr_len: RxHdrLen = 0x0520 { ip: 20, tcp: 32 });
// ping 4000; csum (13) clear; ipcsum 1000; tcp_opt (9) clear; pkt_len 100; tcphdr_len (7) clear; iphdr_len 40;
// ethhdr_len (5) clear; attack 10; frag (3) clear; ipvers 4; mac (1) clear; any 1.
word!(rx_err_vec: RxErrVec = 0x5155 {
    ping: true, csum: false, ipcsum: true, tcp_opt: false, pkt_len: true, tcphdr_len: false, iphdr_len: true,
    ethhdr_len: false, attack: true, frag: false, ipvers: true, mac: false, any: true,
});
word!(rx_err_vec_other_flags: RxErrVec = 0x22aa {
    ping: false, csum: true, ipcsum: false, tcp_opt: true, pkt_len: false, tcphdr_len: true,
    iphdr_len: false, ethhdr_len: true, attack: false, frag: true, ipvers: false, mac: true, any: false,
});
// filter_hit 9 << 12, runt 3 << 8, trunc 80, err (6) clear.
word!(trace_flags: TraceFlags = 0x9380 { filter_hit: 9, runt: 3, trunc: true, err: false });
word!(trace_err: TraceFlags = 0x0040 { filter_hit: 0, runt: 0, trunc: false, err: true });
// opcode 0xa5, autoequ 40_0000, egr_qid 0x1_2345.
word!(opcode_egr_qid: OpcodeEgrQid = 0xa541_2345 { op: 0xa5, autoequ: true, egr_qid: 0x1_2345 });
word!(chan_map: ChanMap = 0xd0 { channels: 0xd });

#[test]
fn ids_in_option_words() {
    use mafo_t4::{IqId, L2tIdx, PortId, SmtIdx};
    // l2t_idx 47:36, smac_sel 35:28, tx_chan 3:2, accept_mode 1:0.
    let opt0 = Opt0(0)
        .with_l2t(L2tIdx(0x123))
        .with_smac(SmtIdx(0x45))
        .with_port(PortId(3))
        .with_accept(AcceptMode::REJECT);
    assert_eq!(opt0.0, 0x0000_1234_5000_000d);
    assert_eq!(
        (opt0.l2t(), opt0.smac(), opt0.port(), opt0.accept()),
        (L2tIdx(0x123), SmtIdx(0x45), PortId(3), AcceptMode::REJECT)
    );
    // syn_rss_queue 11:2 with syn_rss_enable 0; conn_policy 23:22.
    let opt1 = Opt1(0).with_syn_queue(IqId(0x101)).with_policy(ConnPolicy::ASK);
    assert_eq!(opt1.0, 0x0040_0405);
    assert_eq!((opt1.syn_queue(), opt1.policy()), (IqId(0x101), ConnPolicy::ASK));
    // rss_queue 9:0 with rss_queue_valid 10; cong_cntrl 15:14.
    let opt2 = Opt2(0).with_queue(IqId(0x2aa)).with_cong(CongAlg::HIGHSPEED);
    assert_eq!(opt2.0, 0xc6aa);
    assert_eq!((opt2.queue(), opt2.cong()), (Some(IqId(0x2aa)), CongAlg::HIGHSPEED));
    assert_eq!(Opt2(0x2aa).queue(), None, "a queue that is not valid");
}

#[test]
fn replies_have_a_queue_unless_they_are_silent() {
    use mafo_t4::IqId;
    assert_eq!(ReplyCtrl::to(IqId(0x155)).0, 0x0155);
    assert_eq!(ReplyCtrl(0x0155).reply_to(), Some(IqId(0x155)));
    assert_eq!(ReplyCtrl::SILENT.0, 0x8000);
    assert_eq!(ReplyCtrl(0x8155).reply_to(), None);
}

#[test]
fn status_tells_advice_and_tids() {
    let advice: Vec<u8> = (0..=u8::MAX).filter(|&code| Status(code).is_negative_advice()).collect();
    assert_eq!(advice, [35, 36, 37]);
    let without_tid: Vec<u8> =
        (0..=u8::MAX).filter(|&code| !Status(code).act_open_has_tid()).collect();
    assert_eq!(without_tid, [1, 2, 3, 21, 22]);
}

#[test]
fn codes_show_their_names() {
    assert_eq!(format!("{:?}", Opcode(0x44)), "PASS_ACCEPT_REQ");
    assert_eq!(format!("{:?}", Opcode(0x77)), "Opcode(0x77)");
    assert_eq!(format!("{:?}", Status(20)), "CONN_RESET");
}
