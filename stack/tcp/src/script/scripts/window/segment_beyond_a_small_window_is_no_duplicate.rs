//! Behind the right edge is not before the left one, however near the two are.

use super::with_buffer;
use crate::script::*;

pub fn segment_beyond_a_small_window_is_no_duplicate(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1026, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 1001, win 24);
    t.counters_of(|counted| {
        assert_eq!((counted.rx_drop_window, counted.rx_duplicates), (1, 0));
    });
}
