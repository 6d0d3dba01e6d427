//! How does this process become the server?

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::environment::Variables;
use crate::failure::Failure;

/// Changes into `cwd` unless it is empty, and replaces this process. Returns only on failure.
pub(crate) fn exec(argv: &[String], cwd: &str, variables: Variables) -> Failure {
    let Some((program, arguments)) = argv.split_first() else {
        return Failure::unexpected("vaultd gave no command");
    };
    if !program.starts_with('/') {
        // A relative one would be looked for in a PATH that this process inherited.
        return Failure::unexpected("the command that vaultd gave is no absolute path");
    }
    if !cwd.is_empty()
        && let Err(error) = std::env::set_current_dir(cwd)
    {
        return Failure::configuration(format!(
            "cannot start in {cwd}: {error}\nmake that directory, or change `cwd` of the service"
        ));
    }
    let error = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(variables)
        .exec();
    Failure::exec(program, &error)
}
