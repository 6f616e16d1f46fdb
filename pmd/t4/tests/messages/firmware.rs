//! Messages of the firmware and the SGE.

use mafo_t4::cpl::*;
use mafo_t4::{EqId, Tid};

use crate::pretty;

cpl_vector! {
    fw4_msg: Fw4Msg, new() {
        kind: FwMsgType::RSSCPL,
        data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
    }
    [
        0xc0, // opcode
        4, // type: RSS header and CPL
        0, 0, 0, 0, 0, 0, // reserved
        1, 2, 3, 4, 5, 6, 7, 8, // data, flit 0
        9, 10, 11, 12, 13, 14, 15, 16, // data, flit 1
    ]
    { op() => Opcode::FW4_MSG }
}

cpl_vector! {
    fw6_msg: Fw6Msg, new() {
        kind: FwMsgType::OFLD_CONNECTION_WR_RPL,
        data: core::array::from_fn(|byte| byte as u8),
    }
    [
        0xe0, // opcode
        3, // type: answer to OFLD_CONNECTION_WR
        0, 0, 0, 0, 0, 0, // reserved
        0, 1, 2, 3, 4, 5, 6, 7, // data, flit 0
        8, 9, 10, 11, 12, 13, 14, 15, // data, flit 1
        16, 17, 18, 19, 20, 21, 22, 23, // data, flit 2
        24, 25, 26, 27, 28, 29, 30, 31, // data, flit 3
    ]
    { op() => Opcode::FW6_MSG, data_ref() => &core::array::from_fn(|byte| byte as u8) }
}

#[test]
fn a_cpl_inside_a_message() {
    // RSS header: opcode 0x25, queue 0x21; CPL: ACT_OPEN_RPL of tid 7.
    let data = [0x25, 0, 0x00, 0x21, 0, 0, 0, 0, 0x25, 0, 0, 7, 0, 0, 1, 23];
    let message = Fw4Msg::new().with_kind(FwMsgType::RSSCPL).with_data(data);
    let (rss, cpl) = message.encapsulated().expect("a CPL");
    assert_eq!((rss.op(), rss.qid()), (Opcode::ACT_OPEN_RPL, 0x21));
    let reply = parse::<ActOpenRpl>(cpl).expect("read");
    assert_eq!((reply.tid(), reply.status()), (Tid(7), Status::ARP_MISS));
    assert!(message.with_kind(FwMsgType::CMD_RPL).encapsulated().is_none());

    let mut data6 = [0; 32];
    data6[..16].copy_from_slice(&data);
    let message = Fw6Msg::new().with_kind(FwMsgType::RSSCPL).with_data(data6);
    let (rss, cpl) = message.encapsulated().expect("a CPL");
    assert_eq!((rss.op(), cpl.len()), (Opcode::ACT_OPEN_RPL, 24));
    assert!(message.ofld_connection_wr_rpl().is_none());
    // As an answer to FW_OFLD_CONNECTION_WR: bytes 8 to 11 are the tid, 12 the state, 13 the result.
    let message = message.with_kind(FwMsgType::OFLD_CONNECTION_WR_RPL);
    assert!(message.encapsulated().is_none());
    let reply = message.ofld_connection_wr_rpl().expect("an answer");
    assert_eq!((reply.tid(), reply.t_state(), reply.retval()), (0x2500_0007, 0, 0));
}

#[test]
fn ofld_connection_wr_rpl() {
    let bytes = [
        0xc0, 0x0c, 0x1e, 1, 2, 3, 4, 5, // cookie
        0x00, 0x01, 0x02, 0x03, // tid
        2,    // t_state: SYN_SENT
        22,   // retval: EINVAL
        0, 0, // reserved
    ];
    let built = OfldConnectionWrRpl::default()
        .with_cookie([0xc0, 0x0c, 0x1e, 1, 2, 3, 4, 5])
        .with_tid(0x0001_0203)
        .with_t_state(2)
        .with_retval(22);
    pretty(built.as_bytes(), &bytes);
    let read: OfldConnectionWrRpl = zerocopy::transmute!(bytes);
    assert_eq!((read.tid(), read.t_state(), read.retval()), (0x0001_0203, 2, 22));
    assert_eq!(read.cookie(), [0xc0, 0x0c, 0x1e, 1, 2, 3, 4, 5]);
}

cpl_vector! {
    sge_egr_update: SgeEgrUpdate, new() {
        opcode_qid: OpcodeEgrQid(0xa500_0000).with_egr_qid(0x1_2345),
        cidx: 0x0607,
        pidx: 0x0809,
    }
    [
        0xa5, 0x01, 0x23, 0x45, // opcode, egr_qid 0x1_2345
        0x06, 0x07, // cidx
        0x08, 0x09, // pidx
    ]
    { eq_id() => EqId(0x1_2345) }
}

#[test]
fn sge_egr_update_of_a_queue() {
    let update = SgeEgrUpdate::of(EqId(0x1_2345), 6, 7);
    pretty(update.as_bytes(), &[0xa5, 0x01, 0x23, 0x45, 0, 6, 0, 7]);
}

cpl_vector! {
    barrier: Barrier, new() { chan_map: ChanMap(0).with_channels(0b0101) }
    [
        0x18, // opcode
        0x50, // chan_map 7:4
        0, 0, 0, 0, 0, 0, // reserved
    ]
    { op() => Opcode::BARRIER }
}

cpl_vector! {
    error: Error, new(Tid(7)) { error: 0x0102_0304 }
    [
        0x21, 0, 0, 7, // ot: opcode 0x21, tid
        0x01, 0x02, 0x03, 0x04, // error
    ]
    { tid() => Tid(7) }
}
