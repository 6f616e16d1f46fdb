//! The system calls that std does not have.

#![expect(unsafe_code, reason = "ioctls and sockets of a kind that std does not offer")]

use std::ffi::{c_int, c_short};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

/// A TAP file that is attached to no interface yet.
pub(super) fn open_tun() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")
}

/// Makes a new TAP interface and attaches the file to it; the kernel names it if `name` is empty.
pub(super) fn attach(file: &File, name: &str) -> io::Result<()> {
    let mut request = empty_request();
    // At least one zero stays behind the name.
    for (to, from) in request.ifr_name[..libc::IFNAMSIZ - 1].iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    let flags = libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_TUN_EXCL;
    // Sixteen bits of flags in a signed field: IFF_TUN_EXCL is its sign.
    request.ifr_ifru.ifru_flags = flags as c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which outlives the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })
}

/// The name of the interface to which the file is attached.
pub(super) fn interface_name(file: &File) -> io::Result<String> {
    let mut request = empty_request();
    // SAFETY: TUNGETIFF writes one ifreq, which outlives the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNGETIFF, &raw mut request) })?;
    let name: Vec<u8> = request.ifr_name.iter().map(|c| c.cast_unsigned()).collect();
    let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
    Ok(String::from_utf8_lossy(&name[..len]).into_owned())
}

/// Gives the interface its carrier or takes it.
pub(super) fn set_carrier(file: &File, up: bool) -> io::Result<()> {
    let carrier = c_int::from(up);
    // SAFETY: TUNSETCARRIER reads one int, which outlives the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETCARRIER, &raw const carrier) })
}

/// Makes reads and writes return at once.
pub(super) fn set_nonblocking(file: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: F_GETFL takes no argument.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    check(flags)?;
    // SAFETY: F_SETFL takes an int.
    check(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) })
}

/// A non-blocking route socket that hears of every change of an interface in this namespace.
pub(super) fn route_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers are involved.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) };
    check(fd)?;
    // SAFETY: the descriptor is new and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: all zero is a valid sockaddr_nl.
    let mut address: libc::sockaddr_nl = unsafe { core::mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = libc::RTMGRP_LINK.cast_unsigned();
    let len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is read, for its own length, during the call.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) })?;
    Ok(socket)
}

/// Waits until there is something to read; an error of kind `TimedOut` after `timeout_ms`.
pub(super) fn wait_readable(file: &File, timeout_ms: c_int) -> io::Result<()> {
    let mut entry = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, which outlives the call.
    let ready = unsafe { libc::poll(&raw mut entry, 1, timeout_ms) };
    check(ready)?;
    if ready == 0 { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
}

fn empty_request() -> libc::ifreq {
    // SAFETY: all zero is a valid ifreq.
    unsafe { core::mem::zeroed() }
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
