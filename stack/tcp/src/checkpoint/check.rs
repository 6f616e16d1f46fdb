//! What a checkpoint has to keep to, wherever it comes from.

use super::{Checkpoint, Fate, HeldRange};
use crate::assembler::ARRIVAL_MAX;
use crate::cc::CWND_MAX;
use crate::connection::{MSS_MIN, SHIFT_MAX};
use crate::{PeerFin, SeqNum, State, Transmissions};

/// Why a checkpoint, or its bytes, cannot be gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The bytes are no checkpoint: cut off, damaged, or with something behind.
    #[error("these bytes are no checkpoint of a connection")]
    Malformed,
    /// The bytes are of a version that this engine does not know.
    #[error("a checkpoint of version {found}; version {known} is what this engine reads")]
    Version {
        /// What they begin with.
        found: u16,
        /// What they would have to begin with.
        known: u16,
    },
    /// What the fields say contradicts itself.
    #[error("a checkpoint that contradicts itself: {0}")]
    Inconsistent(&'static str),
}

/// The largest stretch of sequence numbers on either side: that of the largest window.
//= rfc7323#2.3
const SPAN_MAX: u32 = 0xffff << SHIFT_MAX;

/// The most that a count of events may be: there is room for more.
const COUNT_MAX: u32 = 1 << 30;

fn hold(is_so: bool, rule: &'static str) -> Result<(), Unfit> {
    if is_so { Ok(()) } else { Err(Unfit::Inconsistent(rule)) }
}

/// Whether each is at or after the one before it, and all of them span no more than a window.
fn ascend(seqs: &[SeqNum]) -> bool {
    let Some(&first) = seqs.first() else { return true };
    let distances = || seqs.iter().map(|seq| seq.since(first));
    distances().is_sorted() && distances().all(|distance| distance <= SPAN_MAX)
}

impl Checkpoint {
    /// Whether an engine can go on from here. What an engine itself has made always passes.
    ///
    /// # Errors
    ///
    /// [`Unfit::Inconsistent`] with the rule that is broken.
    pub fn check(&self) -> Result<(), Unfit> {
        self.check_send_space()?;
        self.check_in_flight()?;
        self.check_receive_space()?;
        self.check_state()?;
        self.check_open()?;
        self.check_timers()?;
        self.check_sizes()
    }

    /// One past all that is to be sent.
    fn snd_end(&self) -> SeqNum {
        self.tx_max + u32::from(self.fin_posted)
    }

    fn check_send_space(&self) -> Result<(), Unfit> {
        hold(
            ascend(&[self.snd_una, self.snd_nxt, self.snd_max, self.snd_end()]),
            "snd_una, snd_nxt, snd_max and the end of what is posted follow each other",
        )?;
        hold(
            self.snd_wnd <= SPAN_MAX && self.snd_wnd_max <= SPAN_MAX,
            "a window is at most 65,535 << 14",
        )?;
        let edge = self.snd_una + self.snd_wnd;
        hold(
            self.private.edge_max.is_none_or(|max| ascend(&[self.snd_una, edge, max])),
            "the rightmost edge is at the present one, or beyond",
        )
    }

    /// Records tile what is in flight.
    fn check_in_flight(&self) -> Result<(), Unfit> {
        let mut at = self.snd_una;
        for sent in &self.in_flight {
            let whole = sent.start == at && sent.end.after(sent.start) && sent.end != at;
            hold(whole, "segments in flight follow each other without a gap from snd_una on")?;
            hold(sent.end.at_or_before(self.snd_max), "segments in flight end with snd_max")?;
            at = sent.end;
        }
        let once = self.in_flight.iter().filter(|sent| sent.transmissions == Transmissions::Once);
        hold(
            once.is_sorted_by(|earlier, later| earlier.age >= later.age),
            "segments that were sent once were sent in order",
        )?;
        let whole = self.in_flight.is_empty() || at == self.snd_max;
        hold(whole, "segments in flight end with snd_max")?;
        let repeats = self.in_flight.iter().any(|sent| sent.fate == Fate::Lost);
        hold(
            self.in_flight.is_empty() || repeats || self.snd_nxt == self.snd_max,
            "snd_nxt is before snd_max if something is lost",
        )
    }

