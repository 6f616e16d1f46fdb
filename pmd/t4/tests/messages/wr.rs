//! Work requests.

use mafo_t4::cpl::{
    self, CloseConReq, ReplyCtrl, SetTcbField, TxDataFlags, TxPkt, TxPktCtrl0, TxPktCtrl1,
};
use mafo_t4::tcb::field;
use mafo_t4::wr::*;
use mafo_t4::{Iova, IqId, Tid};

use crate::pretty;

const TID: Tid = Tid(0x1_2345);

#[test]
fn header_words() {
    let bytes = [
        0x0b, 0xe0, 0x00,
        0x5a, // opcode 0x0b, atomic (23), flush (22), compl (21), immdlen 0x5a
        0xc1, 0x23, 0x45, 0x20, // equiq (31), equeq (30), flowid 0x1_2345 << 8, len16 32
    ];
    let built = WrHeader::default()
        .with_hi(
            WrHi::of(Op::OFLD_TX_DATA)
                .with_atomic(true)
                .with_flush(true)
                .with_compl(true)
                .with_immdlen(0x5a),
        )
        .with_mid(WrMid(0).with_equiq(true).with_equeq(true).with_flowid(0x1_2345).with_len16(32));
    pretty(built.as_bytes(), &bytes);
    let read = header(&bytes).expect("read");
    assert_eq!((read.op(), read.flow(), read.bytes()), (Op::OFLD_TX_DATA, TID, 512));
    assert_eq!(read.hi().immdlen(), 0x5a);
    for (flag, hi) in
        [(0x0080_0000, WrHi(0).with_atomic(true)), (0x0040_0000, WrHi(0).with_flush(true))]
    {
        assert_eq!(hi.0, flag);
    }
    assert_eq!(WrHi(0).with_compl(true).0, 0x0020_0000);
    assert_eq!(WrMid(0).with_equiq(true).0, 0x8000_0000);
    assert_eq!(WrMid(0).with_equeq(true).0, 0x4000_0000);
    assert!(header(&bytes[..7]).is_none());
}

#[test]
fn lengths() {
    assert_eq!([0, 1, 15, 16, 17, 40, 512].map(len16), [0, 1, 1, 1, 2, 3, 32]);
    assert_eq!([0, 1, 64, 65, 128, 512].map(units), [0, 1, 1, 2, 2, 8]);
    assert_eq!(WrMid::of(TID, 40), WrMid(0).with_flowid(0x1_2345).with_len16(3));
}

#[test]
fn a_work_request_is_cut_to_its_own_length() {
    let mut bytes = vec![0; 600];
    for (len16, whole) in [(0, None), (1, Some(16)), (32, Some(512)), (33, None), (255, None)] {
        bytes[7] = len16;
        assert_eq!(cut(&bytes).map(|(_, wr)| wr.len()), whole, "len16 {len16}");
    }
    bytes[7] = 3;
    assert!(cut(&bytes[..47]).is_none(), "more than there is");
    assert_eq!(cut(&bytes[..48]).map(|(_, wr)| wr.len()), Some(48));
}

/// A SET_TCB_FIELD of 24 bytes in a work request of 16 + 24, padded to 48.
#[test]
fn tp_wr() {
    let set = SetTcbField::of(TID, field::SND_CWND, 0x3908).with_reply_ctrl(ReplyCtrl::SILENT);
    let bytes = [
        0x05, 0x20, 0x00, 0x18, // opcode 0x05, compl (21), immdlen 24
        0x01, 0x23, 0x45, 0x03, // flowid, len16 3
        0, 0, 0, 0, 0, 0, 0, 0, // cookie
        0x05, 0x01, 0x23, 0x45, // ot: opcode 0x05, tid
        0x80, 0x00, // no answer
        0x00, 0x0d, // word 13
        0x00, 0x00, 0x0f, 0xff, 0xff, 0xff, 0x00, 0x00, // mask: 28 bits << 16
        0x00, 0x00, 0x00, 0x00, 0x39, 0x08, 0x00, 0x00, // value << 16
        0, 0, 0, 0, 0, 0, 0, 0, // padding
    ];
    let mut buf = [0xaa; 48];
    assert_eq!(FwTpWr::write(&mut buf, TID, true, &set), Some(48));
    pretty(&buf, &bytes);
    assert_eq!(FwTpWr::len16_of::<SetTcbField>(), 3);
    assert_eq!(FwTpWr::cpl(&bytes), Ok(set.as_bytes()));
    for room in 0..48 {
        assert_eq!(FwTpWr::write(&mut buf[..room], TID, true, &set), None, "{room} bytes");
    }
    assert_eq!(FwTpWr::cpl(&bytes[..39]), Err(Malformed), "the CPL is cut off");
    assert_eq!(FwTpWr::cpl(&bytes[..15]), Err(Malformed), "no header");
}

