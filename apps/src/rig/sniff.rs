//! What a cable carries, as far as the verdict wants to know.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mafo::eal::clock::Clock;
use mafo::wire::{Wire, WireCounters};
use mafo::{Frame, FrameBurst, Nanos};

/// Places of the directions.
const IN: usize = 0;
const OUT: usize = 1;

/// Counts of one cable, shared with the rig's loop.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// By the ends of the connection.
    resets: Mutex<BTreeMap<Ends, u64>>,
    tcp_in: AtomicU64,
    /// Bytes of frames: in, out.
    bytes: [AtomicU64; 2],
    /// When the first TCP segment left since [`Seen::watch`]; 0 for not yet.
    first_out: AtomicU64,
    /// Whether a TCP segment has come in since then.
    has_answer: AtomicBool,
    /// Of each connection, by its ends: what payload came in since [`Seen::watch`]; `None` before the first.
    came_in: Mutex<Option<BTreeMap<Ends, CameIn>>>,
    /// Spoil one payload byte of the next data frame that comes in.
    pub(crate) spoil_payload: AtomicU64,
    /// Send a reset behind the next segment that goes out.
    pub(crate) send_reset: AtomicU64,
}

/// Payload of a connection that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CameIn {
    /// The sequence number of the first that did.
    pub(crate) first: u32,
    /// All of it, what begins last in the sequence space.
    pub(crate) last: Data,
}

/// Who has sent a FIN, by whatever cable.
pub(crate) type Fins = Arc<Mutex<BTreeSet<Ends>>>;

impl Seen {
    /// TCP segments with RST, both ways, but for those of connections both of whose ends had sent their FIN before: who has
    /// forgotten such a connection answers a late segment so. What is `expected` of a connection, by who sends and who
    /// receives, does not count.
    pub(crate) fn resets(&self, expected: impl Fn(Ends) -> bool) -> u64 {
        let resets = self.resets.lock().unwrap_or_else(PoisonError::into_inner);
        resets.iter().filter(|(ends, _)| !expected(**ends)).map(|(_, count)| count).sum()
    }

    /// Bytes of all frames so far: in, out.
    pub(crate) fn bytes(&self) -> [u64; 2] {
        self.bytes.each_ref().map(|bytes| bytes.load(Ordering::Relaxed))
    }

    /// TCP segments that came in.
    #[cfg(debug_assertions)]
    pub(crate) fn tcp_in(&self) -> u64 {
        self.tcp_in.load(Ordering::Relaxed)
    }

    /// Notes anew when the first TCP segment leaves, and what each connection's peer sends first.
    pub(crate) fn watch(&self) {
        self.first_out.store(0, Ordering::Relaxed);
        self.has_answer.store(false, Ordering::Relaxed);
        self.with_came_in(|came| came.get_or_insert_default().clear());
    }

    /// What each connection's peer has sent since [`Seen::watch`]; ends the watch.
    pub(crate) fn take_came_in(&self) -> BTreeMap<Ends, CameIn> {
        self.with_came_in(Option::take).unwrap_or_default()
    }

