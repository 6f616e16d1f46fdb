//! What a capture of the peer's host has to look like, whatever happened to our adapters.
//!
//! [`check`] reads the frames of `peer.pcap` and holds every TCP connection in it against the rules
//! that a peer relies on. It knows the two hosts by our address and nothing else of the run, so it can
//! be wrong only together with the capture. It takes the order of frames for the order in which they
//! were sent: a path that reorders breaks rules by itself.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};

mod segment;
mod stream;

pub use segment::{CaptureError, Record, records};

use segment::Segment;
use stream::Stream;

/// A rule that a connection broke, and by how much. Numbers of bytes count from the first of the
/// stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// Nobody resets.
    #[error("a reset")]
    Reset,
    /// The capture has to begin with the connection.
    #[error("a segment before the SYN of its sender")]
    NoSyn,
    /// Every copy of a byte is the same (RFC 9293, section 3.4).
    #[error("two copies of byte {0} differ")]
    CopiesDiffer(u64),
    /// Nothing lies before the SYN or behind the FIN.
    #[error("byte {0} is outside the stream")]
    OutsideStream(u64),
    /// All that was sent is there.
    #[error("byte {0} is missing")]
    Hole(u64),
    /// Both directions end in order.
    #[error("no FIN")]
    NoFin,
    /// Only what the receiver has offered may be sent, and one byte into a closed window (RFC 9293,
    /// sections 3.8.6 and 3.8.6.1).
    #[error("{0} bytes of payload beyond the receiver's right edge")]
    BeyondEdge(u32),
    /// A window that was offered is not taken back (RFC 9293, section 3.8.6; RFC 7323, section 2.4:
    /// what a scaled window cannot say does not count).
    #[error("the right edge moved left by {0}")]
    EdgeMovedLeft(u32),
    /// What was acknowledged stays acknowledged.
    #[error("the acknowledgment number moved back by {0}")]
    AckMovedBack(u32),
    /// RFC 7323, section 5: the peer would drop the segment.
    #[error("TSval moved back by {0}")]
    TimestampMovedBack(u32),
    /// After the step to a new owner's clock nothing is heard of the old one.
    #[error("TSval is {0} below that of the new owner's first segment")]
    OldOwner(u32),
    /// Each owner brings its own clock: the steps are the handovers.
    #[error("TSval stepped {found} times, not {expected}")]
    Steps {
        /// Steps in the capture.
        found: u32,
        /// Handovers from one adapter to another.
        expected: u32,
    },
}

/// Where a rule was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{from} -> {to}, frame {frame}: {rule}")]
pub struct Violation {
    /// Who sent the segment, or whose stream it is.
    pub from: SocketAddrV4,
    /// The other end.
    pub to: SocketAddrV4,
    /// The frame in the capture, from 1 on as Wireshark counts; the last frame where something is
    /// missing at the end.
    pub frame: usize,
    /// What.
    pub rule: Rule,
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Connections.
    pub connections: usize,
    /// TCP segments.
    pub segments: usize,
    /// Payload bytes, each counted once.
    pub bytes: u64,
}

/// The slowest tick that a timestamp clock of ours can have is longer than this (microseconds).
const SHORTEST_TICK_US: u64 = 1000;
/// Ticks by which a clock may seem to be early, because the frame before waited on its way: more than
/// any frame waits, and less than two clocks are apart.
const STEP: u64 = 20_000;

