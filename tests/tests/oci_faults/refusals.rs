//! The service says no, or that it cannot.

use vault_backends::error::Class::{Answer, Credentials, Outage, Request};
use vault_tests::oci::{Fault, NotAuthenticated, Route, Times};

use crate::fixture::Named::{InCompartment, InVault};
use crate::row::{Failure, Row, Shown, expect};

/// The service's own words for a status.
fn says(status: u16, code: &str) -> Fault {
    Fault::Status {
        status,
        code: code.to_owned(),
        message: "The service's words.".to_owned(),
    }
}

fn reading(fault: Fault) -> Failure {
    Failure::Fault(Route::GetSecretBundle, fault, Times::Always)
}

/// The service answered: what is held is over.
fn no(name: &'static str, fault: Fault, kind: &'static str, words: &'static [&'static str]) -> Row {
    let fails = expect(Shown::Fails(Answer, kind), 1);
    Row::new(name, reading(fault), fails, fails, words)
}

/// We asked wrongly: an error, whatever is held.
fn wrong(
    name: &'static str,
    fault: Fault,
    kind: &'static str,
    words: &'static [&'static str],
) -> Row {
    let fails = expect(Shown::Fails(Request, kind), 1);
    Row::new(name, reading(fault), fails, fails, words)
}

/// The service could not be asked: what is held is shown.
fn out(
    name: &'static str,
    fault: Fault,
    kind: &'static str,
    words: &'static [&'static str],
) -> Row {
    let (cold, stale) = (Shown::Fails(Outage, kind), Shown::Stale);
    Row::new(
        name,
        reading(fault),
        expect(cold, 1),
        expect(stale, 1),
        words,
    )
}

/// The service does not believe us: what is held is shown.
fn unbelieved(
    name: &'static str,
    fault: Fault,
    kind: &'static str,
    words: &'static [&'static str],
) -> Row {
    let (cold, stale) = (Shown::Fails(Credentials, kind), Shown::Stale);
    Row::new(
        name,
        reading(fault),
        expect(cold, 1),
        expect(stale, 1),
        words,
    )
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = of_credentials();
    rows.extend(of_requests());
    rows.extend(of_service());
    rows.extend(by_name());
    rows
}

fn of_credentials() -> Vec<Row> {
    let incorrect = || Fault::NotAuthenticated(NotAuthenticated::Incorrect);
    vec![
        unbelieved(
            "401, nothing was sent",
            Fault::NotAuthenticated(NotAuthenticated::Nothing),
            "no_signature",
            &["no signature arrived", "takes headers out"],
        ),
        unbelieved(
            "401, the key is unknown",
            incorrect(),
            "unknown_key",
            &["profile VECTORS", "tenancy, user and fingerprint"],
        ),
        unbelieved(
            "401, the signature is wrong",
            Fault::NotAuthenticated(NotAuthenticated::Signature),
            "wrong_signature",
            &["whose public half was uploaded"],
        ),
        unbelieved(
            "401, whatever is renewed",
            incorrect(),
            "unknown_key",
            &["profile VECTORS"],
        )
        .renewals(1)
        .calls(2, 2),
        Row::new(
            "401, until the credential is renewed",
            Failure::Fault(Route::GetSecretBundle, incorrect(), Times::Next(1)),
            expect(Shown::Renewed, 2),
            expect(Shown::Renewed, 2),
            &[],
        )
        .renewals(1),
        unbelieved(
            "the service's clock is ahead",
            Fault::ClockSkew(3600),
            "clock_skew",
            &["60 min behind OCI's", "timedatectl"],
        )
        .renewals(1),
        unbelieved(
            "the service's clock is behind",
            Fault::ClockSkew(-3600),
            "clock_skew",
            &["ahead of OCI's", "timedatectl"],
        )
        .renewals(1),
    ]
}

fn of_requests() -> Vec<Row> {
    vec![
        wrong(
            "400",
            says(400, "InvalidParameter"),
            "bad_request",
            &["check the OCIDs", "The service's words."],
        ),
        wrong(
            "400, a limit",
            says(400, "LimitExceeded"),
            "limit_exceeded",
            &["limit of the tenancy"],
        ),
        wrong(
            "400, another thing",
            says(400, "RelatedResourceNotAuthorizedOrNotFound"),
            "related_not_found",
            &["use keys"],
        ),
        wrong(
            "402",
            says(402, "SignUpRequired"),
            "sign_up_required",
            &["402"],
        ),
        no(
            "403",
            says(403, "NotAuthorized"),
            "not_allowed",
            &["read secret-family", "use keys", "profile VECTORS"],
        ),
        no(
            "404",
            says(404, "NotAuthorizedOrNotFound"),
            "not_found",
            &["read secret-family", "the region", "us-phoenix-1"],
        ),
        no(
            "404, no such path",
            says(404, "NotFound"),
            "no_such_path",
            &["check vault.endpoint"],
        ),
        wrong(
            "405",
            says(405, "MethodNotAllowed"),
            "method_not_allowed",
            &["vault.endpoint"],
        ),
        wrong(
            "412",
            says(412, "NoEtagMatch"),
            "changed_meanwhile",
            &["412"],
        ),
        wrong(
            "413",
            says(413, "RequestEntityTooLarge"),
            "request_too_large",
            &["25 KB"],
        ),
        wrong("418", says(418, "Teapot"), "refused", &["418 Teapot"]),
    ]
}

