//! Driver, stack and software ASIC together, under a clock of the test's own.

mod failover;
mod hosts;

use hosts::Net;

#[test]
fn two_hosts_come_up_and_their_links_with_them() {
    let net = Net::up(1);
    for host in &net.hosts {
        assert!(host.bond().expect("bond").active().is_some());
    }
}

#[test]
fn an_offloaded_connection_carries_bytes_both_ways() {
    let mut net = Net::up(1);
    for ends in net.open(2) {
        net.transfer(ends, 300_000);
    }
}
