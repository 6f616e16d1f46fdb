//! RFC 7323 4.3: a segment beyond a gap is not what the last ACK asked for; the one that fills it is.

use super::established;
use crate::script::*;

//= rfc7323#4.3 RFC7323-4.3-3
pub fn gap_does_not_change_the_echo(bench: &mut dyn Bench) {
    let mut t = established(bench);
    silence!(t, until 10 ms);
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1, tsecr 0, sack [(11, 21)]);
    silence!(t, until 20 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 21, tsecr 20);
}
