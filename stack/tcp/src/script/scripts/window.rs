//! Windows, silly ones, and closed ones: RFC 9293 3.8.6, RFC 7323 2.

use crate::script::*;
use crate::{Config, Ended, GaveUp, State};

fn with_buffer(bench: &mut dyn Bench, rcv_buf: u32) -> Trace {
    Trace::established(bench, Setup { rcv_buf, ..Setup::default() }, Peer::default())
}

fn with_window(bench: &mut dyn Bench, window: u16) -> Trace {
    Trace::established(bench, Setup::default(), Peer { window, ..Peer::default() })
}

/// The right edge stands still while nobody reads.
//= rfc9293#3.8.6.2.2 MUST-39
//= rfc9293#3.8.6 SHLD-14
//= rfc9293#3.8.6.1 MAY-8
pub fn closes_as_bytes_wait_and_reopens_when_read(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 4 << 10);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001, win 2096);
    inject!(t, ACK, seq 2001, ack 1, len 1000);
    inject!(t, ACK, seq 3001, ack 1, len 1096);
    expect!(t, ACK, seq 1, ack 4097, win 0);
    t.recv(999);
    silence!(t);
    t.recv(1);
    expect!(t, ACK, seq 1, ack 4097, win 1000);
    t.recv(1000);
    expect!(t, ACK, seq 1, ack 4097, win 2000);
    t.recv(1000);
    silence!(t, until 1000 ms);
    inject!(t, ACK, seq 4097, ack 1, len 10);
    expect!(t, at 1040 ms, ACK, seq 1, ack 4107, win 2990);
}

/// A peer that knows of most of the window need not be told of a little more.
//= rfc9293#3.8.6.2.2 MUST-39
pub fn small_reads_are_not_told(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 63 << 10);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001, win 62_512);
    t.recv(500);
    silence!(t);
    inject!(t, ACK, seq 2001, ack 1, len 10);
    expect!(t, at 40 ms, ACK, seq 1, ack 2011, win 62_502);
    t.recv(1510);
    silence!(t, until 1000 ms);
}

/// A buffer smaller than two segments opens by halves.
//= rfc9293#3.8.6.2.2 MUST-39
pub fn reading_half_a_small_buffer_is_told(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    inject!(t, ACK, seq 1, ack 1, len 1024);
    expect!(t, ACK, seq 1, ack 1025, win 0);
    t.recv(511);
    silence!(t);
    t.recv(1);
    expect!(t, ACK, seq 1, ack 1025, win 512);
}

/// RFC 9293 MUST-36, SHLD-29, SHLD-30. The probe carries no byte: see `poll_probe`.
//= rfc9293#3.8.6.1 MUST-36 SHLD-29 SHLD-30
pub fn closed_window_is_probed_with_backoff(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(3000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    silence!(t);
    for at in [200, 600, 1400, 3000, 6200] {
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
    }
    counted!(
        t, rx_segments: 1, rx_predicted: 1, tx_segments: 6, tx_bytes: 1000, window_probes: 5, negative_advice: 1,
    );
}

/// RFC 9293 MUST-37.
//= rfc9293#3.8.6.1 MUST-37 SHLD-30
pub fn answered_probes_never_give_up(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 3, ..Config::default() };
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, peer);
    t.send(3000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 0);
    let mut at = 0;
    for backoff in [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000] {
        at += backoff;
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
        inject!(t, ACK, seq 1, ack 1001, win 0);
    }
    assert_eq!(t.state(), State::Established);
}

/// Then the peer is gone.
pub fn unanswered_probes_give_up(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 3, ..Config::default() };
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, peer);
    t.send(3000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 0);
    for at in [200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
    }
    silence!(t, until 2990 ms);
    silence!(t, until 3010 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Persist)));
}

