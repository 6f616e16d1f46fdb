//! Packets as a wire carries them, made of one that a port with receive offload would have handed in.

/// Bytes of an IPv4 header without options.
const IPV4: usize = 20;
const PROTOCOL_TCP: u8 = 6;
const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// Takes a TCP segment apart whose packet is longer than `mtu`, as segmentation offload does: all pieces but the last
/// are full, only the last one has PSH and FIN, only the first one CWR. Anything else is itself.
#[must_use]
pub fn take_apart(packet: &[u8], mtu: usize) -> Vec<Vec<u8>> {
    pieces(packet, mtu).unwrap_or_else(|| vec![packet.to_vec()])
}

fn pieces(packet: &[u8], mtu: usize) -> Option<Vec<Vec<u8>>> {
    let ip_len = usize::from(*packet.first()? & 0xf) * 4;
    let fragmented = packet.get(6..8)? != [0, 0] && packet[6..8] != [0x40, 0];
    if packet.len() <= mtu || ip_len < IPV4 || *packet.get(9)? != PROTOCOL_TCP || fragmented {
        return None;
    }
    let tcp_len = usize::from(*packet.get(ip_len + 12)? >> 4) * 4;
    let headers = ip_len + tcp_len;
    let (header, payload) = packet.split_at_checked(headers)?;
    let room = mtu.checked_sub(headers).filter(|&room| room > 0)?;
    let number = u16::from_be_bytes([header[4], header[5]]);
    let seq = u32::from_be_bytes(*header.get(ip_len + 4..)?.first_chunk()?);
    let flags = header[ip_len + 13];
    let count = payload.len().div_ceil(room);
    let piece = |(n, part): (usize, &[u8])| {
        let mut piece = [header, part].concat();
        let len = (piece.len() as u16).to_be_bytes();
        piece[2..4].copy_from_slice(&len);
        piece[4..6].copy_from_slice(&number.wrapping_add(n as u16).to_be_bytes());
        let at = seq.wrapping_add((n * room) as u32);
        piece[ip_len + 4..ip_len + 8].copy_from_slice(&at.to_be_bytes());
        let not_here = if n == 0 { 0 } else { CWR } | if n + 1 == count { 0 } else { PSH | FIN };
        piece[ip_len + 13] = flags & !not_here;
        write_checksums(&mut piece, ip_len);
        piece
    };
    Some(payload.chunks(room).enumerate().map(piece).collect())
}

fn write_checksums(packet: &mut [u8], ip_len: usize) {
    packet[10..12].fill(0);
    let sum = checksum(&packet[..ip_len], 0);
    packet[10..12].copy_from_slice(&sum);
    let tcp = packet.len() - ip_len;
    packet[ip_len + 16..ip_len + 18].fill(0);
    // The pseudo header: both addresses, the protocol and the length (RFC 9293 3.1).
    let pseudo = words(&packet[12..20]) + u32::from(PROTOCOL_TCP) + tcp as u32;
    let sum = checksum(&packet[ip_len..], pseudo);
    packet[ip_len + 16..ip_len + 18].copy_from_slice(&sum);
}

fn words(bytes: &[u8]) -> u32 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    bytes.chunks(2).map(word).sum()
}

