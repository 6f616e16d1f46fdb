//! Each message of the offload module as bytes, by hand.
//!
//! A work request begins with opcode 31:24, ATOMIC b23, COMPL b21, IMMDLEN 7:0; then FLOWID 27:8 and
//! LEN16 7:0.

use std::net::SocketAddrV4;

use mafo_t4::cpl::{AbortCmd, AcceptMode, CreditDack, ReplyCtrl, SetTcbField};
use mafo_t4::opt::{ConnPolicy, Opt0, Opt1, Opt2};
use mafo_t4::wr::{Mnem, Sge, UlptxWriter};
use mafo_t4::{Atid, Iova, IqId, Stid};

use super::*;
use crate::tests::queue::{Card, egress, words};

const TID: Tid = Tid(0x1234);

fn at(text: &str) -> SocketAddrV4 {
    text.parse().expect("an address")
}

#[test]
fn opening_and_listening() {
    let (mut ctrl, mut card) = egress();
    let open = ActOpen {
        atid: Atid(0x155),
        reply_to: IqId(0x109),
        local: at("10.77.0.2:40000"),
        peer: at("10.77.0.1:7"),
        opt0: Opt0(0x1122_3344_5566_7788),
        opt2: Opt2(0x8000_0509),
        iss: 0xcafe_f00d,
        filter_tuple: 6 << 21,
    };
    act_open(&mut ctrl, &open).expect("room");
    // FW_TP_WR, 40 bytes of CPL; ACT_OPEN_REQ (3) with queue 23:14 and atid; ports; addresses; opt0;
    // iss; opt2; the tuple from bit 24 on.
    let expected = words(&[
        0x0500_0028,
        4,
        0,
        0,
        0x0342_4155,
        0x9c40_0007,
        0x0a4d_0002,
        0x0a4d_0001,
        0x1122_3344,
        0x5566_7788,
        0xcafe_f00d,
        0x8000_0509,
        0x0000_c000,
        0,
        0,
        0,
    ]);
    assert_eq!(card.take(), expected);

    let opt1 = Opt1(0).with_policy(ConnPolicy::ASK).with_syn_queue(IqId(0x109));
    let listen = Listen { stid: Stid(600), local: at("10.77.0.2:80"), opt0: Opt0(0x99), opt1 };
    pass_open(&mut ctrl, &listen).expect("room");
    // PASS_OPEN_REQ (1): stid, ports, addresses, opt0; opt1 with policy 1 at 23:22, queue 11:2, enable b0.
    let expected = words(&[
        0x0500_0020,
        3,
        0,
        0,
        0x0100_0258,
        0x0050_0000,
        0x0a4d_0002,
        0,
        0,
        0x99,
        0,
        0x0040_0425,
    ]);
    assert_eq!(card.take(), expected);

    close_listsrv(&mut ctrl, Stid(600), IqId(0x109)).expect("room");
    // CLOSE_LISTSRV_REQ (9): stid, queue 9:0.
    assert_eq!(card.take(), words(&[0x0500_0008, 2, 0, 0, 0x0900_0258, 0x0109_0000, 0, 0]));

    let opt0 = Opt0(0x4400_0000_0000_0000).with_accept(AcceptMode::REJECT);
    let accept = Accept { tid: TID, opt0, opt2: Opt2(0x8004_0400), iss: 0x0102_0304 };
    pass_accept_rpl(&mut ctrl, &accept).expect("room");
    // PASS_ACCEPT_RPL (2), FLOWID the tid: opt2, opt0 with mode 1, iss.
    let expected = words(&[
        0x0500_0018,
        0x0012_3403,
        0,
        0,
        0x0200_1234,
        0x8004_0400,
        0x4400_0000,
        1,
        0x0102_0304,
        0,
        0,
        0,
    ]);
    assert_eq!(card.take(), expected);
}

#[test]
fn receive_credits_tids_and_tcbs_by_the_control_queue() {
    let (mut ctrl, mut card) = egress();
    let ack = CreditDack(0).with_credits(65_536).with_force_ack(true);
    rx_data_ack(&mut ctrl, TID, ack).expect("room");
    // RX_DATA_ACK (0x0d): FORCE_ACK b28, CREDITS 25:0.
    let expected = words(&[0x0500_0008, 0x0012_3402, 0, 0, 0x0d00_1234, 0x1001_0000, 0, 0]);
    assert_eq!(card.take(), expected);

    tid_release(&mut ctrl, TID).expect("room");
    let expected = words(&[0x0500_0008, 0x0012_3402, 0, 0, 0x1a00_1234, 0, 0, 0]);
    assert_eq!(card.take(), expected);

    get_tcb(&mut ctrl, TID, IqId(0x109), 5).expect("room");
    // GET_TCB (6): reply queue, cookie.
    let expected = words(&[0x0500_0008, 0x0012_3402, 0, 0, 0x0600_1234, 0x0109_0005, 0, 0]);
    assert_eq!(card.take(), expected);

    let field = SetTcbField::at(TID, 16, 0xff, 0x12)
        .with_reply_ctrl(ReplyCtrl::to(IqId(0x109)))
        .with_cookie(3);
    set_tcb_field(Via::Control(&mut ctrl), &field).expect("room");
    // SET_TCB_FIELD (5): reply queue, cookie 7:5 and word 4:0, mask, value.
    let expected =
        words(&[0x0500_0018, 0x0012_3403, 0, 0, 0x0500_1234, 0x0109_0070, 0, 0xff, 0, 0x12, 0, 0]);
    assert_eq!(card.take(), expected);
}