    fn with_came_in<T>(&self, act: impl FnOnce(&mut Option<BTreeMap<Ends, CameIn>>) -> T) -> T {
        act(&mut self.came_in.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a TCP segment has come in since [`Seen::watch`].
    pub(crate) fn has_answer(&self) -> bool {
        self.has_answer.load(Ordering::Relaxed)
    }

    fn note_came_in(&self, frames: &[Frame]) {
        self.with_came_in(|came| {
            let Some(came) = came else { return };
            for data in frames.iter().filter_map(|frame| Data::of(frame.as_slice())) {
                let new = CameIn { first: data.seq, last: data };
                let entry = came.entry((data.from, data.to)).or_insert(new);
                if data.seq.wrapping_sub(entry.last.seq).cast_signed() > 0 {
                    entry.last = data;
                }
            }
        });
    }

    /// When the first TCP segment left since [`Seen::watch`].
    pub(crate) fn first_out(&self) -> Option<Nanos> {
        Some(self.first_out.load(Ordering::Relaxed)).filter(|&at| at > 0).map(Nanos)
    }
}

/// A cable that is looked at.
#[derive(Debug)]
pub(crate) struct Sniffer<W> {
    inner: W,
    seen: Arc<Seen>,
    /// The time of a poll stands still; this does not.
    clock: Clock,
    fins: Fins,
}

impl<W: Wire> Sniffer<W> {
    pub(crate) fn new(inner: W, clock: Clock, fins: Fins) -> (Self, Arc<Seen>) {
        let seen = Arc::new(Seen::default());
        (Self { inner, seen: Arc::clone(&seen), clock, fins }, seen)
    }

    fn look(&self, frames: &[Frame], direction: usize) {
        let bytes: usize = frames.iter().map(|frame| frame.as_slice().len()).sum();
        self.seen.bytes[direction].fetch_add(bytes as u64, Ordering::Relaxed);
        for frame in frames.iter().filter(|frame| self.is_reset(frame.as_slice())) {
            let Some(ends) = ends_of(frame.as_slice()) else { continue };
            let mut resets = self.seen.resets.lock().unwrap_or_else(PoisonError::into_inner);
            *resets.entry(ends).or_default() += 1;
        }
    }

    /// Whether a frame resets a connection that is not over; notes who ends one.
    fn is_reset(&self, frame: &[u8]) -> bool {
        if flags_of(frame).is_none_or(|flags| flags & (RST | FIN) == 0) {
            return false;
        }
        let Some((from, to)) = ends_of(frame) else { return false };
        let mut fins = self.fins.lock().unwrap_or_else(PoisonError::into_inner);
        if flags_of(frame).is_some_and(|flags| flags & RST != 0) {
            return !(fins.contains(&(from, to)) && fins.contains(&(to, from)));
        }
        fins.insert((from, to));
        false
    }
}

impl<W: Wire> Wire for Sniffer<W> {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        let n = self.inner.rx_burst(now, burst);
        self.look(&burst.frames()[before..], IN);
        self.seen.note_came_in(&burst.frames()[before..]);
        let frames = &burst.frames()[before..];
        let segments = frames.iter().filter(|f| tcp_at(f.as_slice()).is_some()).count();
        self.seen.tcp_in.fetch_add(segments as u64, Ordering::Relaxed);
        self.seen.has_answer.fetch_or(segments > 0, Ordering::Relaxed);
        if self.seen.spoil_payload.load(Ordering::Relaxed) > 0 {
            for frame in &mut burst.frames_mut()[before..] {
                if spoil(frame.as_mut_slice()) {
                    self.seen.spoil_payload.fetch_sub(1, Ordering::Relaxed);
                    break;
                }
            }
        }
        n
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        self.look(frames, OUT);
        let is_waited_for = self.seen.first_out.load(Ordering::Relaxed) == 0;
        if is_waited_for && frames.iter().any(|frame| tcp_at(frame.as_slice()).is_some()) {
            self.seen.first_out.store(self.clock.now().0.max(1), Ordering::Relaxed);
        }
        let sent = self.inner.tx_burst(now, frames);
        if self.seen.send_reset.load(Ordering::Relaxed) > 0
            && let Some(reset) = frames.iter().find_map(|frame| reset_like(frame.as_slice()))
        {
            self.seen.send_reset.fetch_sub(1, Ordering::Relaxed);
            self.look(core::slice::from_ref(&reset), OUT);
            self.inner.tx_burst(now, core::slice::from_ref(&reset));
        }
        sent
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.inner.link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.inner.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        self.inner.counters()
    }
}

/// Who sent a segment, and to whom.
pub(crate) type Ends = (SocketAddrV4, SocketAddrV4);

/// Payload of a connection, by the headers of its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) from: SocketAddrV4,
    pub(crate) to: SocketAddrV4,
    pub(crate) seq: u32,
    /// Never 0.
    pub(crate) len: u32,
}

impl Data {
    /// What a frame carries; its headers are enough.
    pub(crate) fn of(frame: &[u8]) -> Option<Self> {
        let at = tcp_at(frame)?;
        let array = |at: usize| frame.get(at..)?.first_chunk().copied();
        let word = |at: usize| frame.get(at..)?.first_chunk().copied().map(u16::from_be_bytes);
        let total = usize::from(word(ETHERNET + 2)?);
        let payload = at + usize::from(*frame.get(at + 12)? >> 4) * 4;
        let len = (ETHERNET + total).checked_sub(payload).filter(|&len| len > 0)?;
        let (from, to) = ends_of(frame)?;
        Some(Self { from, to, seq: u32::from_be_bytes(array(at + 4)?), len: len as u32 })
    }
}

const ETHERNET: usize = 14;
const RST: u8 = 0x04;
const FIN: u8 = 0x01;

/// Where the TCP header of an IPv4 frame begins.
fn tcp_at(frame: &[u8]) -> Option<usize> {
    let is_ipv4 = frame.get(12..14)? == [0x08, 0x00];
    let first = *frame.get(ETHERNET)?;
    let is_tcp = *frame.get(ETHERNET + 9)? == 6;
    (is_ipv4 && is_tcp).then(|| ETHERNET + usize::from(first & 0xf) * 4)
}

/// The flags of a TCP segment.
fn flags_of(frame: &[u8]) -> Option<u8> {
    tcp_at(frame).and_then(|at| frame.get(at + 13)).copied()
}

/// Who sent a TCP segment, and to whom.
fn ends_of(frame: &[u8]) -> Option<Ends> {
    let at = tcp_at(frame)?;
    let address = |at: usize| frame.get(at..)?.first_chunk().copied().map(Ipv4Addr::from_octets);
    let port = |at: usize| frame.get(at..)?.first_chunk().copied().map(u16::from_be_bytes);
    let from = SocketAddrV4::new(address(ETHERNET + 12)?, port(at)?);
    Some((from, SocketAddrV4::new(address(ETHERNET + 16)?, port(at + 2)?)))
}

