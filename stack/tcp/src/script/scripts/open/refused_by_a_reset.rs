//! RFC 9293 3.10.7.3, second.

use crate::Ended;
use crate::script::*;

//= rfc5961#3.2 RFC5961-3.2-5
pub fn refused_by_a_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, RST | ACK, seq 0, ack 1);
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::Refused));
    counted!(t, active_opens: 1, tx_segments: 1, rx_segments: 1, rx_resets: 1);
}
