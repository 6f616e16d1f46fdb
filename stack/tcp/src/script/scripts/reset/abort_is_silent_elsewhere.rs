//! Where both sides have closed, or none has opened, the peer needs no reset.

use super::in_every_state;
use crate::script::*;
use crate::{Ended, State};

pub fn abort_is_silent_elsewhere(bench: &mut dyn Bench) {
    let mut syn_sent = Trace::new(bench, Setup::default(), Peer::default());
    syn_sent.connect();
    syn_sent.drain();
    let mut silent = vec![syn_sent];
    for (t, _) in in_every_state(bench) {
        if matches!(t.state(), State::Closing | State::LastAck | State::TimeWait) {
            silent.push(t);
        }
    }
    for mut t in silent {
        t.restart_counters();
        t.abort();
        silence!(t, until 100_000 ms);
        assert_eq!(t.ended(), Some(Ended::Aborted));
        counted!(t);
    }
}
