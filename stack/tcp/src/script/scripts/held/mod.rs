//! A way out that takes nothing for a while: a full ring, a queue that drops.

pub mod ack_leaves_when_the_way_opens;
pub mod gives_up_when_retransmissions_would_have;
pub mod keepalive_probe_does_not_count;
pub mod lost_segment_is_tried_again_without_backoff;
pub mod new_payload_leaves_when_the_way_opens;
pub mod new_payload_waits_for_acks_of_what_is_in_flight;
pub mod probe_of_a_closed_window_is_not_backed_off;
pub mod repair_is_tried_again_without_a_timeout;
pub mod syn_is_tried_again_without_backoff;
pub mod user_timeout_counts_from_the_first_try;

use crate::script::*;

/// The way out takes nothing from now on, if the endpoint can do that.
fn blocked(mut t: Trace) -> Option<Trace> {
    t.block(true).then_some(t)
}
