//! Adapters that acknowledge ahead of what they tell, and die: what can be vouched for goes on, the rest is said to be lost.

use std::sync::Arc;

use mafo::policy::{Decision, Occasion, Rule};
use mafo::{ConnectionError, Handover, HostConfig, Nanos, Options, Policy, SocketError, SocketId};
use mafo_stack::tom::state::State;

use crate::failover::{Traffic, describe};
use crate::hosts::{Net, OFFLOAD, pattern, quiet};

/// Polls by which what a card writes may be late, so that there is something that it has acknowledged and not told.
const LATE: u32 = 40;

/// A host without protection, whose adapters are late by up to so many polls, as `seed` says, and its peer.
fn unprotected(late: u32, handover: Handover, seed: u64) -> Net {
    with_protection(false, late, handover, seed)
}

fn with_protection(protect: bool, late: u32, handover: Handover, seed: u64) -> Net {
    let configure = |config: &mut HostConfig| {
        config.bond.protect = protect;
        config.bond.handover = handover;
        for adapter in config.adapters_mut().filter(|adapter| adapter.asic.mac_base[3] < 2) {
            adapter.asic.max_delay_polls = late;
            adapter.asic.seed += 1000 * seed;
        }
    };
    let plug = |_, wire| Box::new(wire) as _;
    let mut net = Net::plugged_into(quiet(), [&[1, 1], &[1]], plug, configure);
    net.bring_up();
    net
}

/// A protected bond, on which connections that host 0 opens are not protected, as a rule says, and those that it accepts are.
fn half_protected(late: u32, seed: u64) -> Net {
    let mut net = with_protection(true, late, Handover::Auto, seed);
    let says = Decision { protect: Some(false), ..Decision::default() };
    let rule = Rule { on: Occasion::Active.into(), says, ..Rule::default() };
    net.hosts[0].sockets_mut().set_policy(Some(Arc::new(Policy::new(vec![rule]))));
    net
}

fn kill(net: &Net, adapter: usize) {
    net.hosts[0].adapter(adapter).expect("a card").faults().die();
}

fn counters(net: &Net) -> mafo::BondCounters {
    net.hosts[0].bond().expect("bond").counters()
}

/// What is read of `end` of a host within a time, and the error that ended it, if it has. Its stream is not to end.
fn read(net: &mut Net, n: usize, end: SocketId, time: Nanos) -> (Vec<u8>, Option<ConnectionError>) {
    let (until, mut bytes, mut buf) = (net.now + time, Vec::new(), [0; 4096]);
    while net.now < until {
        net.step();
        match net.hosts[n].sockets_mut().recv(end, &mut buf) {
            Ok(0) => panic!("the end of the stream, after {} bytes", bytes.len()),
            Ok(some) => bytes.extend_from_slice(&buf[..some]),
            Err(SocketError::WouldBlock) => {}
            Err(SocketError::Connection(error)) => return (bytes, Some(error)),
            Err(error) => panic!("{error} at {n}"),
        }
    }
    (bytes, None)
}

/// Both adapters die, one after the other, while sixteen connections talk; each of them has moved before the next does. What the
/// bond counted, nobody lost.
fn outlive_both(mut net: Net, ends: Vec<[SocketId; 2]>) -> mafo::BondCounters {
    let mut traffic = Traffic::new(ends);
    traffic.deliver(&mut net, 10_000);
    for (dead, heir) in [(0, 1), (1, 0)] {
        kill(&net, dead);
        let deadline = net.now + Nanos::from_secs(5);
        // Those in doubt by way of the host path, where they wait for their peers' word.
        let moved = counters(&net).moved + 16;
        while counters(&net).moved < moved {
            traffic.step(&mut net);
            assert!(net.now < deadline, "{}", describe(&net));
        }
        assert_eq!(net.hosts[0].offloaded(heir), 16);
        traffic.deliver(&mut net, 10_000);
        net.hosts[0].revive(dead).expect("memory");
        net.wait(|net| net.hosts[0].is_up());
    }
    let counters = counters(&net);
    assert_eq!((counters.connections_lost, counters.unexpected), (0, 0), "{counters:?}");
    traffic.finish(&mut net);
    net.settle();
    counters
}

/// Cards that are not late have told all that they acknowledged: everybody's peer says so, and everybody goes on.
#[test]
fn connections_go_on_without_protection_when_their_peers_miss_nothing() {
    let mut net = unprotected(0, Handover::Auto, 0);
    let ends = net.open(16);
    let counters = outlive_both(net, ends);
    assert_eq!((counters.vouched, counters.rebuilt), (32, 32), "{counters:?}");
}

