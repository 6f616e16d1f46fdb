//! Headers of Ethernet, ARP, IPv4, UDP, TCP and ICMP, as far as engines look at them.

use mafo::checksum::{pseudo_header_v4, sum};

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const TYPE_IPV4: [u8; 2] = [0x08, 0x00];
const TYPE_ARP: [u8; 2] = [0x08, 0x06];
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;

/// Addresses and ports of frames that are made here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    pub(crate) src: [u8; 4],
    pub(crate) dst: [u8; 4],
    pub(crate) ports: (u16, u16),
}

impl Default for Flow {
    /// Addresses that are for measurements (RFC 2544, appendix C.2.2), and the port of discard (RFC 863), as DPDK has them.
    fn default() -> Self {
        Self { src: [198, 18, 0, 1], dst: [198, 18, 0, 2], ports: (9, 9) }
    }
}

/// A frame of `len` bytes, without FCS, from `src` to `dst`, with an IPv4 packet of UDP whose payload is zero. Its
/// checksums are right. Shorter than its headers it is not.
pub(crate) fn udp_frame(src: [u8; 6], dst: [u8; 6], flow: &Flow, len: usize) -> Vec<u8> {
    const HEADERS: usize = ETHERNET + IPV4 + 8;
    let len = len.max(HEADERS);
    let mut bytes = vec![0; len];
    bytes[..6].copy_from_slice(&dst);
    bytes[6..12].copy_from_slice(&src);
    bytes[12..14].copy_from_slice(&TYPE_IPV4);
    let ip = &mut bytes[ETHERNET..];
    ip[0] = 0x45;
    ip[2..4].copy_from_slice(&((len - ETHERNET) as u16).to_be_bytes());
    ip[8] = 64; // TTL
    ip[9] = UDP;
    ip[12..16].copy_from_slice(&flow.src);
    ip[16..20].copy_from_slice(&flow.dst);
    let udp = &mut ip[IPV4..];
    udp[..2].copy_from_slice(&flow.ports.0.to_be_bytes());
    udp[2..4].copy_from_slice(&flow.ports.1.to_be_bytes());
    udp[4..6].copy_from_slice(&((len - ETHERNET - IPV4) as u16).to_be_bytes());
    if let Some(headers) = Headers::parse(&bytes) {
        headers.set_ip_checksum(&mut bytes);
        headers.set_l4_checksum(&mut bytes);
    }
    bytes
}

/// What an IPv4 packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum L4 {
    Tcp,
    Udp,
    /// Something without a checksum that is looked at here: another protocol, or a fragment.
    Other,
}

/// Where the headers of an untagged frame with an IPv4 packet are. Only for the frame that they were found in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Headers {
    /// Begin of the transport header, and end of the packet.
    l4_at: usize,
    end: usize,
    pub(crate) l4: L4,
}