/// Two SET_TCB_FIELDs of 48 bytes each and a CPL of 8 bytes that needs no padding.
#[rustfmt::skip]
const ULPTX: [u8; 16 + 48 + 48 + 32] = [
    0x04, 0xa0, 0x00, 0x00, // opcode 0x04, atomic (23), compl (21)
    0x01, 0x23, 0x45, 0x09, // flowid, len16 9
    0, 0, 0, 0, 0, 0, 0, 0, // cookie

    0x04, 0x00, 0x00, 0x00, // ULP_TXPKT: command 4, destination 0 (TP)
    0x00, 0x00, 0x00, 0x03, // len16 3
    0x81, 0x00, 0x00, 0x00, // IMM
    0x00, 0x00, 0x00, 0x18, // 24 bytes
    0x05, 0x01, 0x23, 0x45, // SET_TCB_FIELD: ot
    0x80, 0x00, 0x00, 0x09, // no answer, word 9
    0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, // mask of TX_MAX
    0x00, 0x00, 0x00, 0x00, 0xde, 0xad, 0xbe, 0xef, // value
    0x80, 0x00, 0x00, 0x00, // NOOP
    0x00, 0x00, 0x00, 0x00, // no bytes

    0x04, 0x00, 0x00, 0x00, // ULP_TXPKT
    0x00, 0x00, 0x00, 0x03, // len16 3
    0x81, 0x00, 0x00, 0x00, // IMM
    0x00, 0x00, 0x00, 0x18, // 24 bytes
    0x05, 0x01, 0x23, 0x45, // SET_TCB_FIELD: ot
    0x00, 0x21, 0x00, 0x21, // answer to queue 0x21; word 1, cookie 1 << 5
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, // mask: NON_OFFLOAD
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, // value
    0x80, 0x00, 0x00, 0x00, // NOOP
    0x00, 0x00, 0x00, 0x00, // no bytes

    0x04, 0x00, 0x00, 0x00, // ULP_TXPKT
    0x00, 0x00, 0x00, 0x02, // len16 2: 8 + 8 + 8 and a NOOP
    0x81, 0x00, 0x00, 0x00, // IMM
    0x00, 0x00, 0x00, 0x08, // 8 bytes
    0x08, 0x01, 0x23, 0x45, // CLOSE_CON_REQ: ot
    0, 0, 0, 0, // reserved
    0x80, 0x00, 0x00, 0x00, // NOOP
    0x00, 0x00, 0x00, 0x00, // no bytes
];

fn ulptx_cpls() -> (SetTcbField, SetTcbField, CloseConReq) {
    (
        SetTcbField::of(TID, field::TX_MAX, 0xdead_beef).with_reply_ctrl(ReplyCtrl::SILENT),
        SetTcbField::at(TID, 1, 2, 0).with_cookie(1).with_reply_ctrl(ReplyCtrl::to(IqId(0x21))),
        CloseConReq::new(TID),
    )
}

