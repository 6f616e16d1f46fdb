//! RFC 9293 3.10.7.4: SND.WL1 and SND.WL2. But a segment that acknowledges more is never the older one.

use super::with_window;
use crate::script::*;

//= rfc9293#3.10.7.4 RFC9293-3.10.7.4-6
pub fn older_segment_does_not_change_the_window(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(9000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 11, ack 1, win 3000);
    assert_eq!(t.drain(), 2);
    inject!(t, ACK, seq 1, ack 1, win 9000);
    silence!(t);
    inject!(t, ACK, seq 5, ack 1001, win 2000);
    silence!(t);
    inject!(t, ACK, seq 11, ack 1001, win 3000);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
}
