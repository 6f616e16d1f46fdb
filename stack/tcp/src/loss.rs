//! What loss recovery remembers of an episode besides the scoreboard.

use mafo_mem::Nanos;

use crate::cc::Prior;
use crate::flight::Flight;
use crate::rack::Rack;
use crate::{LossCheckpoint, SeqNum, TailProbe, UndoCheckpoint};

/// What it takes to see that an episode was needless, and to take the reduction back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undo {
    /// `snd_una` when the episode began.
    pub(crate) marker: SeqNum,
    /// The congestion window before it.
    pub(crate) prior: Prior,
    /// Segments sent again, less the duplicates that the peer reported; `None` while there are none.
    pub(crate) needless: Option<u16>,
    /// When the first one was sent again.
    pub(crate) first_at: Option<Nanos>,
}

impl Undo {
    pub(crate) fn new(marker: SeqNum, prior: Prior) -> Self {
        Self { marker, prior, needless: None, first_at: None }
    }

    /// `segments` were sent again.
    pub(crate) fn on_retransmitted(&mut self, now: Nanos, segments: u16) {
        self.needless = Some(self.needless.unwrap_or(0).saturating_add(segments));
        self.first_at = self.first_at.or(Some(now));
    }

    /// The peer had `segments` twice.
    //
    //= rfc3708#3
    pub(crate) fn on_duplicate_reported(&mut self, segments: u16) {
        self.needless = self.needless.map(|count| count.saturating_sub(segments));
    }

    /// Whether all that was sent again had arrived before.
    //= rfc3708#3 RFC3708-3-1
    pub(crate) fn all_were_needless(&self) -> bool {
        self.needless == Some(0)
    }
}

/// The part of a checkpoint that is about loss.
pub(crate) fn checkpoint(
    rack: &Rack,
    tail: Option<TailProbe>,
    flight: &Flight,
    now: Nanos,
) -> LossCheckpoint {
    let undo = flight.undo.map(|Undo { marker, prior, needless, first_at }| UndoCheckpoint {
        marker,
        prior: prior.with_times(|at| now - at),
        needless,
        first_age: first_at.map(|at| now - at),
    });
    LossCheckpoint {
        rack: rack.checkpoint(&flight.deliveries, now),
        prr: flight.prr,
        undo,
        frto: flight.frto,
        tail_probe: tail,
    }
}

/// What it says, in its places: those of `flight`, and RACK and the tail loss probe.
pub(crate) fn restore(
    checkpoint: &LossCheckpoint,
    now: Nanos,
    flight: &mut Flight,
) -> (Rack, Option<TailProbe>) {
    let LossCheckpoint { rack, prr, undo, frto, tail_probe } = checkpoint;
    let (rack, deliveries) = Rack::restore(rack, now);
    flight.deliveries = deliveries;
    flight.undo = undo.map(|UndoCheckpoint { marker, prior, needless, first_age }| Undo {
        marker,
        prior: prior.with_times(|age| now - age),
        needless,
        first_at: first_age.map(|age| now - age),
    });
    (flight.prr, flight.frto) = (*prr, *frto);
    (rack, *tail_probe)
}
