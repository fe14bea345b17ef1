//! Events for programs: one JSON object a line.
use super::{Event, Reporter, voice::Voice};

/// Prints every event as a line of JSON.
pub struct Json(pub Voice);

impl Reporter for Json {
    fn report(&self, event: &Event) {
        let mut value = serde_json::to_value(event).unwrap_or_default();
        // Text by text, so that what is left stays JSON.
        self.0.redactor().clean_value(&mut value);
        self.0.line(value);
    }
}
