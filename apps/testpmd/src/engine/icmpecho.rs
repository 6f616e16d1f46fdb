//! `icmpecho`: ARP requests and pings are answered by the port that they came in by, whatever address they are for;
//! everything else is dropped.

use super::{Engine, Setup};
use crate::packet::answer;
use crate::stream::Ports;

#[derive(Debug, Default)]
pub(super) struct Icmpecho {
    own: [u8; 6],
}

impl Engine for Icmpecho {
    fn begin(&mut self, setup: &Setup) {
        self.own = setup.own;
    }

    fn forward(&mut self, ports: &mut Ports<'_>) {
        if !ports.receive() {
            return;
        }
        let frames = ports.frames_mut();
        // Answers move to the front.
        let mut answers = 0;
        for n in 0..frames.len() {
            if answer(frames[n].as_mut_slice(), self.own) {
                frames.swap(answers, n);
                answers += 1;
            }
        }
        ports.burst_mut().truncate(answers);
        ports.send();
    }

    fn end(&mut self, _ports: &mut Ports<'_>) {}
}
