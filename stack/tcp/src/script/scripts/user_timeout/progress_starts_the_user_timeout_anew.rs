//! It is about progress: each byte acknowledged starts it anew, also where all was written in one go.

use super::{BY_USER, with_patience};
use crate::State;
use crate::script::*;

//= rfc5482#3.1 RFC5482-3.1-2
pub fn progress_starts_the_user_timeout_anew(bench: &mut dyn Bench) {
    for writes in [&[1000, 1000][..], &[2000]] {
        let mut t = with_patience(bench, 3);
        writes.iter().for_each(|&bytes| t.send(bytes));
        assert_eq!(t.drain(), 2);
        t.skip_until(2500);
        inject!(t, ACK, seq 1, ack 1001);
        t.skip_until(5400);
        assert_eq!(t.state(), State::Established);
        // Who looks only now and then notices no later than so.
        t.skip_until(6100);
        assert_eq!(t.ended(), BY_USER);
    }
}
