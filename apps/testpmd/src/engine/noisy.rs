//! `noisy`: as `io`, beside neighbours that need the caches: frames wait in a buffer, and memory is read for each.

use std::hint::black_box;

use mafo::{FrameBurst, capacity_for_mtu};

use super::{Engine, Setup};
use crate::stream::Ports;

/// Words of memory that are read from: 8 MiB, more than a core's own caches have.
const WORDS: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Noise {
    memory: Vec<u64>,
    lookups: usize,
    at: usize,
    /// Frames held back, if any are, and how many at most.
    buffer: usize,
    held: Option<FrameBurst>,
}

impl Engine for Noise {
    fn begin(&mut self, setup: &Setup) {
        self.lookups = setup.noisy.lookups;
        self.memory = if self.lookups > 0 { (0..WORDS as u64).collect() } else { Vec::new() };
        let capacity = capacity_for_mtu(setup.mtu.into());
        self.held = (setup.noisy.buffer > 0)
            .then(|| FrameBurst::new(setup.noisy.buffer + setup.burst, capacity));
        self.buffer = setup.noisy.buffer;
        self.at = 1;
    }

    fn forward(&mut self, ports: &mut Ports<'_>) {
        if !ports.receive() {
            return;
        }
        for _ in 0..ports.frames_mut().len() * self.lookups {
            // As good as random to the prefetcher (Knuth, TAOCP vol. 2, 3.3.4, the multiplier of MMIX).
            self.at = self.at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            black_box(self.memory[self.at >> 44]);
        }
        let Some(held) = &mut self.held else { return ports.send() };
        for frame in ports.frames_mut() {
            // There is room for a burst beside what is held back.
            let _ = held.push_frame(frame);
        }
        ports.burst_mut().clear();
        let beyond = held.len().saturating_sub(self.buffer);
        ports.send_others(&held.frames()[..beyond]);
        held.remove_front(beyond);
    }

    fn end(&mut self, ports: &mut Ports<'_>) {
        let held = self.held.as_ref().map_or(0, FrameBurst::len);
        ports.counters_mut().tx_dropped += held as u64;
        self.held = None;
    }
}
