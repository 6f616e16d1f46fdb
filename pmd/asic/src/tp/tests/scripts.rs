//! The engine's packet scripts through TP: the same behaviours with a host that speaks in CPLs, the commit
//! rule watched on every segment.

use super::rig::*;
use crate::config::CONGESTION_T5;
use crate::tp::tcb::Phase;
use crate::tp::{Disposition, TpConfig};
use mafo_mem::Nanos;
use mafo_t4::Tid;
use mafo_t4::cpl::{self, AbortCmd, Status, TxDataFlags};
use mafo_t4::opt::{CongAlg, Opt0, Opt2};
use mafo_t4::tcb::{TFlags, field};
use mafo_t4::wr::Payload;
use mafo_tcp::script::{Bench, Endpoint, LISTED, Setup};
use mafo_tcp::{
    CongestionControl, Counters, Ecn, EcnMode, Ended, GaveUp, IcmpError, Patience, Segment, SeqNum,
    State, Switches, TimeWait, reset_for,
};
use std::collections::VecDeque;

struct TpBench;

impl Bench for TpBench {
    fn start(&mut self, setup: &Setup) -> Box<dyn Endpoint> {
        Box::new(TpEndpoint::new(setup))
    }

    fn excuse(&self, script: &str) -> Option<&'static str> {
        EXCUSES.iter().find(|(name, _)| *name == script).map(|(_, why)| *why)
    }
}

/// What a card does not do.
const EXCUSES: [(&str, &str); 14] = [
    ("close_in_syn_sent", "a host has no TID to close before ACT_ESTABLISH"),
    ("payload_posted_early_carries_the_ack", "a host has no TID to send on before ACT_ESTABLISH"),
    ("abort_is_silent_elsewhere", "a host has no TID to abort before ACT_ESTABLISH"),
    ("reset_does_not_end_time_wait", "TIME-WAIT is the host's"),
    ("fin_again_in_time_wait", "TIME-WAIT is the host's"),
    ("time_wait_yields_to_a_newer_syn", "TIME-WAIT is the host's"),
    ("time_wait_does_not_yield_to_an_old_syn", "TIME-WAIT is the host's"),
    ("time_wait_does_not_yield_to_a_syn_ack", "TIME-WAIT is the host's"),
    ("equal_timestamps_leave_it_to_the_sequence_number", "TIME-WAIT is the host's"),
    ("error_in_syn_sent_ends_the_open", "a host has no TID to end before ACT_ESTABLISH"),
    ("syn_times_out_by_the_user", "a host has no TID to end before ACT_ESTABLISH"),
    ("syns_are_sent_as_often_as_asked_for", "TP_SHIFT_CNT.SYNSHIFTMAX is one for all connections"),
    ("fin_wait2_lasts_as_long_as_asked_for", "TP_FINWAIT2_TIMER is one for all connections"),
    (
        "user_timeout_takes_the_place_of_the_count_of_keepalive_probes",
        "TP_KEEP_IDLE, TP_KEEP_INTVL and TP_SHIFT_CNT.KEEPALIVEMAXR2 are for all connections",
    ),
];

/// An excuse that is no longer needed would hide a script, and one of no script says nothing.
#[test]
fn every_excuse_is_needed() {
    for (name, _) in EXCUSES {
        let script = LISTED.iter().find(|script| script.name == name);
        let play = script.unwrap_or_else(|| panic!("{name} is no script")).play;
        let run = || play(&mut TpBench);
        assert!(std::panic::catch_unwind(run).is_err(), "{name} needs no excuse");
    }
}

/// Entries of the MTU table: of the script's segments, of its peers', and one that a path changes to.
const MSS_OURS: u8 = 8;
const MSS_OF_PATH: u8 = 9;

/// What the code points stand for: T5's own set, the first of it replaced by what T5 does not have.
fn code_points(wanted: CongestionControl) -> [CongestionControl; 4] {
    let [_, rest @ ..] = CONGESTION_T5;
    if rest.contains(&wanted) { CONGESTION_T5 } else { [wanted, rest[0], rest[1], rest[2]] }
}

