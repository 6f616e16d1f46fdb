//! One end of any wire for several lcores: what comes is spread over them, what they send leaves by it.
//!
//! ```text
//!                    ┌── ring ══ lcore 0     a frame goes, by the symmetric RSS hash of its addresses and ports, to
//!   wire ── Spreader ┼── ring ══ lcore 1     one lcore; ARP goes to all, as MPS gives broadcasts to every function of
//!                    └── ring ══ lcore 2     a card; what else has no ports goes to lcore 0
//! ```
//!
//! A wire such as [`Tap`](crate::Tap) has one queue. Whoever polls the [`Spreader`] has it, and a memory link to each lcore on
//! the same carrier: between two threads there is a ring each way, with one producer and one consumer. What an lcore does
//! not take in time is lost, as in any full queue of a NIC, and holds nobody else up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mafo_mem::frame::capacity_for_mtu;
use mafo_mem::rss::Indirection;
use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::bell::Bell;
use crate::cable::Cable;
use crate::mem::{self, LinkConfig, MemEnd};
use crate::multiqueue::{hash_of, is_arp};
use crate::{Wire, WireCounters};

/// Frames moved at a time.
const BURST: usize = 32;
/// Bursts of one direction in one poll, at most: then it is the other's turn, and the caller's.
const ROUNDS: usize = 8;

/// Divides `wire`, whose carrier `cable` cuts, among `lcores` lcores, 1 to 64. `config` is that of the rings.
///
/// Panics if its `queue_frames` is 0.
#[must_use]
pub fn spread<W: Wire>(
    wire: W,
    cable: &Cable,
    config: &LinkConfig,
    lcores: usize,
) -> (Spreader<W>, Vec<LaneEnd>) {
    let up = Arc::new(AtomicBool::new(false));
    let burst = || FrameBurst::on_demand(BURST, capacity_for_mtu(config.mtu));
    let (mut lanes, mut ends) = (Vec::new(), Vec::new());
    for n in 0..lcores {
        let (near, end) = mem::link_in(cable, config, n as u64);
        lanes.push(Lane { near, waiting: burst(), bell: None });
        ends.push(LaneEnd { end, up: Arc::clone(&up) });
    }
    let indirection = Indirection::even(lcores);
    (Spreader { wire, indirection, lanes, rx: burst(), up, dropped: 0 }, ends)
}

/// What polls a wire for several lcores.
pub struct Spreader<W> {
    wire: W,
    /// Whose a frame is.
    indirection: Indirection,
    lanes: Vec<Lane>,
    rx: FrameBurst,
    /// Whether the wire has a carrier, for those who do not see it.
    up: Arc<AtomicBool>,
    dropped: u64,
}

/// The way to an lcore and back.
struct Lane {
    near: MemEnd,
    /// What it has sent and the wire has not taken yet.
    waiting: FrameBurst,
    /// By which it sleeps, if it may.
    bell: Option<Arc<Bell>>,
}

impl<W: Wire> Spreader<W> {
    /// Moves what has come on, both ways; how many frames that were.
    pub fn poll(&mut self, now: Nanos) -> usize {
        let up = self.wire.link_up(now);
        if self.up.load(Ordering::Relaxed) != up {
            self.up.store(up, Ordering::Relaxed);
            self.lanes.iter().filter_map(|lane| lane.bell.as_ref()).for_each(|bell| bell.call());
        }
        self.receive(now) + self.send(now)
    }

    /// Rings `bell` for whatever comes for an lcore from now on, and when the carrier comes or goes: it sleeps by it.
    pub fn ring_on_receive(&mut self, lcore: usize, bell: Arc<Bell>) {
        let lane = &mut self.lanes[lcore];
        lane.near.ring_on_send(Arc::clone(&bell));
        lane.bell = Some(bell);
    }

    /// Frames for an lcore whose ring was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    fn receive(&mut self, now: Nanos) -> usize {
        let mut moved = 0;
        for _ in 0..ROUNDS {
            self.rx.clear();
            let count = self.wire.rx_burst(now, &mut self.rx);
            let mut rest = self.rx.frames();
            while let Some(first) = rest.first() {
                let to = lane_of(&self.indirection, first.as_slice());
                let same = |frame: &&Frame| lane_of(&self.indirection, frame.as_slice()) == to;
                let (run, behind) = rest.split_at(rest.iter().take_while(same).count());
                let lanes = match to {
                    Some(lane) => lane..lane + 1,
                    None => 0..self.lanes.len(),
                };
                for lane in &mut self.lanes[lanes] {
                    self.dropped += (run.len() - lane.near.tx_burst(now, run)) as u64;
                }
                rest = behind;
            }
            moved += count;
            if count < BURST {
                break;
            }
        }
        moved
    }

    fn send(&mut self, now: Nanos) -> usize {
        let mut moved = 0;
        for lane in &mut self.lanes {
            for _ in 0..ROUNDS {
                if lane.waiting.is_empty() {
                    lane.near.rx_burst(now, &mut lane.waiting);
                }
                let sent = self.wire.tx_burst(now, lane.waiting.frames());
                lane.waiting.remove_front(sent);
                moved += sent;
                if sent == 0 || !lane.waiting.is_empty() {
                    break;
                }
            }
        }
        moved
    }

    /// When [`Spreader::poll`] has something to do that is on its way already.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        // What the wire had no room for is tried again at once.
        let waits = self.lanes.iter().any(|lane| !lane.waiting.is_empty()).then_some(Nanos::ZERO);
        let lanes = self.lanes.iter().filter_map(|lane| lane.near.poll_timeout());
        lanes.chain(waits).chain(self.wire.poll_timeout()).min()
    }
}

/// The lcore that a frame is for; `None` of one that all are to hear.
fn lane_of(indirection: &Indirection, frame: &[u8]) -> Option<usize> {
    match hash_of(frame) {
        Some(hash) => Some(indirection.lcore(hash)),
        None if is_arp(frame) => None,
        None => Some(0),
    }
}

/// What one lcore has of a wire. Dropping it takes the carrier from all others for good.
pub struct LaneEnd {
    end: MemEnd,
    up: Arc<AtomicBool>,
}

impl LaneEnd {
    /// Rings `bell` for whatever is sent from now on: whoever polls the [`Spreader`] sleeps by it.
    pub fn ring_on_send(&mut self, bell: Arc<Bell>) {
        self.end.ring_on_send(bell);
    }
}

impl Wire for LaneEnd {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        self.end.rx_burst(now, burst)
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        self.end.tx_burst(now, frames)
    }

    /// What the wire said when it was polled last.
    fn link_up(&mut self, now: Nanos) -> bool {
        self.end.link_up(now) && self.up.load(Ordering::Relaxed)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.end.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        self.end.counters()
    }
}

#[cfg(test)]
mod tests;
