//! How long a user waits (RFC 5482, Linux's TCP_USER_TIMEOUT), and what is said on the way (R1 of RFC 9293 3.8.3).

use mafo_mem::Nanos;

use crate::script::*;
use crate::{Config, Ended, GaveUp, Keepalive, Patience, State};

const BY_USER: Option<Ended> = Some(Ended::TimedOut(GaveUp::User));

fn patience(seconds: u64) -> Patience {
    Patience { user_timeout: Some(Nanos::from_secs(seconds)), ..Patience::default() }
}

fn with_patience(bench: &mut dyn Bench, seconds: u64) -> Trace {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    t.set_patience(patience(seconds));
    t
}

/// From when the bytes were sent, to the millisecond: not when the next retransmission would be.
//= rfc9293#3.8.3 MUST-21
//= rfc5482#3.1 RFC5482-3.1-1
pub fn unacknowledged_payload_times_out(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 2);
    t.send(100);
    for at in [0, 200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(100));
    }
    silence!(t, until 1999 ms);
    assert_eq!(t.state(), State::Established);
    counted!(
        t, tx_segments: 4, tx_bytes: 100, retransmits: 3, retransmitted_bytes: 300, timeouts: 3,
        negative_advice: 1,
    );
    silence!(t, until 10_000 ms);
    assert_eq!((t.state(), t.ended()), (State::Closed, BY_USER));
}

/// A user more patient than the count of retransmissions is not asked.
pub fn count_of_retransmissions_still_ends(bench: &mut dyn Bench) {
    let config = Config { retransmits_max: 2, ..Config::default() };
    let mut t = Trace::established(bench, Setup { config, ..Setup::default() }, Peer::default());
    t.set_patience(patience(100));
    t.send(100);
    assert_eq!(t.drain(), 1);
    t.skip_until(1500);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Retransmit)));
}

/// It is about progress: each byte acknowledged starts it anew.
//= rfc5482#3.1 RFC5482-3.1-2
pub fn progress_starts_the_user_timeout_anew(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 3);
    t.send(1000);
    t.send(1000);
    assert_eq!(t.drain(), 2);
    t.skip_until(2500);
    inject!(t, ACK, seq 1, ack 1001);
    t.skip_until(5400);
    assert_eq!(t.state(), State::Established);
    t.skip_until(5600);
    assert_eq!(t.ended(), BY_USER);
}

/// Also where all of it was written in one go.
//= rfc5482#3.1 RFC5482-3.1-2
pub fn progress_within_one_write_counts(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 3);
    t.send(2000);
    assert_eq!(t.drain(), 2);
    t.skip_until(2500);
    inject!(t, ACK, seq 1, ack 1001);
    t.skip_until(5400);
    assert_eq!(t.state(), State::Established);
    // Who looks only now and then notices no later than so.
    t.skip_until(6100);
    assert_eq!(t.ended(), BY_USER);
}

/// A peer that answers probes lives, but what was written stays unsent for as long.
pub fn closed_window_times_out_though_probes_are_answered(bench: &mut dyn Bench) {
    let peer = Peer { window: 1000, ..Peer::default() };
    let mut t = Trace::established(bench, Setup::default(), peer);
    t.set_patience(patience(2));
    t.send(2000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 1001, win 0);
    for at in [200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1000).ack(1));
        inject!(t, ACK, seq 1, ack 1001, win 0);
    }
    silence!(t, until 1999 ms);
    assert_eq!(t.state(), State::Established);
    silence!(t, until 20_000 ms);
    assert_eq!(t.ended(), BY_USER);
}

/// With nothing outstanding nobody waits.
pub fn idle_connection_has_no_user_timeout(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 3);
    t.send(100);
    expect!(t, ACK, seq 1, ack 1, len 100);
    inject!(t, ACK, seq 1, ack 101);
    silence!(t, until 100_000 ms);
    t.send(100);
    expect!(t, at 100_000 ms, ACK, seq 101, ack 1, len 100);
    t.skip_until(102_900);
    assert_eq!(t.state(), State::Established);
}

/// An application may change its mind.
pub fn user_timeout_can_be_taken_back(bench: &mut dyn Bench) {
    let mut t = with_patience(bench, 3);
    t.send(100);
    assert_eq!(t.drain(), 1);
    t.skip_until(2900);
    t.set_patience(Patience::default());
    t.skip_until(10_000);
    assert_eq!(t.state(), State::Established);
    t.set_patience(patience(2));
    t.skip_until(11_900);
    assert_eq!(t.state(), State::Established, "it counts from when it is set");
    t.skip_until(12_100);
    assert_eq!(t.ended(), BY_USER);
}

/// Probing goes on for as long as the user waits, and not for a number of probes.
pub fn user_timeout_takes_the_place_of_the_count_of_keepalive_probes(bench: &mut dyn Bench) {
    let mut setup = Setup::default();
    setup.switches.keepalive = true;
    let mut t = Trace::established(bench, setup, Peer::default());
    let second = Nanos::from_secs(1);
    let keepalive = Keepalive { idle: second, interval: second, probes_max: 2 };
    t.set_patience(Patience { keepalive: Some(keepalive), ..patience(5) });
    for at in [1000, 2000, 3000, 4000] {
        t.expect(Some(at), Seg::new(ACK).seq(0).ack(1));
    }
    expect!(t, at 5000 ms, RST | ACK, seq 1, ack 1);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Keepalive)));
}

/// Also for a connection that does not come about.
pub fn syn_times_out_by_the_user(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    t.set_patience(patience(4));
    expect!(t, at 0 ms, SYN, seq 0, mss 1000);
    expect!(t, at 1000 ms, SYN, seq 0, mss 1000);
    expect!(t, at 3000 ms, SYN, seq 0, mss 1000);
    silence!(t, until 100_000 ms);
    assert_eq!(t.ended(), BY_USER);
}

/// Linux's TCP_SYNCNT.
pub fn syns_are_sent_as_often_as_asked_for(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, Setup::default(), Peer::default());
    t.connect();
    t.set_patience(Patience { syn_retransmits_max: Some(1), ..Patience::default() });
    expect!(t, at 0 ms, SYN, seq 0, mss 1000);
    expect!(t, at 1000 ms, SYN, seq 0, mss 1000);
    silence!(t, until 2999 ms);
    assert_eq!(t.state(), State::SynSent);
    silence!(t, until 100_000 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Open)));
}

/// Linux's TCP_LINGER2.
pub fn fin_wait2_lasts_as_long_as_asked_for(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    t.set_patience(Patience { fin_wait2: Some(Nanos::from_secs(7)), ..Patience::default() });
    t.close();
    expect!(t, FIN | ACK, seq 1, ack 1);
    inject!(t, ACK, seq 1, ack 2);
    silence!(t, until 6999 ms);
    assert_eq!(t.state(), State::FinWait2);
    silence!(t, until 7100 ms);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::FinWait2)));
}
