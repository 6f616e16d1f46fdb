//! Explicit congestion notification: RFC 3168, RFC 8257.

pub mod a_loss_in_a_window_that_was_echoed_does_not_count;
pub mod a_loss_is_told_as_well;
pub mod a_mark_is_echoed_until_cwr;
pub mod a_mark_outside_the_window_is_ignored;
pub mod a_spurious_timeout_after_an_echo_is_seen;
pub mod a_syn_that_asks_is_answered;
pub mod a_syn_that_comes_again_without_takes_it_back;
pub mod a_syn_that_is_lost_is_sent_again_without;
pub mod a_timeout_in_a_window_that_was_echoed_does_not_count;
pub mod a_window_probe_is_not_marked;
pub mod accurate_ecn_falls_back;
pub mod an_echo_halves_the_window_once;
pub mod dctcp_echoes_exactly;
pub mod dctcp_marks_everything;
pub mod dctcp_shrinks_by_how_much_is_marked;
pub mod dctcp_without_ecn_marks_nothing;
pub mod only_new_payload_is_ecn_capable;
pub mod without_agreement_nothing_is_marked;

use crate::CongestionControl;
use crate::EcnMode;
use crate::script::*;

fn setup(ecn: EcnMode) -> Setup {
    Setup { ecn, ..Setup::default() }
}

const CWR: Flags = Flags::CWR;

/// The answer of a listener in `mode` to a SYN.
fn answered(bench: &mut dyn Bench, mode: EcnMode, syn: Seg, bits: Flags) {
    let mut t = Trace::new(bench, setup(mode), Peer::default());
    t.listen();
    t.inject(syn);
    let answer = t.syn_ack();
    t.expect(None, Seg { flags: SYN | ACK | bits, ..answer });
}

const ECE: Flags = Flags::ECE;

const AE: Flags = Flags::AE;

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

fn dctcp(bench: &mut dyn Bench) -> Trace {
    let setup = Setup { congestion: CongestionControl::Dctcp, ..Setup::default() };
    agreed_with(bench, setup, Ecn::Ect0)
}
