//! The card as a whole: what moves when it is polled, and in what order.

use std::sync::Arc;

use mafo_mem::{FrameBurst, Nanos};
use mafo_t4::{Bar, HostMemory, PortId};

use crate::bar::BarShared;
use crate::config::AsicConfig;
use crate::hw::Hw;

/// A software T5.
///
/// Everything happens in calls: [`Asic::rx_burst`] takes frames from a cable, [`Asic::poll`] runs
/// firmware, queues and timers, [`Asic::tx_burst`] gives frames to a cable. The host reaches the card
/// through [`Asic::bar`] from any thread meanwhile.
#[derive(Debug)]
pub struct Asic<M> {
    hw: Hw<M>,
    shared: Arc<BarShared>,
}

impl<M: HostMemory> Asic<M> {
    /// A card at power-on that reaches the host's memory through `mem`.
    #[must_use]
    pub fn new(config: AsicConfig, mem: M) -> Self {
        let shared = Arc::new(BarShared::new(&config));
        Self { hw: Hw::new(config, mem, Arc::clone(&shared)), shared }
    }

    /// The card's registers and doorbells.
    #[must_use]
    pub fn bar(&self) -> Arc<dyn Bar + Send + Sync> {
        Arc::clone(&self.shared) as Arc<dyn Bar + Send + Sync>
    }

    /// The card below firmware and TP.
    #[must_use]
    pub fn hw(&self) -> &Hw<M> {
        &self.hw
    }

    /// Runs what is due: late DMA, the firmware, doorbells and the work requests behind them, TP's
    /// timers and output, loopback.
    pub fn poll(&mut self, now: Nanos) {
        self.hw.sge.dma.advance();
        self.hw.sge.set_timestamp(self.hw.clock.ticks(now));
        self.hw.refresh_settings();
        self.hw.sge.take_doorbells(&self.shared.egress, &self.shared.ingress);
        self.hw.sge.flush_backlogs();
        self.finish();
    }

    /// Gives frames to the cable of `port`: appends to `out` and says how many.
    pub fn tx_burst(&mut self, port: PortId, out: &mut FrameBurst) -> usize {
        let landed = self.hw.sge.dma.landed();
        match self.hw.ports.get_mut(port.index()) {
            Some(port) => port.drain(&self.shared, landed, out),
            None => 0,
        }
    }

    fn finish(&mut self) {
        self.hw.sge.write_status_pages();
        let causes = self.hw.sge.take_causes();
        self.shared.raise(mafo_t4::regs::sge::SGE_INT_CAUSE3::OFFSET, causes.0);
    }
}
