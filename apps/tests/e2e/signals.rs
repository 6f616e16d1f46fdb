//! The demo is ended by a signal, in each of its phases: it ends at once, and nothing of it is left.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::cases::Outcome;

/// A user may wait a second; a busy machine gets more, but a program that hangs never ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// All processes of a run have a variable of this name in their environment, whoever inherits them.
const MARK: &str = "MAFO_TEST_RUN";

/// Where in its course a demo is stopped, and how.
#[derive(Clone, Copy)]
pub(crate) struct Stop {
    /// The line of the timeline after which the signal is sent; `None`: right after the start.
    after: Option<&'static str>,
    /// The line that ends the phase: it must not come.
    before: &'static str,
    /// Further options, so that the phase lasts.
    options: &'static [&'static str],
    signal: i32,
}

impl Stop {
    const fn new(after: Option<&'static str>, before: &'static str) -> Self {
        Self { after, before, options: &[], signal: libc::SIGINT }
    }

    pub(crate) const fn by_sigterm(self) -> Self {
        Self { signal: libc::SIGTERM, ..self }
    }
}

pub(crate) const START: Stop = Stop::new(None, "connections established");
pub(crate) const PEER_UP: Stop = Stop::new(Some("peer: "), "connections established");
pub(crate) const TRANSFER: Stop = Stop::new(Some("connections established"), "is cut");
pub(crate) const TUNNEL: Stop = Stop::new(Some("through the tunnel"), "lives elsewhere");
/// Lost frames make a drain long.
pub(crate) const HANDOVER: Stop =
    Stop { options: &["--loss", "0.01"], ..Stop::new(Some("handovers begin"), "lives elsewhere") };

pub(crate) fn kernel(stop: Stop) -> Outcome {
    if let Some(skipped) = crate::no_kernel_peer() {
        return skipped;
    }
    let members = stopped("kernel", stop);
    if stop.after.is_some() {
        assert!(members.len() >= 2, "the program and its peer: {members:?}");
    }
    Outcome::Done
}

pub(crate) fn smoltcp(stop: Stop) -> Outcome {
    assert!(stopped("smoltcp", stop).len() <= 1, "this peer needs no process");
    Outcome::Done
}

/// With several threads, of which one looks at signals.
pub(crate) fn lcores(stop: Stop) -> Outcome {
    smoltcp(Stop { options: &["--lcores", "2"], ..stop })
}

/// What a run may leave behind on the system.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    interfaces: BTreeSet<String>,
    /// Mounted namespaces.
    mounts: usize,
    /// How many huge pages nobody uses; 0 where none are reserved.
    huge_pages_free: u64,
}

impl Traces {
    fn now() -> Self {
        let read = |path| fs::read_to_string(path).expect("proc is mounted");
        let interfaces = read("/proc/self/net/dev");
        let names = interfaces.lines().skip(2).filter_map(|line| line.split(':').next());
        let memory = read("/proc/meminfo");
        let free = memory.lines().find_map(|line| line.strip_prefix("HugePages_Free:"));
        Self {
            interfaces: names.map(|name| name.trim().to_owned()).collect(),
            mounts: read("/proc/self/mountinfo").matches(" nsfs ").count(),
            huge_pages_free: free.map_or(0, |free| free.trim().parse().expect("a number")),
        }
    }
}

/// A process by its number and its start, since numbers are used again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    id: u32,
    start: String,
}

impl Process {
    /// `None` if there is none; a zombie has ended, whoever inherited it has not looked yet.
    fn new(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may contain anything; the state follows.
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split(' ');
        if fields.next() == Some("Z") {
            return None;
        }
        // Field 22, of which 1 to 3 are gone (proc_pid_stat(5)).
        Some(Self { id, start: fields.nth(18)?.to_owned() })
    }

    fn lives(&self) -> bool {
        Self::new(self.id).as_ref() == Some(self)
    }

