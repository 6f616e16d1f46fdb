//! Frames in work requests, inline and by scatter list.

use mafo_t4::HostMemory;
use mafo_t4::cpl::TxPktCtrl0;
use proptest::prelude::*;

use super::*;
use crate::tests::bar::Access;
use crate::tests::queue::{Card, UNITS, egress, words};

/// A queue of port 2 and PF 4 with `buffers` buffers of 1536 bytes.
fn queue(buffers: usize) -> (EthQueue, Card) {
    let (eq, card) = egress();
    let memory = card.arena.alloc(buffers * 1536, 64).expect("room");
    let base = card.domain.iova(&memory);
    let ctrl0 = TxPktCtrl0(0).with_op(0xee).with_pf(4);
    let shape =
        EthShape { port: PortId(2), template: TxPkt::new().with_ctrl0(ctrl0), buffer_len: 1536 };
    (EthQueue::new(eq, memory, base, shape), card)
}

fn frame(len: usize) -> Vec<u8> {
    (0..len).map(|n| n as u8).collect()
}

/// The frame that a work request of `wr` names in host memory.
fn named(card: &Card, wr: &[u8]) -> Vec<u8> {
    let pkt = FwEthTxPktWr::parse(wr).expect("a frame");
    let mafo_t4::wr::Payload::Sgl(list) = pkt.frame else { panic!("not a scatter list") };
    let piece = list.get(0).expect("one piece");
    let mut bytes = vec![0; piece.len as usize];
    card.domain.read(piece.iova, &mut bytes).expect("mapped");
    bytes
}

#[test]
fn a_short_frame_goes_inside_its_work_request() {
    let (mut queue, mut card) = queue(4);
    let short = frame(60);
    queue.send(&short, TxTo::Wire, TxChecksum::Keep).expect("room");
    // ETH_TX_PKT (8), IMMDLEN 16 + 60; TX_PKT_XT (0xee): INTF 2 (19:16), PF 4 (10:8); length 60; both
    // checksums off (63, 62).
    let mut expected = words(&[0x0800_004c, 6, 0, 0, 0xee02_0400, 60, 0xc000_0000, 0]);
    expected.extend(&short);
    expected.extend([0; 4]);
    assert_eq!(card.take(), expected);
    assert_eq!(queue.in_flight(), 0, "it needs no buffer");
    queue.ring();
    assert_eq!(card.bar.take(), [Access::Doorbell { offset: 8, value: 2 }]);
}

#[test]
fn a_long_frame_is_copied_and_named() {
    let (mut queue, mut card) = queue(4);
    let long = frame(1514);
    queue.send(&long, TxTo::Loopback, TxChecksum::Keep).expect("room");
    let wr = card.peek();
    // IMMDLEN counts the CPL alone; INTF 2 + 4; a scatter list of one piece.
    assert_eq!(wr[..28], words(&[0x0800_0010, 3, 0, 0, 0xee06_0400, 1514, 0xc000_0000]));
    assert_eq!(wr[32..40], words(&[0x8200_0001, 1514]));
    assert_eq!(named(&card, &wr), long);
    queue.ring();
    let unit = {
        let mut unit = [0; 64];
        unit[..48].copy_from_slice(&wr);
        unit
    };
    assert_eq!(card.bar.take(), [Access::Combined { offset: 64, unit }], "one unit goes along");
    assert_eq!(queue.in_flight(), 1);
    card.take();
    queue.reap();
    assert_eq!(queue.in_flight(), 0);
    let counters = EthCounters { tx_loopback_frames: 1, ..EthCounters::new() };
    assert_eq!(queue.counters(), counters);
}

#[test]
fn a_buffer_is_used_again_when_the_card_has_read_it_and_not_before() {
    let (mut queue, mut card) = queue(2);
    for byte in 1..=2 {
        queue.send(&[byte; 200], TxTo::Wire, TxChecksum::Keep).expect("room");
    }
    assert_eq!(queue.tx_state(), TxState::Full);
    let full = queue.send(&[3; 200], TxTo::Wire, TxChecksum::Keep);
    assert_eq!(full, Err(NotSent::Full));
    let first = card.take();
    assert_eq!(queue.tx_state(), TxState::Ready, "it has looked");
    assert_eq!(named(&card, &first), [1; 200]);
    queue.send(&[3; 200], TxTo::Wire, TxChecksum::Keep).expect("the first buffer is free");
    assert_eq!(named(&card, &first), [3; 200], "the same buffer");
    let second = card.take();
    assert_eq!(named(&card, &second), [2; 200], "the other one was left alone");
    let expected = EthCounters { tx_frames: 3, tx_bytes: 600, tx_full: 1, ..EthCounters::new() };
    assert_eq!(queue.counters(), expected);
}

