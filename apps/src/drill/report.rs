//! What came of all drills: a line for each, then times, counts and the verdict.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use mafo::Nanos;
use mafo::failover::{Distribution, Report as Times};

use super::options::DrillOptions;
use crate::rig::{Verdict, fine_micros_json, micros_json, quantiles};

/// What came of the drills.
pub(super) struct Report {
    pub(super) verdict: Verdict,
    /// Drills that have been through.
    pub(super) count: u32,
    /// Connections, over all drills, whose peer's last frames went into the dead wire with nothing behind
    /// them.
    pub(super) swallowed: u64,
    /// Processor time of each handover: of host, driver and both cards.
    pub(super) handover_cpu: Distribution,
    /// The stalls of all others.
    pub(super) stall_clean: Distribution,
    /// Timeouts of the peer's TCP during the drills; `None` if it does not count.
    pub(super) peer_timeouts: Option<u64>,
    /// The same over as long a time without faults.
    pub(super) peer_timeouts_control: Option<u64>,
}

impl Report {
    /// No drill yet.
    pub(super) fn new(verdict: Verdict) -> Self {
        Self {
            verdict,
            count: 0,
            swallowed: 0,
            handover_cpu: Distribution::default(),
            stall_clean: Distribution::default(),
            peer_timeouts: None,
            peer_timeouts_control: None,
        }
    }

    /// Adds what a drill measured, also of one that does not come to its end.
    pub(super) fn measured(&mut self, times: &Times, moved: &BTreeSet<usize>) {
        self.verdict.handed_over += moved.len();
        self.verdict.times.add(times);
    }

    /// A drill, when it is through.
    pub(super) fn line(
        &self,
        n: u32,
        what: &str,
        times: &Times,
        (swallowed, timeouts): (usize, Option<u64>),
    ) -> String {
        let us = |times: &Distribution| times.max().as_micros();
        format!(
            "drill {n}: {what}; detect {} µs, up {} µs, {} handed over in {} to {} µs, stall at most {} µs; \
             swallowed {swallowed}, timeouts of the peer {}",
            us(&times.detection),
            us(&times.tunnel_up),
            times.handover.count(),
            times.handover.quantile(0.0).as_micros(),
            us(&times.handover),
            us(&times.stall),
            timeouts.map_or("not counted".to_owned(), |count| count.to_string()),
        )
    }

    /// Compares with what was allowed.
    pub(super) fn judge(&mut self, options: &DrillOptions) {
        let times = &self.verdict.times;
        let limits = [
            ("stall", &times.stall, options.max_stall_p99),
            ("tunnel up", &times.tunnel_up, options.max_tunnel_p99),
        ];
        let mut broken = Vec::new();
        for (what, times, limit) in limits {
            let Some(limit) = limit.map(nanos) else { continue };
            let p99 = times.quantile(0.99);
            if p99 > limit {
                let (p99, limit) = (p99.as_micros(), limit.as_micros());
                broken.push(format!("{what}: p99 is {p99} µs, more than {limit} µs"));
            }
        }
        self.verdict.reasons.extend(broken);
        self.verdict.resets_allowed = options.max_resets.unwrap_or(0);
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        self.verdict.figures() + &self.further() + &self.verdict.judgement()
    }

    /// The counts alone, a line each.
    pub(super) fn counts(&self) -> String {
        self.verdict.counts() + &self.further()
    }

    /// What the verdict does not tell.
    fn further(&self) -> String {
        let mut out = String::new();
        let [p50, p99, _, max] = quantiles(&self.handover_cpu).map(micros);
        let _ = writeln!(
            out,
            "processor time of a handover: p50 {p50:.3} µs, p99 {p99:.3} µs, max {max:.3} µs"
        );
        let clean = quantiles(&self.stall_clean).map(|time| time.as_micros().to_string());
        let _ = writeln!(
            out,
            "{} drills; {} handovers with bytes under way; {} times the wire swallowed a connection's last frames with nothing behind them; \
             stalls of the others: {} µs",
            self.count,
            self.verdict.undrained,
            self.swallowed,
            clean.join(", ")
        );
        if let (Some(drills), Some(control)) = (self.peer_timeouts, self.peer_timeouts_control) {
            let _ = writeln!(
                out,
                "timeouts of the peer's TCP: {drills} during the drills, {control} in as long without faults"
            );
        }
        out
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let number = |n: Option<u64>| n.map_or("null".to_owned(), |n| n.to_string());
        self.verdict.json(&[
            ("count", self.count.to_string()),
            ("handover_cpu_us", fine_micros_json(&self.handover_cpu)),
            ("handed_over_undrained", self.verdict.undrained.to_string()),
            ("swallowed", self.swallowed.to_string()),
            ("stall_clean_us", micros_json(&self.stall_clean)),
            ("peer_timeouts", number(self.peer_timeouts)),
            ("peer_timeouts_control", number(self.peer_timeouts_control)),
        ])
    }
}

fn micros(time: Nanos) -> f64 {
    time.0 as f64 / 1e3
}

fn nanos(time: Duration) -> Nanos {
    Nanos(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
