//! ICMP errors about a connection: RFC 9293 3.9.2.2, believed only as far as RFC 5927 says.
//!
//! The owner finds the connection by the addresses and ports that the error quotes; what is here is about the
//! quoted sequence number and what an error means.

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use crate::{Connection, Ended, Engine, Events, SeqNum, State};

/// What a router, or the peer's host, says of a segment that it did not deliver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IcmpError {
    /// No way to the network (codes 0, 6, 9 and 11 of Destination Unreachable).
    NetUnreachable,
    /// No way to the host (codes 1, 10 and 12).
    HostUnreachable,
    /// The host speaks no TCP (code 2).
    ProtocolUnreachable,
    /// Nobody listens (code 3). TCP itself says so by a reset.
    PortUnreachable,
    /// A source route failed (code 5).
    SourceRouteFailed,
    /// The host is not known (code 7).
    HostUnknown,
    /// The source is isolated (code 8).
    SourceIsolated,
    /// Forbidden by whoever administers the path (codes 13 to 15).
    Prohibited,
    /// Too many hops, or a fragment that stayed alone.
    TimeExceeded,
    /// A header field that a router could not make sense of.
    ParameterProblem,
}

impl Connection {
    /// Whether an ICMP error that quotes a segment at `seq` can be about something that is outstanding. What was
    /// acknowledged has arrived, and what was never sent is made up.
    ///
    //= rfc5927#4.1 RFC5927-4.1-1
    //= rfc5927#7.2 RFC5927-7.2-1
    #[must_use]
    pub fn is_outstanding(&self, seq: SeqNum) -> bool {
        self.state != State::Closed
            && self.snd.flight() > 0
            && seq.at_or_after(self.snd.una)
            && seq.before(self.snd.max)
    }

    /// Takes an ICMP error that quotes a segment of this connection with sequence number `seq`.
    ///
    /// While the connection opens any error ends it, in [`Ended::Unreachable`]: to wait for minutes for what is known
    /// now is of no use to anybody (RFC 5461 4.1; Linux does so). Later it is only noted, and told as the reason
    /// if the connection fails anyway ([`Connection::soft_error`]).
    ///
    //= rfc9293#3.9.2.2 MUST-56 SHLD-25
    /// The RFC has "hard" errors abort an established connection. They are as easily forged as others and mean as
    /// little, a filter's reconfiguration for example, so they are soft here as in Linux (RFC 5927 5.2).
    //= rfc5927#5.2 RFC5927-5.2-1
    pub fn handle_icmp(&mut self, engine: &mut Engine, seq: SeqNum, error: IcmpError) -> Events {
        if !self.is_outstanding(seq) {
            engine.counters.icmp_drop_sequence += 1;
            return Events::NONE;
        }
        engine.counters.icmp_errors += 1;
        match self.state {
            State::SynSent | State::SynRcvd => {
                self.end(Ended::Unreachable(error));
                Events::CLOSED
            }
            _ => {
                self.soft_error = Some(error);
                Events::NONE
            }
        }
    }

    /// The last ICMP error since the peer was last heard.
    //= rfc9293#3.9.1.8 MUST-47
    #[must_use]
    pub fn soft_error(&self) -> Option<IcmpError> {
        self.soft_error
    }

    /// The path carries segments of at most `mss` bytes, without headers and options; see
    /// [`Connection::set_mss`]. What is in flight in larger ones will not arrive: it is sent again in smaller
    /// ones at once.
    ///
    //= rfc1191#6.4 RFC1191-6.4-1 RFC1191-6.4-2
    /// This is no congestion: the congestion window stays as it is, in bytes.
    pub fn set_path_mss(&mut self, engine: &mut Engine, mss: u16) {
        let before = self.payload_max();
        self.set_mss(mss);
        self.on_path_mss();
        if self.payload_max() < before && self.state.is_synchronized() {
            engine.counters.path_mss_lowered += 1;
            let longest = self.payload_max();
            if let Some(flight) = self.flight.present() {
                flight.board.mark_longer_lost(longest);
            }
        }
    }

    /// Something came back, so the path works.
    pub(crate) fn forget_soft_error(&mut self, now: Nanos) {
        self.soft_error = None;
        if let Some(waiting) = self.rare.as_mut().and_then(|rare| rare.waiting.as_mut()) {
            waiting.heard_at = now;
        }
    }
}
