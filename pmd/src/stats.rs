//! Statistics by name, in the manner of `ethtool -S` and DPDK's xstats: what the driver counted, what the
//! card counted, what is in use and has to be given back.

use mafo_t4::PortId;
use mafo_t4::regs::le::{LE_DB_ACT_CNT_IPV4, LE_DB_ACT_CNT_IPV6};
use mafo_t4::regs::mps::port::{LB_STATS, RX_STATS, TX_STATS};

use crate::adapter::Adapter;
use crate::lcore::Lcore;

/// One number and its name, the part of the driver it comes from first: `eth1_tx_frames`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xstat {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: u64,
}

/// What an lcore holds of an adapter and has to give back before the end. All zero, or something leaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOver {
    /// L2T entries with users.
    pub l2t: usize,
    /// Filters.
    pub filters: usize,
    /// Writes of the source MAC table without an answer.
    pub smt: usize,
    /// Receive buffers that are neither with the card nor spare.
    pub rx_buffers: usize,
    /// Units of the control and offload queues that the card has not confirmed to have read, and frames
    /// in the Ethernet queues. The card confirms lazily: ask for it before the last look.
    pub tx_in_flight: usize,
}

impl LeftOver {
    /// All of them together.
    #[must_use]
    pub fn total(&self) -> usize {
        let Self { l2t, filters, smt, rx_buffers, tx_in_flight } = *self;
        l2t + filters + smt + rx_buffers + tx_in_flight
    }
}

impl Lcore {
    /// Everything that was counted on this lcore, in a stable order.
    #[must_use]
    pub fn xstats(&self) -> Vec<Xstat> {
        let mut list = Vec::new();
        if let Some(ingress) = &self.ingress {
            extend(&mut list, "ingress", ingress.counters().iter());
            extend(&mut list, "freelist", ingress.freelist_counters().iter());
        }
        extend(&mut list, "ctrl", self.ctrl.counters().iter());
        let ids = self.resources().ports.iter().map(|port| port.port.0);
        for (port, (eth, ofld)) in ids.zip(self.eth.iter().zip(&self.ofld)) {
            extend(&mut list, &format!("eth{port}"), eth.counters().iter());
            extend(&mut list, &format!("eth{port}_queue"), eth.eq_counters().iter());
            extend(&mut list, &format!("ofld{port}"), ofld.counters().iter());
        }
        extend(&mut list, "l2t", self.l2t.counters().iter());
        extend(&mut list, "smt", self.smt.counters().iter());
        extend(&mut list, "filter", self.filters.counters().iter());
        list
    }

    /// What has not been given back, as far as the card has confirmed.
    #[must_use]
    pub fn left_over(&self) -> LeftOver {
        let units = self.ofld.iter().chain([&self.ctrl]).map(|eq| eq.in_flight_units());
        let frames = self.eth.iter().map(|eth| eth.in_flight());
        LeftOver {
            l2t: self.l2t.in_use(),
            filters: self.filters.in_use(),
            smt: self.smt.pending(),
            rx_buffers: self.ingress.as_ref().map_or(0, |ingress| ingress.missing_buffers()),
            tx_in_flight: units.map(usize::from).sum::<usize>() + frames.sum::<usize>(),
        }
    }
}

impl Adapter {
    /// What the card's MAC counted of a port, by the names of the registers in lower case. A slow read of
    /// some seventy registers: not for the data path.
    #[must_use]
    pub fn port_xstats(&self, port: PortId) -> Vec<Xstat> {
        let base = self.chip().port_base(port);
        let stats = TX_STATS.iter().chain(RX_STATS).chain(LB_STATS);
        stats
            .map(|stat| Xstat {
                name: stat.name.trim_start_matches("MPS_PORT_STAT_").to_ascii_lowercase(),
                value: stat.read_at(&**self.bar(), base),
            })
            .collect()
    }

    /// Connections that the card has a TCB for, by its own count: IPv4 and IPv6.
    #[must_use]
    pub fn active_connections(&self) -> (u32, u32) {
        let bar = &**self.bar();
        (LE_DB_ACT_CNT_IPV4::read(bar).count(), LE_DB_ACT_CNT_IPV6::read(bar).count())
    }

    /// Everything that the control plane counted.
    #[must_use]
    pub fn xstats(&self) -> Vec<Xstat> {
        let mut list = Vec::new();
        extend(&mut list, "adapter", self.counters().iter());
        extend(&mut list, "mailbox", self.mailbox_counters().iter());
        list.push(Xstat { name: "dma_faults".to_owned(), value: self.domain().faults() });
        list
    }
}

/// Adds counters to a list, each name behind that of the part it comes from.
pub fn extend(
    list: &mut Vec<Xstat>,
    prefix: &str,
    counters: impl Iterator<Item = (&'static str, u64)>,
) {
    list.extend(counters.map(|(name, value)| Xstat { name: format!("{prefix}_{name}"), value }));
}
