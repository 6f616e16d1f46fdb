//! Segments of one connection that come one behind the other in a burst are taken as one, as Linux' GRO and cards' LRO do
//! it: the engine looks at one header in place of many, and answers once.
//!
//! Joined are segments whose headers say the same but for where they begin, each of which goes on where the one
//! before ended, which carry payload and an ACK and nothing else, and which their connection expects next. PSH
//! ends a run: somebody waits for what is there. Each frame's checksums are looked at, and a run in which one is wrong
//! is taken frame by frame, as is one that comes too early or again.

use mafo_mem::{Frame, Nanos};
use mafo_tcp::{Flags, Segment};
use smoltcp::wire::IpProtocol;

use crate::core::Core;
use crate::packet::{self, ETHERNET_HEADER, Ip, Packet};
use crate::socket::Path;
use crate::tom::{Hook, MemberId, Verdict};
use crate::tuple::FourTuple;

/// Frames that are taken as one at most: as many as a burst has.
const FRAMES_MAX: usize = 32;
/// Bytes of payload that are taken as one at most, as of an IPv4 packet.
const PAYLOAD_MAX: usize = 65_535;

/// Where fields of a frame are that has TCP over IPv4 without IP options.
mod at {
    pub(super) const IP: usize = super::ETHERNET_HEADER;
    pub(super) const LENGTH: usize = IP + 2;
    pub(super) const FRAGMENT: usize = IP + 6;
    pub(super) const IP_SUM: usize = IP + 10;
    pub(super) const ADDRESSES: usize = IP + 12;
    pub(super) const TCP: usize = IP + 20;
    pub(super) const SEQ: usize = TCP + 4;
    pub(super) const ACK: usize = TCP + 8;
    pub(super) const OFFSET: usize = TCP + 12;
    pub(super) const FLAGS: usize = TCP + 13;
    pub(super) const WINDOW: usize = TCP + 14;
    pub(super) const URGENT: usize = TCP + 18;
    pub(super) const OPTIONS: usize = TCP + 20;
}

impl Core {
    /// Takes frames of a burst that came in by `member`, in their order.
    pub(crate) fn handle_frames(
        &mut self,
        now: Nanos,
        hook: &mut dyn Hook,
        member: MemberId,
        frames: &[Frame],
    ) {
        let mut rest = frames;
        while let [first, ..] = rest {
            let (run, behind) = rest.split_at(self.run_of(rest));
            rest = behind;
            let mut is_ours = |core: &mut Self, frame: &[u8]| {
                hook.on_frame(now, core, member, 0, frame) == Verdict::Stack
            };
            if run.len() == 1 {
                let frame = first.as_slice();
                if is_ours(self, frame) && !self.handle_plain(now, frame) {
                    self.handle_frame(now, member, frame);
                }
                continue;
            }
            let mut kept: [&[u8]; FRAMES_MAX] = [&[]; FRAMES_MAX];
            let mut count = 0;
            for frame in run {
                if is_ours(self, frame.as_slice()) {
                    kept[count] = frame.as_slice();
                    count += 1;
                }
            }
            let kept = &kept[..count];
            if count < run.len() || !self.handle_joined(now, kept) {
                for frame in kept {
                    self.handle_frame(now, member, frame);
                }
            }
        }
    }

    /// How many frames from the front are one behind the other; at least one.
    fn run_of(&self, frames: &[Frame]) -> usize {
        let most = if self.config.rx_join { FRAMES_MAX } else { 1 };
        let (mut count, mut payload) = (1, 0);
        for pair in frames.windows(2).take(most - 1) {
            let Some(lens) = follows(pair[0].as_slice(), pair[1].as_slice()) else { break };
            payload += lens.0;
            if payload + lens.1 > PAYLOAD_MAX {
                break;
            }
            count += 1;
        }
        count
    }

