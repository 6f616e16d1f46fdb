//! When payload in order is acknowledged: at once, with the next segment, or after a delay.
//!
//! Every second full-sized segment is (RFC 9293 3.8.6.3). As Linux does, the first segments of a connection,
//! and those after a pause, are acknowledged one by one: their sender is in slow start and grows with ACKs.
//! That ends once we answer what we hear: then the answer carries the ACK, and the delay is a chance for it.

use mafo_mem::Nanos;

use crate::connection::MSS_DEFAULT;
use crate::{Config, RhythmCheckpoint};

/// Least delay that is learned, and what is begun with (Linux's TCP_ATO_MIN).
const DELAY_MIN: u16 = 40;
/// Greatest delay (Linux's TCP_DELACK_MAX); below RFC 9293 MUST-40's 500 ms.
const DELAY_MAX: u16 = 200;

/// What is known of the peer's rhythm and of ours: whether ACKs are to be quick now. With
/// [`Config::quick_acks`] = 0 they never are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// ACKs that are sent at once before any is delayed.
    quick: u8,
    /// We answer what we hear.
    interactive: bool,
    /// Payload has come.
    begun: bool,
    /// Milliseconds by which an ACK is delayed.
    delay_ms: u16,
    /// Payload bytes of the largest segment that came.
    pub(crate) largest: u16,
    /// When payload came last, in milliseconds of a clock that wraps.
    heard_ms: u32,
}

fn millis(now: Nanos) -> u32 {
    now.as_millis() as u32
}

impl Rhythm {
    pub(crate) fn checkpoint(&self, now: Nanos) -> RhythmCheckpoint {
        let Self { quick, interactive, begun, delay_ms, largest, heard_ms } = *self;
        let heard_ms_ago = begun.then(|| millis(now).wrapping_sub(heard_ms));
        RhythmCheckpoint { quick, interactive, delay_ms, largest, heard_ms_ago }
    }

    pub(crate) fn restore(checkpoint: RhythmCheckpoint, now: Nanos) -> Self {
        let RhythmCheckpoint { quick, interactive, delay_ms, largest, heard_ms_ago } = checkpoint;
        Self {
            quick,
            interactive,
            begun: heard_ms_ago.is_some(),
            delay_ms,
            largest,
            heard_ms: heard_ms_ago.map_or(0, |ago| millis(now).wrapping_sub(ago)),
        }
    }

    /// Payload has come, in segments of up to `mss` bytes, into a window of `wnd`; a pause of more than `rto` is one
    /// after which its sender begins anew.
    pub fn on_payload(
        &mut self,
        config: &Config,
        now: Nanos,
        rto: impl FnOnce() -> Nanos,
        wnd: u32,
        mss: u16,
    ) {
        let ms = millis(now);
        let since = ms.wrapping_sub(self.heard_ms);
        if !self.begun {
            self.begun = true;
            self.delay_ms = DELAY_MIN;
            self.quicken(config, wnd, mss);
        } else if since <= u32::from(DELAY_MIN) / 2 {
            self.delay_ms = self.delay_ms / 2 + DELAY_MIN / 2;
        } else if since < u32::from(self.delay_ms) {
            // As Linux, no more than a retransmission timeout: payload that comes ever more slowly would
            // stretch it without end.
            let learned = u64::from(self.delay_ms / 2) + u64::from(since);
            self.delay_ms = learned.min(rto().as_millis()).min(u16::MAX.into()) as u16;
        } else if u64::from(since) > rto().as_millis() {
            // So long a pause that the peer begins anew.
            self.quicken(config, wnd, mss);
        }
        self.heard_ms = ms;
    }

    fn quicken(&mut self, config: &Config, wnd: u32, mss: u16) {
        let segments = (wnd / (2 * u32::from(mss).max(1))).max(2);
        self.quick = self.quick.max(segments.min(config.quick_acks.into()) as u8);
    }

    /// The peer is out of step: it is told so at once, for a while.
    pub(crate) fn on_trouble(&mut self, config: &Config, wnd: u32, mss: u16) {
        self.quicken(config, wnd, mss);
        self.interactive = false;
        self.delay_ms = DELAY_MIN;
    }

    /// Payload goes out: soon enough after some came to be its answer?
    pub fn on_payload_sent(&mut self, now: Nanos) {
        let since = millis(now).wrapping_sub(self.heard_ms);
        if self.begun && since < u32::from(self.delay_ms) {
            self.interactive = true;
        }
    }

    /// The peer closes: our answer, if there is one, is our FIN.
    pub fn on_peer_fin(&mut self) {
        self.interactive = true;
    }

    /// Whether the ACK of a FIN waits for an answer to go with. One to a peer that never sent anything does not.
    pub(crate) fn delays_fin(&self, config: &Config) -> bool {
        config.quick_acks > 0 && self.begun
    }

