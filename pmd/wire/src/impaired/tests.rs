//! The wrapper over a memory link that is itself good.

use super::*;
use crate::Cable;
use crate::impair::Probability;
use crate::mem::{LinkConfig, MemEnd, link};

fn wires(config: &ImpairedConfig, link_config: &LinkConfig) -> (Impaired<MemEnd>, MemEnd, Cable) {
    let (near, far) = link(link_config);
    let cable = far.cable();
    (Impaired::new(near, config), far, cable)
}

fn frame(bytes: &[u8]) -> Frame {
    let mut frame = Frame::with_capacity(bytes.len());
    frame.copy_from(bytes).expect("as large as its content");
    frame
}

fn received(wire: &mut impl Wire, now: Nanos) -> Vec<u8> {
    let mut burst = FrameBurst::new(64, 2048);
    wire.rx_burst(now, &mut burst);
    burst.frames().iter().map(|frame| frame.as_slice()[0]).collect()
}

fn delay(nanos: u64) -> Impairments {
    Impairments { delay: Nanos(nanos), ..Impairments::NONE }
}

#[test]
fn each_direction_has_its_own_delay() {
    let config = ImpairedConfig { tx: delay(100), rx: delay(30), ..ImpairedConfig::default() };
    let (mut near, mut far, _) = wires(&config, &LinkConfig::default());
    assert_eq!(near.tx_burst(Nanos(0), &[frame(&[1])]), 1);
    far.tx_burst(Nanos(0), &[frame(&[2])]);
    // The frame from afar is first seen at 5.
    assert_eq!(received(&mut near, Nanos(5)), []);
    assert_eq!(near.poll_timeout(), Some(Nanos(35)));
    assert_eq!(received(&mut near, Nanos(34)), []);
    assert_eq!(received(&mut near, Nanos(35)), [2]);
    assert_eq!(near.poll_timeout(), Some(Nanos(100)));
    assert_eq!(received(&mut far, Nanos(99)), []);
    // Sending moves when the near end is polled.
    assert_eq!(received(&mut near, Nanos(100)), []);
    assert_eq!(received(&mut far, Nanos(100)), [1]);
    assert_eq!(near.poll_timeout(), None);
}

#[test]
fn chance_has_its_directions() {
    let lose = Impairments { loss: Probability::ALWAYS, ..Impairments::NONE };
    for (tx, rx) in [(lose, Impairments::NONE), (Impairments::NONE, lose)] {
        let config = ImpairedConfig { tx, rx, ..ImpairedConfig::default() };
        let (mut near, mut far, _) = wires(&config, &LinkConfig::default());
        assert_eq!(near.tx_burst(Nanos(0), &[frame(&[1])]), 1);
        far.tx_burst(Nanos(0), &[frame(&[2])]);
        assert_eq!(received(&mut near, Nanos(0)).len(), usize::from(rx.is_none()));
        assert_eq!(received(&mut far, Nanos(0)).len(), usize::from(tx.is_none()));
        assert_eq!(near.tx_impair_counters().lost, u64::from(rx.is_none()));
        assert_eq!(near.rx_impair_counters().lost, u64::from(tx.is_none()));
    }
}

#[test]
fn two_directions_meet_different_fates() {
    let half = Impairments { loss: Probability::new(0.5).expect("0 to 1"), ..Impairments::NONE };
    let config = ImpairedConfig { tx: half, rx: half, ..ImpairedConfig::default() };
    let (mut near, mut far, _) = wires(&config, &LinkConfig::default());
    let many: Vec<Frame> = (0..64).map(|i| frame(&[i])).collect();
    near.tx_burst(Nanos(0), &many);
    far.tx_burst(Nanos(0), &many);
    assert_ne!(received(&mut near, Nanos(0)), received(&mut far, Nanos(0)));
}

