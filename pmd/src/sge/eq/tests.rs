//! Egress rings: arithmetic for all small sizes, what the card sees, what it may claim.

use std::sync::Arc;

use mafo_t4::regs::bar2::{Area, Layout};
use mafo_t4::wr::{FwTpWr, WrHeader, WrHi};
use mafo_t4::{HostMemory, Iova, Tid, cpl, wr};
use proptest::prelude::*;
use zerocopy::FromBytes;

use super::*;
use crate::eal::dma::{Arena, Domain};
use crate::tests::bar::{Access, RecordingBar};
use crate::tests::mapped;

#[test]
fn indices_of_all_small_rings_in_all_states() {
    for size in 2..=8_u16 {
        for cidx in 0..size {
            for fill in 0..size {
                let pidx = (cidx + fill) % size;
                let indices = Indices { size, pidx, cidx };
                assert_eq!(indices.in_flight(), fill, "{indices:?}");
                assert_eq!(indices.free(), size - 1 - fill, "{indices:?}");
                for units in 0..=indices.free() {
                    let mut next = indices;
                    next.produce(units);
                    assert_eq!(next.in_flight(), fill + units, "{indices:?} + {units}");
                    assert_eq!(next.cidx, cidx);
                }
                for claim in 0..size + 3 {
                    // The places that the card may have reached, written out.
                    let reached = (0..=fill).find(|n| (cidx + n) % size == claim);
                    let mut next = indices;
                    assert_eq!(next.reap(claim), reached, "{indices:?} reaps {claim}");
                    let freed = reached.unwrap_or(0);
                    assert_eq!(next.in_flight(), fill - freed, "{indices:?} reaps {claim}");
                    assert_eq!(next.pidx, pidx);
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "units into")]
fn producing_beyond_the_free_units_is_a_bug() {
    Indices::new(4).produce(4);
}

fn counting(first: u8, len: usize) -> Vec<u8> {
    (0..len).map(|n| first.wrapping_add(n as u8)).collect()
}

/// A queue, and the card's view of it.
struct Rig {
    eq: Eq,
    bar: Arc<RecordingBar>,
    domain: Arc<Domain>,
    ring: Iova,
    _arena: Arc<Arena>,
}

/// Queues at 128 bytes each, 32 a page: all inferred.
const LAYOUT: Layout = Layout { page_shift: 12, queues_per_page_shift: 5 };

impl Rig {
    fn new(size: u16) -> Self {
        Self::at(size, LAYOUT.area(3))
    }

    fn at(size: u16, area: Area) -> Self {
        let (arena, domain) = mapped(1 << 20);
        let ring = EqRing::new(|len| arena.alloc(len, 64), size, 64).expect("room");
        assert_eq!(ring.units_with_status(), size + 1);
        let iova = domain.iova(ring.memory());
        let bar = RecordingBar::new();
        let doorbell = Doorbell::new(bar.clone(), area, DoorbellKind::Egress);
        Self { eq: ring.start(EqId(77), doorbell), bar, domain, ring: iova, _arena: arena }
    }

    /// Posts `len16` units of 16 bytes whose body counts from `first`; false when the ring is full.
    fn post(&mut self, len16: u8, first: u8) -> bool {
        let Some(mut slot) = self.eq.reserve(len16) else { return false };
        let bytes = usize::from(len16) * 16;
        slot.put(&WrHeader::default().with_mid(WrMid::of(Tid(0), bytes)));
        slot.put_bytes(&counting(first, bytes - 8));
        slot.post();
        true
    }

    fn units(&self, at: u16, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count * EQ_UNIT];
        self.domain.read(self.ring.add(usize::from(at) * EQ_UNIT), &mut bytes).expect("mapped");
        bytes
    }

    fn mid(&self, at: u16) -> WrMid {
        WrHeader::ref_from_prefix(&self.units(at, 1)).expect("long enough").0.mid()
    }

    /// The card writes its status page.
    fn status(&self, cidx: u16) {
        let at = self.ring.add(self.eq.ring_bytes());
        let word = Qstat::of(EqId(77), cidx, 0).to_memory();
        self.domain.store_release_u64(at, word).expect("mapped");
    }
}

#[test]
fn a_work_request_wraps_around_the_end_of_the_ring() {
    let mut rig = Rig::new(17);
    for first in 0..5 {
        assert!(rig.post(12, first), "five times three units");
    }
    rig.status(15);
    assert!(rig.post(12, 100), "units 15, 16 and 0");
    let tail = [rig.units(15, 2), rig.units(0, 1)].concat();
    assert_eq!(tail[8..], counting(100, 184), "the body runs on behind the wrap");
    assert_eq!(rig.eq.produced(), 1);
    assert_eq!(rig.eq.in_flight_units(), 3);
}

#[test]
fn one_doorbell_tells_of_a_batch_and_a_single_unit_goes_along_with_it() {
    let mut rig = Rig::new(64);
    rig.eq.ring();
    assert_eq!(rig.bar.take(), [], "nothing was posted");
    rig.post(4, 0);
    rig.post(9, 0);
    rig.eq.ring();
    // Queue 3: its 128 bytes at 384; the doorbell 8 bytes in; one unit and three.
    assert_eq!(rig.bar.take(), [Access::Doorbell { offset: 392, value: 4 }]);
    rig.post(4, 7);
    rig.eq.ring();
    let unit = rig.units(4, 1).try_into().expect("64 bytes");
    assert_eq!(rig.bar.take(), [Access::Combined { offset: 384 + 64, unit }]);
    rig.eq.ring();
    assert_eq!(rig.bar.take(), [], "the card knows all");
    rig.post(4, 0);
    rig.post(4, 0);
    rig.eq.ring();
    assert_eq!(rig.bar.take(), [Access::Doorbell { offset: 392, value: 2 }]);
    let counters = rig.eq.counters();
    let expected = EqCounters {
        work_requests: 5,
        units: 7,
        doorbells: 3,
        write_combined: 1,
        ..EqCounters::new()
    };
    assert_eq!(counters, expected);
}

#[test]
fn a_queue_without_a_place_of_its_own_names_itself_in_the_doorbell() {
    // 64 queues a page of 4 KiB: the upper half has no room. Queue 2 * 64 + 40 is number 40 of page 2.
    let layout = Layout { page_shift: 12, queues_per_page_shift: 6 };
    let mut rig = Rig::at(64, layout.area(2 * 64 + 40));
    rig.post(1, 0);
    rig.eq.ring();
    let value = 40 << 15 | 1;
    assert_eq!(rig.bar.take(), [Access::Doorbell { offset: 2 * 4096 + 8, value }]);
}

#[test]
fn a_full_ring_refuses_until_the_status_page_says_more() {
    let mut rig = Rig::new(17);
    assert!(rig.post(32, 0) && rig.post(32, 0), "twice eight units");
    assert!(!rig.post(1, 0), "the 17th unit stays free");
    rig.status(8);
    assert!(rig.post(32, 0));
    assert_eq!(rig.eq.free_units(), 0);
    rig.status(7);
    assert_eq!(rig.eq.reap(), 16, "all but the unit after the last that was read");
    assert_eq!(rig.eq.counters().full, 1);
    assert_eq!(rig.eq.counters().bad_status, 0);
}

#[test]
fn a_status_page_that_claims_what_was_not_posted_is_counted_and_changes_nothing() {
    let mut rig = Rig::new(17);
    rig.post(8, 0);
    for claim in [3, 16, 17, 18, u16::MAX] {
        rig.status(claim);
        assert_eq!(rig.eq.reap(), 0, "claim {claim}");
        assert_eq!(rig.eq.in_flight_units(), 2, "claim {claim}");
    }
    assert_eq!(rig.eq.counters().bad_status, 5);
    rig.status(2);
    assert_eq!(rig.eq.reap(), 2);
}

#[test]
fn reports_are_asked_for_every_quarter_and_when_the_ring_is_nearly_full() {
    let mut rig = Rig::new(40);
    let silent = WrMid::of(Tid(0), 64);
    let asked: Vec<WrMid> = (0..32)
        .map(|at| {
            assert!(rig.post(4, 0));
            rig.mid(at)
        })
        .collect();
    for (at, &mid) in asked.iter().enumerate() {
        let expected = match at {
            // The tenth, twentieth and thirtieth unit of forty.
            9 | 19 | 29 => silent.with_equeq(true),
            // 32 posted, 7 free: a longest work request takes 8.
            31 => silent.with_equeq(true).with_equiq(true),
            _ => silent,
        };
        assert_eq!(mid, expected, "unit {at}");
    }
    assert!(rig.post(4, 0));
    assert_eq!(rig.mid(32), silent, "an update is under way already");
    rig.status(10);
    rig.eq.on_egr_update();
    assert_eq!(rig.eq.free_units(), 16);
    for _ in 0..8 {
        assert!(rig.post(4, 0));
    }
    assert_eq!(rig.mid(0), silent, "eight free units take a longest work request");
    assert!(rig.post(4, 0));
    let both = silent.with_equeq(true).with_equiq(true);
    assert_eq!(rig.mid(1), both, "the first update has come, another may be asked for");
}

#[test]
fn what_a_builder_writes_is_what_the_card_reads() {
    let mut rig = Rig::new(17);
    let release = cpl::TidRelease::new(Tid(0x1234));
    let mut slot = rig.eq.reserve(2).expect("room");
    slot.put_with(|buf| FwTpWr::write(buf, Tid(0), false, &release));
    slot.post();
    let unit = rig.units(0, 1);
    assert_eq!(FwTpWr::cpl(&unit), Ok(release.as_bytes()));
    // Shorter than its unit: the header says so.
    let (header, bytes) = wr::cut(&unit).expect("a work request");
    assert_eq!((header.hi(), bytes.len()), (WrHi::of(wr::Op::TP).with_immdlen(8), 32));
}

#[test]
#[should_panic(expected = "a work request of 16 bytes in 32")]
fn posting_half_a_work_request_is_a_bug() {
    let mut rig = Rig::new(17);
    let mut slot = rig.eq.reserve(2).expect("room");
    slot.put_bytes(&[0; 16]);
    slot.post();
}

#[test]
#[should_panic(expected = "was not posted")]
fn dropping_a_reserved_work_request_is_a_bug() {
    let mut rig = Rig::new(17);
    drop(rig.eq.reserve(2));
}

proptest! {
    #[test]
    fn whatever_the_status_page_says_no_unread_unit_is_written_over(
        steps in proptest::collection::vec((1_u8..=32, any::<u16>(), 0_u16..18), 1..200),
    ) {
        let mut rig = Rig::new(17);
        // What the card has honestly read, and what was posted, in units since the start.
        let (mut read, mut posted) = (0_u64, 0_u64);
        for (len16, lie, advance) in steps {
            rig.status(lie);
            let before = rig.eq.in_flight_units();
            rig.eq.reap();
            // A lie may free at most what is in flight.
            prop_assert!(rig.eq.in_flight_units() <= before);
            read = posted - u64::from(rig.eq.in_flight_units());
            if rig.post(len16, 0) {
                posted += u64::from(len16.div_ceil(4));
            }
            prop_assert!(posted - read <= 16);
            prop_assert_eq!(u64::from(rig.eq.produced()), posted % 17);
            let honest = (read + u64::from(advance).min(posted - read)) % 17;
            rig.status(honest as u16);
            rig.eq.reap();
            prop_assert_eq!(u64::from(rig.eq.indices.cidx), honest);
        }
        prop_assert!(read <= posted);
    }
}

/// Put into the ring piece by piece it is what it would have been as a whole, wherever the ring ends; what was there before
/// shows nowhere.
#[test]
fn a_work_request_in_two_pieces_lies_in_the_ring_as_one() {
    for len in [1, 15, 16, 33, 60, 64, 96] {
        let (mut eq, mut card) = crate::tests::queue::egress();
        for n in 1..=200_u8 {
            let mut head = [n; 32];
            head[4..8].copy_from_slice(&WrMid::of(Tid(0), 32 + len).0.to_be_bytes());
            let body = vec![!n; len];
            assert!(eq.post_whole(head, &body), "{len} bytes, {n}");
            let mut expected = [&head[..], &body].concat();
            expected.resize((32 + len).next_multiple_of(16), 0);
            assert_eq!(card.take(), expected, "{len} bytes, {n}");
        }
        assert_eq!(eq.counters().work_requests, 200);
    }
}
