//! System calls behind safe functions: arguments are checked types, descriptors are owned.
//!
//! All `unsafe` of the programs is here. Nothing in this module knows what it is used for.

#![expect(
    unsafe_code,
    reason = "namespaces, netlink, TAP, epoll and packet rings have no safe interface in std"
)]

mod net;
mod packet_ring;

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;
use std::time::Duration;

pub(crate) use mafo::eal::clock::cycles;
pub(crate) use net::*;
pub(crate) use packet_ring::{Packet, PacketRing};

/// The result of a call that returns -1 and sets errno.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// The result of a call that returns a length, or -1 and sets errno.
fn check_len(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// The result of a call that returns a new descriptor.
fn check_fd(result: libc::c_int) -> io::Result<OwnedFd> {
    let fd = check(result)?;
    // SAFETY: the call succeeded, so `fd` is open and nobody else owns it yet.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Repeats a call that a signal interrupted.
fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A C string; an interior NUL is an invalid argument.
fn c_string(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

/// Nanoseconds of CLOCK_MONOTONIC.
pub(crate) fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a timespec to write to. The call cannot fail: the clock always exists.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32).as_nanos() as u64
}

/// A new namespace of each kind in `flags` (CLONE_NEW…) for the calling process.
pub(crate) fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::unshare(flags) }).map(drop)
}

/// Moves the calling thread into the network namespace that `namespace` stands for.
pub(crate) fn enter_network(namespace: impl AsFd) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::setns(namespace.as_fd().as_raw_fd(), libc::CLONE_NEWNET) }).map(drop)
}

/// How often in a second the system counts whose time it is (/proc/stat).
pub(crate) fn ticks_per_second() -> u64 {
    // SAFETY: takes no pointer.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).map_or(100, |ticks| ticks.max(1))
}

/// The effective user and group.
pub(crate) fn user() -> (u32, u32) {
    // SAFETY: both take nothing and cannot fail.
    unsafe { (libc::geteuid(), libc::getegid()) }
}

/// The process id of the parent when [`follow_parent`] was called.
static PARENT: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(0);

/// Handles SIGTERM: if the parent is gone, the process has a second to notice by itself.
extern "C" fn on_terminate(_: libc::c_int) {
    // SAFETY: getppid and alarm are async-signal-safe; neither takes a pointer.
    unsafe {
        if libc::getppid() != PARENT.load(std::sync::atomic::Ordering::Relaxed) {
            libc::alarm(100);
        }
    }
}

/// Makes the process live and end with its parent.
///
/// Keys pressed in the terminal reach the whole process group; what they mean is the parent's
/// decision, so SIGINT, SIGQUIT and SIGHUP are ignored. When the parent ends the kernel sends
/// SIGTERM (PR_SET_PDEATHSIG). It also does so when only the thread that spawned this process ends,
/// therefore the handler looks whether the process has a new parent. SIGTERM from anybody else while
/// the parent lives is ignored.
///
/// # Errors
/// ESRCH: the parent has ended already.
pub(crate) fn follow_parent(parent: u32) -> io::Result<()> {
    PARENT.store(parent as i32, std::sync::atomic::Ordering::Relaxed);
    // SAFETY: the handlers are SIG_IGN and a function that only makes async-signal-safe calls and
    // touches one atomic; prctl with PR_SET_PDEATHSIG takes a signal number and no pointer.
    unsafe {
        for signal in [libc::SIGINT, libc::SIGQUIT, libc::SIGHUP] {
            libc::signal(signal, libc::SIG_IGN);
        }
        let handler: extern "C" fn(libc::c_int) = on_terminate;
        libc::signal(libc::SIGTERM, handler as libc::sighandler_t);
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM))?;
    }
    // It may have ended before the signal was asked for.
    if std::os::unix::process::parent_id() == parent {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::ESRCH))
    }
}

