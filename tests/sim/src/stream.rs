//! What applications say: a different stream of bytes for each connection and direction, each byte
//! known from its place.

use std::sync::OnceLock;

use crate::draw::Draw;
use crate::plan::Side;

/// Longest stream.
pub const STREAM_MAX: usize = 256 * 1024;
/// Streams begin at different places of the same long noise.
const SHIFT: usize = 997;
const STREAMS_MAX: usize = 64;

fn noise() -> &'static [u8] {
    static NOISE: OnceLock<Vec<u8>> = OnceLock::new();
    NOISE.get_or_init(|| {
        let mut draw = Draw::new(0x6d61_666f, 1);
        (0..STREAM_MAX + SHIFT * STREAMS_MAX).map(|_| draw.any() as u8).collect()
    })
}

/// The bytes from `offset` on that `side` sends on connection `conn`, at most [`STREAM_MAX`] in all.
#[must_use]
pub fn bytes(conn: usize, side: Side, offset: u64, len: usize) -> &'static [u8] {
    let shift = SHIFT * ((conn * 2 + side.index()) % STREAMS_MAX);
    let start = shift + offset as usize;
    &noise()[start..start + len]
}
