//! Layer 6: listeners and the client side of both wires.

use std::sync::Arc;

use crate::session::Services;
use crate::session::annexes::Annexes;

pub mod cores;
pub mod mysql;
mod newcomers;
pub mod pg;
mod places;
pub mod tls;

/// What a client meets who connects now; replaced when the configuration is read again.
#[derive(Clone, Debug)]
pub struct Reception {
    /// What its session will need.
    pub services: Arc<Services>,
    /// What it will need in another database.
    pub annexes: Arc<Annexes>,
    /// TLS for PostgreSQL clients.
    pub postgres_tls: Option<tls::Tls>,
    /// TLS for MySQL clients.
    pub mysql_tls: Option<tls::Tls>,
}
