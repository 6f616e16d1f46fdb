//! Neither payload nor FIN, nor a probe in their place.

use super::{ON, established};
use crate::Switches;
use crate::script::*;

pub fn quiesce_stops_new_payload(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.set_switches(Switches { tx_quiesce: true, ..ON });
    t.send(1500);
    t.close();
    silence!(t, until 100_000 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    expect!(t, at 100_040 ms, ACK, seq 1, ack 11);
    t.set_switches(ON);
    expect!(t, ACK, seq 1, ack 11, len 1000);
    expect!(t, FIN | ACK, seq 1001, ack 11, len 500);
}
