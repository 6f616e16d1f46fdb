//! RFC 9937: 10 were in flight, `ssthresh` is 5: one goes out for two that arrive. RFC 6675 would wait
//! for half the flight first, and then send one for one.

use super::with_sack;
use crate::script::*;

//= rfc6675#4 RFC6675-4-1
//= rfc6675#5 RFC6675-5-1 RFC6675-5-2 RFC6675-5-5 RFC6675-5-6 RFC6675-5-8
//= rfc9937#6 RFC9937-6-1
//= rfc9937#6.1 RFC9937-6.1-1
//= rfc9937#6.2 RFC9937-6.2-1 RFC9937-6.2-3
//= rfc9937#6.4 RFC9937-6.4-1
pub fn sack_reduces_proportionally(bench: &mut dyn Bench) {
    let mut t = with_sack(bench);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    silence!(t, until 200 ms);
    // Limited transmit, then the hole, then what is new; `None` where nothing goes out.
    let answers =
        [Some(10_001), Some(11_001), Some(1), None, Some(12_001), None, Some(13_001), None, None];
    for (n, answer) in answers.into_iter().enumerate() {
        let end = 2001 + n as u32 * 1000;
        t.inject(Seg::new(ACK).seq(1).ack(1).sack([(1001, end)]));
        if let Some(seq) = answer {
            t.expect(None, Seg::new(ACK).seq(seq).ack(1).len(1000));
        }
        silence!(t);
    }
    silence!(t, until 300 ms);
    inject!(t, ACK, seq 1, ack 12_001);
    // Two are in flight, and the window is `ssthresh`.
    assert_eq!(t.drain(), 3);
}
