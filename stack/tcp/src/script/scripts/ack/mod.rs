//! When ACKs are sent: RFC 9293 3.8.6.3, RFC 5681 4.2.

pub mod a_burst_costs_one_ack;
pub mod ack_of_a_duplicate_counts;
pub mod ack_of_a_duplicate_is_checked;
pub mod ack_of_a_segment_from_long_ago_does_not_count;
pub mod ack_of_a_segment_outside_the_window_does_not_count;
pub mod delayed_by_a_timer;
pub mod duplicate_payload_is_acknowledged_at_once;
pub mod duplicates_with_payload_are_all_answered;
pub mod empty_keepalive_probes_are_answered_only_so_often;
pub mod every_second_segment;
pub mod filled_gap_in_a_burst_repeats_nothing;
pub mod filled_gap_is_acknowledged_at_once;
pub mod fin_after_payload_waits_for_our_answer;
pub mod fin_is_acknowledged_at_once;
pub mod gaps_are_answered_at_once;
pub mod keepalive_probe_is_answered;
pub mod not_delayed_when_switched_off;
pub mod switching_delay_off_lets_go;

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}
