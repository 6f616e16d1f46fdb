//! Work requests that make filters and connections.

use std::net::{Ipv4Addr, Ipv6Addr};

use mafo_t4::opt::{Opt0, Opt2};
use mafo_t4::wr::*;
use mafo_t4::{Ftid, IqId};

use crate::pretty;

/// Values so chosen that no two fields are alike.
#[rustfmt::skip]
const FILTER: [u8; 128] = [
    0x02, 0x00, 0x00, 0x00, // 0: opcode 0x02
    0x00, 0x00, 0x00, 0x08, // 4: len16 8
    0, 0, 0, 0, 0, 0, 0, 0, // 8: reserved
    0x00, 0x1f, 0x0a, 0xa1, // 16: tid 496 << 12, rqtype (11), iq 0x2a1
    0x02, 0x8a, 0xd1, 0x23, // 20: rpttid (25), dirsteer (23), dmac (19), insvlan (17), hitcnts (15), txchan 2 << 13,
                            //     prio (12), l2tix 0x123
    0x08, 0x00, // 24: ethtype
    0xff, 0xfe, // 26: mask
    0xa8, // 28: frag (7), ivlan_vld (5), ivlan_vldm (3)
    0x34, // 29: smac_sel
    0x80, 0x21, // 30: rx_chan (15), rx_rpl_iq 0x21
    // 32: maci 0x155 << 23 = aa80_0000, macim 0x0f3 << 14 = 003c_c000, fcoe 2000, port 5 << 9 = 0a00, portm 7 << 6 = 01c0,
    //     matchtype 2 << 3, matchtypem 3
    0xaa, 0xbc, 0xeb, 0xd3,
    6, // 36: protocol
    0xff, // 37: mask
    0x10, // 38: type of service
    0xfc, // 39: mask
    0x61, 0x23, // 40: ivlan
    0x0f, 0xff, // 42: mask
    0x80, 0x81, // 44: ovlan
    0xe0, 0x7f, // 46: mask
    10, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // 48: local address
    255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, // 64: mask
    10, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, // 80: foreign address
    255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, // 96: mask
    0x00, 0x50, // 112: local port
    0xff, 0xff, // 114: mask
    0xc0, 0x01, // 116: foreign port
    0xf0, 0x0f, // 118: mask
    0, 0, // 120: reserved
    2, 0x11, 0x22, 0x33, 0x44, 0x55, // 122: source MAC
];

