//! Each impairment alone, with its arithmetic.

use super::*;

const NEVER: Impairments = Impairments::NONE;

fn impairer(config: Impairments) -> Impairer {
    Impairer::new(config, 42, 0, 1000, 64)
}

/// Everything due at `now`.
fn due(impairer: &mut Impairer, now: Nanos) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    impairer.deliver(now, |frame| {
        frames.push(frame.as_slice().to_vec());
        Ok(())
    });
    frames
}

#[test]
fn probabilities_are_from_zero_to_one() {
    for wrong in [-0.1, 1.000_000_1, f64::NAN, f64::INFINITY] {
        assert!(Probability::new(wrong).is_err(), "{wrong}");
    }
    assert_eq!(Probability::new(1.5), Err(NotAProbability(1.5)));
    assert_eq!(
        NotAProbability(1.5).to_string(),
        "1.5 is not a probability: it is not between 0 and 1"
    );
    assert_eq!(Probability::new(0.0), Ok(Probability::NEVER));
    assert_eq!(Probability::new(1.0), Ok(Probability::ALWAYS));
    assert_eq!(format!("{:?}", Probability::try_from(0.25)), "Ok(0.25)");
}

#[test]
fn chance_comes_as_often_as_asked() {
    for p in [0.0, 0.01, 0.5, 0.99, 1.0] {
        let mut impairer =
            impairer(Impairments { loss: Probability::new(p).expect("0 to 1"), ..NEVER });
        let total = 20_000;
        for _ in 0..total {
            impairer.admit_copy(Nanos::ZERO, &[1]).expect("room");
            due(&mut impairer, Nanos::ZERO);
        }
        let lost = impairer.counters().lost as f64;
        // Five standard deviations; the seed is fixed.
        let (mean, deviation) = (p * total as f64, (p * (1.0 - p) * total as f64).sqrt());
        assert!((lost - mean).abs() <= 5.0 * deviation, "{lost} of {total} at {p}");
    }
}

#[test]
fn what_is_impossible_draws_no_lot() {
    // So a fault that is switched off leaves the fates of a seed as they were.
    let loss = Impairments { loss: Probability::new(0.5).expect("0 to 1"), ..NEVER };
    let fates = |good_frames: u32| {
        let mut impairer = impairer(NEVER);
        for _ in 0..good_frames {
            impairer.admit_copy(Nanos::ZERO, &[0]).expect("room");
        }
        due(&mut impairer, Nanos::ZERO);
        impairer.set_impairments(loss);
        for i in 0..64 {
            impairer.admit_copy(Nanos::ZERO, &[i]).expect("room");
        }
        due(&mut impairer, Nanos::ZERO)
    };
    assert_eq!(fates(0), fates(5));
}

#[test]
fn a_corrupt_frame_differs_in_one_bit_and_any_bit_may_be_it() {
    let mut impairer = impairer(Impairments { corrupt: Probability::ALWAYS, ..NEVER });
    let mut hit = [0; 24];
    for _ in 0..2000 {
        impairer.admit_copy(Nanos::ZERO, &[0; 3]).expect("room");
        let frames = due(&mut impairer, Nanos::ZERO);
        let bits: Vec<usize> =
            (0..24).filter(|bit| frames[0][bit / 8] >> (bit % 8) & 1 == 1).collect();
        assert_eq!(bits.len(), 1);
        hit[bits[0]] += 1;
    }
    assert!(hit.iter().all(|&times| times > 0), "{hit:?}");
    impairer.admit_copy(Nanos::ZERO, &[]).expect("an empty frame has no bit to invert");
    assert_eq!(due(&mut impairer, Nanos::ZERO), [Vec::<u8>::new()]);
    assert_eq!(impairer.counters().corrupted, 2000);
}

#[test]
fn a_duplicate_follows_its_original() {
    let mut impairer = impairer(Impairments { duplicate: Probability::ALWAYS, ..NEVER });
    for i in 0..3 {
        impairer.admit_copy(Nanos::ZERO, &[i]).expect("room");
    }
    assert_eq!(due(&mut impairer, Nanos::ZERO), [[0], [0], [1], [1], [2], [2]]);
    let expected =
        ImpairCounters { admitted: 3, duplicated: 3, delivered: 6, ..ImpairCounters::new() };
    assert_eq!(*impairer.counters(), expected);
}

#[test]
fn a_reordered_frame_is_overtaken_within_its_hold() {
    let hold = Nanos(100);
    let mut impairer = impairer(Impairments {
        delay: Nanos(1000),
        reorder: Probability::new(0.3).expect("0 to 1"),
        reorder_hold: hold,
        ..NEVER
    });
    for i in 0..100 {
        impairer.admit_copy(Nanos(u64::from(i) * 10), &[i]).expect("room");
    }
    let (mut order, mut held) = (Vec::new(), 0);
    while let Some(at) = impairer.poll_timeout() {
        for frame in due(&mut impairer, at) {
            let extra = at - (Nanos(u64::from(frame[0]) * 10) + Nanos(1000));
            assert!(extra <= hold, "frame {} held back {extra:?}", frame[0]);
            held += u64::from(extra > Nanos::ZERO);
            order.push(frame[0]);
        }
    }
    assert_eq!(held, impairer.counters().reordered);
    assert!(held > 10 && !order.is_sorted(), "{order:?}");
    order.sort_unstable();
    assert!(order.into_iter().eq(0..100));
}

