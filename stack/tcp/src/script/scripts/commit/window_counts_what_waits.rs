//! The right edge that the peer was told does not depend on where the ACK stands.

use super::stalled;
use crate::script::*;

//= rfc9293#3.8.6 SHLD-14
pub fn window_counts_what_waits(bench: &mut dyn Bench) {
    let setup = Setup { rcv_buf: 5 << 10, ..Setup::default() };
    let Some(mut t) = stalled(bench, setup) else { return };
    inject!(t, ACK, seq 1, ack 1, len 1000);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10, win 5120);
    assert!(t.stall(false));
    t.send(10);
    inject!(t, ACK, seq 1001, ack 11);
    expect!(t, ACK, seq 11, ack 1001, len 10, win 4120);
}
