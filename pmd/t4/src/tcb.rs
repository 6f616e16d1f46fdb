//! The TCB: the 1024 bits of a connection (`t4_tcb.h`).
//!
//! Bit n of a TCB is bit `n % 32` of its word `n / 32`. A GET_TCB_RPL shows the whole as one big-endian number:
//! bit n lies in byte `127 − n / 8`, and the 64 bits that SET_TCB_FIELD sees from word w on are eight
//! consecutive bytes, big-endian, from byte `120 − 4 w`.
//!
//! All sequence numbers but TX_MAX and RCV_NXT are 28-bit distances back from these two:
//!
//! ```text
//!             snd_una        snd_nxt    snd_max        TX_MAX
//!  ──────────────┼──────────────┼──────────┼──────────────┼────────▶ sequence numbers sent
//!                │              │          ├─SND_MAX_RAW──┤
//!                │              ├──────SND_NXT_RAW────────┤
//!                ├────────────SND_UNA_RAW─────────────────┤
//! ```

use crate::{IqId, L2tIdx, SmtIdx};

pub mod field;
pub mod flag;

pub use flag::{FilterFlags, TFlags};

/// Words of a TCB.
pub const WORDS: usize = 32;
/// Bytes of a TCB.
pub const SIZE: usize = 128;

/// A named field: `width` bits from bit `shift` of the 64-bit window at `word`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The header's name, without `TCB_`.
    pub name: &'static str,
    /// Word that SET_TCB_FIELD names.
    pub word: u8,
    /// First bit in the window.
    pub shift: u8,
    /// Bits.
    pub width: u8,
}

impl Field {
    /// The largest value.
    #[inline]
    #[must_use]
    pub const fn max(&self) -> u64 {
        u64::MAX >> (64 - self.width)
    }

    /// The field's bits in the window at its word: the mask of a SET_TCB_FIELD.
    #[inline]
    #[must_use]
    pub const fn mask(&self) -> u64 {
        self.max() << self.shift
    }

    /// `value` in place: the value of a SET_TCB_FIELD. A value that is too wide is a bug.
    #[inline]
    #[must_use]
    pub const fn place(&self, value: u64) -> u64 {
        debug_assert!(value <= self.max());
        (value & self.max()) << self.shift
    }

    /// The field's value in the window at its word, such as a SET_TCB_RPL's old value.
    #[inline]
    #[must_use]
    pub const fn extract(&self, window: u64) -> u64 {
        (window >> self.shift) & self.max()
    }

    /// First bit in the TCB.
    #[must_use]
    pub const fn bit(&self) -> u32 {
        self.word as u32 * 32 + self.shift as u32
    }

    /// The field's bits in the window at another `word`, if it lies wholly inside: lets one SET_TCB_FIELD
    /// carry neighbours.
    #[must_use]
    pub const fn seen_from(&self, word: u8) -> Option<Self> {
        let first = word as u32 * 32;
        if self.bit() < first || self.bit() + self.width as u32 > first + 64 {
            return None;
        }
        let shift = (self.bit() - first) as u8;
        Some(Self { name: self.name, word, shift, width: self.width })
    }
}

/// The image of a TCB, in the byte order of GET_TCB_RPL.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Tcb(pub [u8; SIZE]);

impl Default for Tcb {
    fn default() -> Self {
        Self([0; SIZE])
    }
}

impl crate::message::Field for Tcb {
    type Stored = [u8; SIZE];
    #[inline]
    fn load(wire: Self::Stored) -> Self {
        Self(wire)
    }
    #[inline]
    fn store(self) -> Self::Stored {
        self.0
    }
}

impl Tcb {
    /// From a copy through a memory window, which has the eight 16-byte chunks in the opposite order.
    #[must_use]
    pub fn from_window_order(window: &[u8; SIZE]) -> Self {
        Self(reverse_chunks(window))
    }

    /// As a memory window shows it.
    #[must_use]
    pub fn to_window_order(&self) -> [u8; SIZE] {
        reverse_chunks(&self.0)
    }

