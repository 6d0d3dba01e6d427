//! Addresses of the instance metadata service.

use super::endpoint::BadEndpoint;
use super::request_url::RequestUrl;

/// The base of the instance metadata service, version 2. Every request to it carries the header
/// `authorization: Bearer Oracle`, and none goes through a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceMetadata {
    base: RequestUrl,
}

impl InstanceMetadata {
    /// Where to ask, in this order: what the variable `OCI_METADATA_BASE_URL` says and nothing else,
    /// where it says something; otherwise the address of IPv4 and, where that has no route, of IPv6.
    ///
    /// # Errors
    /// [`BadEndpoint::Url`].
    pub fn candidates(variable: Option<&str>) -> Result<Vec<Self>, BadEndpoint> {
        let named = variable.map(str::trim).filter(|url| !url.is_empty());
        let bases = named.map_or_else(|| BASES.to_vec(), |url| vec![url]);
        let parsed = bases.into_iter().map(|url| {
            let base = url.trim_end_matches('/').parse()?;
            Ok(Self { base })
        });
        parsed.collect()
    }

    /// The URL of a path below the base: `instance/regionInfo`.
    pub fn url(&self, path: &str) -> RequestUrl {
        let segments: Vec<&str> = path.split('/').collect();
        RequestUrl::new::<&str>(self.base.origin(), self.base.target(), &segments, &[])
    }
}

/// docs.oracle.com, "Getting Instance Metadata".
const BASES: [&str; 2] = [
    "http://169.254.169.254/opc/v2",
    "http://[fd00:c1::a9fe:a9fe]/opc/v2",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(variable: Option<&str>) -> Vec<String> {
        let all = InstanceMetadata::candidates(variable).expect("bases");
        let url = |base: &InstanceMetadata| base.url("instance/regionInfo").to_string();
        all.iter().map(url).collect()
    }

    #[test]
    fn both_addresses_are_asked_unless_the_variable_names_one() {
        let usual = [
            "http://169.254.169.254/opc/v2/instance/regionInfo",
            "http://[fd00:c1::a9fe:a9fe]/opc/v2/instance/regionInfo",
        ];
        assert_eq!(urls(None), usual);
        assert_eq!(urls(Some("  ")), usual);
        let named = ["http://127.0.0.1:18080/opc/v2/instance/regionInfo"];
        assert_eq!(urls(Some(" http://127.0.0.1:18080/opc/v2/ ")), named);
        assert!(InstanceMetadata::candidates(Some("127.0.0.1")).is_err());
    }
}
