//! Ethernet queues: whole frames to a wire, or into the card's own ingress.

use std::collections::VecDeque;

use mafo_mem::{Frame, Nanos};
use mafo_t4::cpl::{TxCsum, TxPkt, TxPktCtrl1};
use mafo_t4::sge::EQ_UNIT;
use mafo_t4::wr::{FwEthTxPktWr, Sge, WrMid};
use mafo_t4::{Iova, PortId};

use crate::eal::dma::DmaBuf;
use crate::eth_port::TxState;
use crate::sge::{Eq, EqCounters};

/// Longest frame that goes inside its work request: with the header two units of 64 bytes.
const INLINE_MAX: usize = 2 * 64 - FwEthTxPktWr::OVERHEAD;
/// Shortest Ethernet frame, without FCS: shorter ones would be padded on the wire.
const FRAME_MIN: usize = 14;

mafo_mem::counters! {
    /// What an Ethernet queue sent.
    pub struct EthCounters {
        /// Frames to the wire.
        tx_frames,
        /// Their bytes.
        tx_bytes,
        /// Frames into the card's own ingress.
        tx_loopback_frames,
        /// Frames refused because ring or buffers were full.
        tx_full,
        /// Frames refused because they are shorter than an Ethernet header or longer than a buffer.
        tx_bad_length,
    }
}

/// A frame was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// The card has not yet read enough of what it was given: later there is room again.
    #[error("the Ethernet queue is full")]
    Full,
    /// Shorter than an Ethernet header or longer than the port's frames: it never will be sent.
    #[error("no frame that the port can carry")]
    BadLength,
}

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxTo {
    /// To the port's wire.
    Wire,
    /// Into the card's own ingress, as if received on iport 4 + channel (INTF = channel + 4).
    Loopback,
}

/// What the card does to a frame's checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TxChecksum {
    /// Nothing: they are right as they are.
    Keep,
    /// It computes those of IPv4 and of TCP or UDP in it; other frames stay as they are.
    Recalculate,
}

/// An Ethernet egress queue of one port, with buffers for the frames that do not fit into a work request.
#[derive(Debug)]
pub struct EthQueue {
    eq: Eq,
    /// Opcode, function and virtual interface of every frame; where to is added.
    template: TxPkt,
    channel: u8,
    buffers: TxBuffers,
    counters: EthCounters,
}

/// Frames under way, copied: the caller's memory is free at once.
#[derive(Debug)]
struct TxBuffers {
    memory: DmaBuf,
    base: Iova,
    buffer_len: usize,
    /// Buffers that hold no frame; the last one back goes out first.
    free: Vec<u16>,
    /// By work request, oldest first: where in the ring it ends, and its buffer.
    in_flight: VecDeque<(u16, u16)>,
}

impl TxBuffers {
    /// Takes back the buffers of work requests that the card has read: all whose end is between the
    /// place of the oldest and `consumed`.
    fn reclaim(&mut self, eq: &Eq) {
        while let Some(&(end, buffer)) = self.in_flight.front()
            && eq.has_consumed(end)
        {
            self.free.push(buffer);
            self.in_flight.pop_front();
        }
    }
}

/// How an Ethernet queue is built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EthShape {
    /// The port's channel.
    pub(crate) port: PortId,
    /// What all frames have in common.
    pub(crate) template: TxPkt,
    /// Bytes of a buffer: the longest frame.
    pub(crate) buffer_len: usize,
}

impl EthQueue {
    /// A queue whose buffers are the pieces of `memory`, which the card finds at `base`.
    pub(crate) fn new(eq: Eq, memory: DmaBuf, base: Iova, shape: EthShape) -> Self {
        let count = (memory.len() / shape.buffer_len) as u16;
        let buffers = TxBuffers {
            memory,
            base,
            buffer_len: shape.buffer_len,
            free: (0..count).rev().collect(),
            in_flight: VecDeque::with_capacity(count.into()),
        };
        let counters = EthCounters::new();
        Self { eq, template: shape.template, channel: shape.port.0, buffers, counters }
    }

    /// Sends one frame, without FCS; the card learns of it by [`EthQueue::ring`]. The frame is
    /// copied.
    pub fn send(&mut self, frame: &[u8], to: TxTo, checksum: TxChecksum) -> Result<(), NotSent> {
        if frame.len() > INLINE_MAX {
            // Its buffer is one that was in use just now, if the card has read any.
            self.reap();
        }
        self.put(frame, to, checksum)
    }

    /// The same, without a look at what the card has read unless there is no room.
    #[inline(always)]
    fn put(&mut self, frame: &[u8], to: TxTo, checksum: TxChecksum) -> Result<(), NotSent> {
        if !(FRAME_MIN..=self.buffers.buffer_len).contains(&frame.len()) {
            self.counters.tx_bad_length += 1;
            return Err(NotSent::BadLength);
        }
        let pkt = self.describe(frame, to, checksum);
        let posted = if frame.len() <= INLINE_MAX {
            self.post_inline(pkt, frame)
        } else {
            self.post_buffered(pkt, frame)
        };
        if posted.is_err() {
            self.counters.tx_full += 1;
            return posted;
        }
        match to {
            TxTo::Wire => {
                self.counters.tx_frames += 1;
                self.counters.tx_bytes += frame.len() as u64;
            }
            TxTo::Loopback => self.counters.tx_loopback_frames += 1,
        }
        Ok(())
    }

