//! The first matching rule decides, and nothing else.

use super::*;

const OWN: u32 = 1000;

fn question(action: Action, reference: Option<&SecretRef>) -> Question<'_> {
    Question {
        uid: OWN,
        subject: None,
        action,
        service: Some("bar"),
        reference,
        other_name: None,
        written_by_default: reference
            .is_some_and(|reference| reference.to_string().starts_with("local://")),
    }
}

fn rule(verdict: Verdict, actions: Vec<Actions>) -> Rule {
    Rule {
        verdict,
        actions,
        services: None,
        references: None,
        uids: None,
        subjects: None,
        place: "resolver.yaml:1".to_owned(),
    }
}

fn allowed(policy: &Policy, question: &Question<'_>) -> bool {
    policy.decide(question).allowed
}

#[test]
fn the_default_gives_launches_and_upkeep_but_no_values() {
    let policy = Policy::default_for(OWN);
    let local: SecretRef = "local://x".parse().unwrap();
    let oci: SecretRef = "oci-vault://x".parse().unwrap();
    for action in Action::ALL {
        let (on_local, on_oci) = match action {
            Action::Get | Action::LaunchCommand => (false, false),
            Action::Put
            | Action::Delete
            | Action::Promote
            | Action::ScheduleDeletion
            | Action::CancelDeletion => (true, false),
            _ => (true, true),
        };
        assert_eq!(
            allowed(&policy, &question(action, Some(&local))),
            on_local,
            "{action}"
        );
        assert_eq!(
            allowed(&policy, &question(action, Some(&oci))),
            on_oci,
            "{action}"
        );
    }
}

#[test]
fn another_uid_gets_nothing_unless_a_rule_names_it() {
    let policy = Policy::default_for(OWN);
    for uid in [0, OWN + 1] {
        assert!(!policy.knows(uid));
        for action in Action::ALL {
            assert!(
                !allowed(
                    &policy,
                    &Question {
                        uid,
                        ..question(action, None)
                    }
                ),
                "{action}"
            );
        }
    }
    let named = Rule {
        uids: Some(vec![7]),
        ..rule(Verdict::Allow, vec![Actions::Default])
    };
    let policy = Policy::new(OWN, vec![named]);
    assert!(policy.knows(7));
    assert!(allowed(
        &policy,
        &Question {
            uid: 7,
            ..question(Action::Launch, None)
        }
    ));
    assert!(
        !allowed(&policy, &question(Action::Launch, None)),
        "the rule names 7 alone"
    );
}

#[test]
fn the_first_matching_rule_decides_and_no_match_is_a_no() {
    let reference: SecretRef = "local://bar-token".parse().unwrap();
    let deny = Rule {
        references: Some(vec!["local://bar-*".to_owned()]),
        ..rule(Verdict::Deny, vec![Actions::One(Action::Get)])
    };
    let allow = rule(Verdict::Allow, vec![Actions::All]);
    let get = question(Action::Get, Some(&reference));
    assert!(!allowed(
        &Policy::new(OWN, vec![deny.clone(), allow.clone()]),
        &get
    ));
    assert!(allowed(&Policy::new(OWN, vec![allow, deny]), &get));
    let none = Policy::new(OWN, vec![]).decide(&get);
    assert_eq!(
        (none.allowed, none.rule.as_str()),
        (false, "no rule matches")
    );
}

#[test]
fn a_denied_secret_is_denied_in_every_version_and_an_allowed_reference_only_as_written() {
    let about = |verdict, pattern: &str| Rule {
        references: Some(vec![pattern.to_owned()]),
        ..rule(verdict, vec![Actions::One(Action::Get)])
    };
    let everything = rule(Verdict::Allow, vec![Actions::All]);
    for (pattern, text, denied, alone) in [
        ("local://x", "local://x", true, true),
        ("local://x", "local://x?stage=CURRENT", true, false),
        ("local://x", "local://x?version=7", true, false),
        ("local://x", "local://xy", false, false),
        ("local://x*", "local://x?version=7", true, true),
        (
            "oci-vault://c/n",
            "oci-vault://c/n?stage=LATEST",
            true,
            false,
        ),
        ("*?version=*", "local://x?version=7", true, true),
        ("*?version=*", "local://x", false, false),
    ] {
        let reference: SecretRef = text.parse().unwrap();
        let get = question(Action::Get, Some(&reference));
        let deny = Policy::new(OWN, vec![about(Verdict::Deny, pattern), everything.clone()]);
        assert_eq!(!allowed(&deny, &get), denied, "deny {pattern}: {text}");
        let allow = Policy::new(OWN, vec![about(Verdict::Allow, pattern)]);
        assert_eq!(allowed(&allow, &get), alone, "allow {pattern}: {text}");
    }
}

