//! The kernel's side of the cable, by system calls of our own: nothing here uses what is under test.

#![expect(unsafe_code, reason = "namespaces, packet sockets and interface ioctls")]

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::mem::zeroed;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Moves the calling thread to a new network namespace; without the privilege (and while there is
/// one thread) to one in a new user namespace.
pub(crate) fn enter_new_namespace() -> io::Result<()> {
    // SAFETY: no pointers are involved.
    let direct = check(unsafe { libc::unshare(libc::CLONE_NEWNET) });
    if direct.is_ok() {
        return Ok(());
    }
    // SAFETY: no pointers are involved.
    check(unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) }).map(drop)
}

fn socket(family: c_int, kind: c_int, protocol: c_int) -> OwnedFd {
    // SAFETY: no pointers are involved.
    let fd = check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) });
    // SAFETY: the descriptor is new and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd.expect("a socket")) }
}

fn request(name: &str) -> libc::ifreq {
    // SAFETY: all zero is a valid ifreq.
    let mut request: libc::ifreq = unsafe { zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    request
}

fn interface_ioctl(operation: libc::Ioctl, request: &mut libc::ifreq) -> io::Result<()> {
    let socket = socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
    // SAFETY: the operations used here read and write one ifreq.
    check(unsafe { libc::ioctl(socket.as_raw_fd(), operation, request) }).map(drop)
}

fn flags(name: &str) -> c_int {
    let mut request = request(name);
    interface_ioctl(libc::SIOCGIFFLAGS, &mut request).expect("flags of an interface");
    // SAFETY: SIOCGIFFLAGS has written this field.
    c_int::from(unsafe { request.ifr_ifru.ifru_flags })
}

/// Sets an interface of this namespace up or down.
pub(crate) fn set_up(name: &str, up: bool) {
    let mut request = request(name);
    let flags = flags(name);
    let flags = if up { flags | libc::IFF_UP } else { flags & !libc::IFF_UP };
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    interface_ioctl(libc::SIOCSIFFLAGS, &mut request).expect("flags set");
}

/// Whether an interface of this namespace is up and has a carrier.
pub(crate) fn is_running(name: &str) -> bool {
    flags(name) & libc::IFF_RUNNING != 0
}

/// Gives an interface of this namespace an address of IPv4, in a network of 24 bits.
pub(crate) fn set_address(name: &str, address: [u8; 4]) {
    let operations = [(libc::SIOCSIFADDR, address), (libc::SIOCSIFNETMASK, [255, 255, 255, 0])];
    for (operation, address) in operations {
        let mut request = request(name);
        let of = &mut request.ifr_ifru;
        // SAFETY: all zero is a valid sockaddr.
        of.ifru_addr = unsafe { zeroed() };
        // SAFETY: the union was just written as an address; a sockaddr_in has the address behind family and port.
        let sockaddr = unsafe { &mut of.ifru_addr };
        sockaddr.sa_family = libc::AF_INET as u16;
        for (to, from) in sockaddr.sa_data[2..6].iter_mut().zip(address) {
            *to = from.cast_signed();
        }
        interface_ioctl(operation, &mut request).expect("address set");
    }
}

/// An interface of IP packets without Ethernet; it goes with the file.
pub(crate) fn tun(name: &str) -> File {
    let tun = File::options().read(true).write(true).open("/dev/net/tun").expect("TUN");
    let mut request = request(name);
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq.
    check(unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })
        .expect("an interface");
    tun
}

/// The index of an interface of this namespace.
pub(crate) fn index_of(name: &str) -> Option<i32> {
    let mut request = request(name);
    interface_ioctl(libc::SIOCGIFINDEX, &mut request).ok()?;
    // SAFETY: SIOCGIFINDEX has written this field.
    Some(unsafe { request.ifr_ifru.ifru_ifindex })
}

/// Deletes an interface of this namespace (RTM_DELLINK).
pub(crate) fn delete(index: i32) {
    let socket = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE);
    let mut message = Vec::new();
    message.extend(32u32.to_ne_bytes());
    message.extend(libc::RTM_DELLINK.to_ne_bytes());
    message.extend((libc::NLM_F_REQUEST as u16).to_ne_bytes());
    message.extend([0; 12]); // sequence, port, family and type
    message.extend(index.to_ne_bytes());
    message.extend([0; 8]);
    // SAFETY: the message is read for its own length.
    let sent = unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) };
    assert_eq!(sent, 32, "{}", io::Error::last_os_error());
}

/// A socket that sends and receives whole frames at an interface, as a driver's user would see them.
pub(crate) struct PacketSocket {
    fd: OwnedFd,
}

impl PacketSocket {
    /// For frames of one EtherType at the interface of this index, in this namespace.
    pub(crate) fn open(index: i32, ethertype: u16) -> Self {
        let protocol = ethertype.to_be();
        let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK;
        let fd = socket(libc::AF_PACKET, kind, c_int::from(protocol));
        // SAFETY: all zero is a valid sockaddr_ll.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol;
        address.sll_ifindex = index;
        let len = size_of_val(&address) as libc::socklen_t;
        // SAFETY: the address is read for its own length.
        check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) })
            .expect("bound to an interface");
        let socket = Self { fd };
        // Takes the error that waits if the interface is down by now; it may come up later.
        socket.receive();
        socket
    }

    /// Sends a frame out of the interface.
    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: the frame is read for its own length.
        let sent =
            unsafe { libc::send(self.fd.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        check(sent as c_int).map(drop)
    }

    /// The next frame that came in at the interface, or nothing. (Not what went out there.)
    pub(crate) fn receive(&self) -> Vec<u8> {
        loop {
            let mut frame = vec![0; 4096];
            // SAFETY: all zero is a valid sockaddr_ll.
            let mut from: libc::sockaddr_ll = unsafe { zeroed() };
            let mut len = size_of_val(&from) as libc::socklen_t;
            // SAFETY: buffer and address are written for at most their own lengths.
            let received = unsafe {
                libc::recvfrom(
                    self.fd.as_raw_fd(),
                    frame.as_mut_ptr().cast(),
                    frame.len(),
                    0,
                    (&raw mut from).cast(),
                    &raw mut len,
                )
            };
            let Ok(received) = usize::try_from(received) else { return Vec::new() };
            if from.sll_pkttype == libc::PACKET_OUTGOING {
                continue;
            }
            frame.truncate(received);
            return frame;
        }
    }
}

/// Asks a child that has given up its privileges.
pub(crate) fn without_privileges(question: impl FnOnce() -> bool) -> bool {
    // SAFETY: between fork and _exit the child, of a program with one thread at this point, only
    // makes system calls and answers the question.
    let child = check(unsafe { libc::fork() }).expect("a child");
    if child == 0 {
        const NOBODY: u32 = 65_534;
        // SAFETY: no pointers are involved.
        let unprivileged = unsafe {
            libc::setresuid(NOBODY, NOBODY, NOBODY) == 0 || libc::unshare(libc::CLONE_NEWUSER) == 0
        };
        let answer = unprivileged && question();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(c_int::from(!answer)) };
    }
    let mut status = 0;
    // SAFETY: the status is written.
    check(unsafe { libc::waitpid(child, &raw mut status, 0) }).expect("the child's end");
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}
