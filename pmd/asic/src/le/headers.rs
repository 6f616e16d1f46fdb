//! The fields of a received frame that lookups are made of.

use super::tuple::FourTuple;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_FCOE: u16 = 0x8906;
const ETHERTYPE_VLAN: u16 = 0x8100;
const ETHERTYPE_SERVICE_VLAN: u16 = 0x88a8;
/// TCP's protocol number.
pub const PROTOCOL_TCP: u8 = 6;
/// UDP's protocol number.
pub const PROTOCOL_UDP: u8 = 17;

/// What MPS says about a frame that it accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ingress {
    /// Where it came in: 0–3 a wire, 4–7 the loopback of channel n − 4.
    pub port: u8,
    /// The entry of the MAC table that its destination matched, when one did.
    pub mac_index: Option<u16>,
    /// How it matched (`MPSHITTYPE`): a [`PkType`](mafo_t4::cpl::PkType).
    pub hit_type: u8,
}

/// The IP header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ip {
    /// Destination address: the local side.
    pub local: IpAddr,
    /// Source address: the peer's side.
    pub peer: IpAddr,
    /// Type of service or traffic class.
    pub tos: u8,
    /// Protocol, behind whatever extension headers.
    pub protocol: u8,
    /// Whether the packet is a fragment; its ports are then not looked at.
    pub fragment: bool,
    /// Offset of the IP header in the frame.
    pub start: usize,
    /// Offset of the transport header.
    pub payload: usize,
    /// Offset one past the packet: what follows is padding of the frame.
    pub end: usize,
}

/// A parsed frame. What is cut short or malformed is absent; nothing here is an error, because the
/// lookup of a frame that is not IP still has its Ethernet fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers {
    /// What MPS said.
    pub ingress: Ingress,
    /// EtherType behind the VLAN tags.
    pub ethertype: u16,
    /// Outer tag when there are two.
    pub outer_vlan: Option<u16>,
    /// The (inner) VLAN tag: priority, DEI and id.
    pub vlan: Option<u16>,
    /// The IP header.
    pub ip: Option<Ip>,
    /// Destination and source port of TCP or UDP, when the packet is no fragment.
    pub ports: Option<(u16, u16)>,
    /// TCP's flag byte (CWR first, FIN last), 0 for anything else.
    pub tcp_flags: u8,
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|b| u16::from_be_bytes([b[0], b[1]]))
}

impl Headers {
    /// Looks at a whole Ethernet frame; `None` when it is shorter than an Ethernet header.
    #[inline(always)]
    #[must_use]
    pub fn parse(ingress: Ingress, frame: &[u8]) -> Option<Self> {
        let mut ethertype = be16(frame, 12)?;
        let mut at = 14;
        let (mut outer_vlan, mut vlan) = (None, None);
        while matches!(ethertype, ETHERTYPE_VLAN | ETHERTYPE_SERVICE_VLAN) && outer_vlan.is_none() {
            let (Some(tag), Some(next)) = (be16(frame, at), be16(frame, at + 2)) else { break };
            outer_vlan = vlan.replace(tag);
            (ethertype, at) = (next, at + 4);
        }
        let ip = match ethertype {
            ETHERTYPE_IPV4 => parse_v4(frame, at),
            ETHERTYPE_IPV6 => parse_v6(frame, at),
            _ => None,
        };
        let (ports, tcp_flags) = match &ip {
            Some(ip) if !ip.fragment => parse_ports(&frame[ip.payload..ip.end], ip.protocol),
            _ => (None, 0),
        };
        Some(Self { ingress, ethertype, outer_vlan, vlan, ip, ports, tcp_flags })
    }

    /// Whether the frame is of Fibre Channel over Ethernet.
    #[must_use]
    pub fn is_fcoe(&self) -> bool {
        self.ethertype == ETHERTYPE_FCOE
    }

