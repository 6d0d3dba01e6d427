//! Is every text a service, in whichever dialect, or an error of one line?
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use vaultd::config::files::ServiceText;
use vaultd::config::process_inputs::ProcessInputs;
use vaultd::config::{Texts, read};

fuzz_target!(|text: &str| {
    let service = ServiceText {
        name: "s".to_owned(),
        file: PathBuf::from("/c/configs/s.yaml"),
        text: Ok(text.to_owned()),
    };
    let texts = Texts {
        services: vec![service],
        ..Texts::default()
    };
    if let Ok(config) = read(texts, &ProcessInputs::default(), 1000) {
        let base = &config.setup.base;
        let Some(service) = base.services.get("s") else {
            let reason = &base.refused["s"].reason;
            return assert!(!reason.is_empty() && !reason.contains('\n'), "{reason}");
        };
        for environment in service.environments() {
            let _ = service.choose(Some(&environment));
        }
    }
});
