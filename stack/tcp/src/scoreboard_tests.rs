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

#[test]
fn what_sack_reported_is_not_reported_again() {
    let mut board = sent(4);
    let reported = board.on_sacked(block(1000, 3000), MAX);
    assert_eq!((reported.bytes, reported.rtt(Nanos::from_millis(12))), (2000, Some(MS10)));
    assert_eq!(fates(&board), [(1000, 'i'), (2000, 's'), (1000, 'i')]);
    assert_eq!(board.on_sacked(block(1000, 3500), MAX).bytes, 500);
    assert_eq!(board.sacked(), 2500);
    assert_eq!(board.on_acked(BASE + 3500).bytes, 1000, "only the first segment");
    assert_eq!((board.sacked(), fates(&board)), (0, vec![(500, 'i')]));
}

#[test]
fn a_report_after_something_was_sent_again_is_no_sample() {
    let mut board = sent(3);
    assert!(board.mark_head_lost(MSS, MAX));
    board.on_retransmitted(BASE, BASE + MSS, MS10, MAX);
    let reported = board.on_sacked(block(1000, 2000), MAX);
    assert_eq!((reported.rtt(Nanos::from_millis(12)), reported.sent_again_at), (None, Some(MS10)));
    board.on_sent(BASE + 3000, BASE + 4000, MS10, MAX);
    let reported = board.on_sacked(block(3000, 4000), MAX);
    assert_eq!(reported.rtt(Nanos::from_millis(12)), Some(Nanos::from_millis(2)));
}

#[test]
fn a_full_scoreboard_does_not_split_and_does_not_grow() {
    let mut board = Scoreboard::default();
    for i in 0..4 {
        board.on_sent(BASE + i * MSS, BASE + (i + 1) * MSS, Nanos::ZERO, 3);
    }
    assert_eq!(fates(&board), [(1000, 'i'), (1000, 'i'), (2000, 'i')]);
    assert_eq!(board.on_sacked(block(500, 2500), 3).bytes, 1000, "whole records only");
    assert_eq!(fates(&board), [(1000, 'i'), (1000, 's'), (2000, 'i')]);
}

#[test]
fn a_full_scoreboard_does_not_grow_by_what_is_sent_again() {
    let mut board = Scoreboard::default();
    board.on_sent(BASE, BASE + 8 * MSS, Nanos::ZERO, 3);
    board.mark_all_lost();
    for i in 0..7 {
        assert_eq!(next_lost(&board), Some((i * MSS, (i + 1) * MSS)));
        board.on_retransmitted(BASE + i * MSS, BASE + (i + 1) * MSS, Nanos::ZERO, 3);
    }
    assert_eq!(fates(&board), [(1000, 'i'), (6000, 'i'), (1000, 'l')]);
}

#[test]
fn three_ranges_or_two_segments_of_bytes_beyond_mean_lost() {
    //= rfc6675#4
    let mut board = sent(8);
    board.on_sacked(block(1000, 3000), MAX);
    assert!(!board.mark_lost(MSS), "two segments of bytes are not more than two");
    board.on_sacked(block(3000, 3001), MAX);
    assert!(board.mark_lost(MSS));
    assert_eq!((board.lost(), next_lost(&board)), (1000, Some((0, 1000))));

    let mut board = sent(8);
    for start in [1000, 3000, 5000] {
        board.on_sacked(block(start, start + 10), MAX);
    }
    assert!(board.mark_lost(MSS), "three ranges");
    assert_eq!(board.lost(), 1000);
}

#[test]
fn lost_bytes_go_out_oldest_first_and_count_as_in_flight_again() {
    let mut board = sent(8);
    board.on_sacked(block(2000, 3000), MAX);
    board.on_sacked(block(4000, 8000), MAX);
    assert!(board.mark_lost(MSS));
    assert_eq!((board.lost(), board.left_network()), (3000, 8000));
    for (start, end) in [(0, 1000), (1000, 2000), (3000, 4000)] {
        assert_eq!(next_lost(&board), Some((start, end)));
        board.on_retransmitted(BASE + start, BASE + end, Nanos::from_millis(50), MAX);
    }
    assert_eq!((board.lost(), next_lost(&board), board.left_network()), (0, None, 5000));
    assert!(!board.mark_lost(MSS), "what was sent again is not lost again by the same reports");
    let reported = board.on_acked(BASE + 2000);
    assert_eq!((reported.bytes, reported.rtt(Nanos::from_millis(60))), (2000, None), "Karn");
}

#[test]
fn small_lost_neighbours_share_a_segment_and_large_ones_are_cut() {
    let mut board = Scoreboard::default();
    for (start, end) in [(0, 300), (300, 600), (600, 3000)] {
        board.on_sent(BASE + start, BASE + end, Nanos::ZERO, MAX);
    }
    board.mark_all_lost();
    assert_eq!(next_lost(&board), Some((0, 1000)));
    board.on_retransmitted(BASE, BASE + 1000, Nanos::ZERO, MAX);
    assert_eq!(fates(&board), [(1000, 'i'), (2000, 'l')]);
    assert_eq!(next_lost(&board), Some((1000, 2000)));
}

