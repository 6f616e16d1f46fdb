//! Data, credits and the end of a connection.

use mafo_t4::Tid;
use mafo_t4::cpl::*;

use crate::pretty;

const TID: Tid = Tid(0x12_3456);

cpl_vector! {
    rx_data: RxData, new(TID) {
        len: 1448,
        seq: 0xdead_beef,
        urg: 0x0102,
        flags: RxDataFlags(0).with_psh(true).with_dack_mode(1),
        status: Status::NONE,
    }
    [
        0x39, 0x12, 0x34, 0x56, // ot: opcode 0x39, tid
        0, 0, // reserved
        0x05, 0xa8, // len 1448
        0xde, 0xad, 0xbe, 0xef, // seq
        0x01, 0x02, // urg
        0x05, // psh (2), dack_mode 1
        0, // status
    ]
    { tid() => TID }
}

cpl_vector! {
    rx_data_ack: RxDataAck, new(TID) {
        credit_dack: CreditDack(0).with_credits(65_536).with_force_ack(true),
    }
    [
        0x0d, 0x12, 0x34, 0x56, // ot: opcode 0x0d, tid
        0x10, 0x01, 0x00, 0x00, // force_ack (28), credits 65,536
    ]
    { tid() => TID }
}

cpl_vector! {
    tx_data: TxData, new(TID) {
        len: 0x0001_0203,
        flags: TxDataFlags(0).with_shove(true).with_urgent(true),
    }
    [
        0x0c, 0x12, 0x34, 0x56, // ot: opcode 0x0c, tid
        0x00, 0x01, 0x02, 0x03, // len
        0, 0, 0, 0, // reserved
        0x00, 0x01, 0x40, 0x00, // flags: urgent (16), shove (14)
    ]
    { tid() => TID }
}

cpl_vector! {
    fw4_ack: Fw4Ack, new(TID) {
        credits: 37,
        flags: Fw4AckFlags(0).with_seqval(true),
        snd_nxt: 0x0a0b_0c0d,
        snd_una: 0x0e0f_1011,
    }
    [
        0xc3, 0x12, 0x34, 0x56, // ot: opcode 0xc3, tid
        37, // credits
        0, 0, // reserved
        0x01, // flags: seqval
        0x0a, 0x0b, 0x0c, 0x0d, // snd_nxt
        0x0e, 0x0f, 0x10, 0x11, // snd_una
        0, 0, 0, 0, 0, 0, 0, 0, // reserved
    ]
    { tid() => TID }
}

cpl_vector! {
    peer_close: PeerClose, new(TID) { rcv_nxt: 0x8000_0001 }
    [
        0x26, 0x12, 0x34, 0x56, // ot: opcode 0x26, tid
        0x80, 0x00, 0x00, 0x01, // rcv_nxt
    ]
    { tid() => TID }
}

cpl_vector! {
    close_con_req: CloseConReq, new(TID) {}
    [
        0x08, 0x12, 0x34, 0x56, // ot: opcode 0x08, tid
        0, 0, 0, 0, // reserved
    ]
    { tid() => TID }
}

cpl_vector! {
    close_con_rpl: CloseConRpl, new(TID) {
        status: Status::NONE,
        snd_nxt: 0x0102_0304,
        rcv_nxt: 0x0506_0708,
    }
    [
        0x32, 0x12, 0x34, 0x56, // ot: opcode 0x32, tid
        0, 0, 0, // reserved
        0, // status
        0x01, 0x02, 0x03, 0x04, // snd_nxt
        0x05, 0x06, 0x07, 0x08, // rcv_nxt
    ]
    { tid() => TID }
}

cpl_vector! {
    abort_req: AbortReq, new(TID) {
        snd_nxt: 0x0102_0304,
        no_tx_data: 1,
        cmd: AbortCmd::NO_RST,
    }
    [
        0x0a, 0x12, 0x34, 0x56, // ot: opcode 0x0a, tid
        0x01, 0x02, 0x03, 0x04, // snd_nxt
        1, // no data was posted
        1, // cmd: no RST
        0, 0, 0, 0, 0, 0, // reserved
    ]
    { tid() => TID }
}

cpl_vector! {
    abort_rpl: AbortRpl, new(TID) {
        snd_nxt: 0x0102_0304,
        no_tx_data: 2,
        cmd: AbortCmd::NO_RST,
    }
    [
        0x0b, 0x12, 0x34, 0x56, // ot: opcode 0x0b, tid
        0x01, 0x02, 0x03, 0x04, // snd_nxt
        2, // no data was posted
        1, // cmd: no RST
        0, 0, 0, 0, 0, 0, // reserved
    ]
    { tid() => TID }
}

cpl_vector! {
    abort_req_rss: AbortReqRss, new(TID) { status: Status::CONN_RESET }
    [
        0x2b, 0x12, 0x34, 0x56, // ot: opcode 0x2b, tid
        0, 0, 0, // reserved
        20, // status
    ]
    { tid() => TID }
}

cpl_vector! {
    abort_rpl_rss: AbortRplRss, new(TID) { status: Status::ABORT_FAILED }
    [
        0x2d, 0x12, 0x34, 0x56, // ot: opcode 0x2d, tid
        0, 0, 0, // reserved
        42, // status
    ]
    { tid() => TID }
}

cpl_vector! {
    rx_urg_notify: RxUrgNotify, new(TID) { seq: 0x0102_0304 }
    [
        0x2c, 0x12, 0x34, 0x56, // ot: opcode 0x2c, tid
        0x01, 0x02, 0x03, 0x04, // seq
    ]
    { tid() => TID }
}

cpl_vector! {
    rx_urg_pkt: RxUrgPkt, new(TID) { len: 0x0102 }
    [
        0x29, 0x12, 0x34, 0x56, // ot: opcode 0x29, tid
        0, 0, // reserved
        0x01, 0x02, // len
    ]
    { tid() => TID }
}