/// An offload queue with a connection's credits.
fn connection() -> (Eq, TxCreditPool, Card) {
    let (eq, card) = egress();
    (eq, TxCreditPool::new(64), card)
}

#[test]
fn a_flow_begins_with_its_parameters() {
    let (mut eq, mut pool, mut card) = connection();
    let params = [(Mnem::PFNVFN, 4 << 8), (Mnem::CH, 1), (Mnem::IQID, 0x109)];
    flowc(&mut eq, &mut pool, TID, &params, Then::More).expect("room");
    // FLOWC (0x0a), three parameters: mnemonic, three bytes of nothing, value.
    let expected = words(&[0x0a00_0003, 0x0012_3402, 0, 0x400, 0x0100_0000, 1, 0x0300_0000, 0x109]);
    assert_eq!(card.take(), expected);
    assert_eq!((pool.outstanding(), pool.work_requests()), (2, 1));
}

#[test]
fn payload_inside_the_work_request_or_where_it_lies() {
    let (mut eq, mut pool, mut card) = connection();
    tx_data(&mut eq, &mut pool, TID, TxPayload::Inline(b"hello"), Mark::Plain, Then::More)
        .expect("room");
    // OFLD_TX_DATA (0x0b), IMMDLEN 5, plen 5, no flags, payload padded to 16.
    let expected = words(&[0x0b00_0005, 0x0012_3402, 5, 0, 0x6865_6c6c, 0x6f00_0000, 0, 0]);
    assert_eq!(card.take(), expected);
    let pieces = [
        Sge { iova: Iova(0x8100_0000_1000), len: 1000 },
        Sge { iova: Iova(0x8100_0000_2000), len: 24 },
    ];
    tx_data(&mut eq, &mut pool, TID, TxPayload::Sgl(&pieces), Mark::Push, Then::Idle)
        .expect("room");
    // COMPL (b21) and SHOVE (b14) when nothing follows; DSGL of two: length and address of the first,
    // then of the second, padded to 16.
    let expected = words(&[
        0x0b20_0000,
        0x0012_3403,
        1024,
        0x4000,
        0x8200_0002,
        1000,
        0x8100,
        0x1000,
        24,
        0,
        0x8100,
        0x2000,
    ]);
    assert_eq!(card.take(), expected);
    assert_eq!((pool.outstanding(), pool.work_requests()), (2 + 3, 2));
    assert_eq!(pool.give_back(5), Ok(2));
}

#[test]
fn the_end_of_a_connection_asks_for_no_second_answer() {
    let (mut eq, mut pool, mut card) = connection();
    close_con(&mut eq, &mut pool, TID).expect("room");
    // CLOSE_CON_REQ (8).
    let expected = words(&[0x0500_0008, 0x0012_3402, 0, 0, 0x0800_1234, 0, 0, 0]);
    assert_eq!(card.take(), expected);
    let abort = Abort { cmd: AbortCmd::NO_RST, snd_nxt: 0xdead_beef, tx_data_sent: true };
    abort_req(&mut eq, &mut pool, TID, abort).expect("room");
    // ABORT_REQ (0x0a): snd_nxt, !tx_data_sent, cmd 1.
    let expected =
        words(&[0x0500_0010, 0x0012_3402, 0, 0, 0x0a00_1234, 0xdead_beef, 0x0001_0000, 0]);
    assert_eq!(card.take(), expected);
    let abort = Abort { cmd: AbortCmd::SEND_RST, snd_nxt: 0, tx_data_sent: false };
    abort_req(&mut eq, &mut pool, TID, abort).expect("room");
    assert_eq!(card.take()[24..26], [1, 0]);
    abort_rpl(&mut eq, &mut pool, TID, AbortCmd::NO_RST).expect("room");
    // ABORT_RPL (0x0b).
    let expected = words(&[0x0500_0010, 0x0012_3402, 0, 0, 0x0b00_1234, 0, 0x0001_0000, 0]);
    assert_eq!(card.take(), expected);
}

