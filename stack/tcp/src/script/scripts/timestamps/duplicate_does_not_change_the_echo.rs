//! RFC 7323 5.3: only what is in the window may move TS.Recent, or a segment from far away, which anybody can
//! make, would make the peer's own look old.

use crate::script::*;

pub fn duplicate_does_not_change_the_echo(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    inject!(t, ACK, seq 1, ack 1, len 100, tsval 10);
    expect!(t, at 40 ms, ACK, seq 1, ack 101, tsecr 10);
    inject!(t, ACK, seq 1, ack 1, len 100, tsval 1_000_000);
    expect!(t, ACK, seq 1, ack 101, tsecr 10, sack [(1, 101)]);
    inject!(t, ACK, seq 101, ack 1, len 100, tsval 50);
    t.recv(200);
}
