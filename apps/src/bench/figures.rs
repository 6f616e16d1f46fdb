//! What is measured of whatever work: how much of it a core-second brings, and what one operation of it takes.

use mafo::Nanos;
use mafo::failover::Distribution;

/// What a stack did in one turn.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    /// Exchanges, bytes of payload that were received, or connections.
    pub(super) done: u64,
    /// Processor time: both hosts, both applications and the link.
    pub(super) cpu: Nanos,
    /// The same by the processor's time stamp counter.
    pub(super) cycles: u64,
    pub(super) counts: Counts,
    /// How long each exchange took that ended in it.
    pub(super) times: Distribution,
}

/// What is counted beside the work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Bytes, each as often as it was copied.
    pub(super) copied: u64,
    /// Doorbells of adapters.
    pub(super) doorbells: u64,
    /// Frames on the link, both ways.
    pub(super) frames: u64,
    /// The bursts in which they were sent.
    pub(super) bursts: u64,
}

impl core::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.copied += other.copied;
        self.doorbells += other.doorbells;
        self.frames += other.frames;
        self.bursts += other.bursts;
    }
}

impl core::ops::Sub for Counts {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            copied: self.copied - other.copied,
            doorbells: self.doorbells - other.doorbells,
            frames: self.frames - other.frames,
            bursts: self.bursts - other.bursts,
        }
    }
}

/// All slices together.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Per core-second, a figure a slice.
    pub(super) rates: Vec<f64>,
    pub(super) core_seconds: f64,
    pub(super) done: u64,
    pub(super) cycles: u64,
    pub(super) counts: Counts,
    pub(super) times: Distribution,
}

impl Figures {
    /// Takes in what slices that ran at one time did, at `rate`.
    pub(super) fn add(&mut self, rate: f64, slices: &[Slice]) {
        self.rates.push(rate);
        for slice in slices {
            self.core_seconds += slice.cpu.as_secs_f64();
            self.done += slice.done;
            self.cycles += slice.cycles;
            self.counts += slice.counts;
            self.times.add(&slice.times);
        }
    }
}

impl Figures {
    /// The same of one operation, of which `done` counts `units` each.
    pub(super) fn per_op(&self, units: f64) -> PerOp {
        let each = |all: u64| finite(all as f64 * units / self.done as f64);
        PerOp {
            latency_us: micros(&self.times),
            cycles: each(self.cycles),
            copied: each(self.counts.copied),
            doorbells: each(self.counts.doorbells),
            burst_mean: finite(self.counts.frames as f64 / self.counts.bursts as f64),
        }
    }
}

/// What an operation takes. A bench has nothing to say of what its work does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct PerOp {
    /// In microseconds, by [`QUANTILES`].
    pub(super) latency_us: Option<[f64; 3]>,
    pub(super) cycles: Option<f64>,
    /// Bytes, each as often as it was copied.
    pub(super) copied: Option<f64>,
    pub(super) doorbells: Option<f64>,
    /// Frames, or elements, that went together.
    pub(super) burst_mean: Option<f64>,
}

/// Members of the one object that every kind of bench prints.
impl PerOp {
    pub(super) fn latency_json(&self) -> String {
        let part = |n: usize| number(self.latency_us.map(|all| all[n]));
        let all = QUANTILES.iter().enumerate();
        let all = all.map(|(n, (name, _))| format!("\"{name}\":{}", part(n)));
        format!("\"latency_us\":{{{}}}", all.collect::<Vec<_>>().join(","))
    }

    pub(super) fn counts_json(&self) -> String {
        let Self { latency_us: _, cycles, copied, doorbells, burst_mean } = *self;
        format!(
            "\"cycles_per_op\":{},\"copied_per_op\":{},\"doorbells_per_op\":{},\"burst_mean\":{}",
            number(cycles),
            number(copied),
            number(doorbells),
            number(burst_mean)
        )
    }
}

/// What one lcore did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct CoreShare {
    pub(super) lcore: usize,
    /// The core that it was kept on, if it was.
    pub(super) core: Option<usize>,
    /// Its share of the connections.
    pub(super) connections: Option<usize>,
    /// Its part of the figure that the whole object has by this name.
    pub(super) mafo: Option<f64>,
    pub(super) core_seconds: f64,
}

impl CoreShare {
    pub(super) fn json(&self) -> String {
        let Self { lcore, core, connections, mafo, core_seconds } = *self;
        let whole = |n: Option<usize>| n.map_or("null".to_owned(), |n| n.to_string());
        format!(
            "{{\"lcore\":{lcore},\"core\":{},\"connections\":{},\"mafo\":{},\"core_seconds\":{core_seconds:?}}}",
            whole(core),
            whole(connections),
            number(mafo)
        )
    }
}

/// Of `ticks` that passed in `time`, those that were a thread's that had the processor for `cpu`.
pub(super) fn own_cycles(ticks: u64, cpu: Nanos, time: Nanos) -> f64 {
    ticks as f64 * (cpu.0 as f64 / time.0 as f64).min(1.0)
}

/// What cannot be told is nothing.
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// By [`QUANTILES`]; of no times nothing.
pub(super) fn micros(times: &Distribution) -> Option<[f64; 3]> {
    let us = |(_, part)| times.quantile(part).0 as f64 / 1e3;
    (times.count() > 0).then(|| QUANTILES.map(us))
}

/// What there is not, or cannot be told in JSON, is null.
pub(super) fn number(value: Option<f64>) -> String {
    value.and_then(finite).map_or("null".to_owned(), |value| format!("{value:?}"))
}

/// Which parts of all times are told.
pub(super) const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)];

/// (max − min) / median of the ratios of neighbouring slices.
pub(super) fn spread_of(ours: &[f64], others: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(others).map(|(ours, other)| ours / other).collect();
    spread(&ratios)
}

/// (max − min) / median.
pub(super) fn spread(values: &[f64]) -> f64 {
    let (min, max) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &v| (v.min(min), v.max(max)));
    (max - min) / median(values)
}

/// The value in the middle, or between the two in the middle.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}
