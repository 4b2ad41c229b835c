//! Why a message was not done, and why a session ends.

use std::io;

use crate::backend::{ServerError, VerbError};
use crate::base::{Fault, FaultKind};
use crate::wire::pg::WireError;

/// Why the session ends.
#[derive(Debug)]
pub enum Exit {
    /// The client said goodbye.
    Terminated,
    /// The client is gone.
    Gone(io::Error),
    /// The client is told this fault as FATAL.
    Fatal(Box<Fault>),
}

/// Why a message was not done.
#[derive(Debug)]
pub(super) enum Oops {
    /// A fault of ours, to be told.
    Fault(Box<Fault>),
    /// A server's own error, to be told in its words, with our DETAIL if it has none.
    Server(Box<ServerError>, Option<String>),
    /// The client has the error already.
    Told,
    /// The session ends.
    Exit(Exit),
}

impl From<Fault> for Oops {
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<Exit> for Oops {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

impl From<VerbError> for Oops {
    fn from(error: VerbError) -> Self {
        match error {
            VerbError::Refused { error, .. } => Self::Server(Box::new(error), None),
            VerbError::WrongTag { .. } => Fault::new(FaultKind::Internal, error.to_string()).into(),
            VerbError::Lost { .. } => Fault::new(FaultKind::BackendLost, error.to_string()).into(),
        }
    }
}

impl From<&WireError> for Oops {
    /// A message whose frame is whole and whose body is not: the server refuses it and goes on.
    fn from(error: &WireError) -> Self {
        let text = match error {
            WireError::Truncated { .. } => "insufficient data left in message",
            WireError::Trailing { .. } | WireError::BadLength { .. } | WireError::Invalid { .. } => {
                "invalid message format"
            }
        };
        Fault::new(FaultKind::ProtocolViolation, text).detail(error.to_string()).into()
    }
}

impl Exit {
    /// The session ends with this fault.
    pub fn fatal(fault: Fault) -> Self {
        Self::Fatal(Box::new(fault))
    }

    /// The client broke the protocol, so that its next message cannot be found.
    pub fn violation(error: &crate::wire::pg::WireError) -> Self {
        Self::fatal(Fault::new(FaultKind::ProtocolViolation, error.to_string()))
    }
}
