//! RFC 7323 5.2: a peer that lost the connection has no clock for it.

use super::established;
use crate::Ended;
use crate::script::*;

//= rfc7323#5.2 RFC7323-5.2-1
pub fn reset_needs_no_timestamp(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, RST, seq 1, no_ts true);
    assert_eq!(t.ended(), Some(Ended::Reset));
    counted!(t, rx_segments: 1, rx_resets: 1);
}
