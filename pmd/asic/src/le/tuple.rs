//! The exact-match table: addresses, ports and the enforced part of the compressed tuple to a TID.

use core::hash::{BuildHasher, Hash, Hasher};
use core::net::IpAddr;

use mafo_mem::KeyedHasher;
use mafo_t4::Tid;

/// Both ends of a connection as the card sees them: local is the destination side of a received frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FourTuple {
    /// Our address.
    pub local: IpAddr,
    /// The peer's address.
    pub peer: IpAddr,
    /// Our port.
    pub local_port: u16,
    /// The peer's port.
    pub peer_port: u16,
}

impl FourTuple {
    /// Whether the connection is one of IPv6.
    #[must_use]
    pub fn is_v6(&self) -> bool {
        self.local.is_ipv6()
    }
}

/// What identifies a connection in the active region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Addresses and ports.
    pub tuple: FourTuple,
    /// The compressed filter tuple, restricted to the filter mask.
    pub ntuple: u64,
}

/// In few words: each costs.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let FourTuple { local, peer, local_port, peer_port } = self.tuple;
        match (local, peer) {
            (IpAddr::V4(local), IpAddr::V4(peer)) => {
                state.write_u64(u64::from(local.to_bits()) << 32 | u64::from(peer.to_bits()));
            }
            (local, peer) => {
                state.write_u128(bits(local));
                state.write_u128(bits(peer));
            }
        }
        state.write_u64(u64::from(local_port) << 16 | u64::from(peer_port));
        state.write_u64(self.ntuple);
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Open addressing with linear probing over 8-byte slots (hash, TID + 1; 0 is empty), at most half full; removal
/// shifts back, so no tombstones slow the lookups of a card that has run for long. Keys stand with the connections,
/// which are needed next anyway: whoever looks one up says whether a TID is the key's.
#[derive(Debug)]
pub struct TupleTable {
    hasher: KeyedHasher,
    slots: Vec<u64>,
    capacity: usize,
    v4: usize,
    v6: usize,
}

/// What a slot says of a connection.
fn word_of(hash: u32, tid: Tid) -> u64 {
    u64::from(hash) << 32 | u64::from(tid.0 + 1)
}

impl TupleTable {
    /// A table for at most `capacity` connections. Which of them collide depends on `secret`.
    #[must_use]
    pub fn new(capacity: usize, secret: u64) -> Self {
        let hasher = KeyedHasher::new(&secret.to_le_bytes(), 0);
        let slots = vec![0; (capacity * 2).next_power_of_two().max(8)];
        Self { hasher, slots, capacity, v4: 0, v6: 0 }
    }

    /// Bytes of the table.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// IPv4 connections in the table (LE_DB_ACT_CNT_IPV4).
    #[must_use]
    pub fn count_v4(&self) -> usize {
        self.v4
    }

    /// IPv6 connections in the table (LE_DB_ACT_CNT_IPV6).
    #[must_use]
    pub fn count_v6(&self) -> usize {
        self.v6
    }

    fn hash(&self, key: &Key) -> u32 {
        self.hasher.hash_one(key) as u32
    }

    /// Whether there is no connection.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.v4 + self.v6 == 0
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// The slot whose word `is` what is looked for, or the empty one that ends the probe, and its word.
    fn probe(&self, hash: u32, is: impl Fn(u64) -> bool) -> (usize, u64) {
        let mut slot = hash as usize & self.mask();
        loop {
            let word = self.slots[slot];
            if word == 0 || (word >> 32) as u32 == hash && is(word) {
                return (slot, word);
            }
            slot = (slot + 1) & self.mask();
        }
    }

    /// The connection of `key`; `is` says whether a TID of the table is.
    #[inline]
    #[must_use]
    pub fn get(&self, key: &Key, is: impl Fn(Tid, &Key) -> bool) -> Option<Tid> {
        self.find(key, self.hash(key), is).1
    }

