//! smoltcp as one of the two hosts, with the settings at which it is fastest.

use std::net::Ipv4Addr;

use mafo::wire::Wire;
use mafo::{Frame, FrameBurst, Nanos};
use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{CongestionControl, Socket, SocketBuffer, State};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};

use super::app::{Copies, Endpoint, Role, Wants};
use super::options::Work;
use super::tally::Counted;
use super::{BenchError, Shape};

/// Frames taken from the link, and given to it, at once.
const BURST: usize = 64;
/// The server's first port: connection n has the nth, for a listening socket takes one connection.
const SERVER_PORT: u16 = 7000;
/// The client's first port.
const CLIENT_PORT: u16 = 20_000;
/// Bytes of an Ethernet header.
const ETHERNET_HEADER: usize = 14;

/// One of the two hosts.
pub(super) struct Smoltcp {
    nic: Nic,
    interface: Interface,
    sockets: SocketSet<'static>,
    handles: Vec<SocketHandle>,
    role: Role,
    work: Work,
    /// How often each connection has been opened.
    opened: Vec<usize>,
    /// Connections whose last ACK is on its way.
    acknowledged: Vec<bool>,
    /// A connection has ended before its time.
    failed: bool,
}

fn address(role: Role) -> Ipv4Addr {
    Ipv4Addr::new(10, 78, 0, if role == Role::Client { 1 } else { 2 })
}

/// smoltcp's idea of `now`.
fn instant(now: Nanos) -> Instant {
    Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

impl Smoltcp {
    /// A host at one end of `wire`.
    pub(super) fn new(role: Role, shape: &Shape, wire: Counted<Box<dyn Wire>>) -> Self {
        let mut nic = Nic::new(wire, shape);
        let mac = [2, 0, 0, 0, 0x78, if role == Role::Client { 1 } else { 2 }];
        let config = Config::new(HardwareAddress::Ethernet(EthernetAddress(mac)));
        let mut interface = Interface::new(config, &mut nic, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            let full = addresses.push(IpCidr::new(address(role).into(), 24)).is_err();
            assert!(!full, "smoltcp was built for no address at all");
        });
        let mut sockets = SocketSet::new(Vec::new());
        let handles: Vec<_> = (0..shape.connections).map(|_| sockets.add(socket(shape))).collect();
        let (opened, acknowledged) = (vec![0; handles.len()], vec![false; handles.len()]);
        let work = shape.work;
        Self { nic, interface, sockets, handles, role, work, opened, acknowledged, failed: false }
    }

    /// Listens, or asks for all connections, unless the application does.
    pub(super) fn open(&mut self) -> Result<(), BenchError> {
        for n in 0..self.handles.len() {
            match (self.role, self.work) {
                (Role::Server, _) => self.listen(n)?,
                (Role::Client, Work::Rpc | Work::Bulk) => self.connect(Nanos::ZERO, n)?,
                (Role::Client, Work::Cps) => {}
            }
        }
        Ok(())
    }

    fn listen(&mut self, n: usize) -> Result<(), BenchError> {
        let socket = self.sockets.get_mut::<Socket<'_>>(self.handles[n]);
        socket.listen(SERVER_PORT + n as u16).map_err(failed)
    }

    fn state(&self, connection: usize) -> State {
        self.sockets.get::<Socket<'_>>(self.handles[connection]).state()
    }

    /// Whether all connections are open that the application does not open itself.
    pub(super) fn are_open(&self) -> bool {
        if self.work == Work::Cps {
            return true;
        }
        let state = |&handle: &SocketHandle| self.sockets.get::<Socket<'_>>(handle).state();
        self.handles.iter().all(|handle| state(handle) == State::Established)
    }
}

/// A socket as it is fastest.
///
/// Found by measuring each alternative against the others in turns, one at a time: congestion control
/// costs 1 % (CUBIC), Nagle's algorithm up to 4 %, bursts of 16 frames 2 to 5 %, a `max_burst_size` of
/// 1 up to 13 %, rpc buffers of 64 KiB 5 %, bulk buffers of 1 MiB 12 %. No difference beyond the
/// measurement's own: an ACK delay of 0, 10 (the default) or 40 ms, bursts of 32 to 256 frames, bulk
/// buffers of 64 to 256 KiB.
fn socket(shape: &Shape) -> Socket<'static> {
    let ring = || SocketBuffer::new(vec![0; buffer(shape)]);
    let mut socket = Socket::new(ring(), ring());
    socket.set_nagle_enabled(false);
    socket.set_congestion_control(CongestionControl::None);
    socket
}

