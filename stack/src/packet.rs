//! Frames taken apart and put together: Ethernet II, ARP, IPv4, ICMP echo.

use core::net::Ipv4Addr;

pub use smoltcp::wire::IpProtocol;

use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    Icmpv4Message, Icmpv4Packet, Ipv4Packet,
};

use mafo_mem::checksum::{self, Partial};
use mafo_tcp::{CHECKSUM_OFFSET, Ecn, Segment};

use crate::neigh::{BROADCAST, Mac};

/// Bytes of an Ethernet II header.
pub const ETHERNET_HEADER: usize = 14;
/// Bytes of an IPv4 header as we send it, without options.
pub const IPV4_HEADER: usize = 20;
/// The shortest frame without its FCS; shorter ones are padded on the wire.
pub const MIN_FRAME: usize = 60;
/// Time to live of what we send, unless another is wished for (RFC 1700's recommendation, and what Linux sends).
pub const TTL: u8 = 64;

/// The Differentiated Services code point of packets (RFC 2474): what routers are asked to do with them. Six bits;
/// the other two of the octet that was once called TOS are ECN's (RFC 3168), which no application sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dscp(u8);

impl Dscp {
    /// The default behaviour: best effort.
    pub const DEFAULT: Self = Self(0);

    /// Of a TOS octet, as an application writes it (IP_TOS); its ECN bits are left out, as in Linux.
    #[must_use]
    pub const fn of_tos(tos: u8) -> Self {
        Self(tos >> 2)
    }

    /// The TOS octet with ECN bits of zero.
    #[must_use]
    pub const fn tos(self) -> u8 {
        self.0 << 2
    }

    /// The code point, 0 to 63.
    #[must_use]
    pub const fn code_point(self) -> u8 {
        self.0
    }
}

/// What routers make of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handling {
    /// What they are asked to do with it.
    pub dscp: Dscp,
    /// Routers that it passes at most, and one.
    pub ttl: u8,
}

impl Default for Handling {
    fn default() -> Self {
        Self { dscp: Dscp::DEFAULT, ttl: TTL }
    }
}

/// What a frame is to a host.
#[derive(Debug)]
pub enum Packet<'a> {
    /// An ARP question or answer.
    Arp(Arp),
    /// A TCP segment: its addresses and the bytes from the TCP header on.
    Tcp(Ip, &'a [u8]),
    /// An ICMP message from its type byte on.
    Icmp(Ip, &'a [u8]),
    /// Well-formed, and nothing that we speak.
    Other,
}

/// What counts of an IPv4 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Who sent it.
    pub src: Ipv4Addr,
    /// Whom it is for.
    pub dst: Ipv4Addr,
    /// ECN field (RFC 3168).
    pub ecn: Ecn,
}

/// An ARP packet for Ethernet and IPv4 (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// A question, else an answer.
    pub request: bool,
    /// The sender's MAC.
    pub sender_mac: Mac,
    /// The sender's address; 0.0.0.0 in a probe (RFC 5227).
    pub sender: Ipv4Addr,
    /// The MAC spoken to; ignored in a question.
    pub target_mac: Mac,
    /// The address asked for.
    pub target: Ipv4Addr,
}

/// Why a frame was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Too short for its header, or a length that points beyond its end.
    Truncated,
    /// A checksum is wrong.
    Checksum,
    /// A fragment: nothing here sends or reassembles them.
    Fragment,
}

/// Source and destination MAC of a frame that is long enough to have them.
#[must_use]
pub fn macs(frame: &[u8]) -> Option<(Mac, Mac)> {
    let dst = frame.get(..6)?.try_into().ok()?;
    let src = frame.get(6..12)?.try_into().ok()?;
    Some((src, dst))
}

/// Takes a frame apart. The IPv4 header's checksum is verified here, TCP's where it is received
/// (`verify_tcp`), since hardware may have done it.
#[inline]
pub fn parse(frame: &[u8]) -> Result<Packet<'_>, Malformed> {
    match parse_plain_tcp(frame) {
        Some((ip, segment)) => Ok(Packet::Tcp(ip, segment)),
        None => parse_any(frame),
    }
}

