//! A policy says where connections live, and what they are made with.

use std::sync::Arc;

use mafo::policy::{Decision, End, Occasion, Occasions, Ports, Rule};
use mafo::{CongestionControl, Handover, ListenerId, Nanos, Options, PathChoice, Policy, SocketId};

use crate::failover::Traffic;
use crate::hosts::{ADDRESSES, Net, OFFLOAD};

const HOST: Decision =
    Decision { path: Some(PathChoice::Host), congestion: None, handover: None, protect: None };

fn up() -> Net {
    Net::up(2)
}

fn set(net: &mut Net, rules: Vec<Rule>) {
    net.hosts[0].sockets_mut().set_policy(Some(Arc::new(Policy::new(rules))));
}

fn port(port: u16) -> End {
    End { ports: vec![Ports::new(port, port).expect("one")], ..End::default() }
}

fn rule(on: Occasion, local: End, says: Decision) -> Rule {
    Rule { on: on.into(), local, says, ..Rule::default() }
}

fn listen(net: &mut Net, host: usize, port: u16, options: Options) -> ListenerId {
    let at = (ADDRESSES[host], port).into();
    net.hosts[host].sockets_mut().listen(at, 8, options).expect("listens")
}

/// Opens a connection from one host to a port of the other; the end of the first host, and that of the second.
fn connect(
    net: &mut Net,
    from: usize,
    port: u16,
    listener: ListenerId,
    options: Options,
) -> [SocketId; 2] {
    let now = net.now;
    let remote = (ADDRESSES[1 - from], port).into();
    let near = net.hosts[from].sockets_mut().connect(now, remote, None, options).expect("opens");
    let deadline = now + Nanos::from_secs(10);
    while net.now < deadline {
        net.step();
        if let Some(far) = net.hosts[1 - from].sockets_mut().accept(listener) {
            return if from == 0 { [near, far] } else { [far, near] };
        }
    }
    panic!("not accepted")
}

fn is_offloaded(net: &Net, id: SocketId) -> bool {
    net.hosts[0].sockets().offloaded(id).is_some()
}

#[test]
fn a_rule_puts_accepted_and_opened_connections_onto_the_host_path() {
    let mut net = up();
    set(
        &mut net,
        vec![
            rule(Occasion::Passive, port(80), HOST),
            Rule { remote: port(90), says: HOST, on: Occasion::Active.into(), ..Rule::default() },
        ],
    );
    let ours = [80, 81].map(|port| listen(&mut net, 0, port, OFFLOAD));
    let theirs = [90, 91].map(|port| listen(&mut net, 1, port, OFFLOAD));
    let passive = [0, 1].map(|n| connect(&mut net, 1, [80, 81][n], ours[n], OFFLOAD));
    let active = [0, 1].map(|n| connect(&mut net, 0, [90, 91][n], theirs[n], OFFLOAD));
    let homes = [passive, active].map(|pair| pair.map(|ends| is_offloaded(&net, ends[0])));
    assert_eq!(homes, [[false, true]; 2]);
    assert_eq!(net.hosts[0].offloaded(0), 2, "on the card");
    for ends in passive.into_iter().chain(active) {
        net.transfer(ends, 50_000);
    }
    // It was the policy's way from the first SYN on: nothing overflowed, no cookie.
    let counters = net.hosts[0].sockets().counters();
    assert_eq!(
        (counters.listen_overflows, counters.syn_cookies_sent, counters.listen_early),
        (0, 0, 0)
    );
    assert_eq!(counters.tom_unexpected, 0);
}

/// A path that loses the first SYN,ACK: the peer's second SYN finds its connection, not a listener.
#[test]
fn a_syn_that_comes_again_finds_its_connection() {
    let mut net = up();
    set(&mut net, vec![rule(Occasion::Passive, port(80), HOST)]);
    let ours = listen(&mut net, 0, 80, OFFLOAD);
    let now = net.now;
    let near = net.hosts[1]
        .sockets_mut()
        .connect(now, (ADDRESSES[0], 80).into(), None, OFFLOAD)
        .expect("opens");
    // As soon as the SYN is taken the host's words go nowhere.
    while net.hosts[0].sockets().sockets() == 0 {
        net.step();
    }
    net.cables[2].set_carrier(false);
    let until = net.now + Nanos::from_millis(100);
    while net.now < until {
        net.step();
    }
    net.cables[2].set_carrier(true);
    let deadline = net.now + Nanos::from_secs(20);
    let far = loop {
        assert!(net.now < deadline, "not accepted");
        net.step();
        if let Some(far) = net.hosts[0].sockets_mut().accept(ours) {
            break far;
        }
    };
    assert!(!is_offloaded(&net, far));
    net.transfer([far, near], 10_000);
    assert_eq!(net.hosts[0].sockets().counters().listen_overflows, 0);
}

#[test]
fn a_listener_that_is_to_be_the_hosts_is_on_no_adapter() {
    let mut net = up();
    set(
        &mut net,
        vec![Rule { on: Occasions::ALL, local: port(80), says: HOST, ..Rule::default() }],
    );
    let listeners = |net: &Net| net.hosts[0].adapter(0).expect("a card").in_use().servers;
    let before = listeners(&net);
    let ours = listen(&mut net, 0, 80, OFFLOAD);
    let other = listen(&mut net, 0, 81, OFFLOAD);
    for _ in 0..1000 {
        net.step();
    }
    assert_eq!(listeners(&net), before + 1);
    let ends = connect(&mut net, 1, 80, ours, OFFLOAD);
    assert!(!is_offloaded(&net, ends[0]));
    let ends = connect(&mut net, 1, 81, other, OFFLOAD);
    assert!(is_offloaded(&net, ends[0]));
}

