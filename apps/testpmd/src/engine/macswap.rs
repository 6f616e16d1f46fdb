//! `macswap`: a frame's source and destination address change places.

use super::{Engine, Setup};
use crate::stream::Ports;

#[derive(Debug)]
pub(super) struct Macswap;

impl Engine for Macswap {
    fn begin(&mut self, _setup: &Setup) {}

    fn forward(&mut self, ports: &mut Ports<'_>) {
        if !ports.receive() {
            return;
        }
        for frame in ports.frames_mut() {
            if let Some(addresses) = frame.as_mut_slice().first_chunk_mut::<12>() {
                addresses.rotate_left(6);
            }
        }
        ports.send();
    }

    fn end(&mut self, _ports: &mut Ports<'_>) {}
}
