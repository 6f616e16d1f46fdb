//! What the forwarder learns of a connection from the frames that it lets through: the promises that
//! the peer has been made, which every later owner has to keep.

use core::net::{IpAddr, SocketAddr};

use mafo_mem::checksum;
use mafo_stack::FourTuple;
use mafo_stack::packet::{self, Packet};
use mafo_tcp::{Flags, Segment, SeqNum};

/// A TCP frame as the forwarder sees it. Its checksum is not the forwarder's business.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Who sent it.
    pub src: SocketAddr,
    /// Whom it is for.
    pub dst: SocketAddr,
    /// Its header.
    pub segment: Segment,
}

impl Seen {
    /// Reads `frame`; `None` when it is no whole TCP segment.
    #[must_use]
    pub fn of(frame: &[u8]) -> Option<Self> {
        let Ok(Packet::Tcp(ip, bytes)) = packet::parse(frame) else { return None };
        let (segment, _) = Segment::parse(bytes).ok()?;
        let src = (IpAddr::V4(ip.src), segment.src_port).into();
        let dst = (IpAddr::V4(ip.dst), segment.dst_port).into();
        Some(Self { src, dst, segment })
    }

    /// The connection of a frame that the peer sent.
    #[must_use]
    pub fn inbound(&self) -> FourTuple {
        FourTuple { local: self.dst, remote: self.src }
    }

    /// The connection of a frame that we sent.
    #[must_use]
    pub fn outbound(&self) -> FourTuple {
        FourTuple { local: self.src, remote: self.dst }
    }
}

/// What the peer has been told by the frames let out since the connection's port failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LetOut {
    /// Behind the highest sequence number sent.
    pub seq_end: Option<SeqNum>,
    /// The highest acknowledgment.
    pub ack: Option<SeqNum>,
    /// The furthest right edge of the receive window.
    pub right_edge: Option<SeqNum>,
    /// The latest timestamp.
    pub ts_val: Option<u32>,
    /// The latest timestamp of the peer's that was echoed to it: its owner's TS.Recent (RFC 7323, 4.3).
    pub ts_ecr: Option<u32>,
}

impl LetOut {
    /// Notes a segment of ours that goes out. `scale` is the shift of the windows that we advertise.
    pub fn note(&mut self, segment: &Segment, scale: u8) {
        later(&mut self.seq_end, segment.seq + segment.seq_len());
        if segment.flags.contains(Flags::ACK) {
            later(&mut self.ack, segment.ack);
            later(&mut self.right_edge, right_edge(segment, scale));
        }
        if let Some(ts) = segment.options.timestamps {
            self.note_ts(ts.val);
            // An owner that knows of none echoes 0.
            if segment.flags.contains(Flags::ACK) && ts.ecr != 0 {
                later_stamp(&mut self.ts_ecr, ts.ecr);
            }
        }
    }

    /// Whether `segment` only acknowledges, and offers less than the peer was offered since it was made: what was said in
    /// place of its owner meanwhile says all that it does.
    #[must_use]
    pub fn says_more(&self, segment: &Segment, scale: u8) -> bool {
        let edge = right_edge(segment, scale);
        let offered_more = self.right_edge.is_some_and(|told| told.after(edge));
        let acknowledges = self.ack.is_some_and(|ack| !segment.ack.after(ack));
        segment.flags == Flags::ACK
            && segment.payload_len == 0
            && segment.options.sack.is_empty()
            && offered_more
            && acknowledges
    }

    /// Notes a timestamp that the peer may have been shown.
    pub fn note_ts(&mut self, val: u32) {
        later_stamp(&mut self.ts_val, val);
    }
}

/// Up to where a segment of ours lets the peer send. The window of a SYN is never scaled (RFC 7323, 2.2).
fn right_edge(segment: &Segment, scale: u8) -> SeqNum {
    let scale = if segment.flags.contains(Flags::SYN) { 0 } else { scale };
    segment.ack + (u32::from(segment.window) << scale.min(14))
}

/// Segments of the peer that were let in beyond a gap, in case that the connection gets another owner before it is
/// filled: the peer has been told that they are here.
#[derive(Clone, Debug, Default)]
pub struct LetIn {
    /// Behind the last byte without a gap before it that was let in.
    next: Option<SeqNum>,
    frames: Vec<Kept>,
}

