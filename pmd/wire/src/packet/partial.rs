//! Checksums that the kernel has left to hardware, which is not there: what comes over a veth, or from a container, is a frame
//! whose TCP or UDP checksum field holds the sum of the pseudo header alone.

use mafo_mem::checksum;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
const ETHERTYPE_VLAN: u16 = 0x8100;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;

/// Puts in the rest of the sum. A frame that is no TCP or UDP over IP, or not whole, stays as it is.
pub(super) fn complete(frame: &mut [u8]) {
    let Some((from, to, field)) = place(frame) else { return };
    let transport = &mut frame[from..to];
    let sum = checksum::sum(transport).checksum();
    // RFC 768: zero would say that there is no checksum, and all ones is the same number.
    let sum = if sum == 0 && field == UDP_FIELD { 0xffff } else { sum };
    transport[field..field + 2].copy_from_slice(&sum.to_be_bytes());
}

const TCP_FIELD: usize = 16;
const UDP_FIELD: usize = 6;

/// Where the transport's header begins and its payload ends, and where in it the checksum is.
fn place(frame: &[u8]) -> Option<(usize, usize, usize)> {
    let be16 = |at: usize| Some(u16::from_be_bytes(*frame.get(at..)?.first_chunk()?));
    let mut at = 12;
    while be16(at)? == ETHERTYPE_VLAN {
        at += 4;
    }
    let (ethertype, ip) = (be16(at)?, at + 2);
    let (protocol, from, len) = match ethertype {
        ETHERTYPE_IPV4 => {
            let header = usize::from(frame.get(ip)? & 0xf) * 4;
            let len = usize::from(be16(ip + 2)?).checked_sub(header)?;
            (*frame.get(ip + 9)?, ip + header, len)
        }
        // Who leaves a sum to hardware puts no extension headers in front.
        ETHERTYPE_IPV6 => (*frame.get(ip + 6)?, ip + 40, usize::from(be16(ip + 4)?)),
        _ => return None,
    };
    let field = match protocol {
        PROTOCOL_TCP => TCP_FIELD,
        PROTOCOL_UDP => UDP_FIELD,
        _ => return None,
    };
    let to = from + len;
    (to <= frame.len() && field + 2 <= len).then_some((from, to, field))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10.9.0.1:1 to 10.9.0.2:2, UDP "abc": the pseudo header's sum is 0x0a09 + 0x0001 + 0x0a09 + 0x0002 + 17 + 11 = 0x1431,
    /// and with the datagram, 1 + 2 + 11 + 0x6162 + 0x6300, it is 0xd8a1.
    fn udp() -> Vec<u8> {
        let mut frame = vec![0xee; 12];
        frame.extend([0x08, 0x00, 0x45, 0, 0, 31, 0, 0, 0x40, 0, 64, 17, 0, 0]);
        frame.extend([10, 9, 0, 1, 10, 9, 0, 2]);
        frame.extend([0, 1, 0, 2, 0, 11, 0x14, 0x31, b'a', b'b', b'c']);
        frame
    }

    const SUM: [u8; 2] = (!0xd8a1_u16).to_be_bytes();

    #[test]
    fn the_rest_of_the_sum_is_put_in() {
        let mut frame = udp();
        frame.extend([0xff; 7]); // padding is nobody's
        complete(&mut frame);
        assert_eq!(frame[40..42], SUM);
        let mut tagged = udp();
        tagged.splice(12..12, [0x81, 0x00, 0, 5]);
        complete(&mut tagged);
        assert_eq!(tagged[44..46], SUM, "behind a tag");
    }

    /// The same over IPv6, TCP of 20 bytes without ports, from :: to ::1: 1 + 6 + 20 = 27 in the field, and 0x5000 in the header.
    #[test]
    fn tcp_over_ipv6_has_it_elsewhere() {
        let mut frame = vec![0xee; 12];
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64]);
        frame.extend([0; 31]);
        frame.push(1);
        let mut tcp = [0; 20];
        (tcp[12], tcp[17]) = (0x50, 27);
        frame.extend(tcp);
        complete(&mut frame);
        assert_eq!(frame[54 + 16..54 + 18], (!0x501b_u16).to_be_bytes());
    }

    #[test]
    fn a_sum_of_zero_is_all_ones_for_udp() {
        let mut frame = udp();
        // What is missing to all ones.
        frame[34..36].copy_from_slice(&(1 + !0xd8a1_u16).to_be_bytes());
        complete(&mut frame);
        assert_eq!(frame[40..42], [0xff, 0xff]);
    }

    #[test]
    fn what_is_none_of_these_stays_as_it_is() {
        let whole = udp();
        for len in 0..whole.len() {
            let mut cut = whole[..len].to_vec();
            complete(&mut cut);
            assert_eq!(cut, whole[..len], "{len} bytes");
        }
        for (at, value) in [(12, 0x88), (14, 0x4f), (17, 9), (23, 1)] {
            let mut other = whole.clone();
            other[at] = value;
            let before = other.clone();
            complete(&mut other);
            assert_eq!(other, before, "{value:#x} at {at}");
        }
    }
}
