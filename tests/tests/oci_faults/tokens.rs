//! Tokens that cannot be renewed: nothing while it lasts; then what is
//! held, and why.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use tempfile::TempDir;
use vault_backends::error::Class::{self, Credentials, Outage};
use vault_backends::oci::connection::Connection;
use vault_backends::oci::credential::Credential;
use vault_backends::oci::identity::Identities;
use vault_backends::oci::vault::OciVault;
use vault_backends::oci::{AuthMethod, OciSettings};
use vault_backends::process_context::ProcessContext;
use vault_backends::wall_clock::WallClock;
use vault_tests::oci::{self, FakeOci, Fault, NotAuthenticated, Route, Times, write_credentials};
use vaultd::cache::Served;

use crate::fixture::{Fixture, LONG, NEW, OLD, SHIELD, text};

/// Tokens last an hour; their renewal is due after half of it and some.
const DUE_SECONDS: i64 = 2_400;
const OVER_SECONDS: i64 = 3_700;
/// An attempt that failed is not made again before.
const PAUSE_SECONDS: i64 = 120;

/// The fake's own time.
struct CloudClock(Arc<FakeOci>);

impl WallClock for CloudClock {
    fn unix_seconds(&self) -> u64 {
        self.0.with(|world| world.clock.now())
    }
}

