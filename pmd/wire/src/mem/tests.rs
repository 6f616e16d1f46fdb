//! The laws of a cable: nothing comes from nowhere, nothing overtakes, nothing survives a cut.

use std::num::NonZeroU64;

use proptest::prelude::*;

use super::*;
use crate::impair::{Probability, Rate};

fn frames(contents: &[&[u8]]) -> Vec<Frame> {
    let frame = |bytes: &&[u8]| {
        let mut frame = Frame::with_capacity(bytes.len());
        frame.copy_from(bytes).expect("as large as its content");
        frame
    };
    contents.iter().map(frame).collect()
}

fn received(end: &mut MemEnd, now: Nanos, max: usize) -> Vec<Vec<u8>> {
    let mut burst = FrameBurst::new(max, 2048);
    end.rx_burst(now, &mut burst);
    burst.frames().iter().map(|frame| frame.as_slice().to_vec()).collect()
}

/// The first byte of each frame that was lost, in order.
fn heads(cable: &Cable) -> Vec<u8> {
    cable.take_lost().iter().map(|frame| frame.head()[0]).collect()
}

#[test]
fn frames_pass_whole_and_in_order_both_ways() {
    let (mut a, mut b) = link(&LinkConfig::default());
    assert_eq!(a.tx_burst(Nanos::ZERO, &frames(&[&[1; 60], &[2; 1514], &[]])), 3);
    assert_eq!(b.tx_burst(Nanos::ZERO, &frames(&[&[9; 64]])), 1);
    assert_eq!(b.poll_timeout(), Some(Nanos::ZERO));
    assert_eq!(received(&mut b, Nanos::ZERO, 2), [&[1; 60][..], &[2; 1514]], "a burst of two");
    assert_eq!(received(&mut b, Nanos::ZERO, 2), [Vec::new()]);
    assert_eq!(b.poll_timeout(), None);
    assert_eq!(received(&mut a, Nanos::ZERO, 9), [[9; 64]]);

    let expected = WireCounters {
        tx_frames: 3,
        tx_bytes: 1574,
        rx_frames: 1,
        rx_bytes: 64,
        ..WireCounters::new()
    };
    assert_eq!(a.counters(), expected);
    let expected = WireCounters {
        tx_frames: 1,
        tx_bytes: 64,
        rx_frames: 3,
        rx_bytes: 1574,
        ..WireCounters::new()
    };
    assert_eq!(b.counters(), expected);
}

#[test]
fn a_full_queue_takes_no_more_and_loses_nothing() {
    let (mut a, mut b) = link(&LinkConfig { queue_frames: 3, ..LinkConfig::default() });
    let five = frames(&[&[1], &[2], &[3], &[4], &[5]]);
    assert_eq!(a.tx_burst(Nanos::ZERO, &five), 3);
    assert_eq!(a.tx_burst(Nanos::ZERO, &five[3..]), 0);
    assert_eq!(received(&mut b, Nanos::ZERO, 1), [[1]]);
    assert_eq!(a.tx_burst(Nanos::ZERO, &five[3..]), 1);
    assert_eq!(b.under_way(), 3);
    assert_eq!(received(&mut b, Nanos::ZERO, 9), [[2], [3], [4]]);
}

#[test]
fn frames_above_the_mtu_are_dropped_and_counted() {
    let (mut a, mut b) = link(&LinkConfig { mtu: 100, ..LinkConfig::default() });
    assert_eq!(a.tx_burst(Nanos::ZERO, &frames(&[&[1; 115], &[2; 114]])), 2);
    assert_eq!(received(&mut b, Nanos::ZERO, 9), [[2; 114]]);
    assert_eq!((a.counters().tx_oversize, a.counters().tx_frames), (1, 1));

    // And those longer than the receiver's buffers, there.
    a.tx_burst(Nanos::ZERO, &frames(&[&[3; 50], &[4; 40]]));
    let mut small = FrameBurst::new(2, 40);
    assert_eq!(b.rx_burst(Nanos::ZERO, &mut small), 1);
    assert_eq!(small.frames()[0].as_slice(), [4; 40]);
    assert_eq!(b.counters().rx_oversize, 1);
}

