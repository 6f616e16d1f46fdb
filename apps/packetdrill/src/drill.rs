//! One script's run: the world behind a lock, the clock, and those who wait.
//!
//! The tool has two threads. One goes through the script; the other makes the calls that the script says are
//! to block. Virtual time goes on when one of them asks for the time, sleeps, or waits for a packet. At every
//! instant at which something happened it stops, until whoever waits in a call has looked, and waits again or
//! has returned and asked for the time, which the tool does to note when its call ended. So what the script sees does not
//! depend on how the threads are scheduled.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

use mafo::Nanos;

use crate::errno::{Errno, Outcome};
use crate::settings::Flags;
use crate::world::World;

/// What `gettimeofday` advances the clock by: the tool spins on it while it waits for an instant.
const SPIN: Nanos = Nanos::from_micros(1);
/// How far `netdev_receive` looks for a packet, and how long a call of the tool's main thread may block. Timers of the link go on for ever; those of a connection
/// have all run out by then.
const HORIZON: Nanos = Nanos::from_secs(24 * 3600);
/// Real time that one who has returned may take to ask for the virtual one; a tool that does not ask is
/// not waited for longer.
const PATIENCE: Duration = Duration::from_millis(200);

/// What an attempt at a call comes to.
pub enum Step<T> {
    /// This.
    Done(Outcome<T>),
    /// The caller has to wait, at most until then.
    Wait(Option<Nanos>),
}

impl<T> Step<T> {
    /// The outcome, but that a call which would block waits if it may.
    pub fn or_wait(outcome: Outcome<T>, may_wait: bool) -> Self {
        match outcome {
            Err(Errno::AGAIN) if may_wait => Self::Wait(None),
            outcome => Self::Done(outcome),
        }
    }
}

/// One who waits in a call.
#[derive(Debug)]
struct Waiter {
    thread: ThreadId,
    until: Option<Nanos>,
    /// The last instant at which it looked.
    looked: u64,
}

#[derive(Debug)]
struct State {
    world: World,
    waiters: Vec<Waiter>,
    /// Threads whose calls have waited and returned, and which have not asked for the time since.
    returned: Vec<ThreadId>,
    /// Counts the instants at which waiters are to look.
    instant: u64,
}

/// One script's run.
#[derive(Debug)]
pub struct Drill {
    state: Mutex<State>,
    turn: Condvar,
    /// The thread that goes through the script.
    main: ThreadId,
}

type Guard<'a> = MutexGuard<'a, State>;

impl Drill {
    /// A run with `flags`, of a script that the calling thread goes through.
    #[must_use]
    pub fn new(flags: Flags) -> Self {
        let world = World::new(flags);
        let state = State { world, waiters: Vec::new(), returned: Vec::new(), instant: 0 };
        Self { state: Mutex::new(state), turn: Condvar::new(), main: thread::current().id() }
    }

