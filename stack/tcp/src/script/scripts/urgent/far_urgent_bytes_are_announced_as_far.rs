//! RFC 9293 MUST-31: beyond what the field can say, the peer learns that there is more to come.

use crate::script::*;

//= rfc9293#3.8.5 MUST-31
pub fn far_urgent_bytes_are_announced_as_far(bench: &mut dyn Bench) {
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send_urgent(70_000);
    expect!(t, ACK | URG, seq 1, ack 1, len 1000, urg 65_535);
    inject!(t, ACK, seq 1, ack 1001, win 5000);
    for at in 1..6 {
        let left = (70_000 - 1000 * at).min(65_535) as u16;
        t.expect(None, Seg::new(ACK | URG).seq(1 + 1000 * at).ack(1).len(1000).urg(left));
    }
}
