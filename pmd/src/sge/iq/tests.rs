//! Ingress rings: the generation bit for all small sizes, credits.

use std::collections::BTreeSet;
use std::sync::Arc;

use mafo_t4::HostMemory;
use mafo_t4::regs::bar2::Layout;

use super::*;
use crate::eal::dma::Domain;
use crate::tests::bar::{Access, RecordingBar};
use crate::tests::mapped;

/// The generation bits of a ring as a card writes them, and its own place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Card {
    bits: Vec<bool>,
    pidx: u16,
    generation: bool,
    /// Entries written and not taken yet.
    ahead: u16,
}

impl Card {
    fn write(&mut self) {
        self.bits[usize::from(self.pidx)] = self.generation;
        self.ahead += 1;
        self.pidx += 1;
        if usize::from(self.pidx) == self.bits.len() {
            self.pidx = 0;
            self.generation = !self.generation;
        }
    }
}

#[test]
fn an_entry_is_new_exactly_once_in_all_small_rings_in_all_states() {
    for usable in 1..=8_u16 {
        let bits = vec![false; usize::from(usable)];
        let card = Card { bits, pidx: 0, generation: true, ahead: 0 };
        let start = (card, Indices::new(usable + 1));
        let key = |(card, at): &(Card, Indices)| (card.clone(), at.cidx, at.generation);
        let mut seen = BTreeSet::from([key(&start)]);
        let mut open = vec![start];
        while let Some((card, indices)) = open.pop() {
            let new = card.bits[usize::from(indices.cidx)] == indices.generation;
            assert_eq!(new, card.ahead > 0, "{card:?} seen from {indices:?}");
            let mut next = Vec::new();
            if card.ahead < usable {
                let mut written = card.clone();
                written.write();
                next.push((written, indices));
            }
            if new {
                let mut taken = indices;
                taken.consume();
                taken.owed = 0;
                next.push((Card { ahead: card.ahead - 1, ..card }, taken));
            }
            for state in next {
                if seen.insert(key(&state)) {
                    open.push(state);
                }
            }
        }
        // Two laps of places for the driver, each with 0 to `usable` entries ahead.
        let states = 2 * usize::from(usable) * usize::from(usable + 1);
        assert_eq!(seen.len(), states, "{usable} entries: a state was not reached");
    }
}

fn queue(size: u16) -> (Iq, Arc<RecordingBar>, Arc<Domain>) {
    let (arena, domain) = mapped(1 << 20);
    let ring = IqRing::new(|len| arena.alloc(len, 64), size).expect("room");
    let bar = RecordingBar::new();
    let layout = Layout { page_shift: 12, queues_per_page_shift: 5 };
    let gts = Gts::new(bar.clone(), layout.area(2));
    (ring.start(IqId(9), gts), bar, domain)
}

fn write_entry(iq: &Iq, domain: &Domain, at: u16, generation: bool, first: u8) {
    let entry = domain.iova(&iq.ring).add(usize::from(at) * ENTRY);
    domain.write(entry, &[first; ENTRY - 8]).expect("mapped");
    let last = LastFlit(0).with_gen_bit(generation).to_memory();
    domain.store_release_u64(entry.add(ENTRY - 8), last).expect("mapped");
}

#[test]
fn the_status_entry_is_never_taken_for_a_message() {
    let (mut iq, _, domain) = queue(16);
    for at in 0..15 {
        write_entry(&iq, &domain, at, true, at as u8);
        assert_eq!(iq.peek().expect("written")[0], at as u8);
        iq.consume();
    }
    write_entry(&iq, &domain, 15, true, 99);
    assert_eq!(iq.peek(), None, "entry 0 of the second lap comes after entry 14");
    write_entry(&iq, &domain, 0, false, 0);
    assert!(iq.peek().is_some());
}

#[test]
fn credits_go_back_by_the_quarter_or_all_at_once() {
    let (mut iq, bar, domain) = queue(64);
    let mut returned = Vec::new();
    for at in 0..40 {
        write_entry(&iq, &domain, at, true, 0);
        assert!(iq.peek().is_some());
        iq.consume();
        iq.return_credits();
        returned.push(bar.take().len());
    }
    // 63 usable entries: every 15.
    let at: Vec<usize> = (0..40).filter(|&n| returned[n] == 1).collect();
    assert_eq!(at, [14, 29]);
    iq.return_all_credits();
    iq.return_all_credits();
    // Queue 2 at 256, its GTS 20 bytes in; timer index 7 (15:13), ten entries.
    assert_eq!(bar.take(), [Access::Doorbell { offset: 276, value: 7 << 13 | 10 }]);
}
