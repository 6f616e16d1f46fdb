//! How an lcore sleeps, and who wakes it.
//!
//! An lcore that has nothing to do says so ([`Bell::sleep`]) and waits in ppoll(2) for its eventfd, for other descriptors, or
//! for a time. Whoever gives it something rings ([`Bell::ring`]) when that can be seen: a system call only if it sleeps.
//!
//! Nothing is lost between the two. The sleeper stores that it sleeps, then looks once more for what there is; the sender
//! stores what there is, then looks whether anybody sleeps. Both have a sequentially consistent fence in between, so at
//! least one of them sees what the other has stored. What the sleeper cannot look at without taking it (an order in a channel,
//! a carrier) is told by [`Bell::call`], which keeps for the next sleep.

#![expect(unsafe_code, reason = "eventfd and ppoll, which std does not offer")]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::task::Wake;
use std::time::{Duration, Instant};

use mafo_mem::Nanos;

/// The bell of one lcore, that any may ring.
#[derive(Debug)]
pub struct Bell {
    /// An eventfd, non-blocking.
    file: File,
    asleep: AtomicBool,
    /// Whoever has called is to be looked for before the next sleep.
    called: AtomicBool,
    /// When it was rung last, in nanoseconds since `made`: what a wake-up costs is known here alone.
    rung: AtomicU64,
    made: Instant,
}

/// How a sleep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There was something to do after all.
    Awake,
    /// Somebody rang, so long ago.
    Rung(Nanos),
    /// Another descriptor can be read.
    Other,
    /// The time is over.
    Late,
}

/// For those to whom a bell is nothing but something to wake by: whoever is woken may not look before he sleeps.
impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.call();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.call();
    }
}

