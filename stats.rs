//! What a host counts, by name, and how its ports stand.

use core::fmt;

use mafo_failover::LinkId;
use mafo_pmd::Adapter;
use mafo_pmd::stats::{See, Xstat, each, listed};
use mafo_stack::MemberId;

use crate::host::{Fitted, Host};

/// How a port stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortView {
    /// Whether its link is up, as its driver knows; `None` of an adapter that another lcore drives.
    pub link_up: Option<bool>,
    /// Mb/s; 0 of one without a speed of its own.
    pub speed: u32,
    /// Its station address.
    pub mac: [u8; 6],
    /// Its largest packet, of one that is no adapter's.
    pub mtu: Option<u16>,
}

impl Host {
    /// Everything that was counted, by name, in the manner of `ethtool -S`: `bond_moved`,
    /// `stack_rx_arp`, `tcp_timeouts` (the host path's engine), and for adapter 0 `driver0_eth0_tx_frames`
    /// (the driver) and `card0_tp_rx_data` (the software ASIC); of a port that is no
    /// adapter's `port1_rx_frames`.
    #[must_use]
    pub fn xstats(&self) -> Vec<Xstat> {
        listed(|see| self.each_stat(see))
    }

    /// Shows the same. Once the host is up ([`Host::is_up`]) there are always the same numbers in the same order; nothing is
    /// allocated, unless another thread polls the cards ([`Host::part_with_cards`]).
    pub fn each_stat(&self, see: &mut See<'_>) {
        let core = self.sockets();
        if let Some(bond) = &self.bond {
            each(see, "bond", bond.counters().iter());
        }
        core.each_stat(see);
        for n in 0..self.members.len() {
            if let Some(counters) = core.port_counters(MemberId(n as u8)) {
                each(see, format_args!("port{n}"), counters.iter());
            }
        }
        for n in 0..self.members.len() {
            let mut driver =
                |name: fmt::Arguments<'_>, value| see(format_args!("driver{n}_{name}"), value);
            if let Some(card) = self.card(n) {
                card.driver.each_stat(&mut driver);
            }
            if let Some(member) = core.member(MemberId(n as u8)) {
                member.lcore.each_stat(&mut driver);
            }
            if let Some(card) = self.card(n) {
                card.soft.each_stat(&mut |name, value| see(format_args!("card{n}_{name}"), value));
            }
        }
    }

    /// How many members its bond has.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// The ports that belong to the bond.
    #[must_use]
    pub fn ports(&self) -> &[LinkId] {
        &self.config.links
    }

    /// How one of them stands.
    #[must_use]
    pub fn port(&self, link: LinkId) -> PortView {
        match self.members.get(link.member.index()) {
            Some(Fitted::Adapter(card)) => {
                let state = card.driver.link(link.port);
                PortView {
                    link_up: Some(state.is_some_and(|state| state.up) && !card.stage.is_dead()),
                    speed: state.map_or(0, |state| state.link.speed_mbps()),
                    mac: card.driver.mac(link.port).unwrap_or_default(),
                    mtu: None,
                }
            }
            Some(Fitted::Port(_)) => {
                let core = self.sockets();
                let (mac, mtu) = core.plain_port(link.member).unzip();
                let is_up = self.bond.as_ref().is_some_and(|bond| bond.is_up(link));
                PortView { link_up: Some(is_up), mac: mac.unwrap_or_default(), mtu, speed: 0 }
            }
            Some(Fitted::Elsewhere) | None => PortView::default(),
        }
    }

    /// The names of what the MAC of a port counts ([`Host::port_stats`]); none where another lcore has it.
    #[must_use]
    pub fn port_stat_names(&self, link: LinkId) -> Vec<String> {
        match self.members.get(link.member.index()) {
            Some(Fitted::Adapter(_)) => Adapter::port_stat_names().collect(),
            Some(Fitted::Port(_) | Fitted::Elsewhere) | None => Vec::new(),
        }
    }

    /// Shows what the MAC of a port counts, from number `from` on and so many: slow reads on a real card, so that who has frames
    /// to move takes a few at a time.
    pub fn port_stats(&self, link: LinkId, from: usize, count: usize, see: impl FnMut(u64)) {
        if let Some(card) = self.card(link.member.index()).filter(|card| !card.stage.is_dead()) {
            card.driver.port_stats(link.port, from, count, see);
        }
    }
}
