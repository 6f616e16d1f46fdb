//! Every counter of a host: what changes and is not named fails the test.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::hosts::Net;

/// All counters of the first host at one moment.
pub(crate) struct Snapshot(BTreeMap<String, u64>);

/// A count that depends on bursts and turns.
const SOME: RangeInclusive<u64> = 1..=u64::MAX;

impl Snapshot {
    pub(crate) fn of(net: &Net) -> Self {
        Self(net.hosts[0].xstats().into_iter().map(|stat| (stat.name, stat.value)).collect())
    }

    fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_else(|| panic!("no counter {name}"))
    }

    /// What changed since `self`.
    fn changes(&self, net: &Net) -> BTreeMap<String, u64> {
        let now = Self::of(net).0;
        let change = |(name, value): (String, u64)| {
            let before = self.0.get(&name).copied().unwrap_or(0);
            let change = value.checked_sub(before).unwrap_or_else(|| panic!("{name} went back"));
            (change > 0).then_some((name, change))
        };
        now.into_iter().filter_map(change).collect()
    }

    /// Exactly the counters of `expected` changed since `self`, each by so much.
    pub(crate) fn expect(&self, net: &Net, expected: &[(&str, RangeInclusive<u64>)]) {
        let mut changes = self.changes(net);
        let mut wrong = Vec::new();
        for (name, range) in expected {
            let change = changes.remove(*name).unwrap_or(0);
            if !range.contains(&change) {
                wrong.push(format!("{name} changed by {change}, not {range:?}"));
            }
        }
        wrong.extend(changes.iter().map(|(name, change)| format!("{name} changed by {change}")));
        assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    }
}

#[test]
fn bring_up_counts_this() {
    let net = Net::up(1);
    Snapshot(BTreeMap::new()).expect(
        &net,
        &[
            ("card0_fw_commands", 63..=63),
            ("card0_fw_link_events", 5..=5),
            ("card0_sge_freelist_bytes", SOME),
            ("card0_sge_ingress_entries", SOME),
            ("card0_sge_work_requests", SOME),
            ("card0_wr_eth_frames", SOME),
            ("card0_wr_filters", 3..=3),
            ("driver0_adapter_link_changes", 1..=1),
            ("driver0_adapter_link_messages", 5..=5),
            ("driver0_ctrl_doorbells", SOME),
            ("driver0_ctrl_units", SOME),
            ("driver0_ctrl_work_requests", SOME),
            ("driver0_eth0_queue_doorbells", SOME),
            ("driver0_eth0_queue_units", SOME),
            ("driver0_eth0_queue_work_requests", SOME),
            ("driver0_eth0_tx_bytes", SOME),
            ("driver0_eth0_tx_frames", SOME),
            ("driver0_filter_adds", 2..=2),
            ("driver0_filter_deletes", 1..=1),
            ("driver0_freelist_doorbells", SOME),
            ("driver0_freelist_filled", SOME),
            ("driver0_freelist_posted", SOME),
            ("driver0_ingress_cpls", SOME),
            ("driver0_ingress_entries", SOME),
            ("driver0_ingress_rx_bytes", SOME),
            ("driver0_ingress_rx_frames", SOME),
            ("driver0_mailbox_commands", 63..=63),
            ("stack_rx_arp", 1..=1),
            ("stack_tx_frames", 1..=1),
        ],
    );
}