#[test]
fn several_fields_of_a_tcb_at_once() {
    let (mut eq, mut pool, mut card) = connection();
    let fields = [
        SetTcbField::at(TID, 3, 0xf0, 0x40).with_reply_ctrl(ReplyCtrl::SILENT),
        SetTcbField::at(TID, 1, 2, 0).with_reply_ctrl(ReplyCtrl::to(IqId(0x109))),
    ];
    tcb_batch(Via::Offload(&mut eq, &mut pool, Then::Idle), TID, &fields).expect("room");
    // ULPTX (4), ATOMIC b23, COMPL b21; each: ULP_TXPKT (4) of three units, immediate data (0x81) of 24
    // bytes, the CPL, a NOOP (0x80) up to 48.
    let one = |reply_word: u32, mask: u32, value: u32| {
        [
            0x0400_0000,
            3,
            0x8100_0000,
            24,
            0x0500_1234,
            reply_word,
            0,
            mask,
            0,
            value,
            0x8000_0000,
            0,
        ]
    };
    let mut expected = vec![0x04a0_0000, 0x0012_3407, 0, 0];
    expected.extend(one(0x8000_0003, 0xf0, 0x40));
    expected.extend(one(0x0109_0001, 2, 0));
    assert_eq!(card.take(), words(&expected));
    assert_eq!(pool.outstanding(), 7);

    let (mut ctrl, mut card) = egress();
    tcb_batch(Via::Control(&mut ctrl), TID, &fields).expect("room");
    expected[0] = 0x0480_0000;
    assert_eq!(card.take(), words(&expected), "the same without an answer");
    let many = [fields[0]; UlptxWriter::MAX_SET_TCB_FIELDS];
    tcb_batch(Via::Control(&mut ctrl), TID, &many).expect("ten fit");
    assert_eq!(card.take().len(), 16 + 10 * 48);
}

#[test]
fn a_queue_is_left_empty_by_what_is_answered() {
    let (mut eq, mut pool, mut card) = connection();
    assert_eq!(pool.tail(), Tail::Empty);
    flowc(&mut eq, &mut pool, TID, &[(Mnem::CH, 0)], Then::More).expect("room");
    assert_eq!(pool.tail(), Tail::Unanswered, "a FW4_ACK is no end");
    close_con(&mut eq, &mut pool, TID).expect("room");
    assert_eq!(pool.tail(), Tail::Answered);
    abort_rpl(&mut eq, &mut pool, TID, AbortCmd::NO_RST).expect("room");
    assert_eq!(pool.tail(), Tail::Unanswered);
    for _ in 0..3 {
        card.take();
    }
    last_word(&mut eq, &mut pool, TID, IqId(0x109)).expect("room");
    // FW_TP_WR without COMPL, then SET_TCB_FIELD (5): reply queue, word 0, mask 0, value 0.
    let expected =
        words(&[0x0500_0018, 0x0012_3403, 0, 0, 0x0500_1234, 0x0109_0000, 0, 0, 0, 0, 0, 0]);
    assert_eq!((card.take(), pool.tail()), (expected, Tail::Answered));
}

#[test]
fn what_is_refused_changes_nothing() {
    let (mut eq, mut pool, _) = connection();
    while flowc(&mut eq, &mut pool, TID, &[(Mnem::CH, 0)], Then::More) == Ok(()) {}
    let refused =
        tx_data(&mut eq, &mut pool, TID, TxPayload::Inline(&[1]), Mark::Plain, Then::More);
    assert_eq!(refused, Err(Refused::NoCredits));
    assert_eq!(pool.available(), 0);

    let (mut eq, mut pool, _) = connection();
    // 64 units, one of them free: seven times eight and seven times one.
    let mut other = TxCreditPool::new(1000);
    let many = [SetTcbField::at(TID, 0, 0, 0); 10];
    for _ in 0..7 {
        tcb_batch(Via::Offload(&mut eq, &mut other, Then::More), TID, &many).expect("room");
    }
    for _ in 0..7 {
        close_con(&mut eq, &mut other, TID).expect("room");
    }
    let refused = close_con(&mut eq, &mut pool, TID);
    assert_eq!(refused, Err(Refused::RingFull));
    assert_eq!((pool.outstanding(), pool.work_requests()), (0, 0), "the credits are back");
    assert_eq!(rx_data_ack(&mut eq, TID, CreditDack(0)), Err(Full));
    let refused = tcb_batch(Via::Control(&mut eq), TID, &many);
    assert_eq!(refused, Err(Refused::RingFull));
}

#[test]
fn an_abort_takes_the_reserve() {
    let (mut eq, mut pool, _) = connection();
    while tx_data(&mut eq, &mut pool, TID, TxPayload::Inline(&[1]), Mark::Plain, Then::More)
        == Ok(())
    {}
    assert_eq!(close_con(&mut eq, &mut pool, TID), Err(Refused::NoCredits));
    let abort = Abort { cmd: AbortCmd::SEND_RST, snd_nxt: 0, tx_data_sent: true };
    abort_req(&mut eq, &mut pool, TID, abort).expect("reserved");
    abort_rpl(&mut eq, &mut pool, TID, AbortCmd::NO_RST).expect("reserved");
}

#[test]
#[should_panic(expected = "payload that no work request can hold")]
fn payload_of_no_bytes_is_a_bug() {
    let (mut eq, mut pool, _) = connection();
    let _ = tx_data(&mut eq, &mut pool, TID, TxPayload::Inline(&[]), Mark::Plain, Then::More);
}
