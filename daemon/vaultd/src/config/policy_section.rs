//! The `policy:` section.

use super::document::{At, ConfigError};
use crate::policy::{Action, Actions, Rule, Verdict};

/// The rules, in their order.
pub(super) fn rules(at: &At<'_>) -> Result<Vec<Rule>, ConfigError> {
    let mut rules = Vec::new();
    for (key, at) in at.entries()? {
        if key != "rules" {
            return Err(at.key_error("unknown key; policy has rules"));
        }
        for at in at.items()? {
            rules.push(rule(&at)?);
        }
    }
    Ok(rules)
}

fn rule(at: &At<'_>) -> Result<Rule, ConfigError> {
    let mut verdict = None;
    let mut rule = Rule {
        verdict: Verdict::Deny,
        actions: vec![],
        services: None,
        references: None,
        uids: None,
        subjects: None,
        place: format!("rule at {}", at.place()),
    };
    for (key, at) in at.entries()? {
        match key.as_str() {
            "allow" | "deny" if verdict.is_some() => {
                return Err(at.key_error("a rule either allows or denies"));
            }
            "allow" | "deny" => {
                verdict = Some(if key == "allow" {
                    Verdict::Allow
                } else {
                    Verdict::Deny
                });
                let actions_at = some(&at, "name actions, or all")?;
                rule.actions = actions_at.iter().map(actions).collect::<Result<_, _>>()?;
            }
            "services" => rule.services = Some(texts(&at)?),
            "references" => rule.references = Some(texts(&at)?),
            "subjects" => rule.subjects = Some(texts(&at)?),
            "uids" => {
                let uid = |at: &At<'_>| {
                    let wrong = |_| at.error("must be a uid");
                    u32::try_from(at.whole_number()?).map_err(wrong)
                };
                rule.uids = Some(
                    some(&at, LEAVE_OUT)?
                        .iter()
                        .map(uid)
                        .collect::<Result<_, _>>()?,
                );
            }
            _ => {
                return Err(at.key_error(
                    "unknown key; a rule has allow or deny, services, references, uids, subjects",
                ));
            }
        }
    }
    rule.verdict = verdict.ok_or_else(|| at.error("a rule needs allow or deny"))?;
    Ok(rule)
}

/// What to do with an empty list that may be left out.
const LEAVE_OUT: &str = "leave the key out for all";

/// The items of a list that has some: with an empty one, a denying rule would allow.
fn some<'a>(at: &At<'a>, advice: &str) -> Result<Vec<At<'a>>, ConfigError> {
    let items = at.items()?;
    if items.is_empty() {
        let message = format!("names nothing, so the rule never counts; {advice}");
        return Err(at.error(message));
    }
    Ok(items)
}

fn texts(at: &At<'_>) -> Result<Vec<String>, ConfigError> {
    some(at, LEAVE_OUT)?;
    at.texts()
}

fn actions(at: &At<'_>) -> Result<Actions, ConfigError> {
    match at.text()? {
        "all" => Ok(Actions::All),
        "default" => Ok(Actions::Default),
        word => Action::from_word(word).map(Actions::One).ok_or_else(|| {
            let words: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
            at.error(format!(
                "unknown action; there are default, all, {}",
                words.join(", ")
            ))
        }),
    }
}
