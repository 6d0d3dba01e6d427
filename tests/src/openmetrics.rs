//! Is a text OpenMetrics 1.0, as strictly as its specification says?
//!
//! <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>, of which
//! counters, gauges and histograms without timestamps and exemplars are understood.

use std::collections::{BTreeMap, BTreeSet};

/// Values by "name{label=\"value\",…}", as they are written.
pub type Samples = BTreeMap<String, f64>;

/// Reads `text`.
///
/// # Errors
/// The first line that breaks a rule, and which.
pub fn read(text: &str) -> Result<Samples, String> {
    let body = text
        .strip_suffix("# EOF\n")
        .ok_or("does not end with # EOF")?;
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("# EOF is no line of its own".to_owned());
    }
    let mut reader = Reader::default();
    for line in body.lines() {
        let read = match line.strip_prefix("# ") {
            Some(rest) => reader.metadata(rest),
            None => reader.sample(line),
        };
        read.map_err(|wrong| format!("{wrong}: {line:?}"))?;
    }
    reader.end_of_family()?;
    Ok(reader.samples)
}

#[derive(Debug, Default)]
struct Reader {
    family: Family,
    /// Families that were, and all names of theirs.
    names: BTreeSet<String>,
    samples: Samples,
}

#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: String,
    has_unit: bool,
    has_help: bool,
    has_samples: bool,
    /// By labels other than `le`: bounds with counts in their order, the count, and whether a sum.
    histograms: BTreeMap<String, Histogram>,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: Vec<(String, f64)>,
    count: Option<f64>,
    has_sum: bool,
}

impl Reader {
    fn metadata(&mut self, rest: &str) -> Result<(), &'static str> {
        let mut words = rest.splitn(3, ' ');
        let (word, name) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let text = words.next().ok_or("three words are missing")?;
        if !is_name(name, true) {
            return Err("no name");
        }
        if word == "TYPE" {
            return self.begin(name, text);
        }
        if name != self.family.name || self.family.has_samples {
            return Err("stands outside of the head of its family");
        }
        let seen = match word {
            "UNIT" if !name.ends_with(&format!("_{text}")) => {
                return Err("the name lacks the unit");
            }
            "UNIT" => &mut self.family.has_unit,
            "HELP" => {
                unescaped(text)?;
                &mut self.family.has_help
            }
            _ => return Err("unknown metadata"),
        };
        if std::mem::replace(seen, true) {
            return Err("said twice");
        }
        Ok(())
    }

    fn begin(&mut self, name: &str, kind: &str) -> Result<(), &'static str> {
        self.end_of_family()?;
        for suffix in suffixes(kind).ok_or("unknown type")? {
            if !self.names.insert(format!("{name}{suffix}")) {
                return Err("another family has this name");
            }
        }
        if suffixes(kind) != Some(&[""]) && !self.names.insert(name.to_owned()) {
            return Err("another family has this name");
        }
        self.family = Family {
            name: name.to_owned(),
            kind: kind.to_owned(),
            ..Family::default()
        };
        Ok(())
    }

    fn end_of_family(&self) -> Result<(), &'static str> {
        for histogram in self.family.histograms.values() {
            let bounds: Option<Vec<f64>> =
                histogram.buckets.iter().map(|(le, _)| bound(le)).collect();
            let bounds = bounds.ok_or("a bound is not written in its canonical form")?;
            let counts = histogram.buckets.iter().map(|(_, count)| *count);
            if !bounds.is_sorted_by(|left, right| left < right) || !counts.is_sorted() {
                return Err("buckets do not grow");
            }
            let all = histogram.buckets.last().filter(|(le, _)| le == "+Inf");
            if all.map(|(_, count)| *count) != histogram.count || !histogram.has_sum {
                return Err("the last bucket is not +Inf with the count, or there is no sum");
            }
        }
        Ok(())
    }

    fn sample(&mut self, line: &str) -> Result<(), &'static str> {
        let end = line.find(['{', ' ']).ok_or("no value")?;
        let (name, rest) = line.split_at(end);
        let (labels, rest) = labels(rest)?;
        let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
        let number = value
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte));
        let value: f64 = value.parse().map_err(|_| "no number")?;
        let family = &mut self.family;
        let suffix = name.strip_prefix(family.name.as_str());
        let suffix = suffix
            .filter(|_| !family.name.is_empty())
            .ok_or("belongs to no family")?;
        if !suffixes(&family.kind).is_some_and(|known| known.contains(&suffix)) {
            return Err("not the suffix of its type");
        }
        let counts = family.kind != "gauge";
        if !number || (counts && value < 0.0) {
            return Err("no value of its type");
        }
        family.has_samples = true;
        if family.kind == "histogram" {
            family.of_histogram(suffix, &labels, value)?;
        } else if labels.iter().any(|(name, _)| name == "le") {
            return Err("le is for histograms");
        }
        let key = line[..line.len() - rest.len()].to_owned();
        if self.samples.insert(key, value).is_some() {
            return Err("said twice");
        }
        Ok(())
    }
}

