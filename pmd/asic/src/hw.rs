//! What firmware and TP stand on: queues, ports, tables, clock.

use std::sync::Arc;

use mafo_t4::{HostMemory, IqId, L2tIdx, PortId};

use crate::bar::{BarShared, ResetBy};
use crate::charge::Ledger;
use crate::clock::Clock;
use crate::config::AsicConfig;
use crate::delay::Lateness;
use crate::dma::Dma;
use crate::flow::Flows;
use crate::frame_queue::Refused;
use crate::l2t::{Egress, L2t, L2tEntry, Neighbour};
use crate::mac::{Port, Sent};
use crate::mishap::{Misfortune, Mishaps};
use crate::mps::Mps;
use crate::rss::Rss;
use crate::settings::TpSettings;
use crate::sge::{Ahead, Sge, SgeSettings};
use crate::smt::Smt;
use crate::wr::{Waiting, WrCounters};

mafo_mem::counters! {
    /// What the card counted outside of SGE, ports and TP.
    pub struct HwCounters {
        /// Frames from a cable that no interface takes.
        rx_no_interface,
        /// Frames from a cable whose link is down.
        rx_link_down,
        /// Frames shorter than an Ethernet header or longer than a port takes.
        rx_bad_length,
        /// Frames to a port that the card does not have.
        tx_no_port,
        /// Frames abandoned because their payload could not be read.
        tx_dma_faults,
        /// Segments of connections whose L2T row is unresolved or was never written.
        tx_no_neighbour,
        /// L2T writes to rows or ports that are not this function's.
        l2t_bad_writes,
        /// Packets to the host that found no credit or buffer.
        rx_packets_stalled,
        /// Packets to the host for which there is no queue.
        rx_no_queue,
        /// Frames dropped by a filter.
        rx_filter_dropped,
        /// Frames sent on by a filter.
        rx_switched,
        /// Frames that a filter would have sent on, whose way out was full or whose rewriting failed.
        rx_switch_dropped,
    }
}

/// The hardware below firmware and TP.
#[derive(Debug)]
pub struct Hw<M> {
    /// Queues and host memory.
    pub sge: Sge<M>,
    /// Interfaces and their MAC addresses.
    pub mps: Mps,
    /// Ports: link, transmit buffer, loopback.
    pub ports: Vec<Port>,
    /// Next hops.
    pub l2t: L2t,
    /// Source MAC addresses.
    pub smt: Smt,
    /// Hash and indirection table.
    pub rss: Rss,
    /// The core clock.
    pub clock: Clock,
    /// TP's tables.
    pub tp: TpSettings,
    /// What the firmware knows of connections' work requests.
    pub flows: Flows,
    /// Work requests by what became of them.
    pub wr: WrCounters,
    /// Work requests since somebody asked for a recording.
    pub(crate) recording: Option<Vec<crate::wr::Recorded>>,
    /// Whether frames wait for the messages to the host.
    pub(crate) commits: bool,
    /// What changes of owners cost.
    pub(crate) ledger: Ledger,
    pub(crate) waiting: Waiting,
    /// What was read of the ring whose turn it is.
    pub(crate) ahead: Ahead,
    /// What goes wrong with answers to the host.
    pub(crate) misfortune: Misfortune,
    /// What was counted.
    pub counters: HwCounters,
    /// What makes this card unlike others.
    pub config: AsicConfig,
    pub(crate) shared: Arc<BarShared>,
}

impl<M: HostMemory> Hw<M> {
    pub(crate) fn new(config: AsicConfig, mem: M, shared: Arc<BarShared>) -> Self {
        let clock = Clock::new(config.cclk_khz, config.clock_epoch);
        let dma = Dma::new(
            mem,
            Lateness::new(config.seed, config.max_delay_polls),
            shared.fuse().clone(),
        );
        let eq_base = config.eq_start + config.eq_absolute_offset;
        let sge_settings = SgeSettings::read(&shared);
        let tp = TpSettings::read(&shared, &shared.control().indirect, &clock);
        let mut sge = Sge::new(dma, sge_settings, eq_base, config.neq, config.iq_absolute_offset);
        sge.ethernet_delay_polls = config.ethernet_delay_polls;
        Self {
            sge,
            mps: Mps::default(),
            ports: (0..config.ports).map(|port| Port::new(PortId(port), &config)).collect(),
            l2t: L2t::default(),
            smt: Smt::default(),
            rss: Rss::default(),
            clock,
            tp,
            flows: Flows::default(),
            wr: WrCounters::new(),
            recording: None,
            commits: config.commits,
            misfortune: Misfortune::new(Mishaps::NONE),
            ledger: Ledger::new(config.meter),
            waiting: Waiting::default(),
            ahead: Ahead::default(),
            counters: HwCounters::new(),
            config,
            shared,
        }
    }

