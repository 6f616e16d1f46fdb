//! As in Linux: the timer of what is unsent is started when it is refused, and patience when that first runs out.

use mafo_mem::Nanos;

use super::blocked;
use crate::script::*;
use crate::{Ended, GaveUp, Patience, State};

pub fn user_timeout_counts_from_the_first_try(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    let user_timeout = Some(Nanos::from_secs(3));
    t.set_patience(Patience { user_timeout, ..Patience::default() });
    let Some(mut t) = blocked(t) else { return };
    t.send(1000);
    silence!(t, until 3199 ms);
    assert_eq!(t.state(), State::Established);
    silence!(t, until 3200 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::User)));
}
