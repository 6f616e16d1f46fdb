//! What is shown, in DPDK's words and columns where it has the same.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::device::PortStats;
use crate::engine::{Mode, TcpCounters};
use crate::session::{PortReport, Report, Session};
use crate::verbose::mac;

/// A speed in Mb/s as DPDK's users know it.
pub(crate) fn speed(mbps: u32) -> String {
    match mbps {
        0 => "Unknown".to_owned(),
        mbps if mbps.is_multiple_of(1000) => format!("{} Gbps", mbps / 1000),
        mbps => format!("{mbps} Mbps"),
    }
}

/// A line of `show port summary`.
pub(crate) fn summary_line(
    port: &str,
    address: &str,
    name: &str,
    driver: &str,
    status: &str,
    link: &str,
) -> String {
    format!("{port:<4} {address:<17} {name:<12.12} {driver:<14} {status:<8} {link}\n")
}

/// `show port info`, by label.
pub(crate) fn info_lines(
    session: &Session,
    number: usize,
) -> Result<Vec<(&'static str, String)>, String> {
    let (info, port) = (session.info(number)?, session.port(number)?);
    let record = &session.devices[port.device];
    let on = |on: bool, yes: &str, no: &str| if on { yes.to_owned() } else { no.to_owned() };
    let mut lines = vec![
        ("MAC address", mac(&info.mac)),
        ("Device name", port.name.clone()),
        ("Driver name", record.driver.to_owned()),
        ("Firmware-version", info.firmware.unwrap_or_else(|| "not available".to_owned())),
        ("Devargs", record.arguments.clone()),
        ("Link status", on(info.up, "up", "down")),
        ("Link speed", speed(info.speed)),
        ("Link duplex", "full-duplex".to_owned()),
        ("Autoneg status", on(info.autoneg, "On", "Off")),
        ("MTU", info.mtu.to_string()),
        ("Promiscuous mode", on(port.promiscuous, "enabled", "disabled")),
        ("Maximum number of MAC addresses", info.mac_entries.to_string()),
        ("Maximum configurable length of RX packet", session.packet_len_max().to_string()),
        ("Current number of RX queues", "1".to_owned()),
        ("Max possible RX queues", "1".to_owned()),
    ];
    if info.reta > 0 {
        lines.push(("Redirection table size", info.reta.to_string()));
        lines.push(("Current number of RXDs per queue", info.rxd.0.to_string()));
        lines.push(("Max possible number of RXDs per queue", info.rxd.1.to_string()));
    }
    lines.push(("Current number of TX queues", "1".to_owned()));
    lines.push(("Max possible TX queues", "1".to_owned()));
    if info.reta > 0 {
        lines.push(("Current number of TXDs per queue", info.txd.0.to_string()));
        lines.push(("Max possible number of TXDs per queue", info.txd.1.to_string()));
    }
    if let Some(fault) = info.fault {
        lines.push(("Device fault", fault));
    }
    Ok(lines)
}

/// `show port stats` of one port: counters, and rates of frames and bits in and out.
pub(crate) fn port_stats(port: usize, stats: &PortStats, rates: [u64; 4]) -> String {
    let (hashes, wide) = ("#".repeat(24), "#".repeat(76));
    let [rx_pps, rx_bps, tx_pps, tx_bps] = rates;
    let mut text = format!("\n  {hashes} NIC statistics for port {port:<2} {hashes}\n");
    let _ = writeln!(
        text,
        "  RX-packets: {:<10} RX-missed: {:<10} RX-bytes:  {}",
        stats.rx_packets, stats.rx_missed, stats.rx_bytes
    );
    let _ = writeln!(text, "  RX-errors: {}", stats.rx_errors);
    let _ = writeln!(text, "  RX-nombuf:  {:<10}", stats.rx_nombuf);
    let _ = writeln!(
        text,
        "  TX-packets: {:<10} TX-errors: {:<10} TX-bytes:  {}",
        stats.tx_packets, stats.tx_errors, stats.tx_bytes
    );
    let _ = writeln!(text, "\n  Throughput (since last show)");
    let _ = writeln!(text, "  Rx-pps: {rx_pps:>12}          Rx-bps: {rx_bps:>12}");
    let _ = writeln!(text, "  Tx-pps: {tx_pps:>12}          Tx-bps: {tx_bps:>12}");
    let _ = writeln!(text, "  {wide}");
    text
}

