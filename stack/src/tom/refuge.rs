//! The host path as refuge: the engine of this stack goes on with a connection that no adapter can have.

use mafo_mem::Nanos;
use mafo_t4::opt::{Opt0, TcpOpt};
use mafo_t4::tcb::{TFlags, Tcb, field};
use mafo_t4::{L2tIdx, PortId};
use mafo_tcp::{
    AckCheckpoint, Checkpoint, Connection, EcnState, Opened, PeerFin, Private, Recovery,
    RttCheckpoint, SeqNum, TimersCheckpoint, TimestampsCheckpoint, WindowScale,
};

use super::card_view::{state_of, window_behind};
use super::open::code_point;
use super::shadow::{Sample, Shadow, t_state};
use super::state::State;
use super::switches::Switches;
use super::{Fence, Gate, MemberId, Offloaded};
use crate::PathChoice;
use crate::core::Core;
use crate::host::HostPath;
use crate::pmtu::HEADERS;
use crate::slab::SocketId;
use crate::socket::{Path, SendSide};

/// A connection without an owner, as its last record describes it.
#[derive(Clone, Debug)]
pub struct Refugee {
    /// Its last TCB, or one like it.
    pub tcb: Tcb,
    /// Whether that does not know what the peer last sent as its timestamp.
    pub recent_unknown: bool,
    /// How long a tick of its round-trip times is.
    pub tick: Nanos,
    /// The oldest byte that the peer has not acknowledged.
    pub una: SeqNum,
    /// Where sending goes on.
    pub nxt: SeqNum,
    /// Behind the last byte, or the FIN, that the peer may have seen.
    pub max: SeqNum,
    /// The last acknowledgment that the peer has been sent.
    pub last_ack: SeqNum,
    /// The least timestamp that the peer may be shown.
    pub ts_min: u32,
    /// It is to say at once where it stands.
    pub speaks_first: bool,
}

impl Core {
    /// The host path goes on with a connection that no adapter has. `false`, and nothing is changed, when the record
    /// contradicts itself.
    pub fn take_home(&mut self, now: Nanos, id: SocketId, refugee: &Refugee) -> bool {
        let Some(checkpoint) = self.checkpoint_of(now, id, refugee) else { return false };
        if checkpoint.check().is_err() {
            return false;
        }
        let conn = Connection::restore(&mut self.engine, now, &checkpoint);
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        let closes = socket.send_side == SendSide::Shutdown && !checkpoint.fin_posted;
        socket.path = HostPath::path(conn);
        self.apply_known_path_mtu(id);
        self.apply_timeouts(now, id);
        if !checkpoint.fin_posted {
            self.post(id);
        }
        if closes {
            self.host_shutdown(id);
        }
        self.list(id);
        true
    }

    fn checkpoint_of(&self, now: Nanos, id: SocketId, refugee: &Refugee) -> Option<Checkpoint> {
        let socket = self.sockets.get(id)?;
        let Path::Offload(conn) = &socket.path else { return None };
        let progress = self.progress(id)?;
        let Refugee { tcb, una, nxt, max, .. } = refugee;
        let get = |field| tcb.get(field) as u32;
        let (flags, options) = (tcb.flags(), conn.options);
        if !conn.state.is_live() {
            return None;
        }
        let state = state_of(t_state(conn.state));
        let window_scale = options
            .wscale_ok()
            .then(|| WindowScale { snd: options.snd_wscale() as u8, rcv: conn.rcv_scale });
        let snd_wnd = u32::from(window_behind(tcb, *una))
            << window_scale.map_or(0, |scale| scale.snd.min(14));
        let timestamps = options.tstamp().then(|| TimestampsCheckpoint {
            offset: refugee.ts_min.wrapping_sub(self.engine.config.ts_clock.ticks(now)),
            recent: (!refugee.recent_unknown).then(|| get(field::T_RTSEQ_RECENT)),
            recent_age: if refugee.recent_unknown { mafo_tcp::PAWS_IDLE } else { Nanos::ZERO },
        });
        let mss = self.mtu_agreed(conn).saturating_sub(HEADERS);
        // What the peer was granted it may use; what there is room for beyond that it will be told.
        let fin = u64::from(conn.state.peer_closed());
        let granted = conn.granted.saturating_sub(socket.rx.received() + fin) as u32;
        let room =
            (socket.rx.capacity() - socket.rx.available()).saturating_sub(fin as usize) as u32;
        let ecn = flags.0 & TFlags::CCTRL_ECN_MASK != 0;
        let tick = |ticks: u32| Nanos(u64::from(ticks).saturating_mul(refugee.tick.0));
        let fin_posted = conn.fin_posted;
        Some(Checkpoint {
            local_port: socket.ends.tuple().local.port(),
            remote_port: socket.ends.tuple().remote.port(),
            state,
            opened: Opened::Actively,
            iss: conn.iss,
            snd_una: *una,
            snd_nxt: *nxt,
            snd_max: *max,
            tx_max: progress.snd_end - u32::from(fin_posted),
            fin_posted,
            snd_wnd,
            snd_wnd_max: snd_wnd,
            snd_wl1: progress.rcv_nxt,
            snd_wl2: *una,
            irs: conn.irs,
            rcv_nxt: progress.rcv_nxt,
            undelivered: 0,
            rcv_wnd: room,
            rcv_wnd_max: room,
            rcv_adv: progress.rcv_nxt + granted,
            last_ack_sent: refugee.last_ack,
            peer_fin: if conn.state.peer_closed() { PeerFin::Delivered } else { PeerFin::Absent },
            held: Vec::new(),
            ack: AckCheckpoint { duplicates: u8::from(refugee.speaks_first), ..Default::default() },
            mss,
            mss_announced: conn.mss_announced,
            window_scale,
            timestamps,
            sack: options.sack(),
            ecn: EcnState {
                sends: ecn,
                echoes: ecn,
                echo_owed: ecn && flags.cctrl_ece(),
                cwr_owed: ecn && flags.cctrl_cwr(),
                reducing_until: None,
            },
            switches: socket.options.switches(mafo_tcp::Switches::default()),
            cwnd: get(field::SND_CWND).max(u32::from(mss)),
            ssthresh: get(field::SND_SSTHRESH),
            cwnd_credit: 0,
            cwnd_limited: false,
            recovery: Recovery::Open,
            recover: *una,
            dup_acks: 0,
            in_flight: Vec::new(),
            last_sent_age: Nanos::ZERO,
            rtt: (get(field::T_SRTT) != 0).then(|| RttCheckpoint {
                srtt: tick(get(field::T_SRTT)),
                rttvar: tick(get(field::T_RTTVAR)),
            }),
            backoff: 0,
            retransmits: 0,
            timers: TimersCheckpoint::default(),
            private: Private {
                congestion: socket.options.congestion.unwrap_or(self.config.congestion),
                ..Private::default()
            },
        })
    }
}

