//! What an lcore has to say of itself, and the answers that are made of it.

use crate::json::Json;

/// What an lcore has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its ports; a number is one's place.
    pub ports: Vec<Port>,
    /// What else there is.
    pub sections: Vec<Section>,
}

/// A port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Whether its link is up.
    pub link_up: bool,
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
    /// One for each of its keys: without a parameter the command lists them.
    Rows(Vec<(String, Json)>),
}

/// Commands that there always are.
const COMMANDS: [(&str, &str); 7] = [
    ("/", "Lists all commands. Parameters: none"),
    ("/ethdev/info", "Tells what a port is. Parameters: its number"),
    ("/ethdev/list", "Lists the ports. Parameters: none"),
    ("/ethdev/stats", "Tells what every port counts. Parameters: its number"),
    ("/ethdev/xstats", "Tells all that a port counts. Parameters: its number"),
    ("/help", "Tells what a command does. Parameters: its name"),
    ("/info", "Tells version, process and longest answer. Parameters: none"),
];

impl Snapshot {
    /// Takes in what another lcore says.
    pub(crate) fn merge(&mut self, other: Self) {
        self.ports.extend(other.ports);
        for section in other.sections {
            match self.sections.iter_mut().find(|known| known.name == section.name) {
                Some(Section { content: Content::Rows(rows), .. }) => {
                    if let Content::Rows(more) = section.content {
                        rows.extend(more);
                    }
                }
                // What is of the whole program each of them says.
                Some(Section { content: Content::Whole(_), .. }) => {}
                None => self.sections.push(section),
            }
        }
    }

    /// All commands in order, and what they do.
    fn commands(&self) -> Vec<(&'static str, &'static str)> {
        let own = self.sections.iter().map(|section| (section.name, section.help));
        let mut all: Vec<_> = COMMANDS.into_iter().chain(own).collect();
        all.sort_unstable();
        all
    }

    /// The answer to a command with its parameters behind a comma, by the name of the command; null where there is none.
    pub(crate) fn answer(&self, line: &str, info: &Json) -> Json {
        let (command, parameter) = line.split_once(',').unwrap_or((line, ""));
        Json::one(command, self.value(command, parameter.trim(), info).unwrap_or(Json::Null))
    }

    fn value(&self, command: &str, parameter: &str, info: &Json) -> Option<Json> {
        let numbers = |all: &[(String, u64)]| {
            Json::numbers(all.iter().map(|(name, value)| (name.as_str(), *value)))
        };
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
            "/ethdev/info" => {
                let port = self.port(parameter)?;
                Json::Object(vec![
                    ("name".to_owned(), Json::from(port.name.as_str())),
                    ("link_up".to_owned(), Json::Bool(port.link_up)),
                ])
            }
            _ => {
                let section = self.sections.iter().find(|section| section.name == command)?;
                match &section.content {
                    Content::Whole(value) => value.clone(),
                    Content::Rows(rows) if parameter.is_empty() => {
                        Json::List(rows.iter().map(|(key, _)| Json::from(key.as_str())).collect())
                    }
                    Content::Rows(rows) => {
                        rows.iter().find(|(key, _)| key == parameter).map(|(_, row)| row.clone())?
                    }
                }
            }
        })
    }

    fn port(&self, number: &str) -> Option<&Port> {
        self.ports.get(number.parse::<usize>().ok()?)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Two ports, a table of two connections, and one value.
    pub(crate) fn example() -> Snapshot {
        let counted = |n: u64| vec![("ipackets".to_owned(), n), ("opackets".to_owned(), n + 1)];
        let port = |name: &str, n| Port {
            name: name.to_owned(),
            link_up: n == 7,
            stats: counted(n),
            xstats: vec![("rx_good-packets".to_owned(), n)],
        };
        let row = |key: &str| (key.to_owned(), Json::one("path", Json::from("host")));
        Snapshot {
            ports: vec![port("A0", 7), port("B0", 9)],
            sections: vec![
                Section {
                    name: "/mafo/connections",
                    help: "Tells of a connection. Parameters: its key",
                    content: Content::Rows(vec![row("3"), row("8")]),
                },
                Section {
                    name: "/mafo/failover",
                    help: "Tells of the bond. Parameters: none",
                    content: Content::Whole(Json::numbers([("moved", 5)])),
                },
            ],
        }
    }

    #[test]
    fn commands_have_answers() {
        let (snapshot, info) = (example(), Json::numbers([("pid", 1)]));
        for (line, answer) in [
            (
                "/",
                r#"{"/":["/","/ethdev/info","/ethdev/list","/ethdev/stats","/ethdev/xstats","/help","/info","/mafo/connections","/mafo/failover"]}"#,
            ),
            ("/info", r#"{"/info":{"pid":1}}"#),
            (
                "/help,/mafo/failover",
                r#"{"/help":{"/mafo/failover":"Tells of the bond. Parameters: none"}}"#,
            ),
            ("/help,/nothing", r#"{"/help":null}"#),
            ("/ethdev/list", r#"{"/ethdev/list":[0,1]}"#),
            ("/ethdev/stats,1", r#"{"/ethdev/stats":{"ipackets":9,"opackets":10}}"#),
            ("/ethdev/xstats,0", r#"{"/ethdev/xstats":{"rx_good-packets":7}}"#),
            ("/ethdev/info,1", r#"{"/ethdev/info":{"name":"B0","link_up":false}}"#),
            ("/ethdev/stats,2", r#"{"/ethdev/stats":null}"#),
            ("/ethdev/stats", r#"{"/ethdev/stats":null}"#),
            ("/mafo/connections", r#"{"/mafo/connections":["3","8"]}"#),
            ("/mafo/connections,8", r#"{"/mafo/connections":{"path":"host"}}"#),
            ("/mafo/connections,9", r#"{"/mafo/connections":null}"#),
            ("/mafo/failover", r#"{"/mafo/failover":{"moved":5}}"#),
            ("/nothing", r#"{"/nothing":null}"#),
        ] {
            assert_eq!(snapshot.answer(line, &info).to_string(), answer, "{line}");
        }
    }

    #[test]
    fn lcores_are_put_together() {
        let mut all = example();
        all.merge(example());
        assert_eq!(all.ports.len(), 4);
        let answer = |line: &str| all.answer(line, &Json::Null).to_string();
        assert_eq!(answer("/mafo/connections"), r#"{"/mafo/connections":["3","8","3","8"]}"#);
        assert_eq!(answer("/mafo/failover"), r#"{"/mafo/failover":{"moved":5}}"#);
    }
}
