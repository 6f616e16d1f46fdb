//! TAP devices against this machine's kernel, in a network namespace of their own that ends with the
//! program.

#[path = "../../../../apps/tests/cases/mod.rs"]
#[expect(dead_code, reason = "the cases here are functions that fail or do not")]
mod cases;
#[expect(dead_code, reason = "the tests of packet sockets use the rest")]
mod kernel;

use std::process::ExitCode;
use std::slice::from_ref;
use std::thread;
use std::time::{Duration, Instant};

use cases::Outcome;
use kernel::{PacketSocket, set_up};
use mafo_mem::{Frame, FrameBurst, Nanos};
use mafo_wire::{Tap, TapError, Wire, WireCounters};

/// Frames of this EtherType (IEEE 802 local experimental) are ours; the kernel sends others.
const ETHERTYPE: u16 = 0x88b5;
/// A case that waits longer has failed; none takes so long.
const PATIENCE: Duration = Duration::from_secs(20);
const NOW: Nanos = Nanos::ZERO;

const CASES: &[(&str, fn())] = &[
    ("frames_pass_both_ways", frames_pass_both_ways),
    ("the_link_is_what_the_kernel_says", the_link_is_what_the_kernel_says),
    ("a_cut_reaches_the_kernel_and_loses_what_is_under_way", a_cut_reaches_the_kernel),
    ("a_cut_that_nobody_saw_is_counted", a_cut_that_nobody_saw_is_counted),
    ("names_are_chosen_taken_and_refused", names_are_chosen_taken_and_refused),
    ("the_interface_goes_with_its_tap", the_interface_goes_with_its_tap),
    ("a_tap_of_another_namespace_is_used_from_here", a_tap_of_another_namespace),
    ("frames_longer_than_a_buffer_are_lost_alone", frames_longer_than_a_buffer),
    ("mtu_and_address_can_be_set", mtu_and_address_can_be_set),
    ("lost_messages_are_asked_for_again", lost_messages_are_asked_for_again),
    ("an_interface_that_is_deleted_is_down", an_interface_that_is_deleted),
    ("without_privilege_there_is_a_plain_error", without_privilege),
];

fn main() -> ExitCode {
    let obstacle = obstacle();
    let run = |case: &fn()| match &obstacle {
        Some(reason) => Outcome::Skipped(reason.clone()),
        None => {
            case();
            Outcome::Done
        }
    };
    cases::run(CASES.iter().map(|(name, case)| (name, move || run(case))))
}

