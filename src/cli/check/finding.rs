//! What `check` can find, each by a name that scripts may rely on, and how bad it is.

use serde_json::{Value, json};

macro_rules! problems {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// A kind of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Problem { $($(#[$doc])* $variant,)* }

        impl Problem {
            /// Every kind.
            #[cfg(test)]
            pub(super) const ALL: &[Problem] = &[$(Problem::$variant,)*];
            /// The name in the output.
            pub(super) fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }
        }
    };
}

problems! {
    /// A backend cannot be reached, or refuses our login.
    BackendDown = "backend-down";
    /// PostgreSQL's two-phase commit is switched off.
    PreparedOff = "prepared-transactions-off";
    /// PostgreSQL may prepare fewer transactions than we may have connections.
    PreparedFew = "prepared-transactions-few";
    /// The server gives our login fewer connections than the pool may open.
    ConnectionsFew = "connections-few";
    /// A power cut loses what was committed.
    DurabilityOff = "durability-off";
    /// Something that our login may not do.
    PrivilegeMissing = "privilege-missing";
    /// Galera has no XA.
    Galera = "galera";
    /// A table that cannot roll back.
    NotTransactional = "table-not-transactional";
    /// A table that a crash empties.
    Unlogged = "table-unlogged";
    /// A table that makes a transaction unpreparable.
    ForeignTable = "table-foreign";
    /// A prepared branch that is nobody's of ours.
    Stranger = "stranger-branch";
    /// A prepared branch of this cluster that this journal does not know.
    LostJournal = "branch-of-lost-journal";
    /// A branch of ours that our login may not finish.
    OtherRole = "branch-of-another-role";
    /// Branches that the next start finishes.
    Unfinished = "branches-unfinished";
    /// Sessions on two backends begin with different times of day.
    TimeZone = "time-zone-differs";
    /// Texts that one backend holds do not fit another.
    Charset = "charset-differs";
    /// Two backends of one dialect sort and compare texts differently.
    Collation = "collation-differs";
    /// Two MySQL backends read or check statements differently.
    SqlMode = "sql-mode-differs";
    /// Transactions on two backends of one dialect begin at different levels.
    Isolation = "isolation-differs";
    /// A backend's clock is wrong, or ours.
    Clock = "clock-differs";
    /// One name, two tables, and no rule that says which.
    TableTwice = "table-on-two-backends";
    /// A rule that leads to nothing.
    RuleWithoutTable = "rule-without-table";
    /// A table that no client reaches by its name.
    TableWithoutRule = "table-without-rule";
    /// Data and passwords travel to a backend in the clear.
    TlsOff = "tls-off";
    /// TLS without a look at who is there.
    TlsUnverified = "tls-unverified";
    /// Data and passwords of clients travel in the clear.
    ClientsUnencrypted = "clients-unencrypted";
    /// A backend whose clients have no listener.
    Unreached = "backend-without-clients";
    /// An address that cannot be listened on.
    PortTaken = "port-taken";
    /// The operator's port is open to others than this machine.
    AdminOpen = "admin-open";
    /// A Handfast has this journal.
    Running = "instance-running";
    /// The journal is gone after a restart of the machine.
    JournalTmpfs = "journal-on-tmpfs";
    /// The journal is gone with the container.
    JournalOverlay = "journal-on-overlayfs";
    /// The journal is on another machine's disk.
    JournalNetwork = "journal-on-network";
    /// A sync that takes no time has not reached a disk.
    JournalUnsynced = "journal-not-synced";
    /// Every commit over two backends waits for it.
    JournalSlow = "journal-sync-slow";
    /// The folder cannot be made or written.
    JournalUnusable = "journal-unusable";
    /// It belongs to another cluster or node.
    JournalOther = "journal-of-another-node";
    /// It cannot be read.
    JournalDamaged = "journal-damaged";
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// To know; never a reason to fail.
    Note,
    /// Works, and will hurt some day.
    Warning,
    /// Does not work, or is not safe.
    Error,
}

impl Severity {
    /// As it is printed.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "WARN",
            Self::Error => "ERROR",
        }
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) problem: Problem,
    pub(super) severity: Severity,
    /// What is wrong, and what that means.
    pub(super) what: String,
    /// What to do, in the words of whom it is done to; empty if nothing is to be done.
    pub(super) fix: String,
}

impl Finding {
    pub(super) fn error(problem: Problem, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { problem, severity: Severity::Error, what: what.into(), fix: fix.into() }
    }