    /// The next hop of an L2T row and where its frames go; `None` if the row is unresolved (ARPMISS)
    /// or was never written.
    #[must_use]
    pub fn next_hop(&self, idx: L2tIdx) -> Option<(&L2tEntry, Egress)> {
        let entry = self.l2t.get(idx)?;
        match entry.neighbour {
            Neighbour::Reachable(egress) => Some((entry, egress)),
            Neighbour::Unresolved(_) => None,
        }
    }

    /// Frames that may be sent there before [`Hw::send`] answers [`Refused::Full`].
    #[must_use]
    pub fn tx_room(&self, to: Egress) -> usize {
        match (self.ports.get(to.port().index()), to) {
            (Some(port), Egress::Wire(_)) => port.tx_room(),
            (Some(port), Egress::Loopback(_)) => port.loopback_room(),
            (None, _) => usize::MAX,
        }
    }

    /// Frames that TP may send there. Half of a port's buffer is left to the Ethernet queues: TP, which
    /// may always have more, would shut them out (on a port that a tunnel uses, for good).
    #[must_use]
    pub fn tp_room(&self, to: Egress) -> usize {
        let frames = match to {
            Egress::Wire(_) => self.config.tx_queue_frames,
            Egress::Loopback(_) => self.config.loopback_frames,
        };
        self.tx_room(to).saturating_sub(frames / 2)
    }

    /// Sends a frame: `fill` writes it (reading host memory where it needs to) and says how long it is.
    /// A port that is down counts and drops it; its loopback works on.
    ///
    /// The frame does not leave before every message to the host that was made until now has become
    /// visible there, so an ACK never overtakes the data that it acknowledges ([`AsicConfig::commits`]).
    #[inline(always)]
    pub fn send<E>(
        &mut self,
        to: Egress,
        fill: impl FnOnce(&mut [u8], &M) -> Result<usize, E>,
    ) -> Result<Sent, Refused<E>> {
        let Self { ports, sge, shared, counters, .. } = self;
        let Some(port) = ports.get_mut(to.port().index()) else {
            counters.tx_no_port += 1;
            return Ok(Sent::Dropped);
        };
        let after = sge.dma.made();
        let after = if self.commits { after } else { 0 };
        let fill = |buffer: &mut [u8]| fill(buffer, sge.dma.mem());
        match to {
            Egress::Wire(_) => port.send(shared, after, fill),
            Egress::Loopback(_) => port.send_loopback(shared, fill),
        }
    }

    /// Writes an entry of the indirection table, and what the host reads of it.
    pub(crate) fn set_rss_entry(&mut self, index: usize, iq: Option<IqId>) {
        self.rss.set_entry(index, iq);
        let shown = iq.map_or(0, |iq| iq.0);
        self.shared.control().indirect.set_rss_entry(index, shown);
    }

    /// Whether work requests would go on if queues were run now. Those that wait for the host (credits of
    /// an ingress queue) or for a cable that nobody empties do not count.
    pub(crate) fn has_work_requests(&self) -> bool {
        self.waiting.turn || self.waiting.full.iter().any(|egress| self.tx_room(*egress) > 0)
    }

    /// Frees all queues.
    pub(crate) fn free_queues(&mut self) {
        self.sge.dma.flush();
        self.sge.reset();
        self.flows.reset();
    }

    /// Everything as at power-on, but for what was counted, the cables, and the clock. Writes that are
    /// under way to the host land first.
    pub(crate) fn reset(&mut self, by: ResetBy) {
        self.free_queues();
        for port in &mut self.ports {
            port.reset();
        }
        self.mps = Mps::default();
        self.l2t = L2t::default();
        self.smt = Smt::default();
        self.rss = Rss::default();
        self.shared.reset(by);
        self.refresh_settings();
    }

    /// TP's counters that registers show.
    #[must_use]
    pub fn mib(&self) -> &crate::bar::MibCounters {
        &self.shared.mib
    }

    /// Connections in use, by family, as LE_DB_ACT_CNT_IPV4 and IPV6 show them.
    pub fn show_connections(&self, v4: u32, v6: u32) {
        use mafo_t4::regs::le::{LE_DB_ACT_CNT_IPV4, LE_DB_ACT_CNT_IPV6};
        self.shared.put_register(LE_DB_ACT_CNT_IPV4::OFFSET, v4);
        self.shared.put_register(LE_DB_ACT_CNT_IPV6::OFFSET, v6);
    }

    /// Registers were written: the card works by them from now on.
    pub(crate) fn refresh_settings(&mut self) -> bool {
        if !self.shared.take_changed() {
            return false;
        }
        self.sge.set_settings(SgeSettings::read(&self.shared));
        let control = self.shared.control();
        self.tp = TpSettings::read(&self.shared, &control.indirect, &self.clock);
        let key = control.indirect.rss_key();
        drop(control);
        self.rss.set_key(&key);
        true
    }
}
