//! RFC 7323 5.2: resets are not subject to PAWS; the peer may have lost its clock with the connection.

use crate::Ended;
use crate::script::*;

//= rfc7323#5.2 RFC7323-5.2-1
pub fn reset_from_the_past_counts(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    inject!(t, RST, seq 1, tsval 0x8000_0000);
    assert_eq!(t.ended(), Some(Ended::Reset));
    counted!(t, rx_segments: 1, rx_resets: 1);
}
