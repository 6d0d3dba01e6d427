//! What is no file of text is refused at once, without waiting for it.

use super::*;
use crate::config::Texts;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;

fn refused(make: impl FnOnce(&Path)) -> String {
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("bar.json");
    make(&file);
    read(&file).unwrap_err().to_string()
}

#[test]
fn what_is_no_plain_file_is_refused_at_once() {
    let makes: [fn(&Path); 4] = [
        |file| nix::unistd::mkfifo(file, Mode::S_IRWXU).unwrap(),
        |file| drop(UnixListener::bind(file).unwrap()),
        |file| std::fs::create_dir(file).unwrap(),
        |file| symlink("/dev/null", file).unwrap(),
    ];
    for make in makes {
        let error = refused(make);
        assert!(error.ends_with("bar.json: is not a plain file"), "{error}");
    }
}

#[test]
fn a_link_that_leads_nowhere_is_no_missing_file() {
    let error = refused(|file| symlink("gone", file).unwrap());
    assert!(error.ends_with("is a link to nothing"), "{error}");
    let error = refused(|file| symlink(file, file).unwrap());
    assert!(error.contains("symbolic links"), "{error}");
    assert_eq!(read(Path::new("/nonexistent")).unwrap(), None);
}

/// A volume that is published whole, by turning one link, again and again.
#[test]
fn files_of_two_moments_are_never_read_together() {
    const VERSIONS: usize = 300;
    let room = tempfile::tempdir().unwrap();
    let path = |name: &str| room.path().join(name);
    let publish = |version: usize| {
        let volume = path(&version.to_string());
        std::fs::create_dir_all(volume.join("configs")).unwrap();
        for name in ["resolver.yaml", "configs/bar.json"] {
            std::fs::write(volume.join(name), version.to_string()).unwrap();
        }
        symlink(&volume, path("new")).unwrap();
        std::fs::rename(path("new"), path("data")).unwrap();
    };
    publish(0);
    let places = Places::named(path("data/resolver.yaml"));
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| (1..=VERSIONS).for_each(publish));
        let mut read = 0;
        while !publisher.is_finished() || read == 0 {
            // It may change too fast.
            if let Ok(texts) = Texts::gather(&places) {
                let (_, resolver) = texts.resolver.unwrap();
                match &texts.services[0].text {
                    Ok(text) => assert_eq!(resolver, *text),
                    Err(error) => assert!(error.message.starts_with("changes faster")),
                }
                read += 1;
            }
        }
    });
}

/// A log that somebody writes into `configs/`, say.
#[test]
fn a_service_file_that_changes_all_the_time_refuses_its_own_service_alone() {
    let text = |name: &str, text: &str| ServiceText {
        name: name.to_owned(),
        file: PathBuf::from(name),
        text: Ok(text.to_owned()),
    };
    let reading = |busy: &str, coming: Option<&str>| Texts {
        services: [text("bar", "same"), text("busy", busy)]
            .into_iter()
            .chain(coming.map(|name| text(name, "new")))
            .collect(),
        ..Texts::default()
    };
    let texts = reading("2", Some("comes")).without_changes_since(reading("1", Some("goes")));
    let read: Vec<_> = texts
        .services
        .iter()
        .map(|text| (&*text.name, text.text.is_ok()))
        .collect();
    let expected = [
        ("bar", true),
        ("busy", false),
        ("comes", false),
        ("goes", false),
    ];
    assert_eq!(read, expected);
}

#[test]
fn the_longest_file_is_read_and_a_longer_one_is_not() {
    let write = |length: u64| {
        move |file: &Path| std::fs::write(file, vec![b'#'; length.try_into().unwrap()]).unwrap()
    };
    let room = tempfile::tempdir().unwrap();
    let file = room.path().join("bar.json");
    write(LONGEST)(&file);
    assert!(read(&file).unwrap().is_some());
    assert!(refused(write(LONGEST + 1)).contains("is longer than"));
}
