//! The TCP processor: connections that the card speaks for.
//!
//! The TCP is `mafo-tcp`'s. TP gives it what silicon has around it: CPLs and their order, the TCB image,
//! payload in host memory and in the card's, the lookup engine's entries, headers and checksums.
//!
//! ```text
//!            host: ingress queues                         egress queues
//!                   ▲                                          │ CPLs, payload
//!   RX_DATA, …      │ commit rule: first the message …         ▼
//!        ┌──────────┴───────────┐                   ┌──────────────────────┐
//!        │ settle: what happened│◄── events ────────┤ engine (Connection)  │
//!        │ becomes messages     ├── delivered ─────►│ image ⇄ checkpoint     │
//!        └──────────▲───────────┘                   └───┬──────────▲───────┘
//!                   │ pieces of frames, events          │ output   │ timers
//!        ┌──────────┴───────────┐                       ▼          │
//!  cable │ input: checksum, LE  │        … then the segment that commits  │ cable
//!  ─────►│ TCB, listener, host  │        headers, payload by scatter list ├─────►
//! ```
//!
//! Where the commit rule is switched off ([`TpConfig::commits`]) the segments go first, as on silicon: what the engine
//! takes is acknowledged, whether or not the host has been told of it.
//!
//! A burst of frames goes in by [`Tp::handle_frame`] and is settled by [`Tp::end_of_burst`]: one RX_DATA a
//! connection, then the segments that are due. CPLs go in by [`Tp::handle_cpl`], payload by
//! [`Tp::handle_tx_data`]; [`Tp::poll`] runs timers, stalled messages and output.

mod card;
mod close;
mod counters;
mod deliver;
mod fields;
mod filters;
mod image;
mod input;
mod open;
mod outbox;
mod output;
mod rx_store;
mod settle;
mod tcb;
mod timers;
mod tx_store;

#[cfg(test)]
mod tests;

pub use card::{Card, Message, Stalled, TxError};
pub use counters::{MibView, TpCounters};
pub use input::Disposition;

use crate::clock::Clock;
use crate::le::{FourTuple, Le, Regions};
use crate::settings::TpSettings;
use image::Ticks;
use mafo_mem::{Frame, Nanos};
use mafo_t4::Tid;
use mafo_t4::cpl::{self, Opcode, TxDataFlags};
use mafo_t4::opt::Opt1;
use mafo_t4::wr;
use mafo_tcp::{CongestionControl, Ended, Engine, Keepalive, TimeWait, TsClock};
use outbox::Outbox;
use rx_store::PagePool;
use std::collections::VecDeque;
use tcb::{Piece, TcbTable};
use timers::Timers;
use tx_store::TxPool;

/// A listener, as the lookup engine keeps it for TP.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    /// Where SYNs go, and what becomes of them.
    pub opt1: Opt1,
}

/// How TP is made.
#[derive(Clone, Debug)]
pub struct TpConfig {
    /// Ranges of TIDs, filters and listeners.
    pub regions: Regions,
    /// Settings of the engine. TIME-WAIT is the host's, whatever is said here.
    pub engine: mafo_tcp::Config,
    /// What the congestion code points stand for.
    pub congestion: [CongestionControl; 4],
    /// Whether nothing is acknowledged, or spoken of as open, that the host has not been told of.
    pub commits: bool,
    /// Length of a timer tick (`TP_TIMER_RESOLUTION.TIMER`), in which a TCB has its round-trip times.
    pub timer_tick: Nanos,
    /// Most payload of one RX_DATA (`MAXRXDATA`), at most 65,535.
    pub max_rx_data: usize,
    /// Receive memory of the card in bytes, for all connections.
    pub rx_memory: usize,
    /// Segments that one call sends at most; the rest waits for the next poll.
    pub output_burst: usize,
    /// Segments that a connection sends before the next one's turn.
    pub output_quantum: usize,
}

