//! Sockets that std does not make, and what can be asked of the ones it does.

use std::io;
use std::net::SocketAddrV4;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::ptr;

use super::{check, check_fd, check_len, retry};

/// Descriptors that one message may carry.
const MAX_FDS: usize = 64;

/// Bytes of a control message with [`MAX_FDS`] descriptors, in words so that it is aligned.
const CONTROL_WORDS: usize = 1 + (16 + MAX_FDS * size_of::<RawFd>()).div_ceil(8);

/// Two ends of a connected SOCK_SEQPACKET pair: messages keep their bounds, and the death of one
/// end's last owner is an end of file at the other.
pub(crate) fn packet_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: `fds` is the two ints that the call writes.
    check(unsafe {
        libc::socketpair(
            libc::AF_UNIX,
            libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC,
            0,
            fds.as_mut_ptr(),
        )
    })?;
    // SAFETY: the call succeeded: both are open and nobody else owns them yet.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Is this a SOCK_SEQPACKET socket?
pub(crate) fn is_packet_socket(fd: impl AsFd) -> bool {
    get_option::<libc::c_int>(fd, libc::SOL_SOCKET, libc::SO_TYPE)
        .is_ok_and(|kind| kind == libc::SOCK_SEQPACKET)
}

/// Makes calls on `fd` return EWOULDBLOCK instead of waiting.
pub(crate) fn set_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: F_GETFL and F_SETFL take and return integers.
    unsafe {
        let flags = check(libc::fcntl(fd, libc::F_GETFL))?;
        check(libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK)).map(drop)
    }
}

/// Sends one message with up to 64 descriptors.
pub(crate) fn send(socket: impl AsFd, bytes: &[u8], fds: &[RawFd]) -> io::Result<()> {
    assert!(fds.len() <= MAX_FDS, "{} descriptors in one message", fds.len());
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let mut control = [0_u64; CONTROL_WORDS];
    // SAFETY: a msghdr is pointers and lengths; all zero is an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    if !fds.is_empty() {
        let len = size_of_val(fds) as u32;
        message.msg_control = control.as_mut_ptr().cast();
        // SAFETY: CMSG_SPACE, CMSG_LEN only compute. CMSG_FIRSTHDR returns the beginning of
        // `control`, which is aligned, zeroed and long enough for a header and MAX_FDS descriptors.
        unsafe {
            message.msg_controllen = libc::CMSG_SPACE(len) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(len) as _;
            ptr::copy_nonoverlapping(fds.as_ptr().cast(), libc::CMSG_DATA(header), len as usize);
        }
    }
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `message` points to `part`, which points to `bytes`, and to `control`; all outlive the
    // call, and sendmsg does not write through them.
    let send = || check_len(unsafe { libc::sendmsg(fd, &raw const message, libc::MSG_NOSIGNAL) });
    let sent = retry(send)?;
    assert_eq!(sent, bytes.len(), "a message socket sends all or nothing");
    Ok(())
}

/// Receives one message into `bytes` and appends the descriptors that came with it to `fds`; 0 is
/// the end of file. A message that does not fit is an error (EMSGSIZE).
pub(crate) fn receive(
    socket: impl AsFd,
    bytes: &mut [u8],
    fds: &mut Vec<OwnedFd>,
) -> io::Result<usize> {
    let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
    let mut control = [0_u64; CONTROL_WORDS];
    // SAFETY: a msghdr is pointers and lengths; all zero is an empty message.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: `message` points to `part`, which points to `bytes`, and to `control`: memory that is
    // writable for the lengths given and outlives the call.
    let receive =
        || check_len(unsafe { libc::recvmsg(fd, &raw mut message, libc::MSG_CMSG_CLOEXEC) });
    let len = retry(receive)?;
    // SAFETY: the kernel has filled `control` with well-formed control messages up to
    // msg_controllen, and CMSG_FIRSTHDR and CMSG_NXTHDR stay inside. The descriptors of an
    // SCM_RIGHTS message are new in this process, so this is their only owner; they are read
    // unaligned because CMSG_DATA promises no alignment.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let len = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                let data = libc::CMSG_DATA(header).cast::<RawFd>();
                for i in 0..len / size_of::<RawFd>() {
                    fds.push(OwnedFd::from_raw_fd(ptr::read_unaligned(data.add(i))));
                }
            }
            header = libc::CMSG_NXTHDR(&raw const message, header);
        }
    }
    if message.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
        return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
    }
    Ok(len)
}

/// A routing socket that hears the multicast groups in `groups` (RTMGRP_…), in the network namespace
/// of the calling thread, for as long as it lives.
pub(crate) fn netlink_socket(groups: u32) -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    let socket = check_fd(unsafe {
        libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE)
    })?;
    // SAFETY: a sockaddr_nl is integers; all zero lets the kernel choose the port id.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = libc::AF_NETLINK as libc::sa_family_t;
    address.nl_groups = groups;
    bind_to(&socket, &address)?;
    Ok(socket)
}

/// Binds to an address of any family.
fn bind_to<T>(socket: &OwnedFd, address: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: `address` is a sockaddr of its family, `len` bytes to read from.
    check(unsafe { libc::bind(socket.as_raw_fd(), ptr::from_ref(address).cast(), len) }).map(drop)
}

fn socket_address(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    }
}

