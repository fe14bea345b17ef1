//! Settings of which a NAS has one set: of the UPS, of NFS and SMB, of updates.
//!
//! They are always there, so they are told apart by their values: settings that are all as the NAS came are nobody's, and others that
//! this lab did not make need `.adopt()`. What leaves the code is set back to what the NAS came with.
use crate::{
    Nas, NasReader,
    resource::{release, row::at_site, service},
};
use homelab_core::{Apply, Failure, Field, Lock, Look, NoOutputs, Resource, Secret, Site};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

type Fields = Map<String, Value>;

/// A set of settings.
pub trait Group: Serialize + Send + Sync + 'static {
    /// The kind: `truenas/ups`.
    const KIND: &'static str;
    /// The namespace: `ups`, with `.config` and `.update`.
    const TABLE: &'static str;
    /// What is sent and cannot be observed.
    const WRITE_ONLY: &'static [&'static str] = &[];
    /// The service that has to run with it.
    const SERVICE: Option<&'static str> = None;
    /// Where releases before 25.10 have one switch in the place of all these: its field, the method that tells it, and that which sets it.
    const OLD_SWITCH: Option<[&'static str; 3]> = None;
    /// Which NAS.
    fn site(&self) -> Site<Nas>;
    /// What the NAS comes with.
    fn factory() -> Value;
}

/// The switch of this NAS, if it is one of before 25.10 and has one.
async fn old_switch<T: Group>(nas: &NasReader) -> Result<Option<[&'static str; 3]>, Failure> {
    Ok(match T::OLD_SWITCH {
        Some(switch) if release::is_old(nas).await? == Some(true) => Some(switch),
        _ => None,
    })
}

/// All settings as they are. `None` while there is no NAS.
async fn config<T: Group>(nas: &NasReader) -> Result<Option<Fields>, Failure> {
    if let Some([field, get, _]) = old_switch::<T>(nas).await? {
        let on = nas.once::<Value>(get, vec![]).await?;
        return Ok(on.map(|on| Fields::from_iter([(field.to_owned(), (*on).clone())])));
    }
    let all = nas.once::<Fields>(&format!("{}.config", T::TABLE), vec![]).await?;
    Ok(all.map(|all| (*all).clone()))
}

async fn write<T: Group>(cx: &Apply<'_, Nas>, body: Fields) -> Result<(), Failure> {
    let (method, params) = match old_switch::<T>(cx).await? {
        Some([field, _, set]) => (set.to_owned(), vec![body.get(field).cloned().unwrap_or_default()]),
        None => (format!("{}.update", T::TABLE), vec![body.into()]),
    };
    cx.write(cx.permit(), &method, params).await?;
    Ok(())
}

/// Settings as a resource.
#[derive(Debug)]
pub struct Settings<T> {
    group: T,
    name: String,
}

impl<T: Group> Settings<T> {
    pub(super) fn new(group: T) -> Self {
        let name = at_site(group.site(), "settings");
        Settings { group, name }
    }

    pub(super) fn group_mut(&mut self) -> &mut T {
        &mut self.group
    }
}

impl<T: Group> Serialize for Settings<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.group.serialize(s)
    }
}

/// Settings as they were observed.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct SettingsState(Fields);

