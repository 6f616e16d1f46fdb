//! Paths that drop long segments without a word, and the search for what they carry: RFC 4821.

pub mod a_search_has_one_probe_under_way;
pub mod black_hole_makes_segments_short;
pub mod black_holes_are_not_looked_for_by_default;
pub mod deeper_black_hole_makes_them_shorter;
pub mod probe_needs_bytes_behind_it;
pub mod probe_that_arrives_makes_segments_longer;
pub mod probe_that_is_lost_is_sent_again_in_short_segments;
pub mod probe_that_is_lost_with_others_says_nothing;
pub mod reported_mtu_limits_the_search;
pub mod search_begins_anew_after_a_while;
pub mod search_begins_with_1024_bytes;
pub mod short_segments_make_no_black_hole;

use crate::Config;
use crate::MtuProbing;
use crate::script::*;
use mafo_mem::Nanos;

fn with_probing(bench: &mut dyn Bench, mtu_probing: MtuProbing) -> Trace {
    let config = Config {
        mtu_probing,
        mtu_probe_base: 500,
        mtu_probe_interval: Nanos::from_secs(100),
        initial_window_segments: 40,
        ..Config::default()
    };
    Trace::established(bench, Setup { config, ..Setup::nodelay() }, Peer::default())
}
