//! `io`: frames go as they came.

use super::{Engine, Setup};
use crate::stream::Ports;

#[derive(Debug)]
pub(super) struct Io;

impl Engine for Io {
    fn begin(&mut self, _setup: &Setup) {}

    fn forward(&mut self, ports: &mut Ports<'_>) {
        if ports.receive() {
            ports.send();
        }
    }

    fn end(&mut self, _ports: &mut Ports<'_>) {}
}
