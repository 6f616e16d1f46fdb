//! Statistics that the host reads by register while the card counts: one writer, plain loads.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use mafo_t4::regs::mps::{self, Stat, port};
use mafo_t4::regs::tp::mib::Mib;

/// Statistics of a port: all 64-bit counters between the first of transmit and the last of receive.
const PORT_STATS: usize = ((port::MPS_PORT_STAT_RX_PORT_LESS_64B.offset - BASE) / 8 + 1) as usize;
const BASE: u32 = port::MPS_PORT_STAT_TX_PORT_BYTES.offset;
/// FCS and, with it, the shortest frame on a wire: registers count what the wire carries.
const FCS: usize = 4;

/// Adds to a counter that only this thread writes.
fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Out of the cable.
    Tx,
    /// Through the loopback.
    Loopback,
    /// In from the cable.
    Rx,
}

impl Direction {
    /// Bytes, the counters of frames, broadcast, multicast and unicast behind it, and the first of
    /// the seven size bins.
    fn stats(self) -> (Stat, Stat) {
        match self {
            Self::Tx => (port::MPS_PORT_STAT_TX_PORT_BYTES, port::MPS_PORT_STAT_TX_PORT_64B),
            Self::Loopback => (port::MPS_PORT_STAT_LB_PORT_BYTES, port::MPS_PORT_STAT_LB_PORT_64B),
            Self::Rx => (port::MPS_PORT_STAT_RX_PORT_BYTES, port::MPS_PORT_STAT_RX_PORT_64B),
        }
    }
}

/// The MPS statistics of one port.
#[derive(Debug)]
pub struct PortStats {
    words: [AtomicU64; PORT_STATS],
}

impl Default for PortStats {
    fn default() -> Self {
        Self { words: [const { AtomicU64::new(0) }; PORT_STATS] }
    }
}

impl PortStats {
    fn word(&self, stat: Stat, behind: usize) -> &AtomicU64 {
        &self.words[((stat.offset - BASE) / 8) as usize + behind]
    }

    /// Counts one event.
    pub fn count(&self, stat: Stat, n: u64) {
        add(self.word(stat, 0), n);
    }

    /// Counts a frame.
    #[inline]
    pub fn frame(&self, direction: Direction, frame: &[u8]) {
        let (bytes, bins) = direction.stats();
        let len = frame.len() + FCS;
        add(self.word(bytes, 0), len as u64);
        add(self.word(bytes, 1), 1);
        let cast = match frame.first_chunk::<6>() {
            Some([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]) => 2,
            Some([first, ..]) if first & 1 != 0 => 3,
            _ => 4,
        };
        add(self.word(bytes, cast), 1);
        let bin = match len {
            0..=63 if direction == Direction::Rx => {
                return self.count(port::MPS_PORT_STAT_RX_PORT_LESS_64B, 1);
            }
            0..=64 => 0,
            65..=127 => 1,
            128..=255 => 2,
            256..=511 => 3,
            512..=1023 => 4,
            1024..=1518 => 5,
            _ => 6,
        };
        add(self.word(bins, bin), 1);
    }

    /// The value of a counter.
    #[must_use]
    pub fn get(&self, stat: Stat) -> u64 {
        self.word(stat, 0).load(Ordering::Relaxed)
    }

    /// The 32-bit half at `offset` of the port's block, if a counter lies there.
    #[must_use]
    pub fn read32(&self, offset: u32) -> Option<u32> {
        let distance = offset.checked_sub(BASE)?;
        half(self.words.get((distance / 8) as usize)?, distance)
    }
}

/// Low or high half of a counter, by the distance of the access from an aligned one.
fn half(word: &AtomicU64, distance: u32) -> Option<u32> {
    let value = word.load(Ordering::Relaxed);
    match distance % 8 {
        0 => Some(value as u32),
        4 => Some((value >> 32) as u32),
        _ => None,
    }
}

/// Frames that the ingress buffer groups dropped or truncated.
#[derive(Debug)]
pub struct BufferGroupStats {
    words: [AtomicU64; 16],
}

impl Default for BufferGroupStats {
    fn default() -> Self {
        Self { words: [const { AtomicU64::new(0) }; 16] }
    }
}

impl BufferGroupStats {
    /// Counts a frame from the wire (or the loopback) of channel `channel` that found no room.
    pub fn drop(&self, channel: u8, loopback: bool) {
        let index = usize::from(channel & 3) + if loopback { 4 } else { 0 };
        add(&self.words[index], 1);
    }

