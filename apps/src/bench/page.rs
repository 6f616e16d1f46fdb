//! The figures as a page with plots.

use mafo::Nanos;

use super::BenchError;
use super::figures::median;
use super::options::BenchOptions;
use super::report::Report;
use crate::html::{self, PageFile};
use crate::plot::{self, Curve};

type Drawn = Result<String, Box<dyn std::error::Error>>;

/// The file that `--report` names, made before anything is measured.
pub(super) fn create(options: &BenchOptions) -> Result<Option<PageFile>, BenchError> {
    let path = options.report.as_deref();
    path.map(PageFile::create).transpose().map_err(BenchError::CannotRun)
}

/// Writes the page of `report`, which has been measured as `heading` says, if one is wanted.
pub(super) fn write(
    file: Option<PageFile>,
    report: &Report,
    heading: &str,
) -> Result<(), BenchError> {
    let Some(file) = file else { return Ok(()) };
    let failed = |why: String| BenchError::Failed(format!("the page: {why}"));
    let body = body(report, heading).map_err(|e| failed(e.to_string()))?;
    let title = format!("mafo bench {}", report.name());
    file.write(&title, &body).map_err(|e| failed(e.to_string()))
}

fn body(report: &Report, heading: &str) -> Drawn {
    let (unit, series) = (report.unit(), report.series());
    let mut body = html::paragraph(heading);
    body += &html::paragraph(&report.text());

    let curves: Vec<Curve<f64>> = series.iter().map(|(name, rates)| curve(name, rates)).collect();
    body += "<h2>Slice by slice</h2>\n";
    body += &plot::rates("Each slice's rate", ("slice", unit), &curves)?;
    let rate = |value: f64| format!("{value:.3}");
    let least = |rates: &[f64]| rates.iter().copied().fold(f64::MAX, f64::min);
    let most = |rates: &[f64]| rates.iter().copied().fold(0.0, f64::max);
    let rows = series.iter().map(|(name, rates)| {
        vec![name.clone(), rate(median(rates)), rate(least(rates)), rate(most(rates))]
    });
    body += &html::table(&[unit, "median", "least", "most"], rows);

    let times = report.distributions();
    body += "\n<h2>How long it took</h2>\n";
    body += &plot::distributions("Distributions", &times)?;
    let us = |time: Nanos| format!("{:.1}", time.0 as f64 / 1e3);
    let rows = times.iter().map(|(name, times)| {
        let quantiles = [0.5, 0.99, 0.999, 1.0].map(|part| us(times.quantile(part)));
        [vec![(*name).to_owned(), times.count().to_string()], quantiles.to_vec()].concat()
    });
    body += &html::table(&["µs", "times", "p50", "p99", "p99.9", "max"], rows);
    Ok(body)
}

fn curve(name: &str, rates: &[f64]) -> Curve<f64> {
    let points = rates.iter().enumerate().map(|(n, &rate)| (n as f64 + 1.0, rate)).collect();
    Curve { name: name.to_owned(), points }
}
