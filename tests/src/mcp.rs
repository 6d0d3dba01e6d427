//! An MCP client for a server that it starts, with the official SDK, over pipes.

use std::collections::BTreeMap;
use std::process::Stdio;

use anyhow::{Context, Result};
use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject};
use rmcp::serve_client;
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::TokioChildProcess;
use serde::Deserialize;
use serde_json::Value;

/// One session with one server process.
pub struct Session {
    client: RunningService<RoleClient, ()>,
    /// The process that was started.
    pub pid: u32,
}

/// What the bundled server's `report_environment` says.
#[derive(Clone, Deserialize, PartialEq, Eq)]
pub struct Report {
    /// The server's process id.
    pub pid: u32,
    /// The directory it runs in.
    pub directory: String,
    /// Its whole environment.
    pub variables: BTreeMap<String, String>,
}

impl Session {
    /// Starts `command` and shakes hands with it.
    ///
    /// # Errors
    /// Where the program does not start or does not speak the protocol.
    pub async fn open(command: std::process::Command) -> Result<Self> {
        let builder = TokioChildProcess::builder(tokio::process::Command::from(command));
        let (transport, _) = builder
            .stderr(Stdio::inherit())
            .spawn()
            .context("cannot start")?;
        let pid = transport.id().context("the process ended at once")?;
        let client = serve_client((), transport)
            .await
            .context("the handshake failed")?;
        Ok(Self { client, pid })
    }

    /// What the server says of itself.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn server(&self) -> Result<Value> {
        Ok(serde_json::to_value(self.client.peer_info())?)
    }

    /// The server's tools, as they came.
    ///
    /// # Errors
    /// Where the call fails.
    pub async fn tools(&self) -> Result<Vec<Value>> {
        let tools = self.client.list_all_tools().await?;
        tools
            .into_iter()
            .map(|tool| Ok(serde_json::to_value(tool)?))
            .collect()
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// Where the call fails.
    pub async fn call(&self, tool: &str, arguments: JsonObject) -> Result<CallToolResult> {
        let call = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        Ok(self.client.call_tool(call).await?)
    }

    /// The text that a tool answers with.
    ///
    /// # Errors
    /// Where the call fails or gives no text.
    pub async fn text_of(&self, tool: &str, arguments: JsonObject) -> Result<String> {
        let result = self.call(tool, arguments).await?;
        let content = result.content.first().context("the tool gave no content")?;
        Ok(content
            .as_text()
            .context("the tool gave no text")?
            .text
            .clone())
    }

    /// What the bundled server says of its process.
    ///
    /// # Errors
    /// Where the call fails.
    pub async fn report(&self) -> Result<Report> {
        let text = self
            .text_of("report_environment", JsonObject::new())
            .await?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Ends the session and waits for the server's end.
    ///
    /// # Errors
    /// Where the client's own task failed.
    pub async fn close(mut self) -> Result<()> {
        self.client.close().await?;
        Ok(())
    }
}
