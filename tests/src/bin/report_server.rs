//! The bundled MCP server, which says what environment it got: for tests and for the demo.
//!
//! It reports values in the clear to whoever started it. It is nobody's server but the tests'.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::schemars::{self, JsonSchema};
use rmcp::transport::stdio;
use rmcp::{ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use serde::Deserialize;

#[derive(Clone, Debug)]
struct ReportServer;

#[derive(Debug, Deserialize, JsonSchema)]
struct EchoRequest {
    /// What to say.
    message: String,
}

#[tool_router]
impl ReportServer {
    /// Reports this process: its id, its directory and every variable of its environment.
    #[tool]
    fn report_environment() -> String {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .map(|(name, value)| (lossy(name), lossy(value)))
            .collect();
        let directory = std::env::current_dir().unwrap_or_default();
        serde_json::json!({
            "pid": std::process::id(),
            "directory": directory,
            "variables": variables,
        })
        .to_string()
    }

    /// Says what it is told.
    #[tool]
    fn echo(Parameters(request): Parameters<EchoRequest>) -> String {
        request.message
    }
}

#[tool_handler(name = "report-server", version = "1")]
impl ServerHandler for ReportServer {}

fn lossy(text: std::ffi::OsString) -> String {
    text.to_string_lossy().into_owned()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let session = ReportServer.serve(stdio()).await?;
    session.waiting().await?;
    Ok(())
}
