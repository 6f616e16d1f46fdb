//! Timestamps, PAWS and negotiation: RFC 7323, RFC 2018, RFC 9293 3.2.

use crate::script::*;
use crate::{Config, Ended, State};

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::modern(), Peer::modern())
}

/// RFC 7323 3.2. Our own clock ticks in milliseconds.
//= rfc7323#3.2 RFC7323-3.2-2
//= rfc7323#5.4 RFC7323-5.4-1
pub fn timestamp_is_echoed(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10, tsval 0, tsecr 0);
    silence!(t, until 50 ms);
    inject!(t, ACK, seq 1, ack 11, len 10);
    expect!(t, at 90 ms, ACK, seq 11, ack 11, tsval 90, tsecr 50);
}

/// RFC 7323 4.3: the peer shall measure the delay as well.
//= rfc7323#4.3 RFC7323-4.3-1 RFC7323-4.3-2
pub fn delayed_ack_echoes_the_first(bench: &mut dyn Bench) {
    let mut t = established(bench);
    silence!(t, until 10 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    silence!(t, until 20 ms);
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 21, tsecr 10);
    inject!(t, ACK, seq 21, ack 1, len 10);
    expect!(t, at 60 ms, ACK, seq 1, ack 31, tsecr 20);
}

/// RFC 7323 4.3: a segment beyond a gap is not what the last ACK asked for; the one that fills it is.
//= rfc7323#4.3 RFC7323-4.3-3
pub fn gap_does_not_change_the_echo(bench: &mut dyn Bench) {
    let mut t = established(bench);
    silence!(t, until 10 ms);
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1, tsecr 0, sack [(11, 21)]);
    silence!(t, until 20 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 21, tsecr 20);
}

/// RFC 7323 5.3 R1: an old duplicate from a former lap is not taken for new.
//= rfc7323#5.3 RFC7323-5.3-1
pub fn paws_drops_the_past(bench: &mut dyn Bench) {
    let mut t = established(bench);
    silence!(t, until 100 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 99);
    expect!(t, ACK, seq 1, ack 11, tsecr 100);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 100);
    expect!(t, at 140 ms, ACK, seq 1, ack 21);
    t.recv(20);
    counted!(
        t, rx_segments: 3, rx_predicted: 2, rx_bytes: 20, rx_drop_paws: 1, tx_segments: 2,
        tx_acks: 2, delayed_acks: 1,
    );
}

/// RFC 7323 5.5: after so long the peer's clock may have gone half round.
//= rfc7323#5.5 RFC7323-5.5-1
pub fn paws_forgets_after_24_days(bench: &mut dyn Bench) {
    let mut t = established(bench);
    silence!(t, until 100 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    t.skip_until(2_073_600_000);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 50);
    expect!(t, ACK, seq 1, ack 11, tsecr 100);
    t.skip_until(2_073_700_000);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 50);
    expect!(t, at 2_073_700_040 ms, ACK, seq 1, ack 21, tsecr 50);
}

/// RFC 7323 5.2: a peer that lost the connection has no clock for it.
//= rfc7323#5.2 RFC7323-5.2-1
pub fn reset_needs_no_timestamp(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, RST, seq 1, no_ts true);
    assert_eq!(t.ended(), Some(Ended::Reset));
    let mut t = established(bench);
    silence!(t, until 100 ms);
    inject!(t, ACK, seq 1, ack 1, len 10);
    inject!(t, RST, seq 11, tsval 5);
    assert_eq!(t.ended(), Some(Ended::Reset));
}

/// RFC 7323 3.2: dropped, and not answered.
//= rfc7323#3.2 RFC7323-3.2-4 RFC7323-3.2-5
pub fn missing_timestamp_is_dropped(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 10, no_ts true);
    silence!(t, until 1000 ms);
    t.recv_nothing();
    assert_eq!(t.state(), State::Established);
    counted!(t, rx_segments: 1, rx_drop_no_timestamp: 1);
}

