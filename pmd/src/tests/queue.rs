//! An egress queue and the card's view of it, for tests of what is posted.

use std::sync::Arc;

use mafo_t4::regs::bar2::{DoorbellKind, Layout};
use mafo_t4::sge::{EQ_UNIT, Qstat};
use mafo_t4::wr::{self, WrHeader, WrMid};
use mafo_t4::{EqId, HostMemory, Iova};
use zerocopy::FromBytes;

use super::bar::RecordingBar;
use super::mapped;
use crate::eal::dma::{Arena, Domain};
use crate::sge::{Doorbell, Eq, EqRing};

/// Units of the ring.
pub(crate) const UNITS: u16 = 64;

pub(crate) struct Card {
    pub(crate) bar: Arc<RecordingBar>,
    pub(crate) domain: Arc<Domain>,
    pub(crate) arena: Arc<Arena>,
    ring: Iova,
    cidx: u16,
}

/// An egress queue with absolute id 7, and the card behind it.
pub(crate) fn egress() -> (Eq, Card) {
    let (arena, domain) = mapped(1 << 20);
    let ring = EqRing::new(|len| arena.alloc(len, 64), UNITS, 64).expect("room");
    let iova = domain.iova(ring.memory());
    let bar = RecordingBar::new();
    let layout = Layout { page_shift: 12, queues_per_page_shift: 5 };
    let doorbell = Doorbell::new(bar.clone(), layout.area(0), DoorbellKind::Egress);
    (ring.start(EqId(7), doorbell), Card { bar, domain, arena, ring: iova, cidx: 0 })
}

impl Card {
    /// The next work request, without what the queue asks of the card (EQUIQ, EQUEQ); and the status
    /// page says that it was read.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let wr = self.peek();
        let units = wr.len().div_ceil(EQ_UNIT) as u16;
        self.cidx = (self.cidx + units) % UNITS;
        self.claim(self.cidx);
        wr
    }

    /// The status page says that all before unit `cidx` was read.
    pub(crate) fn claim(&self, cidx: u16) {
        let status = Qstat::of(EqId(7), cidx, 0).to_memory();
        let at = self.ring.add(usize::from(UNITS) * EQ_UNIT);
        self.domain.store_release_u64(at, status).expect("mapped");
    }

    /// The next work request, not yet read.
    pub(crate) fn peek(&self) -> Vec<u8> {
        let mut bytes = vec![0; wr::MAX_LEN];
        for (n, unit) in bytes.chunks_mut(EQ_UNIT).enumerate() {
            let at = (usize::from(self.cidx) + n) % usize::from(UNITS);
            self.domain.read(self.ring.add(at * EQ_UNIT), unit).expect("mapped");
        }
        let (header, _) = WrHeader::ref_from_prefix(&bytes).expect("long enough");
        let len = header.bytes();
        bytes.truncate(len);
        let asked = WrMid(0).with_equiq(true).with_equeq(true).0.to_be_bytes();
        for (byte, flags) in bytes[4..8].iter_mut().zip(asked) {
            *byte &= !flags;
        }
        bytes
    }
}

/// A work request as 32-bit words.
pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}
