//! Egress queues: work requests that the host posts, and how it learns that they were taken.

use mafo_t4::sge::Qstat;
use mafo_t4::{EqId, HostMemory, Iova, IqId};

use super::fl::Freelist;
use super::ring::{Ring, UNIT};
use crate::delay::Late;
use crate::dma::{Dma, Writer};

/// What an egress queue carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EqKind {
    /// Frames (FW_EQ_ETH).
    Ethernet,
    /// Requests without payload (FW_EQ_CTRL).
    Control,
    /// Work of connections (FW_EQ_OFLD).
    Offload,
}

/// What FW_EQ_* tells of a queue.
#[derive(Clone, Copy, Debug)]
pub struct EqConfig {
    /// First unit.
    pub base: Iova,
    /// Units without those of the status page.
    pub units: u32,
    /// What it carries.
    pub kind: EqKind,
    /// Where its EGR_UPDATEs go.
    pub iq: Option<IqId>,
    /// Channel that it is tied to.
    pub channel: u8,
    /// Every how many units the host is told of the consumer index without asking
    /// (CIDXFTHRESH), by HOSTFCMODE.
    pub flush_units: u32,
    /// HOSTFCMODE: by an EGR_UPDATE.
    pub flush_by_update: bool,
    /// HOSTFCMODE: by the status page.
    pub flush_by_status: bool,
    /// AUTOEQUIQE: an EGR_UPDATE for every batch of work requests.
    pub auto_update: bool,
    /// AUTOEQUEQE: the status page for every batch of work requests.
    pub auto_status: bool,
    /// Virtual interface (VIN) of an Ethernet queue.
    pub vin: Option<u8>,
}

/// What a work request itself asks for when it has been taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// EQUIQ: an EGR_UPDATE.
    pub update: bool,
    /// EQUEQ: the status page.
    pub status: bool,
}

/// An egress queue.
#[derive(Debug)]
pub(super) struct Eq {
    pub(super) id: EqId,
    pub(super) config: EqConfig,
    pub(super) ring: Ring,
    pub(super) late_doorbells: Late<u64>,
    /// Units taken since the last flush by threshold.
    unflushed: u32,
    status_due: bool,
    pub(super) update_due: bool,
}

impl Eq {
    pub(super) fn new(id: EqId, config: EqConfig) -> Self {
        Self {
            id,
            config,
            ring: Ring::new(config.base, config.units),
            late_doorbells: Late::default(),
            unflushed: 0,
            status_due: false,
            update_due: false,
        }
    }

    /// A work request of `units` has been taken.
    pub(super) fn consume(&mut self, units: u32, asked: Completion) {
        self.ring.consume(units);
        self.unflushed += units;
        let flush = self.unflushed >= self.config.flush_units;
        if flush {
            self.unflushed = 0;
        }
        self.status_due |=
            asked.status || self.config.auto_status || (flush && self.config.flush_by_status);
        self.update_due |=
            asked.update || self.config.auto_update || (flush && self.config.flush_by_update);
    }

    /// Reads whole units, beginning `ahead` of the next one; `false` on a fault, which is counted.
    pub(super) fn read<M: HostMemory>(&self, dma: &mut Dma<M>, ahead: u32, dst: &mut [u8]) -> bool {
        let mut at = ahead;
        let mut rest = dst;
        while !rest.is_empty() {
            let (iova, contiguous) = self.ring.unit(at);
            let (now, later) = rest.split_at_mut(rest.len().min(contiguous as usize * UNIT));
            if dma.read(iova, now).is_err() {
                return false;
            }
            at += (now.len() / UNIT) as u32;
            rest = later;
        }
        true
    }

    /// Producer and consumer index, as status page and EGR_UPDATE show them.
    pub(super) fn status(&self) -> Qstat {
        Qstat::of(self.id, self.ring.cidx() as u16, self.ring.pidx() as u16)
    }

    /// Writes the status page behind the ring, if one is due.
    pub(super) fn write_status<M: HostMemory>(&mut self, dma: &mut Dma<M>) {
        if core::mem::take(&mut self.status_due) {
            let mut bytes = [0; Qstat::SIZE];
            bytes.copy_from_slice(self.status().as_bytes());
            // Pairs with the host's acquire load of the consumer index.
            dma.begin(Writer::Egress(self.id)).hand_over(self.ring.end(), bytes);
        }
    }
}

/// A freelist in its place among the egress queues.
#[derive(Debug)]
pub(super) struct FreelistQueue {
    pub(super) list: Freelist,
    pub(super) late_doorbells: Late<u64>,
}

/// What an egress queue id stands for.
#[derive(Debug, Default)]
pub(super) enum Slot {
    /// Nothing.
    #[default]
    Free,
    /// Work requests.
    Queue(Box<Eq>),
    /// Buffers.
    Freelist(Box<FreelistQueue>),
}

impl Slot {
    pub(super) fn queue_mut(&mut self) -> Option<&mut Eq> {
        match self {
            Self::Queue(eq) => Some(eq),
            _ => None,
        }
    }

    pub(super) fn freelist_mut(&mut self) -> Option<&mut Freelist> {
        match self {
            Self::Freelist(queue) => Some(&mut queue.list),
            _ => None,
        }
    }

    /// The ring and the doorbells under way to it.
    pub(super) fn doorbell_mut(&mut self) -> Option<(&mut Ring, &mut Late<u64>)> {
        match self {
            Self::Free => None,
            Self::Queue(eq) => Some((&mut eq.ring, &mut eq.late_doorbells)),
            Self::Freelist(queue) => Some((queue.list.ring_mut(), &mut queue.late_doorbells)),
        }
    }
}
