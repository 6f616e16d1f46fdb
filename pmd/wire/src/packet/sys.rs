//! Packet sockets: many frames a system call.

#![expect(
    unsafe_code,
    reason = "sockets of a kind that std does not offer, and many messages a call"
)]

use std::ffi::{c_int, c_uint};
use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr;

use mafo_mem::Frame;

use super::partial;

/// Bytes of frames that wait in the socket at most: the kernel doubles it, and counts its own bookkeeping.
const RECEIVE_BUFFER: c_int = 4 << 20;
/// Bytes of the addresses in front of an Ethernet header's type or tag.
const ADDRESSES: usize = 12;
/// Bytes of a VLAN tag.
const TAG: usize = 4;
/// TPID where the kernel does not say (802.1Q).
const TPID: u16 = 0x8100;

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn set_option<T>(socket: &OwnedFd, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the value is read for its own length.
    check(unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, ptr::from_ref(value).cast(), len)
    })
    .map(drop)
}

/// A packet socket that takes nothing yet.
pub(super) fn socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // Protocol 0: nothing is taken before the interface is chosen.
    // SAFETY: no pointers are involved.
    let fd = check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Begins to take what comes in at an interface, whomever it is for; whether it is one for Ethernet frames.
pub(super) fn bind(socket: &OwnedFd, index: c_int) -> io::Result<bool> {
    let on: c_int = 1;
    // Since 4.20. Without it a wire would receive what it sends.
    set_option(socket, libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &on)?;
    set_option(socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, &on)?;
    // More only spares losses: with less it works too.
    if set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER).is_err() {
        let _ = set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &RECEIVE_BUFFER);
    }
    let member = libc::packet_mreq {
        mr_ifindex: index,
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set_option(socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &member)?;
    // SAFETY: all zero is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index;
    let mut len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is read for its own length.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), len) })?;
    let fd = socket.as_raw_fd();
    // SAFETY: at most `len` bytes are written to the address.
    check(unsafe { libc::getsockname(fd, (&raw mut address).cast(), &raw mut len) })?;
    Ok([libc::ARPHRD_ETHER, libc::ARPHRD_LOOPBACK].contains(&address.sll_hatype))
}

/// Frames that found no room in the socket, since the last time.
pub(super) fn missed(socket: &OwnedFd) -> u64 {
    let mut statistics = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut len = size_of_val(&statistics) as libc::socklen_t;
    // SAFETY: at most `len` bytes are written to the statistics.
    let asked = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut statistics).cast(),
            &raw mut len,
        )
    };
    if asked == 0 { statistics.tp_drops.into() } else { 0 }
}

/// What became of frames to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// So many are gone, one at least.
    Frames(usize),
    /// None: there is no room now.
    Full,
    /// The first is lost: the interface is down or gone.
    Down,
    /// The first is longer than the interface carries, or shorter than a header.
    TooLong,
    /// The first is lost for another reason.
    Failed,
}

/// Room for what the kernel says of a frame beside its bytes, aligned for its header.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Buffers for the frames of one call, and what describes them to the kernel.
pub(super) struct Batch {
    frames: Vec<Frame>,
    control: Vec<Control>,
    /// Filled in anew before each call: it points into the above, or at the frames to be sent.
    vectors: Vec<MaybeUninit<libc::iovec>>,
    messages: Vec<MaybeUninit<libc::mmsghdr>>,
}

// SAFETY: the pointers in `vectors` and `messages` are written before each call and not read after it.
unsafe impl Send for Batch {}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "batch of {}", self.frames.len())
    }
}

impl Batch {
    /// For up to `count` frames of up to `capacity` bytes a call.
    pub(super) fn new(count: usize, capacity: usize) -> Self {
        Self {
            frames: (0..count).map(|_| Frame::with_capacity(capacity)).collect(),
            control: vec![Control([0; 64]); count],
            vectors: (0..count).map(|_| MaybeUninit::uninit()).collect(),
            messages: (0..count).map(|_| MaybeUninit::uninit()).collect(),
        }
    }

