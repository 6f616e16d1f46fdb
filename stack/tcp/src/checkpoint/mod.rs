//! A connection as plain data, so that another engine can go on with it.

mod bytes;
mod check;

pub use check::Unfit;

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use crate::cc::{CongestionControl, CongestionState, Prior};
use crate::connection::MSS_MIN;
use crate::prr::Prr;
use crate::timers::RetransmitTimer;
use crate::{
    CeEcho, EcnState, Ended, IcmpError, MtuProbe, Opened, Patience, PeerFin, SackBlock, SeqNum,
    State, Switches,
};

/// Everything that a connection knows. Times are durations before or after the moment of the checkpoint,
/// so that another clock can take them.
///
/// What a checkpoint's source does not have (a T5 TCB keeps no scoreboard and no told right edge) restarts
/// by rule: each field that may be unknown says what to put.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Our port.
    pub local_port: u16,
    /// The peer's port.
    pub remote_port: u16,
    /// State.
    pub state: State,
    /// Who opened.
    pub opened: Opened,

    /// Initial sequence number of ours. Needed in SYN-SENT and SYN-RCVD only.
    pub iss: SeqNum,
    /// Oldest sequence number not acknowledged.
    pub snd_una: SeqNum,
    /// Next sequence number to send. Before `snd_max`, all from here on that is not SACKed is sent again.
    pub snd_nxt: SeqNum,
    /// One past the highest sequence number sent, a FIN included. An ACK beyond it is not believed.
    pub snd_max: SeqNum,
    /// One past the last payload byte posted. A FIN, if posted, has this number.
    pub tx_max: SeqNum,
    /// Whether the owner closed, so that a FIN follows the payload.
    pub fin_posted: bool,
    /// The peer's window in bytes, beyond `snd_una`.
    pub snd_wnd: u32,
    /// The greatest window that the peer ever told; at least `snd_wnd`.
    pub snd_wnd_max: u32,
    /// Sequence number of the segment that `snd_wnd` came with. Unknown: `rcv_nxt`.
    pub snd_wl1: SeqNum,
    /// Acknowledgment number of that segment. Unknown: `snd_una`.
    pub snd_wl2: SeqNum,

    /// The peer's initial sequence number. Needed in SYN-RCVD only.
    pub irs: SeqNum,
    /// Next sequence number expected, a FIN included.
    pub rcv_nxt: SeqNum,
    /// In-order payload bytes before `rcv_nxt` (and before its FIN) not yet confirmed as delivered.
    pub undelivered: u32,
    /// Receive window beyond `rcv_nxt`, in bytes.
    pub rcv_wnd: u32,
    /// The greatest `rcv_wnd` so far, by which small window updates are judged. Unknown: `rcv_wnd`.
    pub rcv_wnd_max: u32,
    /// Rightmost edge told to the peer. Unknown: `rcv_nxt + rcv_wnd`.
    pub rcv_adv: SeqNum,
    /// Acknowledgment number last sent. Before `rcv_nxt − undelivered`, an ACK is owed.
    pub last_ack_sent: SeqNum,
    /// The peer's FIN.
    pub peer_fin: PeerFin,
    /// Ranges held beyond `rcv_nxt`, by rising sequence number. May be left empty only when their
    /// bytes are given up as well.
    pub held: Vec<HeldRange>,
    /// ACKs that are due. Unknown: the default.
    pub ack: AckCheckpoint,

    /// Largest segment to send, without headers and without options.
    pub mss: u16,
    /// Largest segment that we announced. Unknown: `mss`.
    pub mss_announced: u16,
    /// Window scaling, if both sides offered it.
    pub window_scale: Option<WindowScale>,
    /// Timestamps, if both sides offered them.
    pub timestamps: Option<TimestampsCheckpoint>,
    /// Whether both sides offered SACK.
    pub sack: bool,
    /// Explicit congestion notification. Unknown: the default, which is without.
    pub ecn: EcnState,
    /// Switches.
    pub switches: Switches,

    /// Congestion window in bytes.
    pub cwnd: u32,
    /// Slow-start threshold in bytes.
    pub ssthresh: u32,
    /// Bytes acknowledged towards the next increase in congestion avoidance. Unknown: 0.
    pub cwnd_credit: u32,
    /// Whether nothing but `cwnd` stopped the sender when it last stopped, so that ACKs may raise it.
    /// Unknown: false.
    pub cwnd_limited: bool,
    /// Loss recovery.
    pub recovery: Recovery,
    /// One past the highest sequence number sent when recovery last began (RFC 6582 `recover`).
    pub recover: SeqNum,
    /// Duplicate ACKs in a row. Unknown: 0.
    pub dup_acks: u32,
    /// Segments in flight, by rising sequence number. Unknown: empty; `snd_una..snd_max` then counts as
    /// one segment sent now.
    pub in_flight: Vec<SentCheckpoint>,
    /// Time since payload, or a SYN, was last sent. Unknown: zero.
    pub last_sent_age: Nanos,

    /// Smoothed round-trip time and its variation, once there is a sample.
    pub rtt: Option<RttCheckpoint>,
    /// Doublings of the retransmission timeout. Unknown: 0.
    pub backoff: u8,
    /// Retransmissions, or unanswered window probes, in a row. Unknown: 0.
    pub retransmits: u8,
    /// Timers.
    pub timers: TimersCheckpoint,
    /// What only this engine knows. Unknown: the default.
    pub private: Private,
}

