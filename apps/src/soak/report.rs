//! What the seeds came to, as text and as JSON.

use std::fmt::Write;

use mafo_sim::soak::Tally;

/// All that is told in the end.
pub(super) struct Report {
    seeds: u64,
    first_seed: u64,
    violations: u64,
    seeds_per_second: f64,
    states_total: usize,
    never_reached: Vec<String>,
}

impl Report {
    pub(super) fn new(first_seed: u64, tally: &Tally) -> Self {
        Self {
            seeds: tally.seeds,
            first_seed,
            violations: tally.violations,
            seeds_per_second: tally.seeds_per_second(),
            states_total: tally.coverage.states_total(),
            never_reached: tally.coverage.never_reached().into_iter().map(str::to_owned).collect(),
        }
    }

    /// Whether no rule was violated.
    pub(super) fn ok(&self) -> bool {
        self.violations == 0
    }

    fn states_reached(&self) -> usize {
        self.states_total - self.never_reached.len()
    }

    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "{} seeds from {}: {} violations; {:.0} seeds a second of one core",
            self.seeds, self.first_seed, self.violations, self.seeds_per_second
        );
        let (reached, total) = (self.states_reached(), self.states_total);
        let _ = writeln!(out, "{reached} of {total} pairs of state and event reached");
        for name in &self.never_reached {
            let _ = writeln!(out, "  never: {name}");
        }
        out += if self.ok() { "ok\n" } else { "not ok\n" };
        out
    }

    /// One JSON object. Names are made of letters, spaces and colons.
    pub(super) fn json(&self) -> String {
        let never: Vec<String> =
            self.never_reached.iter().map(|name| format!("\"{name}\"")).collect();
        format!(
            "{{\"seeds\":{},\"first_seed\":{},\"violations\":{},\"seeds_per_second\":{:?},\
             \"states_reached\":{},\"states_total\":{},\"never_reached\":[{}],\"ok\":{}}}",
            self.seeds,
            self.first_seed,
            self.violations,
            self.seeds_per_second,
            self.states_reached(),
            self.states_total,
            never.join(","),
            self.ok(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(violations: u64, never: &[&str]) -> Report {
        Report {
            seeds: 20,
            first_seed: 7,
            violations,
            seeds_per_second: 250.5,
            states_total: 40,
            never_reached: never.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn json_has_the_keys_that_were_promised() {
        assert_eq!(
            report(0, &["offload: a in b", "c"]).json(),
            "{\"seeds\":20,\"first_seed\":7,\"violations\":0,\"seeds_per_second\":250.5,\
             \"states_reached\":38,\"states_total\":40,\
             \"never_reached\":[\"offload: a in b\",\"c\"],\"ok\":true}"
        );
        assert!(report(1, &[]).json().ends_with("\"never_reached\":[],\"ok\":false}"));
    }

    #[test]
    fn text_says_what_was_never_reached_and_the_verdict() {
        let text = report(2, &["x"]).text();
        assert!(text.starts_with("20 seeds from 7: 2 violations; 250 seeds"), "{text}");
        assert!(text.ends_with("39 of 40 pairs of state and event reached\n  never: x\nnot ok\n"));
    }
}
