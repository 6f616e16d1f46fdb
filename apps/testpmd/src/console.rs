//! Where commands come from: a terminal with history and completion, or a pipe. Both are read on a thread of their own, a line
//! when it is asked for; a signal may come at any time.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Editor, Helper};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::commands::completions;

/// What the program is called by at its prompt.
pub(crate) const PROMPT: &str = "testpmd> ";

/// Something that the user did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A line.
    Line(String),
    /// There are no more.
    End,
    /// Ctrl-C.
    Interrupt,
    /// The system wants the program to end.
    Terminate,
}

/// The source of events.
pub(crate) struct Console {
    events: Receiver<Event>,
    asks: Sender<()>,
    /// A line is being waited for.
    is_asked: bool,
}

impl Console {
    /// Begins to listen, with a prompt whose history is that of `prefix`, or silently.
    pub(crate) fn new(prefix: Option<&str>) -> Result<Self, String> {
        let (tell, events) = channel();
        let (asks, asked) = channel::<()>();
        let mut signals = Signals::new([SIGINT, SIGTERM]).map_err(|e| format!("signals: {e}"))?;
        let on_signal = tell.clone();
        thread::spawn(move || {
            for signal in signals.forever() {
                let event = if signal == SIGINT { Event::Interrupt } else { Event::Terminate };
                if on_signal.send(event).is_err() {
                    return;
                }
            }
        });
        let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        if let Some(prefix) = prefix.filter(|_| is_terminal) {
            let history = history(prefix);
            let editor = editor(history.as_ref()).map_err(|e| format!("the terminal: {e}"))?;
            thread::spawn(move || from_terminal(editor, history, &asked, &tell));
        } else {
            let echoes = prefix.is_some();
            thread::spawn(move || from_pipe(echoes, &asked, &tell));
        }
        Ok(Self { events, asks, is_asked: false })
    }

    /// Waits for the next event; a line is read if none is being read yet.
    pub(crate) fn next(&mut self) -> Event {
        if !self.is_asked {
            self.is_asked = self.asks.send(()).is_ok();
        }
        // Both threads gone: nobody can say anything any more.
        let event = self.events.recv().unwrap_or(Event::End);
        if matches!(event, Event::Line(_)) {
            self.is_asked = false;
        }
        event
    }

    /// The next signal, or `None` after so long.
    pub(crate) fn signal_within(&mut self, time: Duration) -> Option<Event> {
        self.events.recv_timeout(time).ok()
    }
}

/// Where the commands of earlier days are.
fn history(prefix: &str) -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let state =
        state.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/state")));
    let folder = state.filter(|path| path.is_absolute())?.join("mafo");
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder.join(format!("testpmd-{prefix}.history")))
}

type Terminal = Editor<Words, rustyline::history::FileHistory>;

fn editor(history: Option<&PathBuf>) -> rustyline::Result<Terminal> {
    let mut editor = Terminal::new()?;
    editor.set_helper(Some(Words));
    if let Some(path) = history {
        // The first time there is none.
        let _ = editor.load_history(path);
    }
    Ok(editor)
}

fn from_terminal(
    mut editor: Terminal,
    history: Option<PathBuf>,
    asked: &Receiver<()>,
    tell: &Sender<Event>,
) {
    while asked.recv().is_ok() {
        let event = loop {
            match editor.readline(PROMPT) {
                Ok(line) => {
                    let _ = editor.add_history_entry(&line);
                    if let Some(path) = &history {
                        let _ = editor.save_history(path);
                    }
                    break Event::Line(line);
                }
                // The terminal does not make a signal of it while a line is edited.
                Err(ReadlineError::Interrupted) => {
                    if tell.send(Event::Interrupt).is_err() {
                        return;
                    }
                }
                Err(_) => break Event::End,
            }
        };
        let is_end = event == Event::End;
        if tell.send(event).is_err() || is_end {
            return;
        }
    }
}

fn from_pipe(echoes: bool, asked: &Receiver<()>, tell: &Sender<Event>) {
    let mut lines = io::stdin().lock();
    while asked.recv().is_ok() {
        if echoes {
            print!("{PROMPT}");
            let _ = io::stdout().flush();
        }
        let mut line = Vec::new();
        // What is no UTF-8 is no command either, and is told so.
        let event = match lines.read_until(b'\n', &mut line) {
            Ok(1..) => {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if echoes {
                    println!("{line}");
                }
                Event::Line(line)
            }
            Ok(0) | Err(_) => Event::End,
        };
        let is_end = event == Event::End;
        if tell.send(event).is_err() || is_end {
            return;
        }
    }
}

/// Completes words from the table of commands.
struct Words;

impl Helper for Words {}
impl Highlighter for Words {}
impl Validator for Words {}

impl Hinter for Words {
    type Hint = String;
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = &line[..at];
        let start = before.rfind(' ').map_or(0, |space| space + 1);
        Ok((start, completions(before)))
    }
}
