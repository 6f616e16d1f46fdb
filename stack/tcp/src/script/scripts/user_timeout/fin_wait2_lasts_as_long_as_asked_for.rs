//! Linux's TCP_LINGER2.

use mafo_mem::Nanos;

use crate::script::*;
use crate::{Ended, GaveUp, Patience, State};

pub fn fin_wait2_lasts_as_long_as_asked_for(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    t.set_patience(Patience { fin_wait2: Some(Nanos::from_secs(7)), ..Patience::default() });
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2);
    silence!(t, until 6999 ms);
    assert_eq!(t.state(), State::FinWait2);
    silence!(t, until 7100 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::FinWait2)));

    // Without a limit of its own, or of all, it waits as long as it takes.
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    t.set_patience(Patience { fin_wait2: Some(Nanos::from_secs(7)), ..Patience::default() });
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2);
    silence!(t, until 5000 ms);
    t.set_patience(Patience::default());
    silence!(t, until 100_000 ms);
    assert_eq!(t.state(), State::FinWait2);
}
