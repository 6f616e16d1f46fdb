//! What is lost, and what only seemed so: RACK-TLP (RFC 8985), F-RTO (RFC 5682), Eifel (RFC 3522), DSACK
//! (RFC 2883, RFC 3708), restart of the timer (RFC 7765).

pub mod answer_of_a_probe_is_waited_for_behind_its_ack;
pub mod duplicate_is_reported_behind_our_fin;
pub mod duplicate_of_before_the_episode_is_no_proof;
pub mod duplicate_reported_during_recovery_ends_it;
pub mod duplicate_widens_the_reordering_window;
pub mod duplicate_without_sack_ends_the_test;
pub mod echo_of_a_duplicate_proves_nothing;
pub mod four_segments_are_not_few;
pub mod late_segment_is_seen_by_its_timestamp;
pub mod late_segment_is_seen_by_the_duplicate;
pub mod long_flight_times_out_from_the_last_ack;
pub mod loss_after_a_repaired_timeout_is_repaired_fast;
pub mod lost_retransmission_is_sent_again_without_a_timeout;
pub mod no_new_payload_no_test;
pub mod one_probe_at_a_time;
pub mod overtaken_segment_is_lost_after_the_reordering_window;
pub mod path_that_reorders_is_given_time;
pub mod probe_carries_new_payload;
pub mod probe_is_followed_by_the_timeout;
pub mod probe_keeps_to_the_peers_window;
pub mod probe_that_was_needless_costs_nothing;
pub mod probe_waits_a_second_without_a_round_trip;
pub mod real_timeout_is_repaired_after_the_test;
pub mod recovery_sends_no_probe;
pub mod reordering_timeout_begins_the_reduction;
pub mod reordering_timer_runs_once_for_all_that_was_overtaken;
pub mod reports_leave_no_probe;
pub mod second_timeout_is_believed;
pub mod short_flight_times_out_from_its_oldest_segment;
pub mod single_loss_that_a_probe_repairs_halves_the_window;
pub mod single_segment_is_probed_no_later_than_the_timeout;
pub mod spurious_timeout_is_taken_back;
pub mod tail_loss_is_repaired_by_a_probe;
pub mod third_duplicate_after_a_repaired_timeout_counts;
pub mod window_update_does_not_end_the_test;

use super::with_sack;
use crate::script::*;

/// Without SACK, and so without RACK and TLP.
fn plain(bench: &mut dyn Bench) -> Trace {
    Trace::established_after(bench, Setup::default(), Peer::default(), 100)
}

/// As [`with_sack`], and timestamps.
fn modern(bench: &mut dyn Bench) -> Trace {
    let mut t = Trace::established_after(bench, Setup::modern(), Peer::modern(), 100);
    // The window of a SYN is not scaled.
    inject!(t, ACK, seq 1, ack 1);
    t.restart_counters();
    t
}
