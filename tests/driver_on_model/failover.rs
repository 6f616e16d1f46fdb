//! Live connections move from one adapter to the other.

use mafo::wire::impair::{Impairments, Probability};
use mafo::wire::{Impaired, ImpairedConfig, Wire};
use mafo::{
    BondConfig, Handover, LinkId, Nanos, NoSwitch, PortId, Refusals, SocketError, SocketId,
    StackConfig,
};

use crate::hosts::{ADDRESSES, Net, OFFLOAD, pattern, quiet};

/// Both directions of some connections, sent, received and compared. Everybody sends until
/// [`Traffic::stop`], so that at any moment every connection has bytes under way.
pub(crate) struct Traffic {
    pub(crate) ends: Vec<[SocketId; 2]>,
    sent: Vec<[usize; 2]>,
    received: Vec<[usize; 2]>,
    eof: Vec<[bool; 2]>,
    stopped: bool,
}

impl Traffic {
    pub(crate) fn new(ends: Vec<[SocketId; 2]>) -> Self {
        let n = ends.len();
        let none = || vec![[0; 2]; n];
        Self { ends, sent: none(), received: none(), eof: vec![[false; 2]; n], stopped: false }
    }

    pub(crate) fn step(&mut self, net: &mut Net) {
        net.step();
        for k in 0..self.ends.len() {
            for n in 0..2 {
                self.send(net, k, n);
                self.receive(net, k, n);
            }
        }
    }

    pub(crate) fn send(&mut self, net: &mut Net, k: usize, n: usize) {
        if self.stopped {
            return;
        }
        let at = self.sent[k][n];
        let chunk: Vec<u8> = (at..at + 2000).map(|at| pattern(at + k)).collect();
        match net.hosts[n].sockets_mut().send(self.ends[k][n], &chunk) {
            Ok(bytes) => self.sent[k][n] += bytes,
            Err(e) => assert_eq!(e, SocketError::WouldBlock, "send {k} at {n}"),
        }
    }

    fn receive(&mut self, net: &mut Net, k: usize, n: usize) {
        let mut buf = [0; 4096];
        match net.hosts[n].sockets_mut().recv(self.ends[k][n], &mut buf) {
            Ok(0) => self.eof[k][n] = true,
            Ok(bytes) => {
                for (i, &byte) in buf[..bytes].iter().enumerate() {
                    let at = self.received[k][n] + i;
                    assert_eq!(byte, pattern(at + k), "byte {at} of {k} at {n}");
                }
                self.received[k][n] += bytes;
            }
            Err(e) => assert_eq!(e, SocketError::WouldBlock, "recv {k} at {n}"),
        }
    }

    /// Nobody sends more: a FIN follows what was sent.
    fn stop(&mut self, net: &mut Net) {
        self.stopped = true;
        for ends in &self.ends {
            for (host, &end) in net.hosts.iter_mut().zip(ends) {
                host.sockets_mut().shutdown(end).expect("open");
            }
        }
    }

    fn is_done(&self) -> bool {
        self.eof.iter().all(|eof| *eof == [true; 2])
    }

    /// Steps until every direction has delivered `more` bytes more than now.
    pub(crate) fn deliver(&mut self, net: &mut Net, more: usize) {
        let goal: Vec<[usize; 2]> = self.received.iter().map(|r| r.map(|n| n + more)).collect();
        let reached = |now: &[[usize; 2]]| {
            now.iter().zip(&goal).all(|(now, goal)| now[0] >= goal[0] && now[1] >= goal[1])
        };
        let deadline = net.now + Nanos::from_secs(5);
        while !reached(&self.received) {
            self.step(net);
            assert!(net.now < deadline, "{} of {goal:?}: {}", self.describe(), describe(net));
        }
    }

    pub(crate) fn finish(&mut self, net: &mut Net) {
        self.stop(net);
        let deadline = net.now + Nanos::from_secs(5);
        while !self.is_done() {
            self.step(net);
            assert!(net.now < deadline, "{}: {}", self.describe(), describe(net));
        }
        assert_eq!(self.received, self.sent.iter().map(|s| [s[1], s[0]]).collect::<Vec<_>>());
    }

    fn describe(&self) -> String {
        format!("sent {:?} received {:?} eof {:?}", self.sent, self.received, self.eof)
    }
}

pub(crate) fn describe(net: &Net) -> String {
    let core = net.hosts[0].sockets();
    format!("{:?} {:?} {:?}", net.now, net.hosts[0].bond(), core.counters())
}

pub(crate) fn settle(net: &mut Net, mut traffic: impl FnMut(&mut Net)) {
    let deadline = net.now + Nanos::from_secs(5);
    while net.hosts[0].bond().expect("bond").is_moving() {
        traffic(net);
        assert!(net.now < deadline, "not settled: {}", describe(net));
    }
}

