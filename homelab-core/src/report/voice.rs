//! The one place that prints: whole texts, without secrets, in colour or not.
use crate::{plan::Palette, redact::Redactor, secret::SecretValue};
use std::{
    fmt::Display,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

/// A stream to which text is said. Clones share it.
#[derive(Clone)]
pub struct Voice {
    stream: Arc<Mutex<Stream>>,
    redactor: Redactor,
    palette: Palette,
}

struct Stream {
    write: Box<dyn Write + Send>,
    failed: Option<io::Error>,
}

impl Voice {
    /// A voice over a stream.
    #[must_use]
    pub fn new(write: Box<dyn Write + Send>, redactor: Redactor, palette: Palette) -> Self {
        Voice { stream: Arc::new(Mutex::new(Stream { write, failed: None })), redactor, palette }
    }

    /// How it paints.
    #[must_use]
    pub fn palette(&self) -> Palette {
        self.palette
    }

    /// What it leaves out.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// A line, or several.
    pub fn line(&self, text: impl Display) {
        self.text(format!("{text}\n"));
    }

    /// Text without a line's end of its own.
    pub fn text(&self, text: impl Display) {
        let text = text.to_string();
        self.write(&self.redactor.redact(&text));
    }

    /// A secret, as it is: for somebody who asked to see it.
    pub(crate) fn reveal(&self, value: &SecretValue) {
        self.write(value.expose());
        if !value.expose().ends_with('\n') {
            self.write("\n");
        }
    }

    fn write(&self, text: &str) {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        if stream.failed.is_none() {
            let written = stream.write.write_all(text.as_bytes()).and_then(|()| stream.write.flush());
            stream.failed = written.err();
        }
    }

    /// Why nothing more could be said, if something was lost that somebody wanted to hear: a reader that went away did not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream.failed.as_ref().filter(|e| e.kind() != io::ErrorKind::BrokenPipe).map(ToString::to_string)
    }
}
