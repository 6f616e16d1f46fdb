//! RFC 1122 4.2.3.5: R2 counts what is sent again in vain.

use crate::script::*;
use crate::{Config, Ended, GaveUp};

//= rfc1122#4.2.3.5 RFC1122-4.2.3.5-1
pub fn progress_starts_the_count_of_retransmissions_anew(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 3, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(2000);
    assert_eq!(t.drain(), 2);
    for at in [200, 600] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(1000));
    }
    silence!(t, until 700 ms);
    inject!(t, ACK, seq 1, ack 1001);
    // Three more: five in all.
    t.skip_until(100_000);
    t.counters_of(|counters| assert_eq!((counters.timed_out, counters.timeouts), (1, 5)));
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
}
