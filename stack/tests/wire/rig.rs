//! One stack on the host path, and a wire on which the test is everybody else.

use std::net::{Ipv4Addr, SocketAddrV4};

use mafo_mem::{Nanos, checksum};
use mafo_pmd::eal::dma::Arena;
use mafo_stack::packet::{self, Arp, Packet};
use mafo_stack::{Core, Options, PathChoice, Stack, StackConfig};
use mafo_tcp::{Flags, Segment, SeqNum};
use smoltcp::wire::IpProtocol;

use crate::cable::{End, Lane};

pub(crate) const US: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
pub(crate) const ROUTER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
const ROUTER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const HOST: Options = Options::on(PathChoice::Host);

/// A segment that left.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) to: SocketAddrV4,
    pub(crate) segment: Segment,
    /// Its IP packet.
    pub(crate) packet: Vec<u8>,
}

impl Sent {
    /// Whether routers must not cut it into pieces.
    pub(crate) fn dont_fragment(&self) -> bool {
        self.packet[6] & 0x40 != 0
    }
}

pub(crate) struct Wire {
    pub(crate) stack: Stack,
    to_us: Lane,
    from_us: Lane,
    pub(crate) now: Nanos,
}

impl Wire {
    pub(crate) fn new(configure: impl FnOnce(&mut StackConfig)) -> Self {
        let (to_us, from_us) = (Lane::default(), Lane::default());
        let mut config = StackConfig::new(US, 24, OUR_MAC);
        config.gateway = Some(ROUTER);
        config.secret = [7; 16];
        configure(&mut config);
        let mut stack = Stack::new(config, Arena::ordinary(64 << 20).expect("memory"));
        stack.add_port(Box::new(End { mac: OUR_MAC, tx: from_us.clone(), rx: to_us.clone() }));
        Self { stack, to_us, from_us, now: Nanos::from_secs(1000) }
    }

    pub(crate) fn core(&mut self) -> &mut Core {
        self.stack.core_mut()
    }

    /// Runs what is due until `later` from now.
    pub(crate) fn wait(&mut self, later: Nanos) {
        let end = self.now + later;
        self.stack.poll(self.now);
        while let Some(due) = self.stack.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.stack.poll(self.now);
        }
        self.now = end;
        self.stack.poll(self.now);
    }

    fn frame(&mut self, fill: impl FnOnce(&mut [u8]) -> usize) {
        let mut buf = vec![0; 2048];
        let len = fill(&mut buf);
        buf.truncate(len);
        self.to_us.push(buf);
    }

    /// A segment of `from` arrives. Its destination port is in it.
    pub(crate) fn send(&mut self, from: SocketAddrV4, segment: Segment, payload: &[u8]) {
        self.send_to(US, from, segment, payload);
    }

    /// As [`Wire::send`], to an address that need not be ours.
    pub(crate) fn send_to(
        &mut self,
        to: Ipv4Addr,
        from: SocketAddrV4,
        segment: Segment,
        payload: &[u8],
    ) {
        let segment =
            Segment { src_port: from.port(), payload_len: payload.len() as u32, ..segment };
        let macs = (ROUTER_MAC, OUR_MAC);
        self.frame(|buf| packet::emit_tcp(buf, macs, (*from.ip(), to), &segment, payload));
        self.stack.poll(self.now);
    }

    /// As [`Wire::send`], without payload, and `change` has its way with the frame.
    pub(crate) fn send_changed(
        &mut self,
        from: SocketAddrV4,
        segment: Segment,
        change: impl FnOnce(&mut Vec<u8>),
    ) {
        let segment = Segment { src_port: from.port(), ..segment };
        let mut frame = vec![0; 2048];
        let macs = (ROUTER_MAC, OUR_MAC);
        let len = packet::emit_tcp(&mut frame, macs, (*from.ip(), US), &segment, &[]);
        frame.truncate(len);
        change(&mut frame);
        self.to_us.push(frame);
        self.stack.poll(self.now);
    }

    /// An ICMP error of the router arrives, about `about`; `word` is its second word.
    pub(crate) fn icmp(&mut self, kind: u8, code: u8, word: u32, about: &Sent) {
        let mut message = vec![kind, code, 0, 0];
        message.extend(word.to_be_bytes());
        message.extend(&about.packet[..28]);
        let sum = checksum::sum(&message).checksum();
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let macs = (ROUTER_MAC, OUR_MAC);
        self.frame(|buf| {
            let at = packet::emit_ipv4(buf, macs, (ROUTER, US), IpProtocol::Icmp, message.len());
            buf[at..at + message.len()].copy_from_slice(&message);
            at + message.len()
        });
        self.stack.poll(self.now);
    }

    /// What left since the last time. The router answers for everybody's MAC.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        loop {
            self.stack.poll(self.now);
            let Some(frame) = self.from_us.pop() else { return sent };
            match packet::parse(&frame).expect("whole") {
                Packet::Arp(arp) if arp.request => {
                    let reply = Arp {
                        request: false,
                        sender_mac: ROUTER_MAC,
                        sender: arp.target,
                        target_mac: OUR_MAC,
                        target: US,
                    };
                    self.frame(|buf| packet::emit_arp(buf, ROUTER_MAC, OUR_MAC, &reply));
                }
                Packet::Tcp(ip, bytes) => {
                    let (segment, _) = Segment::parse(bytes).expect("a segment");
                    let to = SocketAddrV4::new(ip.dst, segment.dst_port);
                    let start = packet::ETHERNET_HEADER;
                    let len = packet::IPV4_HEADER + bytes.len();
                    sent.push(Sent { to, segment, packet: frame[start..start + len].to_vec() });
                }
                _ => {}
            }
        }
    }

    /// The one segment that left.
    #[track_caller]
    pub(crate) fn one(&mut self) -> Sent {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent.into_iter().next().expect("one")
    }
}

/// A SYN to `port`.
pub(crate) fn syn(port: u16, seq: u32) -> Segment {
    let mut syn =
        Segment { dst_port: port, seq: SeqNum(seq), flags: Flags::SYN, ..Segment::default() };
    (syn.window, syn.options.mss) = (60_000, Some(1460));
    syn
}

/// An ACK of `of`, which was a SYN or SYN,ACK, by a peer whose next sequence number is `seq`.
pub(crate) fn ack_of(of: &Sent, seq: u32) -> Segment {
    Segment {
        dst_port: of.segment.src_port,
        seq: SeqNum(seq),
        ack: of.segment.seq + of.segment.seq_len(),
        flags: Flags::ACK,
        window: 60_000,
        ..Segment::default()
    }
}
