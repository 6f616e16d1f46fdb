//! A software T5 with its cables: what stands in for a card.

use std::fmt;
use std::sync::Arc;

use mafo_asic::bar::{BarShared, ResetLine};
use mafo_asic::{Asic, AsicConfig};
use mafo_mem::{FrameBurst, Nanos};
use mafo_pmd::eal::dma::{DeviceView, Domain};
use mafo_pmd::stats::{See, Xstat, each, listed};
use mafo_t4::{Bar, PortId};
use mafo_wire::Wire;

/// Frames moved between a port and its cable at a time.
const BURST: usize = 32;
/// Bursts taken from a cable between two turns of the card: what a peer sends meanwhile waits in the
/// cable's queue, and is lost when that is full. More at a time would keep the card from answering.
const RX_BURSTS: usize = 4;

/// When a cable that had no room is tried again: about what 10 Gbit/s takes for a burst.
const PATIENCE: Nanos = Nanos::from_micros(20);

/// A port of the card and the cable in it.
struct Plugged {
    port: PortId,
    wire: Box<dyn Wire>,
    up: bool,
    /// The other end has been asked to wait: what the cable holds is for later.
    pausing: bool,
}

/// A software T5 and its cables.
pub struct SoftAdapter {
    config: AsicConfig,
    asic: Asic<DeviceView>,
    plugged: Vec<Plugged>,
    rx: FrameBurst,
    /// Frames that a cable has not taken yet, by place in `plugged`.
    tx: Vec<FrameBurst>,
    /// When cables that had no room are tried again.
    next_try: Nanos,
    /// Frames that waited for a cable when it was cut, or their card died.
    tx_dropped: u64,
}

/// How a software card can be made to fail.
#[derive(Clone, Copy, Debug)]
pub struct Faults<'a>(&'a BarShared);

impl Faults<'_> {
    /// The card dies now: it does nothing any more, and its registers read as all ones.
    pub fn die(&self) {
        self.0.fuse().blow();
    }

    /// The card dies after so many effects more: writes to host memory, frames handed to cables, changes of registers.
    pub fn die_after(&self, effects: u64) {
        self.0.fuse().arm(effects);
    }

    /// Effects since [`Faults::die_after`].
    #[must_use]
    pub fn effects(&self) -> u64 {
        self.0.fuse().effects()
    }

    /// The card falls off the bus: its registers read as all ones, and it goes on as it is.
    pub fn fall_off_the_bus(&self) {
        self.0.set_gone(true);
    }

    /// The card stands still; its registers show what they showed.
    pub fn hang(&self) {
        self.0.set_hung(true);
    }
}

impl fmt::Debug for SoftAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "software T5 with {} cables", self.plugged.len())
    }
}

impl SoftAdapter {
    /// A card that reaches host memory through `domain`, with a cable in each of the ports named.
    #[must_use]
    pub fn new(
        config: AsicConfig,
        domain: Arc<Domain>,
        wires: Vec<(PortId, Box<dyn Wire>)>,
    ) -> Self {
        let frame = config.max_frame_len;
        let tx = wires.iter().map(|_| FrameBurst::new(BURST, frame)).collect();
        let plugged = wires
            .into_iter()
            .map(|(port, wire)| Plugged { port, wire, up: false, pausing: false })
            .collect();
        let asic = Asic::new(config.clone(), domain.device());
        let rx = FrameBurst::new(BURST, frame);
        Self { config, asic, plugged, rx, tx, next_try: Nanos::ZERO, tx_dropped: 0 }
    }

    /// Holds the card in reset, by a line of its own that works when its registers cannot be reached. When this
    /// returns, the card has done its last DMA and sent its last frame.
    pub(crate) fn silence(&mut self, now: Nanos) {
        let line = self.asic.reset_line();
        line.assert();
        // The card looks at the line whenever it is about to do something.
        while !line.is_acknowledged() {
            self.asic.poll(now);
        }
        self.drop_waiting();
    }

    /// What waits for cables does not leave any more.
    fn drop_waiting(&mut self) {
        for tx in &mut self.tx {
            self.tx_dropped += tx.len() as u64;
            tx.clear();
        }
    }

    /// Takes the card's power away and gives it back: as after power-on, it reaches host memory through `domain`. It has
    /// other registers then ([`SoftAdapter::bar`]).
    pub fn power_cycle(&mut self, domain: &Arc<Domain>) {
        self.asic = Asic::new(self.config.clone(), domain.device());
        self.drop_waiting();
        for plugged in &mut self.plugged {
            plugged.up = false;
        }
    }

