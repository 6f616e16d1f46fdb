//! Closing once more changes nothing.

use super::established;
use crate::State;
use crate::script::*;

pub fn close_twice(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    silence!(t);
    inject!(t, ACK, seq 1, ack 2);
    t.close();
    silence!(t);
    assert_eq!(t.state(), State::FinWait2);
}
