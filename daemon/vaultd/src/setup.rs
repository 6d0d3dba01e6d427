//! What is configured now? One immutable whole, swapped at once.
//!
//! Whoever serves a request takes the whole once and uses it to the end: no request sees a mixture
//! of two configurations.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use crate::audit;
use crate::cache::freshness::Freshness;
use crate::policy::Policy;
use crate::service::Service;

/// Everything the configuration says of serving requests.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The file it was read from; `None` where there is none.
    pub path: Option<PathBuf>,
    /// The services, by name.
    pub services: BTreeMap<String, Service>,
    /// Where service files were looked for, for messages.
    pub searched: Vec<PathBuf>,
    /// Who may what.
    pub policy: Policy,
    /// How long values are good.
    pub freshness: Freshness,
    /// How requests are remembered.
    pub audit: audit::Settings,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// The setup in force.
#[derive(Debug)]
pub struct Current(RwLock<State>);

#[derive(Debug)]
struct State {
    setup: Arc<Setup>,
    generation: u64,
    refused: Option<String>,
}

impl Current {
    /// The first setup.
    pub fn new(setup: Setup) -> Self {
        Self(RwLock::new(State {
            setup: Arc::new(setup),
            generation: 1,
            refused: None,
        }))
    }

    /// The whole.
    pub fn get(&self) -> Arc<Setup> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).setup)
    }

    /// Puts `setup` in its place and returns how many setups there have been.
    pub fn replace(&self, setup: Setup) -> u64 {
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        state.setup = Arc::new(setup);
        state.generation += 1;
        state.refused = None;
        state.generation
    }

    /// Remembers why a newer configuration was refused.
    pub fn refuse(&self, why: String) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .refused = Some(why);
    }

    /// How many setups there have been, and why the last attempt at another was refused.
    pub fn history(&self) -> (u64, Option<String>) {
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (state.generation, state.refused.clone())
    }
}
