//! Between the TCB image, which the host reads and writes, and what the engine knows.
//!
//! The image of a live connection has two owners. The host's fields (queue, next hop, DSCP, switches …) live
//! in the image that TP keeps; the engine's fields are put over it when somebody looks ([`show`]), and
//! taken out of it when a connection goes live or the host writes them ([`read`]).
//!
//! TX_MAX counts our FIN once it is posted (CORE_FIN), as snd_una has to be able to pass it. RCV_WND counts
//! from the first byte not delivered, as the host's credits do; the engine's window from `rcv_nxt`.

use mafo_mem::Nanos;
use mafo_t4::tcb::{Field, State as TState, TFlags, Tcb as Image, field};
use mafo_tcp::{
    AckCheckpoint, Checkpoint, EcnState, HeldRange, Opened, PeerFin, Private, Recovery,
    RttCheckpoint, SeqNum, State, Switches, TimersCheckpoint, TimestampsCheckpoint, TsClock,
    WindowScale,
};

/// TP's clocks, as fields of a TCB count them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    /// Length of a timer tick.
    pub(crate) timer: Nanos,
    /// The clock of timestamps.
    pub(crate) timestamp: TsClock,
}

impl Ticks {
    /// In timer ticks; what is there at all is at least one.
    fn timer_ticks(self, time: Nanos, max: u64) -> u64 {
        time.0.div_ceil(self.timer.0).clamp(1, max)
    }

    /// One tick stands for all that is shorter, down to nothing.
    fn timer_time(self, ticks: u64) -> Nanos {
        if ticks <= 1 { Nanos::ZERO } else { Nanos(ticks.saturating_mul(self.timer.0)) }
    }

    /// When something of this age happened; 0 is kept for "now".
    fn stamp(self, now: Nanos, age: Nanos) -> u32 {
        let ago =
            u32::try_from(age.0 / self.timestamp.tick.0).unwrap_or(u32::MAX).min(STAMP_AGE_MAX);
        self.timestamp.ticks(now).wrapping_sub(ago).max(1)
    }

    fn age(self, now: Nanos, stamp: u32) -> Nanos {
        if stamp == 0 {
            return Nanos::ZERO;
        }
        let ago = self.timestamp.ticks(now).wrapping_sub(stamp);
        // A stamp of the future is one of a clock that is not ours.
        let ago = if ago > STAMP_AGE_MAX { 0 } else { ago };
        Nanos(u64::from(ago).saturating_mul(self.timestamp.tick.0))
    }
}

/// Older stamps cannot be told from ones in the future.
const STAMP_AGE_MAX: u32 = i32::MAX as u32;

/// Bits of TIMESTAMP that hold the retransmission timer; the host clears them to let it expire.
pub(crate) const RETRANSMIT_TIMER: Field =
    Field { name: "TIMESTAMP", word: 5, shift: 11, width: 19 };

/// Flags that are the engine's knowledge and not the host's choice.
pub(crate) const ENGINE_FLAGS: u64 = TFlags::NON_OFFLOAD_MASK
    | TFlags::CORE_FIN_MASK
    | TFlags::ACTIVE_OPEN_MASK
    | TFlags::TIMER_MASK
    | TFlags::DACK_TIMER_MASK
    | TFlags::PEER_FIN_MASK
    | TFlags::FAST_RECOVERY_MASK
    | TFlags::RECV_SCALE_MASK
    | TFlags::RECV_TSTMP_MASK
    | TFlags::RECV_SACK_MASK
    | TFlags::CCTRL_ECN_MASK
    | TFlags::CCTRL_ECE_MASK
    | TFlags::CCTRL_CWR_MASK;

/// The switches that T_FLAGS holds.
pub(crate) fn switches(flags: TFlags) -> Switches {
    Switches {
        nagle: flags.nagle(),
        // The host's to do: what it holds back it does not post.
        cork: false,
        delayed_ack: flags.dack(),
        keepalive: flags.keepalive(),
        tx_quiesce: flags.tx_quiesce(),
    }
}

