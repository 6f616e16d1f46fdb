//! RACK (RFC 8985): a segment is lost when one sent enough later has been delivered.

use mafo_mem::Nanos;

use crate::scoreboard::{InOrder, Reported};
use crate::time::{Moment, Span};
use crate::{Info, RackCheckpoint, SeqNum};

/// A DSACK widens the reordering window for so many recoveries (RFC 8985 6.2, step 4).
const REO_WND_PERSIST: u8 = 16;

/// How long a minimum of the RTT counts, at least; as in Linux.
const MIN_RTT_WINDOW: Nanos = Nanos::from_secs(300);

/// A delivered segment: when it was sent, and where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    pub(crate) sent_at: Nanos,
    pub(crate) end: SeqNum,
}

impl Delivery {
    /// Whether it was sent after `other`: segments of one burst share a time.
    ///
    //= rfc8985#6.2 RFC8985-6.2-3
    pub(crate) fn is_after(self, other: Self) -> bool {
        self.sent_at > other.sent_at || self.sent_at == other.sent_at && self.end.after(other.end)
    }

    pub(crate) fn latest(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if a.is_after(b) { a } else { b }),
            (a, b) => a.or(b),
        }
    }
}

/// The least RTT of the last one to two windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MinRtt {
    /// Of the present window; [`Span::MAX`] before the first sample.
    present: Span,
    /// Of the window before, or [`Span::MAX`].
    before: Span,
    /// When the present window began.
    since: Moment,
}

impl MinRtt {
    const NONE: Self =
        Self { present: Span::MAX, before: Span::MAX, since: Moment::of(Nanos::ZERO) };

    fn sample(&mut self, now: Nanos, rtt: Nanos) {
        let rtt = Span::of(rtt);
        if self.present != Span::MAX && now - self.since.get() < MIN_RTT_WINDOW {
            self.present = rtt.min(self.present);
        } else {
            *self = Self { present: rtt, before: self.present, since: Moment::of(now) };
        }
    }

    //= rfc8985#6.2 RFC8985-6.2-1
    fn get(&self) -> Nanos {
        match self.present.min(self.before) {
            Span::MAX => Nanos::ZERO,
            least => least.get(),
        }
    }
}

/// What RACK knows of a connection's path, in flight or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rack {
    /// Round-trip time of the delivered segment that was sent last; zero before the first.
    rtt: Span,
    /// How often what was sent first came later.
    reorderings: u8,
    /// By how many segments at most (Linux's reordering degree).
    reordering: u8,
    reo_wnd_mult: u8,
    reo_wnd_persist: u8,
    min_rtt: MinRtt,
}

/// What RACK knows of what is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deliveries {
    /// Of the segments delivered, the one sent last.
    latest: Option<Delivery>,
    /// One past the highest sequence number delivered.
    fack: Option<SeqNum>,
    /// A DSACK counts once until this is acknowledged.
    dsack_round: Option<SeqNum>,
}

impl Deliveries {
    pub(crate) const NONE: Self = Self { latest: None, fack: None, dsack_round: None };

    /// Whether nothing beyond `una` was ever reported.
    pub(crate) fn nothing_beyond(&self, una: SeqNum) -> bool {
        self.fack.is_none_or(|fack| fack.at_or_before(una))
    }

    /// Whether a round trip goes on in which one DSACK counts.
    pub(crate) fn is_in_dsack_round(&self) -> bool {
        self.dsack_round.is_some()
    }

    pub(crate) fn on_una(&mut self, una: SeqNum) {
        self.dsack_round = self.dsack_round.filter(|round| una.before(*round));
    }
}

impl Rack {
    pub(crate) const NEW: Self = Self {
        rtt: Span::ZERO,
        reorderings: 0,
        reordering: Info::REORDERING_UNSEEN,
        reo_wnd_mult: 1,
        reo_wnd_persist: 0,
        min_rtt: MinRtt::NONE,
    };

    //= rfc8985#6.2
    // Step 1: the minimum RTT, windowed, since paths change.
    pub(crate) fn sample(&mut self, now: Nanos, rtt: Nanos) {
        self.min_rtt.sample(now, rtt);
    }