impl Headers {
    /// The headers of `frame`; `None` of one that is no whole IPv4 packet.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let ip = frame.get(ETHERNET..)?;
        let header: &[u8; IPV4] = ip.first_chunk()?;
        let header_len = usize::from(header[0] & 0xf) * 4;
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let whole = frame[12..14] == TYPE_IPV4
            && header[0] >> 4 == 4
            && (IPV4..=len).contains(&header_len)
            && len <= ip.len();
        if !whole {
            return None;
        }
        let l4_len = len - header_len;
        let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
        let l4 = match header[9] {
            TCP if !fragment && l4_len >= 20 => L4::Tcp,
            UDP if !fragment && l4_len >= 8 => L4::Udp,
            _ => L4::Other,
        };
        Some(Self { l4_at: ETHERNET + header_len, end: ETHERNET + len, l4 })
    }

    /// Whether the sum of the IP header is right.
    pub(crate) fn ip_checksum_is_right(&self, frame: &[u8]) -> bool {
        sum(&frame[ETHERNET..self.l4_at]).is_valid()
    }

    /// Writes the sum of the IP header.
    pub(crate) fn set_ip_checksum(&self, frame: &mut [u8]) {
        frame[ETHERNET + 10..ETHERNET + 12].fill(0);
        let checksum = sum(&frame[ETHERNET..self.l4_at]).checksum();
        frame[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&checksum.to_be_bytes());
    }

    /// Whether the sum of TCP or UDP is right, or left out, as UDP may (RFC 768).
    pub(crate) fn l4_checksum_is_right(&self, frame: &[u8]) -> bool {
        let Some(at) = self.l4_checksum_at() else { return true };
        let left_out = self.l4 == L4::Udp && frame[at..at + 2] == [0, 0];
        left_out || (self.pseudo_header(frame) + sum(&frame[self.l4_at..self.end])).is_valid()
    }

    /// Writes the sum of TCP or UDP; where UDP leaves it out it stays left out.
    pub(crate) fn set_l4_checksum(&self, frame: &mut [u8]) {
        let Some(at) = self.l4_checksum_at() else { return };
        frame[at..at + 2].fill(0);
        let sum = self.pseudo_header(frame) + sum(&frame[self.l4_at..self.end]);
        let checksum = match (sum.checksum(), self.l4) {
            // Zero would say that there is none.
            (0, L4::Udp) => 0xffff,
            (checksum, _) => checksum,
        };
        frame[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    }

    fn l4_checksum_at(&self) -> Option<usize> {
        match self.l4 {
            L4::Tcp => Some(self.l4_at + 16),
            L4::Udp => Some(self.l4_at + 6),
            L4::Other => None,
        }
    }

    fn pseudo_header(&self, frame: &[u8]) -> mafo::checksum::Partial {
        let ip = &frame[ETHERNET..];
        let address = |at: usize| [ip[at], ip[at + 1], ip[at + 2], ip[at + 3]];
        pseudo_header_v4(address(12), address(16), ip[9], (self.end - self.l4_at) as u16)
    }
}

/// Makes the answer of station `own` out of an ARP request or a ping, in place; `false` of any other frame.
pub(crate) fn answer(frame: &mut [u8], own: [u8; 6]) -> bool {
    answer_arp(frame, own) || answer_ping(frame, own)
}

/// An ARP request of Ethernet and IPv4 (RFC 826) becomes its reply.
fn answer_arp(frame: &mut [u8], own: [u8; 6]) -> bool {
    const REQUEST: [u8; 8] = [0, 1, 8, 0, 6, 4, 0, 1];
    if frame.len() < ETHERNET + 28 || frame[12..14] != TYPE_ARP || frame[14..22] != REQUEST {
        return false;
    }
    let (ethernet, arp) = frame.split_at_mut(ETHERNET);
    arp[7] = 2; // reply
    // Sender becomes target, and who was asked for becomes sender.
    let (sender, target) = arp[8..28].split_at_mut(10);
    target.swap_with_slice(sender);
    sender[..6].copy_from_slice(&own);
    ethernet[..6].copy_from_slice(&target[..6]);
    ethernet[6..12].copy_from_slice(&own);
    true
}

