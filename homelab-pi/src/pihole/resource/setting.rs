//! One setting of Pi-hole's configuration. A value that somebody chose in the web page is not overwritten unless that is said.
use super::{Appliance, BEHIND, Behind, one_at_a_time};
use crate::pihole::Pihole;
use homelab_core::{
    Apply, Claim, Failure, Lock, Look, Mark, NoOutputs, Owner, Resource, Site,
    plan::{Action, Change, Note, NoteKind},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Settings that have a resource of their own, or that must not be set at all, with the way out.
const NOT_HERE: [(&str, &str); 6] = [
    ("dns.hosts", "declare each as a `DnsRecord`"),
    ("dns.cnameRecords", "declare each as a `Cname`"),
    ("webserver.api.password", "declare it as `Password`, from a secret"),
    ("webserver.api.pwhash", "declare the `Password`; Pi-hole takes any text for a hash, and then nobody can log in"),
    ("webserver.api.app_pwhash", "make an app password in the web page; its hash is a secret"),
    ("webserver.api.totp_secret", "set it up in the web page; it is a secret"),
];

/// One setting, by its path.
///
/// ```
/// use homelab_core::{Lab, Site};
/// use homelab_pi::pihole::{Appliance, Setting};
/// const PIHOLE: Appliance = Appliance::of(Site::named("pihole"));
/// let mut lab = Lab::named("home");
/// lab.add(Setting::on(PIHOLE, "dns.rateLimit.count", 5000));
/// ```
#[derive(Debug, Serialize)]
pub struct Setting {
    #[serde(skip)]
    key: String,
    #[serde(skip)]
    site: Site<Pihole>,
    path: String,
    value: Value,
    #[serde(skip_serializing_if = "Behind::is_nothing")]
    behind: Behind,
}

impl Setting {
    /// The setting at `path` has this value: `dns.upstreams`, `dns.rateLimit.count`.
    ///
    /// # Panics
    /// When it has a resource of its own, or is a secret.
    #[must_use]
    #[track_caller]
    pub fn on(pihole: impl Into<Appliance>, path: &str, value: impl Into<Value>) -> Setting {
        let on = pihole.into();
        let other = NOT_HERE.iter().find(|(own, _)| *own == path || own.starts_with(&format!("{path}.")));
        if let Some((own, way)) = other {
            panic!("`{own}` is not a setting to be declared here: {way}");
        }
        Setting {
            key: on.name(path),
            site: on.site(),
            path: path.to_owned(),
            value: value.into(),
            behind: Behind::of(on),
        }
    }
}

/// A setting as it was seen.
#[derive(Debug, Serialize)]
pub struct SettingState {
    /// Its path.
    pub path: String,
    /// Its value.
    pub value: Value,
    #[serde(skip)]
    default: Value,
    #[serde(skip)]
    is_forced: bool,
    #[serde(skip)]
    restarts: bool,
    /// Ours if nobody has touched it: nothing is taken over then.
    #[serde(skip)]
    mark: Option<Mark>,
}

/// How a setting is found again.
#[derive(Debug, Serialize, Deserialize)]
pub struct SettingId {
    path: String,
}

async fn state(path: &str, cx: &Look<'_, Pihole>) -> Result<SettingState, Failure> {
    let leaf = cx.setting(path).await?.ok_or_else(|| {
        Failure::new(format!("this Pi-hole knows no setting `{path}`"))
            .hint("see the names in its web page (Settings, All settings); Pi-hole itself would have taken it and said nothing")
    })?;
    Ok(SettingState {
        path: path.to_owned(),
        value: leaf["value"].clone(),
        default: leaf["default"].clone(),
        is_forced: leaf["flags"]["env_var"] == true,
        restarts: leaf["flags"]["restart_dnsmasq"] == true,
        mark: None,
    })
}

impl Resource for Setting {
    const KIND: &'static str = "pi/setting";
    const WRITE_ONLY: &'static [&'static str] = BEHIND;
    type Provider = Pihole;
    type State = SettingState;
    type Id = SettingId;
    type Outputs = NoOutputs;

    fn name(&self) -> &str {
        &self.key
    }
    fn site(&self) -> Site<Pihole> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("setting", &self.path).within(self.site.name())]
    }
    fn locks(&self) -> Vec<Lock> {
        one_at_a_time(self.site)
    }
    fn review(&self, now: Option<&SettingState>, action: Action, _: &[Change]) -> Vec<Note> {
        let Some(now) = now else { return vec![] };
        let mut notes = vec![];
        if now.is_forced && action != Action::Delete {
            notes.push(
                Note::refused("the Pi's own configuration forces this setting")
                    .hint("change it there (FTLCONF_.. of the service), or leave it out here"),
            );
        }
        if now.restarts {
            let text = "Pi-hole starts its name service anew: no answers for about a second";
            notes.push(Note::new(NoteKind::Downtime, text));
        }
        notes
    }

    /// A setting always is there. One that nobody has touched counts as not made yet, so that it can be made without taking
    /// anything over.
    async fn read(&self, cx: &Look<'_, Pihole>) -> Result<Option<SettingState>, Failure> {
        if !self.behind.is_open(cx) {
            return Ok(None);
        }
        let mut state = state(&self.path, cx).await?;
        if state.value == state.default {
            if state.value != self.value && !state.is_forced {
                return Ok(None);
            }
            state.mark = Some(cx.mark().clone());
        }
        Ok(Some(state))
    }

    async fn find(id: &SettingId, cx: &Look<'_, Pihole>) -> Result<Option<SettingState>, Failure> {
        let state = state(&id.path, cx).await?;
        Ok((state.value != state.default).then_some(state))
    }

    fn id(state: &SettingState) -> SettingId {
        SettingId { path: state.path.clone() }
    }
    fn planned_id(&self) -> Option<SettingId> {
        Some(SettingId { path: self.path.clone() })
    }
    fn owner(state: &SettingState) -> Owner {
        state.mark.clone().map_or(Owner::Unmarkable, Owner::Marked)
    }

    async fn apply(&self, now: Option<&SettingState>, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        let restarts = match now {
            Some(now) => now.restarts,
            None => cx.restarts(&self.path).await?,
        };
        set(cx, &self.path, &self.value, restarts).await
    }

    /// Back to what it was before anybody touched it.
    async fn delete(state: &SettingState, cx: &Apply<'_, Pihole>) -> Result<(), Failure> {
        set(cx, &state.path, &state.default, state.restarts).await
    }
}

async fn set(cx: &Apply<'_, Pihole>, path: &str, value: &Value, restarts: bool) -> Result<(), Failure> {
    let tree = path.rsplit('.').fold(value.clone(), |inner, name| json!({ name: inner }));
    let _held = cx.writing().await;
    cx.configure(cx.permit(), tree, restarts).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "declare each as a `DnsRecord`")]
    fn what_has_a_resource_of_its_own_is_not_set_as_a_whole() {
        let _ = Setting::on(Site::named("pihole"), "dns", json!({}));
    }

    #[test]
    #[should_panic(expected = "nobody can log in")]
    fn the_hash_of_a_password_is_never_sent() {
        let _ = Setting::on(Site::named("pihole"), "webserver.api.pwhash", "x");
    }
}