fn filter() -> FwFilterWr {
    let address = |a, b, c, d, last| [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let filter = FwFilterWr::new(Ftid(496), IqId(0x21)).steer_to(IqId(0x2a1));
    filter
        .with_tid_to_iq(filter.tid_to_iq().with_rqtype(true))
        .with_action(
            filter
                .action()
                .with_rpttid(true)
                .with_dmac(true)
                .with_insvlan(true)
                .with_hitcnts(true)
                .with_txchan(2)
                .with_prio(true)
                .with_l2tix(0x123),
        )
        .with_ethtype(0x0800)
        .with_ethtypem(0xfffe)
        .with_frag(FilterFrag(0).with_frag(true).with_ivlan_vld(true).with_ivlan_vldm(true))
        .with_smac_sel(0x34)
        .with_rpl(filter.rpl().with_rx_chan(true))
        .with_matches(
            FilterMatch(0)
                .with_maci(0x155)
                .with_macim(0x0f3)
                .with_fcoe(true)
                .with_port(5)
                .with_portm(7)
                .with_matchtype(2)
                .with_matchtypem(3),
        )
        .with_ptcl(6)
        .with_ptclm(0xff)
        .with_ttyp(0x10)
        .with_ttypm(0xfc)
        .with_ivlan(0x6123)
        .with_ivlanm(0x0fff)
        .with_ovlan(0x8081)
        .with_ovlanm(0xe07f)
        .with_lip(address(10, 1, 2, 3, 1))
        .with_lipm(address(255, 255, 255, 0, 2))
        .with_fip(address(10, 4, 5, 6, 3))
        .with_fipm(address(255, 255, 0, 0, 4))
        .with_lp(80)
        .with_lpm(0xffff)
        .with_fp(0xc001)
        .with_fpm(0xf00f)
        .with_sma([2, 0x11, 0x22, 0x33, 0x44, 0x55])
}

#[test]
fn filter_wr() {
    pretty(filter().as_bytes(), &FILTER);
    let read: FwFilterWr = zerocopy::transmute!(FILTER);
    assert_eq!((read.ftid(), read.reply_to()), (Ftid(496), Some(IqId(0x21))));
    assert_eq!(read.steers_to(), Some(IqId(0x2a1)));
    let action = read.action();
    assert!(action.rpttid() && action.dirsteer() && action.dmac() && action.insvlan());
    assert!(action.hitcnts() && action.prio());
    assert!(!action.drop() && !action.lpbk() && !action.smac() && !action.rmvlan());
    assert!(!action.del_filter() && !action.maskhash() && !action.dirsteerhash());
    assert_eq!((action.txchan(), action.l2tix()), (2, 0x123));
    let matches = read.matches();
    assert_eq!(
        (matches.maci(), matches.macim(), matches.port(), matches.portm()),
        (0x155, 0xf3, 5, 7)
    );
    assert_eq!((matches.matchtype(), matches.matchtypem()), (2, 3));
    assert_eq!((read.lp(), read.lpm(), read.fp(), read.fpm()), (80, 0xffff, 0xc001, 0xf00f));
    assert_eq!((read.ptcl(), read.ptclm(), read.ttyp(), read.ttypm()), (6, 0xff, 0x10, 0xfc));
}

#[test]
fn filter_bits_that_the_vector_leaves_clear() {
    assert_eq!(FilterTid(0).with_noreply(true).0, 0x0400);
    assert_eq!(FilterAction(0).with_del_filter(true).0, 0x8000_0000);
    assert_eq!(FilterAction(0).with_drop(true).0, 0x0100_0000);
    assert_eq!(FilterAction(0).with_maskhash(true).0, 0x0040_0000);
    assert_eq!(FilterAction(0).with_dirsteerhash(true).0, 0x0020_0000);
    assert_eq!(FilterAction(0).with_lpbk(true).0, 0x0010_0000);
    assert_eq!(FilterAction(0).with_smac(true).0, 0x0004_0000);
    assert_eq!(FilterAction(0).with_rmvlan(true).0, 0x0001_0000);
    assert_eq!(FilterFrag(0).with_fragm(true).0, 0x40);
    assert_eq!(FilterFrag(0).with_ovlan_vld(true).0, 0x10);
    assert_eq!(FilterFrag(0).with_ovlan_vldm(true).0, 0x04);
    assert_eq!(FilterMatch(0).with_fcoem(true).0, 0x1000);
}

#[test]
fn filter_wr_that_deletes() {
    let delete = FwFilterWr::delete(Ftid(5), IqId(0x21));
    let mut bytes = [0; 128];
    bytes[0] = 0x02; // opcode
    bytes[7] = 8; // len16
    bytes[18] = 0x50; // tid 5 << 12
    bytes[20] = 0x80; // del_filter (31)
    bytes[31] = 0x21; // rx_rpl_iq
    pretty(delete.as_bytes(), &bytes);
    assert_eq!((delete.reply_to(), delete.steers_to()), (Some(IqId(0x21)), None));
    let silent = delete.with_tid_to_iq(delete.tid_to_iq().with_noreply(true));
    assert_eq!(silent.reply_to(), None);
}

#[test]
fn filter2_wr() {
    let nat = Filter2Nat::default()
        .with_type_swapmac(FilterTypeSwapMac(0).with_swapmac(true))
        .with_natmode_ulp(NatModeUlp(0).with_natmode(5).with_ulp_type(5))
        .with_newlport(0x0102)
        .with_newfport(0x0304)
        .with_newlip([0x11; 16])
        .with_newfip([0x22; 16])
        .with_natseqcheck(0x0506_0708);
    let mut bytes = FILTER.to_vec();
    bytes[0] = 0x77; // opcode
    bytes[7] = 13; // len16
    bytes.extend_from_slice(&[0, 0]); // 128: reserved
    bytes.push(0x01); // 130: swapmac (0)
    bytes.push(0xa5); // 131: natmode 5 << 5, ulp_type 5
    bytes.extend_from_slice(&[1, 2, 3, 4]); // 132, 134: new ports
    bytes.extend_from_slice(&[0x11; 16]); // 136: new local address
    bytes.extend_from_slice(&[0x22; 16]); // 152: new foreign address
    bytes.extend_from_slice(&[5, 6, 7, 8]); // 168: natseqcheck
    bytes.extend_from_slice(&[0; 36]); // 172: reserved
    assert_eq!(bytes.len(), 208);
    let built = FwFilter2Wr::of(filter(), nat);
    pretty(zerocopy::IntoBytes::as_bytes(&built), &bytes);
}

#[test]
fn ofld_connection_wr_ipv4() {
    let built = FwOfldConnectionWr::new()
        .with_cookie([1, 2, 3, 4, 5, 6, 7, 8])
        .with_ipv4(Ipv4Addr::new(10, 4, 5, 6), Ipv4Addr::new(10, 1, 2, 3))
        .with_filter(0x0102_0304)
        .with_local_port(0xc001)
        .with_peer_port(80)
        .with_t_state_astid(TStateAstid(0).with_t_state(2).with_rcv_scale(7).with_astid(0x12_3456))
        .with_cpls(OfldConnectionCpls(0).with_rx_data_ack(true))
        .with_rcv_adv(0x0506)
        .with_rcv_nxt(0x0708_090a)
        .with_tx_max(0x0b0c_0d0e)
        .with_opt0(Opt0(0x1112_1314_1516_1718))
        .with_opt2(Opt2(0x191a_1b1c));
    #[rustfmt::skip]
    let bytes = [
        0x2f, 0x00, 0x00, 0x00, // 0: opcode 0x2f
        0x00, 0x00, 0x00, 0x08, // 4: len16 8
        1, 2, 3, 4, 5, 6, 7, 8, // 8: cookie
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // 16: reserved
        0x00, 0x00, 0x00, 0x00, // 32: IPv4
        0x01, 0x02, 0x03, 0x04, // 36: filter
        0, 0, 0, 0, // 40: reserved
        0xc0, 0x01, // 44: local port
        0x00, 0x50, // 46: peer port
        10, 4, 5, 6, // 48: peer address
        10, 1, 2, 3, // 52: local address
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // 56: reserved
        0x27, 0x12, 0x34, 0x56, // 80: t_state 2, rcv_scale 7, astid
        0x80, 0x00, // 84: CPLRXDATAACK (15)
        0x05, 0x06, // 86: rcv_adv
        0x07, 0x08, 0x09, 0x0a, // 88: rcv_nxt
        0x0b, 0x0c, 0x0d, 0x0e, // 92: tx_max
        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, // 96: opt0
        0x19, 0x1a, 0x1b, 0x1c, // 104: opt2
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // 108: reserved
    ];
    pretty(built.as_bytes(), &bytes);
    let read: FwOfldConnectionWr = zerocopy::transmute!(bytes);
    assert_eq!(read.ipv4(), (Ipv4Addr::new(10, 4, 5, 6), Ipv4Addr::new(10, 1, 2, 3)));
    let state = read.t_state_astid();
    assert_eq!((state.t_state(), state.rcv_scale(), state.astid()), (2, 7, 0x12_3456));
    assert!(read.cpls().rx_data_ack() && !read.cpls().pass_accept_rpl());
}

#[test]
fn ofld_connection_wr_ipv6() {
    let peer: Ipv6Addr = "2001:db8::5".parse().expect("address");
    let local: Ipv6Addr = "2001:db8::9".parse().expect("address");
    let built = FwOfldConnectionWr::new()
        .with_version_cpl(VersionCpl(0).with_cpl(true))
        .with_ipv6(peer, local)
        .with_cpls(OfldConnectionCpls(0).with_pass_accept_rpl(true));
    let mut bytes = [0; 128];
    bytes[0] = 0x2f; // opcode
    bytes[7] = 8; // len16
    bytes[32] = 0xc0; // version (31), cpl (30)
    bytes[48..52].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]); // peer address
    bytes[63] = 5;
    bytes[64..68].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]); // local address
    bytes[79] = 9;
    bytes[84] = 0x40; // CPLPASSACCEPTRPL (14)
    pretty(built.as_bytes(), &bytes);
    assert_eq!(built.ipv6(), (peer, local));
    assert!(built.version_cpl().version());
    assert!(!built.with_ipv4(Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST).version_cpl().version());
}
