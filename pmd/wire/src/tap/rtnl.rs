//! What the kernel says of an interface (rtnetlink(7)), and what we ask of it.
//!
//! Messages are in the machine's byte order and padded to four bytes: a header of 16 bytes (length,
//! type, flags, sequence, port), for a link 16 more (family, type, index, flags, mask of changes),
//! then attributes, each behind its length and type.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;

use super::{retry, sys};

/// What is known of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) index: i32,
    pub(crate) mtu: u32,
    pub(crate) mac: [u8; 6],
    flags: u32,
}

impl Interface {
    /// Whether it is set up (IFF_UP) and its lower layer has a carrier (IFF_LOWER_UP).
    pub(crate) fn is_up(&self) -> bool {
        self.flags & FLAGS_UP == FLAGS_UP
    }

    fn learn(&mut self, news: &Link) {
        self.flags = news.flags;
        self.mtu = news.mtu.unwrap_or(self.mtu);
        self.mac = news.mac.unwrap_or(self.mac);
    }
}

const FLAGS_UP: u32 = (libc::IFF_UP | libc::IFF_LOWER_UP).cast_unsigned();

/// A route socket and where its conversation stands.
#[derive(Debug)]
pub(crate) struct Route {
    socket: File,
    sequence: u32,
    /// News was lost for want of room in the socket: ask how things stand.
    stale: bool,
    /// Where messages are read; a datagram of the kernel's is at most this long unless it is a dump,
    /// which we never ask for.
    buf: Vec<u8>,
}

const BUF: usize = 1 << 15;
/// The kernel answers within the system call; waiting longer means that it will not.
const ANSWER_TIMEOUT_MS: i32 = 1000;

impl Route {
    pub(crate) fn new(socket: OwnedFd) -> io::Result<Self> {
        let socket = File::from(socket);
        sys::set_nonblocking(&socket)?;
        Ok(Self { socket, sequence: 0, stale: false, buf: vec![0; BUF] })
    }

    /// The interface of this name.
    pub(crate) fn find(&mut self, name: &str) -> io::Result<Interface> {
        let terminated = [name.as_bytes(), &[0]].concat();
        let request = Request { kind: libc::RTM_GETLINK, ..Request::default() };
        let mut interface = Interface::default();
        // What was said before is old, and would take the answer's room.
        self.poll(&mut interface)?;
        let sequence = self.send(&request, &[(libc::IFLA_IFNAME, &terminated)])?;
        self.until(sequence, |link| {
            let found = link.name == name.as_bytes();
            if found {
                interface.index = link.index;
                interface.learn(link);
            }
            found
        })?;
        Ok(interface)
    }