impl TpConfig {
    /// The settings of silicon: clocks of a core clock of `cclk_khz` that showed `clock_epoch` at time zero,
    /// with timer ticks of 2^14 and timestamp ticks of 2^18 core clock ticks.
    #[must_use]
    pub fn new(regions: Regions, cclk_khz: u32, clock_epoch: u64) -> Self {
        let duration =
            |ticks: u128| Nanos((ticks * 1_000_000 / u128::from(cclk_khz.max(1))) as u64);
        let engine = mafo_tcp::Config {
            ts_clock: TsClock { epoch: duration(u128::from(clock_epoch)), tick: duration(1 << 18) },
            // As many as a TCB has fields for: the host can see all that is held.
            held_ranges_max: 4,
            ..mafo_tcp::Config::default()
        };
        Self {
            regions,
            engine,
            congestion: crate::config::CONGESTION_T5,
            commits: true,
            timer_tick: duration(1 << 14),
            max_rx_data: 16_384,
            rx_memory: 64 << 20,
            output_burst: 64,
            output_quantum: 16,
        }
    }
}

/// What all connections share.
#[derive(Debug)]
struct Core {
    engine: Engine,
    congestion: [CongestionControl; 4],
    /// The commit rule is kept.
    commits: bool,
    /// But for some connections, since their hosts want it so.
    some_relaxed: bool,
    ticks: Ticks,
    /// Keepalive probes in a row after which the host is warned; 0: never.
    keepalive_advice: u8,
    /// Time to live of what is sent.
    ttl: u8,
    max_rx_data: usize,
    output_burst: usize,
    output_quantum: usize,
    counters: TpCounters,
    timers: Timers,
    rx_pool: PagePool,
    tx_pool: TxPool,
    outbox: Outbox,
    /// Connections that may have something to send, in turn.
    ready: VecDeque<Tid>,
    /// Connections that the burst's frames were for.
    touched: Vec<Tid>,
    /// In-order payload of the burst.
    pieces: Vec<Piece>,
    /// Receive pages that the burst's payload would need if no message could be posted.
    pages_reserved: usize,
    /// Identification of the next packet.
    ip_id: u16,
    refusals: Refusals,
}

/// What TP is to refuse next, as it would with full tables: for whoever tests how that is lived with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refusals {
    /// So many NON_OFFLOAD opens.
    pub opens: u32,
    /// So many writes that would let a connection live.
    pub uploads: u32,
}

/// How a connection stands on the card, of which its host may not have been told yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CardConnection {
    /// Its TID.
    pub tid: Tid,
    /// Its state.
    pub state: mafo_tcp::State,
    /// How it ended, if it has; where the peer or a timer has aborted it, a reset.
    pub ended: Option<Ended>,
}

/// The TCP processor.
#[derive(Debug)]
pub struct Tp {
    /// The lookup engine.
    pub le: Le<Server>,
    tcbs: TcbTable,
    core: Core,
}

/// What a step on one connection works with.
struct Ctx<'a, C> {
    le: &'a mut Le<Server>,
    core: &'a mut Core,
    card: &'a mut C,
    now: Nanos,
}

/// Whether one is to be refused.
fn refuse(left: &mut u32) -> bool {
    let refused = *left > 0;
    *left -= u32::from(refused);
    refused
}

impl Core {
    /// What the image's CCTRL_SEL stands for.
    fn congestion_of(&self, image: &mafo_t4::tcb::Tcb) -> CongestionControl {
        self.congestion[image.flags().cctrl_sel() as usize % self.congestion.len()]
    }
}

impl Tp {
    /// Refuses what `refusals` says, from now on.
    pub fn refuse(&mut self, refusals: Refusals) {
        self.core.refusals = refusals;
    }