/// An echo request (RFC 792) becomes its reply.
fn answer_ping(frame: &mut [u8], own: [u8; 6]) -> bool {
    const REQUEST: u8 = 8;
    let Some(headers) = Headers::parse(frame) else { return false };
    let fragment = u16::from_be_bytes([frame[20], frame[21]]) & 0x3fff != 0;
    let at = headers.l4_at;
    let is_ping = frame[23] == ICMP
        && !fragment
        && headers.end >= at + 8
        && frame[at..at + 2] == [REQUEST, 0];
    if !is_ping || frame[ETHERNET + 16] >> 4 == 0xe {
        return false;
    }
    frame.copy_within(6..12, 0);
    frame[6..12].copy_from_slice(&own);
    // The header's sum does not change with the order of its words.
    for n in 0..4 {
        frame.swap(ETHERNET + 12 + n, ETHERNET + 16 + n);
    }
    frame[at] = 0; // reply
    frame[at + 2..at + 4].fill(0);
    let checksum = sum(&frame[at..headers.end]).checksum();
    frame[at + 2..at + 4].copy_from_slice(&checksum.to_be_bytes());
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 6] = [2, 0, 0, 0, 0, 0xa];
    const B: [u8; 6] = [2, 0, 0, 0, 0, 0xb];

    /// By hand, RFC 1071's way: words added one by one.
    fn slow_sum(bytes: &[u8]) -> u16 {
        let mut sum: u32 = bytes
            .chunks(2)
            .map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)))
            .sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    #[test]
    fn frames_that_are_made_here_are_right() {
        for len in [0, 60, 61, 1514] {
            let frame = udp_frame(A, B, &Flow::default(), len);
            assert_eq!(frame.len(), len.max(42));
            assert_eq!((&frame[..6], &frame[6..12]), (&B[..], &A[..]));
            assert_eq!(slow_sum(&frame[14..34]), 0xffff);
            let l4 = &frame[34..];
            let pseudo = [&frame[26..34], &[0, 17], &(l4.len() as u16).to_be_bytes(), l4].concat();
            assert_eq!(slow_sum(&pseudo), 0xffff);
            assert_eq!(u16::from_be_bytes([frame[16], frame[17]]), frame.len() as u16 - 14);
        }
    }

    #[test]
    fn a_sum_that_is_wrong_is_seen_and_made_right() {
        let good = udp_frame(A, B, &Flow::default(), 77);
        let headers = Headers::parse(&good).expect("a packet");
        assert_eq!(headers.l4, L4::Udp);
        let mut bad = good.clone();
        bad[24] ^= 1;
        bad[40] ^= 1;
        assert!(!headers.ip_checksum_is_right(&bad) && !headers.l4_checksum_is_right(&bad));
        headers.set_ip_checksum(&mut bad);
        headers.set_l4_checksum(&mut bad);
        assert_eq!(bad, good);
        bad[40..42].fill(0);
        assert!(headers.l4_checksum_is_right(&bad), "left out");
    }

    #[test]
    fn what_is_no_packet_has_no_headers() {
        let good = udp_frame(A, B, &Flow::default(), 60);
        for len in 0..42 {
            assert!(Headers::parse(&good[..len]).is_none(), "{len} bytes");
        }
        for (at, byte) in [(12, 0x86), (14, 0x65), (14, 0x44), (14, 0x4f), (16, 0xff)] {
            let mut wrong = good.clone();
            wrong[at] = byte;
            let found = Headers::parse(&wrong);
            assert!(found.is_none_or(|headers| headers.end <= wrong.len()), "{at}: {byte:#x}");
        }
        let mut fragment = good;
        fragment[20] = 0x20;
        assert_eq!(Headers::parse(&fragment).map(|headers| headers.l4), Some(L4::Other));
    }

    #[test]
    fn an_arp_request_is_answered() {
        let mut frame = vec![0xff; 6];
        frame.extend(A);
        frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend(A);
        frame.extend([10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
        let mut expected =
            [&A[..], &B, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 2], &B, &[10, 0, 0, 2], &A].concat();
        expected.extend([10, 0, 0, 1]);
        assert!(answer(&mut frame, B));
        assert_eq!(frame, expected);
        assert!(!answer(&mut frame, B), "a reply is not answered");
        assert!(!answer(&mut frame[..41], B));
    }

    #[test]
    fn a_ping_is_answered() {
        let mut frame = udp_frame(A, B, &Flow::default(), 60);
        frame[23] = ICMP;
        frame[34..42].copy_from_slice(&[8, 0, 0, 0, 0x12, 0x34, 0, 1]);
        let headers = Headers::parse(&frame).expect("a packet");
        headers.set_ip_checksum(&mut frame);
        let own = [2, 0, 0, 0, 0, 0xc];
        assert!(answer(&mut frame, own));
        assert_eq!((&frame[..6], &frame[6..12]), (&A[..], &own[..]));
        assert_eq!(frame[26..34], [198, 18, 0, 2, 198, 18, 0, 1]);
        assert_eq!(
            (frame[34], slow_sum(&frame[34..60]), slow_sum(&frame[14..34])),
            (0, 0xffff, 0xffff)
        );
        assert!(!answer(&mut frame, own), "a reply is not answered");
    }
}
