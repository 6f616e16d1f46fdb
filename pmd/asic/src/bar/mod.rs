//! BAR0 and BAR2: what the host reaches of the card, whichever thread it does so from.
//!
//! Doorbells deposit. Registers with effects act under one lock inside the access. All others are
//! plain words. No access runs the data path: the card looks at what was left for it when it is polled.

pub mod doorbell;
mod indirect;
mod mailbox;
mod memory;
mod registers;
mod stats;

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mafo_t4::regs::bar2::{self, Layout, Port};
use mafo_t4::regs::{mps, pcie, pf, pl, sge, tp};
use mafo_t4::{Bar, PortId, Tid};

use crate::config::AsicConfig;
use crate::fault::Fuse;
use doorbell::DoorbellCells;
pub(crate) use indirect::Indirect;
pub(crate) use mailbox::Mail;
use mailbox::Mailbox;
use memory::CardMemory;
pub(crate) use memory::{CONFIG_FILE_BASE, EDC_MB};
use registers::RegisterFile;
pub use stats::{BufferGroupStats, Direction, MibCounters, PortStats};

/// Bytes of BAR2: an area for each egress queue of the silicon.
pub const BAR2_SIZE: u32 = bar2::AREA_SIZE << 17;
/// What a card that is gone answers.
const ALL_ONES: u32 = u32::MAX;

/// Registers whose accesses have effects, under the control plane's one lock.
#[derive(Debug, Default)]
pub(crate) struct Control {
    pub(crate) mailbox: Mailbox,
    pub(crate) indirect: Indirect,
    pub(crate) memory: CardMemory,
    /// TCBs that a window showed since the card last wrote them back.
    pub(crate) tcbs_wanted: Vec<Tid>,
}

/// Who resets the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResetBy {
    /// A line, or PL_RST: the firmware begins anew as well.
    Hardware,
    /// The firmware, asked by its mailbox.
    Firmware,
}

/// TCBs that one poll writes back for windows.
const TCBS_WANTED_MAX: usize = 1024;

/// The half of the card that the host's threads touch.
#[derive(Debug)]
pub struct BarShared {
    config: AsicConfig,
    registers: RegisterFile,
    control: Mutex<Control>,
    /// Egress doorbells by function-relative queue id minus the first.
    pub(crate) egress: DoorbellCells,
    /// Ingress credits by function-relative queue id.
    pub(crate) ingress: DoorbellCells,
    pub(crate) ports: Vec<PortStats>,
    pub(crate) buffer_groups: BufferGroupStats,
    pub(crate) mib: MibCounters,
    /// A register that the card works by was written.
    changed: AtomicBool,
    /// The mailbox is the firmware's, or a window wants TCBs.
    control_due: AtomicBool,
    /// PL_RST was written.
    reset_asked: AtomicBool,
    /// The reset line, and whether the card is still because of it.
    reset_line: AtomicBool,
    reset_acknowledged: AtomicBool,
    /// The card has fallen off the bus.
    gone: AtomicBool,
    /// The card's clocks and engines stand still.
    hung: AtomicBool,
    fuse: Arc<Fuse>,
    accesses_bad: AtomicU64,
}

impl BarShared {
    pub(crate) fn new(config: &AsicConfig) -> Self {
        Self {
            registers: RegisterFile::new(config),
            control: Mutex::new(Control::default()),
            egress: DoorbellCells::new(config.neq as usize),
            ingress: DoorbellCells::new(usize::from(config.iq_start + config.niq)),
            ports: (0..config.ports).map(|_| PortStats::default()).collect(),
            buffer_groups: BufferGroupStats::default(),
            mib: MibCounters::default(),
            changed: AtomicBool::new(true),
            control_due: AtomicBool::new(false),
            reset_asked: AtomicBool::new(false),
            reset_line: AtomicBool::new(false),
            reset_acknowledged: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            hung: AtomicBool::new(false),
            fuse: Arc::default(),
            accesses_bad: AtomicU64::new(0),
            config: config.clone(),
        }
    }

