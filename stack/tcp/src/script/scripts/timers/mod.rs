//! Keepalive, and silence: RFC 9293 3.8.4.

pub mod answers_without_progress_do_not_start_the_count_anew;
pub mod echo_in_a_bare_syn_is_no_sample;
pub mod echo_of_the_first_transmission_is_no_sample;
pub mod echo_without_progress_is_no_sample;
pub mod echoed_timestamp_gives_a_sample;
pub mod gives_up_after_so_many;
pub mod idle_connection_has_no_timer;
pub mod keepalive_answered_goes_on;
pub mod keepalive_can_be_switched;
pub mod keepalive_gives_up;
pub mod keepalive_waits_for_outstanding_payload;
pub mod new_ack_restarts_the_timer;
pub mod progress_starts_the_count_of_retransmissions_anew;
pub mod retransmission_gives_no_sample;
pub mod simultaneous_open_gives_no_sample;
pub mod syn_ack_sent_again_gives_no_sample;
pub mod timeout_backs_off;
pub mod timeout_follows_the_round_trip;

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

fn with_keepalive(bench: &mut dyn Bench) -> Trace {
    let mut setup = Setup::default();
    setup.switches.keepalive = true;
    Trace::established(bench, setup, Peer::default())
}