/// The part of a checkpoint that no TCB has a field for, and that restarts by [`Default`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Private {
    /// Why the connection is over, in [`State::Closed`].
    pub ended: Option<Ended>,
    /// The last ICMP error since the peer was last heard.
    pub soft_error: Option<IcmpError>,
    /// How long the connection waits, where its owner has said so.
    pub patience: Option<PatienceCheckpoint>,
    /// What is to be said at the next output.
    pub pending: Pending,
    /// Largest segment that the peer announced, or that is all that is known, [`Checkpoint::mss`].
    pub mss_peer: Option<u16>,
    /// Congestion control algorithm.
    pub congestion: CongestionControl,
    /// What it remembers; `None` begins anew.
    pub congestion_state: Option<CongestionState>,
    /// DCTCP's receiving side. `None` begins anew, if it is DCTCP.
    pub ce_echo: Option<Box<CeEcho>>,
    /// How far the congestion window was used.
    pub window_use: WindowUse,
    /// Bytes that, without SACK, duplicate ACKs say have left the network.
    pub dup_bytes: u32,
    /// Time since anything was last sent again.
    pub sent_again_age: Option<Nanos>,
    /// Retransmission timeout while there is no RTT sample, or zero for the configured one.
    pub rto_unsampled: Nanos,
    /// Challenge ACKs sent within the current second, and how old that second is.
    pub challenge_acks: (u8, Nanos),
    /// Whether an ACK is sent when the delayed-ACK timer runs out, even if it says nothing new.
    pub ack_owed: bool,
    /// One past our urgent bytes, if any are not acknowledged.
    pub snd_urgent: Option<SeqNum>,
    /// One past the peer's urgent bytes, if they are not all here.
    pub rcv_urgent: Option<SeqNum>,
    /// The search for the longest segment that arrives.
    pub mtu_search: Option<MtuSearchCheckpoint>,
    /// The rightmost edge that the peer ever gave. Unknown: the present one.
    pub edge_max: Option<SeqNum>,
    /// The ends of what was written. Unknown: none, which costs a PSH.
    pub writes: Option<WritesCheckpoint>,
    /// Ends of records that are not acknowledged, in order. Unknown: none, which joins records.
    pub record_ends: Vec<SeqNum>,
    /// Where PSH is due within what an owner writes, and is not acknowledged. Unknown: nowhere.
    pub push_ends: Vec<SeqNum>,
    /// Who speaks when. Unknown: it is learned again.
    pub rhythm: Option<RhythmCheckpoint>,
    /// What came twice, for the next ACK to report (RFC 2883).
    pub duplicate: Option<SackBlock>,
    /// Loss detection and recovery.
    pub loss: LossCheckpoint,
    /// Which echoed timestamps give an RTT sample.
    pub echo_floor: EchoFloor,
}

/// Which echoed timestamps give an RTT sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum EchoFloor {
    /// Those that the restoring engine makes: another clock made the others.
    #[default]
    Restored,
    /// All: the restoring engine's clock goes on where the other's stood.
    None,
    /// This one, and newer ones.
    At(u32),
}

/// What loss detection and recovery remember besides the segments in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossCheckpoint {
    /// RACK.
    pub rack: RackCheckpoint,
    /// Proportional rate reduction.
    pub prr: Prr,
    /// How to take the last reduction of the congestion window back.
    pub undo: Option<UndoCheckpoint>,
    /// Where F-RTO stands.
    pub frto: Frto,
    /// A tail loss probe that is not acknowledged.
    pub tail_probe: Option<TailProbe>,
}