fn code_point(wanted: CongestionControl) -> CongAlg {
    let code = code_points(wanted).iter().position(|&algorithm| algorithm == wanted);
    CongAlg(code.expect("it is among them") as u8)
}

/// A host with one connection on a card.
struct TpEndpoint {
    rig: Rig,
    setup: Setup,
    tid: Option<Tid>,
    readable: VecDeque<u8>,
    end_seen: bool,
    urgent_end: Option<u64>,
    /// The last ICMP error, and what was acknowledged then.
    soft_error: Option<(IcmpError, SeqNum)>,
    /// The application's FIN was the second one.
    second_to_close: bool,
    closed: bool,
    ended: Option<Ended>,
    /// Segments that wait to be taken.
    waiting: VecDeque<(Segment, Vec<u8>)>,
    /// How long the application waits, and since when for what to be acknowledged.
    user_timeout: Option<Nanos>,
    waits_for: Option<(SeqNum, Nanos)>,
    /// When the card was done with it.
    over_since: Option<Nanos>,
    /// Messages that the host has read.
    read: usize,
}

impl TpEndpoint {
    fn new(setup: &Setup) -> Self {
        let (engine, congestion) = (setup.config.clone(), code_points(setup.congestion));
        let config = TpConfig { engine, congestion, ..config() };
        let mut rig = Rig::with(&config);
        rig.now = Nanos::from_secs(1_000);
        // Segments leave when the script takes them, one by one.
        rig.host.tx_room = Some(0);
        rig.host.mtus = [88, 256, 512, 540, 576, 800, 940, 1000, 0, 0, 0, 0, 0, 0, 0, 0];
        rig.host.mtus[usize::from(MSS_OURS)] = setup.mss + 40;
        Self {
            rig,
            setup: setup.clone(),
            tid: None,
            readable: VecDeque::new(),
            end_seen: false,
            urgent_end: None,
            soft_error: None,
            second_to_close: false,
            closed: false,
            ended: None,
            waiting: VecDeque::new(),
            user_timeout: None,
            waits_for: None,
            over_since: None,
            read: 0,
        }
    }

    /// `asked` is the ECN of the peer's SYN, which a host that listens looks at.
    fn options(&self, asked: Option<bool>) -> (Opt0, Opt2) {
        let setup = &self.setup;
        let Setup { window_scale, timestamps, sack, switches, rcv_buf, .. } = &self.setup;
        let opt0 = opt0()
            .with_mss_idx(MSS_OURS.into())
            .with_rcv_bufsiz(u64::from(rcv_buf >> 10).min(Opt0::RCV_BUFSIZ_MAX))
            .with_wnd_scale(window_scale.unwrap_or(0).into())
            .with_nagle(switches.nagle)
            .with_delack(switches.delayed_ack)
            .with_keep_alive(switches.keepalive);
        let opt2 = opt2()
            .with_wnd_scale_en(window_scale.is_some())
            .with_tstamps_en(*timestamps)
            .with_sack_en(*sack)
            .with_cctrl_ecn(match (setup.ecn, asked) {
                (EcnMode::Off, _) | (EcnMode::OnRequest, None) => false,
                (EcnMode::On, None) => true,
                (EcnMode::On | EcnMode::OnRequest, Some(asked)) => asked,
            })
            .with_cong(code_point(setup.congestion));
        (opt0, opt2)
    }

    /// Whether the connection is in the TIME-WAIT that the host keeps.
    fn keeps_time_wait(&self) -> bool {
        let both = self.closed && !self.second_to_close && self.end_seen && self.ended.is_none();
        match (self.setup.config.time_wait, self.over_since) {
            (TimeWait::Keep(time), Some(since)) => both && self.rig.now < since + time,
            _ => false,
        }
    }

    /// A CPL, and what the host answers to what it causes.
    fn cpl(&mut self, cpl: &[u8]) {
        self.rig.cpl(cpl);
        self.read_messages();
    }

    fn read_messages(&mut self) {
        let over = self.conn().is_none_or(|conn| conn.state() == State::Closed);
        if over && self.closed && self.over_since.is_none() {
            self.over_since = Some(self.rig.now);
        }
        while let Some(posted) = self.rig.host.posted.get(self.read).cloned() {
            self.read += 1;
            self.read_message(&posted);
        }
    }

