//! RFC 9293 3.10.7.4, fifth; RFC 5961 5.

use super::established;
use crate::script::*;

//= rfc5961#5.2 RFC5961-5.2-1 RFC5961-5.2-2
pub fn ack_of_what_was_never_sent_is_challenged(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 1, ack 102, len 10);
    expect!(t, ACK, seq 101, ack 1);
    t.recv_nothing();
    inject!(t, ACK, seq 1, ack 101, len 10);
    t.recv(10);
    counted!(
        t, rx_segments: 2, rx_bytes: 10, rx_predicted: 1, rx_drop_ack_unsent: 1, challenge_acks: 1,
        tx_segments: 2, tx_acks: 1, tx_bytes: 100,
    );
}
