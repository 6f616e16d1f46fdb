//! What means something only while something is under way: sent and not acknowledged, or received and not in
//! order.
//!
//! ```text
//!  Engine::flights ──take──► Connection::flight ──give_back──► Engine::flights
//!   spares, with             while something is under way,      once nothing of it
//!   their memory             or must be remembered of it        means anything
//! ```
//!
//! Of many connections most are idle at any moment, and of those that are not each is soon. So this part of a
//! connection is not in it: it is taken when something goes out or comes out of order, and given back by the
//! [`Connection::poll_output`] that finds nothing to send and nothing under way. A connection without reads as
//! one whose flight is [`Flight::NONE`].

use core::ops::{Deref, DerefMut};

use mafo_mem::Nanos;

use crate::assembler::Assembler;
use crate::cc::Usage;
use crate::limit::RateLimit;
use crate::loss::Undo;
use crate::prr::Prr;
use crate::rack::Deliveries;
use crate::scoreboard::Scoreboard;
use crate::writes::Ends;
use crate::{Connection, Frto, Recovery, SackBlock, SeqNum, State};

/// What is under way, and what an episode of loss or disorder has to remember.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flight {
    /// What was sent and is not acknowledged.
    pub(crate) board: Scoreboard,
    /// Of it, what RACK has seen arrive.
    pub(crate) deliveries: Deliveries,
    /// How far the congestion window is used.
    pub(crate) used: Usage,
    pub(crate) dup_acks: u32,
    /// Without SACK: bytes that duplicate ACKs say have left the network.
    pub(crate) dup_bytes: u32,
    pub(crate) prr: Prr,
    pub(crate) undo: Option<Undo>,
    pub(crate) frto: Frto,
    /// The window is being reduced for an echo of congestion, and no other echo counts, until this is
    /// acknowledged.
    pub(crate) reducing_until: Option<SeqNum>,
    /// Echoes of older timestamps give no RTT sample: another engine sent what they answer.
    pub(crate) echo_floor: Option<u32>,
    /// One past our urgent bytes that are not acknowledged.
    pub(crate) snd_up: Option<SeqNum>,
    /// Where records end that are not acknowledged.
    pub(crate) record_ends: Ends,
    /// Where PSH is due within what an owner writes, and is not acknowledged.
    pub(crate) push_ends: Ends,
    /// Which ranges beyond `rcv.nxt` have arrived.
    pub(crate) held: Assembler,
    /// One past the peer's urgent bytes, if they are not all here.
    pub(crate) rcv_up: Option<SeqNum>,
    /// Where the peer's FIN is that has come, and bytes before it have not.
    pub(crate) fin: Option<SeqNum>,
    /// What came twice, for the next ACK to report.
    pub(crate) duplicate: Option<SackBlock>,
    /// A reset that is due, with this sequence number, and leaves the connection as it is.
    pub(crate) reset: Option<SeqNum>,
    /// Challenge ACKs of this second.
    pub(crate) challenges: RateLimit,
}

impl Flight {
    /// Nothing is under way.
    pub(crate) const NONE: Self = Self {
        board: Scoreboard::EMPTY,
        deliveries: Deliveries::NONE,
        used: Usage::NONE,
        dup_acks: 0,
        dup_bytes: 0,
        prr: Prr::NONE,
        undo: None,
        frto: Frto::Off,
        reducing_until: None,
        echo_floor: None,
        snd_up: None,
        record_ends: Ends::NONE,
        push_ends: Ends::NONE,
        held: Assembler::EMPTY,
        rcv_up: None,
        fin: None,
        duplicate: None,
        reset: None,
        challenges: RateLimit::NEW,
    };

    /// Nothing is under way any more; the memory is kept.
    fn clear(&mut self) {
        let Self {
            board,
            deliveries,
            used,
            dup_acks,
            dup_bytes,
            prr,
            undo,
            frto,
            reducing_until,
            echo_floor,
            snd_up,
            record_ends,
            push_ends,
            held,
            rcv_up,
            fin,
            duplicate,
            reset,
            challenges,
        } = self;
        board.clear();
        held.clear();
        record_ends.clear();
        push_ends.clear();
        (*deliveries, *used, *prr, *frto) = (Deliveries::NONE, Usage::NONE, Prr::NONE, Frto::Off);
        (*dup_acks, *dup_bytes, *undo) = (0, 0, None);
        (*reducing_until, *echo_floor) = (None, None);
        (*snd_up, *rcv_up, *fin, *duplicate, *reset) = (None, None, None, None, None);
        *challenges = RateLimit::NEW;
    }

    /// Whether an ACK of more than `una` is about nothing but segments that were sent once, in order.
    pub(crate) fn is_plain(&self, una: SeqNum) -> bool {
        self.reducing_until.is_none()
            && self.board.sent_again_at().is_none()
            && self.deliveries.nothing_beyond(una)
    }

    /// Bytes that it takes, with what belongs to it.
    fn memory(&self) -> usize {
        let queues = self.board.memory() + self.record_ends.memory() + self.held.memory();
        size_of::<Self>() + queues + self.push_ends.memory()
    }
}

/// A connection's flight, if it has one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lease(Option<Box<Flight>>);

impl Lease {
    /// `flight`, unless there is nothing in it.
    pub(crate) fn of(flight: Flight) -> Self {
        Self((flight != Flight::NONE).then(|| Box::new(flight)))
    }

    /// The flight, if there is one: for what only changes what is there.
    pub(crate) fn present(&mut self) -> Option<&mut Flight> {
        self.0.as_deref_mut()
    }