/// `connections` live through a cut of the active cable, with traffic on all of them throughout.
fn cut(connections: usize) -> Net {
    cut_with(connections, Handover::Auto)
}

pub(crate) fn bonded(handover: Handover) -> Net {
    Net::up_bonded(2, |_, wire| Box::new(wire), |_, bond| bond.handover = handover)
}

fn cut_with(connections: usize, handover: Handover) -> Net {
    let mut net = bonded(handover);
    let ends = net.open(connections);
    let mut traffic = Traffic::new(ends);
    traffic.deliver(&mut net, 10_000);
    net.cables[0].set_carrier(false);
    traffic.deliver(&mut net, 10_000);
    settle(&mut net, |net| traffic.step(net));
    traffic.finish(&mut net);
    net
}

#[test]
fn one_connection_lives_on_when_its_cable_is_cut() {
    let net = cut(1);
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.failures, counters.moved), (1, 1), "{counters:?}");
    assert!(counters.tunnelled_out > 0 && counters.tunnelled_in > 0, "{counters:?}");
}

#[test]
fn sixteen_connections_live_on() {
    let net = cut(16);
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.failures, counters.moved), (1, 16), "{counters:?}");
}

/// The new adapter will not have the connection, and will not have it again: it gets its old adapter
/// back as owner and lives on in the tunnel, until it moves after all.
#[test]
fn a_connection_that_the_new_adapter_refuses_goes_home_and_moves_later() {
    let mut net = Net::up(2);
    let ends = net.open(1);
    let mut traffic = Traffic::new(ends);
    traffic.deliver(&mut net, 10_000);
    let refusals = Refusals { opens: 0, uploads: 2 };
    net.hosts[0].adapter_mut(1).expect("B").refuse(refusals);
    net.cables[0].set_carrier(false);
    // Adapter, and how often the owner changed.
    let mut owners = vec![(0, 0)];
    let end = traffic.ends[0][0];
    let deadline = net.now + Nanos::from_secs(5);
    while owners.last() != Some(&(1, 2)) {
        traffic.step(&mut net);
        let conn = net.hosts[0].sockets().offloaded(end).expect("alive");
        let owner = (conn.member.0, conn.epoch.0);
        if owners.last() != Some(&owner) {
            owners.push(owner);
        }
        assert!(net.now < deadline, "owners {owners:?}: {}", describe(&net));
    }
    settle(&mut net, |net| traffic.step(net));
    assert_eq!(owners, [(0, 0), (0, 1), (1, 2)]);
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.uploads_refused, counters.moved), (2, 2), "{counters:?}");
    assert_eq!(counters.unexpected, 0, "{counters:?}");
    traffic.deliver(&mut net, 10_000);
    traffic.finish(&mut net);
    assert_eq!(net.hosts[0].left_over(), 0);
}

/// Neither adapter will have it: the host path goes on with it, by the same bytes.
#[test]
fn a_connection_that_no_adapter_takes_lives_on_on_the_host_path() {
    for handover in [Handover::Drained, Handover::Instant] {
        let mut net = bonded(handover);
        let ends = net.open(4);
        let mut traffic = Traffic::new(ends);
        traffic.deliver(&mut net, 10_000);
        for adapter in [0, 1] {
            let refusals = Refusals { opens: 0, uploads: 1000 };
            net.hosts[0].adapter_mut(adapter).expect("a card").refuse(refusals);
        }
        net.cables[0].set_carrier(false);
        traffic.deliver(&mut net, 10_000);
        settle(&mut net, |net| traffic.step(net));
        let counters = net.hosts[0].bond().expect("bond").counters();
        assert_eq!((counters.sheltered, counters.moved), (4, 0), "{counters:?}");
        traffic.deliver(&mut net, 10_000);
        assert_eq!((net.hosts[0].offloaded(0), net.hosts[0].offloaded(1)), (0, 0));
        // There is room again, and they go back, to whichever adapter is active.
        net.hosts[0].adapter_mut(1).expect("a card").refuse(Refusals::default());
        let deadline = net.now + Nanos::from_secs(10);
        while net.hosts[0].offloaded(1) < 4 {
            traffic.step(&mut net);
            assert!(net.now < deadline, "not back: {}", describe(&net));
        }
        settle(&mut net, |net| traffic.step(net));
        let counters = net.hosts[0].bond().expect("bond").counters();
        assert_eq!((counters.moved, counters.unexpected), (4, 0), "{counters:?}");
        traffic.deliver(&mut net, 10_000);
        traffic.finish(&mut net);
        net.settle();
    }
}