    /// The 32-bit half at `offset` of BAR0, if a counter lies there.
    #[must_use]
    pub fn read32(&self, offset: u32) -> Option<u32> {
        let distance = offset.checked_sub(mps::MPS_STAT_RX_BG_0_MAC_DROP_FRAME.offset)?;
        half(self.words.get((distance / 8) as usize)?, distance)
    }
}

/// Counters behind TP_MIB_INDEX.
const MIB_COUNTERS: usize = 0x60;

/// TP's counters as registers show them.
#[derive(Debug)]
pub struct MibCounters {
    words: [AtomicU32; MIB_COUNTERS],
}

impl Default for MibCounters {
    fn default() -> Self {
        Self { words: [const { AtomicU32::new(0) }; MIB_COUNTERS] }
    }
}

impl MibCounters {
    /// Adds to a counter of 32 bits.
    pub fn add(&self, counter: Mib, n: u32) {
        if let Some(word) = self.words.get(counter.0 as usize) {
            word.store(word.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
        }
    }

    /// Adds to a counter of 64 bits, given by its high half; the low half follows it.
    pub fn add_wide(&self, high: Mib, n: u32) {
        let at = high.0 as usize;
        let (Some(high), Some(low)) = (self.words.get(at), self.words.get(at + 1)) else { return };
        let (sum, carry) = low.load(Ordering::Relaxed).overflowing_add(n);
        low.store(sum, Ordering::Relaxed);
        if carry {
            high.store(high.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }

    /// The counter at `index`; 0 where there is none.
    #[must_use]
    pub fn get(&self, index: u32) -> u32 {
        self.words.get(index as usize).map_or(0, |word| word.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_counted_once_in_each_class() {
        let stats = PortStats::default();
        let mut frame = [0; 60];
        stats.frame(Direction::Tx, &frame);
        frame[0] = 1;
        stats.frame(Direction::Tx, &frame);
        frame[..6].fill(0xff);
        stats.frame(Direction::Tx, &frame);
        stats.frame(Direction::Rx, &[0; 1514]);
        stats.frame(Direction::Loopback, &[0; 1515]);
        let expected = [
            (port::MPS_PORT_STAT_TX_PORT_BYTES, 192),
            (port::MPS_PORT_STAT_TX_PORT_FRAMES, 3),
            (port::MPS_PORT_STAT_TX_PORT_BCAST, 1),
            (port::MPS_PORT_STAT_TX_PORT_MCAST, 1),
            (port::MPS_PORT_STAT_TX_PORT_UCAST, 1),
            (port::MPS_PORT_STAT_TX_PORT_64B, 3),
            (port::MPS_PORT_STAT_RX_PORT_BYTES, 1518),
            (port::MPS_PORT_STAT_RX_PORT_FRAMES, 1),
            (port::MPS_PORT_STAT_RX_PORT_UCAST, 1),
            (port::MPS_PORT_STAT_RX_PORT_1024B_1518B, 1),
            (port::MPS_PORT_STAT_LB_PORT_BYTES, 1519),
            (port::MPS_PORT_STAT_LB_PORT_FRAMES, 1),
            (port::MPS_PORT_STAT_LB_PORT_UCAST, 1),
            (port::MPS_PORT_STAT_LB_PORT_1519B_MAX, 1),
        ];
        for stat in port::TX_STATS.iter().chain(port::LB_STATS).chain(port::RX_STATS) {
            let value = expected.iter().find(|(other, _)| other == stat).map_or(0, |(_, n)| *n);
            assert_eq!(stats.get(*stat), value, "{}", stat.name);
            assert_eq!(stats.read32(stat.offset), Some(value as u32), "{}", stat.name);
            assert_eq!(stats.read32(stat.offset + 4), Some(0));
        }
    }

    #[test]
    fn a_wide_counter_carries() {
        let mib = MibCounters::default();
        mib.add_wide(Mib::TCP_OUT_SEG_HI, u32::MAX);
        mib.add_wide(Mib::TCP_OUT_SEG_HI, 2);
        assert_eq!((mib.get(Mib::TCP_OUT_SEG_HI.0), mib.get(Mib::TCP_OUT_SEG_LO.0)), (1, 1));
        mib.add(Mib(u32::MAX), 1);
        assert_eq!(mib.get(u32::MAX), 0);
    }
}
