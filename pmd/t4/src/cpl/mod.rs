//! CPL messages: what host and TP say to each other (`t4_msg.h`).
//!
//! A structure begins at the opcode byte: the work request header before a message to the chip and the
//! RSS header before a message to the host are not part of it. Forms are T5's; where T4 differs and the
//! difference matters there is a `T4…` structure.
//!
//! ```
//! use mafo_t4::cpl::{self, Opcode};
//! use mafo_t4::Tid;
//! use zerocopy::IntoBytes;
//!
//! let close = cpl::CloseConReq::new(Tid(0x1234));
//! assert_eq!(close.as_bytes(), [0x08, 0x00, 0x12, 0x34, 0, 0, 0, 0]);
//! match cpl::opcode(close.as_bytes()) {
//!     Some(Opcode::CLOSE_CON_REQ) => {
//!         let close = cpl::parse::<cpl::CloseConReq>(close.as_bytes()).unwrap();
//!         assert_eq!(close.tid(), Tid(0x1234));
//!     }
//!     _ => unreachable!(),
//! }
//! ```
#![expect(clippy::len_without_is_empty, reason = "a field of a message, not a container")]

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// Structures of one table: `Name = OPCODE by key;` where the key says how the opcode word is used.
macro_rules! cpls {
    ($( $Name:ident = $OPCODE:ident by $key:ident; )*) => { $(
        impl $crate::cpl::Cpl for $Name {
            const OPCODE: $crate::cpl::Opcode = $crate::cpl::Opcode::$OPCODE;
        }
        cpls! { @$key $Name }
    )* };
    (@tid $Name:ident) => {
        impl $Name {
            /// The message about connection `tid`, all else zero.
            #[inline]
            #[must_use]
            pub fn new(tid: $crate::Tid) -> Self {
                $crate::cpl::blank::<Self>().with_tid(tid)
            }
            /// The connection.
            #[inline]
            #[must_use]
            pub fn tid(&self) -> $crate::Tid {
                $crate::Tid(self.ot().tid())
            }
            /// With the connection replaced.
            #[inline]
            #[must_use]
            pub fn with_tid(self, tid: $crate::Tid) -> Self {
                self.with_ot($crate::cpl::OpcodeTid::of(<Self as $crate::cpl::Cpl>::OPCODE, tid.0))
            }
        }
    };
    (@stid $Name:ident) => {
        impl $Name {
            /// The message about listener `stid`, all else zero.
            #[inline]
            #[must_use]
            pub fn new(stid: $crate::Stid) -> Self {
                $crate::cpl::blank::<Self>()
                    .with_ot($crate::cpl::OpcodeTid::of(<Self as $crate::cpl::Cpl>::OPCODE, stid.0))
            }
            /// The listener.
            #[inline]
            #[must_use]
            pub fn stid(&self) -> $crate::Stid {
                $crate::Stid(self.ot().tid())
            }
        }
    };
    (@atid $Name:ident) => {
        impl $Name {
            /// The active open `atid` whose answers go to ingress queue `reply_to`, all else zero.
            #[inline]
            #[must_use]
            pub fn new(reply_to: $crate::IqId, atid: $crate::Atid) -> Self {
                $crate::cpl::blank::<Self>().with_ot($crate::cpl::OpcodeTid::with_queue(
                    <Self as $crate::cpl::Cpl>::OPCODE,
                    reply_to,
                    atid.0,
                ))
            }
            /// The host's handle of the open.
            #[inline]
            #[must_use]
            pub fn atid(&self) -> $crate::Atid {
                $crate::Atid(self.ot().id())
            }
            /// The ingress queue of the answers.
            #[inline]
            #[must_use]
            pub fn reply_to(&self) -> $crate::IqId {
                self.ot().queue()
            }
        }
    };
    (@queue_id $Name:ident) => {
        impl $Name {
            /// The message whose answer goes to ingress queue `reply_to` and echoes `id` (14 bits), all else zero.
            #[inline]
            #[must_use]
            pub fn new(reply_to: $crate::IqId, id: u32) -> Self {
                $crate::cpl::blank::<Self>().with_ot($crate::cpl::OpcodeTid::with_queue(
                    <Self as $crate::cpl::Cpl>::OPCODE,
                    reply_to,
                    id,
                ))
            }
            /// What the answer echoes, and the driver chooses. 14 bits.
            #[inline]
            #[must_use]
            pub fn id(&self) -> u32 {
                self.ot().id()
            }
            /// The ingress queue of the answer.
            #[inline]
            #[must_use]
            pub fn reply_to(&self) -> $crate::IqId {
                self.ot().queue()
            }
        }
    };
    (@none $Name:ident) => {
        impl $Name {
            /// The opcode, all else zero.
            #[inline]
            #[must_use]
            pub fn new() -> Self {
                $crate::cpl::blank()
            }
        }
        impl Default for $Name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}

mod connection;
mod firmware;
mod open;
mod packet;
mod table;
mod tcb;

pub use connection::*;
pub use firmware::*;
pub use open::*;
pub use packet::*;
pub use table::*;
pub use tcb::*;

use crate::IqId;

codes! {
    /// First byte of every CPL (`t4_msg.h CPL_*`).
    pub Opcode: u8 {
        PASS_OPEN_REQ = 0x01,
        PASS_ACCEPT_RPL = 0x02,
        ACT_OPEN_REQ = 0x03,
        SET_TCB = 0x04,
        SET_TCB_FIELD = 0x05,
        GET_TCB = 0x06,
        CLOSE_CON_REQ = 0x08,
        CLOSE_LISTSRV_REQ = 0x09,
        ABORT_REQ = 0x0a,
        ABORT_RPL = 0x0b,
        TX_DATA = 0x0c,
        RX_DATA_ACK = 0x0d,
        TX_PKT = 0x0e,
        L2T_WRITE_REQ = 0x12,
        L2T_READ_REQ = 0x13,
        SMT_WRITE_REQ = 0x14,
        SMT_READ_REQ = 0x15,
        BARRIER = 0x18,
        TID_RELEASE = 0x1a,
        CLOSE_LISTSRV_RPL = 0x20,
        ERROR = 0x21,
        GET_TCB_RPL = 0x22,
        L2T_WRITE_RPL = 0x23,
        PASS_OPEN_RPL = 0x24,
        ACT_OPEN_RPL = 0x25,
        PEER_CLOSE = 0x26,
        RX_URG_PKT = 0x29,
        ABORT_REQ_RSS = 0x2b,
        RX_URG_NOTIFY = 0x2c,
        ABORT_RPL_RSS = 0x2d,
        SMT_WRITE_RPL = 0x2e,
        CLOSE_CON_RPL = 0x32,
        L2T_READ_RPL = 0x34,
        RX_DATA = 0x39,
        SET_TCB_RPL = 0x3a,
        RX_PKT = 0x3b,
        ACT_ESTABLISH = 0x40,
        PASS_ESTABLISH = 0x41,
        RX_DATA_DDP = 0x42,
        SMT_READ_RPL = 0x43,
        PASS_ACCEPT_REQ = 0x44,
        T5_TRACE_PKT = 0x48,
        PASS_OPEN_REQ6 = 0x81,
        ACT_OPEN_REQ6 = 0x83,
        SGE_EGR_UPDATE = 0xa5,
        TRACE_PKT = 0xb0,
        FW4_MSG = 0xc0,
        FW4_PLD = 0xc1,
        FW4_ACK = 0xc3,
        FW6_MSG = 0xe0,
        FW6_PLD = 0xe1,
        TX_PKT_LSO = 0xed,
        TX_PKT_XT = 0xee,
    }
}

codes! {
    /// How a request ended, or why a connection did (`t4_msg.h CPL_ERR_*`).
    pub Status: u8 {
        NONE = 0,
        TCAM_PARITY = 1,
        TCAM_MISS = 2,
        TCAM_FULL = 3,
        BAD_LENGTH = 15,
        BAD_ROUTE = 18,
        /// The peer sent RST.
        CONN_RESET = 20,
        CONN_EXIST_SYNRECV = 21,
        CONN_EXIST = 22,
        /// The L2T entry is not resolved.
        ARP_MISS = 23,
        BAD_SYN = 24,
        CONN_TIMEDOUT = 30,
        XMIT_TIMEDOUT = 31,
        PERSIST_TIMEDOUT = 32,
        FINWAIT2_TIMEDOUT = 33,
        KEEPALIVE_TIMEDOUT = 34,
        /// Trouble, not the end: not to be answered.
        RTX_NEG_ADVICE = 35,
        /// Trouble, not the end: not to be answered.
        PERSIST_NEG_ADVICE = 36,
        /// Trouble, not the end: not to be answered.
        KEEPALV_NEG_ADVICE = 37,
        WAIT_ARP_RPL = 41,
        ABORT_FAILED = 42,
        IWARP_FLM = 50,
    }
}

impl Status {
    /// Whether an ABORT_REQ_RSS with this status only informs; it must not be answered.
    #[must_use]
    pub const fn is_negative_advice(self) -> bool {
        matches!(self, Self::RTX_NEG_ADVICE | Self::PERSIST_NEG_ADVICE | Self::KEEPALV_NEG_ADVICE)
    }

    /// Whether an ACT_OPEN_RPL with this status names a tid that the host must release.
    #[must_use]
    pub const fn act_open_has_tid(self) -> bool {
        !matches!(
            self,
            Self::TCAM_PARITY
                | Self::TCAM_MISS
                | Self::TCAM_FULL
                | Self::CONN_EXIST_SYNRECV
                | Self::CONN_EXIST
        )
    }
}

bits! {
    /// First word of nearly every CPL (`t4_msg.h opcode_tid`).
    pub OpcodeTid: u32 {
        31:24 op,
        23:0 tid,
    }
}

impl OpcodeTid {
    /// Opcode and 24-bit id.
    #[must_use]
    pub const fn of(opcode: Opcode, tid: u32) -> Self {
        Self(0).with_op(opcode.0 as u32).with_tid(tid)
    }

    /// Opcode, and an id field that names the ingress queue of the answer (10 bits) beside the id (14 bits).
    #[must_use]
    pub const fn with_queue(opcode: Opcode, queue: IqId, id: u32) -> Self {
        let split = QueueAndId(0).with_queue(queue.0 as u32).with_id(id);
        Self::of(opcode, split.0)
    }

    /// The opcode.
    #[must_use]
    pub const fn opcode(self) -> Opcode {
        // The field is eight bits wide.
        Opcode(self.op() as u8)
    }

    /// The queue half of a split id field.
    #[must_use]
    pub const fn queue(self) -> IqId {
        IqId(QueueAndId(self.tid()).queue() as u16)
    }

    /// The id half of a split id field.
    #[must_use]
    pub const fn id(self) -> u32 {
        QueueAndId(self.tid()).id()
    }
}

bits! {
    /// A 24-bit id field that carries a queue too (`t4_msg.h TID_QID, TID_TID`).
    pub QueueAndId: u32 {
        23:14 queue,
        13:0 id,
    }
}

bits! {
    /// Where the answer goes, if one is wanted (`t4_msg.h QUEUENO, REPLY_CHAN, NO_REPLY`).
    pub ReplyCtrl: u16 {
        15 no_reply,
        14 reply_chan,
        9:0 queue,
    }
}

impl ReplyCtrl {
    /// No answer.
    pub const SILENT: Self = Self(Self::NO_REPLY_MASK);

    /// An answer to ingress queue `queue`.
    #[must_use]
    pub const fn to(queue: IqId) -> Self {
        Self(0).with_queue(queue.0)
    }

    /// The queue of the answer, if one is wanted.
    #[must_use]
    pub const fn reply_to(self) -> Option<IqId> {
        if self.no_reply() { None } else { Some(IqId(self.queue())) }
    }
}

/// A CPL of fixed layout.
pub trait Cpl: FromBytes + IntoBytes + KnownLayout + Immutable + Unaligned + Copy {
    /// The byte it begins with.
    const OPCODE: Opcode;
}

/// A message of zeros but for its opcode.
#[inline]
fn blank<T: Cpl>() -> T {
    let mut message = T::new_zeroed();
    if let Some(first) = message.as_mut_bytes().first_mut() {
        *first = T::OPCODE.0;
    }
    message
}

/// The opcode of a message; `None` of no bytes.
#[inline]
#[must_use]
pub fn opcode(bytes: &[u8]) -> Option<Opcode> {
    bytes.first().map(|&byte| Opcode(byte))
}

/// The message at the front of `bytes`; `None` when it is too short or of another opcode.
#[inline]
#[must_use]
pub fn parse<T: Cpl>(bytes: &[u8]) -> Option<&T> {
    split(bytes).map(|(message, _)| message)
}

/// The message at the front of `bytes`, and what follows it.
#[inline]
#[must_use]
pub fn split<T: Cpl>(bytes: &[u8]) -> Option<(&T, &[u8])> {
    if opcode(bytes)? != T::OPCODE {
        return None;
    }
    T::ref_from_prefix(bytes).ok()
}
