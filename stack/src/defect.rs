//! Mistakes on purpose: a check that is to find a mistake has to be seen to find it.
//!
//! A mistake is asked for where it would sit, and absent from a program without debug assertions.

use crate::core::Core;

/// A mistake that somebody could have made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// What the old adapter still says behind the gate is carried out.
    NoFence,
    /// The new owner offers one scale unit less than the peer was told.
    RightEdgeLeft,
    /// The new owner's timestamps begin at its own clock.
    TimestampBaseForgotten,
    /// The new owner has not heard of the peer's last timestamp.
    RecentForgotten,
    /// The scales of the two windows are exchanged: the TCB names them the other way round.
    ScalesSwapped,
    /// Frames that were held are replayed last first.
    HeldReversed,
    /// The tid that a connection had stays its own: what comes for it later is believed.
    LateCplAccepted,
    /// Returned receive credits are not written down, and so returned again.
    CreditTwice,
    /// The active adapter does not get the standing rule while connections live elsewhere.
    StandingRuleMissing,
    /// A FIN does not wait while its connection moves: the old owner gets it.
    FinLost,
    /// What the old owner delivers after its TCB was read is no part of the record.
    RecordNotFinal,
    /// Receive credits are returned until the fence, when the TCB has been read already.
    CreditsNotWithheld,
    /// What an adapter had put into its loopback is carried out behind what it now sends by its wire.
    LoopedLate,
    /// A FLOWC that finds no room is not tried again.
    FlowcOnce,
    /// A TCB that the card refused counts as live.
    RefusalIgnored,
    /// What the old owner held beyond a gap is not given to the new one.
    GapForgotten,
    /// The old owner is heard until it is being aborted, not just until its TCB is read.
    GateLate,
    /// Nothing waits until what the old owner said has left the queue of the link that the new one will speak by.
    NoMarker,
    /// A connection's TCB is sampled once, and never again.
    ShadowStale,
    /// Frames that were held are given to the old owner.
    HeldToOld,
    /// Timestamps jump as often as connections move, whether or not the peer has taken the last jumps.
    JumpBudgetIgnored,
}

/// The mistakes that are made: none, but in tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defects {
    #[cfg(debug_assertions)]
    made: Option<Defect>,
}

impl Defects {
    /// No mistake.
    pub const NONE: Self = Self {
        #[cfg(debug_assertions)]
        made: None,
    };

    /// One mistake.
    #[cfg(debug_assertions)]
    #[must_use]
    pub const fn one(defect: Defect) -> Self {
        Self { made: Some(defect) }
    }

    /// Whether `defect` is made.
    #[must_use]
    pub fn has(self, defect: Defect) -> bool {
        #[cfg(debug_assertions)]
        let made = self.made == Some(defect);
        #[cfg(not(debug_assertions))]
        let made = {
            let _ = defect;
            false
        };
        made
    }
}

impl Core {
    /// Mistakes that are made from now on, by this stack and by the bond above it: a check has to notice.
    #[cfg(debug_assertions)]
    pub fn set_defects(&mut self, defects: Defects) {
        self.defects = defects;
    }

    /// The mistakes that are made.
    #[must_use]
    pub fn defects(&self) -> Defects {
        self.defects
    }

    /// Whether this mistake is made.
    #[must_use]
    pub fn has_defect(&self, defect: Defect) -> bool {
        self.defects.has(defect)
    }
}
