//! The plain registers: storage with the access rights of the datasheet, and nothing else.

use core::sync::atomic::{AtomicU32, Ordering};

use mafo_t4::regs::{self, Access, Register, le, ma, mps, pcie, pf, pl, sge, tp};

use super::memory;
use crate::config::AsicConfig;

const WORDS: usize = regs::BAR0_SIZE as usize / 4;

/// BAR0 as words. What the register map does not name is a hole: it reads as zero and ignores writes.
#[derive(Debug)]
pub(crate) struct RegisterFile {
    words: Box<[AtomicU32]>,
    /// Of each word; `None` in holes.
    access: Box<[Option<Access>]>,
}

impl RegisterFile {
    /// The registers of a card at reset.
    #[must_use]
    pub(crate) fn new(config: &AsicConfig) -> Self {
        let mut access = vec![None; WORDS];
        let mut map = |tables: &[&[Register]], base: u32| {
            for register in tables.iter().flat_map(|table| table.iter()) {
                for index in 0..register.count {
                    let offset = base + register.offset + index * register.stride;
                    if let Some(word) = access.get_mut(offset as usize / 4) {
                        *word = Some(register.access);
                    }
                }
            }
        };
        map(regs::GLOBAL, 0);
        map(&[pf::TABLE], pf::pf_base(u32::from(config.pf)));
        for port in 0..u32::from(config.ports) {
            let base = mps::port::T5_BASE + port * mps::port::T5_STRIDE;
            map(mps::port::TABLES, base);
        }
        let words = (0..WORDS).map(|_| AtomicU32::new(0)).collect();
        let this = Self { words, access: access.into() };
        this.put_reset_values(config);
        this
    }

    fn access(&self, offset: u32) -> Option<Access> {
        if !offset.is_multiple_of(4) {
            return None;
        }
        *self.access.get(offset as usize / 4)?
    }

    /// What the host reads at `offset`; `None` in a hole.
    #[must_use]
    pub(crate) fn read(&self, offset: u32) -> Option<u32> {
        match self.access(offset)? {
            Access::Wo => Some(0),
            Access::Ro | Access::Rw | Access::W1c => Some(self.get(offset)),
        }
    }

    /// What the host writes at `offset` by the register's access; `false` in a hole.
    pub(crate) fn write(&self, offset: u32, value: u32) -> bool {
        let (Some(access), Some(word)) = (self.access(offset), self.words.get(offset as usize / 4))
        else {
            return false;
        };
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
        self.words.get(offset as usize / 4).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// The card puts `value` at `offset`.
    pub(crate) fn put(&self, offset: u32, value: u32) {
        if let Some(word) = self.words.get(offset as usize / 4) {
            word.store(value, Ordering::Release);
        }
    }

    /// The card sets bits at `offset`: causes.
    pub(crate) fn set_bits(&self, offset: u32, bits: u32) {
        if let Some(word) = self.words.get(offset as usize / 4) {
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
