//! Is every text a configuration or an error, and is no error a copy of the text?
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use vaultd::config::process_inputs::ProcessInputs;
use vaultd::config::{Texts, read};

fuzz_target!(|text: &str| {
    let texts = Texts {
        resolver: Some((PathBuf::from("/c/resolver.yaml"), text.to_owned())),
        ..Texts::default()
    };
    if let Err(error) = read(texts, &ProcessInputs::default(), 1000) {
        assert!(error.to_string().lines().count() == 1, "{error}");
    }
});
