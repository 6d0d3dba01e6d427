//! Where the configuration is, and whether it may be trusted.
//!
//! The first resolver.yaml that exists counts, never merged with another; service files come from
//! `configs/` beside each place, the first of a name counting. A file counts only if nobody else
//! can have written it. A service file that cannot be used stands for its service all the same: no
//! other file of that name comes into its place.

use std::ffi::OsStr;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::statvfs::FsFlags;
use vault_proto::names::is_service_name;

use super::document::{ConfigError, Mark, Wrong};

/// No configuration anybody writes is longer.
const LONGEST: u64 = 1024 * 1024;

/// Where editors show a new line and YAML and JSON have none: what seems to stand below a comment would
/// be a part of it.
const UNKNOWN_BREAKS: [char; 5] = ['\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'];

/// The names of the one file, of which no two may be in one place.
const NAMES: [&str; 2] = ["resolver.yaml", "resolver.yml"];

/// Where configuration is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The resolver.yaml files, best first.
    pub files: Vec<PathBuf>,
    /// Whether the first of them must exist.
    pub required: bool,
    /// The one directory of service files, where the command line names one.
    pub services: Option<PathBuf>,
}

impl Places {
    /// The file named on the command line, and nothing else.
    pub fn named(file: PathBuf) -> Self {
        Self {
            files: vec![file],
            required: true,
            services: None,
        }
    }

    /// The usual places under the user's and the machine's configuration directories.
    pub fn usual(config_home: &Path) -> Self {
        let homes = [config_home, Path::new("/etc")];
        let names = ["vaultd", "oci-vault-mcp"];
        let directories = homes
            .into_iter()
            .flat_map(|home| names.map(|name| home.join(name)));
        let files = |directory: PathBuf| NAMES.map(|name| directory.join(name));
        Self {
            files: directories.flat_map(files).collect(),
            required: false,
            services: None,
        }
    }

    /// The same places, with service files from `directory` alone, where there is one.
    #[must_use]
    pub fn with_services(self, directory: Option<PathBuf>) -> Self {
        Self {
            services: directory,
            ..self
        }
    }

    /// The directories of service files, best first.
    pub fn service_directories(&self) -> Vec<PathBuf> {
        if let Some(directory) = &self.services {
            return vec![directory.clone()];
        }
        let beside = |file: &PathBuf| file.parent().map(|directory| directory.join("configs"));
        let mut directories: Vec<PathBuf> = self.files.iter().filter_map(beside).collect();
        directories.dedup();
        directories
    }

    /// Whether `new` is looked for only where `old` is not there.
    pub fn comes_after(&self, new: Option<&Path>, old: &Path) -> bool {
        let place = |wanted: &Path| self.files.iter().position(|file| file == wanted);
        match new {
            None => true,
            Some(new) => place(new) > place(old),
        }
    }

    /// The first resolver.yaml that exists, with its text.
    pub fn read(&self) -> Result<Option<(PathBuf, String)>, ConfigError> {
        for (number, file) in self.files.iter().enumerate() {
            if let Some(text) = read(file)? {
                let beside = self.files.get(number + 1);
                let beside = beside.filter(|other| other.parent() == file.parent());
                if let Some(other) = beside.filter(|other| other.symlink_metadata().is_ok()) {
                    let other = other.display();
                    let message = format!("stands beside {other}; remove one of them");
                    return Err(problem(file, message));
                }
                return Ok(Some((file.clone(), text)));
            }
        }
        match self.files.first() {
            Some(file) if self.required => Err(problem(file, "there is no such file".to_owned())),
            _ => Ok(None),
        }
    }
}

/// A service file: the service's name and its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceText {
    /// The service's name.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// What is in it, or why that cannot be used.
    pub text: Result<String, ConfigError>,
}

