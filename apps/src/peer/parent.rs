//! The parent's side: starts the peer process, commands it, hears from it, ends it.

use std::fs::File;
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::process::{Child, Command as Process, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::SUBCOMMAND;
use super::channel::{Channel, Received};
use super::clock::Monotonic;
use super::error::{PeerError, Refusal};
use super::plan::{End, Plan};
use super::protocol::{
    CaptureSummary, Command, ConnectionReport, Isolation, Malformed, Opening, Phase, Reply, Setup,
    Stall, TapName,
};
use crate::sys;

/// How long setting up may take on a machine that is busy.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// How long the process may take to end by itself before it is killed.
const END_PATIENCE: Duration = Duration::from_millis(500);

/// TAP devices that one message can carry the descriptors of.
const MAX_TAPS: u8 = 32;

/// What the peer should be like.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// The only way to a namespace that will do; `None`: whichever the system grants.
    pub isolation: Option<Isolation>,
    /// Addresses and ports.
    pub plan: Plan,
    /// Which end of the plan Linux plays: the peer, or (against another kernel peer) ours.
    pub end: End,
    /// TAP devices on the bridge, 1 to 32.
    pub taps: u8,
    /// MTU of the TAP devices and of the bridge, in bytes.
    pub mtu: u32,
    /// Do the bridge's ports flood unicast to addresses that the bridge has not learnt?
    pub flood: bool,
    /// After what time without a frame the bridge forgets an address; `None`: 300 s.
    pub ageing: Option<Duration>,
    /// How many connections will be asked for; decides how many files the process must open.
    pub connections: u32,
    /// Seed of the streams.
    pub seed: u64,
    /// Congestion control of all its TCP sockets, by the kernel's name; `None`: the kernel's default.
    pub congestion: Option<String>,
    /// Where to write all that the peer's host sends and receives.
    pub pcap: Option<PathBuf>,
}

impl Default for PeerConfig {
    fn default() -> Self {
        Self {
            isolation: None,
            plan: Plan::default(),
            end: End::Peer,
            taps: 2,
            mtu: 1500,
            flood: false,
            ageing: None,
            connections: 64,
            seed: 0,
            congestion: None,
            pcap: None,
        }
    }
}

impl PeerConfig {
    fn setup(&self) -> Result<Setup, PeerError> {
        let refuse = |why: &'static str| Err(PeerError::Config(why));
        if !(1..=MAX_TAPS).contains(&self.taps) {
            return refuse("the number of TAP devices is not between 1 and 32");
        }
        if self.connections > self.plan.capacity() {
            return refuse("there are more connections than ports: give the peer more addresses");
        }
        let ageing_ms = self.ageing.map(|time| u32::try_from(time.as_millis())).transpose();
        let Ok(ageing_ms) = ageing_ms else { return refuse("the ageing time is too long") };
        self.plan.check().map_err(PeerError::Config)?;
        Ok(Setup {
            isolation: self.isolation,
            plan: self.plan.clone(),
            end: self.end,
            taps: self.taps,
            mtu: self.mtu,
            flood: self.flood,
            ageing_ms,
            connections: self.connections,
            seed: self.seed,
            congestion: self.congestion.clone(),
            capture: self.pcap.is_some(),
        })
    }
}

/// A cable: the near end of a TAP device in the peer's namespace, in the order of the bridge's ports.
#[derive(Debug)]
pub struct TapFd {
    /// Its name in the namespace.
    pub name: String,
    /// Its interface index in the namespace, as link messages have it.
    pub index: u32,
    /// Reads and writes whole Ethernet frames; non-blocking. The device lives as long as this.
    pub fd: OwnedFd,
    /// A routing socket of the namespace that hears link messages (RTMGRP_LINK) since before the
    /// device came up; non-blocking. It holds the namespace alive.
    pub link: OwnedFd,
}

