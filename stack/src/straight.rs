//! The short way of a frame to its connection: TCP over IPv4 as almost every frame has it, whose header is looked at once.
//!
//! What is no such frame, or no connection's of the host path, is left to `Core::handle_frame`, which decides as if nobody had
//! looked.

use core::net::Ipv4Addr;

use mafo_mem::Nanos;
use mafo_tcp::{Flags, Options, Segment, SeqNum, Timestamps};

use crate::core::Core;
use crate::neigh::Mac;
use crate::packet;

/// Bytes of a TCP header with timestamps and nothing else (RFC 7323, appendix A).
const HEADER: usize = 32;
/// The option's first four bytes: NOP, NOP, kind, length.
const TIMESTAMPS: u32 = 0x0101_080a;

/// A plain frame.
#[derive(Debug)]
struct Plain<'a> {
    src: Ipv4Addr,
    segment: Segment,
    payload: &'a [u8],
}

/// Whom a frame has to be for.
#[derive(Clone, Copy, Debug)]
struct Station {
    mac: Mac,
    address: Ipv4Addr,
}

/// `frame`, if it is for `station` and another's, IPv4 without options and in one piece, TCP with timestamps alone,
/// and all its checksums are right.
#[inline]
fn parse(frame: &[u8], station: Station) -> Option<Plain<'_>> {
    let (src, dst) = packet::macs(frame)?;
    let (ip, bytes) = packet::parse_plain_tcp(frame)?;
    let (header, payload) = bytes.split_first_chunk::<HEADER>()?;
    let be16 = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let be32 = |at: usize| u32::from(be16(at)) << 16 | u32::from(be16(at + 2));
    // Of the header its length and NS as well.
    let is_plain = (dst, ip.dst) == (station.mac, station.address)
        && src != station.mac
        && header[12] == (HEADER as u8 / 4) << 4
        && be32(20) == TIMESTAMPS;
    if !is_plain || !packet::is_whole(&ip, bytes) {
        return None;
    }
    let timestamps = Some(Timestamps { val: be32(24), ecr: be32(28) });
    let segment = Segment {
        src_port: be16(0),
        dst_port: be16(2),
        seq: SeqNum(be32(4)),
        ack: SeqNum(be32(8)),
        flags: Flags(header[13].into()),
        window: be16(14),
        urgent: be16(18),
        options: Options { timestamps, ..Options::default() },
        ecn: ip.ecn,
        payload_len: payload.len() as u32,
    };
    Some(Plain { src: ip.src, segment, payload })
}

