//! What does --help say?

/// The text of --help. Each option is also in vault-run.1; a test compares.
pub(crate) const HELP: &str = "\
vault-run asks vaultd for a service's secrets and becomes the service's server

Usage: vault-run [OPTIONS] SERVICE[@ENVIRONMENT] [-- COMMAND ARGS...]

  SERVICE        a service that vaultd's configuration names
  ENVIRONMENT    one of the environments it names; else --env, else $OCI_VAULT_ENVIRONMENT
  COMMAND        another command in place of the service's own; policy must permit it

Options:
      --env NAME, --environment NAME
                          the environment
      --service NAME      the service, in place of SERVICE
      --test              show what would be started, and with which secrets; no values
      --deadline SECONDS  how long to wait for vaultd: 1 to 60, default 8
  -v, --verbose           say in one line what was resolved
  -h, --help              show this
  -V, --version           show the version

Exit codes: the server's own; 127 its program is not found; 126 it cannot be run;
2 usage, configuration, unknown service; 3 vaultd, a secret or policy failed;
1 anything unexpected. --test: 0 if it would start, else 3.
";
