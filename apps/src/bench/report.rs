//! The figures, as a table and as JSON.

use std::fmt::Write;
use std::time::Duration;

use mafo::failover::Distribution;

use super::figures::{CoreShare, Figures, PerOp, Slice, median, number, spread_of};
use super::options::{BenchOptions, Path, Reference, Work};
use super::{Shape, kernel, reference};

/// Stacks at most: ours, ours without protection, smoltcp's, Linux'.
pub(super) const STACKS: usize = 4;
/// What they are called.
const NAMES: [&str; STACKS] = ["mafo", "unprotected", "smoltcp", "kernel"];
/// The same with one request at a time.
const SINGLE: [&str; STACKS] = ["mafo, one", "unprotected, one", "smoltcp, one", "kernel, one"];
pub(super) const OURS: usize = 0;
pub(super) const UNPROTECTED: usize = 1;
pub(super) const SMOLTCP: usize = 2;
pub(super) const KERNEL: usize = 3;

/// All that was measured.
pub(super) struct Report {
    work: Work,
    path: Path,
    shape: Shape,
    /// Probability that a frame is lost.
    loss: f64,
    /// The core of our adapters, if that is not the hosts'.
    asic_core: Option<usize>,
    /// All lcores of a host share one of these.
    one_card: bool,
    /// The core of each lcore; the first one is the thread's of whatever has one thread.
    cores: Vec<usize>,
    /// Whether ours is protected, if there are adapters.
    protect: Option<bool>,
    vs: Vec<Reference>,
    /// By [`NAMES`]. Of several lcores ours are sums.
    figures: [Figures; STACKS],
    /// By [`NAMES`] as well: of a connection that is alone and has one request outstanding.
    singles: [Distribution; STACKS],
    /// Ours, of each lcore.
    lcores: Vec<Figures>,
    /// Ours, of the first of several lcores with all connections.
    alone: Figures,
}

impl Reference {
    /// Its place in [`NAMES`].
    fn place(self) -> usize {
        match self {
            Self::Smoltcp => SMOLTCP,
            Self::Kernel => KERNEL,
        }
    }
}

impl Report {
    pub(super) fn new(options: &BenchOptions, shape: &Shape, cores: &[usize]) -> Self {
        Self {
            cores: cores.to_vec(),
            work: shape.work,
            path: options.path,
            shape: *shape,
            loss: options.loss,
            asic_core: options.asic_core,
            one_card: options.one_card,
            protect: (options.path == Path::Offload).then(|| options.protected().0),
            vs: options.vs.clone(),
            figures: Default::default(),
            singles: Default::default(),
            lcores: cores.iter().map(|_| Figures::default()).collect(),
            alone: Figures::default(),
        }
    }

    /// What is going to be measured, and how.
    pub(super) fn heading(&self, slices: u32, length: Duration) -> String {
        let cores = &self.cores;
        let Shape { connections, size, mtu, .. } = self.shape;
        let what = match self.work {
            Work::Rpc => format!("{size} B request and response, one outstanding each"),
            Work::Bulk => format!("{}, sends of {size} B", self.shape.direction.name()),
            Work::Cps => format!("opened, {size} B request and response, closed, at a time"),
        };
        let mut out = format!(
            "{} on path {}: {connections} connections, {what}; MTU {mtu}; \
             {slices} slices of {:.2} s on core{} {}",
            self.work.name(),
            self.path.name(),
            length.as_secs_f64(),
            if cores.len() == 1 { "" } else { "s" },
            cores.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        );
        if self.loss > 0.0 {
            let _ = write!(out, "; of all frames {} are lost", self.loss);
        }
        if self.one_card {
            out += "; one adapter a host, which its lcores share";
        }
        if let Some(core) = self.asic_core {
            let _ = write!(out, "; adapters and link on core {core}, whose time is not counted");
        }
        if cores.len() > 1 {
            out += ", and as many with all connections on the first alone";
            out += if self.asic_core.is_some() { ", with its adapters" } else { "" };
        }
        if self.vs.contains(&Reference::Smoltcp) {
            let _ = write!(out, "\nsmoltcp {}", reference::settings(&self.shape));
        }
        if self.vs.contains(&Reference::Kernel) {
            let _ = write!(out, "\nkernel: {}", kernel::settings(cores[0]));
        }
        if cfg!(debug_assertions) {
            out += "\nbuilt with assertions: these figures say nothing about speed";
        }
        out
    }

