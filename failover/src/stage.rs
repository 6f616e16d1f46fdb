//! The stages of a handover, as a table.
//!
//! ```text
//!  OnA ─► Tunnelled ─► Suspended ─► Held ─► Gated ─► Fenced ─► Uploading ─► OnB
//!             ▲            │          │        │        │         │  ▲
//!             └────────────┴──────────┴────────┘        │         ▼  │
//!               undone, tried again after a pause       │      Sheltered
//!                                                       └─ the point of no return
//! ```
//!
//! Every pair of stage and event has an answer: the next stage, or that the move is over, or why it cannot be.

/// How far a connection has come that lives elsewhere than on the active link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its frames cross the host.
    Tunnelled,
    /// Nothing new is posted; what is under way drains.
    Suspended,
    /// Frames of the peer are held; a marker is on its way through the old adapter.
    Held,
    /// The old adapter is no longer heard; what it said before leaves, then its TCB is being read.
    Gated,
    /// The old TCB is being aborted, or the host path has let go and its last frames leave.
    Fenced,
    /// The new TCB is being written.
    Uploading,
    /// It changes the port of its adapter.
    Rechannelling,
    /// The host path has it, and an adapter is to.
    Sheltered,
}

/// What happens to a connection in a [`Stage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Its handover begins.
    Suspend,
    /// Its change of port begins.
    Rechannel,
    /// It is ready for the cut, and the marker is sent.
    Hold,
    /// The first marker is back: all that was injected has been through the old adapter.
    Flushed,
    /// Its TCB, or the host path's record, is fit to be gone on with: the old owner is told to be silent.
    Silence,
    /// The attempt is taken back: a deadline, a refusal, a TCB that is not fit.
    Undo,
    /// The old owner is silent.
    Silenced,
    /// A card refused the connection.
    Refused,
    /// The host path goes on with it.
    Shelter,
    /// It cannot leave the host path yet.
    PutOff,
    /// The new owner has it.
    Live,
    /// It uses the other port.
    Rechannelled,
    /// The link that it lives on is active again.
    OwnLinkBack,
    /// Another link became active.
    OtherLink,
    /// Its owner died.
    OwnerDied,
    /// The adapter that its entry is on died.
    HeirDied,
    /// The connection is over.
    Ended,
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// This stage.
    Stage(Stage),
    /// The move is over.
    Over,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Suspend,
        Self::Rechannel,
        Self::Hold,
        Self::Flushed,
        Self::Silence,
        Self::Undo,
        Self::Silenced,
        Self::Refused,
        Self::Shelter,
        Self::PutOff,
        Self::Live,
        Self::Rechannelled,
        Self::OwnLinkBack,
        Self::OtherLink,
        Self::OwnerDied,
        Self::HeirDied,
        Self::Ended,
    ];
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Tunnelled,
        Self::Suspended,
        Self::Held,
        Self::Gated,
        Self::Fenced,
        Self::Uploading,
        Self::Rechannelling,
        Self::Sheltered,
    ];

    /// What follows `event` here, or `None` when it cannot happen: [`Stage::impossible`] says why.
    #[must_use]
    pub const fn on(self, event: Event) -> Option<Next> {
        use Stage::{
            Fenced, Gated, Held, Rechannelling, Sheltered, Suspended, Tunnelled, Uploading,
        };
        let next = match (self, event) {
            (_, Event::Ended) => return Some(Next::Over),
            (_, Event::OtherLink) => self,
            (Tunnelled, Event::Suspend) => Suspended,
            (Tunnelled, Event::Rechannel) => Rechannelling,
            (Suspended, Event::Hold) => Held,
            (Held, Event::Flushed) => Gated,
            (Gated | Sheltered, Event::Silence) => Fenced,
            (Suspended | Held | Gated, Event::Undo) => Tunnelled,
            (Fenced, Event::Silenced) => Uploading,
            (Uploading, Event::Refused) => Uploading,
            (Uploading, Event::Shelter) => Sheltered,
            (Sheltered, Event::PutOff) => Sheltered,
            (Uploading, Event::Live) | (Rechannelling, Event::Rechannelled) => {
                return Some(Next::Over);
            }
            (Tunnelled | Suspended | Held | Gated, Event::OwnLinkBack) => return Some(Next::Over),
            (
                Tunnelled | Suspended | Held | Gated | Fenced | Uploading | Rechannelling,
                Event::OwnerDied,
            ) => Uploading,
            (Suspended | Held | Gated | Fenced | Uploading | Sheltered, Event::HeirDied) => self,
            _ => return None,
        };
        Some(Next::Stage(next))
    }

    /// Why `event` cannot happen here, where [`Stage::on`] has no answer.
    #[must_use]
    pub const fn impossible(self, event: Event) -> Option<&'static str> {
        if self.on(event).is_some() {
            return None;
        }
        Some(match (self, event) {
            (_, Event::Suspend | Event::Rechannel) => "a move begins in the tunnel",
            (_, Event::Hold) => "only what has stopped posting is cut over",
            (_, Event::Flushed) => "the marker is for those who are held",
            (_, Event::Silence) => "an owner is silenced behind the gate, or lets go of itself",
            (Self::Tunnelled, Event::Undo) => "there is nothing to be undone",
            (Self::Rechannelling, Event::Undo) => "a FLOWC that is posted is answered",
            (_, Event::Undo) => "there is no way back from here",
            (_, Event::Silenced) => "nobody was told to be silent",
            (_, Event::Refused) => "cards are asked to take it only when it has no owner",
            (_, Event::Shelter) => "it has an owner",
            (_, Event::PutOff) => "the host path does not have it",
            (_, Event::Live) => "nothing was written",
            (_, Event::Rechannelled) => "no FLOWC with another channel was posted",
            (Self::Rechannelling, Event::OwnLinkBack) => "it stays until the answer to its FLOWC",
            (_, Event::OwnLinkBack) => "it lives on no link",
            (_, Event::OwnerDied) => "the host has it",
            (_, Event::HeirDied) => "there is no entry for it",
            (_, Event::Ended | Event::OtherLink) => "both can always happen",
        })
    }
}

/// How often each event found a connection in each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transitions(mafo_mem::Pairs<{ Stage::ALL.len() }, { Event::ALL.len() }>);

impl Transitions {
    pub(crate) fn note(&mut self, stage: Stage, event: Event) {
        self.0.note(stage as usize, event as usize);
    }

    /// Every pair of the table, and how often it came.
    pub fn iter(&self) -> impl Iterator<Item = (Stage, Event, u64)> + '_ {
        self.0.iter().map(|(stage, event, count)| (Stage::ALL[stage], Event::ALL[event], count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each pair has an answer or a reason, never both, and the numbers of the variants are their places in `ALL`.
    #[test]
    fn every_pair_of_stage_and_event() {
        let mut can_be = 0;
        for (place, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage as usize, place);
            for (place, event) in Event::ALL.into_iter().enumerate() {
                assert_eq!(event as usize, place);
                let (next, reason) = (stage.on(event), stage.impossible(event));
                assert_ne!(next.is_some(), reason.is_some(), "{event:?} in {stage:?}");
                can_be += usize::from(next.is_some());
            }
        }
        assert_eq!(can_be, 48);
    }

    #[test]
    fn there_is_no_way_back_behind_the_fence() {
        for stage in [Stage::Fenced, Stage::Uploading, Stage::Sheltered] {
            assert_eq!(stage.on(Event::Undo), None);
            assert_eq!(stage.on(Event::OwnLinkBack), None);
        }
    }
}
