//! Whether a peer may do something: a pure decision, no I/O, no clock.
//!
//! Rules are asked in order and the first that matches decides; where none matches the answer is
//! no. Without a `policy:` section the rules are those of [`Policy::default_for`].
//!
//! An allowing rule means the text of a reference, `?version=` and `?stage=` included, and no other.
//! A denying one means the secret: it also matches where the reference without them does, or one
//! more way to write "the current version" would be a way around it. Two names of one secret (an OCID
//! and a name in OCI Vault) are two references: policy asks no backend which secret they are.

use std::fmt;

use vault_proto::reference::{SecretRef, Selector};

/// What may be asked for. The words are the configuration's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Start a configured service.
    Launch,
    /// Start a configured service's secrets with another command.
    LaunchCommand,
    /// See what a launch would give, without values.
    Check,
    /// Read a value.
    Get,
    /// See the daemon's state.
    Status,
    /// See names of secrets and services.
    List,
    /// See what is known of one reference.
    Explain,
    /// Read the counters.
    Metrics,
    /// Follow changes.
    Watch,
    /// Forget held values.
    Flush,
    /// RequestContext the backend now.
    Refresh,
    /// Close a breaker.
    ResetBreaker,
    /// Read the configuration again.
    Reload,
    /// Store a value.
    Put,
    /// Delete a secret.
    Delete,
    /// See a secret's versions.
    Versions,
    /// Make another version current.
    Promote,
    /// Look at everything a backend needs.
    Doctor,
    /// Have a secret or a version deleted later.
    ScheduleDeletion,
    /// Keep what was to be deleted.
    CancelDeletion,
    /// RequestContext what policy would say.
    TestPolicy,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 21] = [
        Self::Launch,
        Self::LaunchCommand,
        Self::Check,
        Self::Get,
        Self::Status,
        Self::List,
        Self::Explain,
        Self::Metrics,
        Self::Watch,
        Self::Flush,
        Self::Refresh,
        Self::ResetBreaker,
        Self::Reload,
        Self::Put,
        Self::Delete,
        Self::Versions,
        Self::Promote,
        Self::Doctor,
        Self::ScheduleDeletion,
        Self::CancelDeletion,
        Self::TestPolicy,
    ];

    /// The word for configuration and audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Launch => "launch",
            Self::LaunchCommand => "launch-command",
            Self::Check => "check",
            Self::Get => "get",
            Self::Status => "status",
            Self::List => "list",
            Self::Explain => "explain",
            Self::Metrics => "metrics",
            Self::Watch => "watch",
            Self::Flush => "flush",
            Self::Refresh => "refresh",
            Self::ResetBreaker => "reset-breaker",
            Self::Reload => "reload",
            Self::Put => "put",
            Self::Delete => "delete",
            Self::Versions => "versions",
            Self::Promote => "promote",
            Self::Doctor => "doctor",
            Self::ScheduleDeletion => "schedule-deletion",
            Self::CancelDeletion => "cancel-deletion",
            Self::TestPolicy => "test-policy",
        }
    }

    /// The action of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }

    /// Whether it is allowed where nothing is configured.
    const fn by_default(self) -> Default {
        match self {
            Self::LaunchCommand | Self::Get => Default::No,
            Self::Put
            | Self::Delete
            | Self::Promote
            | Self::ScheduleDeletion
            | Self::CancelDeletion => Default::ByKind,
            _ => Default::Yes,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

enum Default {
    Yes,
    ByKind,
    No,
}

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The caller's uid.
    pub uid: u32,
    /// On whose behalf it asks, where it speaks for others.
    pub subject: Option<&'a str>,
    /// What it wants to do.
    pub action: Action,
    /// With which service, if with one.
    pub service: Option<&'a str>,
    /// With which secret, if with one.
    pub reference: Option<&'a SecretRef>,
    /// Another way to write the same: with the compartment that a bare name is in, or without it. A rule
    /// that means one means both.
    pub other_name: Option<&'a SecretRef>,
    /// Whether the secret's kind of vault may be changed where nothing is configured.
    pub written_by_default: bool,
}

/// The answer, and why.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// The rule that decided, in words.
    pub rule: String,
}

/// Which actions a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actions {
    /// Each of them.
    All,
    /// What is allowed where nothing is configured.
    Default,
    /// This one.
    One(Action),
}

/// What a matching rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

/// One rule. A list left out matches anything; `uids` left out matches the daemon's own uid only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it says where it matches.
    pub verdict: Verdict,
    /// About which actions.
    pub actions: Vec<Actions>,
    /// About which services; `*` matches any text.
    pub services: Option<Vec<String>>,
    /// About which references; `*` matches any text. A denying rule also matches those whose text
    /// without `?version=` or `?stage=` it matches.
    pub references: Option<Vec<String>>,
    /// About which callers.
    pub uids: Option<Vec<u32>>,
    /// On whose behalf; `*` matches any text. Left out, an allowing rule is about what callers do for
    /// themselves.
    pub subjects: Option<Vec<String>>,
    /// Where it stands, for people: "resolver.yaml:12".
    pub place: String,
}

