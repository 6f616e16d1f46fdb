//! RFC 9937 6.2: what an ACK let out, and the application did not have yet, a later one without news does not take back.

use super::with_sack;
use crate::script::*;

//= rfc9937#6.2 RFC9937-6.2-4
pub fn ack_without_news_changes_nothing(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    // Six are lost, and `ssthresh` is 5.
    inject!(t, ACK, seq 1, ack 1, sack [(6001, 10_001)]);
    assert_eq!(t.drain(), 4);
    inject!(t, ACK, seq 1, ack 1001, sack [(6001, 10_001)]);
    assert_eq!(t.drain(), 2);
    // Four are in flight, and one may follow.
    inject!(t, ACK, seq 1, ack 2001, sack [(6001, 10_001)]);
    silence!(t);
    inject!(t, ACK, seq 1, ack 2001, sack [(6001, 10_001)]);
    silence!(t);
    t.send(2000);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    silence!(t);
}