/// The statistics of `stop`.
pub(crate) fn forward_stats(report: &Report) -> String {
    let mut text = String::new();
    let (dashes, wide) = ("-".repeat(22), "-".repeat(76));
    for port in &report.ports {
        let _ =
            writeln!(text, "\n  {dashes} Forward statistics for port {:<2} {dashes}", port.port);
        text += &counters(&port.stats, port.tx_dropped, || {
            if report.mode == Mode::Csum {
                format!(
                    "  Bad-ipcsum: {:<14} Bad-l4csum: {:<14}\n",
                    port.bad_ip_checksum, port.bad_l4_checksum
                )
            } else {
                String::new()
            }
        });
        text += &port.tcp.map_or_else(String::new, |tcp| connections(&tcp));
        text += &bursts("RX", &port.rx_bursts);
        text += &bursts("TX", &port.tx_bursts);
        let _ = writeln!(text, "  {wide}");
    }
    let plus = "+".repeat(15);
    let sum = total(&report.ports);
    let dropped = report.ports.iter().map(|port| port.tx_dropped).sum();
    let _ = writeln!(text, "\n  {plus} Accumulated forward statistics for all ports{plus}");
    text += &counters(&sum, dropped, String::new);
    let _ = writeln!(text, "  {}", "+".repeat(76));
    if let Some((cycles, frames, mhz)) = report.cycles {
        let what = if matches!(report.mode, Mode::Txonly | Mode::Flowgen) { "tx" } else { "rx" };
        let each = if frames == 0 { 0.0 } else { cycles as f64 / frames as f64 };
        let _ = writeln!(
            text,
            "\n  CPU cycles/packet={each:.2} (total cycles={cycles} / total {what} packets={frames}) at {mhz} MHz Clock"
        );
    }
    if let Some(latency) = report.latency {
        let mean = latency.sum.checked_div(latency.count).unwrap_or(0);
        let _ = writeln!(
            text,
            "\n  Latency of bursts: min={} avg={mean} max={} jitter={:.0} ns ({} bursts)",
            latency.min.0, latency.max.0, latency.jitter, latency.count
        );
    }
    text
}

fn total(ports: &[PortReport]) -> PortStats {
    let sum = |each: fn(&PortStats) -> u64| ports.iter().map(|port| each(&port.stats)).sum();
    PortStats {
        rx_packets: sum(|s| s.rx_packets),
        rx_missed: sum(|s| s.rx_missed),
        tx_packets: sum(|s| s.tx_packets),
        ..PortStats::default()
    }
}

/// What became of the connections of a bond.
fn connections(tcp: &TcpCounters) -> String {
    format!(
        "  TCP-conns: {:<14} TCP-closed: {:<14} TCP-failed: {}\n  TCP-rx-bytes: {:<11} TCP-tx-bytes: {:<12} TCP-corrupt: {}\n",
        tcp.connections, tcp.closed, tcp.failed, tcp.rx_bytes, tcp.tx_bytes, tcp.corrupt
    )
}

fn counters(stats: &PortStats, dropped: u64, between: impl FnOnce() -> String) -> String {
    let line = |label: &str, passed: u64, dropped: u64| {
        format!(
            "  {label}-packets: {passed:<14} {label}-dropped: {dropped:<14}{label}-total: {}\n",
            passed + dropped
        )
    };
    line("RX", stats.rx_packets, stats.rx_missed)
        + &between()
        + &line("TX", stats.tx_packets, dropped)
}

/// Shares of empty bursts, of the two lengths that are most frequent, and of all others.
fn bursts(label: &str, counts: &[u64]) -> String {
    let Some((&empty, filled)) = counts.split_first() else { return String::new() };
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return String::new();
    }
    let share = |count: u64| count * 100 / total;
    let mut by_count: Vec<(u64, usize)> = filled
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(n, count)| (*count, n + 1))
        .collect();
    by_count.sort_unstable_by(|a, b| b.cmp(a));
    let mut text = format!("  {label}-bursts : {total} [{}% of 0 pkts", share(empty));
    let mut others = total - empty;
    for (count, len) in by_count.into_iter().take(2) {
        text += &format!(" + {}% of {len} pkts", share(count));
        others -= count;
    }
    if others > 0 {
        text += &format!(" + {}% of others", share(others));
    }
    text + "]\n"
}

/// Who forwards what: `show config fwd`, and the first lines of `start`.
pub(crate) fn forward_config(session: &Session) -> String {
    let assignments = session.assign();
    let streams: usize = assignments.iter().map(|a| a.streams.len()).sum();
    let mut text = format!(
        "{} packet forwarding - ports={} - cores={} - streams={streams}\n",
        session.forward.mode.name(),
        session.forwarding_ports().len(),
        assignments.iter().filter(|a| !a.streams.is_empty()).count(),
    );
    for assignment in assignments.iter().filter(|a| !a.streams.is_empty()) {
        let core = session.lcores[assignment.lcore].core;
        let count = assignment.streams.len();
        let _ =
            writeln!(text, "Logical Core {core} (socket 0) forwards packets on {count} streams:");
        for &(rx, tx) in &assignment.streams {
            if let Some(line) = tcp_stream(session, rx) {
                text += &line;
                continue;
            }
            let peer = session.port(tx).map(|port| mac(&port.peer)).unwrap_or_default();
            let _ = writeln!(
                text,
                "  RX P={rx}/Q=0 (socket 0) -> TX P={tx}/Q=0 (socket 0) peer={peer}"
            );
        }
    }
    let idle: Vec<String> = assignments
        .iter()
        .filter(|a| a.streams.is_empty())
        .map(|a| session.lcores[a.lcore].core.to_string())
        .collect();
    if !idle.is_empty() && streams > 0 {
        let _ = writeln!(
            text,
            "Logical Core {} has nothing to do: an adapter, and all that is forwarded to or from its ports, is one core's.",
            idle.join(", ")
        );
    }
    text + "\n"
}

