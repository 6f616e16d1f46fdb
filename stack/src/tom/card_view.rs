//! What a card's own record of a connection says (GET_TCB), for whoever watches it.
//!
//! | what of [`Info`] | from |
//! |---|---|
//! | state, windows, scales, options, `payload_max` | T_STATE, RCV_ADV, RCV_WND, SND_SCALE, RCV_SCALE, T_FLAGS, T_MAXSEG |
//! | `cwnd`, `ssthresh`, `srtt`, `rttvar`, `backoff` | SND_CWND, SND_SSTHRESH, T_SRTT, T_RTTVAR, T_RXTSHIFT |
//! | `in_flight`, `unsent_bytes` | TX_MAX, SND_UNA, SND_MAX |
//! | `recovery` | T_FLAGS.FAST_RECOVERY; with a T_RXTSHIFT loss |
//! | `rto`, `timeouts` | of the above, by RFC 6298 with the host's limits |
//! | `largest_received` | bytes of the longest RX_DATA, at most what we announced |
//! | `sacked`, `lost`, `retransmitted`, `probes`, `reorderings` | no field: 0 |
//! | `reordering` | no field: as if none was seen |

use mafo_mem::Nanos;
use mafo_pmd::ofld;
use mafo_pmd::question::PATIENCE;
use mafo_t4::cpl::{self, GetTcbRpl};
use mafo_t4::regs::tp::MTU_COUNT;
use mafo_t4::tcb::{self, Tcb, field};
use mafo_tcp::{Info, Limit, Recovery, RttCheckpoint, SeqNum, State, TIMESTAMPS_LEN, WindowScale};

use super::{Member, MemberId, Offloaded, TidUse, last_stamp, look, shadow};
use crate::activity::Activity;
use crate::core::Core;
use crate::pmtu::HEADERS;
use crate::slab::SocketId;
use crate::socket::Path;

/// Repeated by the answers that are for the stack and not for a bond.
const COOKIE: u8 = 0x5a;

/// A card's record of a connection, as it was last told.
#[derive(Clone, Debug, Default)]
pub(crate) struct CardView {
    tcb: Option<Tcb>,
    /// An answer is on its way, since then.
    asked: Option<Nanos>,
    /// The largest window of the peer that was seen.
    snd_wnd_max: u32,
    pub(crate) activity: Activity,
}

impl Offloaded {
    /// Payload bytes of a full-sized segment.
    pub(crate) fn payload_max(&self, member: &Member) -> u32 {
        payload_max(member, self.options.mss().into(), self.options.tstamp())
    }

    /// Bytes that the card was given, up to stream offset `posted`, and had not sent when it was last asked.
    pub(crate) fn unsent_of_posted(&self, posted: u64) -> usize {
        let sent = self.view.as_ref().and_then(|view| view.tcb.as_ref()).map(|tcb| tcb.snd_max());
        // What was posted since is taken for sent: the card sends what it may at once.
        sent.and_then(|sent| self.snd_offset(posted, SeqNum(sent)))
            .filter(|_| self.view.as_ref().is_some_and(|view| view.asked.is_none()))
            .map_or(0, |sent| posted.saturating_sub(sent) as usize)
    }
}

impl Core {
    /// Asks the card for its record of the connection of `id`, so that [`Core::info`], [`Core::status`] and
    /// [`Core::activity`] tell what it says; they do when the answer has come, a few polls later. Nothing happens where
    /// no card has the connection, or it is on its way to another.
    pub fn ask_card(&mut self, id: SocketId) {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &mut socket.path else { return };
        if !conn.is_writable() {
            return;
        }
        let view = conn.view.get_or_insert_with(|| Box::new(CardView::beginning(now)));
        if view.asked.is_some_and(|at| now - at < PATIENCE) {
            return;
        }
        let member = &mut self.members[conn.member.index()];
        let reply_to = member.iq();
        match ofld::get_tcb(&mut member.lcore.ctrl, conn.tid, reply_to, COOKIE) {
            Ok(()) => view.asked = Some(now),
            Err(_) => self.counters.tom_ring_full += 1,
        }
    }