#[test]
fn a_transfer_counts_this() {
    let mut net = Net::up(1);
    let before = Snapshot::of(&net);
    let ends = net.open(1)[0];
    net.transfer(ends, 100_000);
    before.expect(
        &net,
        &[
            ("card0_sge_freelist_bytes", SOME),
            ("card0_sge_ingress_entries", SOME),
            ("card0_sge_work_requests", SOME),
            ("card0_tcp_active_opens", 1..=1),
            ("card0_tcp_established", 1..=1),
            ("card0_tcp_rx_bytes", 100000..=100000),
            ("card0_tcp_rx_predicted", SOME),
            ("card0_tcp_rx_segments", SOME),
            ("card0_tcp_tx_acks", SOME),
            ("card0_tcp_tx_bytes", 100000..=100000),
            ("card0_tcp_tx_segments", SOME),
            ("card0_tp_active_opens", 1..=1),
            ("card0_tp_cpl_in", SOME),
            ("card0_tp_rx_data", SOME),
            ("card0_tp_rx_data_bytes", 100000..=100000),
            ("card0_tp_tx_segments", SOME),
            ("card0_wr_cpls", SOME),
            ("card0_wr_eth_frames", SOME),
            ("card0_wr_flowcs", 1..=1),
            ("card0_wr_tx_data", SOME),
            ("driver0_ctrl_doorbells", SOME),
            ("driver0_ctrl_units", SOME),
            ("driver0_ctrl_work_requests", SOME),
            ("driver0_ctrl_write_combined", SOME),
            ("driver0_eth0_queue_doorbells", SOME),
            ("driver0_eth0_queue_units", SOME),
            ("driver0_eth0_queue_work_requests", SOME),
            ("driver0_eth0_tx_bytes", SOME),
            ("driver0_eth0_tx_frames", SOME),
            ("driver0_freelist_doorbells", SOME),
            ("driver0_freelist_filled", SOME),
            ("driver0_freelist_posted", SOME),
            ("driver0_ingress_cpls", SOME),
            ("driver0_ingress_entries", SOME),
            ("driver0_ingress_rx_bytes", SOME),
            ("driver0_ingress_rx_frames", SOME),
            ("driver0_l2t_writes", 1..=1),
            ("driver0_ofld0_doorbells", SOME),
            ("driver0_ofld0_units", SOME),
            ("driver0_ofld0_work_requests", SOME),
            ("driver0_ofld0_write_combined", SOME),
            ("stack_arp_requests", 1..=1),
            ("stack_rx_arp", 1..=1),
            ("stack_tx_frames", 1..=1),
        ],
    );
}

