//! The primitives under rings: std's, or loom's when `--cfg loom` asks for every interleaving.

use core::cell::UnsafeCell;

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Values side by side, each reached through a shared reference by whoever owns it at the time.
pub(crate) struct Cells<T> {
    values: Box<[UnsafeCell<T>]>,
    /// Loom's cells do not lie side by side as values do, so each value has one that stands for it.
    #[cfg(loom)]
    witnesses: Box<[loom::cell::UnsafeCell<()>]>,
}

impl<T> Cells<T> {
    pub(crate) fn new(values: impl Iterator<Item = T>) -> Self {
        let values: Box<[_]> = values.map(UnsafeCell::new).collect();
        Self {
            #[cfg(loom)]
            witnesses: values.iter().map(|_| loom::cell::UnsafeCell::new(())).collect(),
            values,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The address of `len` values from `start`.
    ///
    /// # Safety
    ///
    /// There are as many values; only a build with debug assertions looks.
    #[inline]
    #[expect(unsafe_code, reason = "a burst is lent without a second look at where it ends")]
    pub(crate) unsafe fn stretch(&self, start: usize, len: usize) -> *mut T {
        debug_assert!(start + len <= self.values.len());
        self.witness(start, len);
        // SAFETY: by what is asked of the caller, `start` lies in the values or is their end.
        UnsafeCell::raw_get(unsafe { self.values.as_ptr().add(start) })
    }

    /// Tells loom that the owner of these values is at work on them: it takes that for a write, and fails
    /// the test unless every earlier one happened before it.
    #[inline]
    pub(crate) fn witness(&self, start: usize, len: usize) {
        #[cfg(loom)]
        self.witnesses[start..start + len].iter().for_each(|cell| cell.with_mut(|_| ()));
        #[cfg(not(loom))]
        let _ = (start, len);
    }
}
