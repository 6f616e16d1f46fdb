//! The ACK of the first transmission was lost, and comes again for the second: its echo has waited.

use crate::Config;
use crate::script::*;

//= rfc6298#3 RFC6298-3-1
pub fn echo_of_the_first_transmission_is_no_sample(bench: &mut dyn Bench) {
    let config = Config { tail_loss_probe: false, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::modern() }, Peer::modern());
    silence!(t, until 10 ms);
    t.send(100);
    expect!(t, at 10 ms, ACK, seq 1, ack 1, len 100, tsval 10);
    expect!(t, at 210 ms, ACK, seq 1, ack 1, len 100, tsval 210);
    inject!(t, ACK, seq 1, ack 101, tsecr 10);
    t.send(100);
    expect!(t, at 210 ms, ACK, seq 101, ack 1, len 100);
    silence!(t, until 600 ms);
    expect!(t, at 610 ms, ACK, seq 101, ack 1, len 100);
}