    fn lock(&self) -> Guard<'_> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_main(&self) -> bool {
        thread::current().id() == self.main
    }

    /// A call that does not block.
    pub fn call<T>(&self, op: impl FnOnce(&mut World) -> Outcome<T>) -> Outcome<T> {
        let mut state = self.lock();
        state.world.look_at_device();
        state.world.fail_over();
        let outcome = op(&mut state.world);
        state.world.settle();
        drop(self.let_others_look(state));
        outcome
    }

    /// A call that may block: `attempt` is made again whenever something has happened, and a last time when
    /// the time that it would wait is over.
    pub fn wait<T>(&self, mut attempt: impl FnMut(&mut World) -> Step<T>) -> Outcome<T> {
        let me = thread::current().id();
        let mut state = self.lock();
        let mut waited = false;
        state.world.look_at_device();
        state.world.fail_over();
        let limit = state.world.now + HORIZON;
        loop {
            let step = attempt(&mut state.world);
            state.world.settle();
            let until = match step {
                Step::Done(outcome) => {
                    self.leave(state, waited);
                    return outcome;
                }
                Step::Wait(until) => until,
            };
            if self.is_main() {
                // Nobody else moves the clock.
                let next = state.world.next_event().into_iter().chain(until).min();
                let Some(next) = next.filter(|&at| at <= limit) else {
                    eprintln!("mafo: a call would block for ever");
                    return Err(Errno(libc::EDEADLK));
                };
                state = self.run_to(state, next, |_| false);
                continue;
            }
            waited = true;
            let instant = state.instant;
            match state.waiters.iter_mut().find(|waiter| waiter.thread == me) {
                Some(waiter) => (waiter.until, waiter.looked) = (until, instant),
                None => state.waiters.push(Waiter { thread: me, until, looked: instant }),
            }
            self.turn.notify_all();
            while state.instant == instant {
                state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn leave(&self, mut state: Guard<'_>, waited: bool) {
        let me = thread::current().id();
        if waited {
            state.waiters.retain(|waiter| waiter.thread != me);
            state.returned.push(me);
            self.turn.notify_all();
        } else {
            drop(self.let_others_look(state));
        }
    }

    /// Something has happened: those who wait look, and either wait again or are gone.
    fn let_others_look<'a>(&'a self, mut state: Guard<'a>) -> Guard<'a> {
        if state.waiters.is_empty() {
            return state;
        }
        state.instant += 1;
        self.turn.notify_all();
        loop {
            let instant = state.instant;
            let all_looked = state.waiters.iter().all(|waiter| waiter.looked == instant);
            if all_looked && state.returned.is_empty() {
                return state;
            }
            let turn = self.turn.wait_timeout(state, PATIENCE);
            let (guard, timeout) = turn.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if timeout.timed_out() {
                state.returned.clear();
            }
        }
    }

    /// Moves the clock to `target`, through everything that happens until then, or until `enough` says so.
    fn run_to<'a>(
        &'a self,
        mut state: Guard<'a>,
        target: Nanos,
        enough: impl Fn(&World) -> bool,
    ) -> Guard<'a> {
        loop {
            let waiters = state.waiters.iter().filter_map(|waiter| waiter.until);
            let next = state.world.next_event().into_iter().chain(waiters).min();
            let Some(next) = next.filter(|&at| at <= target) else {
                state.world.now = state.world.now.max(target);
                return state;
            };
            state.world.advance(next);
            state = self.let_others_look(state);
            if enough(&state.world) {
                return state;
            }
        }
    }

    /// The time, which goes on by a microsecond: whoever spins gets somewhere.
    pub fn now(&self) -> Nanos {
        let me = thread::current().id();
        let mut state = self.lock();
        if let Some(place) = state.returned.iter().position(|&thread| thread == me) {
            // The end of a call that had to wait.
            state.returned.swap_remove(place);
            self.turn.notify_all();
            return state.world.now;
        }
        let target = state.world.now + SPIN;
        self.run_to(state, target, |_| false).world.now
    }

    /// Lets `duration` go by.
    pub fn sleep(&self, duration: Nanos) {
        let state = self.lock();
        let target = state.world.now + duration;
        drop(self.run_to(state, target, |_| false));
    }

    /// The next packet that leaves, and when: time goes on until there is one. `None` when there will
    /// never be one.
    pub fn next_packet(&self) -> Option<(Nanos, Vec<u8>)> {
        let mut state = self.lock();
        let has_packet = |world: &World| !world.packets.is_empty();
        if !has_packet(&state.world) {
            let before = state.world.now;
            let mut limit = before + HORIZON;
            let idle = |state: &State| {
                state.world.next_event().is_none()
                    && state.waiters.iter().all(|w| w.until.is_none())
            };
            while !has_packet(&state.world) && !idle(&state) && state.world.now < limit {
                let next = state.world.next_event().unwrap_or(limit).min(limit);
                limit = limit.max(next);
                state = self.run_to(state, next, has_packet);
            }
            if !has_packet(&state.world) {
                state.world.now = before;
            }
        }
        state.world.packets.pop_front()
    }
}