impl TapFd {
    /// Gives the device its carrier or takes it away, at once for frames.
    ///
    /// The bridge hears of a carrier that is lost up to a second later: the kernel gathers such news
    /// (net/core/link_watch.c). Until then it sends into a device that delivers nothing.
    pub fn set_carrier(&self, on: bool) -> io::Result<()> {
        sys::set_tap_carrier(self.fd.as_fd(), on)
    }
}

/// What the peer process has to say.
#[derive(Debug)]
pub enum Event {
    /// A connection is open, by either end.
    Established {
        /// Its number.
        id: u32,
    },
    /// A connection has been closed by FIN both ways, and both have been acknowledged.
    Closed {
        /// Its number.
        id: u32,
        /// Bytes that the peer's application sent: where the stream from it ended.
        sent: u64,
        /// Bytes that it received.
        received: u64,
        /// Of these, bytes that were not the ones expected.
        corrupt: u64,
    },
    /// A connection ended in an error: reset, refused, timed out, or aborted by command.
    Failed {
        /// Its number.
        id: u32,
        /// Where it was.
        phase: Phase,
        /// What the socket said.
        error: io::Error,
    },
    /// Somebody connected whom no [`Command::Run`] announced; the connection was reset.
    Stranger {
        /// From where.
        from: SocketAddrV4,
    },
    /// The answer to [`Command::Report`].
    Report(Report),
    /// The answer to [`Command::Stalls`].
    Stalls(Stalls),
    /// A ping was answered with the right bytes.
    Pong {
        /// Which, from 0 on.
        sequence: u16,
        /// How long it took.
        round_trip: Duration,
    },
    /// All pings are answered, or the last was waited for in vain.
    Pinged {
        /// Requests sent.
        sent: u16,
        /// Replies received.
        received: u16,
        /// Why the last refused request could not be sent.
        refused: Option<io::Error>,
    },
    /// The answer to [`Command::Timeouts`]: how often a retransmission timer of the peer's host has run
    /// out since it exists (TcpExtTCPTimeouts).
    Timeouts(u64),
    /// A command could not be carried out, or something in the peer process went wrong.
    CommandFailed {
        /// What.
        what: String,
        /// Why.
        error: io::Error,
    },
}

/// All connections at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The one given with the command.
    pub token: u32,
    /// When.
    pub at: Monotonic,
    /// Each connection that was ever announced, by number.
    pub connections: Vec<ConnectionReport>,
}

/// What all connections saw around an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stalls {
    /// The instant; `None` if none was marked.
    pub at: Option<Monotonic>,
    /// Each connection that was ever announced, by number.
    pub stalls: Vec<Stall>,
}

/// Linux as the other host, in a process and a network namespace of its own.
///
/// Ends with the value: the process first, and with it the namespace, unless a [`TapFd`] still holds
/// that.
#[derive(Debug)]
pub struct KernelPeer {
    /// Dropped before `process`: its end tells the process to end.
    channel: Channel,
    process: PeerProcess,
    isolation: Isolation,
    mac: [u8; 6],
    report: Vec<ConnectionReport>,
    stalls: Vec<Stall>,
}

