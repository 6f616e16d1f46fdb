//! What the host knows of an offloaded connection without asking the adapter: enough to go on with it on another when
//! its own is dead.
//!
//! | | from |
//! |---|---|
//! | sequence numbers, FINs, credits | what was posted, acknowledged, delivered and granted; the commit rule makes it exact |
//! | scales, options, MSS | the ESTABLISH message |
//! | congestion window, RTT, the peer's window and timestamp | a *sample* of the TCB, taken now and then |
//!
//! Samples are taken of connections on which something happens, by turns, one a millisecond at most for all.

use mafo_mem::Nanos;
use mafo_pmd::ofld;
use mafo_pmd::question::PATIENCE;
use mafo_t4::cpl::GetTcbRpl;
use mafo_t4::tcb::{self, Field, TFlags, Tcb, field};
use mafo_tcp::{Checkpoint, RttCheckpoint, SeqNum};

use super::card_view::snd_wnd;
use super::state::State;
use super::{MemberId, TidUse};
use crate::core::Core;
use crate::defect::Defect;
use crate::slab::SocketId;
use crate::socket::Path;

/// Repeated by the answers that are samples.
pub(super) const COOKIE: u8 = 0x5c;
/// Time between two samples.
const INTERVAL: Nanos = Nanos::from_millis(1);
/// Connections between two owners that are passed over in one turn.
const SKIPS_MAX: u32 = 32;
/// Segments that a connection begins with of which there is no sample (RFC 6928).
const WINDOW_SEGMENTS: u64 = 10;

/// What a TCB said when it was last looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// The peer's right edge.
    edge: SeqNum,
    cwnd: u32,
    ssthresh: u32,
    ts_recent: u32,
    srtt: u16,
    rttvar: u16,
    /// CCTRL_ECN, as a flag of its own.
    ecn: bool,
}

/// Whether a connection waits for its turn to be sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Nothing has happened since the last time.
    #[default]
    None,
    /// It is in the queue.
    Queued,
    /// It was asked for, then.
    Asked(Nanos),
    /// And something has happened since, of which the answer may not know.
    AskedBefore(Nanos),
}

/// Connections that wait for their turn.
#[derive(Debug, Default)]
pub(crate) struct Sampling {
    /// Somebody may need them.
    pub(crate) wanted: bool,
    queue: std::collections::VecDeque<SocketId>,
    next: Nanos,
}

/// A connection as the host's own record describes it to another card, and what no record of the host's says.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// A TCB without distances: all of our side of the stream is in [`super::Progress`].
    pub tcb: Tcb,
    /// Nobody knows what the peer last sent as its timestamp.
    pub recent_unknown: bool,
}

impl Core {
    /// Something has happened on `id` that a sample would show.
    pub(super) fn want_sample(&mut self, id: SocketId) {
        let now = self.now;
        if !self.sampling.wanted {
            return;
        }
        let Some(conn) = self.offloaded_mut(id) else { return };
        conn.turn = match conn.turn {
            Turn::Queued => return,
            Turn::Asked(at) | Turn::AskedBefore(at) if now - at < PATIENCE => {
                conn.turn = Turn::AskedBefore(at);
                return;
            }
            // No answer to that one comes any more.
            Turn::None | Turn::Asked(_) | Turn::AskedBefore(_) => Turn::Queued,
        };
        self.sampling.queue.push_back(id);
    }

    /// Has connections sampled from now on: another adapter may have to go on with them.
    pub fn sample_connections(&mut self) {
        self.sampling.wanted = true;
    }

