//! What came of all failovers.

use mafo::Nanos;
use mafo::failover::{Distribution, Report as Times};

use super::options::FailoverOptions;
use crate::bench::figures::{CoreShare, PerOp, finite, micros};
use crate::rig::{fine_micros_json, micros_json};

/// The figures.
pub(in crate::bench) struct Report {
    connections: u32,
    busy: usize,
    count: u32,
    pub(super) times: Times,
    /// From the driver having handled the word of the cut until no connection lived elsewhere.
    pub(super) all_moved: Distribution,
    /// The same in the thread's processor time, the peer's share included.
    pub(super) all_moved_cpu: Distribution,
    /// Processor time of each handover: of host, driver and both cards.
    pub(super) cpu: Distribution,
    /// Cycles of all of them.
    pub(super) cycles: u64,
    /// Processor time of the whole run, both ends and the peer included.
    pub(super) core_seconds: f64,
    /// Pieces of responses that were not what they were to be.
    pub(super) wrong: u64,
}

impl Report {
    pub(super) fn new(options: &FailoverOptions) -> Self {
        Self {
            connections: options.connections,
            busy: options.busy(),
            count: options.count,
            times: Times::default(),
            all_moved: Distribution::default(),
            all_moved_cpu: Distribution::default(),
            cpu: Distribution::default(),
            cycles: 0,
            core_seconds: 0.0,
            wrong: 0,
        }
    }

    /// Whether every response was right.
    pub(in crate::bench) fn is_ok(&self) -> bool {
        self.wrong == 0
    }

    /// One failover.
    pub(super) fn line(&self, times: &Times, all_moved: Option<Nanos>) -> String {
        let us = |times: &Distribution| times.max().as_micros();
        let all = all_moved.map_or("-".to_owned(), |time| time.as_micros().to_string());
        format!(
            "detected after {} µs, tunnel after {} µs, {} connections handed over in {} µs, each in {} to {} µs",
            us(&times.detection),
            us(&times.tunnel_up),
            times.moved,
            all,
            times.handover.quantile(0.0).as_micros(),
            us(&times.handover),
        )
    }

    /// For people.
    pub(in crate::bench) fn text(&self) -> String {
        let parts = |name: &str, times: &Distribution| {
            let us = |part| times.quantile(part).0 as f64 / 1e3;
            let max = times.max().0 as f64 / 1e3;
            format!("{name:<12} {:>12.1} {:>12.1} {max:>12.1}\n", us(0.5), us(0.99))
        };
        let mut out = format!("{:<12} {:>12} {:>12} {:>12}\n", "µs", "p50", "p99", "max");
        out += &parts("detected", &self.times.detection);
        out += &parts("tunnel up", &self.times.tunnel_up);
        out += &parts("handover", &self.times.handover);
        out += &parts("all moved", &self.all_moved);
        out += &parts("  processor", &self.all_moved_cpu);
        out += &parts("of each", &self.cpu);
        let moved = self.times.moved;
        out += &format!("{moved} handovers; {} wrong pieces of responses\n", self.wrong);
        out
    }

    /// One JSON object. What a bench says of an operation is said of a handover.
    pub(in crate::bench) fn json(&self) -> String {
        let each = PerOp {
            latency_us: micros(&self.times.handover),
            cycles: finite(self.cycles as f64 / self.cpu.count() as f64),
            // A handover shares its messages with others, and what goes on beside it.
            copied: None,
            doorbells: None,
            burst_mean: None,
        };
        let core = CoreShare {
            lcore: 0,
            core: None,
            connections: Some(self.connections as usize),
            mafo: None,
            core_seconds: self.core_seconds,
        };
        format!(
            "{{\"name\":\"failover\",\"connections\":{},\"busy\":{},\"count\":{},\"handed_over\":{},\
             \"detect_us\":{},\"tunnel_up_us\":{},\"handover_us\":{},\"all_moved_us\":{},\"all_moved_cpu_us\":{},\
             \"handover_cpu_us\":{},\"wrong\":{},\"ok\":{},{},{},\"cores\":[{}]}}",
            self.connections,
            self.busy,
            self.count,
            self.times.moved,
            micros_json(&self.times.detection),
            micros_json(&self.times.tunnel_up),
            micros_json(&self.times.handover),
            micros_json(&self.all_moved),
            micros_json(&self.all_moved_cpu),
            fine_micros_json(&self.cpu),
            self.wrong,
            self.is_ok(),
            each.latency_json(),
            each.counts_json(),
            core.json(),
        )
    }
}
