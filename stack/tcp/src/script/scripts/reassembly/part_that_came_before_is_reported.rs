//! RFC 2883 4.2: only the part that came before.

use crate::script::*;

//= rfc2883#4 RFC2883-4-1
pub fn part_that_came_before_is_reported(bench: &mut dyn Bench) {
    let setup = Setup { sack: true, ..Setup::default() };
    let mut t = Trace::accepted(bench, setup, Peer { sack: true, ..Peer::default() });
    inject!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 51, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 151, sack [(51, 101)]);
    t.recv(150);
}
