//! What one polling core owns of an adapter: its queues, its share of the tables, nothing shared.
//!
//! The fields are apart on purpose: a handler that runs inside [`IngressQueue::burst`] may post on the
//! other queues. Whatever was posted is told to the card by [`Lcore::flush`], once a round.

use std::fmt;
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;
use mafo_mem::Nanos;
use mafo_t4::fw::LinkState;
use mafo_t4::regs::mps::port::MPS_PORT_STAT_RX_PORT_FRAMES;
use mafo_t4::regs::tp::{MTU_COUNT, TP_TIME_HI, TP_TIME_LO};
use mafo_t4::{EqId, Iova, PortId};

use crate::adapter::{Resources, Share};
use crate::eal::dma::{DmaBuf, Domain};
use crate::eth::EthQueue;
use crate::filter::Filters;
use crate::l2t::L2t;
use crate::sge::SharedBar;
use crate::sge::{Eq, IngressQueue};
use crate::smt::Smt;
use crate::tid::{LcoreId, OnLcore};

/// Messages under way between the control plane and one lcore; links change rarely, and an old state is
/// overtaken by a new one.
const MAIL_MAX: usize = 32;

/// What the control plane tells an lcore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToLcore {
    /// A port's link is as follows.
    Link {
        /// The port.
        port: PortId,
        /// Its state.
        state: LinkState,
    },
    /// The card's clock: core ticks (TP_TIME) at a time of the host.
    Clock {
        /// When it was read.
        at: Nanos,
        /// What it showed.
        ticks: u64,
    },
    /// The MTU table is another one from now on ([`Resources::mtus`]).
    Mtus([u16; MTU_COUNT]),
    /// The adapter is being closed: end what is under way and drop the [`Lcore`].
    Close,
}

/// What an lcore tells the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FromLcore {
    /// Nobody uses its queues any more.
    Gone,
}

/// The mailbox between the control plane and one lcore.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) to_lcore: ArrayQueue<ToLcore>,
    pub(crate) from_lcore: ArrayQueue<FromLcore>,
}

impl Mail {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { to_lcore: ArrayQueue::new(MAIL_MAX), from_lcore: ArrayQueue::new(1) })
    }
}

/// One polling core's part of an adapter. `Send`, and knows no global.
pub struct Lcore {
    id: LcoreId,
    /// Everything that arrives: frames, and all messages of its connections.
    ///
    /// It can be taken out of its place while its messages are handled, and put back.
    pub ingress: Option<Box<IngressQueue>>,
    /// Opens, tables, receive credits.
    pub ctrl: Eq,
    /// Ethernet queues, one a port, in the order of [`Resources::ports`].
    pub eth: Vec<EthQueue>,
    /// Offload queues, one a port, in the order of [`Resources::ports`].
    pub ofld: Vec<Eq>,
    /// Next hops.
    pub l2t: L2t,
    /// Source addresses.
    pub smt: Smt,
    /// Filters.
    pub filters: Filters,
    /// Links as last told, in the order of [`Resources::ports`].
    links: Vec<LinkState>,
    /// The card's clock as last told.
    clock: Option<(Nanos, u64)>,
    share: Share,
    resources: Arc<Resources>,
    domain: Arc<Domain>,
    bar: SharedBar,
    mail: Arc<Mail>,
}

/// The queues of an lcore, complete.
pub(crate) struct LcoreQueues {
    pub(crate) ingress: IngressQueue,
    pub(crate) ctrl: Eq,
    pub(crate) eth: Vec<EthQueue>,
    pub(crate) ofld: Vec<Eq>,
}

impl Lcore {
    pub(crate) fn new(
        id: LcoreId,
        share: Share,
        queues: LcoreQueues,
        links: Vec<LinkState>,
        (resources, domain, bar): (Arc<Resources>, Arc<Domain>, SharedBar),
        mail: Arc<Mail>,
    ) -> Self {
        let known = resources.ports.iter().map(|port| (port.smt, port.mac));
        Self {
            id,
            ingress: Some(Box::new(queues.ingress)),
            ctrl: queues.ctrl,
            eth: queues.eth,
            ofld: queues.ofld,
            l2t: L2t::new(share.l2t.clone()),
            smt: Smt::new(resources.pf, known),
            filters: Filters::new(share.filters.clone()),
            links,
            clock: None,
            share,
            resources,
            domain,
            bar,
            mail,
        }
    }

    /// Which lcore it is.
    #[must_use]
    pub fn id(&self) -> LcoreId {
        self.id
    }

    /// A number of this lcore's, with the lcore: what is handed to the control plane or another lcore,
    /// to which the number alone means nothing.
    #[must_use]
    pub fn here<T>(&self, id: T) -> OnLcore<T> {
        OnLcore { lcore: self.id, id }
    }

    /// What the adapter has.
    #[must_use]
    pub fn resources(&self) -> &Arc<Resources> {
        &self.resources
    }

    /// The numbers that this lcore may choose: for its [`AtidTable`](crate::tid::AtidTable) and
    /// [`StidTable`](crate::tid::StidTable).
    #[must_use]
    pub fn share(&self) -> &Share {
        &self.share
    }