#[test]
fn ulptx_wr() {
    let (tx_max, flags, close) = ulptx_cpls();
    let mut buf = [0xaa; 512];
    let mut wr = UlptxWriter::new(&mut buf, TID).expect("room").atomic().compl();
    assert!(wr.is_empty());
    wr.push(&tx_max).expect("room");
    wr.push(&flags).expect("room");
    wr.push(&close).expect("room");
    assert!(!wr.is_empty());
    assert_eq!(wr.finish(), ULPTX.len());
    pretty(&buf[..ULPTX.len()], &ULPTX);

    let read: Vec<_> =
        UlptxCpls::of(&ULPTX).expect("header").map(|cpl| cpl.expect("read")).collect();
    assert_eq!(read.len(), 3);
    assert!(read.iter().all(|packet| packet.dest == TxPktDest::TP));
    assert_eq!(cpl::parse::<SetTcbField>(read[0].cpl), Some(&tx_max));
    assert_eq!(cpl::parse::<SetTcbField>(read[1].cpl), Some(&flags));
    assert_eq!(cpl::parse::<CloseConReq>(read[2].cpl), Some(&close));
}

#[test]
fn ulptx_wr_holds_ten_set_tcb_fields() {
    assert_eq!(UlptxWriter::MAX_SET_TCB_FIELDS, 10);
    let set = SetTcbField::at(TID, 0, 0, 0);
    let mut buf = [0; 1024];
    let mut wr = UlptxWriter::new(&mut buf, TID).expect("room");
    for _ in 0..10 {
        wr.push(&set).expect("room");
    }
    assert_eq!(wr.push(&set), Err(WrFull));
    assert_eq!(wr.finish(), 496);
    assert!(UlptxWriter::new(&mut [0; 15], TID).is_none());
}

#[test]
fn ulptx_wr_that_lies() {
    let first_packet = 16;
    // Byte to spoil, value, packets that are read before the lie is met.
    let lies = [
        (first_packet, 0x03, 0, "not a packet"),
        (first_packet + 7, 0, 0, "no length"),
        (first_packet + 7, 255, 0, "longer than the work request"),
        (first_packet + 4, 0xff, 0, "much longer"),
        (first_packet + 8, 0x82, 0, "not immediate data"),
        (first_packet + 15, 33, 0, "data longer than its packet"),
        (first_packet + 48 + 15, 200, 1, "the second packet's data"),
        (first_packet + 96 + 7, 3, 2, "the third packet is cut off"),
    ];
    for (at, value, good, what) in lies {
        let mut bytes = ULPTX;
        bytes[at] = value;
        let read: Vec<_> = UlptxCpls::of(&bytes).expect("header").collect();
        assert_eq!(read.len(), good + 1, "{what}: nothing follows the lie");
        assert!(read[..good].iter().all(Result::is_ok), "{what}");
        assert_eq!(read[good], Err(Malformed), "{what}");
    }
    assert!(UlptxCpls::of(&ULPTX[..15]).is_none());
    assert_eq!(UlptxCpls::of(&ULPTX[..16]).expect("header").count(), 0);
}

/// NSGE 4: the first in the head, a pair, and an odd one whose second half is left out.
#[rustfmt::skip]
const DSGL: [u8; 56] = [
    0x82, 0x00, 0x00, 0x04, // DSGL, four entries
    0x00, 0x00, 0x00, 0x64, // length 0
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x10, // address 0
    0x00, 0x00, 0x02, 0x00, // length 1
    0x00, 0x00, 0x03, 0x00, // length 2
    0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x20, // address 1
    0x00, 0x00, 0x00, 0x03, 0x00, 0x00, 0x00, 0x30, // address 2
    0x00, 0x00, 0x04, 0x00, // length 3
    0x00, 0x00, 0x00, 0x00, // no length 4
    0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x40, // address 3
];

const SGES: [Sge; 4] = [
    Sge { iova: Iova(0x1_0000_0010), len: 0x64 },
    Sge { iova: Iova(0x2_0000_0020), len: 0x200 },
    Sge { iova: Iova(0x3_0000_0030), len: 0x300 },
    Sge { iova: Iova(0x4_0000_0040), len: 0x400 },
];

