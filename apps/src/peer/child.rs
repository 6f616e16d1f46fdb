//! The peer process: sets up its host, then serves the parent's commands and its connections.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use super::capture::Capture;
use super::channel::{Channel, Received};
use super::connection::Connection;
use super::echo::{ECHO_LISTENER_TOKEN, ECHO_TOKENS, EchoService};
use super::netstat;
use super::network::{self, Failure, at};
use super::ping::{Ping, PingOrder};
use super::protocol::{Command, Malformed, Opening, Reply, Setup, Step};
use super::traffic::{CONNECTION_TOKENS, LISTENER_TOKEN, Traffic};
use crate::sys::{self, Epoll, Ready};

/// The event loop's number of the socket to the parent; the others are in `traffic` and `echo`.
const CHANNEL_TOKEN: u64 = 0;
const PING_TOKEN: u64 = 2;

/// Descriptors served between two looks at the parent's commands.
const TURNS: usize = 64;

/// Open files beside one per connection: standard streams, TAP devices, sockets, epoll, capture.
pub(super) const OTHER_FILES: u64 = 128;

/// Everything of the process once it is set up.
#[derive(Debug)]
struct Host {
    channel: Channel,
    epoll: Rc<Epoll>,
    traffic: Traffic,
    ping: Option<Ping>,
    pings: u16,
    echo: Option<EchoService>,
    capture: Option<Capture>,
}

/// Why the event loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The parent asked for it.
    Quit,
    /// The parent is gone.
    Orphaned,
}

/// Runs the process; `socket` leads to the parent.
pub(super) fn run(socket: OwnedFd) -> io::Result<()> {
    let parent = std::os::unix::process::parent_id();
    sys::follow_parent(parent)?;
    let mut channel = Channel::new(socket)?;
    let Some((setup, capture)) = opening(&mut channel)? else { return Ok(()) };
    let want = u64::from(setup.connections) + OTHER_FILES;
    let have = sys::raise_open_files(want)?;
    if have < want {
        return channel.send(Reply::FewFiles { have, want }.encode());
    }
    match set_up(&mut channel, &setup, capture, parent) {
        Ok((epoll, traffic, capture)) => {
            Host { channel, epoll, traffic, ping: None, pings: 0, echo: None, capture }.run()
        }
        Err(Failure { step, error, detail }) => {
            let errno = error.raw_os_error().unwrap_or(libc::EIO);
            channel.send(Reply::Refused { step, errno, detail }.encode())
        }
    }
}

/// Makes the host, and gives the parent its ends of it.
fn set_up(
    channel: &mut Channel,
    setup: &Setup,
    file: Option<File>,
    parent: u32,
) -> Result<(Rc<Epoll>, Traffic, Option<Capture>), Failure> {
    let isolation = network::isolate(setup.isolation)?;
    // Asked for again: a change of credentials clears it (PR_SET_PDEATHSIG(2const)).
    sys::follow_parent(parent).map_err(at(Step::Handshake, "parent"))?;
    let taps = network::build(setup)?;
    let capture = match file {
        None => None,
        Some(file) => Some(
            sys::interface_index(network::BRIDGE)
                .and_then(|bridge| Capture::start(bridge, file))
                .map_err(at(Step::Capture, network::BRIDGE))?,
        ),
    };
    let sockets = || {
        let epoll = Rc::new(Epoll::new()?);
        epoll.add(&*channel, CHANNEL_TOKEN, libc::EPOLLIN as u32)?;
        let traffic = Traffic::new(setup, Rc::clone(&epoll))?;
        Ok((epoll, traffic))
    };
    let (epoll, traffic) = sockets().map_err(at(Step::Sockets, ""))?;
    let fds = taps.iter().flat_map(|tap| [tap.file.as_raw_fd(), tap.link.as_raw_fd()]);
    let fds = fds.collect::<Vec<_>>();
    let taps = taps.iter().map(|tap| tap.name.clone()).collect();
    let ready = Reply::Ready { isolation, mac: network::host_mac(setup.end), taps };
    // The descriptors are closed here when the message is on its way: the parent's are the only ones.
    channel.send_with(&ready.encode(), &fds).map_err(at(Step::Handshake, ""))?;
    Ok((epoll, traffic, capture))
}

/// The parent's first message, and the capture file that may come with it; `None` if it is gone.
fn opening(channel: &mut Channel) -> io::Result<Option<(Setup, Option<File>)>> {
    loop {
        sys::wait_for(&*channel, libc::POLLIN, Duration::from_secs(10))?;
        match channel.receive()? {
            Received::Packet(packet, mut fds) => {
                let Opening::Setup { setup } = Opening::decode(packet).map_err(malformed)?;
                return Ok(Some((setup, fds.pop().map(File::from))));
            }
            Received::Nothing => {}
            Received::End => return Ok(None),
        }
    }
}

