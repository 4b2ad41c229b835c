//! Throw-away databases and a Handfast child process, for `handfast demo` and the integration tests: one bed, two uses.
//!
//! A [`Bed`] is a scratch folder; a [`Server`] is a PostgreSQL, MariaDB or MySQL on a free loopback port with its data in
//! it; a [`Shop`] is the story's two databases (store and delivery) with a Handfast configuration over them; a
//! [`Handfast`] is the proxy as a child process that can be killed at any moment; [`Direct`] looks behind its back.
//!
//! Nothing outlives this process: every child dies with it (parent-death signal), and a janitor process removes the folder
//! when our end of its pipe closes, however we end.

mod bed;
mod direct;
mod engines;
mod handfast;
mod load;
mod ports;
mod process;
mod server;
mod shop;

pub use bed::{Bed, TestbedError};
pub use direct::{Answer, Direct, SqlError};
pub use engines::{available, mysql_root};
pub use handfast::Handfast;
pub use load::{Asked, Load, Tally, Verdict};
pub use server::Server;
pub use shop::{Database, Order, Shop, tables};

#[cfg(test)]
mod tests;
