//! Opening: RFC 9293 3.5, 3.10.7.2 and 3.10.7.3.

use crate::script::*;
use crate::{Ended, GaveUp, State};

/// SYN, SYN,ACK, ACK.
//= rfc9293#3.7.1 MUST-14 SHLD-5
pub fn active_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, win 64_512, mss 1000);
    assert_eq!(t.state(), State::SynSent);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1, win 64_512);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    counted!(t, active_opens: 1, established: 1, rx_segments: 1, tx_segments: 2, tx_acks: 1);
}

/// The same from the other side.
//= rfc9293#3.7.1 MUST-14 SHLD-5
//= rfc9293#3.2 MUST-65
pub fn passive_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, win 64_512, mss 1000);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    counted!(t, passive_opens: 1, established: 1, rx_segments: 1, tx_segments: 1);
}

/// RFC 6298 5.5; after a lost SYN the window is one segment (RFC 5681 3.1) and the timeout 3 s (RFC 6298 5.7).
//= rfc9293#3.8.3 MUST-22
//= rfc6298#5.7 RFC6298-5.7-1
//= rfc6298#2.1 RFC6298-2.1-1
//= rfc5681#3.1 RFC5681-3.1-2
//= rfc6928#2 RFC6928-2-2
pub fn syn_is_retransmitted_with_backoff(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, at 0 ms, SYN, seq 0, mss 1000);
    expect!(t, at 1000 ms, SYN, seq 0, mss 1000);
    expect!(t, at 3000 ms, SYN, seq 0, mss 1000);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    t.send(3000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    silence!(t, until 5900 ms);
    expect!(t, at 6000 ms, ACK, seq 1, ack 1, len 1000);
    counted!(
        t, active_opens: 1, established: 1, rx_segments: 1, tx_segments: 6, tx_acks: 1, timeouts: 3,
        retransmits: 3, tx_bytes: 1000, retransmitted_bytes: 1000,
    );
}

/// RFC 9293 MUST-23: three minutes at least.
//= rfc9293#3.8.3 MUST-22 MUST-23
pub fn syn_gives_up_after_three_minutes(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    for at in [0, 1, 3, 7, 15, 31, 63, 123] {
        t.expect(Some(at * 1000), t.syn());
    }
    silence!(t, until 182_900 ms);
    assert_eq!(t.state(), State::SynSent);
    silence!(t, until 183_100 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Open)));
    counted!(t, active_opens: 1, tx_segments: 8, retransmits: 7, timeouts: 7, negative_advice: 1, timed_out: 1);
}

/// A peer that never completes the handshake is forgotten.
pub fn syn_ack_is_retransmitted_and_gives_up(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    for at in [0, 1, 3, 7, 15, 31] {
        t.expect(Some(at * 1000), t.syn_ack());
    }
    silence!(t, until 62_900 ms);
    silence!(t, until 63_100 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Open)));
    counted!(t, passive_opens: 1, tx_segments: 6, retransmits: 5, timeouts: 5, negative_advice: 1, timed_out: 1);
}

/// The peer did not get our SYN,ACK and sends its SYN again.
//= rfc1122#4.2.2.20 RFC1122-4.2.2.20-1
pub fn repeated_syn_is_answered_by_the_same_syn_ack(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::modern(), Peer::modern());
    t.listen();
    t.inject(t.peer_syn(SYN));
    t.expect(None, t.syn_ack());
    silence!(t, until 500 ms);
    t.inject(t.peer_syn(SYN));
    t.expect(None, t.syn_ack());
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    assert_eq!(t.state(), State::Established);
}

/// RFC 9293 figure 8: SYNs cross, then SYN,ACKs.
//= rfc9293#3.5 MUST-10
pub fn both_open_at_once(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN, seq 0, mss 900);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 900);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 900);
    counted!(
        t, active_opens: 1, established: 1, rx_segments: 2, tx_segments: 3, tx_bytes: 900,
    );
}

/// The peer's SYN and its SYN,ACK come in one burst: ours never went out, so its SYN is acknowledged now.
//= rfc9293#3.5 MUST-10
pub fn both_open_at_once_in_one_burst(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    silence!(t, until 5000 ms);
    assert_eq!(t.state(), State::Established);
}

