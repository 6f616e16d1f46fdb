//! RFC 9293 3.7.1: also where it says what would be assumed without it.

use crate::script::*;

//= rfc9293#3.7.1 MAY-3
pub fn mss_is_announced_even_if_it_is_the_default(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup { mss: 536, ..Setup::default() }, Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 536);
    let mut t = Trace::new(bench, Setup { mss: 536, ..Setup::default() }, Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 536);
}
