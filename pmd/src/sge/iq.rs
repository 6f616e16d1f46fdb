//! Ingress queues: what the card says.
//!
//! A ring of entries of fixed size, one of them reserved for a status page that this driver does not
//! use: an entry is new when its generation bit is that of the driver's lap. The driver begins with 1
//! in a zeroed ring and flips at each wrap. The card writes the flit with the bit last.

use mafo_t4::IqId;
use mafo_t4::sge::{EntrySize, LastFlit};

use super::doorbell::Gts;
use crate::eal::dma::{ArenaFull, DmaBuf};

/// Bytes of an entry, in all queues of this driver.
pub(crate) const ENTRY: usize = EntrySize::B64.bytes();

/// The driver's place in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Indices {
    /// Entries that carry messages: all but the status entry.
    usable: u16,
    cidx: u16,
    /// The bit of an entry that is new.
    generation: bool,
    /// Entries consumed and not yet given back to the card.
    owed: u16,
}

impl Indices {
    /// A ring of `size` entries, one of which is the status entry.
    const fn new(size: u16) -> Self {
        Self { usable: size - 1, cidx: 0, generation: true, owed: 0 }
    }

    fn consume(&mut self) {
        self.owed += 1;
        self.cidx += 1;
        if self.cidx == self.usable {
            self.cidx = 0;
            self.generation = !self.generation;
        }
    }
}

/// An ingress queue without what its messages mean.
#[derive(Debug)]
pub(crate) struct Iq {
    id: IqId,
    ring: DmaBuf,
    indices: Indices,
    gts: Gts,
}

/// Ring memory of an ingress queue before the firmware knows it.
#[derive(Debug)]
pub(crate) struct IqRing {
    ring: DmaBuf,
    size: u16,
}

impl IqRing {
    /// Largest ring: credits are returned at most 4095 at a time.
    pub(crate) const SIZE_MAX: u16 = 4096;

    /// A ring of `size` entries, a multiple of 16 up to [`Self::SIZE_MAX`].
    pub(crate) fn new(
        alloc: impl FnOnce(usize) -> Result<DmaBuf, ArenaFull>,
        size: u16,
    ) -> Result<Self, ArenaFull> {
        let fits = size.is_multiple_of(16) && (16..=Self::SIZE_MAX).contains(&size);
        assert!(fits, "ingress ring of {size} entries");
        Ok(Self { ring: alloc(usize::from(size) * ENTRY)?, size })
    }

    pub(crate) fn size(&self) -> u16 {
        self.size
    }

    pub(crate) fn memory(&self) -> &DmaBuf {
        &self.ring
    }

    /// The queue, once the firmware has given it an id.
    pub(crate) fn start(self, id: IqId, gts: Gts) -> Iq {
        Iq { id, ring: self.ring, indices: Indices::new(self.size), gts }
    }
}

impl Iq {
    /// The next entry, if the card has written one. It stays until [`Iq::consume`].
    #[inline]
    pub(crate) fn peek(&self) -> Option<[u8; ENTRY]> {
        let at = usize::from(self.indices.cidx) * ENTRY;
        // Acquire: pairs with the card's release store of this flit, its last write of an entry. The
        // rest of the entry, and what it says is in the freelist, is whole once the bit is seen.
        let last = LastFlit::from_memory(self.ring.load_acquire_u64(at + ENTRY - 8));
        (last.gen_bit() == self.indices.generation).then(|| self.ring.read_array(at))
    }

    /// Done with the entry of [`Iq::peek`].
    #[inline]
    pub(crate) fn consume(&mut self) {
        self.indices.consume();
    }

    /// Gives consumed entries back to the card when a quarter of the ring is owed: fewer writes over
    /// the bus, and the card is never short of more than that.
    /// Says whether the card was told.
    pub(crate) fn return_credits(&mut self) -> bool {
        self.indices.owed >= self.indices.usable / 4 && self.return_all_credits()
    }

    /// Gives all consumed entries back; whether there were any.
    pub(crate) fn return_all_credits(&mut self) -> bool {
        let owed = core::mem::take(&mut self.indices.owed);
        if owed > 0 {
            self.gts.credits(owed);
        }
        owed > 0
    }

    pub(crate) fn id(&self) -> IqId {
        self.id
    }
}

#[cfg(test)]
mod tests;