    /// Statistics of a port.
    #[must_use]
    pub fn port_stats(&self, port: PortId) -> Option<&PortStats> {
        self.ports.get(port.index())
    }

    /// Accesses that met nothing or broke a protocol: holes, unaligned offsets, doorbells of no queue,
    /// a mailbox that was not the host's.
    #[must_use]
    pub fn bad_accesses(&self) -> u64 {
        self.accesses_bad.load(Ordering::Relaxed)
    }

    /// The card falls off the bus (or comes back): reads answer all ones, writes go nowhere.
    pub fn set_gone(&self, gone: bool) {
        self.gone.store(gone, Ordering::Release);
    }

    /// Whether the card's registers cannot be reached: it has fallen off the bus, or is dead.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire) || self.fuse.is_blown()
    }

    /// The card stands still, or goes on: its registers can be read, but none of them changes.
    pub fn set_hung(&self, hung: bool) {
        self.hung.store(hung, Ordering::Release);
    }

    pub(crate) fn is_hung(&self) -> bool {
        self.hung.load(Ordering::Acquire)
    }

    /// What ends the card.
    #[must_use]
    pub fn fuse(&self) -> &Arc<Fuse> {
        &self.fuse
    }

    // --- The card's side ------------------------------------------------------------------------

    pub(crate) fn control(&self) -> MutexGuard<'_, Control> {
        // A host thread that panicked inside an access left plain data behind.
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn register(&self, offset: u32) -> u32 {
        self.registers.get(offset)
    }

    pub(crate) fn put_register(&self, offset: u32, value: u32) {
        if self.register(offset) != value && self.fuse.allows() {
            self.registers.put(offset, value);
        }
    }

    /// Shows what changes all the time. Nobody could tell a card that dies before from one that dies behind it.
    pub(crate) fn put_clock(&self, offset: u32, value: u32) {
        self.registers.put(offset, value);
    }

    pub(crate) fn raise(&self, offset: u32, causes: u32) {
        if causes != 0 {
            self.registers.set_bits(offset, causes);
        }
    }

    /// Whether settings changed since this was last asked.
    pub(crate) fn take_changed(&self) -> bool {
        // A plain look first; the exchange would take the cache line each poll.
        self.changed.load(Ordering::Relaxed) && self.changed.swap(false, Ordering::Acquire)
    }

    /// The firmware changed settings.
    pub(crate) fn settings_changed(&self) {
        self.changed.store(true, Ordering::Release);
    }

    /// Whether the control plane has something for the card.
    pub(crate) fn take_control_due(&self) -> bool {
        self.control_due.load(Ordering::Relaxed) && self.control_due.swap(false, Ordering::Acquire)
    }

    /// Whether the host wrote PL_RST.
    pub(crate) fn take_reset_asked(&self) -> bool {
        self.reset_asked.load(Ordering::Relaxed) && self.reset_asked.swap(false, Ordering::Acquire)
    }

    /// Everything as after power-on, but for statistics of the ports. Where the firmware does it, it keeps the mailbox until it
    /// has answered: free for a moment, whoever looks for the answer would have it.
    pub(crate) fn reset(&self, by: ResetBy) {
        self.registers.reset(&self.config);
        let mut control = self.control();
        let mailbox = match by {
            ResetBy::Firmware => core::mem::take(&mut control.mailbox),
            ResetBy::Hardware => Mailbox::default(),
        };
        *control = Control { mailbox, ..Control::default() };
        drop(control);
        self.egress.take(|_, _| {});
        self.ingress.take(|_, _| {});
        self.changed.store(true, Ordering::Release);
    }

    // --- The host's side ------------------------------------------------------------------------

    fn bad(&self) {
        self.accesses_bad.fetch_add(1, Ordering::Relaxed);
    }

    fn check(&self, good: bool) {
        if !good {
            self.bad();
        }
    }

    /// The function's own block is the one of its number.
    fn canonical(&self, offset: u32) -> u32 {
        let base = pf::MYPF_BASE;
        if (base..base + pf::PF_STRIDE).contains(&offset) {
            pf::pf_base(u32::from(self.config.pf)) + (offset - base)
        } else {
            offset
        }
    }

    /// Offset inside the function's block.
    fn in_pf_block(&self, offset: u32) -> Option<u32> {
        let distance = offset.checked_sub(pf::pf_base(u32::from(self.config.pf)))?;
        (distance < pf::PF_STRIDE).then_some(distance)
    }

    /// Port and offset inside its block.
    fn in_port_block(&self, offset: u32) -> Option<(&PortStats, u32)> {
        let distance = offset.checked_sub(mps::port::T5_BASE)?;
        let port = self.ports.get((distance / mps::port::T5_STRIDE) as usize)?;
        Some((port, distance % mps::port::T5_STRIDE))
    }

    /// The address in card memory that a window shows at `offset`.
    fn through_window(&self, offset: u32) -> Option<u64> {
        (0..pcie::PCIE_MEM_ACCESS_BASE_WIN::COUNT).find_map(|i| {
            let window = pcie::PCIE_MEM_ACCESS_BASE_WIN(
                self.registers.get(pcie::PCIE_MEM_ACCESS_BASE_WIN::offset(i)),
            );
            let size = window.size()?;
            if window.base() == 0
                || !(window.base()..window.base().checked_add(size)?).contains(&offset)
            {
                return None;
            }
            let start = self.registers.get(pcie::PCIE_MEM_ACCESS_OFFSET::offset(i));
            Some(u64::from(start & !(size - 1)) + u64::from(offset - window.base()))
        })
    }

    fn want_tcb(&self, control: &mut Control, address: u64) {
        let base = u64::from(self.registers.get(tp::TP_CMM_TCB_BASE::OFFSET));
        let Some(distance) = address.checked_sub(base) else { return };
        let tid = distance / u64::from(tp::TCB_SIZE);
        let end = self.config.ntids.max(self.config.filter_start + self.config.nfilters);
        if tid >= u64::from(end) || control.tcbs_wanted.len() >= TCBS_WANTED_MAX {
            return;
        }
        let tid = Tid(tid as u32);
        if control.tcbs_wanted.last() != Some(&tid) {
            control.tcbs_wanted.push(tid);
        }
        self.control_due.store(true, Ordering::Release);
    }

    fn read_pf(&self, offset: u32) -> Option<u32> {
        let data = pf::CIM_PF_MAILBOX_DATA::OFFSET;
        match offset {
            pf::CIM_PF_MAILBOX_CTRL::OFFSET => Some(self.control().mailbox.read_control().0),
            pf::CIM_PF_MAILBOX_CTRL_SHADOW_COPY::OFFSET => Some(self.control().mailbox.control().0),
            _ if (data..data + 64).contains(&offset) => {
                Some(self.control().mailbox.data32(((offset - data) / 4) as usize))
            }
            _ => None,
        }
    }

    fn read_effect(&self, offset: u32) -> Option<u32> {
        // What hosts look at most is plain.
        use {pcie::PCIE_FW, tp::TP_TIME_HI, tp::TP_TIME_LO};
        if matches!(offset, TP_TIME_LO::OFFSET | TP_TIME_HI::OFFSET | PCIE_FW::OFFSET) {
            return None;
        }
        if let Some(inside) = self.in_pf_block(offset) {
            return self.read_pf(inside);
        }
        if let Some((port, inside)) = self.in_port_block(offset) {
            return port.read32(inside);
        }
        match offset {
            tp::TP_PIO_ADDR::OFFSET => Some(self.control().indirect.pio_addr),
            tp::TP_PIO_DATA::OFFSET => Some(self.control().indirect.pio()),
            tp::TP_TM_PIO_ADDR::OFFSET => Some(self.control().indirect.tm_pio_addr),
            tp::TP_TM_PIO_DATA::OFFSET => Some(self.control().indirect.tm_pio()),
            tp::TP_MIB_INDEX::OFFSET => Some(self.control().indirect.mib_index),
            tp::TP_MIB_DATA::OFFSET => Some(self.mib.get(self.control().indirect.mib_index)),
            tp::TP_MTU_TABLE::OFFSET => Some(self.control().indirect.mtu_entry().0),
            tp::TP_CCTRL_TABLE::OFFSET => Some(self.control().indirect.cctrl_entry().0),
            tp::TP_RSS_LKP_TABLE::OFFSET => Some(self.control().indirect.rss_row()),
            _ => self.buffer_groups.read32(offset),
        }
    }

    fn write_pf(&self, offset: u32, value: u32) -> bool {
        let data = pf::CIM_PF_MAILBOX_DATA::OFFSET;
        match offset {
            pf::SGE_PF_KDOORBELL::OFFSET => {
                let word = pf::SGE_PF_KDOORBELL(value);
                let good = self.ring_egress(word.qid(), word);
                self.check(good);
            }
            pf::SGE_PF_GTS::OFFSET => {
                let word = pf::SGE_PF_GTS(value);
                let good = self.ring_ingress(word.ingressqid(), word);
                self.check(good);
            }
            pf::CIM_PF_MAILBOX_CTRL::OFFSET => {
                let mut control = self.control();
                let written = control.mailbox.write_control(pf::CIM_PF_MAILBOX_CTRL(value));
                if control.mailbox.is_firmwares() {
                    self.control_due.store(true, Ordering::Release);
                }
                drop(control);
                self.check(written.is_ok());
            }
            _ if (data..data + 64).contains(&offset) => {
                let index = ((offset - data) / 4) as usize;
                let written = self.control().mailbox.set_data32(index, value);
                self.check(written.is_ok());
            }
            _ => return false,
        }
        true
    }

    /// A write with an effect outside the function's block; `false` if the register at `offset` has
    /// none.
    fn write_effect(&self, offset: u32, value: u32) -> bool {
        let good = match offset {
            tp::TP_PIO_ADDR::OFFSET => {
                self.control().indirect.pio_addr = value;
                true
            }
            tp::TP_PIO_DATA::OFFSET => self.control().indirect.set_pio(value),
            tp::TP_TM_PIO_ADDR::OFFSET => {
                self.control().indirect.tm_pio_addr = value;
                true
            }
            tp::TP_TM_PIO_DATA::OFFSET => self.control().indirect.set_tm_pio(value),
            tp::TP_MIB_INDEX::OFFSET => {
                self.control().indirect.mib_index = value;
                true
            }
            tp::TP_MTU_TABLE::OFFSET => {
                self.control().indirect.set_mtu_entry(tp::TP_MTU_TABLE(value))
            }
            tp::TP_CCTRL_TABLE::OFFSET => {
                self.control().indirect.set_cctrl_entry(tp::TP_CCTRL_TABLE(value))
            }
            tp::TP_RSS_LKP_TABLE::OFFSET => self.control().indirect.select_rss_row(value),
            sge::SGE_CTXT_CMD::OFFSET => {
                // Contexts have no documented layout: the command ends at once and shows zeros.
                self.registers.write(offset, sge::SGE_CTXT_CMD(value).with_busy(false).0)
            }
            pl::PL_RST::OFFSET => {
                let word = pl::PL_RST(value);
                if word.piorst() || word.piorstmode() {
                    self.reset_asked.store(true, Ordering::Release);
                }
                true
            }
            _ => return false,
        };
        self.check(good);
        true
    }

    fn ring_egress(&self, relative: u32, word: pf::SGE_PF_KDOORBELL) -> bool {
        let Some(index) = relative.checked_sub(self.config.eq_start) else { return false };
        self.egress.ring(index as usize, u64::from(word.pidx_t5()))
    }

    fn ring_ingress(&self, relative: u32, word: pf::SGE_PF_GTS) -> bool {
        self.ingress.ring(relative as usize, u64::from(word.cidxinc()))
    }

    fn layout(&self, queues_per_page: u32) -> Layout {
        let pf = u32::from(self.config.pf);
        let pages = sge::SGE_HOST_PAGE_SIZE(self.registers.get(sge::SGE_HOST_PAGE_SIZE::OFFSET));
        Layout {
            page_shift: pages.page_shift(pf),
            queues_per_page_shift: (queues_per_page >> (4 * pf)) & 0xf,
        }
    }

    fn egress_layout(&self) -> Layout {
        self.layout(self.registers.get(sge::SGE_EGRESS_QUEUES_PER_PAGE_PF::OFFSET))
    }
}

