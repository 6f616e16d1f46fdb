//! `mafo bench conns`: what connections cost that are open and idle.
//!
//! The program runs itself, once with all connections and once with [`FEW`]: what the first process has more of memory is
//! what the connections take. In the process with all of them requests are then made on all in turn, and on [`WINDOW`] of
//! them, slice by slice.

use std::process::Command;

use clap::Args;
use mafo::Nanos;

use super::BenchError;
use super::contest::{Held, take_a_core};
use super::figures::{CoreShare, PerOp, finite, median};
use super::options::{BenchOptions, Path, Work};
use super::turns::Hooks;
use crate::tell::TellOptions;

/// Connections of the process that is compared with.
const FEW: u32 = 1000;
/// Requests outstanding at a time.
const WINDOW: usize = 64;
/// More than an end of a connection takes today: what has to be there before a run begins.
const BYTES_MAX: u64 = 4 << 10;

/// What `mafo bench conns` can be asked for.
#[derive(Args, Clone, Debug)]
pub struct ConnsOptions {
    /// Connections, all of them open at both ends and idle
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u32).range(2000..=1_000_000))]
    pub connections: u32,
    /// Where TCP runs: in a software adapter at each end, or in the host's own stack
    #[arg(long, value_enum, default_value_t = Path::Offload)]
    pub path: Path,
    /// How long requests are made on all connections in turn, and as long on 64 of them
    #[arg(long, value_name = "S", default_value = "5", value_parser = super::options::parse_seconds)]
    pub seconds: f64,
    /// Print one JSON object on standard output, everything else on standard error
    #[arg(long)]
    pub json: bool,
    /// Only hold so many, and say what the process takes
    #[arg(long, hide = true)]
    pub holds: Option<u32>,
    /// For tests
    #[command(flatten)]
    pub hooks: Hooks,
}

impl ConnsOptions {
    /// The same as the work of stacks.
    fn contest(&self, connections: u32) -> BenchOptions {
        BenchOptions {
            work: Some(Work::Rpc),
            path: self.path,
            connections: Some(connections),
            size: None,
            direction: None,
            loss: 0.0,
            asic_core: None,
            one_card: false,
            report: None,
            mtu: 1500,
            lcores: Vec::new(),
            seconds: self.seconds,
            ops: None,
            vs: Vec::new(),
            protect: Vec::new(),
            config: None,
            tell: TellOptions::default(),
            json: self.json,
            hooks: self.hooks,
        }
    }
}

/// What a process with open connections takes and does.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Process {
    /// Bytes in memory, but for what the bench itself keeps.
    memory: f64,
    /// Bytes by the pools' own counts.
    host: f64,
    asic: f64,
    payload: f64,
    /// Until all stood, by the clock and of processor time.
    standing_s: f64,
    standing_cpu_s: f64,
    /// Exchanges per core-second: on all connections in turn, and on a few of them.
    all: f64,
    few: f64,
    /// What an exchange takes, of those on all connections in turn.
    each: PerOp,
    /// Who did them.
    core: CoreShare,
}

/// What is said of a process, by name; what there is no figure of is not a number.
const FIELDS: [&str; 17] = [
    "memory",
    "host",
    "asic",
    "payload",
    "standing_s",
    "standing_cpu_s",
    "all",
    "few",
    "p50",
    "p99",
    "p999",
    "cycles",
    "copied",
    "doorbells",
    "burst",
    "core",
    "core_seconds",
];

impl Process {
    fn values(&self) -> [f64; FIELDS.len()] {
        let Self { memory, host, asic, payload, standing_s, standing_cpu_s, all, few, each, core } =
            *self;
        let PerOp { latency_us, cycles, copied, doorbells, burst_mean } = each;
        let [p50, p99, p999] = latency_us.unwrap_or([f64::NAN; 3]);
        let [cycles, copied, doorbells, burst] =
            [cycles, copied, doorbells, burst_mean].map(|each| each.unwrap_or(f64::NAN));
        let CoreShare { core, core_seconds, .. } = core;
        let core = core.map_or(f64::NAN, |core| core as f64);
        [
            memory,
            host,
            asic,
            payload,
            standing_s,
            standing_cpu_s,
            all,
            few,
            p50,
            p99,
            p999,
            cycles,
            copied,
            doorbells,
            burst,
            core,
            core_seconds,
        ]
    }

