//! What handovers cost the thread that does them: host, driver and both cards, in time stamps of the processor.

use std::collections::{BTreeMap, BTreeSet};

use mafo::eal::clock::Clock;
use mafo::{Charge, Meter, Nanos};

use crate::peer::{Endpoints, Plan};
use crate::sys;

/// Costs of one failover.
pub(crate) struct Costs {
    /// An instant, by both clocks: their rates are compared over all the time since.
    start: (Nanos, u64),
    /// By connection.
    cycles: BTreeMap<usize, u64>,
    /// Those that have arrived: what their card is asked about them later is part of no handover.
    arrived: BTreeSet<usize>,
}

impl Costs {
    /// What work is charged by.
    pub(super) fn meter() -> Meter {
        Meter::by(sys::cycles)
    }

    /// Nothing is spent yet.
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            start: (clock.now(), sys::cycles()),
            cycles: BTreeMap::new(),
            arrived: BTreeSet::new(),
        }
    }

    /// Another failover begins.
    pub(super) fn clear(&mut self) {
        self.cycles.clear();
        self.arrived.clear();
    }

    /// Connection `n` has cost `cycles` more.
    fn add(&mut self, n: usize, cycles: u64) {
        *self.cycles.entry(n).or_default() += cycles;
    }

    /// A card's work.
    pub(super) fn charge(&mut self, plan: &Plan, charge: &Charge) {
        if let Some(n) = number(plan, charge).filter(|n| !self.arrived.contains(n)) {
            self.add(n, charge.cost);
        }
    }

    /// The handover of connection `n` is through, and has cost the host `cycles`.
    pub(super) fn arrive(&mut self, n: usize, cycles: u64) {
        self.add(n, cycles);
        self.arrived.insert(n);
    }

    /// What each of `connections` has cost, at the rate that the counter has had so far.
    pub(super) fn times(&self, clock: Clock, connections: &BTreeSet<usize>) -> Vec<(usize, Nanos)> {
        let elapsed = (clock.now() - self.start.0).0;
        let counted = sys::cycles().saturating_sub(self.start.1).max(1);
        let time = |cycles: u64| {
            Nanos((u128::from(cycles) * u128::from(elapsed) / u128::from(counted)) as u64)
        };
        let spent = self.cycles.iter().filter(|(n, _)| connections.contains(n));
        spent.map(|(&n, &cycles)| (n, time(cycles))).collect()
    }
}

/// Which connection a card has worked for.
fn number(plan: &Plan, charge: &Charge) -> Option<usize> {
    let (peer, ours) = (charge.tuple.peer, charge.tuple.local);
    let (std::net::IpAddr::V4(peer), std::net::IpAddr::V4(ours)) = (peer, ours) else {
        return None;
    };
    let peer = (peer, charge.tuple.peer_port);
    let ours = (ours, charge.tuple.local_port);
    let v4 = |(address, port)| std::net::SocketAddrV4::new(address, port);
    plan.identify(Endpoints { peer: v4(peer), ours: v4(ours) }).map(|(id, _)| id as usize)
}
