//! The committed bindings are what the protocol files say.

use std::path::Path;

/// Messages that hold values or ciphertext; `redacted.rs` prints them without.
const SEALED: &[&str] = &["vaultd.v1.SealedValue", "vaultd.v1.PutRequest"];

#[test]
fn committed_bindings_are_what_the_protocol_files_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["vaultd/v1/secrets.proto", "vaultd/v1/admin.proto"];
    let descriptors = protox::compile(files, [root]).expect("the protocol files compile");
    let out = tempfile::tempdir().expect("a temporary directory");
    tonic_prost_build::configure()
        .out_dir(out.path())
        .skip_debug(SEALED)
        .compile_fds(descriptors)
        .expect("the bindings are generated");
    let fresh = std::fs::read_to_string(out.path().join("vaultd.v1.rs")).expect("they are there");
    let committed_path = root.join("src/gen/vaultd.v1.rs");
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        std::fs::create_dir_all(root.join("src/gen")).expect("the directory is made");
        std::fs::write(&committed_path, &fresh).expect("the bindings are written");
    }
    let committed = std::fs::read_to_string(&committed_path).expect("the bindings are committed");
    assert!(
        committed == fresh,
        "proto/src/gen/vaultd.v1.rs is not what the protocol files say; run \
         UPDATE_BINDINGS=1 cargo test -p vault-proto --test bindings"
    );
}
