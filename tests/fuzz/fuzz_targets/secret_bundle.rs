//! Are any bytes a secret bundle or an error, and is an error no copy of the bytes?
#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use vault_backends::address::VersionSelector;
use vault_backends::oci::secret_bundle::SecretBundle;
use vault_memory::{Preference, Shield};

static SHIELD: LazyLock<Arc<Shield>> =
    LazyLock::new(|| Shield::new(Preference::Auto).expect("memory for values"));

fuzz_target!(|body: &[u8]| match SecretBundle::read(body) {
    Err(error) => assert!(error.to_string().is_ascii() && !error.kind().is_empty()),
    Ok(bundle) => {
        let wanted = VersionSelector::Version(bundle.version_number);
        assert!(bundle.check(Some(&bundle.secret_id), &wanted).is_ok());
        let _ = bundle.valid_for(1_767_648_700);
        if let Ok(secret) = bundle.shield(&SHIELD) {
            assert!(secret.len() < body.len());
        }
    }
});
