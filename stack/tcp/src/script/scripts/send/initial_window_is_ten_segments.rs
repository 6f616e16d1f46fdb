//! RFC 6928.

use super::established;
use crate::script::*;

//= rfc6928#2 RFC6928-2-1
pub fn initial_window_is_ten_segments(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(20_000);
    assert_eq!(t.drain(), 10);
    counted!(t, tx_segments: 10, tx_bytes: 10_000);
}
