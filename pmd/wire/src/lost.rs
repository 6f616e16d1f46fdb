//! What a cut or dark cable swallows, for whoever has to know whose frames were lost.

use std::sync::{Arc, Mutex, PoisonError};

/// Bytes kept of a frame: enough for the headers of Ethernet, IPv4 and TCP.
const HEAD: usize = 64;
/// Frames kept until somebody takes them; further ones are not.
const FRAMES_MAX: usize = 1 << 16;

/// The beginning of a frame that was sent and did not arrive, because the carrier went or the path is dark.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LostFrame {
    bytes: [u8; HEAD],
    len: usize,
}

impl LostFrame {
    fn of(frame: &[u8]) -> Self {
        let (mut bytes, len) = ([0; HEAD], frame.len().min(HEAD));
        bytes[..len].copy_from_slice(&frame[..len]);
        Self { bytes, len }
    }

    /// Its first bytes, 64 at most.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl std::fmt::Debug for LostFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "lost frame {:02x?}", self.head())
    }
}

/// A list that all parts of a cable write to, once somebody wants it.
#[derive(Clone, Debug, Default)]
pub(crate) struct LossLog(Arc<Mutex<Option<Vec<LostFrame>>>>);

impl LossLog {
    fn with<T>(&self, act: impl FnOnce(&mut Option<Vec<LostFrame>>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what is lost from now on.
    pub(crate) fn watch(&self) {
        self.with(|list| list.get_or_insert_default().clear());
    }

    /// What was lost since the last time.
    pub(crate) fn take(&self) -> Vec<LostFrame> {
        self.with(|list| list.as_mut().map(std::mem::take)).unwrap_or_default()
    }

    /// `frame` is lost.
    pub(crate) fn note(&self, frame: &[u8]) {
        self.with(|list| {
            if let Some(list) = list.as_mut().filter(|list| list.len() < FRAMES_MAX) {
                list.push(LostFrame::of(frame));
            }
        });
    }
}
