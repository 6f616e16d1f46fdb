//! RFC 8985 3.2: what was sent again is overtaken by what was sent after it.

use super::with_sack;
use crate::script::*;

//= rfc8985#4 RFC8985-4-2
//= rfc8985#6.2 RFC8985-6.2-7
pub fn lost_retransmission_is_sent_again_without_a_timeout(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    for end in [2001, 3001, 4001] {
        t.inject(Seg::new(ACK).seq(1).ack(1).sack([(1001, end)]));
        t.drain();
    }
    silence!(t, until 210 ms);
    t.inject(Seg::new(ACK).seq(1).ack(1).sack([(1001, 10_001)]));
    expect!(t, ACK, seq 12_001, ack 1, len 1000);
    expect!(t, ACK, seq 13_001, ack 1, len 1000);
    silence!(t);
    silence!(t, until 310 ms);
    // It has arrived, and the first retransmission has not.
    t.inject(Seg::new(ACK).seq(1).ack(1).sack([(12_001, 13_001), (1001, 10_001)]));
    expect!(t, ACK, seq 1, ack 1, len 1000);
}
