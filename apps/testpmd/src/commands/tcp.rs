//! Connections: of engines that end TCP, and where they live.

use mafo::PathChoice;
use serde_json::json;

use super::{Arguments, Command, Outcome, shown};
use crate::session::Session;

/// Connections that are shown of a bond.
const SHOWN: usize = 64;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "set tcp target ADDRESS",
        help: "Whom tcpgen talks to; without it the one other bond of this program.",
        run: |session, arguments| {
            let word = arguments.word(0);
            let address = word.parse().map_err(|_| format!("'{word}' is no IPv4 address"))?;
            session.forward.tcp.target = Some(address);
            Ok(String::new().into())
        },
    },
    Command {
        words: "set tcp port N",
        help: "Where tcpecho and tcpsink listen, and tcpgen connects to.",
        run: |session, arguments| {
            session.forward.tcp.port = arguments.number(0, 1, 65_535)? as u16;
            Ok(String::new().into())
        },
    },
    Command {
        words: "set tcp conns N",
        help: "Connections that tcpgen opens.",
        run: |session, arguments| {
            let most = u64::from(session.forward.connections_max);
            let count = arguments.number(0, 1, most);
            session.forward.tcp.connections =
                count.map_err(|e| format!("{e}: more by --max-conns"))? as u32;
            Ok(String::new().into())
        },
    },
    Command {
        words: "set tcp outstanding N",
        help: "Bytes of a connection of tcpgen that are on the way there and back, at most; 0 for as many as fit.",
        run: |session, arguments| {
            session.forward.tcp.outstanding = arguments.number(0, 0, 1 << 30)?;
            Ok(String::new().into())
        },
    },
    Command {
        words: "set tcp path offload|host",
        help: "Where TCP runs: in the adapter, or here.",
        run: |session, arguments| {
            session.forward.tcp.path = match arguments.word(0) {
                "host" => PathChoice::Host,
                _ => PathChoice::Offload,
            };
            Ok(String::new().into())
        },
    },
    Command { words: "show config tcp", help: "What was set of them.", run: config },
    Command {
        words: "show conn PORT|all",
        help: "Connections of bonds: their ends, where they live, what waits.",
        run: connections,
    },
    Command {
        words: "show offload PORT|all",
        help: "What connections hold on the adapters of bonds.",
        run: offload,
    },
];

fn path_name(path: PathChoice) -> &'static str {
    match path {
        PathChoice::Offload => "offload",
        PathChoice::Host => "host",
    }
}

fn config(session: &mut Session, _: &Arguments<'_>) -> Outcome {
    let tcp = session.forward.tcp;
    let target =
        tcp.target.map_or_else(|| "the other bond".to_owned(), |target| target.to_string());
    shown(
        format!(
            "TCP: target={target} port={} conns={} outstanding={} path={}\n",
            tcp.port,
            tcp.connections,
            tcp.outstanding,
            path_name(tcp.path)
        ),
        json!({
            "target": tcp.target.map(|target| target.to_string()), "port": tcp.port, "conns": tcp.connections,
            "outstanding": tcp.outstanding, "path": path_name(tcp.path),
        }),
    )
}

fn connections(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let wants_all = arguments.wants_json;
    let (mut text, mut list) = (String::new(), Vec::new());
    for number in session.select_up_bonds(&arguments.which(0)?)? {
        let most = if wants_all { usize::MAX } else { SHOWN };
        let (connections, total) = session.with_bond(number, move |bond| bond.connections(most))?;
        let bond = session.bond(number)?;
        text += &format!("{total} connections of port {number}\n");
        if total > 0 {
            text += &format!(
                "{:<22} {:<22} {:<12} {:<18} {:>8} {:>8}\n",
                "Local", "Remote", "State", "Lives", "Unacked", "Unread"
            );
        }
        for connection in &connections {
            let port = connection.home.and_then(|link| bond.port_of(link));
            let lives = match (port, connection.tid) {
                (Some(port), Some(tid)) => format!("port {port} tid {tid}"),
                _ => "host".to_owned(),
            };
            let lives =
                connection.stage.as_ref().map_or(lives.clone(), |stage| format!("{lives} {stage}"));
            text += &format!(
                "{:<22} {:<22} {:<12} {lives:<18} {:>8} {:>8}\n",
                connection.local,
                connection.remote,
                connection.state,
                connection.unacknowledged,
                connection.readable
            );
            list.push(json!({
                "port": number, "local": connection.local, "remote": connection.remote,
                "state": connection.state, "path": if port.is_some() { "offload" } else { "host" },
                "member": port, "tid": connection.tid, "handover": connection.stage,
                "unacknowledged": connection.unacknowledged, "unread": connection.readable,
            }));
        }
        if connections.len() < total && !wants_all {
            text += &format!("… and {} more: --json has all\n", total - connections.len());
        }
    }
    shown(text, list.into())
}

fn offload(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (mut text, mut list) = (String::new(), Vec::new());
    for number in session.select_up_bonds(&arguments.which(0)?)? {
        let tables = session.with_bond(number, |bond| bond.tables())?;
        let (bond, state) = (session.bond(number)?, session.bond_state(number)?);
        text += &format!(
            "Adapters of port {number}: {}, {} connections on the host in place of an adapter\n",
            if state.is_moving { "connections are moving" } else { "nothing is moving" },
            state.refugees
        );
        text += &format!(
            "{:<12} {:<12} {:>11} {:>14} {:>6} {:>6}\n",
            "Ports", "State", "Connections", "Tids", "Opens", "Flows"
        );
        for adapter in tables {
            let of_it = bond.links.iter().filter(|(_, link)| link.member.index() == adapter.member);
            let ports: Vec<usize> = of_it.map(|(port, _)| *port).collect();
            let names: Vec<String> = ports.iter().map(ToString::to_string).collect();
            let state = if adapter.is_dead { "dead" } else { "alive" };
            text += &format!(
                "{:<12} {state:<12} {:>11} {:>14} {:>6} {:>6}\n",
                names.join(","),
                adapter.connections,
                format!("{}/{}", adapter.tids.0, adapter.tids.1),
                adapter.opens,
                adapter.flows
            );
            list.push(json!({
                "port": number, "members": ports, "state": state, "connections": adapter.connections,
                "tids_in_use": adapter.tids.0, "tids": adapter.tids.1, "opens": adapter.opens, "flows": adapter.flows,
            }));
        }
    }
    shown(text, list.into())
}
