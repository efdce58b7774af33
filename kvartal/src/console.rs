//! What the commands say to the person at the terminal: one look for all of them.

use std::fmt::Display;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

/// Writes lines to standard output, with colour only where somebody sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    colour: bool,
    terminal: bool,
}

/// How a line begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Glyph {
    /// A step that is done.
    Step,
    /// Good news.
    Good,
    /// Worth knowing.
    Warning,
    /// Bad news.
    Bad,
    /// Left out.
    Skipped,
}

impl Console {
    /// `no_color` comes from the option or from the NO_COLOR variable.
    pub(crate) fn new(no_color: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self { colour: terminal && !no_color, terminal }
    }

    /// A bar for people, gone when it is dropped; nothing into files and pipes.
    pub(crate) fn progress(self, steps: u64, what: &'static str) -> ProgressBar {
        if !self.terminal || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(steps).with_message(what).with_finish(ProgressFinish::AndClear);
        match ProgressStyle::with_template("  {bar:30} {pos}/{len} {wide_msg}") {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        }
    }

    /// One line as it is.
    pub(crate) fn line(self, text: impl Display) {
        // A closed pipe is no reason to fail: nobody is left to read the complaint.
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{text}");
        let _ = out.flush();
    }

    /// `  ▸ identity       ready                          0.12 s`
    pub(crate) fn step(self, glyph: Glyph, name: &str, text: &str, took: Duration) {
        let seconds = format!("{:.2} s", took.as_secs_f64());
        self.line(format_args!("  {} {name:<14} {text:<46} {seconds:>8}", self.glyph(glyph)));
    }

    /// `  ✓ ready in 0.9 s`
    pub(crate) fn say(self, glyph: Glyph, text: impl Display) {
        self.line(format_args!("  {} {text}", self.glyph(glyph)));
    }

    /// `    Page           http://127.0.0.1:8080`
    pub(crate) fn fact(self, name: &str, value: impl Display) {
        self.line(format_args!("    {:<14} {value}", name));
    }

    /// Emphasised where there is colour.
    pub(crate) fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// The sign a line begins with; always one column wide.
    pub(crate) fn glyph(self, glyph: Glyph) -> String {
        let (code, sign) = match glyph {
            Glyph::Step => ("36", "▸"),
            Glyph::Good => ("32", "✓"),
            Glyph::Warning => ("33", "!"),
            Glyph::Bad => ("31", "✗"),
            Glyph::Skipped => ("2", "–"),
        };
        self.paint(code, sign)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}
