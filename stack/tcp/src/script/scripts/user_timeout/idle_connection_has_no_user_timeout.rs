//! With nothing outstanding nobody waits.

use super::with_patience;
use crate::State;
use crate::script::*;

pub fn idle_connection_has_no_user_timeout(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 3);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 1, ack 101);
    silence!(t, until 100_000 ms);
    t.send(100);
    expect!(t, at 100_000 ms, ACK, seq 101, ack 1, len 100);
    t.skip_until(102_900);
    assert_eq!(t.state(), State::Established);
}
