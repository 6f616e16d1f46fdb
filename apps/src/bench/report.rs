//! The figures, as a table and as JSON.

use std::fmt::Write;
use std::time::Duration;

use mafo::Nanos;

use super::options::{BenchOptions, Path, Reference, Work};
use super::{Shape, reference};

/// What a stack did in one turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    /// Exchanges, bytes of payload that were received, or connections.
    pub(super) done: u64,
    /// Processor time of the thread: both hosts, both applications and the link.
    pub(super) cpu: Nanos,
}

/// The slices of one stack.
#[derive(Debug, Default)]
struct Figures {
    /// Per core-second, a figure a slice.
    rates: Vec<f64>,
    core_seconds: f64,
}

/// Whose figures are whose: ours, ours without protection, smoltcp's.
const NAMES: [&str; 3] = ["mafo", "unprotected", "smoltcp"];
const UNPROTECTED: usize = 1;
const SMOLTCP: usize = 2;

/// All that was measured.
pub(super) struct Report {
    work: Work,
    path: Path,
    shape: Shape,
    /// Whether ours is protected, if there are adapters.
    protect: Option<bool>,
    vs: Option<Reference>,
    /// By [`NAMES`].
    figures: [Figures; 3],
}

impl Report {
    pub(super) fn new(options: &BenchOptions, shape: &Shape) -> Self {
        Self {
            work: shape.work,
            path: options.path,
            shape: *shape,
            protect: (options.path == Path::Offload).then(|| options.protected().0),
            vs: options.vs,
            figures: Default::default(),
        }
    }

    /// What is going to be measured, and how.
    pub(super) fn heading(&self, core: usize, slices: u32, length: Duration) -> String {
        let Shape { connections, size, mtu, .. } = self.shape;
        let what = match self.work {
            Work::Rpc => format!("{size} B request and response, one outstanding each"),
            Work::Bulk => format!("one way, sends of {size} B"),
            Work::Cps => format!("opened, {size} B request and response, closed, at a time"),
        };
        let mut out = format!(
            "{} on path {}: {connections} connections, {what}; MTU {mtu}; \
             {slices} slices of {:.2} s on core {core}",
            self.work.name(),
            self.path.name(),
            length.as_secs_f64(),
        );
        if self.vs.is_some() {
            let _ = write!(out, "\nsmoltcp {}", reference::settings(&self.shape));
        }
        if cfg!(debug_assertions) {
            out += "\nbuilt with assertions: these figures say nothing about speed";
        }
        out
    }

    /// Takes in neighbouring slices, by [`NAMES`]; a line about them.
    pub(super) fn add(&mut self, n: u32, slices: [Option<Slice>; 3]) -> String {
        let mut line = format!("{n:>5}");
        let mut ours = None;
        for (at, slice) in slices.into_iter().enumerate() {
            let Some(slice) = slice else { continue };
            let seconds = slice.cpu.as_secs_f64();
            let work = match self.work {
                Work::Rpc | Work::Cps => slice.done as f64,
                Work::Bulk => slice.done as f64 * 8.0 / 1e9,
            };
            let (rate, figures) = (work / seconds, &mut self.figures[at]);
            figures.core_seconds += seconds;
            figures.rates.push(rate);
            let _ = write!(line, "  {} {}", NAMES[at], self.rate(rate));
            match ours {
                None => ours = Some(rate),
                Some(ours) => drop(write!(line, "   ratio {:.2} ", ours / rate)),
            }
        }
        line
    }

