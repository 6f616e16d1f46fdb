//! Tables of adapters that differ, and queues that are too small.

use super::*;

/// Payload of a full segment where the links carry 1500 bytes: without two headers and a timestamp.
const FULL: usize = 1500 - 40 - 12;

/// What the links carry has another number than in the table that cards come with, whose number of it is that of a longer
/// packet here, and the other way round.
const MTUS: [u16; 16] =
    [68, 128, 256, 512, 1024, 1400, 1500, 2002, 3000, 4096, 5000, 6000, 7000, 8192, 9000, 9600];

/// A segment is as long on the one as on the other, whose numbers mean other sizes.
#[test]
fn mtu_tables_that_differ() {
    for mtus in [[None, Some(MTUS)], [Some(MTUS), None]] {
        let (_, outcomes) = runs(|seed| Plan {
            room: Room { mtus, ..Room::default() },
            faults: vec![cut(CUT, ms(300))],
            ..plan(seed)
        });
        assert!(outcomes.iter().all(|outcome| outcome.bond.moved > 0));
        let longest: Vec<_> = outcomes.iter().map(|outcome| outcome.longest).collect();
        assert_eq!(longest, [[FULL; 2]; 12], "{mtus:?}");
        let ours = |outcome: &Outcome| outcome.mtus.map(|table| table == Some(MTUS));
        assert!(outcomes.iter().all(|o| ours(o) == mtus.map(|mtus| mtus.is_some())), "{mtus:?}");
    }
}

/// Windows full of what peers have to say, while links go and come.
fn crowded(seed: u64, room: Room) -> Plan {
    let end = End { bytes: 250_000, write_pause: None, chunk: 60_000, ..TALKS };
    Plan {
        connections: (0..10).map(|n| connection(Side::Peer, us(10 * n), end)).collect(),
        room,
        // Cards that are slow: each stage lasts.
        late_polls: [80, 80],
        recv_buffer: [200 << 10; 2],
        recv_buffer_max: [200 << 10; 2],
        send_buffer: [200 << 10; 2],
        faults: (0..6).map(|n| cut(ms(20) + ms(9 * n), ms(4))).collect(),
        ..plan(seed)
    }
}

/// Of a window that is held most is dropped: the peer sends it again.
#[test]
fn the_hold_overflows() {
    let room = Room { hold_frames: 3, ..Room::default() };
    let end = End { bytes: 250_000, chunk: 20_000, write_pause: Some((20_000, ms(4))), ..TALKS };
    let (_, outcomes) = runs(|seed| Plan {
        connections: (0..10).map(|n| connection(Side::Peer, us(10 * n), end)).collect(),
        faults: vec![cut(ms(22), ms(300))],
        ..crowded(seed, room)
    });
    let overflows = outcomes.iter().filter(|o| o.bond.hold_overflows > 0).count();
    assert!(overflows >= 3, "{overflows}");
}

/// More crosses the host than the Ethernet queues take.
#[test]
fn a_ring_of_the_tunnel_overflows() {
    let room = Room { eth_buffers: [2; 2], ..Room::default() };
    let (_, outcomes) = runs(|seed| crowded(seed, room));
    let full = outcomes.iter().filter(|o| o.bond.tx_full > 0).count();
    assert!(full >= 3, "{full}");
}
