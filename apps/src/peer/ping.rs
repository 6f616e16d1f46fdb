//! ICMP echo from the peer's kernel: the first thing that a new data path can answer.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use super::clock::Monotonic;
use super::protocol::Reply;
use crate::stream::{Direction, Stream};
use crate::sys;

/// Longest payload: with its headers it fits every MTU that Ethernet has.
const MAX_LEN: u16 = 1400;

/// How long the last reply is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// ICMP types (RFC 792).
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;

/// What one command asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct PingOrder {
    /// Whom to ask.
    pub to: Ipv4Addr,
    /// How often.
    pub count: u16,
    /// Time between two requests.
    pub interval: Duration,
    /// Bytes of payload.
    pub len: u16,
}

/// Requests under way.
#[derive(Debug)]
pub(super) struct Ping {
    /// A raw ICMP socket; std's type lends it `send_to` and `recv`, which do not care.
    socket: UdpSocket,
    order: PingOrder,
    identifier: u16,
    /// When request i was sent, and whether it is answered.
    sent: Vec<(Monotonic, bool)>,
    answered: u16,
    next: Monotonic,
    refused: Option<i32>,
}

impl Ping {
    /// Opens the socket; the first request goes out with the first [`Ping::advance`].
    ///
    /// # Errors
    /// EINVAL: the payload is too long. Else what the socket says.
    pub(super) fn new(order: PingOrder, identifier: u16) -> io::Result<Self> {
        if order.len > MAX_LEN {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Ok(Self {
            socket: UdpSocket::from(sys::icmp_socket()?),
            order,
            identifier,
            sent: Vec::new(),
            answered: 0,
            next: Monotonic::now(),
            refused: None,
        })
    }

    /// The socket to watch.
    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Sends what is due and takes what has come; true when all is over.
    pub(super) fn advance(&mut self, out: &mut Vec<Reply>) -> bool {
        self.receive(out);
        let now = Monotonic::now();
        if now >= self.next && self.sent.len() < usize::from(self.order.count) {
            self.send(now);
        }
        let all_sent = self.sent.len() == usize::from(self.order.count);
        let over = all_sent && (usize::from(self.answered) == self.sent.len() || now >= self.next);
        if over {
            let (sent, received) = (self.sent.len() as u16, self.answered);
            out.push(Reply::Pinged { sent, received, errno: self.refused });
        }
        over
    }

    /// When [`Ping::advance`] should be called at the latest.
    pub(super) fn poll_timeout(&self) -> Duration {
        Duration::from_nanos(self.next.since(Monotonic::now()))
    }

    fn send(&mut self, now: Monotonic) {
        let sequence = self.sent.len() as u16;
        let request = message(ECHO_REQUEST, self.identifier, sequence, self.order.len);
        if let Err(error) = self.socket.send_to(&request, (self.order.to, 0)) {
            self.refused = error.raw_os_error();
        }
        self.sent.push((now, false));
        let last = self.sent.len() == usize::from(self.order.count);
        let pause = if last { PATIENCE } else { self.order.interval };
        self.next = Monotonic(now.0 + pause.as_nanos() as u64);
    }

    fn receive(&mut self, out: &mut Vec<Reply>) {
        let mut packet = [0; 2048];
        loop {
            let len = match self.socket.recv(&mut packet) {
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => {
                    self.refused = error.raw_os_error();
                    return;
                }
            };
            let Some(sequence) = echo_reply(&packet[..len], self.identifier, self.order.len) else {
                continue;
            };
            let Some((sent, answered @ false)) = self.sent.get_mut(usize::from(sequence)) else {
                continue;
            };
            *answered = true;
            self.answered += 1;
            let round_trip_ns = Monotonic::now().since(*sent);
            out.push(Reply::Pong { sequence, round_trip_ns });
        }
    }
}

/// An ICMP echo message with a payload that depends on its numbers.
fn message(kind: u8, identifier: u16, sequence: u16, len: u16) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend_from_slice(&identifier.to_be_bytes());
    message.extend_from_slice(&sequence.to_be_bytes());
    message.resize(8 + usize::from(len), 0);
    Stream::new(identifier.into(), sequence.into(), Direction::FromPeer).fill(0, &mut message[8..]);
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    message
}

/// The sequence number of a packet that is a right reply to one of our requests: an IPv4 header,
/// then the very bytes that were sent but for type and checksum.
fn echo_reply(packet: &[u8], identifier: u16, len: u16) -> Option<u16> {
    let header_len = usize::from(packet.first()? & 0xf) * 4;
    let icmp = packet.get(header_len..)?;
    let sequence = u16::from_be_bytes(*icmp.get(6..)?.first_chunk()?);
    (icmp == message(ECHO_REPLY, identifier, sequence, len)).then_some(sequence)
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum::<u32>();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(icmp: &[u8]) -> Vec<u8> {
        [&[0x45][..], &[0; 19], icmp].concat()
    }

    #[test]
    fn a_request_without_payload_byte_by_byte() {
        // 0x0800 + 0x1234 + 0x0005 = 0x1a39, complement 0xe5c6.
        assert_eq!(message(ECHO_REQUEST, 0x1234, 5, 0), [8, 0, 0xe5, 0xc6, 0x12, 0x34, 0, 5]);
    }

    #[test]
    fn only_the_right_reply_counts() {
        let right = packet(&message(ECHO_REPLY, 7, 3, 33));
        assert_eq!(echo_reply(&right, 7, 33), Some(3));
        assert_eq!(echo_reply(&right, 8, 33), None);
        for at in 20..right.len() {
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            assert_eq!(echo_reply(&wrong, 7, 33), None, "byte {at}");
        }
        for len in 0..right.len() {
            assert_eq!(echo_reply(&right[..len], 7, 33), None, "{len} bytes");
        }
        assert_eq!(echo_reply(&packet(&message(ECHO_REQUEST, 7, 3, 33)), 7, 33), None);
    }
}
