//! URLs of requests.
//!
//! What is signed must be what is sent, byte for byte. So a URL is written once, here, and the
//! signature and the sender both take it as it stands.

mod bad_url;
mod encoding;
mod normal_form;

use std::fmt::{self, Write as _};
use std::str::FromStr;

pub use bad_url::BadUrl;
use encoding::{form_encoded, segment_encoded};
use normal_form::{authority, path, query};

/// Scheme, host and port, path and query: a whole URL that can be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestUrl {
    origin: Origin,
    /// In origin form: the path, and `?` with a query where there is one.
    target: String,
}

impl RequestUrl {
    /// A URL of one host: a fixed path and below it the segments, each escaped as a whole, and the
    /// parameters in their order, form-encoded as the SDKs do.
    pub fn new<S: AsRef<str>>(
        origin: &Origin,
        base_path: &str,
        segments: &[&str],
        parameters: &[(&str, S)],
    ) -> Self {
        let mut target = path(base_path.trim_end_matches('/'));
        if !segments.is_empty() && target == "/" {
            target.clear();
        }
        for segment in segments {
            // Also before an empty one, so that it does not make the next one mean something else.
            target.push('/');
            target.push_str(&segment_encoded(segment));
        }
        push_parameters(&mut target, parameters);
        let origin = origin.clone();
        Self { origin, target }
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Path and query, as they go on the request line.
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.target)
    }
}

/// A URL that came as a text: host and scheme in lower case, an empty path is `/`, dot segments are
/// resolved, what may not stand in a URL is escaped, a fragment and a lone `?` are left out.
impl FromStr for RequestUrl {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let (scheme, rest) = text.split_once("://").ok_or(BadUrl::Scheme)?;
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, rest) = rest.split_at(end);
        let (before, after) = rest.split_once('?').unwrap_or((rest, ""));
        let mut target = path(before);
        if !after.is_empty() {
            write!(target, "?{}", query(after)).expect("text in memory can be appended to");
        }
        let origin = Origin {
            scheme: scheme.parse()?,
            authority: authority(host)?,
        };
        Ok(Self { origin, target })
    }
}

/// Scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    authority: String,
}

impl Origin {
    /// `https` and this host, which may have a port.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn https(host: &str) -> Result<Self, BadUrl> {
        let scheme = Scheme::Https;
        let authority = authority(host)?;
        Ok(Self { scheme, authority })
    }

    /// What the header `Host` says, and what is signed: the host in lower case and the port, if one is
    /// written, even the usual one.
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
}

impl FromStr for Scheme {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        match text.to_ascii_lowercase().as_str() {
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            _ => Err(BadUrl::Scheme),
        }
    }
}

fn push_parameters<S: AsRef<str>>(target: &mut String, parameters: &[(&str, S)]) {
    for (name, value) in parameters {
        target.push(if target.contains('?') { '&' } else { '?' });
        let (name, value) = (form_encoded(name), form_encoded(value.as_ref()));
        write!(target, "{name}={value}").expect("text in memory can be appended to");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(base_path: &str, segments: &[&str], parameters: &[(&str, &str)]) -> String {
        let origin = Origin::https("H.example").expect("a host");
        RequestUrl::new(&origin, base_path, segments, parameters).to_string()
    }

    #[test]
    fn an_empty_segment_stays_where_it_is() {
        let bundles = ["secretbundles", "", "versions"];
        let expected = "https://h.example/20190301/secretbundles//versions";
        assert_eq!(url("/20190301", &bundles, &[]), expected);
        assert_eq!(url("/20190301/", &bundles, &[]), expected);
    }

    #[test]
    fn without_a_path_there_is_a_slash() {
        assert_eq!(url("", &[], &[]), "https://h.example/");
        assert_eq!(url("/", &["a"], &[]), "https://h.example/a");
        assert_eq!(url("", &[], &[("a", "b")]), "https://h.example/?a=b");
    }

    #[test]
    fn nothing_in_a_segment_leads_elsewhere() {
        assert_eq!(
            url("/v", &["..", "a/../b?c#d"], &[]),
            "https://h.example/v/%2E%2E/a%2F..%2Fb%3Fc%23d"
        );
    }

    #[test]
    fn parameters_keep_their_order() {
        let parameters = [("z", "1"), ("a", "~* +/=&%"), ("z", "")];
        let expected = "https://h.example/x?z=1&a=~%2A+%2B%2F%3D%26%25&z=";
        assert_eq!(url("/x", &[], &parameters), expected);
    }

    #[test]
    fn texts_that_are_no_url_are_refused() {
        for (text, why) in [
            ("", BadUrl::Scheme),
            ("/20190301", BadUrl::Scheme),
            ("file:///etc", BadUrl::Scheme),
            ("https:///x", BadUrl::Host),
            ("https://[::1/x", BadUrl::Host),
            ("https://[h]/x", BadUrl::Host),
            ("https://h\u{e4}/", BadUrl::Host),
            ("https://user@h/", BadUrl::User),
            ("https://h:65536/", BadUrl::Port),
            ("https://h:+1/", BadUrl::Port),
            ("https://h:/", BadUrl::Port),
        ] {
            assert_eq!(text.parse::<RequestUrl>(), Err(why), "{text}");
        }
    }
}
