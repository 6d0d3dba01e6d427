//! Launching, resolving and watching: calls whose replies are opened or followed.

use vault_proto::generated::secrets_client::SecretsClient;
use vault_proto::generated::{
    CheckReply, CheckRequest, LaunchRequest, ResolveRequest, Setting, WatchEvent, WatchRequest,
};
use vault_proto::sealed::Purpose;

use crate::client::Client;
use crate::error::Error;
use crate::sealing::{OpenedSecret, Recipient};
use crate::status::refusal;

/// Which service to launch, and how.
#[derive(Clone, Debug, Default)]
pub struct LaunchOptions {
    /// The configured service.
    pub service: String,
    /// One of the environments the configuration names; empty for none.
    pub environment: String,
    /// It was found in a variable and not asked for: it counts only where environments are named.
    pub environment_inherited: bool,
    /// Another command in place of the configured one; empty for that one.
    pub command: Vec<String>,
    /// The OCI profile asked for, one that the service lists; empty for none.
    pub profile: String,
}

/// All that is needed to become a server.
#[derive(Debug)]
pub struct Launched {
    /// The command; never empty.
    pub argv: Vec<String>,
    /// Directory to start in; empty to stay.
    pub cwd: String,
    /// Variables that are no secrets; they win over inherited ones.
    pub settings: Vec<Setting>,
    /// The secrets; they win over settings.
    pub secrets: Vec<OpenedSecret>,
    /// Inherited loader variables that may stay.
    pub keep_variables: Vec<String>,
    /// What a person should know, a sentence each.
    pub warnings: Vec<String>,
    /// The PATH of the server, a directory each, [`vault_proto::INHERITED_PATH`] among them; empty to stay.
    pub path: Vec<String>,
    /// The directory where the program was found by its name; empty where it was not looked for.
    pub program_directory: String,
}

impl Client {
    /// Command, environment and secrets of a service.
    pub async fn launch(&mut self, options: LaunchOptions) -> Result<Launched, Error> {
        let recipient = Recipient::new()?;
        let request = LaunchRequest {
            service: options.service,
            environment: options.environment,
            public_key: recipient.public_key.clone(),
            request_id: recipient.request_id.clone(),
            command: options.command,
            profile: options.profile,
            environment_inherited: options.environment_inherited,
        };
        let reply = self.call(request).await?;
        if reply.argv.is_empty() {
            return Err(Error::Incomplete { what: "no command" });
        }
        Ok(Launched {
            secrets: recipient.open(Purpose::Launch, reply.secrets)?,
            argv: reply.argv,
            cwd: reply.cwd,
            settings: reply.settings,
            keep_variables: reply.keep_variables,
            warnings: reply.warnings,
            path: reply.path,
            program_directory: reply.program_directory,
        })
    }

    /// What [`Client::launch`] would give, without any value.
    pub async fn check(&mut self, options: LaunchOptions) -> Result<CheckReply, Error> {
        let request = CheckRequest {
            service: options.service,
            environment: options.environment,
            command: options.command,
            profile: options.profile,
            environment_inherited: options.environment_inherited,
        };
        self.call(request).await
    }

    /// The values of references, in their order.
    pub async fn resolve(&mut self, references: Vec<String>) -> Result<Vec<OpenedSecret>, Error> {
        let recipient = Recipient::new()?;
        let count = references.len();
        let request = ResolveRequest {
            references,
            public_key: recipient.public_key.clone(),
            request_id: recipient.request_id.clone(),
        };
        let reply = self.call(request).await?;
        let opened = recipient.open(Purpose::Resolve, reply.secrets)?;
        if opened.len() != count {
            return Err(Error::Incomplete {
                what: "not as many values as were asked for",
            });
        }
        Ok(opened)
    }

    /// Changes as they happen; no references means all.
    pub async fn watch(&mut self, references: Vec<String>) -> Result<Events, Error> {
        let request = WatchRequest { references };
        self.stream(request, async |session, request| {
            let mut client = SecretsClient::new(session.channel.clone());
            client.watch(request).await
        })
        .await
        .map(Events)
    }
}

/// Changes of secrets: names, versions and states.
#[derive(Debug)]
pub struct Events(tonic::Streaming<WatchEvent>);

impl Events {
    /// The next change; [`Error::Ended`] when the daemon, or the connection to it, ends.
    pub async fn next(&mut self) -> Result<WatchEvent, Error> {
        match self.0.message().await {
            Ok(Some(event)) => Ok(event),
            Ok(None) => Err(Error::Ended),
            Err(status) => Err(refusal(&status).unwrap_or(Error::Ended)),
        }
    }
}
