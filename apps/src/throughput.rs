//! What one connection carries over a bad cable, with our TCP and with Linux's at its sending end. At the
//! other end is Linux both times.
//!
//! ```text
//!   our host path ── port ──┐
//!                           ├── impairments ── TAP ── Linux, which counts what arrives
//!   Linux ── TAP ───────────┘
//! ```

use std::thread::sleep;
use std::time::Duration;

use mafo::eal::clock::Clock;
use mafo::wire::impair::{Impairments, Probability, Rate};
use mafo::wire::tap::{Tap, TapFds};
use mafo::wire::{Impaired, ImpairedConfig, Wire};
use mafo::{CongestionControl, FrameBurst, Nanos, Options, PathChoice, capacity_for_mtu};

use crate::other::Other;
use crate::ours::Application;
use crate::peer::{Command, End, Event, KernelPeer, PeerConfig, Plan, Sending};
use crate::trial::{self, TrialError};

/// Largest IP packet.
const MTU: u16 = 1500;
/// Frames that a turn moves from one cable to the other.
const BURST: usize = 256;
/// How long it may take until the connection stands.
const PATIENCE: Nanos = Nanos::from_secs(20);
/// How long a turn waits for the next: little beside the delay of any cell. Whoever polls without a rest takes
/// the core that the other end would run on.
const REST: Duration = Duration::from_micros(20);
/// Our send buffer: more than rate and delay of any cell ask for, as Linux's grows to.
const SEND_BUFFER: usize = 16 << 20;

/// A cable and what runs over it.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// Our congestion control.
    pub congestion: CongestionControl,
    /// The kernel's name for the same.
    pub kernel: &'static str,
    /// Frames lost, from 0 to 1, each way.
    pub loss: f64,
    /// Time under way, each way.
    pub delay: Duration,
    /// Bits per second of the cable.
    pub rate: Rate,
}

impl Cell {
    fn impairments(&self) -> Result<Impairments, TrialError> {
        let loss = Probability::new(self.loss).map_err(|e| TrialError::Wrong(e.to_string()))?;
        let delay = Nanos(self.delay.as_nanos() as u64);
        Ok(Impairments { loss, delay, rate: Some(self.rate), ..Impairments::default() })
    }

    fn wire(&self, inner: Tap, seed: u64) -> Result<Impaired<Tap>, TrialError> {
        let impairments = self.impairments()?;
        let config = ImpairedConfig {
            mtu: usize::from(MTU),
            tx: impairments,
            rx: impairments,
            seed,
            ..ImpairedConfig::default()
        };
        Ok(Impaired::new(inner, &config))
    }
}

/// A kernel at `end` of the plan, and its cable.
fn kernel(cell: &Cell, plan: &Plan, end: End) -> Result<(KernelPeer, Tap), TrialError> {
    let config = PeerConfig {
        plan: plan.clone(),
        end,
        taps: 1,
        connections: 1,
        congestion: Some(cell.kernel.to_owned()),
        ..PeerConfig::default()
    };
    let (kernel, mut fds) = KernelPeer::start(config).map_err(TrialError::NoPeer)?;
    let Some(tap) = fds.pop() else {
        return Err(TrialError::Wrong("the kernel peer has no cable".to_owned()));
    };
    Ok((kernel, Tap::from_fds(TapFds { tap: tap.fd, route: tap.link })?))
}

/// The receiving end: expects one connection and counts.
struct Receiver {
    peer: KernelPeer,
    asked: u32,
    reported: Option<(u32, u64)>,
    established: bool,
}

impl Receiver {
    fn new(mut peer: KernelPeer) -> Result<Self, TrialError> {
        let (ids, opener, sending) = (0..1, End::Ours, Sending::Nothing);
        peer.command(Command::Run { ids, opener, sending })?;
        Ok(Self { peer, asked: 0, reported: None, established: false })
    }

    fn ask(&mut self) -> Result<(), TrialError> {
        self.asked += 1;
        Ok(self.peer.command(Command::Report { token: self.asked, queues: false })?)
    }

    fn poll(&mut self) -> Result<(), TrialError> {
        while let Some(event) = self.peer.poll()? {
            match event {
                Event::Established { .. } => self.established = true,
                Event::Report(report) => {
                    let received = report.connections.first().map_or(0, |c| c.received);
                    self.reported = Some((report.token, received));
                }
                other => return Err(TrialError::Wrong(format!("the receiver: {other:?}"))),
            }
        }
        Ok(())
    }

    /// Bytes received, if the last question is answered.
    fn answer(&self) -> Option<u64> {
        self.reported.filter(|(token, _)| *token == self.asked).map(|(_, received)| received)
    }