    fn find(&self, key: &Key, hash: u32, is: impl Fn(Tid, &Key) -> bool) -> (usize, Option<Tid>) {
        let (slot, word) = self.probe(hash, |word| is(Tid(word as u32 - 1), key));
        (slot, (word as u32).checked_sub(1).map(Tid))
    }

    /// Enters a connection. Refused, and nothing changed, if the key is there or the table is full.
    pub fn insert(
        &mut self,
        key: &Key,
        tid: Tid,
        is: impl Fn(Tid, &Key) -> bool,
    ) -> Result<(), InsertError> {
        let hash = self.hash(key);
        let (slot, found) = self.find(key, hash, is);
        if let Some(there) = found {
            return Err(InsertError::Exists(there));
        }
        if self.v4 + self.v6 == self.capacity {
            return Err(InsertError::Full);
        }
        *self.count_of(key) += 1;
        self.slots[slot] = word_of(hash, tid);
        Ok(())
    }

    fn count_of(&mut self, key: &Key) -> &mut usize {
        if key.tuple.is_v6() { &mut self.v6 } else { &mut self.v4 }
    }

    /// Removes a connection; whether it was there.
    pub fn remove(&mut self, key: &Key, tid: Tid) -> bool {
        let hash = self.hash(key);
        let (slot, word) = self.probe(hash, |word| word == word_of(hash, tid));
        if word == 0 {
            return false;
        }
        self.vacate(slot);
        *self.count_of(key) -= 1;
        true
    }

    /// Empties a slot and moves back whatever had probed past it.
    fn vacate(&mut self, mut hole: usize) {
        let mut slot = hole;
        loop {
            slot = (slot + 1) & self.mask();
            let word = self.slots[slot];
            if word == 0 {
                break;
            }
            let home = (word >> 32) as usize & self.mask();
            // It may move if the hole lies on its way from home to where it is.
            if (slot.wrapping_sub(home) & self.mask()) >= (slot.wrapping_sub(hole) & self.mask()) {
                self.slots[hole] = word;
                hole = slot;
            }
        }
        self.slots[hole] = 0;
    }
}

