//! How long a connection waits for its peer, where its owner has said so: the user timeout, keepalive,
//! FIN-WAIT-2, and how often a SYN is sent.

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use crate::{Config, Connection, Engine, Events, GaveUp, Keepalive, Probe, SeqNum, State};

/// What differs from [`Config`] for one connection. What is `None` is as there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// The connection is given up when what was sent, or cannot be sent for want of window, has not moved
    /// for this long, and an idle one when it has not answered probes for this long (as Linux's
    /// TCP_USER_TIMEOUT). It takes the place of counts of retransmissions and probes where it is shorter;
    /// for keepalive also where it is longer.
    ///
    //= rfc5482#3.1 RFC5482-3.1-1
    //= rfc9293#3.8.3 MUST-21
    pub user_timeout: Option<Nanos>,
    /// Keepalive timing, for a connection that has it switched on.
    pub keepalive: Option<Keepalive>,
    /// Retransmissions of a SYN before an active open gives up.
    pub syn_retransmits_max: Option<u8>,
    /// How long to wait for the peer's FIN after it acknowledged ours.
    pub fin_wait2: Option<Nanos>,
}

/// A connection's [`Patience`], and what it has waited so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) settings: Patience,
    /// Since when it waits for `una` to move, if anything is outstanding.
    pub(crate) since: Option<Nanos>,
    pub(crate) una: SeqNum,
    /// When the peer was last heard.
    pub(crate) heard_at: Nanos,
}

impl Connection {
    /// Sets how long the connection waits. It counts from now on.
    pub fn set_patience(&mut self, engine: &Engine, now: Nanos, settings: Patience) {
        let (since, una) = (None, self.snd.una);
        self.rare.get_or_insert_default().waiting =
            Some(Waiting { settings, since, una, heard_at: now });
        self.watch_progress(now);
        if self.timers.keepalive.is_armed() {
            self.timers.keepalive.arm(now + self.keepalive(&engine.config).idle);
        }
        if self.state == State::FinWait2 {
            match self.fin_wait2(&engine.config) {
                Some(wait) => self.timers.lingers_until(now + wait),
                None => self.timers.stop_lingering(),
            }
        }
    }

    /// How long the connection waits, where that is not as in [`Config`].
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.waiting().map_or_else(Patience::default, |waiting| waiting.settings)
    }

    pub(crate) fn keepalive(&self, config: &Config) -> Keepalive {
        self.patience().keepalive.unwrap_or(config.keepalive)
    }

    pub(crate) fn syn_retransmits_max(&self, config: &Config) -> u8 {
        self.patience().syn_retransmits_max.unwrap_or(config.syn_retransmits_max)
    }

    pub(crate) fn fin_wait2(&self, config: &Config) -> Option<Nanos> {
        self.patience().fin_wait2.or(config.fin_wait2)
    }

    /// Called after whatever may have moved `snd.una` or put something in flight: the user timeout runs
    /// while anything is outstanding, and starts again whenever the left edge moves.
    ///
    /// Answers to window probes do not move it: the user's limit is on how long bytes stay here, and the
    /// peer's good health is no delivery.
    //= rfc5482#3.1 RFC5482-3.1-2
    pub(crate) fn watch_progress(&mut self, now: Nanos) {
        if self.rare.is_none() {
            return;
        }
        let outstanding =
            self.snd.flight() > 0 && self.state != State::Closed || self.timers.is_persisting();
        let outstanding = outstanding && !(self.snd.flight() == 0 && self.is_held_untried());
        let una = self.snd.una;
        let Some(waiting) = self.rare.as_mut().and_then(|rare| rare.waiting.as_mut()) else {
            return;
        };
        if !outstanding {
            waiting.since = None;
        } else if waiting.since.is_none() || waiting.una != una {
            waiting.since = Some(now);
        }
        waiting.una = una;
    }

    /// When the user timeout runs out.
    pub(crate) fn user_deadline(&self) -> Option<Nanos> {
        let waiting = self.waiting()?;
        Some(waiting.since? + waiting.settings.user_timeout?)
    }

    /// Gives up if the user timeout has run out.
    pub(crate) fn check_user_timeout(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        if self.user_deadline().is_some_and(|deadline| deadline <= now) {
            return self.give_up(engine, GaveUp::User);
        }
        Events::NONE
    }

    /// Whether an idle peer that does not answer probes has had its time.
    pub(crate) fn is_keepalive_over(&self, config: &Config, now: Nanos) -> bool {
        match self.waiting().and_then(|w| w.settings.user_timeout.zip(Some(w.heard_at))) {
            Some((timeout, heard_at)) => self.keepalive_probes > 0 && now - heard_at >= timeout,
            None => self.keepalive_probes >= self.keepalive(config).probes_max,
        }
    }
}

/// Keepalive.
impl Connection {
    //= rfc9293#3.8.4 MAY-5 MUST-26 MUST-29
    pub(crate) fn on_keepalive_timeout(&mut self, engine: &mut Engine, now: Nanos) -> Events {
        let keepalive = self.keepalive(&engine.config);
        // Something that waits for an answer shows whether the peer is alive better than a probe.
        if self.timers.retransmits_for().is_some() || self.timers.is_persisting() {
            self.timers.keepalive.arm(now + keepalive.idle);
            return Events::NONE;
        }
        if self.is_keepalive_over(&engine.config, now) {
            return self.give_up(engine, GaveUp::Keepalive);
        }
        self.keepalive_probes = self.keepalive_probes.saturating_add(1);
        self.pending.probe = Some(Probe::Keepalive);
        self.timers.keepalive.arm(now + keepalive.interval);
        Events::NONE
    }

    /// The peer is to say where it stands: it answers a segment that lies before what it expects (RFC 9293, 3.8.4).
    pub fn ask_peer(&mut self) {
        if self.state.is_synchronized() && self.state != State::TimeWait {
            self.pending.probe.get_or_insert(Probe::Keepalive);
        }
    }

    /// The peer has shown that it is there.
    pub(crate) fn heard(&mut self, config: &Config, now: Nanos) {
        if self.switches.keepalive && self.state.is_synchronized() && self.state != State::TimeWait
        {
            self.keepalive_probes = 0;
            self.timers.keepalive.arm(now + self.keepalive(config).idle);
        }
        if self.soft_error.is_some() || self.rare.is_some() {
            self.forget_soft_error(now);
        }
        //= rfc9293#3.8.6.1 MUST-37
        // A peer that answers probes of its closed window is not given up.
        if self.timers.is_persisting() || self.snd.wnd == 0 {
            self.snd.retransmits = 0;
        }
    }
}
