//! The source MAC table: what stands in the source address of frames that TP builds.

use mafo_t4::SmtIdx;

/// Which function a source MAC belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SmtEntry {
    /// Source MAC address.
    pub mac: [u8; 6],
    /// PF and VF as `pfvf` of SMT_WRITE_REQ: VF 7:0, PF 10:8, VF valid bit 11.
    pub pfvf: u16,
}

/// 256 source addresses; T4 and T5 write them two a row.
#[derive(Debug)]
pub struct Smt {
    entries: [Option<SmtEntry>; 256],
}

impl Default for Smt {
    fn default() -> Self {
        Self { entries: [None; 256] }
    }
}

impl Smt {
    /// Entry `idx` (`SMAC_SEL` of a TCB); `None` if it was never written.
    #[must_use]
    pub fn get(&self, idx: SmtIdx) -> Option<&SmtEntry> {
        self.entries[idx.index()].as_ref()
    }

    /// Source MAC of entry `idx`; zero if it was never written, as silicon's table starts out.
    #[must_use]
    pub fn mac(&self, idx: SmtIdx) -> [u8; 6] {
        self.get(idx).map_or([0; 6], |entry| entry.mac)
    }

    /// Writes entry `idx`.
    pub fn set(&mut self, idx: SmtIdx, entry: SmtEntry) {
        self.entries[idx.index()] = Some(entry);
    }
}
