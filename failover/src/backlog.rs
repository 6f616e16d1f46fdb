//! Frames of peers that wait for room in an Ethernet queue.
//!
//! When connections change their owners, or while they are tunnelled, more frames can come at once than a queue takes. They
//! wait here, all in one line, so that none overtakes another of its connection. What becomes of one is decided when
//! there is room: by who owns its connection then.

use std::collections::VecDeque;

use mafo_mem::Nanos;
use mafo_stack::{Core, MemberId, Verdict};

use crate::bond::{Bond, LinkId};
use crate::mac::readdress;
use crate::snoop::Seen;

/// Frames that may wait: a window of each of some dozens of connections.
const FRAMES_MAX: usize = 4096;
/// When it is tried again: about what a card takes for a burst.
pub(crate) const PATIENCE: Nanos = Nanos::from_micros(10);

/// Those that wait.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// By which link each came.
    frames: VecDeque<(LinkId, Vec<u8>)>,
    next_try: Nanos,
}

impl Backlog {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// When there is something to do.
    pub(crate) fn poll_timeout(&self) -> Option<Nanos> {
        (!self.is_empty()).then_some(self.next_try)
    }
}

impl Bond {
    /// A frame that came in by `link` waits; one too many is dropped.
    pub(crate) fn wait_for_room(&mut self, link: LinkId, frame: &[u8]) {
        if self.backlog.frames.len() >= FRAMES_MAX {
            self.counters.tx_full += 1;
            return;
        }
        self.counters.waited_frames += 1;
        self.backlog.frames.push_back((link, frame.to_vec()));
    }

    /// Whether a frame can be put into the adapter of `link` now.
    pub(crate) fn has_room(&self, core: &mut Core, link: LinkId) -> bool {
        let Some(member) = core.member_mut(link.member) else { return false };
        let Some(index) = member.lcore.port_index(link.port) else { return false };
        member.lcore.eth[index].room(1) > 0
    }

    /// Gives held frames to the connection's owner, ahead of those that came later, in the order in which they came.
    pub(crate) fn give(
        &mut self,
        now: Nanos,
        core: &mut Core,
        owner: Option<LinkId>,
        mut held: VecDeque<Vec<u8>>,
    ) {
        let Some(owner) = owner else {
            for frame in held {
                self.give_to_host(now, core, MemberId(0), frame);
            }
            return;
        };
        while !held.is_empty() && self.has_room(core, owner) {
            if let Some(frame) = held.pop_front() {
                self.inject(core, owner.member, owner.port, &frame);
            }
        }
        self.counters.waited_frames += held.len() as u64;
        while let Some(frame) = held.pop_back() {
            self.backlog.frames.push_front((owner, frame));
        }
    }

    /// Gives a frame that came in by `member` to the stack.
    pub(crate) fn give_to_host(
        &self,
        now: Nanos,
        core: &mut Core,
        member: MemberId,
        mut frame: Vec<u8>,
    ) {
        // It came for the address that the bond had then.
        readdress(&mut frame, core.mac());
        core.handle_frame(now, member, &frame);
    }

    /// Lets go on what there is room for.
    pub(crate) fn poll_backlog(&mut self, now: Nanos, core: &mut Core) {
        while let Some((link, frame)) = self.backlog.frames.pop_front() {
            let Some(seen) = Seen::of(&frame) else { continue };
            match self.take_from_wire(now, core, link, &seen, &frame) {
                Taken::For(Verdict::Taken) => {}
                Taken::For(Verdict::Stack) => self.give_to_host(now, core, link.member, frame),
                Taken::NoRoom => {
                    self.backlog.frames.push_front((link, frame));
                    self.backlog.next_try = now + PATIENCE;
                    break;
                }
            }
        }
    }
}

/// What became of a frame that came in by a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// This.
    For(Verdict),
    /// Nothing yet: the adapter that it is for takes no more at the moment.
    NoRoom,
}
