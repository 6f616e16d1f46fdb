//! RFC 5681 3.1: one segment, then slow start to half of what was in flight.

use crate::Config;
use crate::script::*;

//= rfc5681#3.1 RFC5681-3.1-6 RFC5681-3.1-8
pub fn timeout_starts_slowly(bench: &mut dyn Bench) {
    let config = Config { frto: false, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 3001);
    assert_eq!(t.drain(), 4);
    inject!(t, ACK, seq 1, ack 7001);
    assert_eq!(t.drain(), 5, "three lost ones and two new ones, within half of ten");
    inject!(t, ACK, seq 1, ack 9001);
    assert_eq!(t.drain(), 3, "two for those that left, and five acknowledged are one more");
}
