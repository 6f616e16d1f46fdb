//! It is about progress: each byte acknowledged starts it anew.

use super::{BY_USER, with_patience};
use crate::State;
use crate::script::*;

//= rfc5482#3.1 RFC5482-3.1-2
pub fn progress_starts_the_user_timeout_anew(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 3);
    t.send(1000);
    t.send(1000);
    assert_eq!(t.drain(), 2);
    t.skip_until(2500);
    inject!(t, ACK, seq 1, ack 1001);
    t.skip_until(5400);
    assert_eq!(t.state(), State::Established);
    t.skip_until(5600);
    assert_eq!(t.ended(), BY_USER);
}
