//! The report of `vaultd --check`. Pure.

use std::fmt::Write;

use super::files::Places;
use crate::command::Command;
use crate::setup::Setup;

/// The file, the environments, the services, and what a person should know; a line each.
pub fn report(setup: &Setup, places: &Places) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let mut line = |name: &str, words: &str| {
        let _ = writeln!(text, "{name:<14}{words}");
    };
    match &setup.path {
        Some(path) => line("file", &path.display().to_string()),
        None => {
            let looked: Vec<String> = places
                .files
                .iter()
                .map(|f| f.display().to_string())
                .collect();
            line("file", &format!("none; looked for {}", looked.join(", ")));
        }
    }
    for directory in &setup.searched {
        line("service files", &directory.display().to_string());
    }
    for name in setup.environments.keys() {
        line("environment", name);
    }
    for service in setup.view(None).services.values() {
        let command = match &service.command {
            Command::Found(_) => service.command.program().to_owned(),
            Command::Missing { .. } => format!("{}, which is not there", service.command.program()),
            Command::Absent => "no command".to_owned(),
        };
        let source = service.source.display();
        line(
            "service",
            &format!("{}: {command} ({source})", service.name),
        );
    }
    for warning in &setup.warnings {
        line("warning", warning);
    }
    match setup.refused().len() {
        0 => line("result", "good"),
        1 => line("result", "1 service is refused"),
        count => line("result", &format!("{count} services are refused")),
    }
    text
}
