//! A wire whose plug the user may pull: `set link-down port N`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mafo::wire::{Cable, Wire, WireCounters};
use mafo::{Frame, FrameBurst, Nanos};

use super::PortStats;

/// Pulls a plug and puts it back, from whatever thread.
#[derive(Clone, Debug)]
pub(crate) struct Puller {
    plugged: Arc<AtomicBool>,
    flowing: Arc<AtomicBool>,
    cable: Option<Cable>,
}

impl Puller {
    /// Puts the plug in, or pulls it; what has a cable shows it at the other end too.
    pub(crate) fn set_link(&self, up: bool) {
        self.plugged.store(up, Ordering::Relaxed);
        if let Some(cable) = &self.cable {
            cable.set_carrier(up);
        }
    }

    /// Whether frames are being forwarded: a source that has its frames ready gives none before.
    pub(crate) fn set_flowing(&self, flowing: bool) {
        self.flowing.store(flowing, Ordering::Relaxed);
    }

    fn is_in(&self) -> bool {
        self.plugged.load(Ordering::Relaxed)
    }
}

/// A wire with its plug.
pub(crate) struct Plug {
    wire: Box<dyn Wire>,
    puller: Puller,
    /// Nothing is received unless frames are being forwarded.
    waits: bool,
    /// Frames that came and that went while the plug was out.
    lost: (u64, u64),
}

impl fmt::Debug for Plug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plug").field("puller", &self.puller).finish_non_exhaustive()
    }
}

impl Plug {
    /// The plug of `wire`, in; `cable` is what the wire has of that kind.
    pub(crate) fn new(wire: Box<dyn Wire>, cable: Option<Cable>) -> Self {
        let flag = || Arc::new(AtomicBool::new(true));
        let puller = Puller { plugged: flag(), flowing: flag(), cable };
        Self { wire, puller, waits: false, lost: (0, 0) }
    }

    /// The plug of a source whose frames are ready from the start: an adapter would take them, and drop them, before
    /// anybody forwards.
    pub(crate) fn of_source(wire: Box<dyn Wire>) -> Self {
        let plug = Self { waits: true, ..Self::new(wire, None) };
        plug.puller.set_flowing(false);
        plug
    }

    /// The hand at the plug.
    pub(crate) fn puller(&self) -> Puller {
        self.puller.clone()
    }

    /// The wire's counters under testpmd's names.
    pub(super) fn stats(&self) -> PortStats {
        let counters = self.counters();
        PortStats {
            rx_packets: counters.rx_frames,
            rx_bytes: counters.rx_bytes,
            rx_missed: counters.rx_carrier_lost,
            rx_errors: counters.rx_errors + counters.rx_oversize,
            rx_nombuf: 0,
            tx_packets: counters.tx_frames,
            tx_bytes: counters.tx_bytes,
            tx_errors: counters.tx_errors + counters.tx_oversize + counters.tx_carrier_errors,
        }
    }

    /// All of them.
    pub(super) fn xstats(&self) -> Vec<(String, u64)> {
        self.counters().iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Wire for Plug {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        if self.waits && !self.puller.flowing.load(Ordering::Relaxed) {
            return 0;
        }
        let before = burst.len();
        let received = self.wire.rx_burst(now, burst);
        if self.puller.is_in() {
            return received;
        }
        self.lost.0 += received as u64;
        burst.truncate(before);
        0
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        if self.puller.is_in() {
            return self.wire.tx_burst(now, frames);
        }
        self.lost.1 += frames.len() as u64;
        frames.len()
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        let up = self.wire.link_up(now);
        up && self.puller.is_in()
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.wire.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        let mut counters = self.wire.counters();
        let (rx, tx) = self.lost;
        counters.rx_frames = counters.rx_frames.saturating_sub(rx);
        counters.rx_carrier_lost += rx;
        counters.tx_carrier_errors += tx;
        counters
    }
}

#[cfg(test)]
mod tests {
    use mafo::wire::Null;
    use mafo::wire::mem::{LinkConfig, link};

    use super::*;

    #[test]
    fn what_passes_a_pulled_plug_is_lost_and_counted() {
        let mut plug = Plug::new(Box::new(Null::flood()), None);
        let mut burst = FrameBurst::new(4, 64);
        plug.puller().set_link(false);
        assert!(!plug.link_up(Nanos::ZERO));
        assert_eq!((plug.rx_burst(Nanos::ZERO, &mut burst), burst.len()), (0, 0));
        plug.puller().set_link(true);
        assert!(plug.link_up(Nanos::ZERO));
        assert_eq!(plug.rx_burst(Nanos::ZERO, &mut burst), 4);
        plug.tx_burst(Nanos::ZERO, burst.frames());
        plug.puller().set_link(false);
        plug.tx_burst(Nanos::ZERO, burst.frames());
        let stats = plug.stats();
        assert_eq!((stats.rx_packets, stats.rx_missed), (4, 4));
        assert_eq!((stats.tx_packets, stats.tx_errors), (4, 4));
    }

    #[test]
    fn a_source_waits_until_somebody_forwards() {
        let mut plug = Plug::of_source(Box::new(Null::flood()));
        let mut burst = FrameBurst::new(4, 64);
        assert_eq!(plug.rx_burst(Nanos::ZERO, &mut burst), 0);
        plug.puller().set_flowing(true);
        assert_eq!(plug.rx_burst(Nanos::ZERO, &mut burst), 4);
    }

    #[test]
    fn a_cable_shows_it_at_the_other_end() {
        let (a, mut b) = link(&LinkConfig::default());
        let cable = a.cable();
        let plug = Plug::new(Box::new(a), Some(cable));
        assert!(b.link_up(Nanos::ZERO));
        plug.puller().set_link(false);
        assert!(!b.link_up(Nanos::ZERO));
    }
}
