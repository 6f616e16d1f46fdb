//! A wire whose plug the user may pull: `set link-down port N`; and on which the user may break more: `fault …`.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use mafo::wire::{Cable, Wire, WireCounters};
use mafo::{Frame, FrameBurst, Nanos};

use super::PortStats;

/// Pulls a plug and puts it back, from whatever thread.
#[derive(Clone, Debug)]
pub(crate) struct Puller {
    plugged: Arc<AtomicBool>,
    flowing: Arc<AtomicBool>,
    dark: Arc<AtomicBool>,
    flaps: Arc<Flaps>,
    cable: Option<Cable>,
}

/// A link that goes down and comes back, again and again.
#[derive(Debug, Default)]
struct Flaps {
    /// Changes still to come, two of each flap.
    changes: AtomicU32,
    /// How long it stays as it is, in nanoseconds.
    half: AtomicU64,
}

impl Puller {
    /// Puts the plug in, or pulls it; what has a cable shows it at the other end too.
    pub(crate) fn set_link(&self, up: bool) {
        self.plugged.store(up, Ordering::Relaxed);
        if let Some(cable) = &self.cable {
            cable.set_carrier(up);
        }
    }

    /// Lets frames of both directions vanish behind a carrier that stays.
    pub(crate) fn set_dark(&self, dark: bool) {
        self.dark.store(dark, Ordering::Relaxed);
    }

    /// The plug is pulled and put back `count` times, each time for `half`, and stays in for `half` before the next.
    pub(crate) fn flap(&self, count: u32, half: Nanos) {
        self.flaps.half.store(half.0, Ordering::Relaxed);
        self.flaps.changes.store(count.saturating_mul(2), Ordering::Release);
    }

    /// Whether frames are being forwarded: a source that has its frames ready gives none before.
    pub(crate) fn set_flowing(&self, flowing: bool) {
        self.flowing.store(flowing, Ordering::Relaxed);
    }

    fn is_in(&self) -> bool {
        self.plugged.load(Ordering::Relaxed)
    }

    fn is_dark(&self) -> bool {
        self.dark.load(Ordering::Relaxed)
    }
}

/// A wire with its plug.
pub(crate) struct Plug {
    wire: Box<dyn Wire>,
    puller: Puller,
    /// Nothing is received unless frames are being forwarded.
    waits: bool,
    /// Frames that came and that went while the plug was out, or the wire dark.
    lost: (u64, u64),
    /// When the link changes next by itself.
    next_flap: Option<Nanos>,
}

impl fmt::Debug for Plug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plug").field("puller", &self.puller).finish_non_exhaustive()
    }
}

