//! `tcpsink`: what a peer sends is read and forgotten.

use mafo::{Core, SocketId};

use super::tcp::{CHUNK, Calls, TcpCounters, Turn, unreadable};
use super::{Engine, Setup};
use crate::stream::Ports;

#[derive(Debug, Default)]
pub(super) struct Tcpsink {
    setup: Option<Setup>,
    calls: Calls,
}

impl Engine for Tcpsink {
    fn begin(&mut self, setup: &Setup) {
        self.setup = Some(*setup);
        self.calls = Calls::with_room(setup.connections_max as usize);
    }

    fn forward(&mut self, ports: &mut Ports<'_>) {
        let Some((setup, (core, now, counters))) = self.setup.zip(ports.sockets()) else { return };
        self.calls.listen(core, setup.tcp, setup.connections_max as usize);
        self.calls.hear(core, counters);
        self.calls.serve(now, core, counters, |core, id, _, counters| sink(core, id, counters));
    }

    fn end(&mut self, ports: &mut Ports<'_>) {
        if let Some((core, now, _)) = ports.sockets() {
            self.calls.abandon(now, core);
        }
    }
}

fn sink(core: &mut Core, id: SocketId, counters: &mut TcpCounters) -> Turn {
    match core.recv_in_place(id, CHUNK, |_| ()) {
        Ok(0) => Turn::Finished,
        Ok(len) => {
            counters.rx_bytes += len as u64;
            Turn::More
        }
        Err(error) => unreadable(error),
    }
}