fn clamp(field: Field, value: u64) -> u64 {
    value.min(field.max())
}

/// Puts what the engine knows over an image.
pub(crate) fn show(image: &mut Image, checkpoint: &Checkpoint, now: Nanos, ticks: Ticks) {
    // Every field is named, so that a new one does not compile until somebody decides whether it travels.
    let Checkpoint {
        local_port: _,
        remote_port: _,
        state,
        opened,
        iss: _,
        snd_una,
        snd_nxt,
        snd_max,
        tx_max,
        fin_posted,
        snd_wnd,
        snd_wnd_max: _,
        snd_wl1: _,
        snd_wl2: _,
        irs: _,
        rcv_nxt,
        undelivered,
        rcv_wnd,
        rcv_wnd_max: _,
        rcv_adv: _,
        last_ack_sent,
        peer_fin,
        held,
        ack: _,
        mss: _,
        mss_announced: _,
        window_scale,
        timestamps,
        sack,
        ecn,
        switches,
        cwnd,
        ssthresh,
        cwnd_credit: _,
        cwnd_limited: _,
        recovery,
        recover,
        dup_acks,
        in_flight: _,
        last_sent_age: _,
        rtt,
        backoff,
        retransmits: _,
        timers,
        private: _,
    } = checkpoint;

    image.set_flags(
        image
            .flags()
            .with_non_offload(false)
            .with_core_fin(*fin_posted)
            .with_active_open(*opened == Opened::Actively)
            .with_timer(timers.retransmit.is_some())
            .with_dack_timer(timers.delayed_ack.is_some())
            .with_peer_fin(matches!(peer_fin, PeerFin::Undelivered | PeerFin::Delivered))
            .with_fast_recovery(*recovery == Recovery::Fast)
            .with_recv_scale(window_scale.is_some())
            .with_recv_tstmp(timestamps.is_some())
            .with_recv_sack(*sack)
            .with_cctrl_ecn(ecn.sends)
            .with_cctrl_ece(ecn.echo_owed)
            .with_cctrl_cwr(ecn.cwr_owed)
            .with_nagle(switches.nagle)
            .with_dack(switches.delayed_ack)
            .with_keepalive(switches.keepalive)
            .with_tx_quiesce(switches.tx_quiesce),
    );
    image.set_state(t_state(*state));

    let mut put = |field: Field, value: u64| image.set(field, clamp(field, value));
    let scale = window_scale.unwrap_or(WindowScale { snd: 0, rcv: 0 });
    put(field::SND_SCALE, u64::from(scale.rcv));
    put(field::RCV_SCALE, u64::from(scale.snd));
    put(field::RCV_ADV, u64::from(*snd_wnd >> scale.snd.min(31)));
    put(field::T_RXTSHIFT, u64::from(*backoff));
    put(field::T_DUPACKS, u64::from(*dup_acks));
    if let Some(TimestampsCheckpoint { offset, recent, recent_age }) = timestamps {
        put(field::TIMESTAMP_OFFSET, u64::from(offset >> 28));
        put(field::T_RTSEQ_RECENT, u64::from(recent.unwrap_or(0)));
        put(field::T_RTT_TS_RECENT_AGE, u64::from(ticks.stamp(now, *recent_age)));
    }
    let retransmit =
        timers.retransmit.map_or(0, |left| ticks.timer_ticks(left, RETRANSMIT_TIMER.max()));
    put(field::TIMESTAMP, retransmit << RETRANSMIT_TIMER.shift);
    let (srtt, rttvar) = rtt.map_or((0, 0), |RttCheckpoint { srtt, rttvar }| {
        (
            ticks.timer_ticks(srtt, field::T_SRTT.max()),
            ticks.timer_ticks(rttvar, field::T_RTTVAR.max()),
        )
    });
    put(field::T_SRTT, srtt);
    put(field::T_RTTVAR, rttvar);

    let end = *tx_max + u32::from(*fin_posted);
    let back = |seq: SeqNum| u64::from(end.since(seq));
    put(field::TX_MAX, u64::from(end.0));
    put(field::SND_UNA_RAW, back(*snd_una));
    put(field::SND_NXT_RAW, back(*snd_nxt));
    put(field::SND_MAX_RAW, back(*snd_max));
    // A recovery point that has been acknowledged long ago says no more than snd_una does.
    put(field::SND_REC_RAW, back(snd_una.later(*recover)));
    put(field::SND_CWND, u64::from(*cwnd));
    put(field::SND_SSTHRESH, u64::from(*ssthresh));

    put(field::RCV_NXT, u64::from(rcv_nxt.0));
    put(field::RCV_WND, u64::from(*rcv_wnd) + u64::from(*undelivered));
    put(field::RX_HDR_OFFSET, u64::from(*undelivered));
    put(field::TS_LAST_ACK_SENT_RAW, u64::from(rcv_nxt.since(*last_ack_sent)));
    show_held(image, *rcv_nxt, held);
}