    /// A TP without connections.
    #[must_use]
    pub fn new(config: &TpConfig) -> Self {
        let engine = mafo_tcp::Config { time_wait: TimeWait::Owner, ..config.engine.clone() };
        let ticks = Ticks { timer: config.timer_tick, timestamp: engine.ts_clock };
        let tids = config.regions.tids;
        Self {
            le: Le::new(&config.regions),
            tcbs: TcbTable::new(config.regions.tid_base, tids),
            core: Core {
                engine: Engine::new(engine),
                congestion: config.congestion,
                commits: config.commits,
                some_relaxed: false,
                ticks,
                keepalive_advice: 0,
                ttl: output::TTL,
                max_rx_data: config.max_rx_data.clamp(1, usize::from(u16::MAX)),
                output_burst: config.output_burst.max(1),
                output_quantum: config.output_quantum.max(1),
                counters: TpCounters::new(),
                timers: Timers::new(config.regions.tid_base, tids),
                rx_pool: PagePool::new(config.rx_memory),
                tx_pool: TxPool::default(),
                outbox: Outbox::new(1024 + 4 * tids as usize),
                ready: VecDeque::new(),
                touched: Vec::new(),
                pieces: Vec::new(),
                pages_reserved: 0,
                ip_id: 0,
                refusals: Refusals::default(),
            },
        }
    }

