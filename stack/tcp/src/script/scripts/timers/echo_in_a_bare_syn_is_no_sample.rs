//! RFC 7323 3.2: a SYN without ACK acknowledges nothing, whatever its TSecr says.

use crate::script::*;

//= rfc7323#3.2 RFC7323-3.2-7
pub fn echo_in_a_bare_syn_is_no_sample(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::modern(), Peer::modern());
    t.connect();
    t.expect(Some(0), t.syn());
    t.expect(Some(1000), t.syn());
    silence!(t, until 1100 ms);
    t.inject(t.peer_syn(SYN).tsecr(0));
    t.expect(None, t.syn_ack());
    silence!(t, until 1200 ms);
    inject!(t, ACK, seq 1, ack 1);
    t.send(100);
    expect!(t, at 1200 ms, ACK, seq 1, ack 1, len 100);
    // 100 ms and four times half of it; the SYN's echo would be 1100.
    silence!(t, until 1490 ms);
    expect!(t, at 1500 ms, ACK, seq 1, ack 1, len 100);
}