    /// Bytes of a segment that is taken for a full one: more of them than that are not to wait for an ACK.
    pub(crate) fn full_segment(&self) -> u32 {
        u32::from(self.largest.max(MSS_DEFAULT))
    }

    /// An ACK goes out.
    pub fn on_ack_sent(&mut self) {
        self.quick = self.quick.saturating_sub(1);
        if self.quick == 0 && self.begun {
            self.delay_ms = self.delay_ms.max(DELAY_MIN);
        }
    }

    /// Whether an ACK goes at once.
    #[must_use]
    pub fn is_quick(&self) -> bool {
        self.quick > 0 && !self.interactive
    }

    /// By how much an ACK is delayed.
    pub(crate) fn delay(&self, config: &Config, srtt: Option<Nanos>) -> Nanos {
        if config.quick_acks == 0 {
            return config.delayed_ack;
        }
        let longest = match srtt {
            Some(srtt) if self.interactive => {
                srtt.as_millis().clamp(DELAY_MIN.into(), DELAY_MAX.into()) as u16
            }
            _ => DELAY_MAX,
        };
        Nanos::from_millis(self.delay_ms.clamp(DELAY_MIN, DELAY_MAX).min(longest).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Nanos = Nanos::from_millis;
    const WND: u32 = 60_000;
    const MSS: u16 = 1000;

    fn linux() -> Config {
        Config { quick_acks: 16, ..Config::default() }
    }

    fn hear(rhythm: &mut Rhythm, at: u64) {
        rhythm.on_payload(&linux(), MS(at), || MS(300), WND, MSS);
    }

    #[test]
    fn the_first_sixteen_acks_are_quick_and_so_are_they_after_a_pause() {
        let mut rhythm = Rhythm::default();
        assert!(!rhythm.is_quick(), "nothing came");
        for n in 0..16 {
            hear(&mut rhythm, 1000 + n);
            assert!(rhythm.is_quick(), "{n}");
            rhythm.on_ack_sent();
        }
        hear(&mut rhythm, 1016);
        assert!(!rhythm.is_quick());
        hear(&mut rhythm, 1016 + 300);
        assert!(!rhythm.is_quick(), "within a retransmission timeout");
        hear(&mut rhythm, 1316 + 301);
        assert!(rhythm.is_quick());
    }

    #[test]
    fn a_small_window_needs_fewer() {
        let mut rhythm = Rhythm::default();
        rhythm.on_payload(&linux(), MS(5), || MS(300), 6_000, MSS);
        assert_eq!(rhythm.quick, 3);
        let mut rhythm = Rhythm::default();
        rhythm.on_payload(&linux(), MS(5), || MS(300), 100, MSS);
        assert_eq!(rhythm.quick, 2);
    }

    #[test]
    fn who_answers_at_once_delays_and_trouble_ends_that() {
        let mut rhythm = Rhythm::default();
        rhythm.on_payload_sent(MS(3));
        hear(&mut rhythm, 10);
        assert!(rhythm.is_quick(), "what was sent before was no answer");
        rhythm.on_payload_sent(MS(10 + 40));
        assert!(rhythm.is_quick(), "nor what comes so late");
        hear(&mut rhythm, 60);
        rhythm.on_payload_sent(MS(70));
        assert!(!rhythm.is_quick());
        rhythm.on_trouble(&linux(), WND, MSS);
        assert!(rhythm.is_quick());
        rhythm.on_peer_fin();
        assert!(!rhythm.is_quick());
    }

    #[test]
    fn the_delay_follows_the_peers_rhythm_within_its_bounds() {
        let mut rhythm = Rhythm::default();
        assert_eq!(Rhythm::default().delay(&Config::default(), None), MS(40), "as configured");
        hear(&mut rhythm, 0);
        assert_eq!(rhythm.delay(&linux(), None), MS(40));
        // Every 39 ms: 40 / 2 + 39, 59 / 2 + 39, …
        hear(&mut rhythm, 39);
        assert_eq!(rhythm.delay(&linux(), None), MS(59));
        hear(&mut rhythm, 78);
        assert_eq!(rhythm.delay(&linux(), None), MS(68));
        // A peer that always comes just in time to stretch it.
        let (mut slow, mut at) = (rhythm, 78);
        for _ in 0..100 {
            at += u64::from(slow.delay_ms) - 1;
            hear(&mut slow, at);
        }
        assert_eq!(slow.delay_ms, 300, "a retransmission timeout");
        rhythm.interactive = true;
        assert_eq!(rhythm.delay(&linux(), Some(MS(50))), MS(50), "no longer than a round trip");
        assert_eq!(rhythm.delay(&linux(), Some(MS(5))), MS(40));
        assert_eq!(rhythm.delay(&linux(), Some(MS(65_536))), MS(68), "a round trip of any length");
        for n in 0..20 {
            hear(&mut rhythm, 80 + n);
        }
        assert_eq!(rhythm.delay(&linux(), None), MS(40));
    }
}
