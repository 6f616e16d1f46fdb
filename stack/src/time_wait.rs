//! TIME_WAIT (RFC 9293, 3.6.1): kept by the host for every connection, wherever its TCP ran, so that
//! no TCB of an adapter is spent on it.

use std::collections::VecDeque;

use mafo_mem::{KeyedHasher, Nanos};
use mafo_tcp::{Flags, Segment, SeqNum, Timestamps};

use crate::packet::Dscp;
use crate::tuple::{FourTuple, TupleMap};

/// What is left of a connection that we closed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remains {
    /// Behind our FIN.
    pub snd_nxt: SeqNum,
    /// Behind the peer's FIN.
    pub rcv_nxt: SeqNum,
    /// The window field of what is sent for it: nothing can follow the peer's FIN, but a right edge
    /// that moves left would be the connection shrinking its window (RFC 9293, 3.8.6).
    pub window: u16,
    /// The peer's last timestamp, where it is known: the card that had the connection keeps it.
    pub ts_recent: Option<u32>,
    /// The code point of the connection's packets, and so of what is still sent for it.
    pub dscp: Dscp,
}

impl Remains {
    /// `left` bytes of the window are to the right of `rcv_nxt`; `scale` is the shift in force.
    #[must_use]
    pub fn new(snd_nxt: SeqNum, rcv_nxt: SeqNum, left: u64, scale: u8) -> Self {
        let window = u16::try_from(left >> scale).unwrap_or(u16::MAX);
        Self { snd_nxt, rcv_nxt, window, ts_recent: None, dscp: Dscp::DEFAULT }
    }

    /// The ACK of everything, in answer to `segment`.
    fn reply(&self, tuple: &FourTuple, segment: &Segment) -> Answer {
        let mut reply = Segment {
            src_port: tuple.local.port(),
            dst_port: tuple.remote.port(),
            seq: self.snd_nxt,
            ack: self.rcv_nxt,
            flags: Flags::ACK,
            window: self.window,
            ..Segment::default()
        };
        // The clock that stamped the connection's segments may be gone with its adapter. What the peer
        // echoes is the last stamp it saw from us: neither older than that (PAWS) nor ahead of the clock.
        reply.options.timestamps =
            segment.options.timestamps.map(|ts| Timestamps { val: ts.ecr, ecr: ts.val });
        Answer::Reply(reply, self.dscp)
    }
}

/// What to do with a segment of a connection in TIME_WAIT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Send this, with this code point.
    Reply(Segment, Dscp),
    /// A SYN that cannot belong to the old connection: it may open a new one, whose sequence numbers begin
    /// behind this one.
    Reopen(SeqNum),
    /// Nothing.
    Drop,
}

/// A connection in TIME_WAIT.
#[derive(Clone, Copy, Debug)]
struct Entry {
    remains: Remains,
    /// When its wait ends.
    ends: Nanos,
    /// Before that, what carries nothing is not answered.
    silent_until: Nanos,
}

/// Connections in TIME_WAIT, oldest first.
#[derive(Debug)]
pub struct TimeWait {
    table: TupleMap<Entry>,
    order: VecDeque<(Nanos, FourTuple)>,
    capacity: usize,
    period: Nanos,
}

impl TimeWait {
    /// Room for `capacity` connections, each kept for `period` (twice the segment lifetime). When it
    /// is full the oldest goes first.
    #[must_use]
    pub fn new(capacity: usize, period: Nanos, hasher: KeyedHasher) -> Self {
        Self { table: TupleMap::with_hasher(hasher), order: VecDeque::new(), capacity, period }
    }

    /// Connections in TIME_WAIT.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Whether `tuple` is in TIME_WAIT.
    #[must_use]
    pub fn contains(&self, tuple: &FourTuple) -> bool {
        self.table.contains_key(tuple)
    }

    /// The last FIN of `tuple` has been acknowledged.
    //= rfc9293#3.6.1 MUST-13
    pub fn insert(&mut self, now: Nanos, tuple: FourTuple, remains: Remains) {
        while self.table.len() >= self.capacity {
            let Some((until, oldest)) = self.order.pop_front() else { return };
            self.forget(until, oldest);
        }
        let ends = now + self.period;
        self.table.insert(tuple, Entry { remains, ends, silent_until: now });
        self.order.push_back((ends, tuple));
    }

    /// The peer's last timestamp on `tuple` becomes known, if that is still here.
    pub fn note_timestamp(&mut self, tuple: &FourTuple, ts_recent: u32) {
        if let Some(entry) = self.table.get_mut(tuple) {
            entry.remains.ts_recent = Some(ts_recent);
        }
    }

