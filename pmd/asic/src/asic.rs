//! The card as a whole: what moves when it is polled, and in what order.

use std::sync::Arc;

use mafo_mem::{Frame, FrameBurst, Nanos};
use mafo_t4::regs::mps::port::MPS_PORT_STAT_TX_PORT_PAUSE;
use mafo_t4::regs::sge::{SGE_INT_CAUSE3, SGE_TIMESTAMP_HI, SGE_TIMESTAMP_LO};
use mafo_t4::regs::tp::mib::Mib;
use mafo_t4::regs::tp::{TCB_SIZE, TP_CMM_TCB_BASE, TP_TIME_HI, TP_TIME_LO};
use mafo_t4::{Bar, HostMemory, PortId};

use crate::bar::{BarShared, ResetBy, ResetLine};
use crate::config::AsicConfig;
use crate::fw::{self, Firmware, FwCounters};
use crate::hw::{Hw, HwCounters};
use crate::mishap::{Misfortune, Mishaps};
use crate::rx;
use crate::sge::SgeCounters;
use crate::tp::{MibView, Refusals, Tp, TpConfig, TpCounters};
use crate::wr::{self, WrCounters};

/// A software T5.
///
/// Everything happens in calls: [`Asic::rx_burst`] takes frames from a cable, [`Asic::poll`] runs
/// firmware, queues and timers, [`Asic::tx_burst`] gives frames to a cable. The host reaches the card
/// through [`Asic::bar`] from any thread meanwhile.
#[derive(Debug)]
pub struct Asic<M> {
    hw: Hw<M>,
    fw: Firmware,
    tp: Tp,
    /// What TP_MIB shows of TP.
    shown: MibView,
    shared: Arc<BarShared>,
}

/// Work requests of a queue, and segments, where only a few are wanted.
const BRIEF: usize = 8;
/// Frames that leave the loopback together where there is not room for all of them.
const LOOPBACK_PART: usize = 32;

/// All that a card counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsicCounters {
    /// Queues.
    pub sge: SgeCounters,
    /// Work requests.
    pub wr: WrCounters,
    /// Firmware.
    pub fw: FwCounters,
    /// TP.
    pub tp: TpCounters,
    /// TP's TCP engine.
    pub tcp: mafo_tcp::Counters,
    /// The rest.
    pub hw: HwCounters,
    /// Accesses of the card to memory that the host has not mapped.
    pub dma_faults: u64,
    /// Accesses of the host that met nothing or broke a protocol.
    pub bad_accesses: u64,
}

/// What the host has of a card and not given back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// Ingress queues.
    pub ingress_queues: usize,
    /// Egress queues and freelists.
    pub egress_queues: usize,
    /// Tids, of whatever state.
    pub tids: usize,
    /// Connections whose work requests the firmware knows.
    pub flows: usize,
    /// Listeners.
    pub servers: usize,
    /// Filters.
    pub filters: usize,
    /// Local IPv6 addresses.
    pub clip_entries: usize,
}

fn tp_of<M>(hw: &Hw<M>) -> Tp {
    let config = &hw.config;
    let tp = TpConfig::new(fw::regions(config), config.cclk_khz, config.clock_epoch);
    let engine = mafo_tcp::Config { ts_clock: tp.engine.ts_clock, ..config.engine.clone() };
    let mut tp =
        Tp::new(&TpConfig { congestion: config.congestion, commits: config.commits, engine, ..tp });
    tp.apply(&hw.tp, &hw.clock);
    tp
}

impl<M: HostMemory> Asic<M> {
    /// A card at power-on that reaches the host's memory through `mem`. A configuration whose numbers
    /// do not fit the interface is a bug and panics.
    #[must_use]
    pub fn new(config: AsicConfig, mem: M) -> Self {
        config.check();
        let shared = Arc::new(BarShared::new(&config));
        let hw = Hw::new(config, mem, Arc::clone(&shared));
        Self { tp: tp_of(&hw), hw, fw: Firmware::new(), shown: MibView::new(), shared }
    }

