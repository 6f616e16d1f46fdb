//! What is sent again: RFC 6298, RFC 5681, RFC 6582, RFC 2018, RFC 6675, RFC 3042.

pub mod a_piece_sent_again_ends_with_push;
pub mod ack_without_news_changes_nothing;
pub mod duplicate_acks_after_a_timeout_do_not_count;
pub mod duplicate_acks_with_a_scaled_window_count;
pub mod duplicate_reports_that_cannot_be_are_ignored;
pub mod duplicates_of_different_bytes_are_not_added_up;
pub mod first_two_duplicate_acks_let_new_segments_out;
pub mod lost_retransmission_times_out;
pub mod part_of_a_segment_is_not_reported;
pub mod partial_ack_with_sack_marks_nothing_lost;
pub mod partial_acks_repair_hole_after_hole;
pub mod reneging_receiver_is_sent_everything;
pub mod sack_beyond_what_was_sent_is_ignored;
pub mod sack_of_two_segments_waits;
pub mod sack_reduces_proportionally;
pub mod sack_repairs_holes_in_one_round_trip;
pub mod tail_of_small_segments_is_sent_again_as_one;
pub mod third_duplicate_ack_sends_again;
pub mod timeout_keeps_what_sack_reported;
pub mod timeout_starts_slowly;
pub mod window_updates_are_no_duplicates;

use super::with_sack;
use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}
