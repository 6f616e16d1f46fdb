//! A peer that only ever repeats its last ACK does not keep the connection alive.

use crate::script::*;
use crate::{Config, Ended, GaveUp};

//= rfc9293#3.8.3 MUST-20
pub fn answers_without_progress_do_not_start_the_count_anew(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 3, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(100);
    for at in [0, 200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(100));
        inject!(t, ACK, seq 1, ack 1);
    }
    silence!(t, until 3010 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
}
