//! A peer that answers probes lives, but what was written stays unsent for as long.

use super::{BY_USER, patience};
use crate::State;
use crate::script::*;

pub fn closed_window_times_out_though_probes_are_answered(bench: &mut dyn Bench) {
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.set_patience(patience(2));
    t.send(2000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    for at in [200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
        inject!(t, ACK, seq 1, ack 1001, win 0);
    }
    silence!(t, until 1999 ms);
    assert_eq!(t.state(), State::Established);
    silence!(t, until 20_000 ms);
    assert_eq!(t.ended(), BY_USER);
}
