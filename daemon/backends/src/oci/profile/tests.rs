//! Tests of profiles against Oracle's SDK, and of their messages.

use super::*;

const USER: &str = "ocid1.user.oc1..aaaa";
const FINGERPRINT: &str = "7a:40:e9:b2:81:9b:34:62:95:be:d7:cb:28:0f:a6:3b";

fn file(text: &str) -> Result<ConfigFile, ProfileError> {
    ConfigFile::parse(Path::new("/h/.oci/config"), text.as_bytes())
}

fn profile(text: &str, name: &str) -> Profile {
    let file = file(text).map_err(|error| error.to_string());
    let profile = file.expect("a file").profile(name);
    profile
        .map_err(|error| error.to_string())
        .expect("a profile")
}

fn value(text: &str, key: &str) -> Option<String> {
    profile(text, "A").value(key).map(str::to_owned)
}

/// Every file is there but `/gone`.
fn around() -> ProfileContext<'static> {
    ProfileContext {
        home: Path::new("/h"),
        region: None,
        is_file: &|path| path != Path::new("/gone"),
    }
}

#[test]
fn values_are_read_by_the_rules_of_configparser() {
    for (text, expected) in [
        ("[A]\nk=v", "v"),
        ("[A]\nk:v", "v"),
        ("[A]\n K \t=\u{3000} v \t", "v"),
        ("[A]\nk=a=b:c", "a=b:c"),
        ("[A]\nk:a=b", "a=b"),
        (
            "[A]\nk = v # not a comment ; nor this",
            "v # not a comment ; nor this",
        ),
        ("[A]\nk=\"v\" %(x)s $Y", "\"v\" %(x)s $Y"),
        ("[A]\n# c\n  ; c\nk=v", "v"),
        ("[A]\r\nk=v\r\n", "v"),
        ("[A]\rk=v\r", "v"),
        ("[A]\nk=", ""),
        ("[A]\nk=a\n  b\n\tc", "a\nb\nc"),
        ("[A]\nk=a\n\n  b\n\n\n[B]", "a\n\nb"),
        ("[A]\nk=a\n  # c\n  b", "a\nb"),
        ("[A]\nk=a\n  [B]", "a\n[B]"),
        ("[A]\nk=a\n  x=y", "a\nx=y"),
        ("[A]\n  j=a\n  k=b", "b"),
        ("[A]\n  j=a\n k=b", "b"),
        ("[A] more\nk=v", "v"),
        ("[DEFAULT]\nk=d\n[A]\nj=v", "d"),
        ("[A]\nk=v\n[DEFAULT]\nk=d", "v"),
        ("[DEFAULT]\nj=1\n[A]\n[DEFAULT]\nk=2", "2"),
    ] {
        assert_eq!(value(text, "k").as_deref(), Some(expected), "{text:?}");
    }
}

#[test]
fn names_of_profiles_are_taken_to_the_letter() {
    let text = "[A]\n[ A ]\nk=1\n[a]\nk=2\n[A]b]\nk=3";
    for (name, expected) in [
        ("A", None),
        (" A ", Some("1")),
        ("a", Some("2")),
        ("A]b", Some("3")),
    ] {
        assert_eq!(profile(text, name).value("k"), expected, "{name:?}");
    }
    assert_eq!(profile("", "DEFAULT").keys().count(), 0);
    let missing = file(text).expect("a file").profile("B").err();
    assert_eq!(
        missing.expect("no profile").to_string(),
        "find profile \"B\" in /h/.oci/config: it has DEFAULT,  A , A, A]b, a"
    );
}

#[test]
fn every_line_that_cannot_be_understood_is_named() {
    let text = "hunter2=1\n[A]\nhunter2\n=hunter2\nk=hunter2\nK:hunter2\n[A]\n[]\n";
    let error = file(text).err().expect("an error");
    assert_eq!(error.kind(), "profile_syntax");
    assert_eq!(
        error.to_string(),
        "read /h/.oci/config: line 1 comes before the first [PROFILE]; line 3 has no =; \
         line 4 has no key before its =; line 6 has the key of line 5 again; \
         line 7 begins a profile again; line 8 has no ="
    );
}

