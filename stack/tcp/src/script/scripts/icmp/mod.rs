//! ICMP errors: RFC 9293 3.9.2.2, RFC 5927, RFC 5461.

pub mod error_about_another_syn_is_dropped;
pub mod error_about_what_is_not_outstanding_is_dropped;
pub mod error_does_not_end_an_open_connection;
pub mod error_in_syn_rcvd_ends_a_passive_open;
pub mod error_in_syn_sent_ends_the_open;
pub mod error_is_the_reason_of_a_later_failure;

use crate::script::*;

fn established(bench: &mut dyn Bench) -> Trace {
    Trace::established(bench, Setup::default(), Peer::default())
}
