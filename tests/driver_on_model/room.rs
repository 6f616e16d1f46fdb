//! More comes at once than there is room for, and nothing of it is lost.

use mafo::wire::impair::Impairments;
use mafo::wire::mem::MemEnd;
use mafo::wire::{Impaired, ImpairedConfig, Wire};
use mafo::{AdapterConfig, Handover, HostConfig, Nanos, Options, PathChoice, PortId};

use mafo_stack::MemberId;

use crate::failover::{Traffic, settle};
use crate::hosts::{Net, OFFLOAD, quiet};
use crate::tampered::Tampered;

/// What the peer had to send again: (segments, timeouts), but for what it found was not lost at all.
fn sent_again(net: &Net) -> (u64, u64) {
    let tcp = net.hosts[1].adapter(0).expect("a card").counters().tcp;
    (tcp.retransmits - tcp.rx_dsacks, tcp.timeouts)
}

/// Two hosts, the first with so many adapters, all driven in this way.
fn driven(adapters: usize, drive: impl Fn(&mut AdapterConfig)) -> Net {
    set_up(adapters, |host| host.adapters_mut().for_each(|adapter| drive(&mut adapter.driver)))
}

fn set_up(adapters: usize, configure: impl Fn(&mut HostConfig)) -> Net {
    let plug = |_, wire: MemEnd| Box::new(wire) as Box<dyn Wire>;
    let ours = vec![1; adapters];
    let shape: [&[usize]; 2] = [&ours, &[1]];
    let mut net = Net::plugged_into(quiet(), shape, plug, configure);
    net.bring_up();
    net
}

/// The peer goes on for 0.4 ms, twenty times, with nobody but `others` beside it.
fn alone(net: &mut Net, traffic: &mut Traffic, others: impl Fn(&mut Net)) {
    for _ in 0..20 {
        alone_once(net, traffic, &others);
        traffic.deliver(net, 10_000);
    }
}

fn alone_once(net: &mut Net, traffic: &mut Traffic, others: impl Fn(&mut Net)) {
    for _ in 0..20 {
        for k in 0..traffic.ends.len() {
            traffic.send(net, k, 1);
        }
        net.hosts[1].poll(net.now).expect("lives");
        others(net);
        net.now += Nanos::from_micros(20);
    }
}

/// The host is away, and its card is not.
fn the_card_runs(net: &mut Net) {
    net.switch.poll(net.now);
    net.hosts[0].adapter_mut(0).expect("a card").poll(net.now);
}

/// The host is away while its card is not: what comes for it waits in the cable.
#[test]
fn a_burst_waits_in_the_cable_while_the_host_is_away() {
    let mut net = driven(1, |driver| driver.queues.freelist = 128);
    // On this side by the host path: all that comes takes a buffer of the card's list at once.
    let mut traffic = Traffic::new(net.open_on(5, [Options::on(PathChoice::Host), OFFLOAD]));
    traffic.deliver(&mut net, 100_000);
    alone(&mut net, &mut traffic, the_card_runs);
    let counters = net.hosts[0].adapter(0).expect("a card").counters();
    assert_eq!(counters.hw.rx_packets_stalled, 0);
    assert_eq!(sent_again(&net), (0, 0));
    traffic.finish(&mut net);
}

/// What the host has not read it has not been told: an adapter with more than that in its queue may have answered.
#[test]
fn an_adapter_is_not_given_up_whose_words_are_not_all_read() {
    let mut net = driven(1, |driver| driver.queues.freelist = 4096);
    let mut traffic = Traffic::new(net.open_on(40, [Options::on(PathChoice::Host), OFFLOAD]));
    traffic.deliver(&mut net, 100_000);
    alone_once(&mut net, &mut traffic, the_card_runs);
    let is_given_up = |net: &mut Net| {
        net.hosts[0].poll(net.now).expect("lives");
        let core = net.hosts[0].sockets_mut();
        core.give_up_on(MemberId(0));
        core.take_mute()
    };
    assert_eq!(is_given_up(&mut net), None);
    traffic.deliver(&mut net, 10_000);
    assert_eq!(is_given_up(&mut net), Some(MemberId(0)));
    traffic.finish(&mut net);
}

