//! The peer's host: an unnamed network namespace with TAP devices behind a bridge.
//!
//! Nothing of it has a name outside: it ends with the last process and the last socket in it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;

use super::plan::End;
use super::protocol::{Isolation, Setup, Step, TapName};
use crate::netlink::{Netlink, Request};
use crate::sys;

/// The bridge, whose addresses are the peer's.
pub(super) const BRIDGE: &str = "br0";

/// The MAC address of the host at `end`: locally administered, the same in every run.
pub(super) const fn host_mac(end: End) -> [u8; 6] {
    let host = match end {
        End::Peer => 0x01,
        End::Ours => 0x02,
    };
    [0x02, b'm', b'a', b'f', b'o', host]
}

/// The MAC address of its TAP device `number`, below 32; the bridge takes frames for it itself.
const fn tap_mac(end: End, number: u8) -> [u8; 6] {
    let mut mac = host_mac(end);
    mac[5] = mac[5] << 6 | number;
    mac
}

/// Frames that a TAP device keeps for a reader that is late. The kernel's default of 1,000 (500 on
/// some) is less than the congestion windows of 64 connections, and dropping there says nothing
/// about the cable.
const TAP_QUEUE: u32 = 8192;

/// A step that failed, and why.
#[derive(Debug)]
pub(super) struct Failure {
    /// The step.
    pub step: Step,
    /// Why.
    pub error: io::Error,
    /// What the step was about: a device, a file, a number.
    pub detail: String,
}

/// Names the step for an error.
pub(super) fn at(step: Step, detail: &str) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure { step, error, detail: detail.to_owned() }
}

/// A TAP device, its link socket, and what they are called.
#[derive(Debug)]
pub(super) struct Tap {
    pub name: TapName,
    pub file: File,
    pub link: OwnedFd,
}

/// Leaves the network namespace of the calling process, which must have one thread, for a new one.
pub(super) fn isolate(only: Option<Isolation>) -> Result<Isolation, Failure> {
    let privileged = || {
        sys::unshare(libc::CLONE_NEWNET)
            .map(|()| Isolation::Privileged)
            .map_err(at(Step::NetworkNamespace, ""))
    };
    match only {
        Some(Isolation::Privileged) => privileged(),
        Some(Isolation::UserNamespace) => isolate_user(),
        None => privileged().or_else(|refused| match refused.error.raw_os_error() {
            Some(libc::EPERM) => isolate_user(),
            _ => Err(refused),
        }),
    }
}

/// A user namespace in which the user is root, and a network namespace that belongs to it.
fn isolate_user() -> Result<Isolation, Failure> {
    let (user, group) = sys::user();
    sys::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET).map_err(at(Step::UserNamespace, ""))?;
    // Without CAP_SETGID outside, a group may be mapped only once setgroups(2) is given up
    // (user_namespaces(7)).
    for (file, content) in [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("0 {user} 1")),
        ("/proc/self/gid_map", format!("0 {group} 1")),
    ] {
        std::fs::write(file, content).map_err(at(Step::UserMap, file))?;
    }
    Ok(Isolation::UserNamespace)
}

/// Makes the TAP devices and the bridge, up and with its addresses.
pub(super) fn build(setup: &Setup) -> Result<Vec<Tap>, Failure> {
    let mut netlink = Netlink::open().map_err(at(Step::Bridge, "netlink socket"))?;
    let request = Request::new_bridge(BRIDGE, host_mac(setup.end), setup.mtu, setup.ageing_ms);
    netlink.request(request).map_err(at(Step::Bridge, BRIDGE))?;
    let bridge = sys::interface_index(BRIDGE).map_err(at(Step::Bridge, BRIDGE))?;
    let taps = (0..setup.taps)
        .map(|number| plug_in(&mut netlink, number, bridge, setup))
        .collect::<Result<Vec<_>, _>>()?;

    quiet_ipv6(&mut netlink, bridge).map_err(at(Step::Bridge, BRIDGE))?;
    // A capture has to show what is on the cable, and taking one must not change how the peer's TCP
    // behaves: so the bridge never sees a segment that is larger than the MTU.
    sys::ioctl_socket()
        .and_then(|socket| sys::no_transmit_offload(&socket, BRIDGE))
        .map_err(at(Step::Bridge, "transmit offloads"))?;
    netlink.request(Request::set_up(bridge, true)).map_err(at(Step::Bridge, BRIDGE))?;
    let addresses = setup.plan.addresses(setup.end);
    for address in addresses {
        netlink
            .request(Request::new_address(bridge, *address, setup.plan.prefix_len))
            .map_err(at(Step::Address, &address.to_string()))?;
    }
    Ok(taps)
}

/// Makes TAP device `number` and a port of the bridge of it.
fn plug_in(netlink: &mut Netlink, number: u8, bridge: u32, setup: &Setup) -> Result<Tap, Failure> {
    const TUN: &str = "/dev/net/tun";
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(TUN)
        .map_err(at(Step::TunDevice, TUN))?;
    let name = format!("mafo{number}");
    sys::make_tap(&file, &name).map_err(at(Step::Tap, &name))?;
    let index = sys::interface_index(&name).map_err(at(Step::Tap, &name))?;
    let mac = tap_mac(setup.end, number);
    netlink
        .request(Request::set_device(index, mac, setup.mtu, TAP_QUEUE))
        .and_then(|()| quiet_ipv6(netlink, index))
        .map_err(at(Step::Tap, &name))?;
    netlink
        .request(Request::join_bridge(index, bridge))
        .and_then(|()| netlink.request(Request::bridge_port(index, setup.flood)))
        .map_err(at(Step::BridgePort, &name))?;
    // Subscribed before the device comes up: the parent misses no change.
    let link = sys::netlink_socket(libc::RTMGRP_LINK as u32)
        .and_then(|socket| sys::set_nonblocking(&socket).map(|()| socket))
        .map_err(at(Step::Tap, "link socket"))?;
    netlink.request(Request::set_up(index, true)).map_err(at(Step::Tap, &name))?;
    Ok(Tap { name: TapName { name, index }, file, link })
}

/// Keeps IPv6 from talking by itself; a kernel without IPv6 does not.
fn quiet_ipv6(netlink: &mut Netlink, index: u32) -> io::Result<()> {
    match netlink.request(Request::no_ipv6_address(index)) {
        Err(error)
            if matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EOPNOTSUPP)) =>
        {
            Ok(())
        }
        result => result,
    }
}