/// What decides where nothing is configured, for people.
const DEFAULT: &str = "the default policy";

/// The rules in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    own_uid: u32,
    rules: Vec<Rule>,
    is_default: bool,
}

impl Policy {
    /// What holds without a `policy:` section, for a daemon of `own_uid`.
    pub fn default_for(own_uid: u32) -> Self {
        let rule = Rule {
            verdict: Verdict::Allow,
            actions: vec![Actions::Default],
            services: None,
            references: None,
            uids: None,
            subjects: None,
            place: DEFAULT.to_owned(),
        };
        Self {
            is_default: true,
            ..Self::new(own_uid, vec![rule])
        }
    }

    /// `rules` in place of the whole default.
    pub fn new(own_uid: u32, rules: Vec<Rule>) -> Self {
        Self {
            own_uid,
            rules,
            is_default: false,
        }
    }

    /// Whether any rule speaks of callers of that uid; nobody else need be let in.
    pub fn knows(&self, uid: u32) -> bool {
        let named = |rule: &Rule| rule.uids.as_ref().is_some_and(|uids| uids.contains(&uid));
        uid == self.own_uid || self.rules.iter().any(named)
    }

    /// Answers one question.
    pub fn decide(&self, question: &Question<'_>) -> Decision {
        let matching = self
            .rules
            .iter()
            .find(|rule| rule.matches(question, self.own_uid));
        match matching {
            Some(rule) => Decision {
                allowed: rule.verdict == Verdict::Allow,
                rule: rule.place.clone(),
            },
            None => Decision {
                allowed: false,
                rule: if self.is_default {
                    DEFAULT
                } else {
                    "no rule matches"
                }
                .to_owned(),
            },
        }
    }
}

impl Rule {
    fn matches(&self, question: &Question<'_>, own_uid: u32) -> bool {
        let uid = match &self.uids {
            Some(uids) => uids.contains(&question.uid),
            None => question.uid == own_uid,
        };
        // A rule that names no subject speaks of what a peer does for itself: what it does for others
        // is allowed to nobody by oversight.
        let subject = match (&self.subjects, question.subject) {
            (None, None) => true,
            (None, Some(_)) => self.verdict == Verdict::Deny,
            (Some(subjects), subject) => matches_any(Some(subjects), subject),
        };
        uid && subject
            && self.actions.iter().any(|actions| actions.include(question))
            && matches_any(self.services.as_deref(), question.service)
            && (self.is_about(question.reference)
                || question
                    .other_name
                    .is_some_and(|name| self.is_about(Some(name))))
    }

    fn is_about(&self, reference: Option<&SecretRef>) -> bool {
        let matches = |reference: Option<&SecretRef>| {
            let text = reference.map(ToString::to_string);
            matches_any(self.references.as_deref(), text.as_deref())
        };
        // A denial of a secret is one of its versions and fields, in whatever namespace.
        let in_parts = |reference: &SecretRef| {
            let whole = reference.whole();
            matches(Some(&whole))
                || matches(Some(&reference.clone().with_selector(Selector::Current)))
        };
        matches(reference) || (self.verdict == Verdict::Deny && reference.is_some_and(in_parts))
    }
}

impl Actions {
    fn include(&self, question: &Question<'_>) -> bool {
        match self {
            Self::All => true,
            Self::One(action) => *action == question.action,
            Self::Default => match question.action.by_default() {
                Default::Yes => true,
                Default::ByKind => question.written_by_default,
                Default::No => false,
            },
        }
    }
}

/// A rule that names patterns speaks only of what has a text to match.
fn matches_any(patterns: Option<&[String]>, text: Option<&str>) -> bool {
    match (patterns, text) {
        (None, _) => true,
        (Some(patterns), Some(text)) => patterns.iter().any(|pattern| glob(pattern, text)),
        (Some(_), None) => false,
    }
}

/// `*` stands for any text, an empty one included; all else for itself.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// What to write into resolver.yaml to allow what was denied, on one line, and nothing more than that:
/// people copy it.
pub fn remedy(policy: &Policy, question: &Question<'_>) -> String {
    use std::fmt::Write;
    let reference = question.reference.map(ToString::to_string);
    // In a pattern the first stands for any text, the others end or change the YAML around it.
    if reference
        .as_deref()
        .is_some_and(|text| text.contains(['*', '"', '\\']))
    {
        return "give the secret a plainer name: no rule can name this one and no other".to_owned();
    }
    let mut rule = format!("{{ allow: [{}]", question.action);
    // Writing to a String does not fail.
    if let Some(service) = question.service {
        let _ = write!(rule, ", services: [{service}]");
    }
    if let Some(reference) = reference {
        let _ = write!(rule, ", references: [\"{reference}\"]");
    }
    rule.push_str(" }");
    if policy.is_default {
        format!("write into resolver.yaml 'policy: {{ rules: [{{ allow: [default] }}, {rule}] }}'")
    } else {
        format!("add the rule {rule} to policy.rules in resolver.yaml")
    }
}

#[cfg(test)]
mod tests;
