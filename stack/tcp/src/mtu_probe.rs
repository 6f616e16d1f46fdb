//! Paths that drop what is too long and do not say so (RFC 4821, as Linux's tcp_mtu_probing does it): after
//! repeated timeouts segments become short, and longer ones are tried again with bytes that have to be sent anyway.
//!
//! ```text
//!  low: arrives            probe: (low + high) / 2                high: no longer is tried
//!  ──┼──────────────────────────────┼──────────────────────────────────┼───►  segment size
//!    acknowledged: low = probe ◄────┴────► lost, and nothing else: high = probe − 1, no congestion
//! ```

use mafo_mem::Nanos;
use serde::{Deserialize, Serialize};

use crate::connection::MSS_MIN;
use crate::{Connection, Engine, Recovery, SeqNum};

/// Whether segments of other sizes than those that the path is said to carry are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MtuProbing {
    /// No; as Linux by default.
    #[default]
    Off,
    /// When segments are not acknowledged again and again, shorter ones, and then longer ones again.
    BlackHole,
    /// Every connection begins with [`crate::Config::mtu_probe_base`] and looks for more.
    Always,
}

/// The search ends when it is known so well (Linux's tcp_probe_threshold).
const THRESHOLD: u16 = 8;

/// Segments that follow a probe, so that its loss is found by duplicate ACKs.
const FOLLOWERS: u32 = 4;

/// Least congestion window for a probe, in segments: its loss must not stop the flow (RFC 4821 7.4).
const CWND_MIN: u32 = 11;

/// A segment that is longer than what is known to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MtuProbe {
    /// Its first byte.
    pub start: SeqNum,
    /// One past its last.
    pub end: SeqNum,
    /// Segment size that it stands for.
    pub mss: u16,
}

/// The search for the longest segment that arrives, all sizes without headers and options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MtuSearch {
    pub(crate) low: u16,
    pub(crate) high: u16,
    /// What the path is said to carry, and the peer takes.
    pub(crate) ceiling: u16,
    pub(crate) probe: Option<MtuProbe>,
    /// When the search begins anew after it has ended: paths change.
    pub(crate) again_at: Nanos,
}

impl Connection {
    /// Largest segment that the path is said to carry. While a search is on, [`Connection::mss`] may be less.
    #[must_use]
    pub fn path_mss(&self) -> u16 {
        self.mtu_search().map_or(self.snd.mss, |search| search.ceiling)
    }

    /// The connection opens.
    //= rfc4821#7.2 RFC4821-7.2-1
    pub(crate) fn begin_mtu_search(&mut self, engine: &Engine, now: Nanos) {
        if engine.config.mtu_probing == MtuProbing::Always {
            self.search_below(engine, now, engine.config.mtu_probe_base);
        }
    }

    /// From now on segments have at most `low` bytes, and longer ones have to prove that they arrive.
    fn search_below(&mut self, engine: &Engine, now: Nanos, low: u16) {
        let ceiling = self.mtu_search().map_or(self.snd.mss, |search| search.ceiling);
        let low = low.max(MSS_MIN).min(ceiling);
        let again_at = now + engine.config.mtu_probe_interval;
        let search = MtuSearch { low, high: ceiling, ceiling, probe: None, again_at };
        self.rare.get_or_insert_default().mtu_search = Some(search);
        self.set_mss(low);
    }

    /// The retransmission timer ran out. When it has done so a few times for a segment that a shorter path would have
    /// dropped, that is what may have happened.
    ///
    //= rfc4821#7.7 RFC4821-7.7-1
    pub(crate) fn suspect_black_hole(&mut self, engine: &mut Engine, now: Nanos) {
        self.forget_mtu_probe();
        let config = &engine.config;
        let (base, off) = (config.mtu_probe_base, config.mtu_probing == MtuProbing::Off);
        if off || self.snd.retransmits < config.retransmits_advice || self.snd.wnd == 0 {
            return;
        }
        let low = match self.mtu_search() {
            Some(search) if search.low <= base => (search.low / 2).max(MSS_MIN),
            _ => base,
        };
        let options = u32::from(self.snd.mss) - self.payload_max();
        if !self.state.is_synchronized()
            || low >= self.snd.mss
            || self.flight.board.longest() + options <= u32::from(low)
        {
            return;
        }
        engine.counters.mtu_black_holes += 1;
        self.search_below(engine, now, low);
    }

