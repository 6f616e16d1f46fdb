//! Who gets a frame, what leaves, and what full lanes and cuts do.

use mafo_mem::frame::ETHERNET_HEADER;

use std::time::Duration;

use super::*;
use crate::bell::Woken;
use crate::mem::link;

const NOW: Nanos = Nanos::ZERO;

/// A TCP segment from a port of 10.77.0.1 to port 7 of 10.77.0.2, marked behind its ports.
fn segment(port: u16, mark: u8) -> Vec<u8> {
    let mut frame = vec![0; ETHERNET_HEADER + 60];
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    frame[14] = 0x45;
    frame[23] = 6;
    frame[26..34].copy_from_slice(&[10, 77, 0, 1, 10, 77, 0, 2]);
    frame[34..36].copy_from_slice(&port.to_be_bytes());
    frame[36..38].copy_from_slice(&[0, 7]);
    frame[38] = mark;
    frame
}

/// The same the other way.
fn answer(port: u16, mark: u8) -> Vec<u8> {
    let mut frame = segment(port, mark);
    frame[26..34].rotate_left(4);
    frame[34..38].rotate_left(2);
    frame
}

fn arp() -> Vec<u8> {
    let mut frame = vec![0xff; ETHERNET_HEADER + 28];
    frame[12..14].copy_from_slice(&[0x08, 0x06]);
    frame
}

fn frames(contents: &[Vec<u8>]) -> Vec<Frame> {
    let frame = |bytes: &Vec<u8>| {
        let mut frame = Frame::with_capacity(bytes.len());
        frame.copy_from(bytes).expect("as large as its content");
        frame
    };
    contents.iter().map(frame).collect()
}

fn received(wire: &mut dyn Wire) -> Vec<Vec<u8>> {
    let mut burst = FrameBurst::new(256, 2048);
    wire.rx_burst(NOW, &mut burst);
    burst.frames().iter().map(|frame| frame.as_slice().to_vec()).collect()
}

/// The far end of a wire that three lcores share, and these.
fn three(queue: usize) -> (MemEnd, Spreader<MemEnd>, Vec<LaneEnd>) {
    let config = LinkConfig { queue_frames: queue, ..LinkConfig::default() };
    let (near, far) = link(&LinkConfig::default());
    let cable = near.cable();
    let (spreader, ends) = spread(near, &cable, &config, 3);
    (far, spreader, ends)
}

/// A port whose segments are for `lcore`, the `n`th such.
fn port_of(lcore: usize, n: usize) -> u16 {
    let indirection = Indirection::even(3);
    let is_its =
        |port: &u16| indirection.lcore(hash_of(&segment(*port, 0)).expect("it has ports")) == lcore;
    (1000..).filter(is_its).nth(n).expect("each has some")
}

#[test]
fn each_lcore_gets_its_connections_in_order_and_all_hear_arp() {
    let (mut far, mut spreader, mut ends) = three(256);
    let mut all = Vec::new();
    for mark in 0..60u8 {
        all.push(segment(port_of(usize::from(mark % 3), usize::from(mark % 5)), mark));
    }
    all.insert(30, arp());
    // What is no TCP and no ARP.
    let mut other = segment(port_of(2, 0), 99);
    other[23] = 1;
    all.push(other.clone());
    assert_eq!(far.tx_burst(NOW, &frames(&all)), all.len());
    assert_eq!(spreader.poll(NOW), all.len());
    for (lcore, end) in ends.iter_mut().enumerate() {
        let expected: Vec<Vec<u8>> = all
            .iter()
            .filter(|frame| match (frame[13], frame[23]) {
                (0x06, _) => true,
                (_, 1) => lcore == 0,
                _ => usize::from(frame[38]) % 3 == lcore,
            })
            .cloned()
            .collect();
        assert_eq!(received(end), expected, "lcore {lcore}");
    }
    assert_eq!((spreader.poll(NOW), spreader.dropped()), (0, 0), "nothing comes twice");
}