impl<T: Group> Resource for Settings<T> {
    const KIND: &'static str = T::KIND;
    const WRITE_ONLY: &'static [&'static str] = T::WRITE_ONLY;
    type Provider = Nas;
    type State = SettingsState;
    type Id = String;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.group.site()
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("{}/{}", self.group.site().name(), T::TABLE))]
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<SettingsState>, Failure> {
        Self::find(&T::TABLE.to_owned(), cx).await
    }
    async fn find(_: &String, cx: &Look<'_, Nas>) -> Result<Option<SettingsState>, Failure> {
        let Some(config) = config::<T>(cx).await? else { return Ok(None) };
        let factory = T::factory();
        let known = |field: &str| factory.get(field);
        let mut fields: Fields = config.into_iter().filter(|(k, _)| known(k).is_some()).collect();
        let untouched = fields.iter().all(|(field, value)| known(field) == Some(value));
        if let Some(service) = T::SERVICE {
            fields.insert("served".into(), service::runs(cx, service).await?.into());
        }
        Ok((!untouched).then_some(SettingsState(fields)))
    }
    fn id(_: &SettingsState) -> String {
        T::TABLE.to_owned()
    }
    fn planned_id(&self) -> Option<String> {
        Some(T::TABLE.to_owned())
    }
    async fn apply(&self, now: Option<&SettingsState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        let Value::Object(mut body) = cx.filled(&self.group)? else { return Ok(()) };
        body.remove("served");
        if let Some(now) = now {
            body.retain(|field, want| now.0.get(field) != Some(want));
        }
        if !body.is_empty() {
            write::<T>(cx, body).await?;
        }
        match T::SERVICE {
            Some(service) => service::start(cx, service).await,
            None => Ok(()),
        }
    }
    async fn delete(state: &SettingsState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        if let Some(service) = T::SERVICE {
            service::stop(cx, service).await?;
        }
        let Value::Object(mut factory) = T::factory() else { return Ok(()) };
        factory.retain(|field, value| state.0.get(field).is_some_and(|now| now != value));
        if factory.is_empty() { Ok(()) } else { write::<T>(cx, factory).await }
    }
}

/// The watch over an uninterruptible power supply (NUT).
pub type Ups = Settings<UpsGroup>;

/// What is set of it.
#[derive(Clone, Debug, Serialize)]
pub struct UpsGroup {
    mode: &'static str,
    identifier: String,
    driver: Option<String>,
    port: Option<String>,
    remotehost: Option<String>,
    remoteport: Option<u16>,
    shutdown: &'static str,
    shutdowntimer: Option<u32>,
    monuser: Option<String>,
    monpwd: Option<Secret>,
    rmonitor: Option<bool>,
    served: bool,
    #[serde(skip)]
    site: Site<Nas>,
}

impl Ups {
    fn of(site: Site<Nas>, mode: &'static str, identifier: impl Into<String>) -> UpsGroup {
        UpsGroup {
            mode,
            identifier: identifier.into(),
            driver: None,
            port: None,
            remotehost: None,
            remoteport: None,
            shutdown: "LOWBATT",
            shutdowntimer: None,
            monuser: None,
            monpwd: None,
            rmonitor: None,
            served: true,
            site,
        }
    }
    /// A UPS at this NAS: the driver as NUT lists it (`usbhid-ups`), and the port (`auto`).
    #[must_use]
    pub fn attached(
        site: Site<Nas>,
        name: impl Into<String>,
        driver: impl Into<String>,
        port: impl Into<String>,
    ) -> Ups {
        let (driver, port) = (Some(driver.into()), Some(port.into()));
        Settings::new(UpsGroup { driver, port, ..Self::of(site, "MASTER", name) })
    }
    /// A UPS at another machine that runs NUT.
    #[must_use]
    pub fn elsewhere(site: Site<Nas>, name: impl Into<String>, host: impl Into<String>) -> Ups {
        Settings::new(UpsGroup {
            remotehost: Some(host.into()),
            remoteport: Some(3493),
            ..Self::of(site, "SLAVE", name)
        })
    }
    /// The user and password of NUT.
    #[must_use]
    pub fn login(mut self, user: impl Into<String>, password: Secret) -> Ups {
        (self.group.monuser, self.group.monpwd) = (Some(user.into()), Some(password));
        self
    }
    /// Off after so many seconds on battery, and not only when it is low.
    #[must_use]
    pub fn off_after_seconds(mut self, seconds: u32) -> Ups {
        (self.group.shutdown, self.group.shutdowntimer) = ("BATT", Some(seconds));
        self
    }
    /// Other machines may watch it.
    #[must_use]
    pub fn for_others(mut self) -> Ups {
        self.group.rmonitor = Some(true);
        self
    }
}

impl Group for UpsGroup {
    const KIND: &'static str = "truenas/ups";
    const TABLE: &'static str = "ups";
    const WRITE_ONLY: &'static [&'static str] = &["monpwd"];
    const SERVICE: Option<&'static str> = Some("ups");
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn factory() -> Value {
        json!({
            "mode": "MASTER", "identifier": "ups", "driver": "", "port": "", "remotehost": "", "remoteport": 3493,
            "shutdown": "BATT", "shutdowntimer": 30, "monuser": "upsmon", "rmonitor": false,
        })
    }
}