impl Core {
    /// Takes a plain frame that is a connection's of the host path. `false`, and nothing is done, if it is anything else.
    #[inline]
    pub(crate) fn handle_plain(&mut self, now: Nanos, frame: &[u8]) -> bool {
        let station = Station { mac: self.config.mac, address: self.config.address };
        let Some(Plain { src, segment, payload }) = parse(frame, station) else { return false };
        let local = (station.address, segment.dst_port);
        match self.by_tuple.get_v4(&self.sockets, local, (src, segment.src_port)) {
            // Whoever is here is this lcore's, or has moved here: nobody else has to be asked.
            Some(id) => self.host_input(now, id, &segment, &[payload]),
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use mafo_mem::checksum;

    use super::*;
    use crate::packet::{ETHERNET_HEADER as IP, IPV4_HEADER, Packet};

    /// Where TCP's header begins, and where it ends.
    const TCP: usize = IP + IPV4_HEADER;
    const HEADERS: usize = TCP + HEADER;

    const US: Station = Station { mac: [2, 0, 0, 0, 0, 2], address: Ipv4Addr::new(10, 77, 0, 2) };
    const PEER: Station = Station { mac: [2, 0, 0, 0, 0, 1], address: Ipv4Addr::new(10, 77, 0, 1) };

    fn frame(segment: &Segment, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![0; 1514];
        let ends = (PEER.address, US.address);
        let len = packet::emit_tcp(&mut frame, (PEER.mac, US.mac), ends, segment, payload);
        frame.truncate(len);
        frame
    }

    fn segment(payload_len: usize) -> Segment {
        let timestamps = Some(Timestamps { val: 0x0102_0304, ecr: 0xf0e0_d0c0 });
        Segment {
            src_port: 40_000,
            dst_port: 5001,
            seq: SeqNum(0x1234_5678),
            ack: SeqNum(0x9abc_def0),
            flags: Flags::ACK | Flags::PSH,
            window: 0x1f6,
            payload_len: payload_len as u32,
            options: Options { timestamps, ..Options::default() },
            ..Segment::default()
        }
    }

    /// What the long way makes of a frame.
    fn by_all_rules(frame: &[u8]) -> Option<(Ipv4Addr, Segment, &[u8])> {
        let (src, dst) = packet::macs(frame)?;
        let Ok(Packet::Tcp(ip, bytes)) = packet::parse(frame) else { return None };
        let (segment, len) = packet::segment(&ip, bytes).ok()?;
        let is_ours = dst == US.mac && src != US.mac && ip.dst == US.address;
        is_ours.then_some((ip.src, segment, &bytes[len..]))
    }

    /// Each byte of the headers takes every value, with the checksums as they are and mended: whatever is plain is what it is by
    /// all rules, and most is not plain.
    #[test]
    fn what_is_plain_is_what_it_is_by_all_rules() {
        let payload = *b"what is said";
        let plain = frame(&segment(payload.len()), &payload);
        let mut seen = 0;
        for at in 0..HEADERS {
            for value in 0..=255 {
                for mends in [false, true] {
                    let mut frame = plain.clone();
                    frame[at] = value;
                    if mends {
                        mend(&mut frame);
                    }
                    let Some(Plain { src, segment, payload }) = parse(&frame, US) else { continue };
                    seen += 1;
                    let expected = by_all_rules(&frame);
                    assert_eq!(Some((src, segment, payload)), expected, "{at} {value:#x} {mends}");
                }
            }
        }
        // Anything may be in 39 bytes: who sent it, DSCP and ECN, identification, lifetime, source, ports, numbers, flags, window,
        // urgent pointer, times, and checksums, which are mended.
        assert!(seen > 39 * 256, "{seen}");
    }

    fn mend(frame: &mut [u8]) {
        frame[IP + 10..IP + 12].fill(0);
        let sum = checksum::sum(&frame[IP..TCP]).checksum();
        frame[IP + 10..IP + 12].copy_from_slice(&sum.to_be_bytes());
        frame[TCP + 16..TCP + 18].fill(0);
        let end = frame.len();
        let pseudo = checksum::pseudo_header_v4(
            frame[IP + 12..IP + 16].try_into().expect("four"),
            frame[IP + 16..IP + 20].try_into().expect("four"),
            6,
            (end - TCP) as u16,
        );
        let sum = (pseudo + checksum::sum(&frame[TCP..end])).checksum();
        frame[TCP + 16..TCP + 18].copy_from_slice(&sum.to_be_bytes());
    }

    #[test]
    fn what_is_padded_cut_or_changed_is_seen() {
        for len in [0, 1, 64, 1448] {
            let bytes: Vec<u8> = (0..len).map(|n| n as u8).collect();
            let whole = frame(&segment(len), &bytes);
            for at in 0..whole.len() {
                let mut changed = whole.clone();
                changed[at] ^= 0x10;
                let is_known = parse(&changed, US).is_some();
                // The stations' own names are in no checksum.
                assert!(!is_known || (6..12).contains(&at), "{at} of {len}");
                assert!(parse(&whole[..at], US).is_none(), "{at} of {len}");
            }
            let mut padded = whole.clone();
            padded.extend([0xee; 7]);
            let plain = parse(&padded, US).expect("plain");
            assert_eq!((plain.payload, plain.segment), (&bytes[..], segment(len)));
        }
        let mut own = frame(&segment(3), b"abc");
        own[6..12].copy_from_slice(&US.mac);
        assert!(parse(&own, US).is_none(), "our own");
    }
}