#[test]
fn answers_leave_by_the_wire_whoever_gives_them() {
    let (mut far, mut spreader, mut ends) = three(256);
    for (lcore, end) in ends.iter_mut().enumerate() {
        let port = port_of(lcore, 0);
        // The key is symmetric: an answer comes from the lcore that was asked.
        assert_eq!(hash_of(&segment(port, 0)), hash_of(&answer(port, 0)));
        let burst: Vec<Vec<u8>> = (0..70).map(|mark| answer(port, mark)).collect();
        assert_eq!(end.tx_burst(NOW, &frames(&burst)), 70);
    }
    // More than the wire has room for at a time: it waits, and nothing is lost or overtaken.
    let mut arrived = Vec::new();
    while arrived.len() < 210 {
        let moved = spreader.poll(NOW);
        let new = received(&mut far);
        assert_eq!(moved, new.len());
        assert!(moved > 0, "after {}", arrived.len());
        arrived.extend(new);
    }
    for lcore in 0..3 {
        let port = port_of(lcore, 0);
        let of_it: Vec<Vec<u8>> =
            arrived.iter().filter(|frame| frame[36..38] == port.to_be_bytes()).cloned().collect();
        assert_eq!(of_it, (0..70).map(|mark| answer(port, mark)).collect::<Vec<_>>());
    }
}

#[test]
fn a_wire_without_room_keeps_nobody_from_sending_later() {
    let config = LinkConfig { queue_frames: 8, ..LinkConfig::default() };
    let (near, mut far) = link(&config);
    let cable = near.cable();
    let (mut spreader, mut ends) = spread(near, &cable, &LinkConfig::default(), 2);
    let burst: Vec<Vec<u8>> = (0..20).map(|mark| answer(1, mark)).collect();
    assert_eq!(ends[1].tx_burst(NOW, &frames(&burst)), 20);
    let mut arrived = Vec::new();
    for expected in [8, 8, 4, 0] {
        assert_eq!(spreader.poll(NOW), expected);
        arrived.extend(received(&mut far));
    }
    assert_eq!(arrived, burst);
}

#[test]
fn who_does_not_take_his_frames_loses_them_and_holds_nobody_up() {
    let (mut far, mut spreader, mut ends) = three(4);
    let slow: Vec<Vec<u8>> = (0..10).map(|mark| segment(port_of(1, 0), mark)).collect();
    let quick = [segment(port_of(2, 0), 0), segment(port_of(2, 1), 1)];
    assert_eq!(far.tx_burst(NOW, &frames(&slow)), 10);
    assert_eq!(far.tx_burst(NOW, &frames(&quick)), 2);
    assert_eq!((spreader.poll(NOW), spreader.dropped()), (12, 6));
    let got = (received(&mut ends[1]), received(&mut ends[2]));
    assert_eq!(got, (slow[..4].to_vec(), quick.to_vec()));
}

#[test]
fn a_cut_takes_the_carrier_from_all_and_what_was_in_the_rings() {
    let (mut far, mut spreader, mut ends) = three(256);
    let cable = far.cable();
    assert!(ends.iter_mut().all(|end| !end.link_up(NOW)), "nobody has asked the wire yet");
    spreader.poll(NOW);
    assert!(ends.iter_mut().all(|end| end.link_up(NOW)));
    let burst = frames(&[segment(port_of(0, 0), 1), segment(port_of(1, 0), 2)]);
    assert_eq!(far.tx_burst(NOW, &burst), 2);
    spreader.poll(NOW);
    assert_eq!(ends[2].tx_burst(NOW, &frames(&[answer(port_of(2, 0), 3)])), 1);
    cable.watch_lost();
    cable.set_carrier(false);
    assert!(ends.iter_mut().all(|end| !end.link_up(NOW)), "at once");
    cable.set_carrier(true);
    spreader.poll(NOW);
    for end in &mut ends {
        assert_eq!(received(end), Vec::<Vec<u8>>::new());
    }
    assert_eq!(received(&mut far), Vec::<Vec<u8>>::new());
    assert_eq!(cable.take_lost().len(), 3, "each is among what the cut has cost");
    assert!(ends.iter_mut().all(|end| end.link_up(NOW)));
}

