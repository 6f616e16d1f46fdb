//! Headers that are written once for all segments of a train.

use mafo_mem::checksum::{self, Partial};
use mafo_tcp::{CHECKSUM_OFFSET, HEADER_LEN_MAX, Segment, SeqNum};

use crate::packet::{ETHERNET_HEADER, IPV4_HEADER};

/// Where the TCP header begins in a frame of ours.
const TCP: usize = ETHERNET_HEADER + IPV4_HEADER;
/// Where in a TCP header the sequence number is.
const SEQ: usize = 4;
/// Where in a TCP header its length and the flags are.
const FLAGS: usize = 12;

/// The headers of a frame, for frames that differ from it in sequence number, flags and payload, and not in length: IPv4's
/// header is then the same to its last bit (`packet::emit_ipv4` numbers nothing), and TCP's sum but for these.
pub(crate) struct Template {
    headers: [u8; TCP + HEADER_LEN_MAX],
    len: usize,
    /// Pseudo header and TCP header without sequence number, flags and checksum.
    sum: Partial,
}

impl Template {
    /// Of `frame`, which `packet::emit_tcp` and its like have made of `segment`.
    pub(crate) fn of(frame: &[u8], segment: &Segment) -> Self {
        let len = TCP + segment.header_len();
        let mut headers = [0; TCP + HEADER_LEN_MAX];
        headers[..len].copy_from_slice(&frame[..len]);
        let (ip, tcp) = headers[ETHERNET_HEADER..len].split_at_mut(IPV4_HEADER);
        tcp[SEQ..SEQ + 4].fill(0);
        tcp[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2].fill(0);
        let addresses = checksum::sum(&ip[12..IPV4_HEADER]);
        let tcp_len = tcp.len() as u16 + segment.payload_len as u16;
        let rest = Partial::of_u16(u16::from(ip[9])) + Partial::of_u16(tcp_len);
        let (before, after) = tcp.split_at(FLAGS);
        let sum = addresses + rest + checksum::sum(before) + checksum::sum(&after[2..]);
        Self { headers, len, sum }
    }

    /// Writes a frame like it with the sequence number and the flags of `segment`, its payload by `fill`, which sums it; its length.
    #[inline]
    pub(crate) fn emit(
        &self,
        buf: &mut [u8],
        segment: &Segment,
        fill: impl FnOnce(&mut [u8]) -> Partial,
    ) -> usize {
        let Segment { seq: SeqNum(seq), flags, payload_len, .. } = *segment;
        let end = self.len + payload_len as usize;
        let (headers, payload) = buf[..end].split_at_mut(self.len);
        headers.copy_from_slice(&self.headers[..self.len]);
        let tcp = &mut headers[TCP..];
        let word = u16::from_be_bytes([tcp[FLAGS], flags.0 as u8]);
        let sum = self.sum + Partial::of_u32(seq) + Partial::of_u16(word) + fill(payload);
        tcp[SEQ..SEQ + 4].copy_from_slice(&seq.to_be_bytes());
        tcp[FLAGS + 1] = flags.0 as u8;
        tcp[CHECKSUM_OFFSET..CHECKSUM_OFFSET + 2].copy_from_slice(&sum.checksum().to_be_bytes());
        end
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use mafo_tcp::{Flags, Options, Timestamps};

    use super::*;
    use crate::packet::emit_tcp;

    /// Whatever differs, a frame from a template is what it would be if it were made alone.
    #[test]
    fn a_frame_from_a_template_is_as_if_made_alone() {
        let macs = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        let ends = (Ipv4Addr::new(10, 77, 0, 1), Ipv4Addr::new(192, 168, 255, 254));
        let timestamps = Some(Timestamps { val: 0xfeed_f00d, ecr: 7 });
        for (timestamps, len) in [(timestamps, 1448), (timestamps, 333), (None, 1460), (None, 48)] {
            let first = Segment {
                src_port: 40_000,
                dst_port: 5001,
                seq: SeqNum(u32::MAX - 100),
                ack: SeqNum(0x8765_4321),
                flags: Flags::ACK,
                window: 502,
                payload_len: len,
                options: Options { timestamps, ..Options::default() },
                ..Segment::default()
            };
            let payload = |n: u32| (0..len).map(|at| (at * 7 + n * 31) as u8).collect::<Vec<_>>();
            let mut frame = vec![0xaa; 1514];
            let end = emit_tcp(&mut frame, macs, ends, &first, &payload(0));
            let template = Template::of(&frame[..end], &first);
            for n in 1..6 {
                let flags = if n == 5 { Flags::ACK | Flags::PSH } else { Flags::ACK };
                let segment = Segment { seq: first.seq + n * len, flags, ..first };
                let (mut alone, mut made) = (vec![0xbb; 1514], vec![0xcc; 1514]);
                let expected = emit_tcp(&mut alone, macs, ends, &segment, &payload(n));
                let end = template.emit(&mut made, &segment, |out| {
                    out.copy_from_slice(&payload(n));
                    checksum::sum(out)
                });
                assert_eq!(made[..end], alone[..expected], "number {n} of {len} bytes");
            }
        }
    }
}