/// The same segment with RST, its checksum made right (RFC 1624, equation 3).
fn reset_like(frame: &[u8]) -> Option<Frame> {
    let at = tcp_at(frame)?;
    let mut reset = Frame::with_capacity(frame.len());
    reset.copy_from(frame).ok()?;
    let bytes = reset.as_mut_slice();
    let word =
        |bytes: &[u8], at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let (old, checksum) = (word(bytes, at + 12)?, word(bytes, at + 16)?);
    let new = old | u16::from(RST);
    let mut sum = u32::from(!checksum) + u32::from(!old) + u32::from(new);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    bytes[at + 13] |= RST;
    bytes[at + 16..at + 18].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    Some(reset)
}

/// Changes two payload bytes so that the checksum stays right.
fn spoil(frame: &mut [u8]) -> bool {
    let Some(at) = tcp_at(frame) else { return false };
    let Some(&offset) = frame.get(at + 12) else { return false };
    let payload = at + usize::from(offset >> 4) * 4;
    if frame.len() < payload + 64 {
        return false;
    }
    // Two words of the same alignment change places: their sum stays.
    let at = payload + 2;
    if frame[at..at + 2] == frame[at + 2..at + 4] {
        return false;
    }
    frame.swap(at, at + 2);
    frame.swap(at + 1, at + 3);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp_frame(flags: u8) -> Vec<u8> {
        let mut frame = vec![0; 54 + 64];
        frame[12..14].copy_from_slice(&[0x08, 0x00]);
        frame[14] = 0x45;
        frame[23] = 6;
        frame[46] = 0x50;
        frame[47] = flags;
        for (i, byte) in frame[54..].iter_mut().enumerate() {
            *byte = i as u8;
        }
        frame
    }

    /// The same the other way.
    fn turned(mut frame: Vec<u8>) -> Vec<u8> {
        for (a, b, len) in [(26, 30, 4), (34, 36, 2)] {
            (0..len).for_each(|n| frame.swap(a + n, b + n));
        }
        frame
    }

    #[test]
    fn a_reset_is_seen_and_nothing_else_is_taken_for_one() {
        let (end, _) = mafo::wire::mem::link(&mafo::wire::mem::LinkConfig::default());
        let (sniffer, _) = Sniffer::new(end, Clock::start(), Fins::default());
        let from = |flags: u8| {
            let mut frame = tcp_frame(flags);
            frame[26..38].copy_from_slice(&[10, 77, 0, 1, 10, 77, 0, 2, 0x1e, 0x14, 0x2e, 0xe0]);
            frame
        };
        assert!(sniffer.is_reset(&from(0x14)));
        assert!(!sniffer.is_reset(&from(0x10)));
        let mut udp = from(0x14);
        udp[23] = 17;
        assert!(!sniffer.is_reset(&udp));
        for len in 0..38 {
            assert!(!sniffer.is_reset(&from(0x14)[..len]));
        }
        // One end is closed: a reset still takes something away. Both are: nothing is left to be reset.
        assert!(!sniffer.is_reset(&from(0x11)));
        assert!(sniffer.is_reset(&from(0x14)) && sniffer.is_reset(&turned(from(0x14))));
        assert!(!sniffer.is_reset(&turned(from(0x11))));
        assert!(!sniffer.is_reset(&from(0x14)) && !sniffer.is_reset(&turned(from(0x14))));
    }

    #[test]
    fn payload_is_told_by_headers_alone() {
        let mut frame = tcp_frame(0x10);
        frame[16..18].copy_from_slice(&104u16.to_be_bytes());
        frame[26..34].copy_from_slice(&[10, 77, 0, 1, 10, 77, 0, 2]);
        frame[34..38].copy_from_slice(&[0x1e, 0x14, 0x2e, 0xe0]);
        frame[38..42].copy_from_slice(&[0x80, 0, 0, 1]);
        let from = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 1), 7700);
        let to = SocketAddrV4::new(Ipv4Addr::new(10, 77, 0, 2), 12_000);
        let data = Some(Data { from, to, seq: 0x8000_0001, len: 64 });
        assert_eq!(Data::of(&frame), data);
        assert_eq!(Data::of(&frame[..54]), data, "the payload itself is not needed");
        for len in 0..47 {
            assert_eq!(Data::of(&frame[..len]), None);
        }
        // An ACK; with a length that is a lie.
        for total in [40u16, 39, 0] {
            frame[16..18].copy_from_slice(&total.to_be_bytes());
            assert_eq!(Data::of(&frame), None, "{total}");
        }
    }

    #[test]
    fn a_spoilt_payload_keeps_its_sum() {
        let sum =
            |f: &[u8]| -> u32 { f.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w[1])).sum() };
        let (before, mut after) = (tcp_frame(0x10), tcp_frame(0x10));
        assert!(spoil(&mut after));
        assert_ne!(before, after);
        assert_eq!(sum(&before), sum(&after));
    }
}
