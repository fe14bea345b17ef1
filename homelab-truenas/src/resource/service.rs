//! [`Service`]: a service of the NAS that runs now and starts with it.
use super::{release, row::at_site};
use crate::{Nas, NasReader, work};
use data_encoding::BASE64;
use homelab_core::{Apply, Failure, Lock, Look, Resource, Site, outputs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A service.
///
/// A service that runs already and was not started by this lab needs `.adopt()`. When it leaves the code it is stopped.
#[derive(Debug, Serialize)]
pub struct Service {
    running: bool,
    #[serde(skip)]
    service: &'static str,
    #[serde(skip)]
    name: String,
    #[serde(skip)]
    site: Site<Nas>,
}

/// A service without a NAS.
#[derive(Clone, Copy, Debug)]
pub struct ServiceOf(&'static str);

impl Service {
    /// Secure shell: replication needs it on the far end.
    #[must_use]
    pub const fn ssh() -> ServiceOf {
        ServiceOf("ssh")
    }
    /// NFS. Shares start it themselves.
    #[must_use]
    pub const fn nfs() -> ServiceOf {
        ServiceOf("nfs")
    }
    /// SMB. Shares start it themselves.
    #[must_use]
    pub const fn smb() -> ServiceOf {
        ServiceOf("cifs")
    }
    /// iSCSI. Targets start it themselves.
    #[must_use]
    pub const fn iscsi() -> ServiceOf {
        ServiceOf("iscsitarget")
    }
    /// The watch over an uninterruptible power supply. [`Ups`](super::Ups) starts it itself.
    #[must_use]
    pub const fn ups() -> ServiceOf {
        ServiceOf("ups")
    }
}

impl ServiceOf {
    /// On this NAS.
    #[must_use]
    pub fn on(self, site: Site<Nas>) -> Service {
        Service { running: true, service: self.0, name: at_site(site, self.0), site }
    }
}

/// A service as it was observed.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceState {
    running: bool,
    /// The public key by which the NAS proves who it is, of `ssh`.
    pub host_key: Option<String>,
    #[serde(skip)]
    service: String,
}

outputs!(
    /// What a service is known by.
    ServiceOutputs of ServiceState {
        /// The public key by which the NAS proves who it is: `ssh-ed25519 AAAA...`. Only of [`Service::ssh`].
        host_key: String,
    }
);

#[derive(Deserialize)]
struct Listed {
    service: String,
    enable: bool,
    state: String,
}

/// Whether a service runs and starts with the NAS.
pub(super) async fn runs(nas: &NasReader, service: &str) -> Result<bool, Failure> {
    let rows = nas.query::<Listed>("service.query").await?;
    let mut rows = rows.iter().flat_map(|rows| rows.iter());
    Ok(rows.any(|row| row.service == service && row.enable && row.state == "RUNNING"))
}

/// Has a service run, now and after each start of the NAS.
pub(super) async fn start(cx: &Apply<'_, Nas>, service: &str) -> Result<(), Failure> {
    let rows = cx.query::<Listed>("service.query").await?;
    let row = rows.iter().flat_map(|rows| rows.iter()).find(|row| row.service == service);
    if row.is_none_or(|row| !row.enable) {
        cx.write(cx.permit(), "service.update", vec![json!(service), json!({"enable": true})]).await?;
    }
    if row.is_none_or(|row| row.state != "RUNNING") {
        control(cx, "START", service).await?;
    }
    Ok(())
}

/// Stops a service, now and for good.
pub(super) async fn stop(cx: &Apply<'_, Nas>, service: &str) -> Result<(), Failure> {
    cx.write(cx.permit(), "service.update", vec![json!(service), json!({"enable": false})]).await?;
    control(cx, "STOP", service).await
}

/// Starts, stops or restarts a service. A failure shows in the result and not as an error.
async fn control(cx: &Apply<'_, Nas>, verb: &str, service: &str) -> Result<(), Failure> {
    // Until 25.10 there was a method for each verb, and none of them a job.
    let done = if release::is_old(cx).await? == Some(true) {
        cx.write(cx.permit(), &format!("service.{}", verb.to_lowercase()), vec![json!(service)]).await?
    } else {
        work(cx, "service.control", vec![json!(verb), json!(service)]).await?
    };
    if done == json!(false) && verb != "STOP" {
        return Err(Failure::new(format!("{verb} of the service {service}: it does not run"))
            .hint("look at the NAS's log for the reason: `journalctl -u` and the service's unit"));
    }
    Ok(())
}

/// The host key, as the NAS itself tells it over the API: nobody in between can have changed it.
async fn host_key(nas: &NasReader) -> Result<Option<String>, Failure> {
    let config = nas.once::<Value>("ssh.config", vec![]).await?;
    let text = config.as_ref().and_then(|config| config.get("host_ed25519_key_pub")?.as_str()).unwrap_or_default();
    // It is kept as a line in base64; a line itself has spaces.
    let decoded = BASE64.decode(text.trim().as_bytes()).ok().and_then(|line| String::from_utf8(line).ok());
    let line = decoded.unwrap_or_else(|| text.to_owned());
    let key = line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    Ok(Some(key).filter(|key| !key.is_empty()))
}

impl Resource for Service {
    const KIND: &'static str = "truenas/service";
    type Provider = Nas;
    type State = ServiceState;
    type Id = String;
    type Outputs = ServiceOutputs;

    fn name(&self) -> &str {
        &self.name
    }
    fn site(&self) -> Site<Nas> {
        self.site
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("{}/service/{}", self.site.name(), self.service))]
    }
    async fn read(&self, cx: &Look<'_, Nas>) -> Result<Option<ServiceState>, Failure> {
        Self::find(&self.service.to_owned(), cx).await
    }
    /// One that is off is not there: nobody has turned it on.
    async fn find(service: &String, cx: &Look<'_, Nas>) -> Result<Option<ServiceState>, Failure> {
        let Some(rows) = cx.query::<Listed>("service.query").await? else { return Ok(None) };
        let row = rows.iter().find(|row| row.service == *service && (row.enable || row.state == "RUNNING"));
        let Some(row) = row else { return Ok(None) };
        let host_key = if service == "ssh" { host_key(cx).await? } else { None };
        Ok(Some(ServiceState { running: row.enable && row.state == "RUNNING", host_key, service: service.clone() }))
    }
    fn id(state: &ServiceState) -> String {
        state.service.clone()
    }
    fn planned_id(&self) -> Option<String> {
        Some(self.service.to_owned())
    }
    async fn apply(&self, _: Option<&ServiceState>, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        start(cx, self.service).await
    }
    async fn delete(state: &ServiceState, cx: &Apply<'_, Nas>) -> Result<(), Failure> {
        stop(cx, &state.service).await
    }
}