/// A connection that the host path has let go of, for an adapter to go on with.
#[derive(Clone, Debug)]
pub struct Departure {
    /// It, with all that a TCB says beyond our side of the stream. Its round-trip times are in [`DEPARTURE_TICK`]s.
    pub shadow: Shadow,
    /// The oldest byte that the peer has not acknowledged.
    pub una: SeqNum,
    /// Behind the last byte, or the FIN, that was sent.
    pub max: SeqNum,
    /// The last acknowledgment sent.
    pub last_ack: SeqNum,
    /// The rightmost edge told.
    pub right_edge: SeqNum,
    /// The timestamp that a segment would have now.
    pub stamp: u32,
}

/// Unit of round-trip times of a [`Departure`]: about 65 microseconds, as a card with a clock of 1 GHz would count
/// them with a resolution of 2^16.
pub const DEPARTURE_TICK: Nanos = Nanos(1 << 16);

impl Core {
    /// Whether the host path has a connection in place of an adapter.
    #[must_use]
    pub fn is_refugee(&self, id: SocketId) -> bool {
        self.sockets.get(id).is_some_and(|socket| {
            matches!(socket.path, Path::Host(_)) && socket.options.path == PathChoice::Offload
        })
    }

    /// Another link carries the frames of a connection of the host path, since the one that did has failed: what is under
    /// way is sent again at once, and so is an acknowledgment that may have been lost, of bytes that came in `lately`.
    pub fn kick_refugee(&mut self, now: Nanos, id: SocketId, lately: Nanos) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Host(host) = &mut socket.path else { return };
        host.conn.begin_anew(now);
        if now - host.activity.heard_at < lately {
            host.conn.force_ack();
        }
        // What ended is seen with its output.
        host.conn.handle_timeout(&mut self.engine, now);
        self.list(id);
    }

    /// The peer's MSS as an entry of `member`'s MTU table and the shift of our window, of a connection that the host
    /// path has in place of an adapter. `None` of one that is not, or not any more.
    #[must_use]
    pub fn sheltered(&self, id: SocketId, member: MemberId) -> Option<(u8, u8)> {
        let socket = self.sockets.get(id).filter(|_| self.is_refugee(id))?;
        let Path::Host(host) = &socket.path else { return None };
        let resources = self.members.adapter(member)?.lcore.resources();
        let scale = host.conn.window_scale().map_or(0, |scale| scale.rcv);
        Some((resources.mtu_index(host.conn.mss().saturating_add(HEADERS)), scale))
    }

    /// What the host path has received of a connection that it has in place of an adapter, if it knows the peer's numbers,
    /// and its retransmission timeout, however often it has run out already. `None` of one that it has not.
    #[must_use]
    pub fn refuge_progress(&self, id: SocketId) -> Option<(Option<SeqNum>, Nanos)> {
        let socket = self.sockets.get(id)?;
        let Path::Host(host) = &socket.path else { return None };
        let known = host.conn.state() != mafo_tcp::State::SynSent;
        let received = known.then(|| host.conn.rcv_nxt());
        let info = host.conn.info(&self.engine.config);
        let initial = self.engine.config.rto_initial;
        let rto = info.srtt.zip(info.rttvar).map_or(initial, |(srtt, var)| srtt + Nanos(4 * var.0));
        Some((received, rto))
    }

    /// The peer of a connection of the host path is made to say where it stands.
    fn ask_peer(&mut self, now: Nanos, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Host(host) = &mut socket.path else { return };
        host.conn.ask_peer();
        self.host_output_of(now, id);
    }

    /// The oldest byte that the peer of a connection of the host path has not acknowledged, and the timestamp that a segment
    /// would have now, if it has any. `None` of one that the host path has not.
    #[must_use]
    pub fn refuge_stamp(&self, now: Nanos, id: SocketId) -> Option<(SeqNum, Option<u32>)> {
        let Path::Host(host) = &self.sockets.get(id)?.path else { return None };
        Some((host.conn.snd_una(), host.conn.timestamp_at(&self.engine.config, now)))
    }

    /// The peer of a connection of the host path is made to show which timestamp it took last: an ACK in its place brings it
    /// our present one, which is returned, and a byte that it has had makes it answer.
    pub fn ask_what_is_taken(&mut self, now: Nanos, id: SocketId) -> Option<u32> {
        let Path::Host(host) = &mut self.sockets.get_mut(id)?.path else { return None };
        host.conn.force_ack();
        let stamp = host.conn.timestamp_at(&self.engine.config, now);
        self.host_output_of(now, id);
        self.ask_peer(now, id);
        stamp
    }

    /// The host path lets go of a connection that is to live on `member`: from here on it has no owner. `None` while
    /// it is in no state to: its handshake, or bytes beyond a gap, come first.
    pub fn leave_home(
        &mut self,
        now: Nanos,
        id: SocketId,
        (member, port): (MemberId, PortId),
    ) -> Option<Departure> {
        let (mss_idx, rcv_scale) = self.sheltered(id, member)?;
        let socket = self.sockets.get_mut(id)?;
        let Path::Host(host) = &socket.path else { return None };
        let checkpoint = host.conn.checkpoint(now);
        let state = match checkpoint.state {
            mafo_tcp::State::Established => State::Established,
            mafo_tcp::State::CloseWait => State::CloseWait,
            mafo_tcp::State::FinWait1 => State::FinWait1,
            mafo_tcp::State::FinWait2 => State::FinWait2,
            mafo_tcp::State::Closing => State::Closing,
            mafo_tcp::State::LastAck => State::LastAck,
            _ => return None,
        };
        let whole = checkpoint.held.is_empty() && checkpoint.undelivered == 0;
        if !whole || checkpoint.peer_fin == PeerFin::Undelivered {
            return None;
        }
        let fin = u32::from(state.peer_closed());
        let scale = checkpoint.window_scale;
        let stamp = host.conn.timestamp_at(&self.engine.config, now).unwrap_or(0);
        let sample = Sample::of_checkpoint(&checkpoint, DEPARTURE_TICK);
        let code_points = self.config.adapter_congestion;
        let options = TcpOpt(0)
            .with_mss(mss_idx.into())
            .with_snd_wscale(scale.map_or(0, |scale| scale.snd.into()))
            .with_wscale_ok(scale.is_some())
            .with_tstamp(checkpoint.timestamps.is_some())
            .with_sack(checkpoint.sack);
        let told = Switches::of(&socket.options, true);
        let place = (member, self.members.adapter(member)?, port, L2tIdx(0));
        let opening = Offloaded::opening(now, place, SeqNum(0), Opt0(0), told);
        let offloaded = Offloaded {
            state,
            iss: checkpoint.tx_max - 1 - socket.tx.posted() as u32,
            irs: checkpoint.rcv_nxt - 1 - fin - socket.rx.received() as u32,
            options,
            rcv_scale,
            fin_posted: checkpoint.fin_posted,
            posted_any: true,
            // Whoever writes it into a card tells its firmware of the flow; until then it has no tid to say so of.
            flow_told: true,
            mss_announced: checkpoint.mss_announced,
            mtu_agreed: Some(host.conn.mss().saturating_add(HEADERS)),
            cong: code_point(socket.options.congestion, code_points),
            sample: Some(sample),
            granted: socket.rx.received() + u64::from(fin) + u64::from(checkpoint.rcv_wnd),
            last_rx: host.activity.heard_at,
            // Until it has an owner nothing is posted, and an end that the application wants waits.
            fence: Fence::Posted,
            tx_gate: Gate::Shut,
            rx_gate: Gate::Shut,
            ..opening
        };
        let socket = self.sockets.get_mut(id)?;
        socket.path = Path::Offload(Box::new(offloaded));
        self.timers.disarm(id.place());
        let mut shadow = self.shadow(id)?;
        shadow.recent_unknown = checkpoint.timestamps.is_some_and(|ts| ts.recent.is_none());
        Some(Departure {
            shadow,
            una: checkpoint.snd_una,
            max: checkpoint.snd_max,
            last_ack: checkpoint.last_ack_sent,
            right_edge: checkpoint.rcv_adv,
            stamp,
        })
    }
}
