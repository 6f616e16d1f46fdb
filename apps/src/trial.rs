//! Connections between us and another TCP over one bad cable, compared to the last byte.
//!
//! ```text
//!   application ── sockets ── host path ─┐                                    ┌─ Linux, behind a TAP
//!                             or adapter ┴─ port ── impairments ── cable ─────┴─ smoltcp
//! ```
//!
//! Linux lives in real time, so does a trial with it; one with smoltcp lives in virtual time, and the
//! same seed makes it the same frames.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use mafo::eal::clock::Clock;
use mafo::wire::impair::{ImpairCounters, Impairments};
use mafo::wire::mem::LinkConfig;
use mafo::wire::tap::{Tap, TapFds};
use mafo::wire::{Impaired, ImpairedConfig, Wire, WireCounters};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Frame, FrameBurst, Host, HostConfig, Nanos, Options,
    PortId, SoftConfig, StackConfig,
};
use thiserror::Error;

use crate::other::Other;
use crate::ours::Application;
use crate::peer::{Command, End, Event, KernelPeer, PeerConfig, PeerError, Plan, Sending};
use crate::smoltcp_peer::{SmoltcpConfig, SmoltcpPeer};

/// Largest IP packet.
const MTU: u16 = 1500;
/// How long nothing may move.
const PATIENCE: Nanos = Nanos::from_secs(60);
/// A turn of virtual time.
const STEP: Nanos = Nanos::from_micros(50);

/// Whom we talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum With {
    /// Linux, its sockets with this congestion control.
    Kernel {
        /// The kernel's name for it.
        congestion: &'static str,
    },
    /// smoltcp.
    Smoltcp,
}

/// A trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Our sockets.
    pub options: Options,
    /// The other host.
    pub with: With,
    /// Who opens the connections.
    pub opener: End,
    /// How many.
    pub connections: u32,
    /// Bytes that each carries in each direction, at least.
    pub bytes: u64,
    /// What happens to the frames of each direction.
    pub impairments: Impairments,
    /// Decides the streams, and what the impairments hit.
    pub seed: u64,
}

/// What came of it: everything arrived, and nothing else.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Bytes that we sent and the other host received.
    pub sent: u64,
    /// Bytes that it sent and we received.
    pub received: u64,
    /// What happened to the frames that we sent.
    pub tx_impaired: ImpairCounters,
    /// What happened to the frames that it sent.
    pub rx_impaired: ImpairCounters,
}

