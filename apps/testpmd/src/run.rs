//! The program from its first line to its last.

use std::time::Duration;

use mafo::eal::lcore::pin;

use crate::commands::{self, control, show};
use crate::console::{Console, Event, PROMPT, say};
use crate::options::{Application, Options};
use crate::session::Session;

/// Commands of files that load files that load files.
const DEPTH_MAX: usize = 8;

/// Does what the user wants until that is to end. What kept it from beginning is a sentence.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let application = &options.application;
    let interactive = application.interactive;
    let file = application.cmdline_file.as_deref();
    let file =
        file.map(control::lines_of).transpose().map_err(|e| format!("--cmdline-file {e}"))?;
    let mut session = Session::new(options)?;
    let mut console =
        Console::new(interactive.then_some(options.environment.file_prefix.as_str()))?;
    // Threads that come later would have only this core.
    let _ = pin(session.main_core);
    for remark in std::mem::take(&mut session.remarks) {
        say(&format!("testpmd: {remark}\n"));
    }
    if interactive {
        say("Interactive-mode selected\n");
    }
    for number in session.open_ports() {
        let info = session.info(number)?;
        say(&format!("Port {number}: {}\n", crate::verbose::mac(&info.mac)));
    }
    say("Checking link statuses...\nDone\n");
    if file.is_some_and(|lines| carry_out_lines(&mut session, &lines, 0)) {
        return Ok(());
    }
    if application.auto_start || !interactive {
        let first = u32::from(application.tx_first);
        print_outcome(&mut session, |session| control::start(session, first));
    }
    if interactive {
        read_commands(&mut session, &mut console);
    } else {
        wait_for_end(&mut session, &mut console, application);
    }
    Ok(())
}

fn print_outcome(session: &mut Session, what: impl FnOnce(&mut Session) -> commands::Outcome) {
    match what(session) {
        Ok(said) => say(&said.text),
        Err(error) => say(&format!("{error}\n")),
    };
}

/// Lines until one ends the program.
fn read_commands(session: &mut Session, console: &mut Console) {
    loop {
        match console.next(None) {
            Some(Event::Line(line)) => {
                if carry_out(session, &line, 0) {
                    return;
                }
            }
            Some(Event::Interrupt) if session.is_running() => {
                say("\n");
                print_outcome(session, control::stop);
            }
            Some(Event::End | Event::Interrupt | Event::Terminate) | None => {
                say("\n");
                return print_outcome(session, control::quit);
            }
        }
    }
}

/// A line, and those of the files that it names; whether the program is to end.
fn carry_out(session: &mut Session, line: &str, depth: usize) -> bool {
    match commands::run(session, line) {
        Ok(said) => {
            say(&said.text);
            said.quits || carry_out_lines(session, &said.lines, depth + 1)
        }
        Err(error) => {
            say(&format!("{error}\n"));
            false
        }
    }
}

fn carry_out_lines(session: &mut Session, lines: &[String], depth: usize) -> bool {
    if depth > DEPTH_MAX && !lines.is_empty() {
        say("files that load each other are not carried out\n");
        return false;
    }
    for line in lines {
        if !line.trim().is_empty() {
            say(&format!("{PROMPT}{line}\n"));
        }
        if carry_out(session, line, depth) {
            return true;
        }
    }
    false
}

/// Without a prompt: until a line, the end of the input, Ctrl-C, or nobody listens any more; with statistics meanwhile.
fn wait_for_end(session: &mut Session, console: &mut Console, application: &Application) {
    let period = application.stats_period.map(|seconds| Duration::from_secs(seconds.into()));
    let mut is_heard = say("Press enter to exit\n");
    while is_heard && console.next(period).is_none() {
        is_heard = say(&show::periodic(session, &application.display_xstats));
    }
    say("\n");
    print_outcome(session, control::quit);
}