/// The window of a SYN,ACK is not scaled, in this order of events either.
//= rfc7323#2.2 RFC7323-2.2-2
pub fn both_open_at_once_with_scaling(bench: &mut dyn Bench) {
    let peer = Peer { window_scale: Some(9), ..Peer::default() };
    let setup = Setup { window_scale: Some(0), ..Setup::default() };
    let mut t = Trace::new(bench, setup, peer);
    t.connect();
    expect!(t, SYN, seq 0, mss 1000, wscale 0);
    inject!(t, SYN, seq 0, mss 1000, wscale 9, win 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000, wscale 0);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000, wscale 9, win 2100);
    t.send(9000);
    assert_eq!(t.drain(), 2);
}

/// The peer's SYN,ACK was lost, but not the ACK that answers ours.
pub fn both_open_at_once_and_only_an_ack_follows(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::modern(), Peer::modern());
    t.connect();
    t.expect(None, t.syn());
    t.inject(t.peer_syn(SYN));
    t.expect(None, t.syn_ack());
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    assert_eq!(t.state(), State::Established);
}

/// RFC 9293 3.10.7.3, second.
pub fn refused_by_a_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, RST | ACK, seq 0, ack 1);
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::Refused));
    counted!(t, active_opens: 1, tx_segments: 1, rx_segments: 1, rx_resets: 1);
}

/// Anybody can send a reset without an ACK.
pub fn reset_without_ack_is_ignored_in_syn_sent(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, RST, seq 0);
    inject!(t, RST | ACK, seq 0, ack 2);
    silence!(t);
    assert_eq!(t.state(), State::SynSent);
    counted!(
        t, active_opens: 1, tx_segments: 1, rx_segments: 2, rx_drop_reset: 1, rx_drop_ack_unsent: 1,
    );
}

/// RFC 9293 3.10.7.3, first: an old connection of the peer's answers.
pub fn ack_of_another_syn_is_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, ACK, seq 700, ack 4321);
    expect!(t, RST, seq 4321);
    inject!(t, SYN | ACK, seq 0, ack 0);
    expect!(t, RST, seq 0);
    assert_eq!(t.state(), State::SynSent);
    expect!(t, at 1000 ms, SYN, seq 0, mss 1000);
    counted!(
        t, active_opens: 1, tx_segments: 4, rx_segments: 2, rx_drop_ack_unsent: 2, tx_resets: 2,
        timeouts: 1, retransmits: 1,
    );
}

/// RFC 9293 3.10.7.3, fifth.
pub fn segment_without_syn_is_ignored_in_syn_sent(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, ACK, seq 700, ack 1, len 10);
    inject!(t, FIN, seq 700);
    silence!(t);
    assert_eq!(t.state(), State::SynSent);
    counted!(t, active_opens: 1, tx_segments: 1, rx_segments: 2, rx_drop_no_syn: 2);
}

/// RFC 9293 3.10.7.4, fifth.
pub fn wrong_ack_in_syn_rcvd_is_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, ACK, seq 1, ack 2);
    expect!(t, RST, seq 2);
    inject!(t, ACK, seq 1, ack 0);
    expect!(t, RST, seq 0);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    counted!(
        t, passive_opens: 1, established: 1, rx_segments: 3, tx_segments: 3, tx_resets: 2,
        rx_drop_ack_unsent: 2,
    );
}

/// The listener goes on as if nothing had been.
//= rfc9293#3.5 MUST-11
pub fn reset_in_syn_rcvd_ends_a_passive_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, RST, seq 1);
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::Reset));
}

/// RFC 9293 3.10.7.4, fourth: back to LISTEN.
pub fn syn_in_the_window_ends_a_passive_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, SYN, seq 100, mss 1000);
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::Reset));
}

/// The first payload may arrive with, or instead of, the bare ACK.
pub fn payload_comes_with_the_last_ack_of_the_handshake(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, ACK, seq 1, ack 1, len 100);
    t.recv(100);
    expect!(t, at 40 ms, ACK, seq 1, ack 101);
}

/// RFC 9293 3.10.7.3, fourth: what comes with the SYN,ACK counts.
pub fn payload_and_fin_come_with_the_syn_ack(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    t.inject(t.peer_syn(SYN | ACK | FIN).ack(1).len(0));
    expect!(t, ACK, seq 1, ack 2);
    assert_eq!(t.state(), State::CloseWait);
    assert!(t.is_at_end());
}

/// What the application sent before the handshake was through goes out with its ACK.
pub fn payload_posted_early_carries_the_ack(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    t.send(500);
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK | PSH, seq 1, ack 1, len 500);
    silence!(t);
}

