//! Scoreboard: tables, and a model of single bytes.

use super::*;
use proptest::prelude::*;

const BASE: SeqNum = SeqNum(u32::MAX - 4_000);
const MSS: u32 = 1000;
const MAX: usize = 64;

/// `count` segments of [`MSS`] bytes, sent a millisecond apart from 1 ms on.
fn sent(count: u32) -> Scoreboard {
    let mut board = Scoreboard::default();
    for i in 0..count {
        let at = Nanos::from_millis(u64::from(i) + 1);
        board.on_sent(BASE + i * MSS, BASE + (i + 1) * MSS, at, MAX);
    }
    board
}

fn block(start: u32, end: u32) -> SackBlock {
    SackBlock { start: BASE + start, end: BASE + end }
}

/// Fate of each record: length in bytes and a letter.
fn fates(board: &Scoreboard) -> Vec<(u32, char)> {
    let letter = |fate| match fate {
        Fate::InFlight => 'i',
        Fate::Sacked => 's',
        Fate::Lost => 'l',
    };
    board.records().map(|record| (record.len(), letter(record.fate))).collect()
}

fn next_lost(board: &Scoreboard) -> Option<(u32, u32)> {
    let lost = board.next_lost(|start| start + MSS);
    lost.map(|(start, end)| (start.since(BASE), end.since(BASE)))
}

#[test]
fn an_ack_reports_the_oldest_send_time() {
    let mut board = sent(4);
    let reported = board.on_acked(BASE + 2500);
    assert_eq!((reported.bytes, reported.rtt(Nanos::from_millis(11))), (2500, Some(MS10)));
    assert_eq!(fates(&board), [(500, 'i'), (1000, 'i')]);
    assert_eq!(board.on_acked(BASE + 4000).bytes, 1500);
    assert_eq!(board.records().len(), 0);
}

const MS10: Nanos = Nanos::from_millis(10);

//= rfc6675#3 RFC6675-3-1
//= rfc2018#5 RFC2018-5-1
#[test]
fn what_sack_reported_is_not_reported_again() {
    let mut board = sent(4);
    let reported = board.on_sacked(block(1000, 3000), MSS, MAX);
    assert_eq!((reported.bytes, reported.rtt(Nanos::from_millis(12))), (2000, Some(MS10)));
    assert_eq!(fates(&board), [(1000, 'i'), (2000, 's'), (1000, 'i')]);
    assert_eq!(board.on_sacked(block(1000, 4000), MSS, MAX).bytes, 1000);
    assert_eq!(board.sacked(), 3000);
    assert_eq!(board.on_acked(BASE + 3500).bytes, 1000, "only the first segment");
    assert_eq!((board.sacked(), fates(&board)), (500, vec![(500, 's')]));
}

//= rfc2018#5 RFC2018-5-1
#[test]
fn a_segment_that_a_block_holds_in_part_is_not_reported() {
    let mut board = sent(4);
    assert_eq!(board.on_sacked(block(999, 1999), MSS, MAX), Reported::default());
    assert_eq!(board.on_sacked(block(3999, 4000), MSS, MAX), Reported::default());
    assert_eq!(board.on_sacked(block(500, 3500), MSS, MAX).bytes, 2000);
    assert_eq!(fates(&board), [(1000, 'i'), (2000, 's'), (1000, 'i')]);
}

#[test]
fn a_record_of_several_segments_is_split_between_them() {
    let mut board = sent(1);
    board.on_sent(BASE + MSS, BASE + 6500, Nanos::ZERO, MAX);
    assert_eq!(board.on_sacked(block(2001, 4999), MSS, MAX).bytes, 1000);
    assert_eq!(fates(&board), [(1000, 'i'), (2000, 'i'), (1000, 's'), (2500, 'i')]);
    assert_eq!(board.on_sacked(block(5500, 6500), MSS, MAX).bytes, 500, "the last is short");
    let unknown = Sent { transmissions: Transmissions::Unknown, ..sent(1).records[0] };
    let mut board = Scoreboard::restore([unknown].into_iter(), None);
    assert_eq!(board.on_sacked(block(300, 800), MSS, MAX).bytes, 500, "another's segments");
}

