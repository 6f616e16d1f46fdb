//! RFC 9293 MUST-31, MUST-32: urgent bytes of any length, and the news of them travels ahead.

use super::established;
use crate::script::*;

//= rfc9293#3.8.5 MUST-31 MUST-32
pub fn urgent_pointer_may_run_ahead_of_its_bytes(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK | URG, seq 1, ack 1, len 1000, urg 65_535);
    assert_eq!(t.urgent_end(), Some(65_535));
    inject!(t, ACK | URG, seq 1001, ack 1, len 1000, urg 65_535);
    assert_eq!(t.urgent_end(), Some(66_535), "it goes on");
    expect!(t, ACK, seq 1, ack 2001);
    t.recv(2000);
}
