//! The table of OCI's statuses and codes: how each is taken (docs.oracle.com, "API Errors").

use super::super::endpoint::Service;
use crate::error::Class::{self, Answer, Credentials, Outage, Request};
use crate::error::Extent;

/// One meaning.
#[derive(Debug)]
pub(super) struct Row {
    statuses: (u16, u16),
    /// The service's codes; none stand for any.
    codes: &'static [&'static str],
    /// Words in the service's text, in lower case, of which one must be there; none stand for any.
    said: &'static [&'static str],
    of: Of,
    pub(super) class: Class,
    /// Whether it is about the secret that was asked for, or the whole service.
    pub(super) extent: Extent,
    /// The stable word for audit, metrics and tests.
    pub(super) kind: &'static str,
    /// What is wrong.
    pub(super) words: &'static str,
    /// What a person can do.
    pub(super) remedy: &'static str,
}

/// Whose replies are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Any,
    Service(Service),
}

/// The first row that fits; code and message are empty where there are none.
pub(super) fn row(status: u16, code: &str, message: &str, service: Service) -> &'static Row {
    let said = message.to_ascii_lowercase();
    let fits = |row: &&Row| {
        let (first, last) = row.statuses;
        (first..=last).contains(&status)
            && (row.codes.is_empty() || row.codes.contains(&code))
            && (row.said.is_empty() || row.said.iter().any(|words| said.contains(words)))
            && (row.of == Of::Any || row.of == Of::Service(service))
    };
    TABLE.iter().find(fits).unwrap_or(&OTHER)
}

const fn on(status: u16, class: Class, kind: &'static str) -> Row {
    Row {
        statuses: (status, status),
        codes: &[],
        said: &[],
        of: Of::Any,
        class,
        extent: Extent::Backend,
        kind,
        words: "",
        remedy: "",
    }
}

impl Row {
    const fn to(mut self, last: u16) -> Self {
        self.statuses.1 = last;
        self
    }

    const fn coded(mut self, codes: &'static [&'static str]) -> Self {
        self.codes = codes;
        self
    }

    const fn saying(mut self, said: &'static [&'static str]) -> Self {
        self.said = said;
        self
    }

    const fn of(mut self, service: Service) -> Self {
        self.of = Of::Service(service);
        self
    }

    /// Others may well be read: it counts for that secret alone.
    const fn about_one_secret(mut self) -> Self {
        self.extent = Extent::Secret;
        self
    }

    const fn means(mut self, words: &'static str, remedy: &'static str) -> Self {
        self.words = words;
        self.remedy = remedy;
        self
    }
}

const fn between(status: u16) -> Row {
    on(status, Outage, NOT_THE_SERVICE).means(
        "the reply has a status that services of OCI do not give: somebody in between gave it",
        "look for a proxy or a sign-in portal on the way, and at the endpoint",
    )
}

const NOT_THE_SERVICE: &str = "not_the_service";
const OTHER: Row = on(0, Outage, "unexpected_status").means(
    "the reply has a status that no service of OCI has",
    "look at what is between here and OCI, and at the endpoint",
);

const LATER: &str = "nothing need be done if it passes; see https://ocistatus.oraclecloud.com";
const POLICIES: &str = "check the OCID or name, the compartment and the region, or have these policies \
    added: `Allow group GROUP to read secret-family in compartment COMPARTMENT` and `Allow group GROUP \
    to use keys in compartment COMPARTMENT` (`dynamic-group` in place of `group` for instances, \
    functions and pods)";
const POLICIES_OF_VAULTS: &str = "check the OCID, the compartment and the region, or have the policies \
    for it added: to find a secret by its name `Allow group GROUP to read secret-family in compartment \
    COMPARTMENT`, to change one `Allow group GROUP to manage secret-family in compartment COMPARTMENT` \
    and `Allow group GROUP to use keys in compartment COMPARTMENT` (`dynamic-group` in place of `group` \
    for instances, functions and pods)";