    /// Takes frames as one segment. `false`, and nothing done, if they are not what a connection of the host path expects
    /// next, or one of them is not whole.
    fn handle_joined(&mut self, now: Nanos, frames: &[&[u8]]) -> bool {
        let mut pieces: [&[u8]; FRAMES_MAX] = [&[]; FRAMES_MAX];
        let Some((first, rest)) = frames.split_first() else { return true };
        let macs = packet::macs(first);
        if macs.is_none_or(|(src, dst)| src == self.config.mac || dst != self.config.mac) {
            return false;
        }
        let Some((ip, mut segment, payload)) = take_apart(first) else { return false };
        pieces[0] = payload;
        let header_len = usize::from(first[at::OFFSET] >> 4) * 4;
        for (piece, frame) in pieces[1..].iter_mut().zip(rest) {
            let Some(payload) = payload_of(frame, header_len) else { return false };
            *piece = payload;
            segment.payload_len += payload.len() as u32;
        }
        if let Some(last) = rest.last() {
            // The last one may have PSH, and nothing but that is new.
            segment.flags |= Flags(last[at::FLAGS].into());
        }
        let tuple = FourTuple {
            local: (ip.dst, segment.dst_port).into(),
            remote: (ip.src, segment.src_port).into(),
        };
        let Some(id) = self.by_tuple.get(&self.sockets, &tuple) else { return false };
        // Whatever is not in order, or comes again, has an answer each, and so has every second segment (RFC 5681, 4.2).
        let is_expected = match self.sockets.get(id).map(|socket| &socket.path) {
            Some(Path::Host(host)) => host.conn.predicts_joined(&segment),
            _ => false,
        };
        if !is_expected {
            return false;
        }
        let taken = self.host_input(now, id, &segment, &pieces[..frames.len()]);
        self.counters.rx_joined += if taken { rest.len() as u64 } else { 0 };
        taken
    }
}

/// What a frame with TCP over IPv4 has, if all its checksums are right.
fn take_apart(frame: &[u8]) -> Option<(Ip, Segment, &[u8])> {
    let Ok(Packet::Tcp(ip, bytes)) = packet::parse(frame) else { return None };
    let (segment, header_len) = packet::segment(&ip, bytes).ok()?;
    Some((ip, segment, &bytes[header_len..]))
}

/// The payload of a frame that [`follows`] one whose TCP header has `header_len` bytes, if all its checksums are right: the rest
/// is known.
fn payload_of(frame: &[u8], header_len: usize) -> Option<&[u8]> {
    let (ip, bytes) = packet::parse_plain_tcp(frame)?;
    bytes.get(header_len..).filter(|_| packet::is_whole(&ip, bytes))
}

