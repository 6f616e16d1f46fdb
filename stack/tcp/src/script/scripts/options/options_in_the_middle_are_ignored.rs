//! MSS, scale and SACK-permitted mean something in a SYN only.

use crate::script::*;

//= rfc9293#3.2 MUST-65
//= rfc7323#2.2 RFC7323-2.2-3
//= rfc2018#2 RFC2018-2-1
pub fn options_in_the_middle_are_ignored(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 10, mss 100, wscale 3, sack_ok true);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 11, len 1000, win 64_502);
}
