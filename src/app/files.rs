//! `handfast serve --watch`: the configuration is read again when a file changes that was read for it.
//!
//! Files are looked at once a second, not listened to: what changes may be a symbolic link far above the file (a Kubernetes
//! ConfigMap), another file renamed over it (editors), or on a file system that tells nobody (NFS). A `stat` sees them all.

use std::time::Duration;

use tokio::sync::watch;

use crate::config::{ConfigCode, Seen, Source};
use crate::ops::reload::{Reloaded, Reloads};

const EACH: Duration = Duration::from_secs(1);

/// Asks for a reload as soon as the house takes one: what changes while it starts is not lost.
pub(super) async fn when_ready(reloads: &Reloads, ready: &mut watch::Receiver<bool>) -> Reloaded {
    if !*ready.borrow_and_update() {
        tracing::info!("the configuration will be read again when clients are served");
    }
    loop {
        // Without a house nobody asks any more: the reload says so.
        if ready.wait_for(|ready| *ready).await.is_err() {
            return reloads.reload().await;
        }
        match reloads.reload().await {
            Err(errors) if errors.codes().contains(&ConfigCode::NotNow) => tokio::time::sleep(EACH).await,
            done => return done,
        }
    }
}

/// Asks for a reload whenever a file is another one than `seen`, until dropped. A configuration that is refused is told of
/// once, in the log, and tried again when a file changes again.
pub(super) async fn reload_on_change(
    source: Source,
    mut seen: Seen,
    reloads: Reloads,
    mut ready: watch::Receiver<bool>,
) {
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
        if let Err(errors) = when_ready(&reloads, &mut ready).await {
            tracing::debug!(codes = ?errors.codes(), "the change was not taken");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ConfigErrors, Overrides};

    async fn within<T>(future: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(60), future).await.expect("in time")
    }

    #[tokio::test]
    async fn a_change_while_the_house_starts_is_taken_when_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handfast.toml");
        std::fs::write(&path, "first").unwrap();
        let source = Source { path: path.clone(), overrides: Overrides::default() };
        let seen = source.load_noted().1;
        let (reloads, mut asks) = Reloads::new();
        let ready = watch::Sender::new(false);
        let mut watching = tokio::task::JoinSet::new();
        watching.spawn(reload_on_change(source, seen.clone(), reloads, ready.subscribe()));
        std::fs::write(&path, "another one").unwrap();
        // Until the change has come to rest and was read, and longer.
        let soon = tokio::time::timeout(EACH * 4, asks.recv()).await;
        assert!(soon.is_err(), "nobody asks a house that starts");
        ready.send_replace(true);
        let ask = within(asks.recv()).await.unwrap();
        let not_now = ConfigErrors::of_whole("handfast", ConfigCode::NotNow, "too many ask", "ask again");
        ask.send(Err(not_now)).unwrap();
        let ask = within(asks.recv()).await.expect("it asks again");
        ask.send(Ok(Vec::new())).unwrap();
    }
}