#[test]
fn a_receiver_with_like_buffers_exchanges_them() {
    let config = LinkConfig { queue_frames: 1, ..LinkConfig::default() };
    let (mut a, mut b) = link(&config);
    let mut burst = FrameBurst::new(1, capacity_for_mtu(config.mtu));
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..10 {
        a.tx_burst(Nanos::ZERO, &frames(&[&[1; 60]]));
        burst.clear();
        b.rx_burst(Nanos::ZERO, &mut burst);
        seen.insert(burst.frames()[0].as_slice().as_ptr());
    }
    assert_eq!(seen.len(), 2, "the burst's buffer and the ring's go round");
}

#[test]
fn a_cut_loses_what_is_under_way_and_stops_both_directions() {
    for delay in [Nanos::ZERO, Nanos::from_millis(1)] {
        let impairments = Impairments { delay, ..Impairments::NONE };
        let (mut a, mut b) = link(&LinkConfig::default().with_impairments(impairments));
        let cable = b.cable();
        assert!(a.link_up(Nanos::ZERO) && b.link_up(Nanos::ZERO) && cable.carrier());
        a.tx_burst(Nanos::ZERO, &frames(&[&[1], &[2]]));
        b.tx_burst(Nanos::ZERO, &frames(&[&[3]]));
        // With a delay, B's frames are by now in the impairer, A's still in the ring.
        assert_eq!(received(&mut b, Nanos(1), 1).len(), usize::from(delay == Nanos::ZERO));

        cable.watch_lost();
        cable.set_carrier(false);
        assert!(!a.link_up(Nanos(1)) && !b.link_up(Nanos(1)));
        assert_eq!(a.tx_burst(Nanos(1), &frames(&[&[4], &[5], &[6]])), 3, "taken and lost");
        let late = Nanos::from_secs(1);
        assert_eq!(received(&mut a, late, 9), [[0u8; 0]; 0], "delay {delay:?}");
        assert_eq!(received(&mut b, late, 9), [[0u8; 0]; 0], "delay {delay:?}");
        assert_eq!(a.counters().tx_carrier_errors, 3);
        let mut lost = heads(&cable);
        lost.sort_unstable();
        let before = if delay == Nanos::ZERO { vec![] } else { vec![1] };
        assert_eq!(
            lost,
            [before, vec![2, 3]].concat(),
            "what was sent without carrier was not under way"
        );
        assert_eq!(heads(&cable), [], "told once");
        assert_eq!(a.counters().rx_carrier_lost, 1);
        assert_eq!(b.counters().rx_carrier_lost, if delay == Nanos::ZERO { 1 } else { 2 });
        assert_eq!((b.poll_timeout(), b.under_way()), (None, 0));

        cable.set_carrier(true);
        a.tx_burst(late, &frames(&[&[7]]));
        assert_eq!(received(&mut b, late + delay, 9), [[7]]);
        assert_eq!(b.counters().carrier_changes, 2);
    }
}

#[test]
fn a_cut_that_nobody_saw_lost_its_frames_all_the_same() {
    for delay in [Nanos::ZERO, Nanos::from_millis(1)] {
        let impairments = Impairments { delay, ..Impairments::NONE };
        let (mut a, mut b) = link(&LinkConfig::default().with_impairments(impairments));
        a.tx_burst(Nanos::ZERO, &frames(&[&[1]]));
        let seen = received(&mut b, Nanos::ZERO, 9);
        a.tx_burst(Nanos::ZERO, &frames(&[&[2]]));
        a.cable().set_carrier(false);
        a.cable().set_carrier(true);
        a.tx_burst(Nanos::ZERO, &frames(&[&[3]]));
        let after = received(&mut b, delay, 9);
        assert_eq!(after, [[3]], "delay {delay:?}, before the cut {seen:?}");
    }
}

#[test]
fn cutting_twice_is_cutting_once() {
    let (a, _b) = link(&LinkConfig::default());
    let cable = a.cable();
    for _ in 0..3 {
        cable.set_carrier(false);
        assert!(!cable.carrier());
    }
    cable.set_carrier(true);
    cable.set_carrier(true);
    assert!(cable.carrier());
    assert_eq!(a.counters().carrier_changes, 2);
}