/// Whether `next` goes on where `before` ends, and says nothing else; the payload of either, in bytes. That they are whole is
/// not looked at.
fn follows(before: &[u8], next: &[u8]) -> Option<(usize, usize)> {
    let (a, b): (&[u8; at::OPTIONS], &[u8; at::OPTIONS]) =
        (before.first_chunk()?, next.first_chunk()?);
    let is_same = |from: usize, to: usize| a[from..to] == b[from..to];
    // Ports first: where connections take turns they differ.
    if !is_same(at::TCP, at::SEQ) || !is_same(at::ACK, at::FLAGS) || !is_same(0, at::LENGTH) {
        return None;
    }
    let be32 = |of: &[u8; at::OPTIONS], at: usize| {
        u32::from_be_bytes([of[at], of[at + 1], of[at + 2], of[at + 3]])
    };
    let headers = 20 + usize::from(a[at::OFFSET] >> 4) * 4;
    let payload = |of: &[u8; at::OPTIONS]| {
        let length = usize::from(u16::from_be_bytes([of[at::LENGTH], of[at::LENGTH + 1]]));
        length.checked_sub(headers).filter(|&len| len > 0)
    };
    let lens = (payload(a)?, payload(b)?);
    let options = at::IP + headers;
    let (ack, push) = (Flags::ACK.0 as u8, (Flags::ACK | Flags::PSH).0 as u8);
    let is_next = a[at::IP] == 0x45
        && a[at::IP_SUM - 1] == u8::from(IpProtocol::Tcp)
        && is_same(at::FRAGMENT, at::IP_SUM)
        && is_same(at::ADDRESSES, at::TCP)
        && be32(b, at::SEQ) == be32(a, at::SEQ).wrapping_add(lens.0 as u32)
        // With NS, the bit beside the offset, they are no plain ACKs.
        && a[at::OFFSET] & 1 == 0
        && a[at::FLAGS] == ack
        && (b[at::FLAGS] == ack || b[at::FLAGS] == push)
        && is_same(at::WINDOW, at::WINDOW + 2)
        && is_same(at::URGENT, at::OPTIONS)
        && before.get(at::OPTIONS..options)? == next.get(at::OPTIONS..options)?;
    is_next.then_some(lens)
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use mafo_tcp::{Options, SeqNum, Timestamps};

    use super::*;
    use crate::packet::{Dscp, Handling};

    const MACS: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    const ADDRESSES: (Ipv4Addr, Ipv4Addr) =
        (Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(10, 77, 0, 2));

    fn segment(seq: u32, payload_len: u32) -> Segment {
        let timestamps = Some(Timestamps { val: 5, ecr: 6 });
        Segment {
            src_port: 7,
            dst_port: 8,
            seq: SeqNum(seq),
            ack: SeqNum(99),
            flags: Flags::ACK,
            window: 500,
            payload_len,
            options: Options { timestamps, ..Options::default() },
            ..Segment::default()
        }
    }

    fn frame(segment: &Segment) -> Vec<u8> {
        frame_with(segment, Dscp::DEFAULT, 64)
    }

    fn frame_with(segment: &Segment, dscp: Dscp, ttl: u8) -> Vec<u8> {
        let mut buf = vec![0; 2000];
        let handling = Handling { dscp, ttl };
        let len = packet::emit_tcp_with(&mut buf, MACS, ADDRESSES, handling, segment, |payload| {
            payload.fill(3);
        });
        buf.truncate(len);
        buf
    }

    #[test]
    fn only_what_goes_on_and_says_nothing_else_is_joined() {
        let first = frame(&segment(u32::MAX - 49, 100));
        let next = segment(50, 60);
        assert_eq!(follows(&first, &frame(&next)), Some((100, 60)));
        let push = Segment { flags: Flags::ACK | Flags::PSH, ..next };
        assert_eq!(follows(&first, &frame(&push)), Some((100, 60)));
        let last =
            frame(&Segment { flags: Flags::ACK | Flags::PSH, ..segment(u32::MAX - 49, 100) });
        assert_eq!(follows(&last, &frame(&next)), None, "somebody waits for what is there");
        let val = |val| Options { timestamps: Some(Timestamps { val, ecr: 6 }), ..next.options };
        for (what, other) in [
            ("a gap", Segment { seq: SeqNum(51), ..next }),
            ("an overlap", Segment { seq: SeqNum(49), ..next }),
            ("no payload", Segment { payload_len: 0, ..next }),
            ("another ACK", Segment { ack: SeqNum(100), ..next }),
            ("another window", Segment { window: 501, ..next }),
            ("another sender", Segment { src_port: 9, ..next }),
            ("another receiver", Segment { dst_port: 9, ..next }),
            ("another time", Segment { options: val(7), ..next }),
            ("no time", Segment { options: Options::default(), ..next }),
            ("FIN", Segment { flags: Flags::ACK | Flags::FIN, ..next }),
            ("RST", Segment { flags: Flags::ACK | Flags::RST, ..next }),
            ("URG", Segment { flags: Flags::ACK | Flags::URG, ..next }),
            ("CWR", Segment { flags: Flags::ACK | Flags::CWR, ..next }),
            ("an urgent pointer", Segment { urgent: 1, ..next }),
        ] {
            assert_eq!(follows(&first, &frame(&other)), None, "{what}");
        }
        let empty = frame(&segment(50, 0));
        assert_eq!(follows(&empty, &frame(&next)), None, "nothing goes on");
        assert_eq!(follows(&first, &frame_with(&next, Dscp::DEFAULT, 63)), None, "another way");
        let marked = |of: &[u8], at: usize, bits: u8| {
            let mut frame = of.to_vec();
            frame[at] ^= bits;
            frame
        };
        let next = frame(&next);
        for (what, at, bits) in [
            ("another station", 11, 1),
            ("another protocol above Ethernet", 13, 1),
            ("congestion experienced", at::IP + 1, 3),
            ("a fragment", at::FRAGMENT, 0x20),
            ("another source", at::ADDRESSES + 3, 1),
            ("another destination", at::TCP - 1, 1),
        ] {
            assert_eq!(follows(&first, &marked(&next, at, bits)), None, "{what}");
        }
        for (what, at, bits) in
            [("IP options", at::IP, 3), ("UDP", at::IP_SUM - 1, 0x17), ("NS", at::OFFSET, 1)]
        {
            let both = [&first, &next].map(|frame| marked(frame, at, bits));
            assert_eq!(follows(&both[0], &both[1]), None, "{what}");
        }
        for len in 0..at::OPTIONS + 12 {
            assert_eq!(follows(&first[..len], &next[..len]), None, "{len} bytes");
        }
    }
}