/// How NFS is served.
pub type NfsSettings = Settings<NfsGroup>;

/// What is set of it.
#[derive(Clone, Debug, Serialize)]
pub struct NfsGroup {
    servers: Field<u32>,
    protocols: Option<Vec<&'static str>>,
    #[serde(skip)]
    site: Site<Nas>,
}

impl NfsSettings {
    /// Of this NAS.
    #[must_use]
    pub fn on(site: Site<Nas>) -> NfsSettings {
        Settings::new(NfsGroup { servers: Field::Unmanaged, protocols: None, site })
    }
    /// How many requests are served at once: 1 to 256.
    ///
    /// # Panics
    /// On other numbers.
    #[must_use]
    #[track_caller]
    pub fn servers(mut self, n: u32) -> NfsSettings {
        assert!((1..=256).contains(&n), "NFS serves 1 to 256 requests at once");
        self.group.servers = Field::Set(n);
        self
    }
    /// Version 4 alone.
    #[must_use]
    pub fn version_4_only(mut self) -> NfsSettings {
        self.group.protocols = Some(vec!["NFSV4"]);
        self
    }
}

impl Group for NfsGroup {
    const KIND: &'static str = "truenas/nfs-settings";
    const TABLE: &'static str = "nfs";
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn factory() -> Value {
        json!({"servers": null, "protocols": ["NFSV3", "NFSV4"]})
    }
}

/// How SMB is served.
pub type SmbSettings = Settings<SmbGroup>;

/// What is set of it.
#[derive(Clone, Debug, Serialize)]
pub struct SmbGroup {
    netbiosname: Option<String>,
    workgroup: Option<String>,
    aapl_extensions: Option<bool>,
    #[serde(skip)]
    site: Site<Nas>,
}

impl SmbSettings {
    /// Of this NAS.
    #[must_use]
    pub fn on(site: Site<Nas>) -> SmbSettings {
        Settings::new(SmbGroup { netbiosname: None, workgroup: None, aapl_extensions: None, site })
    }
    /// The name under which it shows itself: at most 15 characters.
    ///
    /// # Panics
    /// On longer names.
    #[must_use]
    #[track_caller]
    pub fn named(mut self, name: impl Into<String>) -> SmbSettings {
        let name = name.into();
        assert!((1..=15).contains(&name.len()), "a NetBIOS name has 1 to 15 characters");
        self.group.netbiosname = Some(name);
        self
    }
    /// The workgroup.
    #[must_use]
    pub fn workgroup(mut self, name: impl Into<String>) -> SmbSettings {
        self.group.workgroup = Some(name.into());
        self
    }
    /// What Macs need, Time Machine above all.
    #[must_use]
    pub fn for_macs(mut self) -> SmbSettings {
        self.group.aapl_extensions = Some(true);
        self
    }
}

impl Group for SmbGroup {
    const KIND: &'static str = "truenas/smb-settings";
    const TABLE: &'static str = "smb";
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn factory() -> Value {
        json!({"netbiosname": "truenas", "workgroup": "WORKGROUP", "aapl_extensions": false})
    }
}

/// Whether the NAS looks for updates by itself (before 25.10: and fetches them). It never installs one.
///
/// `update.update`, by which this is set from 25.10 on, is the update itself in 25.04: there the switch has methods of its own.
pub type UpdateSettings = Settings<UpdateGroup>;

/// What is set of it.
#[derive(Clone, Debug, Serialize)]
pub struct UpdateGroup {
    autocheck: bool,
    #[serde(skip)]
    site: Site<Nas>,
}

impl UpdateSettings {
    /// It does not look by itself.
    #[must_use]
    pub fn by_hand(site: Site<Nas>) -> UpdateSettings {
        Settings::new(UpdateGroup { autocheck: false, site })
    }
}

impl Group for UpdateGroup {
    const KIND: &'static str = "truenas/updates";
    const TABLE: &'static str = "update";
    const OLD_SWITCH: Option<[&'static str; 3]> =
        Some(["autocheck", "update.get_auto_download", "update.set_auto_download"]);
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn factory() -> Value {
        json!({"autocheck": true})
    }
}
