//! Single connections are moved, and nobody else notices.

use mafo::{Goal, Handover, LinkId, Nanos, NoMove, PortId, SocketId};

use crate::failover::{Traffic, describe};
use crate::hosts::{ADDRESSES, Net};

fn link(adapter: usize, port: u8) -> Goal {
    Goal::Link((adapter, PortId(port)).into())
}

/// The first host has two cables in adapter A and one in B.
fn up(handover: Handover) -> (Net, Traffic) {
    let mut net = Net::up_shaped(
        [&[2, 1], &[1]],
        |_, wire| Box::new(wire),
        |stack, bond| {
            if stack.address == ADDRESSES[0] {
                bond.handover = handover;
            }
        },
    );
    let ends = net.open(6);
    let traffic = Traffic::new(ends);
    (net, traffic)
}

fn ask(net: &mut Net, id: SocketId, to: Goal) -> Result<(), NoMove> {
    let now = net.now;
    let (bond, core) = net.hosts[0].bond_and_sockets_mut().expect("bond");
    bond.move_connection(now, core, id, to)
}

/// Where a connection lives: its adapter and port, or nowhere but on the host path.
fn home(net: &Net, id: SocketId) -> Option<(usize, u8)> {
    let conn = net.hosts[0].sockets().offloaded(id)?;
    Some((conn.member.index(), conn.port.0))
}

fn go(net: &mut Net, traffic: &mut Traffic, id: SocketId, to: Goal, expected: Option<(usize, u8)>) {
    assert_eq!(ask(net, id, to), Ok(()));
    let deadline = net.now + Nanos::from_secs(5);
    let resting = |net: &Net| match net.hosts[0].bond().expect("bond").stage(id) {
        None => true,
        Some(stage) => format!("{stage:?}") == "Sheltered",
    };
    while home(net, id) != expected || !resting(net) {
        traffic.step(net);
        assert!(net.now < deadline, "{to:?}: {:?}: {}", home(net, id), describe(net));
    }
}

/// One connection goes to the host path and stays there, comes back, and goes to another port, under traffic on all of
/// them. What the others say does not cross the host meanwhile.
#[test]
fn one_connection_goes_to_the_host_path_and_back() {
    for handover in [Handover::Drained, Handover::Instant] {
        let (mut net, mut traffic) = up(handover);
        let ids: Vec<SocketId> = traffic.ends.iter().map(|ends| ends[0]).collect();
        traffic.deliver(&mut net, 10_000);
        for id in [ids[0], ids[1]] {
            go(&mut net, &mut traffic, id, Goal::Host, None);
            traffic.deliver(&mut net, 20_000);
            // Long enough to be asked for again if it were only a refugee.
            let until = net.now + Nanos::from_millis(500);
            while net.now < until {
                traffic.step(&mut net);
            }
            assert_eq!(home(&net, id), None, "it stays");
            assert_eq!(net.hosts[0].offloaded(0), 5);
            go(&mut net, &mut traffic, id, link(0, 0), Some((0, 0)));
            traffic.deliver(&mut net, 20_000);
            go(&mut net, &mut traffic, id, link(0, 1), Some((0, 1)));
            traffic.deliver(&mut net, 20_000);
            go(&mut net, &mut traffic, id, link(0, 0), Some((0, 0)));
        }
        let counters = net.hosts[0].bond().expect("bond").counters();
        assert_eq!((counters.sheltered, counters.moved, counters.rechannelled), (2, 2, 4));
        assert_eq!((counters.failures, counters.unexpected), (0, 0), "{counters:?}");
        for (k, &id) in ids.iter().enumerate() {
            let epoch = net.hosts[0].sockets().offloaded(id).expect("alive").epoch.0;
            assert_eq!(epoch > 0, k < 2, "{k}");
        }
        traffic.deliver(&mut net, 10_000);
        traffic.finish(&mut net);
        assert_eq!(net.hosts[0].sockets().counters().tom_unexpected, 0);
        net.settle();
    }
}

/// The detour is of one connection: those that share its next hop go on by the wire.
#[test]
fn the_others_do_not_cross_the_host() {
    let (mut net, mut traffic) = up(Handover::Drained);
    traffic.deliver(&mut net, 10_000);
    let id = traffic.ends[0][0];
    let sent = |net: &Net| net.hosts[0].adapter(0).expect("a card").counters().tp.tx_segments;
    let crossed = |net: &Net| net.hosts[0].bond().expect("bond").counters().tunnelled_out;
    let before = (sent(&net), crossed(&net));
    go(&mut net, &mut traffic, id, Goal::Host, None);
    let (sent, crossed) = (sent(&net) - before.0, crossed(&net) - before.1);
    assert!(crossed > 0 && 3 * crossed < sent, "{crossed} of {sent}");
    traffic.finish(&mut net);
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let (mut net, mut traffic) = up(Handover::Auto);
    let id = traffic.ends[0][0];
    traffic.deliver(&mut net, 10_000);
    let named = |adapter, port| LinkId::from((adapter, PortId(port)));
    assert_eq!(ask(&mut net, id, link(1, 1)), Err(NoMove::NotALink(named(1, 1))));
    assert_eq!(ask(&mut net, id, link(1, 0)), Err(NoMove::NotActive(named(1, 0))));
    net.cables[1].set_carrier(false);
    let until = net.now + Nanos::from_millis(2);
    while net.now < until {
        traffic.step(&mut net);
    }
    assert_eq!(ask(&mut net, id, link(0, 1)), Err(NoMove::LinkDown(named(0, 1))));
    assert_eq!(ask(&mut net, id, link(0, 0)), Ok(()), "it is there");
    assert_eq!(net.hosts[0].bond().expect("bond").stage(id), None);
    assert_eq!(ask(&mut net, id, Goal::Host), Ok(()));
    assert_eq!(ask(&mut net, id, Goal::Host), Err(NoMove::Moving));
    go_on(&mut net, &mut traffic);
    let ended = id;
    traffic.finish(&mut net);
    let until = net.now + Nanos::from_millis(50);
    while net.now < until {
        net.step();
    }
    assert_eq!(ask(&mut net, ended, Goal::Host), Err(NoMove::NotLive));
}

fn go_on(net: &mut Net, traffic: &mut Traffic) {
    let until = net.now + Nanos::from_millis(200);
    while net.now < until {
        traffic.step(net);
    }
}

/// Its link fails while it is on its way, in every millisecond of it: it goes where all others go.
#[test]
fn the_link_fails_meanwhile() {
    for after in 0..12 {
        let (mut net, mut traffic) = up(Handover::Drained);
        traffic.deliver(&mut net, 10_000);
        let id = traffic.ends[0][0];
        assert_eq!(ask(&mut net, id, Goal::Host), Ok(()));
        let until = net.now + Nanos::from_micros(200 * after);
        while net.now < until {
            traffic.step(&mut net);
        }
        // Both ports of its adapter.
        net.cables[0].set_carrier(false);
        net.cables[1].set_carrier(false);
        traffic.deliver(&mut net, 20_000);
        let deadline = net.now + Nanos::from_secs(5);
        while net.hosts[0].bond().expect("bond").is_moving() {
            traffic.step(&mut net);
            assert!(net.now < deadline, "{}", describe(&net));
        }
        assert_eq!(net.hosts[0].offloaded(0), 0);
        traffic.finish(&mut net);
        let counters = net.hosts[0].bond().expect("bond").counters();
        assert_eq!((counters.connections_lost, counters.unexpected), (0, 0), "{counters:?}");
        net.settle();
    }
}