/// Bytes of a socket's buffer, each way.
fn buffer(shape: &Shape) -> usize {
    shape.buffer(match shape.work {
        Work::Rpc | Work::Cps => 4 << 10,
        Work::Bulk => 256 << 10,
    })
}

/// The settings in words.
pub(super) fn settings(shape: &Shape) -> String {
    format!(
        "at its fastest: buffers of {} KiB, bursts of {BURST} frames, no congestion control, no Nagle, \
         ACK delay 10 ms, no timestamps, checksums in software",
        buffer(shape) >> 10
    )
}

impl Endpoint for Smoltcp {
    fn poll(&mut self, now: Nanos) -> Result<(), BenchError> {
        if self.failed {
            return Err(failed("a connection ended before its time"));
        }
        self.nic.now = now;
        let (now, nic, sockets) = (instant(now), &mut self.nic, &mut self.sockets);
        self.interface.poll_maintenance(now);
        while self.interface.poll_ingress_single(now, nic, sockets) != PollIngressSingleResult::None
        {
        }
        Ok(())
    }

    fn flush(&mut self, now: Nanos) {
        let (now, nic, sockets) = (instant(now), &mut self.nic, &mut self.sockets);
        while self.interface.poll_egress(now, nic, sockets) != PollResult::None {}
        self.nic.flush();
    }

    fn ready(&mut self, wants: Wants, ready: &mut Vec<usize>) {
        for (n, &handle) in self.handles.iter().enumerate() {
            let socket = self.sockets.get_mut::<Socket<'_>>(handle);
            let is_ready = match wants {
                // A listening socket takes one connection: when that is over it listens again. One that waits has
                // sent its last ACK when it is seen for the second time.
                Wants::News => match socket.state() {
                    State::Closed if self.role == Role::Server => {
                        let listens = socket.listen(SERVER_PORT + n as u16);
                        assert!(listens.is_ok(), "a closed socket listens: {listens:?}");
                        false
                    }
                    State::Closed => {
                        self.failed = self.opened[n] > 0;
                        false
                    }
                    State::TimeWait => core::mem::replace(&mut self.acknowledged[n], true),
                    _ => true,
                },
                Wants::ToRead => socket.can_recv(),
                Wants::ToWrite(len) => room(socket) >= len,
            };
            if is_ready {
                ready.push(n);
            }
        }
    }

    fn send(&mut self, connection: usize, len: usize, mut write: impl FnMut(&mut [u8])) -> bool {
        let socket = self.sockets.get_mut::<Socket<'_>>(self.handles[connection]);
        if room(socket) < len {
            return false;
        }
        let mut left = len;
        // Twice where the ring's memory ends.
        while left > 0 {
            let sent = socket.send(|buffer| {
                let piece = left.min(buffer.len());
                write(&mut buffer[..piece]);
                (piece, piece)
            });
            match sent {
                Ok(piece) if piece > 0 => left -= piece,
                sent => panic!("connection {connection} had room for {left} more bytes: {sent:?}"),
            }
        }
        true
    }

    fn recv(&mut self, connection: usize, max: usize, mut read: impl FnMut(&[u8])) -> usize {
        let socket = self.sockets.get_mut::<Socket<'_>>(self.handles[connection]);
        let mut received = 0;
        while received < max && socket.can_recv() {
            let taken = socket.recv(|buffer| {
                let piece = buffer.len().min(max - received);
                read(&buffer[..piece]);
                (piece, piece)
            });
            match taken {
                Ok(piece) if piece > 0 => received += piece,
                // The end of the stream; it is missing in the end.
                _ => break,
            }
        }
        received
    }

