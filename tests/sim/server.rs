//! A fake database server, with the measured quirks of PostgreSQL and MariaDB that have cost others their atomicity.

use std::collections::{BTreeMap, VecDeque};

use handfast::base::{BranchName, Engine};
use handfast::txn::recover;

use crate::rng::Rng;

/// What a coordinator's session asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    Ask,
    Release,
    OnePhase,
    Prepare,
    Commit,
    Rollback,
    RollbackPrepared,
}

/// What the server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Done,
    Wrote(bool),
    /// Success by the tag ROLLBACK (PostgreSQL, failed transaction).
    TagRollback,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    Alive,
    /// Its end has begun; it is still in the process list.
    Dying,
    Gone,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub branch: BranchName,
    pub inbox: VecDeque<Request>,
    /// Whether the client's side is still there.
    pub client: bool,
    pub failed: bool,
    pub wrote: bool,
    pub life: Life,
}

/// What became of a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    Open,
    Prepared {
        /// The session that still holds it (MariaDB).
        attached: Option<usize>,
        /// Neither listed nor known until the server restarts (FACTS 8a).
        hidden: bool,
        wrote: bool,
    },
    Committed {
        in_one_phase: bool,
    },
    RolledBack,
}

#[derive(Clone, Debug)]
pub struct Server {
    pub engine: Engine,
    pub up: bool,
    pub sessions: Vec<Session>,
    pub branches: BTreeMap<BranchName, Branch>,
}

impl Server {
    pub fn new(engine: Engine) -> Self {
        Self { engine, up: true, sessions: Vec::new(), branches: BTreeMap::new() }
    }

    fn maria(&self) -> bool {
        self.engine == Engine::Mariadb
    }

    pub fn open(&mut self, branch: BranchName, wrote: bool, failed: bool) -> usize {
        self.branches.insert(branch.clone(), Branch::Open);
        let session = Session { branch, inbox: VecDeque::new(), client: true, failed, wrote, life: Life::Alive };
        self.sessions.push(session);
        self.sessions.len() - 1
    }

    /// Works off the oldest request of a session. It does so also when its client is gone: the late PREPARE.
    pub fn process(&mut self, id: usize, rng: &mut Rng) -> Option<(Request, Answer)> {
        let maria = self.maria();
        let session = &mut self.sessions[id];
        let request = session.inbox.pop_front()?;
        let branch = self.branches.get_mut(&session.branch)?;
        let refuses = rng.permille(30);
        let answer = match (request, *branch) {
            (Request::Ask, Branch::Open) if session.failed => Answer::Error,
            (Request::Ask, Branch::Open) => Answer::Wrote(maria || session.wrote),
            (Request::Release | Request::OnePhase | Request::Prepare, Branch::Open) if session.failed => {
                if maria {
                    Answer::Error
                } else {
                    *branch = Branch::RolledBack;
                    Answer::TagRollback
                }
            }
            (Request::Release | Request::OnePhase | Request::Prepare, Branch::Open) if refuses => {
                if !maria {
                    *branch = Branch::RolledBack;
                }
                Answer::Error
            }
            (Request::Release | Request::OnePhase, Branch::Open) => {
                *branch = Branch::Committed { in_one_phase: true };
                Answer::Done
            }
            (Request::Prepare, Branch::Open) => {
                let attached = maria.then_some(id);
                *branch = Branch::Prepared { attached, hidden: false, wrote: session.wrote };
                Answer::Done
            }
            (Request::Commit | Request::RollbackPrepared, Branch::Prepared { .. }) if refuses => Answer::Error,
            (Request::Commit, Branch::Prepared { hidden: false, .. }) => {
                *branch = Branch::Committed { in_one_phase: false };
                Answer::Done
            }
            (Request::RollbackPrepared, Branch::Prepared { hidden: false, .. }) | (Request::Rollback, Branch::Open) => {
                *branch = Branch::RolledBack;
                Answer::Done
            }
            (Request::Rollback, Branch::RolledBack) if !maria => Answer::Done,
            _ => Answer::Error,
        };
        Some((request, answer))
    }

    /// A session whose client is gone, or that was killed, goes: first its open work, then itself.
    pub fn end(&mut self, id: usize) {
        let session = &mut self.sessions[id];
        match session.life {
            Life::Alive => {
                session.life = Life::Dying;
                session.inbox.clear();
                if let Some(branch @ Branch::Open) = self.branches.get_mut(&session.branch) {
                    *branch = Branch::RolledBack;
                }
            }
            Life::Dying | Life::Gone => {
                session.life = Life::Gone;
                if let Some(Branch::Prepared { attached, .. }) = self.branches.get_mut(&session.branch) {
                    *attached = None;
                }
            }
        }
    }

    /// Power cut. What is prepared is there again afterwards — also what was hidden — but for what wrote nothing (MariaDB).
    pub fn crash(&mut self) {
        let maria = self.maria();
        self.up = false;
        for id in 0..self.sessions.len() {
            self.end(id);
            self.end(id);
            self.sessions[id].client = false;
        }
        for branch in self.branches.values_mut() {
            if let Branch::Prepared { attached, hidden, wrote } = branch {
                (*attached, *hidden) = (None, false);
                if maria && !*wrote {
                    *branch = Branch::RolledBack;
                }
            }
        }
    }

    /// `pg_prepared_xacts`, `XA RECOVER`.
    pub fn list(&self) -> Vec<BranchName> {
        let shown = |(name, branch): (&BranchName, &Branch)| {
            matches!(branch, Branch::Prepared { hidden: false, .. }).then(|| name.clone())
        };
        self.branches.iter().filter_map(shown).collect()
    }

    /// COMMIT or ROLLBACK of a prepared branch by another session than its own.
    pub fn finish(&mut self, name: &BranchName, act: recover::Act, rng: &mut Rng) -> recover::Answer {
        if !self.up {
            return recover::Answer::Lost;
        }
        let maria = self.maria();
        let Some(branch) = self.branches.get_mut(name) else { return recover::Answer::NotFound };
        let Branch::Prepared { attached, hidden, wrote } = branch else { return recover::Answer::NotFound };
        match attached.map(|id| self.sessions[id].life) {
            _ if *hidden => return recover::Answer::NotFound,
            Some(Life::Alive) => return recover::Answer::NotFound,
            Some(Life::Dying) => {
                // FACTS 8a: OK, and nothing is done.
                *hidden = true;
                return recover::Answer::Done;
            }
            Some(Life::Gone) | None => {}
        }
        if rng.permille(30) {
            return recover::Answer::Refused;
        }
        if maria && !*wrote {
            *branch = Branch::RolledBack;
            return recover::Answer::HeuristicRollback;
        }
        *branch = match act {
            recover::Act::Commit => Branch::Committed { in_one_phase: false },
            recover::Act::RollBack => Branch::RolledBack,
        };
        if rng.permille(50) { recover::Answer::Lost } else { recover::Answer::Done }
    }
}
