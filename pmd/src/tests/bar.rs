//! Cards without a card: one that follows a script, one that notes what it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use mafo_t4::Bar;

/// One access to a BAR, and what a read answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read { offset: u32, value: u32 },
    Write { offset: u32, value: u32 },
    Write64 { offset: u32, value: u64 },
    Doorbell { offset: u32, value: u32 },
    Combined { offset: u32, unit: [u8; 64] },
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |offset: &u32| match mafo_t4::regs::name(*offset) {
            Some(place) => format!("{offset:#x} {place}"),
            None => format!("{offset:#x}"),
        };
        match self {
            Self::Read { offset, value } => write!(f, "read {} = {value:#x}", name(offset)),
            Self::Write { offset, value } => write!(f, "write {} {value:#x}", name(offset)),
            Self::Write64 { offset, value } => write!(f, "write64 {} {value:#x}", name(offset)),
            Self::Doorbell { offset, value } => write!(f, "doorbell {offset:#x} {value:#x}"),
            Self::Combined { offset, unit } => write!(f, "combined {offset:#x} {unit:x?}"),
        }
    }
}

/// Expects an exact list of accesses.
#[derive(Default)]
pub(crate) struct ScriptedBar {
    script: Mutex<VecDeque<Access>>,
}

impl ScriptedBar {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds what shall come next.
    pub(crate) fn expect(&self, accesses: impl IntoIterator<Item = Access>) {
        self.script.lock().expect("no panic").extend(accesses);
    }

    /// All that was expected has come.
    #[track_caller]
    pub(crate) fn done(&self) {
        let left = self.script.lock().expect("no panic");
        assert!(left.is_empty(), "{} accesses did not come, first {:?}", left.len(), left[0]);
    }

    fn next(&self, got: &str) -> Access {
        let next = self.script.lock().expect("no panic").pop_front();
        next.unwrap_or_else(|| panic!("{got}, after the end of the script"))
    }

    fn check(&self, got: Access) {
        let expected = self.next(&format!("{got:?}"));
        assert_eq!(got, expected, "left: what came, right: what the script says");
    }
}

impl Bar for ScriptedBar {
    fn read32(&self, offset: u32) -> u32 {
        let got = Access::Read { offset, value: 0 };
        match self.next(&format!("{got:?}")) {
            Access::Read { offset: expected, value } if expected == offset => value,
            other => panic!("{got:?} where the script says {other:?}"),
        }
    }
    fn write32(&self, offset: u32, value: u32) {
        self.check(Access::Write { offset, value });
    }
    fn write64(&self, offset: u32, value: u64) {
        self.check(Access::Write64 { offset, value });
    }
    fn write_doorbell(&self, offset: u32, value: u32) {
        self.check(Access::Doorbell { offset, value });
    }
    fn write_combined(&self, offset: u32, unit: &[u8; 64]) {
        self.check(Access::Combined { offset, unit: *unit });
    }
}

/// Takes everything, reads as zero, notes what came.
#[derive(Default)]
pub(crate) struct RecordingBar {
    seen: Mutex<Vec<Access>>,
}

impl RecordingBar {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// What came since the last time.
    pub(crate) fn take(&self) -> Vec<Access> {
        std::mem::take(&mut self.seen.lock().expect("no panic"))
    }

    fn note(&self, access: Access) {
        self.seen.lock().expect("no panic").push(access);
    }
}

impl Bar for RecordingBar {
    fn read32(&self, _: u32) -> u32 {
        0
    }
    fn write32(&self, offset: u32, value: u32) {
        self.note(Access::Write { offset, value });
    }
    fn write64(&self, offset: u32, value: u64) {
        self.note(Access::Write64 { offset, value });
    }
    fn write_doorbell(&self, offset: u32, value: u32) {
        self.note(Access::Doorbell { offset, value });
    }
    fn write_combined(&self, offset: u32, unit: &[u8; 64]) {
        self.note(Access::Combined { offset, unit: *unit });
    }
}
