//! The structure of the code: module cycles, floors, walls between packages, and the rules that no
//! compiler keeps.
//!
//! The checks are functions over files in memory, so that each is also shown a house that breaks
//! its rule. What they look at is the repository's source text, test code excepted where it says so.
#![forbid(unsafe_code)]

mod code;
mod cycles;
mod files;
mod floors;
mod graph;
mod packages;
mod rules;

use files::Repository;

#[track_caller]
fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

fn repository() -> Repository {
    let repository = Repository::read();
    assert!(!repository.sources.is_empty(), "no file was found");
    for package in packages::PACKAGES {
        assert!(
            repository
                .sources
                .iter()
                .any(|file| file.package == package.directory),
            "no file was found in {}",
            package.directory
        );
    }
    repository
}

/// Runs a check over every crate; says of each finding where it is.
fn in_every_crate(check: impl Fn(&graph::Graph) -> Vec<String>) -> Vec<String> {
    let repository = repository();
    let mut findings = Vec::new();
    for package in packages::PACKAGES {
        for root in repository.roots_of(package.directory) {
            let found = check(&graph::of(&root)).into_iter();
            let place = format!("{} ({})", package.directory, root.name);
            findings.extend(found.map(|finding| format!("{place}: {finding}")));
        }
    }
    findings
}

#[test]
fn no_module_imports_itself_by_way_of_others() {
    assert_none(&in_every_crate(cycles::of));
}

#[test]
fn no_child_imports_its_parent() {
    assert_none(&in_every_crate(cycles::children_that_import_their_parent));
}

#[test]
fn nobody_in_the_daemon_calls_upwards() {
    let repository = repository();
    let roots = repository.roots_of("daemon/vaultd");
    let library = roots.iter().find(|root| root.name == "lib");
    let graph = graph::of(library.expect("vaultd is a library"));
    assert_none(&floors::unknown_rooms(&graph));
    assert_none(&floors::calls_upwards(&graph));
}

#[test]
fn packages_know_only_whom_they_may() {
    let repository = repository();
    assert_none(&packages::forbidden_dependencies(&repository.manifests));
}

#[test]
fn unsafe_code_is_in_the_memory_package_alone() {
    assert_none(&rules::unsafe_outside_memory(&repository().sources));
}

#[test]
fn plaintext_is_exposed_in_the_listed_files_alone() {
    let repository = repository();
    let listed = &repository.expose_secret_files;
    assert_none(&rules::exposes_secrets(&repository.sources, listed));
}

#[test]
fn nothing_that_holds_a_process_s_variables_can_be_printed() {
    assert_none(&rules::prints_variables(&repository().sources));
}

#[test]
fn files_say_first_what_they_are() {
    assert_none(&rules::without_a_first_line(&repository().sources));
}

#[test]
fn nothing_is_unwrapped_unfinished_or_ignored() {
    let sources = repository().sources;
    assert_none(&[rules::unwraps(&sources), rules::unfinished(&sources)].concat());
}