/// A connection with nothing under way, whose peer says so when it is asked: nothing waits for it to speak by itself.
#[test]
fn an_idle_connection_is_asked_and_goes_on() {
    let mut net = unprotected(0, Handover::Auto, 0);
    let ends = net.open(2);
    for _ in 0..1000 {
        net.step();
    }
    kill(&net, 0);
    net.wait(|net| net.hosts[0].is_dead(0));
    let died = net.now;
    net.wait(|net| net.hosts[0].offloaded(1) == 2);
    assert!(net.now - died < Nanos::from_millis(150), "after {:?}", net.now - died);
    assert_eq!(counters(&net).vouched, 2);
    for ends in ends {
        net.transfer(ends, 10_000);
    }
}

/// A peer's request, or it and the end of its stream, has been acknowledged and the host not told: both ends, and the moment in which it is so.
/// How late a card is, is drawn: it takes some attempts.
fn acknowledged_ahead(fin: bool) -> (Net, [SocketId; 2], [SocketId; 2]) {
    for seed in 0..50 {
        let mut net = unprotected(LATE, Handover::Auto, seed);
        let ends = net.open(2);
        let [near, far] = ends[0];
        let sockets = net.hosts[1].sockets_mut();
        // Two segments are acknowledged at once.
        assert_eq!(sockets.send(far, &[7; 2896]), Ok(2896));
        if fin {
            sockets.shutdown(far).expect("open");
        }
        let mut buf = [0; 64];
        while net.hosts[0].sockets_mut().recv(near, &mut buf) == Err(SocketError::WouldBlock) {
            let core = net.hosts[1].sockets();
            let state = core.offloaded(far).map(|conn| conn.state);
            let is_done = if fin { state == Some(State::FinWait2) } else { true };
            if is_done && core.unacknowledged(far) == 0 {
                return (net, ends[0], ends[1]);
            }
            net.step();
        }
    }
    panic!("no card was ever ahead of its host");
}

/// It dies with the card: the peer sends nothing more, and waits for an answer.
fn request_that_is_gone(fin: bool) {
    let (mut net, [near, far], other) = acknowledged_ahead(fin);
    kill(&net, 0);
    let began = net.now;
    let (bytes, error) = read(&mut net, 0, near, Nanos::from_secs(10));
    assert_eq!((bytes.len(), error), (0, Some(ConnectionError::Lost)), "{}", describe(&net));
    // Three answers and two timeouts.
    let millis = (net.now - began).as_micros() / 1000;
    assert!((2000..4500).contains(&millis), "{millis}");
    let (_, error) = read(&mut net, 1, far, Nanos::from_secs(1));
    assert_eq!(error, Some(ConnectionError::Reset), "its peer does not wait for ever");
    // The other one goes on.
    net.wait(|net| net.hosts[0].offloaded(1) == 1);
    net.transfer(other, 10_000);
    let counters = counters(&net);
    assert_eq!((counters.connections_lost, counters.vouched), (1, 1), "{counters:?}");
}

#[test]
fn a_request_that_died_acknowledged_is_lost_and_both_ends_are_told() {
    request_that_is_gone(false);
}

#[test]
fn an_end_of_stream_that_died_acknowledged_is_no_end_but_a_loss() {
    request_that_is_gone(true);
}

/// A rule takes protection from single connections: of these alone anybody is in doubt, and they are asked.
#[test]
fn only_those_whose_rule_says_so_are_in_doubt() {
    let mut net = half_protected(0, 0);
    // Host 0 opens every other one.
    let ends = net.open(16);
    let core = net.hosts[0].sockets();
    let protected: Vec<bool> = ends.iter().map(|ends| core.is_protected(ends[0])).collect();
    assert_eq!(protected, [false, true].repeat(8));
    // On the second adapter as on the first: the rule goes with the connection.
    let counters = outlive_both(net, ends);
    assert_eq!((counters.vouched, counters.rebuilt), (16, 32), "{counters:?}");
}

/// Its adapter was told when it was opened: what an application wants later changes neither that nor what its bond goes by.
#[test]
fn protection_is_what_it_was_when_the_connection_opened() {
    let mut net = half_protected(0, 0);
    let ends = net.open(2);
    let (now, core) = (net.now, net.hosts[0].sockets_mut());
    for ([id, _], protect) in ends.into_iter().zip([true, false]) {
        let options = Options { protect: Some(protect), quick_ack: true, ..OFFLOAD };
        core.set_options(now, id, options);
        assert_eq!(core.is_protected(id), !protect);
        assert!(core.options(id).is_some_and(|options| options.quick_ack));
    }
}

/// Whether the peer of a connection is ever ahead of the host while cards are late: on the adapter that it was opened on, and on
/// the one that it is written into when that has died.
#[test]
fn a_card_is_ahead_of_its_host_only_where_a_rule_says_so() {
    let mut ahead = [[false; 2]; 2];
    for seed in 0..50 {
        let mut net = half_protected(LATE, seed);
        let ends = net.open(2);
        let has_moved = seed % 2 == 1;
        if has_moved {
            kill(&net, 0);
            net.wait(|net| counters(net).moved == 2);
        }
        for (n, [near, far]) in ends.into_iter().enumerate() {
            let sent = net.hosts[1].sockets_mut().send(far, &[7; 2896]);
            assert_eq!(sent, Ok(2896));
            let (mut got, mut buf) = (0, [0; 4096]);
            while got < 2896 {
                match net.hosts[0].sockets_mut().recv(near, &mut buf) {
                    Ok(bytes) => got += bytes,
                    Err(error) => assert_eq!(error, SocketError::WouldBlock),
                }
                let acknowledged = 2896 - net.hosts[1].sockets().unacknowledged(far) as usize;
                ahead[usize::from(has_moved)][n] |= acknowledged > got;
                net.step();
            }
        }
    }
    assert_eq!(ahead, [[true, false]; 2]);
}

