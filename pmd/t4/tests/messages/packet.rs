//! Ethernet frames, out and in.

use mafo_t4::cpl::*;

use crate::pretty;

cpl_vector! {
    tx_pkt_xt: TxPkt, new() {
        ctrl0: TxPktCtrl0(0).with_op(0xee).with_intf(4).with_pf(4).with_vf(0x80),
        pack: 0x0102,
        len: 1514,
        ctrl1: TxPktCtrl1(0).with_csum_type(TxCsum::TCPIP.0.into()).with_iphdr_len(20),
    }
    [
        0xee, 0x04, 0x04, 0x80, // ctrl0: opcode, intf 4 << 16, pf 4 << 8, vf 0x80
        0x01, 0x02, // pack
        0x05, 0xea, // len 1514
        // ctrl1: csum_type 8 << 40, iphdr_len 20 << 20 = 0x0140_0000
        0x00, 0x00, 0x08, 0x00, 0x01, 0x40, 0x00, 0x00,
    ]
}

cpl_vector! {
    tx_pkt_lso: TxPktLso, new() {
        lso_ctrl: LsoCtrl(0)
            .with_op(0xed)
            .with_first_slice(true)
            .with_last_slice(true)
            .with_iphdr_len(5)
            .with_tcphdr_len(8),
        ipid_ofst: 0x0102,
        mss: LsoMss(0).with_mss(1448),
        seqno_offset: 0x0304_0506,
        len: 0x0001_0042,
    }
    [
        0xed, 0xc0, 0x00, 0x58, // lso_ctrl: opcode, first and last slice, IP 5 words, TCP 8 words
        0x01, 0x02, // ipid_ofst
        0x05, 0xa8, // mss 1448
        0x03, 0x04, 0x05, 0x06, // seqno_offset
        0x00, 0x01, 0x00, 0x42, // len
    ]
}

cpl_vector! {
    rx_pkt: RxPkt, new() {
        flags: RxPktFlags(0).with_iff(5).with_csum_calc(true),
        csum: 0xffff,
        vlan: 0x0123,
        len: 66,
        l2info: RxL2Info(0).with_chan(1).with_ip(true).with_tcp(true).with_syn(true).with_macidx(0x101)
            .with_ethhdr_len(14),
        hdr_len: RxHdrLen(0).with_ip(20).with_tcp(32),
        err_vec: RxErrVec(0).with_csum(true),
    }
    [
        0x3b, // opcode
        0x15, // csum_calc (4), iff 5
        0xff, 0xff, // csum
        0x01, 0x23, // vlan
        0x00, 0x42, // len 66
        // l2info: chan 1 << 28, ip (24), tcp (23), syn (21), macidx 0x101 << 8, ethhdr_len 14
        0x11, 0xa1, 0x01, 0x0e,
        0x05, 0x20, // hdr_len: ip 20 << 6, tcp 32
        0x20, 0x00, // err_vec: csum (13)
    ]
    { op() => Opcode::RX_PKT }
}

cpl_vector! {
    t5_trace_pkt: T5TracePkt, new() {
        intf: 3,
        flags: TraceFlags(0).with_filter_hit(1).with_err(true),
        len: 0x0102,
        tstamp: 0x0304_0506_0708_090a,
    }
    [
        0x48, // opcode
        3, // intf
        0x10, 0x40, // filter_hit 1, runt 0; err (6)
        0, 0, // reserved
        0x01, 0x02, // len
        3, 4, 5, 6, 7, 8, 9, 10, // tstamp
        0, 0, 0, 0, 0, 0, 0, 0, // reserved
    ]
    { op() => Opcode::T5_TRACE_PKT }
}

cpl_vector! {
    trace_pkt: TracePkt, new() {
        intf: 2,
        flags: TraceFlags(0).with_runt(7).with_trunc(true),
        len: 0x0102,
        tstamp: 0x0304_0506_0708_090a,
    }
    [
        0xb0, // opcode
        2, // intf
        0x07, 0x80, // filter_hit 0, runt 7; trunc (7)
        0, 0, // reserved
        0x01, 0x02, // len
        3, 4, 5, 6, 7, 8, 9, 10, // tstamp
    ]
    { op() => Opcode::TRACE_PKT }
}
