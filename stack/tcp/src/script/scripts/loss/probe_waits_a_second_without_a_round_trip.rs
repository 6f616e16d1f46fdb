//! RFC 8985 7.2: nothing is known of the path, for the SYN had to be sent again.

use crate::script::*;

//= rfc8985#7.2 RFC8985-7.2-6
pub fn probe_waits_a_second_without_a_round_trip(bench: &mut dyn Bench) {
    let setup = Setup { sack: true, ..Setup::default() };
    let mut t = Trace::new(bench, setup, Peer { sack: true, ..Peer::default() });
    t.connect();
    t.expect(Some(0), t.syn());
    t.expect(Some(1000), t.syn());
    silence!(t, until 1100 ms);
    t.inject(t.peer_syn(SYN | ACK).ack(1));
    expect!(t, ACK, seq 1, ack 1);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    expect!(t, at 2100 ms, ACK, seq 1, ack 1, len 1000);
    t.counters_of(|counters| assert_eq!((counters.tail_probes, counters.timeouts), (1, 1)));
}
