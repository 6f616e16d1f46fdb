//! Requests to the kernel's routing socket (rtnetlink(7)): links, bridge ports, addresses.

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use crate::sys;

/// `struct nlmsghdr`: length, type, flags, sequence number, port id.
const HEADER: usize = 16;

// linux/if_link.h, values that libc does not name.
const IFLA_BR_AGEING_TIME: u16 = 4;
// linux/veth.h
const VETH_INFO_PEER: u16 = 1;
const IFLA_BR_STP_STATE: u16 = 5;
const IFLA_BR_MCAST_SNOOPING: u16 = 23;
const IFLA_BRPORT_LEARNING: u16 = 8;
const IFLA_BRPORT_UNICAST_FLOOD: u16 = 9;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
const IN6_ADDR_GEN_MODE_NONE: u8 = 1;

/// A request that is being built: `nlmsghdr`, a fixed header, attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    bytes: Vec<u8>,
}

impl Request {
    fn new(kind: u16, flags: libc::c_int) -> Self {
        let flags = (flags | libc::NLM_F_REQUEST | libc::NLM_F_ACK) as u16;
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self { bytes }
    }

    /// RTM_NEWLINK with a `struct ifinfomsg`: creates a link with NLM_F_CREATE, changes one else.
    fn link(index: u32, flags: libc::c_int) -> Self {
        let mut request = Self::new(libc::RTM_NEWLINK, flags);
        // Family, padding, device type; index; flags; mask of the flags that change.
        request.bytes.extend_from_slice(&[0; 4]);
        request.bytes.extend_from_slice(&index.to_ne_bytes());
        request.bytes.extend_from_slice(&[0; 8]);
        request
    }

