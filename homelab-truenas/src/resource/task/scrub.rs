//! [`ScrubTask`]: reading a whole pool at set times, to find and mend what has rotted.
use crate::{
    Nas,
    resource::{
        Fields, Pool,
        row::{Entry, Row, RowOutputs},
        schedule::{Schedule, plain},
    },
};
use homelab_core::{AnyHandle, Handle, Output, Site};
use serde::Serialize;
use serde_json::{Value, json};

/// The scrubs of a pool. The NAS makes a task together with the pool; this is that one, with times of one's own. When it leaves
/// the code the pool has the NAS's own times again: Sunday at midnight, at most every 35 days.
pub type ScrubTask = Entry<Scrub>;

/// What a scrub task is.
#[derive(Clone, Debug, Serialize)]
pub struct Scrub {
    pool: Output<u64>,
    schedule: Schedule,
    threshold: u32,
    description: Option<String>,
    enabled: bool,
    #[serde(skip)]
    handle: Handle<Pool>,
}

impl ScrubTask {
    /// Scrubs of this pool at these times.
    #[must_use]
    pub fn of(pool: Handle<Pool>, schedule: Schedule) -> ScrubTask {
        // With a threshold of its own a weekly scrub would be skipped four times of five.
        Entry(Scrub { pool: pool.id(), schedule, threshold: 0, description: None, enabled: true, handle: pool })
    }
    /// Only if the last one is at least so many days ago.
    #[must_use]
    pub fn at_most_every_days(mut self, days: u32) -> ScrubTask {
        self.0.threshold = days;
        self
    }
}

impl Row for Scrub {
    const KIND: &'static str = "truenas/scrub";
    const TABLE: &'static str = "pool.scrub";
    const KEY: &'static [&'static str] = &["pool"];
    const MARK: Option<&'static str> = Some("description");
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        "scrub"
    }
    fn site(&self) -> Site<Nas> {
        self.handle.site()
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.handle.into())
    }
    fn key(&self) -> impl Serialize + Send {
        (self.pool,)
    }
    fn observed(mut row: Fields) -> Fields {
        row.get_mut("schedule").into_iter().for_each(plain);
        row
    }
    fn given() -> Option<Fields> {
        let given = json!({
            "schedule": {"minute": "00", "hour": "00", "dom": "*", "month": "*", "dow": "7"},
            "threshold": 35,
            "description": "",
            "enabled": true,
        });
        match given {
            Value::Object(fields) => Some(fields),
            _ => None,
        }
    }
}
