//! Sets of events (epoll), level- and edge-triggered.

use std::collections::{BTreeMap, VecDeque};

use libc::c_int;

use crate::errno::{Errno, Outcome};

/// EPOLLIN and its like, as `struct epoll_event` has them.
pub type Mask = u32;

/// There are bytes, a connection to accept, or the end.
pub const IN: Mask = (libc::EPOLLIN | libc::EPOLLRDNORM) as Mask;
/// There is room to write.
pub const OUT: Mask = (libc::EPOLLOUT | libc::EPOLLWRNORM) as Mask;
/// The peer writes nothing more.
pub const RDHUP: Mask = libc::EPOLLRDHUP as Mask;
/// Nobody writes anything more.
pub const HUP: Mask = libc::EPOLLHUP as Mask;
/// There is an error to be told.
pub const ERR: Mask = libc::EPOLLERR as Mask;
/// Told whether asked for or not.
const ALWAYS: Mask = HUP | ERR;
/// Flags of a request that are no events.
const FLAGS: Mask =
    (libc::EPOLLET | libc::EPOLLONESHOT | libc::EPOLLEXCLUSIVE | libc::EPOLLWAKEUP) as Mask;

#[derive(Debug)]
struct Item {
    events: Mask,
    token: u64,
    /// Whether it is in the queue of those to look at.
    queued: bool,
}

/// A set of events.
#[derive(Debug, Default)]
pub struct Epoll {
    items: BTreeMap<c_int, Item>,
    /// Those with news since they were last looked at, in the order of the news.
    queue: VecDeque<c_int>,
}

impl Epoll {
    /// EPOLL_CTL_ADD.
    pub fn add(&mut self, fd: c_int, events: Mask, token: u64) -> Outcome<()> {
        if self.items.contains_key(&fd) {
            return Err(Errno(libc::EEXIST));
        }
        self.items.insert(fd, Item { events, token, queued: false });
        self.enqueue(fd);
        Ok(())
    }

    /// EPOLL_CTL_MOD.
    pub fn modify(&mut self, fd: c_int, events: Mask, token: u64) -> Outcome<()> {
        let item = self.items.get_mut(&fd).ok_or(Errno(libc::ENOENT))?;
        (item.events, item.token) = (events, token);
        self.enqueue(fd);
        Ok(())
    }

    /// EPOLL_CTL_DEL.
    pub fn delete(&mut self, fd: c_int) -> Outcome<()> {
        if !self.items.contains_key(&fd) {
            return Err(Errno(libc::ENOENT));
        }
        self.forget(fd);
        Ok(())
    }

    /// `fd` is closed.
    pub fn forget(&mut self, fd: c_int) {
        self.items.remove(&fd);
        self.queue.retain(|&queued| queued != fd);
    }

    fn enqueue(&mut self, fd: c_int) {
        let Some(item) = self.items.get_mut(&fd) else { return };
        if !item.queued {
            item.queued = true;
            self.queue.push_back(fd);
        }
    }

    /// `fd` has news of the kinds in `mask`: whoever waits for one of them is to look.
    pub fn wake(&mut self, fd: c_int, mask: Mask) {
        if self.items.get(&fd).is_some_and(|item| (item.events | ALWAYS) & mask != 0) {
            self.enqueue(fd);
        }
    }

    /// Takes up to `max` events, each with its token; `ready` tells what a descriptor is ready for.
    ///
    /// An edge-triggered one is not looked at again before there is news; one that is level-triggered is,
    /// for as long as it is ready, behind the others.
    pub fn take(&mut self, max: usize, mut ready: impl FnMut(c_int) -> Mask) -> Vec<(Mask, u64)> {
        let mut taken = Vec::new();
        let mut again = Vec::new();
        while taken.len() < max
            && let Some(fd) = self.queue.pop_front()
        {
            let Some(item) = self.items.get_mut(&fd) else { continue };
            item.queued = false;
            let wanted = item.events & !FLAGS;
            // Nothing is wanted of one that was told once and not asked for again.
            let told = if wanted == 0 { 0 } else { ready(fd) & (wanted | ALWAYS) };
            if told == 0 {
                continue;
            }
            taken.push((told, item.token));
            if item.events & libc::EPOLLONESHOT as Mask != 0 {
                item.events &= FLAGS;
            } else if item.events & libc::EPOLLET as Mask == 0 {
                again.push(fd);
            }
        }
        for fd in again {
            self.enqueue(fd);
        }
        taken
    }
}
