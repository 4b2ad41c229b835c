//! The whole room: the corpus of real clients' statements, hostile texts, and fixed promises.

pub(crate) mod corpus;
mod hostile;
mod kinds;
pub(crate) mod names;
