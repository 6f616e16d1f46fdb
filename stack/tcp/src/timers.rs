//! The timers of one connection. They hold deadlines; the owner's clock runs them.

use mafo_mem::Nanos;

/// A deadline, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer(Nanos);

impl Timer {
    /// Not running.
    pub(crate) const OFF: Self = Self(Nanos::MAX);

    /// Runs until `deadline`, whether or not it ran before.
    pub(crate) fn arm(&mut self, deadline: Nanos) {
        self.0 = deadline;
    }

    /// Runs until `deadline` unless it runs already.
    pub(crate) fn arm_if_off(&mut self, deadline: Nanos) {
        if !self.is_armed() {
            self.0 = deadline;
        }
    }

    /// Runs until `deadline` at most.
    pub(crate) fn arm_at_most(&mut self, deadline: Nanos) {
        self.0 = self.0.min(deadline);
    }

    pub(crate) fn stop(&mut self) {
        *self = Self::OFF;
    }

    pub(crate) fn is_armed(self) -> bool {
        self != Self::OFF
    }

    /// Whether it has run out; if so, it is off from now on.
    pub(crate) fn take_due(&mut self, now: Nanos) -> bool {
        let due = self.0 <= now;
        if due {
            self.stop();
        }
        due
    }

    /// Time left.
    pub(crate) fn left(self, now: Nanos) -> Option<Nanos> {
        self.is_armed().then(|| self.0 - now)
    }

    /// A timer that has `left` to run.
    pub(crate) fn with_left(left: Option<Nanos>, now: Nanos) -> Self {
        left.map_or(Self::OFF, |left| Self(now + left))
    }
}

/// What is done when the retransmission timer runs out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetransmitTimer {
    /// RFC 6298: what is in flight is taken for lost.
    #[default]
    Timeout,
    /// RFC 8985 7: a probe is sent.
    TailProbe,
    /// RFC 8985 6.2: what was overtaken, and had time to come late, is taken for lost.
    Reorder,
}

/// All timers of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timers {
    /// Retransmission: runs while anything sent is not acknowledged.
    pub(crate) retransmit: Timer,
    /// What it is for now.
    pub(crate) retransmit_for: RetransmitTimer,
    /// Window probe: runs while nothing is in flight and the peer's window stops what is to be sent.
    pub(crate) persist: Timer,
    /// Delayed ACK.
    pub(crate) delayed_ack: Timer,
    /// Keepalive: next probe, or the end.
    pub(crate) keepalive: Timer,
    /// End of FIN-WAIT-2 or TIME-WAIT.
    pub(crate) linger: Timer,
}

impl Timers {
    pub(crate) const OFF: Self = Self {
        retransmit: Timer::OFF,
        retransmit_for: RetransmitTimer::Timeout,
        persist: Timer::OFF,
        delayed_ack: Timer::OFF,
        keepalive: Timer::OFF,
        linger: Timer::OFF,
    };

    /// The retransmission timer runs until `deadline`, for `what`.
    pub(crate) fn retransmit_is(&mut self, what: RetransmitTimer, deadline: Nanos) {
        self.retransmit.arm(deadline);
        self.retransmit_for = what;
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Nanos> {
        let Self { retransmit, retransmit_for: _, persist, delayed_ack, keepalive, linger } = *self;
        let next = retransmit.0.min(persist.0).min(delayed_ack.0).min(keepalive.0).min(linger.0);
        (next != Nanos::MAX).then_some(next)
    }
}