/// RFC 8985 6.1: the variables of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RackCheckpoint {
    /// Of the segments delivered, the one sent last: time since, and its end.
    pub latest: Option<(Nanos, SeqNum)>,
    /// Its round-trip time.
    pub rtt: Nanos,
    /// One past the highest sequence number delivered.
    pub fack: Option<SeqNum>,
    /// How often the path was seen to reorder, up to 255.
    pub reorderings: u8,
    /// By how many segments at most, up to 255; 0 is taken for 3.
    pub reordering: u8,
    /// What ends the round trip in which one DSACK counts.
    pub dsack_round: Option<SeqNum>,
    /// Reordering window in quarters of the least RTT; 0 is taken for 1.
    pub reo_wnd_mult: u8,
    /// Recoveries until the window is narrow again.
    pub reo_wnd_persist: u8,
    /// Least RTT of the present window, and how old that window is.
    pub min_rtt: Option<(Nanos, Nanos)>,
    /// Least RTT of the window before.
    pub min_rtt_before: Option<Nanos>,
}

/// What it takes to see that sending again was needless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoCheckpoint {
    /// `snd_una` when the episode began.
    pub marker: SeqNum,
    /// The congestion window before it.
    pub prior: Prior,
    /// Segments sent again, less the duplicates that the peer reported; `None` while there are none.
    pub needless: Option<u16>,
    /// Time since the first one was sent again.
    pub first_age: Option<Nanos>,
}

/// Where the search for a spurious timeout stands (RFC 5682).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frto {
    /// The timeout counts.
    #[default]
    Off,
    /// The oldest segment was sent again; its ACK is awaited.
    Retransmitted,
    /// That ACK came: new payload goes out rather than what is taken for lost.
    NewPayload,
}

/// A tail loss probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailProbe {
    /// `snd_max` behind it.
    pub end: SeqNum,
    /// Whether it was a segment sent before.
    pub again: bool,
}

/// How far the congestion window was used lately, which decides whether ACKs may raise it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowUse {
    /// The most that was outstanding, if [`Checkpoint::cwnd_limited`] does not say that it was all.
    pub flight_max: u32,
    /// One past what was sent when that was found; once acknowledged, it counts no more. Unknown: `None`,
    /// then the next output finds it out.
    pub until: Option<SeqNum>,
}

/// A search for the longest segment that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MtuSearchCheckpoint {
    /// Segments of this size arrive.
    pub low: u16,
    /// Longer ones are not tried.
    pub high: u16,
    /// What the path is said to carry.
    pub ceiling: u16,
    /// A longer one under way.
    pub probe: Option<MtuProbe>,
    /// Time until the search begins anew.
    pub again_in: Nanos,
}

impl MtuSearchCheckpoint {
    fn is_sound(&self) -> bool {
        let Self { low, high, ceiling, probe, again_in: _ } = *self;
        MSS_MIN <= low
            && low <= high
            && high <= ceiling
            && probe.is_none_or(|probe| {
                low < probe.mss && probe.mss <= high && probe.end.after(probe.start)
            })
    }
}

/// Where what the owner wrote ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WritesCheckpoint {
    /// One past the last byte that was posted without more to come.
    pub push: SeqNum,
    /// More is to come.
    pub held: bool,
    /// One past the last byte that no cork holds back.
    pub flushed: SeqNum,
    /// Segments of the train that is being sent.
    pub train: u8,
}

/// What is known of the peer's rhythm and of ours, by which ACKs are delayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RhythmCheckpoint {
    /// ACKs that are sent at once before any is delayed.
    pub quick: u8,
    /// We answer what we hear.
    pub interactive: bool,
    /// Milliseconds by which an ACK is delayed.
    pub delay_ms: u16,
    /// Payload bytes of the largest segment that came.
    pub largest: u16,
    /// Milliseconds since payload came; `None` if none has come.
    pub heard_ms_ago: Option<u32>,
}

/// How long a connection waits, and has waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatienceCheckpoint {
    /// What was asked for.
    pub settings: Patience,
    /// How long it has waited for `snd_una` to move.
    pub waited: Option<Nanos>,
    /// Time since the peer was last heard.
    pub silence: Nanos,
}