#[test]
fn a_rate_spaces_frames_by_their_time_on_the_line() {
    // 1 Gbit/s: a frame of 60 bytes and 24 of overhead takes 672 ns.
    let rate = Rate {
        bits_per_second: NonZeroU64::new(1_000_000_000).expect("not 0"),
        queue_bytes: 10_000,
    };
    let delay = Nanos(5000);
    let mut impairer = impairer(Impairments { delay, rate: Some(rate), ..NEVER });
    let mut expected = Vec::new();
    for i in 1..=3 {
        impairer.admit_copy(Nanos(100), &[0; 60]).expect("room");
        expected.push(Nanos(100 + 672 * i + 5000));
    }
    // The line has been idle for long when the fourth comes.
    impairer.admit_copy(Nanos(50_000), &[0; 1]).expect("room");
    expected.push(Nanos(50_000 + 200 + 5000));
    let mut times = Vec::new();
    while let Some(at) = impairer.poll_timeout() {
        assert_eq!(due(&mut impairer, Nanos(at.0 - 1)).len(), 0);
        assert_eq!(due(&mut impairer, at).len(), 1);
        times.push(at);
    }
    assert_eq!(times, expected);
}

#[test]
fn parts_of_a_nanosecond_add_up() {
    // 7 Gbit/s and 1 + 24 bytes: 28 4/7 ns each, so seven take exactly 200 ns.
    let rate = Rate {
        bits_per_second: NonZeroU64::new(7_000_000_000).expect("not 0"),
        queue_bytes: u64::MAX,
    };
    let mut impairer = impairer(Impairments { rate: Some(rate), ..NEVER });
    for _ in 0..70 {
        impairer.admit_copy(Nanos::ZERO, &[0]).expect("room");
    }
    let mut last = Nanos::ZERO;
    while let Some(at) = impairer.poll_timeout() {
        due(&mut impairer, at);
        last = at;
    }
    assert_eq!(last, Nanos(2000));
}

#[test]
fn a_rate_drops_what_its_queue_does_not_hold() {
    // 8 bits a microsecond: a byte is 1,000 ns; a frame of 52 and 24 of overhead fills the line for 76 us.
    let rate =
        Rate { bits_per_second: NonZeroU64::new(8_000_000).expect("not 0"), queue_bytes: 150 };
    let mut impairer = impairer(Impairments { rate: Some(rate), ..Impairments::NONE });
    let frame = &[0; 52];
    // Backlog in bytes when each comes: 0, 76 and 152, which is above 150.
    for _ in 0..4 {
        impairer.admit_copy(Nanos::ZERO, frame).expect("room");
    }
    assert_eq!((impairer.counters().queue_dropped, impairer.len()), (2, 2));
    // 2 us later the backlog is down to 150 bytes.
    impairer.admit_copy(Nanos(2000), frame).expect("room");
    assert_eq!((impairer.counters().queue_dropped, impairer.len()), (2, 3));
    assert_eq!(due(&mut impairer, Nanos(3 * 76_000)).len(), 3);
}

#[test]
fn a_shorter_delay_lets_nobody_overtake() {
    let mut impairer = impairer(Impairments { delay: Nanos(1000), ..NEVER });
    impairer.admit_copy(Nanos::ZERO, &[1]).expect("room");
    impairer.set_impairments(NEVER);
    assert!(!impairer.is_transparent(), "a frame is under way");
    impairer.admit_copy(Nanos(10), &[2]).expect("room");
    assert_eq!(due(&mut impairer, Nanos(999)), [[0u8; 0]; 0]);
    assert_eq!(due(&mut impairer, Nanos(1000)), [[1], [2]]);
    assert!(impairer.is_transparent());
}

#[test]
fn room_ends_and_comes_back() {
    let mut impairer = Impairer::new(Impairments { delay: Nanos(1), ..NEVER }, 0, 0, 4, 8);
    assert_eq!(impairer.admit_copy(Nanos::ZERO, &[0; 9]), Err(Full), "longer than a buffer");
    let mut admitted = 0;
    while impairer.room() > 0 {
        impairer.admit_copy(Nanos::ZERO, &[admitted]).expect("room");
        admitted += 1;
    }
    assert_eq!(admitted, 3, "the last place is for a copy");
    assert_eq!(impairer.admit_copy(Nanos::ZERO, &[9]), Err(Full));
    // A taker that refuses leaves the frame under way.
    let mut frames = Vec::new();
    let taken = impairer.deliver(Nanos(1), |frame| {
        if frames.len() == 2 {
            return Err(Full);
        }
        frames.push(frame.as_slice()[0]);
        Ok(())
    });
    assert_eq!((taken, frames), (2, vec![0, 1]));
    assert_eq!(impairer.clear(), 1);
    assert_eq!((impairer.room(), impairer.poll_timeout()), (2, None));
    let expected =
        ImpairCounters { admitted: 3, delivered: 2, cleared: 1, ..ImpairCounters::new() };
    assert_eq!(*impairer.counters(), expected);
}