#[test]
fn a_rule_about_services_or_references_needs_one() {
    let scoped = Rule {
        services: Some(vec!["bar".to_owned()]),
        ..rule(Verdict::Allow, vec![Actions::One(Action::Launch)])
    };
    let policy = Policy::new(OWN, vec![scoped]);
    assert!(allowed(&policy, &question(Action::Launch, None)));
    let without = Question {
        service: None,
        ..question(Action::Launch, None)
    };
    assert!(!allowed(&policy, &without));
    let other = Question {
        service: Some("baz"),
        ..question(Action::Launch, None)
    };
    assert!(!allowed(&policy, &other));
}

#[test]
fn a_star_matches_any_text_and_nothing_else_is_special() {
    for (pattern, text) in [
        ("*", ""),
        ("a*", "a"),
        ("a*c", "abc"),
        ("*b*", "abc"),
        ("a*b*c", "abbc"),
    ] {
        assert!(glob(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [
        ("a", "ab"),
        ("a*c", "ab"),
        ("a*a", "a"),
        ("a?c", "abc"),
        ("", "x"),
    ] {
        assert!(!glob(pattern, text), "{pattern} {text}");
    }
}

#[test]
fn the_remedy_names_exactly_what_was_asked_and_keeps_the_default() {
    let reference: SecretRef = "local://x".parse().unwrap();
    let asked = Question {
        service: None,
        ..question(Action::Get, Some(&reference))
    };
    let rule = "{ allow: [get], references: [\"local://x\"] }";
    let default = remedy(&Policy::default_for(OWN), &asked);
    assert!(default.contains(&format!(
        "policy: {{ rules: [{{ allow: [default] }}, {rule}] }}"
    )));
    let own = remedy(&Policy::new(OWN, vec![]), &asked);
    assert!(own.contains(&format!("add the rule {rule}")), "{own}");
}

#[test]
fn the_remedy_never_allows_more_than_was_asked_for() {
    for text in [
        "oci-vault://*",
        "oci-vault://c/a*",
        "oci-vault://a\"], uids: [7], x: [\"",
        "oci-vault://a\\x2a",
    ] {
        let reference: SecretRef = text.parse().unwrap();
        let asked = question(Action::Get, Some(&reference));
        let remedy = remedy(&Policy::default_for(OWN), &asked);
        assert!(!remedy.contains("allow:"), "{text}: {remedy}");
    }
}

#[test]
fn every_action_has_its_own_word() {
    for action in Action::ALL {
        assert_eq!(Action::from_word(action.as_str()), Some(action));
    }
    assert_eq!(Action::from_word("all"), None);
}

#[test]
fn a_rule_is_about_a_subject_only_where_it_names_one() {
    let of = |verdict, subjects: Option<&[&str]>| {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let rule = Rule {
            subjects: subjects.map(texts),
            ..rule(verdict, vec![Actions::All])
        };
        Policy::new(OWN, vec![rule])
    };
    let asked = |policy: &Policy, subject| {
        let question = Question {
            subject,
            ..question(Action::Get, None)
        };
        policy.decide(&question)
    };
    for (subjects, subject, expected) in [
        (None, None, true),
        (None, Some("alice"), false),
        (Some(["a*"].as_slice()), Some("alice"), true),
        (Some(["a*"].as_slice()), Some("bob"), false),
        (Some(["a*"].as_slice()), None, false),
    ] {
        let policy = of(Verdict::Allow, subjects);
        assert_eq!(
            asked(&policy, subject).allowed,
            expected,
            "{subjects:?} {subject:?}"
        );
    }
    // What is denied to all is denied on anybody's behalf.
    let denied = asked(&of(Verdict::Deny, None), Some("alice"));
    assert_eq!(denied.rule, "resolver.yaml:1");
}

#[test]
fn a_denied_secret_is_denied_in_all_its_fields_and_namespaces() {
    let deny = Rule {
        references: Some(vec!["vault://kv/app".to_owned()]),
        ..rule(Verdict::Deny, vec![Actions::All])
    };
    let policy = Policy::new(OWN, vec![deny, rule(Verdict::Allow, vec![Actions::All])]);
    for (text, expected) in [
        ("vault://kv/app", false),
        ("vault://kv/app#password", false),
        ("vault://kv/app?version=2#password", false),
        ("vault://kv/app?namespace=team#password", false),
        ("vault://kv/application#password", true),
    ] {
        let reference: SecretRef = text.parse().unwrap();
        let question = question(Action::Get, Some(&reference));
        assert_eq!(allowed(&policy, &question), expected, "{text}");
    }
}
