//! An independent TCP on our end of a cable.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};

use crate::frames::{Cable, OUR_MAC, PATIENCE};

impl Device for Cable {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: time::Instant) -> Option<(Received, Sender<'_>)> {
        let frame = Self::receive(self)?;
        Some((Received(frame), Sender(self)))
    }

    fn transmit(&mut self, _: time::Instant) -> Option<Sender<'_>> {
        Some(Sender(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

pub(crate) struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(&self.0)
    }
}

pub(crate) struct Sender<'a>(&'a mut Cable);

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let mut frame = vec![0; len];
        let result = fill(&mut frame);
        self.0.send(&frame);
        result
    }
}

/// Sends 300,000 bytes to an echo service, and checks that they and nothing else come back before
/// the service closes.
pub(crate) fn echo(cable: &mut Cable, service: SocketAddrV4, us: Ipv4Addr) {
    let start = Instant::now();
    let now = || time::Instant::from_micros(start.elapsed().as_micros() as i64);
    let address = HardwareAddress::Ethernet(EthernetAddress(OUR_MAC));
    let mut interface = Interface::new(Config::new(address), cable, now());
    interface.update_ip_addrs(|addresses| {
        addresses.push(IpCidr::new(us.into(), 24)).unwrap();
    });
    let buffer = || SocketBuffer::new(vec![0; 20_000]);
    let mut sockets = SocketSet::new(Vec::new());
    let handle = sockets.add(Socket::new(buffer(), buffer()));
    let socket = sockets.get_mut::<Socket<'_>>(handle);
    socket.connect(interface.context(), service, 40_000).unwrap();

    let message: Vec<u8> = (0..300_000_u32).map(|i| (i % 251) as u8).collect();
    let (mut sent, mut back) = (0, Vec::new());
    loop {
        assert!(start.elapsed() < PATIENCE, "{sent} bytes sent, {} came back", back.len());
        interface.poll(now(), cable, &mut sockets);
        let socket = sockets.get_mut::<Socket<'_>>(handle);
        if socket.can_send() && sent < message.len() {
            sent += socket.send_slice(&message[sent..]).unwrap();
            if sent == message.len() {
                socket.close();
            }
        }
        while socket.can_recv() {
            socket.recv(|bytes| (bytes.len(), back.extend_from_slice(bytes))).unwrap();
        }
        // Its FIN has come too.
        if matches!(socket.state(), State::TimeWait | State::Closed) {
            break;
        }
    }
    assert_eq!(sent, message.len());
    assert_eq!(back, message);
}
