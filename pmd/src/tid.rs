//! Who a number on the card is: tables of connections, opens, listeners and filters.
//!
//! Numbers that a card tells are checked like any other bytes: one that names nothing is `None` and is
//! counted by whoever asked.

use std::collections::VecDeque;

use mafo_t4::{Atid, Ftid, Stid, Tid};

/// A number of a polling core: which pipeline a queue or a connection belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LcoreId(pub u8);

/// Something that belongs to an lcore: a tid, a queue. The number alone does not tell the pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OnLcore<T> {
    /// Where it lives.
    pub lcore: LcoreId,
    /// What it is there.
    pub id: T,
}

/// A number that the host chooses from a range.
pub trait ChosenId: Copy {
    /// The number `raw`.
    fn from_raw(raw: u32) -> Self;
    /// The number.
    fn raw(self) -> u32;
}

macro_rules! chosen_ids {
    ($($Name:ident)*) => { $(
        impl ChosenId for $Name {
            fn from_raw(raw: u32) -> Self {
                Self(raw)
            }
            fn raw(self) -> u32 {
                self.0
            }
        }
    )* };
}
chosen_ids! { Atid Stid Ftid }

/// Active opens until their tid is known.
pub type AtidTable<T> = IdTable<Atid, T>;
/// Listeners.
pub type StidTable<T> = IdTable<Stid, T>;
/// Filters.
pub type FtidTable<T> = IdTable<Ftid, T>;

/// What the numbers of a range stand for; the host chooses which number is next.
#[derive(Clone, Debug)]
pub struct IdTable<I, T> {
    base: u32,
    slots: Box<[Option<T>]>,
    /// Free offsets; the next one is the one that has been free for longest, so that what a card says twice of a number
    /// is not taken for something that is said of whoever has it next.
    free: VecDeque<u32>,
    id: core::marker::PhantomData<I>,
}

impl<I: ChosenId, T> IdTable<I, T> {
    /// Numbers from `range`.
    #[must_use]
    pub fn new(range: core::ops::Range<u32>) -> Self {
        let count = range.end.saturating_sub(range.start);
        Self {
            base: range.start,
            slots: (0..count).map(|_| None).collect(),
            free: (0..count).collect(),
            id: core::marker::PhantomData,
        }
    }

    /// Gives `value` a number; `None`, and the value is gone, when all are taken.
    #[must_use]
    pub fn insert(&mut self, value: T) -> Option<I> {
        let offset = self.free.pop_front()?;
        self.slots[offset as usize] = Some(value);
        Some(I::from_raw(self.base + offset))
    }

    /// Frees a number; what it stood for.
    pub fn remove(&mut self, id: I) -> Option<T> {
        let offset = self.offset(id)?;
        let value = self.slots[offset].take()?;
        self.free.push_back(offset as u32);
        Some(value)
    }

    /// What `id` stands for.
    #[must_use]
    pub fn get(&self, id: I) -> Option<&T> {
        self.slots[self.offset(id)?].as_ref()
    }

    /// What `id` stands for.
    #[must_use]
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        let offset = self.offset(id)?;
        self.slots[offset].as_mut()
    }

    /// Numbers that stand for something, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        let base = self.base;
        (base..).zip(&self.slots).filter_map(|(raw, slot)| Some((I::from_raw(raw), slot.as_ref()?)))
    }

    /// How many numbers are taken. Not 0 at the end: something was not given back.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// How many numbers there are.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    fn offset(&self, id: I) -> Option<usize> {
        let offset = id.raw().checked_sub(self.base)? as usize;
        (offset < self.slots.len()).then_some(offset)
    }
}

/// The card named a tid that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TidError {
    /// The card has no such TCB.
    #[error("{tid:?} is beyond the {ntids} of the card")]
    OutOfRange {
        /// The tid.
        tid: Tid,
        /// TCBs of the card.
        ntids: u32,
    },
    /// The tid stands for a connection already.
    #[error("{tid:?} is in use")]
    InUse {
        /// The tid.
        tid: Tid,
    },
}

/// Connections by tid; the card chooses the numbers.
#[derive(Clone, Debug)]
pub struct TidTable<T> {
    slots: Box<[Option<T>]>,
    in_use: usize,
}