/// Moves to a new network namespace; why not, or why there can be no TAP in it.
fn obstacle() -> Option<String> {
    if let Err(error) = kernel::enter_new_namespace() {
        return Some(format!("no network namespace of our own: {error}"));
    }
    match Tap::create(None) {
        Ok(_) => None,
        Err(error @ (TapError::NotPermitted | TapError::NoDriver(_))) => Some(error.to_string()),
        // Anything else is for the cases to find.
        Err(_) => None,
    }
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A TAP that is up.
fn tap_up() -> Tap {
    let mut tap = Tap::create(None).expect("a TAP");
    tap.set_up(true).expect("set up");
    wait_for("the link is up", || tap.link_up(NOW));
    tap
}

fn message(payload: &[u8]) -> Vec<u8> {
    let header = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    [&header[..], &ETHERTYPE.to_be_bytes(), payload].concat()
}

fn frame(bytes: &[u8]) -> Frame {
    let mut frame = Frame::with_capacity(bytes.len());
    frame.copy_from(bytes).expect("as large as its content");
    frame
}

fn is_ours(bytes: &[u8]) -> bool {
    bytes.get(12..14) == Some(&ETHERTYPE.to_be_bytes())
}

/// Our frames that the TAP has now.
fn received(tap: &mut Tap) -> Vec<Vec<u8>> {
    let mut burst = FrameBurst::new(64, 2048);
    tap.rx_burst(NOW, &mut burst);
    burst.frames().iter().map(|f| f.as_slice().to_vec()).filter(|b| is_ours(b)).collect()
}

/// Waits for `count` of our frames.
fn receive(tap: &mut Tap, count: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    wait_for("frames from the kernel", || {
        frames.extend(received(tap));
        frames.len() >= count
    });
    frames
}

fn frames_pass_both_ways() {
    let mut tap = tap_up();
    let socket = PacketSocket::open(tap.index(), ETHERTYPE);
    let mut bytes = 0;
    for len in [46, 47, 700, 1500] {
        let sent = message(&vec![len as u8; len]);
        socket.send(&sent).expect("sent to the TAP");
        assert_eq!(receive(&mut tap, 1), from_ref(&sent));
        assert_eq!(tap.tx_burst(NOW, &[frame(&sent)]), 1);
        let mut seen = Vec::new();
        wait_for("a frame from the TAP", || {
            seen = socket.receive();
            !seen.is_empty()
        });
        assert_eq!(seen, sent);
        bytes += sent.len() as u64;
    }
    // The kernel refuses what has no header.
    assert_eq!(tap.tx_burst(NOW, &[frame(&[0; 13])]), 1);
    let counters = tap.counters();
    assert_eq!((counters.tx_frames, counters.tx_bytes, counters.tx_errors), (4, bytes, 1));
    assert!(counters.rx_frames >= 4 && counters.rx_bytes >= bytes, "{counters:?}");
    assert_eq!((counters.rx_errors, counters.carrier_changes), (0, 1));
}

fn the_link_is_what_the_kernel_says() {
    let mut tap = Tap::create(None).expect("a TAP");
    assert!(!tap.link_up(NOW), "a new interface is down");
    assert_eq!(tap.tx_burst(NOW, &[frame(&message(&[1; 46]))]), 1);
    assert_eq!(tap.counters().tx_carrier_errors, 1, "EIO");
    for round in 1..4 {
        // Not by our own socket: `ip link set … up`.
        set_up(tap.name(), true);
        wait_for("up", || tap.link_up(NOW));
        let socket = PacketSocket::open(tap.index(), ETHERTYPE);
        socket.send(&message(&[2; 46])).expect("sent to the TAP");
        receive(&mut tap, 1);

        set_up(tap.name(), false);
        wait_for("down", || !tap.link_up(NOW));
        assert_eq!(received(&mut tap).len(), 0);
        let before = tap.counters();
        assert_eq!(tap.tx_burst(NOW, &[frame(&message(&[3; 46])), frame(&message(&[4; 46]))]), 2);
        let expected = WireCounters { tx_carrier_errors: 2, ..WireCounters::new() };
        assert_eq!(tap.counters().since(&before), expected);
        assert_eq!(tap.counters().carrier_changes, 2 * round);
        assert_eq!(tap.counters().rx_errors, 0, "a TAP that is down reads");
    }
}

fn a_cut_reaches_the_kernel() {
    let mut tap = tap_up();
    let socket = PacketSocket::open(tap.index(), ETHERTYPE);
    let cable = tap.cable();
    for _ in 0..3 {
        socket.send(&message(&[1; 46])).expect("sent to the TAP");
    }
    let before = tap.counters();
    cable.watch_lost();
    cable.set_carrier(false);
    assert!(!tap.link_up(NOW), "at once");
    wait_for("the kernel sees it", || !kernel::is_running(tap.name()));
    assert_eq!(received(&mut tap).len(), 0, "they were under way");
    assert_eq!(tap.tx_burst(NOW, &[frame(&message(&[2; 46]))]), 1);
    // A packet socket may still send: what the kernel has let through is lost here.
    let _ = socket.send(&message(&[3; 46]));
    assert_eq!(received(&mut tap).len(), 0);
    assert_eq!(socket.receive(), [0; 0], "nothing passed the other way");
    let delta = tap.counters().since(&before);
    assert!(delta.rx_carrier_lost >= 3, "{delta:?}");
    let (lost, sent) = (cable.take_lost(), message(&[1; 46]));
    assert_eq!(lost.len() as u64, delta.rx_carrier_lost);
    // The kernel says something of its own when an interface is new (MLD reports, RFC 3810), at any time.
    let ours = lost.iter().filter(|frame| frame.head() == sent).count();
    assert_eq!(ours, 3, "{lost:?}");
    assert_eq!((delta.rx_frames, delta.tx_frames, delta.tx_carrier_errors), (0, 0, 1));

    cable.set_carrier(true);
    wait_for("the kernel sees it", || kernel::is_running(tap.name()));
    wait_for("so do we", || tap.link_up(NOW));
    let sent = message(&[4; 46]);
    socket.send(&sent).expect("sent to the TAP");
    assert_eq!(receive(&mut tap, 1), from_ref(&sent), "and nothing older");
    assert_eq!(tap.tx_burst(NOW, &[frame(&sent)]), 1);
    wait_for("a frame from the TAP", || socket.receive() == sent);
}

fn a_cut_that_nobody_saw_is_counted() {
    let mut tap = tap_up();
    let socket = PacketSocket::open(tap.index(), ETHERTYPE);
    socket.send(&message(&[1; 46])).expect("sent to the TAP");
    let before = tap.counters();
    tap.cable().set_carrier(false);
    tap.cable().set_carrier(true);
    assert_eq!(received(&mut tap).len(), 0);
    wait_for("the link is up", || tap.link_up(NOW));
    let delta = tap.counters().since(&before);
    assert!(delta.rx_carrier_lost >= 1, "{delta:?}");
    assert!(delta.carrier_changes >= 2, "{delta:?}");
}

fn names_are_chosen_taken_and_refused() {
    let first = Tap::create(Some("mafotest0")).expect("a free name");
    assert_eq!(first.name(), "mafotest0");
    let error = Tap::create(Some("mafotest0")).expect_err("taken");
    assert!(matches!(error, TapError::NameTaken { name } if name == "mafotest0"));
    let error = Tap::create(Some("lo")).expect_err("taken by another kind of interface");
    assert!(matches!(error, TapError::NameTaken { .. }), "{error:?}");
    let error = Tap::create(Some("no/name")).expect_err("no name");
    assert!(matches!(error, TapError::InvalidName { .. }), "{error:?}");
    let (a, b) = (Tap::create(None).expect("a TAP"), Tap::create(None).expect("another"));
    assert!(!a.name().is_empty() && !a.name().contains('%'), "{}", a.name());
    assert_ne!((a.name(), a.index()), (b.name(), b.index()));
}

fn the_interface_goes_with_its_tap() {
    let tap = tap_up();
    let name = tap.name().to_owned();
    let cable = tap.cable();
    assert_eq!(kernel::index_of(&name), Some(tap.index()));
    drop(tap);
    assert_eq!(kernel::index_of(&name), None);
    cable.set_carrier(false); // of nothing
}

fn a_tap_of_another_namespace() {
    // A thread enters a namespace of its own, makes the TAP there and hands its descriptors over.
    let elsewhere = thread::spawn(|| {
        kernel::enter_new_namespace().expect("another namespace");
        let tap = Tap::create(Some("mafotest1")).expect("a TAP");
        let socket = PacketSocket::open(tap.index(), ETHERTYPE);
        (tap.into_fds().expect("descriptors"), socket)
    });
    let (fds, socket) = elsewhere.join().expect("a thread that made a TAP");
    assert_eq!(kernel::index_of("mafotest1"), None, "it is not here");
    let mut tap = Tap::from_fds(fds).expect("the same TAP");
    assert_eq!(tap.name(), "mafotest1");
    assert!(!tap.link_up(NOW));
    tap.set_up(true).expect("set up from here");
    wait_for("the link is up", || tap.link_up(NOW));
    let sent = message(&[7; 100]);
    socket.send(&sent).expect("sent over there");
    assert_eq!(receive(&mut tap, 1), from_ref(&sent));
    tap.tx_burst(NOW, &[frame(&sent)]);
    wait_for("a frame over there", || socket.receive() == sent);
    tap.set_up(false).expect("set down from here");
    wait_for("the link is down", || !tap.link_up(NOW));
}

fn frames_longer_than_a_buffer() {
    let mut tap = tap_up();
    let socket = PacketSocket::open(tap.index(), ETHERTYPE);
    let (long, short) = (message(&[1; 1000]), message(&[2; 86]));
    socket.send(&long).expect("sent to the TAP");
    socket.send(&short).expect("sent to the TAP");
    // As large as the short one, exactly.
    let mut burst = FrameBurst::new(64, short.len());
    wait_for("the short frame", || {
        burst.clear();
        tap.rx_burst(NOW, &mut burst);
        burst.frames().iter().any(|frame| frame.as_slice() == short)
    });
    assert!(tap.counters().rx_oversize >= 1);
}

fn mtu_and_address_can_be_set() {
    let mut tap = Tap::create(None).expect("a TAP");
    assert_eq!(tap.mtu(), 1500);
    tap.set_mtu(9000).expect("an MTU that TAP has");
    tap.set_mac([2, 0, 0, 1, 2, 3]).expect("a local address");
    let error = tap.set_mtu(1_000_000).expect_err("an MTU that no interface has");
    assert!(matches!(error, TapError::System { .. }), "{error:?}");
    tap.link_up(NOW);
    assert_eq!((tap.mtu(), tap.mac()), (9000, [2, 0, 0, 1, 2, 3]));
    // As found anew.
    let tap = Tap::from_fds(tap.into_fds().expect("descriptors")).expect("the same TAP");
    assert_eq!((tap.mtu(), tap.mac()), (9000, [2, 0, 0, 1, 2, 3]));
}

fn lost_messages_are_asked_for_again() {
    let mut tap = tap_up();
    for up in [false, true] {
        // Far more messages than a socket's buffer holds, the last of them the other way.
        for _ in 0..500 {
            set_up(tap.name(), !up);
            set_up(tap.name(), up);
        }
        wait_for("the last state", || tap.link_up(NOW) == up);
    }
}

fn an_interface_that_is_deleted() {
    let mut tap = tap_up();
    kernel::delete(tap.index());
    wait_for("the link is down", || !tap.link_up(NOW));
    let before = tap.counters();
    assert_eq!(received(&mut tap).len(), 0);
    assert_eq!(tap.tx_burst(NOW, &[frame(&message(&[1; 46]))]), 1);
    let delta = tap.counters().since(&before);
    assert_eq!((delta.rx_errors, delta.tx_errors), (1, 1), "EBADFD");
}

fn without_privilege() {
    let denied = kernel::without_privileges(|| {
        matches!(Tap::create(Some("mafotest2")), Err(TapError::NotPermitted))
    });
    assert!(denied, "a TAP without privilege");
}
