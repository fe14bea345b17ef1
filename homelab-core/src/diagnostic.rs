//! What is wrong with a lab before anything was touched: every problem, with its places in the code and the way out.
use std::{fmt, panic::Location};

/// One problem of a lab's code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, one line.
    pub message: String,
    /// The resources concerned: key and place of declaration.
    pub places: Vec<Place>,
    /// The way out, one line.
    pub hint: Option<String>,
    /// Whether it stops the lab, or is only said.
    pub severity: Severity,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The lab is not valid.
    Error,
    /// The lab works, but somebody will be sorry.
    Warning,
}

/// A resource and where it is declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The resource.
    pub key: String,
    /// The line that added it.
    pub at: &'static Location<'static>,
}

impl Diagnostic {
    /// An error.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Diagnostic { message: message.into(), places: vec![], hint: None, severity: Severity::Error }
    }

    /// A warning.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(message) }
    }

    /// The same, naming one more resource.
    #[must_use]
    pub fn at(mut self, key: impl Into<String>, at: &'static Location<'static>) -> Self {
        self.places.push(Place { key: key.into(), at });
        self
    }

    /// The same with the way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.message)?;
        for place in &self.places {
            write!(f, "\n  --> {}:{}: {}", place.at.file(), place.at.line(), place.key)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Everything that is wrong with a lab.
#[derive(Debug)]
pub struct Invalid(pub Vec<Diagnostic>);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, d) in self.0.iter().enumerate() {
            write!(f, "{}{d}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}
impl std::error::Error for Invalid {}
