//! The primitives under rings: std's, or loom's when `--cfg loom` asks for every interleaving.

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

/// A value that is reached through a shared reference by whoever owns it at the time.
pub(crate) struct Slot<T>(
    #[cfg(loom)] loom::cell::UnsafeCell<T>,
    #[cfg(not(loom))] core::cell::UnsafeCell<T>,
);

impl<T> Slot<T> {
    #[cfg(loom)]
    pub(crate) fn new(value: T) -> Self {
        Self(loom::cell::UnsafeCell::new(value))
    }

    #[cfg(not(loom))]
    pub(crate) fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    /// The value's address. Loom takes this for a write and fails the test unless every earlier one
    /// happened before it.
    #[cfg(loom)]
    pub(crate) fn get(&self) -> *mut T {
        self.0.with_mut(|value| value)
    }

    /// The value's address.
    #[cfg(not(loom))]
    pub(crate) fn get(&self) -> *mut T {
        self.0.get()
    }
}