impl KernelPeer {
    /// Starts the peer process and waits until its host is up.
    ///
    /// The process is the running program itself, so its `main` has to begin with
    /// [`run_if_asked`](super::run_if_asked).
    ///
    /// # Errors
    /// [`PeerError`] says in a sentence what the system does not allow.
    pub fn start(config: PeerConfig) -> Result<(Self, Vec<TapFd>), PeerError> {
        let setup = config.setup()?;
        let pcap = config.pcap.map(create).transpose()?;
        let (ours, theirs) = sys::packet_pair()?;
        let mut process = PeerProcess::spawn(theirs)?;
        let mut channel = Channel::new(ours)?;
        let fds = pcap.iter().map(AsRawFd::as_raw_fd).collect::<Vec<_>>();
        channel.send_with(&Opening::Setup { setup }.encode(), &fds)?;

        let (reply, fds) = answer(&mut channel, &mut process)?;
        match reply {
            Reply::Ready { isolation, mac, taps } => {
                let taps = tap_fds(taps, fds)?;
                let (report, stalls) = (Vec::new(), Vec::new());
                Ok((Self { channel, process, isolation, mac, report, stalls }, taps))
            }
            Reply::Refused { step, errno, detail } => Err(PeerError::Refused(Refusal {
                step,
                error: io::Error::from_raw_os_error(errno),
                detail,
            })),
            Reply::FewFiles { have, want } => Err(PeerError::OpenFiles { have, want }),
            _ => Err(Malformed::Content.into()),
        }
    }
    /// How the namespace was obtained.
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        self.isolation
    }

    /// The peer's MAC address.
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// The peer process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.child.id()
    }

    /// Asks for something; does not wait. Commands are carried out in order.
    ///
    /// # Errors
    /// [`PeerError::Gone`]: the peer process has ended.
    pub fn command(&mut self, command: Command) -> Result<(), PeerError> {
        let sent = self.channel.send(command.encode());
        self.unless_gone(sent)
    }

    /// The next thing that the peer process says; `None` if it says nothing at the moment.
    ///
    /// # Errors
    /// [`PeerError::Gone`]: the peer process has ended.
    pub fn poll(&mut self) -> Result<Option<Event>, PeerError> {
        let flushed = self.channel.flush();
        self.unless_gone(flushed)?;
        loop {
            let reply = match self.channel.receive()? {
                Received::Nothing => return Ok(None),
                Received::End => return Err(self.process.gone()),
                Received::Packet(packet, _) => Reply::decode(packet)?,
            };
            if let Some(event) = self.event(reply)? {
                return Ok(Some(event));
            }
        }
    }

    /// Can be read when the peer process has something to say, or has ended.
    #[must_use]
    pub fn waker(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }

    /// Whether there are commands that the process has no room for: the next [`KernelPeer::poll`] tries again.
    #[must_use]
    pub fn has_waiting(&self) -> bool {
        self.channel.is_waiting()
    }

    /// Like [`KernelPeer::poll`], but waits for at most `timeout`.
    ///
    /// # Errors
    /// As [`KernelPeer::poll`].
    pub fn wait(&mut self, timeout: Duration) -> Result<Option<Event>, PeerError> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(event) = self.poll()? {
                return Ok(Some(event));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            sys::wait_for(&self.channel, libc::POLLIN, left)?;
        }
    }

    /// Ends the peer process in order; what it has not said yet is lost. Returns what became of the
    /// capture, if there was one; its file is complete then.
    ///
    /// # Errors
    /// [`PeerError::Gone`]: the process has ended without order. [`PeerError::Silent`]: it does not
    /// end; it is killed.
    pub fn stop(mut self) -> Result<Option<CaptureSummary>, PeerError> {
        self.command(Command::Quit)?;
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            match self.channel.receive()? {
                Received::End => return Err(self.process.gone()),
                Received::Packet(packet, _) => {
                    if let Reply::Stopped { capture } = Reply::decode(packet)? {
                        return Ok(capture);
                    }
                }
                Received::Nothing => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(PeerError::Silent);
                    }
                    self.channel.flush()?;
                    sys::wait_for(&self.channel, libc::POLLIN, left)?;
                }
            }
        }
    }

    /// What a reply means to the caller; pages are gathered.
    fn event(&mut self, reply: Reply) -> Result<Option<Event>, PeerError> {
        let error = io::Error::from_raw_os_error;
        Ok(Some(match reply {
            Reply::Established { id } => Event::Established { id },
            Reply::Closed { id, sent, received, corrupt } => {
                Event::Closed { id, sent, received, corrupt }
            }
            Reply::Failed { id, phase, errno } => Event::Failed { id, phase, error: error(errno) },
            Reply::Stranger { from } => Event::Stranger { from },
            Reply::Report { token, at, last, connections } => {
                self.report.extend(connections);
                if !last {
                    return Ok(None);
                }
                Event::Report(Report { token, at, connections: std::mem::take(&mut self.report) })
            }
            Reply::Stalls { at, last, stalls } => {
                self.stalls.extend(stalls);
                if !last {
                    return Ok(None);
                }
                Event::Stalls(Stalls { at, stalls: std::mem::take(&mut self.stalls) })
            }
            Reply::Pong { sequence, round_trip_ns } => {
                Event::Pong { sequence, round_trip: Duration::from_nanos(round_trip_ns) }
            }
            Reply::Pinged { sent, received, errno } => {
                Event::Pinged { sent, received, refused: errno.map(error) }
            }
            Reply::CommandFailed { what, errno } => {
                Event::CommandFailed { what, error: error(errno) }
            }
            Reply::Timeouts { count } => Event::Timeouts(count),
            Reply::Stopped { .. } => return Err(self.process.gone()),
            Reply::Ready { .. } | Reply::Refused { .. } | Reply::FewFiles { .. } => {
                return Err(Malformed::Content.into());
            }
        }))
    }

    /// Tells the end of the process from other troubles of its socket.
    fn unless_gone(&mut self, result: io::Result<()>) -> Result<(), PeerError> {
        result.map_err(|error| match error.raw_os_error() {
            Some(libc::EPIPE | libc::ECONNRESET) => self.process.gone(),
            _ => error.into(),
        })
    }
}

