//! RFC 2883: all is acknowledged, and so is our FIN, when the peer reports what it got twice.

use super::with_sack;
use crate::State;
use crate::script::*;

//= rfc2883#4 RFC2883-4-4
pub fn duplicate_is_reported_behind_our_fin(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(1000);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1002);
    inject!(t, ACK, seq 1, ack 1002, sack [(1, 1001)]);
    silence!(t);
    assert_eq!(t.state(), State::FinWait2);
    t.counters_of(|counted| assert_eq!(counted.rx_dsacks, 1));
}