#[test]
fn threads_share_a_wire() {
    const EACH: usize = 500;
    let (mut far, mut spreader, ends) = three(256);
    std::thread::scope(|scope| {
        // Each sends back what it gets. Its end stays until all answers are there: a carrier ends with it.
        let echo = |mut end: LaneEnd| {
            move || {
                let (mut burst, mut seen) = (FrameBurst::new(32, 2048), 0);
                while seen < EACH {
                    burst.clear();
                    end.rx_burst(NOW, &mut burst);
                    seen += burst.len();
                    let mut sent = 0;
                    while sent < burst.len() {
                        sent += end.tx_burst(NOW, &burst.frames()[sent..]);
                        std::thread::yield_now();
                    }
                    std::thread::yield_now();
                }
                end
            }
        };
        let lcores: Vec<_> = ends.into_iter().map(|end| scope.spawn(echo(end))).collect();
        let ports: Vec<u16> = (0..3).map(|lcore| port_of(lcore, 0)).collect();
        let (mut out, mut back, mut next) = ([0usize; 3], [0usize; 3], 0);
        while back != [EACH; 3] {
            // No more under way than a ring holds: then nothing is dropped.
            next = (next + 1) % 3;
            if out[next] < EACH && out[next] - back[next] < 100 {
                let frame = frames(&[segment(ports[next], out[next] as u8)]);
                out[next] += far.tx_burst(NOW, &frame);
            }
            spreader.poll(NOW);
            for frame in received(&mut far) {
                let lcore = ports.iter().position(|p| frame[34..36] == p.to_be_bytes());
                let lcore = lcore.expect("as it was sent");
                assert_eq!(frame[38], back[lcore] as u8, "in order");
                back[lcore] += 1;
            }
        }
        drop(lcores);
    });
    assert_eq!(spreader.dropped(), 0);
}

#[test]
fn who_sleeps_hears_of_the_carrier() {
    let (far, mut spreader, mut ends) = three(256);
    let bell = Bell::new().expect("an eventfd");
    spreader.ring_on_receive(1, Arc::clone(&bell));
    let mut sleep = |spreader: &mut Spreader<MemEnd>| {
        spreader.poll(NOW);
        let woken = bell.sleep(&[], Duration::ZERO, || false).expect("poll");
        (woken, ends[1].link_up(NOW))
    };
    assert_eq!(sleep(&mut spreader), (Woken::Awake, true), "it has come");
    assert_eq!(sleep(&mut spreader), (Woken::Late, true), "nothing is new");
    far.cable().set_carrier(false);
    assert_eq!(sleep(&mut spreader), (Woken::Awake, false));
}

#[test]
fn what_the_wire_had_no_room_for_is_due() {
    let (mut far, mut spreader, mut ends) = three(512);
    // The wire holds 256, the last 20 wait for room.
    let burst = frames(&vec![answer(port_of(0, 0), 0); 276]);
    assert_eq!(ends[0].tx_burst(NOW, &burst), 276);
    assert_eq!((spreader.poll(NOW), spreader.poll(NOW)), (256, 0));
    assert_eq!(spreader.poll_timeout(), Some(Nanos::ZERO));
    received(&mut far);
    assert_eq!((spreader.poll(NOW), spreader.poll_timeout()), (20, None));
}

/// Everybody sleeps whenever there is nothing; each frame wakes whom it is for, there and back.
#[test]
fn frames_wake_who_sleeps() {
    const EACH: usize = 300;
    let (mut far, mut spreader, ends) = three(256);
    let own = Bell::new().expect("an eventfd");
    let lanes: Vec<_> = (0..3).map(|_| Bell::new().expect("an eventfd")).collect();
    for (lcore, bell) in lanes.iter().enumerate() {
        spreader.ring_on_receive(lcore, Arc::clone(bell));
    }
    let long = Duration::from_secs(60);
    std::thread::scope(|scope| {
        let echo = |mut end: LaneEnd, bell: Arc<Bell>| {
            end.ring_on_send(Arc::clone(&own));
            move || {
                let (mut burst, mut seen) = (FrameBurst::new(32, 2048), 0);
                while seen < EACH {
                    burst.clear();
                    if end.rx_burst(NOW, &mut burst) == 0 {
                        let woken = bell.sleep(&[], long, || end.poll_timeout().is_some());
                        assert_ne!(woken.expect("poll"), Woken::Late, "lost after {seen}");
                    }
                    seen += burst.len();
                    assert_eq!(end.tx_burst(NOW, burst.frames()), burst.len());
                }
                end
            }
        };
        let ends = ends.into_iter().zip(&lanes);
        let lcores: Vec<_> =
            ends.map(|(end, bell)| scope.spawn(echo(end, Arc::clone(bell)))).collect();
        let mut back = 0;
        for n in 0..3 * EACH {
            assert_eq!(far.tx_burst(NOW, &frames(&[segment(port_of(n % 3, 0), 0)])), 1);
            spreader.poll(NOW);
            while back <= n {
                back += received(&mut far).len();
                if spreader.poll(NOW) == 0 && back <= n {
                    let woken = own.sleep(&[], long, || spreader.poll_timeout().is_some());
                    assert_ne!(woken.expect("poll"), Woken::Late, "lost after {back}");
                }
            }
        }
        drop(lcores);
    });
}
