//! [`DiskTest`]: disks that test themselves.
use crate::{
    Nas,
    resource::{
        Fields,
        row::{Entry, Row, RowOutputs, at_site},
        schedule::{Schedule, plain},
    },
};
use homelab_core::Site;
use serde::Serialize;

/// A SMART test of every disk at set times, as a cron job that calls `smartctl`.
///
/// TrueNAS 25.10 has no schedule of tests any more: its own were turned into cron jobs that call a private method. `smartctl` is there
/// in 25.04 and in 25.10, and is what those call in the end. Until 25.10 the NAS reports what it finds by itself; from then on the
/// outcome is in `smartctl -l selftest`.
pub type DiskTest = Entry<Test>;

/// A test without a NAS.
#[derive(Clone, Copy, Debug)]
pub struct DiskTestOf(&'static str);

/// What a test is.
#[derive(Clone, Debug, Serialize)]
pub struct Test {
    command: String,
    user: &'static str,
    schedule: Schedule,
    enabled: bool,
    description: &'static str,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

impl DiskTest {
    /// A few minutes: electronics and a small part of the surface.
    #[must_use]
    pub const fn short() -> DiskTestOf {
        DiskTestOf("short")
    }
    /// Hours: the whole surface. The disk works on meanwhile.
    #[must_use]
    pub const fn long() -> DiskTestOf {
        DiskTestOf("long")
    }
}

impl DiskTestOf {
    /// Of all disks of this NAS, at these times.
    #[must_use]
    pub fn on(self, site: Site<Nas>, schedule: Schedule) -> DiskTest {
        let test = self.0;
        Entry(Test {
            command: format!("smartctl --scan | while read -r disk _; do smartctl -t {test} \"$disk\"; done"),
            user: "root",
            schedule,
            enabled: true,
            description: "SMART test of all disks.",
            name: at_site(site, test),
            site,
        })
    }
}

impl Row for Test {
    const KIND: &'static str = "truenas/disk-test";
    const TABLE: &'static str = "cronjob";
    const KEY: &'static [&'static str] = &["command"];
    const MARK: Option<&'static str> = Some("description");
    type Outputs = RowOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn key(&self) -> impl Serialize + Send {
        (&self.command,)
    }
    fn observed(mut row: Fields) -> Fields {
        row.get_mut("schedule").into_iter().for_each(plain);
        row
    }
}
