//! Does a text look like a secret itself, which somebody pasted where a name or a setting belongs?
//!
//! A guess, by the forms that well-known services give their tokens and by how random the letters are.
//! Whatever is taken for a secret is repeated nowhere.

/// What tokens begin with, and what nothing else does.
const PREFIXES: &[&str] = &[
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "gldt-",
    "glrt-",
    "xoxa-",
    "xoxb-",
    "xoxe-",
    "xoxp-",
    "xoxr-",
    "xoxs-",
    "xapp-",
    "sk-ant-",
    "sk-proj-",
    "sk_live_",
    "sk_test_",
    "rk_live_",
    "AIza",
    "hvs.",
    "hvb.",
    "dop_v1_",
    "shpat_",
    "AGE-SECRET-KEY-1",
];
/// What tokens begin with, and some names, too.
const COMMON_PREFIXES: &[&str] = &[
    "sk-", "GOCSPX-", "whsec_", "hf_", "npm_", "pypi-", "SG.", "gsk_", "pplx-", "r8_", "ya29.",
    "lin_api_", "ntn_", "tvly-", "xai-", "nvapi-", "glsa_", "figd_", "sntrys_", "dapi",
];
/// What the names of variables with secrets end in.
const SECRET_NAMES: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "SECRET_KEY",
    "PRIVATE_KEY",
];
/// What is shorter is `none`, `true`, or a placeholder.
const SHORTEST_SECRET: usize = 8;
/// So many letters of a name may look random.
const SHORTEST_RANDOM: usize = 20;

/// Whether a text that should be a name is a secret.
pub(super) fn is_secret(text: &str) -> bool {
    holds_token(text) || is_random(text)
}

/// Whether a setting or a word of a command holds a secret in the clear.
pub(super) fn holds_secret(text: &str) -> bool {
    let value = text.split_once('=').map_or(text, |(_, value)| value);
    // Digests of images and files are as random.
    let is_digest = value.contains(['@', ':']) || value.starts_with(['/', '.', '~']);
    holds_token(text) || holds_password(text) || (!is_digest && is_random(value))
}

/// Whether a variable of this name holds a secret, where something else than a number or a file is in it.
pub(super) fn is_secret_setting(variable: &str, value: &str) -> bool {
    let variable = variable.to_ascii_uppercase();
    let ends = |end: &&str| variable.ends_with(*end);
    let is_file = value.starts_with(['/', '.', '~']) || value.contains("://");
    SECRET_NAMES.iter().any(|end| ends(end))
        && value.len() >= SHORTEST_SECRET
        && value.parse::<f64>().is_err()
        && !is_file
}

/// Whether a token of a known form is a word of a text.
pub(super) fn holds_token(text: &str) -> bool {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "-_.~+".contains(letter);
    text.contains("-----BEGIN") || text.split(|letter| !is_word(letter)).any(is_token)
}

fn is_token(word: &str) -> bool {
    let is_long = |rest: &str, run: usize| {
        let first = rest.find(|letter: char| !letter.is_ascii_alphanumeric());
        let has = |kind: fn(&char) -> bool| rest.chars().any(|letter| kind(&letter));
        first.unwrap_or(rest.len()) >= run
            || (rest.len() >= 20 && has(char::is_ascii_digit) && has(char::is_ascii_uppercase))
    };
    let begins = |prefixes: &[&str], run: usize| {
        let mut rests = prefixes
            .iter()
            .filter_map(|prefix| word.strip_prefix(prefix));
        rests.any(|rest| is_long(rest, run))
    };
    let is_of_amazon = ["AKIA", "ASIA"].iter().any(|prefix| {
        let rest = word.strip_prefix(prefix);
        rest.is_some_and(|rest| {
            let fits = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit();
            rest.len() == 16 && rest.chars().all(fits)
        })
    });
    // A signed web token is an object of JSON, a dot, and more.
    let is_signed = word.starts_with("eyJ") && word.len() >= 20;
    is_of_amazon || is_signed || begins(PREFIXES, 10) || begins(COMMON_PREFIXES, 16)
}