    /// Asks for the sample whose turn it is.
    pub(crate) fn poll_samples(&mut self, now: Nanos) {
        if self.sampling.queue.is_empty() || now < self.sampling.next {
            return;
        }
        self.sampling.next = now + INTERVAL;
        let mut skips = SKIPS_MAX;
        while let Some(id) = self.sampling.queue.pop_front() {
            let Some(socket) = self.sockets.get_mut(id) else { continue };
            let Path::Offload(conn) = &mut socket.path else { continue };
            if !conn.state.is_live() {
                conn.turn = Turn::None;
                continue;
            }
            if !conn.is_writable() {
                // Between two owners: its next will be asked.
                self.sampling.queue.push_back(id);
                skips -= 1;
                if skips == 0 {
                    return;
                }
                continue;
            }
            let member = &mut self.members[conn.member.index()];
            let reply_to = member.iq();
            match ofld::get_tcb(&mut member.lcore.ctrl, conn.tid, reply_to, COOKIE) {
                Ok(()) => conn.turn = Turn::Asked(now),
                Err(_) => {
                    self.counters.tom_ring_full += 1;
                    self.sampling.queue.push_back(id);
                }
            }
            return;
        }
    }

    /// When [`Core::poll_samples`] has something to do.
    pub(crate) fn samples_timeout(&self) -> Option<Nanos> {
        (!self.sampling.queue.is_empty()).then_some(self.sampling.next)
    }

    pub(super) fn on_sample(&mut self, member: MemberId, reply: &GetTcbRpl) {
        let owner = self.members[member.index()].tids.get(reply.tid()).copied();
        let Some(TidUse::Connection(id)) = owner else { return };
        let is_stale = self.has_defect(Defect::ShadowStale);
        let Some(conn) = self.offloaded_mut(id) else { return };
        let is_old = matches!(conn.turn, Turn::AskedBefore(_));
        if is_old || matches!(conn.turn, Turn::Asked(_)) {
            conn.turn = Turn::None;
        }
        if is_stale && conn.sample.is_some() {
            return;
        }
        conn.sample = Some(Sample::of(&reply.tcb()));
        if is_old {
            self.want_sample(id);
        }
    }

    /// The smoothed round-trip time of an offloaded connection and its retransmission timeout without a backoff, as its
    /// last sample says; before there is one, nothing and the first timeout.
    #[must_use]
    pub fn round_trip(&self, id: SocketId) -> (Nanos, Nanos) {
        let conn = self.offloaded(id);
        let rtt = conn.and_then(|conn| {
            let sample = conn.sample.as_ref().filter(|sample| sample.srtt != 0)?;
            let tick = self.members[conn.member.index()].lcore.resources().timer_tick();
            let time = |ticks: u16| Nanos(tick.0.saturating_mul(ticks.into()));
            Some(RttCheckpoint { srtt: time(sample.srtt), rttvar: time(sample.rttvar) })
        });
        (rtt.map_or(Nanos::ZERO, |rtt| rtt.srtt), self.engine.config.rto(rtt, 0))
    }