/// SIGHUP, from now on to be read from a descriptor.
pub(crate) fn hangup() -> io::Result<OwnedFd> {
    // SAFETY: a sigset_t is integers; the sigset functions write it, the others read it.
    unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        check(libc::sigemptyset(&raw mut signals))?;
        check(libc::sigaddset(&raw mut signals, libc::SIGHUP))?;
        // Blocked: a signal that is delivered is not there to be read.
        match libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, ptr::null_mut()) {
            0 => check_fd(libc::signalfd(-1, &raw const signals, libc::SFD_CLOEXEC)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// A descriptor that can be read once somebody asks the process to end, by SIGTERM or SIGINT (Ctrl-C).
/// From now on neither ends the calling thread by itself.
///
/// SIGINT stays ignored where it was when the program started: so a shell protects its jobs in the
/// background from a Ctrl-C that is meant for another.
pub(crate) fn termination() -> io::Result<OwnedFd> {
    // SAFETY: both structs are integers and null pointers when all zero. sigaction with a null new
    // action only writes the old one; the sigset functions write `signals`, the others read it.
    unsafe {
        let mut interrupt: libc::sigaction = std::mem::zeroed();
        check(libc::sigaction(libc::SIGINT, ptr::null(), &raw mut interrupt))?;
        let mut signals: libc::sigset_t = std::mem::zeroed();
        check(libc::sigemptyset(&raw mut signals))?;
        check(libc::sigaddset(&raw mut signals, libc::SIGTERM))?;
        if interrupt.sa_sigaction != libc::SIG_IGN {
            check(libc::sigaddset(&raw mut signals, libc::SIGINT))?;
        }
        // Blocked: a signal that is delivered is not there to be read.
        match libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, ptr::null_mut()) {
            0 => check_fd(libc::signalfd(-1, &raw const signals, libc::SFD_CLOEXEC)),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// No signal that is meant for the process is delivered to the calling thread: there is another that waits for it.
pub(crate) fn leave_signals_to_others() {
    // SAFETY: an all zero sigset_t is one; sigfillset writes it, pthread_sigmask reads it.
    unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        // Neither fails with these arguments.
        libc::sigfillset(&raw mut signals);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const signals, ptr::null_mut());
    }
}

/// Timers of the calling thread end when they are to, and not up to 50 µs later (PR_SET_TIMERSLACK).
pub(crate) fn sharpen_timers() {
    // SAFETY: this option takes a number and no pointer. Where it is refused, timers are late.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong) };
}

/// Takes the request to end that made `asked` readable, and lets the next one end the process as if
/// [`termination`] had never been called.
pub(crate) fn terminate_next(asked: OwnedFd) -> io::Result<()> {
    let mut info = [0; size_of::<libc::signalfd_siginfo>()];
    // What is taken here is not delivered below.
    retry(|| io::Read::read(&mut std::fs::File::from(asked.try_clone()?), &mut info))?;
    drop(asked);
    // SAFETY: the sigset functions write `signals`, pthread_sigmask reads it.
    unsafe {
        let mut signals: libc::sigset_t = std::mem::zeroed();
        check(libc::sigemptyset(&raw mut signals))?;
        check(libc::sigaddset(&raw mut signals, libc::SIGTERM))?;
        check(libc::sigaddset(&raw mut signals, libc::SIGINT))?;
        match libc::pthread_sigmask(libc::SIG_UNBLOCK, &raw const signals, ptr::null_mut()) {
            0 => Ok(()),
            errno => Err(io::Error::from_raw_os_error(errno)),
        }
    }
}

/// Raises the number of files that the process may open to `want`, or as near as the system allows;
/// returns the number then in force.
pub(crate) fn raise_open_files(want: u64) -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is an rlimit to write to.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    if limit.rlim_cur >= want {
        return Ok(limit.rlim_cur);
    }
    // Beyond the hard limit only with CAP_SYS_RESOURCE; up to it always.
    for (soft, hard) in [(want, limit.rlim_max.max(want)), (limit.rlim_max, limit.rlim_max)] {
        let raised = libc::rlimit { rlim_cur: soft, rlim_max: hard };
        // SAFETY: `raised` is an rlimit to read from.
        if check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) }).is_ok() {
            return Ok(soft);
        }
    }
    Ok(limit.rlim_cur)
}

/// Readiness of descriptors, level-triggered; each carries a number of the caller's.
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// The number given with the descriptor.
    pub token: u64,
    /// EPOLL… bits.
    pub events: u32,
}

impl Epoll {
    /// An empty set.
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer.
        check_fd(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    fn control(
        &self,
        operation: libc::c_int,
        fd: RawFd,
        token: u64,
        events: u32,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: token };
        // SAFETY: `event` is an epoll_event to read from; the descriptors are only looked up.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd, &raw mut event) })
            .map(drop)
    }

