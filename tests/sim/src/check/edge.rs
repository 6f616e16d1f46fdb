//! Up to where an end lets its peer send.

/// A right edge, which never moves left (RFC 9293, 3.8.6).
#[derive(Debug, Default)]
pub(super) struct RightEdge {
    told: Option<i64>,
}

/// By less than this a window is not opened (RFC 9293, 3.8.6.2.2): the greatest segment here.
const STEP: i64 = 1460;

impl RightEdge {
    pub(super) fn told(&self) -> Option<i64> {
        self.told
    }

    /// `edge` is told in units of `unit`.
    pub(super) fn tell(&mut self, edge: i64, unit: i64) -> Result<(), String> {
        self.may_tell(edge, unit)?;
        self.told = self.told.max(Some(edge));
        Ok(())
    }

    /// The same, by a host in place of its card. The host knows the card's window, but not whether the card has told the
    /// last few bytes of it, less than a segment, and it may be that the card goes on.
    pub(super) fn tell_for_card(&mut self, edge: i64, unit: i64) -> Result<(), String> {
        self.may_tell(edge, unit)?;
        self.told = self.told.max(Some(edge - STEP + 1));
        Ok(())
    }

    fn may_tell(&self, edge: i64, unit: i64) -> Result<(), String> {
        match self.told {
            Some(told) if told - edge >= unit => Err(format!("right edge {edge} after {told}")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_moves_left() {
        let mut edge = RightEdge::default();
        assert_eq!(edge.tell(10_000, 1), Ok(()));
        assert_eq!(edge.tell(9_999, 1), Err("right edge 9999 after 10000".to_owned()));
        assert_eq!(edge.tell(9_900, 128), Ok(()), "less than a unit cannot be told");
        assert_eq!(edge.told(), Some(10_000));
    }

    #[test]
    fn a_card_may_say_less_than_its_host_by_less_than_a_segment() {
        let mut edge = RightEdge::default();
        assert_eq!(edge.tell(10_000, 1), Ok(()));
        assert_eq!(edge.tell_for_card(12_000, 1), Ok(()));
        assert!(edge.tell(10_540, 1).is_err());
        assert_eq!(edge.tell(10_541, 1), Ok(()));
        assert_eq!(edge.tell_for_card(11_000, 1), Ok(()));
        assert!(edge.tell(10_540, 1).is_err(), "what the card itself has told stands");
        assert!(edge.tell_for_card(10_540, 1).is_err());
    }
}
