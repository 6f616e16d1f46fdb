//! How long a user waits (RFC 5482, Linux's TCP_USER_TIMEOUT), and what is said on the way (R1 of RFC 9293 3.8.3).

pub mod closed_window_times_out_though_probes_are_answered;
pub mod count_of_retransmissions_still_ends;
pub mod fin_wait2_lasts_as_long_as_asked_for;
pub mod idle_connection_has_no_user_timeout;
pub mod progress_starts_the_user_timeout_anew;
pub mod syn_times_out_by_the_user;
pub mod syns_are_sent_as_often_as_asked_for;
pub mod unacknowledged_payload_times_out;
pub mod user_timeout_can_be_taken_back;
pub mod user_timeout_takes_the_place_of_the_count_of_keepalive_probes;

use crate::Ended;
use crate::GaveUp;
use crate::Patience;
use crate::script::*;
use mafo_mem::Nanos;

fn patience(seconds: u64) -> Patience {
    Patience { user_timeout: Some(Nanos::from_secs(seconds)), ..Patience::default() }
}

const BY_USER: Option<Ended> = Some(Ended::TimedOut(GaveUp::User));

fn with_patience(bench: &mut dyn Bench, seconds: u64) -> Trace {
    let mut t = Trace::established(bench, Setup::default(), Peer::default());
    t.set_patience(patience(seconds));
    t
}