/// A segment: its first number, the one behind its last byte, and the frame.
pub type Kept = (SeqNum, SeqNum, Vec<u8>);

impl LetIn {
    /// Notes a segment that is let in. `rcv_nxt` is what its owner has delivered; at most `max` frames are kept.
    pub fn note(&mut self, rcv_nxt: SeqNum, segment: &Segment, frame: &[u8], max: usize) {
        // A FIN beyond a gap is held by nobody: its peer says it again.
        let (start, end) = (segment.seq, segment.seq + segment.payload_len);
        let next = self.next.get_or_insert(rcv_nxt);
        *next = next.later(rcv_nxt);
        self.frames.retain(|(_, end, _)| end.after(rcv_nxt));
        if !end.after(*next) || start == end {
            return;
        }
        if start.after(*next) {
            if self.frames.len() < max {
                self.frames.push((start, end, frame.to_vec()));
            }
            return;
        }
        *next = end;
        // What was kept may join on.
        while let Some((_, end, _)) =
            self.frames.iter().find(|(start, end, _)| !start.after(*next) && end.after(*next))
        {
            *next = *end;
        }
    }

    /// Whether all bytes of `ranges` are in frames that are kept.
    #[must_use]
    pub fn covers(&self, ranges: &[(SeqNum, SeqNum)]) -> bool {
        ranges.iter().all(|&(start, end)| {
            let mut at = start;
            while end.after(at) {
                let kept = self.frames.iter().find(|(s, e, _)| !s.after(at) && e.after(at));
                let Some((_, e, _)) = kept else { return false };
                at = *e;
            }
            true
        })
    }

    /// Forgets what is not in `ranges`: its owner did not hold it either.
    pub fn restrict(&mut self, ranges: &[(SeqNum, SeqNum)]) {
        let held = |start: SeqNum, end: SeqNum| {
            ranges.iter().any(|&(from, to)| to.after(start) && end.after(from))
        };
        self.frames.retain(|&(start, end, _)| held(start, end));
    }

    /// The frames that are kept and end behind `rcv_nxt`, in the order in which they came.
    pub fn take(self, rcv_nxt: SeqNum) -> impl Iterator<Item = Kept> {
        self.frames.into_iter().filter(move |(_, end, _)| end.after(rcv_nxt))
    }
}

/// What the peer has said last of our side of the stream, where an older segment of it is let in again: its own
/// acknowledgment may be so old that it would be taken for an attack (RFC 5961, 5), its window is that of another time,
/// and its timestamp would prove it old (RFC 7323, 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// The oldest byte of ours that it has not acknowledged.
    pub ack: SeqNum,
    /// Its window, unscaled.
    pub window: u16,
    /// Its last timestamp, if that is known.
    pub recent: Option<u32>,
}

/// The Ethernet header, and where the fields of a TCP header are.
const IP: usize = packet::ETHERNET_HEADER;
const ACK: usize = 8;
const WINDOW: usize = 14;
const CHECKSUM: usize = 16;
const OPTIONS: usize = 20;
/// Kind of the timestamps option (RFC 7323, 3.2), whose value is behind kind and length.
const TIMESTAMPS: u8 = 8;

impl Present {
    /// Brings a TCP frame up to date, its checksum too. One that is none stays as it is.
    pub fn put_into(&self, frame: &mut [u8]) {
        let Some(&first) = frame.get(IP) else { return };
        let tcp = IP + 4 * usize::from(first & 0xf);
        let Some(header) = frame.get(tcp..).filter(|tcp| tcp.len() >= OPTIONS) else { return };
        let end = (4 * usize::from(header[12] >> 4)).min(header.len());
        let stamp = self.recent.zip(stamp_at(&header[..end]));
        put(frame, tcp, ACK, self.ack.0);
        put_half(frame, tcp, WINDOW, self.window);
        if let Some((recent, at)) = stamp {
            let val = u32::from_be_bytes([0, 1, 2, 3].map(|n| frame[tcp + at + n]));
            if (recent.wrapping_sub(val) as i32) > 0 {
                put(frame, tcp, at, recent);
            }
        }
    }
}