/// TCP over IPv4 as almost every frame has it: no options, whole, the checksum right. Of all else nothing is decided here.
#[inline]
pub(crate) fn parse_plain_tcp(frame: &[u8]) -> Option<(Ip, &[u8])> {
    const START: [u8; 3] = [0x08, 0x00, 0x45];
    let header: &[u8; IPV4_HEADER] = frame.get(ETHERNET_HEADER..)?.first_chunk()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff;
    let is_plain = frame[ETHERNET_HEADER - 2..=ETHERNET_HEADER] == START
        && header[9] == u8::from(IpProtocol::Tcp)
        && fragment == 0
        && length >= IPV4_HEADER
        && checksum::sum(header).is_valid();
    let segment = frame[ETHERNET_HEADER..].get(IPV4_HEADER..length).filter(|_| is_plain)?;
    let address =
        |at: usize| Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    Some((Ip { src: address(12), dst: address(16), ecn: Ecn::of_tos(header[1]) }, segment))
}

/// The segment in `bytes`, what `ip` carries, and where its payload begins.
#[inline]
pub(crate) fn segment(ip: &Ip, bytes: &[u8]) -> Result<(Segment, usize), Malformed> {
    if !is_whole(ip, bytes) {
        return Err(Malformed::Checksum);
    }
    let (segment, header_len) = Segment::parse(bytes).map_err(|_| Malformed::Truncated)?;
    Ok((Segment { ecn: ip.ecn, ..segment }, header_len))
}

/// Whether the checksum of the segment in `bytes`, what `ip` carries, is right.
//= rfc9293#3.1 MUST-3
#[inline]
pub(crate) fn is_whole(ip: &Ip, bytes: &[u8]) -> bool {
    let (src, dst) = (ip.src.octets(), ip.dst.octets());
    let pseudo = checksum::pseudo_header_v4(src, dst, IpProtocol::Tcp.into(), bytes.len() as u16);
    (pseudo + checksum::sum(bytes)).is_valid()
}

fn parse_any(frame: &[u8]) -> Result<Packet<'_>, Malformed> {
    let ethernet = EthernetFrame::new_checked(frame).map_err(|_| Malformed::Truncated)?;
    match ethernet.ethertype() {
        EthernetProtocol::Arp => parse_arp(ethernet.payload()),
        EthernetProtocol::Ipv4 => parse_ipv4(ethernet.payload()),
        _ => Ok(Packet::Other),
    }
}

fn parse_arp(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let packet = ArpPacket::new_checked(bytes).map_err(|_| Malformed::Truncated)?;
    let Ok(ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr,
        target_hardware_addr,
        target_protocol_addr,
    }) = ArpRepr::parse(&packet)
    else {
        return Ok(Packet::Other);
    };
    let request = match operation {
        ArpOperation::Request => true,
        ArpOperation::Reply => false,
        ArpOperation::Unknown(_) => return Ok(Packet::Other),
    };
    Ok(Packet::Arp(Arp {
        request,
        sender_mac: source_hardware_addr.0,
        sender: source_protocol_addr,
        target_mac: target_hardware_addr.0,
        target: target_protocol_addr,
    }))
}

//= rfc9293#3.9.2 MUST-50
fn parse_ipv4(bytes: &[u8]) -> Result<Packet<'_>, Malformed> {
    let packet = Ipv4Packet::new_checked(bytes).map_err(|_| Malformed::Truncated)?;
    if packet.version() != 4 {
        return Err(Malformed::Truncated);
    }
    if !packet.verify_checksum() {
        return Err(Malformed::Checksum);
    }
    if packet.more_frags() || packet.frag_offset() != 0 {
        return Err(Malformed::Fragment);
    }
    let ip = Ip { src: packet.src_addr(), dst: packet.dst_addr(), ecn: Ecn::of_tos(packet.ecn()) };
    // `payload` ends where the total length says: Ethernet's padding is gone.
    match packet.next_header() {
        IpProtocol::Tcp => Ok(Packet::Tcp(ip, packet.payload())),
        IpProtocol::Icmp => Ok(Packet::Icmp(ip, packet.payload())),
        _ => Ok(Packet::Other),
    }
}

