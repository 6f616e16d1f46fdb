//! An adapter dies with live connections on it.

use mafo::{BondEvent, Handover, LinkId, Nanos, PortId, SocketError};

use crate::failover::{Traffic, describe, settle};
use crate::hosts::{ADDRESSES, Net, OFFLOAD};

fn kill(net: &Net, adapter: usize) {
    net.hosts[0].adapter(adapter).expect("a card").faults().die();
}

#[test]
fn connections_live_on_when_their_adapter_dies_and_again_when_the_next_one_does() {
    let mut net = Net::up(2);
    let ends = net.open(16);
    let mut traffic = Traffic::new(ends);
    traffic.deliver(&mut net, 10_000);
    for (dead, heir) in [(0, 1), (1, 0), (0, 1)] {
        kill(&net, dead);
        traffic.deliver(&mut net, 10_000);
        settle(&mut net, |net| traffic.step(net));
        assert!(net.hosts[0].is_dead(dead));
        assert_eq!(net.hosts[0].offloaded(heir), 16);
        net.hosts[0].revive(dead).expect("memory");
        let deadline = net.now + Nanos::from_secs(5);
        while !net.hosts[0].is_up() {
            traffic.step(&mut net);
            assert!(net.now < deadline, "not back: {}", describe(&net));
        }
        traffic.deliver(&mut net, 1000);
    }
    let bond = net.hosts[0].bond().expect("bond");
    let counters = bond.counters();
    assert_eq!((counters.adapters_lost, counters.rebuilt, counters.moved), (3, 48, 48));
    assert_eq!((counters.connections_lost, counters.unexpected), (0, 0), "{counters:?}");
    traffic.finish(&mut net);
    net.settle();
    let events: Vec<BondEvent> =
        std::iter::from_fn(|| net.hosts[0].bond_mut()?.poll_event()).map(|(_, e)| e).collect();
    let lost = events.iter().filter(|e| matches!(e, BondEvent::AdapterLost(_))).count();
    let back = events.iter().filter(|e| matches!(e, BondEvent::AdapterBack(_))).count();
    assert_eq!((lost, back), (3, 3));
}

/// It can still be heard on the wire when its registers cannot be reached any more: it is silenced first.
#[test]
fn an_adapter_that_falls_off_the_bus_or_hangs_is_found_out() {
    for hangs in [false, true] {
        let mut net = Net::up(2);
        let ends = net.open(4);
        let mut traffic = Traffic::new(ends);
        traffic.deliver(&mut net, 10_000);
        let faults = net.hosts[0].adapter(0).expect("a card").faults();
        if hangs {
            faults.hang()
        } else {
            faults.fall_off_the_bus()
        }
        traffic.deliver(&mut net, 10_000);
        settle(&mut net, |net| traffic.step(net));
        assert!(net.hosts[0].is_dead(0));
        let why = net.hosts[0].failure(0).expect("it has failed").to_string();
        let expected = if hangs { "the card stands still" } else { "the card does not answer" };
        assert!(why.starts_with(expected), "{why}");
        traffic.finish(&mut net);
    }
}

/// Which part of a life an adapter is to die in.
#[derive(Clone, Copy, Debug)]
enum During {
    /// Two connections are opened, one from either side.
    Handshakes,
    /// They talk, and end.
    Talk,
    /// They are handed over from adapter 0 to adapter 1, and talk and end there.
    Handover(Handover),
}

/// A host two of whose connections live through a part of life in which `adapter` shows so many effects, and dies.
fn life(during: During, adapter: usize, effects: u64) -> Net {
    let handover = match during {
        During::Handover(handover) => handover,
        During::Handshakes | During::Talk => Handover::Auto,
    };
    let mut net = Net::up_bonded(
        2,
        |_, wire| Box::new(wire),
        |stack, bond| {
            // Made anew a thousand times.
            (stack.sockets_max, stack.send_buffer, stack.recv_buffer) = (4, 32 << 10, 32 << 10);
            bond.handover = handover;
        },
    );
    let arm = |net: &Net| {
        net.hosts[0].adapter(adapter).expect("a card").faults().die_after(effects);
    };
    if matches!(during, During::Handshakes) {
        arm(&net);
    }
    let ends = net.open(2);
    let mut traffic = Traffic::new(ends);
    match during {
        During::Handshakes => {}
        During::Talk => arm(&net),
        During::Handover(_) => {
            traffic.deliver(&mut net, 6_000);
            arm(&net);
            net.cables[0].set_carrier(false);
            if adapter == 1 {
                // Back home when it dies.
                let until = net.now + Nanos::from_millis(2);
                while net.now < until {
                    traffic.step(&mut net);
                }
                net.cables[0].set_carrier(true);
            }
        }
    }
    traffic.deliver(&mut net, 6_000);
    traffic.finish(&mut net);
    net
}

/// Between any two things that the card lets anybody see it may die, and nobody loses a byte.
fn crash_points(during: During, adapter: usize) {
    let net = life(during, adapter, u64::MAX);
    let effects = net.hosts[0].adapter(adapter).expect("a card").faults().effects();
    assert!(effects > 30, "{effects}");
    let (mut rebuilt, mut rescued, mut lives) = (0, 0, 0);
    // All of them take minutes: MAFO_CRASH_POINTS=all.
    let all = effects < 200 || std::env::var("MAFO_CRASH_POINTS").is_ok();
    let step = if all { 1 } else { effects.div_ceil(64) };
    for n in (0..effects).step_by(step as usize) {
        lives += 1;
        let counters = life(during, adapter, n).hosts[0].bond().expect("bond").counters();
        assert_eq!(counters.connections_lost, 0, "{during:?} after {n} effects");
        rebuilt += counters.rebuilt;
        rescued += counters.handshakes_rescued;
    }
    println!(
        "{during:?}: {lives} of {effects} crash points, {rebuilt} connections rebuilt, {rescued} handshakes rescued"
    );
    assert!(rebuilt > lives / 2, "{rebuilt} of {lives}");
    assert!(rescued > 0 || !matches!(during, During::Handshakes));
}