impl Bell {
    /// A bell that nobody hears yet.
    ///
    /// # Errors
    ///
    /// Those of eventfd(2): no descriptor is left.
    pub fn new() -> io::Result<Arc<Self>> {
        // SAFETY: the call takes two integers. What it returns is a descriptor that nobody else has, or -1.
        let file = unsafe {
            match libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) {
                -1 => return Err(io::Error::last_os_error()),
                fd => File::from_raw_fd(fd),
            }
        };
        Ok(Arc::new(Self {
            file,
            asleep: AtomicBool::new(false),
            called: AtomicBool::new(false),
            rung: AtomicU64::new(0),
            made: Instant::now(),
        }))
    }

    /// Something has been given to the lcore, where it looks before it sleeps.
    #[inline]
    pub fn ring(&self) {
        // Pairs with the fence in `sleep`.
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    /// Something has been given to it where it does not look before it sleeps: it does not sleep before its next turn.
    pub fn call(&self) {
        self.called.store(true, Ordering::Release);
        self.ring();
    }

    #[cold]
    fn wake(&self) {
        // One of several who ring at a time is enough.
        if self.asleep.swap(false, Ordering::AcqRel) {
            self.rung.store(self.age(), Ordering::Release);
            // It can only fail when the count is full: then it is awake anyway.
            let _ = (&self.file).write(&1u64.to_ne_bytes());
        }
    }

    /// Nanoseconds since it was made.
    fn age(&self) -> u64 {
        u64::try_from(self.made.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Sleeps until somebody rings, one of `others` can be read, or `timeout` is over; not at all if somebody has called
    /// since the last sleep, or if `is_busy`, which is asked when whoever rings from now on is heard.
    ///
    /// # Errors
    ///
    /// Those of ppoll(2): more descriptors than a process may have.
    pub fn sleep(
        &self,
        others: &[BorrowedFd<'_>],
        timeout: Duration,
        is_busy: impl FnOnce() -> bool,
    ) -> io::Result<Woken> {
        self.asleep.store(true, Ordering::Relaxed);
        // Pairs with the fence in `ring`.
        fence(Ordering::SeqCst);
        let is_busy = self.called.swap(false, Ordering::Acquire) || is_busy();
        let slept = if is_busy { Ok((Woken::Awake, false)) } else { self.wait(others, timeout) };
        // First of all, or the rest of this function would count as a wake-up.
        let age = self.age();
        let was_rung = !self.asleep.swap(false, Ordering::AcqRel);
        let (woken, is_set) = slept?;
        // Who has rung may be about to write: then the next sleep is a short one.
        let is_emptied = (was_rung || is_set) && (&self.file).read(&mut [0; 8]).is_ok();
        Ok(match woken {
            Woken::Awake => Woken::Awake,
            // Of one who was about to write when the sleep before ended nobody knows how long ago that was.
            _ if is_emptied && !was_rung => Woken::Awake,
            _ if is_emptied => {
                let rung = self.rung.load(Ordering::Acquire);
                Woken::Rung(Nanos(age.saturating_sub(rung)))
            }
            woken => woken,
        })
    }

    /// What has happened, and whether the eventfd is among it.
    fn wait(&self, others: &[BorrowedFd<'_>], timeout: Duration) -> io::Result<(Woken, bool)> {
        let entry = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let own = core::iter::once(self.file.as_raw_fd());
        let mut list: Vec<libc::pollfd> =
            own.chain(others.iter().map(AsRawFd::as_raw_fd)).map(entry).collect();
        let timeout = libc::timespec {
            tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        // SAFETY: `list` is as many pollfds as are said, `timeout` one timespec; no signal mask is given.
        let ready = unsafe {
            libc::ppoll(
                list.as_mut_ptr(),
                list.len() as libc::nfds_t,
                &raw const timeout,
                core::ptr::null(),
            )
        };
        match ready {
            -1 => match io::Error::last_os_error() {
                // By a signal, whose handler has left something to look at.
                error if error.kind() == io::ErrorKind::Interrupted => Ok((Woken::Awake, false)),
                error => Err(error),
            },
            0 => Ok((Woken::Late, false)),
            _ => Ok((Woken::Other, list[0].revents != 0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn who_does_not_sleep_is_not_woken() {
        let bell = Bell::new().expect("an eventfd");
        bell.ring();
        assert_eq!(bell.sleep(&[], Duration::ZERO, || false).expect("poll"), Woken::Late);
        assert_eq!(bell.sleep(&[], LONG, || true).expect("poll"), Woken::Awake);
    }

    #[test]
    fn a_ring_in_the_last_moment_is_heard_and_not_twice() {
        let bell = Bell::new().expect("an eventfd");
        let woken = bell.sleep(&[], LONG, || {
            bell.ring();
            bell.ring();
            false
        });
        assert!(matches!(woken.expect("poll"), Woken::Rung(_)));
        assert_eq!(bell.sleep(&[], Duration::ZERO, || false).expect("poll"), Woken::Late);
        // Whoever finds something after all leaves no ring behind.
        let woken = bell.sleep(&[], LONG, || {
            bell.ring();
            true
        });
        assert_eq!(woken.expect("poll"), Woken::Awake);
        assert_eq!(bell.sleep(&[], Duration::ZERO, || false).expect("poll"), Woken::Late);
    }

    #[test]
    fn who_is_called_takes_another_turn_before_it_sleeps() {
        let bell = Bell::new().expect("an eventfd");
        bell.call();
        assert_eq!(bell.sleep(&[], LONG, || false).expect("poll"), Woken::Awake);
        assert_eq!(bell.sleep(&[], Duration::ZERO, || false).expect("poll"), Woken::Late, "once");
        let woken = bell.sleep(&[], LONG, || {
            bell.call();
            false
        });
        assert!(matches!(woken.expect("poll"), Woken::Rung(_)), "who sleeps is woken");
    }

    #[test]
    fn a_wake_up_is_measured_from_the_ring() {
        let bell = Bell::new().expect("an eventfd");
        // Its own age is not what is told.
        std::thread::sleep(Duration::from_millis(20));
        let before = Instant::now();
        let woken = bell.sleep(&[], LONG, || {
            bell.ring();
            false
        });
        let after = before.elapsed();
        let Woken::Rung(ago) = woken.expect("poll") else { panic!("rung") };
        assert!(ago > Nanos::ZERO && u128::from(ago.0) < after.as_nanos(), "{ago:?} of {after:?}");
    }

    #[test]
    fn other_descriptors_wake_as_well() {
        let (bell, other) = (Bell::new().expect("an eventfd"), Bell::new().expect("an eventfd"));
        (&other.file).write_all(&1u64.to_ne_bytes()).expect("room");
        let others = [other.file.as_fd()];
        assert_eq!(bell.sleep(&others, LONG, || false).expect("poll"), Woken::Other);
    }

    /// Two threads hand a number to and fro: one ring too few, and both sleep for good.
    #[test]
    fn no_ring_is_lost() {
        const ROUNDS: usize = 2_000;
        let bells = [Bell::new().expect("an eventfd"), Bell::new().expect("an eventfd")];
        let number = AtomicUsize::new(0);
        let play = |me: usize| {
            let mut slept = 0;
            while number.load(Ordering::Acquire) < ROUNDS {
                if number.load(Ordering::Acquire) % 2 == me {
                    number.fetch_add(1, Ordering::Release);
                    bells[1 - me].ring();
                    continue;
                }
                let is_busy = || {
                    let number = number.load(Ordering::Acquire);
                    number % 2 == me || number >= ROUNDS
                };
                let woken = bells[me].sleep(&[], LONG, is_busy).expect("poll");
                assert_ne!(woken, Woken::Late, "a ring was lost at {number:?}");
                slept += usize::from(woken != Woken::Awake);
            }
            slept
        };
        let slept = std::thread::scope(|scope| {
            let other = scope.spawn(|| play(1));
            (play(0), other.join().expect("no panic"))
        });
        assert!(slept.0 + slept.1 > 0, "somebody slept: {slept:?}");
    }
}