    /// A segment of `tuple` arrived; `None` when that connection is not here.
    pub fn on_segment(
        &mut self,
        now: Nanos,
        tuple: &FourTuple,
        segment: &Segment,
    ) -> Option<Answer> {
        let Entry { remains, ends, silent_until } = self.table.get_mut(tuple)?;
        let (flags, remains) = (segment.flags, *remains);
        if flags.contains(Flags::RST) {
            // RFC 1337: a reset does not end TIME_WAIT.
            return Some(Answer::Drop);
        }
        if segment.may_reopen(remains.rcv_nxt, remains.ts_recent) {
            self.table.remove(tuple);
            return Some(Answer::Reopen(remains.snd_nxt));
        }
        if flags.contains(Flags::FIN) && segment.seq + segment.seq_len() == remains.rcv_nxt {
            // Our last ACK was lost: say it again and start anew (3.10.7.4, eighth check).
            // Not for every FIN: what is still in `order` for it costs memory, and FINs cost nothing.
            let until = now + self.period;
            if until - *ends >= Nanos(self.period.0 / RESTARTS) {
                *ends = until;
                self.order.push_back((until, *tuple));
            }
            return Some(remains.reply(tuple, segment));
        }
        let syn = flags.contains(Flags::SYN);
        if segment.payload_len > 0 && !syn {
            return Some(remains.reply(tuple, segment));
        }
        //= rfc9293#3.10.7.4
        //= rfc5961#4.2 RFC5961-4.2-1
        //= rfc5961#7 RFC5961-7-1
        // A SYN, and what is not where the peer stands, gets the ACK that tells it where that is; but two ends that
        // disagree would answer each other's answers for ever.
        let in_place = segment.seq_len() == 0 && segment.seq == remains.rcv_nxt;
        if in_place || now < *silent_until {
            return Some(Answer::Drop);
        }
        *silent_until = now + SILENCE;
        Some(remains.reply(tuple, segment))
    }

    /// Lets go of what has waited long enough.
    pub fn poll(&mut self, now: Nanos) {
        while self.order.front().is_some_and(|&(until, _)| until <= now) {
            if let Some((until, tuple)) = self.order.pop_front() {
                self.forget(until, tuple);
            }
        }
    }

    /// When [`TimeWait::poll`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.order.front().map(|&(until, _)| until)
    }

    /// Ends the wait of `tuple` unless it began anew after it was to end at `until`.
    fn forget(&mut self, until: Nanos, tuple: FourTuple) {
        if self.table.get(&tuple).is_some_and(|entry| entry.ends == until) {
            self.table.remove(&tuple);
        }
    }
}

/// How long after an answer to one that carries nothing no other is given (Linux's tcp_invalid_ratelimit).
const SILENCE: Nanos = Nanos::from_millis(500);

