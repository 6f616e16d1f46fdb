//! Any wire, made a bad one.

use core::slice;

use mafo_mem::frame::capacity_for_mtu;
use mafo_mem::{Frame, FrameBurst, Full, Nanos};

use crate::cable::Cable;
use crate::impair::{ImpairCounters, Impairer, Impairments};
use crate::lost::LossLog;
use crate::{Wire, WireCounters};

/// What [`Impaired`] does.
#[derive(Clone, Debug)]
pub struct ImpairedConfig {
    /// MTU of the wire; frames that do not fit its buffers are dropped.
    pub mtu: usize,
    /// Frames held back at most, each way.
    pub under_way_frames: usize,
    /// What happens to frames that are sent.
    pub tx: Impairments,
    /// What happens to frames that are received.
    pub rx: Impairments,
    /// Decides which frames the impairments hit.
    pub seed: u64,
}

impl Default for ImpairedConfig {
    fn default() -> Self {
        Self {
            mtu: 1500,
            under_way_frames: 16_384,
            tx: Impairments::NONE,
            rx: Impairments::NONE,
            seed: 0,
        }
    }
}

/// A wire that impairs what goes over another.
///
/// Its [`Wire::counters`] are the inner wire's, with what was lost here when the carrier went; what
/// chance did is in [`Impaired::tx_impair_counters`] and [`Impaired::rx_impair_counters`].
pub struct Impaired<W> {
    inner: W,
    tx: Impairer,
    rx: Impairer,
    /// What `inner` received on its way to `rx`.
    arrivals: FrameBurst,
    /// The inner wire's `carrier_changes` when the frames under way were sent.
    carrier_changes: u64,
    /// What was lost here: carrier and size.
    counters: WireCounters,
    /// Where frames are noted that were on their way to this end when the carrier went.
    lost: LossLog,
}

/// Frames taken from the inner wire at once.
const ARRIVALS: usize = 32;

impl<W: Wire> Impaired<W> {
    /// Impairs what goes over `inner`.
    pub fn new(inner: W, config: &ImpairedConfig) -> Self {
        let capacity = capacity_for_mtu(config.mtu);
        // Room for a whole burst of arrivals and a copy of each.
        let frames = config.under_way_frames.max(2 * ARRIVALS);
        let carrier_changes = inner.counters().carrier_changes;
        Self {
            inner,
            tx: Impairer::new(config.tx, config.seed, 0, frames, capacity),
            rx: Impairer::new(config.rx, config.seed, 1, frames, capacity),
            arrivals: FrameBurst::new(ARRIVALS, capacity),
            carrier_changes,
            counters: WireCounters::new(),
            lost: LossLog::default(),
        }
    }

    /// Frames that wait here for this end when the carrier of `cable`, the inner wire's, goes are among
    /// those of [`Cable::take_lost`].
    pub fn note_lost(&mut self, cable: &Cable) {
        self.lost = cable.lost().clone();
    }

    /// What happens to frames from now on.
    pub fn set_impairments(&mut self, tx: Impairments, rx: Impairments) {
        self.tx.set_impairments(tx);
        self.rx.set_impairments(rx);
    }

    /// What the impairments did to frames that were sent.
    #[must_use]
    pub fn tx_impair_counters(&self) -> &ImpairCounters {
        self.tx.counters()
    }

    /// What the impairments did to frames that were received.
    #[must_use]
    pub fn rx_impair_counters(&self) -> &ImpairCounters {
        self.rx.counters()
    }

    /// The wire under this one.
    #[must_use]
    pub fn inner(&self) -> &W {
        &self.inner
    }

    /// The wire under this one.
    pub fn inner_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// Loses what is under way if the carrier went since it was sent.
    fn notice_cut(&mut self, now: Nanos) {
        // Asking for the link lets the inner wire notice.
        self.inner.link_up(now);
        let changes = self.inner.counters().carrier_changes;
        if changes != self.carrier_changes {
            self.carrier_changes = changes;
            let lost = self.rx.clear_with(|frame| self.lost.note(frame));
            self.counters.rx_carrier_lost += lost as u64;
            self.counters.tx_carrier_errors += self.tx.clear() as u64;
        }
    }

    /// Sends what is due.
    fn flush(&mut self, now: Nanos) {
        self.tx.deliver(now, |frame| {
            let taken = self.inner.tx_burst(now, slice::from_ref(frame));
            if taken == 1 { Ok(()) } else { Err(Full) }
        });
    }
}

impl<W: Wire> Wire for Impaired<W> {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        self.notice_cut(now);
        self.flush(now);
        if self.rx.is_transparent() {
            return self.inner.rx_burst(now, burst);
        }
        while self.rx.room() >= ARRIVALS {
            self.arrivals.clear();
            if self.inner.rx_burst(now, &mut self.arrivals) == 0 {
                break;
            }
            for frame in self.arrivals.frames_mut() {
                if self.rx.admit(now, frame).is_err() {
                    self.counters.rx_oversize += 1;
                }
            }
        }
        let before = burst.len();
        self.rx.deliver(now, |frame| {
            if burst.is_full() {
                return Err(Full);
            }
            if burst.push_frame(frame).is_err() {
                self.counters.rx_oversize += 1;
            }
            Ok(())
        });
        burst.len() - before
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        self.notice_cut(now);
        self.flush(now);
        if self.tx.is_transparent() {
            return self.inner.tx_burst(now, frames);
        }
        let taken = frames.len().min(self.tx.room());
        for frame in &frames[..taken] {
            if self.tx.admit_copy(now, frame.as_slice()).is_err() {
                self.counters.tx_oversize += 1;
            }
        }
        self.flush(now);
        taken
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.inner.link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        let due = [self.tx.poll_timeout(), self.rx.poll_timeout(), self.inner.poll_timeout()];
        due.into_iter().flatten().min()
    }

    fn counters(&self) -> WireCounters {
        let mut counters = self.inner.counters();
        counters += self.counters;
        counters
    }
}

#[cfg(test)]
mod tests;
