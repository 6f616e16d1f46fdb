//! What is sent, and when: RFC 9293 3.7 and 3.8.6.2.1, RFC 5681.

pub mod fin_is_not_held_by_nagle;
pub mod idle_connection_may_keep_its_window;
pub mod idle_connection_starts_over;
pub mod initial_window_is_ten_segments;
pub mod nagle_holds_a_small_segment;
pub mod nagle_lets_full_segments_through;
pub mod payload_carries_the_ack;
pub mod payload_is_cut_into_segments_and_pushed_at_its_end;
pub mod probes_of_a_window_do_not_lengthen_the_timeout_of_idleness;
pub mod quiesce_does_not_stop_retransmission;
pub mod quiesce_stops_new_payload;
pub mod slow_start_doubles;
pub mod smaller_mss_cuts_what_is_lost;
pub mod switching_nagle_off_lets_go;
pub mod unused_window_does_not_grow;
pub mod unused_window_does_not_shrink_while_acks_come;
pub mod without_nagle_small_segments_go_out;

use crate::Switches;
use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}

const ON: Switches =
    Switches { nagle: true, cork: false, delayed_ack: true, keepalive: false, tx_quiesce: false };