type Variables = Vec<(&'static str, String)>;

/// A fixture with a value that is held, and a newer one to be had by a credential of this kind.
async fn held(
    method: AuthMethod,
    variables: impl Fn(&oci::Credentials) -> Variables,
) -> (Fixture, Arc<Credential>, TempDir) {
    let fake = Arc::new(FakeOci::start());
    let directory = tempfile::tempdir().unwrap();
    // The account of a pod lasts for as long as the test.
    fake.with(|world| world.keys.token_seconds = 100_000);
    let files = write_credentials(&fake, directory.path()).unwrap();
    fake.with(|world| world.keys.token_seconds = 3_600);
    let url = Some(fake.https_url());
    let settings = OciSettings {
        auth_method: method,
        ca_file: Some(files.ca_file.clone()),
        endpoint: url.clone(),
        management_endpoint: url.clone(),
        auth_endpoint: url,
        ..OciSettings::default_for(directory.path())
    };
    let variables = variables(&files).into_iter();
    let around = ProcessContext {
        home: directory.path().to_owned(),
        variables: variables
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<BTreeMap<_, _>>(),
        euid: directory.path().metadata().unwrap().uid(),
        clock: Arc::new(CloudClock(Arc::clone(&fake))),
    };
    let connection = Connection::new(&settings, &around);
    let credential = Arc::new(Credential::new(&settings, &around, connection.clone()));
    let identities: Arc<dyn Identities> = Arc::<Credential>::clone(&credential);
    let vault = OciVault::new(
        &settings,
        identities,
        &around,
        connection,
        Arc::clone(&SHIELD),
    );
    let fixture = Fixture::of(fake, vault);
    fixture.hold().await;
    (fixture, credential, directory)
}

impl Fixture {
    fn pass(&self, seconds: i64) {
        self.fake.with(|world| world.clock.advance(seconds));
        self.age();
    }

    /// What a caller gets who comes back as long as it is only said that there is no answer yet: a key
    /// for a token takes seconds to make where nothing is optimised.
    async fn settled(&self) -> Served {
        let is_slow = |served: &Served| {
            let why = served.stale.as_deref();
            why.is_some_and(|why| why.contains("slow to answer"))
        };
        for _ in 0..60 {
            let served = self.get(LONG).await.unwrap();
            if !is_slow(&served) {
                return served;
            }
        }
        panic!("there is no answer");
    }

    /// The old value, and why it is not the new one.
    async fn why_stale(&self) -> String {
        let served = self.settled().await;
        assert_eq!(text(&served.held), OLD);
        served.stale.unwrap()
    }

    async fn is_renewed(&self) {
        let served = self.settled().await;
        assert_eq!((text(&served.held).as_str(), served.stale), (NEW, None));
    }
}

fn unavailable() -> Fault {
    Fault::Status {
        status: 503,
        code: "ServiceUnavailable".to_owned(),
        message: "The service's words.".to_owned(),
    }
}

/// The whole life of a credential whose tokens come from this route.
async fn lives(
    (fixture, credential, _directory): (Fixture, Arc<Credential>, TempDir),
    route: Route,
    principal: &str,
) {
    fixture.fake.fail(route, unavailable(), Times::Always);
    fixture.pass(DUE_SECONDS);
    credential.upkeep().await;
    assert!(credential.describe().failure.is_some());
    fixture.is_renewed().await;

    fixture.fake.put("db", OLD);
    fixture.forget();
    assert_eq!(text(&fixture.get(LONG).await.unwrap().held), OLD);
    fixture.change();
    fixture.pass(OVER_SECONDS - DUE_SECONDS);
    fixture.calls();
    let why = fixture.why_stale().await;
    for words in [principal, "503 ServiceUnavailable", "opc-request-id"] {
        assert!(why.contains(words), "{words} is not in: {why}");
    }
    let calls = fixture.fake.calls(Route::GetSecretBundle);
    assert_eq!(calls, 0, "nothing is asked with a token that is over");

    fixture.forget();
    let error = fixture.get(LONG).await.unwrap_err();
    assert_eq!(
        (error.class(), error.kind()),
        (Outage, "service_unavailable")
    );

    fixture.fake.heal();
    fixture.pass(PAUSE_SECONDS);
    fixture.is_renewed().await;
}

#[tokio::test]
async fn an_instance() {
    let held = held(AuthMethod::InstancePrincipal, |files| {
        files.instance.clone()
    })
    .await;
    lives(held, Route::FederateInstance, "instance principal").await;
}

#[tokio::test]
async fn a_resource_with_a_key() {
    let variables = |files: &oci::Credentials| files.resource_with_key.clone();
    let held = held(AuthMethod::ResourcePrincipal, variables).await;
    lives(held, Route::ResourcePrincipalSession, "resource principal").await;
}

#[tokio::test]
async fn a_resource_on_an_instance() {
    let variables =
        |files: &oci::Credentials| [&files.resource_on_instance[..], &files.instance[..]].concat();
    let held = held(AuthMethod::ResourcePrincipal, variables).await;
    lives(held, Route::ResourcePrincipalToken, "resource principal").await;
}

#[tokio::test]
async fn a_pod() {
    let held = held(AuthMethod::WorkloadIdentity, |files| files.workload.clone()).await;
    lives(held, Route::WorkloadToken, "workload").await;
}

#[tokio::test]
async fn a_token_that_cannot_be_had_is_said_in_words_and_hides_nothing_that_is_held() {
    let (fixture, _, _directory) = held(AuthMethod::InstancePrincipal, |files| {
        files.instance.clone()
    })
    .await;
    let refused = Fault::NotAuthenticated(NotAuthenticated::Incorrect);
    let table: [(Route, Fault, Class, &str, &str); 7] = [
        (
            Route::FederateInstance,
            refused,
            Credentials,
            "token_refused",
            "401",
        ),
        (
            Route::FederateInstance,
            Fault::ClockSkew(3_600),
            Credentials,
            "clock_skew",
            "behind",
        ),
        (
            Route::FederateInstance,
            Fault::Html(200),
            Outage,
            "html",
            "page for people",
        ),
        (
            Route::FederateInstance,
            Fault::HalfJson,
            Outage,
            "cut_off_json",
            "cut off",
        ),
        (
            Route::FederateInstance,
            Fault::Without("token".to_owned()),
            Outage,
            "no_token",
            "holds no token",
        ),
        (
            Route::FederateInstance,
            Fault::TruncateAfter(30),
            Outage,
            "truncated",
            "cut off",
        ),
        (
            Route::MetadataKey,
            Fault::Bare(500),
            Outage,
            "metadata_status",
            "identity/key.pem",
        ),
    ];
    for (route, fault, class, kind, words) in table {
        let shown = format!("{route:?}, {fault:?}");
        fixture.fake.fail(route, fault, Times::Always);
        fixture.pass(OVER_SECONDS);
        let why = fixture.why_stale().await;
        assert!(why.contains(words), "{shown}: {why}");
        assert!(why.contains("instance"), "{shown}: {why}");
        fixture.fake.put("db", OLD);
        fixture.forget();
        let error = fixture.get(LONG).await.unwrap_err();
        assert_eq!(
            (error.class(), error.kind()),
            (class, kind),
            "{shown}: {error}"
        );
        fixture.fake.heal();
        fixture.pass(PAUSE_SECONDS);
        assert_eq!(text(&fixture.get(LONG).await.unwrap().held), OLD, "{shown}");
    }
}
