//! Keepalive, and silence: RFC 9293 3.8.4.

use mafo_mem::Nanos;

use crate::script::*;
use crate::{Config, Ended, GaveUp, Keepalive, State};

fn with_keepalive(bench: &mut dyn Bench) -> Trace {
    let mut setup = Setup::default();
    setup.switches.keepalive = true;
    Trace::established(bench, setup, Peer::default())
}

/// RFC 9293 MUST-28: two hours; then nine probes, and a reset for a peer that was only away.
//= rfc9293#3.8.4 MAY-5 MUST-28 SHLD-12
pub fn keepalive_gives_up(bench: &mut dyn Bench) {
    let mut t = with_keepalive(bench);
    silence!(t, until 7_199_900 ms);
    for probe in 0..9 {
        t.expect(Some(7_200_000 + probe * 75_000), Seg::new(ACK).seq(0).ack(1));
    }
    assert_eq!(t.state(), State::Established);
    expect!(t, at 7_875_000 ms, RST | ACK, seq 1, ack 1);
    assert_eq!(t.ended(), Some(Ended::TimedOut(GaveUp::Keepalive)));
    counted!(t, tx_segments: 10, keepalive_probes: 9, timed_out: 1, tx_resets: 1);
}

/// Any sign of life starts over.
//= rfc9293#3.8.4 MUST-26 MUST-29
pub fn keepalive_answered_goes_on(bench: &mut dyn Bench) {
    let mut t = with_keepalive(bench);
    expect!(t, at 7_200_000 ms, ACK, seq 0, ack 1);
    expect!(t, at 7_275_000 ms, ACK, seq 0, ack 1);
    inject!(t, ACK, seq 1, ack 1);
    silence!(t, until 14_474_900 ms);
    expect!(t, at 14_475_000 ms, ACK, seq 0, ack 1);
    inject!(t, ACK, seq 1, ack 1, len 10);
    expect!(t, at 14_475_040 ms, ACK, seq 1, ack 11);
    expect!(t, at 21_675_000 ms, ACK, seq 0, ack 11);
}

/// RFC 9293 MUST-25: off unless asked for.
//= rfc9293#3.8.4 MUST-24 MUST-25
pub fn keepalive_can_be_switched(bench: &mut dyn Bench) {
    let mut switches = Setup::default().switches;
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    silence!(t, until 8_000_000 ms);
    switches.keepalive = true;
    t.set_switches(switches);
    expect!(t, at 15_200_000 ms, ACK, seq 0, ack 1);
    switches.keepalive = false;
    t.set_switches(switches);
    silence!(t, until 30_000_000 ms);
}

/// RFC 9293 MUST-27: probes are for idle connections.
//= rfc9293#3.8.4 MUST-26 MUST-27
pub fn keepalive_waits_for_outstanding_payload(bench: &mut dyn Bench) {
    let (idle, interval) = (Nanos::from_millis(300), Nanos::from_millis(10));
    let keepalive = Keepalive { idle, interval, probes_max: 2 };
    let mut setup = Setup { config: Config { keepalive, ..Config::default() }, ..Setup::default() };
    setup.switches.keepalive = true;
    let mut t = Trace::established(bench, setup, Peer::default());
    t.send(100);
    for at in [0, 200, 600, 1400] {
        t.expect(Some(at), Seg::new(ACK).seq(1).ack(1).len(100));
    }
    inject!(t, ACK, seq 1, ack 101);
    silence!(t, until 1695 ms);
    expect!(t, at 1700 ms, ACK, seq 100, ack 1);
}

/// Nothing to be said, for a year.
pub fn idle_connection_has_no_timer(bench: &mut dyn Bench) {
    let mut t = Trace::established(bench, Setup::modern(), Peer::modern());
    silence!(t, until 31_536_000_000 ms);
    counted!(t);
}