/// Start and length of the four fragments; the second starts beyond the first, the others beyond RCV_NXT.
pub(super) const FRAGMENTS: [(Field, Field); 4] = [
    (field::RX_FRAG0_START_IDX_RAW, field::RX_FRAG0_LEN),
    (field::RX_FRAG1_START_IDX_OFFSET, field::RX_FRAG1_LEN),
    (field::RX_FRAG2_START, field::RX_FRAG2_LEN),
    (field::RX_FRAG3_START, field::RX_FRAG3_LEN),
];

fn show_held(image: &mut Image, rcv_nxt: SeqNum, held: &[HeldRange]) {
    let first = held.first().map_or(rcv_nxt, |range| range.start);
    for (at, (start, len)) in FRAGMENTS.into_iter().enumerate() {
        let base = if at == 1 { first } else { rcv_nxt };
        let (offset, bytes) = held
            .get(at)
            .map_or((0, 0), |range| (range.start.since(base), range.end.since(range.start)));
        image.set(start, clamp(start, u64::from(offset)));
        image.set(len, clamp(len, u64::from(bytes)));
    }
}

fn read_held(image: &Image, rcv_nxt: SeqNum) -> Vec<HeldRange> {
    let first = rcv_nxt + image.get(field::RX_FRAG0_START_IDX_RAW) as u32;
    let mut held = Vec::new();
    for (at, (start, len)) in (0_u32..).zip(FRAGMENTS) {
        let bytes = image.get(len) as u32;
        if bytes != 0 {
            let start = if at == 1 { first } else { rcv_nxt } + image.get(start) as u32;
            held.push(HeldRange { start, end: start + bytes, arrival: at });
        }
    }
    held
}

fn t_state(state: State) -> TState {
    match state {
        State::Closed => TState::Closed,
        State::SynSent => TState::SynSent,
        State::SynRcvd => TState::SynRcvd,
        State::Established => TState::Established,
        State::FinWait1 => TState::FinWait1,
        State::FinWait2 => TState::FinWait2,
        State::CloseWait => TState::CloseWait,
        State::Closing => TState::Closing,
        State::LastAck => TState::LastAck,
        State::TimeWait => TState::TimeWait,
    }
}

