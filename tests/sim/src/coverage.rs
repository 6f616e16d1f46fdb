//! What faults hit.

use std::fmt;

use mafo_failover::{BondCounters, Stage};

/// What a bond is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BondState {
    /// Every connection lives on the active link.
    Normal,
    /// Connections are tunnelled, none is being moved.
    Tunnel,
    /// Connections are being moved.
    Draining,
}

/// Where a connection of the host with the bond is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnState {
    /// On an adapter that is active.
    On(u8),
    /// In its handover.
    In(Stage),
}

const BOND: [(BondState, &str); 3] = [
    (BondState::Normal, "Normal"),
    (BondState::Tunnel, "Tunnel"),
    (BondState::Draining, "Draining"),
];
const CONN: [(ConnState, &str); 9] = [
    (ConnState::On(0), "on A"),
    (ConnState::In(Stage::Tunnelled), "Tunnelled"),
    (ConnState::In(Stage::Suspended), "Suspended"),
    (ConnState::In(Stage::Held), "Held"),
    (ConnState::In(Stage::Gated), "Gated"),
    (ConnState::In(Stage::Fenced), "Fenced"),
    (ConnState::In(Stage::Uploading), "Uploading"),
    (ConnState::In(Stage::Rechannelling), "Rechannelling"),
    (ConnState::On(1), "on B"),
];

/// A count of a bond.
type Count = fn(&BondCounters) -> u64;

/// What came of it, as the bond counted.
const ENDS: [(Count, &str); 4] = [
    (|counters| counters.moved, "moved"),
    (|counters| counters.moved_undrained, "undrained"),
    (|counters| counters.rechannelled, "rechannelled"),
    (|counters| counters.attempts_undone, "undone"),
];

/// How often a fault hit what, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    bond: [u64; BOND.len()],
    conn: [u64; CONN.len()],
    ends: [u64; ENDS.len()],
}

impl Coverage {
    /// A fault hit the bond in this state.
    pub fn bond(&mut self, state: BondState) {
        if let Some(n) = BOND.iter().position(|(known, _)| *known == state) {
            self.bond[n] += 1;
        }
    }

    /// A fault hit a connection in this state.
    pub fn conn(&mut self, state: ConnState) {
        if let Some(n) = CONN.iter().position(|(known, _)| *known == state) {
            self.conn[n] += 1;
        }
    }

    /// A run is over; its bond counted this.
    pub fn end(&mut self, counters: &BondCounters) {
        for (count, (of, _)) in self.ends.iter_mut().zip(ENDS) {
            *count += of(counters);
        }
    }

    /// Adds what another run hit.
    pub fn add(&mut self, other: &Self) {
        let all = self.bond.iter_mut().chain(&mut self.conn).chain(&mut self.ends);
        for (count, more) in all.zip(other.bond.iter().chain(&other.conn).chain(&other.ends)) {
            *count += more;
        }
    }

    /// How often each state was hit, by name.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let bond = BOND.iter().map(|(_, name)| *name).zip(self.bond);
        let conn = CONN.iter().map(|(_, name)| *name).zip(self.conn);
        bond.chain(conn).chain(ENDS.iter().map(|(_, name)| *name).zip(self.ends))
    }

    /// What was never hit.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        self.counts().filter(|(_, count)| *count == 0).map(|(name, _)| name).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in self.counts() {
            writeln!(f, "  {name:14} {count:8}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_hit_is_named() {
        let mut coverage = Coverage::default();
        for (state, _) in BOND {
            coverage.bond(state);
        }
        for (state, name) in CONN {
            if name != "Held" {
                coverage.conn(state);
            }
        }
        let all =
            BondCounters { moved: 1, moved_undrained: 1, rechannelled: 1, ..BondCounters::new() };
        coverage.end(&all);
        assert_eq!(coverage.missed(), ["Held", "undone"]);
        coverage.end(&BondCounters { attempts_undone: 1, ..BondCounters::new() });
        let mut sum = Coverage::default();
        sum.conn(ConnState::In(Stage::Held));
        sum.add(&coverage);
        assert!(sum.missed().is_empty(), "{sum}");
    }
}
