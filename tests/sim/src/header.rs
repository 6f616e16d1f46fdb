//! TCP headers as the checker reads them: by a parser of its own, so that a mistake in the project's
//! does not hide itself.

/// SYN.
pub(crate) const SYN: u8 = 0x02;
/// FIN.
pub(crate) const FIN: u8 = 0x01;
/// RST.
pub(crate) const RST: u8 = 0x04;
/// ACK.
pub(crate) const ACK: u8 = 0x10;

/// A TCP segment in an Ethernet frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp<'a> {
    pub(crate) src: [u8; 4],
    pub(crate) dst: [u8; 4],
    /// Identification of the IP packet. TP counts its packets there.
    pub(crate) id: u16,
    pub(crate) ports: (u16, u16),
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) flags: u8,
    pub(crate) window: u16,
    pub(crate) timestamps: Option<(u32, u32)>,
    pub(crate) wscale: Option<u8>,
    sacks: [(u32, u32); 4],
    sack_count: usize,
    pub(crate) payload: &'a [u8],
    /// Bytes of payload that the IP header speaks of.
    pub(crate) len: usize,
}

impl<'a> Tcp<'a> {
    /// The segment in `frame`; `None` when it is something else, or broken.
    pub(crate) fn parse(frame: &'a [u8]) -> Option<Self> {
        if be16(frame, 12)? != 0x0800 {
            return None;
        }
        let ip = frame.get(14..)?;
        let ihl = usize::from(ip.first()? & 0xf) * 4;
        if ip[0] >> 4 != 4 || ihl < 20 || *ip.get(9)? != 6 {
            return None;
        }
        let total = usize::from(be16(ip, 2)?);
        let tcp = ip.get(ihl..total)?;
        Self::of(ip, tcp, total - ihl)
    }

    /// The headers at the front of a frame of which the rest is not there.
    pub(crate) fn parse_head(head: &'a [u8]) -> Option<Self> {
        if be16(head, 12)? != 0x0800 || *head.get(23)? != 6 {
            return None;
        }
        let ip = head.get(14..)?;
        let ihl = usize::from(ip.first()? & 0xf) * 4;
        let total = usize::from(be16(ip, 2)?);
        let tcp = ip.get(ihl..total.min(ip.len()))?;
        Self::of(ip, tcp, total - ihl)
    }

    fn of(ip: &[u8], tcp: &'a [u8], total: usize) -> Option<Self> {
        let offset = usize::from(*tcp.get(12)? >> 4) * 4;
        let payload = tcp.get(offset..)?;
        let mut segment = Self {
            src: ip.get(12..16)?.try_into().ok()?,
            dst: ip.get(16..20)?.try_into().ok()?,
            id: be16(ip, 4)?,
            ports: (be16(tcp, 0)?, be16(tcp, 2)?),
            seq: be32(tcp, 4)?,
            ack: be32(tcp, 8)?,
            flags: tcp[13],
            window: be16(tcp, 14)?,
            timestamps: None,
            wscale: None,
            sacks: [(0, 0); 4],
            sack_count: 0,
            payload,
            len: total.checked_sub(offset)?,
        };
        segment.options(tcp.get(20..offset)?);
        Some(segment)
    }

    fn options(&mut self, mut options: &[u8]) {
        while let [kind, rest @ ..] = options {
            match kind {
                0 => return,
                1 => {
                    options = rest;
                    continue;
                }
                _ => {}
            }
            let Some(&len) = rest.first() else { return };
            let Some(body) = options.get(2..usize::from(len)) else { return };
            match kind {
                3 => self.wscale = body.first().copied(),
                5 => {
                    for block in body.chunks_exact(8).take(4) {
                        self.sacks[self.sack_count] = (be32_of(block), be32_of(&block[4..]));
                        self.sack_count += 1;
                    }
                }
                8 if body.len() == 8 => {
                    self.timestamps = Some((be32_of(body), be32_of(&body[4..])));
                }
                _ => {}
            }
            options = &options[usize::from(len)..];
        }
    }

    /// Ranges that the sender has beyond a gap.
    pub(crate) fn sacks(&self) -> &[(u32, u32)] {
        &self.sacks[..self.sack_count]
    }

    pub(crate) fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn be32_of(bytes: &[u8]) -> u32 {
    be32(bytes, 0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_by_hand() {
        let mut frame = vec![0; 12];
        frame.extend([0x08, 0x00]);
        frame.extend([0x45, 0, 0, 20 + 52 + 3, 0, 0, 0, 0, 64, 6, 0, 0]);
        frame.extend([10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend([0, 7, 0xc0, 1, 0, 0, 0, 9, 0, 0, 1, 0, 0xd0, 0x12, 0x12, 0x34, 0, 0, 0, 0]);
        frame.extend([1, 3, 3, 9]); // NOP, window scale 9
        frame.extend([1, 1, 8, 10, 0, 0, 0, 5, 0, 0, 0, 6]);
        frame.extend([1, 1, 5, 10, 0, 0, 2, 0, 0, 0, 3, 0, 1, 1, 1, 1]);
        frame.extend([0xaa, 0xbb, 0xcc, 0, 0]); // three bytes and padding
        let segment = Tcp::parse(&frame).expect("a segment");
        assert_eq!((segment.src, segment.dst), ([10, 0, 0, 1], [10, 0, 0, 2]));
        assert_eq!(segment.ports, (7, 0xc001));
        assert_eq!((segment.seq, segment.ack, segment.flags), (9, 256, SYN | ACK));
        assert_eq!((segment.window, segment.wscale), (0x1234, Some(9)));
        assert_eq!(segment.timestamps, Some((5, 6)));
        assert_eq!(segment.sacks(), [(512, 768)]);
        assert_eq!(segment.payload, [0xaa, 0xbb, 0xcc]);
        assert!(Tcp::parse(&frame[..60]).is_none(), "cut off");
    }
}