    fn read_message(&mut self, posted: &Posted) {
        let cpl = &posted.cpl;
        if let Some(m) = cpl::parse::<cpl::PassAcceptReq>(cpl) {
            self.tid = Some(m.tid());
            let (opt0, opt2) = self.options(Some(m.tcpopt().ecn()));
            let reply = cpl::PassAcceptRpl::new(m.tid()).with_opt0(opt0).with_opt2(opt2);
            self.cpl(reply.with_iss(self.setup.iss.0).as_bytes());
        } else if let Some(m) = cpl::parse::<cpl::ActEstablish>(cpl) {
            self.established(m.tid());
        } else if let Some(m) = cpl::parse::<cpl::PassEstablish>(cpl) {
            self.established(m.tid());
        } else if let Some(m) = cpl::parse::<cpl::RxData>(cpl) {
            assert_eq!(Some(m.tid()), self.tid);
            self.readable.extend(&posted.payload);
        } else if let Some(m) = cpl::parse::<cpl::RxUrgNotify>(cpl) {
            let first = self.conn().map_or(0, |conn| (conn.irs() + 1).0);
            self.urgent_end = Some(u64::from(m.seq().wrapping_sub(first)));
        } else if cpl::parse::<cpl::PeerClose>(cpl).is_some() {
            self.end_seen = true;
        } else if let Some(m) = cpl::parse::<cpl::ActOpenRpl>(cpl) {
            self.ended = ended(m.status(), true).or(self.ended);
        } else if let Some(m) = cpl::parse::<cpl::AbortReqRss>(cpl) {
            self.ended = ended(m.status(), false).or(self.ended);
            self.cpl(cpl::AbortRpl::new(m.tid()).as_bytes());
        }
    }

    /// The buffer is not a whole number of KB: the rest of it is granted as soon as there is a connection.
    fn established(&mut self, tid: Tid) {
        self.tid = Some(tid);
        let (opt0, _) = self.options(None);
        let rest = self.setup.rcv_buf - ((opt0.rcv_bufsiz() as u32) << 10);
        self.credit(rest);
    }

    fn credit(&mut self, bytes: u32) {
        if let Some(tid) = self.tid.filter(|_| bytes != 0) {
            let credits = cpl::CreditDack(0).with_credits(bytes);
            self.cpl(cpl::RxDataAck::new(tid).with_credit_dack(credits).as_bytes());
        }
    }

    fn set(&mut self, word: u8, mask: u64, val: u64) {
        if let Some(tid) = self.tid {
            let set =
                cpl::SetTcbField::at(tid, word, mask, val).with_reply_ctrl(cpl::ReplyCtrl::SILENT);
            self.cpl(set.as_bytes());
        }
    }

    fn post(&mut self, bytes: &[u8], flags: TxDataFlags) {
        let tid = self.tid.expect("sent before it was opened");
        let Rig { tp, host, now } = &mut self.rig;
        tp.handle_tx_data(host, *now, tid, &Payload::Inline(bytes), flags);
        self.rig.poll();
    }

    /// Notes since when posted bytes wait, as a host sees it in FW4_ACKs.
    fn watch_progress(&mut self) {
        let outstanding = self.conn().filter(|conn| !conn.is_drained()).map(|conn| conn.snd_una());
        if self.waits_for.map(|(una, _)| una) != outstanding {
            self.waits_for = outstanding.map(|una| (una, self.rig.now));
        }
    }

    /// The host ends the connection, and the peer is not told.
    fn give_up(&mut self, why: Ended) {
        if let Some(tid) = self.tid.filter(|_| self.ended.is_none()) {
            self.ended = Some(why);
            self.cpl(cpl::AbortReq::new(tid).with_cmd(AbortCmd::NO_RST).as_bytes());
        }
    }

    fn conn(&self) -> Option<&mafo_tcp::Connection> {
        match &self.rig.tp.tcbs.get(self.tid.unwrap_or(Tid(0)))?.phase {
            Phase::Live(live) => Some(&live.conn),
            _ => None,
        }
    }

