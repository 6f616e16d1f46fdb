//! Begin, end, help.

use super::{Arguments, Command, Outcome, Said, help};
use crate::render;
use crate::session::Session;

pub(super) const COMMANDS: &[Command] = &[
    Command { words: "start", help: "Begins to forward.", run: |session, _| start(session, 0) },
    Command {
        words: "start tx_first",
        help: "The same, after each port has sent a burst.",
        run: |session, _| start(session, 1),
    },
    Command {
        words: "start tx_first N",
        help: "The same, after N bursts.",
        run: |session, arguments| {
            let bursts = arguments.number(0, 1, 65_536)?;
            start(session, bursts as u32)
        },
    },
    Command {
        words: "stop",
        help: "Ends forwarding, and tells what came of it.",
        run: |session, _| stop(session),
    },
    Command {
        words: "load FILE",
        help: "Carries out the lines of a file.",
        run: |_, arguments| load(arguments),
    },
    Command {
        words: "help",
        help: "Tells which sections of help there are.",
        run: |_, _| help(None),
    },
    Command {
        words: "help SECTION",
        help: "Tells what commands there are in a section, or in all.",
        run: |_, arguments| help(Some(arguments.word(0))),
    },
    Command { words: "quit", help: "Ends the program.", run: |session, _| quit(session) },
];

pub(crate) fn start(session: &mut Session, first: u32) -> Outcome {
    session.start(first)?;
    let mut text = render::forward_config(session);
    text += &render::rxtx_config(session);
    Ok(text.into())
}

pub(crate) fn stop(session: &mut Session) -> Outcome {
    let report = session.stop()?;
    let mut text = "Telling cores to stop...\nWaiting for lcores to finish...\n".to_owned();
    text += &render::forward_stats(&report);
    text += "\nDone.\n";
    Ok(text.into())
}

fn load(arguments: &Arguments<'_>) -> Outcome {
    let file = arguments.word(0);
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    Ok(Said { lines: text.lines().map(str::to_owned).collect(), ..Said::default() })
}

/// Ends what is under way, ports last.
pub(crate) fn quit(session: &mut Session) -> Outcome {
    let mut text = String::new();
    if session.is_running() {
        text += &stop(session)?.text;
    }
    // Bonds first: their members are ports of their own again then.
    let (bonds, others): (Vec<usize>, Vec<usize>) =
        session.open_ports().into_iter().partition(|&port| session.is_bond(port));
    let ports: Vec<usize> = bonds.into_iter().chain(others).collect();
    for &port in &ports {
        text += &format!("\nStopping port {port}...\n");
        match session.stop_port(port) {
            Ok(()) => text += "Done\n",
            Err(error) => text += &format!("{error}\n"),
        }
    }
    for port in ports {
        text += &format!("\nShutting down port {port}...\n");
        match session.close_port(port) {
            Ok(()) => text += &format!("Port {port} is closed\nDone\n"),
            Err(error) => text += &format!("{error}\n"),
        }
    }
    text += "\nBye...\n";
    Ok(Said { text, quits: true, ..Said::default() })
}
