//! What lcores have said, in words: by the threads that answer.

use std::sync::{Arc, OnceLock};

use mafo::{LinkId, Nanos, Ran};
use mafo_telemetry::{
    Collector, Content, Json, Kind, Metric, Port, Scope, Section, Snapshot, Source,
};

use super::lcore::Names;
use super::portrait;
use super::reason::reason;
use super::told::{PortTold, Told};

/// A link as programs name it: `A0`.
pub(super) fn link_name(link: LinkId) -> String {
    format!("{}{}", member_name(link.member.index()), link.port.0)
}

fn member_name(n: usize) -> char {
    char::from(b'A' + n as u8)
}

/// Asks the lcores, and puts together what they say.
#[derive(Debug)]
pub(super) struct Words {
    collector: Collector<Told>,
    /// What the numbers of each lcore are called, once it is up.
    names: Vec<Arc<OnceLock<Names>>>,
}

impl Words {
    pub(super) fn new(collector: Collector<Told>, names: Vec<Arc<OnceLock<Names>>>) -> Self {
        Self { collector, names }
    }
}

impl Source for Words {
    fn snapshot(&mut self, scope: Scope) -> Snapshot {
        let names: Vec<Option<&Names>> = self.names.iter().map(|names| names.get()).collect();
        let all = self.collector.collect(scope);
        let lcores: Vec<(&Told, &Names)> =
            all.into_iter().zip(names).filter_map(|(told, names)| Some((told, names?))).collect();
        snapshot(&lcores)
    }
}

/// What lcores have said, with the names of their numbers.
pub(super) fn snapshot(lcores: &[(&Told, &Names)]) -> Snapshot {
    let mut all = Snapshot::default();
    for (told, names) in lcores {
        let mut counted = told.port_stats.iter();
        for (port, names) in told.ports.iter().zip(&names.ports) {
            let values: Vec<u64> = counted.by_ref().take(names.len()).copied().collect();
            all.add_port(port_of(port, names.iter().cloned().zip(values).collect(), told, names));
        }
    }
    add_plain_ports(&mut all, lcores);
    let stats = sums(lcores);
    all.metrics = metrics(lcores, &stats);
    all.sections = sections(lcores, &stats);
    all
}

/// A port of an adapter, by what its MAC counts.
fn port_of(port: &PortTold, xstats: Vec<(String, u64)>, told: &Told, names: &[String]) -> Port {
    let view = &port.view;
    let mac = view.mac.map(|byte| format!("{byte:02X}")).join(":");
    let mut info = vec![
        ("mac_addr".to_owned(), Json::Text(mac)),
        ("active".to_owned(), Json::Bool(told.bond.active == Some(port.link))),
        ("up_in_bond".to_owned(), Json::Bool(port.counts_as_up)),
    ];
    info.extend(view.mtu.map(|mtu| ("mtu".to_owned(), Json::Number(mtu.into()))));
    Port {
        name: link_name(port.link),
        link_up: view.link_up,
        speed: Some(u64::from(view.speed)).filter(|&speed| speed > 0),
        info,
        stats: if names.is_empty() { Vec::new() } else { eth_stats(&xstats) },
        xstats,
    }
}

/// `rte_eth_stats`, of what a MAC counts.
fn eth_stats(xstats: &[(String, u64)]) -> Vec<(String, u64)> {
    let sum = |names: &[&str]| -> u64 {
        let known = xstats.iter().filter(|(name, _)| names.contains(&name.as_str()));
        known.map(|(_, value)| value).sum()
    };
    let errors = [
        "rx_port_mtu_error",
        "rx_port_mtu_crc_error",
        "rx_port_crc_error",
        "rx_port_len_error",
        "rx_port_sym_error",
        "rx_port_less_64b",
    ];
    let stat = |name: &str, of: &[&str]| (name.to_owned(), sum(of));
    vec![
        stat("ipackets", &["rx_port_frames"]),
        stat("opackets", &["tx_port_frames"]),
        stat("ibytes", &["rx_port_bytes"]),
        stat("obytes", &["tx_port_bytes"]),
        stat("imissed", &["rx_bg_0_mac_drop_frame", "rx_bg_0_mac_trunc_frame"]),
        stat("ierrors", &errors),
        stat("oerrors", &["tx_port_error", "tx_port_drop"]),
    ]
}