    fn unpack(packet: &[u8]) -> (Segment, Vec<u8>) {
        let (segment, at) = Segment::parse(&packet[20..]).expect("a segment");
        let segment = Segment { ecn: Ecn::of_tos(packet[1]), ..segment };
        (segment, packet[20 + at..].to_vec())
    }
}

/// Why a connection is over, by what the host is told; `None` if it is not.
fn ended(status: Status, opening: bool) -> Option<Ended> {
    Some(match status {
        advice if advice.is_negative_advice() => return None,
        Status::CONN_RESET if opening => Ended::Refused,
        Status::CONN_RESET => Ended::Reset,
        Status::CONN_TIMEDOUT => Ended::TimedOut(GaveUp::Open),
        Status::XMIT_TIMEDOUT => Ended::TimedOut(GaveUp::Retransmit),
        Status::PERSIST_TIMEDOUT => Ended::TimedOut(GaveUp::Persist),
        Status::KEEPALIVE_TIMEDOUT => Ended::TimedOut(GaveUp::Keepalive),
        Status::FINWAIT2_TIMEDOUT => Ended::TimedOut(GaveUp::FinWait2),
        other => panic!("status {other:?}"),
    })
}

impl Endpoint for TpEndpoint {
    fn now(&self) -> Nanos {
        self.rig.now
    }

    fn advance(&mut self, to: Nanos) {
        loop {
            if let Some(output) = self.take() {
                self.waiting.push_front(output);
                return;
            }
            self.watch_progress();
            let by_user = self.waits_for.zip(self.user_timeout).map(|((_, at), wait)| at + wait);
            match self.rig.tp.poll_timeout() {
                next if by_user
                    .is_some_and(|by| by <= to && next.is_none_or(|next| by <= next)) =>
                {
                    self.rig.now = self.rig.now.max(by_user.unwrap_or(to));
                    self.waits_for = None;
                    self.give_up(Ended::TimedOut(GaveUp::User));
                }
                Some(due) if due <= to => {
                    self.rig.now = self.rig.now.max(due);
                    // A last word does not wait to be taken.
                    self.rig.host.tx_room = None;
                    self.rig.poll();
                    self.rig.host.tx_room = Some(0);
                    self.read_messages();
                }
                _ => {
                    self.rig.now = self.rig.now.max(to);
                    return;
                }
            }
        }
    }

    fn inject(&mut self, segment: &Segment, payload: &[u8]) {
        let peer = Peer { segment: *segment, payload: payload.to_vec() };
        if self.rig.seg(peer) == Disposition::Unmatched {
            // What is nobody's is the host's to answer.
            self.waiting.extend(reset_for(segment).map(|reset| (reset, Vec::new())));
        }
        self.read_messages();
    }

    fn take(&mut self) -> Option<(Segment, Vec<u8>)> {
        if let Some(output) = self.waiting.pop_front() {
            return Some(output);
        }
        if self.rig.host.sent.is_empty() {
            self.rig.host.tx_room = Some(1);
            self.rig.poll();
            self.rig.host.tx_room = Some(0);
            self.read_messages();
        }
        if self.rig.host.sent.is_empty() {
            return None;
        }
        Some(Self::unpack(&self.rig.host.sent.remove(0)))
    }

    fn connect(&mut self) {
        let (opt0, opt2) = self.options(None);
        self.rig.host.expect_open(9, (LISTENER, OPENER));
        let open = act_open_req(9, opt0, opt2)
            .with_local_port(LISTENER)
            .with_peer_port(OPENER)
            .with_iss(self.setup.iss.0);
        self.cpl(open.as_bytes());
    }

    fn listen(&mut self) {
        self.rig.listen(200);
        self.read_messages();
    }

    fn send(&mut self, bytes: &[u8]) {
        self.post(bytes, TxDataFlags(0).with_shove(true));
    }

    fn send_urgent(&mut self, bytes: &[u8]) {
        self.post(bytes, TxDataFlags(0).with_shove(true).with_urgent(true));
    }

    fn urgent_end(&self) -> Option<u64> {
        self.urgent_end
    }

