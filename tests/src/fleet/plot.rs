//! What does it look like? An SVG file, by hand: axes, a line, and a band for each part.

use std::fmt::Write;

use super::report::Report;

const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;

/// Calls in one second over time, each point the mean and the worst of ten seconds.
#[expect(clippy::cast_precision_loss, reason = "places in a picture")]
pub fn svg(report: &Report) -> String {
    let seconds = report.calls.len().max(1) as f64;
    let most = report.calls.iter().copied().max().unwrap_or(1);
    let top = f64::from(most).max(report.steady * 3.2);
    let x = |second: f64| LEFT + second / seconds * WIDTH;
    let y = |calls: f64| TOP + HEIGHT * (1.0 - calls / top);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>Calls to the vault, {} daemons</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        LEFT + WIDTH + 20.0,
        TOP + HEIGHT + 40.0,
        report.settings.daemons
    );
    for (number, phase) in report.phases.iter().enumerate() {
        let (from, to) = (x(phase.seconds.start as f64), x(phase.seconds.end as f64));
        let fill = ["#f4f4f4", "#e6e6e6"][number % 2];
        // Writing to a String does not fail.
        let _ = writeln!(
            svg,
            "<rect x=\"{from:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{HEIGHT}\" fill=\"{fill}\"/>\
             <text x=\"{:.1}\" y=\"{}\">{}</text>",
            to - from,
            from + 3.0,
            TOP - 8.0,
            phase.name
        );
    }
    for (times, colour) in [(1.0, "#2a7"), (3.0, "#c33")] {
        let at = y(report.steady * times);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{colour}\" \
             stroke-dasharray=\"5 4\"/><text x=\"4\" y=\"{:.1}\" fill=\"{colour}\">{:.0}/s</text>",
            LEFT + WIDTH,
            at + 4.0,
            report.steady * times
        );
    }
    let ten = |row: &[u32]| {
        let sum: u32 = row.iter().sum();
        let worst = row.iter().copied().max().unwrap_or(0);
        (f64::from(sum) / row.len() as f64, f64::from(worst))
    };
    let rows: Vec<(f64, f64)> = report.calls.chunks(10).map(ten).collect();
    let points = |of: fn(&(f64, f64)) -> f64| {
        let point = |(number, row): (usize, &(f64, f64))| {
            format!("{:.1},{:.1}", x(number as f64 * 10.0), y(of(row)))
        };
        let points: Vec<String> = rows.iter().enumerate().map(point).collect();
        points.join(" ")
    };
    for (of, colour) in [
        ((|row| row.1) as fn(&(f64, f64)) -> f64, "#9bd"),
        (|row| row.0, "#146"),
    ] {
        let _ = writeln!(
            svg,
            "<polyline fill=\"none\" stroke=\"{colour}\" points=\"{}\"/>",
            points(of)
        );
    }
    for minute in (0..=report.calls.len() / 60).step_by(30) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\">{minute} min</text>",
            x(minute as f64 * 60.0),
            TOP + HEIGHT + 18.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}