/// Why a connection was not entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertError {
    /// The addresses are those of this connection.
    Exists(Tid),
    /// No room.
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{Ipv4Addr, Ipv6Addr};

    fn v4(n: u32) -> Key {
        Key {
            tuple: FourTuple {
                local: IpAddr::V4(Ipv4Addr::from_bits(0x0a4d_0002)),
                peer: IpAddr::V4(Ipv4Addr::from_bits(0x0a4d_0001 + (n >> 16))),
                local_port: 7,
                peer_port: n as u16,
            },
            ntuple: 6,
        }
    }

    fn v6(n: u16) -> Key {
        Key {
            tuple: FourTuple {
                local: IpAddr::V6(Ipv6Addr::from_bits(1)),
                peer: IpAddr::V6(Ipv6Addr::from_bits(2)),
                local_port: 7,
                peer_port: n,
            },
            ntuple: 6,
        }
    }

    /// A table and whose its TIDs are.
    struct Known {
        table: TupleTable,
        keys: Vec<(Tid, Key)>,
    }

    impl Known {
        fn new(capacity: usize) -> Self {
            Self { table: TupleTable::new(capacity, 1), keys: Vec::new() }
        }

        fn get(&self, key: &Key) -> Option<Tid> {
            self.table.get(key, |tid, key| self.keys.contains(&(tid, *key)))
        }

        fn insert(&mut self, key: Key, tid: Tid) -> Result<(), InsertError> {
            let Self { table, keys } = self;
            table.insert(&key, tid, |tid, key| keys.contains(&(tid, *key)))?;
            keys.push((tid, key));
            Ok(())
        }

        /// The connection of `key` is over.
        fn remove(&mut self, key: &Key) -> Option<Tid> {
            let at = self.keys.iter().position(|(_, known)| known == key)?;
            let (tid, _) = self.keys.swap_remove(at);
            assert!(self.table.remove(key, tid) && !self.table.remove(key, tid), "once");
            Some(tid)
        }
    }

    #[test]
    fn found_by_every_part_of_the_key() {
        let mut table = Known::new(4);
        let key = v4(1000);
        table.insert(key, Tid(9)).expect("room");
        assert_eq!(table.get(&key), Some(Tid(9)));
        assert!(!table.table.remove(&key, Tid(8)), "of another TID");
        for other in [
            Key { ntuple: 17, ..key },
            Key { tuple: FourTuple { local_port: 8, ..key.tuple }, ..key },
            Key { tuple: FourTuple { peer_port: 1001, ..key.tuple }, ..key },
            Key { tuple: FourTuple { local: key.tuple.peer, ..key.tuple }, ..key },
            Key { tuple: FourTuple { peer: key.tuple.local, ..key.tuple }, ..key },
        ] {
            assert_eq!(table.get(&other), None, "{other:?}");
        }
    }

    #[test]
    fn exists_and_full_are_told_apart() {
        let mut table = Known::new(2);
        assert_eq!(table.insert(v4(1), Tid(1)), Ok(()));
        assert_eq!(table.insert(v4(1), Tid(2)), Err(InsertError::Exists(Tid(1))));
        assert_eq!(table.insert(v6(1), Tid(2)), Ok(()));
        assert_eq!((table.table.count_v4(), table.table.count_v6()), (1, 1));
        assert_eq!(table.insert(v4(3), Tid(3)), Err(InsertError::Full));
        assert_eq!(table.remove(&v6(1)), Some(Tid(2)));
        assert_eq!(table.remove(&v6(1)), None);
        assert_eq!((table.table.count_v4(), table.table.count_v6()), (1, 0));
    }

    /// Long probes, wrap-around and backward shift, against a plain list.
    #[test]
    fn agrees_with_a_list_through_any_history() {
        let mut table = Known::new(64);
        let mut list: Vec<(u32, Tid)> = Vec::new();
        let mut random = 1_u64;
        for step in 0..20_000_u32 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let n = (random >> 40) as u32 % 96;
            match list.iter().position(|(m, _)| *m == n) {
                Some(at) if random >> 63 == 0 => {
                    assert_eq!(table.remove(&v4(n)), Some(list.swap_remove(at).1), "step {step}");
                }
                Some(at) => {
                    assert_eq!(table.insert(v4(n), Tid(step)), Err(InsertError::Exists(list[at].1)))
                }
                None if list.len() < 64 => {
                    assert_eq!(table.insert(v4(n), Tid(step)), Ok(()), "step {step}");
                    list.push((n, Tid(step)));
                }
                None => assert_eq!(table.insert(v4(n), Tid(step)), Err(InsertError::Full)),
            }
            for n in 0..96 {
                let expected = list.iter().find(|(m, _)| *m == n).map(|(_, tid)| *tid);
                assert_eq!(table.get(&v4(n)), expected, "step {step}, key {n}");
            }
        }
    }

    /// Slots of a table under `secret` at which the first 512 ports would like to be.
    fn homes(secret: u64) -> Vec<usize> {
        let table = TupleTable::new(32, secret);
        (0..512).map(|n| table.hash(&v4(n)) as usize & table.mask()).collect()
    }

    #[test]
    fn which_connections_collide_depends_on_the_secret() {
        let (one, other) = (homes(1), homes(2));
        let chosen: Vec<usize> = (0..one.len()).filter(|&n| one[n] == one[0]).collect();
        assert!(chosen.len() > 2, "{chosen:?}");
        assert!(!chosen.iter().all(|&n| other[n] == other[0]), "{chosen:?} collide again");
        assert_eq!(one, homes(1), "and on nothing else");
    }

    #[test]
    fn a_range_of_ports_spreads() {
        let mut table = TupleTable::new(1024, 1);
        for n in 0..1024 {
            table.insert(&v4(30_000 + n), Tid(n), |_, _| false).expect("room");
        }
        let longest = table.slots.split(|word| *word == 0).map(<[u64]>::len).max();
        assert!(longest < Some(40), "a run of {longest:?} slots at half load");
    }
}
