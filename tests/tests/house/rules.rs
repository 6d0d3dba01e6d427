//! Files that break a rule that no compiler keeps.

use crate::code::{self, Look};
use crate::files::Source;

const MEMORY: &str = "daemon/memory";

/// Unsafe code outside of the package whose business it is, and crates that do not forbid it.
pub(crate) fn unsafe_outside_memory(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources.iter().filter(|file| file.package != MEMORY) {
        if code::seen(&file.text, Look::Everywhere).has_unsafe {
            found.push(format!("{} has unsafe code", file.place()));
        }
        if is_root(&file.path) && !file.text.contains("#![forbid(unsafe_code)]") {
            found.push(format!("{} does not forbid unsafe code", file.place()));
        }
    }
    found
}

/// Shipped files that look at plaintext and are not listed, and listed ones that do not.
pub(crate) fn exposes_secrets(sources: &[Source], listed: &[String]) -> Vec<String> {
    let exposing: Vec<String> = sources
        .iter()
        .filter(|file| !file.is_test)
        .filter(|file| {
            let words = code::seen(&file.text, Look::WithoutTests).words;
            words.contains_key("expose_secret")
        })
        .map(Source::place)
        .collect();
    let unlisted = exposing.iter().filter(|place| !listed.contains(place));
    let unlisted = unlisted.map(|place| format!("{place} exposes secrets and is not listed"));
    let stale = listed.iter().filter(|place| !exposing.contains(place));
    let stale = stale.map(|place| format!("{place} is listed and exposes no secret"));
    unlisted.chain(stale).collect()
}

/// Types that hold a process's variables, which may hold keys and tokens, and can be printed.
pub(crate) fn prints_variables(sources: &[Source]) -> Vec<String> {
    let shipped = sources.iter().filter(|file| !file.is_test);
    let found = shipped.flat_map(|file| {
        let types = code::printable_types_with(&file.text, is_of_variables);
        types
            .into_iter()
            .map(|name| format!("{}: {name} holds variables and derives Debug", file.place()))
    });
    found.collect()
}

/// "BTreeMap<String, String>" or "Vec<(OsString, OsString)>", under a name that speaks of variables.
fn is_of_variables(field: &str, words: &[String]) -> bool {
    let texts = words.iter().filter(|word| word.ends_with("String"));
    ["variables", "environment"].contains(&field) && texts.count() >= 2
}

/// Files whose first line is not what they are about.
pub(crate) fn without_a_first_line(sources: &[Source]) -> Vec<String> {
    let silent = sources.iter().filter(|file| !file.text.starts_with("//! "));
    silent
        .map(|file| format!("{} does not begin with //!", file.place()))
        .collect()
}

/// Shipped code that panics where it should say what is wrong.
pub(crate) fn unwraps(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources.iter().filter(|file| !file.is_test) {
        let seen = code::seen(&file.text, Look::WithoutTests);
        let as_path = |path: &code::Path| path.segments.last().is_some_and(|last| last == "unwrap");
        if seen.methods.iter().any(|name| name == "unwrap") || seen.paths.iter().any(as_path) {
            found.push(format!("{} unwraps", file.place()));
        }
    }
    found
}

/// What was left for later, in tests too.
pub(crate) fn unfinished(sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources {
        let seen = code::seen(&file.text, Look::Everywhere);
        if seen.ignores {
            found.push(format!("{} ignores a test", file.place()));
        }
        for name in seen
            .macros
            .iter()
            .filter(|name| ["todo", "unimplemented"].contains(&name.as_str()))
        {
            found.push(format!("{} has {name}!", file.place()));
        }
    }
    found
}

/// The roots of what is shipped.
fn is_root(path: &str) -> bool {
    path == "src/lib.rs"
        || path == "src/main.rs"
        || path.strip_prefix("src/bin/").is_some_and(|inside| {
            !inside.contains('/')
                || inside
                    .split_once('/')
                    .is_some_and(|(_, name)| name == "main.rs")
        })
}

#[cfg(test)]
fn planted(path: &str, text: &str) -> [Source; 1] {
    [Source {
        package: "planted".to_owned(),
        path: path.to_owned(),
        text: text.to_owned(),
        is_test: path.starts_with("tests/"),
    }]
}

#[test]
fn planted_unsafe_code_is_found() {
    let inside = [
        "fn f() { unsafe { g() } }",
        "unsafe fn f() {}",
        "m! { unsafe { g() } }",
    ];
    for text in inside {
        assert_eq!(
            unsafe_outside_memory(&planted("src/a.rs", text)).len(),
            1,
            "{text}"
        );
    }
    assert_eq!(
        unsafe_outside_memory(&planted("src/lib.rs", "//! Root.")).len(),
        1
    );
    let word = "fn f() { m!(\"unsafe\") } // unsafe";
    assert!(unsafe_outside_memory(&planted("src/a.rs", word)).is_empty());
}

#[test]
fn a_planted_exposure_is_found_and_so_is_a_stale_line_of_the_list() {
    let files = planted("src/a.rs", "fn f(x: S) { x.expose_secret(); }");
    let listed = vec!["planted/src/a.rs".to_owned()];
    assert_eq!(exposes_secrets(&files, &[]).len(), 1);
    assert!(exposes_secrets(&files, &listed).is_empty());
    assert_eq!(
        exposes_secrets(&planted("src/a.rs", "fn f() {}"), &listed).len(),
        1
    );
}

#[test]
fn a_planted_type_that_prints_variables_is_found() {
    let found = |text: &str| prints_variables(&planted("src/a.rs", text)).len();
    for of in ["BTreeMap<String, String>", "Vec<(OsString, OsString)>"] {
        let text = format!("struct A {{ variables: {of} }}");
        assert_eq!(found(&text), 0);
        assert_eq!(found(&format!("#[derive(Clone, Debug)] {text}")), 1);
    }
    assert_eq!(
        found("#[derive(Debug)] struct A { variables: Vec<String> }"),
        0
    );
}

#[test]
fn a_planted_file_without_a_first_line_is_found() {
    assert_eq!(
        without_a_first_line(&planted("src/a.rs", "use std::fs;")).len(),
        1
    );
}

#[test]
fn planted_unwraps_are_found_outside_of_tests() {
    for text in [
        "fn f() { g().unwrap(); }",
        "fn f() { g().map(Option::unwrap); }",
        "fn f() { m!(g().unwrap()) }",
    ] {
        assert_eq!(unwraps(&planted("src/a.rs", text)).len(), 1, "{text}");
        assert!(unwraps(&planted("tests/a.rs", text)).is_empty());
        let test = format!("#[cfg(test)] mod tests {{ {text} }}");
        assert!(unwraps(&planted("src/a.rs", &test)).is_empty());
    }
}

#[test]
fn planted_unfinished_work_is_found() {
    for text in [
        "fn f() { todo!() }",
        "fn f() { m!(unimplemented!()) }",
        "#[test] #[ignore] fn f() {}",
    ] {
        assert_eq!(unfinished(&planted("tests/a.rs", text)).len(), 1, "{text}");
    }
}
