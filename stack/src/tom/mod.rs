//! The TOE module: sockets whose TCP runs on an adapter.
//!
//! The host side of a connection: what was posted, what the peer acknowledged, what was delivered,
//! which credits were returned. The card's CPLs move it; its own work requests go out on the control
//! queue (opens, credits) and on the offload queue of the connection's port (everything whose order
//! matters).

mod card_view;
mod close;
mod data;
mod death;
mod dispatch;
mod farewell;
mod hold;
mod last_stamp;
mod look;
mod member;
mod moves;
mod open;
mod overdue;
mod refuge;
mod repost;
mod shadow;
pub mod state;
mod switches;

pub(crate) use farewell::Farewell;
pub(crate) use look::Looks;
pub(crate) use overdue::Overdue;

pub use card_view::window_behind;
pub use dispatch::{Hook, NoHook, Verdict};
pub use member::{AtidUse, Flow, Member, MemberId, TidUse};
pub use moves::{Place, Progress};
pub use refuge::{DEPARTURE_TICK, Departure, Refugee};
pub use repost::Reposted;
pub(crate) use shadow::Sampling;
pub use shadow::{Shadow, t_state};

use mafo_pmd::ofld::TxCreditPool;
use mafo_t4::cpl::AbortCmd;
use mafo_t4::opt::{CongAlg, TcpOpt};
use mafo_t4::{Atid, L2tIdx, PortId, Tid};
use mafo_tcp::{Rhythm, Segment, SeqNum};

use self::card_view::CardView;
use self::hold::Hold;
use self::shadow::{Sample, Turn};
use self::state::State;
use self::switches::Switches;

/// How often a connection has changed its owner: what a former owner still says is told apart by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(pub u32);

/// Whether new work may be given to the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Open,
    /// Not now: it queues in the socket.
    Shut,
}

/// Whether somebody has silenced the connection's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    /// Nobody.
    Absent,
    /// An ABORT_REQ without a reset is with the card; its reply ends the owner, not the connection.
    Posted,
}

/// The host's record of an offloaded connection.
#[derive(Debug)]
pub struct Offloaded {
    /// The adapter.
    pub member: MemberId,
    /// The port, and so the channel and the offload queue.
    pub port: PortId,
    /// The handle of the open, until the tid is known.
    pub(crate) atid: Option<Atid>,
    /// The connection on the card; meaningless before the handshake of an active open is through.
    pub tid: Tid,
    /// How often the owner changed.
    pub epoch: Epoch,
    /// Where the connection stands.
    pub state: State,
    /// The next hop on the adapter.
    pub l2t: L2tIdx,
    /// Work-request credits of the connection's offload queue.
    pub credits: TxCreditPool,
    /// Our initial sequence number.
    pub iss: SeqNum,
    /// The peer's.
    pub irs: SeqNum,
    /// What the handshake agreed on.
    pub options: TcpOpt,
    /// Shift of the windows that we advertise, if scaling is in force.
    pub rcv_scale: u8,
    /// CLOSE_CON_REQ is posted.
    pub fin_posted: bool,
    /// The firmware has been told of the flow: a FLOWC is first on a tid.
    pub(crate) flow_told: bool,
    /// Payload was posted on the present tid.
    pub posted_any: bool,
    /// Stream offset of the first byte that the present owner was the first to be given. When the peer has
    /// acknowledged more, it has taken segments that this owner made, timestamps and all.
    pub(crate) first_own: u64,
    /// Bytes posted since a work request asked for an answer.
    pub(crate) unreported: usize,
    /// When bytes were last delivered.
    pub last_rx: mafo_mem::Nanos,
    /// When the card was asked to open it.
    pub(crate) asked_at: mafo_mem::Nanos,
    /// What the card was told last of what can be changed.
    pub(crate) told: Switches,
    /// The peer's rhythm, which delayed ACKs follow.
    pub(crate) rhythm: Rhythm,
    /// Bytes of the longest RX_DATA.
    pub(crate) longest_rx: u32,
    /// Largest segment that the card announced for us.
    pub(crate) mss_announced: u16,
    /// The size of a packet that was agreed on, of a connection that is no longer where it began: MTU tables differ, and
    /// from entry to entry of them it would only get less.
    pub(crate) mtu_agreed: Option<u16>,
    /// What is kept back of what was written.
    pub(crate) hold: Hold,
    /// The congestion control that the card was asked for.
    pub(crate) cong: CongAlg,
    /// The SYN that it answers, until the handshake is through.
    pub(crate) syn: Option<Box<Segment>>,
    /// TIMESTAMP_OFFSET of the TCB.
    pub(crate) ts_offset: u8,
    /// What the TCB said when it was last looked at, and whether it is to be again.
    pub(crate) sample: Option<Sample>,
    pub(crate) turn: Turn,
    /// What the card's own record said last, if anybody asks for it.
    pub(crate) view: Option<Box<CardView>>,
    /// The port that the connection is changing to, on its adapter.
    pub changing_to: Option<PortId>,
    /// Bytes by which the card was allowed to advance, all in all.
    pub granted: u64,
    /// Whether payload and FIN may be posted.
    pub tx_gate: Gate,
    /// Whether receive credits may be returned.
    pub rx_gate: Gate,
    /// Whether the owner is being silenced.
    pub fence: Fence,
    /// An ABORT_REQ found no room yet.
    pub(crate) abort_wanted: bool,
    /// An ABORT_REQ_RSS has come whose answer found no room yet.
    pub(crate) abort_reply_owed: bool,
    /// Whether an ABORT_REQ tells the peer.
    pub(crate) abort_cmd: AbortCmd,
    /// In the list of those that wait for room in a ring.
    pub(crate) stalled: bool,
}

impl Offloaded {
    /// Whether somebody owns the TCB and may be asked about it, or told to change it: not between two owners.
    pub(crate) fn is_writable(&self) -> bool {
        self.state.is_live() && self.fence == Fence::Absent && self.rx_gate == Gate::Open
    }

    /// The sequence number of stream offset `offset` of what we send.
    #[must_use]
    pub fn snd_seq(&self, offset: u64) -> SeqNum {
        self.iss + 1 + offset as u32
    }

    /// The stream offset near `base` that has sequence number `seq`.
    pub(crate) fn snd_offset(&self, base: u64, seq: SeqNum) -> Option<u64> {
        let distance = seq.since(self.snd_seq(base)) as i32;
        base.checked_add_signed(i64::from(distance))
    }

    /// The sequence number of stream offset `offset` of what the peer sends.
    #[must_use]
    pub fn rcv_seq(&self, offset: u64) -> SeqNum {
        self.irs + 1 + offset as u32
    }
}
