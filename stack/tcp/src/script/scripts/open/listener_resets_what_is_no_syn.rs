//! RFC 9293 3.10.7.1 and 3.10.7.2.

use crate::script::*;

pub fn listener_resets_what_is_no_syn(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, ACK, seq 5, ack 77);
    let isn_unknown = 77;
    expect!(t, RST, seq isn_unknown);
    inject!(t, RST, seq 5);
    silence!(t);
    counted!(t);
}