    /// Takes in neighbouring slices, by [`NAMES`]; a line about them.
    pub(super) fn add(&mut self, n: u32, slices: [Option<Slice>; STACKS]) -> String {
        let mut line = format!("{n:>5}");
        let mut ours = None;
        for (at, slice) in slices.into_iter().enumerate() {
            let Some(slice) = slice else { continue };
            let (rate, slices) = (self.rate(&slice), [slice]);
            self.figures[at].add(rate, &slices);
            if at == OURS {
                self.lcores[0].add(rate, &slices);
            }
            let _ = write!(line, "  {} {}", NAMES[at], self.work.rate(rate));
            match ours {
                None => ours = Some(rate),
                Some(ours) => drop(write!(line, "   ratio {:.2} ", ours / rate)),
            }
        }
        line
    }

    /// Takes in what a stack's only connection took for each exchange.
    pub(super) fn add_single(&mut self, at: usize, times: Distribution) {
        self.singles[at] = times;
    }

    /// Work per second of processor time.
    fn rate(&self, slice: &Slice) -> f64 {
        self.work.amount(slice.done) / slice.cpu.as_secs_f64()
    }

    /// Takes in a slice of each lcore, one in which the first did it all, and those of others, by [`NAMES`]; a line about
    /// them.
    pub(super) fn add_lcores(
        &mut self,
        n: u32,
        slices: &[Slice],
        alone: &Slice,
        others: [Option<Slice>; STACKS],
    ) -> String {
        let (mut line, mut sum) = (format!("{n:>5}"), 0.0);
        for (lcore, slice) in slices.iter().enumerate() {
            let rate = self.rate(slice);
            self.lcores[lcore].add(rate, core::slice::from_ref(slice));
            sum += rate;
            let _ = write!(line, "  lcore {lcore} {}", self.work.rate(rate));
        }
        self.figures[OURS].add(sum, slices);
        let one = self.rate(alone);
        self.alone.add(one, core::slice::from_ref(alone));
        let (all, single) = (self.work.rate(sum), self.work.rate(one));
        let _ = write!(line, "  sum {all}  alone {single}   ratio {:.2}", sum / one);
        for (at, slice) in others.into_iter().enumerate() {
            let Some(slice) = slice else { continue };
            let rate = self.rate(&slice);
            self.figures[at].add(rate, &[slice]);
            let ratio = self.each_of(sum) / rate;
            let _ = write!(line, "  {} {}   ratio {ratio:.2}", NAMES[at], self.work.rate(rate));
        }
        line
    }

    /// What several lcores do together through what one does alone, and the spread of that.
    fn of_lcores(&self) -> Option<(f64, f64)> {
        let (sums, alone) = (&self.figures[OURS].rates, &self.alone.rates);
        (!alone.is_empty()).then(|| (median(sums) / median(alone), spread_of(sums, alone)))
    }

    /// Median of whom ours is compared with, if it is measured.
    fn median_of(&self, at: usize) -> Option<f64> {
        let rates = &self.figures[at].rates;
        (!rates.is_empty()).then(|| median(rates))
    }

    /// Of what all lcores bring, which have a core each, that of a core.
    fn each_of(&self, sum: f64) -> f64 {
        sum / self.cores.len() as f64
    }

    /// What a core-second of ours brings, through what one of the other's does.
    fn ratio(&self, at: usize) -> Option<f64> {
        let (ours, other) = (self.median_of(OURS)?, self.median_of(at)?);
        Some(self.each_of(ours) / other)
    }

    /// (max − min) / median of the ratios of neighbouring slices.
    fn spread(&self, at: usize) -> Option<f64> {
        self.median_of(at)?;
        Some(spread_of(&self.figures[0].rates, &self.figures[at].rates))
    }

