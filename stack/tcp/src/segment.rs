//! A TCP header as a value: what the engine reads of a received segment and says of one to be sent.
//!
//! The payload is not here, only its length. The checksum belongs to the owner, who has the bytes.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

use mafo_mem::checksum::{self, Partial};
use serde::{Deserialize, Serialize};

use crate::SeqNum;
use crate::tcb::is_older;

/// Bytes of a header without options.
pub const HEADER_LEN: usize = 20;
/// Bytes of the longest header.
pub const HEADER_LEN_MAX: usize = 60;
/// Where in the header the checksum lies; [`Segment::emit`] leaves zero there.
pub const CHECKSUM_OFFSET: usize = 16;
/// Bytes that the timestamps option takes, padded: a segment's payload is that much less than the MSS.
pub const TIMESTAMPS_LEN: u32 = 12;

/// SACK blocks that a header has room for.
//= rfc2018#3 RFC2018-3-1
//= rfc2018#4 RFC2018-4-3
pub(crate) const fn sack_blocks_max(with_timestamps: bool) -> usize {
    if with_timestamps { 3 } else { 4 }
}

/// Bytes that `blocks` SACK blocks take, padded.
pub(crate) const fn sack_len(blocks: usize) -> usize {
    if blocks == 0 { 0 } else { 4 + 8 * blocks }
}

/// Control bits of a header, as in its bytes 12 and 13.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// No control bit.
    pub const NONE: Self = Self(0);
    /// The sender has no more data.
    pub const FIN: Self = Self(0x001);
    /// Synchronise sequence numbers.
    pub const SYN: Self = Self(0x002);
    /// Reset the connection.
    pub const RST: Self = Self(0x004);
    /// Push: the receiver should not wait for more.
    pub const PSH: Self = Self(0x008);
    /// The acknowledgment field counts.
    pub const ACK: Self = Self(0x010);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x020);
    /// ECN echo (RFC 3168).
    pub const ECE: Self = Self(0x040);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: Self = Self(0x080);
    /// Accurate ECN (RFC 9768), formerly NS; never set by this engine.
    pub const AE: Self = Self(0x100);

    /// Whether all bits of `other` are set.
    #[must_use]
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// These bits without those of `other`.
    #[must_use]
    #[inline]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The union, in constants.
    #[must_use]
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOr for Flags {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        self.with(rhs)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, rhs: Self) {
        *self = self.with(rhs);
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 9] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"];
        let mut separator = "";
        for (_, name) in NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1) {
            write!(f, "{separator}{name}")?;
            separator = "|";
        }
        if separator.is_empty() { f.write_str("-") } else { Ok(()) }
    }
}

/// The ECN field of a packet's IP header (RFC 3168 section 5): the last two bits of TOS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ecn {
    /// 00: the sender does without ECN.
    #[default]
    NotEct,
    /// 01: ECN-capable, the experimental kind (RFC 9331).
    Ect1,
    /// 10: ECN-capable.
    Ect0,
    /// 11: a queue on the way was congested.
    Ce,
}

impl Ecn {
    /// Of a TOS octet.
    #[must_use]
    pub const fn of_tos(tos: u8) -> Self {
        match tos & 3 {
            0 => Self::NotEct,
            1 => Self::Ect1,
            2 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// Its two bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }
}

/// The timestamps option (RFC 7323).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// TSval: the sender's clock.
    pub val: u32,
    /// TSecr: the receiver's clock as the sender last saw it.
    pub ecr: u32,
}

impl Timestamps {
    /// Whether the sender has taken `stamp` of ours, or a later one (RFC 7323, 4.3).
    #[must_use]
    pub const fn echoes(&self, stamp: u32) -> bool {
        self.ecr.wrapping_sub(stamp) as i32 >= 0
    }
}

/// One SACK block (RFC 2018): the bytes `start..end` have arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SackBlock {
    /// First byte.
    pub start: SeqNum,
    /// One past the last byte.
    pub end: SeqNum,
}

