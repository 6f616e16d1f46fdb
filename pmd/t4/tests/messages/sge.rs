//! What lies in the rings.

use mafo_t4::cpl::{Opcode, RxData};
use mafo_t4::sge::*;
use mafo_t4::{EqId, Iova, IqId, Tid};
use proptest::prelude::*;

use crate::pretty;

#[test]
fn rss_header() {
    let bytes = [
        0x3b, // opcode
        0xfe, // send2fw (7), ipv6 (6), hash_type 3 (5:4), filter_tid (3), filter_hit (2), channel 2
        0x02, 0x55, // queue
        0x00, 0x12, 0x34, 0x56, // hash value
    ];
    let flags = RssFlags(0)
        .with_send2fw(true)
        .with_ipv6(true)
        .with_hash_type(HashType::UDP.0)
        .with_filter_tid(true)
        .with_filter_hit(true)
        .with_channel(2);
    let built =
        RssHeader::new(Opcode::RX_PKT, IqId(0x255)).with_flags(flags).with_hash_val(0x12_3456);
    pretty(built.as_bytes(), &bytes);
    let read: RssHeader = zerocopy::transmute!(bytes);
    assert_eq!((read.op(), read.qid(), read.hash_val()), (Opcode::RX_PKT, 0x255, 0x12_3456));
    assert_eq!(read.flags(), flags);
    assert_eq!(read.hit(), Some(Tid(0x12_3456)));
}

#[test]
fn rss_header_of_a_hit() {
    let header = RssHeader::new(Opcode::RX_PKT, IqId(1)).with_hit(Tid(9));
    // filter_tid 8, filter_hit 4.
    pretty(header.as_bytes(), &[0x3b, 0x0c, 0, 1, 0, 0, 0, 9]);
    assert_eq!(header.hit(), Some(Tid(9)));
    let hash = RssHeader::new(Opcode::RX_PKT, IqId(1)).with_hash_val(9);
    assert_eq!(hash.hit(), None, "a hash");
    let silent = hash.with_flags(RssFlags(0).with_filter_hit(true));
    assert_eq!(silent.hit(), None, "a filter that does not report itself");
}

#[test]
fn rss_flags_one_by_one() {
    assert_eq!(RssFlags(0x80), RssFlags(0).with_send2fw(true));
    assert_eq!(RssFlags(0x40), RssFlags(0).with_ipv6(true));
    assert_eq!(RssFlags(0x20), RssFlags(0).with_hash_type(HashType::TCP.0));
    assert_eq!(RssFlags(0x10), RssFlags(0).with_hash_type(HashType::IP.0));
    assert_eq!(RssFlags(0x08), RssFlags(0).with_filter_tid(true));
    assert_eq!(RssFlags(0x04), RssFlags(0).with_filter_hit(true));
    assert_eq!(RssFlags(0x03), RssFlags(0).with_channel(3));
}

#[test]
fn rsp_ctrl() {
    let bytes = [
        0x01, 0x02, 0x03, 0x04, // hdrbuflen_pidx
        0x80, 0x00, 0x05, 0xea, // newbuf (31), 1514 bytes
        0x80, // gen (7), type 0 (5:4)
        0x00, 0x00, 0x00, 0x11, 0x22, 0x33, 0x44, // timestamp
    ];
    let built = RspCtrl::default()
        .with_hdrbuflen_pidx(0x0102_0304)
        .with_pldbuflen_qid(PldBuf(0).with_newbuf(true).with_bytes(1514))
        .with_last_flit(
            LastFlit(0)
                .with_gen_bit(true)
                .with_rsp_type(RspType::FLBUF)
                .with_timestamp(0x1122_3344),
        );
    pretty(built.as_bytes(), &bytes);
    let read: RspCtrl = zerocopy::transmute!(bytes);
    assert_eq!(read.hdrbuflen_pidx(), 0x0102_0304);
    assert!(read.pldbuflen_qid().newbuf());
    assert_eq!(read.pldbuflen_qid().bytes(), 1514);
    assert!(read.last_flit().gen_bit());
    assert_eq!(read.last_flit().rsp_type(), RspType::FLBUF);
    assert_eq!(read.last_flit().timestamp(), 0x1122_3344);
}

#[test]
fn type_and_generation_share_the_first_byte_of_the_last_flit() {
    // GEN 7, TYPE 5:4; the timestamp takes the other 60 bits.
    assert_eq!(LastFlit(0).with_rsp_type(RspType::CPL).0, 0x1000_0000_0000_0000);
    assert_eq!(LastFlit(0).with_rsp_type(RspType::INTR).0, 0x2000_0000_0000_0000);
    assert_eq!(LastFlit(0).with_gen_bit(true).0, 0x8000_0000_0000_0000);
    assert_eq!(LastFlit(u64::MAX).timestamp(), 0x0fff_ffff_ffff_ffff);
    assert_eq!(LastFlit(0xa000_0000_0000_0000).rsp_type(), RspType::INTR);
    assert!(!LastFlit(0x4fff_ffff_ffff_ffff).gen_bit());
}

