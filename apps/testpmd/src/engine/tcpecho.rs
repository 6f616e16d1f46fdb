//! `tcpecho`: what a peer sends goes back to it.

use mafo::{Core, SocketId};

use super::tcp::{CHUNK, Call, Calls, TcpCounters, Turn, unreadable};
use super::{Engine, Setup};
use crate::stream::Ports;

#[derive(Debug, Default)]
pub(super) struct Tcpecho {
    setup: Option<Setup>,
    calls: Calls,
    chunk: Vec<u8>,
}

impl Engine for Tcpecho {
    fn begin(&mut self, setup: &Setup) {
        self.setup = Some(*setup);
        self.calls = Calls::with_room(setup.connections_max as usize);
        self.chunk = vec![0; CHUNK];
    }

    fn forward(&mut self, ports: &mut Ports<'_>) {
        let Some((setup, (core, now, counters))) = self.setup.zip(ports.sockets()) else { return };
        self.calls.listen(core, setup.tcp, setup.connections_max as usize);
        self.calls.hear(core, counters);
        let chunk = &mut self.chunk;
        self.calls.serve(now, core, counters, |core, id, call, counters| {
            echo(core, id, call, counters, chunk)
        });
    }

    fn end(&mut self, ports: &mut Ports<'_>) {
        if let Some((core, now, _)) = ports.sockets() {
            self.calls.abandon(now, core);
        }
    }
}

/// Takes no more than the same socket has room to send: who does not read its echo is soon not read either.
fn echo(
    core: &mut Core,
    id: SocketId,
    _: &mut Call,
    counters: &mut TcpCounters,
    chunk: &mut [u8],
) -> Turn {
    let room = core.send_room(id).min(chunk.len());
    if room == 0 {
        // What is over with bytes unsent did not end in order.
        return if core.is_over(id) { Turn::Failed } else { Turn::Wait };
    }
    match core.recv(id, &mut chunk[..room]) {
        Ok(0) => Turn::Finished,
        Ok(len) => {
            counters.rx_bytes += len as u64;
            match core.send(id, &chunk[..len]) {
                Ok(sent) => {
                    counters.tx_bytes += sent as u64;
                    Turn::More
                }
                Err(_) => Turn::Failed,
            }
        }
        Err(error) => unreadable(error),
    }
}
