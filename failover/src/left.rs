//! A link that was left while it was up is heard out first.
//!
//! Frames of the peer wait in its cable and its card while newer ones come by the link that took over. Heard in turns, they
//! would overtake one another: gaps where nothing is lost, old timestamps behind new ones, for both of which the peer sends
//! again. So the new link's card is not listened to in a poll before which the old one's has received something; meanwhile
//! it pauses its cable, and what is there waits as it would have waited behind the others on the old one.

use mafo_mem::Nanos;
use mafo_pmd::Congestion;
use mafo_stack::{Core, MemberId};

use crate::bond::{Bond, LinkId};

/// What is still to come by a link that was left.
#[derive(Debug)]
pub(crate) struct Left {
    link: LinkId,
    /// Who waits.
    heir: MemberId,
    until: Nanos,
    /// Frames that its port had received at the last look.
    frames: Option<u64>,
    /// Whether the last look found new ones, and when it was.
    is_heard: bool,
    looked: Nanos,
}

/// For how long at most: whoever has not learnt by then where we are is not waited for.
const HEARD_OUT: Nanos = Nanos::from_millis(100);
/// How soon it is looked at again.
const LOOK_AGAIN: Nanos = Nanos::from_micros(10);

impl Bond {
    /// Another link than `from`, which is up, is active now.
    pub(crate) fn hear_out(&mut self, now: Nanos, core: &Core, from: LinkId, heir: MemberId) {
        // Who would drop what waits too long loses more than order. By a port that is no adapter's it waits in the cable.
        let pauses = core
            .member(heir)
            .is_none_or(|member| member.lcore.resources().congestion == Congestion::Pause);
        self.left = (pauses && from.member != heir).then(|| Left {
            link: from,
            heir,
            until: now + HEARD_OUT,
            frames: received(core, from),
            is_heard: true,
            looked: now,
        });
    }

    /// Whether `member` is to wait until a link that was left has been heard out.
    pub(crate) fn is_to_wait(&mut self, now: Nanos, core: &Core, member: MemberId) -> bool {
        let Some(left) = self.left.as_mut().filter(|left| left.heir == member) else {
            return false;
        };
        let frames = received(core, left.link);
        left.is_heard = frames != core::mem::replace(&mut left.frames, frames);
        left.looked = now;
        if frames.is_none() || now >= left.until {
            self.left = None;
        }
        self.waits_for_left()
    }

    /// Whether the last poll has heard something by a link that was left.
    pub(crate) fn waits_for_left(&self) -> bool {
        self.left.as_ref().is_some_and(|left| left.is_heard)
    }

    /// When a link that was left is to be looked at again.
    pub(crate) fn left_timeout(&self) -> Option<Nanos> {
        self.left.as_ref().filter(|left| left.is_heard).map(|left| left.looked + LOOK_AGAIN)
    }
}

/// Frames that a link has received.
fn received(core: &Core, link: LinkId) -> Option<u64> {
    match core.member(link.member) {
        Some(card) => card.lcore.rx_frames(link.port),
        None => core.port_counters(link.member).map(|counters| counters.rx_frames),
    }
}
