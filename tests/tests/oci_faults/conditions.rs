//! What is around the call is not as it should be: the secret's own state, the credential, the way.

use vault_backends::error::Class::{self, Answer, Credentials, Outage, Request};
use vault_tests::oci::{Certificate, ENCRYPTION_KEY, State, World, api_key_id};

use crate::fixture::{Detour, Named::InCompartment};
use crate::row::{Failure, Row, Shown, expect};

/// The same whatever is held: it is over.
fn over(
    name: &'static str,
    change: fn(&mut World, &str),
    kind: &'static str,
    words: &'static [&'static str],
) -> Row {
    let fails = expect(Shown::Fails(Answer, kind), 1);
    Row::new(name, Failure::World(change), fails, fails, words)
}

/// What is held is shown.
fn stale(
    name: &'static str,
    failure: Failure,
    (class, kind, calls): (Class, &'static str, usize),
    words: &'static [&'static str],
) -> Row {
    let cold = expect(Shown::Fails(class, kind), calls);
    Row::new(name, failure, cold, expect(Shown::Stale, calls), words)
}

/// A way that leads nowhere.
fn lost(
    name: &'static str,
    detour: Detour,
    kind: &'static str,
    words: &'static [&'static str],
) -> Row {
    stale(name, Failure::Detour(detour), (Outage, kind, 0), words)
}

/// OciSettings that nothing can be asked with: an error, whatever is held.
fn wrong(
    name: &'static str,
    detour: Detour,
    kind: &'static str,
    words: &'static [&'static str],
) -> Row {
    // Nothing was asked, so what is held is as good as before.
    let (fails, stale) = (
        expect(Shown::Fails(Request, kind), 0),
        expect(Shown::Stale, 0),
    );
    Row::new(name, Failure::Detour(detour), fails, stale, words)
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = of_secrets();
    rows.extend(of_credentials());
    rows.extend(of_ways());
    rows
}

fn of_secrets() -> Vec<Row> {
    let not_found = &["read secret-family"];
    vec![
        over(
            "pending deletion",
            |world, id| world.secrets.secret(id).state = State::PendingDeletion,
            "not_found",
            not_found,
        ),
        over(
            "deleted",
            |world, id| world.secrets.secret(id).state = State::Deleted,
            "not_found",
            not_found,
        ),
        over(
            "being deleted",
            |world, id| world.secrets.secret(id).state = State::Deleting,
            "not_found",
            not_found,
        ),
        Row::new(
            "pending deletion, by compartment",
            Failure::World(|world, id| {
                world.secrets.secret(id).state = State::PendingDeletion;
            }),
            expect(Shown::Fails(Answer, "pending_deletion"), 1),
            expect(Shown::Fails(Answer, "pending_deletion"), 2),
            &["PENDING_DELETION", "cancel its deletion"],
        )
        .named(InCompartment),
        over(
            "blocked on expiry",
            |world, id| world.secrets.secret(id).blocked_from = Some(0),
            "blocked",
            &["add a new version"],
        ),
        over(
            "expired",
            |world, id| {
                let versions = world.secrets.secret(id).versions.iter_mut();
                versions.for_each(|version| version.expiry = Some(1));
            },
            "expired",
            &["expired", "add a new version"],
        ),
        over(
            "its key is disabled",
            |world, _| "DISABLED".clone_into(&mut world.vaults.key(ENCRYPTION_KEY).state),
            "blocked",
            &["The key is not enabled.", "enable the key"],
        ),
    ]
}

fn of_credentials() -> Vec<Row> {
    vec![
        stale(
            "the API key was deleted",
            Failure::World(|world, _| world.keys.forget(&api_key_id())),
            (Credentials, "unknown_key", 1),
            &["profile VECTORS", "still registered"],
        ),
        stale(
            "requests must be on somebody's behalf",
            Failure::World(|world, _| world.on_behalf = Some("token".to_owned())),
            (Credentials, "unknown_key", 1),
            &["profile VECTORS"],
        ),
        stale(
            "the clock is off",
            Failure::World(|world, _| world.clock.advance(601)),
            (Credentials, "clock_skew", 1),
            &["10 min", "timedatectl"],
        ),
    ]
}

fn of_ways() -> Vec<Row> {
    vec![
        stale(
            "closed before TLS",
            Failure::World(|world, _| world.hangs_up = true),
            (Outage, "tls", 0),
            &["speak TLS with localhost:"],
        ),
        lost(
            "a certificate that nobody signed",
            |fake, settings| {
                settings.endpoint = Some(fake.https_url_showing(Certificate::SelfSigned));
            },
            "tls",
            &["vault.ca_file", "localhost:"],
        ),
        lost(
            "a certificate of another host",
            |fake, settings| {
                settings.endpoint = Some(fake.https_url_showing(Certificate::Misnamed));
            },
            "tls",
            &["localhost:", "not valid for name"],
        ),
        lost(
            "a certificate whose time is over",
            |fake, settings| {
                settings.endpoint = Some(fake.https_url_showing(Certificate::Expired));
            },
            "tls",
            &["expired"],
        ),
        lost(
            "nobody listens",
            |_, settings| settings.endpoint = Some("https://localhost:1".to_owned()),
            "connect",
            &["connect to localhost:1", "check the network"],
        ),
        lost(
            "no proxy listens",
            |_, settings| settings.proxy = Some("http://127.0.0.1:1".to_owned()),
            "proxy",
            &["through the proxy 127.0.0.1:1", "vault.proxy"],
        ),
        lost(
            "the proxy is none",
            |fake, settings| settings.proxy = Some(fake.http_url()),
            "proxy",
            &["through the proxy 127.0.0.1:", "the proxy refuses (status "],
        )
        // It is the fake itself, which knows nothing of tunnels.
        .calls(1, 1),
        stale(
            "no file of authorities",
            Failure::Detour(|_, settings| settings.ca_file = Some("/nonexistent/ca.pem".into())),
            (Credentials, "bad_ca_file", 0),
            &["vault.ca_file", "/nonexistent/ca.pem", "read secret"],
        ),
        stale(
            "a file of authorities with nothing in it",
            Failure::Detour(|_, settings| settings.ca_file = Some("/etc/passwd".into())),
            (Credentials, "bad_ca_file", 0),
            &["vault.ca_file", "/etc/passwd"],
        ),
        wrong(
            "an endpoint that is none",
            |_, settings| settings.endpoint = Some("vault.example".to_owned()),
            "bad_endpoint",
            &["vault.endpoint"],
        ),
        wrong(
            "a region with a dot",
            |_, settings| {
                settings.endpoint = None;
                settings.region = Some("us-phoenix-1.oraclecloud.example".to_owned());
            },
            "dotted_region",
            &["endpoint"],
        ),
        wrong(
            "a region that is no name",
            |_, settings| {
                settings.endpoint = None;
                settings.region = Some("us phoenix".to_owned());
            },
            "unknown_region",
            &[
                "\"us phoenix\"",
                "us-phoenix-1",
                "~/.oci/regions-config.json",
            ],
        ),
    ]
}
