//! RFC 3168 6.1.4: only new payload is marked.

use super::agreed;
use crate::script::*;

//= rfc3168#6.1.2 RFC3168-6.1.2-1
//= rfc3168#6.1.4 RFC3168-6.1.4-1
//= rfc3168#6.1.5 RFC3168-6.1.5-1
//= rfc9293#3.8.2 SHLD-8
pub fn only_new_payload_is_ecn_capable(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(1000);
    t.expect(None, Seg::new(ACK).seq(1).ack(1).len(1000).ecn(Ecn::Ect0));
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1001, ack 2001);
    // Sent again: a queue that is congested may drop it.
    expect!(t, at 200 ms, ACK, seq 1, ack 2001, len 1000);
    inject!(t, ACK, seq 2001, ack 1001);
    t.close();
    expect!(t, FIN | ACK, seq 1001, ack 2001);
}
