//! Whole connections under chance: two engines over a bad link, copies of a connection that must go on
//! alike, and peers that mean harm. Everything comes from a seed, which a failure names.

mod link;
mod sim;
mod takeover;
mod twin;

use std::panic::RefUnwindSafe;

/// Runs `count` seeds from `first` on; a failure names its seed. `SEED=n` runs that one alone, `SEEDS=n`
/// runs n. Answers how many were run.
pub(crate) fn run_seeds(first: u64, count: u64, run: impl Fn(u64) + RefUnwindSafe) -> u64 {
    let var = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seeds = match var("SEED") {
        Some(seed) => seed..seed + 1,
        None => first..first + var("SEEDS").unwrap_or(count),
    };
    let run_now = seeds.end - seeds.start;
    for seed in seeds {
        let outcome = std::panic::catch_unwind(|| run(seed));
        assert!(outcome.is_ok(), "SEED={seed} failed");
    }
    run_now
}
