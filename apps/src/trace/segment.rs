//! From a capture's bytes to TCP segments.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Why a file cannot be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// Not a pcap file with nanoseconds, in this machine's byte order, of Ethernet frames.
    #[error("no capture of Ethernet frames with nanoseconds")]
    Kind,
    /// It ends in the middle of a record.
    #[error("the capture ends in the middle of record {0}")]
    Truncated(usize),
    /// A frame is longer than what was kept of it.
    #[error("frame {0} is not whole")]
    CutOff(usize),
}

/// A frame of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When, in nanoseconds since 1970.
    pub time_ns: u64,
    /// From the destination MAC on.
    pub bytes: &'a [u8],
}

/// The frames of a classic pcap file.
///
/// # Errors
/// [`CaptureError`]: frames are counted from 1 on.
pub fn records(file: &[u8]) -> Result<Vec<Record<'_>>, CaptureError> {
    let (header, mut rest) = file.split_first_chunk::<24>().ok_or(CaptureError::Kind)?;
    if header[..4] != 0xa1b2_3c4d_u32.to_ne_bytes() || header[20..] != 1_u32.to_ne_bytes() {
        return Err(CaptureError::Kind);
    }
    let mut records = Vec::new();
    while !rest.is_empty() {
        let n = records.len() + 1;
        let (header, behind) = rest.split_first_chunk::<16>().ok_or(CaptureError::Truncated(n))?;
        let word = |at: usize| {
            u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let (bytes, behind) =
            behind.split_at_checked(word(8) as usize).ok_or(CaptureError::Truncated(n))?;
        if word(12) != word(8) {
            return Err(CaptureError::CutOff(n));
        }
        let time_ns = u64::from(word(0)) * 1_000_000_000 + u64::from(word(4));
        records.push(Record { time_ns, bytes });
        rest = behind;
    }
    Ok(records)
}

/// A TCP segment over IPv4.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub(super) from: SocketAddrV4,
    pub(super) to: SocketAddrV4,
    pub(super) sequence: u32,
    /// Where the flag ACK is set.
    pub(super) ack: Option<u32>,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
    /// As it stands there, not scaled.
    pub(super) window: u16,
    pub(super) window_scale: Option<u8>,
    pub(super) tsval: Option<u32>,
    pub(super) payload: &'a [u8],
}

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

impl<'a> Segment<'a> {
    /// The segment in an Ethernet frame; `None` in a frame of another kind.
    pub(super) fn parse(frame: &'a [u8]) -> Option<Self> {
        let (ethernet, packet) = frame.split_first_chunk::<14>()?;
        let (ip, _) = packet.split_first_chunk::<20>()?;
        if ethernet[12..] != [8, 0] || ip[0] >> 4 != 4 || ip[9] != 6 {
            return None;
        }
        // Ethernet pads: the packet ends where it says.
        let total = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        let tcp = packet.get(usize::from(ip[0] & 0xf) * 4..total)?;
        let (header, _) = tcp.split_first_chunk::<20>()?;
        let half = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let word = |at: usize| u32::from(half(at)) << 16 | u32::from(half(at + 2));
        let address = |at: usize| Ipv4Addr::new(ip[at], ip[at + 1], ip[at + 2], ip[at + 3]);
        let data = usize::from(header[12] >> 4) * 4;
        let flags = header[13];
        let (window_scale, tsval) = options(tcp.get(20..data)?);
        Some(Self {
            from: SocketAddrV4::new(address(12), half(0)),
            to: SocketAddrV4::new(address(16), half(2)),
            sequence: word(4),
            ack: (flags & ACK != 0).then(|| word(8)),
            syn: flags & SYN != 0,
            fin: flags & FIN != 0,
            rst: flags & RST != 0,
            window: half(14),
            window_scale,
            tsval,
            payload: tcp.get(data..)?,
        })
    }
}

/// Window scale and TSval (RFC 7323, sections 2.2 and 3.2), as far as the options can be read.
fn options(mut rest: &[u8]) -> (Option<u8>, Option<u32>) {
    let (mut window_scale, mut tsval) = (None, None);
    loop {
        rest = match rest {
            [1, behind @ ..] => behind,
            [3, 3, shift, behind @ ..] => {
                window_scale = Some(*shift);
                behind
            }
            [8, 10, a, b, c, d, behind @ ..] => {
                tsval = Some(u32::from_be_bytes([*a, *b, *c, *d]));
                behind.get(4..).unwrap_or_default()
            }
            [kind, len, ..] if *kind > 1 && *len > 1 => {
                rest.get(usize::from(*len)..).unwrap_or_default()
            }
            _ => return (window_scale, tsval),
        };
    }
}
