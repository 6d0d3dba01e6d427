//! The known key that an unknown one was meant to be.

/// A longer key is no mistyped one.
const LONGEST_MISTYPED: usize = 48;

/// The one of `known` that `key` resembles, in whatever case and with whatever signs between its letters.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    if key.len() > LONGEST_MISTYPED {
        return None;
    }
    let key = letters(key);
    let far = |known: &&str| {
        let known = letters(known);
        strsim::osa_distance(&key, &known).min(strsim::osa_distance(&one(&key), &one(&known)))
    };
    let (distance, nearest) = known.iter().map(|known| (far(known), *known)).min()?;
    let allowed = match key.chars().count() {
        0..=3 => 1,
        4..=8 => 2,
        _ => 3,
    };
    (distance <= allowed).then_some(nearest)
}

fn letters(key: &str) -> String {
    let letters = key.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// Without a plural's ending.
fn one(key: &str) -> String {
    match key.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => key.strip_suffix('s').unwrap_or(key).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_resembles_another_in_any_case_and_with_few_wrong_letters() {
        let known = [
            "policy",
            "cache",
            "secrets",
            "services",
            "memory",
            "resilience",
        ];
        for (key, expected) in [
            ("Policy", Some("policy")),
            ("polcy", Some("policy")),
            ("policies", Some("policy")),
            ("\u{feff}policy\u{a0}", Some("policy")),
            ("“policy”", Some("policy")),
            ("secret", Some("secrets")),
            ("cahce", Some("cache")),
            ("resiliance", Some("resilience")),
            ("marker", None),
            ("unknown_top", None),
            ("x", None),
        ] {
            assert_eq!(nearest(key, &known), expected, "{key}");
        }
    }
}
