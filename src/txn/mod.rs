//! Layer 2, pure: the coordinator machine and the recovery table. Events and answers go in, effects and actions come
//! out; time is passed in. No I/O, clock or randomness here.

pub mod coordinator;
pub mod event;
pub mod recover;

pub use coordinator::Coordinator;
pub use event::{Effect, Event, Outcome, Part, Policy, Why, Wrote};
