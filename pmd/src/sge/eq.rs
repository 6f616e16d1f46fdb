//! Egress queues: work requests to the card.
//!
//! A ring of 64-byte units in host memory, behind them the status page in which the card writes how far
//! it has read. A work request begins at a unit, is at most 512 bytes and may wrap. One unit stays free,
//! so that a full ring does not look like an empty one.

use mafo_t4::EqId;
use mafo_t4::regs::bar2::DoorbellKind;
use mafo_t4::sge::{EQ_UNIT, Qstat};
use mafo_t4::wr::{self, WrMid};
use zerocopy::{Immutable, IntoBytes};

use super::doorbell::Doorbell;
use crate::eal::dma::{ArenaFull, DmaBuf};

/// Longest work request in units.
const WR_UNITS_MAX: u16 = (wr::MAX_LEN / EQ_UNIT) as u16;

mafo_mem::counters! {
    /// What an egress queue counted.
    pub struct EqCounters {
        /// Work requests posted.
        work_requests,
        /// Units of 64 bytes that they took.
        units,
        /// Doorbells rung, one for a batch.
        doorbells,
        /// Of these, single units written into the doorbell page itself.
        write_combined,
        /// Times that a work request found no room.
        full,
        /// Status pages that claimed more than was posted.
        bad_status,
    }
}

/// Where both sides of a ring are. Units of 64 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Indices {
    size: u16,
    pidx: u16,
    cidx: u16,
}

impl Indices {
    const fn new(size: u16) -> Self {
        Self { size, pidx: 0, cidx: 0 }
    }

    /// Units from `from` forward to `to`.
    const fn distance(self, from: u16, to: u16) -> u16 {
        if to >= from { to - from } else { self.size - from + to }
    }

    const fn in_flight(self) -> u16 {
        self.distance(self.cidx, self.pidx)
    }

    const fn free(self) -> u16 {
        self.size - 1 - self.in_flight()
    }

    fn produce(&mut self, units: u16) {
        assert!(units <= self.free(), "{units} units into {self:?}");
        // pidx < size and units < size, so the sum wraps once at most, and passes u16 only for rings that `EqRing::new`
        // refuses.
        let end = self.pidx + units;
        self.pidx = if end < self.size { end } else { end - self.size };
    }

    /// The card says that it has read up to `cidx`: how many units that frees, or `None` and no change
    /// when it cannot be.
    fn reap(&mut self, cidx: u16) -> Option<u16> {
        if cidx >= self.size {
            return None;
        }
        let freed = self.distance(self.cidx, cidx);
        if freed > self.in_flight() {
            return None;
        }
        self.cidx = cidx;
        Some(freed)
    }
}

/// An egress queue: Ethernet, control or offload.
#[derive(Debug)]
pub struct Eq {
    id: EqId,
    ring: DmaBuf,
    /// The work request that is being filled: in one piece even where the ring wraps.
    scratch: Box<[u8; wr::MAX_LEN]>,
    indices: Indices,
    /// Up to where the card has been told.
    rung: u16,
    /// Units posted since the card was last asked to write the status page.
    unreported: u16,
    /// An SGE_EGR_UPDATE was asked for and has not come.
    awaiting_update: bool,
    doorbell: Doorbell,
    counters: EqCounters,
}

/// Ring memory of an egress queue before the firmware knows it.
#[derive(Debug)]
pub(crate) struct EqRing {
    ring: DmaBuf,
    size: u16,
    status_page: usize,
}

impl EqRing {
    /// Smallest ring: two of the longest work requests and the unit that stays free.
    pub(crate) const SIZE_MIN: u16 = 2 * WR_UNITS_MAX + 1;
    /// Largest ring: a doorbell's increment has 13 bits.
    pub(crate) const SIZE_MAX: u16 = 8191;

    /// A ring of `size` units ([`Self::SIZE_MIN`] to [`Self::SIZE_MAX`]) with a status page of
    /// `status_page` bytes behind it.
    pub(crate) fn new(
        alloc: impl FnOnce(usize) -> Result<DmaBuf, ArenaFull>,
        size: u16,
        status_page: usize,
    ) -> Result<Self, ArenaFull> {
        assert!((Self::SIZE_MIN..=Self::SIZE_MAX).contains(&size), "egress ring of {size} units");
        let ring = alloc(usize::from(size) * EQ_UNIT + status_page)?;
        Ok(Self { ring, size, status_page })
    }

    /// Units including the status page, as the firmware wants them.
    pub(crate) fn units_with_status(&self) -> u16 {
        self.size + (self.status_page / EQ_UNIT) as u16
    }

