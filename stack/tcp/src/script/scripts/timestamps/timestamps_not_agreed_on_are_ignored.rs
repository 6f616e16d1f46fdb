//! RFC 7323 3.2: of a peer that sends them all the same.

use crate::script::*;

//= rfc7323#3.2 RFC7323-3.2-6
pub fn timestamps_not_agreed_on_are_ignored(bench: &mut dyn Bench) {
    let peer = Peer { timestamps: Some(1000), ..Peer::default() };
    let mut t = Trace::accepted(bench, Setup::default(), peer);
    inject!(t, ACK, seq 1, ack 1, len 10, tsval 100);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 5);
    expect!(t, ACK, seq 1, ack 21);
    t.recv(20);
}
