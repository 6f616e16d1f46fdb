//! RFC 8257 3.2: an ACK is of marked bytes or of others, and never of both.

use super::{CWR, ECE, dctcp};
use crate::script::*;

//= rfc8257#3.2 RFC8257-3.2-1
pub fn dctcp_echoes_exactly(bench: &mut dyn Bench) {
    let mut t = dctcp(bench);
    let payload = |seq: u32, ecn| Seg::new(ACK).seq(seq).ack(1).len(1000).ecn(ecn);
    t.inject(payload(1, Ecn::Ect0));
    silence!(t);
    // The first waits for its ACK when a mark comes.
    t.inject(payload(1001, Ecn::Ce));
    t.expect(None, Seg::new(ACK).seq(1).ack(1001).ecn(Ecn::Ect0));
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(2001).ecn(Ecn::Ect0));
    // More of the same may be acknowledged together. CWR means nothing.
    t.inject(Seg { flags: ACK | CWR, ..payload(2001, Ecn::Ce) });
    silence!(t);
    t.inject(payload(3001, Ecn::Ce));
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(4001).ecn(Ecn::Ect0));
    // Two changes in one burst.
    t.inject(payload(4001, Ecn::Ce));
    t.inject(payload(5001, Ecn::Ect0));
    t.inject(payload(6001, Ecn::Ce));
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(5001).ecn(Ecn::Ect0));
    t.expect(None, Seg::new(ACK).seq(1).ack(6001).ecn(Ecn::Ect0));
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(7001).ecn(Ecn::Ect0));
    silence!(t);
}
