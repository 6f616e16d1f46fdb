//! RFC 5927 7: as for other errors, the quoted segment must be outstanding.

use super::established;
use crate::script::*;

//= rfc5927#7.2 RFC5927-7.2-1
pub fn too_big_about_what_is_not_outstanding_is_dropped(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.too_big(1001, 500);
    t.too_big(0, 500);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001);
    silence!(t);
    t.too_big(1, 500);
    t.send(1000);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
}
