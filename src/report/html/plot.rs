//! A curve over time, drawn.
//! Knows numbers and where they are on the paper.

use super::write::Html;

/// Something that was measured now and then.
pub struct Curve {
    pub title: String,
    /// Seconds and values.
    pub points: Vec<(f64, f64)>,
}

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 150.0;
/// Where the axes are: from the left, from the top, and from the right and the bottom.
const LEFT: f64 = 52.0;
const TOP: f64 = 12.0;
const RIGHT: f64 = 8.0;
const BOTTOM: f64 = 24.0;

pub(super) fn curve(html: &mut Html, curve: &Curve) {
    let most = |values: fn(&(f64, f64)) -> f64| {
        curve.points.iter().map(values).fold(0.0, f64::max).max(f64::MIN_POSITIVE)
    };
    let [end, top] = [most(|(seconds, _)| *seconds), most(|(_, value)| *value)];
    let x = |seconds: f64| LEFT + seconds / end * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
    html.element("figure", &[("class", "plot")], |html| {
        html.leaf("figcaption", &[], &curve.title);
        let size = format!("0 0 {WIDTH} {HEIGHT}");
        let label = format!("{}: {} after {}", curve.title, number(top), time(end));
        let attributes = [("viewBox", size.as_str()), ("role", "img"), ("aria-label", &label)];
        html.element("svg", &attributes, |html| {
            let axes = format!("M{LEFT} {TOP} V{} H{}", HEIGHT - BOTTOM, WIDTH - RIGHT);
            html.void("path", &[("class", "axes"), ("d", &axes)]);
            let points = curve
                .points
                .iter()
                .map(|(seconds, value)| format!("{:.1},{:.1}", x(*seconds), y(*value)));
            let points = points.collect::<Vec<_>>().join(" ");
            html.void("polyline", &[("class", "curve"), ("points", &points)]);
            for (at, text) in [(TOP + 4.0, number(top)), (HEIGHT - BOTTOM, "0".to_string())] {
                mark(html, [LEFT - 6.0, at], "end", &text);
            }
            mark(html, [LEFT, HEIGHT - 8.0], "start", "0s");
            mark(html, [WIDTH - RIGHT, HEIGHT - 8.0], "end", &time(end));
        });
    });
}

fn mark(html: &mut Html, [x, y]: [f64; 2], anchor: &str, text: &str) {
    let [x, y] = [x, y].map(|place| format!("{place:.1}"));
    html.leaf("text", &[("x", &x), ("y", &y), ("text-anchor", anchor)], text);
}

fn number(value: f64) -> String {
    indicatif::HumanFloatCount(value.round()).to_string()
}

fn time(seconds: f64) -> String {
    let whole = std::time::Duration::from_secs_f64(seconds.round());
    humantime::format_duration(whole).to_string()
}
