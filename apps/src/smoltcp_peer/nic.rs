//! smoltcp's network card: one end of a memory link, and the capture of what passes it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufWriter;
use std::net::SocketAddrV4;

use mafo::wire::mem::MemEnd;
use mafo::wire::{PcapWriter, Wire};
use mafo::{Frame, FrameBurst, Nanos};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, TcpPacket};

use crate::peer::CaptureSummary;

/// Bytes of an Ethernet header.
const ETHERNET_HEADER: usize = 14;

/// Frames taken from the link at once.
const RX_BURST: usize = 64;

/// A capture in a file.
pub(super) type Capture = PcapWriter<BufWriter<File>>;

/// The two sockets of a segment that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrived {
    pub(super) from: SocketAddrV4,
    pub(super) to: SocketAddrV4,
}

/// The card.
pub(super) struct Nic {
    wire: MemEnd,
    capture: Option<Capture>,
    /// The time of the present poll.
    now: Nanos,
    rx: FrameBurst,
    /// The first frame of `rx` that smoltcp has not taken.
    next: usize,
    tx: VecDeque<Frame>,
    tx_max: usize,
    /// Frames that have been sent, to be used again.
    spare: Vec<Frame>,
    frame_max: usize,
    reset: Option<Arrived>,
}

impl Nic {
    /// A card on `wire`, for packets of `mtu` bytes, that keeps up to `tx_max` frames for which the
    /// link has no room.
    pub(super) fn new(wire: MemEnd, mtu: usize, tx_max: usize, capture: Option<Capture>) -> Self {
        let frame_max = mtu + ETHERNET_HEADER;
        Self {
            wire,
            capture,
            now: Nanos::ZERO,
            rx: FrameBurst::new(RX_BURST, frame_max),
            next: 0,
            tx: VecDeque::new(),
            tx_max,
            spare: Vec::new(),
            frame_max,
            reset: None,
        }
    }

    /// Begins a poll.
    pub(super) fn set_now(&mut self, now: Nanos) {
        self.now = now;
    }

    /// Whether all that smoltcp sent is on the link.
    pub(super) fn is_flushed(&self) -> bool {
        self.tx.is_empty()
    }

    /// Puts frames on the link; returns how many it took.
    pub(super) fn flush(&mut self) -> usize {
        let frames = self.tx.make_contiguous();
        let taken = self.wire.tx_burst(self.now, frames);
        if let Some(capture) = &mut self.capture {
            frames[..taken].iter().for_each(|frame| capture.write(self.now, frame.as_slice()));
        }
        self.spare.extend(self.tx.drain(..taken));
        taken
    }

    /// The sockets of the last frame received, if it was an RST.
    pub(super) fn take_reset(&mut self) -> Option<Arrived> {
        self.reset.take()
    }

    /// When the link has something for the card.
    pub(super) fn poll_timeout(&self) -> Option<Nanos> {
        if self.next < self.rx.len() || !self.tx.is_empty() {
            return Some(self.now);
        }
        self.wire.poll_timeout()
    }

    /// Completes the capture's file and says what became of it.
    pub(super) fn finish_capture(&mut self) -> Option<CaptureSummary> {
        let mut capture = self.capture.take()?;
        capture.flush();
        Some(CaptureSummary {
            frames: capture.counters().frames,
            lost: capture.counters().frames_missed,
            error: capture.error().map(|error| error.raw_os_error().unwrap_or(libc::EIO)),
        })
    }

    /// Takes a burst from the link when the one before is used up.
    fn refill(&mut self) {
        if self.next < self.rx.len() {
            return;
        }
        self.rx.clear();
        self.next = 0;
        self.wire.rx_burst(self.now, &mut self.rx);
        if let Some(capture) = &mut self.capture {
            self.rx.frames().iter().for_each(|frame| capture.write(self.now, frame.as_slice()));
        }
    }
}

impl Device for Nic {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sender<'_>)> {
        if self.tx.len() >= self.tx_max {
            return None;
        }
        self.refill();
        let frame = self.rx.frames().get(self.next)?.as_slice();
        self.next += 1;
        self.reset = reset_in(frame);
        let sender = Sender { tx: &mut self.tx, spare: &mut self.spare, frame_max: self.frame_max };
        Some((Received(frame), sender))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sender<'_>> {
        let Self { tx, spare, frame_max, .. } = self;
        (tx.len() < self.tx_max).then_some(Sender { tx, spare, frame_max: *frame_max })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.frame_max;
        capabilities
    }
}

/// A frame that smoltcp is to read.
pub(super) struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// Room for a frame that smoltcp is to write.
pub(super) struct Sender<'a> {
    tx: &'a mut VecDeque<Frame>,
    spare: &'a mut Vec<Frame>,
    frame_max: usize,
}

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let new = || Frame::with_capacity(self.frame_max);
        let mut frame = self.spare.pop().unwrap_or_else(new);
        frame.set_len(len);
        frame.as_mut_slice().fill(0);
        let result = write(frame.as_mut_slice());
        self.tx.push_back(frame);
        result
    }
}

/// The sockets of an RST. A smoltcp socket in LAST-ACK does not tell one from the ACK of its FIN.
fn reset_in(frame: &[u8]) -> Option<Arrived> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    if frame.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let packet = Ipv4Packet::new_checked(frame.payload()).ok()?;
    if packet.next_header() != IpProtocol::Tcp {
        return None;
    }
    let segment = TcpPacket::new_checked(packet.payload()).ok()?;
    segment.rst().then(|| Arrived {
        from: SocketAddrV4::new(packet.src_addr(), segment.src_port()),
        to: SocketAddrV4::new(packet.dst_addr(), segment.dst_port()),
    })
}