#[test]
fn a_good_wire_passes_as_it_is_and_may_turn_bad() {
    let (mut near, mut far, _) = wires(&ImpairedConfig::default(), &LinkConfig::default());
    assert_eq!(near.tx_burst(Nanos(0), &[frame(&[1]), frame(&[2])]), 2);
    assert_eq!(received(&mut far, Nanos(0)), [1, 2]);
    assert_eq!(near.tx_impair_counters().admitted, 0, "not even admitted");
    near.set_impairments(delay(10), Impairments::NONE);
    near.tx_burst(Nanos(0), &[frame(&[3])]);
    near.set_impairments(Impairments::NONE, Impairments::NONE);
    assert_eq!(near.tx_burst(Nanos(1), &[frame(&[4])]), 1);
    assert_eq!(received(&mut far, Nanos(1)), [], "four waits behind three");
    near.rx_burst(Nanos(10), &mut FrameBurst::new(1, 64));
    assert_eq!(received(&mut far, Nanos(10)), [3, 4]);
}

#[test]
fn a_cut_loses_what_is_held_back_here_too() {
    let config = ImpairedConfig { tx: delay(100), rx: delay(100), ..ImpairedConfig::default() };
    let (mut near, mut far, cable) = wires(&config, &LinkConfig::default());
    near.note_lost(&cable);
    near.tx_burst(Nanos(0), &[frame(&[1])]);
    far.tx_burst(Nanos(0), &[frame(&[2]), frame(&[3; 99])]);
    assert_eq!(received(&mut near, Nanos(0)), []);
    cable.watch_lost();
    cable.set_carrier(false);
    cable.set_carrier(true);
    assert_eq!(received(&mut near, Nanos(500)), []);
    assert_eq!(received(&mut far, Nanos(500)), []);
    let mut lost: Vec<_> = cable.take_lost().iter().map(|lost| lost.head().to_vec()).collect();
    lost.sort_unstable();
    assert_eq!(lost, [vec![2], vec![3; 64]], "what was on its way here, as far as it is kept");
    let counters = near.counters();
    assert_eq!((counters.rx_carrier_lost, counters.tx_carrier_errors), (2, 1));
    assert_eq!((counters.carrier_changes, near.poll_timeout()), (2, None));
    assert!(near.link_up(Nanos(500)));
}

#[test]
fn frames_wait_here_while_the_inner_wire_takes_none() {
    let config = ImpairedConfig { tx: delay(10), ..ImpairedConfig::default() };
    let link_config = LinkConfig { queue_frames: 1, ..LinkConfig::default() };
    let (mut near, mut far, _) = wires(&config, &link_config);
    assert_eq!(near.tx_burst(Nanos(0), &[frame(&[1]), frame(&[2]), frame(&[3])]), 3);
    let mut seen = Vec::new();
    for _ in 0..4 {
        received(&mut near, Nanos(10));
        seen.extend(received(&mut far, Nanos(10)));
    }
    assert_eq!(seen, [1, 2, 3]);
}

#[test]
fn a_full_delay_line_pushes_back_and_loses_nothing() {
    let config = ImpairedConfig {
        tx: delay(10),
        rx: delay(10),
        under_way_frames: 64,
        ..ImpairedConfig::default()
    };
    let (mut near, mut far, _) = wires(&config, &LinkConfig::default());
    let many: Vec<Frame> = (0..100).map(|i| frame(&[i])).collect();
    let taken = near.tx_burst(Nanos(0), &many);
    assert_eq!(taken, 32);
    assert_eq!(far.tx_burst(Nanos(0), &many), 100);
    let (mut at_near, mut at_far, mut now) = (Vec::new(), Vec::new(), Nanos(0));
    for _ in 0..20 {
        at_near.extend(received(&mut near, now));
        at_far.extend(received(&mut far, now));
        now += Nanos(10);
    }
    assert!(at_near.iter().copied().eq(0..100), "{at_near:?}");
    assert!(at_far.iter().copied().eq(0..32), "{at_far:?}");
}

#[test]
fn frames_too_long_for_the_buffers_are_counted() {
    let config = ImpairedConfig { tx: delay(10), mtu: 100, ..ImpairedConfig::default() };
    let (mut near, mut far, _) = wires(&config, &LinkConfig { mtu: 9000, ..LinkConfig::default() });
    assert_eq!(near.tx_burst(Nanos(0), &[frame(&[1; 5000]), frame(&[2; 50])]), 2);
    near.rx_burst(Nanos(10), &mut FrameBurst::new(1, 64));
    assert_eq!(received(&mut far, Nanos(10)), [2]);
    assert_eq!(near.counters().tx_oversize, 1);
}