/// Each has bytes under way, which its new owner is given again.
#[test]
fn sixteen_connections_live_on_without_being_drained() {
    let mut net = cut_with(16, Handover::Instant);
    net.settle();
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.failures, counters.moved), (1, 16), "{counters:?}");
    assert!(counters.moved_undrained >= 8, "{counters:?}");
    assert_eq!((counters.unexpected, net.hosts[0].left_over()), (0, 0), "{counters:?}");
}

/// Whoever waits for a segment holds what came behind it, and has said so. It goes to the new owner by a queue for frames,
/// which may overtake that of the writes.
#[test]
fn what_came_beyond_a_gap_is_given_to_its_new_owner_until_that_is_alive() {
    let loss = Probability::new(0.02).expect("0 to 1");
    let rx = Impairments { loss, ..Impairments::default() };
    let config = ImpairedConfig { rx, ..ImpairedConfig::default() };
    let plug = |n, wire| {
        if n < 2 { Box::new(Impaired::new(wire, &config)) } else { Box::new(wire) as Box<dyn Wire> }
    };
    // Of the doorbells of two queues the second may be heard first.
    let mut net = Net::plugged_into(quiet(), [&[1, 1], &[1]], plug, |config| {
        config.adapters_mut().for_each(|adapter| adapter.asic.max_delay_polls = 8);
    });
    net.bring_up();
    let mut traffic = Traffic::new(net.open(64));
    traffic.deliver(&mut net, 20_000);
    net.cables[0].set_carrier(false);
    settle(&mut net, |net| traffic.step(net));
    traffic.finish(&mut net);
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert!(counters.moved_gapped >= 8 && counters.replayed_again >= 8, "{counters:?}");
    // What is put into an owner that has just ended is nobody's.
    assert!(counters.stray_looped < 8 && counters.gaps_lost == 0, "{counters:?}");
}

/// Its window is shut when the cable is cut: what waits for it can be acknowledged only when it reads again.
#[test]
fn a_peer_that_reads_nothing_does_not_hold_up_the_handover() {
    let mut net = bonded(Handover::Auto);
    let ends = net.open(1);
    let end = ends[0];
    let mut sent = 0;
    let deadline = net.now + Nanos::from_secs(1);
    while net.now < deadline {
        let chunk: Vec<u8> = (sent..sent + 2000).map(pattern).collect();
        sent += net.hosts[0].sockets_mut().send(end[0], &chunk).unwrap_or(0);
        net.step();
    }
    net.cables[0].set_carrier(false);
    net.step();
    settle(&mut net, Net::step);
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.moved, counters.moved_undrained), (1, 1), "{counters:?}");
    net.hosts[0].sockets_mut().shutdown(end[0]).expect("open");
    let (mut received, mut buf) = (0, [0; 4096]);
    let deadline = net.now + Nanos::from_secs(20);
    loop {
        net.step();
        match net.hosts[1].sockets_mut().recv(end[1], &mut buf) {
            Ok(0) => break,
            Ok(n) => {
                for (i, &byte) in buf[..n].iter().enumerate() {
                    assert_eq!(byte, pattern(received + i), "byte {}", received + i);
                }
                received += n;
            }
            Err(e) => assert_eq!(e, SocketError::WouldBlock),
        }
        assert!(net.now < deadline, "{received} of {sent}: {}", describe(&net));
    }
    assert_eq!(received, sent);
}

/// Nothing has failed, so nothing is lost.
#[test]
fn connections_move_to_another_adapter_and_back_because_somebody_wishes() {
    let mut net = Net::up(2);
    let ends = net.open(8);
    let mut traffic = Traffic::new(ends);
    traffic.deliver(&mut net, 10_000);
    let link = |n: usize| LinkId::from((n, PortId(0)));
    let now = net.now;
    let (bond, core) = net.hosts[0].bond_and_sockets_mut().expect("bond");
    let nowhere = LinkId::from((1, PortId(3)));
    assert_eq!(bond.make_active(now, core, nowhere), Err(NoSwitch::NotALink(nowhere)));
    for to in [1, 0] {
        let now = net.now;
        let (bond, core) = net.hosts[0].bond_and_sockets_mut().expect("bond");
        bond.make_active(now, core, link(to)).expect("it is up");
        traffic.deliver(&mut net, 10_000);
        settle(&mut net, |net| traffic.step(net));
        assert_eq!(net.hosts[0].bond().expect("bond").active(), Some(link(to)));
        assert_eq!((net.hosts[0].offloaded(to), net.hosts[0].offloaded(1 - to)), (8, 0));
    }
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.failures, counters.moved), (0, 16), "{counters:?}");
    traffic.finish(&mut net);
    // The two ways are not equally long, and who is overtaken is taken for lost: each such segment came twice, unless it
    // was stopped, the second time, at the gate.
    let tcp = |n: usize| net.hosts[0].adapter(n).expect("card").counters().tcp;
    let lost: u64 = (0..2).map(tcp).map(|tcp| tcp.retransmits - tcp.rx_dsacks).sum();
    let timeouts: u64 = (0..2).map(tcp).map(|tcp| tcp.timeouts).sum();
    assert!(lost <= counters.fenced_frames, "{lost} segments had to be sent again: {counters:?}");
    assert_eq!(timeouts, 0);
    net.cables[1].set_carrier(false);
    net.step();
    net.step();
    let now = net.now;
    let (bond, core) = net.hosts[0].bond_and_sockets_mut().expect("bond");
    assert_eq!(bond.make_active(now, core, link(1)), Err(NoSwitch::LinkDown(link(1))));
}

