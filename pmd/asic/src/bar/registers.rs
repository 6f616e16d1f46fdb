//! The plain registers: storage with the access rights of the datasheet, and nothing else.

use core::sync::atomic::{AtomicU32, Ordering};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use mafo_t4::regs::{self, Access, Register, le, ma, mps, pcie, pf, pl, sge, tp};

use super::memory;
use crate::config::AsicConfig;

const WORDS: usize = regs::BAR0_SIZE as usize / 4;

/// Which words of BAR0 are registers, as a function sees them: a few thousand of 131,072.
#[derive(Debug)]
struct Map {
    /// By word: the register's number, counted from 1; 0 in holes.
    numbers: Box<[u16]>,
    /// By number minus 1.
    access: Vec<Access>,
}

/// Maps by function and count of ports, each made once for all cards that look so.
static MAPS: Mutex<BTreeMap<(u8, u8), Arc<Map>>> = Mutex::new(BTreeMap::new());

impl Map {
    fn of(config: &AsicConfig) -> Arc<Self> {
        let mut maps = MAPS.lock().unwrap_or_else(PoisonError::into_inner);
        let map = maps
            .entry((config.pf, config.ports))
            .or_insert_with(|| Arc::new(Self::new(u32::from(config.pf), u32::from(config.ports))));
        Arc::clone(map)
    }

    fn new(pf: u32, ports: u32) -> Self {
        let (mut numbers, mut access) = (vec![0; WORDS], Vec::new());
        let mut map = |tables: &[&[Register]], base: u32| {
            for register in tables.iter().flat_map(|table| table.iter()) {
                for index in 0..register.count {
                    let offset = base + register.offset + index * register.stride;
                    let Some(number) = numbers.get_mut(offset as usize / 4) else { continue };
                    if *number == 0 {
                        access.push(register.access);
                        let Ok(place) = u16::try_from(access.len()) else {
                            unreachable!("fewer registers than that")
                        };
                        *number = place;
                    } else {
                        access[usize::from(*number) - 1] = register.access;
                    }
                }
            }
        };
        map(regs::GLOBAL, 0);
        map(&[pf::TABLE], pf::pf_base(pf));
        for port in 0..ports {
            map(mps::port::TABLES, mps::port::T5_BASE + port * mps::port::T5_STRIDE);
        }
        Self { numbers: numbers.into(), access }
    }

    /// The place of the register at `offset` among all; `None` in a hole.
    fn place(&self, offset: u32) -> Option<usize> {
        usize::from(*self.numbers.get(offset as usize / 4)?).checked_sub(1)
    }
}

/// BAR0 as words. What the register map does not name is a hole: it reads as zero and ignores writes.
#[derive(Debug)]
pub(crate) struct RegisterFile {
    map: Arc<Map>,
    /// By place.
    words: Box<[AtomicU32]>,
}

impl RegisterFile {
    /// The registers of a card at reset.
    #[must_use]
    pub(crate) fn new(config: &AsicConfig) -> Self {
        let map = Map::of(config);
        let words = map.access.iter().map(|_| AtomicU32::new(0)).collect();
        let this = Self { map, words };
        this.put_reset_values(config);
        this
    }

    /// What the host reaches at `offset`, and how.
    fn reached(&self, offset: u32) -> Option<(&AtomicU32, Access)> {
        if !offset.is_multiple_of(4) {
            return None;
        }
        let place = self.map.place(offset)?;
        Some((self.words.get(place)?, *self.map.access.get(place)?))
    }

    fn word(&self, offset: u32) -> Option<&AtomicU32> {
        self.words.get(self.map.place(offset)?)
    }

    /// What the host reads at `offset`; `None` in a hole.
    #[must_use]
    pub(crate) fn read(&self, offset: u32) -> Option<u32> {
        match self.reached(offset)? {
            (_, Access::Wo) => Some(0),
            (word, Access::Ro | Access::Rw | Access::W1c) => Some(word.load(Ordering::Acquire)),
        }
    }

    /// What the host writes at `offset` by the register's access; `false` in a hole.
    pub(crate) fn write(&self, offset: u32, value: u32) -> bool {
        let Some((word, access)) = self.reached(offset) else { return false };
        match access {
            // Pairs with the Acquire of the card, which looks at all of them when one has changed.
            Access::Rw => word.store(value, Ordering::Release),
            Access::W1c => {
                word.fetch_and(!value, Ordering::AcqRel);
            }
            Access::Ro | Access::Wo => {}
        }
        true
    }

