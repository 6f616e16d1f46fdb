//! A program that tells of itself, as others see it: by its sockets.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use mafo_telemetry::{
    Collector, Content, Json, Metrics, OUTPUT_MAX, Place, Port, Scope, Section, Snapshot, Socket,
    Source,
};
use socket2::{Domain, SockAddr, Type};

/// Says how often its lcore was asked.
struct Told(Collector<u64>);

impl Source for Told {
    fn snapshot(&mut self, scope: Scope) -> Snapshot {
        let asked = self.0.collect(scope).into_iter().copied().sum();
        let port = Port {
            name: "A0".to_owned(),
            link_up: Some(false),
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
            metrics: Vec::new(),
        }
    }
}

/// An lcore, and a folder for sockets.
struct Program {
    folder: PathBuf,
    source: Arc<Mutex<Told>>,
    stop: Arc<AtomicBool>,
    lcore: Option<JoinHandle<()>>,
}

impl Program {
    fn new(test: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("mafo-telemetry-{}-{test}", std::process::id()));
        let (collector, mut publishers) = Collector::new(1, |_| 0);
        let mut publisher = publishers.pop().expect("one");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let lcore = thread::spawn(move || {
            let mut asked = 0;
            while !stopped.load(Ordering::Relaxed) {
                if publisher.is_wanted() && publisher.take().is_some() {
                    asked += 1;
                    publisher.publish(asked);
                }
                thread::yield_now();
            }
        });
        Self { folder, source: Arc::new(Mutex::new(Told(collector))), stop, lcore: Some(lcore) }
    }

    fn directory(&self, prefix: &str) -> PathBuf {
        self.folder.join("dpdk").join(prefix)
    }

    fn at(&self, place: &Place) -> std::io::Result<Socket> {
        let source = Arc::clone(&self.source);
        Socket::start(place, "mafo 1", source)
    }

    fn listen(&self, prefix: &str) -> Socket {
        self.at(&Place::Directory(self.directory(prefix))).expect("listens")
    }

    fn metrics(&self) -> Metrics {
        let source = Arc::clone(&self.source);
        Metrics::start(([127, 0, 0, 1], 0).into(), source).expect("free")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.lcore.take().map(JoinHandle::join);
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn packets() -> socket2::Socket {
    socket2::Socket::new(Domain::UNIX, Type::SEQPACKET, None).expect("a socket")
}

fn connect(path: &Path) -> socket2::Socket {
    let client = packets();
    client.connect(&SockAddr::unix(path).expect("a path")).expect("listens");
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

fn fetch(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("listens");
    stream.write_all(request.as_bytes()).expect("listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn a_client_is_greeted_and_answered_with_what_is_so_now() {
    let program = Program::new("greeting");
    let socket = program.listen("mafo");
    let mut client = connect(socket.path());
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
    // Whoever is still connected is not waited for.
    drop(socket);
    assert!(!path.exists(), "it goes with the program");
    assert_eq!(hear(&mut client), "", "and so does who answered");
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
    hear(&mut connect(second.path()));
    let third = {
        let left = program.listen("other").path().to_owned();
        packets().bind(&SockAddr::unix(&left).expect("a path")).expect("free");
        program.listen("other")
    };
    assert_eq!(name(&third), "dpdk_telemetry.v2");
    hear(&mut connect(third.path()));
}

/// What is in the way and not ours stays, and is named.
#[test]
fn nothing_is_taken_away_that_is_not_ours() {
    let program = Program::new("ours");
    fs::create_dir_all(&program.folder).expect("a folder");
    let path = program.folder.join("there");
    fs::write(&path, "mine").expect("a file");
    let refused = |place: Place| program.at(&place).expect_err("refused").to_string();
    let why = refused(Place::Path(path.clone()));
    assert_eq!(why, format!("{}: it is there, and is no socket of ours", path.display()));
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "mine");

    let socket = program.at(&Place::Path(program.folder.join("socket"))).expect("free");
    let why = refused(Place::Path(socket.path().to_owned()));
    assert!(why.ends_with("a program listens there already"), "{why}");
    hear(&mut connect(socket.path()));
    let why = refused(Place::Path(program.folder.join("no/folder")));
    assert!(why.contains("no/folder: No such file"), "{why}");
}

/// In a folder that others may write to a socket could be anybody's.
#[test]
fn the_run_time_directory_is_ours_alone() {
    let program = Program::new("directory");
    let socket = program.listen("mafo");
    for folder in [program.directory("mafo"), program.folder.join("dpdk")] {
        assert_eq!(fs::metadata(&folder).expect("it is there").mode() & 0o777, 0o700);
    }
    drop(socket);
    let refused = |prefix: &str| {
        let place = Place::Directory(program.directory(prefix));
        program.at(&place).expect_err("refused").to_string()
    };
    let mode = |mode| {
        let folder = program.folder.join("dpdk");
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).expect("ours");
    };
    mode(0o777);
    let why = refused("mafo");
    assert!(why.contains("/dpdk: others may write to it"), "{why}");
    mode(0o700);
    symlink(program.directory("mafo"), program.directory("link")).expect("free");
    let why = refused("link");
    assert!(why.ends_with("it is there, and is no directory"), "{why}");
    // Only root can give something away.
    if std::os::unix::fs::chown(program.directory("mafo"), Some(12_345), None).is_ok() {
        let why = refused("mafo");
        assert!(why.contains("it belongs to user 12345"), "{why}");
    }
}

#[test]
fn metrics_are_fetched_by_http() {
    let program = Program::new("metrics");
    let metrics = program.metrics();
    let fetch = |request: &str| fetch(metrics.address(), request);
    let answer = fetch(GET);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let line = "\nmafo_ethdev_ipackets_total{port=\"0\",name=\"A0\"} 1\n";
    assert!(answer.contains(line), "{answer}");
    assert!(fetch("GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(fetch("POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    let address = metrics.address();
    drop(metrics);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}

/// Who says a byte now and then has the service no longer than others, and keeps nobody from it.
#[test]
fn a_slow_client_holds_nobody_up() {
    let program = Program::new("slow");
    let metrics = program.metrics();
    let mut slow = TcpStream::connect(metrics.address()).expect("listens");
    slow.write_all(b"GET /metrics").expect("listens");
    let mut over = false;
    for n in 0..1000 {
        if n == 1 {
            assert!(fetch(metrics.address(), GET).starts_with("HTTP/1.1 200 "));
        }
        slow.set_read_timeout(Some(Duration::from_millis(20))).expect("a time");
        over |= slow.read(&mut [0; 64]).is_ok_and(|len| len == 0) || slow.write_all(b"x").is_err();
        if over {
            break;
        }
    }
    assert!(over, "a thousand bytes later it is still listened to");
}

/// The environment in which this file plays a program without descriptors.
const POOR: &str = "MAFO_TELEMETRY_POOR";

/// A program that has run out of descriptors for a while answers whoever has waited.
#[test]
fn a_program_without_descriptors_serves_later() {
    let program = Program::new("poor");
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 40; exec \"$0\" --exact --nocapture plays_a_poor_program"])
        .arg(std::env::current_exe().expect("this program"))
        .env(POOR, &program.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut said = BufReader::new(child.stdout.take().expect("piped")).lines();
    let address = said
        .find_map(|line| line.expect("text").split_once("listens at ").map(|(_, at)| at.to_owned()))
        .expect("it says where");
    let address: SocketAddr = address.parse().expect("an address");
    // Both wait in a queue of the system.
    let mut client = connect(&program.folder.join("socket"));
    let mut stream = TcpStream::connect(address).expect("listens");
    stream.write_all(GET.as_bytes()).expect("listens");
    // Nothing can be seen of a service that has failed to accept, but that it is there later.
    thread::sleep(Duration::from_millis(50));
    let mut input = child.stdin.take().expect("piped");
    input.write_all(b"\n").expect("it reads");
    assert!(hear(&mut client).starts_with("{\"version\""));
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    drop(input);
    assert!(child.wait().expect("it ends").success());
}

/// No test of its own: [`a_program_without_descriptors_serves_later`] runs it.
#[test]
fn plays_a_poor_program() {
    let Some(folder) = std::env::var_os(POOR).map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).expect("a folder");
    let program = Program::new("child");
    let socket = program.at(&Place::Path(folder.join("socket"))).expect("free");
    let metrics = program.metrics();
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    println!("listens at {}", metrics.address());
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    drop(files);
    // Until who has asked has gone.
    std::io::stdin().read_line(&mut line).expect("the end");
    drop((socket, metrics));
}

/// DPDK's own client finds the socket, and understands it.
#[test]
fn dpdk_s_client_understands_it() {
    let client = "/usr/bin/dpdk-telemetry.py";
    if !Path::new(client).exists() {
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
        r#"{"/ethdev/info": {"name": "A0"}}"#,
        r#"{"/ethdev/stats": null}"#,
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}
