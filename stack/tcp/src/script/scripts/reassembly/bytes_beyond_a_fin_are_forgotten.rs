//! Nothing follows a FIN: what was sent beyond it before is no part of the stream, and does not keep the
//! connection from its end.

use super::established;
use crate::script::*;

//= rfc9293#3.10.7.4
pub fn bytes_beyond_a_fin_are_forgotten(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 501, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 500);
    expect!(t, ACK, seq 1, ack 1502);
    t.recv(1500);
    t.recv_nothing();
    assert!(t.is_at_end());
}
