//! Is every text a configuration file of OCI or an error, whatever its profiles are used for?
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vault_backends::oci::profile::{ConfigFile, ProfileContext};

fuzz_target!(|content: &[u8]| {
    let file = match ConfigFile::parse(Path::new("/h/.oci/config"), content) {
        Ok(file) => file,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let around = ProfileContext {
        home: Path::new("/h"),
        region: None,
        is_file: &|path| path.as_os_str().len() % 2 == 0,
    };
    for name in ["DEFAULT", "SESSION", ""] {
        let Ok(profile) = file.profile(name) else {
            continue;
        };
        let _ = profile.check(&around);
        let _ = profile.api_key(&around);
        let _ = profile.session(&around);
        let _ = profile.delegation(&around);
        // A pass phrase is in no message, unless it is the path of the key as well.
        if let (Some(phrase), Err(error)) = (profile.value("pass_phrase"), profile.api_key(&around))
        {
            let is_path = profile
                .value("key_file")
                .is_some_and(|path| path.contains(phrase));
            assert!(phrase.len() < 20 || is_path || !error.to_string().contains(phrase));
        }
    }
});