/// Who polls only when something is due is told that it is while a queue has not been read to its end.
#[test]
fn what_the_host_has_not_read_is_due() {
    let mut net = driven(1, |driver| driver.queues.freelist = 4096);
    let mut traffic = Traffic::new(net.open_on(40, [Options::on(PathChoice::Host), OFFLOAD]));
    traffic.deliver(&mut net, 100_000);
    alone_once(&mut net, &mut traffic, the_card_runs);
    // The card has all that has come, and does what it is asked for: nothing but its words is left.
    let mut is_due = |polls: usize| {
        let host = &mut net.hosts[0];
        for _ in 0..polls {
            host.poll(net.now).expect("lives");
        }
        for _ in 0..20 {
            host.adapter_mut(0).expect("a card").poll(net.now);
        }
        host.poll_timeout().is_some_and(|due| due <= net.now)
    };
    assert!(is_due(1), "more than one poll takes");
    assert!(!is_due(20), "all is read");
    traffic.finish(&mut net);
}

/// A cable that holds no more has the card wait that sends by it.
#[test]
fn a_burst_waits_in_the_card_while_the_cable_is_full() {
    let mut net = Net::up(1);
    let mut traffic = Traffic::new(net.open(32));
    traffic.deliver(&mut net, 100_000);
    alone(&mut net, &mut traffic, |_| {});
    assert_eq!(sent_again(&net), (0, 0));
    traffic.finish(&mut net);
}

fn make_other_active(net: &mut Net) {
    let now = net.now;
    let (bond, core) = net.hosts[0].bond_and_sockets_mut().expect("bond");
    bond.make_active(now, core, (1, PortId(0)).into()).expect("it is up");
}

/// The way that connections leave is long: what is on it when they have gone reaches them where they are.
#[test]
fn what_comes_late_by_a_link_that_was_left_is_taken() {
    let long = |n: usize, wire: MemEnd| {
        let rx = Impairments { delay: Nanos::from_millis(2), ..Impairments::default() };
        let config = ImpairedConfig { rx, ..ImpairedConfig::default() };
        if n == 0 {
            Box::new(Impaired::new(wire, &config)) as Box<dyn Wire>
        } else {
            Box::new(wire)
        }
    };
    let mut net = Net::up_bonded(2, long, |_, bond| bond.handover = Handover::Instant);
    let mut traffic = Traffic::new(net.open(4));
    traffic.deliver(&mut net, 50_000);
    let now = net.now;
    make_other_active(&mut net);
    settle(&mut net, |net| traffic.step(net));
    assert_eq!(net.hosts[0].offloaded(1), 4);
    assert!(net.now - now < Nanos::from_millis(2), "they have left before all was there");
    let until = now + Nanos::from_millis(10);
    while net.now < until {
        traffic.step(&mut net);
    }
    // The short way has overtaken the long one, so that the peer took some for lost: these came twice, late.
    let late = net.hosts[0].bond().expect("bond").counters().taken_from_left;
    let tcp = net.hosts[0].adapter(1).expect("a card").counters().tcp;
    assert!(late > 0, "{tcp:?}");
    assert!(tcp.rx_duplicates + tcp.rx_drop_paws >= late, "{late}: {tcp:?}");
    assert_eq!(sent_again(&net).1, 0, "timeouts");
    traffic.finish(&mut net);
}

/// What waits in the cable that is left comes before what is sent behind it by the other: nothing overtakes anything.
#[test]
fn a_link_that_was_left_is_heard_out_first() {
    let mut net = Net::up_with(2, |_, wire| Tampered::slow(wire, 8));
    let mut traffic = Traffic::new(net.open(4));
    traffic.deliver(&mut net, 50_000);
    // The host is away, and all that its peer may send is under way.
    for _ in 0..20 {
        (0..4).for_each(|k| traffic.send(&mut net, k, 1));
        net.hosts[1].poll(net.now).expect("lives");
        net.switch.poll(net.now);
        net.now += Nanos::from_micros(20);
    }
    make_other_active(&mut net);
    settle(&mut net, |net| {
        (0..4).for_each(|k| traffic.send(net, k, 1));
        traffic.step(net);
    });
    assert_eq!(net.hosts[0].offloaded(1), 4);
    let tcp = net.hosts[0].adapter(0).expect("a card").counters().tcp;
    assert_eq!((tcp.rx_held, tcp.rx_drop_paws), (0, 0), "{tcp:?}");
    assert_eq!(sent_again(&net), (0, 0));
    traffic.finish(&mut net);
}

