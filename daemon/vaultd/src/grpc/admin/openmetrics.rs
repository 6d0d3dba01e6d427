//! OpenMetrics 1.0 text, in a form that Prometheus' older text parsers, and
//! with them the textfile collector of node_exporter, read too: counters, gauges and histograms alone.

use std::fmt::{Display, Write};

use crate::histogram::Counted;

/// What a family's numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Names with values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A text that grows family by family.
#[derive(Debug, Default)]
pub(super) struct Text(String);

/// One family of a text.
#[derive(Debug)]
pub(super) struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
    suffix: &'static str,
}

// Writing to a String does not fail.
impl Text {
    /// Begins a family. A name that ends in `_seconds` has seconds for its unit.
    pub(super) fn family<'a>(&'a mut self, name: &'a str, kind: Kind, help: &str) -> Family<'a> {
        let (word, suffix) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
            Kind::Histogram => ("histogram", ""),
        };
        let _ = writeln!(self.0, "# TYPE {name} {word}");
        if name.ends_with("_seconds") {
            let _ = writeln!(self.0, "# UNIT {name} seconds");
        }
        let _ = writeln!(self.0, "# HELP {name} {}", escaped(help));
        Family {
            text: &mut self.0,
            name,
            suffix,
        }
    }

    /// The whole text.
    pub(super) fn end(mut self) -> String {
        self.0.push_str("# EOF\n");
        self.0
    }
}

impl Family<'_> {
    /// One number.
    pub(super) fn value(&mut self, labels: Labels<'_>, value: impl Display) {
        let suffix = self.suffix;
        self.line(suffix, labels, value);
    }

    /// All numbers of a histogram.
    pub(super) fn histogram(&mut self, labels: Labels<'_>, counted: &Counted) {
        for (bound, count) in &counted.within {
            self.line("_bucket", &[labels, &[("le", bound)]].concat(), count);
        }
        let all = [labels, &[("le", "+Inf")]].concat();
        self.line("_bucket", &all, counted.count);
        self.line("_count", labels, counted.count);
        self.line("_sum", labels, counted.sum.as_secs_f64());
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, value: impl Display) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        for (place, (name, value)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(self.text, "{before}{name}=\"{}\"", escaped(value));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

/// In labels and help, quotes, backslashes and line ends are escaped.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    text.replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn families_are_written_with_their_suffixes_and_escapes() {
        let mut text = Text::default();
        let mut calls = text.family("calls", Kind::Counter, "Calls.");
        calls.value(&[("scope", "a\\b\"c\nd"), ("x", "y")], 3);
        let mut age = text.family("age_seconds", Kind::Gauge, "Age.");
        age.value(&[], 0.5);
        let counted = Counted {
            within: vec![("1.0", 1)],
            count: 2,
            sum: Duration::from_millis(2500),
        };
        let mut took = text.family("took", Kind::Histogram, "Took.");
        took.histogram(&[("a", "b")], &counted);
        let expected = r#"# TYPE calls counter
# HELP calls Calls.
calls_total{scope="a\\b\"c\nd",x="y"} 3
# TYPE age_seconds gauge
# UNIT age_seconds seconds
# HELP age_seconds Age.
age_seconds 0.5
# TYPE took histogram
# HELP took Took.
took_bucket{a="b",le="1.0"} 1
took_bucket{a="b",le="+Inf"} 2
took_count{a="b"} 2
took_sum{a="b"} 2.5
# EOF
"#;
        assert_eq!(text.end(), expected);
    }
}
