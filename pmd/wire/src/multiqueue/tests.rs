//! Which lcore gets a frame, and what a full or cut lane does to others.

use mafo_mem::rss::{SYMMETRIC_KEY, Toeplitz};

use super::*;

/// A frame from `src` to `dst`, each an address' last byte and a port, that ends behind the ports.
fn frame(protocol: u8, src: (u8, u16), dst: (u8, u16)) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET_HEADER];
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    let mut ip = [0; 20];
    ip[0] = 0x45;
    ip[9] = protocol;
    ip[12..16].copy_from_slice(&[10, 77, 0, src.0]);
    ip[16..20].copy_from_slice(&[10, 77, 0, dst.0]);
    frame.extend(ip);
    frame.extend(src.1.to_be_bytes());
    frame.extend(dst.1.to_be_bytes());
    frame
}

fn tcp(src: (u8, u16), dst: (u8, u16)) -> Vec<u8> {
    frame(PROTOCOL_TCP, src, dst)
}

fn frames(contents: &[Vec<u8>]) -> Vec<Frame> {
    let frame = |bytes: &Vec<u8>| {
        let mut frame = Frame::with_capacity(bytes.len());
        frame.copy_from(bytes).expect("as large as its content");
        frame
    };
    contents.iter().map(frame).collect()
}

fn received(end: &mut QueueEnd) -> Vec<Vec<u8>> {
    let mut burst = FrameBurst::new(64, 2048);
    let count = end.rx_burst(Nanos::ZERO, &mut burst);
    assert_eq!(count, burst.len());
    burst.frames().iter().map(|frame| frame.as_slice().to_vec()).collect()
}

#[test]
fn a_frame_is_hashed_by_its_addresses_and_ports() {
    let toeplitz = Toeplitz::new(&SYMMETRIC_KEY);
    let input = [10, 77, 0, 1, 10, 77, 0, 2, 0x9c, 0x40, 0x00, 0x07];
    let expected = Some(toeplitz.hash(&input));
    let plain = tcp((1, 0x9c40), (2, 7));
    assert_eq!(hash_of(&plain), expected);
    assert_eq!(hash_of(&frame(PROTOCOL_UDP, (1, 0x9c40), (2, 7))), expected);
    // With a VLAN tag, and with an option in the IP header.
    let mut tagged = plain.clone();
    tagged.splice(12..12, [0x81, 0x00, 0x00, 0x05]);
    assert_eq!(hash_of(&tagged), expected);
    let mut longer = plain.clone();
    longer[14] = 0x46;
    longer.splice(34..34, [1, 1, 1, 1]);
    assert_eq!(hash_of(&longer), expected);
    // Neither ports nor a whole header: another protocol, the first piece of a packet and a later one, cut short.
    assert_eq!(hash_of(&frame(1, (1, 0x9c40), (2, 7))), None);
    for piece in [[0x20, 0x00], [0x00, 0x01]] {
        let mut cut = plain.clone();
        cut[20..22].copy_from_slice(&piece);
        assert_eq!(hash_of(&cut), None);
    }
    for len in 0..plain.len() {
        assert_eq!(hash_of(&plain[..len]), None);
    }
    // IPv6, from ::1 to ::2.
    let mut six = vec![0; ETHERNET_HEADER + 40];
    six[12..14].copy_from_slice(&[0x86, 0xdd]);
    (six[14], six[20], six[37], six[53]) = (0x60, PROTOCOL_TCP, 1, 2);
    six.extend([0x9c, 0x40, 0x00, 0x07]);
    let mut input = [0; 36];
    (input[15], input[31]) = (1, 2);
    input[32..].copy_from_slice(&[0x9c, 0x40, 0x00, 0x07]);
    assert_eq!(hash_of(&six), Some(toeplitz.hash(&input)));
}

#[test]
fn both_directions_of_a_connection_meet_on_one_lcore() {
    let (mut a, mut b) = link(&LinkConfig::default(), 3);
    let mut met = [0; 3];
    for port in 20_000..20_256 {
        let (there, back) = (tcp((1, port), (2, 7)), tcp((2, 7), (1, port)));
        // Whichever lcore sends it.
        assert_eq!(
            a[usize::from(port) % 3].tx_burst(Nanos::ZERO, &frames(core::slice::from_ref(&there))),
            1
        );
        let at = (0..3).find(|&lcore| received(&mut b[lcore]) == [there.clone()]);
        let at = at.expect("one lcore has it");
        assert_eq!(b[at].tx_burst(Nanos::ZERO, &frames(core::slice::from_ref(&back))), 1);
        assert_eq!(received(&mut a[at]), [back]);
        met[at] += 1;
    }
    assert!(met.iter().all(|&count| count >= 80), "{met:?}");
}

