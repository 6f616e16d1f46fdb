//! RFC 7323 5.5: after so long the peer's clock may have gone half round.

use super::established;
use crate::script::*;

//= rfc7323#5.5 RFC7323-5.5-1
pub fn paws_forgets_after_24_days(bench: &mut dyn Bench) {
    let mut t = established(bench);
    silence!(t, until 100 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    t.skip_until(2_073_600_000);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 50);
    expect!(t, ACK, seq 1, ack 11, tsecr 100);
    t.skip_until(2_073_700_000);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 50);
    expect!(t, at 2_073_700_040 ms, ACK, seq 1, ack 21, tsecr 50);
}
