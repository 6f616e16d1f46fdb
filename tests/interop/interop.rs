//! Both of our paths against three other TCPs over five kinds of bad cable, opened by either side: what
//! arrives is what was sent, to the last byte, and every connection ends in good order.

#[path = "../../apps/tests/cases/mod.rs"]
#[expect(dead_code, reason = "these cases are made, not listed")]
mod cases;

use std::process::ExitCode;

use mafo::wire::impair::{ImpairCounters, Impairments, Probability};
use mafo::{Nanos, Options, PathChoice};
use mafo_apps::peer::{self, End};
use mafo_apps::trial::{self, Trial, TrialError, With};

use cases::Outcome;

/// Connections of a cell, and what each carries each way.
const CONNECTIONS: u32 = 3;
const BYTES: u64 = 96 << 10;

/// How often an impairment hit, of what is counted.
type Happened = fn(&ImpairCounters) -> u64;

/// What a cable does, and how it is seen that it did.
fn cables() -> [(&'static str, Impairments, Happened); 5] {
    let often = |p| Probability::new(p).expect("a probability");
    let none = Impairments::default();
    let hold = Nanos::from_millis(2);
    [
        ("a good cable", none, |_| 1),
        ("1 % loss", Impairments { loss: often(0.01), ..none }, |c| c.lost),
        ("reordering", Impairments { reorder: often(0.05), reorder_hold: hold, ..none }, |c| {
            c.reordered
        }),
        ("duplicates", Impairments { duplicate: often(0.05), ..none }, |c| c.duplicated),
        ("inverted bits", Impairments { corrupt: often(0.01), ..none }, |c| c.corrupted),
    ]
}

fn cell(trial: &Trial, happened: Happened) -> Outcome {
    match trial::run(trial) {
        Ok(verdict) => {
            let least = u64::from(trial.connections) * trial.bytes;
            assert!(verdict.sent >= least && verdict.received >= least, "{verdict:?}");
            let impaired = [verdict.tx_impaired, verdict.rx_impaired];
            assert!(impaired.iter().any(|way| happened(way) > 0), "nothing happened: {verdict:?}");
            Outcome::Done
        }
        Err(TrialError::NoPeer(why)) => Outcome::Skipped(why.to_string()),
        Err(error) => panic!("{error}"),
    }
}

fn main() -> ExitCode {
    peer::run_if_asked();
    let peers = [
        ("Linux with cubic", With::Kernel { congestion: "cubic" }),
        ("Linux with bbr", With::Kernel { congestion: "bbr" }),
        ("smoltcp", With::Smoltcp),
    ];
    let mut all: Vec<(String, Box<dyn Fn() -> Outcome>)> = Vec::new();
    for (ours, path) in [("host path", PathChoice::Host), ("offload", PathChoice::Offload)] {
        for (other, with) in &peers {
            for (open, opener) in [("opened by us", End::Ours), ("opened by it", End::Peer)] {
                for (cable, impairments, happened) in cables() {
                    let seed = all.len() as u64 + 1;
                    let trial = Trial {
                        options: Options::on(path),
                        with: with.clone(),
                        opener,
                        connections: CONNECTIONS,
                        bytes: BYTES,
                        impairments,
                        seed,
                    };
                    let name = format!("{ours}, {other}, {open}, {cable}");
                    all.push((name, Box::new(move || cell(&trial, happened))));
                }
            }
        }
    }
    cases::run(all)
}
