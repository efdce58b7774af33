//! What a person wants to be told, and by which channel.

use std::collections::BTreeMap;

use kvartal_kernel::{Error, Violation};

use super::{Channels, Kind};

/// What a person wants for one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Choice {
    /// Which kind.
    pub kind: Kind,
    /// By which channels.
    pub channels: Channels,
}

/// What a person wants; kinds never chosen take every channel they can.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Preferences(BTreeMap<Kind, Channels>);

impl Preferences {
    /// From what is stored.
    pub(crate) fn new(choices: impl IntoIterator<Item = Choice>) -> Self {
        Self(choices.into_iter().map(|choice| (choice.kind, choice.channels)).collect())
    }

    /// The channels a kind takes.
    pub(crate) fn channels(&self, kind: Kind) -> Channels {
        let possible = kind.channels();
        match self.0.get(&kind) {
            Some(chosen) if !kind.is_critical() => {
                Channels { in_app: possible.in_app && chosen.in_app, email: possible.email && chosen.email }
            }
            _ => possible,
        }
    }

    /// Every kind with its channels.
    pub(crate) fn choices(&self) -> Vec<Choice> {
        Kind::ALL.into_iter().map(|kind| Choice { kind, channels: self.channels(kind) }).collect()
    }
}

/// Refuses what cannot be chosen; the violations name the fields of the request.
pub(crate) fn check(choices: &[Choice]) -> Result<(), Error> {
    let mut violations = Vec::new();
    for (index, choice) in choices.iter().enumerate() {
        let mut wrong = |field: &str, description: &str| {
            let field = format!("preferences[{index}].{field}");
            violations.push(Violation { field, description: description.to_owned() });
        };
        let possible = choice.kind.channels();
        let pairs =
            [("in_app", choice.channels.in_app, possible.in_app), ("email", choice.channels.email, possible.email)];
        for (field, wanted, possible) in pairs {
            if wanted && !possible {
                wrong(field, "this kind does not take this channel");
            } else if !wanted && possible && choice.kind.is_critical() {
                wrong(field, "this kind is critical and cannot be switched off");
            }
        }
        if choices.iter().take(index).any(|before| before.kind == choice.kind) {
            wrong("kind", "each kind can be named once");
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(Error::violations(violations)) }
}
