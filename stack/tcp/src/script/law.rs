//! What holds between any two calls, whatever happened.

use mafo_mem::Nanos;

use crate::{Config, Connection, Engine, State};

/// All that is due has been sent: whoever waits for the peer has a timer, and none runs longer than the
/// settings allow.
pub(crate) fn timers_run(conn: &Connection, engine: &Engine, now: Nanos) {
    if conn.state() == State::Closed {
        return;
    }
    let config = &engine.config;
    let timers = &conn.timers;
    let outstanding = conn.snd_una() != conn.snd_max();
    assert_eq!(timers.retransmits_for().is_some(), outstanding, "retransmission timer: {conn:?}");
    let waits_for_window = !outstanding && conn.state().is_synchronized() && conn.has_unsent();
    // What the pace holds has a time of its own, and whether the window is open is asked then.
    if conn.snd.cc.departure().is_none() {
        assert_eq!(timers.is_persisting(), waits_for_window, "persist timer: {conn:?}");
    }
    let longest = config.rto_max;
    for left in [timers.retransmit_left(now), timers.persist_left(now)] {
        let left = left.unwrap_or(Nanos::ZERO);
        assert!(left <= longest, "{left:?} left of at most {longest:?}: {conn:?}");
    }
    let rto = conn.snd.rtt.timeout(config);
    assert_eq!(rto, timeout(conn, config), "timeout: {conn:?}");
}

/// RFC 6298, once more: SRTT and four variations, but no less and no more than the settings say, doubled
/// for each timeout since.
fn timeout(conn: &Connection, config: &Config) -> Nanos {
    let rtt = &conn.snd.rtt;
    let base = match rtt.smoothed() {
        Some(smoothed) => {
            let variation = Nanos(4 * smoothed.rttvar.0).max(config.rto_variation_min);
            (smoothed.srtt + variation).clamp(config.rto_min, config.rto_max)
        }
        // A lost SYN makes it three seconds.
        None => rtt.rto_unsampled(),
    };
    let doubled = base.0.checked_shl(rtt.backoff().into()).unwrap_or(u64::MAX);
    Nanos(doubled).min(config.rto_max)
}