#[test]
fn a_report_after_something_was_sent_again_is_no_sample() {
    let mut board = sent(3);
    assert!(board.mark_head_lost(MSS, MAX));
    board.on_retransmitted(BASE, BASE + MSS, MS10, MAX);
    let reported = board.on_sacked(block(1000, 2000), MSS, MAX);
    assert_eq!((reported.rtt(Nanos::from_millis(12)), reported.sent_again_at), (None, Some(MS10)));
    board.on_sent(BASE + 3000, BASE + 4000, MS10, MAX);
    let reported = board.on_sacked(block(3000, 4000), MSS, MAX);
    assert_eq!(reported.rtt(Nanos::from_millis(12)), Some(Nanos::from_millis(2)));
}

#[test]
fn a_full_scoreboard_does_not_split_and_does_not_grow() {
    let mut board = Scoreboard::default();
    for i in 0..4 {
        board.on_sent(BASE + i * MSS, BASE + (i + 1) * MSS, Nanos::ZERO, 3);
    }
    assert_eq!(fates(&board), [(1000, 'i'), (1000, 'i'), (2000, 'i')]);
    assert_eq!(board.on_sacked(block(500, 2500), MSS, 3).bytes, 1000, "whole records only");
    assert_eq!(fates(&board), [(1000, 'i'), (1000, 's'), (2000, 'i')]);
}

#[test]
fn a_full_scoreboard_does_not_grow_by_what_is_sent_again() {
    let mut board = Scoreboard::default();
    board.on_sent(BASE, BASE + 8 * MSS, Nanos::ZERO, 3);
    board.mark_lost_on_timeout(Nanos::ZERO, MS10);
    for i in 0..7 {
        assert_eq!(next_lost(&board), Some((i * MSS, (i + 1) * MSS)));
        board.on_retransmitted(BASE + i * MSS, BASE + (i + 1) * MSS, Nanos::ZERO, 3);
    }
    assert_eq!(fates(&board), [(1000, 'i'), (6000, 'i'), (1000, 'l')]);
}

/// The segment sent at `ms`, which ends `end` bytes behind [`BASE`], was delivered.
fn delivered(ms: u64, end: u32) -> Delivery {
    Delivery { sent_at: Nanos::from_millis(ms), end: BASE + end }
}

//= rfc8985#6.2 RFC8985-6.2-7 RFC8985-6.2-8
#[test]
fn what_was_sent_before_a_delivered_segment_is_lost_when_its_time_is_over() {
    //= rfc8985#6.2
    let mut board = sent(8);
    board.on_sacked(block(3000, 4000), MSS, MAX);
    let at = Nanos::from_millis;
    // Sent at 1, 2 and 3 ms; given 10 ms each.
    let found = board.mark_overtaken(delivered(4, 4000), at(10), at(10));
    assert_eq!((found.lost, found.until), (0, Some(at(13))), "the last of them");
    let found = board.mark_overtaken(delivered(4, 4000), at(10), at(12));
    assert_eq!((found.lost, found.until, next_lost(&board)), (2000, Some(at(13)), Some((0, 1000))));
    let found = board.mark_overtaken(delivered(4, 4000), at(10), at(100));
    assert_eq!((found.lost, found.until), (1000, None), "what was sent later is not overtaken");
    assert_eq!((board.lost(), board.left_network()), (3000, 4000));
}

//= rfc8985#6.2 RFC8985-6.2-3
#[test]
fn segments_of_one_burst_go_by_their_numbers() {
    let mut board = Scoreboard::default();
    for i in 0..4 {
        board.on_sent(BASE + i * MSS, BASE + (i + 1) * MSS, MS10, MAX);
    }
    board.on_sacked(block(2000, 3000), MSS, MAX);
    assert_eq!(board.mark_overtaken(delivered(10, 3000), Nanos::ZERO, MS10).lost, 2000);
    assert_eq!(fates(&board), [(1000, 'l'), (1000, 'l'), (1000, 's'), (1000, 'i')]);
}

#[test]
fn a_retransmission_that_is_overtaken_is_lost_again() {
    let mut board = sent(4);
    board.on_sacked(block(1000, 2000), MSS, MAX);
    assert_eq!(board.mark_overtaken(delivered(2, 2000), Nanos::ZERO, MS10).lost, 1000);
    board.on_retransmitted(BASE, BASE + MSS, MS10, MAX);
    assert_eq!(board.mark_overtaken(delivered(4, 4000), Nanos::ZERO, MS10).lost, 1000);
    assert_eq!(fates(&board), [(1000, 'i'), (1000, 's'), (1000, 'l'), (1000, 'i')]);
    let found = board.mark_overtaken(delivered(11, 5000), Nanos::ZERO, Nanos::from_millis(30));
    assert_eq!((found.lost, next_lost(&board)), (2000, Some((0, 1000))));
}

