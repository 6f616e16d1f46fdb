//! A thousand seeds, each its own small history of connections and faults.

use std::env;

use mafo_sim::run::{self, Cost};

const SEEDS: u64 = 1_000;

#[test]
fn a_thousand_seeds() {
    if let Some(seed) = env::var("MAFO_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        match run::run(seed) {
            Ok(outcome) => println!("{outcome:?}"),
            Err(failure) => panic!("{failure}"),
        }
        return;
    }
    let count = env::var("MAFO_SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(SEEDS);
    let (coverage, costs) = run::run_many(count).unwrap_or_else(|failure| panic!("{failure}"));
    report(costs);
    println!("faults hit\n{coverage}");
    assert_eq!(coverage.missed(), [""; 0], "never hit by a fault");
}

fn report(mut costs: Vec<Cost>) {
    costs.sort_by_key(|cost| cost.nanos);
    let ms = |nanos: u64| nanos as f64 / 1e6;
    let (median, dearest) = (costs[costs.len() / 2], costs[costs.len() - 1]);
    let total: u64 = costs.iter().map(|cost| cost.nanos).sum();
    println!(
        "{} seeds in {:.1} s: a seed costs {:.2} ms (median)",
        costs.len(),
        ms(total) / 1e3,
        ms(median.nanos)
    );
    println!(
        "the dearest: {:.0} ms, seed {}: {} polls, {} frames",
        ms(dearest.nanos),
        dearest.seed,
        dearest.steps,
        dearest.frames
    );
}