    /// TIME_WAIT, in which a socket is of no other use for ten seconds, ends here: without a reset, for the next SYN
    /// takes its place.
    fn connect(&mut self, _: Nanos, connection: usize) -> Result<(), BenchError> {
        let each = usize::from(u16::MAX - CLIENT_PORT) / self.handles.len();
        let round = self.opened[connection] % each;
        let port = CLIENT_PORT + (round * self.handles.len() + connection) as u16;
        self.opened[connection] += 1;
        self.acknowledged[connection] = false;
        let server = (address(Role::Server), SERVER_PORT + connection as u16);
        let socket = self.sockets.get_mut::<Socket<'_>>(self.handles[connection]);
        socket.abort();
        socket.connect(self.interface.context(), server, port).map_err(failed)
    }

    fn is_open(&self, connection: usize) -> bool {
        matches!(self.state(connection), State::Established | State::CloseWait)
    }

    fn shut(&mut self, connection: usize) -> Result<(), BenchError> {
        self.sockets.get_mut::<Socket<'_>>(self.handles[connection]).close();
        Ok(())
    }

    fn has_ended(&mut self, connection: usize) -> bool {
        let socket = self.sockets.get::<Socket<'_>>(self.handles[connection]);
        socket.state() == State::CloseWait && !socket.can_recv()
    }

    fn is_over(&self, connection: usize) -> bool {
        self.state(connection) == State::TimeWait
    }

    /// Nothing is to be done: the next connection takes the socket.
    fn let_go(&mut self, _: Nanos, _: usize) {}

    /// The application writes and reads in the socket's ring.
    fn copies(&self) -> Copies {
        Copies { out: 1, into: 1, by_adapters: 0, doorbells: 0 }
    }
}

fn failed(what: impl std::fmt::Display) -> BenchError {
    BenchError::Failed(format!("smoltcp: {what}"))
}

fn room(socket: &Socket<'_>) -> usize {
    if socket.may_send() { socket.send_capacity() - socket.send_queue() } else { 0 }
}

/// smoltcp's network card: an end of the link, with a burst of frames on their way in and out.
struct Nic {
    wire: Counted<Box<dyn Wire>>,
    now: Nanos,
    rx: FrameBurst,
    /// The first frame of `rx` that smoltcp has not taken.
    rx_next: usize,
    tx: FrameBurst,
    /// The first frame of `tx` that the link has not taken.
    tx_next: usize,
    frame_max: usize,
}

impl Nic {
    fn new(wire: Counted<Box<dyn Wire>>, shape: &Shape) -> Self {
        let burst = || FrameBurst::new(BURST, shape.frame_len());
        Self {
            wire,
            now: Nanos::ZERO,
            rx: burst(),
            rx_next: 0,
            tx: burst(),
            tx_next: 0,
            frame_max: usize::from(shape.mtu) + ETHERNET_HEADER,
        }
    }

    fn flush(&mut self) {
        self.tx_next += self.wire.tx_burst(self.now, &self.tx.frames()[self.tx_next..]);
        if self.tx_next == self.tx.len() {
            self.tx.clear();
            self.tx_next = 0;
        }
    }

    fn has_room(&mut self) -> bool {
        if self.tx.is_full() {
            self.flush();
        }
        !self.tx.is_full()
    }
}

impl Device for Nic {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sender<'_>)> {
        if !self.has_room() {
            return None;
        }
        if self.rx_next == self.rx.len() {
            self.rx.clear();
            self.rx_next = 0;
            self.wire.rx_burst(self.now, &mut self.rx);
        }
        let frame = self.rx.frames().get(self.rx_next)?.as_slice();
        self.rx_next += 1;
        Some((Received(frame), Sender(&mut self.tx)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sender<'_>> {
        self.has_room().then_some(Sender(&mut self.tx))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.frame_max;
        capabilities
    }
}

/// A frame that smoltcp is to read.
struct Received<'a>(&'a [u8]);

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// Room for a frame that smoltcp is to write.
struct Sender<'a>(&'a mut FrameBurst);

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let frame: &mut Frame = self.0.spare().expect("a token is given when there is room");
        frame.set_len(len);
        let result = write(frame.as_mut_slice());
        self.0.commit();
        result
    }
}
