//! What the host knows of an offloaded connection's life, as a table.
//!
//! The card runs TCP; the host sees it through six events. Every pair of state and event has an
//! answer: the next state, or that the device said something that cannot be (`None`), which is
//! counted and ignored.

macro_rules! transitions {
    ($(#[$m:meta])* $State:ident on $Event:ident {
        $( $event:ident { $( $from:ident => $to:ident ),* $(,)? } )*
    }) => {
        impl $State {
            $(#[$m])*
            #[must_use]
            pub const fn on(self, event: $Event) -> Option<Self> {
                match (event, self) {
                    $( $( ($Event::$event, Self::$from) => Some(Self::$to), )* )*
                    _ => None,
                }
            }
        }
    };
}

/// The host's view of an offloaded connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// ACT_OPEN_REQ is with the card.
    Opening,
    /// PASS_ACCEPT_RPL is with the card.
    Accepting,
    /// Both directions are open.
    Established,
    /// The peer's FIN has been delivered, ours is not posted.
    CloseWait,
    /// Our FIN is posted and not acknowledged.
    FinWait1,
    /// Our FIN is acknowledged, the peer still sends.
    FinWait2,
    /// Both FINs are out, ours is not acknowledged; we closed first.
    Closing,
    /// Both FINs are out, ours is not acknowledged; the peer closed first.
    LastAck,
    /// ABORT_REQ is with the card; whatever comes before its reply is discarded.
    Aborting,
    /// Both FINs are acknowledged and we closed first: the host keeps TIME_WAIT.
    TimeWait,
    /// Nothing is left on the card but the tid.
    Closed,
}

/// What moves a connection from one [`State`] to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// CPL_ACT_ESTABLISH or CPL_PASS_ESTABLISH.
    Establish,
    /// CPL_PEER_CLOSE.
    PeerClose,
    /// We posted CLOSE_CON_REQ.
    ClosePosted,
    /// CPL_CLOSE_CON_RPL: the peer acknowledged our FIN.
    CloseReply,
    /// We posted ABORT_REQ.
    AbortPosted,
    /// CPL_ABORT_RPL_RSS.
    AbortReply,
    /// CPL_ABORT_REQ_RSS: the peer reset the connection or the card gave up (we answer it).
    AbortRequest,
    /// CPL_ACT_OPEN_RPL with an error.
    OpenFailed,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Establish,
        Self::PeerClose,
        Self::ClosePosted,
        Self::CloseReply,
        Self::AbortPosted,
        Self::AbortReply,
        Self::AbortRequest,
        Self::OpenFailed,
    ];
}

/// How often each event found a connection in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transitions(mafo_mem::Pairs<{ State::ALL.len() }, { Event::ALL.len() }>);

impl Transitions {
    pub(crate) fn note(&mut self, state: State, event: Event) {
        self.0.note(state as usize, event as usize);
    }

    /// Every pair of the table, and how often it came.
    pub fn iter(&self) -> impl Iterator<Item = (State, Event, u64)> + '_ {
        self.0.iter().map(|(state, event, count)| (State::ALL[state], Event::ALL[event], count))
    }
}

transitions! {
    /// The state after `event`, or `None` when the event cannot happen here.
    State on Event {
        Establish { Opening => Established, Accepting => Established, Aborting => Aborting }
        PeerClose {
            Established => CloseWait,
            FinWait1 => Closing,
            FinWait2 => TimeWait,
            Aborting => Aborting,
        }
        ClosePosted { Established => FinWait1, CloseWait => LastAck }
        CloseReply {
            FinWait1 => FinWait2,
            Closing => TimeWait,
            LastAck => Closed,
            Aborting => Aborting,
        }
        AbortPosted {
            Established => Aborting,
            CloseWait => Aborting,
            FinWait1 => Aborting,
            FinWait2 => Aborting,
            Closing => Aborting,
            LastAck => Aborting,
            Accepting => Aborting,
        }
        AbortReply { Aborting => Closed }
        AbortRequest {
            Accepting => Closed,
            Established => Closed,
            CloseWait => Closed,
            FinWait1 => Closed,
            FinWait2 => Closed,
            Closing => Closed,
            LastAck => Closed,
            // Crossing aborts: the reply to ours still comes.
            Aborting => Aborting,
        }
        OpenFailed { Opening => Closed }
    }
}