/// RFC 9293 3.10.4: nothing was opened, nothing need be said.
pub fn close_in_syn_sent(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    t.close();
    silence!(t, until 5000 ms);
    assert_eq!(t.ended(), Some(Ended::NotOpened));
}

/// RFC 9293 3.10.4: queued until the connection is open.
pub fn close_in_syn_rcvd_sends_fin_after_the_handshake(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    t.close();
    silence!(t);
    inject!(t, ACK, seq 1, ack 1);
    expect!(t, FIN | ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::FinWait1);
}

/// RFC 9293 MUST-15.
//= rfc9293#3.7.1 MUST-15
pub fn peer_without_mss_gets_536(bench: &mut dyn Bench) {
    let peer = Peer { mss: None, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(600);
    expect!(t, ACK, seq 1, ack 1, len 536);
}

/// A peer cannot make us send a segment a byte.
pub fn tiny_mss_is_not_followed_all_the_way_down(bench: &mut dyn Bench) {
    let peer = Peer { mss: Some(1), ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 48);
}

/// RFC 9293 3.10.7.1 and 3.10.7.2.
pub fn listener_resets_what_is_no_syn(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, ACK, seq 5, ack 77);
    let isn_unknown = 77;
    expect!(t, RST, seq isn_unknown);
    inject!(t, RST, seq 5);
    silence!(t);
    counted!(t);
}

/// Our ACK of it was lost.
pub fn syn_ack_again_is_acknowledged_again(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    inject!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    silence!(t);
    counted!(t, rx_segments: 1, rx_drop_window: 1, tx_segments: 1, tx_acks: 1);
}

/// RFC 9293 3.5, Figure 9: the peer knows nothing of the SYN that is answered, and says so; the one that it means
/// comes behind.
pub fn old_duplicate_syn_is_undone_by_a_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, RST, seq 1);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
    counted!(t, passive_opens: 1, rx_segments: 1, rx_resets: 1, tx_segments: 1);
}

/// RFC 9293 3.10.7.4, fifth: an ACK of another incarnation's SYN,ACK.
pub fn old_duplicate_ack_in_syn_rcvd_is_reset(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, ACK, seq 1, ack 70_001, len 10);
    expect!(t, RST, seq 70_001);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, ACK, seq 1, ack 1, len 10);
    assert_eq!(t.state(), State::Established);
    t.recv(10);
}

/// RFC 9293 3.4: a SYN may carry payload; it is not acknowledged, and so comes again when the handshake
/// has proved where it is from.
pub fn payload_in_a_syn_waits_for_the_handshake(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000, len 100);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    t.recv_nothing();
    inject!(t, ACK, seq 1, ack 1, len 100);
    t.recv(100);
}

/// Nothing is taken before the handshake is through.
pub fn payload_in_syn_rcvd_needs_a_right_ack(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    t.inject(Seg::new(Flags::NONE).seq(1).len(100));
    silence!(t, until 500 ms);
    t.recv_nothing();
    assert_eq!(t.state(), State::SynRcvd);
    counted!(t, passive_opens: 1, rx_segments: 1, rx_drop_no_ack: 1, tx_segments: 1);
}

/// RFC 9293 3.10.7.4, first, in SYN-RECEIVED.
pub fn segment_beyond_the_window_in_syn_rcvd_is_answered(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    inject!(t, ACK, seq 70_000, ack 1, len 10);
    expect!(t, ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::SynRcvd);
    counted!(
        t, passive_opens: 1, rx_segments: 1, rx_drop_window: 1, tx_segments: 2, tx_acks: 1,
    );
}

/// RFC 9293 3.5: who opened is known also in SYN-RECEIVED, and here it was this end.
//= rfc9293#3.5 MUST-11
pub fn reset_in_syn_rcvd_refuses_an_active_open(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 1000);
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 1000);
    assert_eq!(t.state(), State::SynRcvd);
    inject!(t, RST, seq 1);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Refused)));
}

/// RFC 9293 3.7.1: also where it says what would be assumed without it.
//= rfc9293#3.7.1 MAY-3
pub fn mss_is_announced_even_if_it_is_the_default(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup { mss: 536, ..Setup::default() }, Peer::default());
    t.connect();
    expect!(t, SYN, seq 0, mss 536);
    let mut t = Trace::new(bench, Setup { mss: 536, ..Setup::default() }, Peer::default());
    t.listen();
    inject!(t, SYN, seq 0, mss 1000);
    expect!(t, SYN | ACK, seq 0, ack 1, mss 536);
}