/// Where the value of the timestamps option of a TCP header is, if there is one on an even place, as there always is.
fn stamp_at(header: &[u8]) -> Option<usize> {
    let mut at = OPTIONS;
    while let Some(&kind) = header.get(at) {
        match kind {
            0 => return None,
            1 => at += 1,
            TIMESTAMPS => {
                return (at.is_multiple_of(2) && at + 10 <= header.len()).then_some(at + 2);
            }
            _ => at += usize::from(*header.get(at + 1).filter(|len| **len >= 2)?),
        }
    }
    None
}

fn put(frame: &mut [u8], tcp: usize, at: usize, value: u32) {
    put_half(frame, tcp, at, (value >> 16) as u16);
    put_half(frame, tcp, at + 2, value as u16);
}

/// Two bytes of a TCP header, and what they change in its checksum.
fn put_half(frame: &mut [u8], tcp: usize, at: usize, value: u16) {
    let read = |frame: &[u8], at: usize| u16::from_be_bytes([frame[tcp + at], frame[tcp + at + 1]]);
    let (old, sum) = (read(frame, at), read(frame, CHECKSUM));
    let sum = checksum::update(sum, old, value);
    frame[tcp + at..][..2].copy_from_slice(&value.to_be_bytes());
    frame[tcp + CHECKSUM..][..2].copy_from_slice(&sum.to_be_bytes());
}

fn later_stamp(latest: &mut Option<u32>, stamp: u32) {
    if latest.is_none_or(|old| (stamp.wrapping_sub(old) as i32) > 0) {
        *latest = Some(stamp);
    }
}

