//! What faults hit, and what of the transition tables was reached.

use std::collections::BTreeMap;
use std::fmt;

use mafo::{Bond, Core};
use mafo_failover::{BondCounters, Stage};
use mafo_stack::tom::state::State;

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
    /// Both ends are here, and talk.
    Itself,
}

const BOND: [(BondState, &str); 3] = [
    (BondState::Normal, "Normal"),
    (BondState::Tunnel, "Tunnel"),
    (BondState::Draining, "Draining"),
];
const CONN: [(ConnState, &str); 11] = [
    (ConnState::On(0), "on A"),
    (ConnState::In(Stage::Tunnelled), "Tunnelled"),
    (ConnState::In(Stage::Suspended), "Suspended"),
    (ConnState::In(Stage::Held), "Held"),
    (ConnState::In(Stage::Gated), "Gated"),
    (ConnState::In(Stage::Fenced), "Fenced"),
    (ConnState::In(Stage::Uploading), "Uploading"),
    (ConnState::In(Stage::Rechannelling), "Rechannelling"),
    (ConnState::In(Stage::Sheltered), "Sheltered"),
    (ConnState::On(1), "on B"),
    (ConnState::Itself, "with itself"),
];

/// Names of [`State`], in its order.
const TCP: [&str; State::ALL.len()] = [
    "Opening",
    "Accepting",
    "Established",
    "CloseWait",
    "FinWait1",
    "FinWait2",
    "Closing",
    "LastAck",
    "Aborting",
    "TimeWait",
    "Closed",
];

/// A count of a bond.
type Count = fn(&BondCounters) -> u64;

/// What came of it, as the bond counted.
const ENDS: [(Count, &str); 10] = [
    (|counters| counters.moved, "moved"),
    (|counters| counters.moved_undrained, "undrained"),
    (|counters| counters.moved_gapped, "gapped"),
    (|counters| counters.rechannelled, "rechannelled"),
    (|counters| counters.attempts_undone, "undone"),
    (|counters| counters.sheltered, "sheltered"),
    (|counters| counters.rebuilt, "rebuilt"),
    (|counters| counters.handshakes_rescued, "handshakes"),
    (|counters| counters.hold_overflows, "hold full"),
    (|counters| counters.tx_full, "tunnel full"),
];

/// The pairs of all transition tables that can happen, by name, and how often they have.
fn tables(core: &Core, bond: Option<&Bond>) -> impl Iterator<Item = (String, u64)> {
    let offload = core
        .transitions()
        .iter()
        .filter(|(state, event, _)| state.impossible(*event).is_none())
        .map(|(state, event, count)| (format!("offload: {event:?} in {state:?}"), count));
    let handover = bond
        .into_iter()
        .flat_map(|bond| bond.transitions().iter())
        .filter(|(stage, event, _)| stage.impossible(*event).is_none())
        .map(|(stage, event, count)| (format!("handover: {event:?} in {stage:?}"), count));
    offload.chain(handover)
}

/// How often a fault hit what, what came of it, and how often each event found each state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    bond: [u64; BOND.len()],
    conn: [u64; CONN.len()],
    ends: [u64; ENDS.len()],
    pairs: BTreeMap<String, u64>,
    /// Faults by name and state of a connection.
    faults: BTreeMap<(&'static str, &'static str), u64>,
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

    /// Takes over what the host with the bond went through, when a run is over.
    pub(crate) fn read(&mut self, core: &Core, bond: Option<&Bond>) {
        for (name, count) in tables(core, bond) {
            *self.pairs.entry(name).or_default() += count;
        }
        if let Some(bond) = bond {
            self.end(&bond.counters());
        }
    }

    /// Pairs of a state and an event that can be reached.
    #[must_use]
    pub fn states_total(&self) -> usize {
        self.pairs.len()
    }

    /// Those that were not.
    #[must_use]
    pub fn never_reached(&self) -> Vec<&str> {
        let never = self.pairs.iter().filter(|(_, count)| **count == 0);
        never.map(|(name, _)| name.as_str()).collect()
    }

    /// A run is over; its bond counted this.
    pub fn end(&mut self, counters: &BondCounters) {
        for (count, (of, _)) in self.ends.iter_mut().zip(ENDS) {
            *count += of(counters);
        }
    }

    /// A fault came when a connection was in this state.
    pub(crate) fn fault(&mut self, what: &'static str, state: ConnState) {
        if let Some((_, name)) = CONN.iter().find(|(known, _)| *known == state) {
            *self.faults.entry((what, name)).or_default() += 1;
        }
    }

    /// And when it was in this state of TCP, as its host sees it.
    pub(crate) fn fault_in_tcp(&mut self, what: &'static str, state: State) {
        *self.faults.entry((what, TCP[state as usize])).or_default() += 1;
    }

    /// How often a fault of this name came when a connection was in this state.
    #[must_use]
    pub fn faults_in(&self, what: &'static str, state: &'static str) -> u64 {
        self.faults.get(&(what, state)).copied().unwrap_or(0)
    }

    /// Adds what another run hit.
    pub fn add(&mut self, other: &Self) {
        for (pair, count) in &other.faults {
            *self.faults.entry(*pair).or_default() += count;
        }
        for (name, count) in &other.pairs {
            match self.pairs.get_mut(name) {
                Some(sum) => *sum += count,
                None => {
                    self.pairs.insert(name.clone(), *count);
                }
            }
        }
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
        for (name, count) in &self.pairs {
            writeln!(f, "  {name:36} {count:8}")?;
        }
        for ((what, state), count) in &self.faults {
            writeln!(f, "  {what:24} {state:14} {count:8}")?;
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
        let all = BondCounters {
            moved: 1,
            moved_undrained: 1,
            moved_gapped: 1,
            rechannelled: 1,
            sheltered: 1,
            rebuilt: 1,
            handshakes_rescued: 1,
            hold_overflows: 1,
            tx_full: 1,
            ..BondCounters::new()
        };
        coverage.end(&all);
        assert_eq!(coverage.missed(), ["Held", "undone"]);
        coverage.end(&BondCounters { attempts_undone: 1, ..BondCounters::new() });
        let mut sum = Coverage::default();
        sum.conn(ConnState::In(Stage::Held));
        sum.add(&coverage);
        assert!(sum.missed().is_empty(), "{sum}");
    }

    #[test]
    fn pairs_that_one_run_reached_are_reached_in_the_sum() {
        let run = |counts: [u64; 2]| Coverage {
            pairs: [("a".to_string(), counts[0]), ("b".to_string(), counts[1])].into(),
            ..Coverage::default()
        };
        let mut sum = Coverage::default();
        sum.add(&run([3, 0]));
        assert_eq!((sum.states_total(), sum.never_reached()), (2, vec!["b"]));
        sum.add(&run([0, 1]));
        assert_eq!((sum.states_total(), sum.never_reached()), (2, vec![]));
    }
}
