//! Listening, opening, accepting.

use std::net::{Ipv4Addr, Ipv6Addr};

use mafo_t4::cpl::*;
use mafo_t4::opt::*;
use mafo_t4::{Atid, IqId, L2tIdx, SmtIdx, Stid, Tid};

use crate::pretty;

/// l2t_idx 0x012 (47:36), smac_sel 0x34 (35:28), rcv_bufsiz 0x100 (21:12), wnd_scale 7 (53:50), mss_idx 8 (63:60),
/// tcam_bypass (48): 0x801d_0123_4010_0000.
fn opt0() -> Opt0 {
    Opt0(0)
        .with_mss_idx(8)
        .with_wnd_scale(7)
        .with_tcam_bypass(true)
        .with_l2t(L2tIdx(0x012))
        .with_smac(SmtIdx(0x34))
        .with_rcv_bufsiz(0x100)
}

/// t5_opt_2_valid (31), sack_en (30), tstamps_en (29), wnd_scale_en (28), iss_valid (18), rss_queue_valid (10),
/// rss_queue 0x21: 0xf004_0421.
fn opt2() -> Opt2 {
    Opt2(0)
        .with_t5_opt_2_valid(true)
        .with_sack_en(true)
        .with_tstamps_en(true)
        .with_wnd_scale_en(true)
        .with_iss_valid(true)
        .with_queue(IqId(0x21))
}

fn peer6() -> Ipv6Addr {
    "2001:db8:a:b::c:d".parse().expect("address")
}

fn local6() -> Ipv6Addr {
    "fe80::1:2:3:4".parse().expect("address")
}

cpl_vector! {
    pass_open_req: PassOpenReq, new(Stid(0x1f4)) {
        local_port: 8080,
        peer_port: 0,
        local_ip: Ipv4Addr::new(192, 0, 2, 1),
        peer_ip: Ipv4Addr::UNSPECIFIED,
        opt0: opt0(),
        opt1: Opt1(0).with_policy(ConnPolicy::ASK).with_syn_queue(IqId(0x21)),
    }
    [
        0x01, 0x00, 0x01, 0xf4, // ot: opcode 0x01, stid 500
        0x1f, 0x90, // local port 8080
        0x00, 0x00, // peer port
        192, 0, 2, 1, // local address
        0, 0, 0, 0, // peer address
        0x80, 0x1d, 0x01, 0x23, 0x40, 0x10, 0x00, 0x00, // opt0
        // opt1: conn_policy 1 << 22, syn_rss_queue 0x21 << 2, syn_rss_enable
        0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x00, 0x85,
    ]
    { stid() => Stid(500) }
}

cpl_vector! {
    pass_open_req6: PassOpenReq6, new(Stid(0x1f6)) {
        local_port: 443,
        peer_port: 0,
        local_ip: local6(),
        peer_ip: Ipv6Addr::UNSPECIFIED,
        opt0: opt0(),
        opt1: Opt1(0).with_policy(ConnPolicy::DENY),
    }
    [
        0x81, 0x00, 0x01, 0xf6, // ot: opcode 0x81, stid 502
        0x01, 0xbb, // local port 443
        0x00, 0x00, // peer port
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, // local address, high
        0, 1, 0, 2, 0, 3, 0, 4, // local address, low
        0, 0, 0, 0, 0, 0, 0, 0, // peer address, high
        0, 0, 0, 0, 0, 0, 0, 0, // peer address, low
        0x80, 0x1d, 0x01, 0x23, 0x40, 0x10, 0x00, 0x00, // opt0
        0x00, 0x00, 0x00, 0x00, 0x00, 0xc0, 0x00, 0x00, // opt1: conn_policy 3
    ]
    { stid() => Stid(502) }
}

cpl_vector! {
    pass_open_rpl: PassOpenRpl, new(Stid(0x1f4)) { status: Status::TCAM_FULL }
    [
        0x24, 0x00, 0x01, 0xf4, // ot: opcode 0x24, stid 500
        0, 0, 0, // reserved
        3, // status
    ]
    { stid() => Stid(500) }
}

