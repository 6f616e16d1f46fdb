//! Instructions that an operation costs, both ends and the link included, as valgrind's callgrind counts them.
//!
//! A figure of time says something about a machine on a day; the number of instructions is the same each time. The
//! program runs itself under callgrind twice, with so many operations and with twice as many, and what the second run takes
//! longer is what they cost: starting up and opening connections is in neither.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;

use super::BenchError;

/// What `mafo bench instructions` can be asked for.
#[derive(Args, Clone, Debug)]
pub struct InstructionsOptions {
    /// Compare with the table in this file, which is Markdown, and fail where a row differs by more than 3 %
    #[arg(long, value_name = "FILE")]
    pub check: Option<PathBuf>,
    /// Count exchanges and streams of ours with telemetry on as well (`--telemetry`), and fail where that is more than 1 % more
    #[arg(long)]
    pub telemetry: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// The compiler that built this program.
const RUSTC: &str = env!("MAFO_RUSTC");
/// By how much of it a figure may differ from the table.
const TOLERANCE: f64 = 0.03;

/// By how much telemetry may add to it.
const TELLING: f64 = 0.01;

/// Something that is counted.
struct Case {
    /// Its row in the table.
    row: &'static str,
    /// Its key in JSON.
    key: &'static str,
    arguments: &'static [&'static str],
    /// Operations of the shorter run: enough that what a run does once does not show.
    ops: u64,
    /// Whether it is ours, and so held to the table.
    is_ours: bool,
    /// Whether it can tell how it stands.
    tells: bool,
}

const CASES: [Case; 7] = [
    Case {
        row: "exchange of 64 B, host path",
        key: "rpc_host",
        arguments: &["rpc", "--path", "host"],
        ops: 20_000,
        is_ours: true,
        tells: true,
    },
    Case {
        row: "exchange of 64 B, offloaded",
        key: "rpc_offload",
        arguments: &["rpc"],
        ops: 20_000,
        is_ours: true,
        tells: true,
    },
    Case {
        row: "64 KiB of a stream, host path",
        key: "bulk_host",
        arguments: &["bulk", "--path", "host"],
        ops: 1_000,
        is_ours: true,
        tells: true,
    },
    Case {
        row: "64 KiB of a stream, offloaded",
        key: "bulk_offload",
        arguments: &["bulk"],
        ops: 1_000,
        is_ours: true,
        tells: true,
    },
    Case {
        row: "frame of 64 B forwarded",
        key: "fwd",
        arguments: &["fwd"],
        ops: 100_000,
        is_ours: true,
        tells: false,
    },
    Case {
        row: "exchange of 64 B, smoltcp",
        key: "rpc_smoltcp",
        arguments: &["rpc", "--path", "host", "--vs", "smoltcp"],
        ops: 20_000,
        is_ours: false,
        tells: false,
    },
    Case {
        row: "64 KiB of a stream, smoltcp",
        key: "bulk_smoltcp",
        arguments: &["bulk", "--path", "host", "--vs", "smoltcp"],
        ops: 1_000,
        is_ours: false,
        tells: false,
    },
];

/// Counts, and compares if that is asked for; the text, and whether all rows are as they were.
pub(super) fn run(options: &InstructionsOptions) -> Result<(String, bool), BenchError> {
    if cfg!(debug_assertions) {
        let why = "this program was built with assertions, which are counted too: use --release";
        return Err(BenchError::CannotRun(why.to_owned()));
    }
    let table = options.check.as_deref().map(Table::read).transpose()?;
    let mut json = format!("{{\"name\":\"instructions\",\"rustc\":\"{RUSTC}\"");
    let mut text = String::new();
    let (mut changed, mut telling_costs) = (Vec::new(), Vec::new());
    for case in &CASES {
        let each = case.count(&[])?;
        let _ = write!(json, ",\"{}\":{each:.0}", case.key);
        let _ = writeln!(text, "| {} | {} |", case.row, grouped(each.round() as u64));
        eprintln!("{:<32} {:>12}", case.row, grouped(each.round() as u64));
        if options.telemetry && case.tells {
            let socket = std::env::temp_dir().join(format!("mafo-bench-{}", std::process::id()));
            let told = case.count(&[format!("--telemetry={}", socket.display())])?;
            let _ = write!(json, ",\"{}_told\":{told:.0}", case.key);
            let row = format!("{}, telemetry on", case.row);
            let _ = writeln!(text, "| {row} | {} |", grouped(told.round() as u64));
            eprintln!(
                "{row:<46} {:>12} {:+.2} %",
                grouped(told.round() as u64),
                (told / each - 1.0) * 100.0
            );
            if told > each * (1.0 + TELLING) {
                telling_costs.push(format!("{row}: {:+.2} %", (told / each - 1.0) * 100.0));
            }
        }
        if let Some(table) = table.as_ref().filter(|_| case.is_ours) {
            changed.extend(table.differs(case.row, each));
        }
    }
    json += "}\n";
    if let Some(Table { rustc, .. }) = table.filter(|table| table.rustc != RUSTC) {
        eprintln!("skipped: the table is of rustc {rustc}, this is {RUSTC}: nothing is compared");
        changed.clear();
    }
    changed.extend(telling_costs);
    for row in &changed {
        eprintln!("{row}");
    }
    Ok((if options.json { json } else { text }, changed.is_empty()))
}

