//! Vectors of configuration files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vault_backends::oci::profile::{
    ConfigFile, Problem, ProblemKind, Profile, ProfileContext, ProfileError, SyntaxProblemKind,
    locate,
};

use crate::vectors::{
    Expected, HOME, Vectors, at_home, expected, files, path_at_home, text, variable,
};

#[test]
fn config_vectors_are_read_alike() {
    hold(&Vectors::read());
}

#[test]
fn more_config_vectors_are_read_alike() {
    hold(&Vectors::more());
}

fn hold(vectors: &Vectors) {
    vectors.hold("configs", |id, entry| {
        let home = Home::of(entry);
        let read = home.profile(entry);
        match expected(entry, "expect") {
            Expected::Refusal => assert!(read.is_err(), "{id} was read"),
            Expected::Result(result) if result["ok"] == true => {
                let profile = read.unwrap_or_else(|error| panic!("{id}: {error:?}"));
                compare(id, &profile, &result["config"]);
                home.validate(id, &profile, entry);
            }
            Expected::Result(result) => {
                let error = read.err().unwrap_or_else(|| panic!("{id} was read"));
                let class = text(&result, "error_class");
                assert!(error.is_that(class), "{id}: {error:?} for {class}");
            }
        }
    });
}

/// Files that are only imagined.
struct Home {
    files: Vec<(PathBuf, String)>,
    others: Vec<PathBuf>,
}

#[derive(Debug)]
enum Failure {
    NoFile,
    Profile(ProfileError),
}

impl Home {
    fn of(entry: &Value) -> Self {
        let mut all = files(entry);
        if let Some(content) = entry["content"].as_str() {
            all.push((configured(entry), at_home(content)));
        }
        let others = entry["existing_files"].as_array().into_iter().flatten();
        let others = others.map(|path| path_at_home(path.as_str().expect("a path")));
        Self {
            files: all,
            others: others.collect(),
        }
    }

    fn is_file(&self, path: &Path) -> bool {
        let path = Path::new(HOME).join(path);
        self.content(&path).is_some() || self.others.contains(&path)
    }

    fn content(&self, path: &Path) -> Option<&str> {
        let file = self.files.iter().find(|(file, _)| file == path);
        file.map(|(_, content)| content.as_str())
    }

    fn profile(&self, entry: &Value) -> Result<Profile, Failure> {
        let is_file = |path: &Path| self.is_file(path);
        let named = variable(entry, "OCI_CONFIG_FILE");
        let path = locate(
            &configured(entry),
            Path::new(HOME),
            named.as_deref(),
            &is_file,
        );
        let content = self.content(&path).ok_or(Failure::NoFile)?;
        let file = ConfigFile::parse(&path, content.as_bytes()).map_err(Failure::Profile)?;
        let name = entry["profile"].as_str().unwrap_or("DEFAULT");
        let profile = file.profile(name).map_err(Failure::Profile)?;
        let around = context(None, &is_file);
        profile.check(&around).map_err(Failure::Profile)?;
        Ok(profile)
    }

    /// What the SDK asks of a profile before it uses it.
    fn validate(&self, id: &str, profile: &Profile, entry: &Value) {
        let validate = &entry["validate"];
        if validate.is_null() {
            return;
        }
        let region = variable(entry, "OCI_REGION");
        let is_file = |path: &Path| self.is_file(path);
        let around = context(region.as_deref(), &is_file);
        let valid = match profile.value("authentication_type") {
            Some(_) => profile.delegation(&around).map(drop),
            None => profile.api_key(&around).map(drop),
        };
        assert_eq!(validate["ok"], valid.is_ok(), "{id}: {valid:?}");
        if let (Err(error), Some(errors)) = (valid, validate["errors"].as_object()) {
            let ours: Vec<(&str, Value)> = problems(&error).iter().map(word).collect();
            let ours: serde_json::Map<String, Value> = ours
                .into_iter()
                .map(|(key, word)| (key.to_owned(), word))
                .collect();
            assert_eq!(&ours, errors, "{id}");
        }
    }
}

impl Failure {
    /// Whether it is what the SDK, or the reader below it, says with an error of this class.
    fn is_that(&self, class: &str) -> bool {
        let lines = |wanted: fn(SyntaxProblemKind) -> bool| match self {
            Self::Profile(ProfileError::Syntax { problems, .. }) => {
                problems.iter().any(|problem| wanted(problem.kind))
            }
            _ => false,
        };
        match class.rsplit('.').next().unwrap_or_default() {
            "ConfigFileNotFound" => matches!(self, Self::NoFile),
            "ProfileNotFound" => matches!(self, Self::Profile(ProfileError::NoProfile { .. })),
            "InvalidKeyFilePath" => self.has(&[ProblemKind::NoFile]),
            "ValueError" => {
                let boolean = ProblemKind::Malformed("be true or false");
                self.has(&[ProblemKind::Forbidden, boolean])
            }
            "MissingSectionHeaderError" => lines(|kind| {
                matches!(
                    kind,
                    SyntaxProblemKind::BeforeSections | SyntaxProblemKind::ByteOrderMark
                )
            }),
            "DuplicateSectionError" => lines(|kind| kind == SyntaxProblemKind::SectionAgain),
            "DuplicateOptionError" => {
                lines(|kind| matches!(kind, SyntaxProblemKind::KeyAgain { .. }))
            }
            "ParsingError" => lines(|kind| {
                matches!(
                    kind,
                    SyntaxProblemKind::NoDelimiter | SyntaxProblemKind::NoKey
                )
            }),
            _ => true,
        }
    }

    fn has(&self, kinds: &[ProblemKind]) -> bool {
        match self {
            Self::Profile(error) => problems(error)
                .iter()
                .any(|problem| kinds.contains(&problem.kind)),
            Self::NoFile => false,
        }
    }
}

fn configured(entry: &Value) -> PathBuf {
    path_at_home(entry["file"].as_str().unwrap_or("~/.oci/config"))
}

fn context<'a>(region: Option<&'a str>, is_file: &'a dyn Fn(&Path) -> bool) -> ProfileContext<'a> {
    ProfileContext {
        home: Path::new(HOME),
        region,
        is_file,
    }
}

fn problems(error: &ProfileError) -> &[Problem] {
    match error {
        ProfileError::Problems { problems, .. } => problems,
        _ => &[],
    }
}

fn word(problem: &Problem) -> (&'static str, Value) {
    let word = match problem.kind {
        ProblemKind::Missing => "missing",
        ProblemKind::Malformed(_) => "malformed",
        ProblemKind::NoFile | ProblemKind::Forbidden => "refused",
    };
    (problem.key, json!(word))
}

/// The SDK adds defaults and makes a boolean of `log_requests`; all else must be the same.
fn compare(id: &str, profile: &Profile, config: &Value) {
    let config = config.as_object().expect("a configuration");
    for key in profile.keys() {
        assert!(config.contains_key(key), "{id}: {key} is too much");
    }
    for (key, theirs) in config {
        let ours = profile.value(key);
        let same = match theirs {
            Value::String(text) => ours.unwrap_or_default() == at_home(text),
            Value::Bool(yes) => {
                let word = ours.unwrap_or("false").to_ascii_lowercase();
                ["1", "yes", "true", "on"].contains(&word.as_str()) == *yes
            }
            Value::Null => ours.is_none(),
            _ => false,
        };
        assert!(same, "{id}: {key}");
    }
}