    /// The connection of `id` as another card needs it, by the host's own record; `None` when no adapter had it.
    #[must_use]
    pub fn shadow(&self, id: SocketId) -> Option<Shadow> {
        let socket = self.sockets.get(id)?;
        let Path::Offload(conn) = &socket.path else { return None };
        let progress = self.progress(id)?;
        let (options, sample) = (conn.options, conn.sample);
        let member = &self.members[conn.member.index()];
        let segment = u64::from(conn.payload_max(member));
        let flags = conn
            .told
            .flags()
            .with_recv_scale(options.wscale_ok())
            .with_recv_tstmp(options.tstamp())
            .with_recv_sack(options.sack())
            .with_rcv_coalesce_enable(true)
            .with_cctrl_sel(conn.cong.0.into())
            .with_cctrl_ecn(sample.is_some_and(|sample| sample.ecn))
            .with_peer_fin(conn.state.peer_closed());
        let scale = if options.wscale_ok() { options.snd_wscale() } else { 0 };
        // Of which nothing is known, none: its next owner asks the peer.
        let window = sample.map_or(0, |s| {
            let left = s.edge.since(progress.snd_una) as i32;
            left.max(0) as u64
        });
        let fill = |field: Field, value: u64| (field, value.min(field.max()));
        let begin = WINDOW_SEGMENTS * segment;
        // The peer's FIN takes a place, too.
        let received = socket.rx.received() + u64::from(conn.state.peer_closed());
        let granted = conn.granted.saturating_sub(received);
        let mut tcb = [
            fill(field::TOS, conn.told.dscp.code_point().into()),
            fill(field::MAX_RT, u64::MAX),
            fill(field::T_MAXSEG, u64::from(options.mss())),
            fill(field::SND_SCALE, u64::from(conn.rcv_scale)),
            fill(field::RCV_SCALE, u64::from(scale)),
            // A window that is smaller than a unit is none.
            fill(field::RCV_ADV, window >> scale),
            fill(field::T_RTSEQ_RECENT, sample.map_or(0, |s| s.ts_recent.into())),
            fill(field::TIMESTAMP_OFFSET, u64::from(conn.ts_offset)),
            fill(field::T_SRTT, sample.map_or(0, |s| s.srtt.into())),
            fill(field::T_RTTVAR, sample.map_or(0, |s| s.rttvar.into())),
            fill(field::SND_CWND, sample.map_or(begin, |s| s.cwnd.into())),
            fill(field::SND_SSTHRESH, sample.map_or(u64::MAX, |s| s.ssthresh.into())),
            fill(field::TX_MAX, u64::from(progress.snd_una.0)),
            fill(field::RCV_NXT, u64::from(progress.rcv_nxt.0)),
            fill(field::RCV_WND, granted),
        ]
        .into_iter()
        .fold(Tcb::default(), |tcb, (field, value)| tcb.with(field, value));
        tcb.set_state(t_state(conn.state));
        tcb.set_flags(flags);
        // A card that has not been told and has heard nothing since does not know it either.
        let recent_unknown = options.tstamp() && sample.is_none_or(|s| s.ts_recent == 0);
        Some(Shadow { tcb, recent_unknown })
    }
}

impl Sample {
    fn of(tcb: &Tcb) -> Self {
        Self {
            edge: SeqNum(tcb.snd_una()) + snd_wnd(tcb),
            cwnd: tcb.get(field::SND_CWND) as u32,
            ssthresh: tcb.get(field::SND_SSTHRESH) as u32,
            ts_recent: tcb.get(field::T_RTSEQ_RECENT) as u32,
            srtt: tcb.get(field::T_SRTT) as u16,
            rttvar: tcb.get(field::T_RTTVAR) as u16,
            ecn: tcb.flags().0 & TFlags::CCTRL_ECN_MASK != 0,
        }
    }
}

impl Sample {
    /// What a TCB would say of a connection of the host path, with round-trip times in ticks of `tick`.
    pub(super) fn of_checkpoint(checkpoint: &Checkpoint, tick: Nanos) -> Self {
        let ticks = |time: Nanos| time.0.div_ceil(tick.0).clamp(1, u16::MAX.into()) as u16;
        let recent = checkpoint.timestamps.and_then(|timestamps| timestamps.recent);
        Self {
            edge: checkpoint.snd_una + checkpoint.snd_wnd,
            cwnd: checkpoint.cwnd,
            ssthresh: checkpoint.ssthresh,
            ts_recent: recent.unwrap_or(0),
            srtt: checkpoint.rtt.map_or(0, |rtt| ticks(rtt.srtt)),
            rttvar: checkpoint.rtt.map_or(0, |rtt| ticks(rtt.rttvar)),
            ecn: checkpoint.ecn.sends && checkpoint.ecn.echoes,
        }
    }
}

/// The same state in a TCB.
#[must_use]
pub fn t_state(state: State) -> tcb::State {
    match state {
        State::CloseWait => tcb::State::CloseWait,
        State::FinWait1 => tcb::State::FinWait1,
        State::FinWait2 => tcb::State::FinWait2,
        State::Closing => tcb::State::Closing,
        State::LastAck => tcb::State::LastAck,
        State::Opening
        | State::Accepting
        | State::Established
        | State::Aborting
        | State::TimeWait
        | State::Closed => tcb::State::Established,
    }
}
