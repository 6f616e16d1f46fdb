//! The far end of the cable: the script's, and the station of everybody that the stack asks for.

use std::collections::VecDeque;
use std::net::Ipv4Addr;

use mafo::wire::Wire;
use mafo::wire::mem::MemEnd;
use mafo::{Frame, FrameBurst, IcmpError, Nanos, capacity_for_mtu};
use mafo_mem::checksum;
use mafo_stack::packet::{self, Arp, IpProtocol, Packet};
use mafo_tcp::{Flags, Segment, SeqNum};

pub(crate) const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
pub(crate) const OUR_PORT: u16 = 7;
pub(crate) const PEER_PORT: u16 = 40_000;
pub(crate) const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Frames taken from the cable at a time.
const BURST: usize = 32;

/// The far end.
pub(crate) struct Far {
    cable: MemEnd,
    burst: FrameBurst,
    frame: Frame,
    /// Segments that left, oldest first.
    pub(crate) left: VecDeque<(Segment, Vec<u8>)>,
}

impl Far {
    /// At `cable`, for packets of up to `mtu` bytes.
    pub(crate) fn new(cable: MemEnd, mtu: usize) -> Self {
        let capacity = capacity_for_mtu(mtu);
        let (burst, frame) = (FrameBurst::new(BURST, capacity), Frame::with_capacity(capacity));
        Self { cable, burst, frame, left: VecDeque::new() }
    }

    /// Puts a segment on the cable.
    pub(crate) fn segment(&mut self, now: Nanos, segment: &Segment, payload: &[u8]) {
        let macs = (PEER_MAC, OUR_MAC);
        self.put(now, |buf| packet::emit_tcp(buf, macs, (PEER, US), segment, payload));
    }

    /// Puts a reset of no connection on the cable.
    pub(crate) fn reset_of_nobody(&mut self, now: Nanos) {
        let (src_port, dst_port, flags) = (1, 1, Flags::RST);
        let segment = Segment { src_port, dst_port, flags, ..Segment::default() };
        self.segment(now, &segment, &[]);
    }

    /// An ICMP error comes, about a segment at `seq` in a packet of `total_len` bytes.
    pub(crate) fn icmp(&mut self, now: Nanos, error: IcmpError, seq: SeqNum, total_len: u16) {
        let (kind, code) = match error {
            IcmpError::NetUnreachable => (3, 0),
            IcmpError::HostUnreachable => (3, 1),
            IcmpError::ProtocolUnreachable => (3, 2),
            IcmpError::PortUnreachable => (3, 3),
            IcmpError::SourceRouteFailed => (3, 5),
            IcmpError::HostUnknown => (3, 7),
            IcmpError::SourceIsolated => (3, 8),
            IcmpError::Prohibited => (3, 13),
            IcmpError::TimeExceeded => (11, 0),
            IcmpError::ParameterProblem => (12, 0),
        };
        self.icmp_message(now, [kind, code, 0, 0, 0, 0, 0, 0], seq, total_len);
    }

    /// A router says that a packet of `total_len` bytes, with a segment at `seq`, does not fit where one of `mtu`
    /// bytes would.
    pub(crate) fn too_big(&mut self, now: Nanos, mtu: u16, seq: SeqNum, total_len: u16) {
        let [high, low] = mtu.to_be_bytes();
        self.icmp_message(now, [3, 4, 0, 0, 0, 0, high, low], seq, total_len);
    }

    fn icmp_message(&mut self, now: Nanos, header: [u8; 8], seq: SeqNum, total_len: u16) {
        let mut quote = vec![0; 2048];
        let len = usize::from(total_len) - packet::IPV4_HEADER;
        let addresses = (US, PEER);
        let at =
            packet::emit_ipv4(&mut quote, (OUR_MAC, PEER_MAC), addresses, IpProtocol::Tcp, len);
        quote[at..at + 2].copy_from_slice(&OUR_PORT.to_be_bytes());
        quote[at + 2..at + 4].copy_from_slice(&PEER_PORT.to_be_bytes());
        quote[at + 4..at + 8].copy_from_slice(&seq.0.to_be_bytes());
        let mut message = header.to_vec();
        message.extend(&quote[packet::ETHERNET_HEADER..at + 8]);
        let sum = checksum::sum(&message).checksum();
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        self.put(now, |buf| {
            let macs = (PEER_MAC, OUR_MAC);
            let at = packet::emit_ipv4(buf, macs, (PEER, US), IpProtocol::Icmp, message.len());
            buf[at..at + message.len()].copy_from_slice(&message);
            packet::pad(buf, at + message.len())
        });
    }

    fn put(&mut self, now: Nanos, fill: impl FnOnce(&mut [u8]) -> usize) {
        let len = fill(self.frame.buffer_mut());
        self.frame.set_len(len);
        let taken = self.cable.tx_burst(now, core::slice::from_ref(&self.frame));
        assert_eq!(taken, 1, "room on the cable");
    }

    /// Takes what left; whether anything did.
    pub(crate) fn collect(&mut self, now: Nanos) -> bool {
        self.burst.clear();
        let mut any = false;
        while self.cable.rx_burst(now, &mut self.burst) > 0 {
            any = true;
            let questions: Vec<Arp> = self.burst.frames().iter().filter_map(question).collect();
            let segments = self.burst.frames().iter().filter_map(segment);
            self.left.extend(segments);
            self.burst.clear();
            for Arp { sender_mac, sender, target, .. } in questions {
                let (request, target_mac) = (false, sender_mac);
                let reply = Arp {
                    request,
                    sender_mac: PEER_MAC,
                    sender: target,
                    target_mac,
                    target: sender,
                };
                self.put(now, |buf| packet::emit_arp(buf, PEER_MAC, target_mac, &reply));
            }
        }
        any
    }
}

/// A question for another station.
fn question(frame: &Frame) -> Option<Arp> {
    match packet::parse(frame.as_slice()) {
        Ok(Packet::Arp(arp)) if arp.request && arp.target != arp.sender => Some(arp),
        _ => None,
    }
}

/// A segment, whose every header must be right.
fn segment(frame: &Frame) -> Option<(Segment, Vec<u8>)> {
    let Packet::Tcp(ip, bytes) = packet::parse(frame.as_slice()).expect("a frame that is whole")
    else {
        return None;
    };
    assert_eq!((ip.src, ip.dst), (US, PEER));
    let protocol = IpProtocol::Tcp.into();
    let (src, dst, len) = (ip.src.octets(), ip.dst.octets(), bytes.len() as u16);
    let pseudo = checksum::pseudo_header_v4(src, dst, protocol, len);
    assert!((pseudo + checksum::sum(bytes)).is_valid(), "a checksum that is right");
    let (segment, at) = Segment::parse(bytes).expect("a segment");
    assert_eq!((segment.src_port, segment.dst_port), (OUR_PORT, PEER_PORT));
    Some((Segment { ecn: ip.ecn, ..segment }, bytes[at..].to_vec()))
}