    fn line(&self) -> String {
        let members =
            FIELDS.iter().zip(self.values()).map(|(name, value)| format!("{name} {value}"));
        members.collect::<Vec<_>>().join(" ") + "\n"
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let mut values = [0.0; FIELDS.len()];
        for (name, value) in FIELDS.iter().zip(&mut values) {
            (words.next()? == *name).then_some(())?;
            *value = words.next()?.parse().ok()?;
        }
        let [memory, host, asic, payload, standing_s, standing_cpu_s, all, few, rest @ ..] = values;
        let [p50, p99, p999, cycles, copied, doorbells, burst, core, core_seconds] = rest;
        let each = PerOp {
            latency_us: finite(p50).map(|p50| [p50, p99, p999]),
            cycles: finite(cycles),
            copied: finite(copied),
            doorbells: finite(doorbells),
            burst_mean: finite(burst),
        };
        let core = finite(core).map(|core| core as usize);
        let core = CoreShare { core, core_seconds, mafo: Some(all), ..CoreShare::default() };
        Some(Self { memory, host, asic, payload, standing_s, standing_cpu_s, all, few, each, core })
    }
}

/// A number of /proc: kilobytes, as bytes.
fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.split_ascii_whitespace().next()?.parse::<u64>().ok()? << 10)
}

fn read(file: &str) -> Result<String, BenchError> {
    std::fs::read_to_string(file).map_err(|e| BenchError::CannotRun(format!("{file}: {e}")))
}

/// What this process has in memory.
fn resident() -> Result<u64, BenchError> {
    let status = read("/proc/self/status")?;
    Ok(["VmRSS", "HugetlbPages"].iter().filter_map(|name| kilobytes(&status, name)).sum())
}

/// Holds connections, and says what they take.
fn hold(options: &ConnsOptions, connections: u32) -> Result<Process, BenchError> {
    let core = take_a_core(None)?;
    let contest = options.contest(connections);
    let held = Held::open(&contest)?;
    let memory = resident()?;
    let [host, asic, payload, own] = held.footprint();
    let [standing_s, standing_cpu_s] = held.standing.map(Nanos::as_secs_f64);
    let [all, few] = held.figures(&contest, WINDOW)?;
    let rate = median(&all.rates);
    Ok(Process {
        memory: memory as f64 - own as f64,
        host: host as f64,
        asic: asic as f64,
        payload: payload as f64,
        standing_s,
        standing_cpu_s,
        all: rate,
        few: median(&few.rates),
        each: all.per_op(1.0),
        core: CoreShare {
            core: Some(core),
            mafo: Some(rate),
            core_seconds: all.core_seconds,
            ..CoreShare::default()
        },
    })
}

