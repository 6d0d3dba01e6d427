//! The daemon brings secrets of OCI Vault to servers. Real programs, real TLS, a fake cloud.

mod apart;
mod cloud;
mod kinds;
mod launched;
mod looked_at;
mod outage;
mod seen;
mod stopped;
mod written;
