//! Is every text a configuration file of OCI or an error, whatever its profiles are used for?
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vault_backends::oci::profile::{ConfigFile, Surroundings};

fuzz_target!(|content: &[u8]| {
    let file = match ConfigFile::parse(Path::new("/h/.oci/config"), content) {
        Ok(file) => file,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    let around = Surroundings {
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
        // A pass phrase is in no message.
        if let (Some(phrase), Err(error)) = (profile.value("pass_phrase"), profile.api_key(&around))
        {
            assert!(phrase.len() < 20 || !error.to_string().contains(phrase));
        }
    }
});
