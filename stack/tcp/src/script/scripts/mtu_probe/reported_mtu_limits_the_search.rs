//! RFC 4821 7.3: what a router says is a limit for the search.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

pub fn reported_mtu_limits_the_search(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    t.send(1000);
    assert_eq!(t.drain(), 2);
    t.too_big(1, 600);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001);
    t.send(4000);
    expect!(t, ACK, seq 1001, ack 1, len 550);
}
