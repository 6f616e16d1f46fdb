//! Resets and what might be one: RFC 9293 3.10.5 and 3.10.7.4, RFC 5961.

use crate::script::*;
use crate::{Ended, State};

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

/// A connection in each state that a handshake leads to; the peer's next sequence number with it.
fn in_every_state(bench: &mut dyn Bench) -> Vec<(Trace, u32)> {
    let mut syn_rcvd = Trace::new(bench, Setup::default(), Peer::default());
    syn_rcvd.listen();
    inject!(syn_rcvd, SYN, seq 0, mss 1000);
    syn_rcvd.drain();
    let fin_wait1 = |bench: &mut dyn Bench| {
        let mut t = established(bench);
        t.close();
        t.drain();
        t
    };
    let mut fin_wait2 = fin_wait1(bench);
    inject!(fin_wait2, ACK, seq 1, ack 2);
    let mut closing = fin_wait1(bench);
    inject!(closing, FIN | ACK, seq 1, ack 1);
    closing.drain();
    let mut time_wait = fin_wait1(bench);
    inject!(time_wait, FIN | ACK, seq 1, ack 2);
    time_wait.drain();
    let close_wait = |bench: &mut dyn Bench| {
        let mut t = established(bench);
        inject!(t, FIN | ACK, seq 1, ack 1);
        t.drain();
        t
    };
    let mut last_ack = close_wait(bench);
    last_ack.close();
    last_ack.drain();
    let all = vec![
        (syn_rcvd, 1, State::SynRcvd),
        (established(bench), 1, State::Established),
        (fin_wait1(bench), 1, State::FinWait1),
        (fin_wait2, 1, State::FinWait2),
        (close_wait(bench), 2, State::CloseWait),
        (closing, 2, State::Closing),
        (last_ack, 2, State::LastAck),
        (time_wait, 2, State::TimeWait),
    ];
    all.into_iter()
        .map(|(mut t, seq, state)| {
            assert_eq!(t.state(), state);
            t.restart_counters();
            (t, seq)
        })
        .collect()
}

/// A reset at exactly the next sequence number ends the connection, and nothing answers it.
//= rfc9293#3.6 MUST-12
//= rfc5961#3.2 RFC5961-3.2-2
pub fn exact_reset_ends_in_every_state(bench: &mut dyn Bench) {
    for (mut t, seq) in in_every_state(bench) {
        let state = t.state();
        if state == State::TimeWait {
            continue;
        }
        t.inject(Seg::new(RST).seq(seq));
        silence!(t, until 100_000 ms);
        let ended = (State::Closed, Some(Ended::Reset));
        assert_eq!((t.state(), t.ended()), ended, "in {state:?}");
        counted!(t, rx_segments: 1, rx_resets: 1);
    }
}

/// RFC 5961 3: in the window, but not exact.
//= rfc5961#3.2 RFC5961-3.2-3 RFC5961-3.2-4
pub fn reset_in_the_window_is_challenged(bench: &mut dyn Bench) {
    for (mut t, seq) in in_every_state(bench) {
        let state = t.state();
        if state == State::TimeWait {
            continue;
        }
        t.inject(Seg::new(RST).seq(seq + 1));
        let ours = match state {
            State::SynRcvd | State::Established | State::CloseWait => 1,
            _ => 2,
        };
        t.expect(None, Seg::new(ACK).seq(ours).ack(seq));
        silence!(t);
        assert_eq!(t.state(), state);
        counted!(
            t, rx_segments: 1, rx_drop_reset: 1, challenge_acks: 1, tx_segments: 1, tx_acks: 1,
        );
    }
}

/// Outside the window it does not even get an answer.
//= rfc5961#3.2 RFC5961-3.2-1
pub fn reset_outside_the_window_is_ignored(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, RST, seq 0);
    inject!(t, RST, seq 100_000);
    silence!(t);
    assert_eq!(t.state(), State::Established);
    counted!(t, rx_segments: 2, rx_drop_reset: 2);
}

