//! A program that tells of itself, as others see it: by its sockets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use mafo_telemetry::{
    Collector, Content, Json, Metrics, OUTPUT_MAX, Port, Section, Snapshot, Socket,
};
use socket2::{Domain, SockAddr, Type};

/// An lcore that says how often it was asked, and a folder for sockets.
struct Program {
    folder: PathBuf,
    collector: Arc<Mutex<Collector>>,
    stop: Arc<AtomicBool>,
    lcore: Option<JoinHandle<()>>,
}

impl Program {
    fn new(test: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("mafo-telemetry-{}-{test}", std::process::id()));
        let (collector, mut publishers) = Collector::new(1);
        let publisher = publishers.pop().expect("one");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let lcore = thread::spawn(move || {
            let mut asked = 0;
            while !stopped.load(Ordering::Relaxed) {
                if publisher.is_wanted() {
                    asked += 1;
                    publisher.publish(snapshot(asked));
                }
                thread::yield_now();
            }
        });
        Self { folder, collector: Arc::new(Mutex::new(collector)), stop, lcore: Some(lcore) }
    }

    fn listen(&self, prefix: &str) -> Socket {
        let folder = self.folder.join("dpdk").join(prefix);
        Socket::start(&folder, "mafo 1", Arc::clone(&self.collector)).expect("listens")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.lcore.take().map(JoinHandle::join);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn snapshot(asked: u64) -> Snapshot {
    let port = Port {
        name: "A0".to_owned(),
        stats: vec![("ipackets".to_owned(), asked)],
        ..Port::default()
    };
    let long = Json::Text("x".repeat(OUTPUT_MAX));
    let section = |name, content| Section { name, help: "", content };
    Snapshot {
        ports: vec![port],
        sections: vec![
            section("/mafo/asked", Content::Whole(Json::numbers([("times", asked)]))),
            section("/mafo/long", Content::Whole(long)),
        ],
    }
}

fn connect(socket: &Socket) -> socket2::Socket {
    let client = socket2::Socket::new(Domain::UNIX, Type::SEQPACKET, None).expect("a socket");
    client.connect(&SockAddr::unix(socket.path()).expect("a path")).expect("listens");
    client
}

fn hear(client: &mut socket2::Socket) -> String {
    let mut buf = vec![0; 2 * OUTPUT_MAX];
    let len = client.read(&mut buf).expect("an answer");
    String::from_utf8(buf[..len].to_vec()).expect("text")
}

fn ask(client: &mut socket2::Socket, command: &str) -> String {
    client.write_all(command.as_bytes()).expect("listens");
    hear(client)
}

#[test]
fn a_client_is_greeted_and_answered_with_what_is_so_now() {
    let program = Program::new("greeting");
    let socket = program.listen("mafo");
    let mut client = connect(&socket);
    let info = format!(
        "{{\"version\":\"mafo 1\",\"pid\":{},\"max_output_len\":131072}}",
        std::process::id()
    );
    assert_eq!(hear(&mut client), info);
    assert_eq!(ask(&mut client, "/info"), format!("{{\"/info\":{info}}}"));
    // The lcore was asked anew for each answer.
    assert_eq!(ask(&mut client, "/mafo/asked"), r#"{"/mafo/asked":{"times":2}}"#);
    assert_eq!(ask(&mut client, "/ethdev/stats,0"), r#"{"/ethdev/stats":{"ipackets":3}}"#);
    assert_eq!(ask(&mut client, "what"), r#"{"what":null}"#);
    let refused = ask(&mut client, "/mafo/long");
    assert!(refused.contains("more than an answer has"), "{}", refused.len());
    let path = socket.path().to_owned();
    drop(socket);
    assert!(!path.exists(), "it goes with the program");
}

/// Two programs with one prefix have two sockets; one that ended badly leaves its place to the next.
#[test]
fn each_program_has_its_own_socket() {
    let program = Program::new("instances");
    let first = program.listen("mafo");
    let second = program.listen("mafo");
    let name = |socket: &Socket| socket.path().file_name().expect("a name").to_owned();
    assert_eq!(
        (name(&first), name(&second)),
        ("dpdk_telemetry.v2".into(), "dpdk_telemetry.v2:1".into())
    );
    hear(&mut connect(&second));
    let left = program.folder.join("dpdk/other");
    std::fs::create_dir_all(&left).expect("a folder");
    let dead = socket2::Socket::new(Domain::UNIX, Type::SEQPACKET, None).expect("a socket");
    dead.bind(&SockAddr::unix(left.join("dpdk_telemetry.v2")).expect("a path")).expect("free");
    drop(dead);
    let third = program.listen("other");
    assert_eq!(name(&third), "dpdk_telemetry.v2");
    hear(&mut connect(&third));
}

#[test]
fn metrics_are_fetched_by_http() {
    let program = Program::new("metrics");
    let metrics =
        Metrics::start(([127, 0, 0, 1], 0).into(), Arc::clone(&program.collector)).expect("free");
    let fetch = |request: &str| {
        let mut stream = TcpStream::connect(metrics.address()).expect("listens");
        stream.write_all(request.as_bytes()).expect("listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    let answer = fetch("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\nmafo_ethdev_ipackets{port=\"0\",name=\"A0\"} 1\n"), "{answer}");
    assert!(fetch("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(fetch("POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
}

/// DPDK's own client finds the socket, and understands it.
#[test]
fn dpdk_s_client_understands_it() {
    let client = "/usr/bin/dpdk-telemetry.py";
    if !std::path::Path::new(client).exists() {
        eprintln!("no {client}: not compared");
        return;
    }
    let program = Program::new("dpdk");
    let _socket = program.listen("mafo");
    let mut child = Command::new(client)
        .args(["-f", "mafo"])
        .env("RUNTIME_DIRECTORY", &program.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let commands = b"/ethdev/list\n/ethdev/info,0\n/ethdev/stats,1\nquit\n";
    child.stdin.take().expect("piped").write_all(commands).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = [
        r#"{"/ethdev/list": [0]}"#,
        r#"{"/ethdev/info": {"name": "A0", "link_up": false}}"#,
        r#"{"/ethdev/stats": null}"#,
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}
