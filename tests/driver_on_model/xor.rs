//! A bond whose links all carry, behind a switch that takes them for one.

use mafo::wire::SwitchConfig;
use mafo::{Handover, Host, LinkId, Mode, Nanos, NoSwitch, PortId, SocketId, XmitHashPolicy};

use crate::failover::{Traffic, describe, settle};
use crate::hosts::{ADDRESSES, Net, quiet};

/// The first host has `cables` cables in each of its adapters, all of them one trunk of the switch.
fn trunk(cables: &[usize], handover: Handover) -> Net {
    let trunk = (0..cables.iter().sum()).collect();
    let switch = SwitchConfig { trunk, ..quiet() };
    let mut net = Net::plugged_into(
        switch,
        [cables, &[1]],
        |_, wire| Box::new(wire),
        |config| {
            let bond = &mut config.bond;
            if config.stack.address == ADDRESSES[0] {
                bond.mode = Mode::BalanceXor;
                bond.xmit_hash_policy = XmitHashPolicy::Layer34;
                bond.handover = handover;
            }
        },
    );
    net.wait(|net| net.hosts.iter().all(|host| host.is_up() && all_links(host) > 0));
    // All links of it.
    for _ in 0..200 {
        net.step();
    }
    net
}

fn all_links(host: &Host) -> usize {
    usize::from(host.bond().is_some_and(|bond| bond.active().is_some()))
}

fn run(net: &mut Net, traffic: &mut Traffic, time: Nanos) {
    let until = net.now + time;
    while net.now < until {
        traffic.step(net);
    }
}

/// Where each connection lives, and how often it has changed its owner.
fn homes(net: &Net, ends: &[[SocketId; 2]]) -> Vec<(usize, u8, u32)> {
    let home = |ends: &[SocketId; 2]| {
        let conn = net.hosts[0].sockets().offloaded(ends[0]).expect("alive");
        (conn.member.index(), conn.port.0, conn.epoch.0)
    };
    ends.iter().map(home).collect()
}

/// Traffic until everybody lives where its frames come in: then none of them cross the host any more.
fn follow(net: &mut Net, traffic: &mut Traffic) {
    for _ in 0..2 {
        traffic.deliver(net, 70_000);
        settle(net, |net| traffic.step(net));
    }
    // What was under way to the host is.
    run(net, traffic, Nanos::from_millis(2));
    let before = net.hosts[0].bond().expect("bond").counters();
    traffic.deliver(net, 10_000);
    let since = net.hosts[0].bond().expect("bond").counters().since(&before);
    assert_eq!((since.tunnelled_in, since.tunnelled_out), (0, 0), "{}", describe(net));
}

fn is_shared(homes: &[(usize, u8, u32)]) -> bool {
    [0, 1].iter().all(|adapter| homes.iter().any(|home| home.0 == *adapter))
}

#[test]
fn connections_live_where_the_switch_sends_their_frames() {
    for handover in [Handover::Drained, Handover::Instant] {
        let mut net = trunk(&[1, 1], handover);
        let ends = net.open(12);
        let mut traffic = Traffic::new(ends);
        follow(&mut net, &mut traffic);
        let counters = net.hosts[0].bond().expect("bond").counters();
        assert!(is_shared(&homes(&net, &traffic.ends)), "{:?}", homes(&net, &traffic.ends));
        // Of those that we opened some were answered by the other link; a peer's never.
        assert!((1..=6).contains(&counters.followed), "{counters:?}");
        assert_eq!(counters.followed, counters.moved, "{counters:?}");
        for (k, home) in homes(&net, &traffic.ends).into_iter().enumerate() {
            assert!(k % 2 == 0 || home.2 == 0, "{k} was opened by its peer: {home:?}");
        }
        let now = net.now;
        let (bond, core) = net.hosts[0].bond_and_sockets_mut().expect("bond");
        let to = LinkId::from((1, PortId(0)));
        assert_eq!(bond.make_active(now, core, to), Err(NoSwitch::AllCarry));
        traffic.finish(&mut net);
        clean(&mut net);
    }
}