    /// Where the next segment ends if it is to be a probe.
    ///
    //= rfc4821#7.4 RFC4821-7.4-1
    //= rfc4821#7.3 RFC4821-7.3-1 RFC4821-7.3-2
    pub(crate) fn next_mtu_probe(&mut self, engine: &Engine, now: Nanos) -> Option<MtuProbe> {
        let (current, payload) = (self.snd.mss, self.payload_max());
        let search = self.rare.as_mut()?.mtu_search.as_mut()?;
        //= rfc4821#7.3 RFC4821-7.3-3
        if search.high.saturating_sub(search.low) < THRESHOLD {
            if now < search.again_at || search.ceiling.saturating_sub(current) < THRESHOLD {
                return None;
            }
            (search.high, search.again_at) =
                (search.ceiling, now + engine.config.mtu_probe_interval);
        }
        //= rfc4821#7.6 RFC4821-7.6-1
        let mss = u16::midpoint(search.low, search.high);
        // The owner may have lowered what is sent below what is known to arrive.
        if search.probe.is_some() || mss <= current.max(search.low) {
            return None;
        }
        let len = u32::from(mss) - (u32::from(current) - payload);
        let undisturbed = self.snd.recovery == Recovery::Open
            && self.flight.board.left_network() == 0
            && self.flight.dup_acks == 0
            && self.flight.held.is_empty()
            && !self.switches.tx_quiesce
            && !self.timers.is_persisting();
        let (cwnd, max) = (self.snd.cc.cwnd(), self.snd.max);
        let needed = len + FOLLOWERS * payload;
        let unsent = self.snd.tx_max.later(max).since(max);
        let usable = self.snd.edge().later(max).since(max);
        let fits = cwnd >= CWND_MIN * payload && self.pipe() + needed <= cwnd;
        (undisturbed && fits && unsent >= needed && usable >= needed).then(|| MtuProbe {
            start: max,
            end: max + len,
            mss,
        })
    }

    /// The next segment is `probe`.
    pub(crate) fn on_mtu_probe_sent(&mut self, engine: &mut Engine, probe: MtuProbe) {
        engine.counters.mtu_probes += 1;
        if let Some(search) = self.mtu_search_mut() {
            search.probe = Some(probe);
        }
    }

    /// `snd.una` may have moved beyond a probe: then it arrived.
    pub(crate) fn on_una_beyond_mtu_probe(&mut self, engine: &mut Engine) {
        let una = self.snd.una;
        let Some(search) = self.mtu_search_mut() else { return };
        if let Some(probe) = search.probe.take_if(|probe| una.at_or_after(probe.end)) {
            engine.counters.mtu_probes_arrived += 1;
            search.low = probe.mss;
            self.set_mss(probe.mss);
        }
    }

    /// Something is found lost. If it is a probe and nothing else, that was to be expected, and its bytes go again in
    /// shorter segments. Whether so.
    ///
    //= rfc4821#7.6.2 RFC4821-7.6.2-1
    //= rfc4821#7.6.3 RFC4821-7.6.3-1
    pub(crate) fn is_mtu_probe_lost(&mut self, engine: &mut Engine) -> bool {
        let (una, lost) = (self.snd.una, self.flight.board.lost());
        let Some(search) = self.mtu_search_mut() else { return false };
        let alone =
            |probe: &mut MtuProbe| probe.start == una && lost <= probe.end.since(probe.start);
        let Some(probe) = search.probe.take_if(alone) else { return false };
        engine.counters.mtu_probes_lost += 1;
        search.high = probe.mss - 1;
        self.flight.board.mark_head_lost_up_to(probe.end);
        true
    }

    /// Its bytes are sent again: what is acknowledged now proves nothing.
    pub(crate) fn forget_mtu_probe(&mut self) {
        if let Some(search) = self.mtu_search_mut() {
            search.probe = None;
        }
    }

    /// The path is said to carry segments of `mss` bytes, as much of that as the peer takes.
    pub(crate) fn on_path_mss(&mut self) {
        let mss = self.snd.mss;
        let Some(search) = self.mtu_search_mut() else { return };
        (search.ceiling, search.high, search.probe) = (mss, mss, None);
        search.low = search.low.min(mss);
        let low = search.low;
        self.set_mss(low);
    }
}
