//! ICMP errors (RFC 792): what one says, about which connection, and what becomes of it.
//!
//! Nothing authenticates an ICMP error. It is believed only about a segment that is outstanding (RFC 5927 4.1),
//! and then it ends nothing but an open, and makes segments no smaller than [`crate::pmtu`] allows.

use core::net::Ipv4Addr;

use mafo_mem::{Nanos, checksum};
use mafo_tcp::{Ended, IcmpError, SeqNum};

use crate::core::Core;
use crate::packet::IPV4_HEADER;
use crate::pmtu::{self, Report};
use crate::slab::SocketId;
use crate::socket::Path;
use crate::tom::state::State;
use crate::tuple::FourTuple;

/// What an ICMP error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The segment did not get there.
    Error(IcmpError),
    /// It was too long, and must not be cut into pieces. The MTU of the link that is too narrow, or 0 from a
    /// router that does not say (RFC 1191 section 4).
    TooBig(u16),
    /// A router is congested; nobody listens to that any more.
    SourceQuench,
}

/// The beginning of the segment that an ICMP error quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Who sent it.
    pub src: Ipv4Addr,
    /// To whom.
    pub dst: Ipv4Addr,
    /// From which port.
    pub src_port: u16,
    /// To which.
    pub dst_port: u16,
    /// Its sequence number.
    pub seq: SeqNum,
    /// Bytes of the IP packet.
    pub total_len: u16,
}

/// ICMP types and codes (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1).
mod code {
    pub(super) const UNREACHABLE: u8 = 3;
    pub(super) const QUENCH: u8 = 4;
    pub(super) const TIME_EXCEEDED: u8 = 11;
    pub(super) const PARAMETER: u8 = 12;
    pub(super) const FRAGMENTATION_NEEDED: u8 = 4;
}

/// Bytes before the quoted packet.
const HEADER: usize = 8;
const PROTOCOL_TCP: u8 = 6;

/// Whether `message` is of a type that tells of an error, and not a question or an answer.
#[must_use]
pub fn is_error(message: &[u8]) -> bool {
    let errors = [code::UNREACHABLE, code::QUENCH, code::TIME_EXCEEDED, code::PARAMETER];
    message.first().is_some_and(|first| errors.contains(first))
}

/// Reads an ICMP error, from its type byte on, about a TCP segment. `None` when it is damaged, too short, or about
/// something else.
#[must_use]
pub fn parse(message: &[u8]) -> Option<(Notice, Quoted)> {
    if !checksum::sum(message).is_valid() {
        return None;
    }
    let (header, quote) = message.split_first_chunk::<HEADER>()?;
    let notice = match (header[0], header[1]) {
        (code::UNREACHABLE, code::FRAGMENTATION_NEEDED) => {
            Notice::TooBig(u16::from_be_bytes([header[6], header[7]]))
        }
        (code::UNREACHABLE, code) => Notice::Error(unreachable(code)?),
        (code::QUENCH, _) => Notice::SourceQuench,
        (code::TIME_EXCEEDED, _) => Notice::Error(IcmpError::TimeExceeded),
        (code::PARAMETER, _) => Notice::Error(IcmpError::ParameterProblem),
        _ => return None,
    };
    Some((notice, parse_quote(quote)?))
}

//= rfc9293#3.9.2.2
fn unreachable(code: u8) -> Option<IcmpError> {
    Some(match code {
        0 | 6 | 9 | 11 => IcmpError::NetUnreachable,
        1 | 10 | 12 => IcmpError::HostUnreachable,
        2 => IcmpError::ProtocolUnreachable,
        3 => IcmpError::PortUnreachable,
        5 => IcmpError::SourceRouteFailed,
        7 => IcmpError::HostUnknown,
        8 => IcmpError::SourceIsolated,
        13..=15 => IcmpError::Prohibited,
        _ => return None,
    })
}

/// An IPv4 header and the first eight bytes of TCP, which is what every router quotes (RFC 792).
fn parse_quote(quote: &[u8]) -> Option<Quoted> {
    let ip = quote.first_chunk::<IPV4_HEADER>()?;
    let header_len = usize::from(ip[0] & 0xf) * 4;
    let first_fragment = (ip[6] & 0x1f, ip[7]) == (0, 0);
    if ip[0] >> 4 != 4 || header_len < IPV4_HEADER || ip[9] != PROTOCOL_TCP || !first_fragment {
        return None;
    }
    let &[a, b, c, d, s0, s1, s2, s3] = quote.get(header_len..)?.first_chunk::<8>()?;
    Some(Quoted {
        src: Ipv4Addr::new(ip[12], ip[13], ip[14], ip[15]),
        dst: Ipv4Addr::new(ip[16], ip[17], ip[18], ip[19]),
        src_port: u16::from_be_bytes([a, b]),
        dst_port: u16::from_be_bytes([c, d]),
        seq: SeqNum(u32::from_be_bytes([s0, s1, s2, s3])),
        total_len: u16::from_be_bytes([ip[2], ip[3]]),
    })
}