    /// The table's last lines.
    pub(super) fn text(&self) -> String {
        let mut out = "median".to_owned();
        for (at, name) in NAMES.into_iter().enumerate() {
            if let Some(rate) = self.median_of(at) {
                let _ = write!(out, " {name} {}  ", self.work.rate(rate));
            }
        }
        let _ = writeln!(out, "({}; every byte compared)", self.work.unit());
        if let Some((ratio, spread)) = self.of_lcores() {
            for (lcore, figures) in self.lcores.iter().enumerate() {
                let _ = write!(out, "lcore {lcore} {}  ", self.work.rate(median(&figures.rates)));
            }
            let (lcores, alone) = (self.cores.len(), self.work.rate(median(&self.alone.rates)));
            let _ = writeln!(out, "one alone {alone}");
            let _ = writeln!(out, "{lcores} lcores / one: ratio {ratio:.3}, spread {spread:.3}");
        }
        for (at, what) in [
            (UNPROTECTED, "protected / unprotected"),
            (SMOLTCP, "mafo / smoltcp"),
            (KERNEL, "mafo / kernel"),
        ] {
            if let (Some(ratio), Some(spread)) = (self.ratio(at), self.spread(at)) {
                let seconds = [0, at].map(|at| self.figures[at].core_seconds);
                let [ours, other] = seconds;
                let _ = writeln!(
                    out,
                    "{what}: ratio {ratio:.3}, spread {spread:.3}; core-seconds: {ours:.2}, {other:.2}"
                );
            }
        }
        for (at, name) in NAMES.into_iter().enumerate() {
            if self.median_of(at).is_some() {
                let _ = writeln!(out, "{name}: {}", self.details(at));
            }
        }
        out
    }

    /// Beside the rate.
    fn details(&self, at: usize) -> String {
        let PerOp { latency_us, cycles, copied, doorbells, burst_mean } = self.per_op(at);
        let mut out = String::new();
        if let Some([p50, p99, p999]) = latency_us {
            let _ = write!(
                out,
                "{} p50 {p50:.1} µs, p99 {p99:.1}, p99.9 {p999:.1}; ",
                self.what_takes()
            );
        }
        let _ = write!(
            out,
            "{:.1} µs with one request at a time; {:.0} cycles and {:.0} B copied per operation",
            self.single_us(at),
            cycles.unwrap_or(f64::NAN),
            copied.unwrap_or(f64::NAN),
        );
        if let Some((doorbells, mean)) = doorbells.zip(burst_mean) {
            let _ = write!(out, ", {doorbells:.2} doorbells; bursts of {mean:.1} frames");
        }
        out
    }

    /// Of a connection that is alone, in microseconds.
    fn single_us(&self, at: usize) -> f64 {
        self.singles[at].quantile(0.5).0 as f64 / 1e3
    }

