//! Named steps with their times; all of them run, then the failures are listed.

use std::time::{Duration, Instant};

/// A run of steps.
pub(crate) struct Steps {
    /// Only steps with this in their names.
    only: Option<String>,
    begun: Instant,
    done: Vec<(String, Duration, Outcome)>,
}

/// How a step ended.
enum Outcome {
    Good,
    /// With the reason.
    Skipped(String),
    /// With what to do about it.
    Failed(String),
}

/// What a step returns: nothing, or why it was not done.
pub(crate) enum Done {
    Yes,
    Skipped(String),
}

impl Steps {
    /// None yet; steps whose names do not hold `only` are passed over.
    pub(crate) fn new(only: Option<&str>) -> Self {
        Self { only: only.map(str::to_owned), begun: Instant::now(), done: Vec::new() }
    }

    /// Runs a step and says so. `cure` is what to do when it fails.
    pub(crate) fn step(&mut self, name: &str, cure: &str, work: impl FnOnce() -> anyhow::Result<Done>) {
        if self.only.as_deref().is_some_and(|only| !name.contains(only)) {
            return;
        }
        eprintln!("\n== {name}");
        let begun = Instant::now();
        let outcome = match work() {
            Ok(Done::Yes) => Outcome::Good,
            Ok(Done::Skipped(why)) => Outcome::Skipped(why),
            Err(error) => Outcome::Failed(format!("{error:#}; {cure}")),
        };
        if let Outcome::Failed(why) = &outcome {
            eprintln!("{name} failed: {why}");
        }
        self.done.push((name.to_owned(), begun.elapsed(), outcome));
    }

    /// Prints the summary; an error when a step failed.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        eprintln!("\n== summary ({})", time(self.begun.elapsed()));
        anyhow::ensure!(!self.done.is_empty(), "no step is called so");
        let mut failures = 0;
        for (name, took, outcome) in &self.done {
            let (mark, note) = match outcome {
                Outcome::Good => ("ok", ""),
                Outcome::Skipped(why) => ("not run", why.as_str()),
                Outcome::Failed(why) => ("FAILED", why.as_str()),
            };
            failures += usize::from(mark == "FAILED");
            eprintln!("{mark:>8}  {:>9}  {name}{}{note}", time(*took), if note.is_empty() { "" } else { ": " });
        }
        anyhow::ensure!(failures == 0, "{failures} of {} steps failed", self.done.len());
        Ok(())
    }
}

/// `3 min 07 s`.
fn time(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..60 => format!("{seconds}.{} s", duration.subsec_millis() / 100),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}
