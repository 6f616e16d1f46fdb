//! RFC 5682 3.1: the ACK of what was sent again lets new payload out; that the rest was only late is
//! seen by its own ACK, and the window is what it was.

use crate::Config;
use crate::script::*;

//= rfc5682#2.1 RFC5682-2.1-4
//= rfc5682#3.1 RFC5682-3.1-1
pub fn spurious_timeout_is_taken_back(bench: &mut dyn Bench) {
    let config = Config { tail_loss_probe: false, ..Config::default() };
    let setup = Setup { sack: true, config, ..Setup::default() };
    let peer = Peer { sack: true, ..Peer::default() };
    let mut t = Trace::established_after(bench, setup, peer, 100);
    t.send(30_000);
    assert_eq!(t.drain(), 10);
    expect!(t, at 400 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 410 ms);
    inject!(t, ACK, seq 1, ack 1001);
    expect!(t, ACK, seq 10_001, ack 1, len 1000);
    expect!(t, ACK, seq 11_001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 3001);
    assert_eq!(t.drain(), 3, "nine are in flight, ten may be, and slow start adds two");
    inject!(t, ACK, seq 1, ack 10_001);
    assert_eq!(t.drain(), 14, "five are in flight, twelve may be, and slow start adds seven");
    counted!(
        t, rx_segments: 3, rx_predicted: 1, timeouts: 1, undo_frto: 1, retransmits: 1, retransmitted_bytes: 1000,
        tx_segments: 30, tx_bytes: 29_000,
    );
}
