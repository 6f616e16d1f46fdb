//! The switch may be turned while an ACK waits.

use crate::script::*;

pub fn switching_delay_off_lets_go(bench: &mut dyn Bench) {
    let setup = Setup::default();
    let mut switches = setup.switches;
    let mut t = Trace::established(bench, setup, Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 10);
    silence!(t);
    switches.delayed_ack = false;
    t.set_switches(switches);
    expect!(t, ACK, seq 1, ack 11);
}
