//! What a router says, and how long a user waits, about connections that an adapter has.

use std::sync::{Arc, Mutex};

use mafo::wire::Wire;
use mafo::wire::mem::MemEnd;
use mafo::{ConnectionError, MemberId, Nanos, SocketError, SocketId};
use mafo_mem::{Frame, FrameBurst, checksum};
use mafo_stack::packet::{self, IpProtocol, Packet};
use mafo_stack::{IcmpReason, Timeouts};

use crate::hosts::{ADDRESSES, Net, OFFLOAD};

/// Lengths of the TCP packets that went out.
type Lens = Arc<Mutex<Vec<u16>>>;

/// Longer packets do not get through.
const NARROW: usize = 1030;

/// A wire that loses what is too long, and notes how long the packets are.
struct Narrow(MemEnd, Lens);

impl Wire for Narrow {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        self.0.rx_burst(now, burst)
    }
    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        for frame in frames {
            if let Ok(Packet::Tcp(_, tcp)) = packet::parse(frame.as_slice()) {
                self.1.lock().expect("lengths").push(packet::IPV4_HEADER as u16 + tcp.len() as u16);
            }
        }
        let fits = |frame: &&Frame| frame.as_slice().len() <= packet::ETHERNET_HEADER + NARROW;
        for frame in frames.iter().filter(fits) {
            self.0.tx_burst(now, core::slice::from_ref(frame));
        }
        frames.len()
    }
    fn link_up(&mut self, now: Nanos) -> bool {
        self.0.link_up(now)
    }
    fn poll_timeout(&self) -> Option<Nanos> {
        self.0.poll_timeout()
    }
    fn counters(&self) -> mafo::wire::WireCounters {
        self.0.counters()
    }
}

/// An ICMP error about the oldest segment of `id` that is not acknowledged.
fn icmp(net: &mut Net, id: SocketId, kind: u8, code: u8, word: u32) {
    let sockets = net.hosts[0].sockets_mut();
    let tuple = sockets.tuple(id).expect("a socket");
    let seq = sockets.progress(id).map_or(0, |progress| progress.snd_una.0);
    let mut message = vec![kind, code, 0, 0];
    message.extend(word.to_be_bytes());
    message.extend([0x45, 0, 0x05, 0xdc, 0, 1, 0x40, 0, 64, 6, 0, 0]);
    message.extend(ADDRESSES[0].octets());
    message.extend(ADDRESSES[1].octets());
    message.extend(tuple.local.port().to_be_bytes());
    message.extend(tuple.remote.port().to_be_bytes());
    message.extend(seq.to_be_bytes());
    let sum = checksum::sum(&message).checksum();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut frame = [0; 128];
    let macs = ([2, 0, 0, 9, 9, 9], sockets.mac());
    let router = [10, 77, 0, 77].into();
    let at = packet::emit_ipv4(
        &mut frame,
        macs,
        (router, ADDRESSES[0]),
        IpProtocol::Icmp,
        message.len(),
    );
    frame[at..at + message.len()].copy_from_slice(&message);
    sockets.handle_frame(net.now, MemberId(0), &frame[..at + message.len()]);
}

fn steps(net: &mut Net, n: usize) {
    for _ in 0..n {
        net.step();
    }
}

#[test]
fn a_card_learns_of_a_narrow_path() {
    let lens = Lens::default();
    let mut net = Net::up_with(1, |_, wire| Box::new(Narrow(wire, lens.clone())));
    let [near, far] = net.open(1)[0];
    net.hosts[0].sockets_mut().send(near, &[7; 5000]).expect("room");
    steps(&mut net, 50);
    assert_eq!(lens.lock().expect("lengths").iter().max(), Some(&1500));
    icmp(&mut net, near, 3, 4, NARROW as u32);
    assert_eq!(net.hosts[0].sockets().counters().path_mtu_lowered, 1);
    lens.lock().expect("lengths").clear();
    let (mut received, mut buf) = (0, [0; 8192]);
    for _ in 0..50 {
        steps(&mut net, 100);
        received += net.hosts[1].sockets_mut().recv(far, &mut buf).unwrap_or(0);
    }
    assert_eq!(received, 5000, "sent again at once, without waiting for a timer");
    // The greatest entry of the card's MTU table that fits.
    assert_eq!(lens.lock().expect("lengths").iter().max(), Some(&1024));
}

#[test]
fn what_a_router_says_last_is_the_reason_of_a_user_timeout() {
    let mut net = Net::up(1);
    let [near, _] = net.open(1)[0];
    let now = net.now;
    let timeouts = Timeouts { user: Some(Nanos::from_secs(2)), ..Timeouts::default() };
    net.hosts[0].sockets_mut().set_timeouts(now, near, timeouts).expect("a socket");
    net.cables[0].set_carrier(false);
    net.hosts[0].sockets_mut().send(near, b"hello").expect("room");
    steps(&mut net, 50);
    icmp(&mut net, near, 3, 1, 0);
    while net.now - now < Nanos::from_millis(1900) {
        steps(&mut net, 1);
        net.now += Nanos::from_millis(1);
    }
    let read = |net: &mut Net| net.hosts[0].sockets_mut().recv(near, &mut [0]);
    assert_eq!(read(&mut net), Err(SocketError::WouldBlock));
    while net.now - now < Nanos::from_millis(2100) {
        steps(&mut net, 1);
        net.now += Nanos::from_millis(1);
    }
    let unreachable = ConnectionError::Icmp(IcmpReason::HostUnreachable);
    assert_eq!(read(&mut net), Err(SocketError::Connection(unreachable)));
}

#[test]
fn an_open_that_a_card_makes_is_given_up_by_the_user() {
    let mut net = Net::up(1);
    let _ = net.open(1);
    net.cables[0].set_carrier(false);
    let (now, remote) = (net.now, (ADDRESSES[1], 7).into());
    let sockets = net.hosts[0].sockets_mut();
    let id = sockets.connect(now, remote, None, OFFLOAD).expect("opens");
    let timeouts = Timeouts { connect: Some(Nanos::from_secs(3)), ..Timeouts::default() };
    sockets.set_timeouts(now, id, timeouts).expect("a socket");
    while net.now - now < Nanos::from_millis(3100) {
        steps(&mut net, 1);
        net.now += Nanos::from_millis(5);
    }
    let timed_out = SocketError::Connection(ConnectionError::TimedOut);
    assert_eq!(net.hosts[0].sockets_mut().recv(id, &mut [0]), Err(timed_out));
    net.cables[0].set_carrier(true);
    steps(&mut net, 1000);
    assert_eq!(net.hosts[0].sockets().counters().tom_unexpected, 0);
}
