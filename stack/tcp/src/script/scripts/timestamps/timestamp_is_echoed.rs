//! RFC 7323 3.2. Our own clock ticks in milliseconds.

use super::established;
use crate::script::*;

//= rfc7323#3.2 RFC7323-3.2-2
//= rfc7323#5.4 RFC7323-5.4-1
pub fn timestamp_is_echoed(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10, tsval 0, tsecr 0);
    silence!(t, until 50 ms);
    inject!(t, ACK, seq 1, ack 11, len 10);
    expect!(t, at 90 ms, ACK, seq 11, ack 11, tsval 90, tsecr 50);
}
