//! The checks come before the timestamp is believed.

use crate::script::*;

pub fn timestamp_of_a_wrong_ack_is_not_believed(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    // An ACK of long ago, one without the bit, and one of what was never sent.
    inject!(t, ACK, seq 1, ack 0xc000_0000, len 10, tsval 200_000);
    expect!(t, ACK, seq 1, ack 1, tsecr 0);
    t.inject(Seg::new(Flags::NONE).seq(1).len(10).tsval(200_000));
    inject!(t, FIN | ACK, seq 1, ack 9999, tsval 200_000);
    expect!(t, ACK, seq 1, ack 1, tsecr 0);
    inject!(t, ACK, seq 1, ack 1, len 1000, tsval 20);
    inject!(t, ACK, seq 1001, ack 1, len 1000, tsval 21);
    expect!(t, ACK, seq 1, ack 2001, tsecr 20);
    counted!(
        t, rx_segments: 5, rx_bytes: 2000, rx_predicted: 2, rx_drop_ack_old: 1, rx_drop_no_ack: 1,
        rx_drop_ack_unsent: 1, challenge_acks: 2, tx_segments: 3, tx_acks: 3,
    );
}