    pub(crate) fn memory(&self) -> &DmaBuf {
        &self.ring
    }

    /// The queue, once the firmware has given it an id.
    pub(crate) fn start(self, id: EqId, doorbell: Doorbell) -> Eq {
        debug_assert_eq!(doorbell.kind(), DoorbellKind::Egress);
        Eq {
            id,
            ring: self.ring,
            scratch: Box::new([0; wr::MAX_LEN]),
            indices: Indices::new(self.size),
            rung: 0,
            unreported: 0,
            awaiting_update: false,
            doorbell,
            counters: EqCounters::new(),
        }
    }
}

impl Eq {
    /// Room for a work request of `len16` units of 16 bytes (1 to 32): a permit that must be filled
    /// and posted. `None` when the card has not yet read enough of what it was given.
    #[must_use]
    pub fn reserve(&mut self, len16: u8) -> Option<Slot<'_>> {
        let len = usize::from(len16) * 16;
        assert!((16..=wr::MAX_LEN).contains(&len), "work request of {len} bytes");
        let units = len.div_ceil(EQ_UNIT) as u16;
        self.has_room(units).then(|| Slot { eq: self, units, len, filled: 0 })
    }

    /// Whether `units` are free, which is asked of the card if need be.
    #[inline]
    fn has_room(&mut self, units: u16) -> bool {
        if units > self.indices.free() {
            self.reap();
            if units > self.indices.free() {
                self.counters.full += 1;
                return false;
            }
        }
        true
    }

    /// Posts a work request of `head` and `body`, each put once to where it lies in the ring; zeroes fill its last 16 bytes
    /// up. `false`, and nothing is posted, when there is no room.
    #[inline(always)]
    #[must_use]
    pub(crate) fn post_whole<const HEAD: usize>(
        &mut self,
        mut head: [u8; HEAD],
        body: &[u8],
    ) -> bool {
        const { assert!(HEAD >= 8 && HEAD.is_multiple_of(16) && EQ_UNIT.is_multiple_of(HEAD)) };
        let len = HEAD + body.len();
        assert!(len <= wr::MAX_LEN, "work request of {len} bytes");
        let units = len.div_ceil(EQ_UNIT) as u16;
        if !self.has_room(units) {
            return false;
        }
        let wanted = self.report_wanted(units).0.to_be_bytes();
        for (byte, flags) in head[4..8].iter_mut().zip(wanted) {
            *byte |= flags;
        }
        let at = usize::from(self.indices.pidx) * EQ_UNIT;
        // A ring ends between two units, so never inside of the head or of the last 16 bytes.
        self.ring.write(at, &head);
        let place = at + HEAD;
        let before_wrap = body.len().min(self.ring_bytes() - place);
        self.ring.write(place, &body[..before_wrap]);
        let mut end = place + before_wrap;
        if before_wrap < body.len() {
            self.ring.write(0, &body[before_wrap..]);
            end = body.len() - before_wrap;
        }
        let pad = len.next_multiple_of(16) - len;
        if pad > 0 {
            self.ring.zero(end, pad);
        }
        self.posted(units);
        true
    }

    /// A work request of `units` is in its place.
    #[inline(always)]
    fn posted(&mut self, units: u16) {
        self.indices.produce(units);
        self.counters.work_requests += 1;
        self.counters.units += u64::from(units);
    }

    /// Tells the card of all that was posted since the last time: one doorbell for the batch, or,
    /// when it is one unit, the unit itself through the doorbell page.
    #[inline]
    pub fn ring(&mut self) {
        if self.rung != self.indices.pidx {
            self.ring_doorbell();
        }
    }

    fn ring_doorbell(&mut self) {
        let units = self.indices.distance(self.rung, self.indices.pidx);
        self.counters.doorbells += 1;
        let single = units == 1 && {
            let unit = self.ring.read_array(usize::from(self.rung) * EQ_UNIT);
            self.doorbell.write_combined(&unit)
        };
        if single {
            self.counters.write_combined += 1;
        } else {
            self.doorbell.ring(units);
        }
        self.rung = self.indices.pidx;
    }

    /// Takes back what the card has read, as its status page says. Called by [`Eq::reserve`] when
    /// room is short; returns the units freed.
    pub fn reap(&mut self) -> u16 {
        // Acquire: pairs with the card's release store of the status page. What it read before may
        // be written over now.
        let status = Qstat::from_memory(self.ring.load_acquire_u64(self.ring_bytes()));
        self.indices.reap(status.cidx()).unwrap_or_else(|| {
            self.counters.bad_status += 1;
            0
        })
    }

    /// The SGE_EGR_UPDATE that was asked for has come; the card wrote the status page before it.
    pub(crate) fn on_egr_update(&mut self) {
        self.awaiting_update = false;
        self.reap();
    }

    /// The queue's absolute id.
    #[must_use]
    pub fn id(&self) -> EqId {
        self.id
    }

    /// Units that can be reserved without asking the card.
    #[must_use]
    pub fn free_units(&self) -> u16 {
        self.indices.free()
    }

    /// Units that the card has not confirmed to have read.
    #[must_use]
    pub fn in_flight_units(&self) -> u16 {
        self.indices.in_flight()
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> EqCounters {
        self.counters
    }

    /// Where the next work request begins, in units: with [`Eq::has_consumed`], the key by which the
    /// owner of what a work request points to knows when it is free.
    pub(crate) fn produced(&self) -> u16 {
        self.indices.pidx
    }

    /// Whether the card has read all up to `end`, a place that [`Eq::produced`] told after a post whose
    /// fate was not asked for since its end was passed. As far as was reaped.
    pub(crate) fn has_consumed(&self, end: u16) -> bool {
        // Ends of what is still in flight lie behind cidx, up to and including pidx.
        let distance = self.indices.distance(self.indices.cidx, end);
        distance == 0 || distance > self.indices.in_flight()
    }

    fn ring_bytes(&self) -> usize {
        usize::from(self.indices.size) * EQ_UNIT
    }

    /// What to ask of the card with a work request of `units`, the one place where that is decided:
    /// the status page every quarter of a ring; an SGE_EGR_UPDATE beside it when the ring cannot
    /// take a longest work request any more.
    #[inline(always)]
    fn report_wanted(&mut self, units: u16) -> WrMid {
        self.unreported += units;
        let nearly_full = self.indices.free() - units < WR_UNITS_MAX && !self.awaiting_update;
        if !nearly_full && self.unreported < self.indices.size / 4 {
            return WrMid(0);
        }
        self.unreported = 0;
        self.awaiting_update |= nearly_full;
        WrMid(0).with_equeq(true).with_equiq(nearly_full)
    }

    /// Copies the work request of `len` bytes out of the scratch into the ring.
    fn place(&mut self, len: usize) {
        let at = usize::from(self.indices.pidx) * EQ_UNIT;
        let before_wrap = len.min(self.ring_bytes() - at);
        self.ring.write(at, &self.scratch[..before_wrap]);
        self.ring.write(0, &self.scratch[before_wrap..len]);
    }
}

