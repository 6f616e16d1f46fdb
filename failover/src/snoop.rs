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
