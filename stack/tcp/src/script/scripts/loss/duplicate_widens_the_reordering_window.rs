//! RFC 8985 6.2 step 4: a duplicate widens the window of reordering.

use super::with_sack;
use crate::script::*;

//= rfc8985#6.2 RFC8985-6.2-6
pub fn duplicate_widens_the_reordering_window(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 200 ms);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 2001)]);
    expect!(t, at 227 ms, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001);
    inject!(t, ACK, seq 1, ack 2001, sack [(1, 1001)]);
    silence!(t, until 300 ms);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    silence!(t, until 400 ms);
    inject!(t, ACK, seq 1, ack 2001, sack [(3001, 4001)]);
    silence!(t, until 451 ms);
    expect!(t, at 452 ms, ACK, seq 2001, ack 1, len 1000);
}