cpl_vector! {
    close_listsrv_req: CloseListsrvReq, new(Stid(0x1f6)) {
        reply_ctrl: ListsrvCtrl(0).with_ipv6(true).with_queue(0x21),
    }
    [
        0x09, 0x00, 0x01, 0xf6, // ot: opcode 0x09, stid 502
        0x40, 0x21, // reply_ctrl: ipv6 (14), queue 0x21
        0, 0, // reserved
    ]
    { stid() => Stid(502) }
}

cpl_vector! {
    close_listsrv_rpl: CloseListsrvRpl, new(Stid(0x1f6)) { status: Status::NONE }
    [
        0x20, 0x00, 0x01, 0xf6, // ot: opcode 0x20, stid 502
        0, 0, 0, // reserved
        0, // status
    ]
    { stid() => Stid(502) }
}

cpl_vector! {
    pass_accept_req: PassAcceptReq, new(Tid(0x2345)) {
        len: 74,
        hdr_len: SynHdrLen(0).with_eth(14).with_ip(20).with_tcp(40).with_rx_chan(1),
        vlan: 0x0fff,
        l2info: SynL2Info(0).with_intf(1).with_xact_match(true).with_mac_idx(0x07),
        tos_stid: TosStid(0).with_tos(0x10).with_stid(Stid(500)),
        tcpopt: TcpOptions(0).with_mss(1460).with_wsf(7).with_sack(true).with_tstamp(true),
    }
    [
        0x44, 0x00, 0x23, 0x45, // ot: opcode 0x44, tid
        0, 0, // reserved
        0x00, 0x4a, // len 74
        0x38, 0x14, 0xa0, 0x01, // hdr_len: eth 14 << 26, ip 20 << 16, tcp 40 << 10, channel 1
        0x0f, 0xff, // vlan
        0x12, 0x07, // l2info: intf 1 << 12, xact_match (9), mac_idx 7
        0x10, 0x00, 0x01, 0xf4, // tos 0x10, stid 500
        0x05, 0xb4, 7, 0xc0, // mss 1460, wsf 7, tstamp (7) and sack (6)
    ]
    { tid() => Tid(0x2345) }
}

#[test]
fn pass_accept_req_is_followed_by_the_frame() {
    let mut bytes = PassAcceptReq::new(Tid(1)).with_len(3).as_bytes().to_vec();
    bytes.extend_from_slice(&[0xaa, 0xbb, 0xcc]);
    let (request, frame) = split::<PassAcceptReq>(&bytes).expect("read");
    assert_eq!((request.len(), frame), (3, &[0xaa, 0xbb, 0xcc][..]));
}

cpl_vector! {
    pass_accept_rpl: PassAcceptRpl, new(Tid(0x2345)) {
        opt2: opt2(),
        opt0: opt0(),
        iss: 0x1122_3344,
    }
    [
        0x02, 0x00, 0x23, 0x45, // ot: opcode 0x02, tid
        0xf0, 0x04, 0x04, 0x21, // opt2
        0x80, 0x1d, 0x01, 0x23, 0x40, 0x10, 0x00, 0x00, // opt0
        0x11, 0x22, 0x33, 0x44, // iss
        0, 0, 0, 0, // reserved
    ]
    { tid() => Tid(0x2345) }
}

cpl_vector! {
    t4_pass_accept_rpl: T4PassAcceptRpl, new(Tid(0x2345)) { opt2: opt2(), opt0: opt0() }
    [
        0x02, 0x00, 0x23, 0x45, // ot: opcode 0x02, tid
        0xf0, 0x04, 0x04, 0x21, // opt2
        0x80, 0x1d, 0x01, 0x23, 0x40, 0x10, 0x00, 0x00, // opt0
    ]
    { tid() => Tid(0x2345) }
}

