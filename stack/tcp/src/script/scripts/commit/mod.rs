//! The commit rule: no ACK covers a byte, or a FIN, that the owner has not confirmed to be where the
//! application sees it. Scripts end early for an owner that cannot hold delivery back.

pub mod ack_stops_at_what_is_delivered;
pub mod delivery_releases_the_ack;
pub mod fin_is_not_acknowledged_before_delivery;
pub mod fin_of_the_second_to_close_waits_for_delivery;
pub mod gap_is_answered_with_what_is_delivered;
pub mod last_word_waits_for_delivery;
pub mod payload_carries_the_delivered_ack;
pub mod reset_that_answers_a_held_back_ack_counts;
pub mod window_counts_what_waits;

use crate::script::*;

fn stalled(bench: &mut dyn Bench, setup: Setup) -> Option<Trace> {
    let mut t = Trace::established(bench, setup, Peer::default());
    t.stall(true).then_some(t)
}
