//! Registers behind address and data pairs, and the tables that are written entry by entry.

use mafo_mem::rss::{KEY_LEN, SYMMETRIC_KEY};
use mafo_t4::regs::tp::pio::{TP_INGRESS_CONFIG, TP_RSS_SECRET_KEY, TP_VLAN_PRI_MAP};
use mafo_t4::regs::tp::{
    CCTRL_WINDOW_COUNT, DEFAULT_MTUS, MTU_COUNT, TP_CCTRL_TABLE, TP_MTU_TABLE,
};

use crate::rss::RSS_ENTRIES;

/// Registers behind TP_PIO_ADDR; enough for every one that the map names.
const PIO_REGISTERS: usize = 0x200;
/// Registers behind TP_TM_PIO_ADDR.
const TM_PIO_REGISTERS: usize = 0x100;

/// What lies behind the pairs, and which of it is selected.
#[derive(Debug)]
pub(crate) struct Indirect {
    /// TP_PIO_ADDR.
    pub(crate) pio_addr: u32,
    pio: Vec<u32>,
    /// TP_TM_PIO_ADDR.
    pub(crate) tm_pio_addr: u32,
    tm_pio: Vec<u32>,
    /// TP_MIB_INDEX.
    pub(crate) mib_index: u32,
    mtus: [TP_MTU_TABLE; MTU_COUNT],
    mtu_selected: usize,
    cctrl: Vec<u16>,
    cctrl_selected: usize,
    rss: Vec<u16>,
    rss_selected: usize,
}

impl Default for Indirect {
    fn default() -> Self {
        let mut pio = vec![0; PIO_REGISTERS];
        pio[TP_VLAN_PRI_MAP::ADDR as usize] = TP_VLAN_PRI_MAP::DEFAULT_MODE.0;
        pio[TP_INGRESS_CONFIG::ADDR as usize] =
            TP_INGRESS_CONFIG(0).with_csum_has_pseudo_hdr(true).0;
        let mut this = Self {
            pio_addr: 0,
            pio,
            tm_pio_addr: 0,
            tm_pio: vec![0; TM_PIO_REGISTERS],
            mib_index: 0,
            mtus: core::array::from_fn(|i| {
                TP_MTU_TABLE::entry(i as u32, u32::from(DEFAULT_MTUS[i]))
            }),
            mtu_selected: 0,
            cctrl: vec![0; MTU_COUNT * CCTRL_WINDOW_COUNT],
            cctrl_selected: 0,
            rss: vec![0; RSS_ENTRIES],
            rss_selected: 0,
        };
        this.set_rss_key(&SYMMETRIC_KEY);
        this
    }
}

impl Indirect {
    /// The register that TP_PIO_ADDR selects; 0 where there is none.
    #[must_use]
    pub(crate) fn pio(&self) -> u32 {
        self.pio_at(self.pio_addr)
    }

    /// TP register `addr`; 0 where there is none.
    #[must_use]
    pub(crate) fn pio_at(&self, addr: u32) -> u32 {
        self.pio.get(addr as usize).copied().unwrap_or(0)
    }

    /// Writes the register that TP_PIO_ADDR selects; `false` where there is none.
    pub(crate) fn set_pio(&mut self, value: u32) -> bool {
        self.set_pio_at(self.pio_addr, value)
    }

    /// Writes TP register `addr`; `false` where there is none.
    pub(crate) fn set_pio_at(&mut self, addr: u32, value: u32) -> bool {
        self.pio.get_mut(addr as usize).map(|register| *register = value).is_some()
    }

    /// The scheduler register that TP_TM_PIO_ADDR selects; 0 where there is none.
    #[must_use]
    pub(crate) fn tm_pio(&self) -> u32 {
        self.tm_pio.get(self.tm_pio_addr as usize).copied().unwrap_or(0)
    }

