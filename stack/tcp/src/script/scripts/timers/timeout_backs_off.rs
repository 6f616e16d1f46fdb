//! RFC 6298 5.5.

use super::established;
use crate::script::*;

//= rfc9293#3.8.2 MUST-19
//= rfc9293#3.8.3 SHLD-11
//= rfc6298#5.1 RFC6298-5.1-1
//= rfc6298#5.4 RFC6298-5.4-1
//= rfc6298#5.5 RFC6298-5.5-1
//= rfc6298#5.6 RFC6298-5.6-1
//= rfc8985#4 RFC8985-4-1
pub fn timeout_backs_off(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    for at in [0, 200, 600, 1400, 3000, 6200, 12_600, 25_400, 51_000, 102_200, 162_200] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(1000));
    }
    counted!(
        t, tx_segments: 11, tx_bytes: 1000, retransmits: 10, timeouts: 10, negative_advice: 1,
        retransmitted_bytes: 10_000,
    );
}
