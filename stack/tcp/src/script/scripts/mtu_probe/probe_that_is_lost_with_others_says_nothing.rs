//! RFC 4821 7.6.3: what was lost beside it says that there was congestion, and that may have been the probe's end too.

use crate::script::*;
use crate::{Config, MtuProbing};

//= rfc4821#7.6.3 RFC4821-7.6.3-1
pub fn probe_that_is_lost_with_others_says_nothing(bench: &mut dyn Bench) {
    let config = Config {
        mtu_probing: MtuProbing::Always,
        mtu_probe_base: 500,
        initial_window_segments: 40,
        ..Config::default()
    };
    let setup = Setup { config, sack: true, ..Setup::nodelay() };
    let mut t = Trace::established(bench, setup, Peer { sack: true, ..Peer::default() });
    t.send(15_000);
    expect!(t, ACK, seq 1, ack 1, len 750);
    expect!(t, ACK, seq 751, ack 1, len 500);
    t.drain();
    inject!(t, ACK, seq 1, ack 1, sack [(1251, 15_001)]);
    assert_eq!(t.drain(), 3, "750 and 500 bytes in segments of 500");
    inject!(t, ACK, seq 1, ack 15_001);
    t.counters_of(|counters| {
        assert_eq!((counters.fast_recoveries, counters.mtu_probes_lost), (1, 0));
    });
    // The next one is as long as the first.
    t.send(5000);
    expect!(t, ACK, seq 15_001, ack 1, len 750);
}