    /// The card's registers and doorbells.
    #[must_use]
    pub fn bar(&self) -> Arc<dyn Bar + Send + Sync> {
        Arc::clone(&self.shared) as Arc<dyn Bar + Send + Sync>
    }

    /// The host's half of the card, with what only a model can do: fall off the bus, show statistics
    /// without an access.
    #[must_use]
    pub fn shared(&self) -> &Arc<BarShared> {
        &self.shared
    }

    /// A wire that resets the card even when its BAR does not answer.
    #[must_use]
    pub fn reset_line(&self) -> ResetLine {
        ResetLine(Arc::clone(&self.shared))
    }

    /// What changes of connections' owners have cost since the last time, in units of [`AsicConfig::meter`].
    pub fn take_charges(&mut self) -> Vec<crate::Charge> {
        self.hw.ledger.take()
    }

    /// The card below firmware and TP.
    #[must_use]
    pub fn hw(&self) -> &Hw<M> {
        &self.hw
    }

    /// Frames leave from now on whether or not the host has been told what they commit to.
    #[cfg(debug_assertions)]
    pub fn spoil_commits(&mut self) {
        self.hw.commits = false;
    }

    /// Records the work requests that the card reads from now on.
    pub fn record(&mut self) {
        self.hw.recording = Some(Vec::new());
    }

    /// What was recorded since the last time.
    pub fn take_recorded(&mut self) -> Vec<wr::Recorded> {
        self.hw.recording.as_mut().map(core::mem::take).unwrap_or_default()
    }

    /// The TCP processor.
    #[must_use]
    pub fn tp(&self) -> &Tp {
        &self.tp
    }

    /// What TP refuses from now on, though it could do it.
    pub fn refuse(&mut self, refusals: Refusals) {
        self.tp.refuse(refusals);
    }

    /// What goes wrong with control messages from now on.
    pub fn suffer(&mut self, mishaps: Mishaps) {
        self.hw.misfortune = Misfortune::new(mishaps);
    }

    /// Whether a frame for `mac` that comes in by the wire of `port` is taken.
    #[must_use]
    pub fn takes(&self, port: PortId, mac: [u8; 6]) -> bool {
        self.hw.mps.classify(port.0, mac).is_some()
    }

    /// Whether the firmware tells of links from now on, or says how they are only when it is asked.
    pub fn lose_link_events(&mut self, lose: bool) {
        self.fw.lose_events(lose);
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> AsicCounters {
        AsicCounters {
            sge: self.hw.sge.counters,
            wr: self.hw.wr,
            fw: self.fw.counters,
            tp: *self.tp.counters(),
            tcp: *self.tp.tcp_counters(),
            hw: self.hw.counters,
            dma_faults: self.hw.sge.dma.faults(),
            bad_accesses: self.shared.bad_accesses(),
        }
    }

    /// Bytes of the card's memory that its connections and the tables for them take, but for payload. A walk over all.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.tp.footprint() + self.hw.flows.footprint()
    }

    /// What the host has and has not given back.
    #[must_use]
    pub fn in_use(&self) -> InUse {
        let (ingress_queues, egress_queues) = self.hw.sge.queues();
        InUse {
            ingress_queues,
            egress_queues,
            tids: self.tp.tids_in_use(),
            flows: self.hw.flows.len(),
            servers: self.tp.le.servers.len(),
            filters: self.tp.le.filters().len(),
            clip_entries: self.fw.clip_entries(),
        }
    }

    /// Runs what is due: DMA that was under way, the firmware, doorbells and the work requests behind
    /// them, TP's timers and output, the loopback.
    pub fn poll(&mut self, now: Nanos) {
        self.run(now, false);
    }

