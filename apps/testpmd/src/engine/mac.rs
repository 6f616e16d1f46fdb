//! `mac`: frames go on from the sending port's address to the peer's.

use super::{Engine, Setup};
use crate::stream::Ports;

#[derive(Debug, Default)]
pub(super) struct Mac {
    /// Destination and source.
    addresses: [u8; 12],
}

impl Engine for Mac {
    fn begin(&mut self, setup: &Setup) {
        self.addresses[..6].copy_from_slice(&setup.peer);
        self.addresses[6..].copy_from_slice(&setup.own);
    }

    fn forward(&mut self, ports: &mut Ports<'_>) {
        if !ports.receive() {
            return;
        }
        for frame in ports.frames_mut() {
            if let Some(addresses) = frame.as_mut_slice().first_chunk_mut() {
                *addresses = self.addresses;
            }
        }
        ports.send();
    }

    fn end(&mut self, _ports: &mut Ports<'_>) {}
}
