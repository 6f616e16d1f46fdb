//! Packet sockets on the two ends of a veth pair, in a network namespace of their own that ends with the program.

#[path = "../../../../apps/tests/cases/mod.rs"]
#[expect(dead_code, reason = "the cases here are functions that fail or do not")]
mod cases;
#[path = "../tap/kernel.rs"]
#[expect(dead_code, reason = "the tests of TAP devices use the rest")]
mod kernel;
mod veth;

use std::net::UdpSocket;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use cases::Outcome;
use kernel::{PacketSocket, index_of, set_up};
use mafo_mem::{Frame, FrameBurst, Nanos, checksum};
use mafo_wire::{Packet, PacketError, Wire, WireCounters};

/// Frames of this EtherType (IEEE 802 local experimental) are ours; the kernel sends others.
const ETHERTYPE: u16 = 0x88b5;
/// A case that waits longer has failed; none takes so long.
const PATIENCE: Duration = Duration::from_secs(20);
const NOW: Nanos = Nanos::ZERO;

const CASES: &[(&str, fn())] = &[
    ("bursts_pass_both_ways", bursts_pass_both_ways),
    ("what_others_send_out_of_the_interface_is_not_received", not_what_others_send),
    ("a_tag_that_the_kernel_takes_off_is_put_back", a_tag_is_put_back),
    ("the_link_is_what_the_kernel_says", the_link_is_what_the_kernel_says),
    ("lengths_that_do_not_fit_are_counted", lengths_that_do_not_fit),
    ("a_sum_that_the_kernel_left_to_hardware_is_completed", a_sum_is_completed),
    ("what_the_socket_has_no_room_for_is_counted", no_room_is_counted),
    ("frames_that_are_too_long_keep_nobody", too_long_frames_keep_nobody),
    ("there_are_plain_errors", there_are_plain_errors),
];

fn main() -> ExitCode {
    let obstacle = kernel::enter_new_namespace()
        .err()
        .map(|error| format!("no network namespace of our own: {error}"))
        .or_else(|| veth::pair("probe0", "probe1").err().map(|e| format!("no veth pair: {e}")));
    let run = |case: &fn()| match &obstacle {
        Some(reason) => Outcome::Skipped(reason.clone()),
        None => {
            case();
            Outcome::Done
        }
    };
    cases::run(CASES.iter().map(|(name, case)| (name, move || run(case))))
}

fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// A veth pair that is up, with a wire at each end.
fn wires(a: &str, b: &str) -> (Packet, Packet) {
    veth::pair(a, b).expect("a veth pair");
    for name in [a, b] {
        set_up(name, true);
    }
    let [mut a, mut b] = [a, b].map(|name| Packet::open(name).expect("a packet socket"));
    wait_for("both are up", || a.link_up(NOW) && b.link_up(NOW));
    (a, b)
}

fn message(ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let addresses = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    [&addresses[..], &ethertype.to_be_bytes(), payload].concat()
}

fn frame(bytes: &[u8]) -> Frame {
    let mut frame = Frame::with_capacity(bytes.len());
    frame.copy_from(bytes).expect("as large as its content");
    frame
}

/// Frames with our payload's first byte, `mark`, that the wire has now.
fn received(wire: &mut Packet, mark: u8) -> Vec<Vec<u8>> {
    let mut burst = FrameBurst::new(100, 2048);
    wire.rx_burst(NOW, &mut burst);
    let bytes = burst.frames().iter().map(|frame| frame.as_slice().to_vec());
    bytes.filter(|bytes| bytes.last() == Some(&mark)).collect()
}

fn receive(wire: &mut Packet, mark: u8, count: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    wait_for("frames from the kernel", || {
        frames.extend(received(wire, mark));
        frames.len() >= count
    });
    frames
}

fn bursts_pass_both_ways() {
    let (mut a, mut b) = wires("both0", "both1");
    // More than one system call takes.
    let sent: Vec<Vec<u8>> = (0..70)
        .map(|n| [message(ETHERTYPE, &vec![n; 46 + 20 * usize::from(n)]), vec![7]].concat())
        .collect();
    let frames: Vec<Frame> = sent.iter().map(|bytes| frame(bytes)).collect();
    let bytes: usize = sent.iter().map(Vec::len).sum();
    for _ in 0..2 {
        let before = b.counters();
        assert_eq!(a.tx_burst(NOW, &frames), 70);
        assert_eq!(receive(&mut b, 7, 70), sent);
        let delta = b.counters().since(&before);
        assert!(delta.rx_frames >= 70 && delta.rx_bytes >= bytes as u64, "{delta:?}");
        assert_eq!((delta.rx_errors, delta.rx_oversize), (0, 0));
        std::mem::swap(&mut a, &mut b);
    }
    assert_eq!((a.counters().tx_frames, a.counters().tx_bytes), (70, bytes as u64));
}

fn not_what_others_send() {
    let (mut a, mut b) = wires("others0", "others1");
    let other = PacketSocket::open(index_of("others0").expect("is there"), ETHERTYPE);
    other.send(&message(ETHERTYPE, &[1; 46])).expect("sent out of the interface");
    a.tx_burst(NOW, &[frame(&message(ETHERTYPE, &[1; 46]))]);
    receive(&mut b, 1, 2);
    b.tx_burst(NOW, &[frame(&message(ETHERTYPE, &[1; 50]))]);
    let came = receive(&mut a, 1, 1);
    assert_eq!(came, [message(ETHERTYPE, &[1; 50])], "only what came in");
}

