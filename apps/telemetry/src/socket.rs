//! DPDK's telemetry socket, version 2: a greeting, then a command a packet, and its answer.

use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use socket2::{Domain, SockAddr, Type};

use crate::json::Json;
use crate::slot::Collector;

/// The longest answer, in bytes: what a packet of a UNIX socket has room for with its usual buffers.
pub const OUTPUT_MAX: usize = 128 << 10;
/// The longest command: DPDK's.
const COMMAND_MAX: usize = 1024;
/// Clients at a time: DPDK's.
const CLIENTS_MAX: usize = 10;
/// Programs with the same prefix.
const INSTANCES_MAX: usize = 64;
/// The socket's name, which others find it by.
const NAME: &str = "dpdk_telemetry.v2";

/// Where the socket of a program with this prefix is, as DPDK's are found: below RUNTIME_DIRECTORY, else /var/run for root
/// and XDG_RUNTIME_DIR, or /tmp, for others.
#[must_use]
pub fn directory(prefix: &str) -> PathBuf {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let root = of("RUNTIME_DIRECTORY").map_or_else(
        || {
            if is_root {
                PathBuf::from("/var/run")
            } else {
                of("XDG_RUNTIME_DIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
            }
        },
        PathBuf::from,
    );
    root.join("dpdk").join(prefix)
}

/// A socket that is answered, as long as it lives.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
}

impl Socket {
    /// Listens in `directory`, which is made if it is not there, for nobody but us. Where another program listens already, behind its name
    /// with a number. `version` is that of the greeting.
    pub fn start(
        directory: &Path,
        version: &str,
        collector: Arc<Mutex<Collector>>,
    ) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let (listener, path) = bind(directory)?;
        let info = Arc::new(Json::Object(vec![
            ("version".to_owned(), Json::from(version)),
            ("pid".to_owned(), Json::Number(std::process::id().into())),
            ("max_output_len".to_owned(), Json::Number(OUTPUT_MAX as u64)),
        ]));
        thread::Builder::new().name("telemetry".to_owned()).spawn(move || {
            let clients = Arc::new(AtomicUsize::new(0));
            while let Ok((client, _)) = listener.accept() {
                if clients.load(Ordering::Relaxed) >= CLIENTS_MAX {
                    continue;
                }
                clients.fetch_add(1, Ordering::Relaxed);
                let (left, info) = (Arc::clone(&clients), Arc::clone(&info));
                let collector = Arc::clone(&collector);
                let spawned = thread::Builder::new().spawn(move || {
                    // Who goes away in the middle has gone away.
                    let _ = serve(client, &info, &collector);
                    left.fetch_sub(1, Ordering::Relaxed);
                });
                if spawned.is_err() {
                    clients.fetch_sub(1, Ordering::Relaxed);
                }
            }
        })?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

fn packets() -> io::Result<socket2::Socket> {
    socket2::Socket::new(Domain::UNIX, Type::SEQPACKET, None)
}

/// A socket with the first name that nobody listens by; what a program that ended otherwise has left is taken away.
fn bind(directory: &Path) -> io::Result<(socket2::Socket, PathBuf)> {
    for n in 0..INSTANCES_MAX {
        let name = if n == 0 { NAME.to_owned() } else { format!("{NAME}:{n}") };
        let path = directory.join(name);
        let address = SockAddr::unix(&path)?;
        if packets()?.connect(&address).is_ok() {
            continue;
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = packets()?;
        listener.bind(&address)?;
        listener.listen(CLIENTS_MAX as i32)?;
        return Ok((listener, path));
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{INSTANCES_MAX} programs listen here")))
}

fn serve(mut client: socket2::Socket, info: &Json, collector: &Mutex<Collector>) -> io::Result<()> {
    client.write_all(info.to_string().as_bytes())?;
    let mut command = [0; COMMAND_MAX];
    loop {
        let len = client.read(&mut command)?;
        if len == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&command[..len]);
        let line = line.trim_matches(['\0', '\n', ' ']);
        let snapshot = collector.lock().unwrap_or_else(PoisonError::into_inner).collect();
        let mut answer = snapshot.answer(line, info).to_string();
        if answer.len() > OUTPUT_MAX {
            let why =
                format!("{} bytes are more than an answer has: ask for one of them", answer.len());
            answer = Json::one(line.split(',').next().unwrap_or(line), Json::Text(why)).to_string();
        }
        client.write_all(answer.as_bytes())?;
    }
}
