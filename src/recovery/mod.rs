//! Layer 4: what finishes what a crash left.
