//! Without SACK's gap a probe needs bytes behind it; a window that would be filled has none to spare.

use super::with_probing;
use crate::MtuProbing;
use crate::script::*;

//= rfc4821#7.4 RFC4821-7.4-1
pub fn probe_needs_bytes_behind_it(bench: &mut dyn Bench) {
    let mut t = with_probing(bench, MtuProbing::Always);
    t.send(2700);
    for at in [1, 501, 1001, 1501, 2001] {
        t.expect(None, Seg::new(ACK).seq(at).ack(1).len(500));
    }
    expect!(t, ACK, seq 2501, ack 1, len 200);
    inject!(t, ACK, seq 1, ack 2701, win 2700);
    t.send(5000);
    expect!(t, ACK, seq 2701, ack 1, len 500);
}
