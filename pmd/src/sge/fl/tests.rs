//! Freelists: arithmetic for all small sizes, what the card sees, messages over several buffers.

use std::collections::BTreeSet;
use std::sync::Arc;

use mafo_t4::HostMemory;
use mafo_t4::regs::bar2::{DoorbellKind, Layout};

use super::*;
use crate::eal::dma::Domain;
use crate::tests::bar::{Access, RecordingBar};
use crate::tests::mapped;

#[test]
fn indices_of_all_small_rings_in_all_states() {
    for size in [16_u16, 24, 32] {
        let start = Indices::new(size);
        let key = |i: Indices| (i.pidx, i.cidx, i.rung);
        let mut seen = BTreeSet::from([key(start)]);
        let mut open = vec![start];
        while let Some(indices) = open.pop() {
            assert_eq!(indices.posted() + indices.room(), size - 8, "{indices:?}");
            assert!(indices.visible() <= indices.posted(), "{indices:?}");
            let mut next = Vec::new();
            if indices.room() > 0 {
                let mut posted = indices;
                assert_eq!(posted.produce(), indices.pidx);
                assert_eq!(posted.posted(), indices.posted() + 1);
                next.push(posted);
            }
            let mut rung = indices;
            let units = rung.ring();
            assert_eq!(rung.visible(), indices.visible() + 8 * units, "{indices:?}");
            assert!(rung.posted() - rung.visible() < 8, "a whole unit was not rung for: {rung:?}");
            next.push(rung);
            for used in 0..=indices.visible() {
                let mut consumed = indices;
                consumed.consume(used);
                assert_eq!(consumed.room(), indices.room() + used, "{indices:?}");
                assert_eq!(consumed.visible(), indices.visible() - used, "{indices:?}");
                next.push(consumed);
            }
            open.extend(next.into_iter().filter(|&state| seen.insert(key(state))));
        }
        // The card never sees a full ring: at most size − 8 pointers, in units.
        let most =
            seen.iter().map(|&(pidx, cidx, rung)| Indices { size, pidx, cidx, rung }.visible());
        assert_eq!(most.max(), Some(size - 8));
    }
}

#[test]
#[should_panic(expected = "buffers out of")]
fn consuming_what_the_card_was_not_told_of_is_a_bug() {
    let mut indices = Indices::new(16);
    indices.produce();
    indices.consume(1);
}

fn list(size: u16, buffer_len: usize) -> (Freelist, Arc<RecordingBar>, Arc<Domain>) {
    let (arena, domain) = mapped(1 << 20);
    let shape = FlShape { size, buffer_len, size_index: 5 };
    let list = Freelist::new(|len| arena.alloc(len, 64), |buf| domain.iova(buf), shape, 64);
    (list.expect("room"), RecordingBar::new(), domain)
}

fn start(list: &mut Freelist, bar: &Arc<RecordingBar>) {
    let layout = Layout { page_shift: 12, queues_per_page_shift: 5 };
    list.start(Doorbell::new(bar.clone(), layout.area(1), DoorbellKind::Freelist));
}

/// The pointer in slot `at`, as the card reads it.
fn pointer(list: &Freelist, domain: &Domain, at: u16) -> FlPointer {
    let mut bytes = [0; 8];
    domain.read(domain.iova(&list.ring).add(usize::from(at) * 8), &mut bytes).expect("mapped");
    FlPointer::from_bytes(bytes)
}

#[test]
fn a_fresh_list_offers_all_but_eight_pointers_in_one_doorbell() {
    let (mut list, bar, domain) = list(24, 128);
    assert_eq!(list.units_with_status(), 3 + 1);
    start(&mut list, &bar);
    // Queue 1 at 128; DBPRIO and DBTYPE mark a freelist on T5; two units.
    let value = 1 << 14 | 1 << 13 | 2;
    assert_eq!(bar.take(), [Access::Doorbell { offset: 128 + 8, value }]);
    let buffers: BTreeSet<u64> = (0..16)
        .map(|at| {
            let pointer = pointer(&list, &domain, at);
            assert_eq!(pointer.size_index(), 5);
            pointer.iova().0
        })
        .collect();
    assert_eq!(buffers.len(), 16, "sixteen buffers, none twice");
    assert_eq!(pointer(&list, &domain, 16), FlPointer(0), "the last unit is not used");
    assert_eq!(list.missing(), 0);
}

#[test]
fn a_long_message_runs_over_buffers_in_the_order_of_the_list() {
    let (mut list, bar, domain) = list(24, 128);
    start(&mut list, &bar);
    // 128 + 128 + 44 bytes, written where pointers 0, 1 and 2 lead.
    let message: Vec<u8> = (0..300_u32).map(|n| n as u8).collect();
    for (at, part) in (0..).zip(message.chunks(128)) {
        domain.write(pointer(&list, &domain, at).iova(), part).expect("mapped");
    }
    let payload = list.message(300).expect("posted");
    assert_eq!(payload.chunks().map(<[u8]>::len).collect::<Vec<_>>(), [128, 128, 44]);
    let mut copy = vec![0; 300];
    payload.copy_to(&mut copy);
    assert_eq!(copy, message);
    let rest = payload.skip(100);
    assert_eq!(rest.len(), 200);
    assert_eq!(rest.chunks().flatten().copied().collect::<Vec<_>>(), message[100..]);
    let behind_the_first = payload.skip(128);
    assert_eq!(behind_the_first.first(), &message[128..256], "an empty chunk is no chunk");
    assert!(payload.skip(128).chunks().all(|chunk| !chunk.is_empty()));
    list.consume(300);
    assert_eq!(list.missing(), 0);
    assert_eq!(list.counters().filled, 3);
}

#[test]
fn buffers_go_back_warm_and_the_card_is_told_by_units_of_eight() {
    let (mut list, bar, domain) = list(24, 128);
    start(&mut list, &bar);
    bar.take();
    let last = pointer(&list, &domain, 6);
    for _ in 0..7 {
        list.consume(1);
    }
    list.refill();
    assert_eq!(bar.take(), [], "seven pointers wait for the eighth");
    assert_eq!(pointer(&list, &domain, 16), last, "the buffer that came back last goes out first");
    list.consume(1);
    list.refill();
    assert_eq!(bar.take().len(), 1);
    assert_eq!(list.indices.visible(), 16);
}

#[test]
fn no_message_is_longer_than_what_the_card_knows_of() {
    let (mut list, bar, _) = list(24, 128);
    assert!(list.message(1).is_none(), "nothing was posted");
    assert!(list.message(0).is_none(), "even an empty message needs a buffer");
    start(&mut list, &bar);
    assert!(list.message(16 * 128).is_some());
    for too_long in [16 * 128 + 1, usize::MAX, (1 << 31) - 1, 65_536 * 128, 65_537 * 128] {
        assert!(list.message(too_long).is_none(), "{too_long} bytes");
    }
    assert_eq!(list.message(0).expect("a buffer").first(), [0_u8; 0]);
    list.consume(0);
    assert_eq!(list.counters().filled, 1, "an empty message uses its buffer up");
    list.refill();
    assert_eq!(list.indices.posted(), 16);
    assert!(list.message(15 * 128).is_some());
    assert!(list.message(16 * 128).is_none(), "the card was not told of the sixteenth");
}