/// First what is told apart by code or text, then what the status alone says.
const TABLE: &[Row] = &[
    on(400, Request, "limit_exceeded")
        .coded(&["LimitExceeded", "QuotaExceeded"])
        .means(
            "a limit of the tenancy is reached",
            "delete what is not needed, or ask for a higher limit",
        ),
    on(400, Request, "related_not_found")
        .coded(&["RelatedResourceNotAuthorizedOrNotFound"])
        .means(
            "a key, vault or compartment that the request names does not exist there, or may not be used",
            "check vault.key_id, vault.vault_id and vault.compartment_id, or have the policy `Allow \
             group GROUP to use keys in compartment COMPARTMENT` added",
        ),
    on(400, Request, "already_exists")
        .saying(&["already exists"])
        .means(
            "the name is taken, maybe by a secret that is pending deletion",
            "choose another name, or cancel the deletion",
        ),
    on(400, Request, "bad_request").means(
        "OCI cannot do what it was asked in this form",
        "check the OCIDs, name and version",
    ),
    on(401, Credentials, "not_authenticated").means(
        "OCI does not believe the credential",
        "check tenancy, user, fingerprint and key, or sign in again",
    ),
    on(402, Request, "sign_up_required").means(
        "the tenancy is not signed up for this",
        "look at the subscription in the OCI console",
    ),
    on(403, Answer, "not_allowed")
        .of(Service::Vaults)
        .means("this principal may not do that", POLICIES_OF_VAULTS),
    on(403, Answer, "not_allowed").means("this principal may not do that", POLICIES),
    on(404, Answer, "no_such_path").coded(&["NotFound"]).means(
        "there is no such path at this endpoint",
        "check vault.endpoint and vault.management_endpoint, or leave them out, and check the region",
    ),
    on(404, Answer, "not_found").of(Service::Vaults).means(
        "it does not exist there, or this principal may not do that; OCI does not say which",
        POLICIES_OF_VAULTS,
    ),
    on(404, Answer, "not_found").means(
        "it does not exist there, or this principal may not use it; OCI does not say which",
        POLICIES,
    ),
    on(405, Request, "method_not_allowed").means(
        "the endpoint does not know this operation",
        "check vault.endpoint and vault.management_endpoint, or leave them out",
    ),
    on(408, Outage, "request_timeout").means("OCI did not get the request in time", LATER),
    // The texts are not documented. A value that is withheld for good is an answer; a state that passes is
    // an outage, as all other conflicts are.
    on(409, Answer, "blocked")
        .of(Service::Secrets)
        .coded(&["IncorrectState"])
        .saying(&["expir", "blocked", "delet", "disabled", "not enabled"])
        .means(
            "its value is withheld: it is expired, disabled or to be deleted, or its key is not enabled",
            "add a new version, cancel the deletion, or enable the key",
        ),
    on(409, Outage, "incorrect_state")
        .coded(&["IncorrectState"])
        .about_one_secret()
        .means(
            "its state does not allow this now",
            "look at its state in the OCI console, and try again",
        ),
    on(409, Outage, "lock_conflict")
        .coded(&["LockConflict"])
        .about_one_secret()
        .means("somebody else is changing it", "try again"),
    on(409, Outage, "already_exists")
        .coded(&[
            "NotAuthorizedOrResourceAlreadyExists",
            "ResourceAlreadyExists",
        ])
        .about_one_secret()
        .means("the name is taken", "choose another name"),
    on(409, Outage, "invalidated_retry_token")
        .coded(&["InvalidatedRetryToken"])
        .about_one_secret()
        .means(
            "OCI has forgotten whether it did this already",
            "look whether it is done, and try again",
        ),
    on(409, Outage, "conflict").about_one_secret().means("it is in conflict with another change", "try again"),
    // Statuses of whoever is in between, whatever the form.
    on(407, Outage, NOT_THE_SERVICE).means(
        "a proxy on the way wants its own credential",
        "check vault.proxy, and the network's own proxy",
    ),
    between(421),
    between(431),
    between(451),
    between(511),
    on(412, Request, "changed_meanwhile").means(
        "somebody else changed it meanwhile",
        "look at what is there now, and try again",
    ),
    on(413, Request, "request_too_large")
        .means("the request is too large", "a value has at most 25 KB"),
    on(429, Outage, "too_many_requests").means(
        "OCI is asked too often by this user",
        "lengthen cache.ttl, or let fewer machines share the user",
    ),
    on(400, Request, "refused")
        .to(499)
        .means("OCI refuses the request", "check the reference and the endpoint"),
    // A service that is down says 502, 503 or 504; this one is often about what one secret is made of.
    on(500, Outage, "internal_error")
        .of(Service::Secrets)
        .about_one_secret()
        .means(
            "OCI has a fault, maybe with this secret alone",
            "nothing need be done if it passes; if it stays, look at the secret in the OCI console, and \
             at https://ocistatus.oraclecloud.com",
        ),
    on(500, Outage, "internal_error").means("OCI has a fault", LATER),
    on(501, Outage, "not_implemented").means(
        "the endpoint does not know this operation",
        "check vault.endpoint and vault.management_endpoint, or leave them out",
    ),
    on(502, Outage, "bad_gateway").means("OCI cannot be reached behind its gateway", LATER),
    on(503, Outage, "service_unavailable").means("the service is not available", LATER),
    on(504, Outage, "gateway_timeout").means("OCI did not answer its gateway in time", LATER),
    on(500, Outage, "server_error")
        .to(599)
        .means("OCI has a fault", LATER),
];