    /// Whether the frame is an IPv6 packet.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        self.ethertype == ETHERTYPE_IPV6
    }

    /// The connection that the packet is of, if it has ports.
    #[must_use]
    pub fn tuple(&self) -> Option<FourTuple> {
        let (local_port, peer_port) = self.ports?;
        let ip = self.ip.as_ref()?;
        Some(FourTuple { local: ip.local, peer: ip.peer, local_port, peer_port })
    }

    /// Whether the packet is a TCP segment with SYN and without ACK and RST: what servers match.
    #[must_use]
    pub fn is_syn(&self) -> bool {
        const SYN: u8 = 0x02;
        const RST_OR_ACK: u8 = 0x14;
        self.tcp_flags & (SYN | RST_OR_ACK) == SYN
    }
}

/// Destination and source port of TCP or UDP, and TCP's flags.
#[inline(always)]
fn parse_ports(transport: &[u8], protocol: u8) -> (Option<(u16, u16)>, u8) {
    let least = match protocol {
        PROTOCOL_TCP => 20,
        PROTOCOL_UDP => 8,
        _ => return (None, 0),
    };
    if transport.len() < least {
        return (None, 0);
    }
    let ports = be16(transport, 2).zip(be16(transport, 0));
    (ports, if protocol == PROTOCOL_TCP { transport[13] } else { 0 })
}

#[inline(always)]
fn parse_v4(frame: &[u8], start: usize) -> Option<Ip> {
    let header = frame.get(start..start + 20)?;
    let header_len = usize::from(header[0] & 0xf) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[0] >> 4 != 4 || header_len < 20 || total < header_len || start + total > frame.len() {
        return None;
    }
    // RFC 791: more fragments, or an offset.
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    Some(Ip {
        local: IpAddr::V4(Ipv4Addr::new(header[16], header[17], header[18], header[19])),
        peer: IpAddr::V4(Ipv4Addr::new(header[12], header[13], header[14], header[15])),
        tos: header[1],
        protocol: header[9],
        fragment,
        start,
        payload: start + header_len,
        end: start + total,
    })
}

fn parse_v6(frame: &[u8], start: usize) -> Option<Ip> {
    let header: &[u8; 40] = frame.get(start..start + 40)?.try_into().ok()?;
    let end = start + 40 + usize::from(u16::from_be_bytes([header[4], header[5]]));
    if header[0] >> 4 != 6 || end > frame.len() {
        return None;
    }
    let address = |at: usize| {
        let mut octets = [0; 16];
        octets.copy_from_slice(&header[at..at + 16]);
        IpAddr::V6(Ipv6Addr::from(octets))
    };
    let (protocol, payload, fragment) = skip_extensions(&frame[..end], header[6], start + 40)?;
    Some(Ip {
        local: address(24),
        peer: address(8),
        tos: header[0] << 4 | header[1] >> 4,
        protocol,
        fragment,
        start,
        payload,
        end,
    })
}

