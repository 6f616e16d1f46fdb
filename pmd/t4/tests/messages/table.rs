//! L2 table and source MAC table.

use mafo_t4::cpl::*;
use mafo_t4::{IqId, L2tIdx};

use crate::pretty;

cpl_vector! {
    l2t_write_req: L2tWriteReq, new(IqId(0x21), 0x1123) {
        params: L2tParams(0).with_port(2).with_lpbk(true),
        l2t_idx: L2tIdx(0x123),
        vlan: L2tWriteReq::VLAN_NONE,
        dst_mac: [2, 0x11, 0x22, 0x33, 0x44, 0x55],
    }
    [
        0x12, 0x08, 0x51, 0x23, // ot: opcode 0x12, queue 0x21 << 14, id 0x1123 (index and a tag in bit 12)
        0x06, 0x00, // params: lpbk (10), port 2 << 8
        0x01, 0x23, // index
        0x0f, 0xff, // no tag
        2, 0x11, 0x22, 0x33, 0x44, 0x55, // destination MAC
    ]
    { id() => 0x1123, reply_to() => IqId(0x21) }
}

cpl_vector! {
    l2t_write_rpl: L2tWriteRpl, new(IqId(0x21), 0x1123) { status: Status::NONE }
    [
        0x23, 0x08, 0x51, 0x23, // ot: opcode 0x23, the request's 24 bits
        0, // status
        0, 0, 0, // reserved
    ]
    { id() => 0x1123, reply_to() => IqId(0x21) }
}

cpl_vector! {
    smt_write_req: SmtWriteReq, new(IqId(0x21), 0x0005) {
        params: SmtParams(0).with_row(5),
        pfvf1: PfVf(0).with_pf(4).with_vf(0x81).with_vf_vld(true),
        src_mac1: [2, 1, 1, 1, 1, 1],
        pfvf0: PfVf(0).with_pf(4).with_vf(0x80),
        src_mac0: [2, 0, 0, 0, 0, 0],
    }
    [
        0x14, 0x08, 0x40, 0x05, // ot: opcode 0x14, queue 0x21 << 14, id 5
        0x00, 0x50, 0x00, 0x00, // params: row 5 << 20
        0x0c, 0x81, // pfvf1: vf_vld (11), pf 4 << 8, vf 0x81
        2, 1, 1, 1, 1, 1, // MAC 1
        0x04, 0x80, // pfvf0: pf 4 << 8, vf 0x80
        2, 0, 0, 0, 0, 0, // MAC 0
    ]
    { id() => 5, reply_to() => IqId(0x21) }
}

cpl_vector! {
    smt_write_rpl: SmtWriteRpl, new(IqId(0x21), 0x0005) { status: Status::BAD_LENGTH }
    [
        0x2e, 0x08, 0x40, 0x05, // ot: opcode 0x2e, the request's 24 bits
        15, // status
        0, 0, 0, // reserved
    ]
    { id() => 5, reply_to() => IqId(0x21) }
}
