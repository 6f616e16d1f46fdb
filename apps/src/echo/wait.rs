//! When to poll and when to sleep.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::time::Duration;

use mafo::Nanos;

use crate::sys::{self, Epoll, Ready};

/// For so long after the last sign of life everything is polled: what was set going comes to rest.
const QUIET: Nanos = Nanos::from_millis(2);
/// The longest sleep.
const NAP: Nanos = Nanos::from_millis(100);
/// The event loop's numbers of the descriptors that tell of signals; cables have those above.
const SIGNALS: u64 = 0;
const HANGUP: u64 = 1;
/// What a signalfd gives for a signal, in bytes.
const SIGINFO: usize = size_of::<libc::signalfd_siginfo>();

/// What goes on after a look around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// The next turn.
    On,
    /// The user wants the policy to be read again.
    Reload,
    /// The user wants an end.
    End,
}

/// Looks at the cables and for signals, and sleeps while there is nothing.
pub(super) struct Waiter {
    epoll: Epoll,
    wakers: Vec<OwnedFd>,
    _signals: OwnedFd,
    hangup: Option<File>,
    ready: Vec<Ready>,
    last_life: Nanos,
}

impl Waiter {
    /// Waits for what can be read from `wakers`, and takes over SIGINT and SIGTERM; SIGHUP as well, if there is something that
    /// can be reloaded.
    pub(super) fn new(wakers: Vec<OwnedFd>, reloads: bool) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        let signals = sys::termination()?;
        epoll.add(&signals, SIGNALS, libc::EPOLLIN as u32)?;
        let hangup = if reloads { Some(File::from(sys::hangup()?)) } else { None };
        if let Some(hangup) = &hangup {
            epoll.add(hangup, HANGUP, libc::EPOLLIN as u32)?;
        }
        for (token, waker) in (HANGUP + 1..).zip(&wakers) {
            epoll.add(waker, token, libc::EPOLLIN as u32)?;
        }
        let (ready, last_life) = (Vec::new(), Nanos::ZERO);
        Ok(Self { epoll, wakers, _signals: signals, hangup, ready, last_life })
    }

    /// Sleeps until something can be read or `timer` is over; not at all when `busy`, or when there
    /// was something a moment ago.
    pub(super) fn rest(
        &mut self,
        now: Nanos,
        timer: Option<Nanos>,
        busy: bool,
    ) -> io::Result<Course> {
        if busy {
            self.last_life = now;
        }
        let sleep = sleep(now, self.last_life, timer);
        self.epoll.wait(self.wakers.len() + 2, Some(sleep), &mut self.ready)?;
        let mut course = Course::On;
        for ready in &self.ready {
            if ready.token == SIGNALS {
                return Ok(Course::End);
            }
            if ready.token == HANGUP {
                if let Some(hangup) = &mut self.hangup {
                    hangup.read_exact(&mut [0; SIGINFO])?;
                }
                course = Course::Reload;
                continue;
            }
            if ready.events & libc::EPOLLIN as u32 == 0 {
                // A cable that was deleted has nothing more to say, again and again.
                self.epoll.remove(&self.wakers[(ready.token - HANGUP - 1) as usize])?;
            }
            self.last_life = now;
        }
        Ok(course)
    }
}

/// How long nobody has to look.
fn sleep(now: Nanos, last_life: Nanos, timer: Option<Nanos>) -> Duration {
    let rested = now - last_life >= QUIET;
    let until_timer = timer.map_or(NAP, |at| at - now).min(NAP);
    Duration::from_nanos(if rested { until_timer.0 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sleeps_who_has_just_seen_life_or_whose_timer_is_due() {
        let at = Nanos::from_millis;
        let sleep = |now, life, timer| sleep(at(now), at(life), timer).as_millis();
        assert_eq!(sleep(10, 9, None), 0);
        assert_eq!(sleep(10, 8, None), 100);
        assert_eq!(sleep(10, 8, Some(at(40))), 30);
        assert_eq!(sleep(10, 8, Some(at(500))), 100);
        assert_eq!(sleep(10, 8, Some(at(9))), 0);
    }
}
