//! Statistics by name, in the manner of `ethtool -S` and DPDK's xstats: what the driver counted, what the
//! card counted, what is in use and has to be given back.

use core::fmt;

use mafo_t4::PortId;
use mafo_t4::regs::le::{LE_DB_ACT_CNT_IPV4, LE_DB_ACT_CNT_IPV6};
use mafo_t4::regs::mps::Stat;
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

/// Takes statistics, one after the other: a name, which need not be put together by whoever wants the value alone, and the
/// value.
pub type See<'a> = dyn FnMut(fmt::Arguments<'_>, u64) + 'a;

impl Lcore {
    /// Shows everything that was counted on this lcore, in a stable order.
    pub fn each_stat(&self, see: &mut See<'_>) {
        if let Some(ingress) = &self.ingress {
            each(see, "ingress", ingress.counters().iter());
            each(see, "freelist", ingress.freelist_counters().iter());
        }
        each(see, "ctrl", self.ctrl.counters().iter());
        let ids = self.resources().ports.iter().map(|port| port.port.0);
        for (port, (eth, ofld)) in ids.zip(self.eth.iter().zip(&self.ofld)) {
            each(see, format_args!("eth{port}"), eth.counters().iter());
            each(see, format_args!("eth{port}_queue"), eth.eq_counters().iter());
            each(see, format_args!("ofld{port}"), ofld.counters().iter());
        }
        each(see, "l2t", self.l2t.counters().iter());
        each(see, "smt", self.smt.counters().iter());
        each(see, "filter", self.filters.counters().iter());
    }

    /// Everything that was counted on this lcore, in a stable order.
    #[must_use]
    pub fn xstats(&self) -> Vec<Xstat> {
        listed(|see| self.each_stat(see))
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
    /// What the card's MAC counts of a port, by the names of the registers in lower case.
    pub fn port_stat_names() -> impl Iterator<Item = String> {
        port_stats().map(|stat| stat.name.trim_start_matches("MPS_PORT_STAT_").to_ascii_lowercase())
    }

    /// Shows values of a port in the order of [`Adapter::port_stat_names`], from number `from` on and so many: each is two slow
    /// reads, and there are some seventy.
    pub fn port_stats(&self, port: PortId, from: usize, count: usize, mut see: impl FnMut(u64)) {
        let base = self.chip().port_base(port);
        port_stats().skip(from).take(count).for_each(|stat| see(stat.read_at(&**self.bar(), base)));
    }

    /// Both together: not for the data path.
    #[must_use]
    pub fn port_xstats(&self, port: PortId) -> Vec<Xstat> {
        let mut values = Vec::new();
        self.port_stats(port, 0, usize::MAX, |value| values.push(value));
        Self::port_stat_names().zip(values).map(|(name, value)| Xstat { name, value }).collect()
    }

    /// Connections that the card has a TCB for, by its own count: IPv4 and IPv6.
    #[must_use]
    pub fn active_connections(&self) -> (u32, u32) {
        let bar = &**self.bar();
        (LE_DB_ACT_CNT_IPV4::read(bar).count(), LE_DB_ACT_CNT_IPV6::read(bar).count())
    }

    /// Shows everything that the control plane counted.
    pub fn each_stat(&self, see: &mut See<'_>) {
        each(see, "adapter", self.counters().iter());
        each(see, "mailbox", self.mailbox_counters().iter());
        see(format_args!("dma_faults"), self.domain().faults());
    }

    /// Everything that the control plane counted.
    #[must_use]
    pub fn xstats(&self) -> Vec<Xstat> {
        listed(|see| self.each_stat(see))
    }
}

fn port_stats() -> impl Iterator<Item = Stat> {
    TX_STATS.iter().chain(RX_STATS).chain(LB_STATS).copied()
}

/// Shows counters, each name behind that of the part it comes from.
pub fn each(
    see: &mut See<'_>,
    prefix: impl fmt::Display,
    counters: impl Iterator<Item = (&'static str, u64)>,
) {
    for (name, value) in counters {
        see(format_args!("{prefix}_{name}"), value);
    }
}

/// What `show` shows, as a list.
pub fn listed(show: impl FnOnce(&mut See<'_>)) -> Vec<Xstat> {
    let mut list = Vec::new();
    show(&mut |name, value| list.push(Xstat { name: name.to_string(), value }));
    list
}