#[test]
fn a_failover_counts_this() {
    let mut net = Net::up(2);
    let before = Snapshot::of(&net);
    let ends = net.open(1)[0];
    net.cables[0].set_carrier(false);
    net.transfer(ends, 100_000);
    net.settle();
    let now = Snapshot::of(&net);
    for bytes in ["tcp_rx_bytes", "tcp_tx_bytes", "tp_rx_data_bytes"] {
        let both = now.get(&format!("card0_{bytes}")) + now.get(&format!("card1_{bytes}"));
        assert_eq!(both, 100_000, "{bytes} of both cards");
    }
    before.expect(
        &net,
        &[
            ("bond_backup_drops", 1..=1),
            ("bond_failures", 1..=1),
            ("bond_held_frames", SOME),
            ("bond_moved", 1..=1),
            ("bond_tunnelled_in", SOME),
            ("bond_tunnelled_out", SOME),
            ("card0_fw_link_events", 1..=1),
            ("card0_sge_freelist_bytes", SOME),
            ("card0_sge_ingress_entries", SOME),
            ("card0_sge_work_requests", SOME),
            ("card0_tcp_active_opens", 1..=1),
            ("card0_tcp_established", 1..=1),
            ("card0_tcp_rx_bytes", SOME),
            ("card0_tcp_rx_held", SOME),
            ("card0_tcp_rx_predicted", SOME),
            ("card0_tcp_rx_segments", SOME),
            ("card0_tcp_tx_acks", SOME),
            ("card0_tcp_tx_bytes", SOME),
            ("card0_tcp_tx_segments", SOME),
            ("card0_tp_active_opens", 1..=1),
            ("card0_tp_cpl_in", SOME),
            ("card0_tp_host_aborts", 1..=1),
            ("card0_tp_rx_data", SOME),
            ("card0_tp_rx_data_bytes", SOME),
            ("card0_tp_tx_segments", SOME),
            ("card0_wr_cpls", SOME),
            ("card0_wr_eth_frames", SOME),
            ("card0_wr_filters", 1..=1),
            ("card0_wr_flowcs", 1..=1),
            ("card0_wr_tx_data", SOME),
            ("card1_sge_freelist_bytes", SOME),
            ("card1_sge_ingress_entries", SOME),
            ("card1_sge_work_requests", SOME),
            ("card1_tcp_rx_bytes", SOME),
            ("card1_tcp_rx_segments", SOME),
            ("card1_tcp_tx_acks", SOME),
            ("card1_tcp_tx_bytes", SOME),
            ("card1_tcp_tx_segments", SOME),
            ("card1_tp_cpl_in", SOME),
            ("card1_tp_non_offload_opens", 1..=1),
            ("card1_tp_rx_data", SOME),
            ("card1_tp_rx_data_bytes", SOME),
            ("card1_tp_rx_not_offloaded", SOME),
            ("card1_tp_tx_segments", SOME),
            ("card1_tp_uploads", 1..=1),
            ("card1_wr_cpls", SOME),
            ("card1_wr_eth_frames", SOME),
            ("card1_wr_filters", 1..=1),
            ("card1_wr_flowcs", 1..=1),
            ("card1_wr_tx_data", SOME),
            ("driver0_adapter_link_changes", 1..=1),
            ("driver0_adapter_link_messages", 1..=1),
            ("driver0_ctrl_doorbells", SOME),
            ("driver0_ctrl_units", SOME),
            ("driver0_ctrl_work_requests", SOME),
            ("driver0_ctrl_write_combined", SOME),
            ("driver0_eth0_queue_doorbells", SOME),
            ("driver0_eth0_queue_units", SOME),
            ("driver0_eth0_queue_work_requests", SOME),
            ("driver0_eth0_queue_write_combined", SOME),
            ("driver0_eth0_tx_bytes", SOME),
            ("driver0_eth0_tx_frames", SOME),
            ("driver0_eth0_tx_loopback_frames", SOME),
            ("driver0_filter_adds", 1..=1),
            ("driver0_freelist_doorbells", SOME),
            ("driver0_freelist_filled", SOME),
            ("driver0_freelist_posted", SOME),
            ("driver0_ingress_cpls", SOME),
            ("driver0_ingress_entries", SOME),
            ("driver0_ingress_rx_bytes", SOME),
            ("driver0_ingress_rx_frames", SOME),
            ("driver0_l2t_writes", 2..=2),
            ("driver0_ofld0_doorbells", SOME),
            ("driver0_ofld0_units", SOME),
            ("driver0_ofld0_work_requests", SOME),
            ("driver0_ofld0_write_combined", SOME),
            ("driver1_ctrl_doorbells", SOME),
            ("driver1_ctrl_units", SOME),
            ("driver1_ctrl_work_requests", SOME),
            ("driver1_ctrl_write_combined", SOME),
            ("driver1_eth0_queue_doorbells", SOME),
            ("driver1_eth0_queue_units", SOME),
            ("driver1_eth0_queue_work_requests", SOME),
            ("driver1_eth0_queue_write_combined", SOME),
            ("driver1_eth0_tx_bytes", SOME),
            ("driver1_eth0_tx_frames", SOME),
            ("driver1_eth0_tx_loopback_frames", SOME),
            ("driver1_filter_deletes", 1..=1),
            ("driver1_freelist_doorbells", SOME),
            ("driver1_freelist_filled", SOME),
            ("driver1_freelist_posted", SOME),
            ("driver1_ingress_cpls", SOME),
            ("driver1_ingress_entries", SOME),
            ("driver1_ingress_rx_bytes", SOME),
            ("driver1_ingress_rx_frames", SOME),
            ("driver1_l2t_writes", 1..=1),
            ("driver1_ofld0_doorbells", SOME),
            ("driver1_ofld0_units", SOME),
            ("driver1_ofld0_work_requests", SOME),
            ("stack_arp_requests", 1..=1),
            ("stack_rx_arp", 1..=1),
            ("stack_tx_frames", 2..=2),
        ],
    );
}
