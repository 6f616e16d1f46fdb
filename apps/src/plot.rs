//! Plots as SVG text: throughput over time, rates, and distributions.

use std::error::Error;
use std::ops::Range;

use mafo::Nanos;
use mafo::failover::Distribution;
use plotters::prelude::*;

/// Pixels of a plot.
const SIZE: (u32, u32) = (960, 360);
/// One each for what is drawn into the same plot; distinct also without red or green.
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x60, 0x60, 0x60),
    RGBColor(0x00, 0x00, 0x00),
];

type Drawn = Result<String, Box<dyn Error>>;

/// A curve.
#[derive(Clone)]
pub(crate) struct Curve<X> {
    pub(crate) name: String,
    pub(crate) points: Vec<(X, f64)>,
}

/// An instant that is marked, with what is written above it.
pub(crate) struct Mark {
    pub(crate) at: Nanos,
    pub(crate) label: String,
}

/// Bits per second over time.
pub(crate) fn throughput(
    title: &str,
    (from, to): (Nanos, Nanos),
    curves: &[Curve<Nanos>],
    marks: &[Mark],
) -> Drawn {
    const GIGA: f64 = 1e9;
    let ms = |at: Nanos| at.0 as f64 / 1e6;
    let rates = curves.iter().flat_map(|curve| &curve.points).map(|&(_, rate)| rate / GIGA);
    // Room above for the marks' labels.
    let top = rates.fold(0.0, f64::max).max(1e-3) * 1.15;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 18))
            .margin(10)
            .margin_right(30)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d(ms(from)..ms(to).max(ms(from) + 1e-3), 0.0..top)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("time (ms)")
            .y_desc("Gbit/s")
            .draw()?;
        for mark in marks {
            let at = ms(mark.at);
            chart.draw_series(LineSeries::new([(at, 0.0), (at, top)], BLACK.mix(0.5)))?;
            let label = Text::new(mark.label.clone(), (at, top * 0.99), ("sans-serif", 13));
            chart.draw_series([label])?;
        }
        let drawn = curves.iter().map(|curve| {
            let points = curve.points.iter().map(|&(at, rate)| (ms(at), rate / GIGA));
            Curve { name: curve.name.clone(), points: points.collect() }
        });
        draw(&mut chart, drawn)?;
        root.present()?;
    }
    Ok(svg)
}

/// Rates by number, with what each axis shows.
pub(crate) fn rates(title: &str, (what, unit): (&str, &str), curves: &[Curve<f64>]) -> Drawn {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let last = points().map(|&(n, _)| n).fold(2.0, f64::max);
    let top = points().map(|&(_, rate)| rate).fold(0.0, f64::max).max(1e-9) * 1.15;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 18))
            .margin(10)
            .margin_right(30)
            .x_label_area_size(36)
            .y_label_area_size(80)
            .build_cartesian_2d(1.0..last, 0.0..top)?;
        chart.configure_mesh().light_line_style(WHITE).x_desc(what).y_desc(unit).draw()?;
        draw(&mut chart, curves.iter().cloned())?;
        root.present()?;
    }
    Ok(svg)
}

/// The part of all times that do not exceed a time, of several distributions.
pub(crate) fn distributions(title: &str, all: &[(&str, &Distribution)]) -> Drawn {
    let curves: Vec<Curve<f64>> = all
        .iter()
        .filter(|(_, times)| times.count() > 0)
        .map(|&(name, times)| {
            let name = format!("{name} ({})", times.count());
            Curve { name, points: steps(times) }
        })
        .collect();
    let times = || curves.iter().flat_map(|curve| &curve.points).map(|&(time, _)| time);
    let range = decades(times().fold(f64::MAX, f64::min), times().fold(0.0, f64::max));
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let mut chart = ChartBuilder::on(&root)
            .caption(title, ("sans-serif", 18))
            .margin(10)
            .margin_right(30)
            .x_label_area_size(36)
            .y_label_area_size(56)
            .build_cartesian_2d(range.log_scale(), 0.0..1.0)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc("time (µs)")
            .y_desc("part of all that took no longer")
            .x_label_formatter(&|time| format!("{time}"))
            .draw()?;
        draw(&mut chart, curves.iter().cloned())?;
        root.present()?;
    }
    Ok(svg)
}

/// A distribution as a flight of steps; microseconds.
fn steps(times: &Distribution) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let mut before = 0.0;
    for (time, part) in times.cumulative() {
        let us = (time.0 as f64 / 1e3).max(1e-3);
        points.extend([(us, before), (us, part)]);
        before = part;
    }
    points
}

/// The powers of ten around two numbers.
fn decades(least: f64, most: f64) -> Range<f64> {
    if least > most {
        // Nothing to show.
        return 1.0..10.0;
    }
    let (low, high) = (least.log10().floor(), most.log10().ceil());
    10f64.powf(low)..10f64.powf(high.max(low + 1.0))
}

/// Draws curves, each in a colour of its own, and what they are.
fn draw<'a, 'x: 'a, C: CoordTranslate<From = (f64, f64)>>(
    chart: &mut ChartContext<'a, SVGBackend<'x>, C>,
    curves: impl Iterator<Item = Curve<f64>>,
) -> Result<(), Box<dyn Error>> {
    for (curve, colour) in curves.zip(COLOURS.iter().cycle().copied()) {
        chart
            .draw_series(LineSeries::new(curve.points, colour.stroke_width(2)))?
            .label(curve.name)
            .legend(move |(x, y)| key((x, y), colour));
    }
    legend(chart)
}

fn key((x, y): (i32, i32), colour: RGBColor) -> PathElement<(i32, i32)> {
    PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2))
}

fn legend<'a, 'x: 'a, C: CoordTranslate>(
    chart: &mut ChartContext<'a, SVGBackend<'x>, C>,
) -> Result<(), Box<dyn Error>> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 13))
        .draw()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_go_by_powers_of_ten() {
        assert_eq!(decades(3.0, 450.0), 1.0..1000.0);
        assert_eq!(decades(10.0, 10.0), 10.0..100.0);
        assert_eq!(decades(f64::MAX, 0.0), 1.0..10.0);
    }

    #[test]
    fn a_distribution_climbs_to_one() {
        let mut times = Distribution::default();
        for us in [20, 10, 10, 40] {
            times.record(Nanos::from_micros(us));
        }
        let climb: Vec<f64> = steps(&times).iter().map(|&(_, part)| part).collect();
        assert_eq!(climb, [0.0, 0.5, 0.5, 0.75, 0.75, 1.0]);
    }
}
