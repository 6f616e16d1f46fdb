//! A TAP device: the other end of the cable is an Ethernet interface of the kernel.
//!
//! ```text
//!   Tap ── tap file: frames, carrier ──────────── interface, bridge port …
//!    └──── route socket: is it up? its MTU? ───── (the namespace in which both were opened)
//! ```
//!
//! Both descriptors belong to the network namespace in which they were opened, for good: a Tap made
//! in another namespace, by a thread or a process that entered it, is used from anywhere
//! ([`Tap::into_fds`], [`Tap::from_fds`]).

pub(crate) mod rtnl;
mod sys;

use std::fs::File;
use std::io::{self, ErrorKind, IoSliceMut, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mafo_mem::{Frame, FrameBurst, Nanos};

use crate::cable::{Cable, Carriage, Period};
use crate::lost::LossLog;
use crate::{Wire, WireCounters};
use rtnl::{Interface, Route};

/// Why there is no TAP, or it could not be changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TapError {
    /// There is no /dev/net/tun.
    #[error("this system offers no TAP devices: /dev/net/tun: {0}")]
    NoDriver(io::Error),
    /// The caller lacks CAP_NET_ADMIN in the network namespace, or may not open /dev/net/tun.
    #[error("no permission for a TAP device (it takes root, or CAP_NET_ADMIN and /dev/net/tun)")]
    NotPermitted,
    /// An interface has this name already.
    #[error("there is an interface {name} already")]
    NameTaken {
        /// The name asked for.
        name: String,
    },
    /// No interface can have this name.
    #[error("{name:?} cannot be an interface's name: 1 to 15 bytes without /, :, % and space")]
    InvalidName {
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

impl TapError {
    fn system(operation: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| match source.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => Self::NotPermitted,
            _ => Self::System { operation, source },
        }
    }
}

/// What a [`Tap`] is made of, to be handed to another process.
#[derive(Debug)]
pub struct TapFds {
    /// /dev/net/tun, attached to the interface.
    pub tap: OwnedFd,
    /// A route socket of the interface's namespace, as [`route_socket`] opens it.
    pub route: OwnedFd,
}

/// Opens a socket for messages about interfaces, in the network namespace of the calling thread.
pub fn route_socket() -> io::Result<OwnedFd> {
    sys::route_socket()
}

/// One end of a cable whose other end is a network interface of the kernel.
///
/// The interface goes when the Tap is dropped. A new one is down: nothing is received until somebody
/// sets it up and [`Wire::link_up`] sees it.
#[derive(Debug)]
pub struct Tap {
    file: Arc<TapFile>,
    route: Route,
    cable: Cable,
    interface: Interface,
    name: String,
    /// What `link_up` answered last, and in which period of the cable.
    up: bool,
    seen: Period,
    counters: WireCounters,
}

impl Tap {
    /// A new TAP interface in the network namespace of the calling thread, named `name` or, without
    /// one, by the kernel. It is down and has no address.
    pub fn create(name: Option<&str>) -> Result<Self, TapError> {
        if let Some(name) = name {
            check_name(name)?;
        }
        let file = sys::open_tun().map_err(|error| match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => TapError::NotPermitted,
            _ => TapError::NoDriver(error),
        })?;
        sys::attach(&file, name.unwrap_or_default()).map_err(|error| {
            match (error.raw_os_error(), name) {
                (Some(libc::EBUSY), Some(name)) => TapError::NameTaken { name: name.to_owned() },
                (Some(libc::EINVAL), Some(name)) => TapError::InvalidName { name: name.to_owned() },
                _ => TapError::system("TUNSETIFF")(error),
            }
        })?;
        let route = route_socket().map_err(TapError::system("opening a route socket"))?;
        Self::from_fds(TapFds { tap: file.into(), route })
    }

    /// The end of a TAP whose descriptors were opened elsewhere. Its carrier is on.
    pub fn from_fds(fds: TapFds) -> Result<Self, TapError> {
        let file = File::from(fds.tap);
        sys::set_nonblocking(&file).map_err(TapError::system("setting a TAP non-blocking"))?;
        let name = sys::interface_name(&file).map_err(TapError::system("TUNGETIFF"))?;
        // Also finds a kernel (before 5.0) that cannot switch the carrier, while there is time.
        sys::set_carrier(&file, true).map_err(TapError::system("TUNSETCARRIER"))?;
        let mut route = Route::new(fds.route).map_err(TapError::system("using a route socket"))?;
        let interface = route.find(&name).map_err(TapError::system("RTM_GETLINK"))?;
        let lost = LossLog::default();
        let carrier_lost = AtomicU64::new(0);
        let file = Arc::new(TapFile { file, carrier_lost, lost: lost.clone() });
        let cable = Cable::over(file.clone(), lost);
        let seen = cable.period();
        let counters = WireCounters::new();
        Ok(Self { file, route, cable, interface, name, up: false, seen, counters })
    }

    /// Gives the descriptors away; the interface stays as long as they do.
    pub fn into_fds(self) -> Result<TapFds, TapError> {
        let tap = self.file.file.try_clone().map_err(TapError::system("duplicating a TAP"))?;
        Ok(TapFds { tap: tap.into(), route: self.route.into() })
    }

    /// The interface's name when the Tap was made.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The interface's index in its namespace.
    #[must_use]
    pub fn index(&self) -> i32 {
        self.interface.index
    }

    /// The interface's MTU, as of the last [`Wire::link_up`].
    #[must_use]
    pub fn mtu(&self) -> u32 {
        self.interface.mtu
    }

    /// The address of the kernel's end, as of the last [`Wire::link_up`].
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        self.interface.mac
    }

    /// The handle that cuts this cable: the kernel's interface loses its carrier.
    #[must_use]
    pub fn cable(&self) -> Cable {
        self.cable.clone()
    }

    /// Sets the interface up or down (`ip link set … up`).
    pub fn set_up(&mut self, up: bool) -> Result<(), TapError> {
        self.route
            .set_up(&mut self.interface, up)
            .map_err(TapError::system("setting an interface up or down"))
    }

    /// Sets the interface's MTU.
    pub fn set_mtu(&mut self, mtu: u32) -> Result<(), TapError> {
        self.route
            .set_mtu(&mut self.interface, mtu)
            .map_err(TapError::system("setting an interface's MTU"))
    }

    /// Sets the address of the kernel's end.
    pub fn set_mac(&mut self, mac: [u8; 6]) -> Result<(), TapError> {
        self.route
            .set_mac(&mut self.interface, mac)
            .map_err(TapError::system("setting an interface's address"))
    }

    /// Takes note of the cable's carrier and of the kernel's messages about the interface.
    fn refresh(&mut self) {
        if let Err(error) = self.route.poll(&mut self.interface) {
            tracing::warn!(name = self.name, %error, "no word about the interface's link");
        }
        let period = self.cable.period();
        let up = period.carrier() && self.interface.is_up();
        if up != self.up {
            self.counters.carrier_changes += 1;
        } else if up && period != self.seen {
            // Gone and back between two looks.
            self.counters.carrier_changes += 2;
        }
        self.up = up;
        self.seen = period;
    }
}

