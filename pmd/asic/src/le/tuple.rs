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

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Key,
    tid: Tid,
}

/// Open addressing with linear probing over 8-byte slots (hash, index of the entry + 1; 0 is empty), at
/// most half full; removal shifts back, so no tombstones slow the lookups of a card that has run for long.
#[derive(Debug)]
pub struct TupleTable {
    hasher: KeyedHasher,
    slots: Vec<u64>,
    entries: Vec<Entry>,
    capacity: usize,
    v6: usize,
}

impl TupleTable {
    /// A table for at most `capacity` connections. Which of them collide depends on `secret`.
    #[must_use]
    pub fn new(capacity: usize, secret: u64) -> Self {
        let hasher = KeyedHasher::new(&secret.to_le_bytes(), 0);
        let slots = vec![0; (capacity * 2).next_power_of_two().max(8)];
        // As many as there may be: what nobody uses is no page of anybody's.
        Self { hasher, slots, entries: Vec::with_capacity(capacity), capacity, v6: 0 }
    }

    /// Bytes of the table and of its entries.
    #[must_use]
    pub fn footprint(&self) -> usize {
        size_of_val(&*self.slots) + size_of_val(&*self.entries)
    }

    /// IPv4 connections in the table (LE_DB_ACT_CNT_IPV4).
    #[must_use]
    pub fn count_v4(&self) -> usize {
        self.entries.len() - self.v6
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
        self.entries.is_empty()
    }

    fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// The slot that holds `key`, or the empty one that ends its probe.
    fn probe(&self, key: &Key, hash: u32) -> (usize, Option<usize>) {
        let mut slot = hash as usize & self.mask();
        loop {
            let word = self.slots[slot];
            if word == 0 {
                return (slot, None);
            }
            if (word >> 32) as u32 == hash {
                let index = (word as u32 - 1) as usize;
                if self.entries[index].key == *key {
                    return (slot, Some(index));
                }
            }
            slot = (slot + 1) & self.mask();
        }
    }

    /// The connection of `key`.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Tid> {
        let (_, index) = self.probe(key, self.hash(key));
        index.map(|index| self.entries[index].tid)
    }

    /// Enters a connection. Refused, and nothing changed, if the key is there or the table is full.
    pub fn insert(&mut self, key: Key, tid: Tid) -> Result<(), InsertError> {
        let hash = self.hash(&key);
        let (slot, found) = self.probe(&key, hash);
        if let Some(index) = found {
            return Err(InsertError::Exists(self.entries[index].tid));
        }
        if self.entries.len() == self.capacity {
            return Err(InsertError::Full);
        }
        self.v6 += usize::from(key.tuple.is_v6());
        self.entries.push(Entry { key, tid });
        self.slots[slot] = u64::from(hash) << 32 | self.entries.len() as u64;
        Ok(())
    }

    /// Removes a connection and says which it was.
    pub fn remove(&mut self, key: &Key) -> Option<Tid> {
        let (slot, index) = self.probe(key, self.hash(key));
        let index = index?;
        self.vacate(slot);
        let tid = self.entries.swap_remove(index).tid;
        self.v6 -= usize::from(key.tuple.is_v6());
        if let Some(moved) = self.entries.get(index) {
            // The last entry took the free place; its slot still has the old index.
            let hash = self.hash(&moved.key);
            let old = u64::from(hash) << 32 | (self.entries.len() + 1) as u64;
            let mut slot = hash as usize & self.mask();
            while self.slots[slot] != old {
                slot = (slot + 1) & self.mask();
            }
            self.slots[slot] = old & !u64::from(u32::MAX) | (index + 1) as u64;
        }
        Some(tid)
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

    #[test]
    fn found_by_every_part_of_the_key() {
        let mut table = TupleTable::new(4, 1);
        let key = v4(1000);
        table.insert(key, Tid(9)).expect("room");
        assert_eq!(table.get(&key), Some(Tid(9)));
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
        let mut table = TupleTable::new(2, 1);
        assert_eq!(table.insert(v4(1), Tid(1)), Ok(()));
        assert_eq!(table.insert(v4(1), Tid(2)), Err(InsertError::Exists(Tid(1))));
        assert_eq!(table.insert(v6(1), Tid(2)), Ok(()));
        assert_eq!((table.count_v4(), table.count_v6()), (1, 1));
        assert_eq!(table.insert(v4(3), Tid(3)), Err(InsertError::Full));
        assert_eq!(table.remove(&v6(1)), Some(Tid(2)));
        assert_eq!(table.remove(&v6(1)), None);
        assert_eq!((table.count_v4(), table.count_v6()), (1, 0));
    }

    /// Long probes, wrap-around, backward shift and the moved last entry, against a plain list.
    #[test]
    fn agrees_with_a_list_through_any_history() {
        let mut table = TupleTable::new(64, 1);
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
            table.insert(v4(30_000 + n), Tid(n)).expect("room");
        }
        let longest = table.slots.split(|word| *word == 0).map(<[u64]>::len).max();
        assert!(longest < Some(40), "a run of {longest:?} slots at half load");
    }
}
