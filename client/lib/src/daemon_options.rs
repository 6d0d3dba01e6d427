//! The options of the programs that vaultd replaces which belong to the daemon now.

/// What to say about such an option, which is named with or without its dashes; `None` for any other.
pub fn daemons_option(name: &str) -> Option<String> {
    let name = name.trim_start_matches('-');
    let place = match name {
        "config" => "`vaultd --config FILE`",
        "config-dir" => "service files go into configs/ beside its resolver.yaml",
        "config-file" => "`config_file` under `vault:` of its resolver.yaml",
        "profile" => "`config_profile` under `vault:` of its resolver.yaml",
        "instance-principals" => {
            "`auth_method: instance_principal` under `vault:` of its resolver.yaml"
        }
        _ => return None,
    };
    Some(format!(
        "--{name} belongs to vaultd, which owns the configuration: {place}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_of_the_daemons_is_named_with_its_place_and_no_other_is() {
        let words = daemons_option("--config").expect("the daemon's");
        assert!(words.starts_with("--config belongs to vaultd"));
        assert_eq!(daemons_option("config"), Some(words));
        for name in ["token", "--configs", ""] {
            assert_eq!(daemons_option(name), None);
        }
    }
}
