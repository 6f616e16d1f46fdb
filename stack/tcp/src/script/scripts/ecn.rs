//! Explicit congestion notification: RFC 3168, RFC 8257.

use crate::script::*;
use crate::{Config, CongestionControl, EcnMode};

const ECE: Flags = Flags::ECE;
const CWR: Flags = Flags::CWR;
const AE: Flags = Flags::AE;

fn setup(ecn: EcnMode) -> Setup {
    Setup { ecn, ..Setup::default() }
}

/// A connection that we opened, with ECN.
fn agreed(bench: &mut dyn Bench, setup: Setup) -> Trace {
    agreed_with(bench, setup, Ecn::NotEct)
}

fn agreed_with(bench: &mut dyn Bench, setup: Setup, syn: Ecn) -> Trace {
    let setup = Setup { ecn: EcnMode::On, ..setup };
    let mut t = Trace::new(bench, setup, Peer::default());
    t.connect();
    let offer = t.syn();
    t.expect(None, Seg { flags: SYN | ECE | CWR, ..offer }.ecn(syn));
    t.inject(t.peer_syn(SYN | ACK | ECE).ack(1));
    t.expect(None, Seg::new(ACK).seq(1).ack(1).ecn(syn));
    t.restart_counters();
    t
}

/// The answer of a listener in `mode` to a SYN.
fn answered(bench: &mut dyn Bench, mode: EcnMode, syn: Seg, bits: Flags) {
    let mut t = Trace::new(bench, setup(mode), Peer::default());
    t.listen();
    t.inject(syn);
    let answer = t.syn_ack();
    t.expect(None, Seg { flags: SYN | ACK | bits, ..answer });
}

/// RFC 3168 6.1.1.
//= rfc3168#6.1.1 RFC3168-6.1.1-1 RFC3168-6.1.1-2
pub fn a_syn_that_asks_is_answered(bench: &mut dyn Bench) {
    let peer = Trace::new(bench, setup(EcnMode::Off), Peer::default());
    let asks = peer.peer_syn(SYN | ECE | CWR);
    answered(bench, EcnMode::OnRequest, asks.clone(), ECE);
    answered(bench, EcnMode::On, asks.clone(), ECE);
    answered(bench, EcnMode::Off, asks.clone(), Flags::NONE);
    // Half of the question is none.
    answered(bench, EcnMode::On, peer.peer_syn(SYN | ECE), Flags::NONE);
    answered(bench, EcnMode::On, peer.peer_syn(SYN | CWR), Flags::NONE);
    // No SYN is marked, unless something on the way marks everything.
    answered(bench, EcnMode::On, asks.ecn(Ecn::Ce), Flags::NONE);
}

/// RFC 9768 3.1.2: the offer contains RFC 3168's, and AE is neither echoed nor set.
pub fn accurate_ecn_falls_back(bench: &mut dyn Bench) {
    let peer = Trace::new(bench, setup(EcnMode::Off), Peer::default());
    let offer = peer.peer_syn(SYN | ECE | CWR | AE);
    answered(bench, EcnMode::OnRequest, offer.clone(), ECE);
    answered(bench, EcnMode::OnRequest, offer.ecn(Ecn::Ect0), ECE);
}

/// RFC 3168 6.1.4: only new payload is marked.
//= rfc3168#6.1.2 RFC3168-6.1.2-1
//= rfc3168#6.1.4 RFC3168-6.1.4-1
//= rfc3168#6.1.5 RFC3168-6.1.5-1
//= rfc9293#3.8.2 SHLD-8
pub fn only_new_payload_is_ecn_capable(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(1000);
    t.expect(None, Seg::new(ACK).seq(1).ack(1).len(1000).ecn(Ecn::Ect0));
    inject!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1001, ack 1, len 1000);
    expect!(t, ACK, seq 1001, ack 2001);
    // Sent again: a queue that is congested may drop it.
    expect!(t, at 200 ms, ACK, seq 1, ack 2001, len 1000);
    inject!(t, ACK, seq 2001, ack 1001);
    t.close();
    expect!(t, FIN | ACK, seq 1001, ack 2001);
}