/// The state and whether our FIN is posted.
///
/// T_STATE, CORE_FIN and PEER_FIN say some things twice. A state after our FIN without CORE_FIN is one whose
/// CLOSE_CON_REQ has not come yet, so the FIN is not posted and the state is the one before it; FIN_WAIT2
/// needs no CORE_FIN, since there the FIN is acknowledged history. The peer has closed if either says so.
fn read_state(image: &Image) -> Option<(State, bool)> {
    let flags = image.flags();
    let state = image.state();
    let peer_closed =
        flags.peer_fin() || matches!(state, TState::CloseWait | TState::Closing | TState::LastAck);
    match state {
        TState::FinWait2 if !peer_closed => Some((State::FinWait2, true)),
        TState::Established
        | TState::EstabRx
        | TState::EstabTx
        | TState::CloseWait
        | TState::FinWait1
        | TState::Closing
        | TState::LastAck => Some(match (flags.core_fin(), peer_closed) {
            (false, false) => (State::Established, false),
            (false, true) => (State::CloseWait, false),
            (true, false) => (State::FinWait1, true),
            (true, true) if state == TState::Closing => (State::Closing, true),
            (true, true) => (State::LastAck, true),
        }),
        _ => None,
    }
}

/// What the flags say of ECN. One bit is of both directions: a connection that uses it in one only (RFC 3168
/// 6.1.1.1, after a SYN that was lost) moves as one without.
fn read_ecn(flags: TFlags) -> EcnState {
    EcnState {
        sends: flags.cctrl_ecn(),
        echoes: flags.cctrl_ecn(),
        echo_owed: flags.cctrl_ecn() && flags.cctrl_ece(),
        cwr_owed: flags.cctrl_ecn() && flags.cctrl_cwr(),
        reducing_until: None,
    }
}

/// The image is of no state in which a connection can be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfit;

/// What an image tells of a connection, apart from its ports and `mss`, which its index stands for. What no
/// field tells starts as the engine's rules for it say.
pub(crate) fn read(image: &Image, mss: u16, now: Nanos, ticks: Ticks) -> Result<Checkpoint, Unfit> {
    let get = |field: Field| image.get(field) as u32;
    let flags = image.flags();
    let (state, fin_posted) = read_state(image).ok_or(Unfit)?;

    let window_scale = flags.recv_scale().then(|| WindowScale {
        snd: get(field::RCV_SCALE) as u8,
        rcv: get(field::SND_SCALE) as u8,
    });
    let snd_wnd = get(field::RCV_ADV) << window_scale.map_or(0, |scale| scale.snd);
    let timestamps = flags.recv_tstmp().then(|| TimestampsCheckpoint {
        offset: get(field::TIMESTAMP_OFFSET) << 28,
        recent: Some(get(field::T_RTSEQ_RECENT)),
        recent_age: ticks.age(now, get(field::T_RTT_TS_RECENT_AGE)),
    });

    let end = SeqNum(get(field::TX_MAX));
    let snd_una = end - get(field::SND_UNA_RAW);
    let rcv_nxt = SeqNum(get(field::RCV_NXT));
    let undelivered = get(field::RX_HDR_OFFSET);
    let rcv_wnd = get(field::RCV_WND).checked_sub(undelivered).ok_or(Unfit)?;
    let peer_closed = matches!(state, State::CloseWait | State::Closing | State::LastAck);

    Ok(Checkpoint {
        local_port: 0,
        remote_port: 0,
        state,
        opened: if flags.active_open() { Opened::Actively } else { Opened::Passively },
        iss: snd_una - 1,
        snd_una,
        snd_nxt: end - get(field::SND_NXT_RAW),
        snd_max: end - get(field::SND_MAX_RAW),
        tx_max: end - u32::from(fin_posted),
        fin_posted,
        snd_wnd,
        snd_wnd_max: snd_wnd,
        snd_wl1: rcv_nxt,
        snd_wl2: snd_una,
        irs: rcv_nxt - 1,
        rcv_nxt,
        undelivered,
        rcv_wnd,
        rcv_wnd_max: rcv_wnd,
        rcv_adv: rcv_nxt + rcv_wnd,
        last_ack_sent: rcv_nxt - get(field::TS_LAST_ACK_SENT_RAW),
        peer_fin: if peer_closed { PeerFin::Delivered } else { PeerFin::Absent },
        held: read_held(image, rcv_nxt),
        ack: AckCheckpoint::default(),
        mss,
        mss_announced: mss,
        window_scale,
        timestamps,
        sack: flags.recv_sack(),
        ecn: read_ecn(flags),
        switches: switches(flags),
        // A window of none would stay one.
        cwnd: get(field::SND_CWND).max(1),
        ssthresh: get(field::SND_SSTHRESH),
        cwnd_credit: 0,
        cwnd_limited: false,
        recovery: if flags.fast_recovery() { Recovery::Fast } else { Recovery::Open },
        recover: end - get(field::SND_REC_RAW),
        dup_acks: get(field::T_DUPACKS),
        in_flight: Vec::new(),
        last_sent_age: Nanos::ZERO,
        rtt: (get(field::T_SRTT) != 0).then(|| RttCheckpoint {
            srtt: ticks.timer_time(image.get(field::T_SRTT)),
            rttvar: ticks.timer_time(image.get(field::T_RTTVAR)),
        }),
        backoff: get(field::T_RXTSHIFT) as u8,
        retransmits: get(field::T_RXTSHIFT) as u8,
        timers: TimersCheckpoint::default(),
        private: Private::default(),
    })
}

