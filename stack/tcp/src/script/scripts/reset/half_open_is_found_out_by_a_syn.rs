//! RFC 9293 3.5.1, Figure 10: the peer has crashed and opens anew. Our ACK makes it reset what it no
//! longer knows, and its next SYN finds the way free.

use super::established;
use crate::script::*;
use crate::{Ended, State};

pub fn half_open_is_found_out_by_a_syn(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 300);
    expect!(t, at 40 ms, ACK, seq 1, ack 301);
    t.inject(Seg::new(SYN).seq(400).mss(1000));
    expect!(t, ACK, seq 1, ack 301);
    inject!(t, RST, seq 301);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
}
