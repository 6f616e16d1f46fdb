//! DPDK's telemetry socket, version 2: a greeting, then a command a packet, and its answer.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::time::Duration;

use crate::SharedSource;
use crate::json::Json;
use crate::place::Place;
use crate::service::Service;
use crate::snapshot::scope_of;

/// The longest answer, in bytes: what a packet of a UNIX socket has room for with its usual buffers.
pub const OUTPUT_MAX: usize = 128 << 10;
/// The longest command: DPDK's.
const COMMAND_MAX: usize = 1024;
/// Clients at a time: DPDK's.
const CLIENTS_MAX: usize = 10;
/// How long a client may take to listen. An answer is one packet, and so is a command: there is no half of either.
const PATIENCE: Duration = Duration::from_secs(2);

/// A socket that is answered, as long as it lives.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    _service: Service,
}

impl Socket {
    /// Listens at `place`. `version` is that of the greeting.
    pub fn start(place: &Place, version: &str, source: SharedSource) -> io::Result<Self> {
        let (listener, path) = place.bind()?;
        let info = Json::Object(vec![
            ("version".to_owned(), Json::from(version)),
            ("pid".to_owned(), Json::Number(std::process::id().into())),
            ("max_output_len".to_owned(), Json::Number(OUTPUT_MAX as u64)),
        ]);
        let serve = move |client: &socket2::Socket| {
            // Who goes away in the middle has gone away.
            let _ = serve(client, &info, &source);
        };
        let service = Service::start("telemetry", listener, CLIENTS_MAX, serve)?;
        Ok(Self { path, _service: service })
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

fn serve(mut client: &socket2::Socket, info: &Json, source: &SharedSource) -> io::Result<()> {
    client.set_write_timeout(Some(PATIENCE))?;
    client.write_all(info.to_string().as_bytes())?;
    let mut command = [0; COMMAND_MAX];
    loop {
        let len = client.read(&mut command)?;
        if len == 0 {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&command[..len]);
        let line = line.trim_matches(['\0', '\n', ' ']);
        let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = source.snapshot(scope_of(line));
        drop(source);
        let mut answer = snapshot.answer(line, info).to_string();
        if answer.len() > OUTPUT_MAX {
            let why =
                format!("{} bytes are more than an answer has: ask for one of them", answer.len());
            answer = Json::one(line.split(',').next().unwrap_or(line), Json::Text(why)).to_string();
        }
        client.write_all(answer.as_bytes())?;
    }
}
