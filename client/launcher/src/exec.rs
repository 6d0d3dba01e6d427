//! Replacing this process with the server.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::environment::Variables;
use crate::failure::Failure;

/// Goes to the directory that the service names; nowhere where it names none.
pub(crate) fn enter(cwd: &str) -> Result<(), Failure> {
    if cwd.is_empty() {
        return Ok(());
    }
    std::env::set_current_dir(cwd).map_err(|error| {
        Failure::configuration(format!(
            "cannot start in {cwd}: {error}\nmake that directory, or change `cwd` of the service"
        ))
    })
}

/// Replaces this process. Returns only on failure, which has one line: others may stand before it.
pub(crate) fn replace_process(argv: &[String], variables: Variables) -> Failure {
    let Some((program, arguments)) = argv.split_first() else {
        return Failure::unexpected("vaultd gave no command");
    };
    if !program.starts_with('/') {
        // A relative one would be looked for in a PATH that this process inherited.
        return Failure::unexpected("the command that vaultd gave is no absolute path");
    }
    let error = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(variables)
        .exec();
    Failure::exec(program, &error)
}