    /// What the card shows of itself to others, and how it can be made to fail.
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        Faults(self.asic.shared())
    }

    /// The card's registers and doorbells.
    #[must_use]
    pub fn bar(&self) -> Arc<dyn Bar + Send + Sync> {
        self.asic.bar()
    }

    /// The wire that resets it even when its registers cannot be reached.
    pub(crate) fn reset_line(&self) -> ResetLine {
        self.asic.reset_line()
    }

    /// The card's own counts.
    #[must_use]
    pub fn counters(&self) -> mafo_asic::AsicCounters {
        self.asic.counters()
    }

    /// Shows everything that the card counted, in a stable order.
    pub fn each_stat(&self, see: &mut See<'_>) {
        let counters = self.counters();
        each(see, "sge", counters.sge.iter());
        each(see, "wr", counters.wr.iter());
        each(see, "fw", counters.fw.iter());
        each(see, "tp", counters.tp.iter());
        each(see, "tcp", counters.tcp.iter());
        each(see, "hw", counters.hw.iter());
        see(format_args!("dma_faults"), counters.dma_faults);
        see(format_args!("bad_accesses"), counters.bad_accesses);
        see(format_args!("tx_dropped"), self.tx_dropped);
    }

    /// Everything that the card counted, in a stable order.
    #[must_use]
    pub fn xstats(&self) -> Vec<Xstat> {
        listed(|see| self.each_stat(see))
    }

    /// What changes of connections' owners have cost the card since the last time.
    pub fn take_charges(&mut self) -> Vec<mafo_asic::Charge> {
        self.asic.take_charges()
    }

    /// Bytes of the card's memory that its connections and the tables for them take, but for payload. A walk over all.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.asic.footprint()
    }

    /// What is in use on the card.
    #[must_use]
    pub fn in_use(&self) -> mafo_asic::InUse {
        self.asic.in_use()
    }

    /// Connections that the card runs, or whose end its host has not answered yet.
    pub fn connections(&self) -> impl Iterator<Item = mafo_asic::CardConnection> + '_ {
        self.asic.tp().connections()
    }

    /// What the card refuses from now on, though it could do it: for whoever tests what follows.
    pub fn refuse(&mut self, refusals: mafo_asic::Refusals) {
        self.asic.refuse(refusals);
    }

    /// What goes wrong from now on with control messages of the host: for whoever tests what follows.
    pub fn suffer(&mut self, mishaps: mafo_asic::Mishaps) {
        self.asic.suffer(mishaps);
    }

    /// Whether the card takes a frame for `mac` that comes in by the cable in `port`.
    #[must_use]
    pub fn takes(&self, port: PortId, mac: [u8; 6]) -> bool {
        self.asic.takes(port, mac)
    }

    /// The firmware does not tell of links any more, though it says how they are when it is asked.
    pub fn lose_link_events(&mut self, lose: bool) {
        self.asic.lose_link_events(lose);
    }

    /// The card sends frames from now on whether or not its host has been told what they commit to: a check has to
    /// notice.
    #[cfg(debug_assertions)]
    pub fn spoil_commits(&mut self) {
        self.asic.spoil_commits();
    }

    /// Records the work requests that the card reads from now on.
    pub fn record(&mut self) {
        self.asic.record();
    }

    /// What was recorded since the last time.
    pub fn take_recorded(&mut self) -> Vec<mafo_asic::Recorded> {
        self.asic.take_recorded()
    }

    /// Frames that waited for a cable when it was cut, or their card died.
    #[must_use]
    pub fn tx_dropped(&self) -> u64 {
        self.tx_dropped
    }

    /// Moves frames from the cables into the card, runs the card, moves frames out to the cables.
    pub fn poll(&mut self, now: Nanos) {
        self.run(now, false);
    }

    /// The same, or only a few frames and work requests of it: as soon as there is one, somebody waits for it.
    pub(crate) fn run(&mut self, now: Nanos, briefly: bool) {
        let bursts = if briefly { 1 } else { RX_BURSTS };
        for (plugged, tx) in self.plugged.iter_mut().zip(&mut self.tx) {
            let up = plugged.wire.link_up(now);
            if up != plugged.up {
                plugged.up = up;
                self.asic.set_link(plugged.port, up);
                // When the cable is there again, newer ones may have left by another.
                self.tx_dropped += tx.len() as u64;
                tx.clear();
            }
            for _ in 0..bursts {
                self.rx.clear();
                plugged.pausing = self.asic.is_pausing(plugged.port, BURST);
                if plugged.pausing {
                    break;
                }
                if plugged.wire.rx_burst(now, &mut self.rx) == 0 {
                    break;
                }
                self.asic.rx_burst(now, plugged.port, self.rx.frames());
            }
        }
        self.asic.run(now, briefly);
        if !self.asic.is_running() {
            return self.drop_waiting();
        }
        for (plugged, tx) in self.plugged.iter_mut().zip(&mut self.tx) {
            // A cable whose other end takes no more has this one wait, as PAUSE frames would.
            while tx.is_empty() && self.asic.tx_burst(plugged.port, tx) > 0 || !tx.is_empty() {
                let sent = plugged.wire.tx_burst(now, tx.frames());
                tx.remove_front(sent);
                if !tx.is_empty() {
                    self.next_try = now + PATIENCE;
                    break;
                }
            }
        }
    }

    /// When [`SoftAdapter::poll`] has something to do without a frame coming in.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        let wires = self.plugged.iter().filter(|p| !p.pausing);
        let wires = wires.filter_map(|p| p.wire.poll_timeout()).min();
        let waits = self.tx.iter().any(|tx| !tx.is_empty()).then_some(self.next_try);
        [self.asic.poll_timeout(), wires, waits].into_iter().flatten().min()
    }
}