/// Room for one work request. It is filled from front to back and must be posted: dropping it is a bug.
#[derive(Debug)]
#[must_use = "a reserved work request must be posted"]
pub struct Slot<'a> {
    eq: &'a mut Eq,
    units: u16,
    len: usize,
    filled: usize,
}

impl Slot<'_> {
    /// Appends `bytes`.
    #[inline]
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        self.spare()[..bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// Appends a message.
    #[inline]
    pub fn put<T: IntoBytes + Immutable>(&mut self, message: &T) {
        self.put_bytes(message.as_bytes());
    }

    /// Appends what `write` puts at the front of the room left; it answers how many bytes that was.
    pub fn put_with(&mut self, write: impl FnOnce(&mut [u8]) -> Option<usize>) {
        let room = self.len - self.filled;
        let Some(written) = write(self.spare()) else {
            panic!("{:?}: a message longer than the {room} bytes reserved for it", self.eq.id)
        };
        assert!(written <= room, "{:?}: {written} bytes written into {room}", self.eq.id);
        self.filled += written;
    }

    /// Zeroes what is left.
    pub fn pad(&mut self) {
        self.spare().fill(0);
        self.filled = self.len;
    }

    /// Hands the work request over; the card learns of it by [`Eq::ring`].
    pub fn post(mut self) {
        let (filled, len) = (self.filled, self.len);
        assert!(filled == len, "{:?}: a work request of {filled} bytes in {len}", self.eq.id);
        let wanted = self.eq.report_wanted(self.units);
        if wanted.0 != 0 {
            let mid = &mut self.eq.scratch[4..8];
            for (byte, flags) in mid.iter_mut().zip(wanted.0.to_be_bytes()) {
                *byte |= flags;
            }
        }
        self.eq.place(len);
        self.eq.posted(self.units);
        // Posted: `drop` has nothing to complain about.
        self.units = 0;
    }

    fn spare(&mut self) -> &mut [u8] {
        &mut self.eq.scratch[self.filled..self.len]
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let posted = self.units == 0 || std::thread::panicking();
        debug_assert!(posted, "{:?}: a reserved work request was not posted", self.eq.id);
    }
}

#[cfg(test)]
mod tests;