#[test]
fn no_crash_point_of_a_handshake_loses_a_connection() {
    crash_points(During::Handshakes, 0);
}

#[test]
fn no_crash_point_loses_a_byte() {
    crash_points(During::Talk, 0);
}

#[test]
fn no_crash_point_of_the_old_adapter_in_a_handover_loses_a_byte() {
    crash_points(During::Handover(Handover::Drained), 0);
    crash_points(During::Handover(Handover::Instant), 0);
}

#[test]
fn no_crash_point_of_the_new_adapter_in_a_handover_loses_a_byte() {
    crash_points(During::Handover(Handover::Drained), 1);
    crash_points(During::Handover(Handover::Instant), 1);
}

/// Nobody is left who could go on: connections wait, and go on when an adapter is back.
#[test]
fn both_adapters_die_and_one_comes_back() {
    let mut net = Net::up(2);
    let ends = net.open(4);
    let mut traffic = Traffic::new(ends);
    traffic.deliver(&mut net, 10_000);
    kill(&net, 1);
    kill(&net, 0);
    let end = traffic.ends[0][0];
    let until = net.now + Nanos::from_millis(50);
    while net.now < until {
        net.step();
    }
    let pushed = net.hosts[0].sockets_mut().send(end, &[0; 0]);
    assert!(matches!(pushed, Ok(0) | Err(SocketError::WouldBlock)), "{pushed:?}");
    net.hosts[0].revive(1).expect("memory");
    traffic.deliver(&mut net, 10_000);
    settle(&mut net, |net| traffic.step(net));
    assert_eq!(net.hosts[0].offloaded(1), 4);
    traffic.finish(&mut net);
}

fn wait(net: &mut Net, done: impl Fn(&Net) -> bool) {
    let deadline = net.now + Nanos::from_secs(5);
    while !done(net) {
        net.step();
        assert!(net.now < deadline, "{}", describe(net));
    }
}

/// It is on the adapter when that is back, and only its own places there are given up when it is closed.
#[test]
fn a_listener_that_is_made_while_an_adapter_is_dead_finds_its_place_there_later() {
    let mut net = Net::up(2);
    net.open(1);
    let listeners = |net: &Net| net.hosts[0].adapter(1).expect("a card").in_use().servers;
    let listen = |net: &mut Net, port: u16| {
        let sockets = net.hosts[0].sockets_mut();
        sockets.listen((ADDRESSES[0], port).into(), 64, OFFLOAD).expect("there is an adapter")
    };
    let early = listen(&mut net, 6);
    wait(&mut net, |net| listeners(net) == 2);
    kill(&net, 1);
    wait(&mut net, |net| net.hosts[0].is_dead(1));
    let late = listen(&mut net, 8);
    let now = net.now;
    net.hosts[0].sockets_mut().close_listener(now, early);
    net.hosts[0].revive(1).expect("memory");
    wait(&mut net, |net| net.hosts[0].is_up() && listeners(net) == 2);
    // It gets the number on the card that the other one had before.
    listen(&mut net, 10);
    wait(&mut net, |net| listeners(net) == 3);
    let b = LinkId::from((1, PortId(0)));
    wait(&mut net, |net| net.hosts[0].adapter(1).is_some_and(|card| card.in_use().filters >= 2));
    let now = net.now;
    let (bond, core) = net.hosts[0].bond_and_sockets_mut().expect("bond");
    bond.make_active(now, core, b).expect("it is up");
    let remote = (ADDRESSES[0], 8).into();
    net.hosts[1].sockets_mut().connect(now, remote, None, OFFLOAD).expect("opens");
    let mut accepted = None;
    let deadline = net.now + Nanos::from_secs(5);
    while accepted.is_none() {
        net.step();
        accepted = net.hosts[0].sockets_mut().accept(late);
        assert!(net.now < deadline, "{}", describe(&net));
    }
    assert!(net.hosts[0].offloaded(1) >= 1);
    let now = net.now;
    net.hosts[0].sockets_mut().close_listener(now, late);
    for _ in 0..100 {
        net.step();
    }
    assert_eq!(listeners(&net), 2, "the others stay");
}

/// Nobody could send its SYN: it waits until somebody can.
#[test]
fn a_connection_that_is_opened_while_all_adapters_are_dead_opens_when_one_is_back() {
    let mut net = Net::up(2);
    net.open(1);
    kill(&net, 0);
    kill(&net, 1);
    wait(&mut net, |net| net.hosts[0].is_dead(0) && net.hosts[0].is_dead(1));
    let listener = net.hosts[1].sockets_mut().listen((ADDRESSES[1], 9).into(), 64, OFFLOAD);
    let listener = listener.expect("listens");
    let (now, remote) = (net.now, (ADDRESSES[1], 9).into());
    net.hosts[0].sockets_mut().connect(now, remote, None, OFFLOAD).expect("a socket");
    for _ in 0..500 {
        net.step();
    }
    net.hosts[0].revive(1).expect("memory");
    let deadline = net.now + Nanos::from_secs(5);
    while net.hosts[1].sockets_mut().accept(listener).is_none() {
        net.step();
        assert!(net.now < deadline, "{}", describe(&net));
    }
}
