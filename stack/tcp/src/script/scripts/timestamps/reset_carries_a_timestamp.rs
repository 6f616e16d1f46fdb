//! RFC 7323 3.2: so that a peer that looks at it finds one.

use super::established;
use crate::script::*;

//= rfc7323#3.2 RFC7323-3.2-3
pub fn reset_carries_a_timestamp(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10, tsval 0);
    silence!(t, until 50 ms);
    t.abort();
    expect!(t, RST | ACK, seq 11, ack 1, tsval 50);
}
