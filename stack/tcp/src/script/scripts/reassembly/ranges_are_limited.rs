//! A peer cannot make us remember ever more gaps. What cannot be kept comes again.

use crate::Config;
use crate::script::*;

pub fn ranges_are_limited(bench: &mut dyn Bench) {
    let config = Config { held_ranges_max: 2, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    for at in [101, 301, 501] {
        t.inject(Seg::new(ACK).seq(at).ack(1).len(100));
        t.expect(None, Seg::new(ACK).seq(1).ack(1));
    }
    inject!(t, ACK, seq 1, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 201);
    inject!(t, ACK, seq 201, ack 1, len 100);
    expect!(t, ACK, seq 1, ack 401);
    t.recv(400);
    t.recv_nothing();
    counted!(
        t, rx_segments: 5, rx_held: 2, rx_drop_held_full: 1, rx_bytes: 400, tx_segments: 5,
        tx_acks: 5,
    );
}