/// RFC 3168 6.1.1: what the peer does not agree to is not done.
//= rfc3168#6.1.1 RFC3168-6.1.1-1
pub fn without_agreement_nothing_is_marked(bench: &mut dyn Bench) {
    for bits in [Flags::NONE, ECE | CWR, CWR] {
        let mut t = Trace::new(bench, setup(EcnMode::On), Peer::default());
        t.connect();
        let offer = t.syn();
        t.expect(None, Seg { flags: SYN | ECE | CWR, ..offer });
        t.inject(t.peer_syn(SYN | ACK | bits).ack(1));
        expect!(t, ACK, seq 1, ack 1);
        t.send(1000);
        expect!(t, ACK, seq 1, ack 1, len 1000);
        // A mark that nobody asked for, and an echo of nothing.
        t.inject(Seg::new(ACK | ECE).seq(1).ack(1001).len(1000).ecn(Ecn::Ce));
        t.send(20_000);
        assert_eq!(t.drain(), 10);
    }
}

/// RFC 3168 6.1.1.1: what drops a SYN with ECN's bits may let one without them pass.
//= rfc3168#6.1.1.1 RFC3168-6.1.1.1-1
pub fn a_syn_that_is_lost_is_sent_again_without(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, setup(EcnMode::On), Peer::default());
    t.connect();
    let offer = t.syn();
    t.expect(None, Seg { flags: SYN | ECE | CWR, ..offer });
    t.expect(Some(1000), t.syn());
    // The answer is to the first, but the second is on its way: payload must not be marked, and what the
    // peer marks is echoed.
    t.inject(t.peer_syn(SYN | ACK | ECE).ack(1));
    expect!(t, ACK, seq 1, ack 1);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.inject(Seg::new(ACK).seq(1).ack(1001).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK | ECE, seq 1001, ack 1001);
}

/// RFC 3168 6.1.1.1, the other side.
pub fn a_syn_that_comes_again_without_takes_it_back(bench: &mut dyn Bench) {
    let mut t = Trace::new(bench, setup(EcnMode::OnRequest), Peer::default());
    t.listen();
    t.inject(t.peer_syn(SYN | ECE | CWR));
    let answer = t.syn_ack();
    t.expect(None, Seg { flags: SYN | ACK | ECE, ..answer.clone() });
    t.inject(t.peer_syn(SYN));
    t.expect(None, answer);
    inject!(t, ACK, seq 1, ack 1);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
}

/// RFC 3168 6.1.3: every segment says it, until the peer says that it has heard.
//= rfc3168#6.1.3 RFC3168-6.1.3-1
pub fn a_mark_is_echoed_until_cwr(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    // At once: the peer's window may be one segment.
    t.inject(Seg::new(ACK).seq(1).ack(1).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK | ECE, seq 1, ack 1001);
    t.inject(Seg::new(ACK).seq(1001).ack(1).len(1000).ecn(Ecn::Ect0));
    t.inject(Seg::new(ACK).seq(2001).ack(1).len(1000).ecn(Ecn::Ect0));
    expect!(t, ACK | ECE, seq 1, ack 3001);
    t.send(1000);
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(3001).len(1000).ecn(Ecn::Ect0));
    t.inject(Seg::new(ACK | CWR).seq(3001).ack(1001).len(1000).ecn(Ecn::Ect0));
    expect!(t, ACK, seq 1001, ack 4001);
    // A mark on the very segment that ends the echo is a new one.
    t.inject(Seg::new(ACK).seq(4001).ack(1001).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK | ECE, seq 1001, ack 5001);
    t.inject(Seg::new(ACK | CWR).seq(5001).ack(1001).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK | ECE, seq 1001, ack 6001);
    t.counters_of(|counters| assert_eq!(counters.rx_ce, 3));
}