impl Family {
    fn of_histogram(
        &mut self,
        suffix: &str,
        labels: &[(String, String)],
        value: f64,
    ) -> Result<(), &'static str> {
        let (le, others): (Vec<_>, Vec<_>) = labels.iter().partition(|(name, _)| name == "le");
        let histogram = self.histograms.entry(format!("{others:?}")).or_default();
        match (suffix, le.first()) {
            ("_bucket", Some((_, bound))) => histogram.buckets.push((bound.clone(), value)),
            ("_count", None) => histogram.count = Some(value),
            ("_sum", None) => histogram.has_sum = true,
            _ => return Err("le is for buckets, and they need it"),
        }
        Ok(())
    }
}

fn suffixes(kind: &str) -> Option<&'static [&'static str]> {
    match kind {
        "counter" => Some(&["_total"]),
        "gauge" => Some(&[""]),
        "histogram" => Some(&["_bucket", "_count", "_sum"]),
        _ => None,
    }
}

/// Names and values.
type Labels = Vec<(String, String)>;

/// `{name="value",…}` or nothing, and what follows.
fn labels(text: &str) -> Result<(Labels, &str), &'static str> {
    let mut labels = Labels::new();
    let Some(mut rest) = text.strip_prefix('{') else {
        return Ok((labels, text));
    };
    loop {
        let (name, after) = rest.split_once("=\"").ok_or("no label")?;
        if !is_name(name, false) || labels.iter().any(|(known, _)| known == name) {
            return Err("no name of a label, or one twice");
        }
        let mut escaped = false;
        let end = after.find(|letter| {
            let is_end = letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
            is_end
        });
        let (value, after) = after.split_at(end.ok_or("a label has no end")?);
        labels.push((name.to_owned(), unescaped(value)?));
        let after = &after[1..];
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None => return Ok((labels, after.strip_prefix('}').ok_or("labels have no end")?)),
        }
    }
}

fn unescaped(text: &str) -> Result<String, &'static str> {
    let mut letters = text.chars();
    let mut plain = String::new();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next() {
                Some('n') => '\n',
                Some(same @ ('\\' | '"')) => same,
                _ => return Err("an escape that means nothing"),
            },
            '"' => return Err("a quote that is not escaped"),
            letter => letter,
        });
    }
    Ok(plain)
}

fn is_name(name: &str, colons: bool) -> bool {
    let fits =
        |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || colons && letter == ':';
    !name.is_empty()
        && name.chars().all(fits)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}

/// A bound that is written as the specification's "Canonical Numbers" are.
fn bound(le: &str) -> Option<f64> {
    if le == "+Inf" {
        return Some(f64::INFINITY);
    }
    let number: f64 = le.parse().ok()?;
    let canonical = if number < 0.0001 {
        let (digits, exponent) = format!("{number:e}")
            .split_once("e-")
            .map(|(digits, exponent)| (digits.to_owned(), exponent.to_owned()))?;
        format!("{digits}e-{exponent:0>2}")
    } else {
        format!("{number:?}")
    };
    (canonical == le).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# TYPE a counter\n# HELP a It \\\\ counts.\na_total{x=\"\\\"y\\n\"} 3\n\
        a_total 1\n# TYPE b_seconds gauge\n# UNIT b_seconds seconds\nb_seconds -0.5\n\
        # TYPE c histogram\nc_bucket{le=\"1e-05\"} 1\nc_bucket{le=\"1.0\"} 1\n\
        c_bucket{le=\"+Inf\"} 2\nc_count 2\nc_sum 7.5\n# EOF\n";

    #[test]
    fn a_good_text_is_read() {
        let samples = read(GOOD).unwrap();
        assert_eq!(samples.len(), 8);
        assert!((samples["b_seconds"] + 0.5).abs() < f64::EPSILON);
        assert!(samples.contains_key("a_total{x=\"\\\"y\\n\"}"));
    }

    #[test]
    fn each_broken_rule_is_found() {
        for (right, wrong) in [
            ("# EOF\n", "# EOF"),
            ("# EOF\n", ""),
            ("# EOF\n", "\n# EOF\n"),
            ("a_total 1", "a 1"),
            ("a_total 1", "a_total -1"),
            ("a_total 1", "a_total one"),
            ("a_total 1", "a_total  1"),
            ("a_total 1", "a_total 1 1234"),
            ("a_total 1", "a_total{x=\"\\\"y\\n\"} 4"),
            ("a_total 1", "a_total{le=\"1.0\"} 4"),
            ("\\n\"}", "\\m\"}"),
            ("x=", "1="),
            ("# TYPE b_seconds gauge", "# TYPE a_total gauge"),
            ("# TYPE b_seconds gauge", "# TYPE b_seconds stateful"),
            ("# UNIT b_seconds seconds", "# UNIT b_seconds bytes"),
            ("# UNIT b_seconds seconds", "# UNIT a seconds"),
            ("a_total 1", "a_total 1\n# HELP a Again."),
            ("1e-05", "0.00001"),
            ("le=\"1.0\"", "le=\"1\""),
            ("le=\"1.0\"} 1", "le=\"1.0\"} 0"),
            ("+Inf\"} 2", "+Inf\"} 3"),
            ("c_sum 7.5\n", ""),
            ("c_count 2\n", ""),
        ] {
            let text = GOOD.replacen(right, wrong, 1);
            assert_ne!(text, GOOD);
            assert!(read(&text).is_err(), "{right:?} -> {wrong:?}");
        }
    }
}