    fn recv(&mut self, max: usize) -> Vec<u8> {
        let len = max.min(self.readable.len());
        let bytes = self.readable.drain(..len).collect();
        self.credit(len as u32);
        bytes
    }

    fn is_at_end(&self) -> bool {
        self.end_seen && self.readable.is_empty()
    }

    fn close(&mut self) {
        if let Some(tid) = self.tid.filter(|_| !core::mem::replace(&mut self.closed, true)) {
            self.second_to_close = self.end_seen;
            self.cpl(cpl::CloseConReq::new(tid).as_bytes());
        }
    }

    fn abort(&mut self) {
        if let Some(tid) = self.tid.filter(|_| self.ended.is_none()) {
            self.rig.host.tx_room = None;
            self.ended = Some(Ended::Aborted);
            self.cpl(cpl::AbortReq::new(tid).with_cmd(AbortCmd::SEND_RST).as_bytes());
            self.rig.host.tx_room = Some(0);
        }
    }

    fn set_switches(&mut self, switches: Switches) {
        let flags = TFlags(0)
            .with_nagle(switches.nagle)
            .with_dack(switches.delayed_ack)
            .with_keepalive(switches.keepalive)
            .with_tx_quiesce(switches.tx_quiesce);
        let mask =
            TFlags(0).with_nagle(true).with_dack(true).with_keepalive(true).with_tx_quiesce(true);
        self.set(field::T_FLAGS.word, mask.0, flags.0);
    }

    fn set_mss(&mut self, mss: u16) {
        self.rig.host.mtus[usize::from(MSS_OF_PATH)] = mss + 40;
        self.set(
            field::T_MAXSEG.word,
            field::T_MAXSEG.mask(),
            field::T_MAXSEG.place(MSS_OF_PATH.into()),
        );
    }

    fn set_patience(&mut self, patience: Patience) {
        // No field of a TCB says how long a user waits: the host's clock does.
        self.user_timeout = patience.user_timeout;
        self.waits_for = None;
    }

    fn icmp(&mut self, seq: SeqNum, error: IcmpError) {
        // The host's: as the stack above a card keeps it.
        let Some(conn) = self.conn() else { return };
        if !conn.is_outstanding(seq) {
            return;
        }
        if conn.state() == State::SynRcvd {
            self.give_up(Ended::Unreachable(error));
        } else if conn.state().is_synchronized() {
            self.soft_error = Some((error, conn.snd_una()));
        }
    }

    fn too_big(&mut self, seq: SeqNum, mss: u16) {
        let outstanding = self.conn().is_some_and(|conn| conn.is_outstanding(seq));
        if outstanding && mss < self.setup.mss {
            self.set_mss(mss);
        }
    }

    fn soft_error(&self) -> Option<IcmpError> {
        let una = self.conn().map(mafo_tcp::Connection::snd_una);
        self.soft_error.filter(|(_, at)| una.is_none_or(|una| una == *at)).map(|(error, _)| error)
    }

    fn stall(&mut self, stalled: bool) -> bool {
        self.rig.host.stalled = if stalled { [IQ].into() } else { Default::default() };
        self.rig.poll();
        self.read_messages();
        true
    }

    fn state(&self) -> State {
        match self.conn() {
            Some(conn) if conn.state() != State::Closed => conn.state(),
            _ if self.keeps_time_wait() => State::TimeWait,
            _ => State::Closed,
        }
    }

    fn ended(&self) -> Option<Ended> {
        if self.keeps_time_wait() {
            return None;
        }
        self.ended.or_else(|| self.conn()?.ended()).or_else(|| {
            match &self.rig.tp.tcbs.get(self.tid?)?.phase {
                // The card knows of a reset even while the host's queue is stalled.
                Phase::PeerAborted => Some(Ended::Reset),
                Phase::Over if self.second_to_close => Some(Ended::Finished),
                Phase::Over => Some(Ended::TimeWait),
                _ => None,
            }
        })
    }

    fn counters(&self) -> Counters {
        *self.rig.tp.tcp_counters()
    }
}

mafo_tcp::script_tests!(TpBench);