/// Writes an ARP packet as a frame from `src` to `dst` into `buf`; its length.
pub fn emit_arp(buf: &mut [u8], src: Mac, dst: Mac, arp: &Arp) -> usize {
    let repr = ArpRepr::EthernetIpv4 {
        operation: if arp.request { ArpOperation::Request } else { ArpOperation::Reply },
        source_hardware_addr: EthernetAddress(arp.sender_mac),
        source_protocol_addr: arp.sender,
        target_hardware_addr: EthernetAddress(arp.target_mac),
        target_protocol_addr: arp.target,
    };
    let end = ETHERNET_HEADER + repr.buffer_len();
    emit_ethernet(buf, src, dst, EthernetProtocol::Arp);
    repr.emit(&mut ArpPacket::new_unchecked(&mut buf[ETHERNET_HEADER..end]));
    pad(buf, end)
}

/// A gratuitous ARP request: everybody who knows `address` learns `mac`, and every switch on the way
/// learns the port it came from (RFC 5227, section 3).
pub fn emit_gratuitous_arp(buf: &mut [u8], mac: Mac, address: Ipv4Addr) -> usize {
    let arp = Arp {
        request: true,
        sender_mac: mac,
        sender: address,
        target_mac: [0; 6],
        target: address,
    };
    emit_arp(buf, mac, BROADCAST, &arp)
}

/// Writes the Ethernet header of an IPv4 frame and the IPv4 header for `payload_len` bytes of
/// `protocol`, handled as by default; where the payload begins.
pub fn emit_ipv4(
    buf: &mut [u8],
    macs: (Mac, Mac),
    addresses: (Ipv4Addr, Ipv4Addr),
    protocol: IpProtocol,
    payload_len: usize,
) -> usize {
    emit_ipv4_with(buf, macs, addresses, protocol, (0, TTL), payload_len)
}

fn emit_ipv4_with(
    buf: &mut [u8],
    macs: (Mac, Mac),
    (src, dst): (Ipv4Addr, Ipv4Addr),
    protocol: IpProtocol,
    (tos, ttl): (u8, u8),
    payload_len: usize,
) -> usize {
    emit_ethernet(buf, macs.0, macs.1, EthernetProtocol::Ipv4);
    let header = &mut buf[ETHERNET_HEADER..ETHERNET_HEADER + IPV4_HEADER];
    let length = (IPV4_HEADER + payload_len) as u16;
    //= rfc1191#3 RFC1191-3-4
    // Identification 0 and "don't fragment": right for RFC 6864 atomic datagrams.
    let [len_high, len_low] = length.to_be_bytes();
    let words = [
        u32::from_be_bytes([0x45, tos, len_high, len_low]),
        u32::from_be_bytes([0, 0, 0x40, 0]),
        u32::from_be_bytes([ttl, protocol.into(), 0, 0]),
        src.to_bits(),
        dst.to_bits(),
    ];
    let sum = checksum::put_words(header, words);
    header[10..12].copy_from_slice(&sum.checksum().to_be_bytes());
    ETHERNET_HEADER + IPV4_HEADER
}

/// Writes a whole TCP frame with `payload` into `buf`: headers, payload, checksums; its length.
pub fn emit_tcp(
    buf: &mut [u8],
    macs: (Mac, Mac),
    addresses: (Ipv4Addr, Ipv4Addr),
    segment: &Segment,
    payload: &[u8],
) -> usize {
    debug_assert_eq!(segment.payload_len as usize, payload.len());
    let handling = Handling::default();
    emit_tcp_with(buf, macs, addresses, handling, segment, |dst| dst.copy_from_slice(payload))
}

