//! Names of the things that cross the house: backends, transactions, branches.
//!
//! A branch name is unique for ever (the epoch is durably raised at every start, the sequence never repeats within
//! an epoch) and says whose it is to anyone who reads `pg_prepared_xacts` or `XA RECOVER`.

use std::fmt;
use std::sync::Arc;

/// Marks every name we make, with the version of its format. Clients may not use it.
pub const NAME_PREFIX: &str = "hf1.";

/// The format id of our XA branches ("HF").
pub const XA_FORMAT_ID: u32 = 0x4846;

/// A backend's index in [`crate::config::Config::backends`]. Never stored: the journal stores names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackendId(pub u16);

/// A branch's position among the participants of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u16);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

macro_rules! short_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Longest accepted text, in bytes: keeps every branch name within XA's 64 bytes.
            pub const LEN_MAX_BYTES: usize = 16;

            /// Accepts 1 to 16 bytes of `a-z A-Z 0-9 - _`; anything else is `None`.
            pub fn new(text: &str) -> Option<Self> {
                let ok = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                let fits = !text.is_empty() && text.len() <= Self::LEN_MAX_BYTES;
                (fits && text.bytes().all(ok)).then(|| Self(text.into()))
            }

            /// The text as configured.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

short_name!(
    /// Which Handfast cluster a branch belongs to. Recovery touches only its own cluster's branches.
    ClusterName
);
short_name!(
    /// Which node of the cluster made a branch; lives with the journal.
    NodeName
);

/// One distributed transaction: `hf1.<cluster>.<node>.<epoch>.<seq>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxnId {
    /// The cluster that made it.
    pub cluster: ClusterName,
    /// The node that made it.
    pub node: NodeName,
    /// The node's start that made it; durably raised at every start. A journal's first is the second (since 1970) of its
    /// making, so that a journal made anew never repeats the lost one's.
    pub epoch: u64,
    /// Position within the epoch.
    pub seq: u64,
}

impl fmt::Display for TxnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME_PREFIX}{}.{}.{}.{}", self.cluster, self.node, self.epoch, self.seq)
    }
}

impl TxnId {
    /// Reads what [`fmt::Display`] writes, strictly: any other text is `None`, so that a stranger's name is never
    /// taken for ours (leading zeros and signs are refused because they would not print back the same).
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(NAME_PREFIX)?.split('.');
        let cluster = ClusterName::new(parts.next()?)?;
        let node = NodeName::new(parts.next()?)?;
        let epoch = parts.next()?.parse().ok()?;
        let seq = parts.next()?.parse().ok()?;
        let id = Self { cluster, node, epoch, seq };
        (parts.next().is_none() && id.to_string() == text).then_some(id)
    }
}

/// Our part of a transaction on one participant: PostgreSQL gid `<txn>/<place>.<session>`; MySQL xid
/// (`<txn>`, `<place>.<session>`, [`XA_FORMAT_ID`]).
///
/// The name holds the server's id of the session that works on the branch: whoever finds the branch later knows which
/// session must be gone before the server's list can be believed (FACTS 5–8a), also when no decision was recorded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName {
    /// The transaction.
    pub txn: TxnId,
    /// The participant's position in it.
    pub place: Place,
    /// The process id (PostgreSQL) or thread id (MySQL) of its session.
    pub session: u64,
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.txn, self.qualifier())
    }
}

impl BranchName {
    /// The part that tells the branches of one transaction apart: MySQL's bqual.
    pub fn qualifier(&self) -> String {
        format!("{}.{}", self.place, self.session)
    }

    /// Reads a PostgreSQL gid.
    pub fn parse_gid(text: &str) -> Option<Self> {
        let (txn, qualifier) = text.rsplit_once('/')?;
        Self::parse_xid(txn, qualifier)
    }

    /// Reads a MySQL xid's gtrid and bqual.
    pub fn parse_xid(gtrid: &str, bqual: &str) -> Option<Self> {
        let (place, session) = bqual.split_once('.')?;
        let name =
            Self { txn: TxnId::parse(gtrid)?, place: Place(place.parse().ok()?), session: session.parse().ok()? };
        (name.qualifier() == bqual).then_some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> TxnId {
        TxnId { cluster: ClusterName::new("shop").unwrap(), node: NodeName::new("hf-1").unwrap(), epoch: 3, seq: 42 }
    }

    #[test]
    fn a_branch_name_reads_back_as_written() {
        let branch = BranchName { txn: id(), place: Place(7), session: 991 };
        assert_eq!(branch.to_string(), "hf1.shop.hf-1.3.42/7.991");
        assert_eq!(BranchName::parse_gid(&branch.to_string()), Some(branch));
    }

    #[test]
    fn the_longest_name_fits_an_xa_gtrid() {
        let long = "a".repeat(ClusterName::LEN_MAX_BYTES);
        let txn = TxnId {
            cluster: ClusterName::new(&long).unwrap(),
            node: NodeName::new(&long).unwrap(),
            epoch: 9_999_999_999,
            seq: 999_999_999_999_999,
        };
        assert!(txn.to_string().len() <= 64, "{} bytes", txn.to_string().len());
    }

    #[test]
    fn names_that_only_look_like_ours_are_strangers() {
        for text in [
            "hf1.shop.hf-1.3.42",
            "hf1.shop.hf-1.3.42/0",
            "hf1.shop.hf-1.3.042/0.1",
            "hf1.shop.hf-1.3.42/+1.1",
            "hf1.shop.hf-1.3.42/1.01",
            "hf2.shop.hf-1.3.42/0.1",
            "hf1.shop.hf-1.3.42.1/0.1",
            "hf1.sh op.hf-1.3.42/0.1",
            "x hf1.shop.hf-1.3.42/0.1",
            "hf1..hf-1.3.42/0.1",
        ] {
            assert_eq!(BranchName::parse_gid(text), None, "{text}");
        }
    }
}
