//! Placeholder; see the room above.