/// What is in the directories of service files.
pub(super) struct Found {
    /// The service files; of one name, the one in the first directory that has it.
    pub(super) services: Vec<ServiceText>,
    /// Files whose names no service can have.
    pub(super) strays: Vec<PathBuf>,
    /// Why nothing is read from a directory that is not the first.
    pub(super) unused: Vec<ConfigError>,
}

/// Looks into `directories`, best first.
pub(super) fn service_texts(directories: &[PathBuf]) -> Result<Found, ConfigError> {
    let mut texts: Vec<ServiceText> = Vec::new();
    let mut strays = Vec::new();
    let mut unused = Vec::new();
    for (number, directory) in directories.iter().enumerate() {
        let mut here: Vec<ServiceText> = Vec::new();
        let files = match service_files(directory) {
            Ok(files) => files,
            Err(error) if number == 0 => return Err(error),
            Err(error) => {
                unused.push(error);
                continue;
            }
        };
        for file in files {
            let stem = file.file_stem().and_then(OsStr::to_str);
            let Some(name) = stem.filter(|name| is_service_name(name)) else {
                strays.push(file);
                continue;
            };
            if texts.iter().any(|text| text.name == name) {
                continue;
            }
            if let Some(other) = here.iter_mut().find(|text| text.name == name) {
                let message = format!(
                    "defines the same service as {}; remove one of them",
                    other.file.display()
                );
                other.text = Err(problem(&file, message));
                continue;
            }
            let text = match read(&file) {
                Ok(None) => continue,
                Ok(Some(text)) => Ok(text),
                Err(error) => Err(error),
            };
            here.push(ServiceText {
                name: name.to_owned(),
                file,
                text,
            });
        }
        texts.extend(here);
    }
    Ok(Found {
        services: texts,
        strays,
        unused,
    })
}