/// The same in a process of its own.
fn process(options: &ConnsOptions, connections: u32) -> Result<Process, BenchError> {
    let program = std::env::current_exe().map_err(|e| BenchError::CannotRun(e.to_string()))?;
    let mut command = Command::new(program);
    command.args(["bench", "conns", "--path", options.path.name()]);
    command.args(["--holds", &connections.to_string(), "--seconds", &options.seconds.to_string()]);
    #[cfg(debug_assertions)]
    if let Some(ms) = options.hooks.slice_ms {
        command.args(["--slice-ms", &ms.to_string()]);
    }
    let output = command.output().map_err(|e| BenchError::CannotRun(e.to_string()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    Process::parse(&said).filter(|_| output.status.success()).ok_or_else(|| {
        let error = String::from_utf8_lossy(&output.stderr);
        let why = format!(
            "the process with {connections} connections: {}: {}",
            output.status,
            error.trim()
        );
        BenchError::Failed(why)
    })
}

/// What one end of one connection takes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Bytes {
    total: f64,
    host: f64,
    asic: f64,
    payload: f64,
}

impl Bytes {
    fn of(many: &Process, few: &Process, connections: u32) -> Self {
        let each = |of: fn(&Process) -> f64| (of(many) - of(few)) / (2.0 * f64::from(connections));
        let payload = each(|process| process.payload);
        let total = each(|process| process.memory) - payload;
        Self {
            total,
            host: each(|process| process.host),
            asic: each(|process| process.asic),
            payload,
        }
    }
}

/// Measures; the report.
pub(super) fn run(options: &ConnsOptions) -> Result<String, BenchError> {
    if let Some(connections) = options.holds {
        return hold(options, connections).map(|process| process.line());
    }
    let connections = options.connections;
    let need = 2 * u64::from(connections) * BYTES_MAX;
    let there = kilobytes(&read("/proc/meminfo")?, "MemAvailable").unwrap_or(u64::MAX);
    if there < need {
        let why = format!(
            "{connections} connections may take {:.1} GB of memory, and {:.1} are available: use fewer",
            need as f64 / 1e9,
            there as f64 / 1e9
        );
        return Err(BenchError::CannotRun(why));
    }
    let path = options.path.name();
    eprintln!("conns on path {path}: a process with {FEW} connections");
    let few = process(options, FEW)?;
    eprintln!("conns on path {path}: a process with {connections} connections");
    let many = process(options, connections)?;
    let Bytes { total, host, asic, payload } = Bytes::of(&many, &few, connections);
    let ratio = many.all / many.few;
    let Process { standing_s, standing_cpu_s, all, few, each, core, .. } = many;
    let core = CoreShare { connections: Some(connections as usize), ..core };
    Ok(if options.json {
        format!(
            "{{\"name\":\"conns\",\"path\":\"{path}\",\"connections\":{connections},\"size\":64,\"mtu\":1500,\
             \"unit\":\"bytes an end\",\"bytes_host\":{host:.1},\"bytes_asic\":{asic:.1},\
             \"bytes_total\":{total:.1},\"bytes_payload\":{payload:.1},\"standing_s\":{standing_s:.3},\
             \"standing_cpu_s\":{standing_cpu_s:.3},\
             \"rpc_held\":{all:.0},\"rpc_64\":{few:.0},\"ratio\":{ratio:?},\
             {},{},\"cores\":[{}]}}\n",
            each.latency_json(),
            each.counts_json(),
            core.json()
        )
    } else {
        format!(
            "{connections} connections, standing after {standing_s:.2} s, {standing_cpu_s:.2} of them at work\n\
             bytes an end: {total:.0} in memory without payload; by the pools' counts {host:.0} of the host, {asic:.0} of \
             its adapter, and {payload:.0} of buffers for payload\n\
             exchanges per core-second, {WINDOW} outstanding: {all:.0} on all connections in turn, {few:.0} on {WINDOW} of \
             them: ratio {ratio:.3}\n"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(memory: f64, host: f64, asic: f64, payload: f64) -> Process {
        Process {
            memory,
            host,
            asic,
            payload,
            standing_s: 0.5,
            standing_cpu_s: 0.25,
            all: 3.0,
            few: 4.0,
            each: PerOp {
                latency_us: Some([1.0, 2.5, 4.0]),
                cycles: Some(5.0),
                copied: Some(6.0),
                doorbells: None,
                burst_mean: Some(7.5),
            },
            core: CoreShare {
                core: Some(1),
                mafo: Some(3.0),
                core_seconds: 8.25,
                ..CoreShare::default()
            },
        }
    }

    #[test]
    fn what_a_process_says_is_understood() {
        let one = process(1e9, 5e8, 2.5e8, 1024.0);
        assert_eq!(Process::parse(&one.line()), Some(one));
        assert_eq!(Process::parse("memory 5 host"), None);
        assert_eq!(Process::parse("memory 5 card 5"), None);
    }

    #[test]
    fn an_end_takes_half_of_what_is_more() {
        let (few, many) = (process(1e6, 1e5, 0.0, 2e6), process(9e6, 3e5, 4e5, 4e6));
        let expected = Bytes { total: 3000.0, host: 100.0, asic: 200.0, payload: 1000.0 };
        assert_eq!(Bytes::of(&many, &few, 1000), expected);
    }

    #[test]
    fn kilobytes_are_found_by_their_whole_name() {
        let text = "VmRSSx:\t 5 kB\nVmRSS:\t  12 kB\nHugetlbPages:\t 2048 kB\n";
        assert_eq!(kilobytes(text, "VmRSS"), Some(12 << 10));
        assert_eq!(kilobytes(text, "HugetlbPages"), Some(2 << 20));
        assert_eq!(kilobytes(text, "MemAvailable"), None);
    }
}
