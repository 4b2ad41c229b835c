//! Layer 7: the only composition root.