    /// What the times are those of.
    fn what_takes(&self) -> &'static str {
        match self.work {
            Work::Rpc => "request to answer",
            Work::Bulk => "send to arrival",
            Work::Cps => "connect to both FINs acknowledged",
        }
    }

    /// Of an exchange, a send or a connection.
    fn per_op(&self, at: usize) -> PerOp {
        let bytes = if self.work == Work::Bulk { self.shape.size as f64 } else { 1.0 };
        self.figures[at].per_op(bytes)
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

    /// Which way streams went, `null` where there are none.
    fn direction_json(&self) -> String {
        let name = self.shape.direction.name();
        if self.work == Work::Bulk { format!("\"{name}\"") } else { "null".to_owned() }
    }

    /// What each lcore did: its number, the core that it had, its share of the connections.
    fn cores_json(&self) -> String {
        let of = |(lcore, figures): (usize, &Figures)| {
            CoreShare {
                lcore,
                core: Some(self.cores[lcore]),
                connections: Some(share_of(self.shape.connections, self.cores.len(), lcore)),
                mafo: Some(median(&figures.rates)),
                core_seconds: figures.core_seconds,
            }
            .json()
        };
        self.lcores.iter().enumerate().map(of).collect::<Vec<_>>().join(",")
    }

    /// What was measured.
    pub(super) fn name(&self) -> String {
        format!("{} on path {}", self.work.name(), self.path.name())
    }

    /// What its figures count.
    pub(super) fn unit(&self) -> &'static str {
        self.work.unit()
    }

    /// The rates of all slices, of each stack, and with several lcores of each of them and of one alone.
    pub(super) fn series(&self) -> Vec<(String, &[f64])> {
        let all = NAMES.into_iter().zip(&self.figures);
        let mut all: Vec<_> = all.map(|(name, of)| (name.to_owned(), &of.rates[..])).collect();
        if self.of_lcores().is_some() {
            let lcores = self.lcores.iter().enumerate();
            all.extend(lcores.map(|(n, of)| (format!("lcore {n}"), &of.rates[..])));
            all.push(("one alone".to_owned(), &self.alone.rates[..]));
        }
        all.retain(|(_, rates)| !rates.is_empty());
        all
    }

    /// How long operations took, of each stack whose times are known: all of them, and one at a time.
    pub(super) fn distributions(&self) -> Vec<(&'static str, &Distribution)> {
        let all = self.figures.iter().zip(&self.singles);
        let all = NAMES.into_iter().zip(SINGLE).zip(all);
        let both = all.flat_map(|((name, one), (of, single))| [(name, &of.times), (one, single)]);
        both.filter(|(_, times)| times.count() > 0).collect()
    }

    /// One JSON object. With one lcore what is said of several is null. Without a reference what belongs to it is null, and so is what belongs to our own work without
    /// protection.
    pub(super) fn json(&self) -> String {
        let (several, alone) = (self.of_lcores(), &self.alone);
        let seconds = |at: usize| number(self.median_of(at).map(|_| self.figures[at].core_seconds));
        let first = self.vs.first().map(|reference| reference.place());
        let each = self.per_op(OURS);
        let single = |at: usize| number(Some(self.single_us(at)));
        let named = |of: &dyn Fn(usize) -> String| {
            let all = self.vs.iter().map(|vs| format!("\"{}\":{}", vs.name(), of(vs.place())));
            all.collect::<Vec<_>>().join(",")
        };
        format!(
            "{{\"name\":\"{}\",\"path\":\"{}\",\"connections\":{},\"size\":{},\"mtu\":{},\
             \"unit\":\"{}\",\"direction\":{},\"loss\":{:?},\"protect\":{},\"asic_core\":{},\"one_card\":{},\"mafo\":{},\"unprotected\":{},\"protect_ratio\":{},\
             \"protect_spread\":{},\"smoltcp\":{},\"kernel\":{},\"ratio\":{},\"ratios\":{{{}}},\
             \"core_seconds\":{{\"mafo\":{},\"unprotected\":{},\"smoltcp\":{},\"kernel\":{}}},\"spread\":{},\
             {},\"latency_one_us\":{},\"latency_one_us_of\":{{{}}},\
             {},\"one_lcore\":{},\"one_lcore_core_seconds\":{},\"lcores_ratio\":{},\"lcores_spread\":{},\
             \"cores\":[{}]}}",
            self.work.name(),
            self.path.name(),
            self.shape.connections,
            self.shape.size,
            self.shape.mtu,
            self.work.unit(),
            self.direction_json(),
            self.loss,
            self.protect_json(),
            self.asic_core.map_or("null".to_owned(), |core| core.to_string()),
            self.one_card,
            number(self.median_of(OURS)),
            number(self.median_of(UNPROTECTED)),
            number(self.ratio(UNPROTECTED)),
            number(self.spread(UNPROTECTED)),
            number(self.median_of(SMOLTCP)),
            number(self.median_of(KERNEL)),
            number(first.and_then(|at| self.ratio(at))),
            named(&|at| number(self.ratio(at))),
            seconds(OURS),
            seconds(UNPROTECTED),
            seconds(SMOLTCP),
            seconds(KERNEL),
            number(first.and_then(|at| self.spread(at))),
            each.latency_json(),
            single(OURS),
            named(&single),
            each.counts_json(),
            number(several.map(|_| median(&alone.rates))),
            number(several.map(|_| alone.core_seconds)),
            number(several.map(|(ratio, _)| ratio)),
            number(several.map(|(_, spread)| spread)),
            self.cores_json(),
        )
    }
}

