//! The program in a pipe, or in a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use nix::pty::{OpenptyResult, Winsize, openpty};

const PROMPT: &str = "testpmd> ";
/// Who waits longer has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A program that runs.
pub(crate) struct Program {
    child: Child,
    input: Option<Box<dyn Write>>,
    output: Receiver<Vec<u8>>,
}

impl Program {
    /// Starts it in `folder`.
    pub(crate) fn start(arguments: &[&str], folder: &Path) -> Self {
        Self::start_other(env!("CARGO_BIN_EXE_testpmd"), arguments, folder)
    }

    /// Starts another program that has the same prompt.
    pub(crate) fn start_other(program: &str, arguments: &[&str], folder: &Path) -> Self {
        let mut command = command(program, arguments, folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
        let output = heard(child.stdout.take().expect("piped"));
        let input = child.stdin.take().map(|input| Box::new(input) as Box<dyn Write>);
        Self { child, input, output }
    }

    /// Starts it in `folder`, in a terminal of its own.
    pub(crate) fn start_in_terminal(arguments: &[&str], folder: &Path) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        let OpenptyResult { master, slave } = openpty(&size, None).expect("a terminal");
        let mut command = command(env!("CARGO_BIN_EXE_testpmd"), arguments, folder);
        let input = slave.try_clone().expect("the same again");
        let child =
            command.env("TERM", "xterm").stdin(input).stdout(slave).spawn().expect("started");
        // With the last end at that side the terminal ends: the command has two.
        drop(command);
        let master = File::from(master);
        let output = heard(master.try_clone().expect("the same again"));
        Self { child, input: Some(Box::new(master)), output }
    }

    /// What it says up to its next prompt, or its end.
    pub(crate) fn until_prompt(&mut self) -> String {
        self.until_so(|told| told.ends_with(PROMPT))
    }

    /// What it says up to a text, and some more.
    pub(crate) fn until(&mut self, text: &str) -> String {
        self.until_so(|told| told.contains(text))
    }

    /// What it says up to a text, and from there to its next prompt.
    pub(crate) fn until_prompt_after(&mut self, text: &str) -> String {
        self.until_so(|told| told.split_once(text).is_some_and(|(_, rest)| rest.contains(PROMPT)))
    }

    fn until_so(&mut self, is_so: impl Fn(&str) -> bool) -> String {
        let mut told = String::new();
        let start = Instant::now();
        while !is_so(&told) {
            match self.output.recv_timeout(PATIENCE.saturating_sub(start.elapsed())) {
                Ok(bytes) => told += &String::from_utf8_lossy(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("nothing follows: {told}"),
            }
        }
        told
    }

    /// Types a line; what follows, its echo and the next prompt among it.
    pub(crate) fn command(&mut self, line: &str) -> String {
        self.press(&format!("{line}\n"));
        self.until_prompt()
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, keys: &str) {
        let input = self.input.as_mut().expect("open");
        input.write_all(keys.as_bytes()).expect("it reads");
    }

    /// Asks until the answer contains `text`, or with `!` in front of it does not.
    pub(crate) fn wait_until(&mut self, command: &str, text: &str) {
        let start = Instant::now();
        loop {
            let told = self.command(command);
            let is_so = match text.strip_prefix('!') {
                Some(text) => !told.contains(text),
                None => told.contains(text),
            };
            if is_so {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{command} never said {text}: {told}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ctrl-C; what follows.
    pub(crate) fn interrupt(&mut self) -> String {
        let pid = Pid::from_raw(self.child.id() as i32);
        kill(pid, Signal::SIGINT).expect("it runs");
        // No line was read, so no new prompt is shown: what is said ends with a certain line.
        self.until_so(|told| told.ends_with("Done.\n") || told.ends_with("Bye...\n"))
    }

    /// Types no more.
    pub(crate) fn end_of_input(&mut self) {
        self.input = None;
    }

    /// Its last words and its exit code.
    pub(crate) fn finish(mut self) -> (String, i32) {
        self.end_of_input();
        let rest = self.until_prompt();
        let status = self.child.wait().expect("it ended");
        (rest, status.code().unwrap_or(-1))
    }
}

fn command(program: &str, arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env("XDG_STATE_HOME", folder);
    command
}

/// What is said, as it comes.
fn heard(mut source: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (tell, output) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(len @ 1..) = source.read(&mut bytes) {
            if tell.send(bytes[..len].to_vec()).is_err() {
                return;
            }
        }
    });
    output
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, or its test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
