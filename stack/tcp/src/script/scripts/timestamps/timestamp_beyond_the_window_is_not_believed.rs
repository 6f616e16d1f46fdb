//! As for all that is not acceptable.

use crate::script::*;

//= rfc7323#5.3 RFC7323-5.3-2
pub fn timestamp_beyond_the_window_is_not_believed(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    inject!(t, ACK, seq 1_000_000, ack 1, len 10, tsval 200_000);
    expect!(t, ACK, seq 1, ack 1, tsecr 0);
    inject!(t, ACK, seq 1, ack 1, len 1000, tsval 20);
    t.recv(1000);
}
