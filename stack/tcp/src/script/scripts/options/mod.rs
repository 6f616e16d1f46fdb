//! Timestamps, PAWS and negotiation: RFC 7323, RFC 2018, RFC 9293 3.2.

pub mod mss_is_announced_even_if_it_is_the_default;
pub mod mss_is_of_one_direction;
pub mod nothing_is_agreed_one_sidedly;
pub mod options_in_the_middle_are_ignored;
pub mod peer_mss_limits;
pub mod peer_without_mss_gets_536;
pub mod sack_blocks_make_room_in_payload;
pub mod sack_blocks_tell_the_latest_first;
pub mod sack_not_agreed_on_is_ignored;
pub mod scale_above_fourteen;
pub mod scale_of_nothing_is_an_offer;
pub mod three_blocks_with_timestamps;
pub mod tiny_mss_is_not_followed_all_the_way_down;

use crate::script::*;

fn with_sack(bench: &mut dyn Bench) -> Trace {
    let setup = Setup { sack: true, ..Setup::default() };
    Trace::established(bench, setup, Peer { sack: true, ..Peer::default() })
}
