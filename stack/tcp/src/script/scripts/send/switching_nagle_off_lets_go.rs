//! The switch may be turned while something waits.

use super::{ON, established};
use crate::Switches;
use crate::script::*;

//= rfc9293#3.7.4 MUST-17
pub fn switching_nagle_off_lets_go(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    t.send(100);
    silence!(t);
    t.set_switches(Switches { nagle: false, ..ON });
    expect!(t, ACK, seq 101, ack 1, len 100);
}
