//! Any sign of life starts over.

use super::with_keepalive;
use crate::script::*;

//= rfc9293#3.8.4 MUST-26 MUST-29
pub fn keepalive_answered_goes_on(bench: &mut dyn Bench) {
    let mut t = with_keepalive(bench);
    expect!(t, at 7_200_000 ms, ACK, seq 0, ack 1);
    expect!(t, at 7_275_000 ms, ACK, seq 0, ack 1);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t, until 14_474_900 ms);
    expect!(t, at 14_475_000 ms, ACK, seq 0, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 10);
    expect!(t, at 14_475_040 ms, ACK, seq 1, ack 11);
    expect!(t, at 21_675_000 ms, ACK, seq 0, ack 11);
}
