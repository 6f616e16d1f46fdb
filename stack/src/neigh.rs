//! Next hops: IPv4 addresses resolved by ARP (RFC 826, RFC 5227).
//!
//! An entry is made only when somebody here wants the address, never because a stranger spoke; an
//! existing one follows every ARP packet that names it, gratuitous or not, and the change is
//! reported so that the L2 tables of the adapters follow. A known entry stays in use while it is
//! being confirmed again. Connections that hear of their peers confirm their next hop (RFC 4861
//! 7.3.1), and as long as there are connections its MAC is not forgotten, whoever does not answer: they
//! cannot do without, and a loaded network loses answers too.

use core::net::{IpAddr, Ipv4Addr};
use std::collections::BTreeMap;

use mafo_mem::Nanos;

/// An Ethernet address.
pub type Mac = [u8; 6];

/// All stations.
pub const BROADCAST: Mac = [0xff; 6];

/// What is known of a next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Frames go here.
    Known(Mac),
    /// A question is under way; ask again when [`Neighbours::poll`] reports a change.
    Pending,
    /// Nobody answered; the next request asks anew after a pause.
    Unreachable,
    /// The table is full of entries in use.
    TableFull,
}

/// A change that whoever caches next hops has to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The address is reachable at this MAC, newly or at another one than before.
    Resolved(IpAddr, Mac),
    /// Nobody answers for the address.
    Lost(IpAddr),
}

/// An ARP question to be sent: `target` at `mac` (broadcast when nothing is known).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The address asked for.
    pub target: Ipv4Addr,
    /// Where the question goes.
    pub mac: Mac,
}

#[derive(Debug)]
enum State {
    Asking { tries: u8, next: Nanos, known: Option<Mac> },
    Known { mac: Mac, confirmed: Nanos },
    Unreachable { until: Nanos },
}

#[derive(Debug)]
struct Entry {
    state: State,
    used: Nanos,
}

/// A known hop, and when its entry was used last.
#[derive(Clone, Copy, Debug)]
struct Latest {
    address: IpAddr,
    mac: Mac,
    used: Nanos,
}

/// The table of next hops.
#[derive(Debug)]
pub struct Neighbours {
    entries: BTreeMap<IpAddr, Entry>,
    /// What [`Neighbours::resolve`] found last, until something changes: a burst goes to few hops.
    latest: Option<Latest>,
    changes: Vec<Change>,
    capacity: usize,
}

/// Between two questions for one address.
const RETRY: Nanos = Nanos::from_millis(250);
/// Questions before an address counts as unreachable.
const TRIES: u8 = 4;
/// How long a silent address is not asked for again.
const PENALTY: Nanos = Nanos::from_secs(1);
/// After this an address in use is confirmed again, by unicast.
const REACHABLE: Nanos = Nanos::from_secs(30);
/// An address nobody used for so long is forgotten.
const UNUSED: Nanos = Nanos::from_secs(300);