/// The peer's clock, which starts 61 ms before 2^32, and ours, which starts a little more, go round.
pub fn timestamps_wrap(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for at in [10, 70, 1_000, 1_000_000] {
        t.skip_until(at);
        let seq = t.received() + 1;
        t.inject(Seg::new(ACK).seq(seq).ack(1).len(10));
        let ack = Seg::new(ACK).seq(1).ack(seq + 10).tsecr(at as u32).tsval(at as u32 + 40);
        t.expect(Some(at + 40), ack);
        t.recv(10);
    }
}

/// What only one side offers is not used.
//= rfc7323#2.2 RFC7323-2.2-1
//= rfc7323#3.2 RFC7323-3.2-1
pub fn nothing_is_agreed_one_sidedly(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::default());
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1, win 64_512);
    let mut t = Trace::accepted(bench, Setup::default(), Peer { window: 1000, ..Peer::modern() });
    inject!(t, ACK, seq 11, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1);
    t.send(3000);
    assert_eq!(t.drain(), 1, "the peer's window is not scaled");
}

/// RFC 7323 2.3: fourteen is used.
//= rfc7323#2.3 RFC7323-2.3-3
pub fn scale_above_fourteen(bench: &mut dyn Bench) {
    let config = Config { initial_window_segments: 40, ..Config::default() };
    let peer = Peer { window_scale: Some(15), window: 1000, ..Peer::default() };
    let setup = Setup { window_scale: Some(0), config, ..Setup::default() };
    let mut t = Trace::established(bench, setup, peer);
    inject!(t, ACK, seq 1, ack 1, win 1);
    t.send(40_000);
    assert_eq!(t.drain(), 16, "16,384 bytes");
}

/// MSS, scale and SACK-permitted mean something in a SYN only.
//= rfc9293#3.2 MUST-65
//= rfc7323#2.2 RFC7323-2.2-3
//= rfc2018#2 RFC2018-2-1
pub fn options_in_the_middle_are_ignored(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 10, mss 100, wscale 3, sack_ok true);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 11, len 1000, win 64_502);
}

/// RFC 6691: MSS counts them.
//= rfc9293#3.7.1 MUST-16
pub fn timestamps_take_room_in_segments(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 988);
}

/// RFC 7323 5.2: resets are not subject to PAWS; the peer may have lost its clock with the connection.
//= rfc7323#5.2 RFC7323-5.2-1
pub fn reset_from_the_past_counts(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    inject!(t, RST, seq 1, tsval 0x8000_0000);
    assert_eq!(t.ended(), Some(Ended::Reset));
    counted!(t, rx_segments: 1, rx_resets: 1);
}

/// RFC 7323 5.3: only what is in the window may move TS.Recent, or a segment from far away, which anybody can
/// make, would make the peer's own look old.
pub fn duplicate_does_not_change_the_echo(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    inject!(t, ACK, seq 1, ack 1, len 100, tsval 10);
    expect!(t, at 40 ms, ACK, seq 1, ack 101, tsecr 10);
    inject!(t, ACK, seq 1, ack 1, len 100, tsval 1_000_000);
    expect!(t, ACK, seq 1, ack 101, tsecr 10, sack [(1, 101)]);
    inject!(t, ACK, seq 101, ack 1, len 100, tsval 50);
    t.recv(200);
}

/// The checks come before the timestamp is believed.
pub fn timestamp_of_a_wrong_ack_is_not_believed(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    inject!(t, FIN | ACK, seq 1, ack 9999, tsval 200_000);
    inject!(t, ACK, seq 1, ack 1, len 1000, tsval 20);
    inject!(t, ACK, seq 1001, ack 1, len 1000, tsval 21);
    expect!(t, ACK, seq 1, ack 2001, tsecr 20);
    counted!(
        t, rx_segments: 3, rx_bytes: 2000, rx_predicted: 2, rx_drop_ack_unsent: 1, challenge_acks: 1,
        tx_segments: 1, tx_acks: 1,
    );
}

