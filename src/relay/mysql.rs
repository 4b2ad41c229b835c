//! MySQL answers.