impl Wire for Tap {
    /// What comes while the link is down is read and lost.
    fn rx_burst(&mut self, _now: Nanos, burst: &mut FrameBurst) -> usize {
        if !self.up || self.cable.period() != self.seen {
            self.refresh();
        }
        let before = burst.len();
        while let Some(frame) = burst.spare() {
            match self.file.read(frame) {
                Ok(Arrival::Frame) if !self.up || self.cable.period() != self.seen => {
                    self.counters.rx_carrier_lost += 1;
                    self.cable.lost().note(frame.as_slice());
                }
                Ok(Arrival::Frame) => {
                    self.counters.rx_frames += 1;
                    self.counters.rx_bytes += frame.as_slice().len() as u64;
                    burst.commit();
                }
                Ok(Arrival::Oversize) => self.counters.rx_oversize += 1,
                Err(error) => {
                    self.counters.rx_errors += u64::from(error.kind() != ErrorKind::WouldBlock);
                    break;
                }
            }
        }
        burst.len() - before
    }

    fn tx_burst(&mut self, _now: Nanos, frames: &[Frame]) -> usize {
        if !self.cable.carrier() {
            self.counters.tx_carrier_errors += frames.len() as u64;
            return frames.len();
        }
        for (taken, frame) in frames.iter().enumerate() {
            let bytes = frame.as_slice();
            match self.file.write(bytes) {
                Ok(()) => {
                    self.counters.tx_frames += 1;
                    self.counters.tx_bytes += bytes.len() as u64;
                }
                Err(error) => match error.raw_os_error() {
                    // tun_get_user: the interface is down.
                    Some(libc::EIO) => self.counters.tx_carrier_errors += 1,
                    Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => return taken,
                    _ => self.counters.tx_errors += 1,
                },
            }
        }
        frames.len()
    }

