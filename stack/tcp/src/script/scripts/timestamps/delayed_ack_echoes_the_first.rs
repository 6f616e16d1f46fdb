//! RFC 7323 4.3: the peer shall measure the delay as well.

use super::established;
use crate::script::*;

//= rfc7323#4.3 RFC7323-4.3-1 RFC7323-4.3-2
pub fn delayed_ack_echoes_the_first(bench: &mut dyn Bench) {
    let mut t = established(bench);
    silence!(t, until 10 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    silence!(t, until 20 ms);
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 21, tsecr 10);
    inject!(t, ACK, seq 21, ack 1, len 10);
    expect!(t, at 60 ms, ACK, seq 1, ack 31, tsecr 20);
}
