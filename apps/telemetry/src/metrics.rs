//! A snapshot in Prometheus' text format.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::snapshot::Snapshot;

/// What a number does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes up.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// A number that Prometheus is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name behind `mafo_`, without the `_total` of a counter.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// Whose it is.
    pub labels: Vec<(&'static str, String)>,
    /// What it is.
    pub value: u64,
}

impl Metric {
    /// A number of the program as a whole.
    #[must_use]
    pub fn whole(kind: Kind, name: &str, value: u64) -> Self {
        Self { name: name.to_owned(), kind, labels: Vec::new(), value }
    }
}

/// All lines of a name.
struct Family {
    kind: Kind,
    lines: Vec<(String, u64)>,
}

/// A snapshot in Prometheus' text format: what ports count, and the numbers that are told beside that.
#[must_use]
pub fn text(snapshot: &Snapshot) -> String {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut add = |kind, name: &str, labels: &[(&str, String)], value| {
        let suffix = if kind == Kind::Counter { "_total" } else { "" };
        let name = plain(&format!("mafo_{name}{suffix}"));
        let lines = &mut families.entry(name).or_insert(Family { kind, lines: Vec::new() }).lines;
        let labels = labelled(labels);
        // A number may be among all and among those that every port has.
        if !lines.iter().any(|(known, _)| *known == labels) {
            lines.push((labels, value));
        }
    };
    for (n, port) in snapshot.ports.iter().enumerate() {
        let labels = [("port", n.to_string()), ("name", port.name.clone())];
        for (name, value) in port.stats.iter().chain(&port.xstats) {
            add(Kind::Counter, &format!("ethdev_{name}"), &labels, *value);
        }
        add(Kind::Gauge, "ethdev_link_up", &labels, port.link_up.unwrap_or_default().into());
    }
    for metric in &snapshot.metrics {
        add(metric.kind, &metric.name, &metric.labels, metric.value);
    }
    let mut out = String::new();
    for (name, Family { kind, lines }) in families {
        let kind = if kind == Kind::Counter { "counter" } else { "gauge" };
        let about = name.trim_start_matches("mafo_").trim_end_matches("_total");
        let _ = writeln!(
            out,
            "# HELP {name} {about}, as docs/telemetry.md says.\n# TYPE {name} {kind}"
        );
        for (labels, value) in lines {
            let _ = writeln!(out, "{name}{labels} {value}");
        }
    }
    out
}

/// A name of letters, digits and underscores.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

fn labelled(labels: &[(&str, String)]) -> String {
    let one = |(name, value): &(&str, String)| format!("{name}=\"{}\"", escaped(value));
    match labels {
        [] => String::new(),
        _ => format!("{{{}}}", labels.iter().map(one).collect::<Vec<_>>().join(",")),
    }
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::Port;

    /// The lines of `text` that are no comments.
    fn numbers(text: &str) -> Vec<&str> {
        text.lines().filter(|line| !line.starts_with('#')).collect()
    }

    #[test]
    fn numbers_of_a_name_stand_together() {
        let expected = [
            "mafo_ethdev_ipackets_total{port=\"0\",name=\"A0\"} 7",
            "mafo_ethdev_ipackets_total{port=\"1\",name=\"B0\"} 9",
            "mafo_ethdev_link_up{port=\"0\",name=\"A0\"} 1",
            "mafo_ethdev_link_up{port=\"1\",name=\"B0\"} 0",
            "mafo_ethdev_rx_good_packets_total{port=\"0\",name=\"A0\"} 7",
            "mafo_ethdev_rx_good_packets_total{port=\"1\",name=\"B0\"} 9",
            "mafo_failover_moved_total 5",
        ];
        assert_eq!(numbers(&text(&crate::snapshot::tests::example())), expected);
    }

    #[test]
    fn a_name_is_told_what_it_is_and_labels_are_escaped() {
        let counted = |n| vec![("ipackets".to_owned(), n)];
        let port = Port {
            name: "a\"\\\n".to_owned(),
            stats: counted(1),
            // The same number by the same name.
            xstats: counted(1),
            ..Port::default()
        };
        let text = text(&Snapshot { ports: vec![port], ..Snapshot::default() });
        let head = "# HELP mafo_ethdev_ipackets_total ethdev_ipackets, as docs/telemetry.md says.\n\
                    # TYPE mafo_ethdev_ipackets_total counter\n";
        assert!(text.starts_with(head), "{text}");
        let line = r#"mafo_ethdev_ipackets_total{port="0",name="a\"\\\n"} 1"#;
        let up = r#"mafo_ethdev_link_up{port="0",name="a\"\\\n"} 0"#;
        assert_eq!(numbers(&text), [line, up]);
        assert!(text.contains("# TYPE mafo_ethdev_link_up gauge\n"), "{text}");
    }
}
