//! Each at once.

use crate::script::*;

pub fn not_delayed_when_switched_off(bench: &mut dyn Bench) {
    let mut setup = Setup::default();
    setup.switches.delayed_ack = false;
    let mut t = Trace::established(bench, setup, Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 11);
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 21);
}
