//! RFC 5682 3.1: SACK of the new payload says that the old is missing.

use crate::Config;
use crate::script::*;

//= rfc5682#3.1 RFC5682-3.1-2
pub fn real_timeout_is_repaired_after_the_test(bench: &mut dyn Bench) {
    let config = Config { tail_loss_probe: false, ..Config::default() };
    let setup = Setup { sack: true, config, ..Setup::default() };
    let peer = Peer { sack: true, ..Peer::default() };
    let mut t = Trace::established_after(bench, setup, peer, 100);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 500 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    silence!(t, until 600 ms);
    inject!(t, ACK, seq 1, ack 1001, sack [(10_001, 11_001)]);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001, sack [(10_001, 12_001)]);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
}