    fn network_namespace(&self) -> Option<std::path::PathBuf> {
        fs::read_link(format!("/proc/{}/ns/net", self.id)).ok()
    }
}

/// All processes of a run: those with its mark, and all in a network namespace that one of them has
/// for itself.
fn processes_of(mark: &str) -> BTreeSet<Process> {
    let entries = fs::read_dir("/proc").expect("proc is mounted").flatten();
    let all: Vec<_> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Process::new)
        .collect();
    let entry = format!("{MARK}={mark}");
    let marked: Vec<_> = all
        .iter()
        .filter(|process| {
            let environment = fs::read(format!("/proc/{}/environ", process.id)).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|variable| variable == entry.as_bytes())
        })
        .collect();
    let here = fs::read_link("/proc/self/ns/net").ok();
    let namespaces: BTreeSet<_> =
        marked.iter().map(|process| process.network_namespace()).filter(|ns| *ns != here).collect();
    let lives_there = |process: &&Process| {
        process.network_namespace().is_some_and(|ns| namespaces.contains(&Some(ns)))
    };
    let inhabitants = all.iter().filter(lives_there);
    marked.iter().copied().chain(inhabitants).cloned().collect()
}

/// A demo under way; not left running by a case that fails.
struct Demo {
    child: Child,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Demo {
    /// In a process group of its own, as a shell starts it.
    #[expect(unsafe_code, reason = "std leaves an ignored signal ignored")]
    fn start(peer: &str, stop: Stop, mark: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mafo"));
        command
            .args(["demo", "--peer", peer, "--connections", "16", "--bytes", "8M"])
            .args(stop.options)
            .env(MARK, mark)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        // A shell that starts the tests in the background makes them ignore SIGINT.
        // SAFETY: signal is async-signal-safe and takes no pointer.
        unsafe {
            command.pre_exec(|| {
                libc::signal(libc::SIGINT, libc::SIG_DFL);
                Ok(())
            });
        }
        Self { child: command.spawn().expect("the program starts") }
    }

    /// As the terminal does it for Ctrl-C: the whole group gets the signal.
    #[expect(unsafe_code, reason = "std only knows SIGKILL")]
    fn signal(&self, signal: i32) {
        let group = -(self.child.id() as i32);
        // SAFETY: takes no pointer.
        assert_eq!(unsafe { libc::kill(group, signal) }, 0, "signal {signal}");
    }

    fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the end of the program", || {
            status = self.child.try_wait().expect("it is our child");
            status.is_some()
        });
        status.expect("it has ended")
    }
}

/// Starts a demo, stops it, and looks for what is left; the processes that it had.
fn stopped(peer: &str, stop: Stop) -> BTreeSet<Process> {
    static RUNS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let run = RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mark = format!("{}-{run}", std::process::id());
    let before = Traces::now();
    let mut demo = Demo::start(peer, stop, &mark);
    let mut lines = BufReader::new(demo.child.stderr.take().expect("piped")).lines();
    let mut read = String::new();
    if let Some(after) = stop.after {
        while !read.contains(after) {
            let line = lines.next().unwrap_or_else(|| panic!("ended before {after:?}:\n{read}"));
            read += &(line.expect("text") + "\n");
        }
    }
    let members = processes_of(&mark);
    demo.signal(stop.signal);
    let status = demo.ended();
    assert_eq!(status.signal(), Some(stop.signal), "{status}\n{read}");

    // What else the program had to say. A process that is left might hold the pipe open, so first:
    eventually("the end of all its processes", || {
        processes_of(&mark).is_empty() && !members.iter().any(Process::lives)
    });
    read.extend(lines.map(|line| line.expect("text") + "\n"));
    assert!(!read.contains(stop.before), "the phase was over:\n{read}");
    eventually("a system as before", || Traces::now() == before);
    members
}

/// Waits for what has to come.
fn eventually(what: &str, mut come: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !come() {
        assert!(Instant::now() < end, "{what} does not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}