    /// One 32-bit word; zero beyond the last.
    #[inline]
    #[must_use]
    pub fn word(&self, word: u8) -> u32 {
        let low = (SIZE - 4).checked_sub(4 * usize::from(word));
        low.and_then(|at| self.0[at..].first_chunk()).map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// The 64 bits from `word` on. The window of word 31 hangs over the end, where it reads zero.
    #[inline]
    #[must_use]
    pub fn read64(&self, word: u8) -> u64 {
        u64::from(self.word(word.saturating_add(1))) << 32 | u64::from(self.word(word))
    }

    /// What SET_TCB_FIELD does: of the 64 bits from `word` on, those in `mask` become those of `val`. Returns the
    /// 64 bits before. Bits beyond the end of the TCB (the upper half at word 31) are dropped, and a word beyond
    /// 31 changes nothing.
    pub fn set_field(&mut self, word: u8, mask: u64, val: u64) -> u64 {
        let old = self.read64(word);
        let new = (old & !mask) | (val & mask);
        // Each half is 32 bits.
        self.set_word(word, new as u32);
        self.set_word(word.saturating_add(1), (new >> 32) as u32);
        old
    }

    /// Value of a field.
    #[inline]
    #[must_use]
    pub fn get(&self, field: Field) -> u64 {
        field.extract(self.read64(field.word))
    }

    /// Replaces a field. A value that is too wide is a bug.
    #[inline]
    pub fn set(&mut self, field: Field, value: u64) {
        self.set_field(field.word, field.mask(), field.place(value));
    }

    /// With a field replaced.
    #[must_use]
    pub fn with(mut self, field: Field, value: u64) -> Self {
        self.set(field, value);
        self
    }

    fn set_word(&mut self, word: u8, value: u32) {
        let low = (SIZE - 4).checked_sub(4 * usize::from(word));
        if let Some(bytes) = low.and_then(|at| self.0[at..].first_chunk_mut()) {
            *bytes = value.to_be_bytes();
        }
    }
}

/// Fields in the types of their meaning.
impl Tcb {
    /// The flags of a connection.
    #[must_use]
    pub fn flags(&self) -> TFlags {
        TFlags(self.get(field::T_FLAGS))
    }

    /// Replaces the flags.
    pub fn set_flags(&mut self, flags: TFlags) {
        self.set(field::T_FLAGS, flags.0);
    }

    /// The same bits as the actions of a filter or of a NON_OFFLOAD TCB.
    #[must_use]
    pub fn filter_flags(&self) -> FilterFlags {
        FilterFlags(self.get(field::T_FLAGS))
    }

    /// The state of the connection.
    #[must_use]
    pub fn state(&self) -> State {
        State::from_bits(self.get(field::T_STATE))
    }

    /// Replaces the state.
    pub fn set_state(&mut self, state: State) {
        self.set(field::T_STATE, state as u64);
    }

    /// The next hop.
    #[must_use]
    pub fn l2t_idx(&self) -> L2tIdx {
        // 12 bits.
        L2tIdx(self.get(field::L2T_IX) as u16)
    }

    /// The source MAC.
    #[must_use]
    pub fn smt_idx(&self) -> SmtIdx {
        // Eight bits.
        SmtIdx(self.get(field::SMAC_SEL) as u8)
    }

    /// The ingress queue of the connection's messages.
    #[must_use]
    pub fn iq_id(&self) -> IqId {
        // Ten bits.
        IqId(self.get(field::RSS_INFO) as u16)
    }

    /// Sequence number past the last byte given to TP.
    #[must_use]
    pub fn tx_max(&self) -> u32 {
        // 32 bits.
        self.get(field::TX_MAX) as u32
    }

    /// Oldest sequence number that is not acknowledged.
    #[must_use]
    pub fn snd_una(&self) -> u32 {
        self.before(field::TX_MAX, field::SND_UNA_RAW)
    }

    /// Next sequence number to send.
    #[must_use]
    pub fn snd_nxt(&self) -> u32 {
        self.before(field::TX_MAX, field::SND_NXT_RAW)
    }

    /// Past the highest sequence number that was ever sent.
    #[must_use]
    pub fn snd_max(&self) -> u32 {
        self.before(field::TX_MAX, field::SND_MAX_RAW)
    }

    /// Where recovery ends.
    #[must_use]
    pub fn snd_rec(&self) -> u32 {
        self.before(field::TX_MAX, field::SND_REC_RAW)
    }

