//! Reading the configuration again, for whoever asks: HTTP, the console, SIGHUP. `app` does it, one at a time.

use tokio::sync::{mpsc, oneshot};

use crate::config::change::Change;
use crate::config::{ConfigCode, ConfigErrors};

/// What came of it: every difference, or why nothing was changed.
pub type Reloaded = Result<Vec<Change>, ConfigErrors>;

/// Who waits for the answer.
pub type Ask = oneshot::Sender<Reloaded>;

/// Asks that wait at most; who comes then is told to ask again.
const ASKS_MAX: usize = 16;

/// Asks for the configuration to be read again.
#[derive(Clone, Debug)]
pub struct Reloads(mpsc::Sender<Ask>);

impl Reloads {
    /// And where the asks arrive.
    pub fn new() -> (Self, mpsc::Receiver<Ask>) {
        let (sender, receiver) = mpsc::channel(ASKS_MAX);
        (Self(sender), receiver)
    }

    /// Reads, checks and connects to new backends; then everything that can be changed is changed, or nothing.
    ///
    /// # Errors
    /// Every fault, told as at the start; the configuration that ran goes on running.
    pub async fn reload(&self) -> Reloaded {
        let (answer, answered) = oneshot::channel();
        let not_now = |what: &str| {
            let title = format!("the configuration cannot be read again now: {what}");
            ConfigErrors::of_whole("handfast", ConfigCode::NotNow, title, "ask again when Handfast serves clients")
        };
        self.0.try_send(answer).map_err(|_| not_now("too many ask for it, or Handfast is stopping"))?;
        answered.await.map_err(|_| not_now("Handfast is stopping"))?
    }
}