/// Nothing is left, and nobody has heard of what cannot be.
fn clean(net: &mut Net) {
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.unexpected, counters.connections_lost), (0, 0), "{counters:?}");
    assert_eq!(net.hosts[0].sockets().counters().tom_unexpected, 0);
    net.settle();
}

/// A link fails: its connections go on by the other one, and those of that know nothing of it. It returns, and the
/// switch shares anew.
#[test]
fn a_link_fails_and_returns() {
    for (cables, handover) in
        [(&[1, 1][..], Handover::Drained), (&[1, 1], Handover::Instant), (&[2, 1], Handover::Auto)]
    {
        let mut net = trunk(cables, handover);
        let ends = net.open(12);
        let mut traffic = Traffic::new(ends);
        follow(&mut net, &mut traffic);
        let last = net.cables.len() - 2;
        for cable in [0, last, 0] {
            let before = homes(&net, &traffic.ends);
            let adapter = usize::from(cable == last);
            let port = if adapter == 0 { cable as u8 } else { 0 };
            net.cables[cable].set_carrier(false);
            traffic.deliver(&mut net, 20_000);
            settle(&mut net, |net| traffic.step(net));
            for (was, is) in before.iter().zip(homes(&net, &traffic.ends)) {
                let failed = (was.0, was.1) == (adapter, port);
                assert!(!failed || (was.0, was.1) != (is.0, is.1), "{was:?} {is:?}");
                // With two cables left a switch may move those of healthy links, too.
                assert!(
                    failed || cables.len() > 2 || *was == is || cables[0] > 1,
                    "{was:?} {is:?}"
                );
            }
            follow(&mut net, &mut traffic);
            net.cables[cable].set_carrier(true);
            run(&mut net, &mut traffic, Nanos::from_millis(5));
            follow(&mut net, &mut traffic);
            assert!(is_shared(&homes(&net, &traffic.ends)), "{:?}", homes(&net, &traffic.ends));
        }
        let counters = net.hosts[0].bond().expect("bond").counters();
        assert_eq!(counters.failures, 3, "{counters:?}");
        traffic.finish(&mut net);
        clean(&mut net);
    }
}

/// All links fail, and whichever returns goes on with all connections.
#[test]
fn all_links_fail_and_one_returns() {
    let mut net = trunk(&[1, 1], Handover::Auto);
    let ends = net.open(12);
    let mut traffic = Traffic::new(ends);
    follow(&mut net, &mut traffic);
    for back in [1, 0] {
        net.cables[0].set_carrier(false);
        net.cables[1].set_carrier(false);
        run(&mut net, &mut traffic, Nanos::from_millis(30));
        net.cables[back].set_carrier(true);
        traffic.deliver(&mut net, 20_000);
        settle(&mut net, |net| traffic.step(net));
        assert_eq!(net.hosts[0].offloaded(back), 12, "{}", describe(&net));
    }
    traffic.finish(&mut net);
    clean(&mut net);
}

/// An adapter dies, with half of the connections.
#[test]
fn an_adapter_dies() {
    for handover in [Handover::Drained, Handover::Instant] {
        let mut net = trunk(&[1, 1], handover);
        let ends = net.open(12);
        let mut traffic = Traffic::new(ends);
        follow(&mut net, &mut traffic);
        for dead in [0, 1] {
            net.hosts[0].adapter(dead).expect("a card").faults().die();
            // Its port has no light.
            net.cables[dead].set_carrier(false);
            traffic.deliver(&mut net, 20_000);
            settle(&mut net, |net| traffic.step(net));
            assert_eq!(net.hosts[0].offloaded(1 - dead), 12, "{}", describe(&net));
            net.hosts[0].revive(dead).expect("memory");
            net.cables[dead].set_carrier(true);
            run(&mut net, &mut traffic, Nanos::from_millis(50));
            follow(&mut net, &mut traffic);
            assert!(is_shared(&homes(&net, &traffic.ends)), "{:?}", homes(&net, &traffic.ends));
        }
        traffic.finish(&mut net);
        clean(&mut net);
    }
}
