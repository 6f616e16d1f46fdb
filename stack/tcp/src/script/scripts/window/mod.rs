//! Windows, silly ones, and closed ones: RFC 9293 3.8.6, RFC 7323 2.

pub mod ack_at_the_right_edge_counts;
pub mod answered_probes_never_give_up;
pub mod byte_beyond_a_closed_window_is_answered;
pub mod closed_window_is_probed_with_backoff;
pub mod closed_window_still_takes_acks;
pub mod closes_as_bytes_wait_and_reopens_when_read;
pub mod half_the_largest_window_is_worth_sending;
pub mod older_segment_does_not_change_the_window;
pub mod opened_window_restarts_the_flow;
pub mod payload_beyond_the_window_is_cut;
pub mod reading_half_a_small_buffer_is_told;
pub mod scales_differ;
pub mod segment_beyond_a_small_window_is_no_duplicate;
pub mod segment_beyond_the_window_is_answered;
pub mod shrunk_window_limits_sequence_number_of_acks;
pub mod small_reads_are_not_told;
pub mod small_window_is_used_after_a_second_at_most;
pub mod small_window_is_used_after_a_while;
pub mod unanswered_probes_give_up;
pub mod what_lies_within_a_smaller_window_is_sent_again;
pub mod what_scaling_cut_off_is_still_taken;
pub mod window_field_is_capped;
pub mod window_taken_back_is_respected;
pub mod window_taken_back_leaves_the_congestion_window;
pub mod windows_above_65535_are_used;

use crate::script::*;

fn with_buffer(bench: &mut dyn Bench, rcv_buf: u32) -> Trace {
    Trace::established(bench, Setup { rcv_buf, ..Setup::default() }, Peer::default())
}

fn with_window(bench: &mut dyn Bench, window: u16) -> Trace {
    Trace::established(bench, Setup::default(), Peer { window, ..Peer::default() })
}