    /// Turns until what was asked is answered, and answers it.
    fn after(
        &mut self,
        clock: &Clock,
        until: Nanos,
        turn: &mut impl FnMut(Nanos) -> Result<(), TrialError>,
    ) -> Result<u64, TrialError> {
        while clock.now() < until {
            turn(clock.now())?;
            self.poll()?;
            sleep(REST);
        }
        self.ask()?;
        while self.answer().is_none() {
            turn(clock.now())?;
            self.poll()?;
            sleep(REST);
        }
        Ok(self.answer().unwrap_or(0))
    }

    /// Bits per second in `time` from when the connection stands.
    fn measure(
        mut self,
        clock: &Clock,
        time: Duration,
        mut turn: impl FnMut(Nanos) -> Result<(), TrialError>,
    ) -> Result<f64, TrialError> {
        let deadline = clock.now() + PATIENCE;
        while !self.established {
            turn(clock.now())?;
            self.poll()?;
            sleep(REST);
            if clock.now() > deadline {
                return Err(TrialError::Wrong("the connection does not come up".to_owned()));
            }
        }
        let start = clock.now();
        let received = self.after(clock, start + Nanos(time.as_nanos() as u64), &mut turn)?;
        let seconds = (clock.now() - start).0 as f64 / 1e9;
        self.peer.stop()?;
        Ok(received as f64 * 8.0 / seconds)
    }
}

/// With our TCP at the sending end, on the host path.
pub fn ours(cell: &Cell, time: Duration, seed: u64) -> Result<f64, TrialError> {
    let plan = Plan::default();
    let (peer, tap) = kernel(cell, &plan, End::Peer)?;
    let wire = cell.wire(tap, seed)?;
    let mut host = trial::host(&plan, Box::new(wire), seed, |stack| {
        stack.sockets_max = 4;
        stack.send_buffer = SEND_BUFFER;
    })?;
    let clock = Clock::start();
    while host.bond().is_none_or(|bond| bond.active().is_none()) {
        host.poll(clock.now())?;
    }
    let mut receiver = Receiver::new(peer)?;
    receiver.after(&clock, Nanos::ZERO, &mut |now| Ok(host.poll(now)?))?;
    let path = PathChoice::Host;
    let options = Options { path, congestion: Some(cell.congestion), ..Options::default() };
    let made = Application::new(host.sockets_mut(), &plan, options, (seed, 0..1, true));
    let mut app = made.map_err(|e| TrialError::Wrong(e.to_string()))?;
    let opened = app.open(clock.now(), host.sockets_mut(), 0);
    opened.map_err(|e| TrialError::Wrong(e.to_string()))?;
    receiver.measure(&clock, time, |now| {
        host.poll(now)?;
        app.poll(now, host.sockets_mut());
        match app.connections[0].error {
            Some(error) => Err(TrialError::Wrong(format!("our end: {error:?}"))),
            None => Ok(()),
        }
    })
}

/// With Linux's TCP at the sending end, over the same cable.
pub fn linux(cell: &Cell, time: Duration, seed: u64) -> Result<f64, TrialError> {
    let plan = Plan::default();
    let (peer, tap) = kernel(cell, &plan, End::Peer)?;
    let (sender, mut near) = kernel(cell, &plan, End::Ours)?;
    let mut wire = cell.wire(tap, seed)?;
    let mut burst = FrameBurst::new(BURST, capacity_for_mtu(MTU.into()));
    let mut forward = move |now: Nanos| -> Result<(), TrialError> {
        burst.clear();
        near.rx_burst(now, &mut burst);
        // Both ends expect of a cable that what it has no room for is lost.
        wire.tx_burst(now, burst.frames());
        burst.clear();
        wire.rx_burst(now, &mut burst);
        near.tx_burst(now, burst.frames());
        Ok(())
    };
    let clock = Clock::start();
    let mut receiver = Receiver::new(peer)?;
    receiver.after(&clock, Nanos::ZERO, &mut forward)?;
    let mut sender = Other::Kernel(sender);
    let (ids, opener, sending) = (0..1, End::Ours, Sending::AtLeast(u64::MAX));
    sender.command(Command::Run { ids, opener, sending })?;
    let rate = receiver.measure(&clock, time, |now| {
        forward(now)?;
        while let Some(event) = sender.poll(now)? {
            if !matches!(event, Event::Established { .. }) {
                return Err(TrialError::Wrong(format!("the sender: {event:?}")));
            }
        }
        Ok(())
    })?;
    sender.stop()?;
    Ok(rate)
}