/// What a bond does, if the port is one.
fn tcp_stream(session: &Session, port: usize) -> Option<String> {
    let (bond, mode) = (session.bond(port).ok()?, session.mode_of(port));
    let (own, tcp) = (bond.address.0, session.tcp_of(port, mode).ok()?);
    Some(match tcp.target.filter(|_| mode == Mode::Tcpgen) {
        Some(target) => format!(
            "  P={port} (socket 0) {} {own} -> {target}:{}, {} connections\n",
            mode.name(),
            tcp.port,
            tcp.connections
        ),
        None => format!("  P={port} (socket 0) {} at {own}:{}\n", mode.name(), tcp.port),
    })
}

/// The same for programs.
pub(crate) fn forward_json(session: &Session) -> Value {
    let cores: Vec<Value> = session
        .assign()
        .iter()
        .map(|assignment| {
            let streams: Vec<Value> = assignment
                .streams
                .iter()
                .map(|(rx, tx)| json!({ "rx_port": rx, "tx_port": tx }))
                .collect();
            json!({ "lcore": session.lcores[assignment.lcore].core, "streams": streams })
        })
        .collect();
    json!({ "mode": session.forward.mode.name(), "ports": session.forwarding_ports(), "cores": cores })
}

/// Queues: `show config rxtx`, and the last lines of `start`.
pub(crate) fn rxtx_config(session: &Session) -> String {
    let ports = session.forwarding_ports();
    let mut text = format!(
        "  {} packet forwarding packets/burst={}\n  nb forwarding cores={} - nb forwarding ports={}\n",
        session.forward.mode.name(),
        session.forward.burst,
        session.forward.nb_cores,
        ports.len(),
    );
    for number in ports {
        let Ok(info) = session.info(number) else { continue };
        let _ = writeln!(text, "  port {number}: RX queue number: 1 Tx queue number: 1");
        let _ = writeln!(text, "    RX queue: 0\n      RX desc={}", info.rxd.0);
        let _ = writeln!(text, "    TX queue: 0\n      TX desc={}", info.txd.0);
    }
    text
}

/// The same for programs.
pub(crate) fn rxtx_json(session: &Session) -> Value {
    let ports: Vec<Value> = session
        .forwarding_ports()
        .into_iter()
        .filter_map(|number| {
            let info = session.info(number).ok()?;
            Some(
                json!({ "port": number, "rxq": 1, "txq": 1, "rxd": info.rxd.0, "txd": info.txd.0 }),
            )
        })
        .collect();
    json!({
        "mode": session.forward.mode.name(),
        "burst": session.forward.burst,
        "nb_cores": session.forward.nb_cores,
        "ports": ports,
    })
}

/// The statistics of a run for programs.
pub(crate) fn report_json(report: &Report) -> Value {
    let ports: Vec<Value> = report
        .ports
        .iter()
        .map(|port| {
            let tcp = port.tcp.map(|tcp| {
                json!({
                    "connections": tcp.connections, "closed": tcp.closed, "failed": tcp.failed,
                    "rx_bytes": tcp.rx_bytes, "tx_bytes": tcp.tx_bytes, "corrupt": tcp.corrupt,
                })
            });
            json!({
                "port": port.port, "tcp": tcp,
                "rx_packets": port.stats.rx_packets, "rx_dropped": port.stats.rx_missed,
                "tx_packets": port.stats.tx_packets, "tx_dropped": port.tx_dropped,
                "bad_ip_checksum": port.bad_ip_checksum, "bad_l4_checksum": port.bad_l4_checksum,
            })
        })
        .collect();
    json!({ "mode": report.mode.name(), "ports": ports })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_bursts_are_of_all_of_them() {
        let mut counts = vec![0; 33];
        (counts[0], counts[32], counts[7], counts[3]) = (50, 30, 15, 5);
        assert_eq!(
            bursts("RX", &counts),
            "  RX-bursts : 100 [50% of 0 pkts + 30% of 32 pkts + 15% of 7 pkts + 5% of others]\n"
        );
        assert_eq!(bursts("RX", &[]), "");
        assert_eq!(bursts("TX", &[0; 33]), "");
    }

    #[test]
    fn speeds_are_rounded_to_nothing() {
        assert_eq!([speed(0), speed(10_000), speed(100)], ["Unknown", "10 Gbps", "100 Mbps"]);
    }
}