#[test]
fn a_report_tells_originals_from_what_was_sent_again() {
    let mut board = sent(4);
    assert!(board.mark_head_lost(MSS, MAX));
    board.on_retransmitted(BASE, BASE + MSS, MS10, MAX);
    board.on_sacked(block(2000, 3000), MSS, MAX);
    let reported = board.on_acked(BASE + 4000);
    assert_eq!(reported.bytes, 3000);
    assert_eq!(reported.latest_original, Some(delivered(4, 4000)));
    assert_eq!(reported.latest_again, Some(delivered(10, 1000)));
    assert_eq!(reported.lowest_original_end, Some(BASE + 2000));
    assert_eq!(reported.highest_end, Some(BASE + 4000));
}

#[test]
fn a_tail_probe_is_the_last_segment_and_no_more_than_one() {
    let mut board = sent(1);
    board.on_sent(BASE + 1000, BASE + 3500, Nanos::ZERO, MAX);
    let probed = board.on_tail_probed(MSS, MS10, MAX);
    assert_eq!(probed, Some((BASE + 2500, BASE + 3500)));
    assert_eq!(fates(&board), [(1000, 'i'), (1500, 'i'), (1000, 'i')]);
    assert_eq!(board.on_acked(BASE + 3500).latest_again, Some(delivered(10, 3500)));
    assert_eq!(board.on_tail_probed(MSS, MS10, MAX), None, "nothing is in flight");
}

#[test]
fn what_is_not_lost_after_all_is_in_flight() {
    let mut board = sent(3);
    board.on_sacked(block(1000, 2000), MSS, MAX);
    board.mark_lost_on_timeout(Nanos::ZERO, MS10);
    board.unmark_lost();
    assert_eq!(fates(&board), [(1000, 'i'), (1000, 's'), (1000, 'i')]);
    assert_eq!((board.lost(), next_lost(&board)), (0, None));
}

//= rfc8985#6.3 RFC8985-6.3-1
#[test]
fn a_timeout_spares_what_was_sent_a_moment_ago_but_not_the_oldest() {
    //= rfc8985#6.3
    let mut board = sent(4);
    let at = Nanos::from_millis;
    board.mark_lost_on_timeout(at(7), at(9));
    assert_eq!(fates(&board), [(1000, 'l'), (1000, 'l'), (1000, 'i'), (1000, 'i')]);
    let mut board = sent(2);
    board.mark_lost_on_timeout(at(100), at(9));
    assert_eq!(fates(&board), [(1000, 'l'), (1000, 'i')]);
}

#[test]
fn lost_bytes_go_out_oldest_first_and_count_as_in_flight_again() {
    let mut board = sent(8);
    board.on_sacked(block(2000, 3000), MSS, MAX);
    board.on_sacked(block(4000, 8000), MSS, MAX);
    assert_eq!(board.mark_overtaken(delivered(8, 8000), Nanos::ZERO, MS10).lost, 3000);
    assert_eq!((board.lost(), board.left_network()), (3000, 8000));
    for (start, end) in [(0, 1000), (1000, 2000), (3000, 4000)] {
        assert_eq!(next_lost(&board), Some((start, end)));
        board.on_retransmitted(BASE + start, BASE + end, Nanos::from_millis(50), MAX);
    }
    assert_eq!((board.lost(), next_lost(&board), board.left_network()), (0, None, 5000));
    let again = board.mark_overtaken(delivered(8, 8000), Nanos::ZERO, Nanos::from_millis(60));
    assert_eq!(again.lost, 0, "what was sent again is not lost again by the same reports");
    let reported = board.on_acked(BASE + 2000);
    assert_eq!((reported.bytes, reported.rtt(Nanos::from_millis(60))), (2000, None), "Karn");
}

#[test]
fn small_lost_neighbours_share_a_segment_and_large_ones_are_cut() {
    let mut board = Scoreboard::default();
    for (start, end) in [(0, 300), (300, 600), (600, 3000)] {
        board.on_sent(BASE + start, BASE + end, Nanos::ZERO, MAX);
    }
    board.mark_lost_on_timeout(Nanos::ZERO, MS10);
    assert_eq!(next_lost(&board), Some((0, 1000)));
    board.on_retransmitted(BASE, BASE + 1000, Nanos::ZERO, MAX);
    assert_eq!(fates(&board), [(1000, 'i'), (2000, 'l')]);
    assert_eq!(next_lost(&board), Some((1000, 2000)));
}