/// Up to four SACK blocks, which is all that a header has room for.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [SackBlock; 4],
    len: u8,
}

impl SackBlocks {
    /// No block.
    pub const EMPTY: Self =
        Self { blocks: [SackBlock { start: SeqNum(0), end: SeqNum(0) }; 4], len: 0 };

    /// Appends a block; false, and nothing done, when four are there.
    pub fn push(&mut self, block: SackBlock) -> bool {
        let Some(free) = self.blocks.get_mut(usize::from(self.len)) else { return false };
        *free = block;
        self.len += 1;
        true
    }

    /// The blocks, in the option's order.
    #[must_use]
    pub fn as_slice(&self) -> &[SackBlock] {
        &self.blocks[..usize::from(self.len)]
    }

    /// The blocks, to be put into another order.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [SackBlock] {
        &mut self.blocks[..usize::from(self.len)]
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl fmt::Debug for SackBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.as_slice().iter().map(|b| (b.start, b.end))).finish()
    }
}

/// The options that the engine knows; others are skipped on input and never sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size, in a SYN.
    pub mss: Option<u16>,
    /// Window scale shift, in a SYN.
    pub window_scale: Option<u8>,
    /// SACK permitted, in a SYN.
    pub sack_permitted: bool,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// SACK blocks.
    pub sack: SackBlocks,
}

/// A header, in host byte order, and the length of what follows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number of the SYN, or of the first payload byte.
    pub seq: SeqNum,
    /// Acknowledgment number; means nothing without [`Flags::ACK`].
    pub ack: SeqNum,
    /// Control bits.
    pub flags: Flags,
    /// Window as on the wire, not scaled.
    pub window: u16,
    /// Urgent pointer; means nothing without [`Flags::URG`].
    pub urgent: u16,
    /// Options.
    pub options: Options,
    /// ECN field of the packet, which is the owner's to read and to write: it is not in this header.
    pub ecn: Ecn,
    /// Bytes of payload.
    pub payload_len: u32,
}

/// Why bytes are no TCP segment. Such a segment is dropped and counted, never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// Fewer bytes than a header has.
    TooShort,
    /// A data offset below five words or beyond the end.
    DataOffset,
    /// An option whose length is below two or runs out of the header.
    OptionLength,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooShort => "shorter than a TCP header",
            Self::DataOffset => "data offset outside the segment",
            Self::OptionLength => "option length outside the header",
        })
    }
}

impl core::error::Error for Malformed {}

/// Option kinds (IANA "TCP Parameters").
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NOP: u8 = 1;
    pub(super) const MSS: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
    pub(super) const TIMESTAMPS: u8 = 8;
}

