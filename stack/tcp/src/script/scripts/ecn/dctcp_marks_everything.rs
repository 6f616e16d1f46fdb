//! RFC 8257 3.6: all of its segments can be marked.

use super::dctcp;
use crate::script::*;

//= rfc8257#3.6 RFC8257-3.6-1
pub fn dctcp_marks_everything(bench: &mut dyn Bench) {
    let mut t = dctcp(bench);
    t.send(1000);
    t.expect(None, Seg::new(ACK).seq(1).ack(1).len(1000).ecn(Ecn::Ect0));
    t.expect(Some(200), Seg::new(ACK).seq(1).ack(1).len(1000).ecn(Ecn::Ect0));
    inject!(t, ACK, seq 1, ack 1001, len 1000);
    t.close();
    t.expect(None, Seg::new(FIN | ACK).seq(1001).ack(1001).ecn(Ecn::Ect0));
}