impl Case {
    /// Instructions of an operation, with `more` on its command line.
    fn count(&self, more: &[String]) -> Result<f64, BenchError> {
        let [short, long] = [1, 2].map(|times| self.run(times * self.ops, more));
        Ok((long? as f64 - short? as f64) / self.ops as f64)
    }

    /// Instructions of a run with `ops` operations.
    fn run(&self, ops: u64, more: &[String]) -> Result<u64, BenchError> {
        let program = std::env::current_exe().map_err(|e| BenchError::CannotRun(e.to_string()))?;
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(program)
            .arg("bench")
            .args(self.arguments)
            .args(more)
            .args(["--ops", &ops.to_string(), "--json"])
            .output()
            .map_err(|e| {
                BenchError::CannotRun(format!("valgrind, which counts, does not run: {e}"))
            })?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(BenchError::Failed(format!("{}: {said}", self.row)));
        }
        collected(&said)
            .ok_or_else(|| BenchError::Failed(format!("{}: valgrind counts nothing", self.row)))
    }
}

/// Instructions that callgrind has counted, by what it says at its end.
fn collected(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?.1;
    line.split_whitespace().next()?.parse().ok()
}

/// What was counted before.
struct Table {
    rustc: String,
    rows: Vec<(String, u64)>,
}

impl Table {
    fn read(path: &Path) -> Result<Self, BenchError> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| BenchError::CannotRun(format!("{}: {e}", path.display())))?;
        Self::parse(&text).ok_or_else(|| {
            let why = "has no table behind a line with 'Counted with rustc VERSION'";
            BenchError::CannotRun(format!("{}: {why}", path.display()))
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("Counted with rustc ")?;
        let rustc = rest.split(|c: char| c.is_whitespace() || c == ',' || c == ':').next()?;
        let rows = rest.lines().filter_map(|line| {
            let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
            let (row, count) = (cells.next()?, cells.next()?);
            Some((row.to_owned(), count.replace(',', "").parse().ok()?))
        });
        let rows: Vec<_> = rows.collect();
        (!rows.is_empty()).then(|| Self { rustc: rustc.to_owned(), rows })
    }

    /// How a row differs from what it was, if by too much.
    fn differs(&self, row: &str, count: f64) -> Option<String> {
        let Some((_, before)) = self.rows.iter().find(|(known, _)| known == row) else {
            return Some(format!("{row}: is not in the table"));
        };
        let change = count / *before as f64 - 1.0;
        (change.abs() > TOLERANCE).then(|| {
            format!(
                "{row}: {:+.1} % from {}: the table has to say so",
                change * 100.0,
                grouped(*before)
            )
        })
    }
}

/// A number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callgrind_says_at_its_end() {
        let said = "==1== Events    : Ir\n==1== Collected : 1085047886\n==1== \n";
        assert_eq!(collected(said), Some(1_085_047_886));
        assert_eq!(collected("valgrind: no such file"), None);
    }

    #[test]
    fn rows_differ_by_more_than_three_parts_in_a_hundred() {
        let text = "Counted with rustc 1.95.0, both ends:\n\n| what | instructions |\n|---|---|\n| a | 1,000 |\n";
        let table = Table::parse(text).expect("a table");
        assert_eq!((table.rustc.as_str(), table.rows.len()), ("1.95.0", 1));
        assert_eq!(table.differs("a", 1029.0), None);
        assert_eq!(table.differs("a", 971.0), None);
        let more = "a: +3.1 % from 1,000: the table has to say so";
        assert_eq!(table.differs("a", 1031.0).as_deref(), Some(more));
        assert!(table.differs("a", 969.0).is_some_and(|text| text.starts_with("a: -3.1 %")));
        assert_eq!(table.differs("b", 1.0).as_deref(), Some("b: is not in the table"));
        assert!(Table::parse("Counted with rustc 1.95.0, nothing").is_none());
        assert!(Table::parse("| a | 1,000 |").is_none());
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
