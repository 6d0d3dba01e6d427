//! Service files that cannot be used: what stands in each, and what a launch of its service says.

/// How a file comes to be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Made {
    /// With these bytes.
    Of(&'static [u8]),
    /// With these bytes, and a mode.
    WithMode(&'static [u8], u32),
    /// As a link.
    Link(&'static str),
    /// As a directory.
    Directory,
    /// With so many bytes.
    Long(usize),
    /// With these bytes, beside another file of the same service.
    Beside(&'static [u8], &'static str),
}

use Made::{Beside, Directory, Link, Long, Of, WithMode};

/// Name, content, and what is said behind the file's path. `TOKEN` stands in no message.
pub(crate) const TABLE: &[(&str, Made, &str)] = &[
    // What is no file of text.
    ("dead-link.json", Link("gone.json.saved"), ": is a link to nothing"),
    ("link-loop.json", Link("link-loop-json.json"), ": cannot be read:"),
    ("directory.json", Directory, ": is not a plain file"),
    ("device.json", Link("/dev/null"), ": is not a plain file"),
    ("utf16.json", Of(b"\xff\xfe{\0}\0"), ": is UTF-16 text; save it as UTF-8"),
    ("utf16be.yaml", Of(b"\xfe\xff\0{\0}"), ": is UTF-16 text; save it as UTF-8"),
    ("latin1.json", Of(b"{\"description\": \"caf\xe9\"}"), ": is not UTF-8 text; save it as UTF-8"),
    ("nul.json", Of(b"{\"target_command\": [\"a\0\"]}"), ": holds a NUL byte"),
    ("u2028.json", Of("{\n\"description\": \"a\u{2028}TOKEN\"}".as_bytes()), ":2:18: holds U+2028, a line break that"),
    ("u0085.yaml", Of("# a\u{85}target_command: [env]\n".as_bytes()), ":1:4: holds U+0085, a line break that"),
    ("long.json", Long(1024 * 1024 + 1), ": is longer than 1048576 bytes"),
    ("mode666.json", WithMode(b"{}", 0o666), ": is writable by everybody; run 'chmod o-w "),
    ("mode602.yaml", WithMode(b"{}", 0o602), ": is writable by everybody; run 'chmod o-w "),
    (
        "twice.yaml",
        Beside(b"target_command: [env]\n", "twice.json"),
        ": defines the same service as ",
    ),
    ("empty.json", Of(b""), ":1:1: is empty; write target_command"),
    ("comments.yaml", Of(b"# TOKEN\n"), ":2:1: is empty; write target_command"),
    // What is no JSON.
    ("open.json", Of(br#"{ "secrets": {"#), ":1:14: not readable as JSON: a { is never closed by a }"),
    ("open-list.json", Of(br#"{"target_command": ["env""#), ":1:20: not readable as JSON: a [ is never closed by a ]"),
    ("open-text.json", Of(br#"{"description": "TOKEN"#), ":1:17: not readable as JSON: "),
    ("open-comment.json", Of(b"{\"target_command\": [\"env\"] /* TOKEN"), ":1:28: not readable as JSON: "),
    ("bracket.json", Of(br#"{"target_command":["env"],}]"#), ":1:28: not readable as JSON: "),
    ("comma.json", Of(b"{\"description\": \"TOKEN\"\n \"target_command\": [\"env\"]}"), ":1:24: not readable as JSON: a comma is missing here"),
    ("colon.json", Of(br#"{"target_command" ["env"]}"#), ":1:19: not readable as JSON: a key needs a colon after it"),
    ("words.json", Of(b"{\"target_command\": [env, // TOKEN\n x]}"), ":1:21: not readable as JSON: keys and texts need double quotes"),
    ("smart.json", Of("{“target_command”: [“env”]}".as_bytes()), ":1:2: not readable as JSON: this is a typographic quotation mark"),
    ("smart-value.json", Of("{\"target_command\": [“env”]}".as_bytes()), ":1:21: not readable as JSON: this is a typographic quotation mark"),
    ("duplicate.json", Of(br#"{"secrets": {}, "target_command": ["env"], "secrets": {}}"#), ":1:44: not readable as JSON: the same key stands here twice"),
    ("escape.json", Of(br#"{"description": "\q"}"#), ":1:18: not readable as JSON: a backslash begins an escape that JSON does not have"),
    ("surrogate.json", Of(br#"{"description": "\udf06"}"#), ":1:18: not readable as JSON: a \\u escape means no character"),
    ("two.json", Of(b"{}\n{\"target_command\": [\"env\"]}"), ":2:1: not readable as JSON: something stands behind the closing bracket"),
    ("list.json", Of(br#"["env"]"#), ":1:1: must be a map"),
    ("text.json", Of(b"\"env\""), ":1:1: must be a map"),
    // What is no YAML.
    ("open.yaml", Of(b"target_command: [env\n"), "not readable as YAML: "),
    ("tab.yaml", Of(b"secrets:\n\tA: local://a\n"), "not readable as YAML: "),
    ("colon.yaml", Of(b"description: TOKEN: TOKEN: x\n"), "not readable as YAML: "),
    ("alias.yaml", Of(b"target_command: *TOKEN\n"), "not readable as YAML: "),
    ("duplicate.yaml", Of(b"cwd: /\ncwd: /\n"), "not readable as YAML: the same key stands here twice"),
    ("tag.yaml", Of(b"target_command: [env]\nenv: {A: !TOKEN}\n"), ":2:7: not readable as YAML: begins with ! or &"),
    ("anchor.yaml", Of(b"target_command: [env]\nsecrets: &TOKEN\n"), ":2:1: not readable as YAML: begins with ! or &"),
    ("deep.yaml", Of(b"- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - x"), "not readable as YAML: it is nested more than 32 deep"),
    ("deep.json", Of(br#"{"args": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"#), "not readable as JSON: it is nested more than 32 deep"),
    ("documents.yaml", Of(b"target_command: [env]\n---\ntarget_command: [env]\n"), "not readable as YAML: "),
    ("comment.yaml", Of(b"{target_command: [env], // TOKEN\n cwd: /}"), ":1:25: not readable as YAML: // and /* begin no comment in YAML"),
    ("comment-word.yaml", Of(b"target_command: [\n  env, // TOKEN\n  x]\n"), "not readable as YAML: // and /* begin no comment in YAML"),
    ("comment-key.yaml", Of(b"env_overrides: {\n  // TOKEN\n  A: b}\n"), "not readable as YAML: // and /* begin no comment in YAML"),
    ("smart.yaml", Of("target_command: [“env”]\n".as_bytes()), ":1:18: not readable as YAML: this is a typographic quotation mark"),
    // Keys that mean nothing here.
    ("secret.json", Of(br#"{"target_command": ["env"], "secret": {"A": "local://a"}}"#), ":1:29: secret: unknown key; did you mean secrets?"),
    ("case.json", Of(br#"{"target_command": ["env"], "Secrets": {"A": "local://a"}}"#), ":1:29: Secrets: unknown key; did you mean secrets?"),
    ("target.json", Of(br#"{"target-command": ["env"]}"#), ":1:2: target-command: unknown key; did you mean target_command?"),
    ("cmd.json", Of(br#"{"cmd": ["env"]}"#), ":1:2: cmd: unknown key; did you mean target_command?"),
    ("environment.json", Of(br#"{"target_command": ["env"], "environment": {"A": "b"}}"#), ":1:29: environment: unknown key; did you mean env_overrides?"),
    ("unknown.json", Of(br#"{"target_command": ["env"], "frobnicate": 1}"#), ":1:29: frobnicate: unknown key; a service has description, secrets, target_command"),
    ("block.json", Of(br#"{"mcpServers": {"github": {"command": "npx"}}}"#), ":1:2: mcpServers: this is a block of an MCP client; a service file is one server: write what stands below each name in mcpServers (github) into a file of its own, configs/NAME.json"),
    ("servers.json", Of(br#"{"servers": {"github": {"command": "npx"}}}"#), ":1:2: servers: this is a block of an MCP client"),
    ("url.json", Of(br#"{"url": "https://x/mcp"}"#), ":1:2: url: a server by URL is not started"),
    ("http.json", Of(br#"{"type": "http", "command": "env"}"#), ":1:2: type: a server by URL is not started"),
    ("env-file.json", Of(br#"{"command": "env", "envFile": ".env"}"#), ":1:20: envFile: files of variables are not read"),
    ("entry-key.json", Of(br#"{"target_command": ["env"], "secrets": {"A": {"secret_name": "local://a", "versoin": 2}}}"#), ":1:75: secrets.A.versoin: unknown key; did you mean version?"),
    ("vault-key.json", Of(br#"{"target_command": ["env"], "vault": {"compartmnet_id": "x"}}"#), ":1:39: vault.compartmnet_id: unknown key; did you mean compartment_id?"),
    // Values of the wrong kind.
    ("secrets-number.json", Of(br#"{"target_command": ["env"], "secrets": 7}"#), ":1:40: secrets: must be a list, found a number"),
    ("command-map.json", Of(br#"{"target_command": {"a": 1}}"#), ":1:20: target_command: must be a string, found a map"),
    ("command-quote.json", Of(br#"{"target_command": "env 'a"}"#), ":1:20: target_command: has an unclosed quote"),
    ("command-empty-word.json", Of(br#"{"target_command": ["", "x"]}"#), ":1:20: target_command: names no program: its first word is empty"),
    ("args-text.json", Of(br#"{"command": "env", "args": "TOKEN"}"#), ":1:28: args: must be a list, found a string"),
    ("cwd.json", Of(br#"{"target_command": ["env"], "cwd": "here"}"#), ":1:36: cwd: must be an absolute path, or begin with ~/"),
    ("ttl.json", Of(br#"{"target_command": ["env"], "ttl": "TOKEN"}"#), ":1:36: ttl: must be a whole number"),
    ("setting-list.json", Of(br#"{"target_command": ["env"], "env_overrides": {"A": [1]}}"#), ":1:52: env_overrides.A: must be a string, found a list"),
    ("setting-name.json", Of(br#"{"target_command": ["env"], "env_overrides": {"A-B": "x"}}"#), ":1:47: env_overrides.A-B: not a name for an environment variable"),
    ("loader.json", Of(br#"{"target_command": ["env"], "secrets": {"LD_PRELOAD": "local://a"}}"#), ":1:41: secrets.LD_PRELOAD: no secret may go into this variable"),
    ("path.json", Of(br#"{"target_command": ["env"], "secrets": {"A": "local://../a"}}"#), ":1:46: secrets.A: a name with .."),
    ("null.json", Of(br#"{"target_command": ["env"], "secrets": {"A": null}}"#), ":1:46: secrets.A: names no secret: write secret_name"),
    ("version.json", Of(br#"{"target_command": ["env"], "secrets": {"A": {"secret_name": "local://a", "version": "TOKEN"}}}"#), ":1:86: secrets.A.version: invalid version"),
    ("shared.json", Of(br#"{"target_command": ["env"], "secrets": ["TOKEN"]}"#), ":1:41: secrets[0]: resolver.yaml has no secrets entry of this name"),
    // Secrets and references where they do not belong.
    ("pasted.json", Of(br#"{"target_command": ["env"], "secrets": {"A": "ghp_TOKEN0TOKEN0TOKEN0TOKEN0TOKEN0TOKE"}}"#), ":1:46: secrets.A: this is no name, it looks like the secret itself"),
    ("pasted-local.json", Of(br#"{"target_command": ["env"], "secrets": {"A": "local://ghp_TOKEN0TOKEN0TOKEN0TOKEN0TOKEN0TOKE"}}"#), ":1:46: secrets.A: this is no name, it looks like the secret itself"),
    ("pasted-entry.json", Of(br#"{"target_command": ["env"], "secrets": {"A": {"secret_name": "glpat-TOKEN0TOKEN0TOKEN0"}}}"#), ":1:62: secrets.A.secret_name: this is no name, it looks like the secret itself"),
    ("pasted-key.json", Of(br#"{"target_command": ["env"], "secrets": {"ghp_TOKEN0TOKEN0TOKEN0TOKEN0TOKEN0TOKE": "GITHUB_TOKEN"}}"#), ":1:41: secrets.(hidden): this is no name of a variable, it looks like the secret itself"),
    ("bare.json", Of(br#"{"target_command": ["env"], "secrets": {"A": "TOKEN"}}"#), ":1:46: secrets.A: a bare name is a secret of OCI Vault, and none is configured"),
    ("password.json", Of(br#"{"target_command": ["env"], "secrets": {"A": "TOKEN!1$"}}"#), ":1:46: secrets.A: this is no name of a secret"),
    ("reference-setting.json", Of(br#"{"target_command": ["env"], "env_overrides": {"A": "local://a"}}"#), ":1:52: env_overrides.A: holds a reference, which is read below secrets: alone"),
    ("reference-inside.json", Of(br#"{"target_command": ["env"], "env": {"A": "Bearer vault://a"}}"#), ":1:42: env.A: holds a reference, which is read below secrets: alone"),
    ("reference-wrapper.json", Of(br#"{"command": "env", "env": {"A": "Bearer vault://a"}}"#), ":1:33: env.A: holds a reference, which is read below secrets: alone"),
    ("reference-word.json", Of(br#"{"target_command": ["env", "oci-vault://a"]}"#), ":1:20: target_command: holds a reference, which is read below secrets: alone"),
    ("reference-args.json", Of(br#"{"command": "env", "args": ["--token", "vault://a"]}"#), ":1:28: args: holds a reference, which is read below secrets: alone"),
    ("variable-setting.json", Of(br#"{"target_command": ["env"], "env_overrides": {"A": "${PGPASSWORD}"}}"#), ":1:52: env_overrides.A: holds a variable in ${...}, which nobody replaces here"),
    ("variable-word.json", Of(br#"{"target_command": ["env", "${HOME}/x"]}"#), ":1:20: target_command: holds a variable in ${...}, which nobody replaces here"),
];