/// A peer whose request died before it was acknowledged sends it again.
#[test]
fn a_request_that_died_unacknowledged_comes_again() {
    let mut net = unprotected(0, Handover::Auto, 0);
    let [near, far] = net.open(1)[0];
    assert_eq!(net.hosts[1].sockets_mut().send(far, b"a request"), Ok(9));
    kill(&net, 0);
    let (bytes, error) = read(&mut net, 0, near, Nanos::from_secs(1));
    assert_eq!((bytes.as_slice(), error), (&b"a request"[..], None), "{}", describe(&net));
    assert_eq!((counters(&net).connections_lost, counters(&net).vouched), (0, 1));
}

/// What became of two connections whose adapter dies after so many effects while they talk: how many are lost.
fn talk(handover: Handover, cut: bool, adapter: usize, effects: u64) -> (u64, u64) {
    const BYTES: usize = 20_000;
    let mut net = unprotected(LATE, handover, effects);
    let ends = net.open(2);
    if cut {
        net.cables[0].set_carrier(false);
    }
    net.hosts[0].adapter(adapter).expect("a card").faults().die_after(effects);
    let (mut sent, mut got) = ([[0; 2]; 2], [[0; 2]; 2]);
    let mut over = [[false; 2]; 2];
    let (mut lost, mut buf) = (0, [0; 4096]);
    let (deadline, mended) = (net.now + Nanos::from_secs(30), net.now + Nanos::from_millis(2));
    while over.as_flattened().contains(&false) {
        net.step();
        if adapter == 1 && net.now > mended {
            net.cables[0].set_carrier(true);
        }
        assert!(net.now < deadline, "{effects}: {sent:?} {got:?} {over:?} {}", describe(&net));
        for (k, n) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            if over[k][n] {
                continue;
            }
            let (at, core, end) = (sent[k][n], net.hosts[n].sockets_mut(), ends[k][n]);
            let chunk: Vec<u8> = (at..BYTES.min(at + 2000)).map(|at| pattern(at + k)).collect();
            if !chunk.is_empty()
                && let Ok(bytes) = core.send(end, &chunk)
            {
                sent[k][n] += bytes;
                if sent[k][n] == BYTES {
                    core.shutdown(end).expect("open");
                }
            }
            match core.recv(end, &mut buf) {
                Ok(0) => {
                    assert_eq!(got[k][n], BYTES, "{effects}: the end of {k} at {n}");
                    over[k][n] = true;
                }
                Ok(bytes) => {
                    for &byte in &buf[..bytes] {
                        assert_eq!(byte, pattern(got[k][n] + k), "{effects}: {k} at {n}");
                        got[k][n] += 1;
                    }
                }
                Err(SocketError::WouldBlock) => {}
                Err(SocketError::Connection(error)) => {
                    let expected =
                        if n == 0 { ConnectionError::Lost } else { ConnectionError::Reset };
                    assert_eq!(error, expected, "{effects}: {k}");
                    (over[k][n], lost) = (true, lost + u64::from(n == 0));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    let counters = counters(&net);
    // An application that has all that it wanted is not told.
    assert!(counters.connections_lost >= lost, "{effects}: {counters:?}");
    (lost, counters.vouched)
}

/// Wherever a card dies that is ahead of its host, nobody reads a wrong byte, or an end that is none, or waits for ever.
#[test]
fn no_crash_point_without_protection_makes_a_hole() {
    // All of them take minutes: MAFO_CRASH_POINTS=all.
    let step = if std::env::var("MAFO_CRASH_POINTS").is_ok() { 1 } else { 13 };
    for (handover, cut, adapter) in [
        (Handover::Auto, false, 0),
        (Handover::Drained, true, 0),
        (Handover::Instant, true, 0),
        (Handover::Instant, true, 1),
    ] {
        let (mut lost, mut vouched) = (0, 0);
        for effects in (0..300).step_by(step) {
            let (gone, asked) = talk(handover, cut, adapter, effects);
            (lost, vouched) = (lost + gone, vouched + asked);
        }
        println!("{handover:?} {cut} {adapter}: {lost} lost, {vouched} vouched for");
        assert!(vouched > 0, "{handover:?} {cut} {adapter}");
        assert!(lost > 0 || cut, "{handover:?} {adapter}: nothing was ahead");
    }
}
