//! Messages as a card writes them, and as no card should.

use std::sync::Arc;

use mafo_t4::cpl::{Fw6Msg, PeerClose, SgeEgrUpdate};
use mafo_t4::regs::bar2::{DoorbellKind, Layout};
use mafo_t4::{HostMemory, Iova};
use proptest::prelude::*;

use super::*;
use crate::eal::dma::Arena;
use crate::sge::iq::{ENTRY, IqRing};
use crate::sge::{Doorbell, FlShape, Gts};
use crate::tests::bar::{Access, RecordingBar};
use crate::tests::ingress::IngressCard;
use crate::tests::mapped;

const IQ: IqId = IqId(5);
const LAYOUT: Layout = Layout { page_shift: 12, queues_per_page_shift: 5 };
const BUFFER: usize = 256;

/// An ingress queue of 15 entries with 16 buffers of 256 bytes, and the card that fills it.
struct Rig {
    queue: IngressQueue,
    card: IngressCard,
    bar: Arc<RecordingBar>,
    _arena: Arc<Arena>,
}

impl Rig {
    fn new() -> Self {
        let (arena, domain) = mapped(1 << 20);
        let bar = RecordingBar::new();
        let ring = IqRing::new(|len| arena.alloc(len, 64), 16).expect("room");
        let shape = FlShape { size: 24, buffer_len: BUFFER, size_index: 5 };
        let list = Freelist::new(|len| arena.alloc(len, 64), |buf| domain.iova(buf), shape, 64);
        let mut list = list.expect("room");
        let rings = [ring.memory(), list.memory()[0]].map(|buf| domain.iova(buf));
        let card = IngressCard::new(domain, (rings[0], 16), (rings[1], 24), BUFFER);
        list.start(Doorbell::new(bar.clone(), LAYOUT.area(1), DoorbellKind::Freelist));
        let iq = ring.start(IQ, Gts::new(bar.clone(), LAYOUT.area(0)));
        bar.take();
        Self { queue: IngressQueue::new(iq, list, 2), card, bar, _arena: arena }
    }

    /// All that is there, as owned values.
    fn burst(&mut self) -> Vec<Seen> {
        let mut seen = Vec::new();
        self.queue.burst(Nanos(7), usize::MAX, |message| seen.push(Seen::of(message)));
        seen
    }

