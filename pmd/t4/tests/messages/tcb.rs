//! Messages that read and write a TCB.

use mafo_t4::cpl::*;
use mafo_t4::tcb::{Tcb, field};
use mafo_t4::wr::FilterCookie;
use mafo_t4::{IqId, Tid};

use crate::pretty;

const TID: Tid = Tid(0x12_3456);

cpl_vector! {
    set_tcb: SetTcb, new(TID) { reply_ctrl: ReplyCtrl::SILENT, cookie: 0x0102 }
    [
        0x04, 0x12, 0x34, 0x56, // ot: opcode 0x04, tid
        0x80, 0x00, // reply_ctrl: no_reply (15)
        0x01, 0x02, // cookie
    ]
    { tid() => TID }
}

cpl_vector! {
    set_tcb_field: SetTcbField, new(TID) {
        reply_ctrl: ReplyCtrl::to(IqId(0x21)).with_reply_chan(true),
        word_cookie: WordCookie(0).with_word(16).with_cookie(5),
        mask: 0x0000_03ff_ffff_fc00,
        val: 0x0000_0102_0304_0506,
    }
    [
        0x05, 0x12, 0x34, 0x56, // ot: opcode 0x05, tid
        0x40, 0x21, // reply_ctrl: reply_chan (14), queue 0x21
        0x00, 0xb0, // word 16, cookie 5 << 5
        0x00, 0x00, 0x03, 0xff, 0xff, 0xff, 0xfc, 0x00, // mask
        0x00, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, // value
    ]
    { tid() => TID, word() => 16 }
}

#[test]
fn set_tcb_field_of_a_named_field() {
    // RCV_NXT: word 16, shift 10, 32 bits. Mask 0xffff_ffff << 10, value 0x8000_0001 << 10.
    let set = SetTcbField::of(TID, field::RCV_NXT, 0x8000_0001)
        .with_cookie(3)
        .with_reply_ctrl(ReplyCtrl::SILENT);
    pretty(
        set.as_bytes(),
        &[
            0x05, 0x12, 0x34, 0x56, // ot
            0x80, 0x00, // no answer
            0x00, 0x70, // word 16, cookie 3 << 5
            0x00, 0x00, 0x03, 0xff, 0xff, 0xff, 0xfc, 0x00, // mask
            0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x04, 0x00, // value
        ],
    );
}

#[test]
fn set_tcb_field_that_reads() {
    let read = SetTcbField::read(TID, 31, IqId(2)).with_cookie(7);
    pretty(
        read.as_bytes(),
        &[
            0x05, 0x12, 0x34, 0x56, // ot
            0x00, 0x02, // answer to queue 2
            0x00, 0xff, // word 31, cookie 7 << 5
            0, 0, 0, 0, 0, 0, 0, 0, // empty mask
            0, 0, 0, 0, 0, 0, 0, 0, // value
        ],
    );
    // The answer repeats the low byte of word_cookie, and tells what was there.
    let reply = read.reply(0x1122_3344_5566_7788);
    pretty(
        reply.as_bytes(),
        &[
            0x3a, 0x12, 0x34, 0x56, // ot
            0, 0,    // reserved
            0xff, // cookie
            0,    // status
            0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, // old value
        ],
    );
}

cpl_vector! {
    set_tcb_rpl: SetTcbRpl, new(TID) {
        cookie: TcbCookie(0).with_word(16).with_cookie(5),
        status: Status::NONE,
        oldval: 0x0102_0304_0506_0708,
    }
    [
        0x3a, 0x12, 0x34, 0x56, // ot: opcode 0x3a, tid
        0, 0, // reserved
        0xb0, // cookie: word 16, cookie 5 << 5
        0, // status
        1, 2, 3, 4, 5, 6, 7, 8, // old value
    ]
    { tid() => TID }
}

#[test]
fn set_tcb_rpl_of_a_filter() {
    let bytes = [
        0x3a, 0x00, 0x01, 0xf0, // ot: ftid 496
        0, 0,    // reserved
        0x40, // cookie 2 << 5: deleted
        0,    // status
        0, 0, 0, 0, 0, 0, 0, 0, // old value
    ];
    let reply = parse::<SetTcbRpl>(&bytes).expect("read");
    assert_eq!((reply.tid(), reply.filter_cookie()), (Tid(496), FilterCookie::FLT_DELETED));
}

cpl_vector! {
    get_tcb: GetTcb, new(TID) { reply_ctrl: ReplyCtrl::to(IqId(0x3ff)), cookie: 0x0a0b }
    [
        0x06, 0x12, 0x34, 0x56, // ot: opcode 0x06, tid
        0x03, 0xff, // reply_ctrl: queue 0x3ff
        0x0a, 0x0b, // cookie
    ]
    { tid() => TID }
}

#[test]
fn get_tcb_rpl() {
    let mut bytes = vec![
        0x22, 0x12, 0x34, 0x56, // ot: opcode 0x22, tid
        7,    // cookie
        0,    // status
        0x00, 0x80, // len 128
    ];
    // The image: TX_MAX is word 9, which begins at byte 124 - 4 x 9 = 88.
    let mut image = [0; 128];
    image[88..92].copy_from_slice(&[0xde, 0xad, 0xbe, 0xef]);
    bytes.extend_from_slice(&image);

    let tcb = Tcb::default().with(field::TX_MAX, 0xdead_beef);
    let built = GetTcbRpl::new(TID).with_cookie(7).with_len(128).with_tcb(tcb);
    pretty(built.as_bytes(), &bytes);
    let read = parse::<GetTcbRpl>(&bytes).expect("read");
    assert_eq!((read.tid(), read.cookie(), read.len()), (TID, 7, 128));
    assert_eq!(read.tcb().tx_max(), 0xdead_beef);
    assert!(parse::<GetTcbRpl>(&bytes[..135]).is_none(), "the image must be whole");
}
