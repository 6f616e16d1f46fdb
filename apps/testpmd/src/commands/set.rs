//! How frames are to be forwarded.

use clap::ValueEnum;

use super::{Arguments, Command, Outcome};
use crate::engine::Mode;
use crate::options::parse_list;
use crate::session::Session;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        words: "set fwd ENGINE",
        help: "What is done with frames: io, mac, macswap, flowgen, rxonly, txonly, csum, icmpecho or noisy; with connections of bonds: tcpecho, tcpsink or tcpgen.",
        run: engine,
    },
    Command {
        words: "set fwd ENGINE PORT",
        help: "The same of one port, until all are told again.",
        run: |session, arguments| {
            let (mode, port) = (mode(arguments.word(0))?, arguments.port(1)?);
            session.port(port)?;
            session.forward.modes.insert(port, mode);
            Ok(format!("Set {} packet forwarding mode of port {port}\n", mode.name()).into())
        },
    },
    Command {
        words: "set burst N",
        help: "Frames taken and sent together, 1 to 512.",
        run: |session, arguments| {
            session.forward.burst = arguments.number(0, 1, 512)? as u16;
            Ok(format!("Number of packets per burst set to {}\n", session.forward.burst).into())
        },
    },
    Command { words: "set nbcore N", help: "Cores that forward.", run: cores },
    Command {
        words: "set corelist CORES",
        help: "Which cores forward, in the order in which they get work: 1,2 or 1-3.",
        run: core_list,
    },
    Command {
        words: "set portlist PORTS",
        help: "Which ports forward, in the order in which they are paired: 0,1 or 0-3.",
        run: port_list,
    },
    Command {
        words: "set verbose N",
        help: "Whether frames are told: 0 none, 1 received ones, 2 sent ones as well.",
        run: |session, arguments| {
            let before = session.forward.verbose;
            session.forward.verbose = arguments.number(0, 0, 2)? as u32;
            Ok(format!("Change verbose level from {before} to {}\n", session.forward.verbose)
                .into())
        },
    },
    Command {
        words: "set eth-peer PORT MAC",
        help: "Whom frames out of a port are for, with engines that write addresses.",
        run: peer,
    },
    Command {
        words: "set record-core-cycles|record-burst-stats on|off",
        help: "Whether cycles are counted, or lengths of bursts.",
        run: |session, arguments| {
            let records = &mut session.forward.records;
            let record = match arguments.word(0) {
                "record-core-cycles" => &mut records.cycles,
                _ => &mut records.bursts,
            };
            *record = arguments.is_on(1);
            Ok(String::new().into())
        },
    },
    Command {
        words: "csum set ip|udp|tcp hw|sw PORT",
        help: "Who computes a checksum of frames that engine csum sends by a port: the adapter (hw), or the program (sw).",
        run: checksum,
    },
    Command {
        words: "csum show PORT",
        help: "Tells who computes them.",
        run: |session, arguments| {
            let port = arguments.port(0)?;
            checksums(session, port).map(Into::into)
        },
    },
];

fn mode(word: &str) -> Result<Mode, String> {
    let distance = |mode: &&Mode| strsim::damerau_levenshtein(mode.name(), word);
    let near = Mode::value_variants().iter().min_by_key(distance);
    match near {
        Some(mode) if mode.name() == word => Ok(*mode),
        near => Err(format!(
            "Invalid {word} packet forwarding mode: the nearest is `set fwd {}`",
            near.map_or("", |mode| mode.name())
        )),
    }
}

fn engine(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let mode = mode(arguments.word(0))?;
    session.forward.mode = mode;
    session.forward.modes.clear();
    Ok(format!("Set {} packet forwarding mode\n", mode.name()).into())
}

fn cores(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let wanted = arguments.number(0, 1, 1024)? as usize;
    let most = session.forward.cores.len();
    if wanted > most {
        return Err(format!(
            "nb fwd cores {wanted} > {most} (max. number of configured lcores): start with more by -l"
        ));
    }
    session.forward.nb_cores = wanted;
    Ok(format!("Number of forwarding cores set to {wanted}\n").into())
}

fn core_list(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let mut cores = Vec::new();
    for core in parse_list(arguments.word(0))? {
        let index = session.lcores.iter().position(|lcore| lcore.core == core);
        let Some(index) = index else {
            return Err(if core == session.main_core {
                format!("lcore {core} has the prompt: others forward")
            } else {
                format!("lcore {core} is not there: start with it by -l")
            });
        };
        cores.push(index);
    }
    session.forward.nb_cores = cores.len();
    session.forward.cores = cores;
    Ok(format!("Number of forwarding cores set to {}\n", session.forward.nb_cores).into())
}

fn port_list(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let ports = parse_list(arguments.word(0))?;
    for &port in &ports {
        session.port(port)?;
    }
    session.forward.ports = Some(ports);
    Ok(String::new().into())
}

fn peer(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let (port, text) = (arguments.port(0)?, arguments.word(1));
    let mac = crate::options::parse_mac(text)
        .ok_or_else(|| format!("'{text}' is no station's address such as 02:00:00:00:00:01"))?;
    session.port(port)?;
    session.set_peer(port, mac)?;
    Ok(String::new().into())
}

fn checksum(session: &mut Session, arguments: &Arguments<'_>) -> Outcome {
    let port = arguments.port(2)?;
    let hardware = arguments.word(1) == "hw";
    if hardware && !session.info(port)?.tx_checksums {
        return Err(format!("checksum offload is not supported by port {port}: it is a bare wire"));
    }
    session.set_checksum(port, arguments.word(0), hardware)?;
    checksums(session, port).map(Into::into)
}

fn checksums(session: &Session, port: usize) -> Result<String, String> {
    let checksums = session.port(port)?.checksums;
    let mut text = String::new();
    for (name, hardware) in [("IP", checksums.ip), ("UDP", checksums.udp), ("TCP", checksums.tcp)] {
        text += &format!("{name} checksum offload is {}\n", if hardware { "hw" } else { "sw" });
    }
    Ok(text)
}
