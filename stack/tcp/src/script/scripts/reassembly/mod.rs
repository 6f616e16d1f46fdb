//! Payload out of order: RFC 9293 3.10.7.4, RFC 2018.

pub mod bytes_beyond_a_fin_are_forgotten;
pub mod duplicate_is_reported_once;
pub mod duplicate_of_what_is_held_is_reported_with_its_range;
pub mod duplicates_of_held_bytes;
pub mod gap_is_filled;
pub mod held_bytes_across_the_wrap;
pub mod held_bytes_in_a_longer_segment_are_reported;
pub mod held_bytes_in_a_segment_that_fills_the_gap_are_reported;
pub mod old_and_new_bytes_in_one_segment;
pub mod overlap_on_both_sides;
pub mod part_that_came_before_is_reported;
pub mod ranges_are_limited;
pub mod segment_over_everything;

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}