/// What connections are like that do not wait for their peers before they move.
const AT_ONCE: Options = Options { handover: Some(Handover::Instant), ..OFFLOAD };

/// Connections whose peers send as much as they may lose their link.
fn cut(net: &mut Net, connections: usize) -> Traffic {
    let mut traffic = Traffic::new(net.open_on(connections, [AT_ONCE, OFFLOAD]));
    traffic.deliver(net, 50_000);
    net.cables[0].set_carrier(false);
    net.step();
    settle(net, |net| {
        for k in 0..traffic.ends.len() {
            (0..20).for_each(|_| traffic.send(net, k, 1));
        }
        traffic.step(net);
    });
    traffic
}

/// The first frames through the tunnel do not wait for all that the card has to send: it does a little at a time until then.
#[test]
fn the_first_frames_through_the_tunnel_are_few() {
    let mut net = Net::up(2);
    let mut traffic = Traffic::new(net.open(32));
    traffic.deliver(&mut net, 50_000);
    for _ in 0..10 {
        (0..32).for_each(|k| traffic.send(&mut net, k, 0));
    }
    net.cables[0].set_carrier(false);
    let tunnelled = |net: &Net| net.hosts[0].bond().expect("bond").counters().tunnelled_out;
    let mut polls = 0;
    while tunnelled(&net) == 0 {
        net.hosts[0].poll(net.now).expect("lives");
        polls += 1;
    }
    assert!(
        polls <= 2,
        "L2T entries are written in the first poll, and looped frames are there in the second: {polls}"
    );
    let first = tunnelled(&net);
    assert!(first <= 8, "{first}");
    settle(&mut net, |net| traffic.step(net));
    traffic.finish(&mut net);
}

/// What was held for connections that moved is more than the new adapter's queue takes.
#[test]
fn held_frames_wait_for_room() {
    let mut net = driven(2, |driver| driver.queues.eth_buffers = 32);
    let mut traffic = cut(&mut net, 8);
    traffic.deliver(&mut net, 50_000);
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert!(counters.held_frames > 0 && counters.waited_frames > 0, "{counters:?}");
    assert_eq!((counters.tx_full, counters.hold_overflows), (0, 0), "{counters:?}");
    traffic.finish(&mut net);
}

/// Those of one connection are taken by its new owner in the order in which they came: it has nothing to hold back.
#[test]
fn held_frames_that_wait_keep_their_order() {
    let mut net = driven(2, |driver| driver.queues.eth_buffers = 2);
    let mut traffic = Traffic::new(net.open_on(1, [AT_ONCE, OFFLOAD]));
    traffic.deliver(&mut net, 50_000);
    make_other_active(&mut net);
    // For some steps, so that it is held, and nothing behind it that could overtake it.
    let mut steps = 0..3;
    settle(&mut net, |net| {
        if steps.next().is_some() {
            traffic.send(net, 0, 1);
        }
        net.step();
    });
    for _ in 0..100 {
        net.step();
    }
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert!(counters.waited_frames > 1, "{counters:?}");
    let tcp = net.hosts[0].adapter(1).expect("a card").counters().tcp;
    assert!(tcp.rx_segments >= counters.held_frames, "{counters:?} {tcp:?}");
    assert_eq!(tcp.rx_held, 0, "{counters:?} {tcp:?}");
    traffic.finish(&mut net);
}

/// All that waits is bounded: one frame too many is dropped and counted, and TCP has it sent again.
#[test]
fn what_finds_no_room_at_last_is_dropped_and_counted() {
    let mut net = set_up(2, |host| {
        host.bond.hold_frames = 4;
        host.adapters_mut().for_each(|adapter| adapter.driver.queues.eth_buffers = 2);
    });
    let mut traffic = cut(&mut net, 8);
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert!(counters.hold_overflows > 0 && counters.tx_full > 0, "{counters:?}");
    traffic.finish(&mut net);
}
