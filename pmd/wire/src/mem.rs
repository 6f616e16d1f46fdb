//! A cable inside the process: two ends, a ring each way.
//!
//! A frame is copied once, when it is sent; the receiver exchanges buffers with the ring. What an
//! impaired direction holds back waits at the receiving end.

use std::sync::Arc;

use mafo_mem::frame::{ETHERNET_HEADER, capacity_for_mtu};
use mafo_mem::ring::{self, Consumer, Producer};
use mafo_mem::{Frame, FrameBurst, Full, Nanos};

use crate::bell::Bell;
use crate::cable::{Cable, Period};
use crate::impair::{ImpairCounters, Impairer, Impairments};
use crate::{Wire, WireCounters};

/// What [`link`] makes.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// A frame has at most this many bytes after its Ethernet header; longer ones are dropped.
    pub mtu: usize,
    /// Frames that may wait, each way, for the other end to poll; then `tx_burst` takes no more.
    pub queue_frames: usize,
    /// Frames that an impaired direction holds back at most, beside those that wait.
    pub under_way_frames: usize,
    /// What happens to frames from the first end to the second.
    pub a_to_b: Impairments,
    /// What happens to frames from the second end to the first.
    pub b_to_a: Impairments,
    /// Decides which frames the impairments hit.
    pub seed: u64,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            mtu: 1500,
            queue_frames: 256,
            under_way_frames: 16_384,
            a_to_b: Impairments::NONE,
            b_to_a: Impairments::NONE,
            seed: 0,
        }
    }
}

impl LinkConfig {
    /// The same in both directions.
    #[must_use]
    pub fn with_impairments(self, impairments: Impairments) -> Self {
        Self { a_to_b: impairments, b_to_a: impairments, ..self }
    }
}

/// Two ends joined by a cable that has a carrier. They may live on one thread or on two.
///
/// Panics if `queue_frames` is 0.
#[must_use]
pub fn link(config: &LinkConfig) -> (MemEnd, MemEnd) {
    link_in(&Cable::new(), config, 0)
}

/// One of the links, the `n`th, that share a cable's carrier.
pub(crate) fn link_in(cable: &Cable, config: &LinkConfig, n: u64) -> (MemEnd, MemEnd) {
    let frame_capacity = capacity_for_mtu(config.mtu);
    let ring = || ring::spsc(config.queue_frames, Slot::default);
    let impairer = |impairments, stream| {
        Impairer::new(impairments, config.seed, stream, config.under_way_frames, frame_capacity)
    };
    let (a_tx, b_rx) = ring();
    let (b_tx, a_rx) = ring();
    let end = |tx, rx, impairer| MemEnd {
        tx,
        rx,
        impairer,
        seen: cable.period(),
        cable: cable.clone(),
        frame_max: config.mtu + ETHERNET_HEADER,
        frame_capacity,
        counters: WireCounters::new(),
        bell: None,
    };
    (
        end(a_tx, a_rx, impairer(config.b_to_a, 2 * n + 1)),
        end(b_tx, b_rx, impairer(config.a_to_b, 2 * n)),
    )
}

/// One end of a memory link. Dropping it takes the carrier from the other for good.
pub struct MemEnd {
    tx: Producer<Slot>,
    rx: Consumer<Slot>,
    /// What happens to frames towards this end.
    impairer: Impairer,
    /// The carrier's period in which the frames in `impairer` were sent.
    seen: Period,
    cable: Cable,
    frame_max: usize,
    /// Bytes of the buffers in `tx`.
    frame_capacity: usize,
    counters: WireCounters,
    /// Of whoever polls the other end, if he may sleep.
    bell: Option<Arc<Bell>>,
}

/// A frame in a ring. It gets its buffer when it is used first: most of a long ring never is.
struct Slot {
    frame: Frame,
    sent: Nanos,
    period: Period,
}

impl Default for Slot {
    fn default() -> Self {
        Self { frame: Frame::with_capacity(0), sent: Nanos::ZERO, period: Period::FIRST }
    }
}

impl MemEnd {
    /// The handle that cuts this cable.
    #[must_use]
    pub fn cable(&self) -> Cable {
        self.cable.clone()
    }

    /// Rings `bell` for whatever is sent from now on: whoever polls the other end sleeps by it.
    pub fn ring_on_send(&mut self, bell: Arc<Bell>) {
        self.bell = Some(bell);
    }

    /// What happens, from now on, to frames towards this end.
    pub fn set_impairments(&mut self, impairments: Impairments) {
        self.impairer.set_impairments(impairments);
    }

    /// What the impairments did to frames towards this end.
    #[must_use]
    pub fn impair_counters(&self) -> &ImpairCounters {
        self.impairer.counters()
    }