//= rfc2018#8 RFC2018-8-2
//= rfc6675#5.1 RFC6675-5.1-1
#[test]
fn a_timeout_keeps_reports_unless_the_receiver_went_back_on_them() {
    //= rfc2018#8
    let mut board = sent(4);
    board.on_sacked(block(2000, 3000), MSS, MAX);
    board.mark_lost_on_timeout(Nanos::ZERO, MS10);
    assert_eq!(fates(&board), [(1000, 'l'), (1000, 'l'), (1000, 's'), (1000, 'l')]);
    board.on_acked(BASE + 2000);
    board.mark_lost_on_timeout(Nanos::ZERO, MS10);
    assert_eq!(fates(&board), [(1000, 'l'), (1000, 'l')], "acknowledged up to it, and not it");
    assert_eq!((board.sacked(), board.lost()), (0, 2000));
}

#[test]
fn the_head_is_marked_once() {
    let mut board = sent(2);
    assert!(board.mark_head_lost(400, MAX));
    assert_eq!(fates(&board), [(400, 'l'), (600, 'i'), (1000, 'i')]);
    assert!(!board.mark_head_lost(400, MAX));
    board.on_retransmitted(BASE, BASE + 400, Nanos::ZERO, MAX);
    assert!(!board.mark_head_lost(400, MAX));
    assert!(!Scoreboard::default().mark_head_lost(400, MAX));
}

#[derive(Clone, Debug)]
enum Step {
    Send(u32),
    Ack(u32),
    Sack(u32, u32),
    MarkOvertaken(u64, u64),
    MarkHead,
    Timeout,
    Retransmit(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..30_u32).prop_map(Step::Send),
        2 => (0..40_u32).prop_map(Step::Ack),
        4 => (0..100_u32, 1..40_u32).prop_map(|(start, len)| Step::Sack(start, len)),
        3 => (0..40_u64, 0..40_u64).prop_map(|(ago, age)| Step::MarkOvertaken(ago, age)),
        1 => Just(Step::MarkHead),
        1 => Just(Step::Timeout),
        3 => (1..25_u32).prop_map(Step::Retransmit),
    ]
}

/// A byte in flight.
#[derive(Clone, Copy)]
struct Byte {
    fate: Fate,
    again: bool,
    sent_at: Nanos,
}

/// The scoreboard, byte by byte.
#[derive(Default)]
struct Model {
    una: u32,
    bytes: VecDeque<Byte>,
    sent_again_at: Option<Nanos>,
    /// Reports do not count any more, so neither do the ages of what was reported and joined.
    reneged: bool,
}

impl Model {
    fn mark_overtaken(&mut self, sent_at: Nanos, age: Nanos, now: Nanos) -> u32 {
        let mut lost = 0;
        for byte in &mut self.bytes {
            let overtaken = byte.fate == Fate::InFlight && byte.sent_at < sent_at;
            if overtaken && byte.sent_at + age <= now {
                byte.fate = Fate::Lost;
                lost += 1;
            }
        }
        lost
    }

    fn count(&self, fate: Fate) -> u32 {
        self.bytes.iter().filter(|byte| byte.fate == fate).count() as u32
    }
}