/// And the probes' backoff is no business of the payload's.
pub fn opened_window_restarts_the_flow(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(2000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 0);
    expect!(t, at 200 ms, ACK, seq 1000, ack 1);
    expect!(t, at 600 ms, ACK, seq 1000, ack 1);
    inject!(t, ACK, seq 1, ack 1001, win 1000);
    expect!(t, at 600 ms, ACK, seq 1001, ack 1, len 1000);
    expect!(t, at 800 ms, ACK, seq 1001, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001, win 1000);
    silence!(t, until 100_000 ms);
}

/// RFC 9293 MUST-38: a little window is not used until it has been little for long.
//= rfc9293#3.8.6.2.1 MUST-38
pub fn sender_avoids_silly_windows(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(3000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 100);
    silence!(t, until 190 ms);
    expect!(t, at 200 ms, ACK, seq 1001, ack 1, len 100);
    silence!(t, until 300 ms);
    counted!(
        t, rx_segments: 1, rx_predicted: 1, tx_segments: 2, tx_bytes: 1100,
    );
}

/// RFC 9293 3.8.6.2.1 (3).
//= rfc9293#3.8.6.2.1 MUST-38
pub fn half_the_largest_window_is_worth_sending(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(3000);
    t.drain();
    inject!(t, ACK, seq 1, ack 1001, win 499);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001, win 500);
    expect!(t, ACK, seq 1001, ack 1, len 500);
}

/// RFC 9293 3.10.7.4: SND.WL1 and SND.WL2. But a segment that acknowledges more is never the older one.
pub fn older_segment_does_not_change_the_window(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 1000);
    t.send(9000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 11, ack 1, win 3000);
    assert_eq!(t.drain(), 2);
    inject!(t, ACK, seq 1, ack 1, win 9000);
    silence!(t);
    inject!(t, ACK, seq 5, ack 1001, win 2000);
    silence!(t);
    inject!(t, ACK, seq 11, ack 1001, win 3000);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
}

/// What fits is taken.
pub fn payload_beyond_the_window_is_cut(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    inject!(t, ACK, seq 1, ack 1, len 1500);
    expect!(t, ACK, seq 1, ack 1025, win 0);
    t.recv(1024);
    t.recv_nothing();
}

/// RFC 9293 3.10.7.4, first.
pub fn segment_beyond_the_window_is_answered(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    inject!(t, ACK, seq 1026, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1, win 1024);
    silence!(t, until 1000 ms);
    counted!(t, rx_segments: 1, rx_drop_window: 1, tx_segments: 1, tx_acks: 1);
}

/// RFC 9293 MUST-66: payload that has no room does not keep its ACK from counting.
pub fn closed_window_still_takes_acks(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1, len 1024);
    expect!(t, ACK, seq 1001, ack 1025, win 0);
    inject!(t, ACK, seq 1025, ack 1001, len 1);
    expect!(t, ACK, seq 1001, ack 1025, win 0);
    silence!(t, until 10_000 ms);
}

/// A peer must not shrink its window; if it does, nothing new is sent beyond it (RFC 9293 SHLD-15), and
/// the oldest segment serves as probe (SHLD-17).
//= rfc9293#3.8.6 MUST-34 MUST-35 SHLD-15 SHLD-17 MAY-7
//= rfc7323#2.4 RFC7323-2.4-1
pub fn window_taken_back_is_respected(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 2, ..Config::default() };
    let peer = Peer { window: 4000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, peer);
    t.send(6000);
    assert_eq!(t.drain(), 4);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    silence!(t);
    for at in [200, 600, 1400, 3000] {
        t.expect(Some(at), Seg::new(ACK).seq(1001).ack(1).len(1000));
        silence!(t);
        inject!(t, ACK, seq 1, ack 1001, win 0);
    }
    assert_eq!(t.state(), State::Established);
    inject!(t, ACK, seq 1, ack 2001, win 4000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    expect!(t, ACK, seq 3001, ack 1, len 1000);
}

/// A peer ignores the ACK in a segment beyond its window.
//= rfc9293#3.8.6 MUST-34
pub fn shrunk_window_limits_sequence_number_of_acks(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 4000);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    inject!(t, ACK, seq 1, ack 1001, win 1500, len 10);
    expect!(t, at 40 ms, ACK, seq 2501, ack 11);
}