/// Why a trial has no verdict.
#[derive(Debug, Error)]
pub enum TrialError {
    /// The system has no peer of this kind.
    #[error("no peer: {0}")]
    NoPeer(PeerError),
    /// The peer process broke.
    #[error("the peer: {0}")]
    Peer(#[from] PeerError),
    /// Our host could not be made, or broke.
    #[error(transparent)]
    Host(#[from] mafo::HostError),
    /// A cable could not be made.
    #[error("the cable: {0}")]
    Cable(#[from] mafo::wire::TapError),
    /// Bytes or connections were lost.
    #[error("{0}")]
    Wrong(String),
}

fn wrong<T>(why: impl Into<String>) -> Result<T, TrialError> {
    Err(TrialError::Wrong(why.into()))
}

/// An impaired wire whose counters can be read while it is plugged in.
struct Watched {
    wire: Impaired<Box<dyn Wire>>,
    seen: Arc<Mutex<[ImpairCounters; 2]>>,
}

impl Watched {
    fn note(&self) {
        let counters = [*self.wire.tx_impair_counters(), *self.wire.rx_impair_counters()];
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }
}

impl Wire for Watched {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        let count = self.wire.rx_burst(now, burst);
        self.note();
        count
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        self.wire.tx_burst(now, frames)
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        self.wire.link_up(now)
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.wire.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        self.wire.counters()
    }
}

/// What the other host said of a connection.
#[derive(Clone, Copy, Debug, Default)]
struct Far {
    established: bool,
    closed: Option<(u64, u64, u64)>,
}

struct Running<'a> {
    trial: &'a Trial,
    clock: Option<Clock>,
    now: Nanos,
    host: Host,
    other: Other,
    far: Vec<Far>,
    /// The other host has answered: it takes commands.
    answered: bool,
    progress: (u64, Nanos),
}

/// Runs a trial to its end.
pub fn run(trial: &Trial) -> Result<Verdict, TrialError> {
    let plan = Plan::default();
    let (other, near) = start(trial, &plan)?;
    let config = ImpairedConfig {
        mtu: usize::from(MTU),
        tx: trial.impairments,
        rx: trial.impairments,
        seed: trial.seed.wrapping_add(1000),
        ..ImpairedConfig::default()
    };
    let seen = Arc::new(Mutex::new(<[ImpairCounters; 2]>::default()));
    let wire = Watched { wire: Impaired::new(near, &config), seen: Arc::clone(&seen) };
    let clock = matches!(other, Other::Kernel(_)).then(Clock::start);
    let mut running = Running {
        trial,
        clock,
        now: Nanos::from_millis(1),
        host: host(&plan, Box::new(wire), trial.seed, |stack| {
            stack.sockets_max = trial.connections + 16;
        })?,
        other,
        far: vec![Far::default(); trial.connections as usize],
        answered: false,
        progress: (0, Nanos::ZERO),
    };
    let mut verdict = running.course(&plan)?;
    running.other.stop()?;
    let seen = *seen.lock().unwrap_or_else(PoisonError::into_inner);
    [verdict.tx_impaired, verdict.rx_impaired] = seen;
    Ok(verdict)
}

/// The other host, and the near end of the cable to it.
fn start(trial: &Trial, plan: &Plan) -> Result<(Other, Box<dyn Wire>), TrialError> {
    match trial.with {
        With::Kernel { congestion } => {
            let config = PeerConfig {
                plan: plan.clone(),
                taps: 1,
                connections: trial.connections,
                seed: trial.seed,
                congestion: Some(congestion.to_owned()),
                ..PeerConfig::default()
            };
            let (kernel, fds) = KernelPeer::start(config).map_err(TrialError::NoPeer)?;
            let tap = fds.into_iter().next().ok_or_else(|| {
                TrialError::NoPeer(PeerError::from(io::Error::other("it came without a cable")))
            })?;
            let tap = Tap::from_fds(TapFds { tap: tap.fd, route: tap.link })?;
            Ok((Other::Kernel(kernel), Box::new(tap)))
        }
        With::Smoltcp => {
            let config = SmoltcpConfig {
                plan: plan.clone(),
                cables: 1,
                mtu: MTU,
                connections: trial.connections,
                seed: trial.seed,
                link: LinkConfig { queue_frames: 4096, ..LinkConfig::default() },
                ..SmoltcpConfig::default()
            };
            let (peer, ends) = SmoltcpPeer::start(config).map_err(TrialError::NoPeer)?;
            let end = ends.into_iter().next().ok_or_else(|| {
                TrialError::NoPeer(PeerError::from(io::Error::other("it came without a cable")))
            })?;
            Ok((Other::Smoltcp(Box::new(peer)), Box::new(end)))
        }
    }
}

/// Our host, with one software adapter on `wire` and what `set` makes of its stack.
pub(crate) fn host(
    plan: &Plan,
    wire: Box<dyn Wire>,
    seed: u64,
    set: impl FnOnce(&mut StackConfig),
) -> Result<Host, TrialError> {
    let mut stack = StackConfig::new(plan.ours, plan.prefix_len, [0x02, 0x4d, 0x46, 0, 0, 2]);
    stack.mtu = MTU;
    stack.secret[..8].copy_from_slice(&seed.to_le_bytes());
    set(&mut stack);
    let mut asic = AsicConfig::t540_cr();
    asic.seed = seed;
    let driver = AdapterConfig { mtu: MTU, ..AdapterConfig::default() };
    let adapters = vec![SoftConfig { asic, driver, wires: vec![(PortId(0), wire)] }];
    Ok(Host::new(HostConfig::new(stack, adapters, BondConfig::new(vec![(0, PortId(0))])))?)
}

impl Running<'_> {
    fn turn(&mut self, ours: Option<&mut Application>) -> Result<(), TrialError> {
        self.now = match &self.clock {
            Some(clock) => clock.now(),
            None => self.now + STEP,
        };
        self.host.poll(self.now)?;
        if let Some(ours) = ours {
            ours.poll(self.now, self.host.sockets_mut());
            let moved = ours.connections.iter().map(|c| c.sent + c.received + u64::from(c.closed));
            let moved =
                moved.sum::<u64>() + self.far.iter().filter(|f| f.established).count() as u64;
            if moved != self.progress.0 {
                self.progress = (moved, self.now);
            }
            if let Some(n) = ours.connections.iter().position(|c| c.error.is_some()) {
                return wrong(format!("connection {n}: {:?}", ours.connections[n].error));
            }
        }
        while let Some(event) = self.other.poll(self.now)? {
            self.take(event)?;
        }
        if self.now - self.progress.1 > PATIENCE {
            return wrong("nothing moves any more");
        }
        Ok(())
    }