/// Numbers of ports that are no adapters': the host counts what they carry.
fn add_plain_ports(all: &mut Snapshot, lcores: &[(&Told, &Names)]) {
    for (told, names) in lcores {
        for port in &told.ports {
            let prefix = format!("port{}_", port.link.member.index());
            let of_it = names.stats.iter().zip(&told.stats);
            let xstats: Vec<(String, u64)> = of_it
                .filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?.to_owned(), *value)))
                .collect();
            if xstats.is_empty() {
                continue;
            }
            let value = |name: &str| {
                xstats.iter().find(|(known, _)| known == name).map_or(0, |(_, value)| *value)
            };
            let stats = [
                ("ipackets", value("rx_frames")),
                ("opackets", value("tx_frames")),
                ("oerrors", value("tx_dropped")),
            ];
            let stats = stats.map(|(name, value)| (name.to_owned(), value)).to_vec();
            all.add_port(Port { name: link_name(port.link), stats, xstats, ..Port::default() });
        }
    }
}

/// All statistics, those of several lcores by the same name together.
fn sums(lcores: &[(&Told, &Names)]) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for (told, names) in lcores {
        for (name, value) in names.stats.iter().zip(&told.stats) {
            let place = *places.entry(name.as_str()).or_insert(all.len());
            match all.get_mut(place) {
                Some((_, sum)) => *sum += value,
                None => all.push((name.clone(), *value)),
            }
        }
    }
    all
}

fn metrics(lcores: &[(&Told, &Names)], stats: &[(String, u64)]) -> Vec<Metric> {
    let mut all: Vec<Metric> =
        stats.iter().map(|(name, value)| Metric::whole(Kind::Counter, name, *value)).collect();
    for (n, (told, _)) in lcores.iter().enumerate() {
        let labels = [("lcore", n.to_string())];
        let mut add = |kind, name: &str, value, more: Option<(&'static str, String)>| {
            let labels = labels.iter().cloned().chain(more).collect();
            all.push(Metric { name: name.to_owned(), kind, labels, value });
        };
        add(Kind::Counter, "lcore_turns", told.lcore.turns, None);
        add(Kind::Counter, "lcore_busy_turns", told.lcore.busy, None);
        add(Kind::Gauge, "lcore_sockets", told.lcore.sockets as u64, None);
        add(Kind::Gauge, "failover_moving", told.bond.is_moving.into(), None);
        add(Kind::Gauge, "failover_sheltered", told.bond.sheltered as u64, None);
        for port in &told.ports {
            let link = Some(("link", link_name(port.link)));
            let is_active = told.bond.active == Some(port.link);
            add(Kind::Gauge, "failover_active", is_active.into(), link);
        }
        for n in 0..told.bond.members {
            let member = || Some(("adapter", member_name(n).to_string()));
            add(Kind::Gauge, "failover_dead", told.bond.is_dead[n].into(), member());
            add(Kind::Gauge, "failover_offloaded", told.bond.offloaded[n] as u64, member());
        }
    }
    all
}

fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(members.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

fn number(value: usize) -> Json {
    Json::Number(value as u64)
}

fn sections(lcores: &[(&Told, &Names)], stats: &[(String, u64)]) -> Vec<Section> {
    let section = |name, help, content| Section { name, help, content };
    let numbers = stats.iter().map(|(name, value)| (name.as_str(), *value));
    vec![
        section(
            "/mafo/xstats",
            "Tells all that is counted, of all lcores together. Parameters: none",
            Content::Whole(Json::numbers(numbers)),
        ),
        section(
            "/mafo/lcores",
            "Tells how lcores spend their turns. Parameters: none",
            Content::Whole(Json::List(lcores.iter().enumerate().map(lcore).collect())),
        ),
        section(
            "/mafo/failover",
            "Tells how the bond stands. Parameters: none",
            Content::Whole(failover(lcores, stats)),
        ),
        section(
            "/mafo/connections",
            "Lists connections, 512 at a time. Parameters: from which on, counted from 0",
            Content::List(connections(lcores, |key, _, portrait| {
                object([
                    ("id", Json::Text(key)),
                    ("local", Json::Text(portrait.tuple.local.to_string())),
                    ("remote", Json::Text(portrait.tuple.remote.to_string())),
                    ("state", Json::from(portrait::state(portrait))),
                    ("runs", Json::Text(portrait::runs(portrait))),
                ])
            })),
        ),
        section(
            "/mafo/connection",
            "Tells of a connection what ss -ti would. Parameters: its id, as /mafo/connections has it",
            Content::Rows(connections(lcores, |key, told, portrait| {
                (key, portrait::json(portrait, told.at))
            })),
        ),
        section(
            "/mafo/closed",
            "Lists the connections that were over last, the last one first, and why; 512 at a time. Parameters: from which on, \
             counted from 0",
            Content::List(closed(lcores)),
        ),
    ]
}

/// What `of` makes of each connection.
fn connections<T>(
    lcores: &[(&Told, &Names)],
    of: impl Fn(String, &Told, &mafo::Portrait) -> T,
) -> Vec<T> {
    let mut all = Vec::new();
    for (n, (told, _)) in lcores.iter().enumerate() {
        for portrait in &told.portraits {
            all.push(of(format!("{n}:{}", portrait.id), told, portrait));
        }
    }
    all
}

fn lcore((n, (told, _)): (usize, &(&Told, &Names))) -> Json {
    object([
        ("lcore", number(n)),
        ("turns", Json::Number(told.lcore.turns)),
        ("busy_turns", Json::Number(told.lcore.busy)),
        ("sockets", number(told.lcore.sockets)),
        ("closed", Json::Number(told.closed_total)),
        ("uptime_ms", Json::Number(told.at.as_millis())),
    ])
}

fn failover(lcores: &[(&Told, &Names)], stats: &[(String, u64)]) -> Json {
    let link = |link: Option<LinkId>| link.map_or(Json::Null, |link| Json::Text(link_name(link)));
    let each = lcores.iter().enumerate().map(|(n, (told, _))| {
        object([
            ("lcore", number(n)),
            ("up", Json::Bool(told.bond.is_up)),
            ("active", link(told.bond.active)),
            ("moving", Json::Bool(told.bond.is_moving)),
            ("sheltered", number(told.bond.sheltered)),
        ])
    });
    let first = lcores.first().map(|(told, _)| *told);
    let links = first.into_iter().flat_map(|told| &told.ports).map(|port| {
        object([
            ("name", Json::Text(link_name(port.link))),
            ("up", Json::Bool(port.counts_as_up)),
            ("carrier", port.view.link_up.map_or(Json::Null, Json::Bool)),
        ])
    });
    let adapters = (0..first.map_or(0, |told| told.bond.members)).map(|n| {
        let offloaded = lcores.iter().map(|(told, _)| told.bond.offloaded[n]).sum();
        object([
            ("name", Json::Text(member_name(n).to_string())),
            ("dead", Json::Bool(first.is_some_and(|told| told.bond.is_dead[n]))),
            ("connections", number(offloaded)),
        ])
    });
    let counters =
        stats.iter().filter_map(|(name, value)| Some((name.strip_prefix("bond_")?, *value)));
    object([
        ("lcores", Json::List(each.collect())),
        ("links", Json::List(links.collect())),
        ("adapters", Json::List(adapters.collect())),
        ("counters", Json::numbers(counters)),
    ])
}

fn closed(lcores: &[(&Told, &Names)]) -> Vec<Json> {
    let now = lcores.iter().map(|(told, _)| told.at).max().unwrap_or(Nanos::ZERO);
    let each = lcores
        .iter()
        .enumerate()
        .flat_map(|(n, (told, _))| told.closed.iter().map(move |closed| (n, closed)));
    let mut all: Vec<_> = each.collect();
    all.sort_by_key(|(_, closed)| std::cmp::Reverse(closed.at));
    all.into_iter()
        .map(|(n, closed)| {
            let ran = match closed.ran {
                Ran::Nowhere => "nowhere",
                Ran::OnAdapter => "adapter",
                Ran::OnHost => "host",
            };
            object([
                ("id", Json::Text(format!("{n}:{}", closed.id))),
                ("local", Json::Text(closed.tuple.local.to_string())),
                ("remote", Json::Text(closed.tuple.remote.to_string())),
                ("reason", Json::Text(reason(closed))),
                ("ran", Json::from(ran)),
                ("bytes_acked", Json::Number(closed.bytes_acked)),
                ("bytes_received", Json::Number(closed.bytes_received)),
                ("ago_ms", Json::Number((now - closed.at).as_millis())),
            ])
        })
        .collect()
}
