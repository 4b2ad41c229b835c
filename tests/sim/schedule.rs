//! What may happen next in a world, and what does.

use handfast::base::{Place, TxnId};

use crate::check;
use crate::server::Life;
use crate::world::{Mutation, World, open};

#[derive(Clone, Debug)]
enum Action {
    Perform(TxnId, usize),
    Process(usize, usize),
    Deliver(TxnId, usize),
    EndSession(usize, usize),
    Sweep(usize),
    Tick,
    LoseConnection(TxnId, Place),
    CrashServer(usize),
    StartServer(usize),
    CrashNode,
    StartNode,
    Begin,
}

impl World {
    fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for (id, txn) in self.txns.iter().filter(|(_, t)| t.machine.is_some()) {
            actions.extend((0..txn.to_do.len()).map(|index| Action::Perform(id.clone(), index)));
            actions.extend((0..txn.replies.len()).map(|index| Action::Deliver(id.clone(), index)));
        }
        for (number, server) in self.servers.iter().enumerate() {
            for (id, session) in server.sessions.iter().enumerate() {
                if server.up && session.life == Life::Alive && !session.inbox.is_empty() {
                    actions.push(Action::Process(number, id));
                } else if (session.life == Life::Alive && !session.client) || session.life == Life::Dying {
                    actions.push(Action::EndSession(number, id));
                }
            }
        }
        actions
    }

    fn rare_action(&mut self) -> Action {
        let server = self.rng.below(self.servers.len());
        match self.rng.below(12) {
            0 | 1 => Action::Begin,
            2 => Action::Tick,
            3 | 4 => {
                let at = self.rng.below(self.txns.len());
                let Some((id, txn)) = self.txns.iter().nth(at) else { return Action::Begin };
                if txn.machine.is_none() {
                    return Action::Begin;
                }
                let id = id.clone();
                let member = self.rng.below(self.txns[&id].members.len());
                let place = self.txns[&id].members[member].place;
                Action::LoseConnection(id, place)
            }
            5 => Action::CrashServer(server),
            6 => Action::CrashNode,
            _ => Action::Sweep(server),
        }
    }

    /// One random step.
    pub fn step(&mut self) -> Result<(), String> {
        if self.core.is_none() && self.rng.permille(300) {
            return self.act(Action::StartNode);
        }
        if self.poisoned && self.rng.permille(300) {
            return self.act(Action::CrashNode);
        }
        if let Some(down) = self.servers.iter().position(|s| !s.up)
            && self.rng.permille(200)
        {
            return self.act(Action::StartServer(down));
        }
        let mut actions = self.actions();
        let action = if actions.is_empty() || self.rng.permille(200) {
            self.rare_action()
        } else {
            let at = self.rng.below(actions.len());
            actions.swap_remove(at)
        };
        self.act(action)
    }

    fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Perform(id, index) => {
                if self.mutation == Mutation::ProofBeforeSync {
                    self.forge_early(&id);
                }
                self.perform(&id, index)?;
            }
            Action::Process(server, session) => self.process(server, session)?,
            Action::Deliver(id, index) => {
                let event = self.txns.get_mut(&id).map(|t| t.replies.remove(index));
                if let Some(event) = event {
                    self.hear(&id, event)?;
                }
            }
            Action::EndSession(server, session) => self.servers[server].end(session),
            Action::Sweep(server) => self.sweep(server)?,
            Action::Tick => self.tick()?,
            Action::LoseConnection(id, place) => self.lose_connection(&id, place),
            Action::CrashServer(server) => self.crash_server(server),
            Action::StartServer(server) => self.servers[server].up = true,
            Action::CrashNode => self.crash_node()?,
            Action::StartNode => {
                self.core = Some(open(&self.memory));
                check::remember_decisions(self)?;
            }
            Action::Begin => self.begin(),
        }
        Ok(())
    }

    /// The faults end; everything is given the time it needs; servers restart once more (FACTS 8a).
    pub fn quiesce(&mut self) -> Result<(), String> {
        self.faults = false;
        for round in 0..3 {
            if self.poisoned || round == 1 {
                self.crash_node()?;
            }
            if self.core.is_none() {
                self.act(Action::StartNode)?;
            }
            for server in 0..self.servers.len() {
                if round > 0 {
                    self.crash_server(server);
                }
                self.servers[server].up = true;
            }
            for _ in 0..4 {
                for _ in 0..500 {
                    let mut actions = self.actions();
                    if actions.is_empty() {
                        break;
                    }
                    let at = self.rng.below(actions.len());
                    self.act(actions.swap_remove(at))?;
                }
                self.tick()?;
                for server in 0..self.servers.len() {
                    for _ in 0..4 {
                        self.sweep(server)?;
                    }
                }
            }
        }
        // Refusals of a server are random, so a sweep may need several tries.
        for _ in 0..12 {
            for server in 0..self.servers.len() {
                self.sweep(server)?;
            }
        }
        Ok(())
    }
}
