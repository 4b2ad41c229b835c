//! `handfast serve --watch`: the configuration is read again when a file changes that was read for it.
//!
//! Files are looked at once a second, not listened to: what changes may be a symbolic link far above the file (a Kubernetes
//! ConfigMap), another file renamed over it (editors), or on a file system that tells nobody (NFS). A `stat` sees them all.

use std::time::Duration;

use crate::config::{Seen, Source};
use crate::ops::reload::Reloads;

const EACH: Duration = Duration::from_secs(1);

/// Asks for a reload whenever a file is another one than `seen`, until dropped. A configuration that is refused is told of
/// once, in the log, and tried again when a file changes again.
pub(super) async fn reload_on_change(source: Source, mut seen: Seen, reloads: Reloads) {
    tracing::info!(files = ?seen.paths(), "watching the configuration");
    let mut before = None;
    loop {
        tokio::time::sleep(EACH).await;
        let now = match tokio::task::spawn_blocking({
            let seen = seen.clone();
            move || seen.again()
        })
        .await
        {
            Ok(now) => now,
            Err(error) => return tracing::error!(%error, "looking at the configuration's files failed"),
        };
        if now == seen {
            before = None;
            continue;
        }
        // One that is just being written has not come to rest.
        if before.as_ref() != Some(&now) {
            before = Some(now);
            continue;
        }
        before = None;
        // What was read counts as seen from before it was read, so that no change falls between the two.
        let source = source.clone();
        match tokio::task::spawn_blocking(move || source.load_noted().1).await {
            Ok(read) => seen = read.or(now),
            Err(error) => return tracing::error!(%error, "reading the configuration failed"),
        }
        tracing::info!("a file of the configuration has changed");
        if let Err(errors) = reloads.reload().await {
            tracing::debug!(codes = ?errors.codes(), "the change was not taken");
        }
    }
}