/// The Internet checksum of `bytes` (RFC 1071), on top of `sum`.
fn checksum(bytes: &[u8], sum: u32) -> [u8; 2] {
    let mut sum = sum + words(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// The MSS option of a SYN, if the packet is one that has it.
#[must_use]
pub fn announced_mss(packet: &[u8]) -> Option<u16> {
    const SYN: u8 = 0x02;
    let ip_len = usize::from(*packet.first()? & 0xf) * 4;
    let tcp = packet.get(ip_len..).filter(|_| packet.get(9) == Some(&PROTOCOL_TCP))?;
    let len = usize::from(*tcp.get(12)? >> 4) * 4;
    let mut options = tcp.get(20..len).filter(|_| tcp[13] & SYN != 0)?;
    loop {
        match *options {
            [2, 4, high, low, ..] => return Some(u16::from_be_bytes([high, low])),
            [1, ref rest @ ..] => options = rest,
            [0, ..] | [] => return None,
            [_, len, ..] => options = options.get(usize::from(len.max(2))..)?,
            [_] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 192.0.2.1 to 192.168.0.1, number 0x00ff, ports 1 and 2, seq 0xfffffc00, ack 7, a NOP-padded timestamp
    /// option; `payload` bytes that count up.
    fn segment(flags: u8, payload: usize) -> Vec<u8> {
        let mut packet =
            vec![0x45, 2, 0, 0, 0, 0xff, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 168, 0, 1];
        packet.extend([0, 1, 0, 2, 0xff, 0xff, 0xfc, 0, 0, 0, 0, 7, 0x80, flags, 1, 0, 0, 0, 0, 0]);
        packet.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2]);
        packet.extend((0..payload).map(|n| n as u8));
        let len = (packet.len() as u16).to_be_bytes();
        packet[2..4].copy_from_slice(&len);
        write_checksums(&mut packet, 20);
        packet
    }

    #[test]
    fn a_joined_segment_is_taken_apart_as_it_was() {
        let joined = segment(CWR | 0x10 | PSH | FIN, 2500);
        let pieces = take_apart(&joined, 1052);
        let lens: Vec<usize> = pieces.iter().map(Vec::len).collect();
        assert_eq!(lens, [1052, 1052, 552]);
        let flags: Vec<u8> = pieces.iter().map(|piece| piece[33]).collect();
        assert_eq!(flags, [CWR | 0x10, 0x10, 0x10 | PSH | FIN]);
        let at: Vec<&[u8]> = pieces.iter().map(|piece| &piece[24..28]).collect();
        assert_eq!(at, [[0xff, 0xff, 0xfc, 0], [0xff, 0xff, 0xff, 0xe8], [0, 0, 3, 0xd0]]);
        let numbers: Vec<&[u8]> = pieces.iter().map(|piece| &piece[4..6]).collect();
        assert_eq!(numbers, [[0, 0xff], [1, 0], [1, 1]]);
        let payload: Vec<u8> = pieces.iter().flat_map(|piece| piece[52..].to_vec()).collect();
        assert_eq!(payload, joined[52..]);
        for piece in &pieces {
            assert_eq!(words(&piece[..20]) % 0xffff, 0, "an IP header sums to nothing");
            let pseudo = words(&piece[12..20]) + 6 + (piece.len() - 20) as u32;
            assert_eq!((words(&piece[20..]) + pseudo) % 0xffff, 0, "and so does a segment");
            assert_eq!(piece[40..52], joined[40..52], "options are of all");
        }
    }

    #[test]
    fn what_fits_or_is_no_segment_is_itself() {
        let fits = segment(0x18, 1000);
        assert_eq!(take_apart(&fits, 1052), std::slice::from_ref(&fits));
        let mut datagram = segment(0x18, 2000);
        datagram[9] = 17;
        assert_eq!(take_apart(&datagram, 1052), std::slice::from_ref(&datagram));
        let cut_off = segment(0x18, 2000)[..22].to_vec();
        assert_eq!(take_apart(&cut_off, 21), std::slice::from_ref(&cut_off));
        assert_eq!(take_apart(&[], 0), [Vec::<u8>::new()]);
    }

    #[test]
    fn the_segment_size_of_a_syn_is_found_among_its_options() {
        let mut syn = segment(0x02, 0);
        assert_eq!(announced_mss(&syn), None);
        syn[40..52].copy_from_slice(&[1, 3, 3, 7, 2, 4, 3, 0xe8, 0, 0, 0, 0]);
        assert_eq!(announced_mss(&syn), Some(1000));
        syn[33] = 0x10;
        assert_eq!(announced_mss(&syn), None, "no SYN");
        syn[33] = 0x02;
        syn[40..52].copy_from_slice(&[3, 0, 2, 4, 3, 0xe8, 9, 200, 1, 1, 1, 1]);
        assert_eq!(announced_mss(&syn), Some(1000), "a length of nothing is taken for the least");
        syn[42..44].copy_from_slice(&[9, 200]);
        assert_eq!(announced_mss(&syn), None);
        assert_eq!(announced_mss(&syn[..21]), None);
    }
}
