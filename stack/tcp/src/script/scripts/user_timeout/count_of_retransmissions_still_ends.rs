//! A user more patient than the count of retransmissions is not asked.

use super::patience;
use crate::script::*;
use crate::{Config, Ended, GaveUp};

pub fn count_of_retransmissions_still_ends(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 2, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.set_patience(patience(100));
    t.send(100);
    assert_eq!(t.drain(), 1);
    t.skip_until(1500);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
}
