//! What is different when a connection moves before everything that happens to it: what no field of a TCB holds begins anew
//! with the next owner.

use crate::world::Failover;

const SCOREBOARD: &str = "the scoreboard, and what a repair remembers, have no field: the next owner sends again when its timer runs out, and reduces anew";
const EPISODE: &str =
    "what congestion control remembers beside SND_CWND and SND_SSTHRESH has no field";
const SEARCH: &str =
    "a search for the path's MTU has no field: the next owner begins one of its own";
const BACKOFF: &str = "T_RXTSHIFT is written as 0: timeouts and probes begin with the shortest wait, and are counted anew";
const SAMPLE: &str = "what was sent more than once, and when, has no field: the next owner has sent all of it once, and its timer begins with it";
const RHYTHM: &str = "who speaks when, and since when an ACK is due, has no field: an owner that owes one says so within its own time";
const LARGEST: &str =
    "the largest window that the peer ever offered, and its last window update, have no field";
const CREDIT: &str = "receive credits that were withheld are given back in one go when the next owner lives, which tells the window";
const UNITS: &str = "RCV_ADV counts the peer's window in its own units: what a SYN offers beyond whole ones is not used";
const URGENT: &str = "where urgent bytes end has no field on the sending side";
const OPENING: &str = "whether a SYN was lost has no field once it is answered";
const AGE: &str = "how long ago the peer's timestamp was heard is written as now";
const BURST: &str =
    "the bond moves between the segments of a burst, which the card then takes one by one";
const QUIESCE: &str = "the script stops the sender by what a handover stops it by, and that lets go when it has ended";
const LEFT_BEHIND: &str = "two segments come in one instant, and the bond leaves the link that the switch has just sent the first one to";

