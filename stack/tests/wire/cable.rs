//! A cable without delay, as Ethernet ports.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use mafo_mem::{Frame, FrameBurst, Nanos};
use mafo_pmd::{EthPort, TxState};

/// One direction of a cable; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Lane(Arc<Mutex<Way>>);

#[derive(Default)]
struct Way {
    frames: VecDeque<Vec<u8>>,
    carried: u64,
    lose_every: u64,
    state: Option<TxState>,
}

impl Lane {
    fn way(&self) -> MutexGuard<'_, Way> {
        self.0.lock().expect("nobody panics with a lane in hand")
    }

    /// From now on one frame in `n` is lost.
    pub(crate) fn lose_every(&self, n: u64) {
        self.way().lose_every = n;
    }

    /// From now on it takes nothing, or again what it is given.
    pub(crate) fn set_state(&self, state: TxState) {
        self.way().state = Some(state);
    }

    pub(crate) fn push(&self, frame: Vec<u8>) {
        let mut way = self.way();
        way.carried += 1;
        if way.lose_every == 0 || !way.carried.is_multiple_of(way.lose_every) {
            way.frames.push_back(frame);
        }
    }

    pub(crate) fn pop(&self) -> Option<Vec<u8>> {
        self.way().frames.pop_front()
    }
}

/// A stack's end of a cable.
pub(crate) struct End {
    pub(crate) mac: [u8; 6],
    pub(crate) tx: Lane,
    pub(crate) rx: Lane,
}

impl EthPort for End {
    fn mac(&self) -> [u8; 6] {
        self.mac
    }
    fn mtu(&self) -> u16 {
        1500
    }
    fn link_up(&self) -> bool {
        true
    }
    fn rx_burst(&mut self, _now: Nanos, burst: &mut FrameBurst) -> usize {
        let mut n = 0;
        while !burst.is_full()
            && let Some(frame) = self.rx.pop()
        {
            burst.push(&frame).expect("a frame of the MTU");
            n += 1;
        }
        n
    }
    fn tx_burst(&mut self, _now: Nanos, frames: &[Frame]) -> usize {
        for frame in frames {
            self.tx.push(frame.as_slice().to_vec());
        }
        frames.len()
    }
    fn tx_state(&mut self) -> TxState {
        self.tx.way().state.unwrap_or(TxState::Ready)
    }
}
