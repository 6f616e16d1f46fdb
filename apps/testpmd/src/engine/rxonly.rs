//! `rxonly`: what comes in is counted and dropped.

use super::{Engine, Setup};
use crate::stream::Ports;

#[derive(Debug)]
pub(super) struct Rxonly;

impl Engine for Rxonly {
    fn begin(&mut self, _setup: &Setup) {}

    fn forward(&mut self, ports: &mut Ports<'_>) {
        ports.receive();
    }

    fn end(&mut self, _ports: &mut Ports<'_>) {}
}
