//! The scatter list of payload in host memory (ULPTX DSGL).
//!
//! ```text
//! 0x82, count   length 0      8 bytes
//! address 0                   8 bytes
//! length 1      length 2      8 bytes ┐
//! address 1                   8 bytes │ for each further pair; of an odd last one
//! address 2                   8 bytes ┘ length 2 is zero and address 2 is left out
//! ```

use zerocopy::FromBytes;

use super::{Malformed, UlpTxSc};
use crate::Iova;

bits! {
    /// First word of a scatter list (`ULPTX_CMD, ULPTX_NSGE`).
    pub CmdNsge: u32 {
        31:24 cmd,
        15:0 nsge,
    }
}

layout! {
    /// A scatter list up to its first entry (`ulptx_sgl`).
    pub UlptxSgl [16] {
        0 cmd_nsge: CmdNsge,
        4 len0: u32,
        8 addr0: u64,
    }
}
zero_default!(UlptxSgl);

layout! {
    /// Two further entries (`ulptx_sge_pair`).
    pub UlptxSgePair [24] {
        0 len1: u32,
        4 len2: u32,
        8 addr1: u64,
        16 addr2: u64,
    }
}
zero_default!(UlptxSgePair);

/// A piece of host memory: where it begins and how many bytes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sge {
    /// First byte.
    pub iova: Iova,
    /// Bytes.
    pub len: u32,
}

/// A scatter list, read: at least one entry, as many as it claims.
#[derive(Clone, Copy, Debug)]
pub struct Dsgl<'a> {
    head: &'a UlptxSgl,
    /// The entries after the first, whole flits.
    tail: &'a [u8],
}

impl<'a> Dsgl<'a> {
    /// Flits (8 bytes) of a list of `entries`, at least one.
    #[must_use]
    pub const fn flits(entries: usize) -> usize {
        debug_assert!(entries > 0);
        let more = entries.saturating_sub(1);
        2 + 3 * more / 2 + (more & 1)
    }

    /// Bytes of a list of `entries`, at least one.
    #[must_use]
    pub const fn bytes(entries: usize) -> usize {
        8 * Self::flits(entries)
    }

    /// Most entries that fit into `bytes`.
    #[must_use]
    pub const fn max_entries(bytes: usize) -> usize {
        let flits = bytes / 8;
        if flits < 2 {
            return 0;
        }
        // Three flits hold two entries, two hold one.
        1 + (flits - 2) / 3 * 2 + (flits - 2) % 3 / 2
    }

    /// Writes `entries`, at least one, to the front of `buf`; the bytes used, or `None` when there are none or
    /// they do not fit.
    #[must_use]
    pub fn write(buf: &mut [u8], entries: &[Sge]) -> Option<usize> {
        let (first, more) = entries.split_first()?;
        let count = u16::try_from(entries.len()).ok()?;
        let mut out = super::Cursor::new(buf);
        out.put_ref(
            &UlptxSgl::default()
                .with_cmd_nsge(
                    CmdNsge(0).with_cmd(u32::from(UlpTxSc::DSGL.0)).with_nsge(u32::from(count)),
                )
                .with_len0(first.len)
                .with_addr0(first.iova.0),
        )?;
        for pair in more.chunks(2) {
            let mut sges =
                UlptxSgePair::default().with_len1(pair[0].len).with_addr1(pair[0].iova.0);
            match pair.get(1) {
                Some(second) => {
                    sges = sges.with_len2(second.len).with_addr2(second.iova.0);
                    out.put_ref(&sges)?;
                }
                None => out.put(&sges.as_bytes()[..16])?,
            }
        }
        Some(out.at)
    }

    /// The list at the front of `bytes`.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (head, rest) = UlptxSgl::ref_from_prefix(bytes).map_err(|_| Malformed)?;
        let count = head.cmd_nsge().nsge() as usize;
        if head.cmd_nsge().cmd() != u32::from(UlpTxSc::DSGL.0) || count == 0 {
            return Err(Malformed);
        }
        let tail = rest.get(..Self::bytes(count) - UlptxSgl::SIZE).ok_or(Malformed)?;
        Ok(Self { head, tail })
    }

    /// Entries, at least one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head.cmd_nsge().nsge() as usize
    }

    /// Bytes that the entries name, all together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().map(|sge| u64::from(sge.len)).sum()
    }

    /// Entry `index`, if there are so many.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Sge> {
        if index >= self.len() {
            return None;
        }
        let Some(more) = index.checked_sub(1) else {
            return Some(Sge { iova: Iova(self.head.addr0()), len: self.head.len0() });
        };
        let pair = self.tail.get(more / 2 * UlptxSgePair::SIZE..)?;
        let odd = more % 2;
        let len = pair.get(4 * odd..)?.first_chunk()?;
        let addr = pair.get(8 + 8 * odd..)?.first_chunk()?;
        Some(Sge { iova: Iova(u64::from_be_bytes(*addr)), len: u32::from_be_bytes(*len) })
    }

    /// The entries in order.
    pub fn iter(&self) -> impl Iterator<Item = Sge> + 'a {
        let list = *self;
        (0..list.len()).map_while(move |index| list.get(index))
    }
}
