//! Where commands come from: a terminal with history and completion, or a pipe. Both are read on a thread of their own, a line
//! when it is asked for; a signal may come at any time.

use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
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

/// Says it at once; whether anybody hears it. Whoever reads may have gone away, as `head` does, and then the program ends with
/// the next line that it would wait for.
pub(crate) fn say(text: &str) -> bool {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// The same for what went wrong.
pub(crate) fn complain(text: &str) {
    // That it cannot be told is no reason to end otherwise.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// An event, and whether whoever reads lines waits to be asked again.
type Told = (Event, bool);

/// A reading thread's ends of the channels. However the thread goes, that is the end of the lines: the thread for signals
/// stays, and so the channel of events does not close.
struct Reader {
    asked: Receiver<()>,
    tell: Sender<Told>,
}

impl Reader {
    /// Answers a request for a line as often as there is one, until the answer is `None`.
    fn run(&self, mut answer: impl FnMut() -> Option<Event>) {
        while self.asked.recv().is_ok() {
            let Some(event) = answer() else { return };
            if self.tell.send((event, true)).is_err() {
                return;
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.tell.send((Event::End, false));
    }
}

/// The source of events.
pub(crate) struct Console {
    events: Receiver<Told>,
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
                if on_signal.send((event, false)).is_err() {
                    return;
                }
            }
        });
        let reader = Reader { asked, tell };
        let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        if let Some(prefix) = prefix.filter(|_| is_terminal) {
            let history = history(prefix);
            let editor = editor(history.as_ref()).map_err(|e| format!("the terminal: {e}"))?;
            thread::spawn(move || from_terminal(editor, history, &reader));
        } else {
            let echoes = prefix.is_some();
            thread::spawn(move || from_pipe(echoes, &reader));
        }
        Ok(Self { events, asks, is_asked: false })
    }

    /// Waits for the next event; a line is read if none is being read yet. `None` when nothing came for as long as `within`.
    pub(crate) fn next(&mut self, within: Option<Duration>) -> Option<Event> {
        if !self.is_asked {
            self.is_asked = self.asks.send(()).is_ok();
        }
        let event = match within {
            Some(time) => self.events.recv_timeout(time),
            None => self.events.recv().map_err(RecvTimeoutError::from),
        };
        if event == Err(RecvTimeoutError::Timeout) {
            return None;
        }
        // Both threads gone: nobody can say anything any more.
        let (event, is_answer) = event.unwrap_or((Event::End, false));
        self.is_asked &= !is_answer;
        Some(event)
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

fn from_terminal(mut editor: Terminal, history: Option<PathBuf>, reader: &Reader) {
    reader.run(|| match editor.readline(PROMPT) {
        Ok(line) => {
            let _ = editor.add_history_entry(&line);
            if let Some(path) = &history {
                let _ = editor.save_history(path);
            }
            Some(Event::Line(line))
        }
        // The terminal does not make a signal of it while a line is edited.
        Err(ReadlineError::Interrupted) => Some(Event::Interrupt),
        Err(_) => None,
    });
}

fn from_pipe(echoes: bool, reader: &Reader) {
    let mut lines = io::stdin().lock();
    reader.run(|| {
        if echoes && !say(PROMPT) {
            return None;
        }
        let mut line = Vec::new();
        let Ok(1..) = lines.read_until(b'\n', &mut line) else { return None };
        // What is no UTF-8 is no command either, and is told so.
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        if echoes {
            say(&format!("{line}\n"));
        }
        Some(Event::Line(line))
    });
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