#[test]
fn what_has_no_ports_is_for_the_first_lcore() {
    let (mut a, mut b) = link(&LinkConfig::default(), 2);
    let mut arp = vec![0; 42];
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    let ping = frame(1, (1, 0x0800), (2, 3));
    assert_eq!(a[1].tx_burst(Nanos::ZERO, &frames(&[arp.clone(), ping.clone()])), 2);
    assert_eq!(received(&mut b[1]), Vec::<Vec<u8>>::new());
    assert_eq!(b[0].poll_timeout(), Some(Nanos::ZERO));
    assert_eq!(received(&mut b[0]), [arp, ping]);
}

/// Frames of two connections, one for each lcore.
fn one_each() -> [Vec<u8>; 2] {
    let indirection = Indirection::even(2);
    let of = |lcore| {
        (20_000..)
            .map(|port| tcp((1, port), (2, 7)))
            .find(|frame| hash_of(frame).is_some_and(|hash| indirection.lcore(hash) == lcore))
    };
    [0, 1].map(|lcore| of(lcore).expect("one of a few"))
}

#[test]
fn a_full_lane_takes_no_more_and_what_is_behind_waits() {
    let config = LinkConfig { queue_frames: 2, ..LinkConfig::default() };
    let (mut a, mut b) = link(&config, 2);
    let [zero, one] = one_each();
    let burst = [&zero, &one, &zero, &zero, &one].map(Vec::clone);
    assert_eq!(a[0].tx_burst(Nanos::ZERO, &frames(&burst)), 3);
    assert_eq!(received(&mut b[0]), [zero.clone(), zero.clone()]);
    assert_eq!(a[0].tx_burst(Nanos::ZERO, &frames(&burst[3..])), 2);
    assert_eq!(received(&mut b[1]), [one.clone(), one.clone()]);
    // Another lcore's lanes are its own.
    assert_eq!(a[1].tx_burst(Nanos::ZERO, &frames(&[one.clone(), one.clone(), one.clone()])), 2);
    assert_eq!(received(&mut b[0]), [zero]);
    assert_eq!(received(&mut b[1]), [one.clone(), one]);
    assert_eq!((a[0].counters().tx_frames, a[1].counters().tx_frames), (5, 2));
    assert_eq!((b[0].counters().rx_frames, b[1].counters().rx_frames), (3, 4));
}

#[test]
fn lanes_take_turns_when_a_burst_is_full() {
    let (mut a, mut b) = link(&LinkConfig::default(), 2);
    let [zero, _] = one_each();
    for (lcore, end) in a.iter_mut().enumerate() {
        let mut mine = zero.clone();
        mine[0] = lcore as u8;
        assert_eq!(end.tx_burst(Nanos::ZERO, &frames(&[(); 4].map(|()| mine.clone()))), 4);
    }
    let mut senders = Vec::new();
    for _ in 0..4 {
        let mut burst = FrameBurst::new(2, 2048);
        b[0].rx_burst(Nanos::ZERO, &mut burst);
        senders.extend(burst.frames().iter().map(|frame| frame.as_slice()[0]));
    }
    assert_eq!(senders, [0, 0, 1, 1, 0, 0, 1, 1]);
}

#[test]
fn a_cut_is_one_for_all_lcores() {
    let (mut a, mut b) = link(&LinkConfig::default(), 2);
    let each = one_each();
    assert_eq!(a[0].tx_burst(Nanos::ZERO, &frames(&each)), 2);
    a[1].cable().set_carrier(false);
    for end in a.iter_mut().chain(&mut b) {
        assert!(!end.link_up(Nanos::ZERO));
        assert_eq!(received(end), Vec::<Vec<u8>>::new());
        assert_eq!(end.counters().carrier_changes, 1);
    }
    assert_eq!((b[0].counters().rx_carrier_lost, b[1].counters().rx_carrier_lost), (1, 1));
    a[0].cable().set_carrier(true);
    assert_eq!(a[0].tx_burst(Nanos::ZERO, &frames(&each)), 2);
    drop(a.pop());
    assert!(!a[0].link_up(Nanos::ZERO) && !b[0].link_up(Nanos::ZERO), "an end is gone");
}
