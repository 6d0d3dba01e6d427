//! Environment variables that make a program load or run something else.
//!
//! Such a variable is dropped from what a server inherits unless its service lists it, and no
//! secret may be put into one: either way somebody else would choose the code that gets the secrets.
//! Where a program reads many variables by their beginning, all are taken for such but the ones that
//! are known to choose no code; a cache that code is run from, as `npx` and `uvx` do, chooses some.

/// Whole names.
const NAMES: &[&str] = &[
    "BASHOPTS",
    "BASH_ENV",
    "CLASSPATH",
    "DOTNET_ADDITIONAL_DEPS",
    "DOTNET_STARTUP_HOOKS",
    "ELECTRON_RUN_AS_NODE",
    "ENV",
    "ERL_FLAGS",
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
    "JULIA_LOAD_PATH",
    "LESSCLOSE",
    "LESSOPEN",
    "LOCPATH",
    "LUA_CPATH",
    "LUA_INIT",
    "LUA_PATH",
    "NLSPATH",
    "NODE_COMPILE_CACHE",
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
    "R_ENVIRON_USER",
    "R_PROFILE_USER",
    "SHELLOPTS",
    "SSH_ASKPASS",
    "SSLKEYLOGFILE",
    "TCLLIBPATH",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

/// Beginnings of names.
const PREFIXES: &[&str] = &[
    "BASH_FUNC_",
    "BUNDLE_",
    "BUN_",
    "CORECLR_",
    "COREPACK_",
    "DENO_",
    "DYLD_",
    "GEM_",
    "GIT_CONFIG",
    "GIT_SSH",
    "LD_",
    "LUA_CPATH_",
    "LUA_INIT_",
    "LUA_PATH_",
    "PERL",
    "PIPX_",
    "PIP_",
    "PYTHON",
    "RUBYGEMS_",
    "RUBYLIB",
    "RUBYOPT",
    "UV_",
    "YARN_",
];

/// Names with such a beginning that choose no code and no place to get it from: buffering, encoding,
/// colour, progress, how much is said, how long is waited; as whom code is fetched, which a secret may say.
const HARMLESS: &[&str] = &[
    "COREPACK_ENABLE_DOWNLOAD_PROMPT",
    "COREPACK_NPM_PASSWORD",
    "COREPACK_NPM_TOKEN",
    "COREPACK_NPM_USERNAME",
    "DENO_AUTH_TOKENS",
    "DENO_DEPLOY_TOKEN",
    "DENO_KV_ACCESS_TOKEN",
    "DENO_NO_PROMPT",
    "DENO_NO_UPDATE_CHECK",
    "PERL_BADLANG",
    "PERL_SIGNALS",
    "PERL_UNICODE",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_NO_CACHE_DIR",
    "PIP_NO_COLOR",
    "PIP_NO_INPUT",
    "PIP_PROGRESS_BAR",
    "PIP_QUIET",
    "PIP_RETRIES",
    "PIP_ROOT_USER_ACTION",
    "PIP_TIMEOUT",
    "PIP_VERBOSE",
    "PYTHONASYNCIODEBUG",
    "PYTHONCOERCECLOCALE",
    "PYTHONDEBUG",
    "PYTHONDEVMODE",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONFAULTHANDLER",
    "PYTHONHASHSEED",
    "PYTHONINTMAXSTRDIGITS",
    "PYTHONIOENCODING",
    "PYTHONMALLOC",
    "PYTHONNODEBUGRANGES",
    "PYTHONNOUSERSITE",
    "PYTHONOPTIMIZE",
    "PYTHONPROFILEIMPORTTIME",
    "PYTHONSAFEPATH",
    "PYTHONTRACEMALLOC",
    "PYTHONUNBUFFERED",
    "PYTHONUTF8",
    "PYTHONVERBOSE",
    "PYTHON_BASIC_REPL",
    "PYTHON_COLORS",
    "PYTHON_CPU_COUNT",
    "PYTHON_GIL",
    "PYTHON_JIT",
    "UV_CONCURRENT_BUILDS",
    "UV_CONCURRENT_DOWNLOADS",
    "UV_CONCURRENT_INSTALLS",
    "UV_HTTP_RETRIES",
    "UV_HTTP_TIMEOUT",
    "UV_LINK_MODE",
    "UV_NO_CACHE",
    "UV_NO_PROGRESS",
    "UV_OFFLINE",
    "UV_REQUEST_TIMEOUT",
    "YARN_ENABLE_COLORS",
    "YARN_ENABLE_PROGRESS_BARS",
    "YARN_ENABLE_TELEMETRY",
    "YARN_NPM_AUTH_IDENT",
    "YARN_NPM_AUTH_TOKEN",
];

/// Programs read this one in any case.
const NPM_PREFIX: &str = "npm_config_";
/// What may follow it and chooses no code, in lower case.
const NPM_HARMLESS: &[&str] = &[
    "audit",
    "color",
    "fetch_retries",
    "fetch_timeout",
    "fund",
    "loglevel",
    "npm_version",
    "offline",
    "prefer_offline",
    "progress",
    "unicode",
    "update_notifier",
    "user_agent",
    "yes",
];

/// Names that no secret may take, though servers inherit them.
const NO_TARGETS: &[&str] = &["HOME", "LOGNAME", "PATH", "SHELL", "TMPDIR", "USER"];

/// Whether the variable steers what a program loads or runs.
pub fn is_loader_variable(name: &str) -> bool {
    let has_prefix = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    NAMES.contains(&name) || (has_prefix && !HARMLESS.contains(&name)) || is_loading_npm(name)
}

fn is_loading_npm(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let option = lower.strip_prefix(NPM_PREFIX);
    option.is_some_and(|option| !NPM_HARMLESS.contains(&option.replace('-', "_").as_str()))
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
            "BUN_CONFIG_REGISTRY",
            "DENO_DIR",
            "PIPX_HOME",
            "YARN_REGISTRY",
            "COREPACK_NPM_REGISTRY",
            "NODE_COMPILE_CACHE",
            "LESSOPEN",
            "R_PROFILE_USER",
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
    fn what_chooses_no_code_passes_whatever_its_beginning() {
        for name in [
            "PYTHONUNBUFFERED",
            "PYTHONIOENCODING",
            "PYTHONUTF8",
            "PYTHON_COLORS",
            "PIP_NO_COLOR",
            "UV_NO_PROGRESS",
            "npm_config_loglevel",
            "NPM_CONFIG_UPDATE_NOTIFIER",
            "npm_config_update-notifier",
            "LANG",
            "LC_ALL",
            "NO_COLOR",
            "FORCE_COLOR",
            "XDG_CACHE_HOME",
            "DENO_AUTH_TOKENS",
            "YARN_NPM_AUTH_TOKEN",
        ] {
            assert!(!is_loader_variable(name), "{name}");
        }
        for name in [
            "PYTHONWARNINGS",
            "PYTHONPYCACHEPREFIX",
            "PYTHONSTARTUP",
            "PYTHON_OF_TOMORROW",
            "UV_INDEX_URL",
            "UV_CACHE_DIR",
            "PIP_INDEX_URL",
            "npm_config_registry",
            "npm_config_cache",
            "NPM_CONFIG_SCRIPT_SHELL",
        ] {
            assert!(is_loader_variable(name), "{name}");
        }
    }

    #[test]
    fn harmless_names_are_exceptions_of_a_beginning() {
        for name in HARMLESS {
            assert!(
                PREFIXES.iter().any(|prefix| name.starts_with(prefix)),
                "{name}"
            );
            assert!(!NAMES.contains(name), "{name}");
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
