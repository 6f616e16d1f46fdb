//! Also where all of it was written in one go.

use super::{BY_USER, with_patience};
use crate::State;
use crate::script::*;

//= rfc5482#3.1 RFC5482-3.1-2
pub fn progress_within_one_write_counts(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 3);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    t.skip_until(2500);
    inject!(t, ACK, seq 1, ack 1001);
    t.skip_until(5400);
    assert_eq!(t.state(), State::Established);
    // Who looks only now and then notices no later than so.
    t.skip_until(6100);
    assert_eq!(t.ended(), BY_USER);
}
