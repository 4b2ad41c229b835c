//! PostgreSQL answers.