#[test]
fn a_mark_of_byte_order_and_other_bytes_are_errors() {
    let mark = "line 1 begins with a byte order mark; save the file as UTF-8 without one";
    for (content, kind, said) in [
        (&b"\xef\xbb\xbf[A]\nk=v"[..], "profile_syntax", mark),
        (b"[A]\nk=\xff", "profile_not_text", "not a text in UTF-8"),
    ] {
        let error = ConfigFile::parse(Path::new("f"), content).err();
        let error = error.expect("an error");
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn all_that_a_profile_lacks_is_in_one_message_and_no_value() {
    let text = "[A]\nuser=hunter2\nfingerprint=HUNTER2\nkey_file=/gone\n\
                key_content=hunter2\nlog_requests=hunter2\npass_phrase=hunter2";
    let error = profile(text, "A").api_key(&around()).err();
    let text = error.expect("an error").to_string();
    assert_eq!(
        text,
        "use profile \"A\" of /h/.oci/config: log_requests (line 6) must be true or false; \
         key_content (line 5) must not be in this file; put the key into a file and name it key_file; \
         key_file (line 4) must be the path of a file that is there, and /gone is none; user (line 2) must be an OCID; \
         tenancy is missing; fingerprint (line 3) must be 16 pairs of lower-case hexadecimal digits \
         with colons between them; region is missing"
    );
}

/// By how the path is written: what is said of it.
#[test]
fn a_key_file_that_is_not_there_is_named_with_what_may_have_been_meant() {
    for (written, said) in [
        ("~/k.pem", "/h/k.pem is none; "),
        (
            "/k.pem # the new one",
            "/k.pem # the new one is none: a comment needs a line of its own; ",
        ),
        (
            "\"/k.pem\"",
            "\"/k.pem\" is none: write it without quotes; ",
        ),
        (
            "$HOME/k.pem",
            "$HOME/k.pem is none: variables are not read here; ~ is your home",
        ),
        (
            "~other/k.pem",
            "~other/k.pem is none: only ~/ at its beginning is your home",
        ),
    ] {
        let text = format!("[A]\nuser={USER}\nkey_file={written}");
        let nothing = ProfileContext {
            is_file: &|_| false,
            ..around()
        };
        let error = profile(&text, "A").api_key(&nothing).err();
        let error = error.expect("an error").to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_whole_profile_is_a_credential() {
    let text = format!(
        "[DEFAULT]\npass_phrase=p\n[A]\nuser={USER}\ntenancy=ocid1.tenancy.oc1..b\n\
         fingerprint={FINGERPRINT}\nkey_file=~/k.pem\nlog_requests=On"
    );
    let mut around = around();
    around.region = Some("fra");
    let key = profile(&text, "A").api_key(&around);
    let key = key
        .map_err(|error| error.to_string())
        .expect("a credential");
    assert_eq!(key.user, USER);
    assert_eq!(key.tenancy, "ocid1.tenancy.oc1..b");
    assert_eq!(key.fingerprint.to_string(), FINGERPRINT);
    assert_eq!(key.key_file, Path::new("/h/k.pem"));
    assert_eq!(key.pass_phrase.as_deref().map(String::as_str), Some("p"));
    assert_eq!(key.region, "fra");
}

#[test]
fn the_region_of_the_profile_counts_before_that_from_elsewhere() {
    let text = "[A]\nsecurity_token_file=/t\nkey_file=/k\nregion=phx";
    let mut around = around();
    around.region = Some("fra");
    let session = profile(text, "A").session(&around);
    let session = session
        .map_err(|error| error.to_string())
        .expect("a credential");
    assert_eq!(
        (session.region.as_str(), session.token_file),
        ("phx", PathBuf::from("/t"))
    );
}

#[test]
fn the_token_file_alone_makes_a_session() {
    let inherited = format!("[DEFAULT]\nuser={USER}\n[A]\nsecurity_token_file=/gone\n[B]\n");
    assert!(profile(&inherited, "A").is_session());
    assert!(!profile(&inherited, "B").is_session());
    let error = profile(&inherited, "A").session(&around()).err();
    assert_eq!(
        error.expect("an error").to_string(),
        "use profile \"A\" of /h/.oci/config: security_token_file (line 4) must be the path of a \
         file that is there, and /gone is none; key_file is missing; region is missing"
    );
}

#[test]
fn only_an_instance_acts_for_a_user() {
    let delegation = |text: &str| profile(text, "A").delegation(&around()).ok();
    let instance = "[A]\nauthentication_type=instance_principal\n";
    let whole = format!("{instance}delegation_token_file=~/t");
    assert_eq!(delegation(&whole), Some(PathBuf::from("/h/t")));
    assert_eq!(delegation(instance), None);
    assert_eq!(
        delegation(&format!("{instance}delegation_token_file=/gone")),
        None
    );
    assert_eq!(delegation(&whole.replace("instance", "resource")), None);
}

#[test]
fn ocids_are_checked_as_oracle_does() {
    let user = |user: &str| {
        let text = format!("[A]\nuser={user}");
        let problems = match profile(&text, "A").api_key(&around()).err() {
            Some(ProfileError::Problems { problems, .. }) => problems,
            _ => Vec::new(),
        };
        !problems.iter().any(|problem| problem.key == "user")
    };
    for good in ["a.b.c.d.e", "a....e", "a:b.c:d:e", "ocid1.user.oc1..x_-Y.z"] {
        assert!(user(good), "{good}");
    }
    for bad in [
        "",
        "a.b.c.d",
        "a.b.c.d.",
        ".b.c.d.e",
        "a.b.c.d.e f",
        "a.b.c.d.\u{e4}",
        "a.b.c/.d.e",
    ] {
        assert!(!user(bad), "{bad}");
    }
}