    pub(super) fn warning(problem: Problem, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(problem, what, fix) }
    }

    pub(super) fn note(problem: Problem, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(problem, what, fix) }
    }
}

/// What was looked at, in a line, and what was found about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// `store`, `journal`, …
    pub(super) about: String,
    /// What it is.
    pub(super) head: String,
    /// What was measured.
    pub(super) note: String,
    pub(super) findings: Vec<Finding>,
}

impl Section {
    pub(super) fn new(about: &str, head: impl Into<String>, note: impl Into<String>) -> Self {
        Self { about: about.to_owned(), head: head.into(), note: note.into(), findings: Vec::new() }
    }

    /// For people; `widths`: of the first two columns.
    fn text(&self, widths: [usize; 2]) -> String {
        let worst = self.findings.iter().map(|finding| finding.severity).max();
        let verdict = worst.filter(|worst| *worst != Severity::Note).map_or("ok", Severity::word);
        let [first, second] = widths;
        let head = format!("{:<first$}  {:<second$}", self.about, self.head);
        let mut out = format!("{head}  {verdict:<6}{}", self.note).trim_end().to_owned();
        out.push('\n');
        for Finding { problem, severity, what, fix } in &self.findings {
            out.push_str(&format!("  {:<6}{what}  [{}]\n", severity.word(), problem.name()));
            if !fix.is_empty() {
                out.push_str(&format!("        fix: {fix}\n"));
            }
        }
        out
    }

    fn json(&self) -> impl Iterator<Item = Value> {
        self.findings.iter().map(|finding| {
            json!({
                "name": finding.problem.name(),
                "severity": finding.severity.word().to_ascii_lowercase(),
                "about": self.about,
                "what": finding.what,
                "fix": finding.fix,
            })
        })
    }
}

/// All that a run found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) sections: Vec<Section>,
}

impl Report {
    /// How many of a severity.
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.sections.iter().flat_map(|section| &section.findings).filter(|f| f.severity == severity).count()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let width =
            |text: fn(&Section) -> &str| self.sections.iter().map(|s| text(s).chars().count()).max().unwrap_or(0);
        let widths = [width(|section| &section.about), width(|section| &section.head)];
        let mut out: String = self.sections.iter().map(|section| section.text(widths)).collect();
        let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let (errors, warnings) = (self.count(Severity::Error), self.count(Severity::Warning));
        out.push_str(&format!("{}, {}\n", plural(errors, "error"), plural(warnings, "warning")));
        out
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        let looked = |section: &Section| json!({ "about": section.about, "is": section.head, "note": section.note });
        let value = json!({
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "looked_at": self.sections.iter().map(looked).collect::<Vec<_>>(),
            "findings": self.sections.iter().flat_map(Section::json).collect::<Vec<_>>(),
        });
        format!("{value:#}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_plain() {
        let mut names: Vec<&str> = Problem::ALL.iter().map(|problem| problem.name()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')), "{names:?}");
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Problem::ALL.len());
    }

    #[test]
    fn readers_find_every_name_in_the_readme() {
        let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
        let silent: Vec<&str> = Problem::ALL.iter().map(|problem| problem.name()).collect();
        let silent: Vec<_> = silent.into_iter().filter(|name| !readme.contains(&format!("`{name}`"))).collect();
        assert!(silent.is_empty(), "{silent:?}");
    }

    #[test]
    fn a_note_does_not_spoil_the_verdict() {
        let mut section = Section::new("store", "PostgreSQL 15", "1 ms");
        assert!(section.text([5, 5]).contains(" ok    1 ms"), "{}", section.text([5, 5]));
        section.findings.push(Finding::note(Problem::Running, "a", ""));
        assert!(section.text([5, 5]).contains(" ok    1 ms"), "{}", section.text([5, 5]));
        section.findings.push(Finding::error(Problem::Galera, "b", "do c"));
        section.findings.push(Finding::warning(Problem::Clock, "d", "e"));
        let text = section.text([5, 5]);
        assert!(text.contains(" ERROR 1 ms") && text.contains("  ERROR b  [galera]\n        fix: do c\n"), "{text}");
        let report = Report { sections: vec![section] };
        assert!(report.text().ends_with("1 error, 1 warning\n"), "{}", report.text());
        let json: Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!((&json["errors"], &json["findings"][1]["name"]), (&json!(1), &json!("galera")));
    }
}