    fn check_receive_space(&self) -> Result<(), Unfit> {
        let ack =
            self.rcv_nxt - self.undelivered - u32::from(self.peer_fin == PeerFin::Undelivered);
        hold(self.undelivered <= SPAN_MAX, "undelivered bytes fit a window")?;
        hold(
            self.rcv_wnd <= SPAN_MAX && self.rcv_wnd_max <= SPAN_MAX,
            "a window is at most 65,535 << 14",
        )?;
        hold(
            matches!(self.state, State::Closed | State::SynSent)
                || ascend(&[self.last_ack_sent, ack, self.rcv_nxt]),
            "what was acknowledged is not beyond what may be",
        )?;
        let mut at = self.rcv_nxt;
        for &HeldRange { start, end, arrival } in &self.held {
            let apart = start.after(at) && end.after(start) && ascend(&[self.rcv_nxt, start, end]);
            hold(apart, "held ranges follow each other, with gaps, from rcv_nxt on")?;
            hold(arrival <= ARRIVAL_MAX, "arrivals are counted up to 2^30")?;
            at = end;
        }
        hold(at.since(self.rcv_nxt) <= self.rcv_wnd, "held ranges lie in the window")?;
        match self.peer_fin {
            PeerFin::Held(fin) => {
                hold(ascend(&[self.rcv_nxt, fin]), "a FIN that is held is not before rcv_nxt")?;
                hold(at.at_or_before(fin), "nothing is held beyond a FIN")
            }
            PeerFin::Absent => Ok(()),
            _ => hold(self.held.is_empty(), "nothing is held beyond a FIN"),
        }
    }

    fn check_state(&self) -> Result<(), Unfit> {
        let fin_acked = self.fin_posted && self.snd_una == self.snd_end();
        let is_so = match self.state {
            State::Closed => true,
            State::SynSent | State::SynRcvd => true,
            State::Established | State::CloseWait => !self.fin_posted,
            State::FinWait1 | State::Closing | State::LastAck => self.fin_posted && !fin_acked,
            State::FinWait2 | State::TimeWait => fin_acked,
        };
        hold(is_so, "our FIN is posted, and acknowledged, as the state says")?;
        let received = matches!(self.peer_fin, PeerFin::Undelivered | PeerFin::Delivered);
        let is_so = match self.state {
            State::Closed => true,
            State::CloseWait | State::Closing | State::LastAck | State::TimeWait => received,
            _ => !received,
        };
        hold(is_so, "the peer's FIN is received, or not, as the state says")
    }

    /// Until it is acknowledged, a SYN is all that was sent, or is to be sent.
    fn check_open(&self) -> Result<(), Unfit> {
        let is_so = match self.state {
            State::SynSent | State::SynRcvd => {
                let sent = self.snd_max.since(self.iss);
                self.snd_una == self.iss
                    && self.tx_max.after(self.iss)
                    && (sent == 1 || sent == 0 && self.private.pending.syn)
            }
            _ => !self.private.pending.syn,
        };
        hold(is_so, "a SYN that is not acknowledged is all that was sent")?;
        let nothing = self.peer_fin == PeerFin::Absent && self.held.is_empty();
        hold(
            self.state != State::SynSent || nothing && self.undelivered == 0,
            "before the peer's SYN there is nothing of it",
        )
    }

    /// One timer is for what was sent, the other for what cannot be.
    fn check_timers(&self) -> Result<(), Unfit> {
        let waits = self.snd_una != self.snd_max;
        hold(
            self.timers.retransmit.is_none() || waits,
            "the retransmission timer runs only while something is in flight",
        )?;
        hold(
            self.timers.persist.is_none() || !waits,
            "the persist timer runs only while nothing is in flight",
        )
    }

