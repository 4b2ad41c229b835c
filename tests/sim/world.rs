//! The world: one node with its journal, several servers, clients that commit, and everything that can go wrong. A seed
//! decides all; each step is checked (`check.rs`).

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::time::Duration;

use handfast::base::{BranchName, ClusterName, Engine, Failpoints, NodeName, Place, TxnId};
use handfast::config::Reply;
use handfast::journal::core::{Core, Encoded, Settings, WriteError};
use handfast::journal::memory::{Fault, Memory, Sector, crash_image};
use handfast::journal::{DecidedBranch, Decision, Durable, Entry};
use handfast::txn::{Coordinator, Effect, Event, Outcome, Part, Policy, Wrote};

use crate::check;
use crate::rng::Rng;
use crate::server::{Answer, Branch, Life, Request, Server};
use crate::settler::Settler;

/// A way to build it wrong; the checkers must find each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutation {
    None,
    /// The journal hands out proofs before its sync.
    ProofBeforeSync,
    /// A failed write or sync is taken for durable (holes.md P1).
    FailedSyncIsDurable,
    /// Any answer to PREPARE but an error is a yes.
    AnyTagIsYes,
    /// "No such branch" means that it is settled.
    NotFoundIsSettled,
    /// Recovery does not end the preparing session before it lists and acts, and forgets what it has finished.
    NoFencing,
    /// A decision is forgotten when it is made.
    ForgetAtOnce,
    /// Recovery takes every prepared branch for its own.
    TouchesStrangers,
    /// Recovery rolls back what is alive.
    IgnoresTheLiving,
    /// A commit that is not known is told as rolled back.
    UnknownIsRolledBack,
}

pub struct Member {
    pub place: Place,
    pub server: usize,
    pub session: usize,
    /// What it really did.
    pub wrote: bool,
    /// What the session knows of it.
    pub known: Wrote,
}

pub struct Txn {
    pub members: Vec<Member>,
    pub policy: Policy,
    pub began: Duration,
    /// Gone when the node crashes.
    pub machine: Option<Coordinator>,
    pub effects: Vec<Effect>,
    pub to_do: Vec<Effect>,
    pub replies: Vec<Event>,
    pub heard: Vec<(Event, Duration)>,
    pub told: Option<Outcome>,
}

impl Txn {
    pub fn member(&self, place: Place) -> &Member {
        self.members.iter().find(|m| m.place == place).expect("effects name members")
    }
}

pub struct World {
    pub rng: Rng,
    pub mutation: Mutation,
    pub now: Duration,
    pub servers: Vec<Server>,
    pub memory: Memory,
    pub core: Option<Core>,
    /// A write has failed; the process is to stop.
    pub poisoned: bool,
    later: Vec<Encoded>,
    pub txns: BTreeMap<TxnId, Txn>,
    pub settler: Settler,
    pub strangers: Vec<(usize, BranchName)>,
    /// Decisions ever found durable, as they were at first.
    pub decided: BTreeMap<TxnId, Decision>,
    next_seq: u64,
    pub faults: bool,
}

pub fn cluster() -> ClusterName {
    ClusterName::new("shop").expect("a name")
}

pub fn node() -> NodeName {
    NodeName::new("n-1").expect("a name")
}

pub fn open(memory: &Memory) -> Core {
    let settings = Settings { cluster: cluster(), node: None, segment_bytes: 1500, keep: Duration::from_secs(86_400) };
    let opened = Core::open(Box::new(memory.clone()), settings, node(), 0, Failpoints::default());
    opened.expect("a power cut never makes the journal unreadable").0
}

/// A proof from a journal that is not the node's: how a mutated world gets past the type system.
fn forged(decision: &Decision) -> Durable {
    let mut core = open(&Memory::default());
    let encoded = Encoded::new(Entry::Decided(decision.clone())).expect("short");
    core.write(vec![encoded], 0).expect("no fault here").proofs.remove(0)
}