    /// Where `port` is in [`Lcore::eth`] and [`Lcore::ofld`].
    #[must_use]
    pub fn port_index(&self, port: PortId) -> Option<usize> {
        self.resources.ports.iter().position(|resources| resources.port == port)
    }

    /// Where the card finds byte `offset` of `buf`, whose arena is mapped for this adapter.
    #[inline]
    #[must_use]
    pub fn iova(&self, buf: &DmaBuf, offset: usize) -> Iova {
        self.domain.iova(buf).add(offset)
    }

    /// What the clock behind TCP timestamps shows, without any connection's offset. Three register reads. `None` of a card
    /// that is dead: all ones are nobody's clock, nor is what a card shows that is held in reset.
    #[must_use]
    pub fn timestamp_now(&self) -> Option<u32> {
        let high = TP_TIME_HI::read(&*self.bar).0;
        let low = TP_TIME_LO::read(&*self.bar).0;
        // Read again: the low half may have wrapped in between.
        let again = TP_TIME_HI::read(&*self.bar).0;
        let low = if again == high { low } else { TP_TIME_LO::read(&*self.bar).0 };
        let ticks = u64::from(again) << 32 | u64::from(low);
        let shown = (ticks >> self.resources.tp_resolution.timestampresolution()) as u32;
        (again != u32::MAX && !self.domain.is_revoked()).then_some(shown)
    }

    /// What the clock behind TCP timestamps ought to show at `now`, by what the control plane last told of it: for a
    /// card that cannot be asked any more. `None` before it was told anything.
    #[must_use]
    pub fn timestamp_at(&self, now: Nanos) -> Option<u32> {
        let (at, ticks) = self.clock?;
        let since =
            u128::from((now - at).0) * u128::from(self.resources.core_clock_khz) / 1_000_000;
        let ticks = ticks.wrapping_add(since as u64);
        Some((ticks >> self.resources.tp_resolution.timestampresolution()) as u32)
    }

    /// A port's link as the control plane last told; `None` of a port that the card does not have.
    #[must_use]
    pub fn link(&self, port: PortId) -> Option<&LinkState> {
        self.links.get(self.port_index(port)?)
    }

    /// Frames that a port has taken from its wire, whoever they were for. Two register reads. `None` of a card that is
    /// dead, and of a port that it does not have.
    #[must_use]
    pub fn rx_frames(&self, port: PortId) -> Option<u64> {
        self.port_index(port)?;
        let base = self.resources.chip.port_base(port);
        let frames = MPS_PORT_STAT_RX_PORT_FRAMES.read_at(&*self.bar, base);
        (frames != u64::MAX).then_some(frames)
    }

    /// The next message of the control plane, noted here.
    pub fn poll_control(&mut self) -> Option<ToLcore> {
        let message = self.mail.to_lcore.pop()?;
        match message {
            ToLcore::Link { port, state } => {
                if let Some(index) = self.port_index(port) {
                    self.links[index] = state;
                }
            }
            ToLcore::Clock { at, ticks } => self.clock = Some((at, ticks)),
            ToLcore::Mtus(mtus) => Arc::make_mut(&mut self.resources).mtus = mtus,
            ToLcore::Close => {}
        }
        Some(message)
    }

    /// Tells the card of all that was posted on all queues since the last time. Once a round.
    pub fn flush(&mut self) {
        while let Some(eq) = self.ingress.as_mut().and_then(|ingress| ingress.take_egr_update()) {
            self.on_egr_update(eq);
        }
        self.ctrl.ring();
        for queue in &mut self.eth {
            queue.ring();
        }
        for queue in &mut self.ofld {
            queue.ring();
        }
    }

    /// How often the card was told of something so far: doorbells of all queues and returns of credits. An ingress queue
    /// that was taken out of its place does not count.
    #[must_use]
    pub fn doorbells(&self) -> u64 {
        let eth = self.eth.iter().map(|queue| queue.eq_counters().doorbells);
        let others = self.ofld.iter().chain([&self.ctrl]).map(|queue| queue.counters().doorbells);
        let ingress = self
            .ingress
            .iter()
            .map(|queue| queue.counters().credit_returns + queue.freelist_counters().doorbells);
        eth.chain(others).chain(ingress).sum()
    }

    fn on_egr_update(&mut self, id: EqId) {
        if let Some(queue) = self.eth.iter_mut().find(|queue| queue.eq().id() == id) {
            queue.on_egr_update();
        } else if let Some(queue) = self.ofld.iter_mut().find(|queue| queue.id() == id) {
            queue.on_egr_update();
        } else if self.ctrl.id() == id {
            self.ctrl.on_egr_update();
        }
    }
}

impl Drop for Lcore {
    fn drop(&mut self) {
        // There is room for one, and an lcore goes once.
        let _ = self.mail.from_lcore.push(FromLcore::Gone);
    }
}

impl fmt::Debug for Lcore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lcore")
            .field("id", &self.id)
            .field("ingress", &self.ingress.as_ref().map(|ingress| ingress.id()))
            .field("ctrl", &self.ctrl.id())
            .finish_non_exhaustive()
    }
}

/// An lcore moves to its thread, and so does all that it owns.
const _: () = {
    const fn assert_send<T: Send>() {}
    assert_send::<Lcore>();
};
