//! RFC 9293 3.4: also when there is no room for anything.

use crate::script::*;
use crate::{Ended, State};

//= rfc9293#3.4 MUST-66
pub fn reset_counts_with_the_window_closed(bench: &mut dyn Bench) {
    let mut t =
        Trace::established(bench, Setup { rcv_buf: 1024, ..Setup::default() }, Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 1024);
    expect!(t, ACK, seq 1, ack 1025, win 0);
    t.inject(Seg::new(RST).seq(1025));
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
    counted!(
        t, rx_segments: 2, rx_bytes: 1024, rx_predicted: 1, rx_resets: 1, tx_segments: 1, tx_acks: 1,
    );
}