/// Each side's windows count in its own unit, and a SYN's in none.
//= rfc9293#3.1 REC-1
//= rfc7323#2.2 RFC7323-2.2-2
//= rfc7323#2.3 RFC7323-2.3-1 RFC7323-2.3-2
pub fn scales_differ(bench: &mut dyn Bench) {
    let setup = Setup { window_scale: Some(2), rcv_buf: 116 << 10, ..Setup::default() };
    let peer = Peer { window_scale: Some(9), window: 10, ..Peer::default() };
    let mut t = Trace::new(bench, setup, peer);
    t.connect();
    expect!(t, SYN, seq 0, mss 1000, wscale 2, win 65_535);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000, wscale 9, win 2000);
    expect!(t, ACK, seq 1, ack 1, win 29_696);
    t.send(9000);
    assert_eq!(t.drain(), 2, "the SYN,ACK's window as it is");
    inject!(t, ACK, seq 1, ack 1, len 1000, win 10);
    assert_eq!(t.drain(), 3, "5120 bytes");
    inject!(t, ACK, seq 1001, ack 5001, len 1000, win 0);
    expect!(t, at 40 ms, ACK, seq 5001, ack 2001, win 29_196);
}

/// Without scaling no more than 16 bits can be told.
pub fn window_field_is_capped(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 200 << 10);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001, win 65_535);
    t.recv(2000);
    silence!(t, until 1000 ms);
}

/// The sender has filled the window, part of it was lost, and it acknowledges ours.
pub fn ack_at_the_right_edge_counts(bench: &mut dyn Bench) {
    let mut t = with_buffer(bench, 1024);
    t.send(500);
    expect!(t, ACK, seq 1, ack 1, len 500);
    inject!(t, ACK, seq 1025, ack 501);
    silence!(t, until 1000 ms);
    counted!(t, rx_segments: 1, tx_segments: 1, tx_bytes: 500);
}

/// RFC 9293 3.8.6.2.1: a window too small for a segment worth its header is not waited with for ever.
//= rfc9293#3.9.1.2 MUST-60
pub fn small_window_is_used_after_a_while(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 4000);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 100);
    t.send(1000);
    silence!(t, until 195 ms);
    expect!(t, at 200 ms, ACK, seq 1001, ack 1, len 100);
    inject!(t, ACK, seq 1, ack 1101, win 0);
    // That was no probe: the first one follows as if nothing had happened.
    expect!(t, at 400 ms, ACK, seq 1100, ack 1);
    counted!(
        t, rx_segments: 2, rx_predicted: 2, tx_segments: 3, tx_bytes: 1100, window_probes: 1,
    );
}

/// RFC 9293 3.8.6.2.1: 0.1 to 1 s, however patient the retransmission timer has become.
pub fn small_window_is_used_after_a_second_at_most(bench: &mut dyn Bench) {
    let mut t = with_window(bench, 4000);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    t.send(2000);
    for at in [200, 600, 1400, 3000] {
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
        inject!(t, ACK, seq 1, ack 1001, win 0);
    }
    // The next probe would be at 6200 ms.
    inject!(t, ACK, seq 1, ack 1001, win 300);
    silence!(t, until 3995 ms);
    expect!(t, at 4000 ms, ACK, seq 1001, ack 1, len 300);
}

/// RFC 9293 SHLD-16: what was sent, and lies within what is left of the window, is sent again as always.
//= rfc9293#3.8.6 SHLD-16
pub fn what_lies_within_a_smaller_window_is_sent_again(bench: &mut dyn Bench) {
    let config = Config { frto: false, ..Config::default() };
    let peer = Peer { window: 4000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, peer);
    t.send(4000);
    assert_eq!(t.drain(), 4);
    inject!(t, ACK, seq 1, ack 1, win 2000);
    expect!(t, at 200 ms, ACK, seq 1, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1001, win 2000);
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 2001, win 1000);
    silence!(t);
}