#[test]
fn dsgl() {
    let mut buf = [0xaa; 64];
    assert_eq!(Dsgl::write(&mut buf, &SGES), Some(56));
    pretty(&buf[..56], &DSGL);
    assert_eq!(buf[56..], [0xaa; 8], "the second half of an odd pair is not there");
    let read = Dsgl::parse(&DSGL).expect("read");
    assert_eq!(read.len(), 4);
    assert_eq!(read.iter().collect::<Vec<_>>(), SGES);
    assert_eq!(read.total(), 0x64 + 0x200 + 0x300 + 0x400);
    assert_eq!(read.get(4), None);
    // One and three entries: no pair, and one whole pair.
    assert_eq!(Dsgl::write(&mut buf, &SGES[..1]), Some(16));
    assert_eq!(buf[..4], [0x82, 0, 0, 1]);
    assert_eq!(Dsgl::write(&mut buf, &SGES[..3]), Some(40));
    pretty(&buf[4..40], &DSGL[4..40]);
    assert_eq!(Dsgl::write(&mut buf, &[]), None);
}

#[test]
fn dsgl_lengths() {
    // Flits by the header's formula: 2 + 3 (n - 1) / 2 + (n - 1 odd).
    assert_eq!([1, 2, 3, 4, 5, 41].map(Dsgl::flits), [2, 4, 5, 7, 8, 62]);
    assert_eq!(Dsgl::max_entries(15), 0);
    for entries in 1..100 {
        assert_eq!(Dsgl::max_entries(Dsgl::bytes(entries)), entries);
        assert_eq!(Dsgl::max_entries(Dsgl::bytes(entries + 1) - 8), entries);
    }
    // 512 - 16 bytes are 62 flits.
    assert_eq!(FwOfldTxDataWr::MAX_SGES, 41);
}

#[test]
fn dsgl_that_lies() {
    let spoiled = |at: usize, value: u8| {
        let mut bytes = DSGL;
        bytes[at] = value;
        Dsgl::parse(&bytes).map(|list| list.len())
    };
    assert_eq!(spoiled(0, 0x81), Err(Malformed), "not a scatter list");
    assert_eq!(spoiled(3, 0), Err(Malformed), "no entries");
    assert_eq!(spoiled(3, 5), Err(Malformed), "one more than there is");
    assert_eq!(spoiled(2, 0xff), Err(Malformed), "many more");
    assert_eq!(spoiled(3, 3), Ok(3), "fewer than there is room for");
    for short in 0..56 {
        assert!(Dsgl::parse(&DSGL[..short]).is_err(), "{short} bytes");
    }
}

#[test]
fn flowc() {
    let params = [
        (Mnem::PFNVFN, PfnVfn(0).with_pfn(4).with_vfn(0x81).0),
        (Mnem::CH, 1),
        (Mnem::PORT, 2),
        (Mnem::IQID, 0x21),
        (Mnem::SNDNXT, 0xdead_beef),
        (Mnem::RCVNXT, 0x0102_0304),
        (Mnem::SNDBUF, 0x4_0000),
        (Mnem::MSS, 1448),
        (Mnem::TCPSTATE, 4),
        (Mnem::RCV_SCALE, 7),
    ];
    #[rustfmt::skip]
    let bytes = [
        0x0a, 0x20, 0x00, 0x0a, // opcode 0x0a, compl (21), ten parameters
        0x01, 0x23, 0x45, 0x06, // flowid, len16 6: 8 + 80 bytes and padding
        0, 0, 0, 0, 0x00, 0x00, 0x04, 0x81, // PFNVFN: PFN 4 << 8, VFN 0x81
        1, 0, 0, 0, 0x00, 0x00, 0x00, 0x01, // CH
        2, 0, 0, 0, 0x00, 0x00, 0x00, 0x02, // PORT
        3, 0, 0, 0, 0x00, 0x00, 0x00, 0x21, // IQID
        4, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef, // SNDNXT
        5, 0, 0, 0, 0x01, 0x02, 0x03, 0x04, // RCVNXT
        6, 0, 0, 0, 0x00, 0x04, 0x00, 0x00, // SNDBUF
        7, 0, 0, 0, 0x00, 0x00, 0x05, 0xa8, // MSS
        9, 0, 0, 0, 0x00, 0x00, 0x00, 0x04, // TCPSTATE: established
        14, 0, 0, 0, 0x00, 0x00, 0x00, 0x07, // RCV_SCALE
        0, 0, 0, 0, 0, 0, 0, 0, // padding
    ];
    let mut buf = [0xaa; 96];
    assert_eq!(FwFlowcWr::write(&mut buf, TID, true, &params), Some(96));
    pretty(&buf, &bytes);
    assert_eq!(FwFlowcWr::len16_of(10), 6);
    // Three parameters for a change of channel: ceil((8 + 24) / 16).
    assert_eq!(FwFlowcWr::len16_of(3), 2);
    let read: Vec<_> = FwFlowcWr::params(&bytes).expect("read").collect();
    assert_eq!(read, params);
    assert_eq!(PfnVfn(0x0481).pfn(), 4);
    assert_eq!(PfnVfn(0x0481).vfn(), 0x81);

    let mut lie = bytes;
    lie[3] = 12;
    assert!(FwFlowcWr::params(&lie).is_err(), "more parameters than bytes");
    assert!(FwFlowcWr::params(&bytes[..87]).is_err(), "the last one is cut off");
    assert_eq!(FwFlowcWr::write(&mut buf[..95], TID, true, &params), None);
    let mut large = [0; 1024];
    assert_eq!(FwFlowcWr::write(&mut large, TID, false, &[(Mnem::MSS, 1); 63]), Some(512));
    assert_eq!(FwFlowcWr::write(&mut large, TID, false, &[(Mnem::MSS, 1); 64]), None);
}

