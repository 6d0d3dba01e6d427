//! The variables of a resource principal.
//!
//! `OCI_RESOURCE_PRINCIPAL_*`, put there by whatever runs the resource. Nothing here opens a file.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::error::{BackendError, Class};
use crate::oci::key_id::KeyId;
use crate::oci::request_url::RequestUrl;
use crate::process_context::ProcessContext;

/// How a resource becomes a principal.
pub(super) enum Kind {
    /// 1.1: the instance it is on vouches for it.
    OnInstance(OnInstance),
    /// 2.1, 2.1.1, 2.1.2: it has a key of its own.
    WithKey(WithKey),
    /// 2.2: token and key are given to it.
    Given(Given),
    /// 3.0: it is a part of another resource.
    Nested(Nested),
}

pub(super) struct OnInstance {
    pub(super) tokens_from: String,
    pub(super) path: Option<String>,
    /// `None` for the instance's own.
    pub(super) id: Option<String>,
    /// Where the second half is had; `None` for the auth service of the region.
    pub(super) session_from: Option<String>,
    pub(super) region: Option<String>,
}

pub(super) struct WithKey {
    pub(super) tokens_from: RequestUrl,
    pub(super) session_from: String,
    version: String,
    id: String,
    /// Where the version names it.
    tenancy: Option<String>,
    pub(super) key: Content,
    pub(super) pass_phrase: Option<Content>,
    pub(super) security_context: Option<String>,
    pub(super) region: Option<String>,
}

impl WithKey {
    /// The name of its key.
    pub(super) fn key_id(&self) -> Result<KeyId, BackendError> {
        let key_id = match &self.tenancy {
            None => KeyId::resource(&self.id),
            Some(tenancy) => KeyId::resource_of_tenancy(&self.version, tenancy, &self.id),
        };
        key_id.map_err(|error| {
            BackendError::not_sent(Class::Credentials, "bad_key_id", error.to_string())
        })
    }
}

pub(super) struct Given {
    pub(super) token: Content,
    pub(super) key: Content,
    pub(super) pass_phrase: Option<Content>,
    pub(super) region: Option<String>,
}

pub(super) struct Nested {
    pub(super) leaf: Box<Kind>,
    pub(super) parent: RequestUrl,
    pub(super) session_from: String,
    pub(super) region: Option<String>,
}

/// A value, or the file with it: an absolute path is one.
pub(super) enum Content {
    File(PathBuf),
    Itself(Zeroizing<String>),
}

/// What the variables say.
pub(super) fn read(around: &ProcessContext) -> Result<Kind, BackendError> {
    let own = Variables { around, suffix: "" };
    let version = own.required("VERSION")?;
    if version != "3.0" {
        return own.kind(version);
    }
    let version = own.required("VERSION_FOR_LEAF_RESOURCE")?;
    let leaf = Variables {
        around,
        suffix: LEAF,
    };
    Ok(Kind::Nested(Nested {
        leaf: Box::new(leaf.kind(version)?),
        parent: own.url(
            "RPT_URL_FOR_PARENT_RESOURCE",
            own.required("RPT_URL_FOR_PARENT_RESOURCE")?,
        )?,
        session_from: own.text("RPST_ENDPOINT_FOR_PARENT_RESOURCE")?,
        region: own.optional("REGION").or_else(|| leaf.optional("REGION")),
    }))
}

/// The path below the first endpoint: the configured one with the resource's id in its place, or the usual
/// one.
pub(super) fn tokens_path(
    configured: Option<&str>,
    usual: &str,
    id: &str,
    appends: bool,
) -> String {
    let Some(path) = configured else {
        return format!("/20180711/{usual}/{id}");
    };
    let slash = if path.starts_with('/') { "" } else { "/" };
    let filled = path.replace("{id}", id).replace("{}", id);
    if filled == path && appends {
        return format!("{slash}{}/{id}", path.trim_end_matches('/'));
    }
    format!("{slash}{filled}")
}

/// The URL that an endpoint and a path make.
pub(super) fn url(endpoint: &str, path: &str, name: &str) -> Result<RequestUrl, BackendError> {
    let url = format!("{}{path}", endpoint.trim().trim_end_matches('/'));
    url.parse()
        .map_err(|error| bad(&format!("{PREFIX}{name}"), &format!("{error}")))
}

struct Variables<'a> {
    around: &'a ProcessContext,
    suffix: &'static str,
}

