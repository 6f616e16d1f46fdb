//! What can be told of a connection to whoever watches it, in the terms of Linux's TCP_INFO.

use mafo_mem::Nanos;

use crate::cc::CWND_MAX;
use crate::{Config, Connection, Fate, Recovery, Sent, State, Transmissions, WindowScale};

/// How a connection stands. Counts are of segments unless they say bytes; what shares a record in the
/// scoreboard is counted as so many full-sized ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// State.
    pub state: State,
    /// Where loss recovery stands.
    pub recovery: Recovery,
    /// Congestion window in bytes.
    pub cwnd: u32,
    /// Slow start threshold in bytes; [`Info::SSTHRESH_UNKNOWN`] or more before the first loss.
    pub ssthresh: u32,
    /// Payload bytes of a full-sized segment.
    pub payload_max: u32,
    /// Sent and not acknowledged.
    pub in_flight: u32,
    /// Of those, reported by SACK.
    pub sacked: u32,
    /// Of those, lost and not sent again since.
    pub lost: u32,
    /// Of those, sent again and not reported since.
    pub retransmitted: u32,
    /// Smoothed round-trip time, once there is a sample.
    pub srtt: Option<Nanos>,
    /// Its variation.
    pub rttvar: Option<Nanos>,
    /// Retransmission timeout, backoff included.
    pub rto: Nanos,
    /// Doublings in it.
    pub backoff: u8,
    /// Timeouts of the same bytes without an answer.
    pub timeouts: u8,
    /// Probes of a closed window, or of an idle peer, without an answer.
    pub probes: u8,
    /// Timestamps are in force.
    pub timestamps: bool,
    /// Selective acknowledgments are in force.
    pub sack: bool,
    /// Window scaling, if it is in force.
    pub window_scale: Option<WindowScale>,
    /// The peer's window in bytes.
    pub snd_wnd: u32,
    /// The largest that it was.
    pub snd_wnd_max: u32,
    /// Our window in bytes.
    pub rcv_wnd: u32,
    /// Posted bytes that were never sent.
    pub unsent_bytes: u32,
    /// Payload bytes of the largest segment that came.
    pub largest_received: u16,
    /// Largest segment that we announced.
    pub mss_announced: u16,
    /// Segments by which the path was seen to reorder at most, up to 255; 3 before it was.
    pub reordering: u8,
    /// How often it was, up to 255.
    pub reorderings: u8,
}

/// What keeps a connection from being done with what was posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// Nothing: all is acknowledged.
    #[default]
    Idle,
    /// The network: the way there and back, and its congestion.
    Network,
    /// The peer's window, which has no room for the next segment.
    Window,
}

impl Info {
    /// No loss has set the threshold yet.
    pub const SSTHRESH_UNKNOWN: u32 = CWND_MAX;

    /// Segments by which a path is thought to reorder before it was seen to (Linux's tcp_reordering).
    pub const REORDERING_UNSEEN: u8 = 3;
}

impl Connection {
    /// What the connection waits for now.
    #[must_use]
    pub fn limit(&self) -> Limit {
        if !self.state.sends_payload() || self.unsent() == 0 && self.snd.flight() == 0 {
            return Limit::Idle;
        }
        let usable = self.snd.edge().later(self.snd.max).since(self.snd.max);
        let next = self.unsent().min(self.payload_max());
        if next > usable { Limit::Window } else { Limit::Network }
    }

    /// Probes of a closed window, or of an idle peer, without an answer.
    #[must_use]
    pub fn probes(&self) -> u8 {
        let refused = self.refused().map_or(0, |refused| refused.tries);
        match self.timers.is_persisting() {
            true => self.snd.retransmits.saturating_add(refused),
            false => self.keepalive_probes,
        }
    }

    /// How the connection stands now. Looks at each segment in flight.
    #[must_use]
    pub fn info(&self, config: &Config) -> Info {
        let payload_max = self.payload_max();
        let (cwnd, ssthresh) = (self.snd.cc.cwnd(), self.snd.cc.ssthresh());
        let segments = |of: &dyn Fn(&Sent) -> bool| -> u32 {
            let records = self.flight.board.records().filter(|sent| of(sent));
            records.map(|sent| sent.end.since(sent.start).div_ceil(payload_max)).sum()
        };
        let again =
            |sent: &Sent| sent.fate == Fate::InFlight && sent.transmissions == Transmissions::Again;
        let probing = self.timers.is_persisting();
        let smoothed = self.snd.rtt.smoothed();
        let (reorderings, reordering) = self.snd.rack.reordering();
        Info {
            state: self.state,
            recovery: self.snd.recovery,
            cwnd,
            ssthresh,
            payload_max,
            in_flight: segments(&|_| true),
            sacked: segments(&|sent| sent.fate == Fate::Sacked),
            lost: segments(&|sent| sent.fate == Fate::Lost),
            retransmitted: segments(&again),
            srtt: smoothed.map(|s| s.srtt),
            rttvar: smoothed.map(|s| s.rttvar),
            rto: self.snd.rtt.timeout(config),
            backoff: self.snd.rtt.backoff(),
            timeouts: if probing { 0 } else { self.snd.retransmits },
            probes: self.probes(),
            timestamps: self.timestamps.is_some(),
            sack: self.sack,
            window_scale: self.window_scale,
            snd_wnd: self.snd.wnd,
            snd_wnd_max: self.snd.wnd_max,
            rcv_wnd: self.rcv.wnd,
            unsent_bytes: self.unsent(),
            largest_received: self.rcv.ack.rhythm.largest,
            mss_announced: self.rcv.mss,
            reordering,
            reorderings,
        }
    }
}

#[cfg(all(test, feature = "script"))]
mod tests {
    use super::*;
    use crate::script::{Endpoint, EngineEndpoint, Setup};

    #[test]
    fn the_threshold_is_not_known_before_something_sets_it() {
        let mut end = EngineEndpoint::new(&Setup::default(), Nanos::ZERO);
        end.connect();
        let conn = end.conn.expect("it is opening");
        assert_eq!(conn.info(&Config::default()).ssthresh, Info::SSTHRESH_UNKNOWN);
    }
}
