//! The script's side of the wire: segments in relative numbers.

use core::fmt;

use crate::{Ecn, Flags};

/// Byte `at` of either stream.
#[must_use]
pub fn pattern(at: u32) -> u8 {
    (at.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

/// Bytes `start..start + len` of either stream.
pub(super) fn pattern_bytes(start: u32, len: u32) -> Vec<u8> {
    (0..len).map(|at| pattern(start.wrapping_add(at))).collect()
}

/// What the peer offers in its SYN.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// MSS option.
    pub mss: Option<u16>,
    /// Window scale option.
    pub window_scale: Option<u8>,
    /// SACK-permitted option.
    pub sack: bool,
    /// Timestamps option, whose TSval starts here and goes on by milliseconds.
    pub timestamps: Option<u32>,
    /// Window field of all segments that do not say otherwise.
    pub window: u16,
    /// Initial sequence number.
    pub isn: u32,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            mss: Some(1000),
            window_scale: None,
            sack: false,
            timestamps: None,
            window: 65_535,
            isn: u32::MAX - 3_000,
        }
    }
}

impl Peer {
    /// All options offered; windows are in units of 16 bytes.
    #[must_use]
    pub fn modern() -> Self {
        Self {
            window_scale: Some(4),
            sack: true,
            timestamps: Some(u32::MAX - 60),
            window: 4_000,
            ..Self::default()
        }
    }
}

/// A segment in relative numbers. What is not said is 0 or absent; of a segment that leaves, window,
/// TSval, TSecr and PSH are compared only when they are said.
#[derive(Clone, Debug, Default)]
pub struct Seg {
    pub(super) flags: Flags,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) len: u32,
    pub(super) win: Option<u16>,
    pub(super) urg: u16,
    pub(super) mss: Option<u16>,
    pub(super) wscale: Option<u8>,
    pub(super) sack_ok: bool,
    pub(super) sack: Vec<(u32, u32)>,
    pub(super) tsval: Option<u32>,
    pub(super) tsecr: Option<u32>,
    pub(super) no_ts: bool,
    pub(super) ecn: Ecn,
}

impl Seg {
    /// A segment with these control bits.
    #[must_use]
    pub fn new(flags: Flags) -> Self {
        Self { flags, ..Self::default() }
    }

    /// Sequence number, relative to the sender's SYN.
    #[must_use]
    pub fn seq(self, seq: u32) -> Self {
        Self { seq, ..self }
    }

    /// Acknowledgment number, relative to the receiver's SYN.
    #[must_use]
    pub fn ack(self, ack: u32) -> Self {
        Self { ack, ..self }
    }

    /// Bytes of payload.
    #[must_use]
    pub fn len(self, len: u32) -> Self {
        Self { len, ..self }
    }

    /// Window field.
    #[must_use]
    pub fn win(self, win: u16) -> Self {
        Self { win: Some(win), ..self }
    }

    /// Urgent pointer: bytes from `seq` to behind the urgent ones.
    #[must_use]
    pub fn urg(self, urg: u16) -> Self {
        Self { urg, ..self }
    }

    /// MSS option.
    #[must_use]
    pub fn mss(self, mss: u16) -> Self {
        Self { mss: Some(mss), ..self }
    }

    /// Window scale option.
    #[must_use]
    pub fn wscale(self, shift: u8) -> Self {
        Self { wscale: Some(shift), ..self }
    }

    /// SACK-permitted option.
    #[must_use]
    pub fn sack_ok(self, sack_ok: bool) -> Self {
        Self { sack_ok, ..self }
    }

    /// SACK blocks.
    #[must_use]
    pub fn sack<const N: usize>(self, blocks: [(u32, u32); N]) -> Self {
        Self { sack: blocks.to_vec(), ..self }
    }

    /// TSval: injected, relative to the peer's clock at the start; expected, to the first TSval seen.
    #[must_use]
    pub fn tsval(self, val: u32) -> Self {
        Self { tsval: Some(val), ..self }
    }

    /// TSecr: relative to the clock of the one who reads it.
    #[must_use]
    pub fn tsecr(self, ecr: u32) -> Self {
        Self { tsecr: Some(ecr), ..self }
    }

    /// ECN field of the packet.
    #[must_use]
    pub fn ecn(self, ecn: Ecn) -> Self {
        Self { ecn, ..self }
    }

    /// No timestamps option although agreed.
    #[must_use]
    pub fn no_ts(self, no_ts: bool) -> Self {
        Self { no_ts, ..self }
    }
}

impl fmt::Display for Seg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, seq {}, ack {}, len {}", self.flags, self.seq, self.ack, self.len)?;
        let mut option = |name: &str, value: Option<u32>| match value {
            Some(value) => write!(f, ", {name} {value}"),
            None => Ok(()),
        };
        option("urg", Some(u32::from(self.urg)).filter(|urg| *urg != 0))?;
        option("win", self.win.map(u32::from))?;
        option("mss", self.mss.map(u32::from))?;
        option("wscale", self.wscale.map(u32::from))?;
        option("tsval", self.tsval)?;
        option("tsecr", self.tsecr)?;
        if self.ecn != Ecn::NotEct {
            write!(f, ", ecn {:?}", self.ecn)?;
        }
        if self.sack_ok {
            f.write_str(", sack_ok")?;
        }
        if !self.sack.is_empty() {
            write!(f, ", sack {:?}", self.sack)?;
        }
        Ok(())
    }
}
