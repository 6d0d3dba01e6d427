//! Well-known servers that may be named without a command.
//!
//! The predecessor's names. A name alone launches nothing: a service must be configured, and only
//! where its entry has no command does the catalogue give one.

/// The names, and the npm package each means.
const ENTRIES: &[(&str, &str)] = &[
    ("aws", "@modelcontextprotocol/server-aws"),
    ("azure", "@modelcontextprotocol/server-azure"),
    ("docker", "@modelcontextprotocol/server-docker"),
    ("filesystem", "@modelcontextprotocol/server-filesystem"),
    ("gcp", "@modelcontextprotocol/server-gcp"),
    ("github", "@modelcontextprotocol/server-github"),
    ("kubernetes", "@modelcontextprotocol/server-kubernetes"),
    ("mongodb", "@modelcontextprotocol/server-mongodb"),
    ("mysql", "@modelcontextprotocol/server-mysql"),
    ("postgres", "@modelcontextprotocol/server-postgres"),
    ("postgresql", "@modelcontextprotocol/server-postgres"),
    ("redis", "@modelcontextprotocol/server-redis"),
    ("sqlite", "@modelcontextprotocol/server-sqlite"),
];

/// The command of a name.
pub fn command(name: &str) -> Option<Vec<String>> {
    let (_, package) = ENTRIES.iter().find(|(entry, _)| *entry == name)?;
    Some(["npx", "-y", package].map(str::to_owned).to_vec())
}

/// All names, for messages.
pub fn names() -> String {
    let names: Vec<&str> = ENTRIES.iter().map(|(name, _)| *name).collect();
    names.join(", ")
}