    /// Writes the scheduler register that TP_TM_PIO_ADDR selects; `false` where there is none.
    pub(crate) fn set_tm_pio(&mut self, value: u32) -> bool {
        let addr = self.tm_pio_addr as usize;
        self.tm_pio.get_mut(addr).map(|register| *register = value).is_some()
    }

    /// The MTU table's entry that was selected.
    #[must_use]
    pub(crate) fn mtu_entry(&self) -> TP_MTU_TABLE {
        self.mtus[self.mtu_selected]
    }

    /// Writes or selects an entry of the MTU table; `false` if there is no such entry.
    pub(crate) fn set_mtu_entry(&mut self, word: TP_MTU_TABLE) -> bool {
        const SELECT: u32 = 0xff;
        let selects = word.mtuindex() == SELECT;
        let index = if selects { word.mtuvalue() } else { word.mtuindex() } as usize;
        let Some(entry) = self.mtus.get_mut(index) else { return false };
        if selects {
            self.mtu_selected = index;
        } else {
            *entry = word;
        }
        true
    }

    /// The MTUs.
    #[must_use]
    pub(crate) fn mtus(&self) -> [u16; MTU_COUNT] {
        // The field has 14 bits.
        self.mtus.map(|entry| entry.mtuvalue() as u16)
    }

    /// The congestion table's entry that was selected.
    #[must_use]
    pub(crate) fn cctrl_entry(&self) -> TP_CCTRL_TABLE {
        TP_CCTRL_TABLE(0)
            .with_rowindex(self.cctrl_selected as u32)
            .with_rowvalue(u32::from(self.cctrl[self.cctrl_selected]))
    }

    /// Writes or selects an entry of the congestion table; `false` if there is no such entry.
    pub(crate) fn set_cctrl_entry(&mut self, word: TP_CCTRL_TABLE) -> bool {
        const SELECT: u32 = 0xffff;
        let selects = word.rowindex() == SELECT;
        let index = if selects { word.rowvalue() } else { word.rowindex() } as usize;
        let Some(entry) = self.cctrl.get_mut(index) else { return false };
        if selects {
            self.cctrl_selected = index;
        } else {
            *entry = word.rowvalue() as u16;
        }
        true
    }

    /// A row (two queues) of the indirection table, as its read port shows it.
    #[must_use]
    pub(crate) fn rss_row(&self) -> u32 {
        const VALID: u32 = 1 << 31;
        let queue = |index: usize| u32::from(self.rss.get(index).copied().unwrap_or(0)) & 0x3ff;
        VALID
            | (self.rss_selected as u32) << 20
            | queue(2 * self.rss_selected + 1) << 10
            | queue(2 * self.rss_selected)
    }

    /// Selects a row of the indirection table: the row number under twelve ones.
    pub(crate) fn select_rss_row(&mut self, word: u32) -> bool {
        let row = (word & 0x000f_ffff) as usize;
        if word >> 20 != 0xfff || row >= RSS_ENTRIES / 2 {
            return false;
        }
        self.rss_selected = row;
        true
    }

    /// The firmware wrote an entry of the indirection table.
    pub(crate) fn set_rss_entry(&mut self, index: usize, queue: u16) {
        if let Some(entry) = self.rss.get_mut(index) {
            *entry = queue;
        }
    }

    /// The RSS key: registers hold its last word first.
    #[must_use]
    pub(crate) fn rss_key(&self) -> [u8; KEY_LEN] {
        let mut key = [0; KEY_LEN];
        for (i, word) in key.as_chunks_mut::<4>().0.iter_mut().rev().enumerate() {
            *word = self.pio_at(TP_RSS_SECRET_KEY::ADDR + i as u32).to_be_bytes();
        }
        key
    }

    fn set_rss_key(&mut self, key: &[u8; KEY_LEN]) {
        for (i, word) in key.as_chunks::<4>().0.iter().rev().enumerate() {
            self.set_pio_at(TP_RSS_SECRET_KEY::ADDR + i as u32, u32::from_be_bytes(*word));
        }
    }
}