cpl_vector! {
    act_open_req: ActOpenReq, new(IqId(0x21), Atid(0x1abc)) {
        local_port: 0xc001,
        peer_port: 80,
        local_ip: Ipv4Addr::new(10, 1, 2, 3),
        peer_ip: Ipv4Addr::new(10, 4, 5, 6),
        opt0: opt0(),
        iss: 0xaabb_ccdd,
        opt2: opt2(),
        params: Params64(0).with_filter_tuple(0x0c_0000_0024),
    }
    [
        // ot: opcode 0x03; queue 0x21 << 14 = 0x084000, atid 0x1abc
        0x03, 0x08, 0x5a, 0xbc,
        0xc0, 0x01, // local port
        0x00, 0x50, // peer port 80
        10, 1, 2, 3, // local address
        10, 4, 5, 6, // peer address
        0x80, 0x1d, 0x01, 0x23, 0x40, 0x10, 0x00, 0x00, // opt0
        0xaa, 0xbb, 0xcc, 0xdd, // iss
        0xf0, 0x04, 0x04, 0x21, // opt2
        0x0c, 0x00, 0x00, 0x00, 0x24, 0x00, 0x00, 0x00, // params: the tuple in 63:24
    ]
    { atid() => Atid(0x1abc), reply_to() => IqId(0x21) }
}

cpl_vector! {
    act_open_req6: ActOpenReq6, new(IqId(0x3ff), Atid(0x3fff)) {
        local_port: 0xc002,
        peer_port: 443,
        local_ip: local6(),
        peer_ip: peer6(),
        opt0: opt0(),
        iss: 0x0102_0304,
        opt2: opt2(),
        params: Params64(0).with_filter_tuple(0x06).with_fcoe_mask(true),
    }
    [
        0x83, 0xff, 0xff, 0xff, // ot: opcode 0x83, queue 0x3ff and atid 0x3fff: all ones
        0xc0, 0x02, // local port
        0x01, 0xbb, // peer port 443
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, // local address, high
        0, 1, 0, 2, 0, 3, 0, 4, // local address, low
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x0a, 0x00, 0x0b, // peer address, high
        0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x0d, // peer address, low
        0x80, 0x1d, 0x01, 0x23, 0x40, 0x10, 0x00, 0x00, // opt0
        0x01, 0x02, 0x03, 0x04, // iss
        0xf0, 0x04, 0x04, 0x21, // opt2
        0x00, 0x00, 0x00, 0x00, 0x06, 0x00, 0x00, 0x01, // params: tuple 6 << 24, fcoe_mask
    ]
    { atid() => Atid(0x3fff), reply_to() => IqId(0x3ff) }
}

cpl_vector! {
    t4_act_open_req: T4ActOpenReq, new(IqId(1), Atid(2)) {
        local_port: 0xc001,
        peer_port: 80,
        local_ip: Ipv4Addr::new(10, 1, 2, 3),
        peer_ip: Ipv4Addr::new(10, 4, 5, 6),
        opt0: opt0(),
        params: 0x0c00_0024,
        opt2: opt2(),
    }
    [
        0x03, 0x00, 0x40, 0x02, // ot: opcode 0x03, queue 1 << 14, atid 2
        0xc0, 0x01, // local port
        0x00, 0x50, // peer port
        10, 1, 2, 3, // local address
        10, 4, 5, 6, // peer address
        0x80, 0x1d, 0x01, 0x23, 0x40, 0x10, 0x00, 0x00, // opt0
        0x0c, 0x00, 0x00, 0x24, // params
        0xf0, 0x04, 0x04, 0x21, // opt2
    ]
    { atid() => Atid(2), reply_to() => IqId(1) }
}