/// Can be read when [`KernelPeer::poll`] has something.
impl AsFd for KernelPeer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

/// The file for the capture; one that exists is replaced.
fn create(path: PathBuf) -> Result<File, PeerError> {
    File::create(&path).map_err(|error| PeerError::CaptureFile { path, error })
}

/// The first reply, and the descriptors that come with it.
fn answer(
    channel: &mut Channel,
    process: &mut PeerProcess,
) -> Result<(Reply, Vec<OwnedFd>), PeerError> {
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        match channel.receive()? {
            Received::Packet(packet, fds) => return Ok((Reply::decode(packet)?, fds)),
            Received::End => return Err(process.gone()),
            Received::Nothing => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(PeerError::Silent);
        }
        sys::wait_for(&*channel, libc::POLLIN, left)?;
    }
}

/// Two descriptors for each name: the device, its link socket.
fn tap_fds(names: Vec<TapName>, fds: Vec<OwnedFd>) -> Result<Vec<TapFd>, Malformed> {
    if fds.len() != 2 * names.len() {
        return Err(Malformed::Content);
    }
    let mut fds = fds.into_iter();
    let pairs = std::iter::from_fn(|| Some((fds.next()?, fds.next()?)));
    let taps = names.into_iter().zip(pairs);
    Ok(taps.map(|(TapName { name, index }, (fd, link))| TapFd { name, index, fd, link }).collect())
}

/// The child process; never left running or unburied.
#[derive(Debug)]
struct PeerProcess {
    child: Child,
}

impl PeerProcess {
    /// Runs this program again as the peer, with `socket` as its standard input. A fork without exec
    /// would not do: the program may have threads, and the child would inherit their locks.
    fn spawn(socket: OwnedFd) -> Result<Self, PeerError> {
        use std::os::unix::process::CommandExt;
        let child = Process::new("/proc/self/exe")
            .arg0("mafo")
            .arg(SUBCOMMAND)
            .stdin(Stdio::from(socket))
            .stdout(Stdio::null())
            .spawn()
            .map_err(PeerError::Spawn)?;
        Ok(Self { child })
    }

    /// Waits for it to end, for at most `patience`.
    fn ended(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                Ok(status) => return status,
                Err(_) => return None,
            }
        }
    }

    /// The error for a process that has closed its socket, which it only does by ending.
    fn gone(&mut self) -> PeerError {
        PeerError::Gone(self.ended(END_PATIENCE))
    }
}

impl Drop for PeerProcess {
    fn drop(&mut self) {
        if self.ended(END_PATIENCE).is_none() {
            // It may have ended in this moment; there is nobody to tell.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