impl Core {
    /// An ICMP error that is for us.
    //= rfc9293#3.9.2.2 MUST-54
    pub(crate) fn handle_icmp_error(&mut self, now: Nanos, message: &[u8]) {
        let Some((notice, quoted)) = parse(message) else {
            self.counters.icmp_drop_malformed += 1;
            return;
        };
        //= rfc9293#3.9.2.2 MUST-55
        //= rfc5927#6.2 RFC5927-6.2-1
        // MUST-55: a source quench is discarded without a word.
        if notice == Notice::SourceQuench {
            self.counters.icmp_drop_quench += 1;
            return;
        }
        let tuple = FourTuple {
            local: (quoted.src, quoted.src_port).into(),
            remote: (quoted.dst, quoted.dst_port).into(),
        };
        let Some(id) = self.lookup(&tuple) else {
            self.counters.icmp_drop_no_connection += 1;
            return;
        };
        match notice {
            Notice::Error(error) => self.on_icmp_error(id, quoted.seq, error),
            Notice::TooBig(mtu) if self.is_outstanding(id, quoted.seq) => {
                self.on_too_big(now, quoted.dst, Report { mtu, total_len: quoted.total_len });
            }
            Notice::TooBig(_) | Notice::SourceQuench => self.counters.icmp_drop_sequence += 1,
        }
    }

    /// Whether a segment at `seq` may be under way.
    fn is_outstanding(&self, id: SocketId, seq: SeqNum) -> bool {
        match self.sockets.get(id).map(|socket| &socket.path) {
            Some(Path::Host(host)) => host.conn.is_outstanding(seq),
            Some(Path::Offload(conn)) => match (conn.state, self.progress(id)) {
                (State::Opening | State::Accepting, _) => seq == conn.iss,
                (_, Some(at)) => seq.at_or_after(at.snd_una) && seq.before(at.snd_end),
                (_, None) => false,
            },
            Some(Path::Resolving | Path::Ended) | None => false,
        }
    }

    fn on_icmp_error(&mut self, id: SocketId, seq: SeqNum, error: IcmpError) {
        let outstanding = self.is_outstanding(id, seq);
        let Some(socket) = self.sockets.get_mut(id) else { return };
        match &mut socket.path {
            Path::Host(host) => {
                // Counted by the engine; what ended is seen by `end_if_closed`.
                let _ = host.conn.handle_icmp(&mut self.engine, seq, error);
                self.list(id);
            }
            Path::Offload(_) if !outstanding => self.counters.icmp_drop_sequence += 1,
            // The card never hears of ICMP: what its engine would do is done here.
            Path::Offload(conn) if conn.state == State::Opening => {
                self.counters.icmp_errors += 1;
                socket.ended = Some(Ended::Unreachable(error));
                self.fail_opening(id, error.into());
            }
            // A handshake that cannot be finished makes room.
            Path::Offload(conn) if conn.state == State::Accepting => {
                self.counters.icmp_errors += 1;
                self.tom_give_up(id, Ended::Unreachable(error), error.into());
            }
            Path::Offload(_) => {
                self.counters.icmp_errors += 1;
                socket.soft_error = Some((error, socket.tx.acked()));
            }
            Path::Resolving | Path::Ended => self.counters.icmp_drop_no_connection += 1,
        }
    }

    /// A path turned out to be narrower, for all connections that use it.
    fn on_too_big(&mut self, now: Nanos, dst: Ipv4Addr, report: Report) {
        let link = self.config.mtu;
        let Some(mtu) = self.path_mtus.lower(now, dst, link, report) else {
            self.counters.icmp_mtu_ignored += 1;
            return;
        };
        self.counters.path_mtu_lowered += 1;
        self.apply_path_mtu(dst, mtu);
    }

    /// Paths may have become wider again (RFC 1191 6.3).
    pub(crate) fn poll_path_mtus(&mut self, now: Nanos) {
        while let Some(dst) = self.path_mtus.pop_expired(now) {
            self.counters.path_mtu_raised += 1;
            self.apply_path_mtu(dst, self.config.mtu);
        }
    }

    /// Takes it as known that the path to `dst` carries packets of `mtu` bytes, as a router's report would say it
    /// (and as a route's MTU says it in Linux). A larger MTU than is known changes nothing.
    pub fn learn_path_mtu(&mut self, now: Nanos, dst: Ipv4Addr, mtu: u16) {
        self.on_too_big(now, dst, Report { mtu, total_len: u16::MAX });
    }

    fn apply_path_mtu(&mut self, dst: Ipv4Addr, mtu: u16) {
        let towards: Vec<SocketId> = self
            .sockets
            .iter()
            .filter(|(_, socket)| socket.ends.remote_ip() == dst)
            .map(|(id, _)| id)
            .collect();
        for id in towards {
            self.set_path_mtu(id, mtu);
        }
    }

