//! RFC 9293 3.10.7.4, fifth.

use super::established;
use crate::State;
use crate::script::*;

pub fn segment_without_ack_is_dropped(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.inject(Seg::new(Flags::NONE).seq(1).len(10));
    t.inject(Seg::new(FIN).seq(1));
    silence!(t, until 1000 ms);
    t.recv_nothing();
    assert_eq!(t.state(), State::Established);
    counted!(t, rx_segments: 2, rx_drop_no_ack: 2);
}
