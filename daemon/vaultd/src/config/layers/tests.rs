//! A later layer wins, and only there where it says something.

use proptest::prelude::*;

use super::*;

fn node(text: &str) -> Node {
    Document::parse(Path::new("x.yaml"), text)
        .unwrap()
        .into_root()
}

fn said(tree: &Node, path: &[&str]) -> Option<String> {
    let document = Document::of(Path::new("x.yaml"), tree.clone());
    let mut at = document.root();
    for key in path {
        at = at.get(key).unwrap()?;
    }
    Some(at.scalar().unwrap().to_owned())
}

fn effective(text: &str, environment: Option<&str>, variables: &[(&str, &str)]) -> Node {
    let mut inputs = ProcessInputs::default();
    for (name, value) in variables {
        inputs
            .variables
            .insert((*name).to_owned(), (*value).to_owned());
    }
    let layers = Layers::of(Path::new("x.yaml"), node(text), &inputs).unwrap();
    layers.effective(environment)
}

#[test]
fn an_environment_changes_what_it_names_and_nothing_else() {
    let text = "cache: {ttl: 1, max_stale: 9}\nvault: {region: r}\nenvironments:\n  \
                e: {cache: {ttl: 2}, vault: ~}\n";
    let tree = effective(text, Some("e"), &[]);
    assert_eq!(said(&tree, &["cache", "ttl"]).unwrap(), "2");
    assert_eq!(said(&tree, &["cache", "max_stale"]).unwrap(), "9");
    assert_eq!(
        said(&tree, &["vault", "region"]).unwrap(),
        "r",
        "an empty section is none"
    );
    let tree = effective(text, Some("E"), &[]);
    assert_eq!(
        said(&tree, &["cache", "ttl"]).unwrap(),
        "1",
        "names have their case"
    );
}

#[test]
fn a_key_without_a_value_takes_the_one_below_away() {
    let text = "secrets: {A: a, B: b}\nenvironments: {e: {secrets: {A: ~}}}\n";
    let tree = effective(text, Some("e"), &[]);
    assert_eq!(said(&tree, &["secrets", "A"]), None);
    assert_eq!(said(&tree, &["secrets", "B"]).unwrap(), "b");
}

#[test]
fn an_empty_list_above_says_nothing_and_a_mapping_goes_whole() {
    let text = "services: {bar: {secrets: [A]}}\nsecrets: {A: {secret_name: a}}\n\
                environments: {e: {services: {bar: {secrets: ~}}, secrets: {A: ~}}}\n";
    let tree = effective(text, Some("e"), &[]);
    let document = Document::of(Path::new("x.yaml"), tree);
    let root = document.root();
    let services = root.get("services").unwrap().unwrap();
    let bar = services.get("bar").unwrap().unwrap();
    assert!(
        bar.get("secrets").unwrap().is_some_and(|at| at.is_list()),
        "not all secrets"
    );
    assert!(
        root.get("secrets")
            .unwrap()
            .unwrap()
            .get("A")
            .unwrap()
            .is_none()
    );
}

#[test]
fn an_old_spelling_above_wins_over_a_new_one_below_and_loses_beside_it() {
    let text = "vault: {vault_id: new, vault_ocid: old}\nenvironments:\n  \
                e: {vault: {vault_ocid: e}, auth: {use_instance_principals: true, profile: p}}\n";
    let base = effective(text, None, &[]);
    assert_eq!(said(&base, &["vault", "vault_id"]).unwrap(), "new");
    let tree = effective(text, Some("e"), &[]);
    assert_eq!(said(&tree, &["vault", "vault_id"]).unwrap(), "e");
    assert_eq!(
        said(&tree, &["vault", "auth_method"]).unwrap(),
        "instance_principal"
    );
    assert_eq!(said(&tree, &["vault", "config_profile"]).unwrap(), "p");
}

