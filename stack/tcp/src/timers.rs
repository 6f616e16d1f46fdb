//! The timers of one connection. They hold deadlines; the owner's clock runs them.

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use crate::time::Moment;
use crate::{Config, TimersCheckpoint};

/// A deadline, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer(Moment);

impl Timer {
    /// Not running.
    pub(crate) const OFF: Self = Self(Moment::of(Nanos::MAX));

    /// The deadline; [`Nanos::MAX`] if there is none.
    pub(crate) fn at(self) -> Nanos {
        self.0.get()
    }

    /// Runs until `deadline`, whether or not it ran before.
    pub(crate) fn arm(&mut self, deadline: Nanos) {
        self.0 = Moment::of(deadline);
    }

    /// Runs until `deadline` unless it runs already.
    pub(crate) fn arm_if_off(&mut self, deadline: Nanos) {
        if !self.is_armed() {
            self.arm(deadline);
        }
    }

    pub(crate) fn stop(&mut self) {
        *self = Self::OFF;
    }

    pub(crate) fn is_armed(self) -> bool {
        self != Self::OFF
    }

    /// Whether it has run out; if so, it is off from now on.
    pub(crate) fn take_due(&mut self, now: Nanos) -> bool {
        let due = self.at() <= now;
        if due {
            self.stop();
        }
        due
    }

    /// Time left.
    pub(crate) fn left(self, now: Nanos) -> Option<Nanos> {
        self.is_armed().then(|| self.at() - now)
    }

    /// A timer that has `left` to run.
    pub(crate) fn with_left(left: Option<Nanos>, now: Nanos) -> Self {
        left.map_or(Self::OFF, |left| Self(Moment::of(now + left)))
    }
}

/// What is done when the retransmission timer runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetransmitTimer {
    /// RFC 6298: what is in flight is taken for lost.
    #[default]
    Timeout,
    /// RFC 8985 7: a probe is sent.
    TailProbe,
    /// RFC 8985 6.2: what was overtaken, and had time to come late, is taken for lost.
    Reorder,
}

/// What the timer is for that a connection has instead of three: it never waits for two of these at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// The ACK of what is in flight.
    Ack(RetransmitTimer),
    /// The peer's window, with nothing in flight.
    Window,
    /// The end of FIN-WAIT-2 or TIME-WAIT, in which all is acknowledged.
    End,
}

/// All timers of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timers {
    wait: Timer,
    wait_for: Awaited,
    /// Delayed ACK.
    pub(crate) delayed_ack: Timer,
    /// Keepalive: next probe, or the end.
    pub(crate) keepalive: Timer,
}

impl Timers {
    pub(crate) const OFF: Self = Self {
        wait: Timer::OFF,
        wait_for: Awaited::Ack(RetransmitTimer::Timeout),
        delayed_ack: Timer::OFF,
        keepalive: Timer::OFF,
    };

    fn is(&mut self, what: Awaited, deadline: Nanos) {
        self.wait.arm(deadline);
        self.wait_for = what;
    }

    fn left_for(&self, what: Awaited, now: Nanos) -> Option<Nanos> {
        if self.wait_for == what { self.wait.left(now) } else { None }
    }

    /// What was waited for longer than until `now`, which is waited for no more.
    pub(crate) fn take_due(&mut self, now: Nanos) -> Option<Awaited> {
        self.wait.take_due(now).then_some(self.wait_for)
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Nanos {
        let Self { wait, wait_for: _, delayed_ack, keepalive } = *self;
        wait.at().min(delayed_ack.at()).min(keepalive.at())
    }
}

/// Retransmission: runs while anything sent is not acknowledged.
impl Timers {
    /// It runs until `deadline`, for `what`, and for nothing else any more.
    ///
    //= rfc8985#8 RFC8985-8-1
    pub(crate) fn retransmit_is(&mut self, what: RetransmitTimer, deadline: Nanos) {
        self.is(Awaited::Ack(what), deadline);
    }

    /// What it runs for, if it does.
    pub(crate) fn retransmits_for(&self) -> Option<RetransmitTimer> {
        match self.wait_for {
            Awaited::Ack(what) if self.wait.is_armed() => Some(what),
            _ => None,
        }
    }

    pub(crate) fn stop_retransmit(&mut self) {
        if let Awaited::Ack(_) = self.wait_for {
            self.wait.stop();
        }
    }

    pub(crate) fn retransmit_left(&self, now: Nanos) -> Option<Nanos> {
        self.left_for(Awaited::Ack(self.retransmits_for()?), now)
    }
}

/// Window probe: runs while nothing is in flight and the peer's window stops what is to be sent.
impl Timers {
    pub(crate) fn is_persisting(&self) -> bool {
        self.wait_for == Awaited::Window && self.wait.is_armed()
    }

    /// It runs until `deadline` at most.
    pub(crate) fn persist_at_most(&mut self, deadline: Nanos) {
        let before = if self.is_persisting() { self.wait.at() } else { Nanos::MAX };
        self.is(Awaited::Window, deadline.min(before));
    }

    pub(crate) fn stop_persist(&mut self) {
        if self.wait_for == Awaited::Window {
            self.wait.stop();
        }
    }

    pub(crate) fn persist_left(&self, now: Nanos) -> Option<Nanos> {
        self.left_for(Awaited::Window, now)
    }
}

/// The end of FIN-WAIT-2 or TIME-WAIT.
impl Timers {
    pub(crate) fn lingers_until(&mut self, deadline: Nanos) {
        self.is(Awaited::End, deadline);
    }

    /// Until `deadline`, unless it runs already.
    pub(crate) fn lingers_at_all(&mut self, deadline: Nanos) {
        if self.wait_for != Awaited::End || !self.wait.is_armed() {
            self.lingers_until(deadline);
        }
    }

    pub(crate) fn stop_lingering(&mut self) {
        if self.wait_for == Awaited::End {
            self.wait.stop();
        }
    }

    pub(crate) fn linger_left(&self, now: Nanos) -> Option<Nanos> {
        self.left_for(Awaited::End, now)
    }
}

/// The parts of a checkpoint.
impl Timers {
    pub(crate) fn checkpoint(&self, now: Nanos, keepalive_probes: u8) -> TimersCheckpoint {
        TimersCheckpoint {
            retransmit: self.retransmit_left(now),
            retransmit_for: self.retransmits_for().unwrap_or_default(),
            persist: self.persist_left(now),
            delayed_ack: self.delayed_ack.left(now),
            keepalive: self.keepalive.left(now),
            linger: self.linger_left(now),
            keepalive_probes,
        }
    }

    /// Of what only one can be, the first counts, and none runs longer than this engine's own would.
    pub(crate) fn restore(config: &Config, checkpoint: &TimersCheckpoint, now: Nanos) -> Self {
        let TimersCheckpoint {
            retransmit,
            retransmit_for,
            persist,
            delayed_ack,
            keepalive,
            linger,
            keepalive_probes: _,
        } = *checkpoint;
        let (left, wait_for) = match (retransmit, persist, linger) {
            (None, Some(left), _) => (Some(left.min(config.rto_max)), Awaited::Window),
            (None, None, Some(left)) => (Some(left), Awaited::End),
            (left, ..) => (left.map(|left| left.min(config.rto_max)), Awaited::Ack(retransmit_for)),
        };
        Self {
            wait: Timer::with_left(left, now),
            wait_for,
            delayed_ack: Timer::with_left(delayed_ack, now),
            keepalive: Timer::with_left(keepalive, now),
        }
    }
}
