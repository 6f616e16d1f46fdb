//! A path that is dead behind a carrier that stays.

use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::cable::Cable;
use crate::{Wire, WireCounters};

/// A wire that loses every frame, both ways, while its cable is dark ([`Cable::set_dark`]), as one does behind which
/// a switch has died. What it loses is among the frames of [`Cable::take_lost`], and counted as an error.
#[derive(Debug)]
pub struct BlackHole<W> {
    inner: W,
    cable: Cable,
    /// Frames and bytes that came and were lost here; frames that went.
    rx_lost: (u64, u64),
    tx_lost: u64,
}

impl<W: Wire> BlackHole<W> {
    /// Makes the path of `cable`, which is that of `inner`, one that can die.
    pub fn new(inner: W, cable: &Cable) -> Self {
        Self { inner, cable: cable.clone(), rx_lost: (0, 0), tx_lost: 0 }
    }
}

impl<W: Wire> Wire for BlackHole<W> {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        let received = self.inner.rx_burst(now, burst);
        if !self.cable.is_dark() {
            return received;
        }
        for frame in &burst.frames()[before..] {
            self.cable.lost().note(frame.as_slice());
            self.rx_lost.0 += 1;
            self.rx_lost.1 += frame.as_slice().len() as u64;
        }
        burst.truncate(before);
        0
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        if !self.cable.is_dark() {
            return self.inner.tx_burst(now, frames);
        }
        frames.iter().for_each(|frame| self.cable.lost().note(frame.as_slice()));
        self.tx_lost += frames.len() as u64;
        frames.len()
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.inner.link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.inner.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        let mut counters = self.inner.counters();
        counters.rx_frames -= self.rx_lost.0;
        counters.rx_bytes -= self.rx_lost.1;
        counters.rx_errors += self.rx_lost.0;
        counters.tx_errors += self.tx_lost;
        counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::{LinkConfig, link};

    fn frame(byte: u8) -> Frame {
        let mut frame = Frame::with_capacity(64);
        frame.copy_from(&[byte; 60]).expect("room");
        frame
    }

    #[test]
    fn what_goes_into_the_dark_is_lost_both_ways_and_noted() {
        let (near, mut far) = link(&LinkConfig::default());
        let cable = near.cable();
        let mut hole = BlackHole::new(near, &cable);
        let mut burst = FrameBurst::new(4, 2048);
        let now = Nanos::ZERO;
        burst.push(&[9]).expect("room");
        cable.watch_lost();

        cable.set_dark(true);
        assert!(hole.link_up(now) && far.link_up(now), "the carrier stays");
        assert_eq!((hole.tx_burst(now, &[frame(1)]), far.tx_burst(now, &[frame(2)])), (1, 1));
        assert_eq!(hole.rx_burst(now, &mut burst), 0);
        assert_eq!(burst.frames()[0].as_slice(), [9], "what was there before stays");
        assert_eq!(burst.len(), 1);
        let lost: Vec<u8> = cable.take_lost().iter().map(|lost| lost.head()[0]).collect();
        assert_eq!(lost, [1, 2]);

        cable.set_dark(false);
        assert_eq!((hole.tx_burst(now, &[frame(3)]), far.tx_burst(now, &[frame(4)])), (1, 1));
        assert_eq!(hole.rx_burst(now, &mut burst), 1);
        assert_eq!(burst.frames()[1].as_slice(), [4; 60]);
        burst.clear();
        assert_eq!(far.rx_burst(now, &mut burst), 1, "only what was sent in the light");
        assert_eq!(burst.frames()[0].as_slice(), [3; 60]);
        assert_eq!(cable.take_lost(), []);
        let counters = hole.counters();
        let rx = (counters.rx_frames, counters.rx_bytes, counters.rx_errors);
        assert_eq!((rx, counters.tx_frames, counters.tx_errors), ((1, 60, 1), 1, 1));
    }
}
