//! Vectors of endpoints.

use serde_json::Value;
use vault_backends::oci::endpoint::{Endpoint, Service};
use vault_backends::oci::region::{Region, Resolved, Sources, UnknownRegion};

use crate::vectors::{Expected, Vectors, expected, files, path_at_home, text, variable};

#[test]
fn endpoint_vectors_are_the_same_hosts() {
    hold(&Vectors::read());
}

#[test]
fn more_endpoint_vectors_are_the_same_hosts() {
    hold(&Vectors::more());
}

fn hold(vectors: &Vectors) {
    vectors.hold("endpoints", |id, entry| {
        let resolved = resolved(entry);
        match expected(entry, "expect") {
            Expected::Refusal => assert!(resolved.is_err(), "{id}: {resolved:?}"),
            Expected::Result(result) if result["ok"] == false => {
                assert!(resolved.is_err(), "{id}: {resolved:?}");
            }
            Expected::Result(result) => compare(id, &result, resolved),
        }
    });
}

fn resolved(entry: &Value) -> Result<Resolved, UnknownRegion> {
    let regions_config = path_at_home(".oci/regions-config.json");
    let files = files(entry);
    let regions_config = files.iter().find(|(path, _)| *path == regions_config);
    let metadata_variable = variable(entry, "OCI_REGION_METADATA");
    let default_realm = variable(entry, "OCI_DEFAULT_REALM");
    let sources = Sources {
        regions_config: regions_config.map(|(_, content)| content.as_str()),
        metadata_variable: metadata_variable.as_deref(),
        instance: None,
        default_realm: default_realm.as_deref(),
    };
    Region::resolve(text(entry, "region"), &sources)
}

fn compare(id: &str, result: &Value, resolved: Result<Resolved, UnknownRegion>) {
    let resolved = resolved.unwrap_or_else(|error| panic!("{id}: {error}"));
    let hosts = result.as_object().expect("hosts");
    assert!(!hosts.is_empty(), "{id}");
    for (name, url) in hosts {
        let mut services = Service::ALL.into_iter();
        let service = services.find(|service| service.as_str() == name);
        let service = service.unwrap_or_else(|| panic!("{id}: {name} is not known"));
        let endpoint = Endpoint::of(service, &resolved.region);
        assert_eq!(*url, endpoint.to_string(), "{id}: {name}");
    }
}