/// A peer that lost the connection answers our ACK with a reset at its number, though more has come since.
pub fn reset_at_the_last_ack_counts(bench: &mut dyn Bench) {
    for at in [1, 101] {
        let mut t = established(bench);
        inject!(t, ACK, seq 1, ack 1, len 100);
        silence!(t);
        inject!(t, RST, seq at);
        assert_eq!(t.ended(), Some(Ended::Reset));
    }
}

/// RFC 5961 4.
//= rfc5961#4.2 RFC5961-4.2-1 RFC5961-4.2-2
pub fn syn_in_the_window_is_challenged(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, SYN, seq 1);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, SYN, seq 500, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    inject!(t, SYN | ACK, seq 500, ack 1, mss 1000);
    expect!(t, ACK, seq 1, ack 1);
    assert_eq!(t.state(), State::Established);
    counted!(t, rx_segments: 3, rx_drop_syn: 3, challenge_acks: 3, tx_segments: 3, tx_acks: 3);
}

/// RFC 5961 7: ten a second and connection.
//= rfc5961#7 RFC5961-7-1
pub fn challenges_are_limited(bench: &mut dyn Bench) {
    let mut t = established(bench);
    for _ in 0..100 {
        inject!(t, SYN, seq 500);
    }
    assert_eq!(t.drain(), 10);
    silence!(t, until 1100 ms);
    inject!(t, SYN, seq 500);
    expect!(t, ACK, seq 1, ack 1);
    counted!(
        t, rx_segments: 101, rx_drop_syn: 101, challenge_acks: 11, challenge_acks_limited: 90,
        tx_segments: 11, tx_acks: 11,
    );
}

/// RFC 9293 3.10.5.
pub fn abort_sends_a_reset_where_the_peer_needs_one(bench: &mut dyn Bench) {
    for (mut t, seq) in in_every_state(bench) {
        let state = t.state();
        if matches!(state, State::Closing | State::LastAck | State::TimeWait) {
            continue;
        }
        t.abort();
        assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Aborted)));
        let ours = match state {
            State::FinWait1 | State::FinWait2 => 2,
            _ => 1,
        };
        t.expect(None, Seg::new(RST | ACK).seq(ours).ack(seq).win(0));
        silence!(t, until 100_000 ms);
        counted!(t, tx_segments: 1, tx_resets: 1);
    }
}

/// Where both sides have closed, or none has opened, the peer needs no reset.
pub fn abort_is_silent_elsewhere(bench: &mut dyn Bench) {
    let mut syn_sent = Trace::new(bench, Setup::default(), Peer::default());
    syn_sent.connect();
    syn_sent.drain();
    let mut silent = vec![syn_sent];
    for (t, _) in in_every_state(bench) {
        if matches!(t.state(), State::Closing | State::LastAck | State::TimeWait) {
            silent.push(t);
        }
    }
    for mut t in silent {
        t.restart_counters();
        t.abort();
        silence!(t, until 100_000 ms);
        assert_eq!(t.ended(), Some(Ended::Aborted));
        counted!(t);
    }
}

/// RFC 9293 3.10.7.4, fifth; RFC 5961 5. The answer need not be at once.
//= rfc5961#5.2 RFC5961-5.2-1 RFC5961-5.2-2
pub fn ack_of_what_was_never_sent_is_challenged(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 1, ack 102, len 10);
    expect!(t, at 40 ms, ACK, seq 101, ack 1);
    t.recv_nothing();
    inject!(t, ACK, seq 1, ack 101, len 10);
    t.recv(10);
    counted!(
        t, rx_segments: 2, rx_bytes: 10, rx_predicted: 1, rx_drop_ack_unsent: 1, challenge_acks: 1,
        delayed_acks: 1, tx_segments: 2, tx_acks: 1, tx_bytes: 100,
    );
}

/// RFC 5961 5: older than the largest window the peer ever offered.
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

