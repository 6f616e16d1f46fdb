//! An adapter that is dead, and one that takes its place.

use mafo_mem::Nanos;
use mafo_pmd::Lcore;
use mafo_tcp::{Connection, Ended, Flags, Open, Segment};

use super::dispatch::Hook;
use super::state::State;
use super::{Fence, Gate, Member, MemberId};
use crate::core::Core;
use crate::error::ConnectionError;
use crate::host::HostPath;
use crate::neigh::Resolution;
use crate::slab::SocketId;
use crate::socket::Path;

/// Messages that a queue can hold at most, and more.
const LAST_WORDS_MAX: usize = 1 << 16;

impl Core {
    /// Takes all that a dead adapter has left in its queue: it counts as if the adapter lived.
    pub(crate) fn hear_out(&mut self, now: Nanos, hook: &mut dyn Hook, member: MemberId) {
        let Some(mut ingress) =
            self.members.adapter_mut(member).and_then(|m| m.lcore.ingress.take())
        else {
            return;
        };
        let mut left = LAST_WORDS_MAX;
        while left > 0 {
            let taken = ingress.burst(now, left.min(256), |message| {
                self.handle_ingress(now, hook, member, message);
            });
            if taken == 0 {
                break;
            }
            left = left.saturating_sub(taken);
        }
        self.members[member.index()].lcore.ingress = Some(ingress);
    }

    /// The member is dead: it is asked nothing any more, and what an adapter had of listeners is gone. Connections that it
    /// had have no owner, each to be given another or an end by whoever moves connections.
    pub fn bury(&mut self, member: MemberId) {
        if let Some(port) = self.members.port_mut(member) {
            port.is_dead = true;
            return;
        }
        let Some(dead) = self.members.adapter_mut(member) else { return };
        dead.is_dead = true;
        self.releases.retain(|(of, _)| *of != member);
        self.rejects.retain(|(of, _)| *of != member);
        self.farewells.retain(|farewell| farewell.member != member);
        self.overdue.forget(member);
        for listener in self.listeners.values_mut() {
            listener.stids.retain(|(of, _)| *of != member);
        }
        for id in self.connections_on(member) {
            let Some(conn) = self.offloaded_mut(id) else { continue };
            // Until it has another owner nothing is posted, and an end that the application wants waits.
            (conn.fence, conn.tx_gate, conn.rx_gate) = (Fence::Posted, Gate::Shut, Gate::Shut);
            conn.changing_to = None;
            conn.flow_told = false;
        }
    }

    /// Whether a member is dead.
    #[must_use]
    pub fn is_dead(&self, member: MemberId) -> bool {
        self.members.is_dead(member)
    }

    /// A device is in the place of a dead member that is an Ethernet port alone.
    pub fn revive_port(&mut self, member: MemberId) {
        if let Some(port) = self.members.port_mut(member) {
            port.revive();
        }
    }

    /// Puts an adapter that was probed anew in the place of the dead one, with all listeners.
    pub fn replace_adapter(&mut self, member: MemberId, lcore: Lcore) {
        let Some(place) = self.members.adapter_mut(member) else { return };
        let iq = lcore.ingress.as_ref().map_or(mafo_t4::IqId(0), |ingress| ingress.id());
        *place = Member::new(lcore, iq);
        self.listen_on(member);
    }

    /// The handshake of a connection whose adapter is dead goes on over an Ethernet port, by the host path's engine: with
    /// the same numbers, so that a peer that has seen part of it goes on as well. `ts_min` is the least timestamp that
    /// the peer may be shown.
    pub fn open_without_owner(&mut self, now: Nanos, id: SocketId, ts_min: u32) {
        let Some(socket) = self.sockets.get(id) else { return };
        let Path::Offload(conn) = &socket.path else { return };
        let (state, syn) = (conn.state, conn.syn.clone());
        let clock = self.engine.config.ts_clock.ticks(now);
        let open = Open { ts_offset: ts_min.wrapping_sub(clock), ..self.open_of(socket, conn.iss) };
        let conn = match (state, syn) {
            (State::Opening, _) => Some(Connection::connect(&mut self.engine, now, &open)),
            (State::Accepting, Some(syn)) => Connection::accept(&mut self.engine, now, &open, &syn),
            _ => None,
        };
        let Some(conn) = conn else { return self.lose(now, id) };
        if let Some(socket) = self.sockets.get_mut(id) {
            socket.path = HostPath::path(conn);
        }
        self.apply_known_path_mtu(id);
        self.apply_timeouts(now, id);
        self.post(id);
        self.list(id);
    }

    /// A connection that no adapter has and whose application has given it up: the peer is told by a reset, and the
    /// socket is over.
    pub fn abort_without_owner(&mut self, now: Nanos, id: SocketId) {
        self.reset_without_owner(now, id);
        self.note_end(id, Ended::Aborted);
        self.fail(id, ConnectionError::Aborted);
    }

    /// Resets the peer of a connection that no adapter has.
    fn reset_without_owner(&mut self, now: Nanos, id: SocketId) {
        let (Some(tuple), Some(progress)) = (self.tuple(id), self.progress(id)) else { return };
        let known = self.resolve(now, tuple.remote.ip());
        if let Some(Resolution::Known(mac)) = known {
            let reset = Segment {
                src_port: tuple.local.port(),
                dst_port: tuple.remote.port(),
                seq: progress.snd_end,
                ack: progress.rcv_nxt,
                flags: Flags::RST | Flags::ACK,
                ..Segment::default()
            };
            let dscp = self.sockets.get(id).map_or_else(Default::default, |s| s.options.dscp);
            self.counters.tx_resets += 1;
            self.send_segment(now, mac, &tuple, dscp, &reset);
        }
    }

    /// Nobody can go on with a connection that no adapter has: its application is told so, its peer by a reset.
    pub fn lose(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        if let Path::Host(host) = &mut socket.path {
            // Before the engine's own word for its end.
            socket.error.get_or_insert(ConnectionError::Lost);
            host.conn.abort();
            self.host_output_of(now, id);
            self.flush(now);
        } else {
            self.reset_without_owner(now, id);
        }
        if self.sockets.get(id).is_some_and(|socket| !matches!(socket.path, Path::Ended)) {
            self.fail(id, ConnectionError::Lost);
        }
    }

    /// Whether the application has given a connection up while it had no owner.
    #[must_use]
    pub fn wants_abort(&self, id: SocketId) -> bool {
        self.offloaded(id).is_some_and(|conn| conn.abort_wanted || conn.state == State::Aborting)
    }
}