#[test]
fn an_end_that_is_gone_takes_the_carrier_with_it() {
    let (mut a, b) = link(&LinkConfig::default());
    drop(b);
    assert!(!a.link_up(Nanos::ZERO));
    assert_eq!(a.tx_burst(Nanos::ZERO, &frames(&[&[1]])), 1);
    a.cable().set_carrier(true);
    assert!(!a.link_up(Nanos::ZERO), "there is nothing to mend");
    assert_eq!(a.counters().tx_carrier_errors, 1);
    assert_eq!(a.counters().carrier_changes, 1);
}

#[test]
fn the_ends_may_live_on_two_threads() {
    const TOTAL: u32 = if cfg!(miri) { 100 } else { 20_000 };
    let (mut a, mut b) = link(&LinkConfig { queue_frames: 16, ..LinkConfig::default() });
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut next = 0u32;
            while next < TOTAL {
                let bytes = next.to_be_bytes();
                next += a.tx_burst(Nanos::ZERO, &frames(&[&bytes])) as u32;
                std::thread::yield_now();
            }
            // Stays until all is read: an end that goes takes what is under way with it.
            let mut burst = FrameBurst::new(1, 2048);
            while a.rx_burst(Nanos::ZERO, &mut burst) == 0 {
                std::thread::yield_now();
            }
        });
        let mut expected = 0u32;
        let mut burst = FrameBurst::new(8, 2048);
        while expected < TOTAL {
            burst.clear();
            b.rx_burst(Nanos::ZERO, &mut burst);
            for frame in burst.frames() {
                assert_eq!(frame.as_slice(), expected.to_be_bytes());
                expected += 1;
            }
            std::thread::yield_now();
        }
        b.tx_burst(Nanos::ZERO, &frames(&[b"done"]));
    });
}

/// One thing that happens to a link.
#[derive(Clone, Debug)]
enum Step {
    /// That many frames are sent by A (true) or B.
    Send(bool, usize),
    /// A (true) or B receives at most so many.
    Receive(bool, usize),
    /// Time goes on.
    Wait(u64),
    /// The cable is cut or mended.
    Carrier(bool),
    /// All chance ends.
    Heal,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 1..6usize).prop_map(|(a, n)| Step::Send(a, n)),
        4 => (any::<bool>(), 1..8usize).prop_map(|(a, n)| Step::Receive(a, n)),
        3 => (0..3000u64).prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Carrier),
        1 => Just(Step::Heal),
    ]
}

fn chance() -> impl Strategy<Value = Probability> {
    prop_oneof![Just(0.0), Just(0.3), Just(1.0)].prop_map(|p| Probability::new(p).expect("0 to 1"))
}

fn impairments() -> impl Strategy<Value = Impairments> {
    let rate = prop::option::of((1_000_000..10_000_000_000u64, 0..500u64));
    let chances = (chance(), chance(), chance(), chance());
    (0..2000u64, chances, 0..5000u64, rate).prop_map(
        |(delay, (loss, duplicate, corrupt, reorder), hold, rate)| Impairments {
            delay: Nanos(delay),
            loss,
            duplicate,
            corrupt,
            reorder,
            reorder_hold: Nanos(hold),
            rate: rate.map(|(bits_per_second, queue_bytes)| Rate {
                bits_per_second: NonZeroU64::new(bits_per_second).expect("above zero"),
                queue_bytes,
            }),
        },
    )
}

/// What is known of one direction.
#[derive(Default)]
struct Direction {
    /// When each frame was sent, in order; its number is its content.
    sent_at: Vec<Nanos>,
    /// How often each arrived.
    arrivals: Vec<u32>,
    /// The first frame sent after the last cut.
    after_cut: usize,
    /// The number that arrived last.
    last: Option<usize>,
    /// How many frames arrived other than they were sent.
    damaged: u64,
}

/// A frame: its number four times, so that one wrong bit leaves no doubt which it was.
fn numbered(number: usize) -> Vec<u8> {
    (number as u32).to_be_bytes().repeat(4)
}

fn number_of(bytes: &[u8]) -> (usize, u32) {
    let words: Vec<u32> =
        bytes.chunks(4).map(|word| u32::from_be_bytes(word.try_into().expect("four"))).collect();
    let number = if words[0] == words[1] { words[0] } else { words[2] };
    let wrong = words.iter().map(|word| (word ^ number).count_ones()).sum();
    (number as usize, wrong)
}