fn of_service() -> Vec<Row> {
    let too_many = |retry_after_seconds| Fault::TooManyRequests {
        retry_after_seconds,
    };
    vec![
        out(
            "408",
            says(408, "Timeout"),
            "request_timeout",
            &["ocistatus"],
        ),
        out(
            "409, its state",
            says(409, "IncorrectState"),
            "incorrect_state",
            &["try again"],
        ),
        no(
            "409, a value that is withheld",
            Fault::Status {
                status: 409,
                code: "IncorrectState".to_owned(),
                message: "The version is expired and blocked.".to_owned(),
            },
            "blocked",
            &["its value is withheld"],
        ),
        out(
            "409, a lock",
            says(409, "LockConflict"),
            "lock_conflict",
            &["try again"],
        ),
        out(
            "409, unknown",
            says(409, "Other"),
            "conflict",
            &["409 Other"],
        ),
        out(
            "429",
            too_many(None),
            "too_many_requests",
            &["User-rate limit exceeded.", "cache.ttl"],
        ),
        out(
            "429, with a pause that is too long",
            too_many(Some(3600)),
            "too_many_requests",
            &["User-rate limit exceeded."],
        ),
        out(
            "500",
            says(500, "InternalServerError"),
            "internal_error",
            &["500 InternalServerError", "opc-request-id"],
        ),
        out(
            "501",
            says(501, "MethodNotImplemented"),
            "not_implemented",
            &["vault.endpoint"],
        ),
        out("502", says(502, ""), "bad_gateway", &["gateway"]),
        out(
            "503",
            says(503, "ServiceUnavailable"),
            "service_unavailable",
            &["ocistatus", "us-phoenix-1"],
        ),
        out(
            "503, nothing more",
            Fault::Bare(503),
            "service_unavailable",
            &["(503)"],
        ),
        out("504", says(504, ""), "gateway_timeout", &["gateway"]),
        out("599", says(599, "Other"), "server_error", &["599 Other"]),
    ]
}

fn by_name() -> Vec<Row> {
    let by_name = |fault| Failure::Fault(Route::GetSecretBundleByName, fault, Times::Always);
    let listing = |fault| Failure::Fault(Route::ListSecrets, fault, Times::Always);
    let fails = |class, kind, calls| expect(Shown::Fails(class, kind), calls);
    let stale = |calls| expect(Shown::Stale, calls);
    vec![
        Row::new(
            "503, by name",
            by_name(says(503, "ServiceUnavailable")),
            fails(Outage, "service_unavailable", 1),
            stale(1),
            &["secret \"db\" in vault", "ocistatus"],
        )
        .named(InVault),
        Row::new(
            "404, by name",
            by_name(says(404, "NotAuthorizedOrNotFound")),
            fails(Answer, "not_found", 1),
            fails(Answer, "not_found", 1),
            &["secret \"db\" in vault", "read secret-family"],
        )
        .named(InVault),
        // The id is remembered, so the list is not asked for.
        Row::new(
            "503, of the list",
            listing(says(503, "ServiceUnavailable")),
            fails(Outage, "service_unavailable", 1),
            expect(Shown::Renewed, 1),
            &["list the secrets named \"db\""],
        )
        .named(InCompartment),
        Row::new(
            "403, of the list",
            listing(says(403, "NotAuthorized")),
            fails(Answer, "not_allowed", 1),
            expect(Shown::Renewed, 1),
            &["list the secrets named \"db\"", "read secret-family"],
        )
        .named(InCompartment),
        Row::new(
            "the list is empty",
            listing(Fault::Json("[]".to_owned())),
            fails(Answer, "not_found", 1),
            expect(Shown::Renewed, 1),
            &["check name, compartment"],
        )
        .named(InCompartment),
        Row::new(
            "the list is no list",
            listing(Fault::Json("{\"items\": []}".to_owned())),
            fails(Outage, "wrong_form", 1),
            expect(Shown::Renewed, 1),
            &["another form"],
        )
        .named(InCompartment),
        // What was remembered may be another secret by now: it is looked up again.
        Row::new(
            "404, of what was listed",
            reading(says(404, "NotAuthorizedOrNotFound")),
            fails(Answer, "not_found", 2),
            fails(Answer, "not_found", 2),
            &["secret \"db\" in compartment", "read secret-family"],
        )
        .named(InCompartment),
        Row::new(
            "503, of what was listed",
            reading(says(503, "ServiceUnavailable")),
            fails(Outage, "service_unavailable", 2),
            stale(1),
            &["secret \"db\" in compartment"],
        )
        .named(InCompartment),
    ]
}
