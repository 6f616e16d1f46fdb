//! RFC 9293 3.10.7.3, fifth.

use crate::State;
use crate::script::*;

pub fn segment_without_syn_is_ignored_in_syn_sent(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, ACK, seq 700, ack 1, len 10);
    inject!(t, FIN, seq 700);
    silence!(t);
    assert_eq!(t.state(), State::SynSent);
    counted!(t, active_opens: 1, tx_segments: 1, rx_segments: 2, rx_drop_no_syn: 2);
}
