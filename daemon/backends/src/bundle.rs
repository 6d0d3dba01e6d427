//! What a backend returns: named fields, with what the vault said of them.

use std::time::Duration;

use vault_memory::Secret;

/// What one address holds.
///
/// A vault that keeps one value per secret returns a plain bundle; one that keeps several returns
/// each under its name, from one reply, so that they belong together.
#[derive(Debug)]
pub struct Bundle {
    fields: Fields,
    /// The version it has, as its vault writes it.
    pub version: String,
    /// How long it may be used at most, where the vault says so.
    pub valid_for: Option<Duration>,
    /// The lease it was given under, where the vault made one.
    pub lease: Option<Lease>,
}

#[derive(Debug)]
enum Fields {
    Plain(Secret),
    Named(Vec<(String, Secret)>),
}

/// A vault's promise that what it made is good for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The vault's name for it. No secret, though whoever may revoke leases can do so by it.
    pub id: String,
    /// How long it is good from the reply on.
    pub duration: Duration,
    /// Whether the vault can be asked to lengthen it.
    pub renewable: bool,
}

/// There is no such field. The names of those there are stand in the message, never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A field was asked for that is not among these.
    #[error("there is no field {asked:?}; there are: {}", there.join(", "))]
    NoSuchField {
        /// What was asked for.
        asked: String,
        /// What there is.
        there: Vec<String>,
    },
    /// The secret is one value and has no fields.
    #[error("the secret is one value; leave #{asked} away")]
    NoFields {
        /// What was asked for.
        asked: String,
    },
    /// The secret has several fields and none was named.
    #[error("the secret has fields; name one of: {}", there.join(", "))]
    Unnamed {
        /// What there is.
        there: Vec<String>,
    },
}

impl FieldError {
    /// The stable word for audit, metrics and tests.
    pub const fn kind(&self) -> &'static str {
        "no_such_field"
    }
}

impl Bundle {
    /// One value under no name.
    pub fn plain(secret: Secret, version: impl Into<String>) -> Self {
        Self::of(Fields::Plain(secret), version.into())
    }

    /// Several values, each under its name.
    pub fn named(
        fields: impl IntoIterator<Item = (String, Secret)>,
        version: impl Into<String>,
    ) -> Self {
        Self::of(Fields::Named(fields.into_iter().collect()), version.into())
    }

    fn of(fields: Fields, version: String) -> Self {
        Self {
            fields,
            version,
            valid_for: None,
            lease: None,
        }
    }

    /// The same, to be used for so long at most.
    #[must_use]
    pub fn valid_for(mut self, duration: Option<Duration>) -> Self {
        self.valid_for = duration;
        self
    }

    /// The same under a lease; it is not used for longer than that lasts.
    #[must_use]
    pub fn leased(mut self, lease: Lease) -> Self {
        let shorter = self
            .valid_for
            .map_or(lease.duration, |bound| bound.min(lease.duration));
        self.valid_for = Some(shorter);
        self.lease = Some(lease);
        self
    }

    /// The value of a field, or the only value where no field is named.
    ///
    /// # Errors
    /// [`FieldError`], which names the fields there are.
    pub fn field(&self, name: Option<&str>) -> Result<&Secret, FieldError> {
        match (&self.fields, name) {
            (Fields::Plain(secret), None) => Ok(secret),
            (Fields::Plain(_), Some(asked)) => Err(FieldError::NoFields {
                asked: asked.to_owned(),
            }),
            (Fields::Named(_), None) => Err(FieldError::Unnamed {
                there: self.names(),
            }),
            (Fields::Named(fields), Some(asked)) => {
                let found = fields.iter().find(|(name, _)| name == asked);
                let found = found.map(|(_, secret)| secret);
                found.ok_or_else(|| FieldError::NoSuchField {
                    asked: asked.to_owned(),
                    there: self.names(),
                })
            }
        }
    }

    /// Every field with its name; an empty one for the value of a plain secret.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Secret)> {
        let (plain, named) = match &self.fields {
            Fields::Plain(secret) => (Some(("", secret)), [].as_slice()),
            Fields::Named(fields) => (None, fields.as_slice()),
        };
        let named = named.iter().map(|(name, secret)| (name.as_str(), secret));
        plain.into_iter().chain(named)
    }

    /// How many bytes of values there are.
    pub fn bytes(&self) -> usize {
        self.fields().map(|(_, secret)| secret.len()).sum()
    }

    fn names(&self) -> Vec<String> {
        self.fields().map(|(name, _)| name.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use vault_memory::{Preference, Shield};

    use super::*;

    fn secret(value: &str) -> Secret {
        let shield = Shield::new(Preference::Auto).unwrap();
        shield.shield(&mut value.as_bytes().to_vec()).unwrap()
    }

    fn read(bundle: &Bundle, field: Option<&str>) -> String {
        let secret = bundle.field(field).unwrap();
        let text = secret.expose_secret(|bytes| String::from_utf8(bytes.to_vec()));
        text.unwrap().unwrap()
    }

    #[test]
    fn a_plain_secret_is_read_without_a_field_and_named_ones_by_theirs() {
        let plain = Bundle::plain(secret("v"), "1");
        assert_eq!(read(&plain, None), "v");
        let pair = [("user", "u"), ("password", "p")];
        let pair = pair.map(|(name, value)| (name.to_owned(), secret(value)));
        let named = Bundle::named(pair, "7");
        assert_eq!(
            (read(&named, Some("user")), read(&named, Some("password"))),
            ("u".into(), "p".into())
        );
        assert_eq!(named.bytes(), 2);
    }

    #[test]
    fn a_missing_field_is_answered_with_the_names_there_are_and_no_value() {
        let plain = Bundle::plain(secret("hidden"), "1");
        let named = Bundle::named([("user".to_owned(), secret("hidden"))], "1");
        for (bundle, field, expected) in [
            (
                &plain,
                Some("user"),
                "the secret is one value; leave #user away",
            ),
            (&named, None, "the secret has fields; name one of: user"),
            (
                &named,
                Some("pass"),
                "there is no field \"pass\"; there are: user",
            ),
        ] {
            assert_eq!(bundle.field(field).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_lease_bounds_how_long_a_bundle_is_used() {
        let lease = |seconds| Lease {
            id: "l".to_owned(),
            duration: Duration::from_secs(seconds),
            renewable: false,
        };
        let bundle = || Bundle::plain(secret("v"), "1");
        let bound = |bundle: Bundle| bundle.valid_for.map(|bound| bound.as_secs());
        assert_eq!(bound(bundle().leased(lease(60))), Some(60));
        let shorter = bundle().valid_for(Some(Duration::from_secs(9)));
        assert_eq!(bound(shorter.leased(lease(60))), Some(9));
    }
}