/// Like [`emit_tcp`], with a word to routers, and the payload written in place by `fill`.
pub fn emit_tcp_with(
    buf: &mut [u8],
    macs: (Mac, Mac),
    (src, dst): (Ipv4Addr, Ipv4Addr),
    handling: Handling,
    segment: &Segment,
    fill: impl FnOnce(&mut [u8]),
) -> usize {
    emit_tcp_summed(buf, macs, (src, dst), handling, segment, |payload| {
        fill(payload);
        checksum::sum(payload)
    })
}

/// The same where who writes the payload sums it as well.
//= rfc9293#3.1 MUST-2
#[inline]
pub(crate) fn emit_tcp_summed(
    buf: &mut [u8],
    macs: (Mac, Mac),
    (src, dst): (Ipv4Addr, Ipv4Addr),
    handling: Handling,
    segment: &Segment,
    fill: impl FnOnce(&mut [u8]) -> Partial,
) -> usize {
    let tcp_len = segment.header_len() + segment.payload_len as usize;
    let Handling { dscp, ttl } = handling;
    //= rfc9293#3.9.1.9 SHLD-22
    let tos = dscp.code_point() << 2 | segment.ecn.bits();
    let at = emit_ipv4_with(buf, macs, (src, dst), IpProtocol::Tcp, (tos, ttl), tcp_len);
    let tcp = &mut buf[at..at + tcp_len];
    let (header_len, header) = segment.emit_summed(tcp);
    let payload = fill(&mut tcp[header_len..]);
    let protocol = IpProtocol::Tcp.into();
    let pseudo = checksum::pseudo_header_v4(src.octets(), dst.octets(), protocol, tcp_len as u16);
    let sum = (pseudo + header + payload).checksum();
    tcp[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2].copy_from_slice(&sum.to_be_bytes());
    pad(buf, at + tcp_len)
}

/// Lets routers cut the IPv4 packet of `frame`, whose header has no options, into pieces; `id` is what its
/// receiver knows the pieces by.
pub fn allow_fragments(frame: &mut [u8], id: u16) {
    if frame.len() < ETHERNET_HEADER + IPV4_HEADER {
        return;
    }
    let mut packet = Ipv4Packet::new_unchecked(&mut frame[ETHERNET_HEADER..]);
    packet.set_dont_frag(false);
    packet.set_ident(id);
    packet.fill_checksum();
}

/// Pads a frame of `len` bytes to the least that Ethernet carries; its length then.
pub fn pad(buf: &mut [u8], len: usize) -> usize {
    if len < MIN_FRAME {
        buf[len..MIN_FRAME].fill(0);
    }
    len.max(MIN_FRAME)
}

fn emit_ethernet(buf: &mut [u8], src: Mac, dst: Mac, protocol: EthernetProtocol) {
    let header = &mut buf[..ETHERNET_HEADER];
    header[..6].copy_from_slice(&dst);
    header[6..12].copy_from_slice(&src);
    header[12..].copy_from_slice(&u16::from(protocol).to_be_bytes());
}

