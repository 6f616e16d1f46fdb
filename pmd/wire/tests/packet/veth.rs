//! Makes pairs of interfaces that are each other's cable, by one message to the kernel (rtnetlink(7)).

#![expect(unsafe_code, reason = "netlink sockets")]

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Attributes of a link, of its kind, and of a veth's other end (if_link.h, veth.h).
const IFLA_IFNAME: u16 = 3;
const IFLA_LINKINFO: u16 = 18;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let len = (4 + value.len()) as u16;
    let mut bytes = [&len.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn name(name: &str) -> Vec<u8> {
    attribute(IFLA_IFNAME, &[name.as_bytes(), &[0]].concat())
}

/// A new pair of interfaces, down, in this namespace.
pub(crate) fn pair(a: &str, b: &str) -> io::Result<()> {
    // An ifinfomsg that says nothing is 16 zero bytes.
    let peer = attribute(VETH_INFO_PEER, &[&[0; 16][..], &name(b)].concat());
    let kind = attribute(IFLA_INFO_KIND, b"veth");
    let info = attribute(IFLA_LINKINFO, &[kind, attribute(IFLA_INFO_DATA, &peer)].concat());
    let body = [vec![0; 16], name(a), info].concat();
    let flags = libc::NLM_F_REQUEST | libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
    let mut message = ((16 + body.len()) as u32).to_ne_bytes().to_vec();
    message.extend(libc::RTM_NEWLINK.to_ne_bytes());
    message.extend((flags as u16).to_ne_bytes());
    message.extend([0; 8]); // sequence and port
    message.extend(body);
    // SAFETY: no pointers are involved.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // SAFETY: the message is read for its own length.
    let sent = unsafe { libc::send(socket.as_raw_fd(), message.as_ptr().cast(), message.len(), 0) };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    let mut reply = [0; 4096];
    // SAFETY: the reply is written for at most its own length.
    let len = unsafe { libc::recv(socket.as_raw_fd(), reply.as_mut_ptr().cast(), reply.len(), 0) };
    // NLMSG_ERROR: a header of 16 bytes, then the error's number, negative, or 0.
    match reply[..len.max(0) as usize].get(16..20).and_then(|code| code.first_chunk()) {
        Some(code) => match c_int::from_ne_bytes(*code) {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(-code)),
        },
        None => Err(io::Error::last_os_error()),
    }
}
