//! What an lcore does that has nothing to do, and what that costs.
//!
//! An lcore that sleeps does it in ppoll(2): until its next timer, until somebody rings its [`Bell`] (whoever puts a frame into
//! one of its rings or has an order for it), or until a descriptor can be read. A turn that found nothing is not enough: what
//! one part of an lcore does at the end of a turn another part may see only in the next.

use std::fmt::Write;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use mafo::Nanos;
use mafo::eal::clock::Clock;
use mafo::failover::Distribution;
use mafo::wire::bell::{Bell, Woken};

use super::verdict::fine_micros_json;
use crate::sys;

/// What an lcore does that has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Idle {
    /// It looks again at once: whatever comes is seen soonest, and the core is always busy
    Poll,
    /// It sleeps until its next timer, or until a frame or an order comes
    Sleep,
}

/// Turns without anything before a sleep, beside those that an application takes to look at all its connections.
const TURNS: u32 = 4;
/// A sleep that would be shorter is none: to fall asleep and to wake up costs as much.
const SHORTEST: Nanos = Nanos::from_micros(10);
/// The longest sleep: a bell that was forgotten somewhere makes the program slow, and does not end it.
pub(super) const LONGEST: Nanos = Nanos::from_millis(100);
/// The longest sleep of one who waits for something that wakes nobody.
pub(super) const SHORT: Nanos = Nanos::from_millis(1);

/// How an lcore has slept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Naps {
    /// How often, and how often somebody has ended it: not the time.
    sleeps: u64,
    woken: u64,
    /// How long, in all, and out of how much time.
    slept: Nanos,
    life: Nanos,
    /// From the ring of whoever woke it to its first instruction.
    wake: Distribution,
    /// From the end of the time that it was to sleep to its first instruction.
    late: Distribution,
}

/// One lcore's way to sleep.
pub(super) struct Sleeper {
    bell: Arc<Bell>,
    clock: Clock,
    /// When it had its first turn.
    began: Option<Nanos>,
    /// Turns in a row in which there was nothing.
    empty: u32,
    naps: Naps,
}

impl Sleeper {
    /// It will be woken by `bell`.
    pub(super) fn new(bell: Arc<Bell>, clock: Clock) -> Self {
        Self { bell, clock, began: None, empty: 0, naps: Naps::default() }
    }

    /// By which it is woken.
    pub(super) fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// How it has slept until now.
    pub(super) fn naps(&self) -> Naps {
        let life = self.began.map_or(Nanos::ZERO, |began| self.clock.now() - began);
        Naps { life, ..self.naps.clone() }
    }

    /// After a turn that found something if `is_busy`: sleeps if there was nothing for some turns, `rounds` beside a few,
    /// until `due` says, for `longest` at most, or until one of `others` can be read. Whether it has slept.
    pub(super) fn rest<'a>(
        &mut self,
        (is_busy, rounds): (bool, usize),
        longest: Nanos,
        others: impl Iterator<Item = BorrowedFd<'a>>,
        mut due: impl FnMut() -> Option<Nanos>,
    ) -> io::Result<bool> {
        if self.began.is_none() {
            self.began = Some(self.clock.now());
            // A timer of the kernel would be late by 50 µs otherwise.
            sys::sharpen_timers();
        }
        if is_busy {
            self.empty = 0;
            return Ok(false);
        }
        let now = self.clock.now();
        let end = due().map_or(now + longest, |due| due.min(now + longest));
        if end < now + SHORTEST {
            if end <= now {
                self.empty = 0;
            }
            return Ok(false);
        }
        self.empty += 1;
        if self.empty as usize <= TURNS as usize + rounds {
            return Ok(false);
        }
        // Whatever wakes it may be for the last connection that an application looks at.
        self.empty = 0;
        let (clock, others) = (self.clock, others.collect::<Vec<_>>());
        let timeout = Duration::from_nanos((end - now).0);
        let has_come = || due().is_some_and(|due| due <= clock.now());
        let woken = self.bell.sleep(&others, timeout, has_come)?;
        self.note(woken, (now, end, clock.now()));
        Ok(true)
    }

    /// It slept from `from`, to `to` at most, and until `now`.
    fn note(&mut self, woken: Woken, (from, to, now): (Nanos, Nanos, Nanos)) {
        let naps = &mut self.naps;
        match woken {
            Woken::Awake => return,
            Woken::Rung(ago) => naps.wake.record(ago),
            Woken::Other => {}
            Woken::Late => naps.late.record(now - to),
        }
        naps.sleeps += 1;
        naps.woken += u64::from(woken != Woken::Late);
        naps.slept += now - from;
    }
}

/// How all lcores have slept.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    mode: Idle,
    /// By lcore.
    naps: Vec<Naps>,
}

impl Rest {
    /// Nobody has yet.
    pub(crate) fn new(mode: Idle) -> Self {
        Self { mode, naps: Vec::new() }
    }

    /// An lcore, the next one, has slept so.
    pub(super) fn add(&mut self, naps: Naps) {
        self.naps.push(naps);
    }

    /// All lcores' together.
    fn sum(&self) -> Naps {
        let mut sum = Naps::default();
        for naps in &self.naps {
            sum.sleeps += naps.sleeps;
            sum.woken += naps.woken;
            sum.slept += naps.slept;
            sum.life += naps.life;
            sum.wake.add(&naps.wake);
            sum.late.add(&naps.late);
        }
        sum
    }

