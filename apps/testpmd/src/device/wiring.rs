//! Plugs wires in by what the user says of them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use mafo::wire::mem::{LinkConfig, MemEnd, link};
use mafo::wire::{Null, Packet, Replay, Tap, Wire};

use super::Plug;
use crate::options::WireSpec;

/// Ends of memory links whose other end is plugged in, by name; without one nobody has asked for the other yet.
#[derive(Default)]
pub(crate) struct Wiring {
    open: BTreeMap<String, Option<MemEnd>>,
    /// The first of two unwired ports: the end for the second.
    pair: Option<MemEnd>,
    mtu: usize,
}

/// A wire in a port.
#[derive(Debug)]
pub(crate) struct Wired {
    pub(crate) plug: Plug,
    /// The address of the interface behind it, where a port has that of its interface.
    pub(crate) mac: Option<[u8; 6]>,
}

impl Wiring {
    /// For ports whose packets have up to `mtu` bytes.
    pub(crate) fn new(mtu: u16) -> Self {
        Self { mtu: mtu.into(), ..Self::default() }
    }

    /// The wire of a port. What fails is a sentence.
    pub(crate) fn plug(&mut self, spec: &WireSpec) -> Result<Wired, String> {
        let source = |wire: Box<dyn Wire>| Wired { plug: Plug::of_source(wire), mac: None };
        match spec {
            WireSpec::Null { floods: true } => Ok(source(Box::new(Null::flood()))),
            WireSpec::Null { floods: false } => Ok(source(Box::new(Null::silent()))),
            WireSpec::Pcap(input, output) => {
                let wire = Replay::open(input, output.as_deref(), SystemTime::now());
                Ok(source(Box::new(wire.map_err(|e| e.to_string())?)))
            }
            WireSpec::Packet(name) => {
                let wire = Packet::open(name).map_err(|e| format!("packet:{name}: {e}"))?;
                let mac = Some(wire.mac());
                Ok(Wired { plug: Plug::new(Box::new(wire), None), mac })
            }
            WireSpec::Tap(name) => {
                let failed = |e| format!("tap:{name}: {e}");
                let mut tap = Tap::create(Some(name)).map_err(failed)?;
                tap.set_mtu(self.mtu as u32).map_err(failed)?;
                tap.set_up(true).map_err(failed)?;
                let cable = tap.cable();
                Ok(Wired { plug: Plug::new(Box::new(tap), Some(cable)), mac: None })
            }
            WireSpec::Mem(name) => self.named(name),
        }
    }

    /// One of two ends of a name.
    fn named(&mut self, name: &str) -> Result<Wired, String> {
        match self.open.get_mut(name) {
            None => {
                let (wired, loose) = first(self.mtu);
                self.open.insert(name.to_owned(), Some(loose));
                Ok(wired)
            }
            Some(loose) => match loose.take() {
                Some(loose) => Ok(second(loose)),
                None => Err(format!("mem:{name} has two ends already")),
            },
        }
    }

    /// The wire of a port for which nobody said one: it is joined with the next such port.
    pub(crate) fn pair(&mut self) -> Wired {
        match self.pair.take() {
            Some(loose) => second(loose),
            None => {
                let (wired, loose) = first(self.mtu);
                self.pair = Some(loose);
                wired
            }
        }
    }
}

/// A cable with one end plugged in, which has no carrier, and its other end.
fn first(mtu: usize) -> (Wired, MemEnd) {
    let (a, b) = link(&LinkConfig { mtu, ..LinkConfig::default() });
    let cable = a.cable();
    cable.set_carrier(false);
    (Wired { plug: Plug::new(Box::new(a), Some(cable)), mac: None }, b)
}

/// The other end goes in.
fn second(end: MemEnd) -> Wired {
    let cable = end.cable();
    cable.set_carrier(true);
    Wired { plug: Plug::new(Box::new(end), Some(cable)), mac: None }
}

#[cfg(test)]
mod tests {
    use mafo::Nanos;

    use super::*;

    #[test]
    fn a_cable_has_a_carrier_when_both_ends_are_in() {
        let mut wiring = Wiring::new(1500);
        let mut ends = |name: &str| wiring.plug(&WireSpec::Mem(name.to_owned()));
        let mut a = ends("x").expect("the first end").plug;
        assert!(!a.link_up(Nanos::ZERO));
        let mut other = ends("y").expect("of another").plug;
        let mut b = ends("x").expect("the second end").plug;
        assert!(a.link_up(Nanos::ZERO) && b.link_up(Nanos::ZERO));
        assert!(!other.link_up(Nanos::ZERO));
        assert_eq!(ends("x").map(|_| ()), Err("mem:x has two ends already".to_owned()));
    }

    #[test]
    fn ports_without_a_wire_are_joined_in_pairs() {
        let mut wiring = Wiring::new(1500);
        let mut plugs: Vec<Plug> = (0..3).map(|_| wiring.pair().plug).collect();
        let up: Vec<bool> = plugs.iter_mut().map(|plug| plug.link_up(Nanos::ZERO)).collect();
        assert_eq!(up, [true, true, false]);
    }
}
