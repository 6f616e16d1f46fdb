//! The exact-match table: addresses, ports and the enforced part of the compressed tuple to a TID.

use core::net::IpAddr;
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

impl Key {
    /// A hash with a fixed seed: lookups depend on the traffic alone, never on the run.
    fn hash(&self) -> u32 {
        let ports = u64::from(self.tuple.local_port) << 16 | u64::from(self.tuple.peer_port);
        let mixed = match (self.tuple.local, self.tuple.peer) {
            (IpAddr::V4(local), IpAddr::V4(peer)) => {
                fold(u64::from(local.to_bits()) << 32 | u64::from(peer.to_bits()), ports ^ SEED[0])
            }
            (local, peer) => {
                let (local, peer) = (bits(local), bits(peer));
                let addresses = fold((local >> 64) as u64 ^ SEED[1], local as u64 ^ SEED[2])
                    ^ fold((peer >> 64) as u64 ^ SEED[2], peer as u64 ^ SEED[3]);
                fold(addresses, ports ^ SEED[1])
            }
        };
        (fold(mixed ^ SEED[2], self.ntuple ^ SEED[3]) >> 32) as u32
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// Odd constants without structure (digits of pi).
const SEED: [u64; 4] =
    [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7345, 0xa409_3822_299f_31d1, 0x082e_fa98_ec4e_6c89];

/// Multiplies to 128 bits and folds the halves: every bit of the operands reaches every bit of the result.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ SEED[3]) * u128::from(b | 1);
    (product >> 64) as u64 ^ product as u64
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
    slots: Vec<u64>,
    entries: Vec<Entry>,
    capacity: usize,
    v6: usize,
}

impl TupleTable {
    /// A table for at most `capacity` connections.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let slots = vec![0; (capacity * 2).next_power_of_two().max(8)];
        Self { slots, entries: Vec::new(), capacity, v6: 0 }
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
        if self.entries.is_empty() {
            return None;
        }
        let (_, index) = self.probe(key, key.hash());
        index.map(|index| self.entries[index].tid)
    }

    /// Enters a connection. Refused, and nothing changed, if the key is there or the table is full.
    pub fn insert(&mut self, key: Key, tid: Tid) -> Result<(), InsertError> {
        let hash = key.hash();
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
        let (slot, index) = self.probe(key, key.hash());
        let index = index?;
        self.vacate(slot);
        let tid = self.entries.swap_remove(index).tid;
        self.v6 -= usize::from(key.tuple.is_v6());
        if let Some(moved) = self.entries.get(index) {
            // The last entry took the free place; its slot still has the old index.
            let old = u64::from(moved.key.hash()) << 32 | (self.entries.len() + 1) as u64;
            let mut slot = moved.key.hash() as usize & self.mask();
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
        let mut table = TupleTable::new(4);
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
        let mut table = TupleTable::new(2);
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
        let mut table = TupleTable::new(64);
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

    #[test]
    fn a_range_of_ports_spreads() {
        let mut table = TupleTable::new(1024);
        for n in 0..1024 {
            table.insert(v4(30_000 + n), Tid(n)).expect("room");
        }
        let longest = table.slots.split(|word| *word == 0).map(<[u64]>::len).max();
        assert!(longest < Some(40), "a run of {longest:?} slots at half load");
    }
}
