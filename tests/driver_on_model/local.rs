//! Connections whose both ends are on the host with the bond: no adapter has them, and no failover has anything to do
//! with them.

use mafo::{BondEvent, ConnectionError, Goal, NoMove, PortId, SocketError, SocketId};

use crate::hosts::{ADDRESSES, Net, OFFLOAD, pattern};

/// Two sockets of the first host, each the other's peer.
struct Talk {
    ends: [SocketId; 2],
    sent: [usize; 2],
    received: [usize; 2],
    eof: [bool; 2],
}

impl Talk {
    /// Opens one. The listener is one of the adapters' as well.
    fn open(net: &mut Net, port: u16) -> Self {
        let (now, at) = (net.now, (ADDRESSES[0], port).into());
        let sockets = net.hosts[0].sockets_mut();
        let listener = sockets.listen(at, 4, OFFLOAD).expect("listens");
        let client = sockets.connect(now, at, None, OFFLOAD).expect("opens");
        // SYN, SYN-ACK, ACK: each is for the poll behind its own.
        (0..4).for_each(|_| net.step());
        let server = net.hosts[0].sockets_mut().accept(listener).expect("accepted at once");
        Self { ends: [client, server], sent: [0; 2], received: [0; 2], eof: [false; 2] }
    }

    /// What each says and hears in this poll.
    fn talk(&mut self, net: &mut Net) {
        let sockets = net.hosts[0].sockets_mut();
        for (n, &id) in self.ends.iter().enumerate() {
            let at = self.sent[n];
            let chunk: Vec<u8> = (at..at + 3000).map(|at| pattern(at + n)).collect();
            match sockets.send(id, &chunk) {
                Ok(bytes) => self.sent[n] += bytes,
                Err(e) => assert!(matches!(e, SocketError::WouldBlock | SocketError::Shutdown)),
            }
            let mut buf = [0; 8192];
            match sockets.recv(id, &mut buf) {
                Ok(0) => self.eof[n] = true,
                Ok(bytes) => {
                    for (i, &byte) in buf[..bytes].iter().enumerate() {
                        let at = self.received[n] + i;
                        assert_eq!(byte, pattern(at + 1 - n), "byte {at} at end {n}");
                    }
                    self.received[n] += bytes;
                }
                Err(e) => assert_eq!(e, SocketError::WouldBlock, "end {n}"),
            }
        }
    }

    /// Steps until each has heard so much more, and looks at where the connection lives all the time.
    fn deliver(&mut self, net: &mut Net, more: usize) {
        let goal = self.received.map(|n| n + more);
        for _ in 0..20_000 {
            if (0..2).all(|n| self.received[n] >= goal[n]) {
                return;
            }
            net.step();
            self.talk(net);
            for &id in &self.ends {
                assert!(net.hosts[0].sockets().offloaded(id).is_none(), "an adapter has it");
                assert!(net.hosts[0].bond().expect("bond").stage(id).is_none(), "it is moved");
            }
        }
        panic!("{:?} of {goal:?}: {:?}", self.received, net.hosts[0].sockets().counters());
    }

    fn finish(&mut self, net: &mut Net) {
        for id in self.ends {
            net.hosts[0].sockets_mut().shutdown(id).expect("open");
        }
        for _ in 0..20_000 {
            if self.eof == [true; 2] {
                assert_eq!(self.received, [self.sent[1], self.sent[0]]);
                return;
            }
            net.step();
            self.talk(net);
        }
        panic!("no end: {:?} {:?}", self.sent, self.received);
    }
}

/// Cuts cables of the first host and steps until it has heard of each.
fn cut(net: &mut Net, cables: &[usize]) {
    let is_down = |(_, event): (_, BondEvent)| matches!(event, BondEvent::Link(_, false));
    cables.iter().for_each(|&n| net.cables[n].set_carrier(false));
    let mut heard = 0;
    for _ in 0..5_000 {
        net.step();
        let (bond, _) = net.hosts[0].bond_and_sockets_mut().expect("bond");
        heard += std::iter::from_fn(|| bond.poll_event()).filter(|&event| is_down(event)).count();
        if heard == cables.len() {
            return;
        }
    }
    panic!("heard of {heard}");
}

#[test]
fn both_ends_on_this_host_notice_no_failover() {
    let mut net = Net::up(2);
    let mut talk = Talk::open(&mut net, 8);
    talk.deliver(&mut net, 200_000);
    let link = Goal::Link((1, PortId(0)).into());
    for (id, to) in talk.ends.into_iter().zip([link, Goal::Host]) {
        let now = net.now;
        let (bond, core) = net.hosts[0].bond_and_sockets_mut().expect("bond");
        assert_eq!(bond.move_connection(now, core, id, to), Err(NoMove::NotLive));
    }
    cut(&mut net, &[0]);
    talk.deliver(&mut net, 200_000);
    // Now there is no link at all.
    cut(&mut net, &[1]);
    talk.deliver(&mut net, 200_000);
    let mut later = Talk::open(&mut net, 9);
    later.deliver(&mut net, 50_000);
    net.cables[0].set_carrier(true);
    later.finish(&mut net);
    talk.deliver(&mut net, 200_000);
    talk.finish(&mut net);
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert!(counters.failures >= 1, "{counters:?}");
    let crossed =
        [counters.moved, counters.sheltered, counters.tunnelled_out, counters.tunnelled_in];
    assert_eq!(crossed, [0; 4], "{counters:?}");
    let counters = *net.hosts[0].sockets().counters();
    assert!(counters.loopback_frames > 1000, "{counters:?}");
    assert_eq!((counters.loopback_dropped, counters.rx_bad_source), (0, 0), "{counters:?}");
    net.settle();
}

/// Others are moved beside it.
#[test]
fn a_failover_of_others_leaves_it_alone() {
    let mut net = Net::up(2);
    let others = net.open(4);
    let mut talk = Talk::open(&mut net, 8);
    net.cables[0].set_carrier(false);
    talk.deliver(&mut net, 100_000);
    net.wait(|net| net.hosts[0].offloaded(1) == 4);
    talk.deliver(&mut net, 100_000);
    talk.finish(&mut net);
    for ends in others {
        net.transfer(ends, 50_000);
    }
    let counters = net.hosts[0].bond().expect("bond").counters();
    assert_eq!((counters.failures, counters.moved), (1, 4), "{counters:?}");
}

/// With a link and without one.
#[test]
fn a_closed_port_of_this_host_refuses_at_once() {
    let mut net = Net::up(2);
    for is_dark in [false, true] {
        if is_dark {
            cut(&mut net, &[0, 1]);
        }
        let (now, remote) = (net.now, (ADDRESSES[0], 99).into());
        let id = net.hosts[0].sockets_mut().connect(now, remote, None, OFFLOAD).expect("opens");
        // SYN and RST.
        (0..3).for_each(|_| net.step());
        let sockets = net.hosts[0].sockets_mut();
        let refused = SocketError::Connection(ConnectionError::Refused);
        assert_eq!(sockets.recv(id, &mut [0]), Err(refused), "dark: {is_dark}");
        sockets.close(now, id);
    }
}
