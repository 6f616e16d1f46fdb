//! The checks come before the timestamp is believed.

use crate::script::*;

pub fn timestamp_of_a_wrong_ack_is_not_believed(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    inject!(t, FIN | ACK, seq 1, ack 9999, tsval 200_000);
    inject!(t, ACK, seq 1, ack 1, len 1000, tsval 20);
    inject!(t, ACK, seq 1001, ack 1, len 1000, tsval 21);
    expect!(t, ACK, seq 1, ack 2001, tsecr 20);
    counted!(
        t, rx_segments: 3, rx_bytes: 2000, rx_predicted: 2, rx_drop_ack_unsent: 1, challenge_acks: 1,
        tx_segments: 1, tx_acks: 1,
    );
}
