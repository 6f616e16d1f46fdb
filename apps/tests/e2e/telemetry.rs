//! What programs tell of themselves, asked from outside: by DPDK's client, by curl, and beside what Linux says of the same
//! connections.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::cases::Outcome;
use crate::{good, mafo};

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder that goes with its case.
struct Folder(PathBuf);

impl Folder {
    fn new(case: &str) -> Self {
        let path = std::env::temp_dir().join(format!("mafo-told-{}-{case}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whoever asks a program by its socket.
pub(crate) struct Asker(Socket);

impl Asker {
    /// When it listens.
    pub(crate) fn at(path: &Path) -> Self {
        let socket = Socket::new(Domain::UNIX, Type::SEQPACKET, None).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time");
        let address = SockAddr::unix(path).expect("a path");
        let deadline = Instant::now() + PATIENCE;
        while socket.connect(&address).is_err() {
            assert!(Instant::now() < deadline, "nobody listens at {}", path.display());
            thread::sleep(Duration::from_millis(10));
        }
        let mut asker = Self(socket);
        let greeting = asker.hear();
        assert!(greeting.starts_with("{\"version\":\"mafo "), "{greeting}");
        asker
    }

    fn hear(&mut self) -> String {
        let mut answer = vec![0; 256 << 10];
        let len = self.0.read(&mut answer).expect("an answer");
        String::from_utf8(answer[..len].to_vec()).expect("text")
    }

    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.0.write_all(command.as_bytes()).expect("it listens");
        self.hear()
    }

    /// Asks until the answer has `what`.
    pub(crate) fn ask_until(&mut self, command: &str, what: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask(command);
            if answer.contains(what) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{command} never has {what}: {answer}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The number of a name in an answer, or in a line of `ss`.
pub(crate) fn number(text: &str, name: &str) -> u64 {
    let at = text.find(name).unwrap_or_else(|| panic!("no {name} in {text}"));
    let digits = text[at + name.len()..].chars().take_while(char::is_ascii_digit);
    digits.collect::<String>().parse().unwrap_or_else(|_| panic!("{name} in {text}"))
}

/// A drill that goes on until it is ended.
struct Drill(Child);

impl Drill {
    fn start(arguments: &[&str]) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_mafo"))
            .args(["drill", "--peer", "smoltcp", "--count", "100000"])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("it runs"))
    }
}

impl Drop for Drill {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What is in the way of a socket, or of a port, is said in one sentence.
pub(super) fn in_the_way() -> Outcome {
    let folder = Folder::new("way");
    let refused = |options: &[&str], word: &str| {
        let output = mafo(&[&["demo", "--peer", "smoltcp"], options].concat());
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        let lines: Vec<&str> = error.lines().filter(|line| !line.starts_with("peer: ")).collect();
        assert_eq!(lines.len(), 1, "{error}");
        assert!(lines[0].starts_with("mafo demo: ") && lines[0].contains(word), "{error}");
    };
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("bound").to_string();
    refused(&["--metrics", &address], &format!("--metrics {address}: Address already in use"));

    let file = folder.file("file");
    std::fs::write(&file, "mine").expect("a file");
    let option = |path: &Path| format!("--telemetry={}", path.display());
    refused(&[&option(&file)], "it is there, and is no socket of ours");
    let socket = Socket::new(Domain::UNIX, Type::SEQPACKET, None).expect("a socket");
    let path = folder.file("socket");
    socket.bind(&SockAddr::unix(&path).expect("a path")).expect("free");
    socket.listen(1).expect("listens");
    refused(&[&option(&path)], "a program listens there already");
    refused(&[&option(&folder.file("no/where"))], "No such file");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "mine");
    Outcome::Done
}

/// A drill on two lcores while it goes on: its ports, its bond, its connections, its lcores.
pub(super) fn drill() -> Outcome {
    let folder = Folder::new("drill");
    let path = folder.file("socket");
    let option = format!("--telemetry={}", path.display());
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("bound").port()
    };
    let metrics = format!("127.0.0.1:{port}");
    let drill = Drill::start(&[
        &option,
        "--metrics",
        &metrics,
        "--connections",
        "6",
        "--lcores",
        "2",
        "--interval",
        "1ms",
    ]);
    let mut asker = Asker::at(&path);
    let connections = asker.ask_until("/mafo/connections", "\"runs\":\"B0\"");
    assert_eq!(connections.matches("\"remote\":\"10.77.0.1:").count(), 6, "{connections}");
    // Each lcore has its own functions of both adapters: the ports are listed once.
    assert_eq!(asker.ask("/ethdev/list"), "{\"/ethdev/list\":[0,1]}");
    assert!(number(&asker.ask("/ethdev/stats,0"), "\"ipackets\":") > 6);
    let failover = asker.ask_until("/mafo/failover", "\"lcore\":1,\"up\":true");
    assert!(number(&failover, "\"failures\":") > 0, "{failover}");
    let lcores = asker.ask("/mafo/lcores");
    assert!(lcores.contains("\"lcore\":1"), "{lcores}");
    let help = asker.ask("/help,/mafo/connection");
    assert!(help.contains("ss -ti"), "{help}");

    let mut scrape = TcpStream::connect(&metrics).expect("it listens");
    scrape.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").expect("asked");
    let mut text = String::new();
    scrape.read_to_string(&mut text).expect("answered");
    assert!(text.starts_with("HTTP/1.") && text.contains(" 200 OK\r\n"), "{text}");
    assert!(text.contains("\nmafo_bond_failures_total "), "{text}");
    assert!(text.contains("\nmafo_lcore_turns_total{lcore=\"1\"} "), "{text}");
    drop(drill);
    // It ended otherwise: its socket is there, and in nobody's way.
    assert!(path.exists());
    let json = good(&["--peer", "smoltcp", "--bytes", "64K", "--connections", "2", &option]);
    assert!(json.contains("\"ok\":true"), "{json}");
    assert!(!path.exists(), "it goes with a program that ends");
    Outcome::Done
}