    /// Sends from the front of `frames` to the wire, as they are; how many were taken. One that is no
    /// frame is taken and dropped, or it would stand in the way for ever. The card is told.
    pub fn tx_burst(&mut self, _now: Nanos, frames: &[Frame]) -> usize {
        // One look at the status page a burst keeps the buffers in use few, and so warm.
        self.reap();
        let sent = frames
            .iter()
            .map(|frame| self.put(frame.as_slice(), TxTo::Wire, TxChecksum::Keep))
            .take_while(|sent| *sent != Err(NotSent::Full))
            .count();
        self.ring();
        sent
    }

    /// Whether the next frame is taken, however long it is.
    pub fn tx_state(&mut self) -> TxState {
        if self.room(1) > 0 { TxState::Ready } else { TxState::Full }
    }

    /// How many frames are taken now, however long they are. If that is less than `wanted` it is looked first what the
    /// card has read meanwhile.
    pub fn room(&mut self, wanted: usize) -> usize {
        let room = self.room_known();
        if room >= wanted {
            return room;
        }
        self.reap();
        self.room_known()
    }

    fn room_known(&self) -> usize {
        let longest = FwEthTxPktWr::len16_inline(INLINE_MAX).max(FwEthTxPktWr::len16_sgl(1));
        let units = (longest * 16).div_ceil(EQ_UNIT);
        self.buffers.free.len().min(usize::from(self.eq.free_units()) / units)
    }

    /// Tells the card of all that was sent since the last time.
    pub fn ring(&mut self) {
        self.eq.ring();
    }

    /// Takes back buffers of frames that the card has read.
    pub fn reap(&mut self) {
        self.eq.reap();
        self.buffers.reclaim(&self.eq);
    }

    /// Frames whose buffers the card has not confirmed to have read.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.buffers.in_flight.len()
    }

    /// The queue below, for work requests that are whole already.
    pub fn eq_mut(&mut self) -> &mut Eq {
        &mut self.eq
    }

    /// The queue below.
    #[must_use]
    pub fn eq(&self) -> &Eq {
        &self.eq
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> EthCounters {
        self.counters
    }

    /// What the queue below counted.
    #[must_use]
    pub fn eq_counters(&self) -> EqCounters {
        self.eq.counters()
    }

    pub(crate) fn on_egr_update(&mut self) {
        self.eq.on_egr_update();
        self.buffers.reclaim(&self.eq);
    }

    #[inline(always)]
    fn post_inline(&mut self, pkt: TxPkt, frame: &[u8]) -> Result<(), NotSent> {
        let head = FwEthTxPktWr::head_inline(WrMid(0), &pkt, frame.len());
        if self.eq.post_whole(head, frame) { Ok(()) } else { Err(NotSent::Full) }
    }

    fn post_buffered(&mut self, pkt: TxPkt, frame: &[u8]) -> Result<(), NotSent> {
        if self.buffers.free.is_empty() {
            self.reap();
        }
        let buffer = self.buffers.free.pop().ok_or(NotSent::Full)?;
        let at = usize::from(buffer) * self.buffers.buffer_len;
        let Some(mut slot) = self.eq.reserve(FwEthTxPktWr::len16_sgl(1) as u8) else {
            self.buffers.free.push(buffer);
            return Err(NotSent::Full);
        };
        self.buffers.memory.write(at, frame);
        let entry = Sge { iova: self.buffers.base.add(at), len: frame.len() as u32 };
        slot.put_with(|buf| FwEthTxPktWr::write_sgl(buf, WrMid(0), pkt, &[entry]));
        slot.post();
        self.buffers.in_flight.push_back((self.eq.produced(), buffer));
        Ok(())
    }

    #[inline(always)]
    fn describe(&self, frame: &[u8], to: TxTo, checksum: TxChecksum) -> TxPkt {
        let intf = match to {
            TxTo::Wire => self.channel,
            TxTo::Loopback => self.channel + 4,
        };
        let ctrl1 = match checksum {
            TxChecksum::Keep => TxPktCtrl1::NO_CHECKSUM,
            TxChecksum::Recalculate => checksums_of(frame),
        };
        let ctrl0 = self.template.ctrl0().with_intf(u32::from(intf));
        self.template.with_ctrl0(ctrl0).with_ctrl1(ctrl1)
    }
}

/// What the card shall compute in an untagged IPv4 frame; nothing in others and in fragments, whose
/// transport checksum it could not know.
fn checksums_of(frame: &[u8]) -> TxPktCtrl1 {
    const ETHERNET: usize = 14;
    const IPV4: [u8; 2] = [0x08, 0x00];
    let Some(([.., e0, e1], ip)) = frame.split_first_chunk::<ETHERNET>() else {
        return TxPktCtrl1::NO_CHECKSUM;
    };
    let Some(ip) = ip.first_chunk::<20>().filter(|_| [*e0, *e1] == IPV4) else {
        return TxPktCtrl1::NO_CHECKSUM;
    };
    let header_len = u64::from(ip[0] & 0xf) * 4;
    let fragment = u16::from_be_bytes([ip[6], ip[7]]) & 0x3fff != 0;
    let kind = match ip[9] {
        6 if !fragment => Some(TxCsum::TCPIP),
        17 if !fragment => Some(TxCsum::UDPIP),
        _ => None,
    };
    let ctrl1 = TxPktCtrl1(0).with_iphdr_len(header_len);
    match kind {
        Some(kind) => ctrl1.with_csum_type(u64::from(kind.0)),
        None => ctrl1.with_csum_type(u64::from(TxCsum::IP.0)).with_l4csum_dis(true),
    }
}

#[cfg(test)]
mod tests;
