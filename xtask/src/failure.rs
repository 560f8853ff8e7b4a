//! How a command of the toolbox fails: with what happened and what to do about it.

use std::fmt;

/// What a command or a step ends with.
pub type Outcome<T = ()> = Result<T, Failure>;

/// A failure that a person can act on.
#[derive(Debug, Clone)]
pub struct Failure {
    what: String,
    advice: String,
    told: bool,
}

impl Failure {
    /// Says what happened and, in a full sentence, what to do.
    pub fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: advice.into(), told: false }
    }

    /// A failure whose reason stands on the screen already.
    pub fn told() -> Self {
        Self { what: String::new(), advice: String::new(), told: true }
    }

    /// Tells whether the reason stands on the screen already.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// Says that a file could not be read or written.
    pub fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(
            format!("cannot {doing} {}: {error}", path.display()),
            "Check that the folder exists, belongs to you and that the disk is not full.",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}\n  → {}", self.what, self.advice)
    }
}
