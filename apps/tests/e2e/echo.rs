//! `mafo echo` as its users have it: in a network namespace, behind a bridge, with cables that are pulled.
#![expect(unsafe_code, reason = "a namespace, a signal and a name need system calls")]

use std::ffi::CString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use mafo_apps::netlink::{Netlink, Request};

use crate::cases::Outcome;
use crate::config::File;
use crate::telemetry::{Asker, number};

/// A hang is a failure; everything here takes far less.
const PATIENCE: Duration = Duration::from_secs(20);
const SERVICE: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 77, 0, 2), 7);
const TAPS: [&str; 2] = ["mafo0", "mafo1"];

/// Runs a case in a thread that is alone in a network namespace of its own.
fn apart(case: fn()) -> Outcome {
    let inside = thread::spawn(move || {
        // SAFETY: takes no pointer; only this thread changes its namespace.
        if unsafe { libc::unshare(libc::CLONE_NEWNET) } != 0 {
            return Some(io::Error::last_os_error());
        }
        case();
        None
    });
    match inside.join() {
        Ok(None) => Outcome::Done,
        Ok(Some(refused)) => Outcome::Skipped(format!("no network namespace: {refused}")),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The program, and what it says line by line.
struct Service {
    child: Child,
    lines: Receiver<String>,
    heard: Vec<String>,
}

impl Service {
    fn start() -> Self {
        Self::start_with(&["--taps", "mafo0,mafo1", "--addr", "10.77.0.2/24"])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mafo"))
            .arg("echo")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        let (tell, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines, heard: Vec::new() }
    }

    /// Waits for a line with `word` in it.
    fn says(&mut self, word: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.heard.push(line);
                    if self.heard.last().is_some_and(|line| line.contains(word)) {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("it does not say {word:?}: {:#?}", self.heard)
                }
            }
        }
    }

    fn signal(&self, signal: libc::c_int) {
        let pid = self.child.id() as libc::pid_t;
        // SAFETY: takes no pointer; the process is our child and has not been waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
    }

    fn end_by(&mut self, signal: libc::c_int) -> ExitStatus {
        self.signal(signal);
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end: {:#?}", self.heard);
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Linux says of its end of a connection (TCP_INFO), which is what `ss -ti` shows.
#[derive(Debug)]
struct Linux {
    snd_scale: u8,
    rcv_scale: u8,
    snd_mss: u32,
    pmtu: u32,
    rtt_us: u32,
    bytes_received: u64,
}

impl Linux {
    fn of(stream: &TcpStream) -> Self {
        let mut info = [0_u8; 256];
        let mut len = info.len() as libc::socklen_t;
        let (fd, info_at) = (stream.as_raw_fd(), info.as_mut_ptr().cast());
        // SAFETY: at most `len` bytes are written to `info`.
        let done = unsafe {
            libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info_at, &raw mut len)
        };
        assert_eq!(done, 0, "{}", io::Error::last_os_error());
        // Offsets of struct tcp_info (linux/tcp.h).
        let word = |at: usize| u32::from_ne_bytes(*info[at..].first_chunk().expect("four"));
        Self {
            snd_scale: info[6] & 0xf,
            rcv_scale: info[6] >> 4,
            snd_mss: word(16),
            pmtu: word(60),
            rtt_us: word(68),
            bytes_received: u64::from_ne_bytes(*info[128..].first_chunk().expect("eight")),
        }
    }
}

fn index(name: &str) -> Option<u32> {
    let name = CString::new(name).expect("a name");
    // SAFETY: `name` is a C string.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// What the commands do that the program prints.
struct Bridge(Netlink);

impl Bridge {
    fn around(taps: [&str; 2]) -> Self {
        let mut netlink = Netlink::open().expect("a netlink socket");
        let mut request = |request| netlink.request(request).expect("a request");
        request(Request::new_bridge("br-mafo", [2, 0x62, 0, 0, 0, 1], 1500, None));
        let bridge = index("br-mafo").expect("the bridge");
        request(Request::new_address(bridge, Ipv4Addr::new(10, 77, 0, 1), 24));
        for tap in taps {
            request(Request::join_bridge(index(tap).expect("made by the program"), bridge));
        }
        request(Request::set_up(bridge, true));
        Self(netlink)
    }

    /// `ip link set NAME up`, or down.
    fn set(&mut self, tap: &str, up: bool) {
        let index = index(tap).expect("made by the program");
        self.0.request(Request::set_up(index, up)).expect("a request");
    }
}

fn call() -> TcpStream {
    let stream = TcpStream::connect_timeout(&SocketAddr::from(SERVICE), PATIENCE).expect("answers");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    stream
}

/// Sends `len` bytes that depend on `k`, and compares what comes back.
fn exchange(stream: &mut TcpStream, k: usize, len: usize) {
    let word: Vec<u8> = (0..len).map(|at| (at * 31 + at / 253 + k * 7) as u8).collect();
    stream.write_all(&word).expect("sends");
    let mut echo = vec![0; len];
    stream.read_exact(&mut echo).expect("comes back");
    assert_eq!(echo, word, "exchange {k}");
}

/// Ends our half; the service ends its own.
fn hang_up(mut stream: TcpStream) {
    stream.shutdown(Shutdown::Write).expect("open");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("a FIN");
    assert_eq!(rest, b"");
}

/// What is told of a connection is what Linux tells of its other end.
pub(crate) fn told() -> Outcome {
    apart(|| {
        let path = std::env::temp_dir().join(format!("mafo-told-{}", std::process::id()));
        let option = format!("--telemetry={}", path.display());
        let arguments = ["--taps", "mafo0,mafo1", "--addr", "10.77.0.2/24", &option];
        let mut service = Service::start_with(&arguments);
        service.says("telemetry: ");
        let mut bridge = Bridge::around(TAPS);
        bridge.set("mafo0", true);
        service.says("mafo0: active");
        let mut stream = call();
        exchange(&mut stream, 0, 100_000);
        // Linux has heard of the last byte when it says so.
        thread::sleep(Duration::from_millis(300));
        let ours = stream.local_addr().expect("bound").to_string();
        let mut asker = Asker::at(&path);
        let listed = asker.ask_until("/mafo/connections", &ours);
        let id = listed.split("\"id\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let said = asker.ask(&format!("/mafo/connection,{}", id.expect("an id")));
        for name in ["bytes_acked", "bytes_received", "bytes_sent"] {
            assert_eq!(number(&said, &format!("\"{name}\":")), 100_000, "{name} of {said}");
        }
        let linux = Linux::of(&stream);
        let at = said.find("wscale:").expect("scaled") + "wscale:".len();
        let shifts = said[at..].split_whitespace().next().expect("two");
        assert_eq!(shifts, format!("{},{}", linux.rcv_scale, linux.snd_scale), "{said}");
        for (name, theirs) in [(" mss:", linux.snd_mss), (" pmtu:", linux.pmtu)] {
            assert_eq!(number(&said, name), theirs.into(), "{name} of {said}, {linux:?}");
        }
        assert_eq!(linux.bytes_received, 100_000, "{linux:?}");
        // Both have measured the same way, there and back.
        let rtts = [number(&said, " rtt:"), u64::from(linux.rtt_us) / 1000];
        assert!(rtts.iter().all(|&ms| ms < 1000), "{rtts:?}");
        hang_up(stream);
        let closed = asker.ask_until("/mafo/closed", &ours);
        assert!(
            closed.contains("\"reason\":\"fin, the peer's first\",\"ran\":\"adapter\""),
            "{closed}"
        );
        assert_eq!(service.end_by(libc::SIGTERM).code(), Some(0));
        assert!(!path.exists());
    })
}

/// Connections live on when either cable is pulled; the timeline says so.
pub(crate) fn cables() -> Outcome {
    apart(|| {
        let mut service = Service::start();
        service.says("no cable is up");
        let bridge =
            ["ip link set mafo1 master br-mafo", "ip address add 10.77.0.1/24 dev br-mafo"];
        for command in bridge {
            assert!(service.heard.iter().any(|line| line.trim() == command), "{command}");
        }
        let mut bridge = Bridge::around(TAPS);
        // Either cable will do to begin with.
        bridge.set("mafo1", true);
        service.says("mafo1: active");
        let mut streams: Vec<TcpStream> = (0..8).map(|_| call()).collect();
        let all = |streams: &mut Vec<TcpStream>, len: usize| {
            for (k, stream) in streams.iter_mut().enumerate() {
                exchange(stream, k, len);
            }
        };
        all(&mut streams, 20_000);
        bridge.set("mafo0", true);
        service.says("mafo0: adapter A reports its link");
        for (pulled, other) in [("mafo1", "mafo0"), ("mafo0", "mafo1")] {
            // The first half of them has something to say before it has moved.
            bridge.set(pulled, false);
            for (k, stream) in streams.iter_mut().take(4).enumerate() {
                exchange(stream, k, 1000);
            }
            service.says(&format!("{other}: active"));
            service.says("all 8 connections moved");
            all(&mut streams, 50_000);
            bridge.set(pulled, true);
            service.says(&format!("{pulled}: link up"));
        }
        let moved = service.heard.iter().filter(|line| line.contains("handed over")).count();
        assert_eq!(moved, 16, "{:#?}", service.heard);
        streams.into_iter().for_each(hang_up);
        assert!(service.end_by(libc::SIGINT).success());
        service.says("8 connections served (0 of them open, 0 failed)");
        assert_eq!(TAPS.map(index), [None; 2], "the cables go with the program");
    })
}

/// With both cables down nothing is lost that TCP keeps; SIGTERM resets what is open.
pub(crate) fn both_down() -> Outcome {
    apart(|| {
        let mut service = Service::start();
        service.says("no cable is up");
        let mut bridge = Bridge::around(TAPS);
        bridge.set("mafo0", true);
        service.says("mafo0: active");
        let mut stream = call();
        exchange(&mut stream, 1, 5000);
        bridge.set("mafo0", false);
        service.says("no cable is up");
        stream.write_all(b"into the dark").expect("the kernel keeps it");
        bridge.set("mafo1", true);
        service.says("mafo1: active");
        let mut echo = [0; 13];
        stream.read_exact(&mut echo).expect("comes back");
        assert_eq!(echo, *b"into the dark");
        assert!(service.end_by(libc::SIGTERM).success());
        let end = stream.read(&mut echo).expect_err("no orderly end");
        assert_eq!(end.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(TAPS.map(index), [None; 2]);
    })
}

const SETTINGS: &str = r#"
[wire]
taps = ["mafo0", "mafo1"]
[host]
address = "10.77.0.2/24"
"#;

/// A policy that is read again is for who comes then; one with a mistake changes nothing.
pub(crate) fn reload() -> Outcome {
    apart(|| {
        let file = File::new("echo", SETTINGS);
        let mut service = Service::start_with(&["--config", file.path()]);
        service.says("no cable is up");
        let mut bridge = Bridge::around(TAPS);
        bridge.set("mafo0", true);
        service.says("mafo0: active");
        bridge.set("mafo1", true);
        service.says("mafo1: adapter B reports its link");
        let mut streams = vec![call()];
        exchange(&mut streams[0], 0, 5000);
        file.becomes(&format!("{SETTINGS}[[policy.rule]]\npath = \"host\"\n"));
        service.signal(libc::SIGHUP);
        service.says("policy: 1 rules");
        streams.push(call());
        file.becomes(&format!("{SETTINGS}[[policy.rule]]\npaht = \"offload\"\n"));
        service.signal(libc::SIGHUP);
        service.says("policy: nothing has changed");
        service.says("mafo.toml:7:1: 'paht' is no key of a rule (is 'path' meant?)");
        streams.push(call());
        file.becomes(SETTINGS);
        service.signal(libc::SIGHUP);
        service.says("policy: 0 rules");
        streams.push(call());
        let all = |streams: &mut Vec<TcpStream>| {
            for (k, stream) in streams.iter_mut().enumerate() {
                exchange(stream, k, 20_000);
            }
        };
        all(&mut streams);
        bridge.set("mafo0", false);
        service.says("mafo1: active");
        // The first and the last are an adapter's; the others are the host's, whatever carries them.
        service.says("all 2 connections moved");
        all(&mut streams);
        streams.into_iter().for_each(hang_up);
        assert!(service.end_by(libc::SIGINT).success());
        service.says("4 connections served (0 of them open, 0 failed)");
    })
}

/// What cannot be is said in a sentence, exit code 2.
pub(crate) fn bad_input() -> Outcome {
    for (arguments, named) in [
        (&["--taps", "mafo0", "--addr", "10.77.0.2/24"][..], "two"),
        (&["--taps", "a,b", "--addr", "10.77.0.2"], "10.77.0.2/24"),
        (&["--taps", "a,b", "--addr", "fd00::2/64"], "IPv4"),
        (&["--taps", "a,b", "--addr", "10.77.0.2/24", "--port", "0"], "1..=65535"),
        (&["--taps", "a,b/c", "--addr", "10.77.0.2/24"], "b/c"),
        (&["--taps", "lo,b", "--addr", "10.77.0.2/24"], "lo"),
        (&["--tap", "a,b", "--addr", "10.77.0.2/24"], "--taps"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_mafo"))
            .arg("echo")
            .args(arguments)
            .output()
            .expect("the program runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        let no_rights = error.contains("permission") || error.contains("no TAP devices");
        assert!(error.contains(named) || no_rights, "{arguments:?} does not name {named}: {error}");
    }
    Outcome::Done
}

/// The help says what becomes of the processor and of the cables.
pub(crate) fn help() -> Outcome {
    let help = Command::new(env!("CARGO_BIN_EXE_mafo"))
        .args(["echo", "--help"])
        .output()
        .expect("the program runs");
    let text = String::from_utf8_lossy(&help.stdout);
    for word in ["sleeps until the next frame", "left down and without address"] {
        assert!(text.contains(word), "{word:?} is missing: {text}");
    }
    Outcome::Done
}