    /// Next sequence number expected.
    #[must_use]
    pub fn rcv_nxt(&self) -> u32 {
        // 32 bits.
        self.get(field::RCV_NXT) as u32
    }

    /// The last ACK sent.
    #[must_use]
    pub fn last_ack_sent(&self) -> u32 {
        self.before(field::RCV_NXT, field::TS_LAST_ACK_SENT_RAW)
    }

    /// Replaces snd_una; TX_MAX must be in place and less than 2^28 ahead.
    pub fn set_snd_una(&mut self, seq: u32) {
        self.set_before(field::TX_MAX, field::SND_UNA_RAW, seq);
    }

    /// Replaces snd_nxt; TX_MAX must be in place and less than 2^28 ahead.
    pub fn set_snd_nxt(&mut self, seq: u32) {
        self.set_before(field::TX_MAX, field::SND_NXT_RAW, seq);
    }

    /// Replaces snd_max; TX_MAX must be in place and less than 2^28 ahead.
    pub fn set_snd_max(&mut self, seq: u32) {
        self.set_before(field::TX_MAX, field::SND_MAX_RAW, seq);
    }

    /// Replaces the end of recovery; TX_MAX must be in place and less than 2^28 ahead.
    pub fn set_snd_rec(&mut self, seq: u32) {
        self.set_before(field::TX_MAX, field::SND_REC_RAW, seq);
    }

    /// Replaces the last ACK sent; RCV_NXT must be in place and less than 2^28 ahead.
    pub fn set_last_ack_sent(&mut self, seq: u32) {
        self.set_before(field::RCV_NXT, field::TS_LAST_ACK_SENT_RAW, seq);
    }

    /// Keeps a sequence number as the distance `raw` back from `base`.
    fn set_before(&mut self, base: Field, raw: Field, seq: u32) {
        let distance = (self.get(base) as u32).wrapping_sub(seq);
        self.set(raw, u64::from(distance));
    }

    /// A sequence number that is kept as the distance `raw` back from `base`.
    fn before(&self, base: Field, raw: Field) -> u32 {
        (self.get(base) as u32).wrapping_sub(self.get(raw) as u32)
    }
}

impl core::fmt::Debug for Tcb {
    /// The fields of a plain TCP connection that are not zero.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut out = f.debug_struct("Tcb");
        for field in field::PLAIN_TCP {
            match self.get(*field) {
                0 => {}
                _ if *field == field::T_FLAGS => drop(out.field(field.name, &self.flags())),
                _ if *field == field::T_STATE => drop(out.field(field.name, &self.state())),
                value => drop(out.field(field.name, &value)),
            }
        }
        out.finish_non_exhaustive()
    }
}

fn reverse_chunks(image: &[u8; SIZE]) -> [u8; SIZE] {
    let mut reversed = [0; SIZE];
    for (to, from) in reversed.chunks_exact_mut(16).zip(image.chunks_exact(16).rev()) {
        to.copy_from_slice(from);
    }
    reversed
}

/// T_STATE. 4 to 9 are the TCPSTATE of a FLOWC too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "RFC 9293's names")]
pub enum State {
    #[default]
    Closed = 0,
    Listen = 1,
    SynSent = 2,
    SynRcvd = 3,
    Established = 4,
    CloseWait = 5,
    FinWait1 = 6,
    Closing = 7,
    LastAck = 8,
    FinWait2 = 9,
    TimeWait = 10,
    /// Private to the chip.
    EstabRx = 11,
    /// Private to the chip.
    EstabTx = 12,
    /// Private to the chip.
    SynPend = 13,
    /// Private to the chip.
    Escape14 = 14,
    /// Private to the chip.
    Escape15 = 15,
}

impl State {
    /// The state of the low four bits.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        match bits & 0xf {
            0 => Self::Closed,
            1 => Self::Listen,
            2 => Self::SynSent,
            3 => Self::SynRcvd,
            4 => Self::Established,
            5 => Self::CloseWait,
            6 => Self::FinWait1,
            7 => Self::Closing,
            8 => Self::LastAck,
            9 => Self::FinWait2,
            10 => Self::TimeWait,
            11 => Self::EstabRx,
            12 => Self::EstabTx,
            13 => Self::SynPend,
            14 => Self::Escape14,
            _ => Self::Escape15,
        }
    }
}
