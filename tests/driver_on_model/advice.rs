//! A peer that does not answer, as the application learns of it from a card.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mafo::wire::mem::MemEnd;
use mafo::wire::{Wire, WireCounters};
use mafo::{Event, Nanos, Readiness, SocketId};
use mafo_mem::{Frame, FrameBurst};
use mafo_stack::packet::{self, Packet};

use crate::hosts::{ADDRESSES, Net, OFFLOAD};

/// Whether segments are lost, and how many were.
#[derive(Default)]
struct Gate {
    shut: AtomicBool,
    lost: AtomicUsize,
}

/// A wire on which segments are lost while its gate is shut; what is no TCP gets through.
struct Gated(MemEnd, Arc<Gate>);

impl Wire for Gated {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        self.0.rx_burst(now, burst)
    }
    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        for frame in frames {
            let tcp = matches!(packet::parse(frame.as_slice()), Ok(Packet::Tcp(..)));
            if tcp && self.1.shut.load(Ordering::Relaxed) {
                self.1.lost.fetch_add(1, Ordering::Relaxed);
            } else {
                self.0.tx_burst(now, core::slice::from_ref(frame));
            }
        }
        frames.len()
    }
    fn link_up(&mut self, now: Nanos) -> bool {
        self.0.link_up(now)
    }
    fn poll_timeout(&self) -> Option<Nanos> {
        self.0.poll_timeout()
    }
    fn counters(&self) -> WireCounters {
        self.0.counters()
    }
}

/// Two hosts with a connection, and the gate of the first one's cable.
fn connected() -> (Net, Arc<Gate>, [SocketId; 2]) {
    let gate = Arc::new(Gate::default());
    let of_wire = Arc::clone(&gate);
    let mut net = Net::up_with(1, move |_, wire| Box::new(Gated(wire, Arc::clone(&of_wire))));
    let ends = net.open(1)[0];
    steps(&mut net, 100);
    (net, gate, ends)
}

fn steps(net: &mut Net, n: usize) {
    for _ in 0..n {
        net.step();
    }
}

/// Lets time pass until the application at `id` is told that nobody answers. How many segments were lost by then.
fn until_told(net: &mut Net, gate: &Gate, id: SocketId) -> usize {
    let before = gate.lost.load(Ordering::Relaxed);
    let deadline = net.now + Nanos::from_secs(20);
    while net.now < deadline {
        net.now += Nanos::from_millis(1);
        steps(net, 1);
        if news(net, id).contains(&Readiness::UNRESPONSIVE) {
            return gate.lost.load(Ordering::Relaxed) - before;
        }
    }
    panic!("nothing is told");
}

/// What the application has been told of `id` since the last time.
fn news(net: &mut Net, id: SocketId) -> Vec<Readiness> {
    let sockets = net.hosts[0].sockets_mut();
    let of = |event| match event {
        Event::Socket(other, news) if other == id => Some(news),
        Event::Socket(..) | Event::Incoming(_) | Event::Arrived(..) => None,
    };
    std::iter::from_fn(|| sockets.poll_event()).filter_map(of).collect()
}

//= rfc9293#3.8.3 SHLD-9 SHLD-10 MUST-20-R1
#[test]
fn who_waits_on_a_card_is_told_that_the_peer_does_not_answer() {
    let (mut net, gate, [near, far]) = connected();
    news(&mut net, near);
    gate.shut.store(true, Ordering::Relaxed);
    net.hosts[0].sockets_mut().send(near, b"hello").expect("room");
    let asked = net.hosts[0].sockets().counters().arp_requests;
    // Once, as a tail loss probe, and three times more by the timer.
    assert_eq!(until_told(&mut net, &gate, near), 5);
    steps(&mut net, 100);
    assert_eq!(net.hosts[0].sockets().counters().arp_requests, asked + 1, "is the router there");
    gate.shut.store(false, Ordering::Relaxed);
    let mut bytes = [0; 16];
    for _ in 0..10_000 {
        net.now += Nanos::from_millis(1);
        steps(&mut net, 1);
        assert!(!news(&mut net, near).contains(&Readiness::UNRESPONSIVE), "told once");
        if net.hosts[1].sockets_mut().recv(far, &mut bytes) == Ok(5) {
            net.transfer([near, far], 10_000);
            return;
        }
    }
    panic!("the bytes do not arrive");
}

//= rfc9293#3.8.3 SHLD-9
#[test]
fn an_open_that_nobody_answers_is_told_of_and_goes_on() {
    let (mut net, gate, _) = connected();
    gate.shut.store(true, Ordering::Relaxed);
    let (now, remote) = (net.now, (ADDRESSES[1], 7).into());
    let id = net.hosts[0].sockets_mut().connect(now, remote, None, OFFLOAD).expect("opens");
    assert_eq!(until_told(&mut net, &gate, id), 4, "one SYN, and three again");
    gate.shut.store(false, Ordering::Relaxed);
    for _ in 0..30_000 {
        net.now += Nanos::from_millis(1);
        steps(&mut net, 1);
        let told = news(&mut net, id);
        assert!(told.iter().all(|&news| news != Readiness::UNRESPONSIVE), "told once");
        if net.hosts[0].sockets_mut().send(id, b"hello") == Ok(5) {
            assert_eq!(net.hosts[0].sockets().counters().tom_unexpected, 0);
            return;
        }
    }
    panic!("the connection does not open");
}
