//! OCI Vault: whom to be, and where.

mod asked;
pub mod certificate;
pub mod clock_offset;
pub mod configured;
pub mod conversation;
pub mod credential;
pub mod date;
pub mod endpoint;
pub mod error;
pub mod fingerprint;
pub mod identity;
pub mod instance_metadata;
pub mod key;
pub mod key_file;
pub mod key_id;
mod known_names;
pub mod listing;
pub mod management;
mod pem;
pub mod places;
pub mod profile;
pub mod region;
pub mod request_url;
pub mod retrieval;
mod scope;
pub mod secret_bundle;
pub mod secret_list;
pub mod secret_place;
mod settings;
pub mod signature;
pub mod surroundings;
pub mod token;
pub mod vault;

pub use settings::{AuthMethod, Settings, UnknownAuthMethod};