/// A range of bytes held beyond a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldRange {
    /// First byte.
    pub start: SeqNum,
    /// One past the last byte.
    pub end: SeqNum,
    /// Grows with each segment held: the greatest is reported first (RFC 2018).
    pub arrival: u32,
}

/// Shifts of both windows (RFC 7323), each at most 14.
///
/// The T5 TCB names them the other way round: its SND_SCALE is `rcv` here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowScale {
    /// Snd.Wind.Shift: of the windows that the peer tells us.
    pub snd: u8,
    /// Rcv.Wind.Shift: of the windows that we tell.
    pub rcv: u8,
}

/// What the timestamps option needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimestampsCheckpoint {
    /// What is added to the engine's clock to make TSval. A restorer adds what its clock is behind.
    pub offset: u32,
    /// TS.Recent: what is echoed. `None` until the peer's first.
    pub recent: Option<u32>,
    /// Time since `recent` was taken. Unknown: [`crate::PAWS_IDLE`], then the next segment's timestamp
    /// is believed whatever it is.
    pub recent_age: Nanos,
}

/// ACKs that are due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckCheckpoint {
    /// Segments with payload received since the last ACK of all that was received.
    pub segments_unacked: u8,
    /// Whether what is delivered is to be acknowledged at the next output.
    pub now: bool,
    /// ACKs to be sent at the next output whatever they say: duplicates, challenges, forced ones.
    pub duplicates: u8,
}

/// Segments that are due, other than payload and ACKs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// SYN in SYN-SENT, SYN,ACK in SYN-RCVD.
    pub syn: bool,
    /// A reset with this sequence number, which leaves the connection as it is.
    pub reset: Option<SeqNum>,
    /// A probe.
    pub probe: Option<Probe>,
    /// A segment that tells the window.
    pub window_update: bool,
    /// What a closed connection still has to say.
    pub last_word: Option<LastWord>,
}

/// Why to provoke an ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Probe {
    /// The peer's window is closed, or too small.
    Window,
    /// The peer has been silent.
    Keepalive,
    /// What is in flight is not acknowledged (RFC 8985 7).
    Tail,
}

/// The last segment of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastWord {
    /// The ACK of the peer's FIN, by an owner that keeps TIME-WAIT itself.
    Ack,
    /// A reset.
    Reset,
}

/// Where loss recovery stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recovery {
    /// Nothing is known to be lost.
    #[default]
    Open,
    /// Repairing by duplicate ACKs or SACK until `recover` is acknowledged.
    Fast,
    /// Repairing after a timeout until `recover` is acknowledged.
    Loss,
}

/// A segment in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCheckpoint {
    /// Its first sequence number.
    pub start: SeqNum,
    /// One past its last.
    pub end: SeqNum,
    /// Time since it was last sent.
    pub age: Nanos,
    /// What became of it.
    pub fate: Fate,
    /// How often it was sent.
    pub transmissions: Transmissions,
    /// Whether it went out as one piece with the next one.
    pub goes_on: bool,
}

/// How often a segment in flight was sent, which decides what its ACK and its loss mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transmissions {
    /// Once: its ACK is an RTT sample.
    Once,
    /// Again after it was lost: its ACK may be of either (Karn), and only a timeout finds it lost again.
    Again,
    /// Not known: sent by another instance, which did not say.
    Unknown,
}

/// What is known of a segment in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// Under way, as far as is known.
    InFlight,
    /// Reported by SACK.
    Sacked,
    /// Lost, and not sent again since.
    Lost,
}

/// RFC 6298 state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RttCheckpoint {
    /// SRTT.
    pub srtt: Nanos,
    /// RTTVAR.
    pub rttvar: Nanos,
}

/// Time left on each timer; `None` is a timer that does not run.
///
/// A timer that must run and is `None` is started by the restoring engine with its full time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimersCheckpoint {
    /// Retransmission.
    pub retransmit: Option<Nanos>,
    /// What is done when it runs out. Unknown: the default.
    pub retransmit_for: RetransmitTimer,
    /// Window probe.
    pub persist: Option<Nanos>,
    /// Delayed ACK.
    pub delayed_ack: Option<Nanos>,
    /// Keepalive.
    pub keepalive: Option<Nanos>,
    /// End of FIN-WAIT-2 or TIME-WAIT.
    pub linger: Option<Nanos>,
    /// Keepalive probes not answered. Unknown: 0.
    pub keepalive_probes: u8,
}
