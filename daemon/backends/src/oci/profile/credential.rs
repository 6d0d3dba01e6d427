//! The credential that a profile stands for, and what it lacks.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::super::fingerprint::Fingerprint;
use super::entries::Profile;
use super::error::{Problem, ProblemKind, ProfileError};
use super::location::expanded;

/// What a profile is read against.
#[derive(Clone, Copy)]
pub struct ProfileContext<'a> {
    /// What `~` stands for.
    pub home: &'a Path,
    /// The region where the profile has none.
    pub region: Option<&'a str>,
    /// Whether there is such a file.
    pub is_file: &'a dyn Fn(&Path) -> bool,
}

/// An API key of a user. It may hold a pass phrase: no `Debug`.
pub struct ApiKeyProfile {
    /// The tenancy's OCID.
    pub tenancy: String,
    /// The user's OCID.
    pub user: String,
    /// Which key it should be.
    pub fingerprint: Fingerprint,
    /// Where the key is.
    pub key_file: PathBuf,
    /// What opens it.
    pub pass_phrase: Option<Zeroizing<String>>,
    /// The region as it is written.
    pub region: String,
}

/// A session. It may hold a pass phrase: no `Debug`.
pub struct SessionProfile {
    /// Where the token is.
    pub token_file: PathBuf,
    /// Where the key is that belongs to it.
    pub key_file: PathBuf,
    /// What opens it.
    pub pass_phrase: Option<Zeroizing<String>>,
    /// The region as it is written.
    pub region: String,
}

impl Profile {
    /// What no profile may have, whatever it is for.
    ///
    /// # Errors
    /// [`ProfileError::Problems`], with all of them.
    pub fn check(&self, around: &ProfileContext<'_>) -> Result<(), ProfileError> {
        let check = Check::new(self, around);
        if check.problems.is_empty() {
            Ok(())
        } else {
            Err(check.error())
        }
    }

    /// The API key.
    ///
    /// # Errors
    /// [`ProfileError::Problems`], with all of them.
    pub fn api_key(&self, around: &ProfileContext<'_>) -> Result<ApiKeyProfile, ProfileError> {
        let mut check = Check::new(self, around);
        let ocids = (check.ocid("user"), check.ocid("tenancy"));
        let fingerprint = check.fingerprint();
        let place = (check.required("key_file"), check.region());
        match (ocids, fingerprint, place) {
            ((Some(user), Some(tenancy)), Some(fingerprint), (Some(key_file), Some(region)))
                if check.problems.is_empty() =>
            {
                Ok(ApiKeyProfile {
                    tenancy: tenancy.to_owned(),
                    user: user.to_owned(),
                    fingerprint,
                    key_file: expanded(key_file, around.home),
                    pass_phrase: self.pass_phrase(),
                    region: region.to_owned(),
                })
            }
            _ => Err(check.error()),
        }
    }

    /// The session. A user and a fingerprint may have been inherited, and say nothing here.
    ///
    /// # Errors
    /// [`ProfileError::Problems`], with all of them.
    pub fn session(&self, around: &ProfileContext<'_>) -> Result<SessionProfile, ProfileError> {
        let mut check = Check::new(self, around);
        let token_file = check.file("security_token_file");
        let place = (check.required("key_file"), check.region());
        match (token_file, place) {
            (Some(token_file), (Some(key_file), Some(region))) if check.problems.is_empty() => {
                Ok(SessionProfile {
                    token_file,
                    key_file: expanded(key_file, around.home),
                    pass_phrase: self.pass_phrase(),
                    region: region.to_owned(),
                })
            }
            _ => Err(check.error()),
        }
    }

    /// The file with the token of the user for whom an instance acts, where the profile says that it
    /// is for an instance: all that Oracle's SDKs understand by `authentication_type`.
    ///
    /// # Errors
    /// [`ProfileError::Problems`], with all of them.
    pub fn delegation(&self, around: &ProfileContext<'_>) -> Result<PathBuf, ProfileError> {
        let mut check = Check::new(self, around);
        let kind = check.required("authentication_type");
        if kind.is_some_and(|kind| kind != "instance_principal") {
            check.malformed("authentication_type", "be instance_principal, or left out");
        }
        let file = check.file("delegation_token_file");
        file.filter(|_| check.problems.is_empty())
            .ok_or_else(|| check.error())
    }

    fn pass_phrase(&self) -> Option<Zeroizing<String>> {
        let text = self.value("pass_phrase")?;
        Some(Zeroizing::new(text.to_owned()))
    }
}

/// Problems as they are found.
struct Check<'a> {
    profile: &'a Profile,
    around: &'a ProfileContext<'a>,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    /// Begins with what no profile may have.
    fn new(profile: &'a Profile, around: &'a ProfileContext<'a>) -> Self {
        let problems = Vec::new();
        let mut check = Self {
            profile,
            around,
            problems,
        };
        if profile
            .value("log_requests")
            .is_some_and(|word| !is_boolean(word))
        {
            check.malformed("log_requests", "be true or false");
        }
        if profile.value("key_content").is_some() {
            check.found("key_content", ProblemKind::Forbidden);
        }
        if profile.value("key_file").is_some() {
            check.file("key_file");
        }
        check
    }

    fn required(&mut self, key: &'static str) -> Option<&'a str> {
        let value = self.profile.value(key);
        if value.is_none() {
            self.found(key, ProblemKind::Missing);
        }
        value
    }

    fn region(&mut self) -> Option<&'a str> {
        let elsewhere = self.around.region.filter(|region| !region.is_empty());
        match (self.profile.value("region"), elsewhere) {
            (None, Some(region)) => Some(region),
            _ => self.required("region"),
        }
    }

    fn file(&mut self, key: &'static str) -> Option<PathBuf> {
        let path = expanded(self.required(key)?, self.around.home);
        if (self.around.is_file)(&path) {
            return Some(path);
        }
        let problem = self.profile.problem(key, ProblemKind::NoFile);
        self.problems.push(Problem {
            tried: Some(path),
            ..problem
        });
        None
    }

    fn ocid(&mut self, key: &'static str) -> Option<&'a str> {
        let value = self.required(key)?;
        if is_ocid(value) {
            return Some(value);
        }
        self.malformed(key, "be an OCID");
        None
    }

    fn fingerprint(&mut self) -> Option<Fingerprint> {
        let value = self.required("fingerprint")?;
        let parsed = value.parse();
        if parsed.is_err() {
            let form = "be 16 pairs of lower-case hexadecimal digits with colons between them";
            self.malformed("fingerprint", form);
        }
        parsed.ok()
    }

    fn malformed(&mut self, key: &'static str, form: &'static str) {
        self.found(key, ProblemKind::Malformed(form));
    }

    fn found(&mut self, key: &'static str, kind: ProblemKind) {
        self.problems.push(self.profile.problem(key, kind));
    }

    fn error(self) -> ProfileError {
        self.profile.error(self.problems)
    }
}

/// As Oracle's SDK checks it: at least five parts with dots or colons between them, of which those in
/// the middle may be empty.
fn is_ocid(text: &str) -> bool {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let parts: Vec<&str> = text.split(['.', ':']).collect();
    let ends = [parts.first(), parts.last()];
    parts.len() > 4
        && parts.iter().all(|part| part.bytes().all(letters))
        && ends
            .iter()
            .all(|end| end.is_some_and(|end| !end.is_empty()))
}

fn is_boolean(word: &str) -> bool {
    const WORDS: [&str; 8] = ["1", "yes", "true", "on", "0", "no", "false", "off"];
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(word))
}
