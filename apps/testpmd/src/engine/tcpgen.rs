//! `tcpgen`: opens connections, sends known bytes on each, and compares what comes back.

use std::net::SocketAddr;

use mafo::{Core, SocketId};

use super::tcp::{CHUNK, Call, Calls, Tcp, TcpCounters, Turn, unreadable};
use super::{Engine, Setup};
use crate::stream::Ports;

/// The bytes of a stream repeat after so many: a prime, so that they do not lie where segments begin.
const PERIOD: usize = 251;
/// Connections opened in one turn.
const OPENS: u32 = 32;

#[derive(Debug, Default)]
pub(super) struct Tcpgen {
    setup: Option<Setup>,
    calls: Calls,
    /// Connections that were asked for, whatever has become of them.
    opened: u32,
    bytes: Bytes,
}

/// What is sent, from whatever place of the period, and room for what comes back.
#[derive(Debug, Default)]
struct Bytes {
    table: Vec<u8>,
    received: Vec<u8>,
}

impl Engine for Tcpgen {
    fn begin(&mut self, setup: &Setup) {
        self.setup = Some(*setup);
        self.calls = Calls::with_room(setup.tcp.connections as usize);
        let table = (0..CHUNK + PERIOD).map(|n| (n % PERIOD) as u8).collect();
        self.bytes = Bytes { table, received: vec![0; CHUNK] };
    }

    fn forward(&mut self, ports: &mut Ports<'_>) {
        let Some((setup, (core, now, counters))) = self.setup.zip(ports.sockets()) else { return };
        let tcp = setup.tcp;
        for _ in self.opened..tcp.connections.min(self.opened + OPENS) {
            let Some(target) = tcp.target else { break };
            self.opened += 1;
            counters.connections += 1;
            match core.connect(now, SocketAddr::from((target, tcp.port)), None, tcp.options()) {
                Ok(id) => self.calls.add(id),
                Err(_) => counters.failed += 1,
            }
        }
        self.calls.hear(core, counters);
        let bytes = &mut self.bytes;
        self.calls.serve(now, core, counters, |core, id, call, counters| {
            exchange(core, id, call, counters, tcp, bytes)
        });
    }

    fn end(&mut self, ports: &mut Ports<'_>) {
        if let Some((core, now, _)) = ports.sockets() {
            self.calls.abandon(now, core);
        }
    }
}

/// Reads what is there, then sends what may be on the way.
fn exchange(
    core: &mut Core,
    id: SocketId,
    call: &mut Call,
    counters: &mut TcpCounters,
    tcp: Tcp,
    bytes: &mut Bytes,
) -> Turn {
    let at = |offset: u64| (offset % PERIOD as u64) as usize;
    let read = match core.recv(id, &mut bytes.received) {
        Ok(0) => return Turn::Finished,
        Ok(len) => {
            let wanted = &bytes.table[at(call.received)..][..len];
            let wrong = bytes.received[..len].iter().zip(wanted).filter(|(got, want)| got != want);
            counters.corrupt += wrong.count() as u64;
            counters.rx_bytes += len as u64;
            call.received += len as u64;
            true
        }
        Err(error) => match unreadable(error) {
            Turn::Wait => false,
            over => return over,
        },
    };
    let under_way = call.sent - call.received.min(call.sent);
    let may = match tcp.outstanding {
        0 => CHUNK as u64,
        most => most.saturating_sub(under_way).min(CHUNK as u64),
    };
    let room = core.send_room(id).min(may as usize);
    let sent = match core.send(id, &bytes.table[at(call.sent)..][..room]) {
        Ok(sent) => sent,
        Err(error) => match unreadable(error) {
            Turn::Wait => 0,
            over => return over,
        },
    };
    counters.tx_bytes += sent as u64;
    call.sent += sent as u64;
    if read || sent > 0 { Turn::More } else { Turn::Wait }
}
