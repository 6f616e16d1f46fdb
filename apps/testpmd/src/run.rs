//! The program from its first line to its last.

use std::io::{self, Write};
use std::time::Duration;

use mafo::eal::lcore::pin;

use crate::commands::{self, control, show};
use crate::console::{Console, Event};
use crate::options::Options;
use crate::session::Session;

/// Commands of files that load files that load files.
const DEPTH_MAX: usize = 8;

/// Does what the user wants until that is to end. What kept it from beginning is a sentence.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let application = &options.application;
    let interactive = application.interactive;
    let file = application.cmdline_file.as_ref().map(|path| {
        std::fs::read_to_string(path).map_err(|e| format!("--cmdline-file {}: {e}", path.display()))
    });
    let file = file.transpose()?;
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
    if let Some(text) = file {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if carry_out_lines(&mut session, &lines, 0) {
            return Ok(());
        }
    }
    if application.auto_start || !interactive {
        let first = u32::from(application.tx_first);
        print_outcome(&mut session, |session| control::start(session, first));
    }
    if interactive {
        read_commands(&mut session, &mut console);
    } else {
        wait_for_end(&mut session, &mut console, options);
    }
    Ok(())
}

fn say(text: &str) {
    let mut out = io::stdout().lock();
    // Nobody who has gone away can be told.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn print_outcome(session: &mut Session, what: impl FnOnce(&mut Session) -> commands::Outcome) {
    match what(session) {
        Ok(said) => say(&said.text),
        Err(error) => say(&format!("{error}\n")),
    }
}

/// Lines until one ends the program.
fn read_commands(session: &mut Session, console: &mut Console) {
    loop {
        match console.next() {
            Event::Line(line) => {
                if carry_out(session, &line, 0) {
                    return;
                }
            }
            Event::Interrupt if session.is_running() => {
                say("\n");
                print_outcome(session, control::stop);
            }
            Event::End | Event::Interrupt | Event::Terminate => {
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
    if depth > DEPTH_MAX {
        say("files that load each other are not carried out\n");
        return false;
    }
    for line in lines {
        if !line.trim().is_empty() {
            say(&format!("{}{line}\n", crate::console::PROMPT));
        }
        if carry_out(session, line, depth) {
            return true;
        }
    }
    false
}

/// Without a prompt: until a line, the end of the input or Ctrl-C, with statistics meanwhile.
fn wait_for_end(session: &mut Session, console: &mut Console, options: &Options) {
    let period = options.application.stats_period;
    if period.is_none() {
        say("Press enter to exit\n");
    }
    loop {
        let event = match period {
            None => Some(console.next()),
            Some(seconds) => console.signal_within(Duration::from_secs(seconds.into())),
        };
        if event.is_some() {
            say("\n");
            return print_outcome(session, control::quit);
        }
        say(&show::periodic(session, &options.application.display_xstats));
    }
}
