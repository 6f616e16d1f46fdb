//! The path carries less than was thought: RFC 1191.

pub mod fin_goes_with_the_last_piece;
pub mod larger_mtu_changes_nothing;
pub mod sacked_segments_are_not_sent_again;
pub mod smaller_segments_keep_room_for_timestamps;
pub mod too_big_about_what_is_not_outstanding_is_dropped;
pub mod too_long_segments_are_sent_again_in_pieces;
pub mod what_fits_is_not_sent_again;

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::nodelay(), Peer::default())
}