    /// Watches `fd` for `events` (EPOLLIN, EPOLLOUT).
    pub(crate) fn add(&self, fd: impl AsFd, token: u64, events: u32) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_fd().as_raw_fd(), token, events)
    }

    /// Watches it for other events.
    pub(crate) fn modify(&self, fd: impl AsFd, token: u64, events: u32) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_fd().as_raw_fd(), token, events)
    }

    /// Watches it no longer.
    pub(crate) fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd.as_fd().as_raw_fd(), 0, 0)
    }

    /// Waits for at most `timeout` and puts what is ready into `ready`, at most `max` descriptors.
    pub(crate) fn wait(
        &self,
        max: usize,
        timeout: Option<Duration>,
        ready: &mut Vec<Ready>,
    ) -> io::Result<()> {
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; max];
        let timeout = milliseconds(timeout);
        let (set, room) = (self.0.as_raw_fd(), events.as_mut_ptr());
        // SAFETY: `room` is room for the `max` events that the call may write.
        let wait = || check(unsafe { libc::epoll_wait(set, room, max as libc::c_int, timeout) });
        let count = retry(wait)?;
        ready.clear();
        ready.extend(events[..count as usize].iter().map(|event| {
            let (token, events) = (event.u64, event.events);
            Ready { token, events }
        }));
        Ok(())
    }
}

/// A timeout as poll(2) and epoll_wait(2) take it: rounded up, so that it is not over early.
fn milliseconds(timeout: Option<Duration>) -> libc::c_int {
    timeout.map_or(-1, |time| {
        time.as_nanos().div_ceil(1_000_000).try_into().unwrap_or(libc::c_int::MAX)
    })
}

/// Waits until `fd` is ready for `events` (POLLIN, POLLOUT) or has ended, or `timeout` is over, or a
/// signal comes; says whether it is.
pub(crate) fn wait_for(
    fd: impl AsFd,
    events: libc::c_short,
    timeout: Duration,
) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: fd.as_fd().as_raw_fd(), events, revents: 0 };
    // SAFETY: `poll` is one pollfd to read from and write to.
    match check(unsafe { libc::poll(&raw mut poll, 1, milliseconds(Some(timeout))) }) {
        Ok(ready) => Ok(ready > 0),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        Err(error) => Err(error),
    }
}

/// A TAP device called `name` on an open /dev/net/tun, frames without a header before them.
pub(crate) fn make_tap(tun: &impl AsFd, name: &str) -> io::Result<()> {
    let mut request = interface_request(name)?;
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes an ifreq.
    check(unsafe { libc::ioctl(tun.as_fd().as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) })
        .map(drop)
}

/// Gives a TAP device its carrier or takes it away; works from every namespace.
pub(crate) fn set_tap_carrier(tap: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    let carrier = libc::c_int::from(on);
    // SAFETY: TUNSETCARRIER reads an int.
    check(unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETCARRIER as _, &raw const carrier) })
        .map(drop)
}

/// The index of an interface of the calling thread's network namespace.
pub(crate) fn interface_index(name: &str) -> io::Result<u32> {
    let name = c_string(name)?;
    // SAFETY: `name` is a C string.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(io::Error::last_os_error()),
        index => Ok(index),
    }
}

/// An ifreq for the interface `name`, everything else zero.
fn interface_request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: an ifreq is a name and a union of integers and pointers; all zero is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    let name = c_string(name)?.into_bytes_with_nul();
    if name.len() > request.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = from as libc::c_char;
    }
    Ok(request)
}

// linux/sockios.h and linux/ethtool.h; libc does not name them.
const SIOCETHTOOL: libc::c_ulong = 0x8946;
const ETHTOOL_SRXCSUM: u32 = 0x15;
const ETHTOOL_STXCSUM: u32 = 0x17;
const ETHTOOL_STSO: u32 = 0x1f;
const ETHTOOL_SGSO: u32 = 0x24;
const ETHTOOL_SGRO: u32 = 0x2c;

/// Has the interface hand whole frames with right checksums to the device below, and to packet
/// sockets: no checksum left to hardware, no segment larger than the MTU.
pub(crate) fn no_transmit_offload(socket: &impl AsFd, name: &str) -> io::Result<()> {
    // Segmentation goes first: it depends on the checksum.
    switch_off(socket, name, &[ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_STXCSUM])
}

/// Has the interface hand every frame up as it came: no checksum taken for right, none put together to larger ones.
pub(crate) fn no_receive_offload(socket: &impl AsFd, name: &str) -> io::Result<()> {
    switch_off(socket, name, &[ETHTOOL_SGRO, ETHTOOL_SRXCSUM])
}

fn switch_off(socket: &impl AsFd, name: &str, commands: &[u32]) -> io::Result<()> {
    /// `struct ethtool_value`.
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    for &command in commands {
        let mut value = Value { command, data: 0 };
        let mut request = interface_request(name)?;
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: SIOCETHTOOL reads an ifreq whose data points to an ethtool_value, which outlives
        // the call.
        check(unsafe {
            libc::ioctl(socket.as_fd().as_raw_fd(), SIOCETHTOOL as _, &raw mut request)
        })?;
    }
    Ok(())
}