    fn check_sizes(&self) -> Result<(), Unfit> {
        let private = &self.private;
        hold(self.mss >= MSS_MIN && self.mss_announced > 0, "a segment holds at least 48 bytes")?;
        let scales = self.window_scale.is_none_or(|s| s.snd <= SHIFT_MAX && s.rcv <= SHIFT_MAX);
        hold(scales, "a window is shifted by 14 at most")?;
        hold((1..=CWND_MAX).contains(&self.cwnd), "a congestion window is 1 byte to 256 MiB")?;
        let remembered = private.congestion_state.as_ref();
        hold(
            remembered.is_none_or(|state| state.is_of(private.congestion)),
            "a congestion control remembers what it can have come to",
        )?;
        hold(
            private.loss.undo.is_none_or(|undo| undo.prior.is_sound()),
            "a reduction that may be taken back was of a window that can have been",
        )?;
        hold(
            private.mtu_search.is_none_or(|search| search.is_sound()),
            "a search for longer segments is between what arrives and what the path carries",
        )?;
        hold(
            private.ce_echo.is_none() || private.congestion.needs_ecn(),
            "only DCTCP echoes each change of CE",
        )?;
        let counts = [self.dup_acks, self.cwnd_credit, private.dup_bytes];
        hold(counts.iter().all(|&count| count <= COUNT_MAX), "a count is at most 2^30")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::MtuSearchCheckpoint;
    use crate::script::{EngineEndpoint, Setup};
    use crate::{Flags, MtuProbe, Segment};
    use mafo_mem::Nanos;

    fn established() -> Checkpoint {
        use crate::script::Endpoint;
        let mut end = EngineEndpoint::new(&Setup::default(), Nanos::ZERO);
        end.connect();
        while end.take().is_some() {}
        let (src_port, dst_port, flags) = (40_000, 7, Flags::SYN | Flags::ACK);
        let ack = Setup::default().iss + 1;
        let reply = Segment { src_port, dst_port, ack, flags, window: 9000, ..Segment::default() };
        end.inject(&reply, &[]);
        while end.take().is_some() {}
        end.conn.expect("it is open").checkpoint(Nanos::ZERO)
    }

    fn broken(change: impl FnOnce(&mut Checkpoint)) -> Option<&'static str> {
        let mut checkpoint = established();
        change(&mut checkpoint);
        match checkpoint.check() {
            Err(Unfit::Inconsistent(rule)) => Some(rule),
            _ => None,
        }
    }

    #[test]
    fn a_search_for_longer_segments_has_bounds() {
        let probe = |mss| MtuProbe { start: SeqNum(1), end: SeqNum(9), mss };
        let search = |low, high, ceiling, probe| {
            let again_in = Nanos::ZERO;
            broken(|checkpoint| {
                checkpoint.private.mtu_search =
                    Some(MtuSearchCheckpoint { low, high, ceiling, probe, again_in });
            })
        };
        assert_eq!(search(500, 1400, 1460, Some(probe(950))), None);
        for wrong in [
            search(500, 1400, 1460, Some(probe(500))),
            search(500, 1400, 1460, Some(probe(0))),
            search(500, 1400, 1460, Some(probe(1401))),
            search(47, 1400, 1460, None),
            search(1401, 1400, 1460, None),
            search(500, 1461, 1460, None),
            search(500, 1400, 1460, Some(MtuProbe { end: SeqNum(1), ..probe(950) })),
        ] {
            assert!(wrong.is_some_and(|rule| rule.starts_with("a search")), "{wrong:?}");
        }
    }

    #[test]
    fn held_ranges_were_counted_as_they_came() {
        let held = |arrival| {
            broken(|checkpoint| {
                let start = checkpoint.rcv_nxt + 10;
                checkpoint.held = vec![HeldRange { start, end: start + 1, arrival }];
            })
        };
        assert_eq!(held(ARRIVAL_MAX), None);
        assert!(held(ARRIVAL_MAX + 1).is_some_and(|rule| rule.starts_with("arrivals")));
    }
}