    fn unit(&self) -> &'static str {
        match self.work {
            Work::Rpc => "exchanges per core-second",
            Work::Bulk => "Gbit per core-second",
            Work::Cps => "connections per core-second",
        }
    }

    fn rate(&self, rate: f64) -> String {
        match self.work {
            Work::Rpc | Work::Cps => format!("{:>9.0}", rate),
            Work::Bulk => format!("{:>9.3}", rate),
        }
    }

    /// Median of whom ours is compared with, if it is measured.
    fn median_of(&self, at: usize) -> Option<f64> {
        let rates = &self.figures[at].rates;
        (!rates.is_empty()).then(|| median(rates))
    }

    fn ratio(&self, at: usize) -> Option<f64> {
        self.median_of(0).zip(self.median_of(at)).map(|(ours, other)| ours / other)
    }

    /// (max − min) / median of the ratios of neighbouring slices.
    fn spread(&self, at: usize) -> Option<f64> {
        self.median_of(at)?;
        let pairs = self.figures[0].rates.iter().zip(&self.figures[at].rates);
        let ratios: Vec<f64> = pairs.map(|(ours, other)| ours / other).collect();
        let (min, max) = ratios
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &r| (r.min(min), r.max(max)));
        Some((max - min) / median(&ratios))
    }

    /// The table's last lines.
    pub(super) fn text(&self) -> String {
        let mut out = "median".to_owned();
        for (at, name) in NAMES.into_iter().enumerate() {
            if let Some(rate) = self.median_of(at) {
                let _ = write!(out, " {name} {}  ", self.rate(rate));
            }
        }
        let _ = writeln!(out, "({}; sums equal)", self.unit());
        for (at, what) in [(UNPROTECTED, "protected / unprotected"), (SMOLTCP, "mafo / smoltcp")] {
            if let (Some(ratio), Some(spread)) = (self.ratio(at), self.spread(at)) {
                let seconds = [0, at].map(|at| self.figures[at].core_seconds);
                let [ours, other] = seconds;
                let _ = writeln!(
                    out,
                    "{what}: ratio {ratio:.3}, spread {spread:.3}; core-seconds: {ours:.2}, {other:.2}"
                );
            }
        }
        out
    }

    /// What `--protect` said, `null` on a path without adapters.
    fn protect_json(&self) -> &'static str {
        match (self.protect, self.median_of(UNPROTECTED)) {
            (None, _) => "null",
            (Some(true), Some(_)) => "\"on,off\"",
            (Some(true), None) => "\"on\"",
            (Some(false), _) => "\"off\"",
        }
    }

    /// One JSON object. Without a reference what belongs to it is null, and so is what belongs to our own work without
    /// protection.
    pub(super) fn json(&self) -> String {
        let number =
            |value: Option<f64>| value.map_or("null".to_owned(), |value| format!("{value:?}"));
        let seconds = |at: usize| number(self.median_of(at).map(|_| self.figures[at].core_seconds));
        format!(
            "{{\"name\":\"{}\",\"path\":\"{}\",\"connections\":{},\"size\":{},\"mtu\":{},\
             \"unit\":\"{}\",\"protect\":{},\"mafo\":{},\"unprotected\":{},\"protect_ratio\":{},\
             \"protect_spread\":{},\"smoltcp\":{},\"ratio\":{},\
             \"core_seconds\":{{\"mafo\":{},\"unprotected\":{},\"smoltcp\":{}}},\"spread\":{}}}",
            self.work.name(),
            self.path.name(),
            self.shape.connections,
            self.shape.size,
            self.shape.mtu,
            self.unit(),
            self.protect_json(),
            number(self.median_of(0)),
            number(self.median_of(UNPROTECTED)),
            number(self.ratio(UNPROTECTED)),
            number(self.spread(UNPROTECTED)),
            number(self.median_of(SMOLTCP)),
            number(self.ratio(SMOLTCP)),
            seconds(0),
            seconds(UNPROTECTED),
            seconds(SMOLTCP),
            number(self.spread(SMOLTCP)),
        )
    }
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: BenchOptions,
    }

    /// A report of slices of half a second, in units of work.
    fn report(line: &[&str], slices: &[[Option<u64>; 3]]) -> Report {
        let options = Line::parse_from([&["bench"], line].concat()).options;
        let mut report = Report::new(&options, &Shape::of(&options).expect("work"));
        let slice = |done| Slice { done, cpu: Nanos::from_millis(500) };
        for (n, done) in slices.iter().enumerate() {
            report.add(n as u32, done.map(|done| done.map(slice)));
        }
        report
    }

    #[test]
    fn figures_are_medians_per_core_second() {
        // Per core-second 2, 12, 6, 8, 4 against 10 each: the median is 6, the ratios' (1.2 - 0.2) / 0.6. Without
        // protection 4, 24, 12, 16, 8: twice as many each time.
        let slices = [1, 6, 3, 4, 2].map(|done| [Some(done), Some(2 * done), Some(5)]);
        let report = report(&["rpc", "--vs", "smoltcp", "--protect", "on,off"], &slices);
        assert_eq!((report.ratio(UNPROTECTED), report.spread(UNPROTECTED)), (Some(0.5), Some(0.0)));
        assert_eq!(report.ratio(SMOLTCP), Some(0.6));
        let spread = report.spread(SMOLTCP).expect("a reference");
        assert!((spread - 1.0 / 0.6).abs() < 1e-12, "{spread}");
        assert_eq!(
            report.json().split_once(",\"spread\"").expect("spread").0,
            "{\"name\":\"rpc\",\"path\":\"offload\",\"connections\":64,\"size\":64,\"mtu\":1500,\
             \"unit\":\"exchanges per core-second\",\"protect\":\"on,off\",\"mafo\":6.0,\
             \"unprotected\":12.0,\"protect_ratio\":0.5,\"protect_spread\":0.0,\
             \"smoltcp\":10.0,\"ratio\":0.6,\
             \"core_seconds\":{\"mafo\":2.5,\"unprotected\":2.5,\"smoltcp\":2.5}"
        );
        assert!(
            report.text().contains("protected / unprotected: ratio 0.500"),
            "{}",
            report.text()
        );
    }

    #[test]
    fn bulk_is_gbit_of_payload_and_an_absent_reference_is_null() {
        // 125 MB in half a second are 2 Gbit per second, 500 MB are 8; between them lies 5.
        let slices = [125_000_000, 500_000_000].map(|done| [Some(done), None, None]);
        let report = report(&["bulk", "--path", "host", "--size", "1000"], &slices);
        assert_eq!(
            report.json(),
            "{\"name\":\"bulk\",\"path\":\"host\",\"connections\":1,\"size\":1000,\"mtu\":1500,\
             \"unit\":\"Gbit per core-second\",\"protect\":null,\"mafo\":5.0,\"unprotected\":null,\
             \"protect_ratio\":null,\"protect_spread\":null,\"smoltcp\":null,\"ratio\":null,\
             \"core_seconds\":{\"mafo\":1.0,\"unprotected\":null,\"smoltcp\":null},\"spread\":null}"
        );
    }
}
