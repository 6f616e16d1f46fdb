//! RFC 3522 3.2: what tells a late segment is an ACK of it that echoes the first transmission. A duplicate ACK echoes
//! what came in order last, which is always older than what was sent again.

use super::modern;
use crate::script::*;

//= rfc3522#3.2 RFC3522-3.2-2
pub fn echo_of_a_duplicate_proves_nothing(bench: &mut dyn Bench) {
    let mut t = modern(bench);
    silence!(t, until 110 ms);
    t.send(10_000);
    assert_eq!(t.drain(), 10, "of 988 bytes");
    silence!(t, until 210 ms);
    inject!(t, ACK, seq 1, ack 1, tsecr 110, sack [(989, 3953)]);
    expect!(t, ACK, seq 1, ack 1, len 988);
    silence!(t, until 215 ms);
    inject!(t, ACK, seq 1, ack 1, tsecr 110, sack [(989, 4941)]);
    t.counters_of(|counted| assert_eq!(counted.undo_timestamp, 0));
}