proptest! {
    #[test]
    fn agrees_with_a_model_of_single_bytes(
        start: u32,
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let base = SeqNum(start);
        let (mut board, mut model) = (Scoreboard::default(), Model::default());
        let mss = 10;
        for (n, step) in steps.into_iter().enumerate() {
            // Even, so that nothing is sent at the time of what is said to be delivered.
            let now = Nanos(2 * n as u64 + 200);
            let flight = model.bytes.len() as u32;
            match step {
                Step::Send(len) => {
                    let from = base + (model.una + flight);
                    board.on_sent(from, from + len, now, usize::MAX);
                    let byte = Byte { fate: Fate::InFlight, again: false, sent_at: now };
                    model.bytes.extend(std::iter::repeat_n(byte, len as usize));
                }
                Step::Ack(len) => {
                    let len = len.min(flight);
                    let gone: Vec<_> = model.bytes.drain(..len as usize).collect();
                    model.una += len;
                    let fresh = gone.iter().filter(|byte| byte.fate != Fate::Sacked).count();
                    let reported = board.on_acked(base + model.una);
                    prop_assert_eq!(reported.bytes as usize, fresh);
                    let again = gone.iter().any(|byte| {
                        let doubtful = model.sent_again_at.is_some_and(|at| byte.sent_at < at);
                        byte.fate != Fate::Sacked && (byte.again || doubtful)
                    });
                    prop_assert!(model.reneged || reported.sent_again_at.is_some() == again);
                }
                Step::Sack(from, len) => {
                    let (from, end) = (from.min(flight), (from + len).min(flight));
                    if from == end { continue }
                    let mut fresh = 0;
                    for record in board.records() {
                        let at = record.start.since(base + model.una);
                        for byte in 0..record.len() {
                            let segment = byte / mss * mss;
                            let whole = at + segment >= from
                                && at + record.len().min(segment + mss) <= end;
                            let byte = &mut model.bytes[(at + byte) as usize];
                            fresh += u32::from(whole && byte.fate != Fate::Sacked);
                            if whole {
                                byte.fate = Fate::Sacked;
                            }
                        }
                    }
                    let (start, end) = (base + (model.una + from), base + (model.una + end));
                    let reported = board.on_sacked(SackBlock { start, end }, mss, usize::MAX);
                    prop_assert_eq!(reported.bytes, fresh);
                }
                Step::MarkOvertaken(ago, age) => {
                    let (sent_at, age) = (Nanos(now.0 - 2 * ago - 1), Nanos(age));
                    let latest = Delivery { sent_at, end: base };
                    let found = board.mark_overtaken(latest, age, now);
                    prop_assert_eq!(found.lost, model.mark_overtaken(sent_at, age, now));
                    let due = model.bytes.iter()
                        .filter(|byte| byte.fate == Fate::InFlight && byte.sent_at < sent_at)
                        .map(|byte| byte.sent_at + age)
                        .max();
                    prop_assert_eq!(found.until, due);
                }
                Step::MarkHead => {
                    let may = model.bytes.front()
                        .is_some_and(|byte| byte.fate == Fate::InFlight && !byte.again);
                    let record = board.records().next().map_or(0, Sent::len).min(mss);
                    prop_assert_eq!(board.mark_head_lost(mss, usize::MAX), may);
                    if may {
                        model.bytes.range_mut(..record as usize).for_each(|b| b.fate = Fate::Lost);
                    }
                }
                Step::Timeout => {
                    let reneged = model.bytes.front().is_some_and(|byte| byte.fate == Fate::Sacked);
                    model.reneged |= reneged;
                    board.mark_lost_on_timeout(Nanos::ZERO, now);
                    for byte in &mut model.bytes {
                        if reneged || byte.fate != Fate::Sacked { byte.fate = Fate::Lost }
                    }
                }
                Step::Retransmit(max) => {
                    let first = model.bytes.iter().position(|byte| byte.fate == Fate::Lost);
                    let found = board.next_lost(|start| start + max);
                    prop_assert_eq!(found.is_some(), first.is_some());
                    let (Some(first), Some((from, end))) = (first, found) else { continue };
                    let run = model.bytes.range(first..).take_while(|b| b.fate == Fate::Lost).count();
                    prop_assert_eq!(from, base + (model.una + first as u32));
                    prop_assert_eq!(end.since(from), (run as u32).min(max));
                    board.on_retransmitted(from, end, now, usize::MAX);
                    model.sent_again_at = Some(now);
                    for byte in model.bytes.range_mut(first..first + end.since(from) as usize) {
                        *byte = Byte { fate: Fate::InFlight, again: true, sent_at: now };
                    }
                }
            }
            prop_assert_eq!(board.sacked(), model.count(Fate::Sacked));
            prop_assert_eq!(board.lost(), model.count(Fate::Lost));
            let seen: Vec<Fate> = board.records()
                .flat_map(|r| std::iter::repeat_n(r.fate, r.len() as usize)).collect();
            let expected: Vec<Fate> = model.bytes.iter().map(|byte| byte.fate).collect();
            prop_assert_eq!(seen, expected, "records tile what is in flight");
            let first = board.records().next().map(|r| r.start);
            prop_assert!(first.is_none_or(|start| start == base + model.una));
        }
    }
}
