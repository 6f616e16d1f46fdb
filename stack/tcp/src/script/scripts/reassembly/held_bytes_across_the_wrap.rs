//! The peer's numbers pass 2^32 inside the gap, inside a held range, and at its edge.

use crate::script::*;

pub fn held_bytes_across_the_wrap(bench: &mut dyn Bench) {
    for isn in [u32::MAX - 50, u32::MAX - 150, u32::MAX - 100, u32::MAX - 200, u32::MAX] {
        let peer = Peer { isn, ..Peer::default() };
        let mut t = Trace::established(bench, Setup::default(), peer);
        inject!(t, ACK, seq 101, ack 1, len 100);
        expect!(t, ACK, seq 1, ack 1);
        inject!(t, ACK, seq 1, ack 1, len 100);
        expect!(t, ACK, seq 1, ack 201);
        t.recv(200);
    }
}