    /// Frames that were sent to this end and have neither arrived nor been lost.
    pub fn under_way(&mut self) -> usize {
        self.rx.filled() + self.impairer.len()
    }

    /// Exchanges what waits in the ring for spares of `burst`.
    fn receive(&mut self, burst: &mut FrameBurst) {
        loop {
            let slots = self.rx.peek_burst(burst.room());
            let count = slots.len();
            if count == 0 {
                return;
            }
            // Asked after the frames were seen, so that it is no older than what they were sent in.
            let period = self.cable.period();
            for slot in slots {
                if slot.period == period {
                    receive_frame(&mut self.counters, &mut slot.frame, burst);
                } else {
                    self.counters.rx_carrier_lost += 1;
                    self.cable.lost().note(slot.frame.as_slice());
                }
            }
            self.rx.release_burst(count);
        }
    }

    /// Moves what waits in the ring to the impairer.
    fn admit(&mut self) {
        for _ in 0..self.impairer.room() {
            let Some(slot) = self.rx.peek() else { return };
            // As in `receive`.
            let period = self.cable.period();
            if period != self.seen {
                self.seen = period;
                let lost = self.impairer.clear_with(|frame| self.cable.lost().note(frame));
                self.counters.rx_carrier_lost += lost as u64;
            }
            if slot.period != period {
                self.counters.rx_carrier_lost += 1;
                self.cable.lost().note(slot.frame.as_slice());
            } else if self.impairer.admit(slot.sent, &mut slot.frame).is_err() {
                self.counters.rx_errors += 1;
            }
            self.rx.release();
        }
    }

    /// Gives what is due to `burst`.
    fn deliver(&mut self, now: Nanos, burst: &mut FrameBurst) {
        let period = self.cable.period();
        if period != self.seen {
            self.seen = period;
            let lost = self.impairer.clear_with(|frame| self.cable.lost().note(frame));
            self.counters.rx_carrier_lost += lost as u64;
        }
        self.impairer.deliver(now, |frame| {
            if burst.is_full() {
                return Err(Full);
            }
            receive_frame(&mut self.counters, frame, burst);
            Ok(())
        });
    }
}

/// Appends a frame to a burst that is not full.
fn receive_frame(counters: &mut WireCounters, frame: &mut Frame, burst: &mut FrameBurst) {
    let bytes = frame.as_slice().len() as u64;
    if burst.push_frame(frame).is_ok() {
        counters.rx_frames += 1;
        counters.rx_bytes += bytes;
    } else {
        counters.rx_oversize += 1;
    }
}

impl Wire for MemEnd {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        let is_idle = self.rx.first().is_none() && self.impairer.is_empty();
        if is_idle && self.cable.period() == self.seen {
            return 0;
        }
        let before = burst.len();
        if self.impairer.is_transparent() {
            self.receive(burst);
        } else {
            self.admit();
            self.deliver(now, burst);
        }
        burst.len() - before
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        let period = self.cable.period();
        if !period.carrier() {
            self.counters.tx_carrier_errors += frames.len() as u64;
            return frames.len();
        }
        let (mut taken, mut sent) = (0, 0);
        let mut slots = self.tx.claim_burst(frames.len());
        for frame in frames {
            let bytes = frame.as_slice();
            if bytes.len() > self.frame_max {
                self.counters.tx_oversize += 1;
                taken += 1;
                continue;
            }
            let Some(slot) = slots.next() else { break };
            if slot.frame.capacity() == 0 {
                slot.frame = Frame::with_capacity(self.frame_capacity);
            }
            if slot.frame.copy_from(bytes).is_err() {
                unreachable!("a slot holds every frame of the MTU");
            }
            slot.sent = now;
            slot.period = period;
            self.counters.tx_bytes += bytes.len() as u64;
            sent += 1;
            taken += 1;
        }
        self.counters.tx_frames += sent as u64;
        self.tx.publish_burst(sent);
        if let Some(bell) = self.bell.as_ref().filter(|_| sent > 0) {
            bell.ring();
        }
        taken
    }

    fn link_up(&mut self, _now: Nanos) -> bool {
        self.cable.carrier()
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        let waits = self.rx.first().filter(|_| self.impairer.room() > 0).map(|slot| slot.sent);
        let due = self.impairer.poll_timeout();
        waits.into_iter().chain(due).min()
    }

    fn counters(&self) -> WireCounters {
        WireCounters { carrier_changes: self.cable.period().changes(), ..self.counters }
    }
}

impl Drop for MemEnd {
    fn drop(&mut self) {
        self.cable.unplug();
    }
}

#[cfg(test)]
mod tests;