/// A wire to the card that works when its BAR does not: it stops the card for good, until released.
#[derive(Clone, Debug)]
pub struct ResetLine(pub(crate) Arc<BarShared>);

impl ResetLine {
    /// Resets the card and keeps it still.
    pub fn assert(&self) {
        self.0.reset_line.store(true, Ordering::Release);
    }

    /// Whether the card is still: its last DMA write has landed and no frame leaves it any more.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.0.reset_acknowledged.load(Ordering::Acquire)
    }

    /// Lets the card run again, as after power-on.
    pub fn release(&self) {
        self.0.reset_line.store(false, Ordering::Release);
    }
}

impl BarShared {
    pub(crate) fn reset_line_is_asserted(&self) -> bool {
        self.reset_line.load(Ordering::Acquire)
    }

    pub(crate) fn acknowledge_reset(&self, still: bool) {
        self.reset_acknowledged.store(still, Ordering::Release);
    }

    /// Whether the host has left something that the card has not looked at.
    pub(crate) fn has_work(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
            || self.control_due.load(Ordering::Relaxed)
            || self.reset_asked.load(Ordering::Relaxed)
            || self.egress.is_rung()
            || self.ingress.is_rung()
    }
}

impl Bar for BarShared {
    fn read32(&self, offset: u32) -> u32 {
        if self.is_gone() {
            return ALL_ONES;
        }
        let offset = self.canonical(offset);
        if let Some(value) = self.read_effect(offset).or_else(|| self.registers.read(offset)) {
            return value;
        }
        match self.through_window(offset) {
            Some(address) if address % 4 == 0 => {
                let mut control = self.control();
                self.want_tcb(&mut control, address);
                control.memory.read32(address)
            }
            _ => {
                self.bad();
                0
            }
        }
    }