    fn split<'a, C: Card>(
        &'a mut self,
        card: &'a mut C,
        now: Nanos,
    ) -> (&'a mut TcbTable, Ctx<'a, C>) {
        (&mut self.tcbs, Ctx { le: &mut self.le, core: &mut self.core, card, now })
    }

    /// Takes over what TP's registers say. Timers that run are not changed.
    pub fn apply(&mut self, settings: &TpSettings, clock: &Clock) {
        let tick = |resolution| clock.duration(1, resolution).max(Nanos(1));
        let counts = settings.shift_cnt;
        // Fields of at most eight bits.
        let count = |count: u32| count as u8;
        let config = &mut self.core.engine.config;
        config.ts_clock.tick = tick(settings.resolution.timestampresolution());
        config.rto_initial = settings.init_srtt.max(settings.rxt_min);
        config.rto_min = settings.rxt_min;
        config.rto_max = settings.rxt_max.max(settings.rxt_min);
        config.syn_retransmits_max = count(counts.synshiftmax());
        config.retransmits_advice = match count(counts.rxtshiftmaxr1()) {
            0 => u8::MAX,
            advice => advice,
        };
        config.retransmits_max = count(counts.rxtshiftmaxr2());
        config.delayed_ack = settings.dack;
        config.keepalive = Keepalive {
            idle: settings.keep_idle,
            interval: settings.keep_intvl,
            probes_max: count(counts.keepalivemaxr2()),
        };
        config.initial_window_segments = count(settings.initcwnd).max(1);
        self.core.ticks = Ticks {
            timer: tick(settings.resolution.timerresolution()),
            timestamp: config.ts_clock,
        };
        self.core.keepalive_advice = count(counts.keepalivemaxr1());
        self.core.ttl = settings.ttl;
        self.core.max_rx_data = settings.max_rx_data.clamp(1, usize::from(u16::MAX));
    }

    /// Bytes of the tables and records of connections, but for payload.
    #[must_use]
    pub fn footprint(&self) -> usize {
        self.tcbs.footprint() + self.le.active.footprint() + self.core.timers.footprint()
    }

    /// What TP counted.
    #[must_use]
    pub fn counters(&self) -> &TpCounters {
        &self.core.counters
    }

    /// What the engine counted.
    #[must_use]
    pub fn tcp_counters(&self) -> &mafo_tcp::Counters {
        &self.core.engine.counters
    }

    /// Whether a TID is in use, in whatever state.
    #[must_use]
    pub fn has_tid(&self, tid: Tid) -> bool {
        self.tcbs.get(tid).is_some()
    }

    /// The connection of a TID in use.
    pub(crate) fn tuple(&self, tid: Tid) -> Option<FourTuple> {
        Some(self.tcbs.get(tid)?.key.tuple)
    }

    /// Whether TP leaves what a TID in use receives to the host.
    pub(crate) fn is_left_alone(&self, tid: Tid) -> bool {
        self.tcbs.get(tid).is_some_and(|tcb| matches!(tcb.phase, tcb::Phase::NonOffload))
    }

    /// The counters that registers show.
    #[must_use]
    pub fn mib(&self) -> MibView {
        let (tp, tcp) = (&self.core.counters, &self.core.engine.counters);
        MibView {
            in_segments: tcp.rx_segments,
            out_segments: tp.tx_segments,
            retransmitted_segments: tcp.retransmits,
            out_resets: tcp.tx_resets,
            header_errors: tp.rx_drop_ip_checksum,
            tcp_errors: tp.rx_drop_tcp_checksum + tp.rx_drop_malformed,
        }
    }

    /// TIDs in use, of whatever state.
    #[must_use]
    pub fn tids_in_use(&self) -> usize {
        self.tcbs.len()
    }

    /// Connections that the lookup engine knows (LE_DB_ACT_CNT_IPV4 and IPV6).
    #[must_use]
    pub fn active(&self) -> (usize, usize) {
        (self.le.active.count_v4(), self.le.active.count_v6())
    }

    /// Connections that TP speaks for: known to the lookup engine and not images.
    #[must_use]
    pub fn offloaded(&self) -> usize {
        self.tcbs.iter().filter(|tcb| matches!(tcb.phase, tcb::Phase::Live(_))).count()
    }

    /// Those connections, and those whose end the host has not answered yet.
    pub fn connections(&self) -> impl Iterator<Item = CardConnection> + '_ {
        self.tcbs.iter().filter_map(|tcb| {
            let (state, ended) = match &tcb.phase {
                tcb::Phase::Live(live) => (live.conn.state(), live.conn.ended()),
                tcb::Phase::PeerAborted => (mafo_tcp::State::Closed, Some(Ended::Reset)),
                _ => return None,
            };
            Some(CardConnection { tid: tcb.tid, state, ended })
        })
    }

    /// Messages that wait for stalled ingress queues.
    #[must_use]
    pub fn stalled_messages(&self) -> usize {
        self.core.outbox.len()
    }

    /// Bytes of receive memory in use, in whole pages.
    #[must_use]
    pub fn rx_memory_in_use(&self) -> usize {
        self.core.rx_pool.in_use() * rx_store::PAGE
    }

    /// A CPL from the host, from its opcode byte; `cpl` may be longer than the message.
    pub fn handle_cpl<C: Card>(&mut self, card: &mut C, now: Nanos, cpl: &[u8]) {
        let understood = match cpl::opcode(cpl) {
            Some(Opcode::ACT_OPEN_REQ) => self.act_open(card, now, cpl),
            Some(Opcode::ACT_OPEN_REQ6) => self.act_open6(card, cpl),
            Some(Opcode::PASS_OPEN_REQ) => self.pass_open(card, cpl),
            Some(Opcode::PASS_OPEN_REQ6) => self.pass_open6(card, cpl),
            Some(Opcode::CLOSE_LISTSRV_REQ) => self.close_listsrv(card, cpl),
            Some(Opcode::PASS_ACCEPT_RPL) => self.pass_accept_rpl(card, now, cpl),
            Some(Opcode::RX_DATA_ACK) => self.rx_data_ack(card, now, cpl),
            Some(Opcode::CLOSE_CON_REQ) => self.close_con(card, now, cpl),
            Some(Opcode::ABORT_REQ) => self.abort_req(card, now, cpl),
            Some(Opcode::ABORT_RPL) => self.abort_rpl(cpl),
            Some(Opcode::TID_RELEASE) => self.tid_release(card, cpl),
            Some(Opcode::SET_TCB_FIELD) => self.set_tcb_field(card, now, cpl),
            Some(Opcode::GET_TCB) => self.get_tcb(card, now, cpl),
            // A barrier orders what is in order here anyway.
            Some(Opcode::BARRIER) => Some(()),
            _ => None,
        };
        match understood {
            Some(()) => self.core.counters.cpl_in += 1,
            None => self.core.counters.cpl_malformed += 1,
        }
    }

    /// Payload for a connection, in the order of its work requests. Bytes in host memory are read whenever they
    /// are sent, until [`Card::flow_acked`] says that they were acknowledged.
    pub fn handle_tx_data<C: Card>(
        &mut self,
        card: &mut C,
        now: Nanos,
        tid: Tid,
        payload: &wr::Payload<'_>,
        flags: TxDataFlags,
    ) {
        let (tcbs, mut ctx) = self.split(card, now);
        match tcbs.get_mut(tid) {
            Some(tcb) => ctx.post_payload(tcb, payload, flags),
            None => ctx.core.counters.cpl_unknown_tid += 1,
        }
    }

    /// The commit rule is not kept any more for a connection, or for the one that is being written into its TCB: its host does
    /// not want it. What the host has not been told of yet may be acknowledged at once.
    pub fn relax(&mut self, tid: Tid) {
        let Some(tcb) = self.tcbs.get_mut(tid) else { return };
        if !self.core.commits_to(tcb) {
            return;
        }
        let untold = tcb.untold();
        tcb.is_relaxed = true;
        self.core.some_relaxed = true;
        if let tcb::Phase::Live(live) = &mut tcb.phase {
            live.conn.deliver(untold);
            if live.fin_owed {
                live.conn.deliver_fin();
            }
            self.core.make_ready(tcb);
        }
    }

    /// After the frames of a burst, given again as they were numbered: what was received is told the host,
    /// then the segments that are due are sent. Without the commit rule, of the card or of a connection, the peer is answered
    /// first.
    pub fn end_of_burst<C: Card>(&mut self, card: &mut C, now: Nanos, frames: &[Frame]) {
        let budget = self.core.output_burst.min(2 * frames.len());
        let mut touched = core::mem::take(&mut self.core.touched);
        if !self.core.commits {
            let (tcbs, mut ctx) = self.split(card, now);
            for &tid in &touched {
                if let Some(tcb) = tcbs.get_mut(tid) {
                    ctx.touch_up(tcb);
                }
            }
            self.run_output(card, now, budget);
        }
        let (tcbs, mut ctx) = self.split(card, now);
        if ctx.core.commits && ctx.core.some_relaxed {
            for &tid in &touched {
                if let Some(tcb) = tcbs.get_mut(tid).filter(|tcb| tcb.is_relaxed) {
                    ctx.answer_first(tcb);
                }
            }
        }
        for tid in touched.drain(..) {
            if let Some(tcb) = tcbs.get_mut(tid) {
                tcb.touched = false;
                ctx.settle(tcb, frames);
            }
        }
        ctx.core.touched = touched;
        ctx.core.pieces.clear();
        ctx.core.pages_reserved = 0;
        self.run_output(card, now, budget);
    }

    /// Timers, stalled messages, output.
    pub fn poll<C: Card>(&mut self, card: &mut C, now: Nanos) {
        self.poll_some(card, now, self.core.output_burst);
    }

    /// The same, with no more than `segments` sent.
    pub(crate) fn poll_some<C: Card>(&mut self, card: &mut C, now: Nanos, segments: usize) {
        let (tcbs, mut ctx) = self.split(card, now);
        while let Some(tid) = ctx.core.timers.pop_due(now) {
            if let Some(tcb) = tcbs.get_mut(tid) {
                ctx.run_timers(tcb);
            }
        }
        self.flush_outbox(card, now);
        self.run_output(card, now, segments);
    }

    /// When [`Tp::poll`] has something to do without anything coming in; with output waiting that is now.
    /// Messages that wait for a stalled queue go with the poll that follows the host's doorbell.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        if self.core.ready.is_empty() { self.core.timers.next() } else { Some(Nanos::ZERO) }
    }
}

#[cfg(test)]
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Tp>();
};
