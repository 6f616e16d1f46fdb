//! What a program tells of its lcores while it runs: to whoever asks by DPDK's telemetry socket, and to Prometheus.
//!
//! ```text
//!  lcore: Node or service ── turn ──► Teller ── Told, filled in slices ──► Words ──► Snapshot ──► threads that answer
//! ```
//!
//! An lcore that nobody asks counts its turns and looks at one word. When somebody asks it fills a buffer that it is lent: what
//! it counted in one turn, what the MACs counted a few registers a turn, connections [`lcore::SLICE`] a turn. Names and sentences
//! are made by the threads that answer.

mod lcore;
mod portrait;
mod reason;
mod told;
mod words;

pub(crate) use lcore::Teller;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::thread;

use clap::Args;
use mafo_telemetry::{Collector, Metrics, Place, SharedSource, Socket, directory};

use self::told::Told;
use self::words::Words;
use crate::sys;

/// The prefix that DPDK's tools find our programs by: `dpdk-telemetry.py -f mafo`.
const PREFIX: &str = "mafo";
/// Stands for the run-time directory where the path of a socket could be.
const DEFAULT: &str = "default";

/// To whom a program tells how it stands.
#[derive(Args, Clone, Debug, Default)]
pub struct TellOptions {
    /// Tell how all stands by a UNIX socket, as DPDK's telemetry does: at PATH, or, without it, in DPDK's run-time directory,
    /// where `dpdk-telemetry.py -f mafo` finds it. docs/telemetry.md says what can be asked
    #[arg(long, value_name = "PATH", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT)]
    pub telemetry: Option<At>,
    /// Tell Prometheus what is counted, at http://ADDRESS:PORT/metrics
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics: Option<SocketAddr>,
}

impl TellOptions {
    /// Whether anybody is to be told.
    pub(crate) fn is_wanted(&self) -> bool {
        self.telemetry.is_some() || self.metrics.is_some()
    }
}

/// Where a socket is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// In the run-time directory.
    Default,
    /// There.
    Path(PathBuf),
}

impl FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("a path, or `default` for the run-time directory".to_owned()),
            DEFAULT => Ok(Self::Default),
            path => Ok(Self::Path(path.into())),
        }
    }
}

/// Those that answer, as long as this lives.
#[derive(Debug)]
pub(crate) struct Telling {
    socket: Option<Socket>,
    metrics: Option<Metrics>,
}

/// Begins to tell, if somebody wants that: who answers, and what each lcore has for it. An lcore has no more than `sockets`
/// connections. What fails is a sentence; where it can be asked is said by `say`.
pub(crate) fn start(
    options: &TellOptions,
    (lcores, sockets): (usize, usize),
    mut say: impl FnMut(String),
) -> Result<(Option<Telling>, Vec<Teller>), String> {
    if !options.is_wanted() {
        return Ok((None, Vec::new()));
    }
    let (collector, publishers) = Collector::new(lcores, |_| Told::with_room_for(sockets));
    let (tellers, names): (Vec<Teller>, Vec<_>) = publishers.into_iter().map(Teller::new).unzip();
    let source: SharedSource = Arc::new(Mutex::new(Words::new(collector, names)));
    // Threads are born with the signals blocked of whoever makes them: one that were not would be ended by what another waits for.
    let serving = thread::scope(|threads| {
        let serving = threads.spawn(|| {
            sys::leave_signals_to_others();
            serve(options, source)
        });
        serving.join()
    });
    let telling = serving.map_err(|_| "--telemetry: its thread has ended".to_owned())??;
    if let Some(socket) = &telling.socket {
        say(format!("telemetry: {}", socket.path().display()));
    }
    if let Some(metrics) = &telling.metrics {
        say(format!("metrics: http://{}/metrics", metrics.address()));
    }
    Ok((Some(telling), tellers))
}

/// Has all listen that are asked for.
fn serve(options: &TellOptions, source: SharedSource) -> Result<Telling, String> {
    let version = concat!("mafo ", env!("CARGO_PKG_VERSION"));
    let socket = options.telemetry.as_ref().map(|at| {
        let place = match at {
            At::Default => Place::Directory(directory(PREFIX)),
            At::Path(path) => Place::Path(path.clone()),
        };
        Socket::start(&place, version, Arc::clone(&source)).map_err(|e| format!("--telemetry: {e}"))
    });
    let socket = socket.transpose()?;
    let metrics = options.metrics.map(|address| {
        Metrics::start(address, source).map_err(|e| format!("--metrics {address}: {e}"))
    });
    Ok(Telling { socket, metrics: metrics.transpose()? })
}

#[cfg(test)]
mod tests;