    /// Receives up to `max` frames; how many, one at least. What they are is said by [`Batch::arrivals`].
    pub(super) fn receive(&mut self, socket: &OwnedFd, max: usize) -> io::Result<usize> {
        let count = max.min(self.frames.len());
        for n in 0..count {
            let buffer = self.frames[n].buffer_mut();
            let vector =
                libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            self.vectors[n].write(vector);
            let control = &mut self.control[n].0;
            // SAFETY: all zero is a valid mmsghdr.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_iov = self.vectors[n].as_mut_ptr();
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_control = control.as_mut_ptr().cast();
            message.msg_hdr.msg_controllen = control.len();
            self.messages[n].write(message);
        }
        // SAFETY: the first `count` messages are initialised; each points at a vector, a buffer and a control area of
        // this value, of the lengths said, which nobody else touches during the call.
        let received = check(unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.messages.as_mut_ptr().cast(),
                count as c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        })?;
        Ok(received as usize)
    }

    /// The first `count` frames of the last [`Batch::receive`]; `None` for one that was longer than a buffer.
    pub(super) fn arrivals(&mut self, count: usize) -> impl Iterator<Item = Option<&mut Frame>> {
        let Self { frames, messages, .. } = self;
        frames.iter_mut().zip(messages.iter()).take(count).map(|(frame, message)| {
            // SAFETY: written by `receive`, for all that it received.
            let message = unsafe { message.assume_init_ref() };
            let len = message.msg_len as usize;
            if message.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 || len > frame.capacity() {
                return None;
            }
            frame.set_len(len);
            let Some(auxdata) = auxdata(&message.msg_hdr) else { return Some(frame) };
            if auxdata.tp_status & libc::TP_STATUS_CSUMNOTREADY != 0 {
                partial::complete(frame.as_mut_slice());
            }
            match tag(&auxdata) {
                Some(tag) => insert(frame, tag).then_some(frame),
                None => Some(frame),
            }
        })
    }

    /// Sends from the front of `frames`, which are not empty.
    pub(super) fn send(&mut self, socket: &OwnedFd, frames: &[Frame]) -> Sent {
        let count = frames.len().min(self.messages.len());
        for (n, frame) in frames[..count].iter().enumerate() {
            let bytes = frame.as_slice();
            // The kernel only reads what is sent.
            let base = bytes.as_ptr().cast_mut().cast();
            self.vectors[n].write(libc::iovec { iov_base: base, iov_len: bytes.len() });
            // SAFETY: all zero is a valid mmsghdr.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_iov = self.vectors[n].as_mut_ptr();
            message.msg_hdr.msg_iovlen = 1;
            self.messages[n].write(message);
        }
        // SAFETY: the first `count` messages are initialised; each points at a vector of this value, and that at a frame
        // that is borrowed for the call and only read.
        let sent = check(unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.messages.as_mut_ptr().cast(),
                count as c_uint,
                libc::MSG_DONTWAIT,
            )
        });
        match sent {
            Ok(sent) => Sent::Frames(sent as usize),
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM | libc::EINTR) => Sent::Full,
                Some(libc::ENETDOWN | libc::ENXIO | libc::ENODEV) => Sent::Down,
                Some(libc::EMSGSIZE | libc::EINVAL) => Sent::TooLong,
                _ => Sent::Failed,
            },
        }
    }
}

/// The VLAN tag that the kernel has taken off a frame: TPID and TCI.
fn tag(auxdata: &libc::tpacket_auxdata) -> Option<(u16, u16)> {
    let is_set = |flag| auxdata.tp_status & flag != 0;
    let tpid = if is_set(libc::TP_STATUS_VLAN_TPID_VALID) { auxdata.tp_vlan_tpid } else { TPID };
    is_set(libc::TP_STATUS_VLAN_VALID).then_some((tpid, auxdata.tp_vlan_tci))
}

/// What the kernel says of a frame beside its bytes.
fn auxdata(header: &libc::msghdr) -> Option<libc::tpacket_auxdata> {
    // SAFETY: the kernel has filled the control area and said how long it is; the macros stay within it.
    let mut at = unsafe { libc::CMSG_FIRSTHDR(header) };
    while !at.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give whole headers within the area, or null.
        let control = unsafe { &*at };
        let needed = size_of::<libc::tpacket_auxdata>();
        // SAFETY: as above; with no data behind it CMSG_LEN is the header's own length.
        let overhead = unsafe { libc::CMSG_LEN(0) } as usize;
        let is_auxdata = control.cmsg_level == libc::SOL_PACKET
            && control.cmsg_type == libc::PACKET_AUXDATA
            && control.cmsg_len >= overhead + needed;
        if is_auxdata {
            // SAFETY: the data is there whole, as just looked at; its alignment does not matter.
            return Some(unsafe { ptr::read_unaligned(libc::CMSG_DATA(at).cast()) });
        }
        // SAFETY: `at` is a header within the area.
        at = unsafe { libc::CMSG_NXTHDR(header, at) };
    }
    None
}

/// Puts a tag behind the addresses; `false` when the frame has no addresses or no room for it.
fn insert(frame: &mut Frame, (tpid, tci): (u16, u16)) -> bool {
    let len = frame.as_slice().len();
    if len < ADDRESSES || len + TAG > frame.capacity() {
        return false;
    }
    let bytes = frame.buffer_mut();
    bytes.copy_within(ADDRESSES..len, ADDRESSES + TAG);
    bytes[ADDRESSES..ADDRESSES + 2].copy_from_slice(&tpid.to_be_bytes());
    bytes[ADDRESSES + 2..ADDRESSES + TAG].copy_from_slice(&tci.to_be_bytes());
    frame.set_len(len + TAG);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_goes_behind_the_addresses() {
        let mut frame = Frame::with_capacity(20);
        frame.copy_from(b"ddddddssssssttp").expect("fits");
        assert!(insert(&mut frame, (0x8100, 0x2041)));
        assert_eq!(frame.as_slice(), b"ddddddssssss\x81\x00\x20\x41ttp");
        assert!(!insert(&mut frame, (0x8100, 1)), "no room");
        frame.set_len(11);
        assert!(!insert(&mut frame, (0x8100, 1)), "no addresses");
    }
}
