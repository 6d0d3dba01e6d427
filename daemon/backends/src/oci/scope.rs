//! The scope of a vault's settings: what two settings have in common for cache and breaker.

use std::fmt::Write as _;

use super::settings::{AuthMethod, OciSettings};

impl OciSettings {
    /// A name for everything that tells two ways to ask apart: the same for settings that differ only in
    /// what a bare name means and in where new secrets go. For people too.
    pub fn described(&self) -> String {
        let (profile, file) = (&self.config_profile, self.config_file.display());
        let mut scope = match self.auth_method {
            AuthMethod::ConfigFile => format!("profile {profile} of {file}"),
            AuthMethod::SessionToken => format!("session {profile} of {file}"),
            AuthMethod::InstancePrincipal => "instance principal".to_owned(),
            AuthMethod::ResourcePrincipal => "resource principal".to_owned(),
            AuthMethod::WorkloadIdentity => "workload identity".to_owned(),
        };
        let path = |path: &std::path::PathBuf| path.display().to_string();
        let more = [
            ("in", self.region.clone()),
            ("at", self.endpoint.clone()),
            ("managed at", self.management_endpoint.clone()),
            ("authenticated at", self.auth_endpoint.clone()),
            ("keys at", self.key_management_endpoint.clone()),
            ("trusting", self.ca_file.as_ref().map(path)),
            ("through", self.proxy.clone()),
            ("for", self.delegation_token_file.as_ref().map(path)),
            (
                "with",
                self.allow_readable_keys.then(|| "readable keys".to_owned()),
            ),
        ];
        for (word, value) in more {
            if let Some(value) = value {
                // Writing to a String does not fail.
                let _ = write!(scope, ", {word} {value}");
            }
        }
        scope
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn settings_that_ask_otherwise_have_another_scope() {
        let base = OciSettings::default_for(Path::new("/h"));
        assert_eq!(base.described(), "profile DEFAULT of /h/.oci/config");
        let text = || Some("https://x.example".to_owned());
        let path = || Some("/x".into());
        let changes: [fn(&mut OciSettings); 6] = [
            |settings| settings.auth_method = AuthMethod::SessionToken,
            |settings| settings.auth_method = AuthMethod::InstancePrincipal,
            |settings| settings.config_file = "/x".into(),
            |settings| settings.config_profile = "X".to_owned(),
            |settings| settings.region = Some("us-phoenix-1".to_owned()),
            |settings| settings.allow_readable_keys = true,
        ];
        let mut all: Vec<OciSettings> = changes
            .iter()
            .map(|change| {
                let mut changed = base.clone();
                change(&mut changed);
                changed
            })
            .collect();
        all.push(base.clone());
        all.extend([
            OciSettings {
                endpoint: text(),
                ..base.clone()
            },
            OciSettings {
                management_endpoint: text(),
                ..base.clone()
            },
            OciSettings {
                auth_endpoint: text(),
                ..base.clone()
            },
            OciSettings {
                key_management_endpoint: text(),
                ..base.clone()
            },
            OciSettings {
                proxy: text(),
                ..base.clone()
            },
            OciSettings {
                ca_file: path(),
                ..base.clone()
            },
            OciSettings {
                delegation_token_file: path(),
                ..base.clone()
            },
        ]);
        let scopes: std::collections::BTreeSet<String> =
            all.iter().map(OciSettings::described).collect();
        assert_eq!(scopes.len(), all.len(), "{scopes:?}");
    }

    #[test]
    fn what_a_bare_name_means_is_no_part_of_the_scope() {
        let base = OciSettings::default_for(Path::new("/h"));
        let placed = OciSettings {
            compartment_id: Some("c".to_owned()),
            vault_id: Some("v".to_owned()),
            key_id: Some("k".to_owned()),
            ..base.clone()
        };
        assert_eq!(placed.described(), base.described());
    }
}
