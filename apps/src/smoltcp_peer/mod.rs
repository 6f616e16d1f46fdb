//! smoltcp as the other host, inside this process: where the system allows no kernel peer.
//!
//! ```text
//!  near ends ── memory links ──┐
//!   (ours)                     ├── Switch ── link ── Nic ── smoltcp ── streams
//!            ── memory links ──┘                      └── peer.pcap
//! ```
//!
//! Its TCP shares no code with mafo's. It takes the commands of the kernel peer and answers with
//! its events; time is what the caller says. The switch does not flood unicast to addresses that it
//! has not learnt, like the bridge of the kernel peer.

mod connection;
mod nic;
mod traffic;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use mafo::Nanos;
use mafo::wire::mem::{LinkConfig, MemEnd, link};
use mafo::wire::{PcapWriter, Switch, SwitchConfig, UnknownUnicast};
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, PollResult};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};

use self::nic::Nic;
use self::traffic::Traffic;
use crate::peer::{CaptureSummary, Command, End, Event, PeerError, Plan, Report, Stalls};

/// Addresses that a smoltcp interface can have, by the feature that this package asks for.
const MAX_ADDRESSES: usize = 8;

/// Cables at most, as many as the kernel peer has.
const MAX_CABLES: u8 = 32;

/// Frames that one poll gives to the switch before it lets the others have a turn. A pass over the
/// sockets is never broken off, or the last of them would never send.
const TX_BURST: usize = 32;

/// What the peer should be like.
#[derive(Clone, Debug)]
pub struct SmoltcpConfig {
    /// Addresses (of the peer's at most 8) and ports.
    pub plan: Plan,
    /// Which end of the plan smoltcp plays.
    pub end: End,
    /// Cables into the switch, 1 to 32.
    pub cables: u8,
    /// MTU of everything, in bytes.
    pub mtu: u16,
    /// How many connections will be asked for.
    pub connections: u32,
    /// Seed of the streams, of smoltcp's sequence numbers and of the cables.
    pub seed: u64,
    /// What each cable is like; its first end is the near one. Its MTU and seed are not used.
    pub link: LinkConfig,
    /// Where to write all that the peer's interface sends and receives.
    pub pcap: Option<PathBuf>,
    /// The wall clock at [`Nanos::ZERO`], for the capture.
    pub epoch: SystemTime,
}

impl Default for SmoltcpConfig {
    fn default() -> Self {
        Self {
            plan: Plan::default(),
            end: End::Peer,
            cables: 2,
            mtu: 1500,
            connections: 64,
            seed: 0,
            link: LinkConfig::default(),
            pcap: None,
            epoch: SystemTime::UNIX_EPOCH,
        }
    }
}

impl SmoltcpConfig {
    fn check(&self) -> Result<(), &'static str> {
        self.plan.check()?;
        if !(1..=MAX_CABLES).contains(&self.cables) {
            return Err("the number of cables is not between 1 and 32");
        }
        if self.connections > self.plan.capacity() {
            return Err("there are more connections than ports: give the peer more addresses");
        }
        if self.plan.addresses(self.end).len() > MAX_ADDRESSES {
            return Err("smoltcp has at most 8 addresses");
        }
        // The least that every IPv4 host takes (RFC 791 section 3.1).
        if self.mtu < 576 {
            return Err("the MTU is below 576");
        }
        Ok(())
    }
}

/// smoltcp as the other host, behind a switch. Everything happens in [`SmoltcpPeer::poll`].
pub struct SmoltcpPeer {
    switch: Switch<MemEnd>,
    nic: Nic,
    interface: Interface,
    traffic: Traffic,
    events: VecDeque<Event>,
    mac: [u8; 6],
    now: Nanos,
    /// Whether something was asked for since the last poll.
    commanded: bool,
}

impl SmoltcpPeer {
    /// A host that is up, and the near ends of its cables, in the order of the switch's ports.
    ///
    /// # Errors
    /// [`PeerError::Config`], [`PeerError::CaptureFile`].
    pub fn start(config: SmoltcpConfig) -> Result<(Self, Vec<MemEnd>), PeerError> {
        config.check().map_err(PeerError::Config)?;
        let mtu = usize::from(config.mtu);
        let capture = match config.pcap {
            Some(path) => match PcapWriter::create(&path, config.epoch) {
                Ok(capture) => Some(capture),
                Err(error) => return Err(PeerError::CaptureFile { path, error }),
            },
            None => None,
        };
        let cables = (0..config.cables).map(|n| {
            let seed = config.seed.wrapping_add(u64::from(n));
            link(&LinkConfig { mtu, seed, ..config.link.clone() })
        });
        let (near, mut ports): (Vec<_>, Vec<_>) = cables.unzip();
        let (port, inner) = link(&LinkConfig { mtu, ..LinkConfig::default() });
        ports.push(port);
        let unknown_unicast = UnknownUnicast::Drop;
        let switch =
            Switch::new(&SwitchConfig { mtu, unknown_unicast, ..SwitchConfig::default() }, ports);
        // A frame of each connection, and of as many strangers as there may be.
        let mut nic = Nic::new(inner, mtu, config.connections as usize + 64, capture);
        let mac = [0x02, 0, 0, 0, 0x77, if config.end == End::Peer { 1 } else { 2 }];
        let interface = interface(&config.plan, config.end, mac, config.seed, &mut nic);
        let traffic = Traffic::new(config.plan, config.end, config.seed);
        let peer = Self {
            switch,
            nic,
            interface,
            traffic,
            events: VecDeque::new(),
            mac,
            now: Nanos::ZERO,
            commanded: false,
        };
        Ok((peer, near))
    }

