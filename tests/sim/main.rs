//! The simulator: seeded worlds in which everything fails, one checker for each invariant (`check`), worlds that are built
//! wrong on purpose and must be caught, and an exhaustive look at the coordinator with two and three participants.
//!
//! A failing seed prints itself: `HANDFAST_SIM_SEED=<seed> cargo test --test sim one_seed -- --nocapture` plays it alone.
//! `HANDFAST_SIM_SEEDS=<count>` changes how many are played.

#![allow(unreachable_pub, reason = "a test binary exports nothing")]

mod check;
mod model;
mod rng;
mod schedule;
mod server;
mod settler;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use world::{Mutation, World};

const STEPS: usize = 150;

fn play(seed: u64, mutation: Mutation) -> Result<World, String> {
    let mut world = World::new(seed, mutation);
    let fault = |what| format!("seed {seed}: {what}");
    for _ in 0..STEPS {
        world.step().map_err(fault)?;
    }
    world.quiesce().map_err(fault)?;
    check::at_the_end(&world).map_err(fault)?;
    Ok(world)
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn every_invariant_holds_in_every_seeded_world() {
    let seeds = from_env("HANDFAST_SIM_SEEDS").unwrap_or(20_000);
    let (next, decided, unknown, whole) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return Ok(());
            }
            let world = play(seed, Mutation::None)?;
            decided.fetch_add(world.decided.len() as u64, Ordering::Relaxed);
            let told = |t: &&world::Txn| t.told == Some(handfast::txn::Outcome::Unknown);
            unknown.fetch_add(world.txns.values().filter(told).count() as u64, Ordering::Relaxed);
            whole.fetch_add(world.txns.len() as u64, Ordering::Relaxed);
        }
    };
    let results = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|t| t.join().expect("the seed is in the panic above")).collect::<Vec<_>>()
    });
    for result in results {
        result.unwrap_or_else(|what: String| panic!("{what}"));
    }
    let (decided, unknown, whole) = (decided.into_inner(), unknown.into_inner(), whole.into_inner());
    println!("{seeds} worlds: {whole} transactions, {decided} decided, {unknown} told as unknown");
    assert!(decided > seeds / 4 && unknown > 0, "the worlds must be lively: {decided} decided, {unknown} unknown");
}

#[test]
fn one_seed() {
    if let Some(seed) = from_env("HANDFAST_SIM_SEED") {
        play(seed, Mutation::None).map(drop).unwrap_or_else(|what| panic!("{what}"));
    }
}

/// Plays worlds that are built wrong until one is caught; by which invariant.
fn caught(mutation: Mutation) -> String {
    let seeds = 5_000;
    let found = (0..seeds).find_map(|seed| play(seed, mutation).err());
    let what = found.unwrap_or_else(|| panic!("{mutation:?} was not caught in {seeds} worlds"));
    println!("{mutation:?}: {what}");
    what
}

#[test]
fn a_proof_before_the_sync_is_caught() {
    assert!(caught(Mutation::ProofBeforeSync).contains("INV-1"));
}

#[test]
fn p1_a_failed_sync_taken_for_durable_is_caught() {
    assert!(caught(Mutation::FailedSyncIsDurable).contains("INV-"));
}

#[test]
fn a_vote_of_yes_by_the_wrong_tag_is_caught() {
    caught(Mutation::AnyTagIsYes);
}

#[test]
fn trusting_not_found_is_caught() {
    caught(Mutation::NotFoundIsSettled);
}

#[test]
fn recovery_without_fencing_is_caught() {
    caught(Mutation::NoFencing);
}

#[test]
fn a_decision_forgotten_at_once_is_caught() {
    caught(Mutation::ForgetAtOnce);
}

#[test]
fn touching_strangers_is_caught() {
    assert!(caught(Mutation::TouchesStrangers).contains("INV-6"));
}

#[test]
fn rolling_back_the_living_is_caught() {
    caught(Mutation::IgnoresTheLiving);
}

#[test]
fn telling_unknown_as_rolled_back_is_caught() {
    assert!(caught(Mutation::UnknownIsRolledBack).contains("INV-5"));
}
