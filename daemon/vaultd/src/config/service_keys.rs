//! The keys of a service: ours, those that MCP clients have beside them, and what others were meant to be.
//!
//! A key that is not read would be a server without its secrets: what is not known is refused, but for
//! what clients write for themselves.

use vault_proto::names::is_service_name;

use super::document::{At, ConfigError};
use super::nearest::nearest;
use super::warnings::Warnings;

/// What is read.
const KEYS: &[&str] = &[
    "description",
    "secrets",
    "target_command",
    "command",
    "args",
    "env_overrides",
    "env",
    "cwd",
    "path",
    "keep_variables",
    "ttl",
    "max_stale",
    "refresh_ahead",
    "vault",
    "compartment_id",
    "profile",
    "profiles",
];

/// What clients write for themselves, and starts nothing else.
const OF_CLIENTS: &[&str] = &[
    "alwaysAllow",
    "autoApprove",
    "autoStart",
    "clientName",
    "dev",
    "disabled",
    "disabledTools",
    "enabled",
    "enabledTools",
    "excludeTools",
    "gallery",
    "icon",
    "id",
    "includeTools",
    "initTimeout",
    "instructions",
    "metadata",
    "name",
    "restart",
    "sandbox",
    "sandboxEnabled",
    "source",
    "startup_timeout_ms",
    "startup_timeout_sec",
    "timeout",
    "tool_timeout_sec",
    "tools",
    "trust",
    "version",
];

/// What a server has that is not started but called.
const OF_URLS: &[&str] = &[
    "url",
    "serverUrl",
    "httpUrl",
    "uri",
    "headers",
    "oauth",
    "auth",
];

/// What clients call a list of servers.
const BLOCKS: &[&str] = &[
    "mcpServers",
    "servers",
    "context_servers",
    "mcp",
    "mcp_servers",
];

/// Words of other programs, and the key each means.
const SYNONYMS: &[(&str, &str)] = &[
    ("argv", "target_command"),
    ("cmd", "target_command"),
    ("credentials", "secrets"),
    ("env_vars", "env_overrides"),
    ("environment", "env_overrides"),
    ("environments", "secrets: {VARIABLE: {environment: ...}}"),
    ("environmentVariables", "env_overrides"),
    ("exec", "target_command"),
    ("variables", "env_overrides"),
    ("workdir", "cwd"),
    ("workingDirectory", "cwd"),
    ("working_dir", "cwd"),
    ("working_directory", "cwd"),
];

/// Refuses what is not known, and warns of what is left out.
pub(super) fn check(at: &At<'_>, warnings: &mut Warnings) -> Result<(), ConfigError> {
    for (key, at) in at.entries()? {
        let key = key.as_str();
        if KEYS.contains(&key) || is_comment(key) {
            continue;
        }
        match key {
            "type" | "transport" if is_stdio(&at) => {}
            "type" | "transport" => return Err(by_url(&at)),
            _ if OF_URLS.contains(&key) => return Err(by_url(&at)),
            _ if OF_CLIENTS.contains(&key) => {
                let warning = at.key_error("a key of MCP clients, not read here");
                warnings.push(warning.to_string());
            }
            "envFile" | "env_file" => {
                return Err(at.key_error(
                    "files of variables are not read; write settings below env_overrides: and \
                     secrets below secrets:",
                ));
            }
            _ if BLOCKS.contains(&key) && at.is_map() => return Err(block(key, &at)?),
            _ => return Err(unknown(key, &at)),
        }
    }
    Ok(())
}

/// What people write for readers.
fn is_comment(key: &str) -> bool {
    key == "comment"
        || key.starts_with(['_', '$', '#'])
        || key.starts_with("//")
        || key.starts_with("x-")
}

fn is_stdio(at: &At<'_>) -> bool {
    let text = at.scalar().unwrap_or_default().to_ascii_lowercase();
    matches!(text.as_str(), "stdio" | "local" | "command")
}

fn by_url(at: &At<'_>) -> ConfigError {
    at.key_error(
        "a server by URL is not started: vaultd starts programs, by command or target_command",
    )
}

/// A client's whole file, in which servers have names of their own.
fn block(key: &str, at: &At<'_>) -> Result<ConfigError, ConfigError> {
    let names = at.entries()?.into_iter().map(|(name, _)| name);
    let names: Vec<String> = names.filter(|name| is_service_name(name)).take(5).collect();
    let said = match names.as_slice() {
        [] => String::new(),
        names => format!(" ({})", names.join(", ")),
    };
    Ok(at.key_error(format!(
        "this is a block of an MCP client; a service file is one server: write what stands below \
         each name in {key}{said} into a file of its own, configs/NAME.json"
    )))
}

fn unknown(key: &str, at: &At<'_>) -> ConfigError {
    let synonym = SYNONYMS.iter().find(|(word, _)| *word == key);
    let meant = synonym.map(|(_, meant)| *meant).or_else(|| {
        let known = nearest(key, KEYS);
        known.or_else(|| nearest(key, OF_CLIENTS))
    });
    at.key_error(match meant {
        Some(meant) => format!("unknown key; did you mean {meant}?"),
        None => format!("unknown key; a service has {}", KEYS.join(", ")),
    })
}
