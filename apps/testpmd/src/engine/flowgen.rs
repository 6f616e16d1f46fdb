//! `flowgen`: many flows of UDP, each with a destination of its own, are sent in turn; what comes in is dropped.

use super::{Engine, Setup};
use crate::packet::{Flow, udp_frame};
use crate::stream::Ports;

/// Flows; as many as DPDK's engine has.
const FLOWS: u32 = 1024;

#[derive(Debug, Default)]
pub(super) struct Flowgen {
    /// A frame of each flow.
    frames: Vec<Vec<u8>>,
    next: usize,
    burst: usize,
}

impl Engine for Flowgen {
    fn begin(&mut self, setup: &Setup) {
        let first = u32::from_be_bytes(Flow::default().dst);
        self.frames = (0..FLOWS)
            .map(|n| {
                let flow = Flow { dst: (first + n).to_be_bytes(), ..Flow::default() };
                udp_frame(setup.own, setup.peer, &flow, setup.frame_len)
            })
            .collect();
        self.burst = setup.burst;
    }

    fn forward(&mut self, ports: &mut Ports<'_>) {
        ports.receive();
        let burst = ports.burst_mut();
        burst.clear();
        while burst.len() < self.burst && burst.push(&self.frames[self.next]).is_ok() {
            self.next = (self.next + 1) % self.frames.len();
        }
        ports.send();
    }

    fn end(&mut self, _ports: &mut Ports<'_>) {}
}