#[test]
fn ofld_tx_data_inline() {
    #[rustfmt::skip]
    let bytes = [
        0x0b, 0x20, 0x00, 0x05, // opcode 0x0b, compl (21), immdlen 5
        0x01, 0x23, 0x45, 0x02, // flowid, len16 2
        0x00, 0x00, 0x00, 0x05, // plen
        0x00, 0x00, 0x40, 0x00, // flags: shove (14)
        b'h', b'e', b'l', b'l', b'o', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // payload, padding
    ];
    let flags = TxDataFlags(0).with_shove(true);
    let mut buf = [0xaa; 32];
    assert_eq!(FwOfldTxDataWr::write_inline(&mut buf, TID, true, flags, b"hello"), Some(32));
    pretty(&buf, &bytes);
    assert_eq!(FwOfldTxDataWr::len16_inline(5), 2);
    let (header, payload) = FwOfldTxDataWr::parse(&bytes).expect("read");
    assert_eq!((header.plen(), header.flags()), (5, flags));
    assert!(matches!(payload, Payload::Inline(b"hello")));

    let mut lie = bytes;
    lie[11] = 6;
    assert!(FwOfldTxDataWr::parse(&lie).is_err(), "plen is not the payload's length");
    assert!(FwOfldTxDataWr::parse(&bytes[..20]).is_err(), "payload cut off");
    let mut large = [0; 1024];
    assert_eq!(FwOfldTxDataWr::write_inline(&mut large, TID, false, flags, &[1; 255]), Some(272));
    assert_eq!(FwOfldTxDataWr::write_inline(&mut large, TID, false, flags, &[1; 256]), None);
    assert_eq!(FwOfldTxDataWr::write_inline(&mut large, TID, false, flags, &[]), None);
}