/// A non-blocking TCP socket that has no address yet: that is chosen when it connects.
pub(crate) fn tcp_client() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes no pointer.
    check_fd(unsafe { libc::socket(libc::AF_INET, kind, 0) })
}

/// The next connection of a listening socket, non-blocking; `None` when none waits.
pub(crate) fn accept(socket: &OwnedFd) -> io::Result<Option<OwnedFd>> {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: with a null address the call writes none.
    let accepted = check_fd(unsafe {
        libc::accept4(socket.as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags)
    });
    match accepted {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        accepted => accepted.map(Some),
    }
}

/// A non-blocking TCP socket bound to `local`, whose port may still be in TIME_WAIT.
pub(crate) fn tcp_socket(local: SocketAddrV4) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes no pointer.
    let socket = check_fd(unsafe { libc::socket(libc::AF_INET, kind, 0) })?;
    set_option(&socket, libc::SOL_SOCKET, libc::SO_REUSEADDR, &1_i32)?;
    bind_to(&socket, &socket_address(local))?;
    Ok(socket)
}

/// Chooses the congestion control of the socket, and of those that it accepts, by the kernel's name.
pub(crate) fn set_congestion(socket: impl AsFd, name: &str) -> io::Result<()> {
    let (level, option) = (libc::IPPROTO_TCP, libc::TCP_CONGESTION);
    let len = name.len() as libc::socklen_t;
    // SAFETY: `name` is `len` bytes to read from.
    check(unsafe {
        libc::setsockopt(socket.as_fd().as_raw_fd(), level, option, name.as_ptr().cast(), len)
    })
    .map(drop)
}

/// Lets it accept, with room for `backlog` connections that nobody has accepted yet.
pub(crate) fn listen(socket: &OwnedFd, backlog: u16) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::listen(socket.as_raw_fd(), backlog.into()) }).map(drop)
}

/// Begins to connect; the outcome shows when the socket can be written.
pub(crate) fn connect(socket: &OwnedFd, remote: SocketAddrV4) -> io::Result<()> {
    let address = socket_address(remote);
    let len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` is a sockaddr_in, `len` bytes to read from.
    match check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), len) }) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(()),
    }
}

/// Makes closing the socket send RST.
pub(crate) fn reset_on_close(socket: impl AsFd) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    set_option(socket, libc::SOL_SOCKET, libc::SO_LINGER, &linger)
}

/// A raw ICMP socket: it receives every ICMP packet of the host, IP header first, and sends
/// messages to which the kernel adds the IP header.
pub(crate) fn icmp_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes no pointer.
    check_fd(unsafe { libc::socket(libc::AF_INET, kind, libc::IPPROTO_ICMP) })
}

/// A socket that only carries ioctls.
pub(crate) fn ioctl_socket() -> io::Result<OwnedFd> {
    // SAFETY: takes no pointer.
    check_fd(unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) })
}

// linux/sockios.h; libc does not name them.
const SIOCOUTQ: libc::c_ulong = 0x5411;
const SIOCOUTQNSD: libc::c_ulong = 0x894b;

fn queue(socket: impl AsFd, which: libc::c_ulong) -> io::Result<u32> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: both ioctls write an int.
    check(unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), which as _, &raw mut bytes) })?;
    Ok(bytes as u32)
}

/// Bytes that were sent on a TCP socket and are not acknowledged.
pub(crate) fn unacknowledged(socket: impl AsFd) -> io::Result<u32> {
    queue(socket, SIOCOUTQ)
}

/// Of these, bytes that TCP has not sent.
pub(crate) fn unsent(socket: impl AsFd) -> io::Result<u32> {
    queue(socket, SIOCOUTQNSD)
}

/// State of a TCP socket and number of segments that it sent again.
pub(crate) fn tcp_state(socket: impl AsFd) -> io::Result<(u8, u32)> {
    let info: libc::tcp_info = get_option(socket, libc::IPPROTO_TCP, libc::TCP_INFO)?;
    Ok((info.tcpi_state, info.tcpi_total_retrans))
}

/// Values of socket options: plain integers in any combination.
///
/// # Safety
/// Every bit pattern of the size, all zero included, is a valid value.
pub(super) unsafe trait Plain: Sized {}
// SAFETY: integers.
unsafe impl Plain for libc::c_int {}
// SAFETY: a struct of integers.
unsafe impl Plain for libc::tcp_info {}
// SAFETY: a struct of integers.
unsafe impl Plain for libc::linger {}
// SAFETY: a struct of integers.
unsafe impl Plain for libc::tpacket_req3 {}
// SAFETY: a struct of integers.
unsafe impl Plain for libc::tpacket_stats_v3 {}

pub(super) fn get_option<T: Plain>(
    socket: impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<T> {
    // SAFETY: T is Plain, so all zero is a value. A kernel that knows a shorter version of a struct
    // leaves its end zero.
    let mut value: T = unsafe { std::mem::zeroed() };
    let mut len = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is `len` bytes to write to, and any bytes are a T.
    check(unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            (&raw mut value).cast(),
            &raw mut len,
        )
    })?;
    Ok(value)
}

pub(super) fn set_option<T: Plain>(
    socket: impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: `value` is `len` bytes to read from.
    check(unsafe {
        libc::setsockopt(socket.as_fd().as_raw_fd(), level, name, ptr::from_ref(value).cast(), len)
    })
    .map(drop)
}
