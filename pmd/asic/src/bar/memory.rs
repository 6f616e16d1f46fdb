//! The card's memory as windows see it.

use std::collections::BTreeMap;

const PAGE: usize = 4096;

/// EDC0 and EDC1, on the chip: MB each.
pub(crate) const EDC_MB: u32 = 8;
/// MC0, beside the chip: MB.
pub(crate) const MC_MB: u32 = 512;
/// Bytes of the card's address space: EDC0, EDC1, MC0.
pub(crate) const MEMORY_SIZE: u64 = ((2 * EDC_MB + MC_MB) as u64) << 20;
/// Where TCB 0 lies (TP_CMM_TCB_BASE): in MC0, behind 16 MB of it.
pub(crate) const TCB_BASE: u32 = (2 * EDC_MB + 16) << 20;
/// Where the firmware wants a configuration file: at the end of EDC1 (DEV_CF).
pub(crate) const CONFIG_FILE_BASE: u32 = (2 * EDC_MB - 1) << 20;
/// Pages that hold something, at most: what a host can make the model allocate.
const PAGES_MAX: usize = 1 << 14;

/// Memory that reads as zero where nothing was written.
#[derive(Debug, Default)]
pub(crate) struct CardMemory {
    pages: BTreeMap<u64, Box<[u8; PAGE]>>,
}

impl CardMemory {
    /// The 32-bit word (little-endian on the bus) at `address`, a multiple of 4.
    #[must_use]
    pub(crate) fn read32(&self, address: u64) -> u32 {
        let mut word = [0; 4];
        self.read(address, &mut word);
        u32::from_le_bytes(word)
    }

    /// Writes the 32-bit word at `address`, a multiple of 4; `false` if there is no memory.
    pub(crate) fn write32(&mut self, address: u64, value: u32) -> bool {
        self.write(address, &value.to_le_bytes())
    }

    /// Copies bytes that lie within one page.
    pub(crate) fn read(&self, address: u64, dst: &mut [u8]) {
        let at = (address % PAGE as u64) as usize;
        let page = self.pages.get(&(address / PAGE as u64));
        match page.and_then(|page| page.get(at..at + dst.len())) {
            Some(src) => dst.copy_from_slice(src),
            None => dst.fill(0),
        }
    }

    /// Writes bytes that lie within one page; `false` if there is no memory.
    pub(crate) fn write(&mut self, address: u64, src: &[u8]) -> bool {
        let number = address / PAGE as u64;
        if address >= MEMORY_SIZE
            || (self.pages.len() >= PAGES_MAX && !self.pages.contains_key(&number))
        {
            return false;
        }
        let page = self.pages.entry(number).or_insert_with(|| Box::new([0; PAGE]));
        let at = (address % PAGE as u64) as usize;
        match page.get_mut(at..at + src.len()) {
            Some(dst) => {
                dst.copy_from_slice(src);
                true
            }
            None => false,
        }
    }
}