#[test]
fn variables_win_over_environments_and_an_empty_one_says_nothing() {
    let text = "cache: {ttl: 1}\nenvironments: {e: {cache: {ttl: 2}}}\n";
    let with = |value| effective(text, Some("e"), &[("OCI_VAULT_CACHE_TTL", value)]);
    assert_eq!(said(&with("3"), &["cache", "ttl"]).unwrap(), "3");
    assert_eq!(said(&with(""), &["cache", "ttl"]).unwrap(), "2");
    let both = [
        ("OCI_COMPARTMENT_ID", "alias"),
        ("OCI_VAULT_COMPARTMENT_ID", "name"),
    ];
    let tree = effective(text, None, &both);
    assert_eq!(said(&tree, &["vault", "compartment_id"]).unwrap(), "name");
}

#[test]
fn instance_principals_are_switched_on_and_off_by_words_that_say_so() {
    let method = |file: &str, value: &str| {
        let text = format!("vault: {{auth_method: {file}}}\n");
        let tree = effective(&text, None, &[("OCI_USE_INSTANCE_PRINCIPALS", value)]);
        said(&tree, &["vault", "auth_method"]).unwrap()
    };
    assert_eq!(method("config_file", "TRUE"), "instance_principal");
    assert_eq!(method("instance_principal", "0"), "config_file");
    assert_eq!(method("instance_principal", "False"), "config_file");
    assert_eq!(
        method("session_token", "false"),
        "session_token",
        "nothing to switch off"
    );
    assert_eq!(
        method("config_file", "1"),
        "config_file",
        "only true switches on"
    );
}

#[test]
fn a_wrong_word_in_an_old_spelling_is_said_with_its_place() {
    let wrong = Layers::of(
        Path::new("x.yaml"),
        node("auth:\n  use_instance_principals: perhaps\n"),
        &ProcessInputs::default(),
    );
    let error = wrong.err().unwrap().to_string();
    let place = "x.yaml:2:28: auth.use_instance_principals: must be true or false";
    assert!(error.starts_with(place), "{error}");
}

/// Trees in which a key is a section everywhere or a value everywhere, as in resolver.yaml.
fn layer() -> impl Strategy<Value = Node> {
    let value = prop_oneof!["[a-z]{1,3}".prop_map(Some), Just(None)];
    let section = proptest::collection::btree_map("[pqr]", value, 0..3);
    proptest::collection::btree_map("[xyz]", proptest::option::of(section), 0..3).prop_map(|map| {
        let text = |text: &Option<String>| match text {
            Some(text) => Node::text(text, super::super::document::Mark::default()),
            None => node("~"),
        };
        let mut root = Node::empty();
        for (name, section) in &map {
            let below = section.as_ref().map_or_else(
                || node("~"),
                |section| {
                    let mut below = Node::empty();
                    for (key, value) in section {
                        below.put(key, text(value));
                    }
                    below
                },
            );
            root.put(name, below);
        }
        root
    })
}

/// What a tree says, without the difference between nothing and nothing written.
fn values(tree: &Node) -> Vec<(String, String)> {
    let document = Document::of(Path::new("x.yaml"), tree.clone());
    let mut values = Vec::new();
    for (section, at) in document.root().entries().unwrap() {
        for (key, at) in at.entries().unwrap() {
            if !at.is_null() {
                values.push((format!("{section}.{key}"), at.scalar().unwrap().to_owned()));
            }
        }
    }
    values.sort();
    values
}

proptest! {
    #[test]
    fn layering_does_not_depend_on_where_it_begins(a in layer(), b in layer(), c in layer()) {
        let left = a.clone().under(b.clone()).under(c.clone());
        let right = a.under(b.under(c));
        prop_assert_eq!(values(&left), values(&right));
    }

    #[test]
    fn a_layer_over_itself_and_over_nothing_says_the_same(a in layer()) {
        prop_assert_eq!(values(&a.clone().under(a.clone())), values(&a));
        prop_assert_eq!(values(&Node::empty().under(a.clone())), values(&a));
        prop_assert_eq!(values(&a.clone().under(Node::empty())), values(&a));
    }

    #[test]
    fn what_a_later_layer_says_counts(a in layer(), b in layer()) {
        let together = values(&a.under(b.clone()));
        for said in values(&b) {
            prop_assert!(together.contains(&said));
        }
    }
}