#[test]
fn congestion_control_and_handover_are_what_the_rule_says_unless_the_application_does() {
    let mut net = up();
    let says = Decision {
        congestion: Some(CongestionControl::HighSpeed),
        handover: Some(Handover::Instant),
        ..Decision::default()
    };
    let on_host = Decision { congestion: Some(CongestionControl::Reno), ..HOST };
    set(
        &mut net,
        vec![rule(Occasion::Passive, port(80), says), rule(Occasion::Passive, port(81), on_host)],
    );
    let ours = listen(&mut net, 0, 80, OFFLOAD);
    let here = listen(&mut net, 0, 81, OFFLOAD);
    let firm = Options {
        congestion: Some(CongestionControl::Tahoe),
        handover: Some(Handover::Drained),
        ..OFFLOAD
    };
    let wanted = listen(&mut net, 0, 82, firm);
    let [id, _] = connect(&mut net, 1, 80, ours, OFFLOAD);
    let [host_path, _] = connect(&mut net, 1, 81, here, OFFLOAD);
    let [own, _] = connect(&mut net, 1, 82, wanted, OFFLOAD);
    let core = net.hosts[0].sockets();
    assert_eq!(core.congestion(id), Ok(Some(CongestionControl::HighSpeed)));
    assert_eq!(core.congestion(host_path), Ok(Some(CongestionControl::Reno)));
    assert_eq!(core.congestion(own), Ok(Some(CongestionControl::Tahoe)));
    let handover = |id| core.options(id).expect("open").handover;
    assert_eq!((handover(id), handover(own)), (Some(Handover::Instant), Some(Handover::Drained)));
}

/// By either side; what is opened on the host path is no adapter's.
#[test]
fn a_congestion_control_that_an_adapter_has_not_is_counted() {
    let mut net = up();
    let cubic = Decision { congestion: Some(CongestionControl::Cubic), ..Decision::default() };
    let here = Decision { path: Some(PathChoice::Host), ..cubic };
    set(
        &mut net,
        vec![
            rule(Occasion::Passive, port(80), cubic),
            rule(Occasion::Passive, port(81), here),
            Rule { remote: port(90), says: cubic, on: Occasion::Active.into(), ..Rule::default() },
        ],
    );
    let ours = [80, 81, 82].map(|port| listen(&mut net, 0, port, OFFLOAD));
    let theirs = listen(&mut net, 1, 90, OFFLOAD);
    let unmet = |net: &Net| net.hosts[0].sockets().counters().tom_congestion_unmet;
    let [accepted, _] = connect(&mut net, 1, 80, ours[0], OFFLOAD);
    assert_eq!(unmet(&net), 1);
    let [opened, _] = connect(&mut net, 0, 90, theirs, OFFLOAD);
    assert_eq!(unmet(&net), 2);
    for id in [accepted, opened] {
        assert_eq!(net.hosts[0].sockets().congestion(id), Ok(Some(CongestionControl::NewReno)));
    }
    connect(&mut net, 1, 81, ours[1], OFFLOAD);
    connect(&mut net, 1, 82, ours[2], OFFLOAD);
    assert_eq!(unmet(&net), 2);
}

/// The peer does not acknowledge what is under way: of a bond that drains connections only those leave whose rule says so.
#[test]
fn a_connection_is_handed_over_as_its_rule_says() {
    let mut net =
        Net::up_bonded(2, |_, wire| Box::new(wire), |_, bond| bond.handover = Handover::Drained);
    let instant = Decision { handover: Some(Handover::Instant), ..Decision::default() };
    set(&mut net, vec![rule(Occasion::Passive, End::default(), instant)]);
    let ends = net.open(4);
    let ids: Vec<SocketId> = ends.iter().map(|ends| ends[0]).collect();
    let mut traffic = Traffic::new(ends);
    traffic.deliver(&mut net, 10_000);
    net.cables[2].set_carrier(false);
    for &id in &ids {
        assert_eq!(net.hosts[0].sockets_mut().send(id, &[0; 100]), Ok(100));
    }
    for _ in 0..100 {
        net.step();
    }
    net.cables[0].set_carrier(false);
    let until = net.now + Nanos::from_millis(100);
    while net.now < until {
        net.step();
    }
    let home = |net: &Net, id| net.hosts[0].sockets().offloaded(id).expect("lives").member.index();
    // By turns from either side: the second and the fourth are the peer's.
    assert_eq!(ids.iter().map(|&id| home(&net, id)).collect::<Vec<_>>(), [0, 1, 0, 1]);
    net.cables[2].set_carrier(true);
    let until = net.now + Nanos::from_secs(5);
    while net.now < until {
        net.step();
    }
    assert_eq!(ids.iter().map(|&id| home(&net, id)).collect::<Vec<_>>(), [1; 4]);
}

#[test]
fn another_policy_is_for_what_comes_after_it() {
    let mut net = up();
    let ours = listen(&mut net, 0, 80, OFFLOAD);
    let before = connect(&mut net, 1, 80, ours, OFFLOAD);
    set(&mut net, vec![Rule { says: HOST, ..Rule::default() }]);
    let after = connect(&mut net, 1, 80, ours, OFFLOAD);
    assert_eq!([before, after].map(|ends| is_offloaded(&net, ends[0])), [true, false]);
    for _ in 0..10_000 {
        net.step();
    }
    assert!(is_offloaded(&net, before[0]), "nobody moved it");
    net.hosts[0].sockets_mut().set_policy(None);
    let last = connect(&mut net, 1, 80, ours, OFFLOAD);
    assert_eq!([before, after, last].map(|ends| is_offloaded(&net, ends[0])), [true, false, true]);
    for ends in [before, after, last] {
        net.transfer(ends, 20_000);
    }
}
