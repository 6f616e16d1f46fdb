//! A run as one HTML page.

use std::path::Path;

use mafo::Nanos;
use mafo::failover::Distribution;

use super::run::RigError;
use super::samples::Samples;
use super::verdict::{EventKind, TimelineEvent, Verdict, quantiles};
use crate::html::{self, PageFile, escaped};
use crate::plot::{self, Curve, Mark};

/// What is shown before the first fault and after its last event.
const MARGIN: Nanos = Nanos::from_millis(50);
/// Bins of a plot: fewer points than pixels.
const BINS: u64 = 400;
/// Labels that have room beside each other.
const LABELS: u64 = 40;

/// A file that will have the page.
pub(crate) struct Page {
    file: PageFile,
    command: &'static str,
}

/// What the page tells.
pub(crate) struct Contents<'a> {
    pub(crate) verdict: &'a Verdict,
    pub(crate) samples: &'a Samples,
    /// Lines, in the order of the samples.
    pub(crate) lines: &'a [String],
    /// Distributions beside the verdict's own.
    pub(crate) further: Vec<(&'static str, &'a Distribution)>,
    /// The report's last lines, for people.
    pub(crate) summary: String,
}

impl Page {
    /// Makes the file, so that one that cannot be made is known before anything runs.
    pub(crate) fn create(path: &Path, command: &'static str) -> Result<Self, RigError> {
        let file = PageFile::create(path).map_err(RigError::CannotRun)?;
        Ok(Self { file, command })
    }

    /// Writes it.
    pub(crate) fn write(self, contents: &Contents<'_>) -> Result<(), RigError> {
        let failed = |why: String| RigError::Failed(format!("the page: {why}"));
        let body = contents.body().map_err(|e| failed(e.to_string()))?;
        let title = format!("mafo {}", self.command);
        self.file.write(&title, &body).map_err(|e| failed(e.to_string()))
    }
}

impl Contents<'_> {
    fn body(&self) -> Result<String, Box<dyn std::error::Error>> {
        let Contents { verdict, samples, lines, further, summary } = self;
        let mut distributions = verdict.distributions().to_vec();
        distributions.extend(further.iter().copied());
        let class = if verdict.is_ok() { "ok" } else { "failed" };
        let judgement = escaped(&verdict.judgement());
        let mut html = format!("<p class=\"{class}\"><b>{judgement}</b></p>\n");
        html += &html::paragraph(summary);
        html += "<h2>How long it took</h2>\n";
        let rows = distributions.iter().map(|(name, times)| {
            let us = quantiles(times).map(|time| format!("{} µs", time.as_micros()));
            [vec![(*name).to_owned(), times.count().to_string()], us.to_vec()].concat()
        });
        html += &html::table(&["", "times", "p50", "p99", "p99.9", "max"], rows);
        html += &plot::distributions("Distributions", &distributions)?;

        let faults: Vec<Nanos> = {
            let faults = verdict.events.iter().filter(|event| event.kind == EventKind::Fault);
            faults.map(|event| event.at).collect()
        };
        if let Some(&first) = faults.first() {
            html += "\n<h2>The first failover</h2>\n";
            html += &first_failover(verdict, samples, lines, first, faults.get(1).copied())?;
        }
        let marks: Vec<Mark> = faults.iter().map(|&at| Mark { at, label: String::new() }).collect();
        let span = samples.span();
        html += "\n<h2>All of it</h2>\n";
        let curves = curves(samples, lines, span);
        html += &plot::throughput("Throughput of each cable", span, &curves, &marks)?;
        Ok(html)
    }
}

/// From a moment before the first fault to a moment after its last event: a plot, and its marks explained.
fn first_failover(
    verdict: &Verdict,
    samples: &Samples,
    lines: &[String],
    fault: Nanos,
    next: Option<Nanos>,
) -> Result<String, Box<dyn std::error::Error>> {
    let is_of_it = |event: &&TimelineEvent| {
        event.kind != EventKind::Other
            && event.at >= fault
            && next.is_none_or(|next| event.at < next)
    };
    let phases: Vec<_> = verdict.events.iter().filter(is_of_it).collect();
    let last = phases.iter().map(|event| event.at).max().unwrap_or(fault);
    let span = (fault - MARGIN, last + MARGIN);
    let marks = marks(phases.iter().map(|event| event.at), Nanos((span.1 - span.0).0 / LABELS));
    let curves = curves(samples, lines, span);
    let html = plot::throughput("Throughput of each cable", span, &curves, &marks)?;
    let rows = phases.iter().enumerate().map(|(n, event)| {
        let ms = (event.at - fault).0 as f64 / 1e6;
        vec![(n + 1).to_string(), format!("{ms:.3}"), event.what.clone()]
    });
    Ok(html + "\n" + &html::table(&["mark", "ms after the fault", "what"], rows))
}

/// Instants, in order, marked by their numbers; those that are nearer to each other than `apart` share a
/// label.
fn marks(instants: impl Iterator<Item = Nanos>, apart: Nanos) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    // The mark whose label is the last, and the first number on it.
    let mut group = (0, 0);
    for (n, at) in instants.enumerate() {
        let shared = marks.get(group.0).is_some_and(|first| at - first.at < apart);
        if shared {
            marks[group.0].label = format!("{}-{}", group.1, n + 1);
        } else {
            group = (n, n + 1);
        }
        let label = if shared { String::new() } else { (n + 1).to_string() };
        marks.push(Mark { at, label });
    }
    marks
}

/// Each direction of each cable that carried something.
fn curves(samples: &Samples, lines: &[String], span: (Nanos, Nanos)) -> Vec<Curve<Nanos>> {
    let bin = Nanos((span.1 - span.0).0 / BINS);
    let each = lines.iter().enumerate().flat_map(|(n, name)| [(n, name, 0), (n, name, 1)]);
    each.map(|(n, name, direction)| Curve {
        name: format!("{name} {}", ["in", "out"][direction]),
        points: samples.rate((n, direction), span, bin),
    })
    .filter(|curve| curve.points.iter().any(|&(_, rate)| rate > 0.0))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_close_to_each_other_share_a_label() {
        let instants = [10, 11, 12, 15, 20, 21].map(Nanos::from_millis);
        let labels: Vec<_> = marks(instants.into_iter(), Nanos::from_millis(5))
            .into_iter()
            .map(|mark| (mark.at.as_millis(), mark.label))
            .collect();
        let expected = [(10, "1-3"), (11, ""), (12, ""), (15, "4"), (20, "5-6"), (21, "")];
        assert_eq!(labels, expected.map(|(at, label)| (at, label.to_owned())));
    }
}