cpl_vector! {
    t4_act_open_req6: T4ActOpenReq6, new(IqId(1), Atid(2)) {
        local_port: 0xc002,
        peer_port: 443,
        local_ip: local6(),
        peer_ip: peer6(),
        opt0: opt0(),
        params: 0x0c00_0024,
        opt2: opt2(),
    }
    [
        0x83, 0x00, 0x40, 0x02, // ot: opcode 0x83, queue 1 << 14, atid 2
        0xc0, 0x02, // local port
        0x01, 0xbb, // peer port
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, // local address, high
        0, 1, 0, 2, 0, 3, 0, 4, // local address, low
        0x20, 0x01, 0x0d, 0xb8, 0x00, 0x0a, 0x00, 0x0b, // peer address, high
        0x00, 0x00, 0x00, 0x00, 0x00, 0x0c, 0x00, 0x0d, // peer address, low
        0x80, 0x1d, 0x01, 0x23, 0x40, 0x10, 0x00, 0x00, // opt0
        0x0c, 0x00, 0x00, 0x24, // params
        0xf0, 0x04, 0x04, 0x21, // opt2
    ]
    { atid() => Atid(2), reply_to() => IqId(1) }
}

cpl_vector! {
    act_open_rpl: ActOpenRpl, new(Tid(0x01_0203)) {
        atid_status: AtidStatus::of(
            OpcodeTid::with_queue(Opcode::ACT_OPEN_REQ, IqId(0x21), 0x1abc),
            Status::ARP_MISS,
        ),
    }
    [
        0x25, 0x01, 0x02, 0x03, // ot: opcode 0x25, tid
        0x08, 0x5a, 0xbc, // the request's 24 bits: queue 0x21, atid 0x1abc
        23, // status
    ]
    { tid() => Tid(0x01_0203), atid() => Atid(0x1abc), status() => Status::ARP_MISS }
}

cpl_vector! {
    pass_establish: PassEstablish, new(Tid(0x2345)) {
        tos_stid: TosStid(0).with_tos(0x10).with_stid(Stid(500)),
        mac_idx: 0x0007,
        tcp_opt: TcpOpt(0).with_mss(8).with_snd_wscale(9).with_tstamp(true).with_sack(true).with_wscale_ok(true),
        snd_isn: 0x1122_3345,
        rcv_isn: 0x5566_7789,
    }
    [
        0x41, 0x00, 0x23, 0x45, // ot: opcode 0x41, tid
        0, 0, 0, 0, // reserved
        0x10, 0x00, 0x01, 0xf4, // tos 0x10, stid 500
        0x00, 0x07, // mac_idx
        0x89, 0xe0, // tcp_opt: mss 8, snd_wscale 9, tstamp, sack, wscale_ok
        0x11, 0x22, 0x33, 0x45, // our ISN + 1
        0x55, 0x66, 0x77, 0x89, // the peer's ISN + 1
    ]
    { tid() => Tid(0x2345) }
}

cpl_vector! {
    act_establish: ActEstablish, new(Tid(0x01_0203)) {
        tos_atid: TosAtid::of(OpcodeTid::with_queue(Opcode::ACT_OPEN_REQ, IqId(0x21), 0x1abc), 0x20),
        mac_idx: 0x0102,
        tcp_opt: TcpOpt(0).with_mss(0xf).with_snd_wscale(0xe),
        snd_isn: 0xaabb_ccde,
        rcv_isn: 0x0000_0000,
    }
    [
        0x40, 0x01, 0x02, 0x03, // ot: opcode 0x40, tid
        0, 0, 0, 0, // reserved
        0x20, 0x08, 0x5a, 0xbc, // tos 0x20, the request's 24 bits
        0x01, 0x02, // mac_idx
        0xfe, 0x00, // tcp_opt: mss 15, snd_wscale 14
        0xaa, 0xbb, 0xcc, 0xde, // our ISN + 1
        0x00, 0x00, 0x00, 0x00, // the peer's ISN + 1: it began at 0xffff_ffff
    ]
    { tid() => Tid(0x01_0203) }
}

#[test]
fn act_establish_tells_the_request() {
    let tos_atid = TosAtid(0x2008_5abc);
    assert_eq!((tos_atid.atid(), tos_atid.reply_to()), (Atid(0x1abc), IqId(0x21)));
}

cpl_vector! {
    tid_release: TidRelease, new(Tid(0xff_fffe)) {}
    [
        0x1a, 0xff, 0xff, 0xfe, // ot: opcode 0x1a, tid
        0, 0, 0, 0, // reserved
    ]
    { tid() => Tid(0xff_fffe) }
}
