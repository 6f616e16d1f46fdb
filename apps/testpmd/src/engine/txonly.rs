//! `txonly`: frames of UDP without end; nothing is received.

use super::{Engine, Setup};
use crate::packet::{Flow, udp_frame};
use crate::stream::Ports;

#[derive(Debug, Default)]
pub(super) struct Txonly {
    /// What is sent again and again.
    frame: Vec<u8>,
    burst: usize,
}

impl Engine for Txonly {
    fn begin(&mut self, setup: &Setup) {
        self.frame = udp_frame(setup.own, setup.peer, &Flow::default(), setup.frame_len);
        self.burst = setup.burst;
    }

    fn forward(&mut self, ports: &mut Ports<'_>) {
        let burst = ports.burst_mut();
        burst.clear();
        while burst.len() < self.burst && burst.push(&self.frame).is_ok() {}
        ports.send();
    }

    fn end(&mut self, _ports: &mut Ports<'_>) {}
}