/// Each way there and back makes our timestamps jump by 2^28, and a peer takes no more than seven of these at once; it is
/// sent nothing that it could acknowledge.
#[test]
fn connections_that_send_nothing_move_as_often_as_cables_are_cut() {
    let mut net = Net::up(2);
    let ends = net.open(4);
    for n in 0..20 {
        net.cables[n % 2].set_carrier(false);
        net.step();
        settle(&mut net, Net::step);
        assert_eq!(net.hosts[0].offloaded(1 - n % 2), 4, "cut {n}");
        net.cables[n % 2].set_carrier(true);
        net.step();
    }
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.moved, counters.gaps_lost), (80, 0), "{counters:?}");
    assert!(counters.proofs_asked >= 4, "{counters:?}");
    for end in ends {
        net.transfer(end, 10_000);
    }
    net.settle();
}

/// What was agreed on is less than our link carries, and every owner keeps to it.
#[test]
fn a_peer_of_small_packets_gets_no_larger_ones_from_the_next_owner() {
    let mut net = Net::up_configured(
        2,
        |_, wire| Box::new(wire),
        |stack| {
            if stack.address == ADDRESSES[1] {
                stack.mtu = 1280;
            }
        },
    );
    let ends = net.open(1);
    let end = ends[0][0];
    let mut traffic = Traffic::new(ends);
    let payload_max = |net: &mut Net, traffic: &mut Traffic| {
        traffic.deliver(net, 1000);
        net.hosts[0].sockets_mut().ask_card(end);
        for _ in 0..10 {
            traffic.step(net);
        }
        net.hosts[0].sockets().info(end).expect("alive").payload_max
    };
    // Two headers of 20 bytes and timestamps.
    assert_eq!(payload_max(&mut net, &mut traffic), 1228);
    net.cables[0].set_carrier(false);
    traffic.deliver(&mut net, 1000);
    settle(&mut net, |net| traffic.step(net));
    assert_eq!(payload_max(&mut net, &mut traffic), 1228);
}

/// A SYN that comes when an application listens already and its card does not know it yet, or by a standing rule that is
/// gone when the host hears of it, is for the listener all the same.
#[test]
fn whoever_connects_to_a_listener_is_not_refused() {
    let mut net = Net::up(2);
    net.open(1);
    let resets = |net: &Net| net.hosts[0].sockets().counters().tx_resets;
    let mut opened = 0;
    for steps in 0..6 {
        let at = (ADDRESSES[0], 100 + steps).into();
        let (now, before) = (net.now, resets(&net));
        net.hosts[1].sockets_mut().connect(now, at, None, OFFLOAD).expect("a socket");
        for _ in 0..steps {
            net.step();
        }
        if resets(&net) > before {
            continue;
        }
        let listener = net.hosts[0].sockets_mut().listen(at, 1, OFFLOAD).expect("listens");
        for _ in 0..20 {
            net.step();
        }
        assert_eq!(resets(&net), before, "{steps} steps: {}", describe(&net));
        opened += usize::from(net.hosts[0].sockets_mut().accept(listener).is_some());
    }
    // The others came before anybody listened, or will be asked again.
    assert!((1..6).contains(&opened), "{opened}");
}

/// What a peer's window lets it send while its connection has no owner is held, all of it: a frame dropped here is one
/// that the peer may have to wait for its timer to send again.
#[test]
fn a_window_of_frames_is_held_for_a_connection_that_moves() {
    let stack = StackConfig::new(ADDRESSES[0], 24, [2, 0, 0, 0, 0, 1]);
    let held = BondConfig::new([(0, PortId(0))]).hold_frames * 1448;
    assert!(
        held >= stack.recv_buffer,
        "{held} bytes are held, the window is {}",
        stack.recv_buffer
    );
}
