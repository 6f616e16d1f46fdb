//! 10 segments in 100 ms, times 2.885, are 288.5 kB/s: a segment takes 3.47 ms, and two leave together.

use super::with;
use crate::CongestionControl;
use crate::script::*;

pub fn bbr_paces_the_initial_window(bench: &mut dyn Bench) {
    let mut t = with(bench, CongestionControl::Bbr, 10);
    t.restart_clock();
    t.restart_counters();
    t.send(20_000);
    assert_eq!(t.drain(), 2);
    for at in [13_u64, 25] {
        t.skip_until(at);
        // So many take that long at the pace, and two may be ahead of it.
        let (least, most) = (at * 288 / 1000, at * 289 / 1000 + 2);
        t.counters_of(|counters| {
            let sent = counters.tx_segments;
            assert!((least..=most).contains(&sent), "{sent} by {at} ms, not {least} to {most}");
        });
    }
    t.skip_until(90);
    t.counters_of(|counters| assert_eq!(counters.tx_segments, 10, "the window is full"));
}
