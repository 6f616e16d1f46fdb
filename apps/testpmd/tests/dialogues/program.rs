//! The program in a pipe.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

const PROMPT: &str = "testpmd> ";
/// Who waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that runs.
pub(crate) struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Receiver<Vec<u8>>,
}

impl Program {
    /// Starts it in `folder`.
    pub(crate) fn start(arguments: &[&str], folder: &Path) -> Self {
        Self::start_other(env!("CARGO_BIN_EXE_testpmd"), arguments, folder)
    }

    /// Starts another program that has the same prompt.
    pub(crate) fn start_other(program: &str, arguments: &[&str], folder: &Path) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .env("XDG_STATE_HOME", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("started");
        let mut stdout = child.stdout.take().expect("piped");
        let (tell, output) = channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(len @ 1..) = stdout.read(&mut bytes) {
                if tell.send(bytes[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Self { child, input, output }
    }

    /// What it says up to its next prompt, or its end.
    pub(crate) fn until_prompt(&mut self) -> String {
        self.until_so(|told| told.ends_with(PROMPT))
    }

    /// What it says up to a text, and some more.
    pub(crate) fn until(&mut self, text: &str) -> String {
        self.until_so(|told| told.contains(text))
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
        let input = self.input.as_mut().expect("open");
        writeln!(input, "{line}").expect("it reads");
        self.until_prompt()
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
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().expect("kill is there");
        assert!(sent.success());
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

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, or its test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