impl<T> TidTable<T> {
    /// Tids below `ntids`.
    #[must_use]
    pub fn new(ntids: u32) -> Self {
        Self { slots: (0..ntids).map(|_| None).collect(), in_use: 0 }
    }

    /// Bytes that the table takes, whatever is in use.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// The card says that `tid` is a new connection.
    pub fn insert(&mut self, tid: Tid, value: T) -> Result<(), TidError> {
        let ntids = self.slots.len() as u32;
        let slot = self.slots.get_mut(tid.index()).ok_or(TidError::OutOfRange { tid, ntids })?;
        if slot.is_some() {
            return Err(TidError::InUse { tid });
        }
        *slot = Some(value);
        self.in_use += 1;
        Ok(())
    }

    /// The connection is over.
    pub fn remove(&mut self, tid: Tid) -> Option<T> {
        let value = self.slots.get_mut(tid.index())?.take()?;
        self.in_use -= 1;
        Some(value)
    }

    /// The connection.
    #[must_use]
    pub fn get(&self, tid: Tid) -> Option<&T> {
        self.slots.get(tid.index())?.as_ref()
    }

    /// The connection.
    #[must_use]
    pub fn get_mut(&mut self, tid: Tid) -> Option<&mut T> {
        self.slots.get_mut(tid.index())?.as_mut()
    }

    /// All connections, by tid.
    pub fn iter(&self) -> impl Iterator<Item = (Tid, &T)> {
        (0..).zip(&self.slots).filter_map(|(tid, slot)| Some((Tid(tid), slot.as_ref()?)))
    }

    /// How many there are. Not 0 at the end: a tid was not released.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.in_use
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chosen_numbers_come_from_the_range_and_run_out() {
        let mut table = FtidTable::new(100..103);
        let ids: Vec<Ftid> = "abc".chars().filter_map(|value| table.insert(value)).collect();
        assert_eq!(ids, [Ftid(100), Ftid(101), Ftid(102)]);
        assert_eq!(table.insert('d'), None);
        assert_eq!(table.in_use(), 3);
        assert_eq!(table.remove(Ftid(101)), Some('b'));
        assert_eq!(table.remove(Ftid(101)), None, "twice");
        assert_eq!((table.in_use(), table.capacity()), (2, 3));
        assert_eq!(table.insert('e'), Some(Ftid(101)));
        *table.get_mut(Ftid(100)).expect("taken") = 'A';
        let all: Vec<_> = table.iter().collect();
        assert_eq!(all, [(Ftid(100), &'A'), (Ftid(101), &'e'), (Ftid(102), &'c')]);
    }

    #[test]
    fn numbers_that_a_card_makes_up_are_nothing() {
        let mut table = AtidTable::new(10..20);
        let id = table.insert(()).expect("room");
        for wrong in [0, 9, 11, 19, 20, u32::MAX] {
            assert_eq!(table.get(Atid(wrong)), None, "{wrong}");
            assert_eq!(table.get_mut(Atid(wrong)), None, "{wrong}");
            assert_eq!(table.remove(Atid(wrong)), None, "{wrong}");
        }
        assert_eq!(table.get(id), Some(&()));
        assert_eq!(StidTable::<()>::new(5..5).insert(()), None, "an empty range");
    }

    #[test]
    fn a_tid_is_one_connection_at_a_time() {
        let mut table = TidTable::new(8);
        assert_eq!(table.insert(Tid(3), 'a'), Ok(()));
        assert_eq!(table.insert(Tid(3), 'b'), Err(TidError::InUse { tid: Tid(3) }));
        let beyond = Tid(0x00ff_ffff);
        assert_eq!(table.insert(beyond, 'c'), Err(TidError::OutOfRange { tid: beyond, ntids: 8 }));
        assert_eq!(table.insert(Tid(8), 'c'), Err(TidError::OutOfRange { tid: Tid(8), ntids: 8 }));
        assert_eq!((table.get(Tid(3)), table.get(beyond)), (Some(&'a'), None));
        assert_eq!(table.iter().collect::<Vec<_>>(), [(Tid(3), &'a')]);
        assert_eq!(table.remove(beyond), None);
        assert_eq!((table.remove(Tid(3)), table.remove(Tid(3))), (Some('a'), None));
        assert_eq!(table.in_use(), 0);
    }
}