/// Writes the answer to an ICMP echo request (RFC 792) as a frame, or `None` when `message` is not
/// a whole echo request or does not fit.
pub fn emit_echo_reply(
    buf: &mut [u8],
    macs: (Mac, Mac),
    addresses: (Ipv4Addr, Ipv4Addr),
    ttl: u8,
    message: &[u8],
) -> Option<usize> {
    let request = Icmpv4Packet::new_checked(message).ok()?;
    if request.msg_type() != Icmpv4Message::EchoRequest || !request.verify_checksum() {
        return None;
    }
    if buf.len() < ETHERNET_HEADER + IPV4_HEADER + message.len() {
        return None;
    }
    let at = emit_ipv4_with(buf, macs, addresses, IpProtocol::Icmp, (0, ttl), message.len());
    let body = &mut buf[at..at + message.len()];
    body.copy_from_slice(message);
    let mut reply = Icmpv4Packet::new_unchecked(body);
    reply.set_msg_type(Icmpv4Message::EchoReply);
    reply.fill_checksum();
    Some(pad(buf, at + message.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: (Mac, Ipv4Addr) = ([2, 0, 0, 0, 0, 2], Ipv4Addr::new(10, 77, 0, 2));
    const PEER: (Mac, Ipv4Addr) = ([2, 0, 0, 0, 0, 1], Ipv4Addr::new(10, 77, 0, 1));

    #[test]
    fn what_is_plain_is_what_it_is_by_all_rules() {
        let segment = Segment { payload_len: 3, ..Segment::default() };
        let mut frame = [0; 128];
        let len = emit_tcp(&mut frame, (PEER.0, US.0), (PEER.1, US.1), &segment, b"abc");
        assert!(parse_plain_tcp(&frame[..len]).is_some());
        let mut plain = 0;
        for (at, value) in
            (12..ETHERNET_HEADER + IPV4_HEADER).flat_map(|at| (0..=255).map(move |v| (at, v)))
        {
            for mends_checksum in [false, true] {
                let mut frame = frame;
                frame[at] = value;
                if mends_checksum {
                    Ipv4Packet::new_unchecked(&mut frame[ETHERNET_HEADER..]).fill_checksum();
                }
                for len in [len, len - 5, 33, 20, 13] {
                    let frame = &frame[..len];
                    let (any, all) = (parse_any(frame), parse(frame));
                    assert_eq!(format!("{all:?}"), format!("{any:?}"), "{at} {value:#x} {len}");
                    plain += u32::from(parse_plain_tcp(frame).is_some());
                }
            }
        }
        assert!(plain > 3000, "{plain}");
    }

    #[test]
    fn a_gratuitous_arp_is_what_rfc_5227_says() {
        let mut buf = [0xaa; 64];
        let len = emit_gratuitous_arp(&mut buf, US.0, US.1);
        #[rustfmt::skip]
        let expected = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 2, 0x08, 0x06, // Ethernet: all, us, ARP
            0, 1, 8, 0, 6, 4, 0, 1,                                          // Ethernet, IPv4, 6, 4, request
            2, 0, 0, 0, 0, 2, 10, 77, 0, 2,                                  // sender: our MAC and address
            0, 0, 0, 0, 0, 0, 10, 77, 0, 2,                                  // target: nobody, our address
        ];
        assert_eq!(buf[..expected.len()], expected);
        assert_eq!((len, &buf[42..60]), (60, &[0; 18][..]), "padded with zeros");
        let Ok(Packet::Arp(arp)) = parse(&buf[..len]) else { panic!("not parsed") };
        assert_eq!((arp.sender, arp.target, arp.request), (US.1, US.1, true));
    }

    #[test]
    fn an_echo_request_is_answered_with_its_own_bytes() {
        // Type 8, code 0, checksum, identifier 0x1234, sequence 1, data "abc":
        // 0x0800 + 0x1234 + 0x0001 + 0x6162 + 0x6300 = 0xde97; inverted 0x2168.
        let request = [8, 0, 0x21, 0x68, 0x12, 0x34, 0, 1, b'a', b'b', b'c'];
        let mut buf = [0; 128];
        let len =
            emit_echo_reply(&mut buf, (US.0, PEER.0), (US.1, PEER.1), 9, &request).expect("echo");
        assert_eq!(buf[ETHERNET_HEADER + 8], 9, "time to live");
        let Ok(Packet::Icmp(ip, reply)) = parse(&buf[..len]) else { panic!("not parsed") };
        assert_eq!((ip.src, ip.dst), (US.1, PEER.1));
        // Type 0: the checksum grows by 0x0800.
        assert_eq!(reply, [0, 0, 0x29, 0x68, 0x12, 0x34, 0, 1, b'a', b'b', b'c']);
        let mut damaged = request;
        damaged[9] ^= 1;
        assert_eq!(emit_echo_reply(&mut buf, (US.0, PEER.0), (US.1, PEER.1), 9, &damaged), None);
    }

    #[test]
    fn a_packet_that_may_be_cut_has_a_number_and_no_df() {
        let mut buf = [0; 128];
        let at = emit_ipv4(&mut buf, (US.0, PEER.0), (US.1, PEER.1), IpProtocol::Tcp, 20);
        assert_eq!(buf[ETHERNET_HEADER + 4..][..4], [0, 0, 0x40, 0], "DF, no number");
        allow_fragments(&mut buf[..at + 20], 0x1234);
        assert_eq!(buf[ETHERNET_HEADER + 4..][..4], [0x12, 0x34, 0, 0]);
        assert!(matches!(parse(&buf[..at + 20]), Ok(Packet::Tcp(..))), "its checksum is right");
    }

    #[test]
    fn the_ecn_field_is_the_end_of_the_second_byte() {
        for (ecn, bits) in [(Ecn::NotEct, 0), (Ecn::Ect1, 1), (Ecn::Ect0, 2), (Ecn::Ce, 3)] {
            let mut buf = [0; 128];
            let segment = Segment { ecn, ..Segment::default() };
            let len = emit_tcp(&mut buf, (US.0, PEER.0), (US.1, PEER.1), &segment, &[]);
            assert_eq!(buf[ETHERNET_HEADER + 1], bits);
            let Ok(Packet::Tcp(ip, _)) = parse(&buf[..len]) else {
                panic!("its checksum is right")
            };
            assert_eq!(ip.ecn, ecn);
        }
    }

    #[test]
    fn the_code_point_is_the_rest_of_that_byte() {
        let ef = Dscp::of_tos(0xbb);
        assert_eq!((ef.code_point(), ef.tos()), (46, 0xb8), "ECN's bits are not the application's");
        for (ecn, tos) in [(Ecn::NotEct, 0xb8), (Ecn::Ce, 0xbb)] {
            let mut buf = [0; 128];
            let segment = Segment { ecn, ..Segment::default() };
            let addresses = (US.1, PEER.1);
            let handling = Handling { dscp: ef, ttl: 7 };
            emit_tcp_with(&mut buf, (US.0, PEER.0), addresses, handling, &segment, |_| {});
            assert_eq!((buf[ETHERNET_HEADER + 1], buf[ETHERNET_HEADER + 8]), (tos, 7));
            assert!(matches!(parse(&buf[..60]), Ok(Packet::Tcp(ip, _)) if ip.ecn == ecn));
        }
    }

    #[test]
    fn what_is_not_whole_is_named() {
        let mut buf = [0; 128];
        let at = emit_ipv4(&mut buf, (US.0, PEER.0), (US.1, PEER.1), IpProtocol::Tcp, 20);
        let frame = &buf[..at + 20];
        assert!(matches!(parse(frame), Ok(Packet::Tcp(_, tcp)) if tcp.len() == 20));
        assert!(matches!(parse(&frame[..at + 19]), Err(Malformed::Truncated)));
        assert!(matches!(parse(&frame[..10]), Err(Malformed::Truncated)));
        let mut damaged = buf;
        damaged[ETHERNET_HEADER + 8] ^= 1;
        assert!(matches!(parse(&damaged[..at + 20]), Err(Malformed::Checksum)));
        let mut fragment = buf;
        let mut packet = Ipv4Packet::new_unchecked(&mut fragment[ETHERNET_HEADER..]);
        packet.set_dont_frag(false);
        packet.set_more_frags(true);
        packet.fill_checksum();
        assert!(matches!(parse(&fragment[..at + 20]), Err(Malformed::Fragment)));
        let mut last = Ipv4Packet::new_unchecked(&mut fragment[ETHERNET_HEADER..]);
        last.set_more_frags(false);
        last.set_frag_offset(1480);
        last.fill_checksum();
        assert!(matches!(parse(&fragment[..at + 20]), Err(Malformed::Fragment)));
    }
}