    /// Takes the answer to a question of [`Core::ask_card`]; `false` if it is one to somebody else's.
    pub(crate) fn on_get_tcb_rpl(&mut self, member: MemberId, bytes: &[u8]) -> bool {
        let Some(reply) = cpl::parse::<GetTcbRpl>(bytes) else { return false };
        match reply.cookie() {
            COOKIE => {}
            shadow::COOKIE => {
                self.on_sample(member, reply);
                return true;
            }
            look::COOKIE => {
                self.on_look(member, reply);
                return true;
            }
            last_stamp::COOKIE => {
                self.on_last_timestamp(member, reply);
                return true;
            }
            _ => return false,
        }
        // Whoever asked may be gone by now.
        if let Some(&TidUse::Connection(id)) = self.members[member.index()].tids.get(reply.tid()) {
            self.note_card(id, reply.tcb());
        }
        true
    }

    fn note_card(&mut self, id: SocketId, tcb: Tcb) {
        let Some(conn) = self.offloaded_mut(id) else { return };
        let Some(view) = &mut conn.view else { return };
        view.snd_wnd_max = view.snd_wnd_max.max(snd_wnd(&tcb));
        let snd_una = SeqNum(tcb.snd_una());
        (view.tcb, view.asked) = (Some(tcb), None);
        self.watch_card(id);
        self.on_card_progress(id, snd_una);
    }

    /// Something has changed: what does the connection wait for now?
    pub(crate) fn watch_card(&mut self, id: SocketId) {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(id) else { return };
        let Path::Offload(conn) = &mut socket.path else { return };
        if conn.view.is_none() {
            // Nobody looks.
            return;
        }
        let segment = conn.payload_max(&self.members[conn.member.index()]);
        let outstanding = socket.tx.written() > socket.tx.acked();
        let heard = conn.last_rx;
        let Some(view) = &mut conn.view else { return };
        let window = view.tcb.as_ref().is_some_and(|tcb| is_window_limited(tcb, segment));
        view.activity.pass(now);
        view.activity.heard_at = view.activity.heard_at.max(heard);
        view.activity.limit = match outstanding {
            false => Limit::Idle,
            true if window => Limit::Window,
            true => Limit::Network,
        };
    }

    /// The retransmission timeout of a card's connection, as far as its record was asked for.
    pub(crate) fn card_rto(&self, id: SocketId) -> Option<Nanos> {
        self.card_info(id).map(|info| info.rto)
    }

    /// How a card's connection stands, as its record said when it was last asked for.
    pub(crate) fn card_info(&self, id: SocketId) -> Option<Info> {
        let view = self.offloaded(id)?.view.as_ref()?;
        self.info_of(id, view.tcb.as_ref()?, Some(view.snd_wnd_max))
    }

