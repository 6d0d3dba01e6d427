//! What peers may use at once, by their kind.

use std::time::Duration;

/// Which limits count for a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerKind {
    /// A process of the daemon's own user.
    OwnUser,
    /// A process of another user that a rule speaks of.
    OtherUser,
}

/// What one process may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerLimits {
    /// Connections at once.
    pub connections: usize,
    /// Watches at once; each holds a connection.
    pub watches: usize,
    /// References in one request.
    pub references: usize,
}

/// All limits of those who call.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once, of all processes; more are accepted and closed, and their callers try again.
    pub connections: usize,
    /// Watches at once, of all processes.
    pub watches: usize,
    /// For processes of the daemon's own user.
    pub own_user: PeerLimits,
    /// For processes of other users.
    pub other_user: PeerLimits,
    /// For every connection.
    pub transport: TransportLimits,
}

/// What one connection may use, whoever is at its other end.
#[derive(Clone, Copy, Debug)]
pub struct TransportLimits {
    /// How long a caller may say nothing at first.
    pub first_byte: Duration,
    /// How long a connection is used; calls under way on it are finished.
    pub connection_age: Duration,
    /// How long a connection lives whatever its caller does: longer than its age and a call together.
    pub connection_life: Duration,
    /// Calls at once, until their replies are fetched: a watch and a question.
    pub streams: u32,
    /// Flow-control windows, in bytes.
    pub window: u32,
    /// Header bytes of a request.
    pub headers: u32,
    /// Bytes of a question after somebody's health: a service's name.
    pub health_request: usize,
    /// Bytes of a launcher's request.
    pub request: usize,
    /// Bytes of a person's request: a secret of 64 KiB and what goes with it.
    pub admin_request: usize,
    /// Bytes of a reply to a person.
    pub admin_reply: usize,
}

const KIB: usize = 1024;

/// Eight connections of one process, with two calls each, can make the daemon hold sixteen requests or
/// replies, no more.
impl Default for PeerLimits {
    fn default() -> Self {
        Self {
            connections: 8,
            watches: 4,
            references: 256,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            watches: 16,
            own_user: PeerLimits::default(),
            other_user: PeerLimits::default(),
            transport: TransportLimits::default(),
        }
    }
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(1),
            connection_age: Duration::from_secs(12),
            connection_life: Duration::from_secs(24),
            streams: 2,
            window: 64 * 1024,
            headers: 8 * 1024,
            health_request: KIB,
            request: 16 * KIB,
            admin_request: 128 * KIB,
            admin_reply: vault_proto::LARGEST_ADMIN_REPLY,
        }
    }
}

impl Limits {
    /// What one process of this kind may use.
    pub fn of(&self, kind: PeerKind) -> &PeerLimits {
        match kind {
            PeerKind::OwnUser => &self.own_user,
            PeerKind::OtherUser => &self.other_user,
        }
    }
}