fn a_tag_is_put_back() {
    let (mut a, mut b) = wires("tag0", "tag1");
    let tagged = message(0x8100, &[&[0x60, 0x05, 0x88, 0xb5][..], &[9; 60]].concat());
    assert_eq!(a.tx_burst(NOW, &[frame(&tagged)]), 1);
    assert_eq!(receive(&mut b, 9, 1), [tagged]);
}

fn the_link_is_what_the_kernel_says() {
    let (mut a, mut b) = wires("link0", "link1");
    set_up("link0", false);
    wait_for("both are down", || !a.link_up(NOW) && !b.link_up(NOW));
    let before = a.counters();
    let lost = frame(&message(ETHERTYPE, &[3; 46]));
    assert_eq!(a.tx_burst(NOW, &[lost, frame(&message(ETHERTYPE, &[3; 46]))]), 2);
    let expected = WireCounters { tx_carrier_errors: 2, ..WireCounters::new() };
    assert_eq!(a.counters().since(&before), expected);
    assert_eq!(received(&mut a, 3).len(), 0);
    assert_eq!(a.counters().rx_errors, 0, "ENETDOWN is no frame");
    set_up("link0", true);
    wait_for("both are up", || a.link_up(NOW) && b.link_up(NOW));
    a.tx_burst(NOW, &[frame(&message(ETHERTYPE, &[4; 46]))]);
    receive(&mut b, 4, 1);
    assert_eq!(a.counters().carrier_changes, 3);
}

fn lengths_that_do_not_fit() {
    let (mut a, mut b) = wires("len0", "len1");
    let before = a.counters();
    let frames = [
        frame(&message(ETHERTYPE, &[5; 1600])),
        frame(&message(ETHERTYPE, &[5; 300])),
        frame(&[5; 13]),
    ];
    assert_eq!(a.tx_burst(NOW, &frames), 3);
    a.tx_burst(NOW, &[frame(&message(ETHERTYPE, &[5; 50]))]);
    let delta = a.counters().since(&before);
    assert_eq!((delta.tx_frames, delta.tx_oversize), (2, 2), "{delta:?}");
    let mut burst = FrameBurst::new(8, 100);
    wait_for("the short frame", || {
        b.rx_burst(NOW, &mut burst);
        let short = message(ETHERTYPE, &[5; 50]);
        burst.frames().iter().any(|frame| frame.as_slice() == short)
    });
    assert!(b.counters().rx_oversize >= 1, "{:?}", b.counters());
}

/// A datagram of the kernel's own, whose sum is due to hardware that a veth has not.
fn a_sum_is_completed() {
    let (_a, mut b) = wires("sum0", "sum1");
    kernel::set_address("sum0", [10, 9, 0, 1]);
    let socket = UdpSocket::bind("10.9.0.1:0").expect("a socket");
    socket.set_broadcast(true).expect("allowed");
    socket.send_to(b"an odd number of bytes.", "10.9.0.255:9").expect("sent");
    let frame = receive(&mut b, b'.', 1).remove(0);
    let (ip, datagram) = frame[14..].split_at(20);
    let [src, dst] = [&ip[12..16], &ip[16..]].map(|ip| *ip.first_chunk().expect("four"));
    let pseudo = checksum::pseudo_header_v4(src, dst, 17, datagram.len() as u16);
    assert_eq!((src, ip[9]), ([10, 9, 0, 1], 17));
    assert!((pseudo + checksum::sum(datagram)).is_valid(), "{frame:x?}");
}

fn no_room_is_counted() {
    let (mut a, b) = wires("full0", "full1");
    assert_eq!(b.counters().rx_errors, 0);
    let frames: Vec<Frame> = (0..64).map(|_| frame(&message(ETHERTYPE, &[8; 1400]))).collect();
    for _ in 0..500 {
        a.tx_burst(NOW, &frames);
    }
    let missed = b.counters().rx_errors;
    assert!(missed > 0, "32,000 frames and nobody reads");
    assert!(b.counters().rx_errors >= missed, "what was told stays");
}

/// A receiver of short frames is back when as many have come as it had room for.
fn too_long_frames_keep_nobody() {
    let (mut a, mut b) = wires("long0", "long1");
    let frames: Vec<Frame> = (0..64).map(|_| frame(&message(ETHERTYPE, &[8; 1400]))).collect();
    assert_eq!(a.tx_burst(NOW, &frames), 64);
    wait_for("they have come", || a.counters().tx_frames >= 64);
    let before = b.counters();
    let mut burst = FrameBurst::new(8, 100);
    wait_for("a burst of them", || {
        b.rx_burst(NOW, &mut burst);
        let dropped = b.counters().since(&before).rx_oversize;
        assert!(dropped <= 8, "{dropped} frames at once");
        dropped > 0
    });
}

fn there_are_plain_errors() {
    let _tun = kernel::tun("tun9");
    let error = Packet::open("tun9").expect_err("IP packets");
    assert_eq!(error.to_string(), "tun9 is no Ethernet interface");
    let error = Packet::open("nothere0").expect_err("no such interface");
    assert!(matches!(&error, PacketError::NoInterface { name } if name == "nothere0"), "{error:?}");
    let denied =
        kernel::without_privileges(|| matches!(Packet::open("lo"), Err(PacketError::NotPermitted)));
    assert!(denied, "a packet socket without privilege");
}