/// RFC 9293 3.10.7.4, fifth.
pub fn segment_without_ack_is_dropped(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.inject(Seg::new(Flags::NONE).seq(1).len(10));
    t.inject(Seg::new(FIN).seq(1));
    silence!(t, until 1000 ms);
    t.recv_nothing();
    assert_eq!(t.state(), State::Established);
    counted!(t, rx_segments: 2, rx_drop_no_ack: 2);
}

/// The reset is at the end of what was sent, not of what was posted.
pub fn abort_drops_what_was_not_sent(bench: &mut dyn Bench) {
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.send(5000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.abort();
    expect!(t, RST | ACK, seq 1001, ack 1);
    silence!(t, until 10_000 ms);
}

/// A peer that goes on sending gets its answer with what it is sent anyway.
pub fn challenge_goes_with_what_is_sent_next(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, FIN | ACK, seq 1, ack 9999);
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1, ack 2001);
    silence!(t, until 1000 ms);
    assert_eq!(t.state(), State::Established);
    counted!(
        t, rx_segments: 3, rx_bytes: 2000, rx_predicted: 2, rx_drop_ack_unsent: 1, challenge_acks: 1,
        tx_segments: 1, tx_acks: 1,
    );
}

/// RFC 9293 3.5.1, Figure 10: the peer has crashed and opens anew. Our ACK makes it reset what it no
/// longer knows, and its next SYN finds the way free.
pub fn half_open_is_found_out_by_a_syn(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, ACK, seq 1, ack 1, len 300);
    expect!(t, at 40 ms, ACK, seq 1, ack 301);
    t.inject(Seg::new(SYN).seq(400).mss(1000));
    expect!(t, ACK, seq 1, ack 301);
    inject!(t, RST, seq 301);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
}

/// RFC 9293 3.5.1, Figure 11: the peer has crashed and is sent something.
pub fn half_open_is_found_out_by_payload(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    // What answers a segment of nobody: the sequence number is our acknowledgment number.
    inject!(t, RST, seq 1);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
    counted!(t, rx_segments: 1, rx_resets: 1, tx_segments: 1, tx_bytes: 100);
}

/// RFC 1337 3: or old duplicates could get at the next connection of the same addresses.
pub fn reset_does_not_end_time_wait(bench: &mut dyn Bench) {
    let mut t = established(bench);
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, FIN | ACK, seq 1, ack 2);
    expect!(t, ACK, seq 2, ack 2);
    t.restart_counters();
    inject!(t, RST, seq 2);
    inject!(t, RST, seq 3);
    silence!(t, until 59_000 ms);
    assert_eq!(t.state(), State::TimeWait);
    silence!(t, until 61_000 ms);
    assert_eq!(t.ended(), Some(Ended::TimeWait));
    counted!(t, rx_segments: 2, rx_drop_reset: 2);
}

/// RFC 9293 3.4: also when there is no room for anything.
//= rfc9293#3.4 MUST-66
pub fn reset_counts_with_the_window_closed(bench: &mut dyn Bench) {
    let mut t =
        Trace::established(bench, Setup { rcv_buf: 1024, ..Setup::default() }, Peer::default());
    inject!(t, ACK, seq 1, ack 1, len 1024);
    expect!(t, ACK, seq 1, ack 1025, win 0);
    t.inject(Seg::new(RST).seq(1025));
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
    counted!(
        t, rx_segments: 2, rx_bytes: 1024, rx_predicted: 1, rx_resets: 1, tx_segments: 1, tx_acks: 1,
    );
}

/// RFC 9293 3.5.3: what a reset carries may say why. It is not for the reader.
//= rfc9293#3.5.3 SHLD-2
pub fn reset_may_carry_bytes(bench: &mut dyn Bench) {
    let mut t = established(bench);
    inject!(t, RST | ACK, seq 1, ack 1, len 20);
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, Some(Ended::Reset)));
    t.recv_nothing();
    counted!(t, rx_segments: 1, rx_resets: 1);
}
