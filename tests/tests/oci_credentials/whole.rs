//! A whole vault, as the daemon opens it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use vault_backends::address::{Address, BackendKind, VersionSelector};
use vault_backends::error::{BackendError, Class, Contact};
use vault_backends::oci::configured::ConfiguredVault;
use vault_backends::oci::{AuthMethod, OciSettings};
use vault_backends::reading::Backend as _;
use vault_memory::{Preference, Shield};
use vault_tests::oci::Route;

use crate::scene::Scene;

const METHOD: AuthMethod = AuthMethod::InstancePrincipal;

/// The vault of these settings, opened as the daemon opens it, with a token from the auth service.
fn open(scene: &Scene, settings: &OciSettings) -> ConfiguredVault {
    let around = scene.around(&scene.files.instance);
    let shield = Shield::new(Preference::Auto).unwrap();
    ConfiguredVault::new(settings, &around, &shield)
}

async fn read(scene: &Scene, vault: &ConfiguredVault) -> Result<(), BackendError> {
    let address = Address {
        kind: BackendKind::OCI,
        scope: String::new(),
        container: None,
        name: scene.fake.put("name", "value"),
        version: VersionSelector::Current,
    };
    vault.fetch(&address).await.map(|_| ())
}

#[tokio::test]
async fn authorities_that_are_replaced_are_believed_at_the_next_call() {
    let scene = Scene::new();
    let good = scene.fake.ca_pem().to_owned();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    scene.write(&scene.files.ca_file, &other.cert.pem());
    let vault = open(&scene, &scene.settings(METHOD));
    // For the token first, then for the vault itself.
    assert_eq!(read(&scene, &vault).await.unwrap_err().kind(), "tls");
    assert_eq!(scene.fake.calls(Route::FederateInstance), 0);
    scene.write(&scene.files.ca_file, &good);
    read(&scene, &vault).await.unwrap();
    scene.write(&scene.files.ca_file, &other.cert.pem());
    assert_eq!(read(&scene, &vault).await.unwrap_err().kind(), "tls");
    fs::remove_file(&scene.files.ca_file).unwrap();
    let error = read(&scene, &vault).await.unwrap_err();
    assert_eq!(
        (error.class(), error.kind()),
        (Class::Credentials, "bad_ca_file"),
        "who takes an authority away means it"
    );
    assert_eq!(error.contact(), Contact::NotSent);
    let notices = vault.notices().concat();
    assert!(notices.contains("vault.ca_file"), "{notices}");
    scene.write(&scene.files.ca_file, &good);
    read(&scene, &vault).await.unwrap();
    assert_eq!(vault.notices(), [""; 0]);
    assert_eq!(scene.fake.calls(Route::FederateInstance), 1);
}

#[tokio::test]
async fn a_renewal_that_fails_while_nobody_notices_is_told_of() {
    let scene = Scene::new();
    let vault = open(&scene, &scene.settings(METHOD));
    read(&scene, &vault).await.unwrap();
    assert_eq!(vault.notices(), [""; 0]);
    scene.break_down(Route::FederateInstance);
    scene.pass(2_200);
    vault.upkeep().await;
    read(&scene, &vault).await.unwrap();
    let notices = vault.notices().concat();
    for words in ["sign in failed", "503", "lasts until "] {
        assert!(notices.contains(words), "{words}: {notices}");
    }
    scene.pass(1_500);
    let notices = vault.notices().concat();
    assert!(!notices.contains("lasts until"), "{notices}");
    scene.fake.heal();
    vault.upkeep().await;
    assert_eq!(vault.notices(), [""; 0]);
}

#[tokio::test]
async fn a_file_of_authorities_is_one_that_nobody_else_can_write() {
    let scene = Scene::new();
    let refused = async |words: &str| {
        let vault = open(&scene, &scene.settings(METHOD));
        let error = read(&scene, &vault).await.unwrap_err();
        assert_eq!(
            (error.class(), error.kind()),
            (Class::Credentials, "bad_ca_file")
        );
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains("vault.ca_file"), "{error}");
    };
    let file = &scene.files.ca_file;
    fs::set_permissions(file, fs::Permissions::from_mode(0o666)).unwrap();
    refused("chmod").await;
    fs::remove_file(file).unwrap();
    nix::unistd::mkfifo(file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused("is not a file").await;
    fs::remove_file(file).unwrap();
    fs::write(file, vec![b'\n'; 2 << 20]).unwrap();
    refused("longer than 1048576 bytes").await;
}
