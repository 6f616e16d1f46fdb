//! RFC 9293 MUST-25: off unless asked for.

use crate::script::*;

//= rfc9293#3.8.4 MUST-24 MUST-25
pub fn keepalive_can_be_switched(bench: &mut dyn Bench) {
    let mut switches = Setup::default().switches;
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    silence!(t, until 8_000_000 ms);
    switches.keepalive = true;
    t.set_switches(switches);
    expect!(t, at 15_200_000 ms, ACK, seq 0, ack 1);
    switches.keepalive = false;
    t.set_switches(switches);
    silence!(t, until 30_000_000 ms);
}
