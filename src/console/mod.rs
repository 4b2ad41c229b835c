//! Layer 5: the SQL console, a virtual database on both listeners. Its tables are the operations model's rows, read when they
//! are asked for; its commands are the model's own. The small SQL (`query`) is pure; `pg` and `mysql` speak the wires.

pub mod answer;
pub mod catalog;
pub mod cell;
pub mod command;
mod house;
pub mod mysql;
pub mod pg;
pub mod query;
pub mod tables;
pub mod variables;

pub use answer::{Console, Guest};

pub use crate::session::CONSOLE_DATABASE as DATABASE;