/// How often in its length a wait may begin anew.
const RESTARTS: u64 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Nanos = Nanos::from_secs(60);
    const REMAINS: Remains = Remains {
        snd_nxt: SeqNum(1001),
        rcv_nxt: SeqNum(5001),
        window: 4096,
        ts_recent: None,
        dscp: Dscp::of_tos(0xb8),
    };

    fn tuple(port: u16) -> FourTuple {
        FourTuple { local: ([10, 77, 0, 2], 7).into(), remote: ([10, 77, 0, 1], port).into() }
    }

    fn segment(flags: Flags, seq: u32) -> Segment {
        let timestamps = Some(Timestamps { val: 70, ecr: 90 });
        let options = mafo_tcp::Options { timestamps, ..Default::default() };
        Segment { seq: SeqNum(seq), flags, options, ..Segment::default() }
    }

    fn hasher() -> KeyedHasher {
        KeyedHasher::new(&[7; 16], 0)
    }

    //= rfc9293#3.6.1 MUST-13
    #[test]
    fn a_fin_that_comes_again_is_acknowledged_and_starts_the_wait_anew() {
        let mut table = TimeWait::new(8, PERIOD, hasher());
        table.insert(Nanos::ZERO, tuple(1), REMAINS);
        let fin = segment(Flags::FIN | Flags::ACK, 5000);
        let Some(Answer::Reply(ack, dscp)) =
            table.on_segment(Nanos::from_secs(50), &tuple(1), &fin)
        else {
            panic!("not answered")
        };
        assert_eq!((ack.seq, ack.ack, ack.flags), (SeqNum(1001), SeqNum(5001), Flags::ACK));
        assert_eq!((ack.src_port, ack.dst_port, ack.window), (7, 1, 4096));
        assert_eq!(dscp.tos(), 0xb8, "as all of the connection's packets");
        // Our stamp is the last one that the peer saw, its own is echoed.
        assert_eq!(ack.options.timestamps, Some(Timestamps { val: 90, ecr: 70 }));
        table.poll(Nanos::from_secs(60));
        assert!(table.contains(&tuple(1)), "the first deadline no longer counts");
        table.poll(Nanos::from_secs(110));
        assert!(table.is_empty());
        assert_eq!(table.on_segment(Nanos::from_secs(110), &tuple(1), &fin), None);
    }

    #[test]
    fn the_window_field_is_what_fits() {
        let window = |left, scale| Remains::new(SeqNum(0), SeqNum(0), left, scale).window;
        assert_eq!([window(0, 3), window(7, 3), window(8, 3)], [0, 0, 1]);
        assert_eq!([window(65_535, 0), window(65_536, 0), window(1 << 40, 14)], [0xffff; 3]);
    }

    //= rfc9293#3.6.1 MAY-2
    #[test]
    fn only_a_newer_syn_reopens_and_a_reset_changes_nothing() {
        let mut table = TimeWait::new(8, PERIOD, hasher());
        table.insert(Nanos::ZERO, tuple(1), REMAINS);
        let now = Nanos::from_secs(1);
        let reset = segment(Flags::RST, 5001);
        assert_eq!(table.on_segment(now, &tuple(1), &reset), Some(Answer::Drop));
        let with_fin = segment(Flags::RST | Flags::FIN, 5001);
        assert_eq!(table.on_segment(now, &tuple(1), &with_fin), Some(Answer::Drop));
        let old = segment(Flags::SYN, 5001);
        assert!(matches!(table.on_segment(now, &tuple(1), &old), Some(Answer::Reply(..))));
        let new = segment(Flags::SYN, 5002);
        assert_eq!(table.on_segment(now, &tuple(1), &new), Some(Answer::Reopen(SeqNum(1001))));
        assert!(table.is_empty());
    }

    /// Without a limit, an end that takes the answer for as wrong as what it answers would keep both busy.
    //= rfc9293#3.10.7.4
    //= rfc5961#7 RFC5961-7-1
    #[test]
    fn what_is_out_of_place_is_answered_only_so_often() {
        let mut table = TimeWait::new(8, PERIOD, hasher());
        table.insert(Nanos::ZERO, tuple(1), REMAINS);
        let mut answered = |millis, flags, seq| {
            let now = Nanos::from_millis(millis);
            let answer = table.on_segment(now, &tuple(1), &segment(flags, seq));
            matches!(answer, Some(Answer::Reply(..)))
        };
        let syn_ack = Flags::SYN | Flags::ACK;
        assert!(!answered(0, Flags::ACK, 5001), "in its place, as the ACK of our FIN is");
        assert!(answered(0, syn_ack, 9000), "no bare SYN, so it does not reopen");
        assert!(!answered(499, syn_ack, 9000));
        assert!(answered(500, Flags::ACK, 5000), "a keepalive probe");
        assert!(!answered(999, Flags::ACK, 5002));
        assert!(answered(999, Flags::FIN | Flags::ACK, 5000), "the peer's FIN always is");
        assert!(!answered(999, Flags::FIN | Flags::ACK, 5001), "another FIN");
        assert!(answered(1000, Flags::SYN, 4000));
    }

    //= rfc9293#3.6.1 SHLD-4
    //= rfc6191#2 RFC6191-2-1 RFC6191-2-2
    #[test]
    fn timestamps_tell_before_sequence_numbers_do() {
        // The SYN's timestamp is 70.
        for (ts_recent, seq, reopens) in [
            (Some(69), 1, true),
            (Some(70), 5001, false),
            (Some(70), 5002, true),
            (Some(71), 5002, false),
            (Some(0x8000_0047), 1, true),
            (Some(0x8000_0045), 9000, false),
            (None, 5002, true),
        ] {
            let mut table = TimeWait::new(8, PERIOD, hasher());
            table.insert(Nanos::ZERO, tuple(1), Remains { ts_recent, ..REMAINS });
            let answer = table.on_segment(Nanos::ZERO, &tuple(1), &segment(Flags::SYN, seq));
            let reopened = answer == Some(Answer::Reopen(SeqNum(1001)));
            assert_eq!(reopened, reopens, "{ts_recent:?} {seq}");
        }
    }

    #[test]
    fn a_full_table_lets_the_oldest_go() {
        let mut table = TimeWait::new(2, PERIOD, hasher());
        for port in 1..=3 {
            table.insert(Nanos::from_secs(u64::from(port)), tuple(port), REMAINS);
        }
        assert_eq!(table.len(), 2);
        assert!(!table.contains(&tuple(1)) && table.contains(&tuple(3)));
        assert_eq!(table.poll_timeout(), Some(Nanos::from_secs(62)));
    }

    #[test]
    fn a_flood_of_fins_costs_no_memory() {
        let mut table = TimeWait::new(2, PERIOD, hasher());
        table.insert(Nanos::ZERO, tuple(1), REMAINS);
        let fin = segment(Flags::FIN | Flags::ACK, 5000);
        for n in 0..60_000 {
            let answer = table.on_segment(Nanos::from_millis(n), &tuple(1), &fin);
            assert!(matches!(answer, Some(Answer::Reply(..))));
        }
        assert!(table.order.len() <= 17, "{} entries", table.order.len());
        // The wait still runs from about the last of them; a full table forgets the oldest wait.
        table.poll(Nanos::from_secs(110));
        assert!(table.contains(&tuple(1)));
        table.insert(Nanos::from_secs(110), tuple(2), REMAINS);
        table.insert(Nanos::from_secs(111), tuple(3), REMAINS);
        assert!(!table.contains(&tuple(1)) && table.contains(&tuple(2)));
        assert_eq!(table.len(), 2);
    }
}