impl State {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Opening,
        Self::Accepting,
        Self::Established,
        Self::CloseWait,
        Self::FinWait1,
        Self::FinWait2,
        Self::Closing,
        Self::LastAck,
        Self::Aborting,
        Self::TimeWait,
        Self::Closed,
    ];

    /// Why `event` cannot happen here, where [`State::on`] has no answer.
    #[must_use]
    pub const fn impossible(self, event: Event) -> Option<&'static str> {
        if self.on(event).is_some() {
            return None;
        }
        Some(match (self, event) {
            (Self::Closed, _) => "the tid is nobody's any more",
            (Self::TimeWait, _) => "both FINs are acknowledged: the card has nothing more to say",
            (_, Event::Establish) => "a handshake is through once",
            (Self::Opening | Self::Accepting, Event::PeerClose) => {
                "the card tells of the handshake first"
            }
            (_, Event::PeerClose) => "a peer has one FIN",
            (Self::Opening | Self::Accepting, Event::ClosePosted) => {
                "a FIN waits for the handshake's end"
            }
            (Self::Aborting, Event::ClosePosted) => "nothing is posted behind an ABORT_REQ",
            (_, Event::ClosePosted) => "our FIN is posted once",
            (Self::FinWait2, Event::CloseReply) => "one answer to one CLOSE_CON_REQ",
            (_, Event::CloseReply) => "no CLOSE_CON_REQ was posted",
            (Self::Opening, Event::AbortPosted) => "without a tid the open is orphaned instead",
            (_, Event::AbortPosted) => "an ABORT_REQ is posted once",
            (_, Event::AbortReply) => "no ABORT_REQ was posted; a fence's answer is the bond's",
            (_, Event::AbortRequest) => "an open that fails is answered by ACT_OPEN_RPL",
            (_, Event::OpenFailed) => "no active open is under way",
        })
    }

    /// Whether payload may still be posted.
    #[must_use]
    pub const fn can_send(self) -> bool {
        matches!(self, Self::Established | Self::CloseWait)
    }

    /// Whether the peer's FIN has been delivered.
    #[must_use]
    pub const fn peer_closed(self) -> bool {
        matches!(self, Self::CloseWait | Self::Closing | Self::LastAck | Self::TimeWait)
    }

    /// Whether the peer has acknowledged our FIN, and the connection is still one.
    #[must_use]
    pub const fn our_fin_acked(self) -> bool {
        matches!(self, Self::FinWait2 | Self::TimeWait)
    }

    /// Whether the handshake is through and the card still owns the connection.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(
            self,
            Self::Established
                | Self::CloseWait
                | Self::FinWait1
                | Self::FinWait2
                | Self::Closing
                | Self::LastAck
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, State, Transitions};
    use expect_test::expect;

    #[test]
    fn what_has_no_answer_has_a_reason_and_the_rest_none() {
        for (state, event, _) in Transitions::default().iter() {
            assert_ne!(
                state.on(event).is_some(),
                state.impossible(event).is_some(),
                "{state:?} {event:?}"
            );
        }
    }

    #[test]
    fn pairs_are_counted_each_by_itself() {
        let mut seen = Transitions::default();
        seen.note(State::Closing, Event::CloseReply);
        seen.note(State::Closed, Event::OpenFailed);
        seen.note(State::Closed, Event::OpenFailed);
        let counted: Vec<_> = seen.iter().filter(|(.., count)| *count > 0).collect();
        let expected =
            [(State::Closing, Event::CloseReply, 1), (State::Closed, Event::OpenFailed, 2)];
        assert_eq!(counted, expected);
        assert_eq!(seen.iter().count(), 11 * 8);
    }

    /// All pairs, so that a forgotten one is a difference here and not a surprise in the field.
    #[test]
    fn every_pair_of_state_and_event() {
        let mut table = String::new();
        for state in State::ALL {
            for event in Event::ALL {
                let next = state.on(event).map_or("-".to_owned(), |next| format!("{next:?}"));
                table += &format!("{state:?} {event:?} {next}\n");
            }
        }
        expect![[r#"
            Opening Establish Established
            Opening PeerClose -
            Opening ClosePosted -
            Opening CloseReply -
            Opening AbortPosted -
            Opening AbortReply -
            Opening AbortRequest -
            Opening OpenFailed Closed
            Accepting Establish Established
            Accepting PeerClose -
            Accepting ClosePosted -
            Accepting CloseReply -
            Accepting AbortPosted Aborting
            Accepting AbortReply -
            Accepting AbortRequest Closed
            Accepting OpenFailed -
            Established Establish -
            Established PeerClose CloseWait
            Established ClosePosted FinWait1
            Established CloseReply -
            Established AbortPosted Aborting
            Established AbortReply -
            Established AbortRequest Closed
            Established OpenFailed -
            CloseWait Establish -
            CloseWait PeerClose -
            CloseWait ClosePosted LastAck
            CloseWait CloseReply -
            CloseWait AbortPosted Aborting
            CloseWait AbortReply -
            CloseWait AbortRequest Closed
            CloseWait OpenFailed -
            FinWait1 Establish -
            FinWait1 PeerClose Closing
            FinWait1 ClosePosted -
            FinWait1 CloseReply FinWait2
            FinWait1 AbortPosted Aborting
            FinWait1 AbortReply -
            FinWait1 AbortRequest Closed
            FinWait1 OpenFailed -
            FinWait2 Establish -
            FinWait2 PeerClose TimeWait
            FinWait2 ClosePosted -
            FinWait2 CloseReply -
            FinWait2 AbortPosted Aborting
            FinWait2 AbortReply -
            FinWait2 AbortRequest Closed
            FinWait2 OpenFailed -
            Closing Establish -
            Closing PeerClose -
            Closing ClosePosted -
            Closing CloseReply TimeWait
            Closing AbortPosted Aborting
            Closing AbortReply -
            Closing AbortRequest Closed
            Closing OpenFailed -
            LastAck Establish -
            LastAck PeerClose -
            LastAck ClosePosted -
            LastAck CloseReply Closed
            LastAck AbortPosted Aborting
            LastAck AbortReply -
            LastAck AbortRequest Closed
            LastAck OpenFailed -
            Aborting Establish Aborting
            Aborting PeerClose Aborting
            Aborting ClosePosted -
            Aborting CloseReply Aborting
            Aborting AbortPosted -
            Aborting AbortReply Closed
            Aborting AbortRequest Aborting
            Aborting OpenFailed -
            TimeWait Establish -
            TimeWait PeerClose -
            TimeWait ClosePosted -
            TimeWait CloseReply -
            TimeWait AbortPosted -
            TimeWait AbortReply -
            TimeWait AbortRequest -
            TimeWait OpenFailed -
            Closed Establish -
            Closed PeerClose -
            Closed ClosePosted -
            Closed CloseReply -
            Closed AbortPosted -
            Closed AbortReply -
            Closed AbortRequest -
            Closed OpenFailed -
        "#]]
        .assert_eq(&table);
    }
}
