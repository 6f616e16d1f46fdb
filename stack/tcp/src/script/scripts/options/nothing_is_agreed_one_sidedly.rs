//! What only one side offers is not used.

use crate::script::*;

//= rfc7323#2.2 RFC7323-2.2-1
//= rfc7323#3.2 RFC7323-3.2-1
pub fn nothing_is_agreed_one_sidedly(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::default());
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1, win 64_512);
    let mut t = Trace::accepted(bench, Setup::default(), Peer { window: 1000, ..Peer::modern() });
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1);
    t.send(3000);
    assert_eq!(t.drain(), 1, "the peer's window is not scaled");
}
