//! What the visitor sees: plain lines, and a progress line on a terminal only.

use std::io::{BufRead, IsTerminal, Write};

use super::DemoArgs;

pub(super) struct Screen {
    terminal: bool,
    check: bool,
    step: bool,
}

impl Screen {
    pub(super) fn new(args: &DemoArgs) -> Self {
        Self { terminal: std::io::stdout().is_terminal(), check: args.check, step: args.step && !args.check }
    }

    /// Somebody is there to try things.
    pub(super) fn interactive(&self) -> bool {
        self.terminal && !self.check && std::io::stdin().is_terminal()
    }

    pub(super) fn line(&self, text: &str) {
        // A reader that went away (`| head`) is no reason to stop cleaning up.
        writeln!(std::io::stdout().lock(), "{text}").unwrap_or(());
    }

    /// An act's headline; with `--step` it waits for Enter.
    pub(super) fn act(&self, text: &str) {
        self.line(&format!("\n{text}"));
        if self.step {
            let mut out = std::io::stdout().lock();
            write!(out, "  [Enter]").and_then(|()| out.flush()).unwrap_or(());
            let mut line = String::new();
            if std::io::stdin().lock().read_line(&mut line).is_err() {
                line.clear();
            }
        }
    }

    /// Draws over the last progress line.
    pub(super) fn progress(&self, done: u64, all: u64) {
        if !self.terminal {
            return;
        }
        let filled = usize::try_from(done * 30 / all.max(1)).unwrap_or(30).min(30);
        let (full, empty) = ("=".repeat(filled), " ".repeat(30 - filled));
        let mut out = std::io::stdout().lock();
        let end = if done >= all { "\n" } else { "" };
        write!(out, "\r     [{full}{empty}] {done}/{all}{end}").and_then(|()| out.flush()).unwrap_or(());
    }
}

pub(super) fn complain(text: &str) {
    writeln!(std::io::stderr().lock(), "{text}").unwrap_or(());
}