    /// The same, or only a little of it: for whoever waits for the first of many frames.
    pub fn run(&mut self, now: Nanos, briefly: bool) {
        if self.is_held() {
            return;
        }
        if self.shared.take_reset_asked() {
            self.reset(ResetBy::Hardware);
        }
        self.show_time(now);
        self.hw.sge.end_stalls(now);
        self.hw.sge.dma.advance();
        if self.hw.refresh_settings() {
            self.tp.apply(&self.hw.tp, &self.hw.clock);
        }
        self.hw.sge.take_doorbells(&self.shared.egress, &self.shared.ingress);
        self.hw.sge.flush_backlogs();
        self.run_firmware(now);
        wr::run(&mut self.hw, &mut self.tp, now, if briefly { BRIEF } else { wr::BURST });
        if self.hw.flows.is_moving() {
            self.hw.finish_moves();
        }
        if briefly {
            self.tp.poll_some(&mut self.hw, now, BRIEF);
        } else {
            self.tp.poll(&mut self.hw, now);
        }
        self.run_loopback(now);
        self.finish();
    }

    /// Whether `port` asks the other end of its cable to wait with up to `frames` frames (802.3x PAUSE): an ingress
    /// queue that pauses it when it is nearly full might have no room for them. They are no less welcome to
    /// [`Asic::rx_burst`], where what finds no room is lost.
    pub fn is_pausing(&mut self, port: PortId, frames: usize) -> bool {
        let each = self.hw.mps.frame_max(port);
        // Who is dead asks for nothing.
        let pausing = self.is_running() && self.hw.sge.is_pausing(port.0, (frames as u32, each));
        if let Some(mac) = self.hw.ports.get_mut(port.index())
            && mac.pause(pausing)
            && let Some(stats) = self.shared.port_stats(port)
        {
            stats.count(MPS_PORT_STAT_TX_PORT_PAUSE, 1);
        }
        pausing
    }

    /// Takes frames from the cable of `port`.
    pub fn rx_burst(&mut self, now: Nanos, port: PortId, frames: &[Frame]) {
        if self.is_held() {
            return;
        }
        self.hw.sge.set_timestamp(self.hw.clock.ticks(now));
        rx::burst(&mut self.hw, &mut self.tp, now, port.0, frames);
        self.finish();
    }

    /// Gives frames to the cable of `port`: appends to `out` and says how many.
    pub fn tx_burst(&mut self, port: PortId, out: &mut FrameBurst) -> usize {
        if !self.is_running() {
            return 0;
        }
        let landed = self.hw.sge.dma.landed();
        match self.hw.ports.get_mut(port.index()) {
            Some(port) => port.drain(&self.shared, landed, out),
            None => 0,
        }
    }

    /// The carrier of the cable of `port` comes or goes; the firmware tells the driver when the link
    /// changes with it.
    pub fn set_link(&mut self, port: PortId, up: bool) {
        let changed = match self.hw.ports.get_mut(port.index()) {
            Some(cable) => cable.set_carrier(up, &self.shared),
            None => false,
        };
        if changed {
            self.fw.link_changed(port);
        }
    }