    /// Steps 2 and 3: takes what an ACK newly reports. `again` is what it reports of what was sent
    /// again, if as far as its timestamp tells it answers that.
    //
    //= rfc8985#6.2 RFC8985-6.2-2
    pub(crate) fn on_delivered(
        &mut self,
        deliveries: &mut Deliveries,
        now: Nanos,
        reported: &Reported,
        again: Option<Delivery>,
        mss: u32,
    ) {
        // An ACK that comes sooner than any round trip answers the transmission before.
        let again = again.filter(|delivery| now - delivery.sent_at >= self.min_rtt.get());
        if let Some(delivery) = Delivery::latest(reported.latest_original, again) {
            // The round trip is that of the last one of the ACK, which need not have been sent last.
            let last = reported.last.filter(|last| !last.again || again.is_some());
            let sent_at = last.map_or(delivery.sent_at, |last| last.sent_at);
            self.rtt = Span::of(now - sent_at);
            deliveries.latest = Delivery::latest(deliveries.latest, Some(delivery));
        }
        let Some(highest) = reported.highest_end else { return };
        let before = deliveries.fack;
        let fack = before.map_or(highest, |fack| fack.later(highest));
        deliveries.fack = Some(fack);
        if let (Some(before), Some(end)) = (before, reported.lowest_original_end)
            && let Some(start) = reported.lowest_original_start
            && end.before(before)
        {
            self.reorderings = self.reorderings.saturating_add(1);
            let degree = fack.since(start).div_ceil(mss.max(1)).min(u8::MAX.into()) as u8;
            self.reordering = self.reordering.max(degree);
        }
    }

    /// How often the path was seen to reorder, and by how many segments at most, neither above 255.
    pub(crate) fn reordering(&self) -> (u8, u8) {
        (self.reorderings, self.reordering)
    }

    /// Whether the path was seen to reorder by more segments than any is thought to.
    pub(crate) fn has_seen_far_reordering(&self) -> bool {
        self.reordering > Info::REORDERING_UNSEEN
    }

    /// A timeout, while `sacked` segments were reported and nothing was sent again for them: whatever was thought of
    /// the path's reordering, that was loss.
    pub(crate) fn on_timeout(&mut self, sacked: u32) {
        if sacked >= u32::from(self.reordering) {
            self.reordering = self.reordering.min(Info::REORDERING_UNSEEN);
        }
    }

    /// As [`Rack::on_delivered`], when each of what is reported was sent once and nothing beyond it was reported
    /// before.
    pub(crate) fn on_delivered_in_order(
        &mut self,
        deliveries: &mut Deliveries,
        now: Nanos,
        reported: &InOrder,
    ) {
        let InOrder { sent_at: _, latest } = *reported;
        self.rtt = Span::of(now - latest.sent_at);
        deliveries.fack = Some(latest.end);
        deliveries.latest = Delivery::latest(deliveries.latest, Some(latest));
    }

    /// The peer reports a duplicate: something was sent again that was not lost, so the window is wider
    /// for a while; once a round trip, which ends when `snd_nxt` of now is acknowledged.
    //
    //= rfc8985#6.2 RFC8985-6.2-6
    pub(crate) fn on_dsack(&mut self, deliveries: &mut Deliveries, snd_nxt: SeqNum) {
        if deliveries.dsack_round.is_none() {
            deliveries.dsack_round = Some(snd_nxt);
            self.reo_wnd_mult = self.reo_wnd_mult.saturating_add(1);
            self.reo_wnd_persist = REO_WND_PERSIST;
        }
    }

    /// A recovery was through, and nothing in it was sent again without need.
    pub(crate) fn on_recovery_exit(&mut self) {
        self.reo_wnd_persist = self.reo_wnd_persist.saturating_sub(1);
        if self.reo_wnd_persist == 0 {
            self.reo_wnd_mult = 1;
        }
    }

    /// What came late was not lost: paths reorder.
    pub(crate) fn on_spurious(&mut self) {
        self.reorderings = self.reorderings.max(1);
    }

    /// Step 4: how long a segment may still be under way that another, sent later, has overtaken.
    /// `repairing` is whether recovery is under way, or so much was reported that it must begin.
    //
    //= rfc8985#6.2 RFC8985-6.2-4 RFC8985-6.2-5
    fn reo_wnd(&self, srtt: Nanos, repairing: bool) -> Nanos {
        if self.reorderings == 0 && repairing {
            return Nanos::ZERO;
        }
        let quarter = self.min_rtt.get().0 / 4;
        Nanos(quarter.saturating_mul(self.reo_wnd_mult.into()).min(srtt.0))
    }

    /// What decides that a segment is lost: the delivered one sent last, and how long after its own
    /// transmission a segment sent before that one counts as lost.
    pub(crate) fn judge(
        &self,
        deliveries: &Deliveries,
        srtt: Nanos,
        repairing: bool,
    ) -> Option<(Delivery, Nanos)> {
        Some((deliveries.latest?, self.rtt.get() + self.reo_wnd(srtt, repairing)))
    }

    /// How old a segment must be to be lost when the retransmission timer ran out.
    //
    //= rfc8985#6.3
    pub(crate) fn lost_age(&self, srtt: Nanos) -> Nanos {
        match self.rtt {
            Span::ZERO => Nanos::ZERO,
            rtt => rtt.get() + self.reo_wnd(srtt, true),
        }
    }

