//! Frames of a stranger on the network: about a connection, and not its own.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::plan::Stray;
use crate::wire::Mac;

/// Where the host with the bond, and its peer, stand with a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About {
    /// The host's address, and the peer's.
    pub(crate) ends: [SocketAddrV4; 2],
    /// What the host sent last, or so.
    pub(crate) snd: u32,
    /// What the peer sent, lately.
    pub(crate) rcv: u32,
}

/// The frame, from `source` to `target`.
pub(crate) fn frame(stray: Stray, about: &About, source: Mac, target: Mac) -> Vec<u8> {
    let [near, peer] = about.ends;
    let (id_and_fragment, protocol, payload, from) = match stray {
        Stray::Syn => {
            // Behind what has been received: nobody could take it for a new connection.
            let mut tcp = ports(peer, near);
            tcp.extend(about.rcv.wrapping_sub(1000).to_be_bytes());
            tcp.extend([0, 0, 0, 0, 0x50, 2, 0x10, 0, 0, 0, 0, 0]);
            let sum = checksum(&[&pseudo_header(peer, near, tcp.len()), &tcp]);
            tcp[16..18].copy_from_slice(&sum.to_be_bytes());
            ([0, 1, 0x40, 0], 6, tcp, *peer.ip())
        }
        Stray::Unreachable => {
            let mut quoted = ipv4([0, 2, 0x40, 0], 6, *near.ip(), *peer.ip(), 20);
            quoted.extend(ports(near, peer));
            quoted.extend(about.snd.to_be_bytes());
            let mut icmp = vec![3, 1, 0, 0, 0, 0, 0, 0];
            icmp.extend(quoted);
            let sum = checksum(&[&icmp]);
            icmp[2..4].copy_from_slice(&sum.to_be_bytes());
            ([0, 3, 0, 0], 1, icmp, Ipv4Addr::new(10, 77, 0, 9))
        }
        Stray::Fragment => {
            let mut tcp = ports(peer, near);
            tcp.extend(about.rcv.to_be_bytes());
            tcp.extend([0; 4]);
            // More fragments follow.
            ([0, 4, 0x20, 0], 6, tcp, *peer.ip())
        }
    };
    let mut frame = [target, source].concat();
    frame.extend([0x08, 0x00]);
    frame.extend(ipv4(id_and_fragment, protocol, from, *near.ip(), payload.len()));
    frame.extend(payload);
    frame.resize(frame.len().max(60), 0);
    frame
}

fn ports(from: SocketAddrV4, to: SocketAddrV4) -> Vec<u8> {
    [from.port().to_be_bytes(), to.port().to_be_bytes()].concat()
}

fn ipv4(
    id_and_fragment: [u8; 4],
    protocol: u8,
    from: Ipv4Addr,
    to: Ipv4Addr,
    len: usize,
) -> Vec<u8> {
    let mut header = vec![0x45, 0];
    header.extend((20 + len as u16).to_be_bytes());
    header.extend(id_and_fragment);
    header.extend([64, protocol, 0, 0]);
    header.extend(from.octets());
    header.extend(to.octets());
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

fn pseudo_header(from: SocketAddrV4, to: SocketAddrV4, len: usize) -> Vec<u8> {
    let mut header = [from.ip().octets(), to.ip().octets()].concat();
    header.extend([0, 6]);
    header.extend((len as u16).to_be_bytes());
    header
}

/// The Internet checksum of parts that each have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words
        .map(|word| u32::from(word[0]) << 8 | word.get(1).map_or(0, |low| u32::from(*low)))
        .sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_sum_up_to_nothing() {
        let ends = [Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 1)]
            .map(|ip| SocketAddrV4::new(ip, 0x1234));
        let about = About { ends, snd: 0x0102_0304, rcv: 0x0506_0708 };
        let source = [2, 0, 0, 0, 0, 9];
        for stray in [Stray::Syn, Stray::Unreachable, Stray::Fragment] {
            let frame = frame(stray, &about, source, [2, 0, 0, 0, 0, 1]);
            assert_eq!(frame[12..14], [8, 0]);
            assert_eq!(checksum(&[&frame[14..34]]), 0, "{stray:?}");
        }
        let syn = frame(Stray::Syn, &about, source, source);
        let tcp = &syn[34..54];
        assert_eq!(checksum(&[&pseudo_header(ends[1], ends[0], 20), tcp]), 0);
        assert_eq!(tcp[13], 2);
        let icmp = frame(Stray::Unreachable, &about, source, source);
        assert_eq!(checksum(&[&icmp[34..34 + 8 + 28]]), 0);
        assert_eq!(icmp[34 + 28 + 4..34 + 28 + 8], [1, 2, 3, 4], "the segment in question");
    }
}