impl World {
    pub fn new(seed: u64, mutation: Mutation) -> Self {
        let mut rng = Rng::new(seed);
        let count = 2 + rng.below(2);
        let engines = [Engine::Postgres, Engine::Mariadb];
        let mut servers: Vec<_> = (0..count).map(|_| Server::new(engines[rng.below(2)])).collect();
        let mut strangers = Vec::new();
        for (cluster_name, node_name) in [("shop", "n-2"), ("mall", "n-1")] {
            let (cluster, node) = (ClusterName::new(cluster_name), NodeName::new(node_name));
            let txn = TxnId { cluster: cluster.expect("a name"), node: node.expect("a name"), epoch: 1, seq: 1 };
            let (name, server) = (BranchName { txn, place: Place(0) }, rng.below(count));
            let branch = Branch::Prepared { attached: None, hidden: false, wrote: true };
            servers[server].branches.insert(name.clone(), branch);
            strangers.push((server, name));
        }
        let memory = Memory::default();
        let core = Some(open(&memory));
        Self {
            rng,
            mutation,
            now: Duration::ZERO,
            settler: Settler::new(servers.len()),
            servers,
            memory,
            core,
            poisoned: false,
            later: Vec::new(),
            txns: BTreeMap::new(),
            strangers,
            decided: BTreeMap::new(),
            next_seq: 0,
            faults: true,
        }
    }

    pub fn alive(&self, txn: &TxnId) -> bool {
        if self.mutation == Mutation::IgnoresTheLiving {
            return false;
        }
        // An unknown decision stays alive here until the process stops: only the next start may judge it.
        let machine = self.txns.get(txn).and_then(|t| t.machine.as_ref());
        machine.is_some_and(|m| !m.is_done() || (self.poisoned && m.outcome() == Some(Outcome::Unknown)))
    }

    pub fn begin(&mut self) {
        let Some(core) = &self.core else { return };
        self.next_seq += 1;
        let id = TxnId { cluster: cluster(), node: node(), epoch: core.epoch(), seq: self.next_seq };
        let count = 1 + self.rng.below(self.servers.len());
        let mut places: Vec<usize> = (0..self.servers.len()).collect();
        let mut members = Vec::new();
        for index in 0..count {
            let server = places.remove(self.rng.below(places.len()));
            let known = [Wrote::Yes, Wrote::Yes, Wrote::Yes, Wrote::Maybe, Wrote::No][self.rng.below(5)];
            let wrote = match known {
                Wrote::No => false,
                Wrote::Maybe => self.rng.permille(500),
                Wrote::Yes => true,
            };
            let place = Place(u16::try_from(index).expect("few"));
            let failed = self.rng.permille(40);
            let branch = BranchName { txn: id.clone(), place };
            if !self.servers[server].up {
                return;
            }
            let session = self.servers[server].open(branch, wrote, failed);
            members.push(Member { place, server, session, wrote, known });
        }
        let reply = if self.rng.permille(300) { Reply::Decided } else { Reply::Committed };
        let (prepare_timeout, commit_wait) = (Duration::from_millis(1000), Duration::from_millis(700));
        let policy = Policy { prepare_timeout, commit_wait, reply };
        let parts = members.iter().map(|m| Part { place: m.place, wrote: m.known }).collect();
        let machine = Coordinator::new(id.clone(), parts, policy, self.now);
        let mut txn = Txn {
            members,
            policy,
            began: self.now,
            machine: Some(machine),
            effects: vec![],
            to_do: vec![],
            replies: vec![],
            heard: vec![],
            told: None,
        };
        take_effects(&mut txn);
        self.txns.insert(id, txn);
    }

    /// Feeds a machine.
    pub fn hear(&mut self, id: &TxnId, event: Event) -> Result<(), String> {
        let now = self.now;
        let Some(txn) = self.txns.get_mut(id) else { return Ok(()) };
        let Some(machine) = &mut txn.machine else { return Ok(()) };
        machine.handle(event.clone(), now);
        txn.heard.push((event, now));
        take_effects(txn);
        if txn.told.is_none()
            && let Some(outcome) = txn.machine.as_ref().and_then(Coordinator::outcome)
        {
            let mutated = self.mutation == Mutation::UnknownIsRolledBack && outcome == Outcome::Unknown;
            let why = handfast::txn::Why::Journal;
            txn.told = Some(if mutated { Outcome::RolledBack(why) } else { outcome });
            check::inv_4(self, id)?;
        }
        Ok(())
    }