    /// Appends an attribute: length and type, payload, padding to four bytes.
    fn attribute(mut self, kind: u16, payload: &[u8]) -> Self {
        let len = (4 + payload.len()) as u16;
        self.bytes.extend_from_slice(&len.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// Appends an attribute whose payload is the attributes that `inside` appends.
    fn nested(mut self, kind: u16, inside: impl FnOnce(Self) -> Self) -> Self {
        let start = self.bytes.len();
        let kind = kind | libc::NLA_F_NESTED as u16;
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        let mut done = inside(self);
        let len = (done.bytes.len() - start) as u16;
        done.bytes[start..start + 2].copy_from_slice(&len.to_ne_bytes());
        done
    }

    /// A bridge without spanning tree, which forwards from its first moment, and without multicast
    /// snooping, which would talk on the cables.
    #[must_use]
    pub fn new_bridge(name: &str, mac: [u8; 6], mtu: u32, ageing_ms: Option<u32>) -> Self {
        Self::link(0, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
            .attribute(libc::IFLA_IFNAME, &c_string(name))
            .attribute(libc::IFLA_ADDRESS, &mac)
            .attribute(libc::IFLA_MTU, &mtu.to_ne_bytes())
            .nested(libc::IFLA_LINKINFO, |info| {
                info.attribute(libc::IFLA_INFO_KIND, b"bridge").nested(
                    libc::IFLA_INFO_DATA,
                    |mut data| {
                        if let Some(ms) = ageing_ms {
                            // In ticks of USER_HZ, which is 100 for every program.
                            let ticks = ms.div_ceil(10);
                            data = data.attribute(IFLA_BR_AGEING_TIME, &ticks.to_ne_bytes());
                        }
                        data.attribute(IFLA_BR_STP_STATE, &0_u32.to_ne_bytes())
                            .attribute(IFLA_BR_MCAST_SNOOPING, &[0])
                    },
                )
            })
    }

    /// A pair of devices, each the other's cable; the second is in the network namespace that `there` stands for.
    #[must_use]
    pub fn new_veth(name: &str, (peer, there): (&str, BorrowedFd<'_>), mtu: u32) -> Self {
        Self::link(0, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
            .attribute(libc::IFLA_IFNAME, &c_string(name))
            .attribute(libc::IFLA_MTU, &mtu.to_ne_bytes())
            .nested(libc::IFLA_LINKINFO, |info| {
                info.attribute(libc::IFLA_INFO_KIND, b"veth").nested(libc::IFLA_INFO_DATA, |data| {
                    data.nested(VETH_INFO_PEER, |mut end| {
                        // A `struct ifinfomsg` that says nothing.
                        end.bytes.extend_from_slice(&[0; 16]);
                        end.attribute(libc::IFLA_IFNAME, &c_string(peer))
                            .attribute(libc::IFLA_MTU, &mtu.to_ne_bytes())
                            .attribute(libc::IFLA_NET_NS_FD, &there.as_raw_fd().to_ne_bytes())
                    })
                })
            })
    }

    /// Sets a device's MAC address, MTU and transmit queue length.
    #[must_use]
    pub fn set_device(index: u32, mac: [u8; 6], mtu: u32, queue: u32) -> Self {
        Self::link(index, 0)
            .attribute(libc::IFLA_ADDRESS, &mac)
            .attribute(libc::IFLA_MTU, &mtu.to_ne_bytes())
            .attribute(libc::IFLA_TXQLEN, &queue.to_ne_bytes())
    }

    /// Keeps IPv6 from giving the device an address, and so from talking on the cable by itself.
    #[must_use]
    pub fn no_ipv6_address(index: u32) -> Self {
        Self::link(index, 0).nested(libc::IFLA_AF_SPEC, |families| {
            families.nested(libc::AF_INET6 as u16, |inet6| {
                inet6.attribute(IFLA_INET6_ADDR_GEN_MODE, &[IN6_ADDR_GEN_MODE_NONE])
            })
        })
    }

    /// Makes a device a port of a bridge.
    #[must_use]
    pub fn join_bridge(index: u32, bridge: u32) -> Self {
        Self::link(index, 0).attribute(libc::IFLA_MASTER, &bridge.to_ne_bytes())
    }

    /// What a port does with unknown destinations and with sources.
    #[must_use]
    pub fn bridge_port(index: u32, flood: bool) -> Self {
        Self::link(index, 0).nested(libc::IFLA_LINKINFO, |info| {
            info.attribute(libc::IFLA_INFO_SLAVE_KIND, b"bridge").nested(
                libc::IFLA_INFO_SLAVE_DATA,
                |data| {
                    data.attribute(IFLA_BRPORT_LEARNING, &[1])
                        .attribute(IFLA_BRPORT_UNICAST_FLOOD, &[u8::from(flood)])
                },
            )
        })
    }

    /// Brings a device up, or takes it down.
    #[must_use]
    pub fn set_up(index: u32, up: bool) -> Self {
        let mut request = Self::link(index, 0);
        let mask = libc::IFF_UP as u32;
        let flags = if up { mask } else { 0 };
        request.bytes[HEADER + 8..HEADER + 12].copy_from_slice(&flags.to_ne_bytes());
        request.bytes[HEADER + 12..HEADER + 16].copy_from_slice(&mask.to_ne_bytes());
        request
    }

    /// Gives a device an IPv4 address (RTM_NEWADDR with a `struct ifaddrmsg`).
    #[must_use]
    pub fn new_address(index: u32, address: Ipv4Addr, prefix_len: u8) -> Self {
        let mut request = Self::new(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL);
        request.bytes.extend_from_slice(&[libc::AF_INET as u8, prefix_len, 0, 0]);
        request.bytes.extend_from_slice(&index.to_ne_bytes());
        request
            .attribute(libc::IFA_LOCAL, &address.octets())
            .attribute(libc::IFA_ADDRESS, &address.octets())
    }

    /// The bytes to send, with length and sequence number in place.
    fn finish(mut self, sequence: u32) -> Vec<u8> {
        let len = self.bytes.len() as u32;
        self.bytes[0..4].copy_from_slice(&len.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }
}

fn c_string(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

/// The kernel's verdict on request `sequence` in a packet of messages: NLMSG_ERROR carries a negative
/// errno, or 0 as an acknowledgement. `None`: the packet is about something else.
fn verdict(packet: &[u8], sequence: u32) -> Option<io::Result<()>> {
    let word = |at: usize| Some(u32::from_ne_bytes(*packet.get(at..)?.first_chunk()?));
    let mut at = 0;
    loop {
        let len = word(at)? as usize;
        let kind = word(at + 4)? as u16;
        if i32::from(kind) == libc::NLMSG_ERROR && word(at + 8)? == sequence {
            let errno = -(word(at + HEADER)? as i32);
            return Some(if errno == 0 {
                Ok(())
            } else {
                Err(io::Error::from_raw_os_error(errno))
            });
        }
        at += len.next_multiple_of(4).max(HEADER);
    }
}

/// A routing socket that sends one request at a time and waits for the kernel's verdict, which is
/// there as soon as the request is sent.
#[derive(Debug)]
pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    /// A routing socket in the network namespace of the calling thread.
    pub fn open() -> io::Result<Self> {
        Ok(Self { socket: sys::netlink_socket(0)?, sequence: 0 })
    }

    /// Has the kernel do what `request` asks for.
    pub fn request(&mut self, request: Request) -> io::Result<()> {
        self.sequence += 1;
        sys::send(&self.socket, &request.finish(self.sequence), &[])?;
        let mut packet = [0; 4096];
        loop {
            let len = sys::receive(&self.socket, &mut packet, &mut Vec::new())?;
            if let Some(verdict) = verdict(&packet[..len], self.sequence) {
                return verdict;
            }
        }
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_bridge_byte_by_byte() {
        let mac = [2, 0x6d, 0x61, 0x66, 0x6f, 1];
        let expected = [
            &[104, 0, 0, 0][..], // nlmsg_len
            &[16, 0],            // RTM_NEWLINK
            &[0x05, 0x06],       // REQUEST | ACK | EXCL | CREATE
            &[7, 0, 0, 0],       // sequence
            &[0, 0, 0, 0],       // port id
            &[0; 16],            // ifinfomsg: a new link
            &[8, 0, 3, 0],       // IFLA_IFNAME
            b"br0\0",            //
            &[10, 0, 1, 0],      // IFLA_ADDRESS
            &[2, 0x6d, 0x61, 0x66, 0x6f, 1, 0, 0],
            &[8, 0, 4, 0, 0xdc, 5, 0, 0], // IFLA_MTU 1500
            &[44, 0, 18, 0x80],           // IFLA_LINKINFO, nested
            &[10, 0, 1, 0],               // IFLA_INFO_KIND
            b"bridge\0\0",                //
            &[28, 0, 2, 0x80],            // IFLA_INFO_DATA, nested
            &[8, 0, 4, 0, 100, 0, 0, 0],  // IFLA_BR_AGEING_TIME: one second
            &[8, 0, 5, 0, 0, 0, 0, 0],    // IFLA_BR_STP_STATE off
            &[5, 0, 23, 0, 0, 0, 0, 0],   // IFLA_BR_MCAST_SNOOPING off
        ]
        .concat();
        // The nested length counts its own header and its padded last attribute.
        assert_eq!(Request::new_bridge("br0", mac, 1500, Some(1000)).finish(7), expected);
    }

    #[test]
    fn a_port_that_does_not_flood_byte_by_byte() {
        let expected = [
            &[68, 0, 0, 0, 16, 0, 5, 0, 1, 0, 0, 0, 0, 0, 0, 0][..], // REQUEST | ACK
            &[0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],       // ifinfomsg: index 9
            &[36, 0, 18, 0x80],                                      // IFLA_LINKINFO, nested
            &[10, 0, 4, 0],                                          // IFLA_INFO_SLAVE_KIND
            b"bridge\0\0",
            &[20, 0, 5, 0x80],         // IFLA_INFO_SLAVE_DATA, nested
            &[5, 0, 8, 0, 1, 0, 0, 0], // IFLA_BRPORT_LEARNING
            &[5, 0, 9, 0, 0, 0, 0, 0], // IFLA_BRPORT_UNICAST_FLOOD off
        ]
        .concat();
        assert_eq!(Request::bridge_port(9, false).finish(1), expected);
    }

    #[test]
    fn a_pair_of_devices_byte_by_byte() {
        let expected = [
            &[108, 0, 0, 0, 16, 0, 0x05, 0x06, 3, 0, 0, 0, 0, 0, 0, 0][..], // CREATE | EXCL
            &[0; 16],                                                       // ifinfomsg
            &[7, 0, 3, 0, b'v', b'0', 0, 0],                                // IFLA_IFNAME
            &[8, 0, 4, 0, 0xdc, 0x05, 0, 0],                                // IFLA_MTU 1500
            &[60, 0, 18, 0x80],                                             // IFLA_LINKINFO, nested
            &[8, 0, 1, 0],                                                  // IFLA_INFO_KIND
            b"veth",
            &[48, 0, 2, 0x80],               // IFLA_INFO_DATA, nested
            &[44, 0, 1, 0x80],               // VETH_INFO_PEER, nested
            &[0; 16],                        // ifinfomsg
            &[7, 0, 3, 0, b'v', b'1', 0, 0], // IFLA_IFNAME
            &[8, 0, 4, 0, 0xdc, 0x05, 0, 0], // IFLA_MTU
            &[8, 0, 28, 0, 0, 0, 0, 0],      // IFLA_NET_NS_FD: standard input's descriptor
        ]
        .concat();
        let input = io::stdin();
        let request = Request::new_veth("v0", ("v1", input.as_fd()), 1500);
        assert_eq!(request.finish(3), expected);
    }

    #[test]
    fn an_address_byte_by_byte() {
        let expected = [
            &[40, 0, 0, 0, 20, 0, 0x05, 0x06, 2, 0, 0, 0, 0, 0, 0, 0][..], // RTM_NEWADDR
            &[2, 24, 0, 0, 4, 0, 0, 0], // ifaddrmsg: AF_INET, /24, universe, index 4
            &[8, 0, 2, 0, 10, 77, 0, 1], // IFA_LOCAL
            &[8, 0, 1, 0, 10, 77, 0, 1], // IFA_ADDRESS
        ]
        .concat();
        assert_eq!(Request::new_address(4, Ipv4Addr::new(10, 77, 0, 1), 24).finish(2), expected);
    }

    #[test]
    fn up_and_down_byte_by_byte() {
        for (up, flag) in [(true, 1), (false, 0)] {
            let expected = [
                &[32, 0, 0, 0, 16, 0, 5, 0, 3, 0, 0, 0, 0, 0, 0, 0][..],
                &[0, 0, 0, 0, 5, 0, 0, 0],    // ifinfomsg: index 5
                &[flag, 0, 0, 0, 1, 0, 0, 0], // IFF_UP of the mask IFF_UP
            ]
            .concat();
            assert_eq!(Request::set_up(5, up).finish(3), expected);
        }
    }

    /// NLMSG_ERROR for a sequence number, and the header of the request it quotes.
    fn error(sequence: u8, errno: i32) -> Vec<u8> {
        let code = errno.to_le_bytes();
        [&[36, 0, 0, 0, 2, 0, 0, 0, sequence, 0, 0, 0, 0, 0, 0, 0][..], &code, &[0; 16]].concat()
    }

    #[test]
    fn the_verdict_is_the_one_on_the_request() {
        let errno = |packet: &[u8]| {
            verdict(packet, 4).map(|verdict| verdict.err().map(|e| e.raw_os_error()))
        };
        assert_eq!(errno(&error(4, 0)), Some(None));
        assert_eq!(errno(&error(4, -17)), Some(Some(Some(17))));
        assert_eq!(errno(&error(3, -17)), None);
        assert_eq!(errno(&[error(3, -17), error(4, -1)].concat()), Some(Some(Some(1))));
    }

    #[test]
    fn truncated_packets_have_no_verdict() {
        let packet = error(4, -17);
        for len in 0..20 {
            assert!(verdict(&packet[..len], 4).is_none(), "{len}");
        }
        assert!(verdict(&[0; 64], 4).is_none());
    }
}
