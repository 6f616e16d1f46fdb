//! Driver, stack and software ASIC together, under a clock of the test's own.

mod advice;
mod answers;
mod asleep;
mod away;
mod counters;
mod death;
mod failover;
mod hosts;
mod icmp;
mod lend;
mod links;
mod local;
mod macs;
mod mtus;
mod options;
mod plain;
mod policy;
mod protect;
mod room;
mod setup;
mod shared;
mod single;
mod tampered;
mod threads;
mod xor;

use hosts::{ADDRESSES, Net, OFFLOAD};
use mafo::{ConnectionError, Event, Nanos, Readiness, SocketError, Timeouts};
use mafo_pmd::Ingress;
use mafo_pmd::sge::Payload;
use mafo_stack::{MemberId, NoHook};
use mafo_t4::Tid;
use mafo_t4::cpl::{ActEstablish, Opcode, PassAcceptReq};

#[test]
fn two_hosts_come_up_and_their_links_with_them() {
    let net = Net::up(1);
    for host in &net.hosts {
        assert!(host.bond().expect("bond").active().is_some());
    }
}

#[test]
fn an_offloaded_connection_carries_bytes_both_ways() {
    let mut net = Net::up(1);
    for ends in net.open(2) {
        net.transfer(ends, 300_000);
    }
}

/// A listener of an adapter whose handshakes are as many as may be: the host answers by cookies, and the card keeps
/// nothing of them. What comes of it lives on the host path.
#[test]
fn a_full_listener_of_an_adapter_answers_by_cookies() {
    let mut net =
        Net::up_configured(1, |_, wire| Box::new(wire), |config| config.syn_backlog_max = 0);
    for ends in net.open(2) {
        net.transfer(ends, 100_000);
    }
    for host in &net.hosts {
        let counters = host.sockets().counters();
        assert_eq!((counters.syn_cookies_sent, counters.syn_cookies_received), (1, 1));
        assert_eq!(counters.listen_overflows, 0);
    }
    net.settle();
}

/// A card that is out of its mind names connections that no work request could name. They are not
/// taken up, nor rejected, which would need such a work request.
#[test]
fn tids_that_a_card_cannot_have_are_counted() {
    let mut net = Net::up(1);
    let nowhere = Tid(0xff_ffff);
    let accept = PassAcceptReq::new(nowhere);
    let establish = ActEstablish::new(nowhere);
    for (opcode, bytes) in [
        (Opcode::PASS_ACCEPT_REQ, accept.as_bytes()),
        (Opcode::ACT_ESTABLISH, establish.as_bytes()),
    ] {
        let sockets = net.hosts[0].sockets_mut();
        let before = *sockets.counters();
        let message = Ingress::Cpl { opcode, tid: nowhere, bytes, payload: Payload::EMPTY };
        sockets.handle_ingress(net.now, &mut NoHook, MemberId(0), message);
        let counted = sockets.counters().since(&before);
        assert_eq!(counted.tom_unexpected, 1, "{opcode:?}");
        assert_eq!(counted.listen_overflows, 0, "{opcode:?}");
    }
    let ends = net.open(1)[0];
    net.transfer(ends, 10_000);
}

/// A message that ends before its layout does is counted, and nothing else happens.
#[test]
fn messages_that_are_cut_short_are_counted() {
    let mut net = Net::up(1);
    let sockets = net.hosts[0].sockets_mut();
    for opcode in [
        Opcode::PASS_ACCEPT_REQ,
        Opcode::L2T_WRITE_RPL,
        Opcode::PASS_OPEN_RPL,
        Opcode::CLOSE_LISTSRV_RPL,
        Opcode::ACT_OPEN_RPL,
        Opcode::ACT_ESTABLISH,
    ] {
        let before = *sockets.counters();
        let bytes = [opcode.0, 0, 0, 1];
        let message = Ingress::Cpl { opcode, tid: Tid(1), bytes: &bytes, payload: Payload::EMPTY };
        sockets.handle_ingress(net.now, &mut NoHook, MemberId(0), message);
        assert_eq!(sockets.counters().since(&before).tom_short_cpl, 1, "{opcode:?}");
    }
}

/// TCP_USER_TIMEOUT counts for an open, too: the application is told when its time is over, whatever the card goes on
/// sending.
#[test]
fn an_open_is_given_up_when_its_user_has_waited_long_enough() {
    let mut net = Net::up(1);
    let _warm = net.open(1);
    net.cables[0].set_carrier(false);
    let (now, remote) = (net.now, (ADDRESSES[1], 7).into());
    let sockets = net.hosts[0].sockets_mut();
    let id = sockets.connect(now, remote, None, OFFLOAD).expect("opens");
    let timeouts = Timeouts { user: Some(Nanos::from_secs(4)), ..Timeouts::default() };
    sockets.set_timeouts(now, id, timeouts).expect("a socket");
    let read = |net: &mut Net| net.hosts[0].sockets_mut().recv(id, &mut [0]);
    while read(&mut net) == Err(SocketError::WouldBlock) {
        net.step();
        net.now += Nanos::from_millis(10);
        assert!(net.now - now < Nanos::from_secs(5), "it is not given up");
    }
    assert_eq!(read(&mut net), Err(SocketError::Connection(ConnectionError::TimedOut)));
    assert!(net.now - now >= Nanos::from_secs(4), "after {:?}", net.now - now);
}

/// The card repeats a SYN that nobody answers, and gives up after about two minutes.
#[test]
fn an_open_into_a_black_hole_fails() {
    let mut net = Net::up(1);
    let remote = (ADDRESSES[1], 7).into();
    let warm = net.open(1)[0][0];
    net.cables[0].set_carrier(false);
    let now = net.now;
    let id = net.hosts[0].sockets_mut().connect(now, remote, None, OFFLOAD).expect("opens");
    let failed = |net: &mut Net| {
        let mut events = std::iter::from_fn(|| net.hosts[0].sockets_mut().poll_event());
        events.any(
            |event| matches!(event, Event::Socket(s, r) if s == id && r.contains(Readiness::ERROR)),
        )
    };
    while !failed(&mut net) {
        net.step();
        net.now += Nanos::from_millis(10);
        assert!(net.now - now < Nanos::from_secs(300), "it does not give up");
    }
    assert!(net.now - now > Nanos::from_secs(60), "after {:?}", net.now - now);
    let error = net.hosts[0].sockets_mut().recv(id, &mut [0]);
    assert_eq!(error, Err(SocketError::Connection(ConnectionError::TimedOut)));
    assert!(net.hosts[0].sockets().tuple(warm).is_some(), "others wait for their own timers");
}