    /// The counters after a burst in which nothing was handed on.
    fn refused(&mut self) -> IngressCounters {
        assert_eq!(self.burst(), []);
        assert_eq!(self.queue.missing_buffers(), 0);
        self.queue.counters()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Frame { iport: u8, hit: Option<Tid>, frame: Vec<u8> },
    Cpl { opcode: Opcode, tid: Tid, bytes: Vec<u8>, payload: Vec<u8> },
}

impl Seen {
    fn of(message: Ingress<'_>) -> Self {
        match message {
            Ingress::RxPkt { meta, frame } => {
                Self::Frame { iport: meta.iport(), hit: meta.hit(), frame: frame.to_vec() }
            }
            Ingress::Cpl { opcode, tid, bytes, payload } => {
                let mut copy = vec![0; payload.len()];
                payload.copy_to(&mut copy);
                Self::Cpl { opcode, tid, bytes: bytes.to_vec(), payload: copy }
            }
        }
    }
}

fn counting(len: usize) -> Vec<u8> {
    (0..len).map(|n| n as u8).collect()
}

#[test]
fn a_frame_comes_without_its_padding_and_with_what_is_known_of_it() {
    let mut rig = Rig::new();
    let rss = RssHeader::new(Opcode::RX_PKT, IQ);
    rig.card.frame(&rss, 3, &counting(60));
    rig.card.frame(&rss.with_hit(Tid(99)), 6, &counting(61));
    let expected = [
        Seen::Frame { iport: 3, hit: None, frame: counting(60) },
        Seen::Frame { iport: 6, hit: Some(Tid(99)), frame: counting(61) },
    ];
    assert_eq!(rig.burst(), expected);
    let counters =
        IngressCounters { entries: 2, rx_frames: 2, rx_bytes: 121, ..Default::default() };
    assert_eq!(rig.queue.counters(), counters);
}

#[test]
fn a_frame_of_several_buffers_comes_in_one_piece() {
    let mut rig = Rig::new();
    let frame = counting(3 * BUFFER);
    rig.card.frame(&RssHeader::new(Opcode::RX_PKT, IQ), 0, &frame);
    assert_eq!(rig.burst(), [Seen::Frame { iport: 0, hit: None, frame }]);
    assert_eq!(rig.queue.freelist_counters().filled, 4, "768 bytes and two of padding");
}

#[test]
fn received_data_comes_behind_its_header_over_buffers() {
    let mut rig = Rig::new();
    let header = RxData::new(Tid(0x345)).with_len(600).with_seq(17);
    let payload = counting(600);
    rig.card.buffered(&[header.as_bytes(), &payload].concat());
    let expected = Seen::Cpl {
        opcode: Opcode::RX_DATA,
        tid: Tid(0x345),
        bytes: header.as_bytes().to_vec(),
        payload,
    };
    assert_eq!(rig.burst(), [expected]);
}

#[test]
fn a_syn_and_a_tcb_come_whole() {
    let mut rig = Rig::new();
    let accept = PassAcceptReq::new(Tid(8)).with_len(78);
    let syn = counting(78);
    rig.card.buffered(&[accept.as_bytes(), &syn].concat());
    let mut tcb = vec![Opcode::GET_TCB_RPL.0, 0, 0, 9];
    tcb.extend(counting(132));
    rig.card.buffered(&tcb);
    let expected = [
        Seen::Cpl {
            opcode: Opcode::PASS_ACCEPT_REQ,
            tid: Tid(8),
            bytes: accept.as_bytes().to_vec(),
            payload: syn,
        },
        Seen::Cpl { opcode: Opcode::GET_TCB_RPL, tid: Tid(9), bytes: tcb, payload: vec![] },
    ];
    assert_eq!(rig.burst(), expected);
}

#[test]
fn a_message_without_payload_is_in_its_entry() {
    let mut rig = Rig::new();
    let close = PeerClose::new(Tid(7)).with_rcv_nxt(5);
    rig.card.cpl(close.as_bytes());
    let seen = rig.burst();
    let [Seen::Cpl { opcode: Opcode::PEER_CLOSE, tid: Tid(7), bytes, payload }] = &seen[..] else {
        panic!("{seen:?}")
    };
    assert_eq!(cpl::parse::<PeerClose>(bytes), Some(&close));
    assert_eq!(payload, &[]);
    assert_eq!(rig.queue.freelist_counters().filled, 0);
}

#[test]
fn progress_of_egress_queues_is_kept_for_them_wrapped_or_not() {
    let mut rig = Rig::new();
    rig.card.cpl(SgeEgrUpdate::of(EqId(40), 1, 2).as_bytes());
    rig.card.cpl(SgeEgrUpdate::of(EqId(40), 2, 2).as_bytes());
    let inner = SgeEgrUpdate::of(EqId(41), 3, 4);
    let rss = RssHeader::new(Opcode::SGE_EGR_UPDATE, IQ);
    let mut data = [0; 16];
    data[..8].copy_from_slice(rss.as_bytes());
    data[8..].copy_from_slice(inner.as_bytes());
    let wrapped = Fw4Msg::new().with_kind(FwMsgType::RSSCPL).with_data(data);
    rig.card.cpl(wrapped.as_bytes());
    assert_eq!(rig.burst(), []);
    assert_eq!(rig.queue.take_egr_update(), Some(EqId(41)));
    assert_eq!(rig.queue.take_egr_update(), Some(EqId(40)), "twice in one burst is once");
    assert_eq!(rig.queue.take_egr_update(), None);
    // Three of the queue's entries are a quarter: their credits went back together.
    let counters =
        IngressCounters { entries: 3, egr_updates: 3, credit_returns: 1, ..Default::default() };
    assert_eq!(rig.queue.counters(), counters);
}

#[test]
fn other_firmware_messages_are_handed_on() {
    let mut rig = Rig::new();
    let message = Fw6Msg::new().with_kind(FwMsgType::CMD_RPL).with_data([1; 32]);
    rig.card.cpl(message.as_bytes());
    let seen = rig.burst();
    let [Seen::Cpl { opcode: Opcode::FW6_MSG, bytes, .. }] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(cpl::parse::<Fw6Msg>(bytes), Some(&message));
}

#[test]
fn a_burst_takes_no_more_than_asked_and_gives_all_back() {
    let mut rig = Rig::new();
    for n in 0..10 {
        rig.card.frame(&RssHeader::new(Opcode::RX_PKT, IQ), 0, &[n; 60]);
    }
    let mut frames = Vec::new();
    let taken = rig.queue.burst(Nanos(9), 8, |message| frames.push(Seen::of(message)));
    assert_eq!((taken, frames.len()), (8, 8));
    // Eight buffers are one unit of the freelist; eight entries are more than a quarter of 15.
    let fl = Access::Doorbell { offset: 128 + 8, value: 1 << 14 | 1 << 13 | 1 };
    let gts = Access::Doorbell { offset: 20, value: 7 << 13 | 8 };
    assert_eq!(rig.bar.take(), [fl, gts]);
    assert_eq!(rig.queue.last_active(), Nanos(9));
    assert_eq!(rig.burst().len(), 2);
    assert_eq!(rig.queue.burst(Nanos(10), 8, |_| panic!("nothing is left")), 0);
    assert_eq!(rig.queue.last_active(), Nanos(7), "an empty look is no activity");
    assert_eq!(rig.bar.take(), [], "two entries and two buffers wait for company");
    rig.queue.return_all_credits();
    assert_eq!(rig.bar.take(), [Access::Doorbell { offset: 20, value: 7 << 13 | 2 }]);
}

#[test]
fn what_breaks_the_rules_is_counted_by_its_name() {
    // A quarter of the queue's entries, three, have their credits given back together.
    let one = |entries| IngressCounters {
        entries,
        credit_returns: u64::from(entries >= 3),
        ..Default::default()
    };
    let rss = |opcode| RssHeader::new(opcode, IQ);
    let new = |bytes| PldBuf(0).with_newbuf(true).with_bytes(bytes);

    let mut rig = Rig::new();
    rig.card.entry(&rss(Opcode::PEER_CLOSE), &[], RspType(3), PldBuf(0));
    assert_eq!(rig.refused(), IngressCounters { bad_type: 1, ..one(1) });

    let mut rig = Rig::new();
    rig.card.entry(&rss(Opcode(0)), &[], RspType::INTR, PldBuf(3));
    assert_eq!(rig.refused(), IngressCounters { forwarded_interrupts: 1, ..one(1) });

    let mut rig = Rig::new();
    rig.card.entry(&rss(Opcode::RX_DATA), &[], RspType::FLBUF, PldBuf(0).with_bytes(10));
    assert_eq!(rig.refused(), IngressCounters { bad_newbuf: 1, ..one(1) });

    let mut rig = Rig::new();
    rig.card.entry(&rss(Opcode::RX_DATA), &[], RspType::FLBUF, new(16 * 256 + 1));
    rig.card.entry(&rss(Opcode::RX_DATA), &[], RspType::FLBUF, new(PldBuf::BYTES_MASK));
    assert_eq!(rig.refused(), IngressCounters { bad_length: 2, ..one(2) });

    let mut rig = Rig::new();
    rig.card.entry(&rss(Opcode::RX_PKT), RxPkt::new().as_bytes(), RspType::FLBUF, new(2));
    assert_eq!(rig.refused(), IngressCounters { bad_length: 1, ..one(1) });

    let mut rig = Rig::new();
    let buf = rig.card.fill(PeerClose::new(Tid(1)).as_bytes());
    rig.card.entry(&rss(Opcode::RX_DATA), &[], RspType::FLBUF, buf);
    rig.card.entry(&rss(Opcode::RX_DATA), PeerClose::new(Tid(1)).as_bytes(), RspType::CPL, buf);
    let buf = rig.card.fill(&[0; 60]);
    rig.card.entry(&rss(Opcode::RX_PKT), PeerClose::new(Tid(1)).as_bytes(), RspType::FLBUF, buf);
    assert_eq!(rig.refused(), IngressCounters { bad_opcode: 3, ..one(3) });

    let mut rig = Rig::new();
    rig.card.buffered(&[Opcode::RX_DATA.0; 15]);
    rig.card.buffered(&[Opcode::GET_TCB_RPL.0; 135]);
    rig.card.buffered(&[Opcode::PEER_CLOSE.0; 3]);
    rig.card.cpl(&[Opcode::RX_PKT.0; 16]);
    rig.card.cpl(&[Opcode::GET_TCB_RPL.0; 40]);
    assert_eq!(rig.refused(), IngressCounters { short_cpl: 5, ..one(5) });

    let mut rig = Rig::new();
    let mut data = [0; 16];
    data[8] = Opcode::FW4_MSG.0;
    let wrapped = Fw4Msg::new().with_kind(FwMsgType::RSSCPL).with_data(data);
    rig.card.cpl(wrapped.as_bytes());
    assert_eq!(rig.refused(), IngressCounters { bad_wrapped: 1, ..one(1) });
}

/// Bytes of an entry that often look like something.
fn hostile_entry() -> impl Strategy<Value = [u8; ENTRY]> {
    let opcodes = prop::sample::select(vec![0x3b, 0x39, 0x44, 0x22, 0xa5, 0xc0, 0xe0, 0x40, 0x00]);
    let length = prop_oneof![0_u32..4200, any::<u32>()];
    (any::<[u8; 32]>(), any::<[u8; 32]>(), opcodes, length, any::<[bool; 3]>()).prop_map(
        |(a, b, opcode, length, [same, newbuf, typed])| {
            let mut entry: [u8; ENTRY] = [a, b].concat().try_into().expect("64 bytes");
            entry[0] = opcode;
            if same {
                entry[8] = opcode;
            }
            entry[52..56].copy_from_slice(&(length | u32::from(newbuf) << 31).to_be_bytes());
            if typed {
                entry[56] &= 0xcf;
            }
            entry
        },
    )
}

proptest! {
    #[test]
    fn hostile_entries_and_buffers_are_counted_and_nothing_is_lost(
        laps in prop::collection::vec(prop::collection::vec(hostile_entry(), 1..15), 1..12),
        filling in any::<[u8; 16]>(),
    ) {
        let mut rig = Rig::new();
        let (mut entries, mut handed) = (0, 0);
        for lap in laps {
            // The card scribbles into every buffer that it has.
            for slot in 0..24 {
                let iova = rig.card.buffer(slot);
                if iova != Iova(0) {
                    rig.card.domain.write(iova, &filling.repeat(BUFFER / 16)).expect("mapped");
                }
            }
            for entry in &lap {
                rig.card.raw(entry);
            }
            entries += lap.len() as u64;
            let taken = rig.queue.burst(Nanos(1), usize::MAX, |message| {
                handed += 1;
                match message {
                    Ingress::RxPkt { frame, .. } => assert!(!frame.is_empty()),
                    Ingress::Cpl { bytes, payload, .. } => {
                        assert!(bytes.len() >= 4);
                        assert_eq!(payload.chunks().map(<[u8]>::len).sum::<usize>(), payload.len());
                    }
                }
            });
            prop_assert_eq!(taken, lap.len());
            prop_assert_eq!(rig.queue.missing_buffers(), 0);
        }
        let counted = rig.queue.counters();
        prop_assert_eq!(counted.entries, entries);
        prop_assert_eq!(counted.rx_frames + counted.cpls, handed);
        // Every entry ended as exactly one thing.
        let outcomes = counted
            .iter()
            .filter(|(name, _)| !matches!(*name, "entries" | "rx_bytes" | "credit_returns"));
        prop_assert_eq!(outcomes.map(|(_, n)| n).sum::<u64>(), entries);
        // Every entry's credit went back, batched or still owed.
        rig.queue.return_all_credits();
        let returned = rig.bar.take().into_iter().filter_map(|access| match access {
            Access::Doorbell { offset: 20, value } => Some(u64::from(value & 0xfff)),
            _ => None,
        });
        prop_assert_eq!(returned.sum::<u64>(), entries);
    }
}
