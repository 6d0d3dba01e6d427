//! Layers of values, of which the later wins. Pure.
//!
//! argument > variable of the daemon > environment chosen > file > default. Each layer is brought to
//! the same spelling before it is laid over another, so that an old spelling above wins over a new
//! one below.

use std::path::Path;

use super::document::{ConfigError, Document, Node};
use super::keys::ALIASES;
use super::process_inputs::ProcessInputs;

/// Each environment is a whole tree of its own; more of them are a mistake.
const ENVIRONMENTS: usize = 64;

/// A file taken apart.
#[derive(Clone)]
pub(super) struct Layers {
    base: Node,
    environments: Vec<(String, Node)>,
    inputs: ProcessInputs,
}

impl Layers {
    /// The layers of `root`, which came from `file`.
    pub(super) fn of(
        file: &Path,
        mut root: Node,
        inputs: &ProcessInputs,
    ) -> Result<Self, ConfigError> {
        let mut environments = Vec::new();
        if let Some(node) = root.take("environments") {
            let document = Document::of(file, node);
            let entries = document.root().entries()?;
            if entries.len() > ENVIRONMENTS {
                let many = format!("more than {ENVIRONMENTS} environments");
                return Err(document.root().error(many));
            }
            for (name, at) in entries {
                environments.push((name, canonical(file, at.node().clone())?));
            }
        }
        Ok(Self {
            base: canonical(file, root)?,
            environments,
            inputs: inputs.clone(),
        })
    }

    /// The environments the file names.
    pub(super) fn environments(&self) -> impl Iterator<Item = &str> {
        self.environments.iter().map(|(name, _)| name.as_str())
    }

    /// What holds in `environment`; in one that the file does not name, what holds without one.
    pub(super) fn effective(&self, environment: Option<&str>) -> Node {
        let named = |wanted: &str| {
            let mut all = self.environments.iter();
            all.find(|(name, _)| name == wanted).map(|(_, node)| node)
        };
        let base = self.base.clone();
        let tree = match environment.and_then(named) {
            Some(above) if above.is_map() => base.under(above.clone()),
            _ => base,
        };
        self.inputs.over(tree)
    }
}

/// A layer with each key where it belongs, whatever its spelling; a key in its new spelling counts
/// before the same in an old one.
fn canonical(file: &Path, mut layer: Node) -> Result<Node, ConfigError> {
    for (section, name, to_section, to_name) in ALIASES {
        let taken = layer.get_mut(section).and_then(|node| node.take(name));
        if let Some(node) = taken.filter(|node| !node.is_null()) {
            lay(&mut layer, to_section, to_name, node);
        }
    }
    let taken = layer
        .get_mut("auth")
        .and_then(|node| node.take("use_instance_principals"));
    if let Some(node) = taken.filter(|node| !node.is_null()) {
        let document = Document::of(file, node);
        let mut at = document.root();
        at.rename("auth.use_instance_principals");
        let (on, _) = at.boolean()?;
        let word = if on {
            "instance_principal"
        } else {
            "config_file"
        };
        let node = Node::text(word, at.mark());
        lay(&mut layer, "vault", "auth_method", node);
    }
    Ok(layer)
}

/// Puts `node` below `section.name`, where nothing stands there yet.
fn lay(layer: &mut Node, section: &str, name: &str, node: Node) {
    let mut below = layer
        .take(section)
        .filter(|node| !node.is_null())
        .unwrap_or_else(Node::empty);
    if below.get(name).is_none_or(Node::is_null) && below.is_map() {
        below.put(name, node);
    }
    layer.put(section, below);
}

#[cfg(test)]
mod tests;
