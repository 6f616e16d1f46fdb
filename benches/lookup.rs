//! Whose is a segment: the exact-match table with few connections and with many, found and not found.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mafo_asic::le::{FourTuple, Key, TupleTable};
use mafo_t4::Tid;

fn key(n: u32) -> Key {
    let tuple = FourTuple {
        local: IpAddr::V4(Ipv4Addr::new(10, 77, 0, 2)),
        peer: IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + n / 50_000)),
        local_port: 7,
        peer_port: 10_000 + (n % 50_000) as u16,
    };
    Key { tuple, ntuple: 0 }
}

fn lookup(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    for connections in [64, 100_000] {
        // As the records of connections would have them.
        let keys: Vec<Key> = (0..connections).map(key).collect();
        let is = |tid: Tid, key: &Key| keys[tid.index()] == *key;
        let mut table = TupleTable::new(connections as usize, 0x5eed);
        for n in 0..connections {
            table.insert(&key(n), Tid(n), is).expect("room");
        }
        assert!((0..connections).all(|n| table.get(&key(n), is) == Some(Tid(n))));
        assert_eq!(table.get(&key(connections), is), None);
        // In no order that a cache could guess.
        let mut n = 0;
        let mut next = move || {
            n = (n + 48_611) % connections;
            key(n)
        };
        group.bench_function(BenchmarkId::new("found", connections), |b| {
            b.iter(|| table.get(black_box(&next()), is));
        });
        let stranger = key(connections);
        group.bench_function(BenchmarkId::new("a stranger", connections), |b| {
            b.iter(|| table.get(black_box(&stranger), is));
        });
        let tid = Tid(connections - 1);
        let last = key(tid.0);
        group.bench_function(BenchmarkId::new("removed and entered", connections), |b| {
            b.iter(|| {
                assert!(table.remove(black_box(&last), tid));
                table.insert(&last, tid, is)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, lookup);
criterion_main!(benches);
