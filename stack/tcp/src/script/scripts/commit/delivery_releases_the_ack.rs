//! At once, when it was due.

use super::stalled;
use crate::script::*;

pub fn delivery_releases_the_ack(bench: &mut dyn Bench) {
    let Some(mut t) = stalled(bench, Setup::default()) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    silence!(t, until 10 ms);
    assert!(t.stall(false));
    expect!(t, at 10 ms, ACK, seq 1, ack 2001, win 62_512);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, at 50 ms, ACK, seq 1, ack 3001);
    t.recv(3000);
}
