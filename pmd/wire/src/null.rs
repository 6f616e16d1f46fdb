//! The wire that leads nowhere.

use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::{Wire, WireCounters};

/// Shortest Ethernet frame, with what would be its FCS: what DPDK's net_null receives.
const FRAME: [u8; 64] = [0; 64];

/// A wire that takes all frames and forgets them. What it receives is nothing ([`Null::silent`]), or as many frames of
/// 64 zero bytes as there is room for ([`Null::flood`]): what a port costs by itself.
#[derive(Debug, Default)]
pub struct Null {
    floods: bool,
    counters: WireCounters,
}

impl Null {
    /// One on which nothing ever comes in.
    #[must_use]
    pub fn silent() -> Self {
        Self::default()
    }

    /// One on which frames come in as fast as they are taken.
    #[must_use]
    pub fn flood() -> Self {
        Self { floods: true, ..Self::default() }
    }
}

impl Wire for Null {
    fn rx_burst(&mut self, _now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        while self.floods && !burst.is_full() {
            if burst.push(&FRAME).is_err() {
                self.counters.rx_oversize += 1;
                break;
            }
        }
        let received = burst.len() - before;
        self.counters.rx_frames += received as u64;
        self.counters.rx_bytes += (received * FRAME.len()) as u64;
        received
    }

    fn tx_burst(&mut self, _now: Nanos, frames: &[Frame]) -> usize {
        self.counters.tx_frames += frames.len() as u64;
        self.counters.tx_bytes +=
            frames.iter().map(|frame| frame.as_slice().len() as u64).sum::<u64>();
        frames.len()
    }

    fn link_up(&mut self, _now: Nanos) -> bool {
        true
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.floods.then_some(Nanos::ZERO)
    }

    fn counters(&self) -> WireCounters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_everything_and_gives_what_it_is_told_to() {
        let mut frame = Frame::with_capacity(100);
        frame.copy_from(&[7; 100]).expect("fits");
        for (mut wire, given) in [(Null::silent(), 0), (Null::flood(), 8)] {
            let mut burst = FrameBurst::new(8, 64);
            assert_eq!(wire.rx_burst(Nanos::ZERO, &mut burst), given);
            assert!(burst.frames().iter().all(|frame| frame.as_slice() == [0; 64]));
            assert_eq!(wire.tx_burst(Nanos::ZERO, std::slice::from_ref(&frame)), 1);
            let given = given as u64;
            let expected = WireCounters {
                rx_frames: given,
                rx_bytes: 64 * given,
                tx_frames: 1,
                tx_bytes: 100,
                ..WireCounters::new()
            };
            assert_eq!(wire.counters(), expected);
            assert!(wire.link_up(Nanos::ZERO));
        }
        let mut short = FrameBurst::new(8, 63);
        assert_eq!(Null::flood().rx_burst(Nanos::ZERO, &mut short), 0);
    }
}