/// RFC 3168 6.1.2: once in a window of data, and the next new payload says so.
//= rfc3168#6.1.2 RFC3168-6.1.2-2 RFC3168-6.1.2-3 RFC3168-6.1.2-4
pub fn an_echo_halves_the_window_once(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(40_000);
    assert_eq!(t.drain(), 10);
    t.inject(Seg::new(ACK | ECE).seq(1).ack(1001));
    // Half of what the ACKs free: one for two.
    t.inject(Seg::new(ACK | ECE).seq(1).ack(2001));
    t.expect(None, Seg::new(ACK | CWR).seq(10_001).ack(1).len(1000).ecn(Ecn::Ect0));
    silence!(t);
    for acked in 3..=9 {
        t.inject(Seg::new(ACK | ECE).seq(1).ack(acked * 1000 + 1));
    }
    inject!(t, ACK, seq 1, ack 10_001);
    t.expect(None, Seg::new(ACK).seq(11_001).ack(1).len(1000).ecn(Ecn::Ect0));
    assert_eq!(t.drain(), 3, "five are in flight");
    t.counters_of(|counters| assert_eq!(counters.ecn_reductions, 1));
    // All that was outstanding then is acknowledged: the next echo is of the next window.
    t.inject(Seg::new(ACK | ECE).seq(1).ack(11_001));
    t.counters_of(|counters| assert_eq!(counters.ecn_reductions, 2));
}

/// RFC 3168 6.1.2: nor does a loss count again.
//= rfc3168#6.1.2 RFC3168-6.1.2-3
pub fn a_loss_in_a_window_that_was_echoed_does_not_count(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(40_000);
    assert_eq!(t.drain(), 10);
    t.inject(Seg::new(ACK | ECE).seq(1).ack(1001));
    for _ in 0..3 {
        t.inject(Seg::new(ACK | ECE).seq(1).ack(1001));
    }
    expect!(t, ACK, seq 1001, ack 1, len 1000);
    let more = t.drain();
    t.inject(Seg::new(ACK).seq(1).ack(10_001 + more * 1000));
    assert_eq!(t.drain(), 5, "half of ten, and not a quarter");
}

/// RFC 3168 6.1.2: the peer stops to echo when it is told of any reduction.
//= rfc3168#6.1.2 RFC3168-6.1.2-4
pub fn a_loss_is_told_as_well(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(10_000);
    assert_eq!(t.drain(), 10);
    for _ in 0..3 {
        inject!(t, ACK, seq 1, ack 1);
    }
    expect!(t, ACK, seq 1, ack 1, len 1000);
    inject!(t, ACK, seq 1, ack 10_001);
    t.send(1000);
    t.expect(None, Seg::new(ACK | CWR).seq(10_001).ack(1).len(1000).ecn(Ecn::Ect0));
}

fn dctcp(bench: &mut dyn Bench) -> Trace {
    let setup = Setup { congestion: CongestionControl::Dctcp, ..Setup::default() };
    agreed_with(bench, setup, Ecn::Ect0)
}

/// RFC 8257 3.4: all of its segments can be marked.
//= rfc8257#3.6 RFC8257-3.6-1
pub fn dctcp_marks_everything(bench: &mut dyn Bench) {
    let mut t = dctcp(bench);
    t.send(1000);
    t.expect(None, Seg::new(ACK).seq(1).ack(1).len(1000).ecn(Ecn::Ect0));
    t.expect(Some(200), Seg::new(ACK).seq(1).ack(1).len(1000).ecn(Ecn::Ect0));
    inject!(t, ACK, seq 1, ack 1001, len 1000);
    t.close();
    t.expect(None, Seg::new(FIN | ACK).seq(1001).ack(1001).ecn(Ecn::Ect0));
}

