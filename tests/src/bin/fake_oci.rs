//! What does a fake of Oracle's cloud need to run on its own?
//!
//! `fake_oci DIRECTORY` writes the files of every way to sign in there, says where it listens in one
//! line of JSON, and then obeys its input. `fake_oci --help` lists what can be said.
#![forbid(unsafe_code)]

use std::io::{Write, stdin, stdout};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use vault_tests::oci::{Certificate, FakeOci, help, run, write_credentials};

const USAGE: &str = "\
usage: fake_oci DIRECTORY

A fake of OCI's secret services on ports of this machine: requests must be signed, by the
credentials that are written into DIRECTORY. The first line of the output says where it listens;
each line of the input is a command, answered by a line of JSON. It ends with its input.
";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [word] if word == "--help" => {
            write!(stdout(), "{USAGE}\n{}", help())?;
            Ok(())
        }
        [directory] if !directory.starts_with('-') => serve(Path::new(directory)),
        _ => bail!("{USAGE}"),
    }
}

fn serve(directory: &Path) -> Result<()> {
    let fake = FakeOci::start();
    let credentials = write_credentials(&fake, directory)
        .with_context(|| format!("cannot write into {}", directory.display()))?;
    let variables = |pairs: Vec<(&str, String)>| {
        let pairs = pairs.into_iter();
        let pairs = pairs.map(|(name, value)| (name.to_owned(), Value::from(value)));
        pairs.collect::<Map<_, _>>()
    };
    let told = json!({
        "https": fake.https_url(),
        "https_self_signed": fake.https_url_showing(Certificate::SelfSigned),
        "https_misnamed": fake.https_url_showing(Certificate::Misnamed),
        "https_expired": fake.https_url_showing(Certificate::Expired),
        "http": fake.http_url(),
        "ca_file": credentials.ca_file,
        "config_file": credentials.config_file,
        "instance": variables(credentials.instance),
        "resource": variables(credentials.resource),
        "resource_with_key": variables(credentials.resource_with_key),
        "resource_on_instance": variables(credentials.resource_on_instance),
        "resource_nested": variables(credentials.resource_nested),
        "workload": variables(credentials.workload),
    });
    writeln!(stdout(), "{told}")?;
    Ok(run(&fake, stdin().lock(), stdout().lock())?)
}