/// Scripts that find it out, where connections move to another adapter.
const TO_ADAPTERS: [(&str, &str); 96] = [
    ("a_piece_sent_again_ends_with_push", SCOREBOARD),
    ("ack_without_news_changes_nothing", SCOREBOARD),
    ("answer_of_a_probe_is_waited_for_behind_its_ack", SCOREBOARD),
    ("bare_fin_out_of_order_is_answered", SCOREBOARD),
    ("duplicate_acks_after_a_timeout_do_not_count", SCOREBOARD),
    ("duplicate_acks_with_a_scaled_window_count", SCOREBOARD),
    ("duplicate_of_before_the_episode_is_no_proof", SCOREBOARD),
    ("duplicate_reported_during_recovery_ends_it", SCOREBOARD),
    ("duplicate_widens_the_reordering_window", SCOREBOARD),
    ("duplicate_without_sack_ends_the_test", SCOREBOARD),
    ("duplicates_of_different_bytes_are_not_added_up", SCOREBOARD),
    ("first_two_duplicate_acks_let_new_segments_out", SCOREBOARD),
    ("late_segment_is_seen_by_its_timestamp", SCOREBOARD),
    ("late_segment_is_seen_by_the_duplicate", SCOREBOARD),
    ("lost_retransmission_is_sent_again_without_a_timeout", SCOREBOARD),
    ("lost_retransmission_times_out", SCOREBOARD),
    ("no_new_payload_no_test", SCOREBOARD),
    ("one_probe_at_a_time", SCOREBOARD),
    ("overtaken_segment_is_lost_after_the_reordering_window", SCOREBOARD),
    ("part_of_a_segment_is_not_reported", SCOREBOARD),
    ("partial_acks_repair_hole_after_hole", SCOREBOARD),
    ("path_that_reorders_is_given_time", SCOREBOARD),
    ("payload_beyond_a_held_fin_is_cut", SCOREBOARD),
    ("real_timeout_is_repaired_after_the_test", SCOREBOARD),
    ("reneging_receiver_is_sent_everything", SCOREBOARD),
    ("reordering_timeout_begins_the_reduction", SCOREBOARD),
    ("reordering_timer_runs_once_for_all_that_was_overtaken", SCOREBOARD),
    ("reports_leave_no_probe", SCOREBOARD),
    ("sack_not_agreed_on_is_ignored", SCOREBOARD),
    ("sack_of_two_segments_waits", SCOREBOARD),
    ("sack_reduces_proportionally", SCOREBOARD),
    ("sack_repairs_holes_in_one_round_trip", SCOREBOARD),
    ("second_timeout_is_believed", SCOREBOARD),
    ("short_flight_times_out_from_its_oldest_segment", SCOREBOARD),
    ("single_loss_that_a_probe_repairs_halves_the_window", SCOREBOARD),
    ("smaller_mss_cuts_what_is_lost", SCOREBOARD),
    ("spurious_timeout_is_taken_back", SCOREBOARD),
    ("tail_loss_is_repaired_by_a_probe", SCOREBOARD),
    ("third_duplicate_ack_sends_again", SCOREBOARD),
    ("third_duplicate_after_a_repaired_timeout_counts", SCOREBOARD),
    ("timeout_keeps_what_sack_reported", SCOREBOARD),
    ("timeout_starts_slowly", SCOREBOARD),
    ("what_lies_within_a_smaller_window_is_sent_again", SCOREBOARD),
    ("window_update_does_not_end_the_test", SCOREBOARD),
    ("a_loss_in_a_window_that_was_echoed_does_not_count", EPISODE),
    ("a_loss_is_told_as_well", EPISODE),
    ("a_spurious_timeout_after_an_echo_is_seen", EPISODE),
    ("a_timeout_in_a_window_that_was_echoed_does_not_count", EPISODE),
    ("an_echo_halves_the_window_once", EPISODE),
    ("cubic_does_not_grow_while_idle", EPISODE),
    ("cubic_follows_the_reno_friendly_window", EPISODE),
    ("cubic_leaves_seven_tenths", EPISODE),
    ("dctcp_echoes_exactly", EPISODE),
    ("dctcp_shrinks_by_how_much_is_marked", EPISODE),
    ("highspeed_leaves_more_of_a_large_window", EPISODE),
    ("idle_connection_starts_over", EPISODE),
    ("newreno_halves", EPISODE),
    ("sack_grows_the_window_of_a_path_that_reorders", EPISODE),
    ("tahoe_repairs_with_a_window_of_one_segment", EPISODE),
    ("a_search_has_one_probe_under_way", SEARCH),
    ("black_hole_makes_segments_short", SEARCH),
    ("probe_needs_bytes_behind_it", SEARCH),
    ("probe_that_arrives_makes_segments_longer", SEARCH),
    ("probe_that_is_lost_is_sent_again_in_short_segments", SEARCH),
    ("probe_that_is_lost_with_others_says_nothing", SEARCH),
    ("reported_mtu_limits_the_search", SEARCH),
    ("search_begins_anew_after_a_while", SEARCH),
    ("search_begins_with_1024_bytes", SEARCH),
    ("answered_probes_never_give_up", BACKOFF),
    ("answers_without_progress_do_not_start_the_count_anew", BACKOFF),
    ("closed_window_times_out_though_probes_are_answered", BACKOFF),
    ("echo_without_progress_is_no_sample", BACKOFF),
    ("probes_of_a_window_do_not_lengthen_the_timeout_of_idleness", BACKOFF),
    ("small_window_is_used_after_a_second_at_most", BACKOFF),
    ("window_taken_back_is_respected", BACKOFF),
    ("echo_of_the_first_transmission_is_no_sample", SAMPLE),
    ("echoed_timestamp_gives_a_sample", SAMPLE),
    ("new_ack_restarts_the_timer", SAMPLE),
    ("retransmission_gives_no_sample", SAMPLE),
    ("delayed_ack_echoes_the_first", RHYTHM),
    ("fin_after_payload_waits_for_our_answer", RHYTHM),
    ("payload_beyond_the_window_is_cut", RHYTHM),
    ("switching_delay_off_lets_go", RHYTHM),
    ("half_the_largest_window_is_worth_sending", LARGEST),
    ("older_segment_does_not_change_the_window", LARGEST),
    ("small_window_is_used_after_a_while", LARGEST),
    ("closes_as_bytes_wait_and_reopens_when_read", CREDIT),
    ("reading_half_a_small_buffer_is_told", CREDIT),
    ("scales_differ", UNITS),
    ("far_urgent_bytes_are_announced_as_far", URGENT),
    ("a_syn_that_is_lost_is_sent_again_without", OPENING),
    ("syn_is_retransmitted_with_backoff", OPENING),
    ("paws_forgets_after_24_days", AGE),
    ("quiesce_does_not_stop_retransmission", QUIESCE),
    ("quiesce_stops_new_payload", QUIESCE),
    ("reset_does_not_end_time_wait", LEFT_BEHIND),
];

/// Where they move to another port of the same one, which keeps its TCB.
const TO_PORTS: [(&str, &str); 7] = [
    ("a_burst_costs_one_ack", BURST),
    ("filled_gap_in_a_burst_repeats_nothing", BURST),
    ("a_loss_in_a_window_that_was_echoed_does_not_count", BURST),
    ("three_blocks_with_timestamps", BURST),
    ("quiesce_does_not_stop_retransmission", QUIESCE),
    ("quiesce_stops_new_payload", QUIESCE),
    ("reset_does_not_end_time_wait", LEFT_BEHIND),
];

/// Scripts that are different, and why.
pub(crate) fn excuses(failover: Failover) -> &'static [(&'static str, &'static str)] {
    match failover {
        Failover::Handover => &TO_ADAPTERS,
        Failover::Port => &TO_PORTS,
    }
}