    pub fn perform(&mut self, id: &TxnId, index: usize) -> Result<(), String> {
        let Some(txn) = self.txns.get_mut(id) else { return Ok(()) };
        let effect = txn.to_do.remove(index);
        match effect {
            Effect::AskWrote(place) => self.ask(id, place, Request::Ask),
            Effect::Release(place) => self.ask(id, place, Request::Release),
            Effect::CommitOnePhase(place) => self.ask(id, place, Request::OnePhase),
            Effect::Prepare(place) => self.ask(id, place, Request::Prepare),
            Effect::Commit(place, proof) => {
                assert_eq!(proof.txn(), id);
                self.ask(id, place, Request::Commit);
            }
            Effect::Rollback(place) => self.ask(id, place, Request::Rollback),
            Effect::RollbackPrepared(place) => self.ask(id, place, Request::RollbackPrepared),
            Effect::Close(place) | Effect::Abandon(place) | Effect::Leave(place) | Effect::Handover(place, _) => {
                // The settler learns of decided branches from the journal, and of others from the servers' lists.
                self.disconnect(id, place);
            }
            Effect::Decide(places) => return self.decide(id, &places),
            Effect::Forget => {
                if let Some(core) = &self.core {
                    core.needed().lock().remove(id);
                    if self.rng.permille(500) {
                        self.later.push(Encoded::new(Entry::Forgotten(id.clone())).expect("short"));
                    }
                }
                check::inv_7(self, id)?;
            }
        }
        Ok(())
    }

    /// Sends to a session; one that is gone is noticed.
    fn ask(&mut self, id: &TxnId, place: Place, request: Request) {
        let Some(txn) = self.txns.get_mut(id) else { return };
        let member = txn.member(place);
        let (server, session) = (member.server, member.session);
        let session = &mut self.servers[server].sessions[session];
        if session.life == Life::Alive && session.client {
            session.inbox.push_back(request);
        } else {
            txn.replies.push(Event::Lost(place));
        }
    }

    fn disconnect(&mut self, id: &TxnId, place: Place) {
        let member = self.txns[id].member(place);
        self.servers[member.server].sessions[member.session].client = false;
    }

    fn decide(&mut self, id: &TxnId, places: &[Place]) -> Result<(), String> {
        let txn = &self.txns[id];
        let branch = |place: &Place| {
            let member = txn.member(*place);
            DecidedBranch {
                place: *place,
                backend: member.server.to_string(),
                database: String::from("d"),
                role: String::from("r"),
                engine: self.servers[member.server].engine,
                session: member.session as u64,
                wrote: member.known == Wrote::Yes,
            }
        };
        let decision = Decision { txn: id.clone(), decided_wall_ms: 0, branches: places.iter().map(branch).collect() };
        if self.faults && self.rng.permille(60) {
            let (kind, after_bytes) = (ErrorKind::StorageFull, self.rng.below(400));
            let fault = [Fault::Sync(kind), Fault::Write { kind, after_bytes }][self.rng.below(2)];
            self.memory.fail_next(fault);
        }
        let Some(core) = &mut self.core else { return Ok(()) };
        let mut batch = vec![Encoded::new(Entry::Decided(decision.clone())).expect("short")];
        batch.append(&mut self.later);
        let poisoned = self.poisoned;
        let event = match core.write(batch, 0) {
            Ok(written) => {
                check::inv_10(poisoned)?;
                Event::Decided(written.proofs.into_iter().next().expect("one decision was written"))
            }
            Err(WriteError::NotWritten { .. }) => Event::DecisionRefused,
            Err(WriteError::Unknown { .. }) => Event::DecisionUnknown,
        };
        let failed = !matches!(event, Event::Decided(_));
        self.poisoned |= failed;
        if self.mutation == Mutation::ForgetAtOnce {
            core.needed().lock().remove(id);
            self.later.push(Encoded::new(Entry::Forgotten(id.clone())).expect("short"));
        }
        let lies = failed && self.mutation == Mutation::FailedSyncIsDurable;
        let event = if lies { Event::Decided(forged(&decision)) } else { event };
        check::remember_decisions(self)?;
        let txn = self.txns.get_mut(id).expect("it decides");
        txn.replies.push(event);
        Ok(())
    }

    /// The proof comes while the record is not even written: a journal that lies.
    pub fn forge_early(&mut self, id: &TxnId) {
        let Some(txn) = self.txns.get_mut(id) else { return };
        if txn.to_do.iter().any(|e| matches!(e, Effect::Decide(_))) {
            let decision = Decision { txn: id.clone(), decided_wall_ms: 0, branches: vec![] };
            txn.replies.push(Event::Decided(forged(&decision)));
        }
    }

