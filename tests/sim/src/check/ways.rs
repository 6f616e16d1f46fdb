//! By which links a connection leaves where all carry, and how long what it left in the queue of another may come out late:
//! links side by side are no single queue.

/// The ways of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ways {
    /// By which link it leaves.
    via: Option<usize>,
    /// By link, the poll at which it left by another: what is in the queue there comes out behind that.
    left: [Option<u64>; LINKS_MAX],
    /// By link, the last poll at which the bond was moving the connection there: what crosses the host meanwhile leaves by
    /// that link, unless the move comes to nothing while it waits there.
    bound: [Option<u64>; LINKS_MAX],
    /// By link, the last poll of the move there before that one.
    was_bound: [Option<u64>; LINKS_MAX],
    /// By which it left late, as it was being moved there, since it last left by its way.
    strayed: [bool; LINKS_MAX],
}

/// Links of a bond.
const LINKS_MAX: usize = 3;

impl Ways {
    /// The bond moves the connection to `link`.
    pub(super) fn bound_for(&mut self, link: usize, poll: u64) {
        if let Some(before) = self.bound[link].replace(poll).filter(|before| before + 1 < poll) {
            self.was_bound[link] = Some(before);
        }
    }

    /// Whether what leaves by `link` waited in a queue there while the connection was given another one, by which it
    /// has spoken since, or does again.
    pub(super) fn leaves_late(&mut self, link: usize, poll: u64, grace: u32) -> bool {
        let is_recent = |at: u64| poll - at <= u64::from(grace);
        if self.via != Some(link) {
            if self.left[link].is_some_and(is_recent) {
                return true;
            }
            let moves = [self.bound[link], self.was_bound[link]];
            if moves.into_iter().flatten().any(|last| last < poll && is_recent(last)) {
                self.strayed[link] = true;
                return true;
            }
        }
        if let Some(via) = self.via.replace(link).filter(|&via| via != link) {
            self.left[via] = Some(poll);
        }
        for (left, strayed) in self.left.iter_mut().zip(&mut self.strayed) {
            // It did live there.
            if core::mem::take(strayed) {
                *left = Some(poll);
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: u32 = 10;

    fn leaves(ways: &mut Ways, links: &[(usize, u64)]) -> Vec<bool> {
        links.iter().map(|&(link, poll)| ways.leaves_late(link, poll, GRACE)).collect()
    }

    #[test]
    fn what_it_left_in_a_queue_comes_late_for_some_time() {
        let mut ways = Ways::default();
        assert_eq!(
            leaves(&mut ways, &[(0, 1), (1, 2), (0, 12), (0, 13)]),
            [false, false, true, false]
        );
    }

    /// The move may come to nothing: by which link it lives shows when it leaves by that later on.
    #[test]
    fn whoever_was_moved_and_is_back_may_have_left_something_there() {
        let mut ways = Ways::default();
        ways.leaves_late(0, 1, GRACE);
        ways.bound_for(1, 2);
        assert_eq!(leaves(&mut ways, &[(1, 12), (0, 30), (1, 40)]), [true, false, true]);
        assert_eq!(leaves(&mut ways, &[(0, 41), (1, 42)]), [false, false], "once");
    }

    /// It was moved there, and elsewhere, and is to leave by it again: what comes out may be of the first time.
    #[test]
    fn what_waited_since_the_move_before_is_late() {
        let mut ways = Ways::default();
        for (link, polls) in [(1, 1..4), (0, 4..8), (1, 8..11)] {
            polls.for_each(|poll| ways.bound_for(link, poll));
        }
        let mut later = ways;
        assert_eq!(leaves(&mut ways, &[(0, 7), (1, 10)]), [false, true]);
        assert_eq!(leaves(&mut later, &[(0, 20), (1, 30)]), [false, false], "too long ago");
    }

    /// A connection of the host path had the first link before it said anything.
    #[test]
    fn whoever_has_strayed_all_the_time_may_have_left_something_there() {
        let mut ways = Ways::default();
        ways.bound_for(0, 1);
        assert_eq!(leaves(&mut ways, &[(0, 2), (1, 20), (0, 21)]), [true, false, true]);
    }
}
