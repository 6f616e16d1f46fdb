//! The urgent pointer: RFC 9293 3.8.5, as RFC 6093 reads it.

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

/// RFC 6093 5: they are bytes like all others; what is new is where they end.
//= rfc9293#3.8.5 MUST-30
//= rfc6093#4 RFC6093-4-2
pub fn urgent_bytes_are_delivered_in_line(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK | URG, seq 1, ack 1, len 100, urg 60);
    assert_eq!(t.urgent_end(), Some(60));
    t.recv(100);
    expect!(t, at 40 ms, ACK, seq 1, ack 101);
    counted!(
        t, rx_segments: 1, rx_bytes: 100, rx_urgent: 1, delayed_acks: 1, tx_segments: 1, tx_acks: 1,
    );
}

/// RFC 9293 MUST-31, MUST-32: urgent bytes of any length, and the news of them travels ahead.
//= rfc9293#3.8.5 MUST-31 MUST-32
pub fn urgent_pointer_may_run_ahead_of_its_bytes(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK | URG, seq 1, ack 1, len 1000, urg 65_535);
    assert_eq!(t.urgent_end(), Some(65_535));
    inject!(t, ACK | URG, seq 1001, ack 1, len 1000, urg 65_535);
    assert_eq!(t.urgent_end(), Some(66_535), "it goes on");
    expect!(t, ACK, seq 1, ack 2001);
    t.recv(2000);
}

/// RFC 9293 MUST-32: only an advance is told.
//= rfc9293#3.8.5 MUST-32
pub fn older_urgent_pointer_is_no_news(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK | URG, seq 1, ack 1, len 10, urg 500);
    inject!(t, ACK | URG, seq 11, ack 1, len 10, urg 5);
    assert_eq!(t.urgent_end(), Some(500));
    // What it points to was received, and read, long ago.
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK | URG, seq 101, ack 1, len 10);
    assert_eq!(t.urgent_end(), None);
    expect!(t, ACK, seq 1, ack 111);
    counted!(
        t, rx_segments: 2, rx_bytes: 110, rx_predicted: 1, rx_urgent: 1, tx_segments: 1, tx_acks: 1,
    );
}

/// The field is there in every header.
pub fn urgent_pointer_means_nothing_without_its_bit(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 100, urg 60);
    inject!(t, ACK, seq 201, ack 1, len 100, urg 60);
    assert_eq!(t.urgent_end(), None);
}

/// RFC 9293 3.10.7.4, first: also when there is no room for anything.
//= rfc9293#3.4 MUST-66
pub fn urgent_pointer_counts_with_the_window_closed(bench: &mut dyn Bench) {
    let setup = Setup { rcv_buf: 1024, ..Setup::default() };
    let mut t = Trace::established(bench, setup, Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 1024);
    expect!(t, ACK, seq 1, ack 1025, win 0);
    inject!(t, ACK | URG, seq 1025, ack 1, urg 7);
    assert_eq!(t.urgent_end(), Some(1031));
}

/// RFC 9293 MUST-62: the pointer is to the byte behind the urgent ones; ACKs do not carry what is past.
//= rfc9293#3.8.5 MUST-30 MUST-62
//= rfc6093#4 RFC6093-4-1
pub fn urgent_bytes_are_announced(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10);
    inject!(t, ACK, seq 1, ack 11);
    t.send_urgent(5);
    expect!(t, ACK | URG, seq 11, ack 1, len 5, urg 5);
    inject!(t, ACK, seq 1, ack 16);
    t.send(10);
    expect!(t, ACK, seq 16, ack 1, len 10);
}

/// They are what the peer is to have at once.
pub fn urgent_bytes_are_not_held_by_nagle(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10);
    t.send(10);
    silence!(t);
    t.send_urgent(10);
    expect!(t, ACK | URG, seq 11, ack 1, len 20, urg 20);
}

/// RFC 9293 MUST-31: beyond what the field can say, the peer learns that there is more to come.
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

/// The pointer is of the stream, not of a segment.
pub fn urgent_bytes_are_announced_again_with_what_is_lost(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send_urgent(1500);
    expect!(t, ACK | URG, seq 1, ack 1, len 1000, urg 1500);
    expect!(t, ACK | URG, seq 1001, ack 1, len 500, urg 500);
    t.skip_until(199);
    expect!(t, at 200 ms, ACK | URG, seq 1, ack 1, len 1000, urg 1500);
}