    /// Sees to it that there is one.
    pub(crate) fn take_from(&mut self, spares: &mut Spares) {
        if self.0.is_none() {
            self.0 = Some(spares.take().unwrap_or_else(|| Box::new(Flight::NONE)));
        }
    }

    fn give_to(&mut self, spares: &mut Spares) {
        if let Some(flight) = self.0.take() {
            spares.put(flight);
        }
    }
}

impl Lease {
    /// Whether nothing of what is under way has to be told of, or sent again, or begins or ends in a place of its own.
    pub(crate) fn is_undisturbed(&self) -> bool {
        self.0.as_ref().is_none_or(|flight| {
            flight.board.lost() == 0
                && flight.reset.is_none()
                && flight.snd_up.is_none()
                && flight.record_ends.is_empty()
                && flight.push_ends.is_empty()
                && flight.held.is_empty()
                && flight.duplicate.is_none()
        })
    }
}

impl Deref for Lease {
    type Target = Flight;

    fn deref(&self) -> &Flight {
        static NONE: Flight = Flight::NONE;
        self.0.as_deref().unwrap_or(&NONE)
    }
}

/// Whatever is written needs a flight to be written to.
impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Flight {
        self.0.get_or_insert_with(|| Box::new(Flight::NONE))
    }
}

/// Flights that no connection has, for the next that needs one.
#[derive(Debug, Default)]
pub(crate) struct Spares {
    #[expect(clippy::vec_box, reason = "a flight changes hands by its address")]
    flights: Vec<Box<Flight>>,
    /// Bytes that they take.
    memory: usize,
}

/// Bytes of all spare flights of an engine, at most: some hundred, as many as a burst has connections.
const SPARES_MEMORY_MAX: usize = 1 << 20;

impl Spares {
    fn take(&mut self) -> Option<Box<Flight>> {
        let flight = self.flights.pop()?;
        self.memory -= flight.memory();
        Some(flight)
    }

    fn put(&mut self, mut flight: Box<Flight>) {
        flight.clear();
        let memory = self.memory + flight.memory();
        if memory <= SPARES_MEMORY_MAX {
            self.flights.push(flight);
            self.memory = memory;
        }
    }
}

/// A copy of an engine has connections of its own, and what they need is made for them.
impl Clone for Spares {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Connection {
    /// Gives the flight back if nothing of it means anything any more.
    pub(crate) fn give_back_flight(&mut self, spares: &mut Spares, now: Nanos) {
        // Most of the time something is in flight, and that settles it.
        let may_be_over = self.snd.una == self.snd.max || self.state == State::Closed;
        if may_be_over && self.flight.present().is_some() && self.is_flight_over(now) {
            self.flight.give_to(spares);
        }
    }

    fn is_flight_over(&self, now: Nanos) -> bool {
        let flight = &*self.flight;
        let all_arrived = self.snd.una == self.snd.max
            && self.snd.recovery == Recovery::Open
            && flight.reducing_until.is_none()
            && flight.record_ends.is_empty()
            && flight.push_ends.is_empty()
            && flight.snd_up.is_none_or(|up| up.at_or_before(self.snd.una))
            && !self.may_be_undone();
        let all_in_order = flight.held.is_empty()
            && flight.rcv_up.is_none_or(|up| up.at_or_before(self.rcv.nxt))
            && flight.fin.is_none();
        let all_said = flight.duplicate.is_none() && flight.reset.is_none();
        let ended = self.state == State::Closed;
        (all_arrived && all_in_order || ended) && all_said && flight.challenges.is_over(now)
    }

    /// Whether the last reduction of the window may still turn out to have been for nothing, though all that
    /// was sent is acknowledged. By timestamps it would have turned out by now; without, duplicates may still
    /// be reported until something that was sent later has been acknowledged.
    fn may_be_undone(&self) -> bool {
        self.flight.undo.is_some()
            && self.timestamps.is_none()
            && !self.snd.una.after(self.snd.recover)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A flight of some segments, all acknowledged.
    fn used(segments: u32) -> Box<Flight> {
        let mut flight = Box::new(Flight::NONE);
        for n in 0..segments {
            flight.board.on_sent(SeqNum(n), SeqNum(n + 1), Nanos::ZERO, usize::MAX);
        }
        flight
    }

    #[test]
    fn a_flight_comes_back_empty_with_its_memory() {
        let mut spares = Spares::default();
        let memory = used(100).memory();
        spares.put(used(100));
        let mut lease = Lease::default();
        lease.take_from(&mut spares);
        assert_eq!(*lease, Flight::NONE);
        assert_eq!(lease.memory(), memory);
        assert_eq!(spares.memory, 0);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut spares = Spares::default();
        for segments in [0, 1, 10, 100] {
            for _ in 0..500 {
                spares.put(used(segments));
            }
        }
        assert!(spares.memory <= SPARES_MEMORY_MAX);
        assert!(
            spares.flights.len() > 100,
            "{} flights with nothing in them",
            spares.flights.len()
        );
        assert_eq!(
            spares.memory,
            spares.flights.iter().map(|flight| flight.memory()).sum::<usize>()
        );
    }

    #[test]
    fn without_a_flight_nothing_is_under_way() {
        let mut lease = Lease::default();
        assert_eq!((lease.board.segments(), lease.undo), (0, None));
        assert!(lease.present().is_none(), "to look takes none");
        lease.dup_acks = 1;
        assert_eq!(lease.present().map(|flight| flight.dup_acks), Some(1));
    }
}
