//! The ports of an lcore as plain Ethernet ports: for programs that forward frames, or a host path that
//! uses an adapter without its offload.

use mafo_mem::frame::capacity_for_mtu;
use mafo_mem::{Frame, FrameBurst, FrameQueue, Nanos};
use mafo_t4::PortId;
use mafo_t4::cpl::{self, SetTcbRpl};

use crate::eth_port::{EthPort, TxState};
use crate::lcore::Lcore;
use crate::sge::Ingress;

/// Frames kept for a port that is not being read.
const STAGED_MAX: usize = 256;
/// Messages taken from the ingress queue at a time.
const BURST: usize = 32;

mafo_mem::counters! {
    /// What Ethernet ports of an lcore counted.
    pub struct PortsCounters {
        /// Frames dropped because nobody read their port in time.
        rx_overflow,
        /// Frames dropped because they came in by no port: loopback.
        rx_elsewhere,
        /// Messages of connections, which are nobody's here; answers about filters are not among them.
        rx_cpls,
    }
}

/// An lcore's ports. One ingress queue serves them all, so frames of a port that is not being read wait
/// in a queue of their own.
#[derive(Debug)]
pub struct EthPorts {
    lcore: Lcore,
    /// By index, as in the adapter's resources.
    ids: Vec<PortId>,
    staged: Vec<FrameQueue>,
    /// Of each port, what `rx_overflow` has of all.
    overflow: Vec<u64>,
    mtu: u16,
    counters: PortsCounters,
}

impl EthPorts {
    /// The ports of `lcore`, with packets of up to `mtu` bytes.
    #[must_use]
    pub fn new(lcore: Lcore, mtu: u16) -> Self {
        let frame = capacity_for_mtu(mtu.into());
        let ids: Vec<PortId> = lcore.resources().ports.iter().map(|port| port.port).collect();
        let staged = ids.iter().map(|_| FrameQueue::new(STAGED_MAX, frame)).collect();
        let overflow = vec![0; ids.len()];
        Self { lcore, ids, staged, overflow, mtu, counters: PortsCounters::new() }
    }

    /// Port number `index` in the order of the adapter's resources; `None` of one that is not there.
    pub fn port(&mut self, index: usize) -> Option<T5Port<'_>> {
        (index < self.staged.len()).then_some(T5Port { ports: self, index })
    }

    /// How many ports there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.staged.len()
    }

    /// Whether there is no port.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.staged.is_empty()
    }

    /// The lcore behind the ports.
    #[must_use]
    pub fn lcore(&self) -> &Lcore {
        &self.lcore
    }

    /// The lcore behind the ports, to poll its mailbox or to take it apart again.
    pub fn lcore_mut(&mut self) -> &mut Lcore {
        &mut self.lcore
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> PortsCounters {
        self.counters
    }

    /// Frames of port number `index` that were dropped because nobody read it in time.
    #[must_use]
    pub fn rx_overflow(&self, index: usize) -> u64 {
        self.overflow.get(index).copied().unwrap_or(0)
    }

    /// Takes messages: frames wait for their ports, and answers about filters are noted. For whoever waits for such a one.
    pub fn poll_messages(&mut self, now: Nanos) {
        self.take(now, usize::MAX, &mut FrameBurst::on_demand(0, 0));
    }

    /// Takes messages: frames of port `wanted` go to `burst` as long as it has room, those of others wait for theirs.
    fn take(&mut self, now: Nanos, wanted: usize, burst: &mut FrameBurst) {
        let Self { lcore, ids, staged, overflow, counters, .. } = self;
        let Lcore { ingress, filters, .. } = lcore;
        let Some(ingress) = ingress else { return };
        ingress.burst(now, BURST.max(burst.room()), |message| match message {
            Ingress::RxPkt { meta, frame } => {
                let from = PortId(meta.iport());
                let Some(index) = ids.iter().position(|&port| port == from) else {
                    counters.rx_elsewhere += 1;
                    return;
                };
                // Once one of its frames waits, all later ones do.
                let here = index == wanted && staged[index].is_empty();
                if here && burst.push(frame).is_ok() {
                    return;
                }
                if staged[index].push(frame).is_err() {
                    counters.rx_overflow += 1;
                    overflow[index] += 1;
                }
            }
            Ingress::Cpl { bytes, .. } => {
                let answered =
                    cpl::parse::<SetTcbRpl>(bytes).and_then(|reply| filters.on_reply(reply));
                counters.rx_cpls += u64::from(answered.is_none());
            }
        });
    }
}

/// One port of an lcore.
#[derive(Debug)]
pub struct T5Port<'a> {
    ports: &'a mut EthPorts,
    index: usize,
}

impl EthPort for T5Port<'_> {
    fn mac(&self) -> [u8; 6] {
        self.ports.lcore.resources().ports[self.index].mac
    }

    fn mtu(&self) -> u16 {
        self.ports.mtu
    }

    fn link_up(&self) -> bool {
        self.ports.lcore.link(self.ports.ids[self.index]).is_some_and(|link| link.up)
    }

    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        self.ports.staged[self.index].pop_burst(burst);
        if !burst.is_full() {
            self.ports.take(now, self.index, burst);
        }
        burst.len() - before
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        self.ports.lcore.eth[self.index].tx_burst(now, frames)
    }

    fn tx_state(&mut self) -> TxState {
        self.ports.lcore.eth[self.index].tx_state()
    }
}