#[test]
fn a_timeout_keeps_reports_unless_the_receiver_went_back_on_them() {
    //= rfc2018#8
    let mut board = sent(4);
    board.on_sacked(block(2000, 3000), MAX);
    board.mark_all_lost();
    assert_eq!(fates(&board), [(1000, 'l'), (1000, 'l'), (1000, 's'), (1000, 'l')]);
    board.on_acked(BASE + 2000);
    board.mark_all_lost();
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
    MarkLost,
    MarkHead,
    Timeout,
    Retransmit(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..30_u32).prop_map(Step::Send),
        2 => (0..40_u32).prop_map(Step::Ack),
        4 => (0..100_u32, 1..40_u32).prop_map(|(start, len)| Step::Sack(start, len)),
        2 => Just(Step::MarkLost),
        1 => Just(Step::MarkHead),
        1 => Just(Step::Timeout),
        3 => (1..25_u32).prop_map(Step::Retransmit),
    ]
}

/// The scoreboard as one fate and one "sent again" a byte.
#[derive(Default)]
struct Model {
    una: u32,
    bytes: VecDeque<(Fate, bool)>,
}

impl Model {
    fn mark_lost(&mut self, mss: u32) -> bool {
        let (mut ranges, mut sacked, mut marked, mut in_range) = (0, 0, false, false);
        for (fate, again) in self.bytes.iter_mut().rev() {
            match fate {
                Fate::Sacked => {
                    ranges += u32::from(!in_range);
                    sacked += 1;
                }
                Fate::InFlight if !*again && (ranges >= 3 || sacked > 2 * mss) => {
                    *fate = Fate::Lost;
                    marked = true;
                }
                _ => {}
            }
            in_range = *fate == Fate::Sacked;
        }
        marked
    }

    fn count(&self, fate: Fate) -> u32 {
        self.bytes.iter().filter(|byte| byte.0 == fate).count() as u32
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
        for step in steps {
            let flight = model.bytes.len() as u32;
            match step {
                Step::Send(len) => {
                    let from = base + (model.una + flight);
                    board.on_sent(from, from + len, Nanos::ZERO, usize::MAX);
                    model.bytes.extend(std::iter::repeat_n((Fate::InFlight, false), len as usize));
                }
                Step::Ack(len) => {
                    let len = len.min(flight);
                    let gone: Vec<_> = model.bytes.drain(..len as usize).collect();
                    model.una += len;
                    let fresh = gone.iter().filter(|byte| byte.0 != Fate::Sacked).count();
                    let reported = board.on_acked(base + model.una);
                    prop_assert_eq!(reported.bytes as usize, fresh);
                    let again = gone.iter().any(|byte| byte.0 != Fate::Sacked && byte.1);
                    prop_assert_eq!(reported.sent_again_at.is_some(), again);
                }
                Step::Sack(from, len) => {
                    let (from, end) = (from.min(flight), (from + len).min(flight));
                    if from == end { continue }
                    let mut fresh = 0;
                    for byte in model.bytes.range_mut(from as usize..end as usize) {
                        fresh += u32::from(byte.0 != Fate::Sacked);
                        byte.0 = Fate::Sacked;
                    }
                    let (start, end) = (base + (model.una + from), base + (model.una + end));
                    let reported = board.on_sacked(SackBlock { start, end }, usize::MAX);
                    prop_assert_eq!(reported.bytes, fresh);
                }
                Step::MarkLost => prop_assert_eq!(board.mark_lost(mss), model.mark_lost(mss)),
                Step::MarkHead => {
                    let may = model.bytes.front() == Some(&(Fate::InFlight, false));
                    let record = board.records().next().map_or(0, Sent::len).min(mss);
                    prop_assert_eq!(board.mark_head_lost(mss, usize::MAX), may);
                    if may {
                        model.bytes.range_mut(..record as usize).for_each(|b| b.0 = Fate::Lost);
                    }
                }
                Step::Timeout => {
                    let reneged = model.bytes.front().is_some_and(|byte| byte.0 == Fate::Sacked);
                    board.mark_all_lost();
                    for byte in &mut model.bytes {
                        if reneged || byte.0 != Fate::Sacked { byte.0 = Fate::Lost }
                    }
                }
                Step::Retransmit(max) => {
                    let first = model.bytes.iter().position(|byte| byte.0 == Fate::Lost);
                    let found = board.next_lost(|start| start + max);
                    prop_assert_eq!(found.is_some(), first.is_some());
                    let (Some(first), Some((from, end))) = (first, found) else { continue };
                    let run = model.bytes.range(first..).take_while(|b| b.0 == Fate::Lost).count();
                    prop_assert_eq!(from, base + (model.una + first as u32));
                    prop_assert_eq!(end.since(from), (run as u32).min(max));
                    board.on_retransmitted(from, end, Nanos::ZERO, usize::MAX);
                    for byte in model.bytes.range_mut(first..first + end.since(from) as usize) {
                        *byte = (Fate::InFlight, true);
                    }
                }
            }
            prop_assert_eq!(board.sacked(), model.count(Fate::Sacked));
            prop_assert_eq!(board.lost(), model.count(Fate::Lost));
            let seen: Vec<Fate> = board.records()
                .flat_map(|r| std::iter::repeat_n(r.fate, r.len() as usize)).collect();
            let expected: Vec<Fate> = model.bytes.iter().map(|byte| byte.0).collect();
            prop_assert_eq!(seen, expected, "records tile what is in flight");
            let first = board.records().next().map(|r| r.start);
            prop_assert!(first.is_none_or(|start| start == base + model.una));
        }
    }
}
