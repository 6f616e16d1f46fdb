//! poll(2) and epoll(7).

use libc::c_int;

use crate::epoll::{Epoll, Mask};
use crate::errno::{Errno, Outcome};
use crate::fds::Entry;
use crate::world::World;

impl World {
    /// What of `events` `fd` is ready for, as `poll` answers it.
    pub fn poll_one(&mut self, fd: c_int, events: i16) -> i16 {
        if fd < 0 {
            return 0;
        }
        let always = libc::POLLERR | libc::POLLHUP | libc::POLLNVAL;
        match self.readiness(fd) {
            // POLLIN and its like have the values of EPOLLIN and its like.
            Ok(mask) => mask as i16 & (events | always),
            Err(_) => libc::POLLNVAL,
        }
    }

    /// epoll_create(2).
    pub fn epoll_create(&mut self, size: c_int) -> Outcome<c_int> {
        if size <= 0 {
            return Err(Errno::INVAL);
        }
        Ok(self.fds.insert(Entry::Epoll(Epoll::default())))
    }

    /// epoll_ctl(2).
    pub fn epoll_ctl(
        &mut self,
        set: c_int,
        op: c_int,
        fd: c_int,
        event: Option<(Mask, u64)>,
    ) -> Outcome<()> {
        self.fds.get(fd)?;
        let epoll = self.fds.epoll_mut(set)?;
        if set == fd {
            return Err(Errno::INVAL);
        }
        if op == libc::EPOLL_CTL_DEL {
            return epoll.delete(fd);
        }
        let (events, token) = event.ok_or(Errno::FAULT)?;
        match op {
            libc::EPOLL_CTL_ADD => epoll.add(fd, events, token),
            libc::EPOLL_CTL_MOD => epoll.modify(fd, events, token),
            _ => Err(Errno::INVAL),
        }
    }

    /// epoll_wait(2): what is ready now, at most `max`.
    pub fn epoll_take(&mut self, set: c_int, max: c_int) -> Outcome<Vec<(Mask, u64)>> {
        if max <= 0 {
            return Err(Errno::INVAL);
        }
        // The set asks the world, of which it is a part: it is taken out meanwhile.
        let mut epoll = std::mem::take(self.fds.epoll_mut(set)?);
        let taken = epoll.take(max as usize, |fd| self.readiness(fd).unwrap_or(0));
        *self.fds.epoll_mut(set)? = epoll;
        Ok(taken)
    }
}