    /// Whether the kernel's interface is up and has a carrier, by its own messages.
    fn link_up(&mut self, _now: Nanos) -> bool {
        self.refresh();
        self.up
    }

    /// A frame in the kernel has no due time: a loop polls, or waits for the descriptor.
    fn poll_timeout(&self) -> Option<Nanos> {
        None
    }

    fn counters(&self) -> WireCounters {
        let mut counters = self.counters;
        counters.rx_carrier_lost += self.file.carrier_lost.load(Ordering::Relaxed);
        counters
    }
}

/// The file behind the interface, which ends with the last reference.
#[derive(Debug)]
struct TapFile {
    file: File,
    /// Frames that were under way from the kernel when the carrier was taken.
    carrier_lost: AtomicU64,
    lost: LossLog,
}

enum Arrival {
    Frame,
    /// Longer than the buffer, and lost.
    Oversize,
}

/// More than the kernel queues for a TAP (500 frames, TUN_READQ_SIZE, or its txqueuelen).
const DRAIN_MAX: usize = 4096;

impl TapFile {
    fn read(&self, frame: &mut Frame) -> io::Result<Arrival> {
        // The kernel cuts what does not fit; the byte more tells.
        let mut more = [0];
        let buf = frame.buffer_mut();
        let capacity = buf.len();
        let len = retry(|| {
            let mut parts = [IoSliceMut::new(buf), IoSliceMut::new(&mut more)];
            (&self.file).read_vectored(&mut parts)
        })?;
        if len > capacity {
            return Ok(Arrival::Oversize);
        }
        frame.set_len(len);
        Ok(Arrival::Frame)
    }

    fn write(&self, bytes: &[u8]) -> io::Result<()> {
        retry(|| (&self.file).write(bytes)).map(|_| ())
    }

    /// Loses what the kernel has sent and nobody read yet.
    fn drain(&self) {
        let mut buf = [0; 64];
        for _ in 0..DRAIN_MAX {
            let Ok(len) = retry(|| (&self.file).read(&mut buf)) else { break };
            self.lost.note(&buf[..len]);
            self.carrier_lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Carriage for TapFile {
    fn cut(&self) {
        if let Err(error) = sys::set_carrier(&self.file, false) {
            tracing::warn!(%error, "the kernel does not see that a TAP's cable is cut");
        }
        self.drain();
    }

    fn mend(&self) {
        // The kernel may have sent for a while before it saw the cut.
        self.drain();
        if let Err(error) = sys::set_carrier(&self.file, true) {
            tracing::warn!(%error, "the kernel does not see that a TAP's cable is mended");
        }
    }
}

/// Calls again what a signal interrupted.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The kernel's rules (dev_valid_name), and no `%`, with which TUNSETIFF would number the name.
fn check_name(name: &str) -> Result<(), TapError> {
    let bad = |c: char| c == '/' || c == ':' || c == '%' || c == '\0' || c.is_ascii_whitespace();
    let invalid = name.is_empty()
        || name.len() >= libc::IFNAMSIZ
        || name == "."
        || name == ".."
        || name.contains(bad);
    if invalid { Err(TapError::InvalidName { name: name.to_owned() }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_before_the_kernel_sees_them() {
        for bad in ["", ".", "..", "a/b", "a:b", "tap%d", "a b", "a\0b", "sixteen-bytes-xx"] {
            let error = check_name(bad).expect_err(bad);
            assert!(matches!(error, TapError::InvalidName { name } if name == bad));
        }
        for good in ["mafo0", "fifteen-bytes-x", "ä"] {
            check_name(good).expect(good);
        }
    }

    #[test]
    fn errors_are_plain_sentences() {
        let denied = TapError::system("TUNSETIFF")(io::Error::from_raw_os_error(libc::EPERM));
        assert!(matches!(denied, TapError::NotPermitted));
        let other = TapError::system("TUNSETIFF")(io::Error::from_raw_os_error(libc::EBADFD));
        assert_eq!(other.to_string(), "TUNSETIFF: File descriptor in bad state (os error 77)");
        let taken = TapError::NameTaken { name: "mafo0".to_owned() };
        assert_eq!(taken.to_string(), "there is an interface mafo0 already");
    }
}
