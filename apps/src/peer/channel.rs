//! The socket pair between the two processes.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use crate::sys;

/// Longest message; the longest of the protocol are pages of [`PAGE`] connections.
const MAX_MESSAGE: usize = 64 << 10;

/// Connections in one page of a report: 256 of at most 60 bytes.
pub(super) const PAGE: usize = 256;

/// One end, which never waits: what the other end has no room for is kept in order.
#[derive(Debug)]
pub(super) struct Channel {
    socket: OwnedFd,
    waiting: VecDeque<Vec<u8>>,
    buffer: Box<[u8]>,
}

/// What came.
#[derive(Debug)]
pub(super) enum Received<'a> {
    /// A packet, and the descriptors that came with it.
    Packet(&'a [u8], Vec<OwnedFd>),
    /// Nothing at the moment.
    Nothing,
    /// The other process is gone.
    End,
}

impl Channel {
    /// Takes over one end of a pair.
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        sys::set_nonblocking(&socket)?;
        let buffer = vec![0; MAX_MESSAGE].into_boxed_slice();
        Ok(Self { socket, waiting: VecDeque::new(), buffer })
    }

    /// Sends a packet, now or when there is room.
    pub(super) fn send(&mut self, packet: Vec<u8>) -> io::Result<()> {
        assert!(packet.len() <= MAX_MESSAGE, "a message of {} bytes", packet.len());
        self.waiting.push_back(packet);
        self.flush()
    }

    /// Sends a packet with descriptors; they do not wait, so this belongs to the first messages.
    pub(super) fn send_with(&mut self, packet: &[u8], fds: &[RawFd]) -> io::Result<()> {
        sys::send(&self.socket, packet, fds)
    }

    /// Sends what is kept, as far as there is room.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while let Some(packet) = self.waiting.front() {
            match sys::send(&self.socket, packet, &[]) {
                Ok(()) => drop(self.waiting.pop_front()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Is something kept that the other end had no room for?
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next packet.
    pub(super) fn receive(&mut self) -> io::Result<Received<'_>> {
        let mut fds = Vec::new();
        match sys::receive(&self.socket, &mut self.buffer, &mut fds) {
            Ok(0) => Ok(Received::End),
            Ok(len) => Ok(Received::Packet(&self.buffer[..len], fds)),
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN) => Ok(Received::Nothing),
                // The other end was closed with messages of ours unread.
                Some(libc::ECONNRESET) => Ok(Received::End),
                _ => Err(error),
            },
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;

    fn pair() -> (Channel, Channel) {
        let (a, b) = sys::packet_pair().unwrap();
        (Channel::new(a).unwrap(), Channel::new(b).unwrap())
    }

    fn packet(channel: &mut Channel) -> Option<Vec<u8>> {
        match channel.receive().unwrap() {
            Received::Packet(packet, _) => Some(packet.to_vec()),
            Received::Nothing => None,
            Received::End => panic!("end of file"),
        }
    }

    #[test]
    fn what_has_no_room_waits_and_keeps_its_order() {
        let (mut a, mut b) = pair();
        let message = |i: u32| [&i.to_le_bytes()[..], &[0; 60_000]].concat();
        let mut sent = 0;
        while !a.is_waiting() {
            a.send(message(sent)).unwrap();
            sent += 1;
        }
        a.send(message(sent)).unwrap();
        sent += 1;
        for i in 0..sent {
            assert_eq!(packet(&mut b), Some(message(i)));
            a.flush().unwrap();
        }
        assert!(!a.is_waiting());
        assert_eq!(packet(&mut b), None);
    }

    #[test]
    fn descriptors_arrive_open() {
        let (mut a, mut b) = pair();
        let (mut writer, reader) = io::pipe().map(|(reader, writer)| (writer, reader)).unwrap();
        a.send_with(b"take", &[reader.as_raw_fd(), a.as_fd().as_raw_fd()]).unwrap();
        drop(reader);
        let Received::Packet(b"take", mut fds) = b.receive().unwrap() else { panic!("no message") };
        assert_eq!(fds.len(), 2);
        writer.write_all(b"x").unwrap();
        drop(writer);
        let reader = std::fs::File::from(fds.swap_remove(0));
        assert_eq!(io::read_to_string(reader).unwrap(), "x");
    }

    #[test]
    fn the_end_of_the_other_process_is_seen_once_its_messages_are_read() {
        let (mut a, mut b) = pair();
        a.send(b"last".to_vec()).unwrap();
        b.send(b"unread".to_vec()).unwrap();
        drop(a);
        assert!(b.send(b"too late".to_vec()).is_err());
        let seen: Vec<_> = std::iter::from_fn(|| match b.receive().unwrap() {
            Received::Packet(packet, _) => Some(packet.to_vec()),
            _ => None,
        })
        .collect();
        assert!(matches!(b.receive().unwrap(), Received::End));
        assert!(seen.is_empty() || seen == [b"last".to_vec()], "{seen:?}");
    }
}
