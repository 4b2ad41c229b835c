//! PostgreSQL frames.