/// Walks hop-by-hop, routing, destination options and fragment headers (RFC 8200 section 4) and
/// answers protocol, offset behind them, and whether the packet is a fragment.
fn skip_extensions(packet: &[u8], mut next: u8, mut at: usize) -> Option<(u8, usize, bool)> {
    const HOP_BY_HOP: u8 = 0;
    const ROUTING: u8 = 43;
    const FRAGMENT: u8 = 44;
    const DESTINATION: u8 = 60;
    let mut fragment = false;
    loop {
        let len = match next {
            HOP_BY_HOP | ROUTING | DESTINATION => 8 + usize::from(*packet.get(at + 1)?) * 8,
            FRAGMENT => {
                fragment |= be16(packet, at + 2)? & 0xfff9 != 0;
                8
            }
            _ => return Some((next, at, fragment)),
        };
        next = *packet.get(at)?;
        at += len;
        if at > packet.len() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10.77.0.1:4660 → 10.77.0.2:7, SYN.
    pub(crate) fn syn() -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
        frame.extend([0x45, 0xb8, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2]);
        frame
            .extend([0x12, 0x34, 0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0]);
        frame
    }

    fn parse(frame: &[u8]) -> Headers {
        Headers::parse(Ingress::default(), frame).expect("an Ethernet header")
    }

    fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    }

    #[test]
    fn a_segment_gives_its_tuple() {
        let headers = parse(&syn());
        let tuple = FourTuple {
            local: v4(10, 77, 0, 2),
            peer: v4(10, 77, 0, 1),
            local_port: 7,
            peer_port: 0x1234,
        };
        assert_eq!(headers.tuple(), Some(tuple));
        let ip = headers.ip.expect("IP");
        assert_eq!((ip.tos, ip.protocol, ip.start, ip.payload, ip.end), (0xb8, 6, 14, 34, 54));
        assert!(headers.is_syn());
    }

    #[test]
    fn only_a_bare_syn_is_for_servers() {
        for (flags, expected) in
            [(0x02, true), (0xc2, true), (0x12, false), (0x06, false), (0x10, false), (0x04, false)]
        {
            let mut frame = syn();
            frame[47] = flags;
            assert_eq!(parse(&frame).is_syn(), expected, "flags {flags:#x}");
        }
    }

    #[test]
    fn padding_is_not_of_the_packet() {
        let mut frame = syn();
        frame.extend([0; 6]);
        assert_eq!(parse(&frame).ip.expect("IP").end, 54);
    }

    #[test]
    fn tags_are_kept_and_skipped() {
        let mut frame = syn();
        frame.splice(12..12, [0x81, 0x00, 0x60, 0x05]);
        let headers = parse(&frame);
        assert_eq!(
            (headers.outer_vlan, headers.vlan, headers.ethertype),
            (None, Some(0x6005), 0x0800)
        );
        assert!(headers.tuple().is_some());
        frame.splice(12..12, [0x88, 0xa8, 0x00, 0x07]);
        let headers = parse(&frame);
        assert_eq!((headers.outer_vlan, headers.vlan), (Some(7), Some(0x6005)));
        assert_eq!(headers.ip.expect("IP").start, 22);
    }

    #[test]
    fn a_fragment_has_no_ports() {
        for field in [0x2000_u16, 0x0001] {
            let mut frame = syn();
            frame[20..22].copy_from_slice(&field.to_be_bytes());
            let headers = parse(&frame);
            assert!(headers.ip.expect("IP").fragment);
            assert_eq!((headers.tuple(), headers.is_syn()), (None, false));
        }
    }

    #[test]
    fn ipv6_with_extensions() {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd];
        frame.extend([0x6b, 0x80, 0, 0, 0, 28, 60, 64]);
        frame.extend([0xfd; 15].iter().chain(&[1]));
        frame.extend([0xfd; 15].iter().chain(&[2]));
        frame.extend([6, 0, 1, 4, 0, 0, 0, 0]);
        frame.extend(&syn()[34..]);
        let headers = parse(&frame);
        let ip = headers.ip.expect("IPv6");
        assert_eq!((ip.tos, ip.protocol, ip.payload, ip.end), (0xb8, 6, 62, 82));
        assert_eq!(headers.ports, Some((7, 0x1234)));
        assert!(headers.tuple().is_some_and(|tuple| tuple.is_v6()));
        // The same with a fragment header in place of the destination options.
        frame[20] = 44;
        assert_eq!(parse(&frame).ip.expect("IPv6"), Ip { fragment: true, ..ip });
    }

    #[test]
    fn every_prefix_and_every_damage_is_survived() {
        let frame = syn();
        for len in 0..frame.len() {
            let headers = Headers::parse(Ingress::default(), &frame[..len]);
            assert_eq!(headers.is_some(), len >= 14);
            assert!(headers.is_none_or(|headers| headers.tuple().is_none()), "{len} bytes");
        }
        for (at, value) in [(14, 0x44), (14, 0x65), (17, 19), (17, 200)] {
            let mut frame = syn();
            frame[at] = value;
            assert_eq!(parse(&frame).ip, None, "byte {at} = {value:#x}");
        }
        let mut short_tcp = syn();
        short_tcp[17] = 39;
        assert_eq!(parse(&short_tcp).ports, None);
    }
}