    pub fn process(&mut self, server: usize, session: usize) -> Result<(), String> {
        let Some((request, answer)) = self.servers[server].process(session, &mut self.rng) else { return Ok(()) };
        let name = self.servers[server].sessions[session].branch.clone();
        if request == Request::Commit && answer == Answer::Done {
            check::inv_1(self, &name)?;
        }
        let place = name.place;
        let event = match (request, answer) {
            (Request::Ask, Answer::Wrote(wrote)) => Event::Wrote(place, wrote),
            (Request::Release, Answer::Done) => Event::Released(place),
            (Request::OnePhase, Answer::Done) => Event::Committed(place),
            (Request::Prepare, Answer::Done) => Event::Prepared(place),
            (Request::Prepare, Answer::TagRollback) if self.mutation == Mutation::AnyTagIsYes => Event::Prepared(place),
            (Request::Commit, Answer::Done) => Event::Settled(place),
            (Request::Rollback | Request::RollbackPrepared, Answer::Done) => Event::RolledBack(place),
            (_, Answer::Done | Answer::Wrote(_) | Answer::TagRollback | Answer::Error) => Event::Refused(place),
        };
        // Whoever is gone hears nothing.
        if self.servers[server].sessions[session].client
            && let Some(txn) = self.txns.get_mut(&name.txn)
            && txn.machine.is_some()
        {
            if self.rng.permille(20) {
                txn.replies.push(event.clone());
            }
            txn.replies.push(event);
        }
        Ok(())
    }

    /// The time of the next deadline comes.
    pub fn tick(&mut self) -> Result<(), String> {
        let due = |t: &Txn| t.machine.as_ref().and_then(Coordinator::poll_timeout);
        let Some(next) = self.txns.values().filter_map(due).min() else { return Ok(()) };
        self.now = self.now.max(next);
        let ids: Vec<_> = self.txns.iter().filter(|(_, t)| due(t).is_some()).map(|(id, _)| id.clone()).collect();
        for id in ids {
            self.hear(&id, Event::Tick)?;
        }
        Ok(())
    }

    pub fn lose_connection(&mut self, id: &TxnId, place: Place) {
        self.disconnect(id, place);
        let Some(txn) = self.txns.get_mut(id) else { return };
        // What it had answered may be lost with it.
        if self.rng.permille(500) {
            txn.replies.retain(|event| place_of(event) != Some(place));
        }
        txn.replies.push(Event::Lost(place));
    }

    pub fn crash_server(&mut self, server: usize) {
        self.servers[server].crash();
        for txn in self.txns.values_mut().filter(|t| t.machine.is_some()) {
            let here: Vec<_> = txn.members.iter().filter(|m| m.server == server).map(|m| m.place).collect();
            txn.replies.extend(here.into_iter().map(Event::Lost));
        }
    }

    pub fn crash_node(&mut self) -> Result<(), String> {
        self.core = None;
        self.poisoned = false;
        self.later.clear();
        self.settler = Settler::new(self.servers.len());
        for id in self.txns.keys().cloned().collect::<Vec<_>>() {
            check::inv_8_and_9(self, &id)?;
        }
        for txn in self.txns.values_mut() {
            txn.machine = None;
            txn.to_do.clear();
            txn.replies.clear();
        }
        for session in self.servers.iter_mut().flat_map(|s| &mut s.sessions) {
            session.client = false;
        }
        let image = if self.rng.permille(500) {
            self.memory.image()
        } else {
            let (names_kept, rng) = (self.rng.permille(500), &mut self.rng);
            let fate = |_, _| [Sector::Lost, Sector::Kept, Sector::Garbage][rng.below(3)];
            crash_image(&self.memory.start(), &self.memory.ops(), names_kept, fate)
        };
        self.memory = Memory::of(image);
        Ok(())
    }
}

fn take_effects(txn: &mut Txn) {
    if let Some(machine) = &mut txn.machine {
        while let Some(effect) = machine.poll_effect() {
            txn.effects.push(effect.clone());
            txn.to_do.push(effect);
        }
    }
}

fn place_of(event: &Event) -> Option<Place> {
    match event {
        Event::Wrote(place, _)
        | Event::Released(place)
        | Event::Committed(place)
        | Event::Prepared(place)
        | Event::Settled(place)
        | Event::RolledBack(place)
        | Event::Refused(place)
        | Event::Lost(place) => Some(*place),
        Event::Decided(_) | Event::DecisionRefused | Event::DecisionUnknown | Event::Tick => None,
    }
}

/// Names of the decided branches, by server.
pub fn branches_on(decision: &Decision, server: usize) -> BTreeSet<(BranchName, usize)> {
    let here = decision.branches.iter().filter(|b| b.backend == server.to_string());
    here.map(|b| (BranchName { txn: decision.txn.clone(), place: b.place }, b.session as usize)).collect()
}
