//! Why a daemon ends that nobody told to.

/// Why the daemon does not run.
#[derive(Debug)]
pub enum Fatal {
    /// The command line or the configuration is wrong: starting again changes nothing.
    Configuration(anyhow::Error),
    /// Socket, store or state directory cannot be used.
    Place(anyhow::Error),
    /// Anything else.
    Unexpected(anyhow::Error),
}

impl Fatal {
    /// What is wrong.
    pub fn error(&self) -> &anyhow::Error {
        match self {
            Self::Configuration(error) | Self::Place(error) | Self::Unexpected(error) => error,
        }
    }

    /// The program's exit status.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Unexpected(_) => 1,
            Self::Configuration(_) => 2,
            Self::Place(_) => 3,
        }
    }
}
