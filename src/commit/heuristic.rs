//! What is never hidden: a branch has been ended against the decision, or may have been, by its server or by somebody's hand. Whoever hears it first, the transaction's own phase
//! two or a settler, raises the alarm here.

use crate::base::BranchName;
use crate::commit::registry::Registry;
use crate::journal::{Alarm, Journal};
use crate::telemetry::metrics;

/// Tells everybody, and the journal if it has decided the transaction: no later sweep or start then takes the branch for
/// settled, until a person has looked. `backend`: its configured name; `problem`: what the server said.
pub async fn raise(journal: &Journal, registry: &Registry, backend: &str, branch: &BranchName, problem: String) {
    metrics::heuristic(backend);
    registry.contrary(&branch.txn, branch.place, problem.clone());
    tracing::error!(
        backend,
        %branch,
        problem,
        "HEURISTIC OUTCOME: a branch was not ended by its decision; its record is kept, a person must look"
    );
    if journal.lookup(&branch.txn).is_none() {
        return;
    }
    let alarm = Alarm { txn: branch.txn.clone(), place: branch.place, problem };
    if let Err(error) = journal.alarm(alarm).await {
        tracing::error!(%branch, %error, "a heuristic outcome could not be written to the journal");
    }
}