impl<'a> Variables<'a> {
    fn kind(&self, version: &str) -> Result<Kind, BackendError> {
        match version {
            "1.1" => Ok(Kind::OnInstance(OnInstance {
                tokens_from: self.text("RPT_ENDPOINT")?,
                path: self.optional("RPT_PATH"),
                id: self.optional("RPT_ID"),
                session_from: self.optional("RPST_ENDPOINT"),
                region: self.optional("REGION"),
            })),
            "2.1" | "2.1.1" | "2.1.2" => self.with_key(version).map(Kind::WithKey),
            "2.2" => Ok(Kind::Given(Given {
                token: self.content("RPST")?,
                key: self.content("PRIVATE_PEM")?,
                pass_phrase: self.content("PRIVATE_PEM_PASSPHRASE").ok(),
                region: self.optional("REGION"),
            })),
            _ => {
                let known =
                    "it must be 1.1, 2.1, 2.1.1, 2.1.2, 2.2 or 3.0, and that of a leaf not 3.0";
                let name = if self.suffix.is_empty() {
                    "VERSION"
                } else {
                    "VERSION_FOR_LEAF_RESOURCE"
                };
                Err(bad(&format!("{PREFIX}{name}"), known))
            }
        }
    }

    fn with_key(&self, version: &str) -> Result<WithKey, BackendError> {
        let id = self.required("RESOURCE_ID")?;
        let tenancy = match version {
            "2.1" => None,
            _ => Some(self.text("TENANCY_ID")?),
        };
        let path = match version {
            "2.1.2" => {
                let configured = self.optional("RPT_PATH");
                tokens_path(
                    configured.as_deref(),
                    "resourcePrincipalTokenV212",
                    id,
                    true,
                )
            }
            _ => tokens_path(None, "resourcePrincipalTokenV2", id, false),
        };
        let context = (version == "2.1.2").then(|| self.optional("SECURITY_CONTEXT"));
        Ok(WithKey {
            tokens_from: url(self.required("RPT_ENDPOINT")?, &path, "RPT_ENDPOINT")?,
            session_from: self.text("RPST_ENDPOINT")?,
            version: version.to_owned(),
            id: id.to_owned(),
            tenancy,
            key: self.content("PRIVATE_PEM")?,
            pass_phrase: self.content("PRIVATE_PEM_PASSPHRASE").ok(),
            security_context: context.flatten(),
            region: self.optional("REGION"),
        })
    }

    fn name(&self, name: &str) -> String {
        format!("{PREFIX}{name}{}", self.suffix)
    }

    fn required(&self, name: &str) -> Result<&'a str, BackendError> {
        let name = self.name(name);
        self.around
            .variable(&name)
            .map(str::trim)
            .ok_or_else(|| missing(&name))
    }

    fn text(&self, name: &str) -> Result<String, BackendError> {
        self.required(name).map(str::to_owned)
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.text(name).ok()
    }

    fn content(&self, name: &str) -> Result<Content, BackendError> {
        let text = self.required(name)?;
        Ok(if text.starts_with('/') {
            Content::File(text.into())
        } else {
            Content::Itself(Zeroizing::new(text.to_owned()))
        })
    }

    fn url(&self, name: &str, text: &str) -> Result<RequestUrl, BackendError> {
        text.parse()
            .map_err(|error: crate::oci::request_url::BadUrl| {
                bad(&self.name(name), &error.to_string())
            })
    }
}

fn missing(name: &str) -> BackendError {
    let message = format!(
        "use the resource principal: {name} is not set; what runs the function or job sets it, or another \
         vault.auth_method is meant"
    );
    BackendError::not_sent(Class::Credentials, "no_variable", message)
}

/// The value is not repeated: it may be a key in the wrong variable.
fn bad(name: &str, words: &str) -> BackendError {
    let message = format!("use the resource principal: {name}: {words}");
    BackendError::not_sent(Class::Credentials, "bad_variable", message)
}

