//! The bond's two cables: TAP devices of this network namespace, and the host behind them.

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};

use mafo::eal::random::random;
use mafo::wire::tap::{Tap, TapFds};
use mafo::wire::{Wire, WireCounters};
use mafo::{
    AdapterConfig, AsicConfig, BondConfig, Frame, FrameBurst, Host, HostConfig, Nanos, PortId,
    SoftConfig, StackConfig,
};

use super::options::EchoOptions;

/// Connections at a time. Each has a send buffer in memory that both adapters reach.
pub(super) const CONNECTIONS: u32 = 256;
/// Largest IP packet: what a TAP device has when it is made.
const MTU: u16 = 1500;

/// A cable whose carrier came or went: which, when, and whether it is there now.
pub(super) type Change = (usize, Nanos, bool);

/// What has become of the cables since somebody asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes(Arc<Mutex<Vec<Change>>>);

impl Changes {
    fn push(&self, change: Change) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(change);
    }

    /// All changes that nobody has taken yet.
    pub(super) fn take(&self) -> Vec<Change> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A cable that tells of its carrier.
struct Watched {
    tap: Tap,
    number: usize,
    up: bool,
    changes: Changes,
}

impl Wire for Watched {
    fn rx_burst(&mut self, now: Nanos, burst: &mut FrameBurst) -> usize {
        self.tap.rx_burst(now, burst)
    }

    fn tx_burst(&mut self, now: Nanos, frames: &[Frame]) -> usize {
        self.tap.tx_burst(now, frames)
    }

    fn link_up(&mut self, now: Nanos) -> bool {
        let up = self.tap.link_up(now);
        if up != self.up {
            self.up = up;
            self.changes.push((self.number, now, up));
        }
        up
    }

    fn poll_timeout(&self) -> Option<Nanos> {
        self.tap.poll_timeout()
    }

    fn counters(&self) -> WireCounters {
        self.tap.counters()
    }
}

/// A host with a bond of two adapters, a TAP device in port 0 of each.
pub(super) struct Cabled {
    pub(super) host: Host,
    pub(super) changes: Changes,
    /// Can be read when a frame has come in or a link has changed.
    pub(super) wakers: Vec<OwnedFd>,
}

/// Makes the TAP devices, down and without address, and a host behind them. What fails is a sentence.
pub(super) fn plug(options: &EchoOptions) -> Result<Cabled, String> {
    let changes = Changes::default();
    let mut wakers = Vec::new();
    let mut adapters = Vec::new();
    for (number, name) in options.taps.0.iter().enumerate() {
        let tap = Tap::create(Some(name)).map_err(|e| format!("{name}: {e}"))?;
        let tap = listen_in(tap, &mut wakers).map_err(|e| format!("{name}: {e}"))?;
        let wire = Watched { tap, number, up: false, changes: changes.clone() };
        let seed = u64::from_ne_bytes(secret()?);
        adapters.push(SoftConfig {
            asic: AsicConfig { mac_base: card_mac(options, number), seed, ..AsicConfig::t540_cr() },
            driver: AdapterConfig { mtu: MTU, ..AdapterConfig::default() },
            wires: vec![(PortId(0), Box::new(wire))],
        });
    }
    let mut stack =
        StackConfig::new(options.addr.address, options.addr.prefix_len, bond_mac(options));
    stack.mtu = MTU;
    stack.sockets_max = CONNECTIONS;
    stack.secret = secret()?;
    let links = vec![(0, PortId(0)), (1, PortId(0))];
    let host = Host::new(HostConfig::new(stack, adapters, BondConfig::new(links)))
        .map_err(|e| e.to_string())?;
    Ok(Cabled { host, changes, wakers })
}

/// Keeps a second descriptor of each that the TAP reads from, to wait for.
fn listen_in(tap: Tap, wakers: &mut Vec<OwnedFd>) -> Result<Tap, Box<dyn std::error::Error>> {
    let TapFds { tap, route } = tap.into_fds()?;
    wakers.push(tap.try_clone()?);
    wakers.push(route.try_clone()?);
    Ok(Tap::from_fds(TapFds { tap, route })?)
}

/// A locally administered MAC address of the bond, another for every address of a network.
fn bond_mac(options: &EchoOptions) -> [u8; 6] {
    let [a, b, c, d] = options.addr.address.octets();
    [0x02, 0x4d, a, b, c, d]
}

/// Those of the cards, from which nobody but the card itself receives a frame.
fn card_mac(options: &EchoOptions, number: usize) -> [u8; 6] {
    let [_, _, c, d] = options.addr.address.octets();
    [0x06, 0x4d, number as u8, c, d, 0x10]
}

fn secret<const N: usize>() -> Result<[u8; N], String> {
    random().map_err(|e| e.to_string())
}