impl Direction {
    fn send(&mut self, now: Nanos, from: &mut MemEnd, count: usize) {
        let contents: Vec<Vec<u8>> = (0..count).map(|i| numbered(self.sent_at.len() + i)).collect();
        let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
        let lost = from.counters().tx_carrier_errors;
        let taken = from.tx_burst(now, &frames(&contents));
        let lost = from.counters().tx_carrier_errors - lost;
        let sent = taken - lost as usize;
        self.sent_at.resize(self.sent_at.len() + sent, now);
        self.arrivals.resize(self.sent_at.len(), 0);
    }

    fn receive(&mut self, now: Nanos, to: &mut MemEnd, max: usize, impairments: &Impairments) {
        for bytes in received(to, now, max) {
            let (number, wrong) = number_of(&bytes);
            assert!(wrong <= 1, "{wrong} wrong bits in frame {number}");
            self.damaged += u64::from(wrong);
            assert!(number >= self.after_cut, "frame {number} outlived a cut");
            assert!(now >= self.sent_at[number] + impairments.delay, "frame {number} too early");
            self.arrivals[number] += 1;
            if impairments.reorder == Probability::NEVER {
                assert!(
                    self.last.is_none_or(|last| last <= number),
                    "{number} after {:?}",
                    self.last
                );
            }
            self.last = Some(number);
        }
    }

    /// What is sent is delivered, lost, or still under way, and nothing else.
    fn check(&self, from: &MemEnd, to: &mut MemEnd) {
        let (tx, rx, chance) = (from.counters(), to.counters(), *to.impair_counters());
        assert_eq!(tx.tx_frames as usize, self.sent_at.len());
        assert_eq!(
            tx.tx_frames + chance.duplicated,
            rx.rx_frames
                + rx.rx_carrier_lost
                + chance.lost
                + chance.queue_dropped
                + to.under_way() as u64,
            "{rx:?} {chance:?}"
        );
        let arrived: u32 = self.arrivals.iter().sum();
        assert_eq!(u64::from(arrived), rx.rx_frames);
        let twice = self.arrivals.iter().filter(|&&times| times == 2).count() as u64;
        assert!(self.arrivals.iter().all(|&times| times <= 2) && twice <= chance.duplicated);
        assert!(self.damaged <= chance.corrupted + chance.duplicated);
    }
}

