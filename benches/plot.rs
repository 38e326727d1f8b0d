//! Curves on axes that count powers, as SVG, and the straight line through their larger half.
//! Knows nothing of what was measured.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use plotters::prelude::*;

/// Some curves over the same sizes.
pub struct Plot<'a> {
    pub title: &'a str,
    /// What the axes count.
    pub x: &'a str,
    pub y: &'a str,
    pub curves: &'a [Curve],
}

/// What one side took, by size.
pub struct Curve {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

const SIZE: (u32, u32) = (560, 380);
/// Told apart in print and by those who do not see colors, and legible on light and on dark.
const COLORS: [RGBColor; 2] = [RGBColor(0x1f, 0x77, 0xb4), RGBColor(0xd9, 0x5f, 0x02)];

/// The power of its size by which a curve grows, over the larger half of the sizes: what a call costs in
/// any case hides how the smaller ones grow.
pub fn exponent(curve: &Curve) -> f64 {
    let larger = &curve.points[curve.points.len() / 2..];
    let logs: Vec<_> = larger.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.iter().map(|_| 1.0).sum::<f64>();
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|log| log.0), mean(|log| log.1));
    let covariance = logs.iter().map(|log| (log.0 - x) * (log.1 - y)).sum::<f64>();
    covariance / logs.iter().map(|log| (log.0 - x).powi(2)).sum::<f64>()
}

/// Draws a plot into a file.
pub fn draw(plot: &Plot<'_>, file: &Path) -> Result<()> {
    let mut svg = String::new();
    draw_into(plot, &mut svg).map_err(|error| anyhow!("{error}")).context("drawing")?;
    std::fs::write(file, svg).with_context(|| file.display().to_string())
}

fn draw_into(plot: &Plot<'_>, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let points = || plot.curves.iter().flat_map(|curve| &curve.points);
    let (x, y) = (range(points().map(|point| point.0)), range(points().map(|point| point.1)));
    let mut chart = ChartBuilder::on(&area)
        .caption(plot.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(x.log_scale(), y.log_scale())?;
    chart.configure_mesh().x_desc(plot.x).y_desc(plot.y).light_line_style(TRANSPARENT).draw()?;
    for (curve, color) in plot.curves.iter().zip(COLORS) {
        let points = || curve.points.iter().copied();
        let label = format!("{}: size to the power of {:.2}", curve.name, exponent(curve));
        chart
            .draw_series(LineSeries::new(points(), color.stroke_width(2)))?
            .label(label)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color.stroke_width(2)));
        chart.draw_series(points().map(|point| Circle::new(point, 3, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .draw()?;
    area.present()?;
    Ok(())
}

/// From the smallest to the largest, with some room.
fn range(values: impl Iterator<Item = f64> + Clone) -> Range<f64> {
    let least = values.clone().fold(f64::INFINITY, f64::min);
    least / 1.5..values.fold(0.0, f64::max) * 1.5
}