    fn write32(&self, offset: u32, value: u32) {
        if self.is_gone() {
            return;
        }
        let offset = self.canonical(offset);
        if let Some(inside) = self.in_pf_block(offset)
            && self.write_pf(inside, value)
        {
            return;
        }
        if self.write_effect(offset, value) || self.registers.write(offset, value) {
            self.changed.store(true, Ordering::Release);
            return;
        }
        let written = match self.through_window(offset) {
            Some(address) if address % 4 == 0 => self.control().memory.write32(address, value),
            _ => false,
        };
        self.check(written);
    }

    fn write64(&self, offset: u32, value: u64) {
        self.write32(offset, value as u32);
        match offset.checked_add(4) {
            Some(high) => self.write32(high, (value >> 32) as u32),
            None => self.bad(),
        }
    }

    fn write_doorbell(&self, offset: u32, value: u32) {
        if self.is_gone() {
            return;
        }
        let good = offset < BAR2_SIZE
            && match bar2::port(offset) {
                Port::Doorbell => {
                    let word = pf::SGE_PF_KDOORBELL(value);
                    self.ring_egress(self.egress_layout().queue(offset, word.qid()), word)
                }
                Port::Gts => {
                    let word = pf::SGE_PF_GTS(value);
                    let per_page = self.registers.get(sge::SGE_INGRESS_QUEUES_PER_PAGE_PF::OFFSET);
                    self.ring_ingress(self.layout(per_page).queue(offset, word.ingressqid()), word)
                }
                Port::WriteCombine | Port::Hole => false,
            };
        self.check(good);
    }

    fn write_combined(&self, offset: u32, _unit: &[u8; 64]) {
        if self.is_gone() {
            return;
        }
        // The ring in host memory holds the unit as well; this is its doorbell.
        let good = offset < BAR2_SIZE
            && bar2::port(offset) == Port::WriteCombine
            && self.ring_egress(
                self.egress_layout().queue(offset, 0),
                pf::SGE_PF_KDOORBELL(0).with_pidx_t5(1),
            );
        self.check(good);
    }
}