fn malformed(error: Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl Host {
    /// Serves until told to quit, or until the parent is gone.
    fn run(mut self) -> io::Result<()> {
        let mut ready = Vec::with_capacity(TURNS);
        let mut out = Vec::new();
        let end = loop {
            self.epoll.wait(TURNS, self.poll_timeout(), &mut ready)?;
            // Commands come first, in every round: a connection that a command announces may be among
            // the ready already, and the parent does not wait behind a thousand busy sockets.
            if let Some(end) = self.take_commands(&mut out)? {
                break end;
            }
            ready.iter().for_each(|ready| self.serve(*ready, &mut out));
            self.advance(&mut out);
            if self.say(&mut out).is_err() {
                break End::Orphaned;
            }
        };
        self.finish(end, out)
    }

    /// When [`Host::advance`] has something to do.
    fn poll_timeout(&self) -> Option<Duration> {
        let ping = self.ping.as_ref().map(Ping::poll_timeout);
        [self.traffic.poll_timeout(), ping].into_iter().flatten().min()
    }

    /// Carries out all commands that have come.
    fn take_commands(&mut self, out: &mut Vec<Reply>) -> io::Result<Option<End>> {
        loop {
            let command = match self.channel.receive()? {
                Received::Packet(packet, _) => Command::decode(packet).map_err(malformed)?,
                Received::Nothing => return Ok(None),
                Received::End => return Ok(Some(End::Orphaned)),
            };
            if command == Command::Quit {
                return Ok(Some(End::Quit));
            }
            self.carry_out(command, out);
        }
    }

    fn carry_out(&mut self, command: Command, out: &mut Vec<Reply>) {
        let traffic = &mut self.traffic;
        let (what, result) = match command {
            Command::Run { ids, opener, sending } => {
                ("run", traffic.run(ids, opener, sending, out))
            }
            Command::Pause { ids } => return traffic.change(ids, Connection::pause, out),
            Command::Resume { ids } => return traffic.change(ids, Connection::resume, out),
            Command::Close { ids } => return traffic.change(ids, Connection::close, out),
            Command::Abort { ids } => return traffic.abort(ids, out),
            Command::Report { token, queues } => return traffic.report(token, queues, out),
            Command::Mark { at } => return traffic.mark(at),
            Command::Stalls => return traffic.stalls(out),
            Command::Ping { to, count, interval_ms, len } => {
                let interval = Duration::from_millis(interval_ms.into());
                ("ping", self.start_ping(PingOrder { to, count, interval, len }))
            }
            Command::Echo { port } => ("echo", self.start_echo(port)),
            Command::Timeouts => match netstat::timeouts() {
                Ok(count) => return out.push(Reply::Timeouts { count }),
                Err(error) => ("count timeouts", Err(error)),
            },
            Command::Quit => return,
        };
        if let Err(error) = result {
            out.push(Reply::command_failed(what, &error));
        }
    }

    /// One round of requests at a time (EBUSY).
    fn start_ping(&mut self, order: PingOrder) -> io::Result<()> {
        if self.ping.is_some() {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        // The kernel gives every raw socket every reply: rounds differ in their identifier.
        self.pings = self.pings.wrapping_add(1);
        let ping = Ping::new(order, self.pings)?;
        self.epoll.add(ping.socket(), PING_TOKEN, libc::EPOLLIN as u32)?;
        self.ping = Some(ping);
        Ok(())
    }

    /// One echo service at a time (EBUSY).
    fn start_echo(&mut self, port: u16) -> io::Result<()> {
        if self.echo.is_some() {
            return Err(io::Error::from_raw_os_error(libc::EBUSY));
        }
        self.echo = Some(EchoService::new(port, Rc::clone(&self.epoll))?);
        Ok(())
    }

    /// One turn of what a descriptor belongs to.
    fn serve(&mut self, ready: Ready, out: &mut Vec<Reply>) {
        match ready.token {
            // Commands are taken and replies are sent in every round.
            CHANNEL_TOKEN | PING_TOKEN => {}
            LISTENER_TOKEN => self.traffic.accept(out),
            ECHO_LISTENER_TOKEN => {
                if let Some(Err(error)) = self.echo.as_mut().map(EchoService::accept) {
                    out.push(Reply::command_failed("echo", &error));
                }
            }
            token if token >= ECHO_TOKENS => {
                if let Some(echo) = &mut self.echo {
                    echo.turn(token);
                }
            }
            token if token >= CONNECTION_TOKENS => self.traffic.turn(token, ready.events, out),
            token => unreachable!("descriptor {token} was never watched"),
        }
    }

    /// Does what is due.
    fn advance(&mut self, out: &mut Vec<Reply>) {
        self.traffic.check_closing(out);
        if self.ping.as_mut().is_some_and(|ping| ping.advance(out)) {
            self.ping = None;
        }
    }

    /// Sends replies; what the parent has no room for stays, and the loop wakes when there is some.
    fn say(&mut self, out: &mut Vec<Reply>) -> io::Result<()> {
        let waited = self.channel.is_waiting();
        for reply in out.drain(..) {
            self.channel.send(reply.encode())?;
        }
        self.channel.flush()?;
        match self.channel.is_waiting() {
            same if same == waited => Ok(()),
            true => self.watch_channel(libc::EPOLLIN | libc::EPOLLOUT),
            false => self.watch_channel(libc::EPOLLIN),
        }
    }

    fn watch_channel(&self, events: libc::c_int) -> io::Result<()> {
        self.epoll.modify(self.channel.as_fd(), CHANNEL_TOKEN, events as u32)
    }

    /// Ends the capture; after [`End::Quit`], tells the parent so.
    fn finish(mut self, end: End, mut out: Vec<Reply>) -> io::Result<()> {
        let capture = self.capture.take().map(Capture::finish);
        if end == End::Orphaned {
            return Ok(());
        }
        out.push(Reply::Stopped { capture });
        self.say(&mut out)?;
        while self.channel.is_waiting() {
            sys::wait_for(&self.channel, libc::POLLOUT, Duration::from_secs(1))?;
            self.channel.flush()?;
        }
        Ok(())
    }
}
