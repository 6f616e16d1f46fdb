//! Index arithmetic of a ring that the host fills and the card empties.

use mafo_t4::Iova;

/// A doorbell that would overtake the card: more units than the ring has free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPidx;

/// Bytes of an egress unit: what a doorbell counts.
pub const UNIT: usize = 64;

/// A ring of 64-byte units. One unit always stays empty, or a full ring would look like an empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ring {
    base: Iova,
    units: u32,
    pidx: u32,
    cidx: u32,
}

impl Ring {
    /// An empty ring of `units` units at `base`.
    #[must_use]
    pub fn new(base: Iova, units: u32) -> Self {
        debug_assert!(units >= 2, "a ring of {units} units holds nothing");
        Self { base, units, pidx: 0, cidx: 0 }
    }

    /// Units of the ring.
    #[must_use]
    pub fn units(&self) -> u32 {
        self.units
    }

    /// Index of the unit that the card takes next.
    #[must_use]
    pub fn cidx(&self) -> u32 {
        self.cidx
    }

    /// Index of the unit that the host fills next.
    #[must_use]
    pub fn pidx(&self) -> u32 {
        self.pidx
    }

    /// Units that the host has handed over and the card has not taken.
    #[must_use]
    pub fn pending(&self) -> u32 {
        if self.pidx >= self.cidx {
            self.pidx - self.cidx
        } else {
            self.pidx + self.units - self.cidx
        }
    }

    /// The host hands over `units` more; on error nothing has changed.
    pub fn produce(&mut self, units: u64) -> Result<(), BadPidx> {
        let free = self.units - 1 - self.pending();
        let units = u32::try_from(units).ok().filter(|units| *units <= free).ok_or(BadPidx)?;
        self.pidx = self.wrapped(self.pidx + units);
        Ok(())
    }

    /// The card has taken `units`, of those that are pending.
    pub fn consume(&mut self, units: u32) {
        debug_assert!(units <= self.pending(), "{units} units of {} taken", self.pending());
        self.cidx = self.wrapped(self.cidx + units);
    }

    /// An index that may have passed the end once.
    fn wrapped(&self, index: u32) -> u32 {
        if index < self.units { index } else { index - self.units }
    }

    /// Where the unit `ahead` of the next one lies, and how many units follow it, itself included,
    /// before the ring wraps.
    #[must_use]
    pub fn unit(&self, ahead: u32) -> (Iova, u32) {
        debug_assert!(ahead < self.units, "{ahead} units ahead in a ring of {}", self.units);
        let index = self.wrapped(self.cidx + ahead);
        (self.base.add(index as usize * UNIT), self.units - index)
    }

    /// Where the ring ends: the status page.
    #[must_use]
    pub fn end(&self) -> Iova {
        self.base.add(self.units as usize * UNIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every ring of up to 6 units in every state under every doorbell, against plain counting.
    #[test]
    fn indices_agree_with_counting() {
        for units in 2..=6_u32 {
            for start in 0..units {
                for produced in 0..units {
                    for consumed in 0..=produced {
                        let mut ring = Ring::new(Iova(0x1000), units);
                        ring.pidx = start;
                        ring.cidx = start;
                        assert_eq!(ring.produce(u64::from(produced)), Ok(()));
                        ring.consume(consumed);
                        let pending = produced - consumed;
                        assert_eq!(ring.pending(), pending);
                        let free = units - 1 - pending;
                        for more in 0..=units + 1 {
                            let mut ring = ring;
                            let before = ring;
                            if more <= free {
                                assert_eq!(ring.produce(u64::from(more)), Ok(()));
                                assert_eq!(ring.pending(), pending + more);
                            } else {
                                assert_eq!(ring.produce(u64::from(more)), Err(BadPidx));
                                assert_eq!(ring, before, "a bad doorbell moved the ring");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_unit_knows_where_the_ring_wraps() {
        let mut ring = Ring::new(Iova(0x1000), 4);
        ring.produce(3).expect("free");
        ring.consume(3);
        assert_eq!(ring.unit(0), (Iova(0x10c0), 1));
        assert_eq!(ring.unit(1), (Iova(0x1000), 4));
        assert_eq!(ring.end(), Iova(0x1100));
    }

    #[test]
    fn an_absurd_doorbell_is_refused() {
        let mut ring = Ring::new(Iova(0), 4);
        assert_eq!(ring.produce(u64::MAX), Err(BadPidx));
        assert_eq!(ring.produce(1 << 32), Err(BadPidx));
    }
}