    /// Takes note of what was said of `interface` since the last time.
    pub(crate) fn poll(&mut self, interface: &mut Interface) -> io::Result<()> {
        loop {
            match self.receive(|message| note(message, interface)) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && self.stale => {
                    // Only now: the answer would find no room in a socket that is full.
                    self.stale = false;
                    let (kind, index) = (libc::RTM_GETLINK, interface.index);
                    self.send(&Request { kind, index, ..Request::default() }, &[])?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.stale = true,
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn set_up(&mut self, interface: &mut Interface, up: bool) -> io::Result<()> {
        let iff_up = libc::IFF_UP.cast_unsigned();
        let flags = if up { iff_up } else { 0 };
        self.change(interface, Request { flags, flags_mask: iff_up, ..Request::default() }, &[])
    }

    pub(crate) fn set_mtu(&mut self, interface: &mut Interface, mtu: u32) -> io::Result<()> {
        let attribute = (libc::IFLA_MTU, &mtu.to_ne_bytes()[..]);
        self.change(interface, Request::default(), &[attribute])
    }

    pub(crate) fn set_mac(&mut self, interface: &mut Interface, mac: [u8; 6]) -> io::Result<()> {
        self.change(interface, Request::default(), &[(libc::IFLA_ADDRESS, &mac)])
    }

    fn change(
        &mut self,
        interface: &mut Interface,
        request: Request,
        attributes: &[(u16, &[u8])],
    ) -> io::Result<()> {
        // Makes room for the answer.
        self.poll(interface)?;
        let index = interface.index;
        let request = Request { kind: libc::RTM_NEWLINK, index, ack: true, ..request };
        let sequence = self.send(&request, attributes)?;
        self.until(sequence, |link| {
            if link.index == index {
                interface.learn(link);
            }
            false
        })
    }

    fn send(&mut self, request: &Request, attributes: &[(u16, &[u8])]) -> io::Result<u32> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = request.encode(self.sequence, attributes);
        retry(|| (&self.socket).write(&bytes))?;
        Ok(self.sequence)
    }

    /// Hands over every link that is told of, until `is_answer` says so of one or the request of this
    /// number is acknowledged or refused.
    fn until(&mut self, sequence: u32, mut is_answer: impl FnMut(&Link) -> bool) -> io::Result<()> {
        let mut answer = None;
        loop {
            let received = self.receive(|message| match message {
                Message::Link(link) => {
                    if is_answer(link) {
                        answer = Some(0);
                    }
                }
                Message::Answer { sequence: number, errno } if *number == sequence => {
                    answer = Some(*errno);
                }
                Message::Answer { .. } | Message::Gone { .. } => {}
            });
            match (answer, received) {
                (Some(0), _) => return Ok(()),
                (Some(errno), _) => return Err(io::Error::from_raw_os_error(errno)),
                (None, Ok(())) => {}
                (None, Err(error)) if error.kind() == ErrorKind::WouldBlock => {
                    sys::wait_readable(&self.socket, ANSWER_TIMEOUT_MS)?;
                }
                (None, Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    self.stale = true;
                }
                (None, Err(error)) => return Err(error),
            }
        }
    }

    /// One datagram; `WouldBlock` if there is none.
    fn receive(&mut self, on_message: impl FnMut(&Message)) -> io::Result<()> {
        let Self { socket, buf, .. } = self;
        let len = retry(|| socket.read(buf))?;
        messages(&buf[..len], on_message);
        Ok(())
    }
}

impl From<Route> for OwnedFd {
    fn from(route: Route) -> Self {
        route.socket.into()
    }
}

/// What a message says of one interface.
fn note(message: &Message, interface: &mut Interface) {
    match message {
        Message::Link(link) if link.index == interface.index => interface.learn(link),
        Message::Gone { index } if *index == interface.index => interface.flags = 0,
        Message::Link(_) | Message::Gone { .. } | Message::Answer { .. } => {}
    }
}

/// A request about a link.
#[derive(Default)]
struct Request {
    kind: u16,
    ack: bool,
    /// 0: by name.
    index: i32,
    flags: u32,
    flags_mask: u32,
}

impl Request {
    fn encode(&self, sequence: u32, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let ack = if self.ack { libc::NLM_F_ACK } else { 0 };
        let nl_flags = (libc::NLM_F_REQUEST | ack) as u16;
        let mut bytes = vec![0; 4]; // the length, known at the end
        bytes.extend(self.kind.to_ne_bytes());
        bytes.extend(nl_flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]); // to the kernel
        bytes.extend([0; 4]); // family: any; type: not for requests
        bytes.extend(self.index.to_ne_bytes());
        bytes.extend(self.flags.to_ne_bytes());
        bytes.extend(self.flags_mask.to_ne_bytes());
        for (kind, value) in attributes {
            bytes.extend((value.len() as u16 + 4).to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(*value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        let len = bytes.len() as u32;
        bytes[..4].copy_from_slice(&len.to_ne_bytes());
        bytes
    }
}

/// A message that matters here.
#[derive(Debug, PartialEq, Eq)]
enum Message {
    Link(Link),
    /// The interface exists no longer.
    Gone {
        index: i32,
    },
    /// A request was carried out (0) or not.
    Answer {
        sequence: u32,
        errno: i32,
    },
}

/// RTM_NEWLINK: how an interface is now.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    index: i32,
    name: Vec<u8>,
    flags: u32,
    mtu: Option<u32>,
    mac: Option<[u8; 6]>,
}

/// Every message of a datagram that matters here. What is cut short ends it.
fn messages(mut bytes: &[u8], mut on_message: impl FnMut(&Message)) {
    while let Some(len) = u32_at(bytes, 0) {
        let len = len as usize;
        let Some(message) = bytes.get(..len).filter(|_| len >= 16) else { return };
        if let Some(message) = parse(message) {
            on_message(&message);
        }
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
}

fn parse(message: &[u8]) -> Option<Message> {
    let kind = u16_at(message, 4)?;
    let sequence = u32_at(message, 8)?;
    if i32::from(kind) == libc::NLMSG_ERROR {
        let errno = u32_at(message, 16)?.cast_signed();
        return Some(Message::Answer { sequence, errno: errno.wrapping_neg() });
    }
    if kind != libc::RTM_NEWLINK && kind != libc::RTM_DELLINK {
        return None;
    }
    let index = u32_at(message, 20)?.cast_signed();
    let flags = u32_at(message, 24)?;
    let mut attributes = message.get(32..)?;
    // A bridge tells in the same way, but of family AF_BRIDGE, that an interface is its port no more.
    if kind == libc::RTM_DELLINK {
        return (message[16] == 0).then_some(Message::Gone { index });
    }
    let mut link = Link { index, name: Vec::new(), flags, mtu: None, mac: None };
    while let (Some(len), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        let Some(value) = attributes.get(4..usize::from(len)) else { break };
        match kind {
            libc::IFLA_IFNAME => link.name = value.strip_suffix(&[0]).unwrap_or(value).to_vec(),
            libc::IFLA_MTU => link.mtu = u32_at(value, 0),
            libc::IFLA_ADDRESS => link.mac = value.try_into().ok(),
            _ => {}
        }
        attributes = attributes.get(usize::from(len).next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Message::Link(link))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(bytes: &[u8]) -> Vec<String> {
        let mut all = Vec::new();
        messages(bytes, |message| all.push(format!("{message:?}")));
        all
    }

    /// RTM_NEWLINK as a little-endian kernel writes it: interface 7, up, with carrier.
    #[rustfmt::skip]
    const NEWLINK: [u8; 64] = [
        64, 0, 0, 0, 16, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0,           // length, type, -, sequence 5
        0, 0, 1, 0, 7, 0, 0, 0, 0x43, 0x10, 1, 0, 0, 0, 0, 0,       // Ethernet, index, flags 0x11043
        10, 0, 1, 0, 2, 0, 0, 0, 0, 9, 0, 0,                        // IFLA_ADDRESS, padded
        8, 0, 4, 0, 0xdc, 5, 0, 0,                                  // IFLA_MTU 1500
        7, 0, 3, 0, b't', b'0', 0, 0,                               // IFLA_IFNAME, zero and padding
        4, 0, 99, 0,                                                // an attribute without value
    ];

    #[test]
    fn messages_are_as_the_manual_draws_them() {
        let ack = [20, 0, 0, 0, 2, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
        let mut gone = NEWLINK[..32].to_vec();
        (gone[0], gone[4]) = (32, 17);
        let mut bridge_gone = gone.clone();
        bridge_gone[16] = 7; // AF_BRIDGE
        let unknown = [16, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let all = [&NEWLINK[..], &ack, &unknown, &gone, &bridge_gone].concat();
        let mac = Some([2, 0, 0, 0, 0, 9]);
        let name = b"t0".to_vec();
        let link = Link { index: 7, name, flags: 0x11043, mtu: Some(1500), mac };
        let expected = [
            Message::Link(link),
            Message::Answer { sequence: 6, errno: libc::EPERM },
            Message::Gone { index: 7 },
        ];
        assert_eq!(parsed(&all), expected.map(|message| format!("{message:?}")));
    }

    #[test]
    fn requests_are_as_the_manual_draws_them() {
        let request =
            Request { kind: libc::RTM_NEWLINK, ack: true, index: 7, flags: 1, flags_mask: 1 };
        #[rustfmt::skip]
        let expected = [
            44, 0, 0, 0, 16, 0, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,
            10, 0, 1, 0, 2, 0, 0, 0, 0, 9, 0, 0,
        ];
        assert_eq!(request.encode(3, &[(libc::IFLA_ADDRESS, &[2, 0, 0, 0, 0, 9])]), expected);
    }

    #[test]
    fn a_link_is_up_when_both_layers_are() {
        let up =
            |flags: i32| Interface { flags: flags.cast_unsigned(), ..Interface::default() }.is_up();
        assert!(up(libc::IFF_UP | libc::IFF_LOWER_UP | libc::IFF_RUNNING));
        assert!(!up(libc::IFF_UP) && !up(libc::IFF_LOWER_UP) && !up(0));
    }

    #[test]
    fn only_ones_own_interface_matters() {
        let mut mine = Interface { index: 7, ..Interface::default() };
        let mut other = Interface { index: 8, ..Interface::default() };
        messages(&NEWLINK, |message| note(message, &mut mine));
        messages(&NEWLINK, |message| note(message, &mut other));
        assert_eq!((mine.is_up(), mine.mtu, mine.mac), (true, 1500, [2, 0, 0, 0, 0, 9]));
        assert_eq!(other, Interface { index: 8, ..Interface::default() });
        note(&Message::Gone { index: 8 }, &mut mine);
        assert!(mine.is_up());
        note(&Message::Gone { index: 7 }, &mut mine);
        assert!(!mine.is_up());
    }

    #[test]
    fn messages_cut_short_end_the_datagram() {
        for len in 0..NEWLINK.len() {
            assert!(parsed(&NEWLINK[..len]).is_empty(), "{len} bytes");
        }
        assert_eq!(parsed(&NEWLINK).len(), 1);
        // Lengths that would not get past their own header, zero among them.
        for len in 0..16 {
            let mut short = [NEWLINK, NEWLINK].concat();
            short[NEWLINK.len()] = len;
            assert_eq!(parsed(&short).len(), 1, "length {len}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_that_is_said_panics(
            noise in prop::collection::vec(any::<u8>(), 0..200),
            at in any::<prop::sample::Index>(),
            value in any::<u8>(),
        ) {
            parsed(&noise);
            let mut nearly = NEWLINK;
            nearly[at.index(NEWLINK.len())] = value;
            parsed(&nearly);
        }
    }
}
