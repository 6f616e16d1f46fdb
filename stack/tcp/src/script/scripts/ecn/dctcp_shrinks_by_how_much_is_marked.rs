//! RFC 8257 3.3: after windows without marks one mark costs little.

use super::{ECE, agreed_with};
use crate::script::*;
use crate::{Config, CongestionControl};

//= rfc8257#3.3 RFC8257-3.3-2
pub fn dctcp_shrinks_by_how_much_is_marked(bench: &mut dyn Bench) {
    let config = Config { initial_window_segments: 20, ..Config::default() };
    let setup = Setup { congestion: CongestionControl::Dctcp, config, ..Setup::default() };
    let mut t = agreed_with(bench, setup, Ecn::Ect0);
    let mut at = 1;
    // Alpha falls from 1 to (15/16)^30, a seventh, while the window is not used and does not grow.
    for _ in 0..30 {
        t.send(1000);
        assert_eq!(t.drain(), 1);
        at += 1000;
        t.inject(Seg::new(ACK).seq(1).ack(at));
    }
    t.send(60_000);
    assert_eq!(t.drain(), 20);
    t.inject(Seg::new(ACK | ECE).seq(1).ack(at + 1000));
    for acked in 2..=20 {
        t.inject(Seg::new(ACK).seq(1).ack(at + acked * 1000));
    }
    assert_eq!(t.drain(), 18, "20 less a fourteenth, in whole segments");
}