    /// The part of its time that each lcore slept.
    fn shares(&self) -> Vec<f64> {
        let share = |naps: &Naps| naps.slept.0 as f64 / naps.life.0.max(1) as f64;
        self.naps.iter().map(share).collect()
    }

    /// A line for people; nothing where nobody was to sleep.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        if self.mode == Idle::Poll {
            return out;
        }
        let sum = self.sum();
        let micros = |times: &Distribution| match times.count() {
            0 => "nothing to measure".to_owned(),
            _ => {
                let [p50, p99] = [0.5, 0.99].map(|part| times.quantile(part).0 as f64 / 1e3);
                format!("p50 {p50:.1} µs, p99 {p99:.1} µs")
            }
        };
        let shares: Vec<String> =
            self.shares().iter().map(|share| format!("{:.0} %", 100.0 * share)).collect();
        let _ = writeln!(
            out,
            "idle: {} sleeps, {} ended by a frame or an order; from ring to run {}; timers late by {}; asleep {} of the time",
            sum.sleeps,
            sum.woken,
            micros(&sum.wake),
            micros(&sum.late),
            shares.join(", ")
        );
        out
    }

    /// One JSON object. Times of which there are none are null.
    pub(crate) fn json(&self) -> String {
        let sum = self.sum();
        let times = |times: &Distribution| match times.count() {
            0 => "null".to_owned(),
            _ => fine_micros_json(times),
        };
        let mode = if self.mode == Idle::Sleep { "sleep" } else { "poll" };
        let shares: Vec<String> = self.shares().iter().map(|share| format!("{share:.4}")).collect();
        format!(
            "{{\"mode\":\"{mode}\",\"sleeps\":{},\"wakeups\":{},\"slept_s\":{:.6},\"wake_us\":{},\"late_us\":{},\
             \"asleep\":[{}]}}",
            sum.sleeps,
            sum.woken,
            sum.slept.as_secs_f64(),
            times(&sum.wake),
            times(&sum.late),
            shares.join(",")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: fn(u64) -> Nanos = Nanos::from_micros;

    fn sleeper() -> Sleeper {
        Sleeper::new(Bell::new().expect("an eventfd"), Clock::start())
    }

    /// Turns without anything until it slept, `due` in a millisecond.
    fn turns_until_asleep(sleeper: &mut Sleeper, rounds: usize) -> u32 {
        let due = sleeper.clock.now() + Nanos::from_secs(60);
        for turn in 1..100 {
            let longest = Nanos::from_millis(1);
            let rest = sleeper.rest((false, rounds), longest, std::iter::empty(), || Some(due));
            if rest.expect("poll") {
                return turn;
            }
        }
        panic!("it never sleeps");
    }

    #[test]
    fn some_empty_turns_come_before_a_sleep_and_again_before_the_next() {
        let mut sleeper = sleeper();
        for rounds in [0, 3] {
            assert_eq!(turns_until_asleep(&mut sleeper, rounds), TURNS + rounds as u32 + 1);
        }
        let rest = sleeper.rest((true, 0), LONGEST, std::iter::empty(), || None);
        assert!(!rest.expect("poll"), "it was busy");
        let naps = sleeper.naps();
        assert_eq!((naps.sleeps, naps.woken, naps.late.count()), (2, 0, 2));
        assert!(naps.slept > Nanos::ZERO && naps.slept <= naps.life, "{naps:?}");
    }

    #[test]
    fn what_is_due_keeps_it_awake() {
        let mut sleeper = sleeper();
        for _ in 0..100 {
            let rest = sleeper.rest((false, 0), LONGEST, std::iter::empty(), || Some(Nanos::ZERO));
            assert!(!rest.expect("poll"));
        }
        assert_eq!(sleeper.naps().sleeps, 0);
    }

    #[test]
    fn shares_and_times_are_told_of_all_lcores() {
        let mut sleeper = sleeper();
        sleeper.note(Woken::Rung(US(5)), (US(0), US(90), US(30)));
        sleeper.note(Woken::Late, (US(40), US(50), US(57)));
        sleeper.note(Woken::Other, (US(60), US(90), US(73)));
        sleeper.note(Woken::Awake, (US(80), US(90), US(81)));
        let mut rest = Rest::new(Idle::Sleep);
        rest.add(Naps { life: US(100), ..sleeper.naps });
        rest.add(Naps { life: US(100), ..Naps::default() });
        assert_eq!(
            rest.json(),
            "{\"mode\":\"sleep\",\"sleeps\":3,\"wakeups\":2,\"slept_s\":0.000060,\
             \"wake_us\":{\"p50\":5.000,\"p99\":5.000,\"max\":5.000},\
             \"late_us\":{\"p50\":7.000,\"p99\":7.000,\"max\":7.000},\"asleep\":[0.6000,0.0000]}"
        );
        assert!(rest.text().contains("3 sleeps, 2 ended by"), "{}", rest.text());
        assert!(rest.text().contains("asleep 60 %, 0 % of the time"), "{}", rest.text());
        let poll = Rest::new(Idle::Poll);
        assert!(
            poll.text().is_empty() && poll.json().contains("\"wake_us\":null,\"late_us\":null")
        );
    }
}
