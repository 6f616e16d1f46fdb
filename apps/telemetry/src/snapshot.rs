//! What a program has to say of itself, and the answers that are made of it.

use crate::json::Json;
use crate::metrics::Metric;
use crate::slot::Scope;

/// What a program has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its ports; a number is one's place.
    pub ports: Vec<Port>,
    /// What else there is.
    pub sections: Vec<Section>,
    /// What Prometheus is told beside what ports count.
    pub metrics: Vec<Metric>,
}

/// A port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Whether its link is up, as far as that is known.
    pub link_up: Option<bool>,
    /// Mb/s, of one that has a speed of its own.
    pub speed: Option<u64>,
    /// What there is to say of it beside that.
    pub info: Vec<(String, Json)>,
    /// What every port counts, by the names of DPDK's `rte_eth_stats`.
    pub stats: Vec<(String, u64)>,
    /// All that it counts.
    pub xstats: Vec<(String, u64)>,
}

/// A command of the program's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Its name, such as `/mafo/connections`.
    pub name: &'static str,
    /// What it tells.
    pub help: &'static str,
    /// What there is.
    pub content: Content,
}

/// What a command tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// One value.
    Whole(Json),
    /// Values in their order, so many at a time: with a parameter only from there on.
    List(Vec<Json>),
    /// One for each of its keys: without a parameter the command lists them.
    Rows(Vec<(String, Json)>),
}

/// Values of a list in an answer.
const LIST_MAX: usize = 512;

/// Commands that there always are.
const COMMANDS: [(&str, &str); 8] = [
    ("/", "Lists all commands. Parameters: none"),
    ("/ethdev/info", "Tells what a port is. Parameters: its number"),
    ("/ethdev/link_status", "Tells of a port's link. Parameters: its number"),
    ("/ethdev/list", "Lists the ports. Parameters: none"),
    ("/ethdev/stats", "Tells what every port counts. Parameters: its number"),
    ("/ethdev/xstats", "Tells all that a port counts. Parameters: its number"),
    ("/help", "Tells what a command does. Parameters: its name"),
    ("/info", "Tells version, process and longest answer. Parameters: none"),
];

/// How much has to be known for an answer: what is the program's own may be about its connections.
pub(crate) fn scope_of(line: &str) -> Scope {
    let command = line.split(',').next().unwrap_or(line);
    let is_known = COMMANDS.iter().any(|(name, _)| *name == command);
    if is_known { Scope::Counters } else { Scope::All }
}

fn numbers(all: &[(String, u64)]) -> Json {
    Json::numbers(all.iter().map(|(name, value)| (name.as_str(), *value)))
}

/// Adds numbers to those of the same names.
fn add(to: &mut Vec<(String, u64)>, more: Vec<(String, u64)>) {
    for (name, value) in more {
        match to.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += value,
            None => to.push((name, value)),
        }
    }
}

impl Port {
    fn link_status(&self) -> Json {
        match (self.link_up, self.speed) {
            (Some(true), Some(speed)) => Json::Object(vec![
                ("status".to_owned(), Json::from("UP")),
                ("speed".to_owned(), Json::Number(speed)),
                ("duplex".to_owned(), Json::from("full-duplex")),
            ]),
            (Some(true), None) => Json::one("status", Json::from("UP")),
            (Some(false), _) => Json::one("status", Json::from("DOWN")),
            (None, _) => Json::Null,
        }
    }

    fn info(&self) -> Json {
        let name = [("name".to_owned(), Json::from(self.name.as_str()))];
        Json::Object(name.into_iter().chain(self.info.iter().cloned()).collect())
    }
}

impl Snapshot {
    /// Adds a port, or what another lcore says of one that is there: it counted the rest. Up is a link that all know as up.
    pub fn add_port(&mut self, port: Port) {
        let Some(known) = self.ports.iter_mut().find(|known| known.name == port.name) else {
            return self.ports.push(port);
        };
        known.link_up = match (known.link_up, port.link_up) {
            (Some(first), Some(second)) => Some(first && second),
            (first, second) => first.or(second),
        };
        known.speed = known.speed.or(port.speed);
        add(&mut known.stats, port.stats);
        add(&mut known.xstats, port.xstats);
    }

    /// All commands in order, and what they do.
    fn commands(&self) -> Vec<(&'static str, &'static str)> {
        let own = self.sections.iter().map(|section| (section.name, section.help));
        let mut all: Vec<_> = COMMANDS.into_iter().chain(own).collect();
        all.sort_unstable();
        all
    }

    /// The answer to a command with its parameters behind a comma, by the name of the command; null where there is none.
    #[must_use]
    pub fn answer(&self, line: &str, info: &Json) -> Json {
        let (command, parameter) = line.split_once(',').unwrap_or((line, ""));
        Json::one(command, self.value(command, parameter.trim(), info).unwrap_or(Json::Null))
    }

    fn value(&self, command: &str, parameter: &str, info: &Json) -> Option<Json> {
        Some(match command {
            "/" => Json::List(self.commands().iter().map(|(name, _)| Json::from(*name)).collect()),
            "/help" => {
                let wanted = if parameter.is_empty() { "/help" } else { parameter };
                let (name, help) = self.commands().into_iter().find(|(name, _)| *name == wanted)?;
                Json::one(name, Json::from(help))
            }
            "/info" => info.clone(),
            "/ethdev/list" => Json::List((0..self.ports.len() as u64).map(Json::Number).collect()),
            "/ethdev/stats" => numbers(&self.port(parameter)?.stats),
            "/ethdev/xstats" => numbers(&self.port(parameter)?.xstats),
            "/ethdev/info" => self.port(parameter)?.info(),
            "/ethdev/link_status" => self.port(parameter)?.link_status(),
            _ => {
                let section = self.sections.iter().find(|section| section.name == command)?;
                section.content.of(parameter)?
            }
        })
    }

