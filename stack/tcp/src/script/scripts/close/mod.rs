//! Closing: RFC 9293 3.6, 3.10.4 and 3.10.7.4.

pub mod bare_fin_out_of_order_is_answered;
pub mod both_close_at_once;
pub mod close_twice;
pub mod equal_timestamps_leave_it_to_the_sequence_number;
pub mod fin_again_in_time_wait;
pub mod fin_and_ack_of_fin_in_one_segment;
pub mod fin_gives_up;
pub mod fin_is_retransmitted_with_backoff;
pub mod fin_out_of_order_waits_for_the_gap;
pub mod fin_rides_on_the_last_payload;
pub mod fin_wait2_times_out;
pub mod fin_waits_for_the_window;
pub mod half_closed_by_the_peer;
pub mod half_closed_by_us;
pub mod lost_fin_is_sent_again_behind_lost_payload;
pub mod payload_beyond_a_held_fin_is_cut;
pub mod peer_closes_first;
pub mod simultaneous_close_with_time_wait_kept_by_the_owner;
pub mod time_wait_does_not_yield_to_a_syn_ack;
pub mod time_wait_does_not_yield_to_an_old_syn;
pub mod time_wait_kept_by_the_owner;
pub mod time_wait_yields_to_a_newer_syn;
pub mod we_close_first;

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}
