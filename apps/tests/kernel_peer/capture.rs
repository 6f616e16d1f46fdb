//! Reading a capture back.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};

/// Where a case captures.
pub(crate) fn capture_path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("mafo-kernel-peer-{}-{name}.pcap", std::process::id()))
}

/// Time in nanoseconds and bytes of each record of a pcap file, which is removed.
pub(crate) fn take_capture(path: &Path) -> Vec<(u64, Vec<u8>)> {
    let file = std::fs::read(path).unwrap();
    std::fs::remove_file(path).unwrap();
    let word = |at: usize| u32::from_ne_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!((word(0), word(20)), (0xa1b2_3c4d, 1), "nanoseconds, Ethernet");
    let mut records = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let len = word(at + 8) as usize;
        assert_eq!(len, word(at + 12) as usize, "nothing is cut off");
        assert!(word(at + 4) < 1_000_000_000);
        let time = u64::from(word(at)) * 1_000_000_000 + u64::from(word(at + 4));
        records.push((time, file[at + 16..at + 16 + len].to_vec()));
        at += 16 + len;
    }
    records
}

/// What a TCP segment says, its checksum being right.
#[derive(Debug)]
pub(crate) struct Segment<'a> {
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    pub(crate) sequence: u32,
    pub(crate) flags: u8,
    pub(crate) payload: &'a [u8],
}

pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;

/// The TCP segment in a frame; none in a frame of another kind.
pub(crate) fn segment(frame: &[u8]) -> Option<Segment<'_>> {
    if frame[12..14] != [8, 0] || frame[23] != 6 {
        return None;
    }
    let half = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let address =
        |at: usize| Ipv4Addr::from_bits(u32::from(half(at)) << 16 | u32::from(half(at + 2)));
    assert_eq!(frame[14], 0x45, "no IP options");
    let packet = &frame[14..14 + usize::from(half(16))];
    let tcp = &packet[20..];
    let pseudo = [&packet[12..20], &[0, 6], &(tcp.len() as u16).to_be_bytes()].concat();
    let sum = [&*pseudo, tcp]
        .iter()
        .flat_map(|part| part.chunks(2))
        .map(|pair| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0)))
        .sum::<u64>();
    assert!(sum > 0 && sum % 0xffff == 0, "wrong checksum");
    Some(Segment {
        from: SocketAddrV4::new(address(26), half(34)),
        to: SocketAddrV4::new(address(30), half(36)),
        sequence: u32::from_be_bytes(tcp[4..8].try_into().unwrap()),
        flags: tcp[13],
        payload: &tcp[usize::from(tcp[12] >> 4) * 4..],
    })
}

/// The bytes of every one-way stream in a capture, by its sockets. Every copy of a byte has to be the
/// same, no byte may be missing, and nobody resets.
pub(crate) fn streams(frames: &[Vec<u8>]) -> BTreeMap<(SocketAddrV4, SocketAddrV4), Vec<u8>> {
    let mut first = BTreeMap::new();
    let mut streams: BTreeMap<_, Vec<Option<u8>>> = BTreeMap::new();
    for segment in frames.iter().filter_map(|frame| segment(frame)) {
        let way = (segment.from, segment.to);
        assert_eq!(segment.flags & RST, 0, "{segment:?}");
        if segment.flags & SYN != 0 {
            first.insert(way, segment.sequence.wrapping_add(1));
            continue;
        }
        // After a FIN, which has a sequence number and no byte, an ACK lies beyond the stream.
        if segment.payload.is_empty() {
            continue;
        }
        let stream = streams.entry(way).or_default();
        let offset = segment.sequence.wrapping_sub(first[&way]) as usize;
        let end = offset + segment.payload.len();
        stream.resize(stream.len().max(end), None);
        for (slot, byte) in stream[offset..end].iter_mut().zip(segment.payload) {
            assert!(slot.is_none_or(|known| known == *byte), "copies differ: {way:?} at {offset}");
            *slot = Some(*byte);
        }
    }
    let whole =
        |stream: Vec<Option<u8>>| stream.into_iter().map(|byte| byte.expect("a hole")).collect();
    streams.into_iter().map(|(way, stream)| (way, whole(stream))).collect()
}
