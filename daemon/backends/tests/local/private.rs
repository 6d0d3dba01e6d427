//! What others could have touched is refused, and left as it is.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use nix::unistd::geteuid;
use vault_backends::error::Class;

use super::home::{Home, get, put, state};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn files_are_made_for_their_owner_alone() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&home.directory), 0o700);
    for name in home.files() {
        assert_eq!(mode(&home.file(&name)), 0o600, "{name}");
    }
}

#[test]
fn directory_open_to_others_is_refused_at_start_and_later() {
    let home = Home::new();
    let store = home.open();
    put(&store, "s", b"v").unwrap();
    let before = state(&home.file("store.age"));
    for mode in [0o755, 0o710, 0o701, 0o770] {
        set_mode(&home.directory, mode);
        let refused = home.try_open().unwrap_err();
        assert_eq!(refused.kind(), "wrong_mode");
        let fix = format!("chmod 700 {}", home.directory.display());
        assert!(refused.to_string().ends_with(&fix), "{refused}");
        for refused in [get(&store, "s").map(drop), put(&store, "s", b"w").map(drop)] {
            let refused = refused.unwrap_err();
            assert_eq!(
                (refused.kind(), refused.class()),
                ("wrong_mode", Class::Credentials)
            );
        }
    }
    set_mode(&home.directory, 0o700);
    assert!(state(&home.file("store.age")) == before);
}

#[test]
fn files_open_to_others_are_refused_and_untouched() {
    for name in ["store.age", "identity.txt"] {
        let home = Home::new();
        put(&home.open(), "s", b"v").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o666] {
            set_mode(&home.file(name), mode);
            let before = state(&home.file(name));
            let refused = home
                .try_open()
                .map(|store| get(&store, "s").unwrap_err().to_string());
            let text = refused.unwrap_or_else(|refused| refused.to_string());
            let fix = format!("chmod 600 {}", home.file(name).display());
            assert!(
                text.contains(&format!("{mode:04o}")) && text.ends_with(&fix),
                "{text}"
            );
            assert!(state(&home.file(name)) == before);
        }
        set_mode(&home.file(name), 0o600);
        assert_eq!(get(&home.open(), "s").unwrap(), b"v");
    }
}

#[test]
fn what_belongs_to_others_is_refused_and_untouched() {
    let home = Home::new();
    put(&home.open(), "s", b"v").unwrap();
    if !geteuid().is_root() {
        // Only root can give files away. What can be seen: root's own directory is not ours.
        let mut settings = home.settings();
        settings.directory = "/".into();
        let store = vault_backends::local::LocalStore::open(&settings, super::home::SHIELD.clone());
        return assert_eq!(store.unwrap_err().kind(), "wrong_owner");
    }
    for path in [
        home.file("store.age"),
        home.file("identity.txt"),
        home.directory.clone(),
    ] {
        chown(&path, Some(65_534), None).unwrap();
        let before = state(&path);
        let refused = home
            .try_open()
            .map(|store| get(&store, "s").unwrap_err().to_string());
        let text = refused.unwrap_or_else(|refused| refused.to_string());
        let fix = format!(
            "belongs to uid 65534, not to 0; give it over with chown 0 {}",
            path.display()
        );
        assert!(text.ends_with(&fix), "{text}");
        assert!(state(&path) == before);
        chown(&path, Some(0), None).unwrap();
    }
    assert_eq!(
        get(&home.open(), "s").unwrap(),
        b"v",
        "control: it was the owner"
    );
}

#[test]
fn links_and_pipes_in_place_of_files_are_refused_at_once() {
    for name in ["store.age", "identity.txt"] {
        let home = Home::new();
        put(&home.open(), "s", b"v").unwrap();
        let moved = home.file("elsewhere");
        fs::rename(home.file(name), &moved).unwrap();
        let refusal = |home: &Home| {
            let refused = home
                .try_open()
                .map(|store| get(&store, "s").unwrap_err().kind());
            refused.unwrap_or_else(|refused| refused.kind())
        };
        symlink(&moved, home.file(name)).unwrap();
        assert_eq!(refusal(&home), "wrong_type", "link {name}");
        fs::remove_file(home.file(name)).unwrap();
        let pipe = nix::unistd::mkfifo(&home.file(name), nix::sys::stat::Mode::S_IRWXU);
        pipe.unwrap();
        assert_eq!(refusal(&home), "wrong_type", "pipe {name}");
        fs::remove_file(home.file(name)).unwrap();
        fs::create_dir(home.file(name)).unwrap();
        assert_eq!(refusal(&home), "wrong_type", "directory {name}");
    }
}

#[test]
fn file_in_place_of_the_directory_is_refused() {
    let home = Home::new();
    fs::write(&home.directory, "").unwrap();
    let refused = home.try_open().unwrap_err();
    assert!(["io", "wrong_type"].contains(&refused.kind()), "{refused}");
    assert!(refused.to_string().contains("vaultd"), "{refused}");
}
