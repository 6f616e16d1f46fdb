//! Begin, end, help.

use std::path::Path;

use mafo_config::file;

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
    Ok(Said { lines: lines_of(Path::new(arguments.word(0)))?, ..Said::default() })
}

/// The lines of a file of commands.
pub(crate) fn lines_of(path: &Path) -> Result<Vec<String>, String> {
    let text = file::read(path).map_err(|unread| format!("{}: {}", path.display(), unread.why))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Ends what is under way, ports last.
pub(crate) fn quit(session: &mut Session) -> Outcome {
    let mut text = String::new();
    if session.is_running() {
        text += &stop(session)?.text;
    }
    text += &each_port(session, "Stopping", |session, port| {
        session.stop_port(port)?;
        Ok(String::new())
    });
    text += &each_port(session, "Shutting down", |session, port| {
        session.close_port(port)?;
        Ok(format!("Port {port} is closed\n"))
    });
    text += "\nBye...\n";
    Ok(Said { text, quits: true, ..Said::default() })
}

/// Does something to every port that is open; what came of it.
fn each_port(
    session: &mut Session,
    doing: &str,
    what: fn(&mut Session, usize) -> Result<String, String>,
) -> String {
    // Bonds first: their members are ports of their own again then.
    let (mut ports, others): (Vec<usize>, Vec<usize>) =
        session.open_ports().into_iter().partition(|&port| session.is_bond(port));
    ports.extend(others);
    let mut text = String::new();
    for port in ports {
        let outcome = match what(session, port) {
            Ok(told) => told + "Done\n",
            Err(error) => error + "\n",
        };
        text += &format!("\n{doing} port {port}...\n{outcome}");
    }
    text
}