    /// The path of `id` carries packets of `mtu` bytes.
    pub(crate) fn set_path_mtu(&mut self, id: SocketId, mtu: u16) {
        let Some(socket) = self.sockets.get_mut(id) else { return };
        match &mut socket.path {
            Path::Host(host) => {
                host.conn.set_path_mss(&mut self.engine, mtu - pmtu::HEADERS);
                self.list(id);
            }
            Path::Offload(_) => self.tom_set_path_mtu(id, mtu),
            Path::Resolving | Path::Ended => {}
        }
    }

    /// What is known of the path of a new connection.
    pub(crate) fn apply_known_path_mtu(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(id) else { return };
        let core::net::IpAddr::V4(dst) = socket.ends.remote_ip() else { return };
        if let Some(mtu) = self.path_mtus.get(dst) {
            self.set_path_mtu(id, mtu);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Type 3, code 4, next-hop MTU 1006, about a packet of 1500 bytes from 10.77.0.2:7 to 10.9.9.9:4000 at
    /// 0x01020304.
    #[rustfmt::skip]
    const TOO_BIG: [u8; 36] = [
        3, 4, 0xfe, 0x1c, 0, 0, 0x03, 0xee,                 // type, code, checksum, unused, MTU
        0x45, 0, 0x05, 0xdc, 0, 0, 0x40, 0, 63, 6, 0, 0,    // IPv4, 1500 bytes, DF, TTL 63, TCP
        10, 77, 0, 2, 10, 9, 9, 9,
        0, 7, 0x0f, 0xa0, 1, 2, 3, 4,                       // ports 7 and 4000, sequence number
    ];

    fn with_checksum(mut message: Vec<u8>) -> Vec<u8> {
        message[2..4].fill(0);
        let sum = checksum::sum(&message).checksum();
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        message
    }

    #[test]
    fn fragmentation_needed_is_read() {
        let (notice, quoted) = parse(&TOO_BIG).expect("an error about TCP");
        assert_eq!(notice, Notice::TooBig(1006));
        let (src, dst) = (Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 9, 9, 9));
        assert_eq!((quoted.src, quoted.dst), (src, dst));
        assert_eq!((quoted.src_port, quoted.dst_port), (7, 4000));
        assert_eq!((quoted.seq, quoted.total_len), (SeqNum(0x0102_0304), 1500));
    }

    #[test]
    fn every_code_has_its_meaning() {
        let meaning = |kind: u8, code: u8| {
            let mut message = TOO_BIG.to_vec();
            (message[0], message[1]) = (kind, code);
            parse(&with_checksum(message)).map(|(notice, _)| notice)
        };
        let error = |error| Some(Notice::Error(error));
        for (code, expected) in [
            (0, IcmpError::NetUnreachable),
            (1, IcmpError::HostUnreachable),
            (2, IcmpError::ProtocolUnreachable),
            (3, IcmpError::PortUnreachable),
            (5, IcmpError::SourceRouteFailed),
            (6, IcmpError::NetUnreachable),
            (7, IcmpError::HostUnknown),
            (8, IcmpError::SourceIsolated),
            (9, IcmpError::NetUnreachable),
            (10, IcmpError::HostUnreachable),
            (11, IcmpError::NetUnreachable),
            (12, IcmpError::HostUnreachable),
            (13, IcmpError::Prohibited),
            (15, IcmpError::Prohibited),
        ] {
            assert_eq!(meaning(3, code), error(expected), "code {code}");
        }
        assert_eq!(meaning(3, 16), None, "no such code");
        assert_eq!(meaning(4, 0), Some(Notice::SourceQuench));
        assert_eq!(meaning(5, 1), None, "a redirect is no error");
        assert_eq!(meaning(11, 1), error(IcmpError::TimeExceeded));
        assert_eq!(meaning(12, 0), error(IcmpError::ParameterProblem));
    }

    #[test]
    fn what_quotes_no_segment_is_refused() {
        let changed = |at: usize, value: u8| {
            let mut message = TOO_BIG.to_vec();
            message[at] = value;
            parse(&with_checksum(message))
        };
        assert!(changed(36 - 1, 9).is_some(), "the quote's own checksum is not looked at");
        assert_eq!(changed(8, 0x65), None, "IPv6");
        assert_eq!(changed(8, 0x44), None, "a header of 16 bytes");
        assert_eq!(changed(8, 0x46), None, "a header that leaves less than eight bytes of TCP");
        assert_eq!(changed(17, 17), None, "UDP");
        assert_eq!(changed(15, 1), None, "a later fragment has no TCP header");
        for len in 0..TOO_BIG.len() {
            assert_eq!(parse(&with_checksum_of(&TOO_BIG[..len])), None, "{len} bytes");
        }
        let mut damaged = TOO_BIG;
        damaged[35] ^= 1;
        assert_eq!(parse(&damaged), None);
    }

    fn with_checksum_of(message: &[u8]) -> Vec<u8> {
        if message.len() < 4 { message.to_vec() } else { with_checksum(message.to_vec()) }
    }
}
