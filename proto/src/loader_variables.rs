//! Environment variables that make a program load or run something else.
//!
//! Such a variable is dropped from what a server inherits unless its service lists it, and no
//! secret may be put into one: either way somebody else would choose the code that gets the secrets.

/// Whole names.
const NAMES: &[&str] = &[
    "BASHOPTS",
    "BASH_ENV",
    "BUN_OPTIONS",
    "CLASSPATH",
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_STARTUP_HOOKS",
    "ELECTRON_RUN_AS_NODE",
    "ENV",
    "GCONV_PATH",
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_TEMPLATE_DIR",
    "GLIBC_TUNABLES",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LOCPATH",
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "NLSPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_REPL_EXTERNAL_MODULE",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "PROMPT_COMMAND",
    "PS4",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "SSLKEYLOGFILE",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

/// Beginnings of names.
const PREFIXES: &[&str] = &[
    "BASH_FUNC_",
    "BUNDLE_",
    "CORECLR_",
    "DYLD_",
    "GEM_",
    "GIT_CONFIG",
    "GIT_SSH",
    "LD_",
    "LUA_CPATH_",
    "LUA_INIT_",
    "LUA_PATH_",
    "PERL",
    "PIP_",
    "PYTHON",
    "RUBYGEMS_",
    "RUBYLIB",
    "RUBYOPT",
    "UV_",
];

/// Programs read this one in any case.
const NPM_PREFIX: &str = "npm_config_";

/// Names that no secret may take, though servers inherit them.
const NO_TARGETS: &[&str] = &["HOME", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER"];

/// Whether the variable steers what a program loads or runs.
pub fn is_loader_variable(name: &str) -> bool {
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name
            .get(..NPM_PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(NPM_PREFIX))
}

/// Whether a secret may be put into the variable: a name that shells can write, and none that
/// steers programs.
pub fn is_secret_target(name: &str) -> bool {
    is_variable_name(name) && !is_loader_variable(name) && !NO_TARGETS.contains(&name)
}

/// Whether shells can write the name: `[A-Za-z_][A-Za-z0-9_]*`.
pub fn is_variable_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loader_variables_are_known_by_name_prefix_and_case() {
        for name in [
            "LD_PRELOAD",
            "PYTHONPATH",
            "NODE_OPTIONS",
            "BASH_FUNC_x%%",
            "GIT_SSH_COMMAND",
            "ZDOTDIR",
            "GEM_HOME",
            "BUNDLE_GEMFILE",
            "RUBYGEMS_GEMDEPS",
        ] {
            assert!(is_loader_variable(name), "{name}");
        }
        assert!(is_loader_variable("npm_config_prefix") && is_loader_variable("NPM_CONFIG_PREFIX"));
        for name in [
            "PATH",
            "GITHUB_TOKEN",
            "NODE_ENV",
            "OLD_PWD",
            "",
            "npm_conf",
        ] {
            assert!(!is_loader_variable(name), "{name}");
        }
    }

    #[test]
    fn secrets_go_into_plain_variables_only() {
        assert!(is_secret_target("GITHUB_TOKEN") && is_secret_target("_x9"));
        for name in ["", "9X", "A-B", "A=B", "A\0", "PATH", "LD_PRELOAD", "É"] {
            assert!(!is_secret_target(name), "{name:?}");
        }
    }
}
