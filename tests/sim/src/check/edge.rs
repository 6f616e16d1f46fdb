//! Up to where an end lets its peer send.

/// A right edge, which never moves left (RFC 9293, 3.8.6).
#[derive(Debug, Default)]
pub(super) struct RightEdge {
    told: Option<i64>,
    /// What was told before it moved last.
    before: Option<i64>,
}

/// By less than this a window is not opened (RFC 9293, 3.8.6.2.2): the greatest segment here.
const STEP: i64 = 1460;

impl RightEdge {
    pub(super) fn told(&self) -> Option<i64> {
        self.told
    }

    /// `edge` is told in units of `unit`.
    pub(super) fn tell(&mut self, edge: i64, unit: i64) -> Result<(), String> {
        if let Some(told) = self.told.filter(|told| told - edge >= unit) {
            return Err(format!("right edge {edge} after {told}"));
        }
        if self.told.is_none_or(|told| edge > told) {
            self.before = self.told.replace(edge);
        }
        Ok(())
    }

    /// What was told last was told by a host in place of its card, which it made ask what the peer took. The host knows the
    /// card's window, but not whether the card has told the last few bytes of it, less than a segment, and it may be that
    /// the card goes on.
    pub(super) fn told_by_the_host(&mut self) {
        if let (Some(told), Some(before)) = (self.told, self.before) {
            self.told = Some(before.max(told - STEP + 1));
        }
    }
}
