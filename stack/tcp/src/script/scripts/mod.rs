//! The behaviours, by subject: a file each, whose function of the same name takes a [`super::Bench`].
#![expect(missing_docs, reason = "what a script is about stands at the top of its file")]

pub mod ack;
pub mod cc;
pub mod close;
pub mod commit;
pub mod ecn;
pub mod held;
pub mod icmp;
pub mod loss;
pub mod mtu_probe;
pub mod open;
pub mod options;
pub mod pmtu;
pub mod reassembly;
pub mod recovery;
pub mod reset;
pub mod send;
pub mod timers;
pub mod timestamps;
pub mod urgent;
pub mod user_timeout;
pub mod window;

use super::{Bench, Peer, Setup, Trace};

/// Both ends do SACK, and the peer is 100 ms away: a segment that is overtaken is given 25 ms, a quarter of that, to
/// come.
fn with_sack(bench: &mut dyn Bench) -> Trace {
    let setup = Setup { sack: true, ..Setup::default() };
    Trace::established_after(bench, setup, Peer { sack: true, ..Peer::default() }, 100)
}

/// A behaviour that [`script_tests!`](crate::script_tests) makes a test of.
#[derive(Clone, Copy, Debug)]
pub struct Script {
    /// Its folder.
    pub subject: &'static str,
    /// Its file, and its function.
    pub name: &'static str,
    /// What plays it.
    pub play: fn(&mut dyn Bench),
}

/// All of them.
pub const LISTED: &[Script] = crate::script_tests!(@all @list;);