const PREFIX: &str = "OCI_RESOURCE_PRINCIPAL_";
const LEAF: &str = "_FOR_LEAF_RESOURCE";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::wall_clock::SystemWallClock;

    fn read_from(variables: &[(&str, &str)]) -> Result<Kind, String> {
        let named = variables.iter();
        let around = ProcessContext {
            home: "/h".into(),
            variables: named
                .map(|(name, value)| (format!("{PREFIX}{name}"), (*value).to_owned()))
                .collect(),
            euid: 1,
            clock: Arc::new(SystemWallClock),
        };
        read(&around).map_err(|error| error.to_string())
    }

    const WITH_KEY: [(&str, &str); 5] = [
        ("RPT_ENDPOINT", "https://r.example/"),
        ("RPST_ENDPOINT", "https://a.example"),
        ("RESOURCE_ID", "ocid1.r"),
        ("TENANCY_ID", "ocid1.t"),
        ("PRIVATE_PEM", "/k.pem"),
    ];

    fn with_key(version: &str, more: &[(&str, &str)]) -> (String, String) {
        let variables = [&WITH_KEY[..], &[("VERSION", version)], more].concat();
        match read_from(&variables) {
            Ok(Kind::WithKey(found)) => {
                let key_id = found.key_id().expect("a name");
                (key_id.as_str().to_owned(), found.tokens_from.to_string())
            }
            Ok(_) => panic!("another kind"),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn each_version_with_a_key_has_its_name_and_path() {
        let path = "https://r.example/20180711/resourcePrincipalToken";
        for (version, more, key_id, url) in [
            ("2.1", &[][..], "resource/v2.1/ocid1.r", "V2/ocid1.r"),
            (
                "2.1.1",
                &[],
                "resource/v2.1.1/ocid1.t/ocid1.r",
                "V2/ocid1.r",
            ),
            (
                "2.1.2",
                &[],
                "resource/v2.1.2/ocid1.t/ocid1.r",
                "V212/ocid1.r",
            ),
        ] {
            let expected = (key_id.to_owned(), format!("{path}{url}"));
            assert_eq!(with_key(version, more), expected);
        }
        for (configured, url) in [
            ("/p/{}/x", "https://r.example/p/ocid1.r/x"),
            ("/p/{id}", "https://r.example/p/ocid1.r"),
            ("/p", "https://r.example/p/ocid1.r"),
            ("p/", "https://r.example/p/ocid1.r"),
        ] {
            let found = with_key("2.1.2", &[("RPT_PATH", configured)]);
            assert_eq!(found.1, url, "{configured}");
            assert_ne!(with_key("2.1.1", &[("RPT_PATH", configured)]).1, url);
        }
    }

    #[test]
    fn on_an_instance_the_path_stands_as_it_is() {
        let usual = "resourcePrincipalToken";
        for (configured, path) in [
            (None, "/20180711/resourcePrincipalToken/i"),
            (Some("/p/{id}"), "/p/i"),
            (Some("/p"), "/p"),
        ] {
            assert_eq!(tokens_path(configured, usual, "i", false), path);
        }
    }

    #[test]
    fn an_absolute_path_is_a_file_and_all_else_the_value() {
        let given = |token: &str| {
            let variables = [("VERSION", "2.2"), ("RPST", token), ("PRIVATE_PEM", "x")];
            match read_from(&variables) {
                Ok(Kind::Given(given)) => matches!(given.token, Content::File(_)),
                _ => panic!("another kind"),
            }
        };
        assert!(given("/run/rpst"));
        assert!(!given("a.b.c"));
    }

    #[test]
    fn a_leaf_has_variables_of_its_own() {
        let variables = [
            ("VERSION", "3.0"),
            ("VERSION_FOR_LEAF_RESOURCE", "2.2"),
            ("RPST_FOR_LEAF_RESOURCE", "a.b.c"),
            ("PRIVATE_PEM_FOR_LEAF_RESOURCE", "/k"),
            ("REGION_FOR_LEAF_RESOURCE", "phx"),
            ("RPT_URL_FOR_PARENT_RESOURCE", "https://p.example/x"),
            ("RPST_ENDPOINT_FOR_PARENT_RESOURCE", "https://a.example"),
        ];
        let Ok(Kind::Nested(nested)) = read_from(&variables) else {
            panic!("another kind");
        };
        assert_eq!(nested.region.as_deref(), Some("phx"));
        assert!(matches!(*nested.leaf, Kind::Given(_)));
    }

    #[test]
    fn what_is_missing_or_unknown_is_named_and_not_repeated() {
        let unset = |variables: &[(&str, &str)], name: &str| {
            let error = read_from(variables).err().expect("refused");
            assert!(error.contains(&format!("{PREFIX}{name}")), "{error}");
            assert!(!error.contains("KEY"), "{error}");
        };
        unset(&[], "VERSION is not set");
        unset(&[("VERSION", "KEY")], "VERSION: it must be");
        unset(&[("VERSION", "2.2")], "RPST is not set");
        unset(&[("VERSION", "2.1")], "RESOURCE_ID is not set");
        unset(&[("VERSION", "1.1")], "RPT_ENDPOINT is not set");
        unset(
            &[("VERSION", "3.0")],
            "VERSION_FOR_LEAF_RESOURCE is not set",
        );
        let nested = [("VERSION", "3.0"), ("VERSION_FOR_LEAF_RESOURCE", "3.0")];
        unset(&nested, "VERSION_FOR_LEAF_RESOURCE: it must be");
    }
}
