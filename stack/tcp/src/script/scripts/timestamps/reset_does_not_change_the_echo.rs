//! RFC 7323 5.2: a reset that does not count has said nothing about the peer's clock.

use super::established;
use crate::script::*;

//= rfc7323#5.2 RFC7323-5.2-2
pub fn reset_does_not_change_the_echo(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, RST, seq 5, tsval 200_000);
    expect!(t, ACK, seq 1, ack 1, tsecr 0);
    inject!(t, RST, seq 0, tsval 200_000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, len 1000, tsval 20);
    t.recv(1000);
}
