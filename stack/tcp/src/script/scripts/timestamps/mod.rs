//! Timestamps and PAWS: RFC 7323 3 to 5.

pub mod delayed_ack_echoes_the_first;
pub mod duplicate_does_not_change_the_echo;
pub mod gap_does_not_change_the_echo;
pub mod missing_timestamp_is_dropped;
pub mod paws_drops_the_past;
pub mod paws_forgets_after_24_days;
pub mod reset_carries_a_timestamp;
pub mod reset_does_not_change_the_echo;
pub mod reset_from_the_past_counts;
pub mod reset_needs_no_timestamp;
pub mod timestamp_beyond_the_window_is_not_believed;
pub mod timestamp_is_echoed;
pub mod timestamp_of_a_wrong_ack_is_not_believed;
pub mod timestamps_not_agreed_on_are_ignored;
pub mod timestamps_take_room_in_segments;
pub mod timestamps_wrap;

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::modern(), Peer::modern())
}