    fn take(&mut self, event: Event) -> Result<(), TrialError> {
        match event {
            Event::Established { id } => self.far[id as usize].established = true,
            Event::Closed { id, sent, received, corrupt } => {
                self.far[id as usize].closed = Some((sent, received, corrupt));
            }
            Event::Report(_) => self.answered = true,
            Event::Failed { id, phase, error } => {
                return wrong(format!("the other end of connection {id}, {phase:?}: {error}"));
            }
            Event::CommandFailed { what, error } => return wrong(format!("{what}: {error}")),
            other => return wrong(format!("{other:?}")),
        }
        Ok(())
    }

    fn course(&mut self, plan: &Plan) -> Result<Verdict, TrialError> {
        while self.host.bond().is_none_or(|bond| bond.active().is_none()) {
            self.turn(None)?;
        }
        let count = self.trial.connections;
        let stream = (self.trial.seed, 0..count, true);
        let made = Application::new(self.host.sockets_mut(), plan, self.trial.options, stream);
        let Ok(mut ours) = made else { return wrong("our host does not listen") };
        let sending = Sending::AtLeast(self.trial.bytes);
        let run = Command::Run { ids: 0..count, opener: self.trial.opener, sending };
        self.other.command(run)?;
        // It takes commands in order: an answer says that it expects us.
        self.other.command(Command::Report { token: 1, queues: false })?;
        while !self.answered {
            self.turn(Some(&mut ours))?;
        }
        if self.trial.opener == End::Ours {
            for id in 0..count {
                if let Err(error) = ours.open(self.now, self.host.sockets_mut(), id) {
                    return wrong(format!("connection {id}: {error}"));
                }
                self.turn(Some(&mut ours))?;
            }
        }
        let bytes = self.trial.bytes;
        while ours.connections.iter().any(|c| c.sent < bytes || c.received < bytes) {
            self.turn(Some(&mut ours))?;
        }
        ours.shutdown(self.host.sockets_mut());
        self.other.command(Command::Close { ids: 0..count })?;
        let over = |far: &[Far], ours: &Application| {
            far.iter().all(|far| far.closed.is_some()) && ours.connections.iter().all(|c| c.closed)
        };
        while !over(&self.far, &ours) {
            self.turn(Some(&mut ours))?;
        }
        self.compare(&ours)
    }

    /// Both ends of each connection tell the same.
    fn compare(&self, ours: &Application) -> Result<Verdict, TrialError> {
        let mut verdict = Verdict::default();
        for (n, (near, far)) in ours.connections.iter().zip(&self.far).enumerate() {
            let (sent, received, corrupt) = far.closed.unwrap_or_default();
            if (near.received, near.sent, near.corrupt, corrupt) != (sent, received, 0, 0) {
                return wrong(format!("connection {n}: {near:?}, and the other end: {far:?}"));
            }
            verdict.sent += near.sent;
            verdict.received += near.received;
        }
        Ok(verdict)
    }
}
