//! Proportional rate reduction (RFC 9937): how `cwnd` comes down to `ssthresh` during fast recovery.

use serde::{Deserialize, Serialize};

/// One recovery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prr {
    /// Bytes delivered since recovery began.
    pub delivered: u32,
    /// Bytes sent since.
    pub out: u32,
    /// RecoverFS: bytes in flight when it began.
    pub flight: u32,
}

impl Prr {
    pub(crate) const NONE: Self = Self { delivered: 0, out: 0, flight: 0 };

    /// Begins with `flight` bytes that are neither acknowledged nor were reported before the ACK that
    /// began it.
    //
    //= rfc9937#6
    pub(crate) fn new(flight: u32) -> Self {
        Self { delivered: 0, out: 0, flight }
    }

    /// The congestion window after an ACK that delivered `delivered` bytes and leaves `pipe` in the
    /// network. `safe` is whether `snd_una` moved and nothing more was found lost.
    //
    //= rfc9937#6.2 RFC9937-6.2-1 RFC9937-6.2-2 RFC9937-6.2-3
    pub(crate) fn on_ack(
        &mut self,
        delivered: u32,
        pipe: u32,
        ssthresh: u32,
        mss: u32,
        safe: bool,
    ) -> u32 {
        self.delivered = self.delivered.saturating_add(delivered);
        let may_send = if pipe > ssthresh {
            let part = u64::from(self.delivered) * u64::from(ssthresh);
            // Unknown after another engine's recovery: then by what is delivered, one for one.
            let due = part.div_ceil(u64::from(self.flight.max(1)));
            let due = if self.flight == 0 { u64::from(self.delivered) } else { due };
            // In whole segments, upwards, or the last part of each would wait for one more ACK.
            let due = due.next_multiple_of(u64::from(mss));
            due.saturating_sub(self.out.into()) as u32
        } else {
            let bank = self.delivered.saturating_sub(self.out).max(delivered);
            let limit = if safe { bank.saturating_add(mss) } else { bank };
            limit.min(ssthresh - pipe)
        };
        // The first retransmission is not held back.
        let may_send = if self.out == 0 { may_send.max(mss) } else { may_send };
        pipe.saturating_add(may_send)
    }

    pub(crate) fn on_sent(&mut self, bytes: u32) {
        self.out = self.out.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MSS: u32 = 1000;

    /// RFC 9937 section 6: 20 segments in flight, the first lost, `ssthresh` 10: for each two that
    /// arrive, one is sent.
    //= rfc9937#6.2 RFC9937-6.2-1
    #[test]
    fn sends_in_the_proportion_of_the_reduction() {
        let mut prr = Prr::new(20 * MSS);
        let mut pipe = 16 * MSS;
        let mut sent = Vec::new();
        for _ in 0..12 {
            let cwnd = prr.on_ack(MSS, pipe, 10 * MSS, MSS, false);
            let burst = (cwnd - pipe) / MSS;
            sent.push(burst);
            prr.on_sent(burst * MSS);
            pipe = pipe + burst * MSS - MSS;
        }
        assert_eq!(sent, [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
    }

    /// Many losses: less is in the network than `ssthresh`. What is delivered is replaced; a safe ACK
    /// lets one more out, as slow start does.
    //= rfc9937#6.2 RFC9937-6.2-2
    #[test]
    fn grows_back_no_faster_than_slow_start() {
        let mut prr = Prr::new(20 * MSS);
        assert_eq!(prr.on_ack(MSS, 4 * MSS, 10 * MSS, MSS, false), 5 * MSS);
        prr.on_sent(MSS);
        assert_eq!(prr.on_ack(MSS, 4 * MSS, 10 * MSS, MSS, true), 6 * MSS);
        prr.on_sent(2 * MSS);
        assert_eq!(prr.on_ack(MSS, 9 * MSS + 500, 10 * MSS, MSS, true), 10 * MSS);
    }

    /// The network already has no more than it should in the end: but for the first retransmission nothing would leave.
    //= rfc9937#6.2 RFC9937-6.2-3
    #[test]
    fn the_first_retransmission_is_not_held_back() {
        let mut prr = Prr::new(20 * MSS);
        assert_eq!(prr.on_ack(MSS, 10 * MSS, 10 * MSS, MSS, false), 11 * MSS);
        prr.on_sent(MSS);
        assert_eq!(prr.on_ack(MSS, 10 * MSS, 10 * MSS, MSS, false), 10 * MSS);
    }

    //= rfc9937#6.2 RFC9937-6.2-2
    #[test]
    fn what_was_not_sent_is_not_lost() {
        let mut prr = Prr::new(20 * MSS);
        prr.on_ack(MSS, 9 * MSS, 10 * MSS, MSS, false);
        prr.on_sent(MSS);
        // The application had nothing to send in answer to three that arrived: a fourth makes room for all.
        assert_eq!(prr.on_ack(3 * MSS, 6 * MSS, 10 * MSS, MSS, false), 9 * MSS);
        assert_eq!(prr.on_ack(MSS, 5 * MSS, 10 * MSS, MSS, false), 9 * MSS);
    }

    #[test]
    fn an_unknown_flight_is_replaced_one_for_one() {
        let mut prr = Prr::default();
        prr.on_sent(MSS);
        assert_eq!(prr.on_ack(2 * MSS, 20 * MSS, 10 * MSS, MSS, false), 21 * MSS);
    }
}