#[test]
fn ofld_tx_data_with_a_scatter_list() {
    let mut bytes = vec![
        0x0b, 0x00, 0x00, 0x00, // opcode 0x0b, no immediate data
        0x01, 0x23, 0x45, 0x05, // flowid, len16 5: 16 + 56 bytes and padding
        0x00, 0x00, 0x09, 0x64, // plen: 0x64 + 0x200 + 0x300 + 0x400
        0x00, 0x01, 0x00, 0x00, // flags: urgent (16)
    ];
    bytes.extend_from_slice(&DSGL);
    bytes.extend_from_slice(&[0; 8]);
    let flags = TxDataFlags(0).with_urgent(true);
    let mut buf = [0xaa; 80];
    assert_eq!(FwOfldTxDataWr::write_sgl(&mut buf, TID, false, flags, &SGES), Some(80));
    pretty(&buf, &bytes);
    assert_eq!(FwOfldTxDataWr::len16_sgl(4), 5);
    let (header, payload) = FwOfldTxDataWr::parse(&bytes).expect("read");
    assert_eq!((header.plen(), payload.len(), payload.is_empty()), (0x964, 0x964, false));
    let Payload::Sgl(list) = payload else { panic!("a scatter list") };
    assert_eq!(list.iter().collect::<Vec<_>>(), SGES);

    bytes[11] = 0x65;
    assert!(FwOfldTxDataWr::parse(&bytes).is_err(), "plen is not the payload's length");
    let mut large = [0; 1024];
    let one = Sge { iova: Iova(16), len: 1 };
    assert_eq!(FwOfldTxDataWr::write_sgl(&mut large, TID, false, flags, &[one; 41]), Some(512));
    assert_eq!(FwOfldTxDataWr::write_sgl(&mut large, TID, false, flags, &[one; 42]), None);
    let huge = Sge { iova: Iova(16), len: u32::MAX };
    assert_eq!(
        FwOfldTxDataWr::write_sgl(&mut large, TID, false, flags, &[huge; 2]),
        None,
        "sum too large"
    );
}

#[test]
fn eth_tx_pkt_inline() {
    let frame: Vec<u8> = (0..60).collect();
    let mut bytes = vec![
        0x08, 0x00, 0x00, 0x4c, // opcode 0x08, immdlen 16 + 60
        0x40, 0x00, 0x00, 0x06, // equeq (30), len16 6: 32 + 60 bytes and padding
        0, 0, 0, 0, 0, 0, 0, 0, // reserved
        0xee, 0x06, 0x04, 0x80, // ctrl0: TX_PKT_XT, intf 6, pf 4, vf 0x80
        0, 0, // pack
        0x00, 0x3c, // len 60
        0xc0, 0, 0, 0, 0, 0, 0, 0, // ctrl1: no checksums
    ];
    bytes.extend_from_slice(&frame);
    bytes.extend_from_slice(&[0; 4]);
    let pkt = TxPkt::new()
        .with_ctrl0(TxPktCtrl0(0xee00_0000).with_intf(6).with_pf(4).with_vf(0x80))
        .with_ctrl1(TxPktCtrl1::NO_CHECKSUM);
    let mid = WrMid(0).with_equeq(true);
    let mut buf = [0xaa; 96];
    assert_eq!(FwEthTxPktWr::write_inline(&mut buf, mid, pkt, &frame), Some(96));
    pretty(&buf, &bytes);
    assert_eq!(FwEthTxPktWr::len16_inline(60), 6);
    let read = FwEthTxPktWr::parse(&bytes).expect("read");
    assert!(read.lso.is_none());
    assert_eq!(read.pkt.ctrl0().intf(), 6);
    assert!(matches!(read.frame, Payload::Inline(got) if got == frame));
    assert!(read.header.mid().equeq());

    // The immediate length has nine bits: 16 + 480 bytes are 0x1f0.
    let mut large = [0; 512];
    let most = vec![7; FwEthTxPktWr::MAX_INLINE];
    assert_eq!(most.len(), 480);
    assert_eq!(FwEthTxPktWr::write_inline(&mut large, mid, pkt, &most), Some(512));
    assert_eq!(large[..4], [0x08, 0x00, 0x01, 0xf0]);
    assert!(
        matches!(FwEthTxPktWr::parse(&large).expect("read").frame, Payload::Inline(got) if got == most)
    );
    assert_eq!(FwEthTxPktWr::write_inline(&mut [0; 600], mid, pkt, &[7; 481]), None);

    bytes[23] = 61;
    assert!(FwEthTxPktWr::parse(&bytes).is_err(), "len is not the frame's length");
    bytes[23] = 60;
    bytes[16] = 0x3b;
    assert!(FwEthTxPktWr::parse(&bytes).is_err(), "not a TX_PKT");
    bytes[16] = 0x0e;
    assert!(FwEthTxPktWr::parse(&bytes).is_ok(), "the older opcode");
    bytes[3] = 15;
    assert!(FwEthTxPktWr::parse(&bytes).is_err(), "immdlen does not even hold the CPL");
}

