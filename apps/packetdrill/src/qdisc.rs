//! The queueing discipline of the kernel's device: scripts have `tc` make it refuse every packet, and TCP is to
//! notice. The tool runs such commands between a script's events, so it is the kernel that is asked, by rtnetlink.

#![expect(unsafe_code, reason = "two system calls that the standard library has not")]

use std::ffi::CStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;

/// The device that scripts name.
const DEVICE: &CStr = c"tun0";

/// Whether a device takes packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queue {
    /// It does, or there is none.
    #[default]
    Open,
    /// It has room for none.
    Closed,
}

/// `struct nlmsghdr` and `struct tcmsg` (`linux/netlink.h`, `linux/rtnetlink.h`).
const HEADER: usize = 16;
const TCMSG: usize = 20;
const RTM_NEWQDISC: u16 = 36;
const RTM_GETQDISC: u16 = 38;
const NLMSG_ERROR: u16 = 2;
/// NLM_F_REQUEST | NLM_F_ACK | NLM_F_ECHO: who asks is told as those are who listen for changes, and the answer ends
/// with an NLMSG_ERROR, whether or not there is such a discipline.
const FLAGS: u16 = 1 | 4 | 8;
const TC_H_ROOT: u32 = u32::MAX;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;

/// The kernel's device, and a way to ask for it.
#[derive(Debug)]
pub struct Device {
    netlink: File,
    index: u32,
}

impl Device {
    /// The device of this network namespace, if it has one.
    #[must_use]
    pub fn open() -> Option<Self> {
        // SAFETY: a C string.
        let index = unsafe { libc::if_nametoindex(DEVICE.as_ptr()) };
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: no pointers.
        let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_ROUTE) };
        // SAFETY: a new descriptor that nobody else has.
        let netlink = (fd >= 0).then(|| unsafe { File::from_raw_fd(fd) });
        netlink.filter(|_| index != 0).map(|netlink| Self { netlink, index })
    }

    /// How its queue stands now.
    pub fn queue(&mut self) -> Queue {
        ask(&mut self.netlink, self.index)
    }
}

/// Asks the kernel how the queue of device `index` stands. What cannot be asked is open.
fn ask(netlink: &mut File, index: u32) -> Queue {
    let mut queue = Queue::Open;
    if netlink.write_all(&question(index)).is_err() {
        return queue;
    }
    let mut answer = [0; 8192];
    while let Ok(len @ 1..) = netlink.read(&mut answer) {
        for (kind, body) in messages(&answer[..len]) {
            match kind {
                RTM_NEWQDISC => queue = queue_of(body),
                NLMSG_ERROR => return queue,
                _ => {}
            }
        }
    }
    queue
}

fn question(index: u32) -> [u8; HEADER + TCMSG] {
    let mut message = [0; HEADER + TCMSG];
    message[..4].copy_from_slice(&((HEADER + TCMSG) as u32).to_ne_bytes());
    message[4..6].copy_from_slice(&RTM_GETQDISC.to_ne_bytes());
    message[6..8].copy_from_slice(&FLAGS.to_ne_bytes());
    message[HEADER + 4..][..4].copy_from_slice(&index.to_ne_bytes());
    message[HEADER + 12..][..4].copy_from_slice(&TC_H_ROOT.to_ne_bytes());
    message
}

/// Kind and body of each message.
fn messages(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    pieces(bytes, |header| {
        let len = u32::from_ne_bytes(*header.first_chunk()?) as usize;
        let kind = u16::from_ne_bytes(*header.get(4..)?.first_chunk()?);
        Some((len, kind, HEADER))
    })
}

/// Type and value of each attribute.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    pieces(bytes, |header| {
        let len = u16::from_ne_bytes(*header.first_chunk()?).into();
        let kind = u16::from_ne_bytes(*header.get(2..)?.first_chunk()?);
        Some((len, kind, 4))
    })
}

/// What follows one after the other, each aligned to four bytes; `header` tells length, kind, and its own length.
fn pieces(
    mut bytes: &[u8],
    header: impl Fn(&[u8]) -> Option<(usize, u16, usize)>,
) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (len, kind, begin) = header(bytes)?;
        let body = bytes.get(begin..len)?;
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, body))
    })
}

/// A first-in first-out queue with a limit of no packet, or byte, drops whatever it is given (`struct tc_fifo_qopt`).
fn queue_of(tcmsg: &[u8]) -> Queue {
    let of = |wanted| {
        let attributes = attributes(tcmsg.get(TCMSG..).unwrap_or_default());
        attributes.filter(|&(kind, _)| kind == wanted).map(|(_, value)| value).next()
    };
    let is_fifo = [&b"pfifo\0"[..], b"bfifo\0"].map(Some).contains(&of(TCA_KIND));
    let limit = of(TCA_OPTIONS).and_then(|options| options.first_chunk());
    match limit {
        Some([0, 0, 0, 0]) if is_fifo => Queue::Closed,
        _ => Queue::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A `tcmsg` and the attributes of a discipline, as `linux/rtnetlink.h` lays them out; numbers are this machine's.
    fn discipline(kind: &[u8; 6], limit: u32) -> Vec<u8> {
        let mut message = vec![0; TCMSG];
        for (number, value) in [(1_u16, &kind[..]), (2, &limit.to_ne_bytes())] {
            message.extend((4 + value.len() as u16).to_ne_bytes());
            message.extend(number.to_ne_bytes());
            message.extend(value);
            message.resize(message.len().next_multiple_of(4), 0);
        }
        message
    }

    #[test]
    fn a_queue_for_nothing_is_closed() {
        assert_eq!(queue_of(&discipline(b"pfifo\0", 0)), Queue::Closed);
        assert_eq!(queue_of(&discipline(b"bfifo\0", 0)), Queue::Closed);
        assert_eq!(queue_of(&discipline(b"pfifo\0", 1)), Queue::Open);
        assert_eq!(queue_of(&discipline(b"other\0", 0)), Queue::Open);
        assert_eq!(queue_of(&[0; TCMSG]), Queue::Open, "nothing is said of it");
        assert_eq!(queue_of(&[0; 3]), Queue::Open);
    }

    #[test]
    fn an_answer_may_be_of_several_messages() {
        let mut answer = Vec::new();
        for (kind, body) in [(RTM_NEWQDISC, discipline(b"pfifo\0", 0)), (NLMSG_ERROR, vec![0; 20])]
        {
            answer.extend((16 + body.len() as u32).to_ne_bytes());
            answer.extend(kind.to_ne_bytes());
            answer.extend([0; 10]);
            answer.extend(body);
        }
        let kinds: Vec<u16> = messages(&answer).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [RTM_NEWQDISC, NLMSG_ERROR]);
        let (_, body) = messages(&answer).next().expect("one");
        assert_eq!(queue_of(body), Queue::Closed);
        assert_eq!(messages(&answer[..20]).count(), 0, "cut off");
        assert_eq!(messages(&[0; 16]).count(), 0, "a length of nothing ends it");
    }
}
