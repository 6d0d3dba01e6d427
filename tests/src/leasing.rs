//! A vault that makes a new account at each read: two fields under one lease, and a record of every call.
//!
//! A kind of vault that the daemon is not shipped with. It shows what a new one takes: a target, a
//! backend and a row in the table of kinds.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use vault_backends::address::{Address, BackendKind};
use vault_backends::bundle::{Bundle, Lease};
use vault_backends::error::{BackendError, Class};
use vault_backends::process_context::ProcessContext;
use vault_backends::reading::{Backend, FetchEffect};
use vault_backends::target::Target;
use vault_memory::{Secret, Shield};
use vaultd::backend_kinds::{BackendKinds, KindPolicy, LOCAL, OCI};

/// The variable of the daemon that names the file in which each read is a line.
pub const CALLS: &str = "LEASING_CALLS";

/// The daemon's own kinds, and this one.
pub const KINDS: BackendKinds = BackendKinds::of(&[
    LOCAL,
    OCI,
    KindPolicy {
        kind: KIND,
        scheme: "vault",
        is_remote: true,
        has_aliases: false,
        written_by_default: false,
        unconfigured: Some(|_| Arc::new(LeasingTarget)),
    },
]);

const KIND: BackendKind = BackendKind::new("vault");
/// How long an account lasts.
const LEASE: Duration = Duration::from_mins(10);

/// The one vault there is.
#[derive(Debug)]
struct LeasingTarget;

impl Target for LeasingTarget {
    fn kind(&self) -> BackendKind {
        KIND
    }

    fn scope(&self) -> String {
        "accounts".to_owned()
    }

    fn open(&self, context: &ProcessContext, shield: &Arc<Shield>) -> Arc<dyn Backend> {
        Arc::new(LeasingVault {
            calls: context.variables.get(CALLS).map(PathBuf::from),
            shield: Arc::clone(shield),
            made: AtomicU64::new(0),
        })
    }
}

struct LeasingVault {
    calls: Option<PathBuf>,
    shield: Arc<Shield>,
    made: AtomicU64,
}

impl LeasingVault {
    fn record(&self, path: &str) -> std::io::Result<()> {
        let Some(calls) = &self.calls else {
            return Ok(());
        };
        let mut file = OpenOptions::new().append(true).create(true).open(calls)?;
        writeln!(file, "{path}")
    }

    fn value(&self, text: String) -> Result<Secret, BackendError> {
        let shielded = self.shield.shield(&mut text.into_bytes());
        shielded
            .map_err(|error| BackendError::not_sent(Class::Outage, error.kind(), error.to_string()))
    }
}

#[async_trait]
impl Backend for LeasingVault {
    fn kind(&self) -> BackendKind {
        KIND
    }

    fn effect(&self, _address: &Address) -> FetchEffect {
        FetchEffect::Creates
    }

    async fn fetch(&self, address: &Address) -> Result<Bundle, BackendError> {
        self.record(&address.name)
            .map_err(|error| BackendError::no_reply("io", error.to_string()))?;
        if address.name.ends_with("/lost") {
            return Err(BackendError::no_reply("reset", "the answer was lost"));
        }
        let number = self.made.fetch_add(1, Ordering::SeqCst) + 1;
        let username = self.value(format!("user-{number}"))?;
        let password = self.value(format!("password-{number}"))?;
        let fields = [("username", username), ("password", password)];
        let fields = fields.map(|(name, value)| (name.to_owned(), value));
        Ok(Bundle::named(fields, number.to_string()).leased(Lease {
            id: format!("lease-{number}"),
            duration: LEASE,
            renewable: false,
        }))
    }
}