impl Segment {
    /// Reads header and options of `bytes`, which end where the segment ends. Answers the segment and
    /// where its payload starts. The checksum is not looked at.
    //= rfc9293#3.1 MUST-4
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        let (mut segment, data_offset) = Self::parse_header(bytes)?;
        segment.payload_len = (bytes.len() - data_offset) as u32;
        Ok((segment, data_offset))
    }

    /// As [`Segment::parse`], but `bytes` may end after the header; `payload_len` stays 0.
    //= rfc9293#3.1 MUST-1
    #[inline]
    pub fn parse_header(bytes: &[u8]) -> Result<(Self, usize), Malformed> {
        let Some((fixed, _)) = bytes.split_first_chunk::<HEADER_LEN>() else {
            return Err(Malformed::TooShort);
        };
        let be16 = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let be32 = |at: usize| {
            SeqNum(u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]))
        };
        let data_offset = usize::from(fixed[12] >> 4) * 4;
        if data_offset < HEADER_LEN {
            return Err(Malformed::DataOffset);
        }
        let options = bytes.get(HEADER_LEN..data_offset).ok_or(Malformed::DataOffset)?;
        let segment = Self {
            src_port: be16(0),
            dst_port: be16(2),
            seq: be32(4),
            ack: be32(8),
            flags: Flags(be16(12) & 0x1ff),
            window: be16(14),
            urgent: be16(18),
            options: Options::parse(options)?,
            ecn: Ecn::NotEct,
            payload_len: 0,
        };
        Ok((segment, data_offset))
    }

    /// Writes header and options to the front of `buf` and answers their length; the checksum field is
    /// zero. Panics when `buf` is shorter than [`Segment::header_len`].
    #[inline]
    pub fn emit(&self, buf: &mut [u8]) -> usize {
        self.emit_summed(buf).0
    }

    /// As [`Segment::emit`], and the sum of what is written.
    #[inline]
    pub fn emit_summed(&self, buf: &mut [u8]) -> (usize, Partial) {
        let len = self.header_len();
        let (fixed, options) = buf[..len].split_at_mut(HEADER_LEN);
        let pair = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
        let offset_and_flags = (len as u16 / 4) << 12 | (self.flags.0 & 0x1ff);
        let words = [
            pair(self.src_port, self.dst_port),
            self.seq.0,
            self.ack.0,
            pair(offset_and_flags, self.window),
            pair(0, self.urgent),
        ];
        let fixed = checksum::put_words(fixed, words);
        (len, fixed + self.options.emit(options))
    }

    /// Whether this may open a new incarnation of a connection in TIME-WAIT that expects `rcv_nxt` and whose
    /// last timestamp of the peer was `ts_recent`: a SYN alone whose timestamp, or where that does not tell
    /// its sequence number, is beyond all of the old one's.
    ///
    //= rfc6191#2 RFC6191-2-1 RFC6191-2-2 RFC6191-2-3
    //= rfc9293#3.6.1 SHLD-4 MAY-2
    #[must_use]
    pub fn may_reopen(&self, rcv_nxt: SeqNum, ts_recent: Option<u32>) -> bool {
        let bare_syn = self.flags.contains(Flags::SYN)
            && !self.flags.intersects(Flags::ACK | Flags::RST | Flags::FIN);
        let newer = match (ts_recent, self.options.timestamps) {
            (Some(recent), Some(ts)) if ts.val != recent => is_older(recent, ts.val),
            _ => self.seq.after(rcv_nxt),
        };
        bare_syn && newer
    }

    /// Bytes of header and options as [`Segment::emit`] writes them: a multiple of four, at most
    /// [`HEADER_LEN_MAX`] for every set of options that the engine makes.
    #[must_use]
    pub fn header_len(&self) -> usize {
        HEADER_LEN + self.options.len()
    }

    /// Sequence numbers that the segment occupies: payload, SYN and FIN.
    #[must_use]
    pub const fn seq_len(&self) -> u32 {
        self.payload_len
            + self.flags.contains(Flags::SYN) as u32
            + self.flags.contains(Flags::FIN) as u32
    }
}

impl Options {
    //= rfc9293#3.1 MUST-4 MUST-5 MUST-6 MUST-7 MUST-68
    //= rfc9293#3.2 MUST-64
    /// Options never seen, and known ones of a length that is not theirs, are skipped by their length;
    /// a length that cannot be is an error.
    fn parse(mut rest: &[u8]) -> Result<Self, Malformed> {
        let mut options = Self::default();
        // What most segments have, and nothing else (RFC 7323 appendix A).
        if let &[kind::NOP, kind::NOP, kind::TIMESTAMPS, 10, ref body @ ..] = rest
            && body.len() == 8
        {
            options.take(kind::TIMESTAMPS, body);
            return Ok(options);
        }
        while let [kind, tail @ ..] = rest {
            match *kind {
                kind::END => break,
                kind::NOP => rest = tail,
                kind => {
                    let len = usize::from(*tail.first().ok_or(Malformed::OptionLength)?);
                    // No range ends before it starts, so a length below two is caught here too.
                    let body = rest.get(2..len).ok_or(Malformed::OptionLength)?;
                    options.take(kind, body);
                    rest = &rest[len..];
                }
            }
        }
        Ok(options)
    }