/// RFC 8257 3.2: an ACK is of marked bytes or of others, and never of both.
//= rfc8257#3.2 RFC8257-3.2-1
pub fn dctcp_echoes_exactly(bench: &mut dyn Bench) {
    let mut t = dctcp(bench);
    let payload = |seq: u32, ecn| Seg::new(ACK).seq(seq).ack(1).len(1000).ecn(ecn);
    t.inject(payload(1, Ecn::Ect0));
    silence!(t);
    // The first waits for its ACK when a mark comes.
    t.inject(payload(1001, Ecn::Ce));
    t.expect(None, Seg::new(ACK).seq(1).ack(1001).ecn(Ecn::Ect0));
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(2001).ecn(Ecn::Ect0));
    // More of the same may be acknowledged together. CWR means nothing.
    t.inject(Seg { flags: ACK | CWR, ..payload(2001, Ecn::Ce) });
    silence!(t);
    t.inject(payload(3001, Ecn::Ce));
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(4001).ecn(Ecn::Ect0));
    // Two changes in one burst.
    t.inject(payload(4001, Ecn::Ce));
    t.inject(payload(5001, Ecn::Ect0));
    t.inject(payload(6001, Ecn::Ce));
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(5001).ecn(Ecn::Ect0));
    t.expect(None, Seg::new(ACK).seq(1).ack(6001).ecn(Ecn::Ect0));
    t.expect(None, Seg::new(ACK | ECE).seq(1).ack(7001).ecn(Ecn::Ect0));
    silence!(t);
}

/// RFC 8257 3.3: after windows without marks one mark costs little.
//= rfc8257#3.3 RFC8257-3.3-2
pub fn dctcp_shrinks_by_how_much_is_marked(bench: &mut dyn Bench) {
    let config = Config { initial_window_segments: 20, ..Config::default() };
    let setup = Setup { congestion: CongestionControl::Dctcp, config, ..Setup::default() };
    let mut t = agreed_with(bench, setup, Ecn::Ect0);
    let mut at = 1;
    // Alpha falls from 1 to (15/16)^30, a seventh, while the window is not used and does not grow.
    for _ in 0..30 {
        t.send(1000);
        assert_eq!(t.drain(), 1);
        at += 1000;
        t.inject(Seg::new(ACK).seq(1).ack(at));
    }
    t.send(60_000);
    assert_eq!(t.drain(), 20);
    t.inject(Seg::new(ACK | ECE).seq(1).ack(at + 1000));
    for acked in 2..=20 {
        t.inject(Seg::new(ACK).seq(1).ack(at + acked * 1000));
    }
    assert_eq!(t.drain(), 18, "20 less a fourteenth, in whole segments");
}

/// RFC 8257 3.4: without the peer's agreement it is Reno.
pub fn dctcp_without_ecn_marks_nothing(bench: &mut dyn Bench) {
    let setup = Setup { congestion: CongestionControl::Dctcp, ..Setup::default() };
    let mut t = Trace::new(bench, setup, Peer::default());
    t.connect();
    let offer = t.syn();
    t.expect(None, Seg { flags: SYN | ECE | CWR, ..offer }.ecn(Ecn::Ect0));
    t.inject(t.peer_syn(SYN | ACK).ack(1));
    expect!(t, ACK, seq 1, ack 1);
    t.send(1000);
    expect!(t, ACK, seq 1, ack 1, len 1000);
}

/// RFC 3168 6.1.5: or anybody could slow a connection down.
//= rfc3168#6.1.5 RFC3168-6.1.5-2
pub fn a_mark_outside_the_window_is_ignored(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.inject(Seg::new(ACK).seq(100_000).ack(1).len(1000).ecn(Ecn::Ce));
    expect!(t, ACK, seq 1, ack 1);
    t.counters_of(|counters| assert_eq!(counters.rx_ce, 0));
}

/// RFC 3168 6.1.6: it carries no byte, and is not ECN-capable.
//= rfc3168#6.1.6 RFC3168-6.1.6-1
pub fn a_window_probe_is_not_marked(bench: &mut dyn Bench) {
    let mut t = agreed(bench, Setup::default());
    t.send(2000);
    assert_eq!(t.drain(), 2);
    inject!(t, ACK, seq 1, ack 2001, win 0);
    t.send(1000);
    expect!(t, at 200 ms, ACK, seq 2000, ack 1);
    inject!(t, ACK, seq 1, ack 2001, win 1000);
    t.expect(None, Seg::new(ACK).seq(2001).ack(1).len(1000).ecn(Ecn::Ect0));
}