#[test]
fn what_is_no_frame_is_never_sent_and_stands_in_nobody_s_way() {
    let (mut queue, mut card) = queue(4);
    for len in [0, 13, 1537] {
        let sent = queue.send(&frame(len), TxTo::Wire, TxChecksum::Keep);
        assert_eq!(sent, Err(NotSent::BadLength), "{len} bytes");
    }
    let frames: Vec<Frame> = [60, 13, 61]
        .into_iter()
        .map(|len| {
            let mut one = Frame::with_capacity(100);
            one.copy_from(&frame(len)).expect("fits");
            one
        })
        .collect();
    assert_eq!(queue.tx_burst(Nanos(0), &frames), 3);
    for len in [60, 61] {
        assert_eq!(FwEthTxPktWr::parse(&card.take()).expect("a frame").pkt.len(), len);
    }
    assert_eq!(queue.counters().tx_bad_length, 4);
    assert_eq!(card.bar.take().len(), 1, "the burst was told by one doorbell");
}

#[test]
fn a_burst_ends_where_the_ring_does() {
    let (mut queue, _) = queue(100);
    let frames: Vec<Frame> = (0..100)
        .map(|_| {
            let mut one = Frame::with_capacity(200);
            one.copy_from(&frame(200)).expect("fits");
            one
        })
        .collect();
    assert_eq!(queue.tx_burst(Nanos(0), &frames), usize::from(UNITS) - 1);
    assert_eq!(queue.in_flight(), usize::from(UNITS) - 1, "the buffer of the refused one is back");
    assert_eq!(queue.tx_burst(Nanos(0), &frames[..1]), 0);
}

/// What the card is asked to compute of a frame: the low word pair of ctrl1.
fn ctrl1(frame: &[u8]) -> u64 {
    checksums_of(frame).0
}

#[test]
fn checksums_are_asked_for_where_there_are_some() {
    let ipv4 = |protocol: u8, fragment: u16, words: u8| {
        let mut frame = vec![0; 14 + 40];
        frame[12] = 0x08;
        frame[14] = 0x40 | words;
        frame[20..22].copy_from_slice(&fragment.to_be_bytes());
        frame[23] = protocol;
        frame
    };
    // IPHDR_LEN from bit 20, CSUM_TYPE from bit 40: TCPIP 8, UDPIP 9, IP 12; L4CSUM_DIS b63.
    assert_eq!(ctrl1(&ipv4(6, 0, 5)), 8 << 40 | 20 << 20);
    assert_eq!(ctrl1(&ipv4(6, 0x4000, 6)), 8 << 40 | 24 << 20, "don't fragment is no fragment");
    assert_eq!(ctrl1(&ipv4(17, 0, 5)), 9 << 40 | 20 << 20);
    for other in [ipv4(1, 0, 5), ipv4(6, 0x2000, 5), ipv4(17, 3, 5)] {
        assert_eq!(ctrl1(&other), 1 << 63 | 12 << 40 | 20 << 20);
    }
    let none = 3 << 62;
    let mut ipv6 = ipv4(6, 0, 5);
    ipv6[12..14].copy_from_slice(&[0x86, 0xdd]);
    for other in [ipv6, frame(20), ipv4(6, 0, 5)[..33].to_vec()] {
        assert_eq!(ctrl1(&other), none);
    }
}

proptest! {
    #[test]
    fn no_frame_makes_a_checksum_request_that_panics(frame in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = checksums_of(&frame);
    }

    #[test]
    fn whatever_the_card_claims_no_buffer_is_lost_or_used_twice(
        steps in prop::collection::vec((any::<bool>(), any::<u16>(), 0_u8..3), 1..300),
    ) {
        let (mut queue, card) = queue(8);
        for (long, lie, honest) in steps {
            let len = if long { 200 } else { 60 };
            let _ = queue.send(&frame(len), TxTo::Wire, TxChecksum::Keep);
            card.claim(lie);
            queue.reap();
            let mut out: Vec<u16> = queue.buffers.free.clone();
            out.extend(queue.buffers.in_flight.iter().map(|&(_, buffer)| buffer));
            out.sort_unstable();
            prop_assert_eq!(out, (0..8).collect::<Vec<u16>>());
            // Then it reads a little more, and says so.
            let read = u16::from(honest).min(queue.eq.in_flight_units());
            let cidx = queue.eq.produced() + UNITS - queue.eq.in_flight_units() + read;
            card.claim(cidx % UNITS);
            queue.reap();
        }
        card.claim(queue.eq.produced());
        queue.reap();
        prop_assert_eq!(queue.in_flight(), 0, "all came back");
    }
}