fn later(highest: &mut Option<SeqNum>, seq: SeqNum) {
    *highest = Some(highest.map_or(seq, |old| old.later(seq)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use mafo_tcp::{Options, Timestamps};

    fn segment(seq: u32, len: u32, ack: u32, window: u16, ts_val: u32) -> Segment {
        Segment {
            seq: SeqNum(seq),
            ack: SeqNum(ack),
            flags: Flags::ACK,
            window,
            payload_len: len,
            options: Options {
                timestamps: Some(Timestamps { val: ts_val, ecr: 0 }),
                ..Options::default()
            },
            ..Segment::default()
        }
    }

    #[test]
    fn the_furthest_promise_counts_and_not_the_last() {
        let mut out = LetOut::default();
        out.note(&segment(u32::MAX - 99, 200, 500, 10, u32::MAX), 3);
        // An older segment again: nothing moves back, across the wrap of both counters.
        out.note(&segment(u32::MAX - 199, 100, 400, 10, u32::MAX - 5), 3);
        let expected = LetOut {
            seq_end: Some(SeqNum(100)),
            ack: Some(SeqNum(500)),
            right_edge: Some(SeqNum(580)),
            ts_val: Some(u32::MAX),
            ts_ecr: None,
        };
        assert_eq!(out, expected);
        out.note(&segment(100, 0, 500, 11, 2), 3);
        assert_eq!(out.right_edge, Some(SeqNum(588)), "a window update alone");
        assert_eq!(out.ts_val, Some(2));
    }

    /// By hand: 100 + 8 units of 4 bytes end at 132, 100 + 9 at 136.
    #[test]
    fn an_acknowledgment_that_offers_less_than_was_said_since_says_nothing_new() {
        let mut told = LetOut::default();
        let ack = |ack, window| segment(5, 0, ack, window, 1);
        assert!(!told.says_more(&ack(100, 8), 2), "nothing was said");
        told.note(&ack(100, 9), 2);
        assert!(told.says_more(&ack(100, 8), 2));
        assert!(!told.says_more(&ack(100, 9), 2), "the same once more may be what it is asked for");
        assert!(!told.says_more(&ack(101, 7), 2), "it acknowledges more");
        assert!(!told.says_more(&segment(5, 1, 100, 8, 1), 2), "it brings a byte");
    }

    #[test]
    fn the_latest_echo_is_what_an_owner_knew_of_the_peers_clock() {
        let mut out = LetOut::default();
        let echo = |ecr, flags| {
            let mut segment = segment(1, 0, 500, 10, 7);
            (segment.flags, segment.options.timestamps) = (flags, Some(Timestamps { val: 7, ecr }));
            segment
        };
        // A SYN echoes nothing, whatever is in its option, and 0 is of an owner that knows of none.
        out.note(&echo(99, Flags::SYN), 0);
        out.note(&echo(0, Flags::ACK), 0);
        assert_eq!(out.ts_ecr, None);
        out.note(&echo(u32::MAX, Flags::ACK), 0);
        out.note(&echo(u32::MAX - 1, Flags::ACK), 0);
        assert_eq!(out.ts_ecr, Some(u32::MAX));
        out.note(&echo(3, Flags::ACK), 0);
        assert_eq!(out.ts_ecr, Some(3), "across the wrap");
    }

    #[test]
    fn an_old_segment_is_brought_up_to_date() {
        let of = |ack, window, ts_val| {
            let segment = Segment { seq: SeqNum(7), ..segment(7, 5, ack, window, ts_val) };
            let mut frame = [0; 128];
            let ends = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
            let len = packet::emit_tcp(&mut frame, ([2; 6], [4; 6]), ends, &segment, b"bytes");
            frame[..len].to_vec()
        };
        let present = Present { ack: SeqNum(0x0102_0304), window: 500, recent: Some(1000) };
        let mut frame = of(17, 3, 900);
        present.put_into(&mut frame);
        assert_eq!(frame, of(0x0102_0304, 500, 1000), "with a good checksum");
        // A newer timestamp stays, and so does what is no whole header.
        let mut frame = of(17, 3, 1001);
        present.put_into(&mut frame);
        assert_eq!(frame, of(0x0102_0304, 500, 1001));
        for len in 0..54 {
            let (mut cut, whole) = (of(17, 3, 900)[..len].to_vec(), of(17, 3, 900));
            present.put_into(&mut cut);
            assert!(whole.starts_with(&cut), "{len}");
        }
    }

    #[test]
    fn what_is_let_in_beyond_a_gap_is_kept_until_it_is_delivered() {
        let mut kept = LetIn::default();
        let note = |kept: &mut LetIn, rcv_nxt, seq, len| {
            let frame = [seq as u8];
            kept.note(SeqNum(rcv_nxt), &segment(seq, len, 0, 0, 0), &frame, 3);
        };
        let range = |a, b| [(SeqNum(a), SeqNum(b))];
        // In order, across the wrap: nothing is kept.
        note(&mut kept, u32::MAX, u32::MAX, 11);
        assert!(!kept.covers(&range(0, 1)) && kept.covers(&[]));
        // Ten bytes are missing, then two neighbours, another gap, and one too many.
        note(&mut kept, u32::MAX, 20, 10);
        note(&mut kept, 10, 30, 10);
        note(&mut kept, 10, 50, 10);
        note(&mut kept, 10, 60, 10);
        assert!(kept.covers(&range(20, 40)) && kept.covers(&range(25, 31)));
        assert!(!kept.covers(&range(20, 41)) && !kept.covers(&range(50, 70)));
        assert!(kept.covers(&[range(20, 40)[0], range(50, 60)[0]]));
        // What has no bytes is not kept.
        note(&mut kept, 10, 45, 0);
        assert_eq!(kept.frames.len(), 3);
        // The first gap is filled and all up to the second delivered.
        note(&mut kept, 10, 10, 10);
        note(&mut kept, 40, 40, 5);
        assert!(!kept.covers(&range(30, 40)) && kept.covers(&range(50, 60)));
        kept.restrict(&range(55, 57));
        assert!(kept.covers(&range(50, 60)));
        kept.restrict(&range(60, 70));
        assert!(!kept.covers(&range(50, 60)));
        note(&mut kept, 45, 50, 10);
        let frames: Vec<_> = kept.take(SeqNum(45)).collect();
        assert_eq!(frames, [(SeqNum(50), SeqNum(60), vec![50])]);
    }

    #[test]
    fn a_fin_counts_and_the_window_of_a_syn_is_not_scaled() {
        let mut out = LetOut::default();
        let mut syn = segment(10, 0, 7, 100, 1);
        syn.flags = Flags::SYN | Flags::ACK;
        out.note(&syn, 7);
        assert_eq!((out.seq_end, out.right_edge), (Some(SeqNum(11)), Some(SeqNum(107))));
        let mut fin = segment(11, 5, 7, 0, 1);
        fin.flags = Flags::FIN | Flags::ACK;
        out.note(&fin, 7);
        assert_eq!(out.seq_end, Some(SeqNum(17)));
    }
}
