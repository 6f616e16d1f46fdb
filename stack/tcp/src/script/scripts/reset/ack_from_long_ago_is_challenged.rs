//! RFC 5961 5: older than the largest window the peer ever offered.

use crate::script::*;

//= rfc9293#3.10.7.4 MAY-12
//= rfc5961#5.2 RFC5961-5.2-1 RFC5961-5.2-2
pub fn ack_from_long_ago_is_challenged(bench: &mut dyn Bench) {
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    for at in [1, 1001] {
        t.send(1000);
        t.expect(None, Seg::new(ACK).seq(at).ack(1).len(1000));
        t.inject(Seg::new(ACK).seq(1).ack(at + 1000));
    }
    t.restart_counters();
    inject!(t, ACK, seq 1, ack 1001, len 10);
    t.recv(10);
    inject!(t, ACK, seq 11, ack 1000, len 10);
    expect!(t, ACK, seq 2001, ack 11);
    t.recv_nothing();
    counted!(
        t, rx_segments: 2, rx_bytes: 10, rx_drop_ack_old: 1, challenge_acks: 1, tx_segments: 1,
        tx_acks: 1,
    );
}
