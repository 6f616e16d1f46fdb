//! How algorithms of congestion control differ on the wire.

pub mod bbr_paces_the_initial_window;
pub mod cubic_does_not_grow_while_idle;
pub mod cubic_follows_the_reno_friendly_window;
pub mod cubic_leaves_seven_tenths;
pub mod highspeed_leaves_more_of_a_large_window;
pub mod newreno_halves;
pub mod sack_grows_the_window_of_a_path_that_reorders;
pub mod tahoe_repairs_with_a_window_of_one_segment;

use crate::Config;
use crate::CongestionControl;
use crate::script::*;

/// A peer with a window that no window of ours fills.
fn with(bench: &mut dyn Bench, congestion: CongestionControl, initial: u8) -> Trace {
    let config = Config { initial_window_segments: initial, ..Config::default() };
    let setup = Setup { sack: true, window_scale: Some(0), config, congestion, ..Setup::default() };
    let peer = Peer { sack: true, window_scale: Some(4), ..Peer::default() };
    let mut t = Trace::established_after(bench, setup, peer, 100);
    // The window of the SYN,ACK was not scaled.
    inject!(t, ACK, seq 1, ack 1);
    t
}

/// `initial` segments, of which the first is lost and sent again. What may be in flight afterwards.
fn window_after_a_loss(bench: &mut dyn Bench, congestion: CongestionControl, initial: u8) -> u32 {
    let mut t = with(bench, congestion, initial);
    let sent = u32::from(initial);
    t.send(sent * 1000);
    assert_eq!(t.drain(), sent);
    inject!(t, ACK, seq 1, ack 1, sack [(1001, 4001)]);
    expect!(t, ACK, seq 1, ack 1, len 1000);
    t.send(400_000);
    t.inject(Seg::new(ACK).seq(1).ack(1 + sent * 1000));
    t.drain()
}
