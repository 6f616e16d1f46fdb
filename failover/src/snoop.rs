//! What the forwarder learns of a connection from the frames that it lets through: the promises that
//! the peer has been made, which every later owner has to keep.

use core::net::{IpAddr, SocketAddr};

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
}

impl LetOut {
    /// Notes a segment of ours that goes out. `scale` is the shift of the windows that we advertise.
    pub fn note(&mut self, segment: &Segment, scale: u8) {
        later(&mut self.seq_end, segment.seq + segment.seq_len());
        if segment.flags.contains(Flags::ACK) {
            later(&mut self.ack, segment.ack);
            // The window of a SYN is never scaled (RFC 7323, 2.2).
            let scale = if segment.flags.contains(Flags::SYN) { 0 } else { scale };
            later(&mut self.right_edge, segment.ack + (u32::from(segment.window) << scale.min(14)));
        }
        if let Some(ts) = segment.options.timestamps {
            self.note_ts(ts.val);
        }
    }

    /// Notes a timestamp that the peer may have been shown.
    pub fn note_ts(&mut self, val: u32) {
        if self.ts_val.is_none_or(|old| (val.wrapping_sub(old) as i32) > 0) {
            self.ts_val = Some(val);
        }
    }
}

/// Segments of the peer that were let in beyond a gap, in case that the connection gets another owner before it is
/// filled: the peer has been told that they are here.
#[derive(Clone, Debug, Default)]
pub struct LetIn {
    /// Behind the last byte without a gap before it that was let in.
    next: Option<SeqNum>,
    /// First number, the one behind the last, and the frame.
    frames: Vec<(SeqNum, SeqNum, Vec<u8>)>,
}

impl LetIn {
    /// Notes a segment that is let in. `rcv_nxt` is what its owner has delivered; at most `max` frames are kept.
    pub fn note(&mut self, rcv_nxt: SeqNum, segment: &Segment, frame: &[u8], max: usize) {
        let (start, end) = (segment.seq, segment.seq + segment.seq_len());
        let next = self.next.get_or_insert(rcv_nxt);
        *next = next.later(rcv_nxt);
        self.frames.retain(|(_, end, _)| end.after(rcv_nxt));
        if !end.after(*next) {
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

    /// The frames that are kept and end behind `rcv_nxt`, all if that is not known, in the order in which they came.
    pub fn take(self, rcv_nxt: Option<SeqNum>) -> impl Iterator<Item = Vec<u8>> {
        let is_new = move |end: &SeqNum| rcv_nxt.is_none_or(|rcv_nxt| end.after(rcv_nxt));
        self.frames.into_iter().filter(move |(_, end, _)| is_new(end)).map(|(.., frame)| frame)
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
        };
        assert_eq!(out, expected);
        out.note(&segment(100, 0, 500, 11, 2), 3);
        assert_eq!(out.right_edge, Some(SeqNum(588)), "a window update alone");
        assert_eq!(out.ts_val, Some(2));
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
        // The first gap is filled and all up to the second delivered.
        note(&mut kept, 10, 10, 10);
        note(&mut kept, 40, 40, 5);
        assert!(!kept.covers(&range(30, 40)) && kept.covers(&range(50, 60)));
        let frames: Vec<_> = kept.take(Some(SeqNum(45))).collect();
        assert_eq!(frames, [[50]]);
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
