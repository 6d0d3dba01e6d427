//! The deadlines of a call.

use std::time::Duration;

/// A deadline for each part of a call. The parts' own are inside of the whole's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From the beginning until the connection stands: name, TCP and TLS.
    pub connect: Duration,
    /// From then until the status and headers of the reply are there.
    pub first_byte: Duration,
    /// From the beginning until the last byte of the reply is there.
    pub whole: Duration,
}

/// Which of them passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// [`Deadlines::connect`].
    Connect,
    /// [`Deadlines::first_byte`].
    FirstByte,
    /// [`Deadlines::whole`].
    Whole,
}
