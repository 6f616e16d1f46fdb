//! Ethernet frames by hand.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use mafo_apps::peer::TapFd;

/// Our MAC address on the cables.
pub(crate) const OUR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0a];
/// A host that nobody has heard of.
pub(crate) const UNKNOWN_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x0b];
pub(crate) const BROADCAST: [u8; 6] = [0xff; 6];

/// How long a frame is waited for that must come. Nothing is concluded from how long it took.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn ethernet(to: [u8; 6], from: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [&to[..], &from, &kind.to_be_bytes(), payload].concat();
    frame.resize(frame.len().max(60), 0);
    frame
}

/// ARP over Ethernet (RFC 826): 1 asks, 2 answers.
pub(crate) fn arp(
    operation: u16,
    from: ([u8; 6], Ipv4Addr),
    to: ([u8; 6], Ipv4Addr),
    destination: [u8; 6],
) -> Vec<u8> {
    let payload = [
        &[0, 1, 8, 0, 6, 4][..],
        &operation.to_be_bytes(),
        &from.0,
        &from.1.octets(),
        &to.0,
        &to.1.octets(),
    ]
    .concat();
    ethernet(destination, from.0, 0x0806, &payload)
}

/// Who has `target`? asks `from`.
pub(crate) fn arp_request(from: ([u8; 6], Ipv4Addr), target: Ipv4Addr) -> Vec<u8> {
    arp(1, from, ([0; 6], target), BROADCAST)
}

/// `from` has its address here.
pub(crate) fn gratuitous_arp(from: ([u8; 6], Ipv4Addr)) -> Vec<u8> {
    arp(1, from, ([0; 6], from.1), BROADCAST)
}

/// The echo request in a frame, as (sequence, reply to send): addresses swapped, type 0.
pub(crate) fn echo_reply(frame: &[u8]) -> Option<(u16, Vec<u8>)> {
    let is_request = frame.get(12..14)? == [8, 0] && frame.get(23)? == &1 && frame.get(34)? == &8;
    if !is_request {
        return None;
    }
    let mut reply = frame.to_vec();
    for i in 0..6 {
        reply.swap(i, 6 + i);
    }
    for i in 0..4 {
        reply.swap(26 + i, 30 + i);
    }
    reply[34] = 0;
    // The type went from 8 to 0, so the one's complement sum loses 0x0800 (RFC 1624).
    let sum = u32::from(u16::from_be_bytes([reply[36], reply[37]])) + 0x0800;
    let sum = (sum & 0xffff) as u16 + (sum >> 16) as u16;
    reply[36..38].copy_from_slice(&sum.to_be_bytes());
    Some((u16::from_be_bytes([frame[40], frame[41]]), reply))
}

/// One end of a cable.
pub(crate) struct Cable {
    pub(crate) tap: TapFd,
    file: File,
}

impl Cable {
    pub(crate) fn new(tap: TapFd) -> Self {
        let file = File::from(tap.fd.try_clone().unwrap());
        Self { tap, file }
    }

    /// Sends a frame; one that the device has no room for is lost, as on a cable.
    pub(crate) fn send(&mut self, frame: &[u8]) {
        match self.file.write(frame) {
            Ok(len) => assert_eq!(len, frame.len()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{}: {error}", self.tap.name),
        }
    }

    /// The next frame, if one has come.
    pub(crate) fn receive(&mut self) -> Option<Vec<u8>> {
        let mut frame = vec![0; 2048];
        match self.file.read(&mut frame) {
            Ok(len) => {
                frame.truncate(len);
                Some(frame)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{}: {error}", self.tap.name),
        }
    }

    /// The next frame.
    pub(crate) fn expect(&mut self) -> Vec<u8> {
        wait("a frame", || self.receive())
    }

    /// Everything that has come.
    pub(crate) fn drain(&mut self) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| self.receive()).collect()
    }
}

/// Waits until `look` finds what must come.
pub(crate) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} did not come");
        std::thread::sleep(Duration::from_micros(200));
    }
}
