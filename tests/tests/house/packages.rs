//! The packages, and whom each may know.

use std::collections::BTreeMap;

/// A package and the packages of this house that it may depend on.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) directory: &'static str,
    knows: &'static [&'static str],
    /// Packages from elsewhere that it must not depend on directly.
    shuns: &'static [&'static str],
}

/// The house of `daemon/README.md`: the two hands do not know each other, and a client knows only
/// proto (and the rules of memory, for its own).
pub(crate) const PACKAGES: &[Package] = &[
    package("proto", &[]),
    package("daemon/memory", &[]),
    package("daemon/backends", &["vault-memory"]),
    package(
        "daemon/vaultd",
        &["vault-backends", "vault-memory", "vault-proto"],
    ),
    package("client/lib", &["vault-memory", "vault-proto"]),
    Package {
        directory: "client/launcher",
        knows: &["vault-client", "vault-memory", "vault-proto"],
        // It is in the way of every server's start.
        shuns: &["clap", "serde", "serde_json", "tracing-subscriber"],
    },
    package(
        "client/vaultctl",
        &["vault-client", "vault-memory", "vault-proto"],
    ),
    package("tests", EVERYTHING),
];

const EVERYTHING: &[&str] = &[
    "vault-backends",
    "vault-client",
    "vault-memory",
    "vault-proto",
    "vaultd",
];

const fn package(directory: &'static str, knows: &'static [&'static str]) -> Package {
    Package {
        directory,
        knows,
        shuns: &[],
    }
}

/// Every dependency that goes through a wall, also of tests and build scripts.
pub(crate) fn forbidden_dependencies(manifests: &BTreeMap<String, String>) -> Vec<String> {
    let mut found = Vec::new();
    for package in PACKAGES {
        let Some(manifest) = manifests.get(package.directory) else {
            found.push(format!("{} has no manifest", package.directory));
            continue;
        };
        for (section, name) in dependencies(manifest) {
            let stranger = EVERYTHING.contains(&name) && !package.knows.contains(&name);
            let shunned = section == "dependencies" && package.shuns.contains(&name);
            if stranger || shunned {
                found.push(format!("{} must not depend on {name}", package.directory));
            }
        }
    }
    found
}

/// Names with the section they stand in: `[dependencies]`, `[target.….dev-dependencies]`, and the
/// long form `[dependencies.name]`.
fn dependencies(manifest: &str) -> Vec<(&str, &str)> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            let (before, name) = match header.rsplit_once("dependencies.") {
                Some((before, name)) => (before, Some(name)),
                None => (header, None),
            };
            let last = before.rsplit('.').next().unwrap_or_default();
            section = if name.is_some() { "" } else { last };
            if let Some(name) = name {
                found.push(("dependencies", name.trim_matches('"')));
            }
        } else if section.ends_with("dependencies") && !line.starts_with('#') {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if !name.is_empty() {
                found.push((section, name.trim_matches('"')));
            }
        }
    }
    found
}

#[test]
fn a_planted_dependency_through_a_wall_is_found() {
    let planted = |directory: &str, line: &str| {
        let mut manifests: BTreeMap<String, String> = PACKAGES
            .iter()
            .map(|package| (package.directory.to_owned(), "[dependencies]".to_owned()))
            .collect();
        manifests.insert(directory.to_owned(), line.to_owned());
        forbidden_dependencies(&manifests)
    };
    let through = [
        (
            "daemon/backends",
            "[dependencies]\nvault-proto.workspace = true",
        ),
        (
            "proto",
            "[dev-dependencies]\nvault-memory = { workspace = true }",
        ),
        ("client/lib", "[dependencies.vaultd]\nworkspace = true"),
        (
            "client/launcher",
            "[dependencies]\n# why\nserde.workspace = true",
        ),
    ];
    for (directory, line) in through {
        assert_eq!(planted(directory, line).len(), 1, "{directory}: {line}");
    }
    let allowed = "[dev-dependencies]\nserde_json.workspace = true";
    assert!(planted("client/launcher", allowed).is_empty());
}
