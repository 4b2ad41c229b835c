//! Layer 2, pure: the coordinator machine and the recovery table.
