//! The peer sends no more, we go on.

use super::established;
use crate::Ended;
use crate::script::*;

pub fn half_closed_by_the_peer(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1, ack 1);
    expect!(t, ACK, seq 1, ack 2);
    t.send(1500);
    expect!(t, ACK, seq 1, ack 2, len 1000);
    silence!(t);
    inject!(t, ACK, seq 2, ack 1001);
    expect!(t, ACK, seq 1001, ack 2, len 500);
    t.close();
    expect!(t, FIN | ACK, seq 1501, ack 2);
    inject!(t, ACK, seq 2, ack 1502);
    silence!(t);
    assert_eq!(t.ended(), Some(Ended::Finished));
}
