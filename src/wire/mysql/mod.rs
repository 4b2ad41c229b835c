//! MySQL packets.