/// Holds all connections of a capture against the rules. `ours` is the address of the host behind the
/// bond; `handovers` is how often each connection got another adapter.
///
/// # Errors
/// The first rule that is broken.
pub fn check(frames: &[Record<'_>], ours: Ipv4Addr, handovers: u32) -> Result<Summary, Violation> {
    let mut halves = BTreeMap::<(SocketAddrV4, SocketAddrV4), Half>::new();
    let mut summary = Summary::default();
    for (n, record) in frames.iter().enumerate() {
        let Some(segment) = Segment::parse(record.bytes) else { continue };
        let (from, to) = (segment.from, segment.to);
        summary.segments += 1;
        let mut half = halves.remove(&(from, to)).unwrap_or_default();
        let other = halves.entry((to, from)).or_default();
        half.take(record.time_ns, &segment, other, *from.ip() == ours)
            .map_err(|rule| Violation { from, to, frame: n + 1, rule })?;
        halves.insert((from, to), half);
    }
    for (&(from, to), half) in &halves {
        let steps = (*from.ip() == ours).then_some(handovers);
        half.finish(steps).map_err(|rule| Violation { from, to, frame: frames.len(), rule })?;
        summary.bytes += half.stream.as_ref().map_or(0, Stream::len);
    }
    summary.connections = halves.len() / 2;
    Ok(summary)
}

/// What one end of a connection has said.
#[derive(Debug, Default)]
struct Half {
    /// Since its SYN.
    stream: Option<Stream>,
    /// The shift that its SYN offers.
    offered: Option<u8>,
    /// Its last acknowledgment number.
    ack: Option<u32>,
    /// The rightmost sequence number of the other end that it allows, not inclusive.
    edge: Option<u32>,
    /// Its last TSval, and when it was.
    timestamp: Option<(u64, u32)>,
    /// TSval after the last step.
    owner_since: Option<u32>,
    steps: u32,
}

impl Half {
    /// Takes a segment of this end; `other` is what the other end has said before.
    fn take(
        &mut self,
        time_ns: u64,
        segment: &Segment<'_>,
        other: &Self,
        ours: bool,
    ) -> Result<(), Rule> {
        if segment.rst {
            return Err(Rule::Reset);
        }
        if segment.syn {
            self.offered = segment.window_scale;
            self.stream.get_or_insert_with(|| Stream::after_syn(segment.sequence));
        }
        let stream = self.stream.as_mut().ok_or(Rule::NoSyn)?;
        // A SYN carries no data here, and has a sequence number of its own.
        stream.take(segment.sequence.wrapping_add(segment.syn.into()), segment)?;
        within_edge(segment, other.edge)?;
        if let Some(ack) = segment.ack {
            self.acknowledge(ack, segment, other.offered, ours)?;
        }
        match segment.tsval {
            Some(tsval) if ours => self.stamp(time_ns, tsval),
            _ => Ok(()),
        }
    }

    fn acknowledge(
        &mut self,
        ack: u32,
        segment: &Segment<'_>,
        other_offered: Option<u8>,
        ours: bool,
    ) -> Result<(), Rule> {
        if let Some(back) = self.ack.and_then(|before| left_of(ack, before)).filter(|_| ours) {
            return Err(Rule::AckMovedBack(back));
        }
        self.ack = Some(ack);
        // RFC 7323, section 2.2: only where both offer it, and never in a SYN.
        let scaled = self.offered.filter(|_| other_offered.is_some());
        let shift = if segment.syn { 0 } else { scaled.unwrap_or(0).min(14) };
        let edge = ack.wrapping_add(u32::from(segment.window) << shift);
        match self.edge.map(|before| (before, left_of(edge, before))) {
            Some((_, Some(left))) if ours && left >= 1 << shift => Err(Rule::EdgeMovedLeft(left)),
            Some((_, Some(_))) => Ok(()),
            Some((_, None)) | None => {
                self.edge = Some(edge);
                Ok(())
            }
        }
    }

    fn stamp(&mut self, time_ns: u64, tsval: u32) -> Result<(), Rule> {
        if let Some((then_ns, before)) = self.timestamp {
            if let Some(back) = left_of(tsval, before) {
                return Err(match self.owner_since.and_then(|since| left_of(tsval, since)) {
                    Some(below) => Rule::OldOwner(below),
                    None => Rule::TimestampMovedBack(back),
                });
            }
            let elapsed = time_ns.saturating_sub(then_ns) / 1000 / SHORTEST_TICK_US;
            if u64::from(tsval.wrapping_sub(before)) > elapsed + STEP {
                self.steps += 1;
                self.owner_since = Some(tsval);
            }
        }
        self.timestamp = Some((time_ns, tsval));
        Ok(())
    }

    /// At the end of the capture; `steps` are those that TSval has to have made.
    fn finish(&self, steps: Option<u32>) -> Result<(), Rule> {
        self.stream.as_ref().ok_or(Rule::NoSyn)?.finish()?;
        match steps {
            Some(expected) if expected != self.steps => {
                Err(Rule::Steps { found: self.steps, expected })
            }
            _ => Ok(()),
        }
    }
}

fn within_edge(segment: &Segment<'_>, edge: Option<u32>) -> Result<(), Rule> {
    let len = segment.payload.len() as u32;
    // Before the other end has spoken only a SYN can be sent.
    let (Some(edge), true) = (edge, len > 0) else { return Ok(()) };
    match left_of(edge, segment.sequence.wrapping_add(len)) {
        Some(1) if len == 1 => Ok(()),
        Some(beyond) => Err(Rule::BeyondEdge(beyond)),
        None => Ok(()),
    }
}

/// How far `a` lies before `b`, modulo 2^32; `None` if it does not.
fn left_of(a: u32, b: u32) -> Option<u32> {
    let distance = b.wrapping_sub(a);
    (1..1 << 31).contains(&distance).then_some(distance)
}

#[cfg(test)]
mod tests;