    fn take(&mut self, kind: u8, body: &[u8]) {
        match (kind, body) {
            (kind::MSS, &[hi, lo]) => self.mss = Some(u16::from_be_bytes([hi, lo])),
            (kind::WINDOW_SCALE, &[shift]) => self.window_scale = Some(shift),
            (kind::SACK_PERMITTED, []) => self.sack_permitted = true,
            (kind::TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                let (val, ecr) =
                    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]));
                self.timestamps = Some(Timestamps { val, ecr });
            }
            (kind::SACK, blocks) => {
                let (blocks, []) = blocks.as_chunks::<8>() else { return };
                self.sack = SackBlocks::EMPTY;
                for &[a, b, c, d, e, f, g, h] in blocks {
                    let start = SeqNum(u32::from_be_bytes([a, b, c, d]));
                    let end = SeqNum(u32::from_be_bytes([e, f, g, h]));
                    self.sack.push(SackBlock { start, end });
                }
            }
            _ => {}
        }
    }

    /// Bytes as [`Options::emit`] writes them.
    #[inline]
    fn len(&self) -> usize {
        let mut len = 0;
        len += if self.mss.is_some() { 4 } else { 0 };
        len += match (self.timestamps.is_some(), self.sack_permitted) {
            (true, _) => TIMESTAMPS_LEN as usize,
            (false, true) => 4,
            (false, false) => 0,
        };
        len += if self.window_scale.is_some() { 4 } else { 0 };
        len += sack_len(self.sack.len());
        len
    }

    /// Every option starts so that its words are aligned (RFC 7323 appendix A); SACK-permitted takes
    /// the two bytes before the timestamps that would be padding.
    //= rfc9293#3.1 MUST-69
    fn emit(&self, out: &mut [u8]) -> Partial {
        if let Some(Timestamps { val, ecr }) = self.timestamps
            && !self.sack_permitted
            && out.len() == TIMESTAMPS_LEN as usize
        {
            // There is room for nothing else: so it is with most segments.
            const KIND: u32 = u32::from_be_bytes([kind::NOP, kind::NOP, kind::TIMESTAMPS, 10]);
            return checksum::put_words(out, [KIND, val, ecr]);
        }
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            out[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        };
        if let Some(mss) = self.mss {
            let [hi, lo] = mss.to_be_bytes();
            put(&[kind::MSS, 4, hi, lo]);
        }
        match (self.sack_permitted, self.timestamps.is_some()) {
            (true, true) => put(&[kind::SACK_PERMITTED, 2]),
            (true, false) => put(&[kind::NOP, kind::NOP, kind::SACK_PERMITTED, 2]),
            (false, true) => put(&[kind::NOP, kind::NOP]),
            (false, false) => {}
        }
        if let Some(Timestamps { val, ecr }) = self.timestamps {
            put(&[kind::TIMESTAMPS, 10]);
            put(&val.to_be_bytes());
            put(&ecr.to_be_bytes());
        }
        if let Some(shift) = self.window_scale {
            put(&[kind::NOP, kind::WINDOW_SCALE, 3, shift]);
        }
        if !self.sack.is_empty() {
            put(&[kind::NOP, kind::NOP, kind::SACK, 2 + 8 * self.sack.len() as u8]);
            for block in self.sack.as_slice() {
                put(&block.start.0.to_be_bytes());
                put(&block.end.0.to_be_bytes());
            }
        }
        checksum::sum(out)
    }
}

/// The reset that answers a segment which belongs to no connection and no listener, if one is due.
///
//= rfc9293#3.10.7.1
#[must_use]
pub fn reset_for(segment: &Segment) -> Option<Segment> {
    if segment.flags.contains(Flags::RST) {
        return None;
    }
    let reply = Segment {
        src_port: segment.dst_port,
        dst_port: segment.src_port,
        flags: Flags::RST,
        ..Segment::default()
    };
    Some(if segment.flags.contains(Flags::ACK) {
        Segment { seq: segment.ack, ..reply }
    } else {
        let ack = segment.seq + segment.seq_len();
        Segment { ack, flags: Flags::RST | Flags::ACK, ..reply }
    })
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