#[test]
fn words_that_hand_over_lie_big_endian() {
    let flit = LastFlit(0x9122_3344_5566_7788);
    assert_eq!(flit.to_memory().to_ne_bytes(), [0x91, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
    assert_eq!(LastFlit::from_memory(flit.to_memory()), flit);

    let status = Qstat::of(EqId(0x1_2345), 0x0607, 0x0809);
    let bytes = [
        0x00, 0x01, 0x23, 0x45, // qid
        0x06, 0x07, // cidx
        0x08, 0x09, // pidx
    ];
    pretty(status.as_bytes(), &bytes);
    assert_eq!(status.to_memory().to_ne_bytes(), bytes);
    let read = Qstat::from_memory(u64::from_ne_bytes(bytes));
    assert_eq!((read.qid(), read.cidx(), read.pidx()), (0x1_2345, 0x0607, 0x0809));
}

#[test]
fn forwarded_interrupt_names_a_queue() {
    assert_eq!(PldBuf(0x0000_02a5).forwarded(), 0x2a5);
}

#[test]
fn entry_of_64_bytes() {
    let bytes = [
        0x39, 0x01, 0x00, 0x21, 0, 0, 0,
        0, // RSS header: opcode, channel 1, queue 0x21, no hash
        0x39, 0x00, 0x00, 0x07, 0, 0, 0x00, 0x64, // CPL: ot with tid 7; len 100
        0x01, 0x02, 0x03, 0x04, 0, 0, 0x00, 0, // CPL: seq; urg, flags, status
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // unused up to 64 - 16
        0, 0, 0, 0, 0, 0, 0, 0, // unused
        0, 0, 0, 0, // hdrbuflen_pidx
        0x80, 0x00, 0x00, 0x74, // newbuf, 116 bytes
        0x80, 0, 0, 0, 0, 0, 0, 9, // gen, FLBUF, timestamp 9
    ];
    let rss = RssHeader::new(Opcode::RX_DATA, IqId(0x21)).with_flags(RssFlags(0).with_channel(1));
    let cpl = RxData::new(Tid(7)).with_len(100).with_seq(0x0102_0304);
    let ctrl = RspCtrl::default()
        .with_pldbuflen_qid(PldBuf(0).with_newbuf(true).with_bytes(116))
        .with_last_flit(LastFlit(0).with_gen_bit(true).with_timestamp(9));

    let mut entry = [0xaa; 64];
    assert!(Entry::write(&mut entry, &rss, cpl.as_bytes(), &ctrl));
    pretty(&entry, &bytes);

    let read = Entry::parse(&bytes).expect("read");
    assert_eq!(read.rss, Some(&rss));
    assert_eq!(read.ctrl, &ctrl);
    assert_eq!(read.cpl.len(), 40);
    assert_eq!(mafo_t4::cpl::parse::<RxData>(read.cpl), Some(&cpl));
}

#[test]
fn entries_of_all_sizes() {
    for (code, bytes, max_cpl) in [(0, 16, 0), (1, 32, 8), (2, 64, 40), (3, 128, 104)] {
        let size = EntrySize::from_code(code);
        assert_eq!((size.code(), size.bytes(), size.max_cpl()), (code, bytes, max_cpl));
        let mut entry = vec![0xaa; bytes];
        let rss = RssHeader::new(Opcode::FW4_ACK, IqId(2));
        let ctrl = RspCtrl::default().with_hdrbuflen_pidx(5);
        let fits = vec![0x77; max_cpl];
        if code == 0 {
            // Only the control part has room: a forwarded interrupt.
            assert!(!Entry::write(&mut entry, &rss, &fits, &ctrl));
            let read = Entry::parse(&entry).expect("read");
            assert!(read.rss.is_none() && read.cpl.is_empty());
            continue;
        }
        assert!(Entry::write(&mut entry, &rss, &fits, &ctrl));
        let read = Entry::parse(&entry).expect("read");
        assert_eq!((read.rss, read.cpl, read.ctrl), (Some(&rss), &fits[..], &ctrl));
        let before = entry.clone();
        assert!(!Entry::write(&mut entry, &rss, &vec![0x66; max_cpl + 1], &ctrl), "one too many");
        assert_eq!(entry, before, "nothing is written");
    }
}

#[test]
fn freelist_pointer() {
    // Address 0x1_2345_6780, size index 5, big-endian.
    let pointer = FlPointer::new(Iova(0x0000_0001_2345_6780), 5);
    assert_eq!(pointer.to_bytes(), [0, 0, 0, 1, 0x23, 0x45, 0x67, 0x85]);
    let read = FlPointer::from_bytes([0, 0, 0, 1, 0x23, 0x45, 0x67, 0x85]);
    assert_eq!((read.iova(), read.size_index()), (Iova(0x1_2345_6780), 5));
}

proptest! {
    #[test]
    fn any_bytes_are_an_entry_only_of_a_known_size(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let read = Entry::parse(&bytes);
        prop_assert_eq!(read.is_some(), [16, 32, 64, 128].contains(&bytes.len()));
        if let Some(entry) = read {
            let whole = entry.cpl.len() + 16 + entry.rss.map_or(0, |_| 8);
            prop_assert_eq!(whole, bytes.len());
        }
    }

    #[test]
    fn writing_an_entry_never_panics(len in 0usize..200, cpl in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut entry = vec![0; len];
        let rss = RssHeader::default();
        let written = Entry::write(&mut entry, &rss, &cpl, &RspCtrl::default());
        prop_assert_eq!(written, cpl.len() + 24 <= len);
    }
}