    fn port(&self, number: &str) -> Option<&Port> {
        self.ports.get(number.parse::<usize>().ok()?)
    }
}

impl Content {
    fn of(&self, parameter: &str) -> Option<Json> {
        Some(match self {
            Self::Whole(value) => value.clone(),
            Self::List(list) => {
                let from = if parameter.is_empty() { 0 } else { parameter.parse().ok()? };
                Json::List(list.iter().skip(from).take(LIST_MAX).cloned().collect())
            }
            Self::Rows(rows) if parameter.is_empty() => {
                Json::List(rows.iter().map(|(key, _)| Json::from(key.as_str())).collect())
            }
            Self::Rows(rows) => {
                rows.iter().find(|(key, _)| key == parameter).map(|(_, row)| row.clone())?
            }
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::metrics::Kind;

    /// Two ports, a table of two connections, a list, and one value.
    pub(crate) fn example() -> Snapshot {
        let port = |name: &str, n| Port {
            name: name.to_owned(),
            link_up: Some(n == 7),
            speed: (n == 7).then_some(10_000),
            info: vec![("mtu".to_owned(), Json::Number(1500))],
            stats: vec![("ipackets".to_owned(), n)],
            xstats: vec![("rx_good-packets".to_owned(), n)],
        };
        let row = |key: &str| (key.to_owned(), Json::one("path", Json::from("host")));
        let section = |name, help, content| Section { name, help, content };
        let rows = Content::Rows(vec![row("3"), row("8")]);
        let list = Content::List(vec![Json::from("a"), Json::from("b")]);
        let moved = Content::Whole(Json::numbers([("moved", 5)]));
        Snapshot {
            ports: vec![port("A0", 7), port("B0", 9)],
            sections: vec![
                section("/mafo/connection", "Tells of a connection. Parameters: its key", rows),
                section("/mafo/closed", "Lists the last. Parameters: from which on", list),
                section("/mafo/failover", "Tells of the bond. Parameters: none", moved),
            ],
            metrics: vec![Metric::whole(Kind::Counter, "failover_moved", 5)],
        }
    }

    #[test]
    fn commands_have_answers() {
        let (snapshot, info) = (example(), Json::numbers([("pid", 1)]));
        let own = "/mafo/closed /mafo/connection /mafo/failover";
        let known = COMMANDS.iter().map(|(name, _)| *name).chain(own.split(' '));
        let all = known.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(",");
        for (line, answer) in [
            ("/", format!("[{all}]").as_str()),
            ("/info", r#"{"pid":1}"#),
            ("/help,/mafo/failover", r#"{"/mafo/failover":"Tells of the bond. Parameters: none"}"#),
            ("/help,/nothing", "null"),
            ("/ethdev/list", "[0,1]"),
            ("/ethdev/stats,1", r#"{"ipackets":9}"#),
            ("/ethdev/xstats,0", r#"{"rx_good-packets":7}"#),
            ("/ethdev/info,1", r#"{"name":"B0","mtu":1500}"#),
            ("/ethdev/link_status,0", r#"{"status":"UP","speed":10000,"duplex":"full-duplex"}"#),
            ("/ethdev/link_status,1", r#"{"status":"DOWN"}"#),
            ("/ethdev/stats,2", "null"),
            ("/ethdev/stats", "null"),
            ("/mafo/connection", r#"["3","8"]"#),
            ("/mafo/connection,8", r#"{"path":"host"}"#),
            ("/mafo/connection,9", "null"),
            ("/mafo/closed", r#"["a","b"]"#),
            ("/mafo/closed,1", r#"["b"]"#),
            ("/mafo/closed,2", "[]"),
            ("/mafo/closed,x", "null"),
            ("/mafo/failover", r#"{"moved":5}"#),
            ("/nothing", "null"),
        ] {
            let whole = format!("{{\"{}\":{answer}}}", line.split(',').next().unwrap_or(line));
            assert_eq!(snapshot.answer(line, &info).to_string(), whole, "{line}");
        }
    }

    #[test]
    fn a_list_is_told_in_pieces() {
        let content = Content::List((0..LIST_MAX as u64 + 3).map(Json::Number).collect());
        let len = |parameter| match content.of(parameter) {
            Some(Json::List(list)) => list.len(),
            other => panic!("{other:?}"),
        };
        assert_eq!([len(""), len("2"), len("512")], [LIST_MAX, LIST_MAX, 3]);
    }

    /// Lcores that share a port each tell of their part of it.
    #[test]
    fn a_port_is_listed_once() {
        let mut all = example();
        for (name, up) in [("A0", Some(false)), ("B0", None), ("C0", None)] {
            let stats = vec![("ipackets".to_owned(), 1), ("opackets".to_owned(), 2)];
            all.add_port(Port { name: name.to_owned(), link_up: up, stats, ..Port::default() });
        }
        let answer = |line: &str| all.answer(line, &Json::Null).to_string();
        assert_eq!(answer("/ethdev/list"), r#"{"/ethdev/list":[0,1,2]}"#);
        assert_eq!(answer("/ethdev/stats,0"), r#"{"/ethdev/stats":{"ipackets":8,"opackets":2}}"#);
        let links = [Some(false), Some(false), None];
        assert_eq!(all.ports.iter().map(|port| port.link_up).collect::<Vec<_>>(), links);
    }

    #[test]
    fn connections_are_looked_at_for_what_may_be_about_them() {
        for line in ["/", "/help,/mafo/closed", "/info", "/ethdev/stats,0"] {
            assert_eq!(scope_of(line), Scope::Counters, "{line}");
        }
        assert_eq!(scope_of("/mafo/connection,3"), Scope::All);
    }
}