fn run(impaired: (Impairments, Impairments), seed: u64, queue_frames: usize, steps: &[Step]) {
    let config = LinkConfig {
        queue_frames,
        under_way_frames: 24,
        a_to_b: impaired.0,
        b_to_a: impaired.1,
        seed,
        ..LinkConfig::default()
    };
    let (mut a, mut b) = link(&config);
    let (mut ab, mut ba) = (Direction::default(), Direction::default());
    let mut now = Nanos::ZERO;
    // Delays of frames under way stay when chance ends; so do the laws that were promised them.
    for step in steps {
        match *step {
            Step::Send(true, count) => ab.send(now, &mut a, count),
            Step::Send(false, count) => ba.send(now, &mut b, count),
            Step::Receive(true, max) => ba.receive(now, &mut a, max, &impaired.1),
            Step::Receive(false, max) => ab.receive(now, &mut b, max, &impaired.0),
            Step::Wait(nanos) => now += Nanos(nanos),
            Step::Carrier(up) => {
                if !up {
                    ab.after_cut = ab.sent_at.len();
                    ba.after_cut = ba.sent_at.len();
                }
                a.cable().set_carrier(up);
            }
            Step::Heal => {
                let heal = |was: Impairments| Impairments {
                    delay: was.delay,
                    reorder: was.reorder,
                    ..Impairments::NONE
                };
                a.set_impairments(heal(impaired.1));
                b.set_impairments(heal(impaired.0));
            }
        }
        ab.check(&a, &mut b);
        ba.check(&b, &mut a);
    }
    // Whatever is under way has a due time, at which it arrives; waiting for it empties the link.
    let mut turns = 0;
    while let Some(due) = [a.poll_timeout(), b.poll_timeout()].into_iter().flatten().min() {
        now = now.max(due);
        ba.receive(now, &mut a, 8, &impaired.1);
        ab.receive(now, &mut b, 8, &impaired.0);
        turns += 1;
        assert!(turns < 10_000, "due at {due:?} and never comes");
    }
    ab.check(&a, &mut b);
    ba.check(&b, &mut a);
    assert_eq!((a.under_way(), b.under_way()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 512 },
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_sent_arrives_or_is_accounted_for(
        impaired in (impairments(), impairments()),
        seed in any::<u64>(),
        queue_frames in 1..12usize,
        steps in prop::collection::vec(step(), 1..80),
    ) {
        run(impaired, seed, queue_frames, &steps);
    }

    #[test]
    fn a_good_cable_delivers_everything_at_once(
        queue_frames in 1..12usize,
        steps in prop::collection::vec((1..6usize, 1..6usize), 1..40),
    ) {
        let (mut a, mut b) = link(&LinkConfig { queue_frames, ..LinkConfig::default() });
        let mut ab = Direction::default();
        for (send, receive) in steps {
            ab.send(Nanos::ZERO, &mut a, send);
            ab.receive(Nanos::ZERO, &mut b, receive, &Impairments::NONE);
        }
        ab.receive(Nanos::ZERO, &mut b, queue_frames, &Impairments::NONE);
        prop_assert!(ab.arrivals.iter().all(|&times| times == 1));
    }

    #[test]
    fn a_delayed_frame_arrives_at_its_time_and_not_before(
        delay in 1..1_000_000u64,
        gaps in prop::collection::vec(0..100_000u64, 1..30),
    ) {
        let impairments = Impairments { delay: Nanos(delay), ..Impairments::NONE };
        let (mut a, mut b) = link(&LinkConfig::default().with_impairments(impairments));
        let mut now = Nanos::ZERO;
        let mut sent = Vec::new();
        for gap in gaps {
            now += Nanos(gap);
            sent.push(now);
            a.tx_burst(now, &frames(&[&[0]]));
        }
        // Nothing is due yet for an end that looks now, unless its time has come.
        let mut dues: Vec<Nanos> = sent.iter().map(|&at| at + Nanos(delay)).collect();
        dues.dedup();
        for due in dues {
            let before = Nanos(due.0 - 1);
            let early = sent.iter().filter(|&&at| at + Nanos(delay) <= before).count();
            received(&mut b, before, 64);
            prop_assert!(b.counters().rx_frames as usize == early);
            prop_assert_eq!(b.poll_timeout(), Some(due));
            received(&mut b, due, 64);
        }
        prop_assert_eq!(b.counters().rx_frames as usize, sent.len());
    }
}

#[test]
fn the_same_seed_meets_the_same_fate_however_it_is_polled() {
    let impairments = Impairments {
        delay: Nanos::from_micros(50),
        loss: Probability::new(0.2).expect("0 to 1"),
        duplicate: Probability::new(0.2).expect("0 to 1"),
        corrupt: Probability::new(0.2).expect("0 to 1"),
        reorder: Probability::new(0.2).expect("0 to 1"),
        reorder_hold: Nanos::from_micros(30),
        rate: None,
    };
    let outcome = |seed, poll_each: usize| {
        let config = LinkConfig { seed, ..LinkConfig::default() };
        let (mut a, mut b) = link(&config.with_impairments(impairments));
        let mut all = Vec::new();
        for i in 0..200 {
            let now = Nanos::from_micros(i as u64);
            a.tx_burst(now, &frames(&[&numbered(i)]));
            if i % poll_each == 0 {
                all.extend(received(&mut b, now, 64));
            }
        }
        all.extend(received(&mut b, Nanos::from_secs(1), 400));
        (all, *b.impair_counters())
    };
    let (frames, counters) = outcome(7, 1);
    assert_eq!(outcome(7, 90), (frames.clone(), counters), "polled seldom");
    assert_ne!(outcome(8, 1).0, frames, "another seed");
    for (name, count) in counters.iter() {
        assert!(count > 0 || ["queue_dropped", "cleared"].contains(&name), "{name} never happened");
    }
}

#[test]
fn two_directions_meet_different_fates() {
    let loss = Probability::new(0.5).expect("0 to 1");
    let config = LinkConfig::default().with_impairments(Impairments { loss, ..Impairments::NONE });
    let (mut a, mut b) = link(&config);
    let contents: Vec<Vec<u8>> = (0..64).map(numbered).collect();
    let contents: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    a.tx_burst(Nanos::ZERO, &frames(&contents));
    b.tx_burst(Nanos::ZERO, &frames(&contents));
    assert_ne!(received(&mut a, Nanos::ZERO, 64), received(&mut b, Nanos::ZERO, 64));
}