    /// When [`Asic::poll`] has something to do without anything coming in; [`Nanos::ZERO`] means now.
    /// What waits for the host (credits, buffers, a queue for events) does not count: the host rings.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        if !self.is_running() {
            return None;
        }
        let now = self.shared.has_work()
            || self.fw.is_busy()
            || self.hw.sge.has_late()
            || self.hw.has_work_requests()
            || self.hw.ports.iter().any(crate::mac::Port::has_loopback_due);
        if now {
            return Some(Nanos::ZERO);
        }
        self.tp.poll_timeout().into_iter().chain(self.hw.sge.stall_end()).min()
    }

    /// Whether the card does anything at all: it is neither dead, nor does it hang.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.shared.fuse().is_blown() && !self.shared.is_hung()
    }

    /// Whether the reset line keeps the card still. Asserted, it resets the card once; released, the
    /// card is as after power-on.
    fn is_held(&mut self) -> bool {
        if self.shared.fuse().is_blown() {
            // There is nothing left that could go on.
            self.shared.acknowledge_reset(self.shared.reset_line_is_asserted());
            return true;
        }
        let asserted = self.shared.reset_line_is_asserted();
        if asserted {
            self.reset(ResetBy::Hardware);
        }
        self.shared.acknowledge_reset(asserted);
        asserted || self.shared.is_hung()
    }

    fn reset(&mut self, by: ResetBy) {
        self.hw.reset(by);
        self.fw.reset();
        self.tp = tp_of(&self.hw);
        self.shown = MibView::new();
    }

    fn run_firmware(&mut self, now: Nanos) {
        if self.shared.take_control_due() {
            self.fw.mailbox_rung(&mut self.hw);
            self.write_back_tcbs(now);
        }
        if let Some(reset) = self.fw.poll(&mut self.hw, &mut self.tp) {
            self.reset(ResetBy::Firmware);
            self.fw.come_back(&mut self.hw, &reset);
        }
    }

    /// TCBs that a memory window has shown are written to card memory, for the next look.
    fn write_back_tcbs(&mut self, now: Nanos) {
        let base = u64::from(self.shared.register(TP_CMM_TCB_BASE::OFFSET));
        let mut control = self.shared.control();
        for tid in core::mem::take(&mut control.tcbs_wanted) {
            if let Some(image) = self.tp.tcb_image(now, tid) {
                let at = base + u64::from(tid.0) * u64::from(TCB_SIZE);
                control.memory.write(at, &image.to_window_order());
            }
        }
    }

    fn run_loopback(&mut self, now: Nanos) {
        for port in 0..self.hw.ports.len() {
            if !self.hw.ports[port].has_loopback() {
                continue;
            }
            // Nothing is lost inside the card: the loopback fills, and queues that feed it wait.
            let all = self.hw.ports[port].in_loopback();
            let each = self.hw.mps.frame_max(PortId(port as u8));
            let sizes = [all, all.min(LOOPBACK_PART)];
            let fits = |frames: &usize| !self.hw.sge.is_pausing(port as u8, (*frames as u32, each));
            let frames = sizes.into_iter().find(fits);
            self.hw.ports[port].set_loopback_waits(frames.is_none());
            let Some(frames) = frames else { continue };
            let Some(burst) = self.hw.ports[port].take_loopback(frames) else { continue };
            let iport = rx::LOOPBACK + port as u8;
            rx::burst(&mut self.hw, &mut self.tp, now, iport, burst.frames());
            self.hw.ports[port].return_loopback(burst);
        }
    }

    fn show_time(&mut self, now: Nanos) {
        let ticks = self.hw.clock.ticks(now);
        self.hw.sge.set_timestamp(ticks);
        let (low, high) = (ticks as u32, (ticks >> 32) as u32);
        self.shared.put_clock(SGE_TIMESTAMP_LO::OFFSET, low);
        self.shared.put_clock(SGE_TIMESTAMP_HI::OFFSET, high & 0x0fff_ffff);
        self.shared.put_clock(TP_TIME_LO::OFFSET, low);
        self.shared.put_clock(TP_TIME_HI::OFFSET, high);
    }

    fn finish(&mut self) {
        self.hw.sge.write_status_pages();
        let causes = self.hw.sge.take_causes();
        self.shared.raise(SGE_INT_CAUSE3::OFFSET, causes.0);
        let (v4, v6) = self.tp.active();
        self.hw.show_connections(v4 as u32, v6 as u32);
        self.show_mib();
    }

    /// TP_MIB counts on by what TP has counted since the last look.
    fn show_mib(&mut self) {
        let now = self.tp.mib();
        if now == self.shown {
            return;
        }
        let new = now.since(&self.shown);
        self.shown = now;
        let mib = self.hw.mib();
        // Less than 2^32 of anything happens within a poll.
        mib.add_wide(Mib::TCP_IN_SEG_HI, new.in_segments as u32);
        mib.add_wide(Mib::TCP_OUT_SEG_HI, new.out_segments as u32);
        mib.add_wide(Mib::TCP_RXT_SEG_HI, new.retransmitted_segments as u32);
        mib.add(Mib::TCP_OUT_RST, new.out_resets as u32);
        mib.add(Mib::HDR_IN_ERR_0, new.header_errors as u32);
        mib.add(Mib::TCP_IN_ERR_0, new.tcp_errors as u32);
    }
}

// What an lcore owns moves between threads and knows no global.
const _: () = {
    const fn is_send<T: Send>() {}
    #[expect(dead_code, reason = "it compiles or it does not")]
    const fn asic_is_send<M: HostMemory + Send>() {
        is_send::<Asic<M>>();
    }
};
