//! The urgent pointer: RFC 9293 3.8.5, as RFC 6093 reads it.

pub mod far_urgent_bytes_are_announced_as_far;
pub mod older_urgent_pointer_is_no_news;
pub mod urgent_bytes_are_announced;
pub mod urgent_bytes_are_announced_again_with_what_is_lost;
pub mod urgent_bytes_are_delivered_in_line;
pub mod urgent_bytes_are_not_held_by_nagle;
pub mod urgent_pointer_counts_with_the_window_closed;
pub mod urgent_pointer_may_run_ahead_of_its_bytes;
pub mod urgent_pointer_means_nothing_without_its_bit;

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}