/// Whether an engine can go on from here, given what TP itself holds: `posted` bytes of payload to be sent
/// or acknowledged, `undelivered` in-order bytes, and `held` ranges beyond a gap.
pub(crate) fn check(
    checkpoint: &Checkpoint,
    posted: u64,
    undelivered: u32,
    held: &[HeldRange],
) -> Result<(), Unfit> {
    checkpoint.check().map_err(|_| Unfit)?;
    let end = checkpoint.tx_max + u32::from(checkpoint.fin_posted);
    let unacked = end.since(checkpoint.snd_una);
    let payload = unacked.saturating_sub(u32::from(checkpoint.fin_posted));
    let fit = unacked <= field::SND_UNA_RAW.max() as u32
        && u64::from(payload) == posted
        && checkpoint.undelivered == undelivered
        && checkpoint.held.len() == held.len()
        && checkpoint.held.iter().zip(held).all(|(a, b)| (a.start, a.end) == (b.start, b.end))
        && checkpoint.rcv_nxt.since(checkpoint.last_ack_sent)
            <= field::TS_LAST_ACK_SENT_RAW.max() as u32;
    if fit { Ok(()) } else { Err(Unfit) }
}

/// A group of fields that only make sense together, the flags that belong to them, and how their meaning is
/// carried over from one checkpoint to another.
type Group = (&'static [Field], u64, fn(&mut Checkpoint, &Checkpoint));

const GROUPS: [Group; 10] = [
    (
        &[
            field::T_STATE,
            field::TX_MAX,
            field::SND_UNA_RAW,
            field::SND_NXT_RAW,
            field::SND_MAX_RAW,
            field::SND_REC_RAW,
        ],
        TFlags::CORE_FIN_MASK | TFlags::PEER_FIN_MASK | TFlags::ACTIVE_OPEN_MASK,
        |to, from| {
            (to.state, to.fin_posted, to.opened) = (from.state, from.fin_posted, from.opened);
            if to.peer_fin != PeerFin::Undelivered || from.peer_fin == PeerFin::Absent {
                to.peer_fin = from.peer_fin;
            }
            (to.tx_max, to.snd_una, to.snd_nxt, to.snd_max, to.recover) =
                (from.tx_max, from.snd_una, from.snd_nxt, from.snd_max, from.recover);
            (to.snd_wl2, to.in_flight) = (from.snd_wl2, Vec::new());
        },
    ),
    (
        &[field::RCV_NXT, field::RCV_WND, field::RX_HDR_OFFSET, field::TS_LAST_ACK_SENT_RAW],
        0,
        |to, from| {
            // The peer may use what it was told, whatever window the host writes.
            if to.rcv_nxt != from.rcv_nxt {
                to.rcv_adv = from.rcv_adv;
            }
            (to.rcv_nxt, to.undelivered, to.rcv_wnd, to.last_ack_sent) =
                (from.rcv_nxt, from.undelivered, from.rcv_wnd, from.last_ack_sent);
            to.rcv_wnd_max = to.rcv_wnd_max.max(to.rcv_wnd);
            to.snd_wl1 = from.snd_wl1;
        },
    ),
    (
        &[
            // Where the distances begin.
            field::RCV_NXT,
            field::RX_FRAG0_START_IDX_RAW,
            field::RX_FRAG0_LEN,
            field::RX_FRAG1_START_IDX_OFFSET,
            field::RX_FRAG1_LEN,
            field::RX_FRAG2_START,
            field::RX_FRAG2_LEN,
            field::RX_FRAG3_START,
            field::RX_FRAG3_LEN,
        ],
        0,
        |to, from| to.held.clone_from(&from.held),
    ),
    (&[field::SND_SCALE, field::RCV_SCALE, field::RCV_ADV], TFlags::RECV_SCALE_MASK, |to, from| {
        (to.window_scale, to.snd_wnd) = (from.window_scale, from.snd_wnd);
        to.snd_wnd_max = to.snd_wnd_max.max(to.snd_wnd);
    }),
    (
        &[field::TIMESTAMP_OFFSET, field::T_RTSEQ_RECENT, field::T_RTT_TS_RECENT_AGE],
        TFlags::RECV_TSTMP_MASK,
        |to, from| to.timestamps = from.timestamps,
    ),
    (
        &[field::SND_CWND, field::SND_SSTHRESH, field::T_DUPACKS],
        TFlags::FAST_RECOVERY_MASK,
        |to, from| {
            (to.cwnd, to.ssthresh, to.dup_acks, to.recovery) =
                (from.cwnd, from.ssthresh, from.dup_acks, from.recovery);
            to.cwnd_credit = 0;
        },
    ),
    (&[field::T_SRTT, field::T_RTTVAR, field::T_RXTSHIFT], 0, |to, from| {
        (to.rtt, to.backoff, to.retransmits) = (from.rtt, from.backoff, from.retransmits)
    }),
    (&[], TFlags::RECV_SACK_MASK, |to, from| to.sack = from.sack),
    (&[], TFlags::CCTRL_ECN_MASK | TFlags::CCTRL_ECE_MASK | TFlags::CCTRL_CWR_MASK, |to, from| {
        to.ecn = from.ecn
    }),
    (&[field::T_MAXSEG], 0, |to, from| {
        // What the peer announced stays a limit.
        to.mss = from.mss.min(to.private.mss_peer.unwrap_or(from.mss));
    }),
];

/// Whether a write of `mask` at `word` reaches a field that is the engine's.
pub(crate) fn concerns_engine(word: u8, mask: u64) -> bool {
    let mut written = Image::default();
    written.set_field(word, mask, u64::MAX);
    written.flags().0 & (ENGINE_FLAGS | TFlags::CCTRL_SEL_MASK) != 0
        || GROUPS.iter().any(|(fields, ..)| fields.iter().any(|field| written.get(*field) != 0))
}

/// Carries over to the checkpoint of a live connection what the host has changed in its image.
pub(crate) fn edit(
    checkpoint: &mut Checkpoint,
    old: &Image,
    new: &Image,
    mss: u16,
    now: Nanos,
    ticks: Ticks,
) -> Result<(), Unfit> {
    let fresh = read(new, mss, now, ticks)?;
    let flags = old.flags().0 ^ new.flags().0;
    for (fields, group_flags, carry) in GROUPS {
        if flags & group_flags != 0 || fields.iter().any(|field| old.get(*field) != new.get(*field))
        {
            carry(checkpoint, &fresh);
        }
    }
    checkpoint.switches = switches(new.flags());
    Ok(())
}
