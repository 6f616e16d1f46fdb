//! `cargo bench --bench loss`: what a connection carries over lossy and long cables, ours and Linux's in
//! turns, as a table in Markdown. As root, since Linux is given namespaces; with the defaults an hour.

use std::num::NonZeroU64;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mafo::CongestionControl;
use mafo::wire::impair::Rate;
use mafo_apps::peer;
use mafo_apps::throughput::{self, Cell};
use mafo_apps::trial::TrialError;

#[derive(Parser)]
struct Line {
    /// Seconds of a run.
    #[arg(long, default_value_t = 10.0)]
    seconds: f64,
    /// Runs a cell; the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only this congestion control: reno, cubic, bbr.
    #[arg(long)]
    only: Option<String>,
    /// Only cells of this loss, in percent.
    #[arg(long)]
    loss: Option<f64>,
    /// Only cells of this delay each way, in milliseconds.
    #[arg(long)]
    delay: Option<u64>,
    /// Megabits per second of the cable.
    #[arg(long, default_value_t = 200)]
    mbits: u64,
    /// Cargo says so when it wants figures.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Milliseconds of the line that its queue holds.
const QUEUE_MS: u64 = 50;

impl Line {
    fn cells(&self) -> Vec<Cell> {
        let bits = self.mbits.max(1) * 1_000_000;
        let rate = Rate {
            bits_per_second: NonZeroU64::new(bits).expect("at least a megabit"),
            queue_bytes: bits / 8 * QUEUE_MS / 1000,
        };
        let mut cells = Vec::new();
        for kernel in ["reno", "cubic", "bbr"] {
            // What is not there yet has no row.
            let Ok(congestion) = kernel.parse::<CongestionControl>() else { continue };
            for percent in [0.0, 0.1, 1.0, 3.0] {
                for ms in [1, 10, 50] {
                    let wanted = self.only.as_deref().is_none_or(|only| only == kernel)
                        && self.loss.is_none_or(|loss| loss == percent)
                        && self.delay.is_none_or(|delay| delay == ms);
                    if wanted {
                        let (loss, delay) = (percent / 100.0, Duration::from_millis(ms));
                        cells.push(Cell { congestion, kernel, loss, delay, rate });
                    }
                }
            }
        }
        cells
    }

    /// Medians in Mbit/s, ours and Linux's.
    fn measure(&self, cell: &Cell) -> Result<(f64, f64), TrialError> {
        let time = Duration::from_secs_f64(self.seconds);
        let (mut ours, mut linux) = (Vec::new(), Vec::new());
        for run in 0..self.runs.max(1) as u64 {
            ours.push(throughput::ours(cell, time, run)? / 1e6);
            linux.push(throughput::linux(cell, time, run)? / 1e6);
        }
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        Ok((median(ours), median(linux)))
    }
}

fn main() -> ExitCode {
    peer::run_if_asked();
    let line = Line::parse();
    if !line.bench {
        return ExitCode::SUCCESS;
    }
    println!(
        "| congestion control | loss | delay each way | mafo (Mbit/s) | Linux (Mbit/s) | ratio |"
    );
    println!("|---|---|---|---|---|---|");
    for cell in line.cells() {
        match line.measure(&cell) {
            Ok((ours, linux)) => println!(
                "| {} | {} % | {} ms | {ours:.1} | {linux:.1} | {:.2} |",
                cell.kernel,
                cell.loss * 100.0,
                cell.delay.as_millis(),
                ours / linux,
            ),
            Err(TrialError::NoPeer(why)) => {
                eprintln!("no Linux to compare with: {why}");
                return ExitCode::from(2);
            }
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
