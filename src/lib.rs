//! Handfast: a SQL proxy whose plain `COMMIT` is atomic over several PostgreSQL and MySQL databases.
//!
//! Clients connect to a [`front`] → a [`session`] → that parses [`sql`] → [`route`]s by table → to [`backend`]s → a plain
//! COMMIT becomes a [`txn`] driven by [`commit`] → decisions go to the [`journal`] → for [`recovery`]. Imports only go
//! down this list (`tests/house`).

pub mod app;
pub mod cli;

pub mod admin;
pub mod front;
#[doc(hidden)]
pub mod testbed;

pub mod console;
pub mod ops;
pub mod session;

pub mod commit;
pub mod recovery;
pub mod relay;

pub mod backend;
pub mod journal;

pub mod route;
pub mod sql;
pub mod txn;
pub mod wire;

pub mod config;
pub mod telemetry;

pub mod base;