    pub(crate) fn checkpoint(&self, deliveries: &Deliveries, now: Nanos) -> RackCheckpoint {
        let Self { rtt, reorderings, reordering, reo_wnd_mult, reo_wnd_persist, min_rtt } = *self;
        let MinRtt { present, before, since } = min_rtt;
        let Deliveries { latest, fack, dsack_round } = *deliveries;
        let known = |span: Span| (span != Span::MAX).then(|| span.get());
        RackCheckpoint {
            latest: latest.map(|Delivery { sent_at, end }| (now - sent_at, end)),
            rtt: rtt.get(),
            fack,
            reorderings,
            reordering,
            dsack_round,
            reo_wnd_mult,
            reo_wnd_persist,
            min_rtt: known(present).map(|least| (least, now - since.get())),
            min_rtt_before: known(before),
        }
    }

    pub(crate) fn restore(checkpoint: &RackCheckpoint, now: Nanos) -> (Self, Deliveries) {
        let RackCheckpoint {
            latest,
            rtt,
            fack,
            reorderings,
            reordering,
            dsack_round,
            reo_wnd_mult,
            reo_wnd_persist,
            min_rtt,
            min_rtt_before,
        } = *checkpoint;
        let (present, since) = match min_rtt {
            Some((least, age)) => (Span::of(least), Moment::of(now - age)),
            None => (Span::MAX, MinRtt::NONE.since),
        };
        let rack = Self {
            rtt: Span::of(rtt),
            reorderings,
            reordering: if reordering == 0 { Info::REORDERING_UNSEEN } else { reordering },
            reo_wnd_mult: reo_wnd_mult.max(1),
            reo_wnd_persist,
            min_rtt: MinRtt { present, before: min_rtt_before.map_or(Span::MAX, Span::of), since },
        };
        let latest = latest.map(|(age, end)| Delivery { sent_at: now - age, end });
        (rack, Deliveries { latest, fack, dsack_round })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scoreboard::Last;

    const MS: fn(u64) -> Nanos = Nanos::from_millis;

    fn original(sent_at: u64, end: u32) -> Reported {
        let delivery = Some(Delivery { sent_at: MS(sent_at), end: SeqNum(end) });
        Reported {
            latest_original: delivery,
            lowest_original_start: Some(SeqNum(end - 500)),
            lowest_original_end: Some(SeqNum(end)),
            last: Some(Last { sent_at: MS(sent_at), again: false }),
            highest_end: Some(SeqNum(end)),
            ..Reported::default()
        }
    }

    fn again(sent_at: u64, end: u32) -> Option<Delivery> {
        Some(Delivery { sent_at: MS(sent_at), end: SeqNum(end) })
    }

    #[test]
    fn the_segment_sent_last_counts_whatever_its_number() {
        let (mut rack, mut seen) = (Rack::NEW, Deliveries::NONE);
        rack.on_delivered(&mut seen, MS(100), &original(0, 5000), None, 500);
        rack.on_delivered(&mut seen, MS(110), &Reported::default(), again(60, 1000), 500);
        let (latest, age) = rack.judge(&seen, MS(100), true).expect("delivered");
        assert_eq!((latest.sent_at, latest.end, age), (MS(60), SeqNum(1000), MS(50)));
    }

    #[test]
    fn the_round_trip_is_that_of_the_last_one_reported() {
        let (mut rack, mut seen) = (Rack::NEW, Deliveries::NONE);
        rack.sample(MS(0), MS(50));
        let late = Some(Last { sent_at: MS(10), again: false });
        let reported = Reported { last: late, ..original(0, 4000) };
        rack.on_delivered(&mut seen, MS(110), &reported, again(60, 1000), 500);
        let (latest, age) = rack.judge(&seen, MS(100), true).expect("delivered");
        assert_eq!((latest.sent_at, age), (MS(60), MS(100)), "and not of the one sent last");
        let repaired = Some(Last { sent_at: MS(60), again: true });
        let reported = Reported { last: repaired, ..original(10, 4000) };
        rack.on_delivered(&mut seen, MS(120), &reported, None, 500);
        let (_, age) = rack.judge(&seen, MS(100), true).expect("delivered");
        assert_eq!(age, MS(110), "one that this cannot answer does not count");
    }

    #[test]
    fn reordering_is_counted_and_measured_in_segments() {
        let (mut rack, mut seen) = (Rack::NEW, Deliveries::NONE);
        rack.on_delivered(&mut seen, MS(40), &original(0, 5000), None, 500);
        assert_eq!(rack.reordering(), (0, 3));
        rack.on_delivered(&mut seen, MS(41), &original(0, 4500), None, 500);
        assert_eq!(rack.reordering(), (1, 3), "two segments are no more than usual");
        rack.on_delivered(&mut seen, MS(42), &original(0, 1001), None, 500);
        assert_eq!(rack.reordering(), (2, 9), "from 501 to 5000");
        rack.on_timeout(8);
        assert_eq!(rack.reordering(), (2, 9));
        rack.on_timeout(9);
        assert_eq!(rack.reordering(), (2, 3));
    }

    //= rfc8985#6.2 RFC8985-6.2-2
    #[test]
    fn a_retransmission_counts_only_if_the_ack_can_answer_it() {
        let (mut rack, mut seen) = (Rack::NEW, Deliveries::NONE);
        rack.sample(MS(0), MS(50));
        rack.on_delivered(&mut seen, MS(100), &Reported::default(), again(60, 1000), 500);
        assert_eq!(rack.judge(&seen, MS(50), true), None, "40 ms are less than any round trip");
        rack.on_delivered(&mut seen, MS(120), &Reported::default(), None, 500);
        assert_eq!(rack.judge(&seen, MS(50), true), None, "the timestamp is that of the first");
        rack.on_delivered(&mut seen, MS(120), &Reported::default(), again(60, 1000), 500);
        assert!(rack.judge(&seen, MS(50), true).is_some());
    }

    //= rfc8985#6.2 RFC8985-6.2-4 RFC8985-6.2-5 RFC8985-6.2-6
    #[test]
    fn the_window_is_a_quarter_of_the_least_round_trip_and_opens_with_dsacks() {
        let (mut rack, mut seen) = (Rack::NEW, Deliveries::NONE);
        rack.sample(MS(0), MS(40));
        rack.sample(MS(1), MS(60));
        rack.on_delivered(&mut seen, MS(40), &original(0, 1000), None, 500);
        let window = |rack: &Rack, seen: &Deliveries, repairing| {
            rack.judge(seen, MS(50), repairing).map(|(_, age)| (age - MS(40)).as_millis())
        };
        assert_eq!((window(&rack, &seen, false), window(&rack, &seen, true)), (Some(10), Some(0)));
        // What was overtaken has come: from now on the window counts also during recovery.
        rack.on_delivered(&mut seen, MS(40), &original(0, 500), None, 500);
        assert_eq!((window(&rack, &seen, false), window(&rack, &seen, true)), (Some(10), Some(10)));
        rack.on_dsack(&mut seen, SeqNum(9000));
        rack.on_dsack(&mut seen, SeqNum(9500));
        assert_eq!(window(&rack, &seen, true), Some(20), "one a round trip");
        seen.on_una(SeqNum(8999));
        rack.on_dsack(&mut seen, SeqNum(9500));
        assert_eq!(window(&rack, &seen, true), Some(20));
        for _ in 0..9 {
            seen.on_una(SeqNum(20_000));
            rack.on_dsack(&mut seen, SeqNum(9500));
        }
        assert_eq!(window(&rack, &seen, true), Some(50), "never more than SRTT");
        for _ in 0..15 {
            rack.on_recovery_exit();
        }
        assert_eq!(window(&rack, &seen, true), Some(50));
        rack.on_recovery_exit();
        assert_eq!(window(&rack, &seen, true), Some(10), "after 16 recoveries without one");
    }

    //= rfc8985#6.2 RFC8985-6.2-1
    #[test]
    fn an_old_minimum_is_forgotten() {
        let mut min = MinRtt::NONE;
        min.sample(MS(0), MS(10));
        min.sample(Nanos::from_secs(299), MS(30));
        assert_eq!(min.get(), MS(10));
        min.sample(Nanos::from_secs(300), MS(20));
        assert_eq!(min.get(), MS(10));
        min.sample(Nanos::from_secs(601), MS(40));
        assert_eq!(min.get(), MS(20));
    }

    #[test]
    fn a_checkpoint_goes_on_under_another_clock() {
        let (mut rack, mut seen) = (Rack::NEW, Deliveries::NONE);
        rack.sample(MS(5), MS(40));
        rack.on_delivered(&mut seen, MS(60), &original(20, 1000), None, 500);
        rack.on_dsack(&mut seen, SeqNum(3000));
        let (there, seen_there) = Rack::restore(&rack.checkpoint(&seen, MS(100)), MS(1100));
        let (latest, age) = there.judge(&seen_there, MS(500), false).expect("delivered");
        assert_eq!((latest.sent_at, age), (MS(1020), MS(40 + 20)));
        assert_eq!(there.checkpoint(&seen_there, MS(1100)), rack.checkpoint(&seen, MS(100)));
    }
}
