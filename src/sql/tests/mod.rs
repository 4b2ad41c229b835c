//! The whole room: the corpus of real clients' statements, hostile texts, and fixed promises.

mod corpus;
mod hostile;
mod kinds;
mod names;