impl Plug {
    /// The plug of `wire`, in; `cable` is what the wire has of that kind.
    pub(crate) fn new(wire: Box<dyn Wire>, cable: Option<Cable>) -> Self {
        let flag = |on| Arc::new(AtomicBool::new(on));
        let (plugged, flowing, dark) = (flag(true), flag(true), flag(false));
        let puller = Puller { plugged, flowing, dark, flaps: Arc::default(), cable };
        Self { wire, puller, waits: false, lost: (0, 0), next_flap: None }
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

    /// Whether frames pass.
    fn is_through(&self) -> bool {
        self.puller.is_in() && !self.puller.is_dark()
    }

    /// Changes the link if it is time to.
    fn flap(&mut self, now: Nanos) {
        let left = self.puller.flaps.changes.load(Ordering::Acquire);
        if left == 0 || self.next_flap.is_some_and(|next| now < next) {
            return;
        }
        // The first change pulls it, the last one puts it back.
        self.puller.set_link(left % 2 == 1);
        self.puller.flaps.changes.store(left - 1, Ordering::Relaxed);
        let half = Nanos(self.puller.flaps.half.load(Ordering::Relaxed));
        self.next_flap = (left > 1).then(|| now + half);
    }
}

/// A wire's counters under testpmd's names.
pub(super) fn wire_stats(counters: &WireCounters) -> PortStats {
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

impl Wire for Plug {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        if self.waits && !self.puller.flowing.load(Ordering::Relaxed) {
            return 0;
        }
        self.flap(now);
        let before = burst.len();
        let received = self.wire.rx_burst(now, burst);
        if self.is_through() {
            return received;
        }
        self.lost.0 += received as u64;
        burst.truncate(before);
        0
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        if self.is_through() {
            return self.wire.tx_burst(now, frames);
        }
        self.lost.1 += frames.len() as u64;
        frames.len()
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.flap(now);
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

/// A plug that is somebody's for a time: with whoever has it goes the loan, and the plug comes back.
pub(crate) struct Loan {
    /// `Some` until it is given back.
    plug: Option<Plug>,
    number: usize,
    back: Sender<(usize, Plug)>,
}

/// Where plugs come back to.
#[derive(Debug)]
pub(crate) struct Lender {
    back: Sender<(usize, Plug)>,
    returned: Receiver<(usize, Plug)>,
}

impl Lender {
    pub(crate) fn new() -> Self {
        let (back, returned) = channel();
        Self { back, returned }
    }

    /// Lends plugs, each with its number.
    pub(crate) fn lend(&self, plugs: Vec<Plug>) -> Vec<Loan> {
        let loan = |(number, plug)| Loan { plug: Some(plug), number, back: self.back.clone() };
        plugs.into_iter().enumerate().map(loan).collect()
    }

    /// All plugs that have come back, by number.
    pub(crate) fn returned(&self) -> Vec<Plug> {
        let mut plugs: Vec<(usize, Plug)> = self.returned.try_iter().collect();
        plugs.sort_by_key(|(number, _)| *number);
        plugs.into_iter().map(|(_, plug)| plug).collect()
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(plug) = self.plug.take() {
            // A lender who is gone wants nothing back.
            let _ = self.back.send((self.number, plug));
        }
    }
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Wire for Loan {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        self.plug.as_mut().map_or(0, |plug| plug.rx_burst(now, burst))
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        self.plug.as_mut().map_or(0, |plug| plug.tx_burst(now, frames))
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.plug.as_mut().is_some_and(|plug| plug.link_up(now))
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.plug.as_ref().and_then(Plug::poll_timeout)
    }

    fn counters(&self) -> WireCounters {
        self.plug.as_ref().map_or_else(WireCounters::default, Plug::counters)
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
        let stats = wire_stats(&plug.counters());
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
    #[test]
    fn a_dark_wire_keeps_its_carrier_and_loses_everything() {
        let mut plug = Plug::new(Box::new(Null::flood()), None);
        let mut burst = FrameBurst::new(4, 64);
        plug.puller().set_dark(true);
        assert!(plug.link_up(Nanos::ZERO));
        assert_eq!((plug.rx_burst(Nanos::ZERO, &mut burst), burst.len()), (0, 0));
        assert_eq!(wire_stats(&plug.counters()).rx_missed, 4);
        plug.puller().set_dark(false);
        assert_eq!(plug.rx_burst(Nanos::ZERO, &mut burst), 4);
    }

    #[test]
    fn a_link_that_flaps_ends_up() {
        let mut plug = Plug::new(Box::new(Null::silent()), None);
        let (ms, mut seen) = (Nanos::from_millis, Vec::new());
        plug.puller().flap(2, ms(10));
        for at in [0, 9, 10, 19, 20, 30, 100] {
            seen.push(plug.link_up(ms(at)));
        }
        assert_eq!(seen, [false, false, true, true, false, true, true]);
    }

    #[test]
    fn a_plug_comes_back_with_its_number() {
        let lender = Lender::new();
        let plugs = vec![
            Plug::new(Box::new(Null::flood()), None),
            Plug::new(Box::new(Null::silent()), None),
        ];
        let mut loans = lender.lend(plugs);
        assert!(lender.returned().is_empty());
        loans.reverse();
        let mut burst = FrameBurst::new(4, 64);
        assert_eq!(loans[1].rx_burst(Nanos::ZERO, &mut burst), 4);
        drop(loans);
        let mut back = lender.returned();
        burst.clear();
        assert_eq!(back[0].rx_burst(Nanos::ZERO, &mut burst), 4);
        assert_eq!((back.len(), back[1].rx_burst(Nanos::ZERO, &mut burst)), (2, 0));
    }
}