    /// How the card's connection of `id` stands, whose record is `tcb`; and the largest window of its peer, where somebody has
    /// looked before.
    pub(super) fn info_of(
        &self,
        id: SocketId,
        tcb: &Tcb,
        snd_wnd_max: Option<u32>,
    ) -> Option<Info> {
        let socket = self.sockets.get(id)?;
        let conn = self.offloaded(id)?;
        let member = &self.members[conn.member.index()];
        let resources = member.lcore.resources();
        let tick = resources.timer_tick();
        let time = |field| Nanos(tick.0.saturating_mul(tcb.get(field)));
        let flags = tcb.flags();
        let payload_max =
            payload_max(member, tcb.get(field::T_MAXSEG) as usize, flags.recv_tstmp());
        let backoff = tcb.get(field::T_RXTSHIFT) as u8;
        let rtt = (tcb.get(field::T_SRTT) != 0)
            .then(|| RttCheckpoint { srtt: time(field::T_SRTT), rttvar: time(field::T_RTTVAR) });
        let ssthresh = tcb.get(field::SND_SSTHRESH);
        let unknown = ssthresh == field::SND_SSTHRESH.max();
        let unposted = (socket.tx.written() - socket.tx.posted()) as u32;
        let asked = conn.mss_announced;
        Some(Info {
            state: state_of(tcb.state()),
            recovery: match (flags.fast_recovery(), backoff) {
                (true, _) => Recovery::Fast,
                (false, 0) => Recovery::Open,
                (false, _) => Recovery::Loss,
            },
            cwnd: tcb.get(field::SND_CWND) as u32,
            ssthresh: if unknown { Info::SSTHRESH_UNKNOWN } else { ssthresh as u32 },
            payload_max,
            in_flight: tcb.snd_max().wrapping_sub(tcb.snd_una()).div_ceil(payload_max),
            sacked: 0,
            lost: 0,
            retransmitted: 0,
            srtt: rtt.map(|rtt| rtt.srtt),
            rttvar: rtt.map(|rtt| rtt.rttvar),
            rto: self.engine.config.rto(rtt, backoff),
            backoff,
            timeouts: backoff,
            probes: 0,
            timestamps: flags.recv_tstmp(),
            sack: flags.recv_sack(),
            window_scale: flags.recv_scale().then(|| WindowScale {
                snd: tcb.get(field::RCV_SCALE) as u8,
                rcv: tcb.get(field::SND_SCALE) as u8,
            }),
            snd_wnd: snd_wnd(tcb),
            snd_wnd_max: snd_wnd_max.unwrap_or(snd_wnd(tcb)),
            rcv_wnd: tcb.get(field::RCV_WND) as u32,
            unsent_bytes: unposted + conn.unsent_of_posted(socket.tx.posted()) as u32,
            largest_received: conn.longest_rx.min(asked.into()) as u16,
            mss_announced: asked,
            reordering: Info::REORDERING_UNSEEN,
            reorderings: 0,
        })
    }
}

impl CardView {
    fn beginning(now: Nanos) -> Self {
        Self { activity: Activity::beginning(now), ..Self::default() }
    }
}

/// Payload bytes of a full-sized segment by entry `index` of the card's MTU table.
fn payload_max(member: &Member, index: usize, timestamps: bool) -> u32 {
    let mtu = member.lcore.resources().mtus[index % MTU_COUNT];
    let options = if timestamps { TIMESTAMPS_LEN } else { 0 };
    u32::from(mtu.saturating_sub(HEADERS)).saturating_sub(options).max(1)
}

/// The peer's window in bytes.
pub(super) fn snd_wnd(tcb: &Tcb) -> u32 {
    (tcb.get(field::RCV_ADV) as u32) << snd_scale(tcb)
}

/// By how much the peer scales its windows.
fn snd_scale(tcb: &Tcb) -> u64 {
    if tcb.flags().recv_scale() { tcb.get(field::RCV_SCALE).min(14) } else { 0 }
}

/// RCV_ADV of a TCB for whoever has heard that the peer has everything before `una`: the window is as far open as it was,
/// but begins later.
#[must_use]
pub fn window_behind(tcb: &Tcb, una: SeqNum) -> u16 {
    let begins = SeqNum(tcb.snd_una());
    let left = snd_wnd(tcb).saturating_sub(una.later(begins).since(begins));
    (left >> snd_scale(tcb)) as u16
}

/// Whether there is something to send for which the peer's window has no room.
fn is_window_limited(tcb: &Tcb, segment: u32) -> bool {
    let unsent = tcb.tx_max().wrapping_sub(tcb.snd_max());
    let edge = snd_wnd(tcb);
    let under_way = tcb.snd_max().wrapping_sub(tcb.snd_una());
    unsent > 0 && unsent.min(segment) > edge.saturating_sub(under_way)
}

/// The state's name in RFC 9293.
pub(super) fn state_of(state: tcb::State) -> State {
    match state {
        tcb::State::SynSent => State::SynSent,
        tcb::State::SynRcvd => State::SynRcvd,
        tcb::State::Established | tcb::State::EstabRx | tcb::State::EstabTx => State::Established,
        tcb::State::CloseWait => State::CloseWait,
        tcb::State::FinWait1 => State::FinWait1,
        tcb::State::Closing => State::Closing,
        tcb::State::LastAck => State::LastAck,
        tcb::State::FinWait2 => State::FinWait2,
        tcb::State::TimeWait => State::TimeWait,
        _ => State::Closed,
    }
}
