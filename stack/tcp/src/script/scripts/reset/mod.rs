//! Resets and what might be one: RFC 9293 3.10.5 and 3.10.7.4, RFC 5961.

pub mod abort_drops_what_was_not_sent;
pub mod abort_is_silent_elsewhere;
pub mod abort_sends_a_reset_where_the_peer_needs_one;
pub mod ack_from_long_ago_is_challenged;
pub mod ack_of_what_was_never_sent_is_challenged;
pub mod challenges_are_limited;
pub mod exact_reset_ends_in_every_state;
pub mod half_open_is_found_out_by_a_syn;
pub mod reset_at_the_last_ack_counts;
pub mod reset_counts_with_the_window_closed;
pub mod reset_does_not_end_time_wait;
pub mod reset_in_the_window_is_challenged;
pub mod reset_may_carry_bytes;
pub mod reset_outside_the_window_is_ignored;
pub mod segment_without_ack_is_dropped;
pub mod syn_in_the_window_is_challenged;

use crate::State;
use crate::script::*;

/// A connection in each state that a handshake leads to; the peer's next sequence number with it.
fn in_every_state(bench: &mut dyn Bench) -> Vec<(Trace, u32)> {
    let mut syn_rcvd = Trace::new(bench, Setup::default(), Peer::default());
    syn_rcvd.listen();
    inject!(syn_rcvd, SYN, seq 0, mss 1000);
    syn_rcvd.drain();
    let fin_wait1 = |bench: &mut dyn Bench| {
        let mut t = established(bench);
        t.close();
        t.drain();
        t
    };
    let mut fin_wait2 = fin_wait1(bench);
    inject!(fin_wait2, ACK, seq 1, ack 2);
    let mut closing = fin_wait1(bench);
    inject!(closing, FIN | ACK, seq 1, ack 1);
    closing.drain();
    let mut time_wait = fin_wait1(bench);
    inject!(time_wait, FIN | ACK, seq 1, ack 2);
    time_wait.drain();
    let close_wait = |bench: &mut dyn Bench| {
        let mut t = established(bench);
        inject!(t, FIN | ACK, seq 1, ack 1);
        t.drain();
        t
    };
    let mut last_ack = close_wait(bench);
    last_ack.close();
    last_ack.drain();
    let all = vec![
        (syn_rcvd, 1, State::SynRcvd),
        (established(bench), 1, State::Established),
        (fin_wait1(bench), 1, State::FinWait1),
        (fin_wait2, 1, State::FinWait2),
        (close_wait(bench), 2, State::CloseWait),
        (closing, 2, State::Closing),
        (last_ack, 2, State::LastAck),
        (time_wait, 2, State::TimeWait),
    ];
    all.into_iter()
        .map(|(mut t, seq, state)| {
            assert_eq!(t.state(), state);
            t.restart_counters();
            (t, seq)
        })
        .collect()
}

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}