impl Neighbours {
    /// A table for at most `capacity` next hops.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { entries: BTreeMap::new(), latest: None, changes: Vec::new(), capacity }
    }

    /// The MAC of `address`; asks for it when it is not known.
    pub fn resolve(&mut self, now: Nanos, address: IpAddr) -> Resolution {
        if let Some(latest) = self.latest
            && (latest.address, latest.used) == (address, now)
        {
            return Resolution::Known(latest.mac);
        }
        let resolution = self.look_up(now, address);
        self.latest = match resolution {
            Resolution::Known(mac) => Some(Latest { address, mac, used: now }),
            _ => None,
        };
        resolution
    }

    fn look_up(&mut self, now: Nanos, address: IpAddr) -> Resolution {
        if let Some(entry) = self.entries.get_mut(&address) {
            entry.used = now;
            return match entry.state {
                State::Known { mac, .. } | State::Asking { known: Some(mac), .. } => {
                    Resolution::Known(mac)
                }
                State::Asking { known: None, .. } => Resolution::Pending,
                State::Unreachable { until } if now < until => Resolution::Unreachable,
                State::Unreachable { .. } => {
                    entry.state = State::Asking { tries: 0, next: now, known: None };
                    Resolution::Pending
                }
            };
        }
        if self.entries.len() >= self.capacity {
            return Resolution::TableFull;
        }
        let state = State::Asking { tries: 0, next: now, known: None };
        self.entries.insert(address, Entry { state, used: now });
        Resolution::Pending
    }

    /// The MAC of `address` as far as it is known, without a question and without counting as use.
    #[must_use]
    pub fn known(&self, address: IpAddr) -> Option<Mac> {
        match self.entries.get(&address)?.state {
            State::Known { mac, .. } | State::Asking { known: Some(mac), .. } => Some(mac),
            State::Asking { known: None, .. } | State::Unreachable { .. } => None,
        }
    }

    /// Something sent through `address` is not answered again and again: asks whether it is still there. Its MAC
    /// stays in use meanwhile.
    ///
    //= rfc9293#3.8.3
    pub fn doubt(&mut self, now: Nanos, address: IpAddr) {
        self.latest = None;
        if let Some(entry) = self.entries.get_mut(&address)
            && let State::Known { mac, .. } = entry.state
        {
            entry.state = State::Asking { tries: 0, next: now, known: Some(mac) };
        }
    }

    /// Takes in what an ARP packet, or a frame of an established connection, says of `address`.
    ///
    /// `wanted`: the packet was for us, so that its sender will be spoken to next (RFC 826 adds it).
    pub fn learn(&mut self, now: Nanos, address: IpAddr, mac: Mac, wanted: bool) {
        self.latest = None;
        let known = State::Known { mac, confirmed: now };
        let room = self.entries.len() < self.capacity;
        match self.entries.get_mut(&address) {
            Some(entry) => {
                let before = match entry.state {
                    State::Known { mac, .. } => Some(mac),
                    State::Asking { known, .. } => known,
                    State::Unreachable { .. } => None,
                };
                entry.state = known;
                if before != Some(mac) {
                    self.changes.push(Change::Resolved(address, mac));
                }
            }
            None if wanted && room => {
                self.entries.insert(address, Entry { state: known, used: now });
                self.changes.push(Change::Resolved(address, mac));
            }
            None => {}
        }
    }

    /// Runs the timers: calls `ask` for each question that is due. `heard` says when a connection last
    /// heard of its peer through a next hop, `None` where there is no connection.
    pub fn poll(
        &mut self,
        now: Nanos,
        heard: impl Fn(IpAddr) -> Option<Nanos>,
        mut ask: impl FnMut(Question),
    ) {
        self.latest = None;
        let changes = &mut self.changes;
        self.entries.retain(|&address, entry| {
            let IpAddr::V4(target) = address else { return false };
            if let State::Known { mac, confirmed } = &mut entry.state {
                if now - *confirmed < REACHABLE {
                    return true;
                }
                if let Some(heard) = heard(address) {
                    entry.used = now;
                    *confirmed = heard.max(*confirmed);
                    if now - *confirmed < REACHABLE {
                        return true;
                    }
                }
                let (mac, confirmed) = (*mac, *confirmed);
                if now - entry.used >= UNUSED {
                    return false;
                }
                if entry.used <= confirmed {
                    return true;
                }
                entry.state = State::Asking { tries: 0, next: now, known: Some(mac) };
            }
            match &mut entry.state {
                State::Asking { tries, next, known } => {
                    if now < *next {
                        return true;
                    }
                    if *tries == TRIES && known.is_some() && heard(address).is_some() {
                        (*tries, *next) = (TRIES / 2, now + PENALTY);
                        return true;
                    }
                    if *tries == TRIES {
                        entry.state = State::Unreachable { until: now + PENALTY };
                        changes.push(Change::Lost(address));
                        return true;
                    }
                    // The last tries of a confirmation go to everybody: the host may have moved.
                    let mac = known.filter(|_| *tries < TRIES / 2).unwrap_or(BROADCAST);
                    *tries += 1;
                    *next = now + RETRY;
                    ask(Question { target, mac });
                    true
                }
                State::Unreachable { until } => now < *until || now - entry.used < UNUSED,
                State::Known { .. } => true,
            }
        });
    }

    /// What changed since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        core::mem::take(&mut self.changes)
    }

    /// When [`Neighbours::poll`] has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Nanos> {
        self.entries
            .values()
            .map(|entry| match entry.state {
                State::Asking { next, .. } => next,
                State::Known { confirmed, .. } if entry.used > confirmed => confirmed + REACHABLE,
                State::Known { .. } | State::Unreachable { .. } => entry.used + UNUSED,
            })
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
    const MAC: Mac = [2, 0, 0, 0, 0, 1];
    const OTHER: Mac = [2, 0, 0, 0, 0, 2];

    fn questions(table: &mut Neighbours, at: Nanos) -> Vec<Mac> {
        questions_with(table, at, None)
    }

    fn questions_with(table: &mut Neighbours, at: Nanos, heard: Option<Nanos>) -> Vec<Mac> {
        let mut seen = Vec::new();
        table.poll(
            at,
            |_| heard,
            |q| {
                assert_eq!(IpAddr::V4(q.target), PEER);
                seen.push(q.mac);
            },
        );
        seen
    }

    #[test]
    fn what_was_found_last_is_forgotten_when_it_changes() {
        let mut table = Neighbours::new(1);
        let now = Nanos::from_secs(1);
        table.learn(now, PEER, MAC, true);
        assert_eq!(table.resolve(now, PEER), Resolution::Known(MAC));
        assert_eq!(table.resolve(now, PEER), Resolution::Known(MAC));
        table.learn(now, PEER, OTHER, false);
        assert_eq!(table.resolve(now, PEER), Resolution::Known(OTHER));
        // Nobody answers, and nobody has a connection: it is given up while all others ask within the same poll.
        table.doubt(now, PEER);
        let mut at = now;
        while table.known(PEER).is_some() {
            at += RETRY;
            assert_eq!(table.resolve(at, PEER), Resolution::Known(OTHER));
            questions(&mut table, at);
        }
        assert_eq!(table.resolve(at, PEER), Resolution::Unreachable);
    }

    #[test]
    fn a_neighbour_in_doubt_is_asked_and_used_meanwhile() {
        let mut table = Neighbours::new(4);
        let (now, mac) = (Nanos::from_secs(1), [2, 0, 0, 0, 0, 9]);
        let address = IpAddr::from([10, 77, 0, 9]);
        table.learn(now, address, mac, true);
        table.doubt(now, address);
        assert_eq!(table.resolve(now, address), Resolution::Known(mac));
        let mut asked = Vec::new();
        table.poll(now, |_| None, |question| asked.push(question.mac));
        assert_eq!(asked, [mac]);
        table.learn(now, address, mac, true);
        table.poll(now + Nanos::from_secs(1), |_| None, |question| asked.push(question.mac));
        assert_eq!(asked.len(), 1, "the answer settles it");
        table.doubt(now, IpAddr::from([10, 77, 0, 10]));
        assert_eq!(table.known(IpAddr::from([10, 77, 0, 10])), None, "nobody who is not known");
    }

    #[test]
    fn asks_until_somebody_answers() {
        let mut table = Neighbours::new(4);
        assert_eq!(table.resolve(Nanos::ZERO, PEER), Resolution::Pending);
        assert_eq!(questions(&mut table, Nanos::ZERO), [BROADCAST]);
        assert_eq!(questions(&mut table, Nanos::from_millis(249)), [] as [Mac; 0]);
        assert_eq!(questions(&mut table, Nanos::from_millis(250)), [BROADCAST]);
        table.learn(Nanos::from_millis(300), PEER, MAC, false);
        assert_eq!(table.take_changes(), [Change::Resolved(PEER, MAC)]);
        assert_eq!(table.resolve(Nanos::from_millis(301), PEER), Resolution::Known(MAC));
        assert_eq!(questions(&mut table, Nanos::from_millis(900)), [] as [Mac; 0]);
    }

    #[test]
    fn gives_up_and_tries_again_after_a_pause() {
        let mut table = Neighbours::new(4);
        table.resolve(Nanos::ZERO, PEER);
        for n in 0..u64::from(TRIES) {
            assert_eq!(questions(&mut table, Nanos::from_millis(250 * n)).len(), 1, "try {n}");
        }
        assert_eq!(questions(&mut table, Nanos::from_secs(1)), [] as [Mac; 0]);
        assert_eq!(table.take_changes(), [Change::Lost(PEER)]);
        assert_eq!(table.resolve(Nanos::from_millis(1500), PEER), Resolution::Unreachable);
        assert_eq!(table.resolve(Nanos::from_secs(2), PEER), Resolution::Pending);
        assert_eq!(questions(&mut table, Nanos::from_secs(2)), [BROADCAST]);
    }

    #[test]
    fn a_stranger_makes_no_entry_but_a_known_one_may_move() {
        let mut table = Neighbours::new(4);
        table.learn(Nanos::ZERO, PEER, MAC, false);
        assert_eq!(table.known(PEER), None);
        table.learn(Nanos::ZERO, PEER, MAC, true);
        assert_eq!(table.known(PEER), Some(MAC));
        table.learn(Nanos::ZERO, PEER, OTHER, false);
        assert_eq!(table.known(PEER), Some(OTHER));
        let changes = table.take_changes();
        assert_eq!(changes, [Change::Resolved(PEER, MAC), Change::Resolved(PEER, OTHER)]);
    }

    #[test]
    fn an_entry_in_use_is_confirmed_by_unicast_and_stays_usable_meanwhile() {
        let mut table = Neighbours::new(4);
        table.learn(Nanos::ZERO, PEER, MAC, true);
        table.resolve(Nanos::from_secs(10), PEER);
        assert_eq!(questions(&mut table, Nanos::from_secs(29)), [] as [Mac; 0]);
        assert_eq!(questions(&mut table, Nanos::from_secs(30)), [MAC]);
        assert_eq!(table.resolve(Nanos::from_secs(30), PEER), Resolution::Known(MAC));
        assert_eq!(questions(&mut table, Nanos::from_millis(30_250)), [MAC]);
        assert_eq!(questions(&mut table, Nanos::from_millis(30_500)), [BROADCAST]);
    }

    #[test]
    fn connections_that_hear_of_their_peers_confirm_their_next_hop() {
        let mut table = Neighbours::new(4);
        table.learn(Nanos::ZERO, PEER, MAC, true);
        let heard = Some(Nanos::from_secs(25));
        assert_eq!(questions_with(&mut table, Nanos::from_secs(31), heard), [] as [Mac; 0]);
        assert_eq!(questions_with(&mut table, Nanos::from_secs(54), heard), [] as [Mac; 0]);
        assert_eq!(questions_with(&mut table, Nanos::from_secs(55), heard), [MAC]);
    }

    #[test]
    fn the_next_hop_of_a_connection_is_not_forgotten_when_nobody_answers() {
        let mut table = Neighbours::new(4);
        table.learn(Nanos::ZERO, PEER, MAC, true);
        let silent = Some(Nanos::ZERO);
        let mut asked = Vec::new();
        for n in 0..400 {
            asked.extend(questions_with(&mut table, Nanos::from_millis(30_000 + 250 * n), silent));
            assert_eq!(table.known(PEER), Some(MAC), "after {n} quarters of a second");
        }
        assert_eq!(asked[..4], [MAC, MAC, BROADCAST, BROADCAST]);
        assert!(asked[4..].iter().all(|&mac| mac == BROADCAST), "the host may have moved");
        // Two in a second and a half, a pause included.
        assert!((100..150).contains(&asked.len()), "{} questions in 100 s", asked.len());
        assert_eq!(table.take_changes().len(), 1, "only that it was resolved");
        // The last connection goes: then it is lost as any other.
        for n in 0..20 {
            questions(&mut table, Nanos::from_millis(130_000 + 250 * n));
        }
        assert_eq!(table.known(PEER), None);
    }

    #[test]
    fn a_full_table_says_so() {
        let mut table = Neighbours::new(1);
        table.learn(Nanos::ZERO, PEER, MAC, true);
        let second = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 9));
        assert_eq!(table.resolve(Nanos::ZERO, second), Resolution::TableFull);
        // Unused long enough, the old one makes room.
        assert_eq!(questions(&mut table, Nanos::from_secs(301)), [] as [Mac; 0]);
        assert_eq!(table.resolve(Nanos::from_secs(301), second), Resolution::Pending);
    }
}