    /// What stands at `offset`.
    #[must_use]
    pub(crate) fn get(&self, offset: u32) -> u32 {
        self.word(offset).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// The card puts `value` at `offset`.
    pub(crate) fn put(&self, offset: u32, value: u32) {
        if let Some(word) = self.word(offset) {
            word.store(value, Ordering::Release);
        }
    }

    /// The card sets bits at `offset`: causes.
    pub(crate) fn set_bits(&self, offset: u32, bits: u32) {
        if let Some(word) = self.word(offset) {
            word.fetch_or(bits, Ordering::AcqRel);
        }
    }

    /// Values at reset: those of the vendor's configuration file.
    pub(crate) fn reset(&self, config: &AsicConfig) {
        for word in &self.words {
            word.store(0, Ordering::Relaxed);
        }
        self.put_reset_values(config);
    }

    fn put_reset_values(&self, config: &AsicConfig) {
        for (offset, value) in reset_values(config) {
            self.put(offset, value);
        }
    }
}

/// Registers that are not zero at reset.
fn reset_values(config: &AsicConfig) -> Vec<(u32, u32)> {
    let mut values = sge_values(config);
    values.extend(tp_values(config));
    values.extend(memory_values());
    let ports = u32::from(config.ports.max(1));
    let region = |tid: u32| tid * le::CELLS_PER_TID;
    values.extend([
        (pl::PL_WHOAMI::OFFSET, pl::PL_WHOAMI(0).with_sourcepf(u32::from(config.pf)).0),
        // T5 A1.
        (pl::PL_REV::OFFSET, pl::PL_REV(0).with_rev(1).0),
        (mps::MPS_CMN_CTL::OFFSET, mps::MPS_CMN_CTL(0).with_numports(ports.ilog2()).0),
        (le::LE_DB_CONFIG::OFFSET, le::LE_DB_CONFIG(0).with_hashen(true).with_aslipcompen(true).0),
        (le::LE_DB_ACTIVE_TABLE_START_INDEX::OFFSET, region(0)),
        (le::LE_DB_FILTER_TABLE_INDEX::OFFSET, region(config.filter_start)),
        (le::LE_DB_SERVER_INDEX::OFFSET, region(config.server_start)),
        (le::LE_DB_CLIP_TABLE_INDEX::OFFSET, region(config.filter_start + config.nfilters)),
        (
            le::LE_DB_HASH_CONFIG::OFFSET,
            le::LE_DB_HASH_CONFIG(0).with_hashsize(config.ntids.max(1).ilog2()).0,
        ),
    ]);
    values
}

fn sge_values(config: &AsicConfig) -> Vec<(u32, u32)> {
    // The vendor's file writes 0x40810 under mask 0x21c70; bit 18, split CPL mode, is on.
    let control = sge::SGE_CONTROL(0)
        .with_rxpktcplmode(true)
        .with_pktshift(2)
        .with_ingpadboundary(1)
        .with_globalenable(true);
    let ticks = |us: u32| (us * config.cclk_khz / 1_000).min(0xffff);
    let [t0, t1, t2, t3, t4, t5] = sge::DEFAULT_TIMERS_US.map(ticks);
    let [n0, n1, n2, n3] = sge::DEFAULT_RX_THRESHOLDS;
    let mut values = vec![
        (sge::SGE_CONTROL::OFFSET, control.0),
        // 4 KB pages for every function, 32 queues of 128 bytes in each.
        (sge::SGE_HOST_PAGE_SIZE::OFFSET, 0x2222_2222),
        (sge::SGE_EGRESS_QUEUES_PER_PAGE_PF::OFFSET, 0x5555_5555),
        (sge::SGE_INGRESS_QUEUES_PER_PAGE_PF::OFFSET, 0x5555_5555),
        (
            sge::SGE_CONM_CTRL::OFFSET,
            sge::SGE_CONM_CTRL(0).with_egrthreshold(8).with_egrthresholdpacking(8).0,
        ),
        (
            sge::SGE_INGRESS_RX_THRESHOLD::OFFSET,
            sge::SGE_INGRESS_RX_THRESHOLD(0)
                .with_threshold_0(n0)
                .with_threshold_1(n1)
                .with_threshold_2(n2)
                .with_threshold_3(n3)
                .0,
        ),
        (sge::SGE_TIMER_VALUE_0_AND_1::OFFSET, t0 << 16 | t1),
        (sge::SGE_TIMER_VALUE_2_AND_3::OFFSET, t2 << 16 | t3),
        (sge::SGE_TIMER_VALUE_4_AND_5::OFFSET, t4 << 16 | t5),
    ];
    for (size, i) in sge::DEFAULT_FL_BUFFER_SIZES.iter().zip(0..) {
        values.push((sge::SGE_FL_BUFFER_SIZE::offset(i), *size));
    }
    values
}

fn tp_values(config: &AsicConfig) -> Vec<(u32, u32)> {
    // A timer tick is 2^14 core ticks.
    const TIMER_RESOLUTION: u32 = 14;
    let ticks = |ms: u32| {
        let core = u64::from(ms) * u64::from(config.cclk_khz);
        (core >> TIMER_RESOLUTION) as u32
    };
    vec![
        (
            tp::TP_TIMER_RESOLUTION::OFFSET,
            tp::TP_TIMER_RESOLUTION(0)
                .with_timerresolution(TIMER_RESOLUTION)
                .with_timestampresolution(18)
                .with_delayedackresolution(TIMER_RESOLUTION)
                .0,
        ),
        (
            tp::TP_GLOBAL_CONFIG::OFFSET,
            tp::TP_GLOBAL_CONFIG(0).with_issfromcplenable(true).with_ipttl(64).0,
        ),
        (tp::TP_PARA_REG0::OFFSET, tp::TP_PARA_REG0(0).with_initcwnd(6).0),
        (tp::TP_PARA_REG2::OFFSET, tp::TP_PARA_REG2(0).with_maxrxdata(16_224).0),
        (tp::TP_RXT_MIN::OFFSET, ticks(200)),
        (tp::TP_RXT_MAX::OFFSET, ticks(60_000)),
        (tp::TP_PERS_MIN::OFFSET, ticks(200)),
        (tp::TP_PERS_MAX::OFFSET, ticks(60_000)),
        (tp::TP_KEEP_IDLE::OFFSET, ticks(7_200_000)),
        (tp::TP_KEEP_INTVL::OFFSET, ticks(75_000)),
        (tp::TP_INIT_SRTT::OFFSET, ticks(1_000)),
        (tp::TP_DACK_TIMER::OFFSET, ticks(40)),
        (tp::TP_FINWAIT2_TIMER::OFFSET, ticks(600_000)),
        (tp::TP_SHIFT_CNT::OFFSET, 0x0e2f_8849),
        (tp::TP_TX_MOD_QUEUE_REQ_MAP::OFFSET, tp::TP_TX_MOD_QUEUE_REQ_MAP::DEFAULT.0),
        (
            tp::TP_RSS_CONFIG::OFFSET,
            tp::TP_RSS_CONFIG(0)
                .with_tnl4tupenipv6(true)
                .with_tnl2tupenipv6(true)
                .with_tnl4tupenipv4(true)
                .with_tnl2tupenipv4(true)
                .with_tnlmapen(true)
                .with_hashtoeplitz(true)
                .0,
        ),
    ]
}

fn memory_values() -> Vec<(u32, u32)> {
    use memory::{EDC_MB, MC_MB, TCB_BASE};
    let [(base0, size0), (base1, size1), (base2, size2)] = mafo_t4::chip::Chip::T5.memory_windows();
    let window = |i: u32, base: u32, size: u32| {
        (
            pcie::PCIE_MEM_ACCESS_BASE_WIN::offset(i),
            pcie::PCIE_MEM_ACCESS_BASE_WIN::at(base, size).0,
        )
    };
    vec![
        (
            ma::MA_EDRAM0_BAR::OFFSET,
            ma::MA_EDRAM0_BAR(0).with_edram0_base(0).with_edram0_size(EDC_MB).0,
        ),
        (
            ma::MA_EDRAM1_BAR::OFFSET,
            ma::MA_EDRAM1_BAR(0).with_edram1_base(EDC_MB).with_edram1_size(EDC_MB).0,
        ),
        (
            ma::MA_EXT_MEMORY0_BAR::OFFSET,
            ma::MA_EXT_MEMORY0_BAR(0).with_ext_mem0_base(2 * EDC_MB).with_ext_mem0_size(MC_MB).0,
        ),
        (tp::TP_CMM_TCB_BASE::OFFSET, TCB_BASE),
        window(0, base0, size0),
        window(1, base1, size1),
        window(2, base2, size2),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_card_has_its_own_registers_where_its_function_and_ports_are() {
        let card = |pf, ports| {
            let config = AsicConfig { pf, ports, ..AsicConfig::t540_cr() };
            (RegisterFile::new(&config), config)
        };
        let [(first, config), (alike, _), (four, _), (other, _)] =
            [card(4, 2), card(4, 2), card(4, 4), card(0, 2)];
        let own = |pf| pf::pf_base(pf) + pf::SGE_PF_KDOORBELL::OFFSET;
        let port =
            |n| mps::port::T5_BASE + n * mps::port::T5_STRIDE + mps::port::TABLES[0][0].offset;
        let are_there = |card: &RegisterFile| {
            [own(4), own(0), port(1), port(3)].map(|at| card.read(at).is_some())
        };
        assert_eq!(are_there(&first), [true, false, true, false]);
        assert_eq!(are_there(&four), [true, false, true, true]);
        assert_eq!(are_there(&other), [false, true, true, false]);
        assert!(first.write(tp::TP_RXT_MIN::OFFSET, 7));
        assert_eq!(first.get(tp::TP_RXT_MIN::OFFSET), 7);
        assert_ne!(alike.get(tp::TP_RXT_MIN::OFFSET), 7);
        first.reset(&config);
        assert_eq!(first.get(tp::TP_RXT_MIN::OFFSET), alike.get(tp::TP_RXT_MIN::OFFSET));
    }
}
