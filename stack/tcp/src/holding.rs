//! Output that the way out does not take: a transmit ring that is full, a queue that drops whatever it is given.
//!
//! What has not left has not been sent. Nothing is marked, no timeout backs off, and nobody concludes from the silence
//! that the path lost something; what was due is tried again every [`RESOURCE_PROBE_INTERVAL`], as in Linux. A full
//! ring says nothing about the path, so unlike Linux, which takes it for a sign of congestion, the congestion window
//! stays as it is.

use mafo_mem::Nanos;

use crate::timers::RetransmitTimer;
use crate::{Connection, Engine, Events, GaveUp, Probe, State};

/// How often what the way out refused is tried again (Linux's TCP_RESOURCE_PROBE_INTERVAL).
const RESOURCE_PROBE_INTERVAL: Nanos = Nanos::from_millis(500);

/// What was due has not left. It is no part of a checkpoint: whoever goes on with the connection has a way out of its
/// own, and asks that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Since when.
    since: Nanos,
    /// How often new payload, or a window probe, was tried again.
    pub(crate) tries: u8,
}

impl Connection {
    /// To be called in place of [`Connection::poll_output`] when the way out takes no segment now. What is due
    /// stays due, and [`Connection::poll_timeout`] says when to try again at the latest; it may be earlier, and
    /// called as often as it comes up.
    pub fn hold_output(&mut self, engine: &Engine, now: Nanos) {
        if self.state != State::Closed {
            self.hold_what_is_due(engine, now);
        }
        self.watch_progress(now);
    }

    fn hold_what_is_due(&mut self, engine: &Engine, now: Nanos) {
        let again = (now + RESOURCE_PROBE_INTERVAL).min(now + engine.config.rto_max);
        self.hold_probe(again);
        if self.owes_again() {
            let first = self.note_refusal(now);
            let waits = self.timers.retransmits_for().is_some();
            let left = self.timers.retransmit_left(now).filter(|_| waits && !first);
            let at = left.map_or(again, |left| again.min(now + left));
            self.timers.retransmit_is(RetransmitTimer::Timeout, at);
        } else if self.state.is_synchronized() && self.has_unsent() && self.snd.flight() == 0 {
            // With something in flight its ACKs, or its timer, bring this up again.
            let due = self.snd.wnd > 0 || self.pending.probe == Some(Probe::Window);
            if due {
                self.note_refusal(now);
            }
            let tried = self.pending.probe == Some(Probe::Window);
            let at = if tried { again } else { now + self.persist_wait(&engine.config) };
            self.timers.persist_at_most(at);
        }
    }

    /// Probes that can be done without for now.
    fn hold_probe(&mut self, again: Nanos) {
        match self.pending.probe {
            // The retransmission timer runs behind it.
            Some(Probe::Tail) => self.pending.probe = None,
            Some(Probe::Keepalive) => {
                self.pending.probe = None;
                self.keepalive_probes = self.keepalive_probes.saturating_sub(1);
                self.timers.keepalive.arm(again);
            }
            Some(Probe::Window) | None => {}
        }
    }

    /// Whether what the retransmission timer is about has yet to leave: the SYN, or the oldest that was lost.
    fn owes_again(&self) -> bool {
        let oldest =
            self.flight.board.lost() > 0 && self.flight.board.first_lost() == Some(self.snd.una);
        self.pending.syn || oldest
    }

    /// Something is held. Whether nothing was before.
    fn note_refusal(&mut self, now: Nanos) -> bool {
        let refused = &mut self.rare.get_or_insert_default().refused;
        let first = refused.is_none();
        refused.get_or_insert(Refused { since: now, tries: 0 });
        first
    }

    /// The way out takes segments.
    pub(crate) fn end_hold(&mut self) {
        if self.refused().is_some() {
            if self.snd.wnd == 0 {
                // The probe leaves now, and its answer is waited for from now on.
                self.timers.stop_persist();
            }
            self.rare = self.rare.take().and_then(|mut rare| {
                rare.refused = None;
                rare.boxed()
            });
        }
    }

    pub(crate) fn refused(&self) -> Option<&Refused> {
        self.rare.as_ref()?.refused.as_ref()
    }

    /// Whether new payload is held that its timer has not brought up yet. The user's patience begins when it has,
    /// as in Linux.
    pub(crate) fn is_held_untried(&self) -> bool {
        self.snd.wnd > 0 && self.refused().is_some_and(|refused| refused.tries == 0)
    }

    /// The retransmission timer ran out, but what it sent last never left: it is tried again, and that is all.
    /// `None` if it did leave.
    pub(crate) fn retry_held(
        &mut self,
        engine: &mut Engine,
        now: Nanos,
        (max, timer): (u8, GaveUp),
    ) -> Option<Events> {
        let &Refused { since, .. } = self.refused().filter(|_| self.owes_again())?;
        if now - since >= self.snd.rtt.retransmissions_take(&engine.config, max) {
            return Some(self.give_up(engine, timer));
        }
        let again = (now + RESOURCE_PROBE_INTERVAL).min(now + engine.config.rto_max);
        self.timers.retransmit_is(RetransmitTimer::Timeout, again);
        Some(Events::NONE)
    }

    /// The same of new payload, or of a probe of a closed window.
    pub(crate) fn retry_held_probe(&mut self, engine: &mut Engine, now: Nanos) -> Option<Events> {
        let max = engine.config.retransmits_max;
        let patience = self.snd.rtt.retransmissions_take(&engine.config, max);
        let refused = self.rare.as_mut()?.refused.as_mut()?;
        refused.tries = refused.tries.saturating_add(1);
        let over = now - refused.since >= patience;
        let timer = if self.snd.wnd > 0 { GaveUp::Retransmit } else { GaveUp::Persist };
        Some(if over { self.give_up(engine, timer) } else { Events::NONE })
    }
}