/// As for all that is not acceptable.
//= rfc7323#5.3 RFC7323-5.3-2
pub fn timestamp_beyond_the_window_is_not_believed(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    inject!(t, ACK, seq 1_000_000, ack 1, len 10, tsval 200_000);
    expect!(t, ACK, seq 1, ack 1, tsecr 0);
    inject!(t, ACK, seq 1, ack 1, len 1000, tsval 20);
    t.recv(1000);
}

/// RFC 7323 3.2: so that a peer that looks at it finds one.
//= rfc7323#3.2 RFC7323-3.2-3
pub fn reset_carries_a_timestamp(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(10);
    expect!(t, ACK, seq 1, ack 1, len 10, tsval 0);
    silence!(t, until 50 ms);
    t.abort();
    expect!(t, RST | ACK, seq 11, ack 1, tsval 50);
}

/// RFC 7323 5.2: a reset that does not count has said nothing about the peer's clock.
//= rfc7323#5.2 RFC7323-5.2-2
pub fn reset_does_not_change_the_echo(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, RST, seq 5, tsval 200_000);
    expect!(t, ACK, seq 1, ack 1, tsecr 0);
    inject!(t, RST, seq 0, tsval 200_000);
    silence!(t);
    inject!(t, ACK, seq 1, ack 1, len 1000, tsval 20);
    t.recv(1000);
}

/// RFC 7323 3.2: of a peer that sends them all the same.
//= rfc7323#3.2 RFC7323-3.2-6
pub fn timestamps_not_agreed_on_are_ignored(bench: &mut dyn Bench) {
    let peer = Peer { timestamps: Some(1000), ..Peer::default() };
    let mut t = Trace::accepted(bench, Setup::default(), peer);
    inject!(t, ACK, seq 1, ack 1, len 10, tsval 100);
    inject!(t, ACK, seq 11, ack 1, len 10, tsval 5);
    expect!(t, ACK, seq 1, ack 21);
    t.recv(20);
}

/// RFC 7323 2.2: a shift of nothing is an offer like any other, and lets the other side scale.
pub fn scale_of_nothing_is_an_offer(bench: &mut dyn Bench) {
    let setup = Setup { window_scale: Some(2), rcv_buf: 100 << 10, ..Setup::default() };
    let peer = Peer { window_scale: Some(0), window: 3000, ..Peer::default() };
    let mut t = Trace::established(bench, setup, peer);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    t.send(9000);
    expect!(t, ACK, seq 1, ack 1001, len 1000, win 25_350);
    assert_eq!(t.drain(), 2, "the peer's window counts bytes");
}

/// RFC 2018 3: what was not agreed on says nothing.
pub fn sack_not_agreed_on_is_ignored(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    t.send(5000);
    assert_eq!(t.drain(), 5);
    // Nor are these duplicates of an ACK, which come with nothing new.
    inject!(t, ACK, seq 1, ack 1001, sack [(2001, 5001)]);
    silence!(t, until 150 ms);
    expect!(t, at 200 ms, ACK, seq 1001, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 2001, sack [(3001, 5001)]);
    expect!(t, ACK, seq 2001, ack 1, len 1000);
}

/// RFC 9293 3.7.1: how large our segments may be is not how large the peer's are.
pub fn mss_is_of_one_direction(bench: &mut dyn Bench) {
    let peer = Peer { mss: Some(500), ..Peer::default() };
    let mut t = Trace::established(bench, Setup::nodelay(), peer);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001);
    t.recv(2000);
    t.send(1100);
    expect!(t, ACK, seq 1, ack 2001, len 500);
    expect!(t, ACK, seq 501, ack 2001, len 500);
    expect!(t, ACK, seq 1001, ack 2001, len 100);
    silence!(t);
}
