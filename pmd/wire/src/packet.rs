//! A network interface of the kernel as a wire: frames go out of the interface, and what comes in there is received
//! beside whatever the kernel does with it (packet(7)).

mod partial;
mod sys;

use std::cell::Cell;
use std::io;
use std::os::fd::OwnedFd;

use mafo_mem::frame::capacity_for_mtu;
use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::tap::route_socket;
use crate::tap::rtnl::{Interface, Route};
use crate::{Wire, WireCounters};
use sys::{Batch, Sent};

/// Why an interface cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// The caller lacks CAP_NET_RAW in the network namespace.
    #[error("no permission for a packet socket (it takes root, or CAP_NET_RAW)")]
    NotPermitted,
    /// There is no such interface.
    #[error("there is no interface {name} here")]
    NoInterface {
        /// The name asked for.
        name: String,
    },
    /// Its frames are not Ethernet's.
    #[error("{name} is no Ethernet interface")]
    NotEthernet {
        /// The name asked for.
        name: String,
    },
    /// Another system call failed.
    #[error("{operation}: {source}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// How it failed.
        source: io::Error,
    },
}

impl PacketError {
    fn system(operation: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NotPermitted,
            _ => Self::System { operation, source },
        }
    }
}

/// Frames that one system call moves at most.
const BURST: usize = 32;

/// A packet socket on an interface of the calling thread's network namespace. The interface is promiscuous as long as
/// it lives: the stations behind the wire have addresses of their own. Frames that others send out of the interface are
/// not received. A VLAN tag that the kernel took off is put back, and a checksum that it left to hardware is completed.
///
/// Segments that the kernel has joined (GRO), or that a sender behind a veth has not divided (TSO, GSO), are longer than the
/// MTU: they are dropped and counted as `rx_oversize`. `ethtool -K IF gro off`, and `tso off gso off` at the veth's other
/// end, keep them apart.
#[derive(Debug)]
pub struct Packet {
    socket: OwnedFd,
    route: Route,
    interface: Interface,
    batch: Batch,
    name: String,
    up: bool,
    counters: WireCounters,
    /// What the kernel dropped for want of room in the socket, as of the last question: it is a slow one, for whoever wants
    /// the counters.
    missed: Cell<u64>,
}

impl Packet {
    /// A wire at the interface `name`, which stays as it is.
    pub fn open(name: &str) -> Result<Self, PacketError> {
        let socket = sys::socket().map_err(PacketError::system("opening a packet socket"))?;
        let route = route_socket().map_err(PacketError::system("opening a route socket"))?;
        let mut route = Route::new(route).map_err(PacketError::system("using a route socket"))?;
        let interface =
            route.find(name).map_err(|_| PacketError::NoInterface { name: name.to_owned() })?;
        let is_ethernet = sys::bind(&socket, interface.index)
            .map_err(PacketError::system("binding a packet socket"))?;
        if !is_ethernet {
            return Err(PacketError::NotEthernet { name: name.to_owned() });
        }
        let mtu = usize::try_from(interface.mtu).unwrap_or(usize::MAX).min(65_535);
        let batch = Batch::new(BURST, capacity_for_mtu(mtu));
        let (name, counters) = (name.to_owned(), WireCounters::new());
        Ok(Self {
            socket,
            route,
            interface,
            batch,
            name,
            up: false,
            counters,
            missed: Cell::new(0),
        })
    }

    /// The interface's name when the wire was made.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The interface's MTU, as of the last [`Wire::link_up`].
    #[must_use]
    pub fn mtu(&self) -> u32 {
        self.interface.mtu
    }

    /// The interface's own address, as of the last [`Wire::link_up`].
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        self.interface.mac
    }
}

impl Wire for Packet {
    fn rx_burst(&mut self, _now: Nanos, burst: &mut FrameBurst) -> usize {
        let before = burst.len();
        // Counted are frames that came, not those that fit: a sender of long ones keeps nobody here.
        let mut left = burst.room();
        while left > 0 {
            let received = match self.batch.receive(&self.socket, left) {
                Ok(received) => received,
                Err(error) => {
                    // ENETDOWN is told once when the interface goes down: no frame.
                    let quiet = [libc::EAGAIN, libc::EINTR, libc::ENETDOWN];
                    let known = error.raw_os_error().is_some_and(|code| quiet.contains(&code));
                    self.counters.rx_errors += u64::from(!known);
                    break;
                }
            };
            for arrival in self.batch.arrivals(received) {
                let Some(frame) = arrival else {
                    self.counters.rx_oversize += 1;
                    continue;
                };
                let len = frame.as_slice().len() as u64;
                if burst.push_frame(frame).is_err() {
                    self.counters.rx_oversize += 1;
                    continue;
                }
                self.counters.rx_frames += 1;
                self.counters.rx_bytes += len;
            }
            if received < left.min(BURST) {
                break;
            }
            left -= received;
        }
        burst.len() - before
    }

    fn tx_burst(&mut self, _now: Nanos, frames: &[Frame]) -> usize {
        let mut taken = 0;
        while taken < frames.len() {
            match self.batch.send(&self.socket, &frames[taken..]) {
                Sent::Frames(count) => {
                    let sent = &frames[taken..taken + count];
                    self.counters.tx_frames += count as u64;
                    self.counters.tx_bytes +=
                        sent.iter().map(|f| f.as_slice().len() as u64).sum::<u64>();
                    taken += count;
                }
                Sent::Full => break,
                // The first of them is to blame, and goes.
                Sent::Down => {
                    self.counters.tx_carrier_errors += 1;
                    taken += 1;
                }
                Sent::TooLong => {
                    self.counters.tx_oversize += 1;
                    taken += 1;
                }
                Sent::Failed => {
                    self.counters.tx_errors += 1;
                    taken += 1;
                }
            }
        }
        taken
    }

    /// Whether the interface is up and has a carrier, by the kernel's own messages.
    fn link_up(&mut self, _now: Nanos) -> bool {
        if let Err(error) = self.route.poll(&mut self.interface) {
            tracing::warn!(name = self.name, %error, "no word about the interface's link");
        }
        let up = self.interface.is_up();
        if up != self.up {
            self.up = up;
            self.counters.carrier_changes += 1;
        }
        up
    }

    /// A frame in the kernel has no due time: a loop polls.
    fn poll_timeout(&self) -> Option<Nanos> {
        None
    }

    fn counters(&self) -> WireCounters {
        self.missed.update(|missed| missed + sys::missed(&self.socket));
        let mut counters = self.counters;
        counters.rx_errors += self.missed.get();
        counters
    }
}
