//! How a value reaches a program.

/// Where a value goes. A seal is about it, so that none can be moved to another place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// To whoever asked, as it is.
    #[default]
    Direct,
    /// Into the environment variable of this name.
    Variable(String),
}

impl Delivery {
    /// Into the variable of this name, as messages write it: an empty name is none.
    pub fn into_variable(name: &str) -> Self {
        match name {
            "" => Self::Direct,
            name => Self::Variable(name.to_owned()),
        }
    }

    /// The variable's name; empty where there is none.
    pub fn variable(&self) -> &str {
        match self {
            Self::Direct => "",
            Self::Variable(name) => name,
        }
    }

    /// What a seal is about. No variable's name has a colon: another way is told apart by one.
    pub(crate) fn label(&self) -> &str {
        self.variable()
    }
}
