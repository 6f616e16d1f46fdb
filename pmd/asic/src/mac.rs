//! Ports: link, transmit buffer, loopback.

use mafo_mem::FrameBurst;
use mafo_t4::PortId;
use mafo_t4::regs::mps::port;

use crate::bar::{BarShared, Direction};
use crate::config::AsicConfig;
use crate::frame_queue::{FrameQueue, Refused};

/// A wire port and the loopback of its channel.
#[derive(Debug)]
pub struct Port {
    id: PortId,
    /// The cable has a carrier.
    carrier: bool,
    /// The driver has asked for the link (FW_PORT L1_CFG).
    started: bool,
    tx: FrameQueue,
    loopback: FrameBurst,
    loopback_spare: Option<FrameBurst>,
    loopback_capacity: usize,
    /// Whether the frames in the loopback wait for the host to make room.
    loopback_waits: bool,
    /// Whether the other end of the cable has been asked to wait.
    pausing: bool,
}

/// What became of a frame that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// It is on its way.
    Queued,
    /// The link is down: counted and dropped.
    Dropped,
}

impl Port {
    /// Port `id` without carrier.
    #[must_use]
    pub fn new(id: PortId, config: &AsicConfig) -> Self {
        let loopback = || FrameBurst::on_demand(config.loopback_frames, config.max_frame_len);
        Self {
            id,
            carrier: false,
            started: false,
            tx: FrameQueue::new(config.tx_queue_frames, config.max_frame_len),
            loopback: loopback(),
            loopback_spare: Some(loopback()),
            loopback_capacity: config.loopback_frames,
            loopback_waits: false,
            pausing: false,
        }
    }

    /// Asks the other end of the cable to wait, or to go on; `true` if it is to wait that was not to before.
    pub fn pause(&mut self, pausing: bool) -> bool {
        !core::mem::replace(&mut self.pausing, pausing) && pausing
    }

    /// Whether frames pass: the cable has a carrier and the driver wants the link.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.carrier && self.started
    }

    /// The cable's carrier changes; `true` if the link does.
    pub fn set_carrier(&mut self, carrier: bool, shared: &BarShared) -> bool {
        self.change(shared, |port| port.carrier = carrier)
    }

    /// The driver starts (or stops) the link; `true` if the link changes.
    pub fn set_started(&mut self, started: bool, shared: &BarShared) -> bool {
        self.change(shared, |port| port.started = started)
    }

    fn change(&mut self, shared: &BarShared, set: impl FnOnce(&mut Self)) -> bool {
        let before = self.is_up();
        set(self);
        if before && !self.is_up() {
            // What was under way to the cable is lost with it.
            let lost = self.tx.clear() as u64;
            self.count_drop(shared, lost);
        }
        before != self.is_up()
    }

    fn count_drop(&self, shared: &BarShared, frames: u64) {
        if let Some(stats) = shared.port_stats(self.id) {
            stats.count(port::MPS_PORT_STAT_TX_PORT_DROP, frames);
        }
    }

    /// Frames that still fit on the way to the cable. A port that is down drops, so it always has room.
    #[must_use]
    pub fn tx_room(&self) -> usize {
        if self.is_up() { self.tx.room() } else { usize::MAX }
    }

    /// Lets `fill` write a frame for the cable. It may leave once `after` DMA messages have landed.
    #[inline(always)]
    pub fn send<E>(
        &mut self,
        shared: &BarShared,
        after: u64,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Sent, Refused<E>> {
        if !self.is_up() {
            self.count_drop(shared, 1);
            return Ok(Sent::Dropped);
        }
        self.tx.push(after, fill).map(|()| Sent::Queued)
    }

    /// Moves frames to the cable.
    #[inline(always)]
    pub fn drain(&mut self, shared: &BarShared, landed: u64, out: &mut FrameBurst) -> usize {
        let stats = shared.port_stats(self.id);
        let lives = || shared.fuse().allows();
        self.tx.drain(landed, out, lives, |frame, sent| {
            if let Some(stats) = stats {
                if sent {
                    stats.frame(Direction::Tx, frame);
                } else {
                    stats.count(port::MPS_PORT_STAT_TX_PORT_ERROR, 1);
                }
            }
        })
    }

    /// Whether frames wait for the cable.
    #[must_use]
    pub fn has_tx(&self) -> bool {
        !self.tx.is_empty()
    }

    /// Frames that still fit into the loopback.
    #[must_use]
    pub fn loopback_room(&self) -> usize {
        self.loopback_capacity - self.loopback.len()
    }

    /// Lets `fill` write a frame into the loopback.
    pub fn send_loopback<E>(
        &mut self,
        shared: &BarShared,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, E>,
    ) -> Result<Sent, Refused<E>> {
        let frame = self.loopback.spare().ok_or(Refused::Full)?;
        let len = fill(frame.buffer_mut()).map_err(Refused::Abandoned)?;
        frame.set_len(len);
        if let Some(stats) = shared.port_stats(self.id) {
            stats.frame(Direction::Loopback, frame.as_slice());
        }
        self.loopback.commit();
        Ok(Sent::Queued)
    }

    /// Whether frames wait in the loopback.
    #[must_use]
    pub fn has_loopback(&self) -> bool {
        !self.loopback.is_empty()
    }

    /// Whether frames wait in the loopback for nothing but their turn.
    #[must_use]
    pub fn has_loopback_due(&self) -> bool {
        self.has_loopback() && !self.loopback_waits
    }

    /// Whether the frames in the loopback wait for the host to make room.
    pub fn set_loopback_waits(&mut self, waits: bool) {
        self.loopback_waits = waits;
    }

    /// Frames in the loopback.
    #[must_use]
    pub fn in_loopback(&self) -> usize {
        self.loopback.len()
    }

    /// The oldest `frames` frames in the loopback, to be received; [`Port::return_loopback`] brings their buffers back.
    pub fn take_loopback(&mut self, frames: usize) -> Option<FrameBurst> {
        let mut spare = self.loopback_spare.take()?;
        if frames >= self.loopback.len() {
            return Some(core::mem::replace(&mut self.loopback, spare));
        }
        for frame in &mut self.loopback.frames_mut()[..frames] {
            let moved = spare.push_frame(frame);
            debug_assert!(moved.is_ok(), "both have room for as many");
        }
        self.loopback.remove_front(frames);
        Some(spare)
    }

    /// Brings back what [`Port::take_loopback`] gave.
    pub fn return_loopback(&mut self, mut burst: FrameBurst) {
        burst.clear();
        self.loopback_spare = Some(burst);
    }

    /// Drops all frames and forgets what the driver wanted; the cable stays what it is.
    pub fn reset(&mut self) {
        self.started = false;
        self.tx.clear();
        self.loopback.clear();
    }
}