/// Whether a URL names a password.
fn holds_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    let password = user.and_then(|user| user.split_once(':'));
    password.is_some_and(|(_, password)| !password.is_empty())
}

/// Whether kinds of letters change more often than in words, numbers, and words run together.
fn is_random(text: &str) -> bool {
    let is_ocid = text.starts_with("ocid1.");
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "-_.+/=".contains(letter);
    if is_ocid || !text.chars().all(fits) {
        return false;
    }
    let kind = |letter: u8| match letter {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let kinds: Vec<u8> = text.bytes().map(kind).collect();
    let letters = kinds.iter().filter(|kind| **kind != 3).count();
    // A word's first letter may be a capital one.
    let changes = |pair: &&[u8]| {
        let both = !pair.contains(&3);
        both && pair[0] != pair[1] && pair != &[1, 0]
    };
    let changes = kinds.windows(2).filter(changes).count();
    letters >= SHORTEST_RANDOM && changes * 4 >= letters - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKENS: &[&str] = &[
        "ghp_0123456789abcdefghijklmnopqrstuvwxyz",
        "ghp_FAKEFAKEFAKEFAKEFAKE",
        "github_pat_11ABCDEFG0abcdefghijklmn_opqrstuvwxyz",
        "glpat-x1Yz-2AbC_3dEfGh4jKl",
        "xoxb-1234567890-abcdefghij",
        "sk-proj-abcdefghijklmnop",
        "sk-0123456789abcdef0123",
        "AKIAIOSFODNN7EXAMPLE",
        "AIzaSyA0123456789abcdefghijklmnopqrstuv",
        "hf_abcdefghijklmnopqrstuvwxyz",
        "npm_abcdefghijklmnopqrstuvwxyz0123456789",
        "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
    ];

    #[test]
    fn tokens_of_known_forms_are_secrets_wherever_they_stand() {
        for token in TOKENS {
            assert!(is_secret(token), "{token}");
            assert!(holds_secret(&format!("Bearer {token}")), "{token}");
            assert!(holds_secret(&format!("--token={token}")), "{token}");
        }
    }

    #[test]
    fn random_letters_are_a_secret_and_names_are_not() {
        for random in [
            "a8f5f167f44f4964e6c998dee827110c",
            "Zx9Qw2Er7Ty4Ui1Op6As3Df8",
            "3b1f8a52-77c4-4d0e-9a6b-5e2f90c1d7aa",
            "dGhpcyBpcyBub3QgYSBuYW1lIQ==",
        ] {
            assert!(is_secret(random), "{random}");
        }
        for name in [
            "mcp-github-token",
            "MyServiceApiKeyProductionValue",
            "mcp-github-token-prod-2024-v12",
            "ghp_token_production",
            "npm_publish_token_production",
            "sk-mcp-production-token",
            "ocid1.vaultsecret.oc1.iad.amaaaaaa4x7k2b9q8w7e6r5t4y3u2i1o0p",
            "github.com_personal_access_token",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_variable_says_what_is_in_it() {
        assert!(is_secret_setting("DB_PASSWORD", "hunter22"));
        assert!(is_secret_setting("api_key", "correct-horse"));
        for (variable, value) in [
            ("DB_PASSWORD", ""),
            ("TOKEN", "true"),
            ("PRIVATE_KEY", "/run/key.pem"),
            ("MAX_TOKEN", "100000000"),
            ("TOKEN_LIMIT", "hunter22"),
            ("LEVEL", "information"),
        ] {
            assert!(!is_secret_setting(variable, value), "{variable} {value}");
        }
    }

    #[test]
    fn a_setting_holds_a_secret_where_a_url_has_a_password() {
        assert!(holds_secret("postgres://user:pw@host/db"));
        for plain in [
            "https://host:8080/a@b",
            "postgres://user@host/db",
            "image@sha256:a8f5f167f44f4964e6c998dee827110ca8f5f167f44f4964e6c998dee827110c",
            "/nix/store/a8f5f167f44f4964e6c998dee827110c-node/bin/npx",
            "info",
            "@modelcontextprotocol/server-github",
        ] {
            assert!(!holds_secret(plain), "{plain}");
        }
    }
}
