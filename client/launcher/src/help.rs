//! The text of --help.

/// Each option is also in vault-run.1; a test compares.
const HELP: &str = "\
vault-run asks vaultd for a service's secrets and becomes the service's server

Usage: NAME [OPTIONS] SERVICE[@ENVIRONMENT] [-- COMMAND ARGS...]

  SERVICE        a service that vaultd's configuration names
  ENVIRONMENT    one of the environments it names; else --env, else $OCI_VAULT_ENVIRONMENT
  COMMAND        another command in place of the service's own; policy must permit it

Options:
      --env NAME, --environment NAME
                          the environment
      --service NAME      the service, in place of SERVICE
      --command WORD...   the command, up to the next option; one word with blanks is split as
                          a shell would; -- COMMAND ARGS... is safer
      --test              show what would be started, and with which secrets; no values; without
                          a SERVICE for every service
      --deadline SECONDS  how long to wait for vaultd: 1 to 60, default 8
  -v, --verbose           say in one line what was resolved
  -h, --help              show this
  -V, --version           show the version

--config, --config-dir, --config-file, --instance-principals and --profile are vaultd's.

Exit codes: the server's own; 127 its program is not found; 126 it cannot be run;
2 usage, configuration, unknown service; 3 vaultd, a secret or policy failed;
1 anything unexpected. --test: 0 if it would start, else one of these.
";

/// The text of --help for a program called `name`.
pub(crate) fn text(name: &str) -> String {
    HELP.replace("Usage: NAME", &format!("Usage: {name}"))
}
