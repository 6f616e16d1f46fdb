//! A peer that sends its bytes again has lost our ACKs, however many: what limits answers to empty segments does not
//! count here.

use super::established;
use crate::script::*;

//= rfc1122#4.2.3.6 RFC1122-4.2.3.6-1
pub fn duplicates_with_payload_are_all_answered(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    for _ in 0..30 {
        inject!(t, ACK, seq 1, ack 1, len 1000);
        expect!(t, ACK, seq 1, ack 1001);
    }
    silence!(t, until 1000 ms);
}
