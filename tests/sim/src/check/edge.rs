//! Up to where an end lets its peer send.

use mafo_mem::Nanos;

/// A right edge, which never moves left (RFC 9293, 3.8.6).
#[derive(Debug, Default)]
pub(super) struct RightEdge {
    told: Option<i64>,
    /// What was told before it moved last, and when that was.
    before: Option<(i64, Nanos)>,
}

/// By less than this a window is not opened (RFC 9293, 3.8.6.2.2): the greatest segment here.
const STEP: i64 = 1460;

impl RightEdge {
    pub(super) fn told(&self) -> Option<i64> {
        self.told
    }

    /// `edge` is told in units of `unit`.
    pub(super) fn tell(&mut self, at: Nanos, edge: i64, unit: i64) -> Result<(), String> {
        if let Some(told) = self.told.filter(|told| told - edge >= unit) {
            return Err(format!("right edge {edge} after {told}"));
        }
        if self.told.is_none_or(|told| edge > told) {
            self.before = self.told.replace(edge).map(|before| (before, at));
        }
        Ok(())
    }

    /// What was told last was told by a host in place of its card, which it made ask what the peer took. The host knows the
    /// card's window, but not whether the card has told the last few bytes of it, less than a segment, and it may be that
    /// the card goes on. Both segments of that question leave at once: a keepalive of the card's own moves nothing.
    pub(super) fn told_by_the_host(&mut self, at: Nanos) {
        if let (Some(told), Some((before, moved))) = (self.told, self.before)
            && moved == at
        {
            self.told = Some(before.max(told - STEP + 1));
        }
    }
}
