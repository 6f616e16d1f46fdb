//! By which links a connection leaves where all carry, and how long what it left in the queue of another may come out late:
//! links side by side are no single queue.

/// The ways of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ways {
    /// By which link it leaves, since which poll, and by which it did before.
    via: Option<usize>,
    since: u64,
    before: Option<usize>,
    /// By link, the last poll at which the bond was moving the connection there: what crosses the host meanwhile leaves by
    /// that link, unless the move comes to nothing while it waits there.
    bound: [Option<u64>; LINKS_MAX],
}

/// Links of a bond.
const LINKS_MAX: usize = 3;

impl Ways {
    /// The bond moves the connection to `link`.
    pub(super) fn bound_for(&mut self, link: usize, poll: u64) {
        self.bound[link] = Some(poll);
    }

    /// Whether what leaves by `link` waited in a queue there while the connection was given another one, by which it
    /// has spoken since, or does again.
    pub(super) fn leaves_late(&mut self, link: usize, poll: u64, grace: u32) -> bool {
        let grace = u64::from(grace);
        if self.via == Some(link) {
            return false;
        }
        if self.before == Some(link) && poll - self.since <= grace {
            return true;
        }
        if self.bound[link].is_some_and(|last| last < poll && poll - last <= grace) {
            return true;
        }
        (self.before, self.via, self.since) = (self.via, Some(link), poll);
        false
    }
}
