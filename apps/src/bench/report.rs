//! The figures, as a table and as JSON.

use std::fmt::Write;
use std::time::Duration;

use mafo::Nanos;

use super::options::{BenchOptions, Path, Reference, Work};
use super::{Shape, reference};

/// What a stack did in one turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    /// Exchanges, or bytes of payload that were received.
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

/// All that was measured.
pub(super) struct Report {
    work: Work,
    path: Path,
    shape: Shape,
    vs: Option<Reference>,
    mafo: Figures,
    smoltcp: Figures,
}

impl Report {
    pub(super) fn new(options: &BenchOptions, shape: &Shape) -> Self {
        Self {
            work: options.work,
            path: options.path,
            shape: *shape,
            vs: options.vs,
            mafo: Figures::default(),
            smoltcp: Figures::default(),
        }
    }

    /// What is going to be measured, and how.
    pub(super) fn heading(&self, core: usize, slices: u32, length: Duration) -> String {
        let Shape { connections, size, mtu, .. } = self.shape;
        let what = match self.work {
            Work::Rpc => format!("{size} B request and response, one outstanding each"),
            Work::Bulk => format!("one way, sends of {size} B"),
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

    /// Takes in a pair of neighbouring slices; a line about them.
    pub(super) fn add(&mut self, n: u32, mafo: Slice, smoltcp: Option<Slice>) -> String {
        let figure = |figures: &mut Figures, slice: Slice| {
            let seconds = slice.cpu.as_secs_f64();
            let work = match self.work {
                Work::Rpc => slice.done as f64,
                Work::Bulk => slice.done as f64 * 8.0 / 1e9,
            };
            figures.core_seconds += seconds;
            figures.rates.push(work / seconds);
            work / seconds
        };
        let ours = figure(&mut self.mafo, mafo);
        let mut line = format!("{n:>5}  mafo {}", self.rate(ours));
        if let Some(slice) = smoltcp {
            let others = figure(&mut self.smoltcp, slice);
            let _ = write!(line, "   smoltcp {}   ratio {:.2}", self.rate(others), ours / others);
        }
        line
    }

    fn unit(&self) -> &'static str {
        match self.work {
            Work::Rpc => "exchanges per core-second",
            Work::Bulk => "Gbit per core-second",
        }
    }

    fn rate(&self, rate: f64) -> String {
        match self.work {
            Work::Rpc => format!("{:>9.0}", rate),
            Work::Bulk => format!("{:>9.3}", rate),
        }
    }

    /// Median of the reference, if there is one.
    fn reference(&self) -> Option<f64> {
        self.vs.map(|_| median(&self.smoltcp.rates))
    }

    fn ratio(&self) -> Option<f64> {
        self.reference().map(|reference| median(&self.mafo.rates) / reference)
    }

    /// (max − min) / median of the ratios of neighbouring slices.
    fn spread(&self) -> Option<f64> {
        self.vs?;
        let pairs = self.mafo.rates.iter().zip(&self.smoltcp.rates);
        let ratios: Vec<f64> = pairs.map(|(ours, other)| ours / other).collect();
        let (min, max) = ratios
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), &r| (r.min(min), r.max(max)));
        Some((max - min) / median(&ratios))
    }

    /// The table's last lines.
    pub(super) fn text(&self) -> String {
        let mut out = format!(
            "median mafo {}{}  ({}; sums equal)\n",
            self.rate(median(&self.mafo.rates)),
            self.reference().map_or(String::new(), |r| format!("   smoltcp {}", self.rate(r))),
            self.unit(),
        );
        if let (Some(ratio), Some(spread)) = (self.ratio(), self.spread()) {
            let _ = writeln!(
                out,
                "ratio {ratio:.3}, spread {spread:.3}; core-seconds: mafo {:.2}, smoltcp {:.2}",
                self.mafo.core_seconds, self.smoltcp.core_seconds
            );
        }
        out
    }

    /// One JSON object. Without a reference what belongs to it is null.
    pub(super) fn json(&self) -> String {
        let number =
            |value: Option<f64>| value.map_or("null".to_owned(), |value| format!("{value:?}"));
        let smoltcp_seconds = self.vs.map(|_| self.smoltcp.core_seconds);
        format!(
            "{{\"name\":\"{}\",\"path\":\"{}\",\"connections\":{},\"size\":{},\"mtu\":{},\
             \"unit\":\"{}\",\"mafo\":{},\"smoltcp\":{},\"ratio\":{},\
             \"core_seconds\":{{\"mafo\":{},\"smoltcp\":{}}},\"spread\":{}}}",
            self.work.name(),
            self.path.name(),
            self.shape.connections,
            self.shape.size,
            self.shape.mtu,
            self.unit(),
            number(Some(median(&self.mafo.rates))),
            number(self.reference()),
            number(self.ratio()),
            number(Some(self.mafo.core_seconds)),
            number(smoltcp_seconds),
            number(self.spread()),
        )
    }
}

/// The value in the middle, or between the two in the middle.
fn median(values: &[f64]) -> f64 {
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
    fn report(line: &[&str], slices: &[(u64, Option<u64>)]) -> Report {
        let options = Line::parse_from([&["bench"], line].concat()).options;
        let mut report = Report::new(&options, &Shape::of(&options));
        let slice = |done| Slice { done, cpu: Nanos::from_millis(500) };
        for (n, &(ours, other)) in slices.iter().enumerate() {
            report.add(n as u32, slice(ours), other.map(slice));
        }
        report
    }

    #[test]
    fn figures_are_medians_per_core_second() {
        // Per core-second 2, 12, 6, 8, 4 against 10 each: the median is 6, the ratios' (1.2 - 0.2) / 0.6.
        let slices = [(1, Some(5)), (6, Some(5)), (3, Some(5)), (4, Some(5)), (2, Some(5))];
        let report = report(&["rpc", "--vs", "smoltcp"], &slices);
        assert_eq!(report.reference(), Some(10.0));
        assert_eq!(report.ratio(), Some(0.6));
        let spread = report.spread().expect("a reference");
        assert!((spread - 1.0 / 0.6).abs() < 1e-12, "{spread}");
        assert_eq!(
            report.json().split_once(",\"spread\"").expect("spread").0,
            "{\"name\":\"rpc\",\"path\":\"offload\",\"connections\":64,\"size\":64,\"mtu\":1500,\
             \"unit\":\"exchanges per core-second\",\"mafo\":6.0,\"smoltcp\":10.0,\"ratio\":0.6,\
             \"core_seconds\":{\"mafo\":2.5,\"smoltcp\":2.5}"
        );
    }

    #[test]
    fn bulk_is_gbit_of_payload_and_an_absent_reference_is_null() {
        // 125 MB in half a second are 2 Gbit per second, 500 MB are 8; between them lies 5.
        let slices = [(125_000_000, None), (500_000_000, None)];
        let report = report(&["bulk", "--path", "host", "--size", "1000"], &slices);
        assert_eq!(
            report.json(),
            "{\"name\":\"bulk\",\"path\":\"host\",\"connections\":1,\"size\":1000,\"mtu\":1500,\
             \"unit\":\"Gbit per core-second\",\"mafo\":5.0,\"smoltcp\":null,\"ratio\":null,\
             \"core_seconds\":{\"mafo\":1.0,\"smoltcp\":null},\"spread\":null}"
        );
    }
}