#[test]
fn eth_tx_pkt_with_a_scatter_list() {
    let mut bytes = vec![
        0x08, 0x00, 0x00, 0x10, // opcode 0x08, immdlen 16: the CPL only
        0x00, 0x00, 0x00, 0x06, // len16 6: 32 + 56 bytes and padding
        0, 0, 0, 0, 0, 0, 0, 0, // reserved
        0xee, 0x01, 0x00, 0x00, // ctrl0: TX_PKT_XT, intf 1
        0, 0, // pack
        0x09, 0x64, // len
        0, 0, 0, 0, 0, 0, 0, 0, // ctrl1
    ];
    bytes.extend_from_slice(&DSGL);
    bytes.extend_from_slice(&[0; 8]);
    let pkt = TxPkt::new().with_ctrl0(TxPktCtrl0(0xee00_0000).with_intf(1));
    let mut buf = [0xaa; 96];
    assert_eq!(FwEthTxPktWr::write_sgl(&mut buf, WrMid(0), pkt, &SGES), Some(96));
    pretty(&buf, &bytes);
    assert_eq!(FwEthTxPktWr::len16_sgl(4), 6);
    let Payload::Sgl(list) = FwEthTxPktWr::parse(&bytes).expect("read").frame else {
        panic!("a scatter list")
    };
    assert_eq!(list.iter().collect::<Vec<_>>(), SGES);
    let long = Sge { iova: Iova(16), len: 0x1_0000 };
    assert_eq!(FwEthTxPktWr::write_sgl(&mut buf, WrMid(0), pkt, &[long]), None, "a frame too long");
}

#[test]
fn eth_tx_pkt_to_segment() {
    let mut bytes = vec![
        0x08, 0x00, 0x00, 0x20, // opcode 0x08, immdlen 32: both CPLs
        0x00, 0x00, 0x00, 0x04, // len16 4: 48 + 16
        0, 0, 0, 0, 0, 0, 0, 0, // reserved
        0xed, 0xc0, 0x00, 0x55, // lso_ctrl: first and last slice, IP 5, TCP 5 words
        0, 0, // ipid_ofst
        0x05, 0xb4, // mss 1460
        0, 0, 0, 0, // seqno_offset
        0x00, 0x01, 0x00, 0x36, // len 65,590
        0xee, 0x01, 0x00, 0x00, // ctrl0
        0, 0, // pack
        0x00, 0x36, // len: what 16 bits tell of it
        0, 0, 0, 0, 0, 0, 0, 0, // ctrl1
    ];
    let mut list = [0; 16];
    let frame = [Sge { iova: Iova(0x1000), len: 65_590 }];
    assert_eq!(Dsgl::write(&mut list, &frame), Some(16));
    bytes.extend_from_slice(&list);
    let read = FwEthTxPktWr::parse(&bytes).expect("read");
    let lso = read.lso.expect("LSO");
    assert_eq!((lso.mss().mss(), lso.len()), (1460, 65_590));
    assert_eq!(read.frame.len(), 65_590);
    bytes[31] = 0x37;
    assert!(FwEthTxPktWr::parse(&bytes).is_err(), "the LSO's length is not the frame's");
}

#[test]
fn eth_tx_pkts_header() {
    let bytes = [
        0x09, 0x00, 0x00, 0x00, // opcode 0x09
        0x40, 0x00, 0x00, 0x04, // equeq (30), len16 4
        0, 0, 0, 0, // reserved
        0x01, 0x02, // plen
        3,    // npkt
        1,    // type
    ];
    let built = FwEthTxPktsWr::default()
        .with_hi(EthWrHi(0).with_op(Op::ETH_TX_PKTS.0.into()))
        .with_mid(WrMid(0).with_equeq(true).with_len16(4))
        .with_plen(0x0102)
        .with_npkt(3)
        .with_kind(1);
    pretty(built.as_bytes(), &bytes);
    let read: FwEthTxPktsWr = zerocopy::transmute!(bytes);
    assert_eq!((read.plen(), read.npkt(), read.kind()), (0x0102, 3, 1));
}