    /// The peer's MAC address.
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        self.mac
    }

    /// The switch; its last port is the peer's own.
    #[must_use]
    pub fn switch(&self) -> &Switch<MemEnd> {
        &self.switch
    }

    /// The switch, to change what it does with unknown unicast, or when it forgets.
    pub fn switch_mut(&mut self) -> &mut Switch<MemEnd> {
        &mut self.switch
    }

    /// Asks for something, as of the last poll. What this peer cannot do (ping, echo, timeouts) or may not
    /// ([`Command::Quit`]: drop it, or [`SmoltcpPeer::stop`]) is an [`Event::CommandFailed`].
    pub fn command(&mut self, command: Command) {
        self.commanded = true;
        let now = self.now.into();
        match command {
            Command::Run { ids, opener, sending } => {
                if let Err(error) = self.traffic.run(ids, opener, sending) {
                    self.refuse("run", error);
                }
            }
            Command::Pause { ids } => self.traffic.change(ids, |c| c.progress.output.pause()),
            Command::Resume { ids } => self.traffic.change(ids, |c| c.progress.output.resume()),
            Command::Close { ids } => self.traffic.change(ids, |c| c.progress.output.close()),
            Command::Abort { ids } => self.traffic.abort(ids, &mut self.events),
            Command::Report { token, queues } => {
                let connections = self.traffic.report(queues);
                self.events.push_back(Event::Report(Report { token, at: now, connections }));
            }
            Command::Mark { at } => self.traffic.mark(at, now),
            Command::Stalls => {
                let (at, stalls) = self.traffic.stalls(now);
                self.events.push_back(Event::Stalls(Stalls { at, stalls }));
            }
            Command::Ping { .. } => self.refuse("ping", unsupported()),
            Command::Echo { .. } => self.refuse("echo", unsupported()),
            Command::Timeouts => self.refuse("count timeouts", unsupported()),
            Command::Quit => self.refuse("quit", unsupported()),
        }
    }

    fn refuse(&mut self, what: &str, error: io::Error) {
        self.events.push_back(Event::CommandFailed { what: what.to_owned(), error });
    }

    /// Moves everything on that can be moved at `now`; the next thing that the peer says, if any.
    pub fn poll(&mut self, now: Nanos) -> Option<Event> {
        self.now = now;
        self.commanded = false;
        self.nic.set_now(now);
        self.switch.poll(now);
        self.traffic.open_queued(self.interface.context(), &mut self.events);
        self.receive();
        self.traffic.turn(now.into(), &mut self.events);
        self.transmit();
        self.traffic.clean_up(&mut self.events);
        self.switch.poll(now);
        self.events.pop_front()
    }

    /// When [`SmoltcpPeer::poll`] has something to do without a frame being sent to it; a time in the
    /// past if it has at once.
    pub fn poll_timeout(&mut self) -> Option<Nanos> {
        if self.commanded || !self.events.is_empty() {
            return Some(self.now);
        }
        let at = self.interface.poll_at(instant(self.now), &self.traffic.sockets);
        let at = at.map(|at| Nanos::from_micros(u64::try_from(at.total_micros()).unwrap_or(0)));
        [at, self.nic.poll_timeout(), self.switch.poll_timeout()].into_iter().flatten().min()
    }

    /// Ends; what became of the capture, if there was one. Its file is complete then.
    pub fn stop(mut self) -> Option<CaptureSummary> {
        self.nic.finish_capture()
    }

    /// Has smoltcp take all that has arrived.
    fn receive(&mut self) {
        let now = instant(self.now);
        self.interface.poll_maintenance(now);
        loop {
            let sockets = &mut self.traffic.sockets;
            let result = self.interface.poll_ingress_single(now, &mut self.nic, sockets);
            if matches!(result, PollIngressSingleResult::None) {
                return;
            }
            if let Some(reset) = self.nic.take_reset() {
                self.traffic.on_reset(reset, &mut self.events);
            }
        }
    }

    /// Has smoltcp send: each pass takes a segment of every socket that has one, and none begins
    /// while the link has not taken the pass before.
    fn transmit(&mut self) {
        let mut sent = self.nic.flush();
        while self.nic.is_flushed() && sent < TX_BURST {
            let sockets = &mut self.traffic.sockets;
            let result = self.interface.poll_egress(instant(self.now), &mut self.nic, sockets);
            if matches!(result, PollResult::None) {
                // An ARP request is no progress of a socket.
                self.nic.flush();
                return;
            }
            sent += self.nic.flush();
        }
    }
}

/// smoltcp's idea of `now`.
fn instant(now: Nanos) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

/// An interface with the addresses of `end`.
fn interface(plan: &Plan, end: End, mac: [u8; 6], seed: u64, nic: &mut Nic) -> Interface {
    let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress(mac)));
    config.random_seed = seed;
    let mut interface = Interface::new(config, nic, instant(Nanos::ZERO));
    interface.update_ip_addrs(|addresses| {
        for &address in plan.addresses(end) {
            let full = addresses.push(IpCidr::new(address.into(), plan.prefix_len)).is_err();
            assert!(!full, "smoltcp was built for fewer than {MAX_ADDRESSES} addresses");
        }
    });
    interface
}

fn unsupported() -> io::Error {
    io::Error::from_raw_os_error(libc::EOPNOTSUPP)
}