/// Makes a test of each script: `script_tests!(MyBench::new());`.
#[macro_export]
macro_rules! script_tests {
    ($bench:expr) => {
        $crate::script_tests! { @all @tests $bench; }
    };
    (@all $($then:tt)*) => {
        $crate::script_tests! { $($then)*
            open {
                active_open, passive_open, syn_is_retransmitted_with_backoff,
                syn_gives_up_after_three_minutes, syn_ack_is_retransmitted_and_gives_up,
                repeated_syn_is_answered_by_the_same_syn_ack, both_open_at_once,
                both_open_at_once_in_one_burst, both_open_at_once_with_scaling,
                both_open_at_once_and_only_an_ack_follows, refused_by_a_reset,
                reset_without_ack_is_ignored_in_syn_sent, ack_of_another_syn_is_reset,
                segment_without_syn_is_ignored_in_syn_sent, wrong_ack_in_syn_rcvd_is_reset,
                reset_in_syn_rcvd_ends_a_passive_open, syn_in_the_window_ends_a_passive_open,
                payload_comes_with_the_last_ack_of_the_handshake, payload_and_fin_come_with_the_syn_ack,
                payload_posted_early_carries_the_ack, close_in_syn_sent,
                close_in_syn_rcvd_sends_fin_after_the_handshake, listener_resets_what_is_no_syn,
                syn_ack_again_is_acknowledged_again, payload_in_a_syn_waits_for_the_handshake,
                payload_in_syn_rcvd_needs_a_right_ack,
                segment_beyond_the_window_in_syn_rcvd_is_answered,
                reset_in_syn_rcvd_refuses_an_active_open,
                window_of_the_last_ack_is_scaled,
                syn_in_the_window_does_not_end_a_simultaneous_open,
                lost_syn_of_a_simultaneous_open_makes_the_window_small,
            }
            close {
                we_close_first, peer_closes_first, half_closed_by_us, half_closed_by_the_peer,
                both_close_at_once, fin_rides_on_the_last_payload, fin_and_ack_of_fin_in_one_segment,
                fin_is_retransmitted_with_backoff, lost_fin_is_sent_again_behind_lost_payload,
                fin_again_in_time_wait, fin_out_of_order_waits_for_the_gap,
                bare_fin_out_of_order_is_answered, time_wait_kept_by_the_owner,
                simultaneous_close_with_time_wait_kept_by_the_owner, time_wait_yields_to_a_newer_syn,
                time_wait_does_not_yield_to_an_old_syn, fin_waits_for_the_window, fin_gives_up,
                fin_wait2_times_out, payload_beyond_a_held_fin_is_cut, close_twice,
                time_wait_does_not_yield_to_a_syn_ack,
                equal_timestamps_leave_it_to_the_sequence_number,
            }
            reset {
                exact_reset_ends_in_every_state, reset_in_the_window_is_challenged,
                reset_outside_the_window_is_ignored, reset_at_the_last_ack_counts,
                syn_in_the_window_is_challenged, challenges_are_limited,
                abort_sends_a_reset_where_the_peer_needs_one, abort_is_silent_elsewhere,
                ack_of_what_was_never_sent_is_challenged, ack_from_long_ago_is_challenged,
                segment_without_ack_is_dropped, abort_drops_what_was_not_sent,
                half_open_is_found_out_by_a_syn,
                reset_does_not_end_time_wait,
                reset_counts_with_the_window_closed, reset_may_carry_bytes,
            }
            send {
                probes_of_a_window_do_not_lengthen_the_timeout_of_idleness,
                payload_is_cut_into_segments_and_pushed_at_its_end, initial_window_is_ten_segments,
                slow_start_doubles, unused_window_does_not_grow, nagle_holds_a_small_segment,
                nagle_lets_full_segments_through, without_nagle_small_segments_go_out,
                switching_nagle_off_lets_go, fin_is_not_held_by_nagle, quiesce_stops_new_payload,
                quiesce_does_not_stop_retransmission, smaller_mss_cuts_what_is_lost,
                payload_carries_the_ack, idle_connection_starts_over,
                idle_connection_may_keep_its_window, unused_window_does_not_shrink_while_acks_come,
            }
            ack {
                every_second_segment, delayed_by_a_timer, not_delayed_when_switched_off,
                switching_delay_off_lets_go, a_burst_costs_one_ack, gaps_are_answered_at_once,
                filled_gap_is_acknowledged_at_once, filled_gap_in_a_burst_repeats_nothing,
                duplicate_payload_is_acknowledged_at_once, keepalive_probe_is_answered,
                empty_keepalive_probes_are_answered_only_so_often, fin_is_acknowledged_at_once,
                ack_of_a_duplicate_counts, ack_of_a_duplicate_is_checked,
                ack_of_a_segment_outside_the_window_does_not_count,
                duplicates_with_payload_are_all_answered,
                ack_of_a_segment_from_long_ago_does_not_count,
                fin_after_payload_waits_for_our_answer,
            }
            window {
                closes_as_bytes_wait_and_reopens_when_read, small_reads_are_not_told,
                reading_half_a_small_buffer_is_told, closed_window_is_probed_with_backoff,
                answered_probes_never_give_up, unanswered_probes_give_up,
                opened_window_restarts_the_flow, half_the_largest_window_is_worth_sending,
                older_segment_does_not_change_the_window,
                payload_beyond_the_window_is_cut, segment_beyond_the_window_is_answered,
                closed_window_still_takes_acks, window_taken_back_is_respected,
                shrunk_window_limits_sequence_number_of_acks, scales_differ, window_field_is_capped,
                ack_at_the_right_edge_counts, small_window_is_used_after_a_while,
                small_window_is_used_after_a_second_at_most,
                what_lies_within_a_smaller_window_is_sent_again,
                segment_beyond_a_small_window_is_no_duplicate,
                what_scaling_cut_off_is_still_taken,
                windows_above_65535_are_used,
                byte_beyond_a_closed_window_is_answered,
                window_taken_back_leaves_the_congestion_window,
            }
            reassembly {
                gap_is_filled, overlap_on_both_sides, segment_over_everything,
                old_and_new_bytes_in_one_segment, duplicates_of_held_bytes, ranges_are_limited,
                held_bytes_across_the_wrap, duplicate_is_reported_once,
                duplicate_of_what_is_held_is_reported_with_its_range, part_that_came_before_is_reported,
                bytes_beyond_a_fin_are_forgotten,
                held_bytes_in_a_longer_segment_are_reported,
                held_bytes_in_a_segment_that_fills_the_gap_are_reported,
            }
            recovery {
                ack_without_news_changes_nothing,
                a_piece_sent_again_ends_with_push, third_duplicate_ack_sends_again,
                first_two_duplicate_acks_let_new_segments_out,
                part_of_a_segment_is_not_reported, partial_acks_repair_hole_after_hole, sack_repairs_holes_in_one_round_trip,
                sack_reduces_proportionally, sack_of_two_segments_waits,
                sack_beyond_what_was_sent_is_ignored, timeout_starts_slowly,
                timeout_keeps_what_sack_reported, reneging_receiver_is_sent_everything,
                lost_retransmission_times_out, duplicate_acks_after_a_timeout_do_not_count,
                window_updates_are_no_duplicates, tail_of_small_segments_is_sent_again_as_one,
                duplicate_acks_with_a_scaled_window_count,
                duplicate_reports_that_cannot_be_are_ignored,
                partial_ack_with_sack_marks_nothing_lost,
                duplicates_of_different_bytes_are_not_added_up,
            }
            loss {
                overtaken_segment_is_lost_after_the_reordering_window,
                reordering_timeout_begins_the_reduction, path_that_reorders_is_given_time,
                lost_retransmission_is_sent_again_without_a_timeout, tail_loss_is_repaired_by_a_probe,
                single_loss_that_a_probe_repairs_halves_the_window, probe_carries_new_payload,
                probe_that_was_needless_costs_nothing, probe_is_followed_by_the_timeout,
                one_probe_at_a_time, single_segment_is_probed_no_later_than_the_timeout,
                spurious_timeout_is_taken_back, real_timeout_is_repaired_after_the_test,
                second_timeout_is_believed, duplicate_without_sack_ends_the_test,
                no_new_payload_no_test, late_segment_is_seen_by_its_timestamp,
                late_segment_is_seen_by_the_duplicate, duplicate_widens_the_reordering_window,
                short_flight_times_out_from_its_oldest_segment, long_flight_times_out_from_the_last_ack,
                duplicate_of_before_the_episode_is_no_proof, recovery_sends_no_probe,
                reports_leave_no_probe,
                probe_waits_a_second_without_a_round_trip,
                four_segments_are_not_few,
                loss_after_a_repaired_timeout_is_repaired_fast,
                duplicate_reported_during_recovery_ends_it,
                reordering_timer_runs_once_for_all_that_was_overtaken,
                probe_keeps_to_the_peers_window,
                answer_of_a_probe_is_waited_for_behind_its_ack,
                echo_of_a_duplicate_proves_nothing,
                duplicate_is_reported_behind_our_fin,
                third_duplicate_after_a_repaired_timeout_counts,
                window_update_does_not_end_the_test,
            }
            cc {
                newreno_halves, cubic_leaves_seven_tenths, highspeed_leaves_more_of_a_large_window,
                tahoe_repairs_with_a_window_of_one_segment, bbr_paces_the_initial_window,
                cubic_follows_the_reno_friendly_window, sack_grows_the_window_of_a_path_that_reorders,
                cubic_does_not_grow_while_idle,
            }
            ecn {
                a_syn_that_asks_is_answered, accurate_ecn_falls_back, only_new_payload_is_ecn_capable,
                without_agreement_nothing_is_marked, a_syn_that_is_lost_is_sent_again_without,
                a_syn_that_comes_again_without_takes_it_back, a_mark_is_echoed_until_cwr,
                an_echo_halves_the_window_once, a_loss_in_a_window_that_was_echoed_does_not_count,
                a_loss_is_told_as_well, dctcp_marks_everything, dctcp_echoes_exactly,
                dctcp_shrinks_by_how_much_is_marked, dctcp_without_ecn_marks_nothing,
                a_mark_outside_the_window_is_ignored, a_window_probe_is_not_marked,
                a_timeout_in_a_window_that_was_echoed_does_not_count,
                a_spurious_timeout_after_an_echo_is_seen,
            }
            timers {
                timeout_backs_off, new_ack_restarts_the_timer, timeout_follows_the_round_trip,
                retransmission_gives_no_sample, echoed_timestamp_gives_a_sample,
                echo_of_the_first_transmission_is_no_sample, gives_up_after_so_many,
                progress_starts_the_count_of_retransmissions_anew, echo_without_progress_is_no_sample,
                echo_in_a_bare_syn_is_no_sample, keepalive_gives_up, keepalive_answered_goes_on,
                keepalive_can_be_switched, keepalive_waits_for_outstanding_payload,
                idle_connection_has_no_timer,
                syn_ack_sent_again_gives_no_sample,
                simultaneous_open_gives_no_sample,
                answers_without_progress_do_not_start_the_count_anew,
            }
            urgent {
                urgent_bytes_are_delivered_in_line, urgent_pointer_may_run_ahead_of_its_bytes,
                older_urgent_pointer_is_no_news, urgent_pointer_means_nothing_without_its_bit,
                urgent_pointer_counts_with_the_window_closed, urgent_bytes_are_announced,
                urgent_bytes_are_not_held_by_nagle, far_urgent_bytes_are_announced_as_far,
                urgent_bytes_are_announced_again_with_what_is_lost,
            }
            held {
                ack_leaves_when_the_way_opens,
                gives_up_when_retransmissions_would_have,
                keepalive_probe_does_not_count,
                lost_segment_is_tried_again_without_backoff,
                new_payload_leaves_when_the_way_opens,
                new_payload_waits_for_acks_of_what_is_in_flight,
                probe_of_a_closed_window_is_not_backed_off,
                repair_is_tried_again_without_a_timeout,
                syn_is_tried_again_without_backoff,
                user_timeout_counts_from_the_first_try,
            }
            user_timeout {
                unacknowledged_payload_times_out, count_of_retransmissions_still_ends,
                progress_starts_the_user_timeout_anew,
                closed_window_times_out_though_probes_are_answered, idle_connection_has_no_user_timeout,
                user_timeout_can_be_taken_back,
                user_timeout_takes_the_place_of_the_count_of_keepalive_probes,
                syn_times_out_by_the_user, syns_are_sent_as_often_as_asked_for,
                fin_wait2_lasts_as_long_as_asked_for,
            }
            icmp {
                error_in_syn_sent_ends_the_open, error_about_another_syn_is_dropped,
                error_does_not_end_an_open_connection, error_is_the_reason_of_a_later_failure,
                error_about_what_is_not_outstanding_is_dropped, error_in_syn_rcvd_ends_a_passive_open,
            }
            pmtu {
                too_long_segments_are_sent_again_in_pieces, what_fits_is_not_sent_again,
                sacked_segments_are_not_sent_again, too_big_about_what_is_not_outstanding_is_dropped,
                larger_mtu_changes_nothing, smaller_segments_keep_room_for_timestamps,
                fin_goes_with_the_last_piece,
            }
            mtu_probe {
                black_hole_makes_segments_short, deeper_black_hole_makes_them_shorter,
                short_segments_make_no_black_hole, black_holes_are_not_looked_for_by_default,
                probe_that_arrives_makes_segments_longer,
                probe_that_is_lost_is_sent_again_in_short_segments, probe_needs_bytes_behind_it,
                search_begins_anew_after_a_while, reported_mtu_limits_the_search,
                search_begins_with_1024_bytes,
                probe_that_is_lost_with_others_says_nothing,
                a_search_has_one_probe_under_way,
            }
            options {
                peer_without_mss_gets_536, tiny_mss_is_not_followed_all_the_way_down,
                mss_is_announced_even_if_it_is_the_default, peer_mss_limits,
                sack_blocks_tell_the_latest_first, sack_blocks_make_room_in_payload,
                three_blocks_with_timestamps, nothing_is_agreed_one_sidedly, scale_above_fourteen,
                options_in_the_middle_are_ignored, scale_of_nothing_is_an_offer,
                sack_not_agreed_on_is_ignored, mss_is_of_one_direction,
            }
            commit {
                ack_stops_at_what_is_delivered, delivery_releases_the_ack,
                fin_is_not_acknowledged_before_delivery, fin_of_the_second_to_close_waits_for_delivery,
                window_counts_what_waits, gap_is_answered_with_what_is_delivered,
                payload_carries_the_delivered_ack, last_word_waits_for_delivery,
                reset_that_answers_a_held_back_ack_counts,
            }
            timestamps {
                timestamp_is_echoed, delayed_ack_echoes_the_first, gap_does_not_change_the_echo,
                paws_drops_the_past, paws_forgets_after_24_days, reset_needs_no_timestamp,
                missing_timestamp_is_dropped, timestamps_wrap, timestamps_take_room_in_segments,
                reset_from_the_past_counts, duplicate_does_not_change_the_echo,
                timestamp_of_a_wrong_ack_is_not_believed, timestamp_beyond_the_window_is_not_believed,
                reset_carries_a_timestamp, reset_does_not_change_the_echo,
                timestamps_not_agreed_on_are_ignored,
            }
        }
    };
    (@list; $($module:ident { $($name:ident),+ $(,)? })+) => {
        &[$($($crate::script::Script {
            subject: stringify!($module),
            name: stringify!($name),
            play: $crate::script::$module::$name::$name,
        },)+)+]
    };
    (@tests $bench:expr; $($module:ident { $($name:ident),+ $(,)? })+) => {
        $(mod $module {
            use super::*;
            $(
                #[test]
                fn $name() {
                    let mut bench = $bench;
                    if $crate::script::Bench::excuse(&bench, stringify!($name)).is_none() {
                        $crate::script::$module::$name::$name(&mut bench);
                    }
                }
            )+
        })+
    };
}
