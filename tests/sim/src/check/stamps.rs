//! Timestamps go forward, though links side by side are no single queue.

use super::echo::is_newer;

/// Half of what can be told apart of timestamps that go forward (RFC 7323, 5.2).
const FAR: u32 = 1 << 30;

/// The timestamps that one end of a connection has sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stamps {
    first: Option<u32>,
    /// The last that was not late: none goes back behind it.
    last: Option<u32>,
    /// The latest of all.
    latest: Option<u32>,
}

impl Stamps {
    /// A segment that is not late has `val`.
    pub(super) fn say(&mut self, val: u32) -> Result<(), String> {
        let is_latest = self.latest.is_none_or(|latest| !is_newer(latest, val));
        if let Some(last) = self.last.filter(|&last| !is_latest && is_newer(last, val)) {
            return Err(format!("TSval {val} after {last}"));
        }
        self.first.get_or_insert(val);
        (self.last, self.latest) = (Some(val), self.latest.filter(|_| !is_latest).or(Some(val)));
        Ok(())
    }

    /// A segment that may be late has `val`. What it says of the others is only how far behind it they can be told apart.
    pub(super) fn say_late(&mut self, val: u32) {
        if self.latest.is_none_or(|latest| is_newer(val, latest)) {
            self.latest = Some(val);
        }
        let latest = self.latest.unwrap_or(val);
        self.last = self.last.map(|last| latest.wrapping_sub(latest.wrapping_sub(last).min(FAR)));
    }

    /// Another connection begins, of the same two ends.
    pub(super) fn anew(self) -> Self {
        Self { first: self.first, ..Self::default() }
    }

    /// Whether they went past 2^32.
    pub(super) fn went_around(&self) -> bool {
        self.first.zip(self.last).is_some_and(|(first, last)| last < first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(last: u32) -> Stamps {
        Stamps { first: Some(last), last: Some(last), latest: Some(last) }
    }

    #[test]
    fn none_goes_back() {
        let mut stamps = after(u32::MAX);
        assert!(stamps.say(u32::MAX).is_ok());
        assert!(stamps.say(5).is_ok() && stamps.went_around());
        assert!(stamps.say(4).is_err());
        assert!(stamps.say(u32::MAX).is_err());
    }

    #[test]
    fn a_late_one_leaves_the_others_their_order() {
        let mut stamps = after(100);
        stamps.say_late(90);
        stamps.say_late(300);
        assert!(stamps.say(99).is_err());
        assert!(stamps.say(200).is_ok(), "the one that is late may be the other");
        assert!(stamps.say(199).is_err());
    }

    /// For some time nothing is heard but what may be late, and the clocks of cards are far apart.
    #[test]
    fn in_steps_they_go_as_far_as_they_like() {
        let mut stamps = after(100);
        stamps.say_late(100 + (FAR - 1));
        stamps.say_late(100 + (FAR - 1) * 2);
        stamps.say_late(100 + (FAR - 1) * 3);
        assert!(
            stamps.say(100 + (FAR - 1) * 3 - 5).is_ok(),
            "the one that is late may be the other"
        );
        assert!(stamps.say(100 + (FAR - 1) * 3 - 6).is_err());
        let mut stamps = after(100);
        stamps.say_late(100 + (FAR - 1));
        assert!(stamps.say(100 + (FAR - 1) + (FAR + 7)).is_ok(), "it is the latest of all");
    }
}
