//! That a SYN was lost counts also where the peer's own SYN, and no answer, came to it.

use crate::script::*;

//= rfc5681#3.1 RFC5681-3.1-2
//= rfc6928#2 RFC6928-2-2
pub fn lost_syn_of_a_simultaneous_open_makes_the_window_small(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    expect!(t, at 1000 ms, SYN, seq 0, mss 1000);
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, ACK, seq 1, ack 1);
    t.send(3000);
    assert_eq!(t.drain(), 1);
}