fn service_files(directory: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let unreadable = |error: io::Error| problem(directory, format!("cannot be read: {error}"));
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(unreadable(error)),
    };
    trusted(directory, &directory.metadata().map_err(unreadable)?)?;
    let mut files = Vec::new();
    for entry in entries {
        let file = entry.map_err(unreadable)?.path();
        if file.file_name().is_some_and(is_service_file) {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a file of this name in a directory of service files is one.
pub(super) fn is_service_file(name: &OsStr) -> bool {
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    let hidden = name.as_encoded_bytes().starts_with(b".");
    matches!(extension, Some("json" | "yaml" | "yml")) && !hidden
}

/// The text of `file`; `None` where it does not exist.
fn read(file: &Path) -> Result<Option<String>, ConfigError> {
    let unreadable = |error: io::Error| problem(file, format!("cannot be read: {error}"));
    // Through a link the file that is read counts, not the link.
    let opened = match open(file) {
        Ok(opened) => opened,
        // As if the file were not there, the daemon would fall back to less than was configured.
        Err(error) if error.kind() == io::ErrorKind::NotFound && file.is_symlink() => {
            return Err(problem(file, "is a link to nothing".to_owned()));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // A socket.
        Err(error) if error.raw_os_error() == Some(nix::libc::ENXIO) => {
            return Err(problem(file, "is not a plain file".to_owned()));
        }
        Err(error) => return Err(unreadable(error)),
    };
    let metadata = opened.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(problem(file, "is not a plain file".to_owned()));
    }
    trusted(file, &metadata)?;
    // Where the name is, and where the file is that it leads to: either could be another one soon.
    let real = file.canonicalize().map_err(unreadable)?;
    for directory in [file.parent(), real.parent()].into_iter().flatten() {
        let metadata = directory.metadata().map_err(unreadable)?;
        // In root's sticky directories, such as /nix/store, nobody replaces what is another's.
        let keeps = metadata.uid() == 0 && metadata.mode() & 0o1000 != 0;
        if !(keeps && Some(directory) == real.parent()) {
            trusted(directory, &metadata)?;
        }
    }
    let mut bytes = Vec::new();
    let mut limited = opened.take(LONGEST + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LONGEST {
        return Err(problem(file, format!("is longer than {LONGEST} bytes")));
    }
    if [[0xff, 0xfe], [0xfe, 0xff]]
        .iter()
        .any(|mark| bytes.starts_with(mark))
    {
        let message = "is UTF-16 text; save it as UTF-8".to_owned();
        return Err(problem(file, message));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| problem(file, "is not UTF-8 text; save it as UTF-8".to_owned()))?;
    if text.contains('\0') {
        return Err(problem(file, "holds a NUL byte".to_owned()));
    }
    if let Some(place) = text.find(UNKNOWN_BREAKS) {
        let (before, rest) = text.split_at(place);
        let letter = rest.chars().next().map_or(0, u32::from);
        let message = format!(
            "holds U+{letter:04X}, a line break that YAML and JSON do not know; save it with plain \
             line ends"
        );
        let line = before.rsplit('\n').next().unwrap_or_default();
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        return Err(ConfigError {
            mark: Mark {
                line: number(before.matches('\n').count() + 1),
                column: number(line.chars().count() + 1),
                ..Mark::default()
            },
            ..problem(file, message)
        });
    }
    Ok(Some(text))
}

/// Opens without waiting: a FIFO has no end, and a device may do more than be read.
fn open(file: &Path) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(file)
}

/// Whether only this user and root can have written it.
fn trusted(path: &Path, metadata: &Metadata) -> Result<(), ConfigError> {
    let own = nix::unistd::geteuid();
    if metadata.uid() != own.as_raw() && metadata.uid() != 0 {
        return Err(problem(
            path,
            format!(
                "belongs to uid {}; it must belong to uid {own} or root",
                metadata.uid()
            ),
        ));
    }
    // A volume of Kubernetes, say: whatever the mode says, nobody writes there.
    if metadata.mode() & 0o022 != 0 && is_read_only(path) {
        return Ok(());
    }
    if metadata.mode() & 0o002 != 0 {
        let message = format!(
            "is writable by everybody; run 'chmod o-w {}'",
            path.display()
        );
        return Err(problem(path, message));
    }
    if metadata.mode() & 0o020 != 0 && !is_private_group(metadata.gid()) {
        let message = format!(
            "is writable by a group that others belong to; run 'chmod g-w {}'",
            path.display()
        );
        return Err(problem(path, message));
    }
    Ok(())
}

/// Whether the filesystem that the path leads to is mounted read-only.
fn is_read_only(path: &Path) -> bool {
    let mounted = nix::sys::statvfs::statvfs(path);
    mounted.is_ok_and(|mounted| mounted.flags().contains(FsFlags::ST_RDONLY))
}

/// Whether the group is this user's own and has no other member (Debian gives each user one).
fn is_private_group(gid: u32) -> bool {
    if gid == 0 || gid != nix::unistd::getegid().as_raw() {
        return gid == 0;
    }
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid())
        .ok()
        .flatten();
    let group = nix::unistd::Group::from_gid(gid.into()).ok().flatten();
    match (user, group) {
        // Whose primary group it is, the group does not say: only its name does.
        (Some(user), Some(group)) => {
            group.name == user.name && group.mem.iter().all(|member| *member == user.name)
        }
        _ => false,
    }
}

/// Whether values that the predecessor cached lie in `directory`: files named by 16 hexadecimal
/// digits.
pub(super) fn holds_old_values(directory: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(directory) else {
        return false;
    };
    let is_one = |name: &str| {
        let stem = name.strip_suffix(".json").unwrap_or_default();
        stem.len() == 16 && stem.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.any(|name| is_one(&name))
}

/// What is wrong with a file as a whole.
pub fn problem(file: &Path, message: String) -> ConfigError {
    ConfigError {
        file: file.to_owned(),
        mark: Mark::default(),
        key: String::new(),
        message,
        kind: Wrong::File,
    }
}

#[cfg(test)]
mod tests;