/// Of so many connections those of one lcore.
pub(super) fn share_of(connections: usize, lcores: usize, lcore: usize) -> usize {
    connections / lcores + usize::from(lcore < connections % lcores)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use mafo::Nanos;

    use super::super::figures::Counts;
    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: BenchOptions,
    }

    /// A report of slices of half a second, in units of work, by ours, ours unprotected, smoltcp and Linux.
    fn report(line: &[&str], slices: &[[Option<u64>; STACKS]]) -> Report {
        let options = Line::parse_from([&["bench"], line].concat()).options;
        let mut report = Report::new(&options, &Shape::of(&options).expect("work"), &[3]);
        for (n, done) in slices.iter().enumerate() {
            report.add(n as u32, done.map(|done| done.map(|done| slice(done, 500))));
        }
        report
    }

    fn slice(done: u64, ms: u64) -> Slice {
        let mut times = Distribution::default();
        times.record_many(Nanos::from_micros(8), 99);
        times.record(Nanos::from_micros(64));
        let counts = Counts { copied: 4000, doorbells: 20, frames: 30, bursts: 12 };
        Slice { done, cpu: Nanos::from_millis(ms), cycles: 1_000_000, counts, times }
    }

    fn has(report: &Report, part: &str) {
        let json = report.json();
        assert!(json.contains(part), "no {part} in {json}");
    }

    #[test]
    fn figures_are_medians_per_core_second() {
        // Per core-second 2, 12, 6, 8, 4 against 10 each: the median is 6, the ratios' (1.2 - 0.2) / 0.6. Without
        // protection 4, 24, 12, 16, 8: twice as many each time. Linux does 2.
        let slices = [1, 6, 3, 4, 2].map(|done| [Some(done), Some(2 * done), Some(5), Some(1)]);
        let line = ["rpc", "--vs", "smoltcp,kernel", "--protect", "on,off"];
        let mut report = report(&line, &slices);
        assert_eq!((report.ratio(UNPROTECTED), report.spread(UNPROTECTED)), (Some(0.5), Some(0.0)));
        assert_eq!((report.ratio(SMOLTCP), report.ratio(KERNEL)), (Some(0.6), Some(3.0)));
        let spread = report.spread(SMOLTCP).expect("a reference");
        assert!((spread - 1.0 / 0.6).abs() < 1e-12, "{spread}");
        let mut single = Distribution::default();
        single.record(Nanos::from_micros(2));
        report.add_single(OURS, single);
        assert_eq!(
            report.json().split_once(",\"spread\"").expect("spread").0,
            "{\"name\":\"rpc\",\"path\":\"offload\",\"connections\":64,\"size\":64,\"mtu\":1500,\
             \"unit\":\"exchanges per core-second\",\"direction\":null,\"loss\":0.0,\"protect\":\"on,off\",\"asic_core\":null,\"one_card\":false,\"mafo\":6.0,\
             \"unprotected\":12.0,\"protect_ratio\":0.5,\"protect_spread\":0.0,\
             \"smoltcp\":10.0,\"kernel\":2.0,\"ratio\":0.6,\"ratios\":{\"smoltcp\":0.6,\"kernel\":3.0},\
             \"core_seconds\":{\"mafo\":2.5,\"unprotected\":2.5,\"smoltcp\":2.5,\"kernel\":2.5}"
        );
        // Five slices of each, 16 exchanges.
        has(&report, "\"latency_us\":{\"p50\":8.0");
        has(
            &report,
            ",\"p999\":64.0},\"latency_one_us\":2.0,\"latency_one_us_of\":{\"smoltcp\":0.0",
        );
        has(
            &report,
            "\"cycles_per_op\":312500.0,\"copied_per_op\":1250.0,\"doorbells_per_op\":6.25,",
        );
        has(
            &report,
            "\"burst_mean\":2.5,\"one_lcore\":null,\"one_lcore_core_seconds\":null,\"lcores_ratio\":null,\
             \"lcores_spread\":null,\"cores\":[{\"lcore\":0,\"core\":3,\"connections\":64,\"mafo\":6.0,\
             \"core_seconds\":2.5}]}",
        );
        assert!(
            report.text().contains("protected / unprotected: ratio 0.500"),
            "{}",
            report.text()
        );
    }

    #[test]
    fn connections_are_shared_out() {
        let shares = |connections, lcores| -> Vec<usize> {
            (0..lcores).map(|lcore| share_of(connections, lcores, lcore)).collect()
        };
        assert_eq!(shares(64, 2), [32, 32]);
        assert_eq!(shares(8, 3), [3, 3, 2]);
        assert_eq!(shares(2, 2), [1, 1]);
    }

    #[test]
    fn several_lcores_are_summed_and_compared_with_one() {
        let line = "bench rpc --path host -l 4,6 --connections 3 --vs smoltcp".split(' ');
        let options = Line::parse_from(line).options;
        let shape = Shape::of(&options).expect("work");
        let mut report = Report::new(&options, &shape, &options.lcores);
        // Per core-second 2 + 4, 4 + 8, 3 + 6 against 4, 8, 5: the medians are 9 and 5, the ratios 1.5, 1.5 and 1.8.
        let mut lines = Vec::new();
        for (n, (first, second, alone)) in [(1, 2, 2), (2, 4, 4), (3, 3, 5)].into_iter().enumerate()
        {
            let ms = if n == 2 { [1000, 500] } else { [500, 500] };
            let slices = [slice(first, ms[0]), slice(second, ms[1])];
            // smoltcp does 1 in half a second: 2 per core-second, for 4.5 of ours.
            let others = [None, None, Some(slice(1, 500)), None];
            let alone = slice(alone, ms[0]);
            lines.push(report.add_lcores(n as u32 + 1, &slices, &alone, others));
        }
        assert!(lines[0].starts_with("    1  lcore 0         2  lcore 1         4  sum "));
        assert_eq!(report.of_lcores().expect("two").0, 1.8);
        has(&report, "{\"name\":\"rpc\",\"path\":\"host\",\"connections\":3,");
        has(&report, "\"mafo\":9.0,\"unprotected\":null,");
        has(
            &report,
            "\"smoltcp\":2.0,\"kernel\":null,\"ratio\":2.25,\"ratios\":{\"smoltcp\":2.25},",
        );
        has(&report, "\"core_seconds\":{\"mafo\":3.5,\"unprotected\":null,");
        // Of both together: six slices of a million cycles each for fifteen exchanges.
        has(&report, "\"cycles_per_op\":400000.0,\"copied_per_op\":1600.0,");
        has(
            &report,
            "\"one_lcore\":5.0,\"one_lcore_core_seconds\":2.0,\"lcores_ratio\":1.8,\"lcores_spread\":0.2",
        );
        has(
            &report,
            ",\"cores\":[{\"lcore\":0,\"core\":4,\"connections\":2,\"mafo\":3.0,\"core_seconds\":2.0},\
             {\"lcore\":1,\"core\":6,\"connections\":1,\"mafo\":6.0,\"core_seconds\":1.5}]}",
        );
        let text = report.text();
        assert!(text.contains("2 lcores / one: ratio 1.800, spread 0.200"), "{text}");
    }

    #[test]
    fn the_first_reference_named_is_compared_with() {
        let slices = [[Some(3), None, Some(5), Some(1)]; 5];
        let report = report(&["rpc", "--vs", "kernel,smoltcp"], &slices);
        has(&report, "\"ratio\":3.0,\"ratios\":{\"kernel\":3.0,\"smoltcp\":0.6}");
    }

    #[test]
    fn bulk_is_gbit_of_payload_and_an_absent_reference_is_null() {
        // 125 MB in half a second are 2 Gbit per second, 500 MB are 8; between them lies 5.
        let slices = [125_000_000, 500_000_000].map(|done| [Some(done), None, None, None]);
        let report = report(&["bulk", "--path", "host", "--size", "1000"], &slices);
        assert_eq!(
            report.json().split_once(",\"latency_us\"").expect("latency").0,
            "{\"name\":\"bulk\",\"path\":\"host\",\"connections\":1,\"size\":1000,\"mtu\":1500,\
             \"unit\":\"Gbit per core-second\",\"direction\":\"to-server\",\"loss\":0.0,\"protect\":null,\"asic_core\":null,\"one_card\":false,\"mafo\":5.0,\"unprotected\":null,\
             \"protect_ratio\":null,\"protect_spread\":null,\"smoltcp\":null,\"kernel\":null,\
             \"ratio\":null,\"ratios\":{},\
             \"core_seconds\":{\"mafo\":1.0,\"unprotected\":null,\"smoltcp\":null,\"kernel\":null},\
             \"spread\":null"
        );
        // An operation is a send of 1,000 bytes: 625,000 of them.
        has(&report, "\"cycles_per_op\":3.2,");
    }
}
