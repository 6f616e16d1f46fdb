//! Anybody can send a reset without an ACK.

use crate::State;
use crate::script::*;

//= rfc5961#3.2 RFC5961-3.2-5
pub fn reset_without_ack_is_ignored_in_syn_sent(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, RST, seq 0);
    inject!(t, RST | ACK, seq 0, ack 2);
    silence!(t);
    assert_eq!(t.state(), State::SynSent);
    counted!(
        t, active_opens: 1, tx_segments: 1, rx_segments: 2, rx_drop_reset: 1, rx_drop_ack_unsent: 1,
    );
}
